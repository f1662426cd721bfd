/*
 * Tombstones: for a few series, time ranges whose samples were deleted and must not be seen.
 *
 * Layer: tsdb. Memory: tombstones_done frees. Thread: one writer or many readers (the head's state
 * lock).
 */
#pragma once

#include "base/map.h"
#include "base/types.h"
#include "base/vec.h"

typedef struct Interval {
    i64 first_ms, last_ms; /* inclusive */
} Interval;

typedef VEC(Interval) IntervalList; /* sorted, apart from each other */

typedef struct Tombstones {
    U64Map list_of; /* slot to index + 1 in lists */
    VEC(IntervalList) lists;
} Tombstones;

void tombstones_init(Tombstones *tombstones);
void tombstones_done(Tombstones *tombstones);
void tombstones_add(Tombstones *tombstones, u32 slot, Interval interval); /* joins neighbours */
void tombstones_remove(Tombstones *tombstones, u32 slot);
const IntervalList *tombstones_find(const Tombstones *tombstones, u32 slot); /* or NULL */

bool tombstones_cover(const IntervalList *list, i64 t_ms);
