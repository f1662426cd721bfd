/* Write-ahead log, the reading side: see wal.h. Layer: tsdb. Thread: a reader: one. */
#include "base/arena.h"
#include "base/hash.h"
#include "base/mem.h"
#include "codec/compress.h"
#include "os/file.h"
#include "tsdb/bits.h"
#include "tsdb/wal.h"
#include "tsdb/wal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_PAGES = 16,               /* pages read at once */
    LIST_MEMORY = 4 * 1024 * 1024, /* bytes for the names of a folder */
    SEGMENT_DIGITS_MIN = 8,
    SEGMENT_DIGITS_MAX = 9,
};

struct WalReader {
    char *dir; /* owned; NULL over memory */
    u32 segment;
    u32 segments_left; /* behind the current one */
    int fd;            /* -1: none, or over memory */
    u64 size;          /* bytes of the segment */
    u64 at;            /* in the segment */
    u64 good;          /* behind the last good record */
    Str window;        /* the part of the segment in reach */
    u64 window_at;
    u8 *pages;     /* owned; what window shows, unless over memory */
    Buf assembled; /* fragments of one record */
    Buf unpacked;
};

/* ---- folders ---- */

static bool segment_number(Str name, u32 *ret)
{
    u64 number;
    if (name.len < SEGMENT_DIGITS_MIN || name.len > SEGMENT_DIGITS_MAX ||
        !str_to_u64(name, &number)) {
        return false;
    }
    *ret = (u32)number;
    return true;
}

static bool list_segments(const char *dir, Arena *arena, u32 **ret, size_t *ret_count, Err *err)
{
    Str *names;
    size_t name_count;
    if (!dir_list(dir, arena, &names, &name_count, err)) {
        return false;
    }
    u32 *numbers = ARENA_NEW(arena, u32, name_count + 1);
    if (!numbers) {
        return arena_full(arena, err);
    }
    size_t count = 0;
    for (size_t i = 0; i < name_count; i++) {
        count += segment_number(names[i], &numbers[count]);
    }
    *ret = numbers;
    *ret_count = count;
    return true;
}

bool wal_segments(const char *dir, u32 *ret_first, u32 *ret_count, Err *err)
{
    CLEANUP(arena_done) Arena arena;
    u32 *numbers = NULL;
    size_t count = 0;
    arena_init(&arena, LIST_MEMORY);
    if (!list_segments(dir, &arena, &numbers, &count, err)) {
        return false;
    }
    for (size_t i = 1; i < count; i++) {
        if (numbers[i] != numbers[i - 1] + 1) {
            return err_set(err, ERR_CORRUPT, "%s: segment %08u follows %08u", dir, numbers[i],
                           numbers[i - 1]);
        }
    }
    *ret_first = count ? numbers[0] : 0;
    *ret_count = (u32)count;
    return true;
}

static bool remove_segment(const char *dir, u32 segment, Err *err)
{
    char path[WAL_PATH_MAX];
    return wal_path(dir, segment, path, err) &&
           (unlink(path) == 0 || err_set_errno(err, errno, "remove %s", path));
}

/* The oldest first, so that a crash in between leaves no gap. */
bool wal_remove_below(const char *dir, u32 first, Err *err)
{
    u32 oldest;
    u32 count;
    if (!wal_segments(dir, &oldest, &count, err)) {
        return false;
    }
    for (u32 i = 0; i < count && oldest + i < first; i++) {
        if (!remove_segment(dir, oldest + i, err)) {
            return false;
        }
    }
    return dir_sync(dir, err);
}

static bool cut_segment(const char *dir, u32 segment, u64 offset, Err *err)
{
    char path[WAL_PATH_MAX];
    if (!wal_path(dir, segment, path, err)) {
        return false;
    }
    CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
    u64 full = (offset + WAL_PAGE_SIZE - 1) / WAL_PAGE_SIZE * WAL_PAGE_SIZE;
    if (fd < 0 || ftruncate(fd, (off_t)offset) != 0 || ftruncate(fd, (off_t)full) != 0 ||
        fsync(fd) != 0) {
        return err_set_errno(err, errno, "repair %s", path);
    }
    return true;
}

bool wal_repair(const char *dir, u32 segment, u64 offset, Err *err)
{
    u32 first;
    u32 count;
    if (!wal_segments(dir, &first, &count, err)) {
        return false;
    }
    for (u32 last = first + count - 1; count > 0 && last > segment; last--) {
        if (!remove_segment(dir, last, err)) {
            return false;
        }
    }
    return cut_segment(dir, segment, offset, err) && dir_sync(dir, err);
}

/* ---- pages ---- */

static bool open_segment(WalReader *reader, Err *err)
{
    char path[WAL_PATH_MAX];
    struct stat status;
    if (!wal_path(reader->dir, reader->segment, path, err)) {
        return false;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        (void)err_set_errno(err, errno, "open %s", path);
        fd_closep(&fd);
        return false;
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    fd_closep(&reader->fd);
    reader->fd = fd;
    reader->size = (u64)status.st_size;
    reader->at = 0;
    reader->good = 0;
    reader->window = STR_EMPTY;
    reader->window_at = 0;
    return true;
}

bool wal_reader_open(const char *dir, u32 first, u32 count, WalReader **ret, Err *err)
{
    ASSERT(count > 0);
    size_t dir_len = str_from(dir).len;
    WalReader *reader = MEM_NEW(WalReader);
    *reader = (WalReader){.segment = first, .segments_left = count - 1, .fd = -1};
    reader->dir = mem_alloc(dir_len + 1);
    memcpy(reader->dir, dir, dir_len + 1);
    reader->pages = mem_alloc((size_t)READ_PAGES * WAL_PAGE_SIZE);
    buf_init(&reader->assembled, WAL_RECORD_SIZE_MAX);
    buf_init(&reader->unpacked, WAL_RECORD_SIZE_MAX);
    if (!open_segment(reader, err)) {
        (void)wal_reader_close(reader);
        return false;
    }
    *ret = reader;
    return true;
}

WalReader *wal_reader_over(Str segment)
{
    WalReader *reader = MEM_NEW(WalReader);
    *reader = (WalReader){.fd = -1, .size = segment.len, .window = segment};
    buf_init(&reader->assembled, WAL_RECORD_SIZE_MAX);
    buf_init(&reader->unpacked, WAL_RECORD_SIZE_MAX);
    return reader;
}

WalReader *wal_reader_close(WalReader *reader)
{
    if (reader) {
        fd_closep(&reader->fd);
        buf_done(&reader->assembled);
        buf_done(&reader->unpacked);
        mem_free(reader->pages);
        mem_free(reader->dir);
        mem_free(reader);
    }
    return NULL;
}

void wal_reader_place(const WalReader *reader, u32 *ret_segment, u64 *ret_offset)
{
    *ret_segment = reader->segment;
    *ret_offset = reader->good;
}

/* What is left of the page at reader->at; false when it cannot be read. */
static bool page_rest(WalReader *reader, Str *ret, Err *err)
{
    u64 page_end = MIN((reader->at / WAL_PAGE_SIZE + 1) * WAL_PAGE_SIZE, reader->size);
    if (reader->fd >= 0 && page_end > reader->window_at + reader->window.len) {
        size_t got;
        u64 from = reader->at / WAL_PAGE_SIZE * WAL_PAGE_SIZE;
        if (lseek(reader->fd, (off_t)from, SEEK_SET) < 0) {
            return err_set_errno(err, errno, "seek in segment %08u", reader->segment);
        }
        if (!fd_read_full(reader->fd, reader->pages, (size_t)READ_PAGES * WAL_PAGE_SIZE, &got,
                          err)) {
            return false;
        }
        reader->window = (Str){.ptr = (const char *)reader->pages, .len = got};
        reader->window_at = from;
        if (page_end > from + got) {
            return err_set(err, ERR_IO, "segment %08u became shorter while it was read",
                           reader->segment);
        }
    }
    *ret = str_slice(reader->window, (size_t)(reader->at - reader->window_at),
                     (size_t)(page_end - reader->window_at));
    return true;
}

/* ---- records ---- */

typedef struct Fragment {
    u8 type;
    u8 flags;
    Str data;
} Fragment;

static WalRead bad(const WalReader *reader, Err *err, const char *what)
{
    (void)err_set_pos(err, ERR_CORRUPT, (size_t)reader->at, "%s%ssegment %08u, offset %llu: %s",
                      reader->dir ? reader->dir : "", reader->dir ? ": " : "", reader->segment,
                      (unsigned long long)reader->at, what);
    return WAL_READ_BAD;
}

static bool all_zeros(Str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != 0) {
            return false;
        }
    }
    return true;
}

/* The next fragment of this segment; WAL_READ_END at its end. */
static WalRead next_fragment(WalReader *reader, Fragment *ret, Err *err)
{
    while (reader->at < reader->size) {
        Str rest;
        if (!page_rest(reader, &rest, err)) {
            return WAL_READ_BAD;
        }
        const u8 *header = (const u8 *)rest.ptr;
        if ((header[0] & FRAGMENT_TYPE_MASK) == FRAGMENT_ZEROS) {
            if (!all_zeros(rest)) {
                return bad(reader, err, "the filling of a page is not zero");
            }
            reader->at += rest.len;
            continue;
        }
        size_t size = rest.len < WAL_FRAGMENT_HEADER ? SIZE_MAX : load_u16be(header + 1);
        if (size > rest.len - MIN(rest.len, (size_t)WAL_FRAGMENT_HEADER)) {
            return bad(reader, err, "a fragment breaks off");
        }
        ret->type = header[0] & FRAGMENT_TYPE_MASK;
        ret->flags = header[0] & (FRAGMENT_SNAPPY | FRAGMENT_ZSTD);
        ret->data = str_slice(rest, WAL_FRAGMENT_HEADER, WAL_FRAGMENT_HEADER + size);
        if (crc32c(0, ret->data.ptr, size) != load_u32be(header + 3)) {
            return bad(reader, err, "the checksum of a fragment is wrong");
        }
        reader->at += WAL_FRAGMENT_HEADER + size;
        return WAL_READ_RECORD;
    }
    return WAL_READ_END;
}

static WalRead unpack(WalReader *reader, u8 flags, Str packed, Str *ret, Err *err)
{
    buf_clear(&reader->unpacked);
    *ret = packed;
    if (flags & FRAGMENT_SNAPPY) {
        if (!snappy_unpack(packed, WAL_RECORD_SIZE_MAX, &reader->unpacked, err)) {
            return bad(reader, err, "a record does not unpack (snappy)");
        }
        *ret = buf_view(&reader->unpacked);
    } else if (flags & FRAGMENT_ZSTD) {
        if (!zstd_unpack(packed, WAL_RECORD_SIZE_MAX, &reader->unpacked, err)) {
            return bad(reader, err, "a record does not unpack (zstd)");
        }
        *ret = buf_view(&reader->unpacked);
    }
    reader->good = reader->at;
    return WAL_READ_RECORD;
}

/* A record of the current segment; WAL_READ_END at its end. */
static WalRead read_in_segment(WalReader *reader, Str *ret, Err *err)
{
    bool inside = false;
    u8 flags = 0;
    buf_clear(&reader->assembled);
    for (;;) {
        Fragment fragment;
        WalRead read = next_fragment(reader, &fragment, err);
        if (read == WAL_READ_END && inside) {
            return bad(reader, err, "the last record of the segment breaks off");
        }
        if (read != WAL_READ_RECORD) {
            return read;
        }
        bool begins = fragment.type == FRAGMENT_WHOLE || fragment.type == FRAGMENT_FIRST;
        if (begins == inside || fragment.type > FRAGMENT_LAST ||
            (inside && fragment.flags != flags) ||
            fragment.flags == (FRAGMENT_SNAPPY | FRAGMENT_ZSTD)) {
            return bad(reader, err, "a fragment is of the wrong kind for its place");
        }
        if (fragment.type == FRAGMENT_WHOLE) {
            return unpack(reader, fragment.flags, fragment.data, ret, err);
        }
        buf_str(&reader->assembled, fragment.data);
        if (!buf_ok(&reader->assembled, err)) {
            return bad(reader, err, "a record is larger than its limit");
        }
        if (fragment.type == FRAGMENT_LAST) {
            return unpack(reader, fragment.flags, buf_view(&reader->assembled), ret, err);
        }
        inside = true;
        flags = fragment.flags;
    }
}

WalRead wal_read(WalReader *reader, Str *ret, Err *err)
{
    for (;;) {
        WalRead read = read_in_segment(reader, ret, err);
        if (read != WAL_READ_END || reader->segments_left == 0) {
            return read;
        }
        reader->segment++;
        reader->segments_left--;
        if (!open_segment(reader, err)) {
            reader->good = 0;
            return WAL_READ_BAD;
        }
    }
}
