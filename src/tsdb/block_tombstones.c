/* The deletions of a block: see block_tombstones.h. Layer: tsdb. Thread: any. */
#include "tsdb/block_tombstones.h"

#include "base/hash.h"
#include "base/mem.h"
#include "os/file.h"
#include "tsdb/bytes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FILE_MAX = 1024 * 1024 * 1024, /* bytes */
    HEADER_SIZE = 5,
    CRC_SIZE = 4,
};

static const u8 header[HEADER_SIZE] = {0x01, 0x30, 0xba, 0x30, 1};

static bool make_path(const char *dir, char ret_path[PATH_MAX], Err *err)
{
    int len = snprintf(ret_path, PATH_MAX, "%s/tombstones", dir);
    return len < PATH_MAX || err_set(err, ERR_LIMIT, "path of %s is too long", dir);
}

static bool decode(Str bytes, const char *path, Tombstones *ret, Err *err)
{
    const u8 *begin = (const u8 *)bytes.ptr;
    if (bytes.len < HEADER_SIZE + CRC_SIZE || memcmp(begin, header, HEADER_SIZE) != 0) {
        return err_set(err, ERR_CORRUPT, "%s: byte 0: it does not begin as tombstones do", path);
    }
    size_t size = bytes.len - HEADER_SIZE - CRC_SIZE;
    if (crc32c(0, begin + HEADER_SIZE, size) != load_u32be(begin + HEADER_SIZE + size)) {
        return err_set(err, ERR_CORRUPT, "%s: byte %d: the tombstones are damaged", path,
                       HEADER_SIZE);
    }
    ByteReader in = byte_reader(str_slice(bytes, HEADER_SIZE, HEADER_SIZE + size));
    while (bytes_left(&in) > 0) {
        size_t at = HEADER_SIZE + (size_t)(in.at - in.begin);
        u64 ref = bytes_uvarint(&in);
        Interval interval = {.first_ms = bytes_varint(&in)};
        interval.last_ms = bytes_varint(&in);
        if (in.bad || ref > UINT32_MAX || interval.first_ms > interval.last_ms) {
            return err_set(err, ERR_CORRUPT, "%s: byte %zu: a tombstone makes no sense", path, at);
        }
        tombstones_add(ret, (u32)ref, interval);
    }
    return true;
}

bool block_tombstones_load(const char *dir, Tombstones *ret, Err *err)
{
    char path[PATH_MAX];
    CLEANUP(buf_done) Buf bytes;
    Tombstones tombstones;
    Err reason = {0};
    tombstones_init(&tombstones);
    buf_init(&bytes, FILE_MAX);
    if (!make_path(dir, path, err)) {
        return false;
    }
    if (!file_read_into(path, &bytes, &reason)) {
        if (reason.code != ERR_NOT_FOUND) {
            return err_set(err, reason.code, "%s", reason.message);
        }
    } else if (!decode(buf_view(&bytes), path, &tombstones, err)) {
        tombstones_done(&tombstones);
        return false;
    }
    *ret = tombstones;
    return true;
}

static int u64_order(const void *a, const void *b)
{
    u64 left = *(const u64 *)a;
    u64 right = *(const u64 *)b;
    return (left > right) - (left < right);
}

static void put_intervals(Buf *out, u64 ref, const IntervalList *list)
{
    for (size_t i = 0; i < list->count; i++) {
        u8 bytes[3 * VARINT_SIZE_MAX];
        u8 *end = store_uvarint(bytes, ref);
        end = store_varint(end, list->at[i].first_ms);
        end = store_varint(end, list->at[i].last_ms);
        buf_put(out, bytes, (size_t)(end - bytes));
    }
}

bool block_tombstones_store(const char *dir, const Tombstones *tombstones, Err *err)
{
    char path[PATH_MAX];
    CLEANUP(buf_done) Buf out;
    VEC(u64) refs = {0};
    u64 ref;
    u64 place;
    buf_init(&out, FILE_MAX);
    for (size_t i = 0; u64map_next(&tombstones->list_of, &i, &ref, &place);) {
        *vec_push(&refs) = ref;
    }
    if (refs.count > 1) {
        qsort(refs.at, refs.count, sizeof(u64), u64_order);
    }
    buf_put(&out, header, HEADER_SIZE);
    for (size_t i = 0; i < refs.count; i++) {
        put_intervals(&out, refs.at[i], tombstones_find(tombstones, (u32)refs.at[i]));
    }
    vec_done(&refs);
    if (!out.overflowed) {
        buf_u32be(&out, crc32c(0, out.data + HEADER_SIZE, out.len - HEADER_SIZE));
    }
    return make_path(dir, path, err) && buf_ok(&out, err) &&
           file_write_atomic(path, buf_view(&out), 0666, err);
}

u64 tombstones_interval_count(const Tombstones *tombstones)
{
    u64 count = 0;
    u64 ref;
    u64 place;
    for (size_t i = 0; u64map_next(&tombstones->list_of, &i, &ref, &place);) {
        count += tombstones->lists.at[place - 1].count;
    }
    return count;
}
