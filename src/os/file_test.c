/* Tests of os/file.h. */
#include "os/file.h"

#include "base/mem.h"
#include "base/test.h"
#include "os/test_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_file(const char *path, Str content)
{
    Err err;
    CHECK_OK(file_write_atomic(path, content, 0644, &err), &err);
}

static size_t count_entries(const TestDir *dir)
{
    Arena arena;
    Str *names;
    size_t count;
    Err err;
    arena_init(&arena, MIB);
    CHECK_OK(dir_list(dir->path, &arena, &names, &count, &err), &err);
    arena_done(&arena);
    return count;
}

TEST(file, what_was_written_is_read_back_with_its_mode)
{
    TestDir dir;
    Arena arena;
    Err err;
    Str back;
    test_dir_make(&dir);
    arena_init(&arena, 4 * MIB);
    const char *path = test_dir_path(&dir, "file");
    static char large[100001];
    memset(large, 'x', sizeof(large));
    const Str contents[] = {S(""), S("short"), {.ptr = "a\0b", .len = 3}, {large, sizeof(large)}};
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        CHECK_OK(file_write_atomic(path, contents[i], 0640, &err), &err);
        CHECK_OK(file_read(path, MIB, &arena, &back, &err), &err);
        CHECK_STR(back, contents[i]);
        CHECK_I64(back.ptr[back.len], 0);
        struct stat status;
        CHECK(stat(path, &status) == 0 && (status.st_mode & 07777) == 0640);
    }
    CHECK_U64(count_entries(&dir), 1); /* no temporary file left */
    arena_done(&arena);
    test_dir_remove(&dir);
}

TEST(file, the_limit_is_the_last_byte_that_may_be_read)
{
    TestDir dir;
    Arena arena;
    Err err;
    Str back = S("untouched");
    test_dir_make(&dir);
    arena_init(&arena, MIB);
    const char *path = test_dir_path(&dir, "file");
    write_file(path, S("12345"));
    CHECK_OK(file_read(path, 5, &arena, &back, &err), &err);
    CHECK_STR(back, S("12345"));
    back = S("untouched");
    CHECK(!file_read(path, 4, &arena, &back, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK_STR(back, S("untouched"));
    CHECK(!file_read("/dev/zero", 100000, &arena, &back, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    Arena tiny;
    arena_init(&tiny, 3);
    CHECK(!file_read(path, 100, &tiny, &back, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    arena_done(&tiny);
    arena_done(&arena);
    test_dir_remove(&dir);
}

TEST(file, a_missing_file_is_not_found_and_a_folder_is_no_file)
{
    Arena arena;
    Err err;
    Str back;
    arena_init(&arena, MIB);
    CHECK(!file_read("/nonexistent/x", 100, &arena, &back, &err));
    CHECK_I64(err.code, ERR_NOT_FOUND);
    CHECK_I64(err.sys_errno, ENOENT);
    CHECK_STR(str_from(err.message), S("open /nonexistent/x: No such file or directory"));
    CHECK(!file_read("/tmp", 100, &arena, &back, &err));
    CHECK_I64(err.code, ERR_IO);
    CHECK_I64(err.sys_errno, EISDIR);
    CHECK(!file_read("/nonexistent/x", 100, &arena, &back, NULL));
    FileMap map;
    CHECK(!file_map("/nonexistent/x", &map, &err));
    CHECK_I64(err.code, ERR_NOT_FOUND);
    arena_done(&arena);
}

TEST(file, proc_files_are_read_to_their_end_into_one_buffer)
{
    Buf buf;
    Err err;
    buf_init(&buf, 4 * MIB);
    CHECK_OK(file_read_into("/proc/self/status", &buf, &err), &err);
    CHECK(str_contains(buf_view(&buf), S("VmRSS:")));
    CHECK_OK(file_read_into("/proc/self/comm", &buf, &err), &err);
    CHECK_STR(buf_view(&buf), S("test_os\n"));
    CHECK_OK(file_read_into("/proc/self/smaps", &buf, &err), &err); /* takes several reads */
    CHECK(buf.len > 8192 && str_contains(str_skip(buf_view(&buf), buf.len - 100), S("VmFlags")));
    CHECK(!file_read_into("/proc/nothing", &buf, &err));
    CHECK_I64(err.code, ERR_NOT_FOUND);
    buf_done(&buf);

    Buf tiny;
    buf_init(&tiny, 7);
    CHECK(!file_read_into("/proc/self/comm", &tiny, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    buf_done(&tiny);
    buf_init(&tiny, 8);
    CHECK_OK(file_read_into("/proc/self/comm", &tiny, &err), &err);
    CHECK_STR(buf_view(&tiny), S("test_os\n"));
    buf_done(&tiny);
}

TEST(file, a_failed_atomic_write_leaves_the_old_content_and_no_litter)
{
    TestDir dir;
    Err err;
    test_dir_make(&dir);
    CHECK(!file_write_atomic(test_dir_path(&dir, "missing/file"), S("x"), 0644, &err));
    CHECK_I64(err.code, ERR_IO);
    const char *folder = test_dir_path(&dir, "folder");
    CHECK_OK(dir_make(test_dir_path(&dir, "folder/inside"), 0755, &err), &err);
    CHECK(!file_write_atomic(folder, S("x"), 0644, &err)); /* a folder cannot be replaced */
    CHECK(path_is_dir(folder));
    CHECK_U64(count_entries(&dir), 1);
    test_dir_remove(&dir);
}

/* Writes one of two contents again and again. */
static void write_for_ever(const char *path)
{
    static char a[8000];
    static char b[4000];
    memset(a, 'a', sizeof(a));
    memset(b, 'b', sizeof(b));
    for (size_t i = 0;; i++) {
        Str content = i % 2 ? (Str){.ptr = a, .len = sizeof(a)} : (Str){.ptr = b, .len = sizeof(b)};
        Err err;
        if (!file_write_atomic(path, content, 0644, &err)) {
            _exit(1);
        }
    }
}

TEST(file, a_reader_sees_one_content_or_the_other_while_a_writer_is_killed)
{
    TestDir dir;
    Err err;
    Buf buf;
    test_dir_make(&dir);
    buf_init(&buf, MIB);
    const char *path = test_dir_path(&dir, "file");
    write_file(path, S("a"));
    for (size_t round = 0; round < 10; round++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            write_for_ever(path);
        }
        for (size_t i = 0; i < 200; i++) {
            CHECK_OK(file_read_into(path, &buf, &err), &err);
            CHECK(buf.len == 1 || buf.len == 8000 || buf.len == 4000);
            u8 want = buf.len == 4000 ? 'b' : 'a';
            CHECK(buf.data[0] == want && buf.data[buf.len - 1] == want);
        }
        (void)kill(child, SIGKILL);
        CHECK(waitpid(child, NULL, 0) == child);
    }
    buf_done(&buf);
    test_dir_remove(&dir);
}

TEST(file, a_lock_held_by_another_process_is_refused_until_it_dies)
{
    TestDir dir;
    Err err;
    int ready[2];
    test_dir_make(&dir);
    const char *path = test_dir_path(&dir, "lock");
    CHECK(pipe2(ready, O_CLOEXEC) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int held;
        bool ok = file_lock(path, &held, NULL);
        (void)!write(ready[1], ok ? "y" : "n", 1);
        (void)pause();
        _exit(0);
    }
    char answer = 0;
    CHECK(read(ready[0], &answer, 1) == 1 && answer == 'y');
    int fd = -1;
    CHECK(!file_lock(path, &fd, &err));
    CHECK_I64(err.code, ERR_EXISTS);
    CHECK_I64(fd, -1);
    CHECK(str_contains(str_from(err.message), S("is locked by another process")));
    (void)kill(child, SIGKILL);
    CHECK(waitpid(child, NULL, 0) == child);
    CHECK(path_exists(path)); /* the dead one could not remove it */
    CHECK_OK(file_lock(path, &fd, &err), &err);
    file_unlock(path, fd);
    CHECK(!path_exists(path));
    CHECK(!file_lock(test_dir_path(&dir, "missing/lock"), &fd, &err));
    CHECK_I64(err.code, ERR_IO);
    (void)close(ready[0]);
    (void)close(ready[1]);
    test_dir_remove(&dir);
}

enum { LOCKERS = 4, LOCKS_EACH = 200 };

typedef struct LockRace {
    const char *path;
    int inside; /* only ever touched under the lock */
    int worst;
} LockRace;

static void *lock_and_unlock(void *self)
{
    LockRace *race = self;
    for (int taken = 0; taken < LOCKS_EACH;) {
        int fd;
        if (!file_lock(race->path, &fd, NULL)) {
            (void)sched_yield();
            continue;
        }
        taken++;
        int inside = __atomic_add_fetch(&race->inside, 1, __ATOMIC_SEQ_CST);
        if (inside > 1) {
            __atomic_store_n(&race->worst, inside, __ATOMIC_SEQ_CST);
        }
        __atomic_sub_fetch(&race->inside, 1, __ATOMIC_SEQ_CST);
        file_unlock(race->path, fd);
    }
    return NULL;
}

TEST(file, only_one_at_a_time_holds_a_lock_though_each_holder_removes_the_file)
{
    TestDir dir;
    test_dir_make(&dir);
    LockRace race = {.path = test_dir_path(&dir, "lock")};
    pthread_t threads[LOCKERS];
    for (size_t i = 0; i < LOCKERS; i++) {
        CHECK(pthread_create(&threads[i], NULL, lock_and_unlock, &race) == 0);
    }
    for (size_t i = 0; i < LOCKERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CHECK_I64(race.worst, 0);
    test_dir_remove(&dir);
}

TEST(file, a_mapping_shows_the_whole_file_and_an_empty_file_maps_to_nothing)
{
    TestDir dir;
    Err err;
    FileMap map;
    test_dir_make(&dir);
    const char *path = test_dir_path(&dir, "file");
    write_file(path, S("mapped"));
    CHECK_OK(file_map(path, &map, &err), &err);
    CHECK_STR(map.bytes, S("mapped"));
    file_unmap(&map);
    CHECK(map.bytes.ptr == NULL);
    file_unmap(&map);
    write_file(path, S(""));
    CHECK_OK(file_map(path, &map, &err), &err);
    CHECK(map.bytes.ptr == NULL && map.bytes.len == 0);
    test_dir_remove(&dir);
}

static void *write_slowly(void *self)
{
    int fd = *(int *)self;
    for (int i = 0; i < 10; i++) {
        (void)!write(fd, "0123456789", 10);
        (void)usleep(1000);
    }
    (void)close(fd);
    return NULL;
}

TEST(file, short_reads_and_writes_are_put_together)
{
    int ends[2];
    pthread_t thread;
    char got[200];
    size_t count = 0;
    Err err;
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    CHECK(pthread_create(&thread, NULL, write_slowly, &ends[1]) == 0);
    CHECK_OK(fd_read_full(ends[0], got, 95, &count, &err), &err);
    CHECK_U64(count, 95);
    CHECK_OK(fd_read_full(ends[0], got, sizeof(got), &count, &err), &err);
    CHECK_U64(count, 5); /* the end */
    (void)pthread_join(thread, NULL);
    (void)close(ends[0]);
    CHECK(!fd_read_full(-1, got, 1, &count, &err));
    CHECK_I64(err.sys_errno, EBADF);
    CHECK(!fd_write_all(-1, S("x"), &err));
    CHECK_I64(err.sys_errno, EBADF);
    CHECK_OK(fd_write_all(-1, S(""), &err), &err);
}
