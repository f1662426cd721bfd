/* Tombstones: see tombstones.h. Layer: tsdb. Thread: one writer or many readers. */
#include "tsdb/tombstones.h"

#include <string.h>

void tombstones_init(Tombstones *tombstones)
{
    *tombstones = (Tombstones){0};
}

void tombstones_done(Tombstones *tombstones)
{
    for (size_t i = 0; i < tombstones->lists.count; i++) {
        vec_done(&tombstones->lists.at[i]);
    }
    vec_done(&tombstones->lists);
    u64map_done(&tombstones->list_of);
}

static bool touches(Interval a, Interval b)
{
    bool a_ends_before = a.last_ms < b.first_ms && b.first_ms - 1 != a.last_ms;
    bool b_ends_before = b.last_ms < a.first_ms && a.first_ms - 1 != b.last_ms;
    return !a_ends_before && !b_ends_before;
}

void tombstones_add(Tombstones *tombstones, u32 slot, Interval interval)
{
    u64 *at = u64map_put(&tombstones->list_of, slot, NULL);
    if (*at == 0) {
        *vec_push(&tombstones->lists) = (IntervalList){0};
        *at = tombstones->lists.count;
    }
    IntervalList *list = &tombstones->lists.at[*at - 1];
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (touches(list->at[i], interval)) {
            interval.first_ms = MIN(interval.first_ms, list->at[i].first_ms);
            interval.last_ms = MAX(interval.last_ms, list->at[i].last_ms);
        } else {
            list->at[kept++] = list->at[i];
        }
    }
    list->count = kept;
    (void)vec_push(list);
    size_t place = list->count - 1;
    for (; place > 0 && list->at[place - 1].first_ms > interval.first_ms; place--) {
        list->at[place] = list->at[place - 1];
    }
    list->at[place] = interval;
}

void tombstones_remove(Tombstones *tombstones, u32 slot)
{
    const u64 *at = u64map_find(&tombstones->list_of, slot);
    if (at) {
        vec_done(&tombstones->lists.at[*at - 1]);
        (void)u64map_del(&tombstones->list_of, slot);
    }
}

const IntervalList *tombstones_find(const Tombstones *tombstones, u32 slot)
{
    const u64 *at = u64map_find(&tombstones->list_of, slot);
    return at ? &tombstones->lists.at[*at - 1] : NULL;
}

bool tombstones_cover(const IntervalList *list, i64 t_ms)
{
    size_t low = 0;
    size_t high = list->count;
    while (low < high) { /* the first interval that ends at t or later */
        size_t middle = (low + high) / 2;
        if (list->at[middle].last_ms < t_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < list->count && list->at[low].first_ms <= t_ms;
}
