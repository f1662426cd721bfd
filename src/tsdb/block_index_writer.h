/*
 * The writer of an index, inside: shared by what writes symbols and series and what makes the
 * postings of them. See block_index_write.h.
 *
 * Layer: tsdb. Thread: one.
 */
#pragma once

#include "base/map.h"
#include "tsdb/block_index_internal.h"
#include "tsdb/block_index_write.h"
#include "tsdb/block_out.h"

typedef struct IndexPair {
    u64 key;   /* symbol of the name, symbol of the value */
    u32 count; /* series */
    u32 next;  /* where the next ref goes while its list is made */
    u64 place; /* of the list in the file */
} IndexPair;

struct IndexWriter {
    BlockOut out;
    FileMap map; /* what is written so far, when it is read again */
    u64 parts[INDEX_PARTS];
    VEC(u32) symbols; /* where each is in the file */
    Buf last_symbol;
    u32 cache[1024]; /* symbol numbers by the hash of their text */
    U64Map pair_of;  /* key to place in `pairs` */
    VEC(IndexPair) pairs;
    u32 series;
    Labels last; /* in one of the arenas */
    Arena arenas[2];
    Buf entry;
};

static inline u64 index_pair_key(u32 name, u32 value)
{
    return (u64)name << 32 | value;
}

static inline void index_store_u32(u8 *to, u32 number)
{
    number = __builtin_bswap32(number);
    memcpy(to, &number, sizeof(number));
}
