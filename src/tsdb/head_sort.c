/*
 * Sorting series by their labels. Comparing label texts a few times for every pair of series would
 * cost more than reading the samples; instead each position's distinct pairs are sorted once and
 * the series are then distributed by rank, from the last position to the first.
 *
 * Layer: tsdb. Thread: any; the caller is pinned.
 */
#include "tsdb/head_sort.h"

#include <stdlib.h>

enum {
    RANK_ABSENT = 0,  /* the series has no label at this position: it comes first */
    COMPARE_MAX = 24, /* fewer series are simply compared */
};

static int compare_pairs(const LabelIndex *index, PairId left, PairId right)
{
    const Pair *a = label_index_pair(index, left);
    const Pair *b = label_index_pair(index, right);
    if (a->name != b->name) {
        int names =
            str_cmp(symbols_text(index->symbols, a->name), symbols_text(index->symbols, b->name));
        if (names != 0) {
            return names;
        }
    }
    return str_cmp(symbols_text(index->symbols, a->value), symbols_text(index->symbols, b->value));
}

static int compare_series(const void *left, const void *right, void *self)
{
    const SortedSeries *a = left;
    const SortedSeries *b = right;
    size_t common = MIN(a->pair_count, b->pair_count);
    for (size_t i = 0; i < common; i++) {
        if (a->pairs[i] != b->pairs[i]) {
            int pairs = compare_pairs(self, a->pairs[i], b->pairs[i]);
            if (pairs != 0) {
                return pairs;
            }
        }
    }
    return (a->pair_count > b->pair_count) - (a->pair_count < b->pair_count);
}

static int compare_ids(const void *left, const void *right, void *self)
{
    return compare_pairs(self, *(const PairId *)left, *(const PairId *)right);
}

typedef struct Sorter {
    const LabelIndex *index;
    SortedSeries *at, *other; /* the order so far, and room for the next */
    size_t count;
    U64Map rank_of; /* pair to rank at this position */
    PairId *pairs;  /* distinct ones */
    size_t *starts; /* by rank, where its series begin */
    u32 *ranks;     /* by series */
} Sorter;

/* The distinct pairs at a position; false when all series have the same one. */
static bool collect(Sorter *sorter, size_t position, size_t *ret_distinct)
{
    size_t distinct = 0;
    bool absent = false;
    u64map_clear(&sorter->rank_of);
    PairId last = UINT32_MAX;
    for (size_t i = 0; i < sorter->count; i++) {
        if (position >= sorter->at[i].pair_count) {
            absent = true;
            continue;
        }
        PairId pair = sorter->at[i].pairs[position];
        bool is_new = false;
        if (pair != last) {
            (void)u64map_put(&sorter->rank_of, pair, &is_new);
            last = pair;
        }
        if (is_new) {
            sorter->pairs[distinct++] = pair;
        }
    }
    *ret_distinct = distinct;
    return distinct + absent > 1;
}

static void distribute(Sorter *sorter, size_t position, size_t distinct)
{
    qsort_r(sorter->pairs, distinct, sizeof(PairId), compare_ids, (void *)(uintptr_t)sorter->index);
    for (size_t rank = 0; rank < distinct; rank++) {
        *u64map_find(&sorter->rank_of, sorter->pairs[rank]) = rank + 1;
    }
    memset(sorter->starts, 0, (distinct + 2) * sizeof(size_t));
    for (size_t i = 0; i < sorter->count; i++) {
        const SortedSeries *series = &sorter->at[i];
        u32 rank = position < series->pair_count
                       ? (u32)*u64map_find(&sorter->rank_of, series->pairs[position])
                       : RANK_ABSENT;
        sorter->ranks[i] = rank;
        sorter->starts[rank + 1]++;
    }
    for (size_t rank = 1; rank <= distinct + 1; rank++) {
        sorter->starts[rank] += sorter->starts[rank - 1];
    }
    for (size_t i = 0; i < sorter->count; i++) {
        sorter->other[sorter->starts[sorter->ranks[i]]++] = sorter->at[i];
    }
    SortedSeries *swap = sorter->at;
    sorter->at = sorter->other;
    sorter->other = swap;
}

static void sort_by_rank(const LabelIndex *index, SortedSeries *series, size_t count)
{
    size_t positions = 0;
    for (size_t i = 0; i < count; i++) {
        positions = MAX(positions, (size_t)series[i].pair_count);
    }
    Sorter sorter = {.index = index, .at = series, .count = count};
    sorter.other = MEM_ARRAY(SortedSeries, count);
    sorter.pairs = MEM_ARRAY(PairId, count);
    sorter.starts = MEM_ARRAY(size_t, count + 2);
    sorter.ranks = MEM_ARRAY(u32, count);
    SortedSeries *room = sorter.other;
    while (positions-- > 0) {
        size_t distinct;
        if (collect(&sorter, positions, &distinct)) {
            distribute(&sorter, positions, distinct);
        }
    }
    if (sorter.at != series) {
        memcpy(series, sorter.at, count * sizeof(*series));
    }
    mem_free(room);
    mem_free(sorter.pairs);
    mem_free(sorter.starts);
    mem_free(sorter.ranks);
    u64map_done(&sorter.rank_of);
}

void head_sort_series(const LabelIndex *index, SortedSeries *series, size_t count)
{
    if (count <= COMPARE_MAX) {
        qsort_r(series, count, sizeof(*series), compare_series, (void *)(uintptr_t)index);
    } else {
        sort_by_rank(index, series, count);
    }
}
