/*
 * Sorting series by their labels: the order of labels_cmp, in time that grows with the number of
 * distinct label pairs rather than with comparisons of texts.
 *
 * Layer: tsdb. Memory: temporary. Thread: any; the caller is pinned.
 */
#pragma once

#include "tsdb/label_index.h"

typedef struct SortedSeries {
    const PairId *pairs; /* in the order of label names */
    u32 pair_count;
    u32 slot;
    u32 total; /* samples it had when it was selected */
} SortedSeries;

void head_sort_series(const LabelIndex *index, SortedSeries *series, size_t count);
