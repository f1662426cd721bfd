/*
 * Ref map: from series references of the log to slots, for a replay. References are mostly dense,
 * so it is a table of pages: four bytes a reference.
 *
 * Layer: tsdb. Memory: ref_map_done frees. Thread: one at a time.
 */
#pragma once

#include "base/map.h"
#include "base/types.h"
#include "base/vec.h"

enum { REF_PAGE_SHIFT = 12 };

typedef struct RefMap {
    U64Map page_of;   /* ref >> REF_PAGE_SHIFT to index in pages */
    VEC(u32 *) pages; /* slot + 1; 0: unknown; owned */
    u64 last_number;
    u32 *last; /* page of last_number; NULL: none yet */
} RefMap;

void ref_map_done(RefMap *map);
void ref_map_put(RefMap *map, u64 ref, u32 slot);
u32 *ref_map_page(RefMap *map, u64 number); /* NULL when absent */

static inline bool ref_map_get(RefMap *map, u64 ref, u32 *ret_slot)
{
    u64 number = ref >> REF_PAGE_SHIFT;
    if (UNLIKELY(!map->last || number != map->last_number)) {
        u32 *page = ref_map_page(map, number);
        if (!page) {
            return false;
        }
        map->last = page;
        map->last_number = number;
    }
    u32 found = map->last[ref & ((1U << REF_PAGE_SHIFT) - 1)];
    *ret_slot = found - 1;
    return found != 0;
}
