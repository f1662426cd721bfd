/*
 * Time-series database: a directory in Prometheus's format, written through a Sink and read through
 * a Source.
 *
 *     DIR/lock            held while open
 *     DIR/wal/            the write-ahead log and its checkpoint: wal.h, checkpoint.h
 *     DIR/chunks_head/    full chunks of the head: chunk_files.h
 *     DIR/<ULID>/         blocks; their presence is reported, they are neither read nor touched
 *
 * A batch that sink.append took is in the kernel and survives the end of the process; it survives
 * the end of the machine after the next tsdb_maintain, tsdb_close or full segment.
 *
 * Layer: tsdb. Memory: tsdb_open/tsdb_close. Thread: sink, source and the figures from any;
 * tsdb_maintain from a worker, one at a time; tsdb_open blocks for as long as the replay takes.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "model/sink.h"
#include "model/source.h"
#include "tsdb/cardinality.h"
#include "tsdb/head.h"
#include "tsdb/head_replay.h"
#include "tsdb/wal.h"

#define TSDB_SPAN_MS_DEFAULT      ((i64)2 * 3600 * 1000)
#define TSDB_RETENTION_MS_DEFAULT ((i64)15 * 24 * 3600 * 1000)

typedef struct Tsdb Tsdb;

typedef enum TsdbEvent {
    TSDB_REPAIRED,            /* something was damaged and was cut away; the text says what */
    TSDB_BLOCKS_UNREAD,       /* there are blocks, which are kept but not read */
    TSDB_OUT_OF_ORDER_UNREAD, /* there is an out-of-order log, which is kept but not read */
} TsdbEvent;

typedef struct TsdbOpts {
    const char *dir;
    i64 retention_ms;        /* samples older than this are dropped; 0: the default */
    i64 span_ms;             /* of a chunk at most, and of a block later; 0: the default */
    size_t wal_segment_size; /* bytes, a multiple of WAL_PAGE_SIZE; 0: the default */
    WalCompression wal_compression;
    bool no_lock_file;
    size_t exemplars_max; /* 0: none are kept */
    bool log_metadata;
    i64 (*now_ms)(void *self);                                     /* NULL: the wall clock */
    void (*report)(void *self, TsdbEvent event, const char *text); /* may be NULL */
    void *self;
    ReplayProgress *progress; /* borrowed until tsdb_close; may be NULL */
} TsdbOpts;

/*
 * Opens the directory, making it when it is missing, and replays what it holds.
 * Errors  ERR_EXISTS: another process has it; ERR_IO
 */
bool tsdb_open(const TsdbOpts *opts, Tsdb **ret, Err *err) MUST_USE;

/* Writes what is pending, syncs, lets go of the lock. Nobody may use sink, source or a set any
 * more. False when something could not be written; the memory is gone either way. NULL-safe. */
bool tsdb_close(Tsdb *db, Err *err);

Sink *tsdb_sink(Tsdb *db);
Source *tsdb_source(Tsdb *db);

/*
 * Housekeeping, once a minute: syncs the log, writes full chunks out, drops what is past its
 * retention, writes a checkpoint when that frees log segments.
 * Errors  the first one of these steps; the others are done nevertheless
 */
bool tsdb_maintain(Tsdb *db, Err *err) MUST_USE;

typedef struct TsdbStats {
    HeadStats head;
    WalStats wal;
    ReplayStats replay;
    i64 replay_ns;
    u64 chunk_file_bytes;
    u64 truncations, checkpoints, maintain_failures;
} TsdbStats;

void tsdb_stats(Tsdb *db, TsdbStats *ret);
void tsdb_memory(Tsdb *db, HeadMemory *ret);

typedef struct ReplayStatus {
    i64 first_segment, last_segment, current_segment;
    bool done;
} ReplayStatus;

/* What a progress says now; also while tsdb_open runs in another thread. */
void tsdb_replay_status(const ReplayProgress *progress, ReplayStatus *ret);

/* As /api/v1/status/tsdb shows it: each list has at most `limit` entries. Walks all label pairs. */
bool tsdb_cardinality(Tsdb *db, size_t limit, Arena *arena, Cardinality *ret, Err *err) MUST_USE;

/* The exemplars of one series of a set, oldest first. */
bool tsdb_exemplars(Tsdb *db, const SeriesSet *set, size_t index, i64 mint_ms, i64 maxt_ms,
                    Arena *arena, Exemplar **ret, size_t *ret_count, Err *err) MUST_USE;
