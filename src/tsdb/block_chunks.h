/*
 * The chunks of a block: segment files that are written once and mapped from then on.
 *
 *     file    DIR/%06u from 000001 without gaps, at most 512 MiB
 *             magic 0x85bd40dd (4), version 1 (1), padding (3, zero), then chunks
 *     chunk   length of the data (uvarint), encoding (1), data, CRC-32C of encoding and data (4,
 * BE) ref     index of the file from 0 << 32 | offset of the chunk in it
 *
 * Layer: tsdb. Memory: open/close, new/free; data that is read borrows the mapping. Thread: a
 * reader any, a writer one. Source: Prometheus tsdb/docs/format/chunks.md.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

enum { BLOCK_SEGMENT_SIZE_MAX = 512 * 1024 * 1024 };

typedef struct BlockChunk {
    i64 mint_ms, maxt_ms; /* of its samples, inclusive; the index keeps them */
    u8 encoding;
    Str data;
    u64 ref;
} BlockChunk;

typedef struct BlockChunks BlockChunks;

/* Maps all segments. ERR_CORRUPT: a segment is missing or does not begin as one; ERR_IO. */
bool block_chunks_open(const char *dir, BlockChunks **ret, Err *err) MUST_USE;
BlockChunks *block_chunks_close(BlockChunks *chunks); /* NULL-safe, NULL */
u64 block_chunks_size(const BlockChunks *chunks);     /* bytes of all files */

/* Encoding and data of the chunk at `ref`, checked. ERR_CORRUPT with file and offset. */
bool block_chunks_get(const BlockChunks *chunks, u64 ref, BlockChunk *ret, Err *err) MUST_USE;

/* Reads every byte of every segment, one chunk behind the other. */
bool block_chunks_verify(const BlockChunks *chunks, u64 *ret_count, Err *err) MUST_USE;

typedef struct BlockChunksWriter BlockChunksWriter;

/* Makes DIR. segment_size: bytes a file may have, 0: BLOCK_SEGMENT_SIZE_MAX. */
bool block_chunks_writer_new(const char *dir, u64 segment_size, BlockChunksWriter **ret,
                             Err *err) MUST_USE;
BlockChunksWriter *block_chunks_writer_free(BlockChunksWriter *writer); /* NULL-safe, NULL */
bool block_chunks_writer_put(BlockChunksWriter *writer, u8 encoding, Str data, u64 *ret_ref,
                             Err *err) MUST_USE;
bool block_chunks_writer_finish(BlockChunksWriter *writer, Err *err) MUST_USE; /* durable */
