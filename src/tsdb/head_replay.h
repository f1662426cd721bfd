/*
 * Replay: from the files of an earlier run back to the head.
 *
 * Chunk files first, then the newest checkpoint, then the log's segments behind it. Samples that
 * lie in a chunk file are passed over. What is damaged is cut away, as far as the formats demand,
 * and told in the report.
 *
 * Layer: tsdb. Memory: beside the head itself one record and four bytes a series reference.
 * Thread: one; nobody else uses the head yet.
 */
#pragma once

#include "tsdb/head.h"

#include <stdatomic.h>

/* For those who wait; written during the replay. */
typedef struct ReplayProgress {
    _Atomic i64 first_segment, last_segment, current_segment; /* -1: not known yet */
    _Atomic bool done;
} ReplayProgress;

typedef struct ReplayStats {
    u64 chunks;              /* taken from chunk files */
    u64 out_of_order_chunks; /* passed over */
    u64 records;
    u64 series;
    u64 samples;         /* seen */
    u64 samples_applied; /* thereof appended; the others lie in chunk files */
    u64 unknown_refs;    /* samples of series that no record names */
    u32 last_segment;
    bool repaired; /* the log was cut at its first damage */
} ReplayStats;

typedef struct ReplayOpts {
    const char *wal_dir;
    ReplayProgress *progress;                     /* may be NULL */
    void (*report)(void *self, const char *text); /* damage and what was done; may be NULL */
    void *self;
} ReplayOpts;

/* ERR_IO. Corruption is not an error: it is repaired. */
bool head_replay(Head *head, const ReplayOpts *opts, ReplayStats *ret, Err *err) MUST_USE;

/* From now on batches are logged. */
void head_attach_wal(Head *head, Wal *wal);
