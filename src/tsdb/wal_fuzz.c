/*
 * Fuzzes the log reader with one segment. Oracle: the records that come out are written again and
 * must come out the same; and a segment cut behind its last good record reads to its end.
 */
#include "base/mem.h"
#include "base/vec.h"
#include "os/file.h"
#include "tsdb/wal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORDS_MAX = 64,
    COPY_MAX = 4 * 1024 * 1024,
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

typedef struct Records {
    Buf bytes;
    size_t sizes[RECORDS_MAX];
    size_t count;
    WalRead end;
    u64 good;
} Records;

static void read_all(Str segment, Records *ret)
{
    WalReader *reader = wal_reader_over(segment);
    Str record;
    Err err;
    u32 number;
    *ret = (Records){0};
    buf_init(&ret->bytes, COPY_MAX);
    while (ret->count < RECORDS_MAX &&
           (ret->end = wal_read(reader, &record, &err)) == WAL_READ_RECORD) {
        buf_str(&ret->bytes, record);
        ret->sizes[ret->count++] = record.len;
    }
    wal_reader_place(reader, &number, &ret->good);
    (void)wal_reader_close(reader);
}

static void check_same(const Records *a, const Records *b)
{
    ASSERT(a->count == b->count && str_eq(buf_view(&a->bytes), buf_view(&b->bytes)));
    ASSERT(memcmp(a->sizes, b->sizes, a->count * sizeof(a->sizes[0])) == 0);
}

/* Through a file, as the product writes. */
static void check_rewritten(const Records *records)
{
    char dir[] = "/tmp/vigie-fuzz-wal-XXXXXX";
    char path[64];
    Wal *wal;
    Arena arena;
    Str segment;
    Records again;
    Err err;
    bool ok = mkdtemp(dir) && wal_open(dir, WAL_SEGMENT_SIZE_DEFAULT, &wal, &err);
    ASSERT(ok);
    size_t at = 0;
    for (size_t i = 0; i < records->count; i++) {
        WalRecord record = {.bytes =
                                str_slice(buf_view(&records->bytes), at, at + records->sizes[i])};
        ok = wal_write(wal, &record, 1, &err);
        ASSERT(ok);
        at += records->sizes[i];
    }
    ok = wal_close(wal, &err);
    ASSERT(ok);
    arena_init(&arena, COPY_MAX * 2);
    (void)snprintf(path, sizeof(path), "%s/00000000", dir);
    ok = file_read(path, COPY_MAX * 2, &arena, &segment, &err);
    ASSERT(ok);
    read_all(segment, &again);
    ASSERT(again.end != WAL_READ_BAD);
    check_same(records, &again);
    buf_done(&again.bytes);
    arena_done(&arena);
    ok = dir_remove_all(dir, &err);
    ASSERT(ok);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static u64 runs;
    Records records;
    Records cut;
    Str segment = {.ptr = (const char *)data, .len = size};
    read_all(segment, &records);
    ASSERT(records.good <= size);
    if (records.end == WAL_READ_BAD && !records.bytes.overflowed) {
        read_all(str_take(segment, (size_t)records.good), &cut);
        ASSERT(cut.end == WAL_READ_END);
        check_same(&records, &cut);
        buf_done(&cut.bytes);
    }
    if (runs++ % 512 == 0 && !records.bytes.overflowed) { /* files are slow */
        check_rewritten(&records);
    }
    buf_done(&records.bytes);
    return 0;
}
