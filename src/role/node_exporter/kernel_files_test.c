/*
 * Tests of the files that stay open: on the kernel's own, of this process and its threads.
 *
 * Layer: role/node_exporter, tests only. Thread: main; a test's threads only wait.
 */
#include "role/node_exporter/kernel_files.h"

#include "base/test.h"
#include "os/process.h"
#include "os/test_dir.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { TEXT_MAX = 4096, PATH_SIZE = 2048 };

typedef struct Reader {
    KernelFiles *files;
    Buf text;
} Reader;

static void reader_open(Reader *reader)
{
    reader->files = kernel_files_new();
    buf_init(&reader->text, TEXT_MAX);
}

static void reader_close(Reader *reader)
{
    kernel_files_free(reader->files);
    buf_done(&reader->text);
}

static Str read_one(Reader *reader, const char *path)
{
    Err err;
    CHECK_OK(kernel_files_read(reader->files, path, &reader->text, &err), &err);
    return buf_view(&reader->text);
}

static u64 open_fds(void)
{
    Err err;
    ProcessStats stats;
    CHECK_OK(process_stats(&stats, &err), &err);
    return stats.open_fds;
}

/* A thread with a name, which has a folder in /proc. */
typedef struct Named {
    const char *name;
    pthread_t thread;
    atomic_int id; /* 0 until it runs */
    atomic_bool stop;
} Named;

static void *run_named(void *self)
{
    Named *named = self;
    (void)prctl(PR_SET_NAME, named->name);
    atomic_store(&named->id, gettid());
    while (!atomic_load(&named->stop)) {
        usleep(1000);
    }
    return NULL;
}

static void named_start(Named *named, const char *name)
{
    *named = (Named){.name = name};
    CHECK(pthread_create(&named->thread, NULL, run_named, named) == 0);
    while (atomic_load(&named->id) == 0) {
        usleep(1000);
    }
}

static void named_stop(Named *named)
{
    atomic_store(&named->stop, true);
    CHECK(pthread_join(named->thread, NULL) == 0);
}

TEST(kernel_files, kept_file_shows_what_is_so_now)
{
    Reader reader;
    reader_open(&reader);
    u64 before = open_fds();
    CHECK(prctl(PR_SET_NAME, "first") == 0);
    CHECK_STR(read_one(&reader, "/proc/thread-self/comm"), S("first\n"));
    CHECK(prctl(PR_SET_NAME, "and another") == 0);
    CHECK_STR(read_one(&reader, "/proc/thread-self/comm"), S("and another\n"));
    CHECK_U64(open_fds(), before + 1);
    reader_close(&reader);
    CHECK_U64(open_fds(), before);
}

TEST(kernel_files, other_files_are_opened_each_time)
{
    Reader reader;
    reader_open(&reader);
    u64 before = open_fds();
    CHECK(read_one(&reader, VIGIE_SOURCE_ROOT "/.clang-format").len > 0);
    CHECK_U64(open_fds(), before);
    reader_close(&reader);
}

TEST(kernel_files, what_has_gone_is_not_found_and_no_descriptor_stays)
{
    Reader reader;
    Named named;
    Err err = {0};
    char path[PATH_SIZE];
    reader_open(&reader);
    u64 before = open_fds();
    named_start(&named, "short-lived");
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/comm", atomic_load(&named.id));
    CHECK_STR(read_one(&reader, path), S("short-lived\n"));
    named_stop(&named);
    CHECK(!kernel_files_read(reader.files, path, &reader.text, &err));
    CHECK_I64(err.code, ERR_NOT_FOUND);
    CHECK_I64(err.sys_errno, ENOENT);
    CHECK_U64(open_fds(), before);
    reader_close(&reader);
}

TEST(kernel_files, name_that_leads_elsewhere_is_followed_after_enter)
{
    Reader reader;
    TestDir dir;
    Named one;
    Named two;
    char target[PATH_SIZE];
    reader_open(&reader);
    test_dir_make(&dir);
    named_start(&one, "one");
    named_start(&two, "two");
    const char *folder = test_dir_path(&dir, "device");
    const char *file = test_dir_path(&dir, "device/comm");
    const char *neighbour = test_dir_path(&dir, "device2");

    (void)snprintf(target, sizeof(target), "/proc/self/task/%d", atomic_load(&one.id));
    CHECK(symlink(target, folder) == 0 && symlink(target, neighbour) == 0);
    kernel_files_enter(reader.files, folder);
    CHECK_STR(read_one(&reader, file), S("one\n"));
    CHECK(unlink(folder) == 0);
    (void)snprintf(target, sizeof(target), "/proc/self/task/%d", atomic_load(&two.id));
    CHECK(symlink(target, folder) == 0);
    kernel_files_end_scrape(reader.files);
    kernel_files_enter(reader.files, folder);
    CHECK_STR(read_one(&reader, file), S("two\n"));

    CHECK(unlink(folder) == 0);
    kernel_files_end_scrape(reader.files);
    kernel_files_enter(reader.files, folder);
    CHECK(!kernel_files_read(reader.files, file, &reader.text, NULL));
    named_stop(&one);
    named_stop(&two);
    test_dir_remove(&dir);
    reader_close(&reader);
}

/* "/proc/self/././comm": as many names for one file as are wanted. */
static const char *nth_name(char path[PATH_SIZE], size_t number)
{
    size_t len = (size_t)snprintf(path, PATH_SIZE, "/proc/self/");
    for (size_t i = 0; i < number; i++) {
        path[len++] = '.';
        path[len++] = '/';
    }
    (void)snprintf(path + len, PATH_SIZE - len, "comm");
    return path;
}

TEST(kernel_files, no_more_than_the_limit_stay_open_and_idle_ones_are_closed)
{
    Reader reader;
    char path[PATH_SIZE];
    reader_open(&reader);
    u64 before = open_fds();
    for (size_t i = 0; i < KERNEL_FILES_MAX + 20; i++) {
        CHECK(read_one(&reader, nth_name(path, i)).len > 0);
    }
    CHECK_U64(open_fds(), before + KERNEL_FILES_MAX);
    for (size_t scrape = 0; scrape <= KERNEL_IDLE_MAX; scrape++) {
        CHECK(read_one(&reader, nth_name(path, 0)).len > 0);
        CHECK_U64(open_fds(), before + KERNEL_FILES_MAX);
        kernel_files_end_scrape(reader.files);
    }
    CHECK_U64(open_fds(), before + 1);
    reader_close(&reader);
}

TEST(kernel_files, longer_than_the_limit_is_an_error_each_time)
{
    Reader reader;
    reader_open(&reader);
    reader.text.max = 100;
    for (int i = 0; i < 3; i++) {
        Err err = {0};
        CHECK(!kernel_files_read(reader.files, "/proc/self/status", &reader.text, &err));
        CHECK_I64(err.code, ERR_LIMIT);
    }
    CHECK(!kernel_files_read(reader.files, "/proc/self/nothing", &reader.text, NULL));
    CHECK(!kernel_files_read(reader.files, "/proc/self", &reader.text, NULL)); /* a folder */
    reader_close(&reader);
}
