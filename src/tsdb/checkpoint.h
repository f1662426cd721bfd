/*
 * Checkpoints: what is still needed of old log segments, in a folder of the log's own format.
 *
 *     DIR/checkpoint.%08u         series that may still be mentioned, samples not older than mint,
 *                                 of all segments up to that number and the checkpoint before
 *     DIR/checkpoint.%08u.tmp     one that was not finished; removed when the log is opened
 *
 * Layer: tsdb. Memory: none kept. Thread: one at a time.
 * Source: Prometheus tsdb/docs/format/wal.md and tsdb/docs/refs.md.
 */
#pragma once

#include "base/err.h"
#include "base/types.h"
#include "tsdb/wal.h"

enum { CHECKPOINT_PATH_MAX = 4096 };

/* The newest finished one; *ret_found false when there is none. ret_path: CHECKPOINT_PATH_MAX. */
bool checkpoint_find(const char *dir, bool *ret_found, u32 *ret_segment, char *ret_path,
                     Err *err) MUST_USE;

/* Removes unfinished ones and those that a newer one replaces. */
bool checkpoint_clean(const char *dir, Err *err) MUST_USE;

typedef struct CheckpointOpts {
    const char *dir;
    u32 first, last; /* segments that are folded in */
    i64 mint_ms;
    WalCompression compression;
    bool (*keep_series)(void *self, u64 ref, u32 last_segment);
    void *self;
} CheckpointOpts;

typedef struct CheckpointStats {
    u64 series_kept, series_dropped;
    u64 samples_kept, samples_dropped;
} CheckpointStats;

/*
 * Folds the newest checkpoint and the segments first … last into a new checkpoint, durably, then
 * removes those segments and older checkpoints.
 * Errors  ERR_IO, ERR_CORRUPT: nothing was removed
 */
bool checkpoint_write(const CheckpointOpts *opts, CheckpointStats *ret, Err *err) MUST_USE;
