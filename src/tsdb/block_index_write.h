/*
 * Writing the index of a block (version 2, as block_index.h describes it) in one stream: first all
 * symbols in their order, then all series in that of their labels, then everything else from what
 * is in the file already. Neither series nor postings are kept in memory: the lists of label pairs
 * are made in as many passes over the series as their sum of 32 MiB at a time needs.
 *
 * The two parts that nobody reads are written empty.
 *
 * Layer: tsdb. Memory: index_writer_new/free: 4 bytes a symbol, some 60 a label pair. Thread: one.
 */
#pragma once

#include "base/err.h"
#include "model/labels.h"
#include "tsdb/block_index.h"

typedef struct IndexWriter IndexWriter;

/* Creates DIR/index, which must not exist. */
bool index_writer_new(const char *dir, IndexWriter **ret, Err *err) MUST_USE;
IndexWriter *index_writer_free(IndexWriter *writer); /* NULL-safe, NULL */

/* ERR_INVALID: not behind the one before; ERR_LIMIT: 4 GiB of symbols; ERR_IO. */
bool index_writer_symbol(IndexWriter *writer, Str symbol, Err *err) MUST_USE;

/*
 * ERR_INVALID: not behind the one before, or one of its strings is no symbol, or its chunks are not
 * sorted by time; ERR_LIMIT: 64 GiB of series; ERR_IO.
 */
bool index_writer_series(IndexWriter *writer, Labels labels, const ChunkMeta *chunks, size_t count,
                         Err *err) MUST_USE;
bool index_writer_finish(IndexWriter *writer, Err *err) MUST_USE; /* durable */
