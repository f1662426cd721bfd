/*
 * Postings: the set of series (slots) that have one label. Eight bytes when empty or with one
 * member, as most sets are; a sorted array when small; a roaring bitmap when large.
 *
 * Layer: tsdb. Memory: arrays from the given slab, bitmaps from the allocator; postings_clear
 * frees. Thread: one writer or many readers.
 */
#pragma once

#include "base/types.h"
#include "tsdb/slab.h"

#include <roaring/roaring.h>

enum { POSTINGS_SMALL_MAX = 64 }; /* members of an array */

typedef struct Postings {
    u64 bits; /* what it is in the two low bits; zero: empty */
} Postings;

void postings_add(Slab *slab, Postings *postings, u32 slot);
void postings_remove(Slab *slab, Postings *postings, u32 slot); /* a member */
void postings_clear(Slab *slab, Postings *postings);
u64 postings_count(const Postings *postings);
u64 postings_bytes(const Postings *postings); /* memory beside the struct */
void postings_or_into(const Postings *postings, roaring_bitmap_t *into);
void postings_and_into(const Postings *postings, roaring_bitmap_t *into);
void postings_andnot_into(const Postings *postings, roaring_bitmap_t *into);
bool postings_intersect(const Postings *postings, const roaring_bitmap_t *with);
void postings_optimize(Postings *postings); /* runs and no slack; worth it after many changes */
