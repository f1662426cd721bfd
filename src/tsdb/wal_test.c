/* Tests of tsdb/wal.h. */
#include "tsdb/wal.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/test.h"
#include "base/vec.h"
#include "os/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PATH_SIZE = 256,
    BYTES_MAX = 4 * 1024 * 1024,
    SMALL_SEGMENT = 4 * WAL_PAGE_SIZE,
};

typedef struct Dir {
    char path[PATH_SIZE];
} Dir;

static Dir dir_new(void)
{
    Dir dir;
    (void)snprintf(dir.path, sizeof(dir.path), "/tmp/vigie-wal-XXXXXX");
    CHECK(mkdtemp(dir.path) != NULL);
    return dir;
}

static void dir_gone(const Dir *dir)
{
    CHECK(dir_remove_all(dir->path, NULL));
}

static u64 file_size(const Dir *dir, u32 segment)
{
    char path[PATH_SIZE + 16];
    struct stat status;
    (void)snprintf(path, sizeof(path), "%s/%08u", dir->path, segment);
    return stat(path, &status) == 0 ? (u64)status.st_size : UINT64_MAX;
}

/* The records of a test: lengths decide the bytes, so only lengths are kept. */
typedef struct Script {
    VEC(u32) sizes;
} Script;

static void fill(u8 *to, u32 index, u32 size)
{
    for (u32 i = 0; i < size; i++) { /* packs somewhat, differs from record to record */
        to[i] = (u8)(index + (i / 7) * (i % 5));
    }
}

static void append(Wal *wal, WalCompression compression, Script *script, u32 size)
{
    u8 *bytes = mem_alloc(size);
    Buf packed;
    WalRecord record;
    Err err;
    fill(bytes, (u32)script->sizes.count, size);
    *vec_push(&script->sizes) = size;
    buf_init(&packed, BYTES_MAX);
    Str view = {.ptr = (const char *)bytes, .len = size};
    CHECK_OK(wal_pack(compression, view, &packed, &record, &err), &err);
    CHECK_OK(wal_write(wal, &record, 1, &err), &err);
    buf_done(&packed);
    mem_free(bytes);
}

/* Reads all that is there; `bad` says how the reading ended. */
static size_t check_reads(const Dir *dir, const Script *script, bool *ret_bad, u32 *ret_segment,
                          u64 *ret_offset)
{
    u32 first;
    u32 count;
    Err err;
    WalReader *reader;
    Str record;
    WalRead read;
    size_t records = 0;
    CHECK_OK(wal_segments(dir->path, &first, &count, &err), &err);
    CHECK_OK(wal_reader_open(dir->path, first, count, &reader, &err), &err);
    while ((read = wal_read(reader, &record, &err)) == WAL_READ_RECORD) {
        CHECK(records < script->sizes.count);
        u32 size = script->sizes.at[records];
        u8 *want = mem_alloc(size);
        fill(want, (u32)records, size);
        CHECK_STR(record, ((Str){.ptr = (const char *)want, .len = size}));
        mem_free(want);
        records++;
    }
    *ret_bad = read == WAL_READ_BAD;
    wal_reader_place(reader, ret_segment, ret_offset);
    (void)wal_reader_close(reader);
    return records;
}

static void check_all_there(const Dir *dir, const Script *script)
{
    bool bad;
    u32 segment;
    u64 offset;
    CHECK_U64(check_reads(dir, script, &bad, &segment, &offset), script->sizes.count);
    CHECK(!bad);
}

static u32 random_size(Random *random)
{
    static const u32 sizes[] = {1, 20, 1000, 30000, WAL_PAGE_SIZE - 7, WAL_PAGE_SIZE, 100000};
    u32 size = sizes[random_below(random, COUNT_OF(sizes))];
    return size - (u32)random_below(random, MIN(size, 9U));
}

TEST(wal, records_of_every_size_come_back_over_segments_and_restarts)
{
    static const WalCompression compressions[] = {WAL_SNAPPY, WAL_ZSTD, WAL_UNCOMPRESSED};
    Random random;
    random_seed(&random, test_seed());
    for (size_t round = 0; round < 12; round++) {
        Dir dir = dir_new();
        Script script = {0};
        Err err;
        for (int restart = 0; restart < 3; restart++) {
            Wal *wal;
            CHECK_OK(wal_open(dir.path, SMALL_SEGMENT, &wal, &err), &err);
            for (u64 i = random_below(&random, 40); i > 0; i--) {
                append(wal, compressions[round % 3], &script, random_size(&random));
            }
            CHECK_OK(wal_close(wal, &err), &err);
        }
        check_all_there(&dir, &script);
        vec_done(&script.sizes);
        dir_gone(&dir);
    }
}

TEST(wal, the_bytes_are_those_that_the_format_names)
{
    static const u8 want[] = {1,   0,   9,   0xe3, 0x06, 0x92, 0x83, '1', '2',
                              '3', '4', '5', '6',  '7',  '8',  '9'}; /* the CRC-32C check value of
                                                                        RFC 3720's test string */
    Dir dir = dir_new();
    Wal *wal;
    Err err;
    Arena arena;
    Str bytes;
    char path[PATH_SIZE + 16];
    WalRecord record = {.bytes = S("123456789")};
    CHECK_OK(wal_open(dir.path, SMALL_SEGMENT, &wal, &err), &err);
    CHECK_OK(wal_write(wal, &record, 1, &err), &err);
    arena_init(&arena, BYTES_MAX);
    (void)snprintf(path, sizeof(path), "%s/00000000", dir.path);
    CHECK_OK(file_read(path, BYTES_MAX, &arena, &bytes, &err), &err);
    CHECK_STR(bytes, ((Str){.ptr = (const char *)want, .len = sizeof(want)}));
    arena_done(&arena);
    CHECK_OK(wal_close(wal, &err), &err);
    dir_gone(&dir);
}

TEST(wal, a_record_never_crosses_into_the_next_segment)
{
    Dir dir = dir_new();
    Script script = {0};
    Wal *wal;
    Err err;
    CHECK_OK(wal_open(dir.path, SMALL_SEGMENT, &wal, &err), &err);
    append(wal, WAL_UNCOMPRESSED, &script, 3 * WAL_PAGE_SIZE);
    append(wal, WAL_UNCOMPRESSED, &script, 2 * WAL_PAGE_SIZE);
    CHECK_U64(file_size(&dir, 0), SMALL_SEGMENT); /* 3 pages and 28 bytes, then filled */
    CHECK(file_size(&dir, 1) > 2 * WAL_PAGE_SIZE);
    u8 *large = mem_zero(SMALL_SEGMENT, 1);
    WalRecord record = {.bytes = {.ptr = (const char *)large, .len = SMALL_SEGMENT - 27}};
    Err limit = {0};
    CHECK(!wal_write(wal, &record, 1, &limit));
    CHECK_I64(limit.code, ERR_LIMIT);
    mem_free(large);
    append(wal, WAL_UNCOMPRESSED, &script, 5);
    CHECK_OK(wal_close(wal, &err), &err);
    check_all_there(&dir, &script);
    vec_done(&script.sizes);
    dir_gone(&dir);
}

/* Writes a log of three segments; returns it. */
static Dir three_segments(Script *script)
{
    Dir dir = dir_new();
    Wal *wal;
    Err err;
    u32 segment;
    CHECK_OK(wal_open(dir.path, SMALL_SEGMENT, &wal, &err), &err);
    for (int part = 0; part < 3; part++) {
        for (int i = 0; i < 30; i++) {
            append(wal, i % 2 ? WAL_SNAPPY : WAL_UNCOMPRESSED, script, (u32)(100 + 137 * i));
        }
        if (part < 2) {
            CHECK_OK(wal_next_segment(wal, &segment, &err), &err);
        }
    }
    CHECK_OK(wal_close(wal, &err), &err);
    return dir;
}

TEST(wal, the_first_flipped_bit_ends_the_log_and_repair_keeps_what_lies_before)
{
    Random random;
    random_seed(&random, test_seed() + 1);
    for (int round = 0; round < 40; round++) {
        Script script = {0};
        Dir dir = three_segments(&script);
        char path[PATH_SIZE + 16];
        u32 victim = (u32)random_below(&random, 3);
        u64 at = random_below(&random, file_size(&dir, victim));
        u8 byte = 0;
        (void)snprintf(path, sizeof(path), "%s/%08u", dir.path, victim);
        int fd = open(path, O_RDWR);
        CHECK(fd >= 0 && pread(fd, &byte, 1, (off_t)at) == 1);
        u64 bit = random_below(&random, 5); /* flags and types; bits 5-7 mean nothing */
        /* In the filling of a page, a 1 is a whole record of no bytes, whose checksum is 0. */
        byte ^= (u8)(1U << (byte == 0 && bit == 0 ? 1 : bit));
        CHECK(pwrite(fd, &byte, 1, (off_t)at) == 1);
        (void)close(fd);

        bool bad;
        u32 segment;
        u64 offset;
        Err err;
        size_t before = check_reads(&dir, &script, &bad, &segment, &offset);
        CHECK(bad);
        CHECK_U64(segment, victim);
        CHECK(offset <= at);
        CHECK_OK(wal_repair(dir.path, segment, offset, &err), &err);
        CHECK_U64(check_reads(&dir, &script, &bad, &segment, &offset), before);
        CHECK(!bad);
        CHECK_U64(file_size(&dir, victim) % WAL_PAGE_SIZE, 0);

        /* And it goes on behind the repaired place. */
        Wal *wal;
        CHECK_OK(wal_open(dir.path, SMALL_SEGMENT, &wal, &err), &err);
        script.sizes.count = before;
        append(wal, WAL_SNAPPY, &script, 5000);
        CHECK_OK(wal_close(wal, &err), &err);
        check_all_there(&dir, &script);
        vec_done(&script.sizes);
        dir_gone(&dir);
    }
}

TEST(wal, a_log_cut_short_anywhere_keeps_every_whole_record)
{
    Script script = {0};
    Dir dir = three_segments(&script);
    char path[PATH_SIZE + 16];
    (void)snprintf(path, sizeof(path), "%s/00000002", dir.path);
    u64 size = file_size(&dir, 2);
    size_t known = script.sizes.count;
    for (u64 cut = size; cut > 0; cut -= MIN(cut, (u64)61)) {
        bool bad;
        u32 segment;
        u64 offset;
        CHECK(truncate(path, (off_t)cut) == 0);
        size_t records = check_reads(&dir, &script, &bad, &segment, &offset);
        CHECK(records <= known && records >= 60);
        CHECK(offset <= cut);
        CHECK(bad == (offset != cut));
        known = records;
    }
    vec_done(&script.sizes);
    dir_gone(&dir);
}

TEST(wal, a_write_that_fails_leaves_the_log_as_it_was)
{
    Dir dir = dir_new();
    Script script = {0};
    Wal *wal;
    Err err = {0};
    CHECK_OK(wal_open(dir.path, SMALL_SEGMENT, &wal, &err), &err);
    append(wal, WAL_UNCOMPRESSED, &script, 100);

    /* The kernel refuses to grow the file past the limit, as a full disk would. */
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGXFSZ, SIG_IGN);
        struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        u8 *bytes = mem_zero(20000, 1);
        WalRecord record = {.bytes = {.ptr = (const char *)bytes, .len = 20000}};
        bool refused = !wal_write(wal, &record, 1, &err) && err.code == ERR_IO;
        record.bytes.len = 50;
        fill(bytes, 1, 50);
        bool goes_on = wal_write(wal, &record, 1, &err) && wal_close(wal, &err);
        _exit(refused && goes_on ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_I64(status, 0);
    *vec_push(&script.sizes) = 50;
    check_all_there(&dir, &script);
    CHECK_OK(wal_close(wal, &err), &err); /* cuts off what only the child knew */
    vec_done(&script.sizes);
    dir_gone(&dir);
}

TEST(wal, old_segments_go_and_a_gap_is_found)
{
    Script script = {0};
    Dir dir = three_segments(&script);
    u32 first;
    u32 count;
    Err err = {0};
    CHECK_OK(wal_remove_below(dir.path, 1, &err), &err);
    CHECK_OK(wal_segments(dir.path, &first, &count, &err), &err);
    CHECK_U64(first, 1);
    CHECK_U64(count, 2);
    char path[PATH_SIZE + 16];
    char to[PATH_SIZE + 16];
    (void)snprintf(path, sizeof(path), "%s/00000002", dir.path);
    (void)snprintf(to, sizeof(to), "%s/00000004", dir.path);
    CHECK(rename(path, to) == 0);
    CHECK(!wal_segments(dir.path, &first, &count, &err));
    CHECK_I64(err.code, ERR_CORRUPT);
    vec_done(&script.sizes);
    dir_gone(&dir);
}
