/*
 * Chunk files: full chunks of the head, written to chunks_head/ and mapped back, so that they cost
 * the process no memory of its own. They only save what the log holds too: when a file is damaged
 * it is cut, and replaying the log brings the samples back.
 *
 *     file    DIR/%06u, at most CHUNK_FILE_SIZE_MAX bytes
 *             magic 0x0130bc91 (4), version 1 (1), padding (3), then chunks
 *     chunk   series ref (8, BE), first and last time (8 each, BE), encoding (1; top bit: out of
 *             order), length (uvarint), data, CRC-32C of all before (4, BE)
 *     A chunk whose ref and times are zero ends the file (space that was reserved).
 *
 * Layer: tsdb. Memory: chunk_files_open/chunk_files_close; what chunk_files_get gives is borrowed
 * until chunk_files_unpin. Thread: one writer; readers any, between pin and unpin.
 * Source: Prometheus tsdb/docs/format/head_chunks.md.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

enum {
    CHUNK_FILE_SIZE_MAX = 128 * 1024 * 1024,
    CHUNK_ENCODING_XOR = 1,
    CHUNK_ENCODING_HISTOGRAM = 2,
    CHUNK_ENCODING_FLOAT_HISTOGRAM = 3,
    CHUNK_OUT_OF_ORDER = 0x80, /* or-ed to the encoding */
};

typedef u64 ChunkRef; /* file number << 32 | offset */

typedef struct FileChunk {
    u64 series_ref;
    i64 mint_ms, maxt_ms;
    u8 encoding;
    Str data;
    ChunkRef ref; /* set by reading and writing */
} FileChunk;

typedef struct ChunkFiles ChunkFiles;

/* ERR_IO. Existing files are mapped, nothing is read. */
bool chunk_files_open(const char *dir, ChunkFiles **ret, Err *err) MUST_USE;
ChunkFiles *chunk_files_close(ChunkFiles *files); /* NULL-safe, NULL */

/*
 * Visits all chunks in order. At the first damage the file is cut there and all later files are
 * removed; *ret_damage then says what it was (code ERR_NONE: nothing).
 * Errors  ERR_IO: the damage could not be cut away
 */
bool chunk_files_scan(ChunkFiles *files, void (*visit)(void *self, const FileChunk *chunk),
                      void *self, Err *ret_damage, Err *err) MUST_USE;

/*
 * Appends chunks in one write (two when a new file is begun) and sets their refs.
 * ret_written  how many count; fewer than `count` only on failure
 * Errors       ERR_IO
 */
bool chunk_files_write(ChunkFiles *files, FileChunk *chunks, size_t count, size_t *ret_written,
                       Err *err) MUST_USE;

void chunk_files_pin(ChunkFiles *files);
void chunk_files_unpin(ChunkFiles *files);

/* ERR_NOT_FOUND: the file was removed; ERR_CORRUPT: with file and offset. */
bool chunk_files_get(const ChunkFiles *files, ChunkRef ref, FileChunk *ret, Err *err) MUST_USE;

/* Removes the files from the oldest on that end before mint; never the one being written. */
bool chunk_files_truncate(ChunkFiles *files, i64 mint_ms, u64 *ret_removed, Err *err) MUST_USE;

bool chunk_files_sync(ChunkFiles *files, Err *err) MUST_USE;
u64 chunk_files_size(ChunkFiles *files); /* bytes of all files */
