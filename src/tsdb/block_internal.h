/*
 * A block, inside: what opening and reading share. See block.h. Layer: tsdb. Thread: immutable.
 */
#pragma once

#include "tsdb/block.h"

#include <stdatomic.h>

struct Block {
    Source source;
    atomic_uint references;
    char *dir;   /* owned */
    Arena arena; /* keeps what meta points to */
    BlockMeta meta;
    BlockIndex *index;
    BlockChunks *chunks;
    Tombstones tombstones;
    u64 series;     /* in the list of all */
    u64 other_size; /* bytes of meta.json and tombstones */
};

bool block_select(Source *source, const Select *select, Arena *arena, SeriesSet *ret, Err *err);
bool block_read(Source *source, const SeriesSet *set, size_t index, i64 mint_ms, i64 maxt_ms,
                Arena *arena, SampleColumns *ret, Err *err);
void block_release_set(Source *source, SeriesSet *set);
bool block_label_names(Source *source, const Select *select, Arena *arena, Str **ret,
                       size_t *ret_count, Err *err);
bool block_label_values(Source *source, Str name, const Select *select, Arena *arena, Str **ret,
                        size_t *ret_count, Err *err);
