/*
 * Paged: an array that grows without moving its elements, so that readers may hold pointers into it
 * while a writer adds to its end. The table of pages is reserved at once and touched as needed.
 *
 * Layer: tsdb. Memory: paged_done frees. Thread: one writer; an element may be read by whoever
 * learned its index through a lock.
 */
#pragma once

#include "base/mem.h"
#include "base/types.h"

enum {
    PAGED_SHIFT = 10,
    PAGED_PAGE = 1 << PAGED_SHIFT, /* elements a page */
    PAGED_PAGES_MAX = 1 << 17,     /* pages: 134 million elements */
};

typedef struct Paged {
    u8 **pages; /* PAGED_PAGES_MAX of them, NULL behind the last */
    size_t element_size;
    u32 count;
} Paged;

static inline void paged_init(Paged *paged, size_t element_size)
{
    *paged = (Paged){.pages = MEM_ARRAY(u8 *, PAGED_PAGES_MAX), .element_size = element_size};
}

static inline void paged_done(Paged *paged)
{
    for (u32 page = 0; page * (u64)PAGED_PAGE < paged->count; page++) {
        mem_free(paged->pages[page]);
    }
    mem_free(paged->pages);
    *paged = (Paged){0};
}

static inline void *paged_at(const Paged *paged, u32 index)
{
    return paged->pages[index >> PAGED_SHIFT] + (index & (PAGED_PAGE - 1)) * paged->element_size;
}

/* A zeroed new last element, or NULL when the array is full. */
static inline void *paged_push(Paged *paged)
{
    u32 page = paged->count >> PAGED_SHIFT;
    if (page == PAGED_PAGES_MAX) {
        return NULL;
    }
    if (!paged->pages[page]) {
        paged->pages[page] = mem_zero(PAGED_PAGE, paged->element_size);
    }
    return paged_at(paged, paged->count++);
}
