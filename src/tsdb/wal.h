/*
 * Write-ahead log: records in segment files, in Prometheus's format. A checkpoint is a folder of
 * the same format.
 *
 *     DIR/00000000 …      segments; the writer always starts a new one
 *     segment             pages of 32 KiB; only the last page may be short
 *     page                fragments; what is left at the end is zero
 *     fragment            type and flags (1), length (2, BE), CRC-32C of the data (4, BE), data
 *                         type: 0 rest of page is zero, 1 whole, 2 first, 3 middle, 4 last
 *                         flags: 8 snappy, 16 zstd (the whole record, before it was cut)
 *
 * A record never crosses into another segment. When wal_write returned true the record is in the
 * kernel: it survives the end of the process. It survives the end of the machine after wal_sync.
 *
 * Layer: tsdb. Memory: wal_open/wal_close, wal_reader_open/wal_reader_close. Thread: Wal: any
 * (has a lock of its own, last in every order); a WalReader: one.
 * Source: Prometheus tsdb/docs/format/wal.md.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

enum {
    WAL_PAGE_SIZE = 32 * 1024,
    WAL_FRAGMENT_HEADER = 7,
    WAL_SEGMENT_SIZE_DEFAULT = 128 * 1024 * 1024,
    WAL_RECORD_SIZE_MAX = 256 * 1024 * 1024, /* bytes of one record, unpacked */
};

typedef enum WalCompression { WAL_SNAPPY, WAL_ZSTD, WAL_UNCOMPRESSED } WalCompression;

/* A record as it will be stored. */
typedef struct WalRecord {
    Str bytes; /* borrowed */
    u8 flags;
} WalRecord;

/* Packs a record into `out` (behind what it holds); keeps it as it is when that is not smaller.
 * The result borrows from `record` or from `out`. */
bool wal_pack(WalCompression compression, Str record, Buf *out, WalRecord *ret, Err *err) MUST_USE;

typedef struct Wal Wal;

typedef struct WalStats {
    u32 segment;       /* that is written */
    u64 written_bytes; /* since wal_open */
    u64 segment_bytes; /* of the current segment */
    u64 syncs;
    u64 failures; /* writes that failed */
} WalStats;

/* Makes the folder when it is missing and starts the segment behind the last. ERR_IO. */
bool wal_open(const char *dir, size_t segment_size, Wal **ret, Err *err) MUST_USE;

/* Syncs and closes; NULL-safe. False when the sync failed; the memory is gone either way. */
bool wal_close(Wal *wal, Err *err);

/*
 * Appends records in one write(2) (two when a new segment is needed in between).
 * Errors  ERR_IO: nothing of it counts as written; ERR_LIMIT: a record larger than a segment
 */
bool wal_write(Wal *wal, const WalRecord *records, size_t count, Err *err) MUST_USE;

bool wal_next_segment(Wal *wal, u32 *ret_segment, Err *err) MUST_USE;
bool wal_sync(Wal *wal, Err *err) MUST_USE; /* all segments; does not hold up writers */
void wal_stats(Wal *wal, WalStats *ret);

/* Removes the segments below `first`. */
bool wal_remove_below(const char *dir, u32 first, Err *err) MUST_USE;

/* First and last segment of a folder; *ret_count 0 when there is none. ERR_CORRUPT: a gap. */
bool wal_segments(const char *dir, u32 *ret_first, u32 *ret_count, Err *err) MUST_USE;

/* ---- reading ---- */

typedef enum WalRead {
    WAL_READ_RECORD, /* there is one */
    WAL_READ_END,
    WAL_READ_BAD, /* corrupt or unreadable; err says which, wal_reader_place where */
} WalRead;

typedef struct WalReader WalReader;

/* Segments first … first+count-1 of a folder. ERR_IO. */
bool wal_reader_open(const char *dir, u32 first, u32 count, WalReader **ret, Err *err) MUST_USE;
/* One segment that lies in memory (borrowed), for tests. */
WalReader *wal_reader_over(Str segment);
WalReader *wal_reader_close(WalReader *reader); /* NULL-safe, NULL */

/* The next record, unpacked; borrowed until the next call. */
WalRead wal_read(WalReader *reader, Str *ret, Err *err);

/* The segment, and the offset behind the last good record in it. */
void wal_reader_place(const WalReader *reader, u32 *ret_segment, u64 *ret_offset);

/* Cuts `segment` at `offset`, fills its page with zeros, removes all later segments. */
bool wal_repair(const char *dir, u32 segment, u64 offset, Err *err) MUST_USE;
