/*
 * Slab: many small objects of few sizes, without a header an object. Blocks of SLAB_BLOCK_SIZE hold
 * objects of one size class; a block whose last object goes serves another class, or goes back.
 *
 * Layer: tsdb. Memory: slab_done frees everything at once. Thread: one at a time.
 * Cost: O(1); less than a fifth is lost by rounding up, plus one block a class in use.
 */
#pragma once

#include "base/types.h"

enum {
    SLAB_BLOCK_SIZE = 256 * 1024, /* bytes, and the alignment of a block */
    SLAB_SIZE_MAX = 4096,         /* larger objects come from the allocator */
    SLAB_CLASSES = 28,
};

typedef struct SlabBlock SlabBlock;

typedef struct Slab {
    SlabBlock *open[SLAB_CLASSES]; /* blocks with room, a list each */
    SlabBlock *all;
    SlabBlock *spare; /* empty ones */
    u64 spare_count;
    u64 block_count; /* without the spare ones */
    u64 used_bytes;  /* handed out, rounded up */
    u64 large_bytes; /* thereof from the allocator */
} Slab;

void *slab_alloc(Slab *slab, size_t size);          /* uninitialised, 8-byte aligned */
void slab_free(Slab *slab, void *ptr, size_t size); /* size: as given to slab_alloc; NULL-safe */
size_t slab_room(size_t size);                      /* what an object of `size` really has */
void slab_done(Slab *slab); /* objects above SLAB_SIZE_MAX must have been freed before */
