/* Write-ahead log, the writing side: see wal.h. Layer: tsdb. Thread: any. */
#include "tsdb/wal.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/vec.h"
#include "codec/compress.h"
#include "os/file.h"
#include "tsdb/bits.h"
#include "tsdb/wal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum {
    PACK_SIZE_MIN = 16, /* bytes; shorter records are not worth it */
    ZSTD_LEVEL = 3,
    FRAME_SLACK = 64 * 1024, /* fragment headers and page ends of one batch, more is reserved */
};

struct Wal {
    char *dir; /* owned */
    size_t segment_size;
    pthread_mutex_t lock; /* all below */
    u32 segment;
    int fd;
    u64 offset; /* bytes of the segment that count */
    Buf frame;  /* fragments of the batch */
    VEC(int) unsynced;
    WalStats stats;
};

bool wal_pack(WalCompression compression, Str record, Buf *out, WalRecord *ret, Err *err)
{
    size_t before = out->len;
    *ret = (WalRecord){.bytes = record};
    if (compression == WAL_UNCOMPRESSED || record.len < PACK_SIZE_MIN) {
        return true;
    }
    bool ok = compression == WAL_SNAPPY ? snappy_pack(record, out, err)
                                        : zstd_pack(record, ZSTD_LEVEL, out, err);
    if (!ok) {
        return false;
    }
    if (out->len - before < record.len) {
        ret->bytes = (Str){.ptr = (const char *)out->data + before, .len = out->len - before};
        ret->flags = compression == WAL_SNAPPY ? FRAGMENT_SNAPPY : FRAGMENT_ZSTD;
    }
    return true;
}

bool wal_path(const char *dir, u32 segment, char *ret_path, Err *err)
{
    int len = snprintf(ret_path, WAL_PATH_MAX, "%s/%08u", dir, segment);
    return len < WAL_PATH_MAX || err_set(err, ERR_LIMIT, "path of %s is too long", dir);
}

static bool create_segment(const char *dir, u32 segment, int *ret_fd, Err *err)
{
    char path[WAL_PATH_MAX];
    if (!wal_path(dir, segment, path, err)) {
        return false;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        return err_set_errno(err, errno, "create %s", path);
    }
    if (!dir_sync(dir, err)) {
        (void)close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

bool wal_open(const char *dir, size_t segment_size, Wal **ret, Err *err)
{
    u32 first;
    u32 count;
    int fd;
    ASSERT(segment_size >= WAL_PAGE_SIZE && segment_size % WAL_PAGE_SIZE == 0);
    if (!dir_make(dir, 0777, err) || !wal_segments(dir, &first, &count, err) ||
        !create_segment(dir, count ? first + count : 0, &fd, err)) {
        return false;
    }
    Wal *wal = MEM_NEW(Wal);
    *wal = (Wal){.segment_size = segment_size, .segment = count ? first + count : 0, .fd = fd};
    size_t dir_len = str_from(dir).len;
    wal->dir = mem_alloc(dir_len + 1);
    memcpy(wal->dir, dir, dir_len + 1);
    buf_init(&wal->frame, segment_size + FRAME_SLACK);
    (void)pthread_mutex_init(&wal->lock, NULL);
    *ret = wal;
    return true;
}

bool wal_close(Wal *wal, Err *err)
{
    if (!wal) {
        return true;
    }
    bool ok = wal_sync(wal, err);
    /* A write that failed half-way may have left bytes behind what counts. */
    if (ftruncate(wal->fd, (off_t)wal->offset) != 0 && ok) {
        ok = err_set_errno(err, errno, "cut segment %08u of %s", wal->segment, wal->dir);
    }
    (void)close(wal->fd);
    vec_done(&wal->unsynced);
    buf_done(&wal->frame);
    (void)pthread_mutex_destroy(&wal->lock);
    mem_free(wal->dir);
    mem_free(wal);
    return ok;
}

/* Room for data in the pages behind `offset`. */
static u64 segment_room(const Wal *wal, u64 offset)
{
    u64 page_left = WAL_PAGE_SIZE - offset % WAL_PAGE_SIZE;
    u64 pages_left = (wal->segment_size - MIN(offset, (u64)wal->segment_size)) / WAL_PAGE_SIZE;
    u64 room = 0;
    if (offset % WAL_PAGE_SIZE != 0 && page_left >= WAL_FRAGMENT_HEADER) {
        room = page_left - WAL_FRAGMENT_HEADER;
    }
    return room + pages_left * (WAL_PAGE_SIZE - WAL_FRAGMENT_HEADER);
}

static void put_fragment(Buf *frame, u8 type, Str data)
{
    u8 *to = buf_reserve(frame, WAL_FRAGMENT_HEADER + data.len);
    if (to) {
        u32 crc = __builtin_bswap32(crc32c(0, data.ptr, data.len));
        to[0] = type;
        store_u16be(to + 1, (u16)data.len);
        memcpy(to + 3, &crc, sizeof(crc));
        if (data.len > 0) {
            memcpy(to + WAL_FRAGMENT_HEADER, data.ptr, data.len);
        }
        buf_advance(frame, WAL_FRAGMENT_HEADER + data.len);
    }
}

/* Cuts a record into fragments that will stand at wal->offset + frame.len. */
static void put_record(Wal *wal, const WalRecord *record)
{
    Str left = record->bytes;
    bool first = true;
    do {
        size_t page_left = WAL_PAGE_SIZE - (size_t)((wal->offset + wal->frame.len) % WAL_PAGE_SIZE);
        if (page_left < WAL_FRAGMENT_HEADER) {
            static const u8 zeros[WAL_FRAGMENT_HEADER];
            buf_put(&wal->frame, zeros, page_left);
            page_left = WAL_PAGE_SIZE;
        }
        Str part = str_take(left, page_left - WAL_FRAGMENT_HEADER);
        left = str_skip(left, part.len);
        u8 type = first ? (left.len ? FRAGMENT_FIRST : FRAGMENT_WHOLE)
                        : (left.len ? FRAGMENT_MIDDLE : FRAGMENT_LAST);
        put_fragment(&wal->frame, type | record->flags, part);
        first = false;
    } while (left.len > 0);
}

static bool flush_frame(Wal *wal, Err *err)
{
    const u8 *at = wal->frame.data;
    size_t left = wal->frame.len;
    u64 offset = wal->offset;
    while (left > 0) {
        ssize_t written = pwrite(wal->fd, at, left, (off_t)offset);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            wal->stats.failures++;
            return err_set_errno(err, written < 0 ? errno : ENOSPC, "write segment %08u of %s",
                                 wal->segment, wal->dir);
        }
        at += written;
        left -= (size_t)written;
        offset += (u64)written;
    }
    wal->stats.written_bytes += wal->frame.len;
    wal->offset = offset;
    buf_clear(&wal->frame);
    return true;
}

static bool roll(Wal *wal, Err *err)
{
    u64 full = (wal->offset + WAL_PAGE_SIZE - 1) / WAL_PAGE_SIZE * WAL_PAGE_SIZE;
    if (ftruncate(wal->fd, (off_t)wal->offset) != 0 || ftruncate(wal->fd, (off_t)full) != 0) {
        return err_set_errno(err, errno, "fill the last page of segment %08u of %s", wal->segment,
                             wal->dir);
    }
    int fd;
    if (!create_segment(wal->dir, wal->segment + 1, &fd, err)) {
        return false;
    }
    *vec_push(&wal->unsynced) = wal->fd;
    wal->fd = fd;
    wal->segment++;
    wal->offset = 0;
    return true;
}

static bool write_locked(Wal *wal, const WalRecord *records, size_t count, Err *err)
{
    buf_clear(&wal->frame);
    for (size_t i = 0; i < count; i++) {
        if (records[i].bytes.len > segment_room(wal, 0)) {
            return err_set(err, ERR_LIMIT, "a log record of %zu bytes is larger than a segment",
                           records[i].bytes.len);
        }
        if (records[i].bytes.len > segment_room(wal, wal->offset + wal->frame.len) &&
            (!flush_frame(wal, err) || !roll(wal, err))) {
            return false;
        }
        put_record(wal, &records[i]);
    }
    return buf_ok(&wal->frame, err) && flush_frame(wal, err);
}

bool wal_write(Wal *wal, const WalRecord *records, size_t count, Err *err)
{
    (void)pthread_mutex_lock(&wal->lock);
    bool ok = write_locked(wal, records, count, err);
    (void)pthread_mutex_unlock(&wal->lock);
    return ok;
}

bool wal_next_segment(Wal *wal, u32 *ret_segment, Err *err)
{
    (void)pthread_mutex_lock(&wal->lock);
    bool ok = roll(wal, err);
    if (ok) {
        *ret_segment = wal->segment;
    }
    (void)pthread_mutex_unlock(&wal->lock);
    return ok;
}

bool wal_sync(Wal *wal, Err *err)
{
    VEC(int) fds = {0};
    (void)pthread_mutex_lock(&wal->lock);
    int current = fcntl(wal->fd, F_DUPFD_CLOEXEC, 0);
    int failed = current < 0 ? errno : 0;
    for (size_t i = 0; i < wal->unsynced.count; i++) {
        *vec_push(&fds) = wal->unsynced.at[i];
    }
    wal->unsynced.count = 0;
    (void)pthread_mutex_unlock(&wal->lock);

    if (current >= 0) {
        *vec_push(&fds) = current;
    }
    for (size_t i = 0; i < fds.count; i++) {
        if (fdatasync(fds.at[i]) != 0 && failed == 0) {
            failed = errno;
        }
        (void)close(fds.at[i]);
    }
    vec_done(&fds);
    (void)pthread_mutex_lock(&wal->lock);
    wal->stats.syncs++;
    (void)pthread_mutex_unlock(&wal->lock);
    return failed == 0 || err_set_errno(err, failed, "sync the log in %s", wal->dir);
}

void wal_stats(Wal *wal, WalStats *ret)
{
    (void)pthread_mutex_lock(&wal->lock);
    *ret = wal->stats;
    ret->segment = wal->segment;
    ret->segment_bytes = wal->offset;
    (void)pthread_mutex_unlock(&wal->lock);
}
