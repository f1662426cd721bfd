/* Slab: see slab.h. Layer: tsdb. Memory: slab_done frees. Thread: one at a time. */
#include "tsdb/slab.h"

#include "base/mem.h"

#include <sys/mman.h>

static const u16 class_sizes[SLAB_CLASSES] = {
    8,   16,  24,  32,  48,  64,  80,  96,   112,  128,  160,  192,  224,  256,
    320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048, 3072, 4096};

enum {
    BLOCK_HEADER = 64, /* bytes; objects start behind it */
    SPARE_SHARE = 16,  /* of the blocks, at most so many are kept empty … */
    SPARE_MIN = 4,     /* … or so many */
};

typedef struct FreeObject {
    struct FreeObject *next;
} FreeObject;

/* Lies at the start of its memory, so that an object finds it by masking its own address. */
struct SlabBlock {
    SlabBlock *next, *previous; /* in the list of its class; not in it when full */
    SlabBlock *all_next, *all_previous;
    FreeObject *free;
    u32 fresh; /* offset of the part that was never used */
    u32 live;  /* objects */
    u32 class;
    bool listed;
};
_Static_assert(sizeof(SlabBlock) <= BLOCK_HEADER, "objects start behind the header");

static u32 class_for(size_t size)
{
    u32 low = 0;
    u32 high = SLAB_CLASSES - 1;
    while (low < high) {
        u32 middle = (low + high) / 2;
        if (class_sizes[middle] < size) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

size_t slab_room(size_t size)
{
    return size > SLAB_SIZE_MAX ? size : class_sizes[class_for(size)];
}

static void list_add(Slab *slab, SlabBlock *block)
{
    SlabBlock *first = slab->open[block->class];
    block->next = first;
    block->previous = NULL;
    if (first) {
        first->previous = block;
    }
    slab->open[block->class] = block;
    block->listed = true;
}

static void list_remove(Slab *slab, SlabBlock *block)
{
    if (block->previous) {
        block->previous->next = block->next;
    } else {
        slab->open[block->class] = block->next;
    }
    if (block->next) {
        block->next->previous = block->previous;
    }
    block->listed = false;
}

static SlabBlock *block_new(Slab *slab, u32 class)
{
    SlabBlock *block = slab->spare;
    if (block) {
        slab->spare = block->next;
        slab->spare_count--;
    } else {
        block = mem_aligned(SLAB_BLOCK_SIZE, SLAB_BLOCK_SIZE);
    }
    *block = (SlabBlock){.fresh = BLOCK_HEADER, .class = class};
    block->all_next = slab->all;
    if (slab->all) {
        slab->all->all_previous = block;
    }
    slab->all = block;
    slab->block_count++;
    list_add(slab, block);
    return block;
}

static void block_free(Slab *slab, SlabBlock *block)
{
    if (block->all_previous) {
        block->all_previous->all_next = block->all_next;
    } else {
        slab->all = block->all_next;
    }
    if (block->all_next) {
        block->all_next->all_previous = block->all_previous;
    }
    slab->block_count--;
    /* Objects that grow leave one class and fill another: the next one takes the block over. */
    if (slab->spare_count < MAX(slab->block_count / SPARE_SHARE, (u64)SPARE_MIN)) {
        block->next = slab->spare;
        slab->spare = block;
        slab->spare_count++;
    } else {
        /* An allocator may keep the address for later; its memory shall go now. */
        (void)madvise(block, SLAB_BLOCK_SIZE, MADV_DONTNEED);
        mem_free(block);
    }
}

void slab_done(Slab *slab)
{
    while (slab->all) {
        block_free(slab, slab->all);
    }
    while (slab->spare) {
        SlabBlock *next = slab->spare->next;
        mem_free(slab->spare);
        slab->spare = next;
    }
    *slab = (Slab){0};
}

void *slab_alloc(Slab *slab, size_t size)
{
    if (size > SLAB_SIZE_MAX) {
        slab->used_bytes += size;
        slab->large_bytes += size;
        return mem_alloc(size);
    }
    u32 class = class_for(size);
    u32 room = class_sizes[class];
    SlabBlock *block = slab->open[class] ? slab->open[class] : block_new(slab, class);
    void *object = block->free;
    if (object) {
        block->free = block->free->next;
    } else {
        object = (u8 *)block + block->fresh;
        block->fresh += room;
    }
    block->live++;
    if (!block->free && block->fresh + room > SLAB_BLOCK_SIZE) {
        list_remove(slab, block);
    }
    slab->used_bytes += room;
    return object;
}

void slab_free(Slab *slab, void *ptr, size_t size)
{
    if (!ptr) {
        return;
    }
    if (size > SLAB_SIZE_MAX) {
        slab->used_bytes -= size;
        slab->large_bytes -= size;
        mem_free(ptr);
        return;
    }
    SlabBlock *block = (SlabBlock *)((uintptr_t)ptr & ~((uintptr_t)SLAB_BLOCK_SIZE - 1));
    ASSERT(class_sizes[block->class] >= size && block->live > 0);
    slab->used_bytes -= class_sizes[block->class];
    block->live--;
    FreeObject *object = ptr;
    object->next = block->free;
    block->free = object;
    if (!block->listed) {
        list_add(slab, block);
    }
    if (block->live == 0 && (block->next || block->previous)) {
        list_remove(slab, block);
        block_free(slab, block);
    }
}
