/*
 * Writing a block: symbols first, then series with their chunks, each behind the other in the order
 * of their labels; then it is there as a whole or not at all.
 *
 * Everything goes into DIR/<ULID>.tmp-for-creation, is synced, and gets its name by a rename. What
 * was not finished is removed when the writer is freed, and by whoever opens the database next.
 *
 * Layer: tsdb. Memory: block_writer_new/free, as index_writer's; nothing grows with samples or
 * chunks but the chunks of one series. Thread: one.
 */
#pragma once

#include "base/err.h"
#include "model/labels.h"
#include "tsdb/block_chunks.h"
#include "tsdb/block_meta.h"
#include "tsdb/tombstones.h"

#define BLOCK_TEMPORARY_SUFFIX ".tmp-for-creation"

typedef struct BlockWriter BlockWriter;

typedef struct BlockWriterOpts {
    const char *dir;  /* of the database; must exist; copied */
    Ulid ulid;        /* the block's name */
    u64 segment_size; /* 0: BLOCK_SEGMENT_SIZE_MAX */
} BlockWriterOpts;

bool block_writer_new(const BlockWriterOpts *opts, BlockWriter **ret, Err *err) MUST_USE;
BlockWriter *block_writer_free(BlockWriter *writer); /* NULL-safe, NULL */

/* Every name and value of every label to come, sorted, once each. ERR_INVALID, ERR_LIMIT, ERR_IO.
 */
bool block_writer_symbol(BlockWriter *writer, Str symbol, Err *err) MUST_USE;

/* A series and its chunks, sorted by time; their refs are set. ERR_INVALID, ERR_LIMIT, ERR_IO. */
bool block_writer_series(BlockWriter *writer, Labels labels, BlockChunk *chunks, size_t count,
                         Err *err) MUST_USE;

/*
 * Writes the rest and renames. Of `meta` the ULID and the figures are set here; range, level,
 * sources and what else there is to say are the caller's. Without sources the block is its own.
 * ERR_INVALID: no series, or a sample outside [mint, maxt); ERR_IO.
 */
bool block_writer_finish(BlockWriter *writer, BlockMeta *meta, Err *err) MUST_USE;
