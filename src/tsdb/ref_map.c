/* Ref map: see ref_map.h. Layer: tsdb. Thread: one at a time. */
#include "tsdb/ref_map.h"

#include "base/mem.h"

void ref_map_done(RefMap *map)
{
    for (size_t i = 0; i < map->pages.count; i++) {
        mem_free(map->pages.at[i]);
    }
    vec_done(&map->pages);
    u64map_done(&map->page_of);
    *map = (RefMap){0};
}

u32 *ref_map_page(RefMap *map, u64 number)
{
    const u64 *at = u64map_find(&map->page_of, number);
    return at ? map->pages.at[*at] : NULL;
}

void ref_map_put(RefMap *map, u64 ref, u32 slot)
{
    bool is_new;
    u64 *at = u64map_put(&map->page_of, ref >> REF_PAGE_SHIFT, &is_new);
    if (is_new) {
        *at = map->pages.count;
        *vec_push(&map->pages) = MEM_ARRAY(u32, (size_t)1 << REF_PAGE_SHIFT);
    }
    map->pages.at[*at][ref & ((1U << REF_PAGE_SHIFT) - 1)] = slot + 1;
}
