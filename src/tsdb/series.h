/*
 * Series: what the head keeps of one series: 96 bytes, beside its labels (four bytes each), its
 * open chunk and the list of its full chunks.
 *
 * Layer: tsdb. Memory: a Series lies in the head's paged array for the head's life and is reused;
 * what it points to comes from the head's slab.
 * Thread: changed under the head's commit lock and state lock (writing); read under either. Labels
 * do not change while the series exists, so who holds a pin reads them without a lock.
 */
#pragma once

#include "base/types.h"
#include "tsdb/chunk_files.h"
#include "tsdb/chunk_xor.h"
#include "tsdb/label_index.h"

typedef struct HistogramChunk HistogramChunk; /* chunk_histogram.h */

/* A chunk that takes no more samples: on disk, or in memory until it has been written. */
typedef struct FullChunk {
    u64 where;  /* ChunkRef, or FULL_CHUNK_MEMORY | encoding << 56 | address */
    u32 mint_s; /* first time, in seconds after the list's base, rounded down */
    u16 count;  /* samples */
    u16 size;   /* bytes, of an XOR chunk in memory */
} FullChunk;

#define FULL_CHUNK_MEMORY        ((u64)1 << 63)
#define FULL_CHUNK_ENCODING_BITS 56

typedef struct FullChunks {
    i64 base_ms; /* first time of the first chunk, rounded down to a second */
    u32 count;
    u32 capacity;
    FullChunk at[]; /* oldest first */
} FullChunks;

enum {
    SERIES_LIVE = 1 << 0,    /* can be found; else free, or waiting for readers to leave */
    SERIES_SAMPLED = 1 << 1, /* open.t_ms is the time of its newest sample */
    SERIES_LOGGED = 1 << 2,  /* its record is in the log */
    SERIES_IDLE = 1 << 3,    /* a truncation saw it without any sample */
};

/* What an append touches comes first. */
typedef struct Series {
    XorAppender open; /* of the open chunk; t_ms and value are the newest sample's, always */
    union {
        u8 *bytes; /* the open XOR chunk, chunk_room bytes; NULL: none */
        HistogramChunk *histogram;
    } chunk;
    i64 cut_ms;     /* the open chunk takes samples before this time */
    u32 span_ms;    /* from the open chunk's first sample to its newest */
    u32 total;      /* samples that were ever appended or loaded, modulo 2^32 */
    u32 generation; /* of this slot; in every SeriesId */
    u16 chunk_room; /* bytes */
    u8 encoding;    /* of the open chunk; 0: none */
    u8 flags;
    u64 ref;          /* in the log; never reused */
    FullChunks *full; /* NULL: none */
    PairId *pairs;    /* in the order of the label names */
    u32 hash;         /* of pairs */
    u16 pair_count;
} Series;

_Static_assert(sizeof(Series) <= 96, "the promise is 96 bytes a series");
_Static_assert(sizeof(FullChunk) == 16, "one line of cache holds four");

static inline u64 full_chunk_in_memory(u8 encoding, const void *address)
{
    return FULL_CHUNK_MEMORY | (u64)encoding << FULL_CHUNK_ENCODING_BITS | (u64)(uintptr_t)address;
}

static inline bool full_chunk_is_in_memory(const FullChunk *chunk)
{
    return (chunk->where & FULL_CHUNK_MEMORY) != 0;
}

static inline u8 full_chunk_encoding(const FullChunk *chunk) /* of one in memory */
{
    return (u8)(chunk->where >> FULL_CHUNK_ENCODING_BITS) & 0x7f;
}

static inline void *full_chunk_address(const FullChunk *chunk)
{
    return (void *)(uintptr_t)(chunk->where & (((u64)1 << FULL_CHUNK_ENCODING_BITS) - 1));
}
