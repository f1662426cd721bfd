/*
 * The index of a block: which series it has, where their chunks lie, and for every label which
 * series carry it. The file is mapped; little of it is copied: every 8th symbol's and every 32nd
 * label pair's place.
 *
 *     header            magic 0xbaaad700 (4), version (1): 1, 2 or 3
 *     symbols           section: count (4), then strings, sorted
 *     series            entries, in versions 2 and 3 each at a multiple of 16
 *     label indices     no longer read by anybody
 *     postings          one section a label pair: count (4), then series refs (4 each), ascending
 *     label offsets     no longer read by anybody
 *     postings offsets  section: count (4), then 2 (1), name, value, offset (uvarint) a pair
 *     contents (TOC)    offsets of the six parts above (8 each), CRC-32C (4): the last 52 bytes
 *
 *     section   length (4), bytes, CRC-32C of the bytes (4); all numbers big endian
 *     series    length (uvarint), then: label count, symbol of name and value each (uvarint), chunk
 *               count, chunks; CRC-32C (4)
 *     chunk     first: mint (varint), maxt - mint (uvarint), ref (uvarint)
 *               later: mint - previous maxt (uvarint), maxt - mint (uvarint),
 *                      ref - previous ref (varint)
 *     A series ref is the entry's offset / 16; in version 1 the offset. A symbol is its number; in
 *     version 1 its offset in the file. The pair of two empty strings lists all series. Version 3
 * is version 2 without the two parts that nobody reads.
 *
 * What is read was checked: bounds always, a part's CRC when it is used. Every error names the file
 * and the byte.
 *
 * Layer: tsdb. Memory: open/close; strings borrow the mapping. Thread: immutable once open.
 * Source: Prometheus tsdb/docs/format/index.md.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "tsdb/block_chunks.h"

#include <roaring/roaring.h>

typedef struct BlockIndex BlockIndex;

typedef struct ChunkMeta {
    i64 mint_ms, maxt_ms; /* inclusive */
    u64 ref;              /* block_chunks.h */
} ChunkMeta;

typedef struct IndexSeries {
    Labels labels;
    const ChunkMeta *chunks;
    size_t chunk_count;
} IndexSeries;

enum { INDEX_CACHE_SIZE = 512 };

/* Symbols looked up lately; zeroed: empty. For one index and one thread. */
typedef struct IndexCache {
    struct {
        u32 symbol;
        Str text; /* ptr NULL: unused */
    } at[INDEX_CACHE_SIZE];
} IndexCache;

/* ERR_CORRUPT, ERR_UNSUPPORTED: another version; ERR_IO, ERR_NOT_FOUND. */
bool block_index_open(const char *path, BlockIndex **ret, Err *err) MUST_USE;

/* The same over bytes in memory, borrowed until the close. */
bool block_index_open_bytes(Str bytes, const char *path, BlockIndex **ret, Err *err) MUST_USE;
BlockIndex *block_index_close(BlockIndex *index); /* NULL-safe, NULL */

u64 block_index_size(const BlockIndex *index); /* bytes of the file */
u8 block_index_version(const BlockIndex *index);

/* Symbols in their order: start with *at 0. False at the end. */
bool block_index_next_symbol(const BlockIndex *index, u64 *at, Str *ret);

/* Everything about a series, in the arena; the cache may be NULL. ERR_CORRUPT, ERR_LIMIT. */
bool block_index_series(const BlockIndex *index, u32 ref, IndexCache *cache, Arena *arena,
                        IndexSeries *ret, Err *err) MUST_USE;

/* Its labels only, when a chunk touches [mint, maxt]; else *ret_inside is false. */
bool block_index_labels_within(const BlockIndex *index, u32 ref, i64 mint_ms, i64 maxt_ms,
                               IndexCache *cache, Arena *arena, Labels *ret, bool *ret_inside,
                               Err *err) MUST_USE;
bool block_index_chunks(const BlockIndex *index, u32 ref, Arena *arena, const ChunkMeta **ret,
                        size_t *ret_count, Err *err) MUST_USE;

/* ---- postings ---- */

size_t block_index_name_count(const BlockIndex *index);
Str block_index_name(const BlockIndex *index, size_t i); /* sorted; the empty one is all series */

/* The values of one name in their order, each with the place of its series. */
typedef struct IndexValues {
    const BlockIndex *index;
    size_t first; /* sample of the name */
    u64 count, next;
    const u8 *at;
} IndexValues;

IndexValues block_index_values(const BlockIndex *index, Str name); /* count 0: no such name */
bool block_index_next_value(IndexValues *values, Str *ret_value, u64 *ret_postings);
bool block_index_find(const BlockIndex *index, Str name, Str value, u64 *ret_postings);

/* Adds the series at that place to the set; how many they are without reading them. ERR_CORRUPT. */
bool block_index_postings(const BlockIndex *index, u64 postings, roaring_bitmap_t *into,
                          Err *err) MUST_USE;
u64 block_index_postings_count(const BlockIndex *index, u64 postings);
bool block_index_all(const BlockIndex *index, roaring_bitmap_t *into, Err *err) MUST_USE;

/* The refs of the series that all matchers match; the caller frees the set. ERR_CORRUPT. */
bool block_index_match(const BlockIndex *index, const Matcher *matchers, size_t count,
                       roaring_bitmap_t **ret, Err *err) MUST_USE;

/* Reads every byte of the file. Counts what it found; calls `chunk` (may be NULL) for each chunk.
 */
typedef struct IndexCounts {
    u64 series, chunks;
    i64 mint_ms, maxt_ms; /* of all chunks */
} IndexCounts;
bool block_index_verify(const BlockIndex *index, IndexCounts *ret, Err *err) MUST_USE;
