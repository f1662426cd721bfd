/*
 * Head: the newest samples, in memory, backed by the write-ahead log and by mapped chunk files.
 *
 * Writers: a batch is checked and coded under the state lock (shared), packed without a lock, then
 * logged and applied under the commit lock; only the applying holds the state lock alone. So the
 * order in the log is the order in memory, and a batch becomes visible at once.
 *
 * Readers: a select pins the head, notes for every series how many samples it has, and sees no
 * later ones. What a series points to is freed when the last pin older than its removal has gone.
 *
 * Lock order: flush, commit, state, then the locks inside symbols, files and log.
 *
 * Layer: tsdb. Memory: head_open/head_close. Thread: any, except open, close and replay.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "model/sink.h"
#include "model/source.h"
#include "tsdb/cardinality.h"
#include "tsdb/chunk_files.h"
#include "tsdb/wal.h"

typedef struct Head Head;

typedef struct HeadOpts {
    Wal *wal;          /* borrowed; NULL: nothing is logged */
    ChunkFiles *files; /* borrowed; NULL: full chunks stay in memory */
    WalCompression compression;
    i64 chunk_span_ms;    /* chunks never cross a multiple of it */
    size_t exemplars_max; /* 0: none are kept */
    bool log_metadata;
} HeadOpts;

enum {
    HEAD_CHUNK_SAMPLES = 120, /* samples a chunk should have */
    HEAD_CHUNK_SAMPLES_MAX = 240,
    HEAD_CHUNK_BYTES_MAX = 1005, /* a chunk with more takes no further sample */
    HEAD_PENDING_MAX = 2048,     /* full chunks in memory before an append writes them */
    HEAD_LABELS_MAX = 4096,      /* labels of one series */
    HEAD_BATCH_MAX = 1000000,    /* samples of one append */
};

Head *head_open(const HeadOpts *opts);
Head *head_close(Head *head); /* NULL-safe, NULL; nothing may be pinned */

/* As Sink says. */
bool head_series(Head *head, Labels labels, SeriesId *ret, bool *ret_new, Err *err) MUST_USE;
bool head_append(Head *head, const BatchSample *samples, size_t count, SampleOutcome *outcomes,
                 Err *err) MUST_USE;
bool head_exemplar(Head *head, SeriesId series, const Exemplar *exemplar, Err *err) MUST_USE;
bool head_metadata(Head *head, SeriesId series, const MetricMetadata *metadata, Err *err) MUST_USE;

/* As Source says. */
bool head_select(Head *head, const Select *select, Arena *arena, SeriesSet *ret, Err *err) MUST_USE;
bool head_read(Head *head, const SeriesSet *set, size_t index, i64 mint_ms, i64 maxt_ms,
               Arena *arena, SampleColumns *ret, Err *err) MUST_USE;
void head_release(Head *head, SeriesSet *set);
bool head_label_names(Head *head, const Select *select, Arena *arena, Str **ret, size_t *ret_count,
                      Err *err) MUST_USE;
bool head_label_values(Head *head, Str name, const Select *select, Arena *arena, Str **ret,
                       size_t *ret_count, Err *err) MUST_USE;

/* Writes full chunks that are still in memory to the chunk files. ERR_IO: they stay in memory. */
bool head_flush(Head *head, Err *err) MUST_USE;
bool head_sync(Head *head, Err *err) MUST_USE; /* the chunk files */
/* As head_flush, for an append: gives up at once when somebody else flushes or truncates. */
void head_flush_if_free(Head *head);

/*
 * Drops what is older than mint: chunks, chunk files, and series whose newest sample is older (or
 * that got none since the last truncation). New samples older than mint are refused from now on.
 * The log is not touched: head_checkpoint.
 */
bool head_truncate(Head *head, i64 mint_ms, Err *err) MUST_USE;

/* Frees what no reader can see any more. */
void head_reclaim(Head *head);

/*
 * Writes the series and the samples since mint of the older two thirds of the log's segments into a
 * checkpoint and removes those segments. Does nothing while there are few.
 * dir  the log's folder
 */
bool head_checkpoint(Head *head, const char *dir, i64 mint_ms, bool *ret_done, Err *err) MUST_USE;

typedef struct HeadStats {
    u64 series;
    u64 series_created;
    u64 series_removed;
    u64 chunks; /* open and full */
    u64 chunks_created;
    u64 chunks_pending; /* full, in memory */
    u64 samples_appended;
    u64 samples_refused[SAMPLE_TOO_OLD + 1]; /* by outcome */
    u64 label_pairs;
    u64 symbols;
    u64 symbol_bytes;
    u64 exemplars;
    i64 mint_ms, maxt_ms; /* mint > maxt: empty */
    i64 min_valid_ms;     /* older samples are refused */
    u64 slab_bytes;       /* memory of chunks, labels and small sets */
} HeadStats;

void head_stats(Head *head, HeadStats *ret);

/* Walks all pairs: for a status page, not for a metric. */
typedef struct HeadMemory {
    u64 series_bytes;
    u64 index_bytes;
    u64 postings_bytes;
    u64 symbol_bytes;
    u64 slab_bytes;
} HeadMemory;
void head_memory(Head *head, HeadMemory *ret);

bool head_cardinality(Head *head, size_t limit, Arena *arena, Cardinality *ret, Err *err) MUST_USE;

bool head_exemplars(Head *head, const SeriesSet *set, size_t index, i64 mint_ms, i64 maxt_ms,
                    Arena *arena, Exemplar **ret, size_t *ret_count, Err *err) MUST_USE;

/* Makes the sets of series compact when many series came or went since the last time. */
void head_compact_sets(Head *head);
