/* Array source: see array_source.h. Layer: promql. Memory: see there. Thread: see there. */
#include "promql/array_source.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "promql/histogram_math.h"

#include <stdlib.h>
#include <string.h>

enum {
    STORE_MEMORY_MAX = 1024 * 1024 * 1024, /* bytes of labels and histograms */
};

/* Columns of equal length; readers get pointers into them. */
typedef struct StoredSeries {
    Labels labels; /* in the store's arena */
    VEC(i64) t_ms;
    VEC(f64) value;
    VEC(const Histogram *) hist;
    VEC(i64) start_ms;
    bool has_hist, has_start;
} StoredSeries;

struct ArraySource {
    Source source; /* first: a Source* is an ArraySource* */
    Arena arena;
    VEC(StoredSeries *) series;
    U64Map by_hash;
};

static ArraySource *store_of(Source *source)
{
    return CONTAINER_OF(source, ArraySource, source);
}

/*
 * What a chunk's reader says of a sample. Only behind another sample of the same chunk is it known
 * that there was no reset; a reset, another layout, a float between them begin a new chunk.
 */
static ResetHint chunk_hint(ArraySource *store, const Histogram *before, const Histogram *now)
{
    if (now->reset == RESET_GAUGE) {
        return RESET_GAUGE;
    }
    if (!before || now->reset == RESET_YES || before->reset == RESET_GAUGE ||
        is_stale_nan(before->sum)) {
        return RESET_UNKNOWN;
    }
    if (is_stale_nan(now->sum)) {
        return RESET_NO;
    }
    if (now->schema != before->schema || now->zero_threshold != before->zero_threshold) {
        return RESET_UNKNOWN;
    }
    Histogram plain = *now;
    plain.reset = RESET_UNKNOWN;
    return histogram_has_reset(&store->arena, &plain, before) ? RESET_UNKNOWN : RESET_NO;
}

static bool hint_series(ArraySource *store, StoredSeries *series, Err *err)
{
    const Histogram *before = NULL;
    for (size_t i = 0; i < series->t_ms.count && series->has_hist; i++) {
        const Histogram *now = series->hist.at[i];
        if (!now) {
            before = NULL;
            continue;
        }
        Histogram *hinted;
        if (!histogram_copy(&store->arena, now, &hinted, err)) {
            return false;
        }
        hinted->reset = chunk_hint(store, before, now);
        series->hist.at[i] = hinted;
        before = hinted;
    }
    return true;
}

static int by_labels(const void *a, const void *b)
{
    const StoredSeries *left = *(StoredSeries *const *)a;
    const StoredSeries *right = *(StoredSeries *const *)b;
    return labels_cmp(left->labels, right->labels);
}

static bool in_range(const StoredSeries *series, i64 mint_ms, i64 maxt_ms)
{
    size_t count = series->t_ms.count;
    return count > 0 && series->t_ms.at[0] <= maxt_ms && series->t_ms.at[count - 1] >= mint_ms;
}

static bool array_select(Source *source, const Select *select, Arena *arena, SeriesSet *ret,
                         Err *err)
{
    ArraySource *store = store_of(source);
    Labels *labels = ARENA_NEW(arena, Labels, store->series.count + 1);
    StoredSeries **pinned = ARENA_NEW(arena, StoredSeries *, store->series.count + 1);
    if (!labels || !pinned) {
        return arena_full(arena, err);
    }
    size_t count = 0;
    for (size_t i = 0; i < store->series.count; i++) {
        StoredSeries *series = store->series.at[i];
        if (in_range(series, select->mint_ms, select->maxt_ms) &&
            matchers_match(select->matchers, select->matcher_count, series->labels)) {
            pinned[count++] = series;
        }
    }
    qsort(pinned, count, sizeof(StoredSeries *), by_labels);
    bool truncated = select->limit > 0 && count > select->limit;
    count = truncated ? select->limit : count;
    for (size_t i = 0; i < count; i++) {
        labels[i] = pinned[i]->labels;
    }
    *ret = (SeriesSet){.labels = labels, .count = count, .truncated = truncated, .pinned = pinned};
    return true;
}

/* The first sample at or after t. */
static size_t lower_bound(const StoredSeries *series, i64 t_ms)
{
    size_t low = 0;
    size_t high = series->t_ms.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (series->t_ms.at[middle] < t_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool array_read(Source *source, const SeriesSet *set, size_t index, i64 mint_ms, i64 maxt_ms,
                       Arena *arena, SampleColumns *ret, Err *err)
{
    (void)source;
    (void)arena;
    (void)err;
    const StoredSeries *series = ((StoredSeries *const *)set->pinned)[index];
    size_t from = lower_bound(series, mint_ms);
    size_t to = maxt_ms == INT64_MAX ? series->t_ms.count : lower_bound(series, maxt_ms + 1);
    *ret = (SampleColumns){
        .t_ms = series->t_ms.at + from,
        .value = series->value.at + from,
        .hist = series->has_hist ? series->hist.at + from : NULL,
        .start_ms = series->has_start ? series->start_ms.at + from : NULL,
        .count = MAX(to, from) - from,
    };
    return true;
}

static void array_release(Source *source, SeriesSet *set)
{
    (void)source;
    *set = (SeriesSet){0};
}

static size_t sort_unique(Str *strings, size_t count)
{
    qsort(strings, count, sizeof(Str), str_cmp_qsort);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !str_eq(strings[kept - 1], strings[i])) {
            strings[kept++] = strings[i];
        }
    }
    return kept;
}

static bool array_label_names(Source *source, const Select *select, Arena *arena, Str **ret,
                              size_t *ret_count, Err *err)
{
    SeriesSet set;
    if (!array_select(source, select, arena, &set, err)) {
        return false;
    }
    size_t total = 0;
    for (size_t i = 0; i < set.count; i++) {
        total += set.labels[i].count;
    }
    Str *names = ARENA_NEW(arena, Str, total + 1);
    if (!names) {
        return arena_full(arena, err);
    }
    size_t count = 0;
    for (size_t i = 0; i < set.count; i++) {
        for (size_t j = 0; j < set.labels[i].count; j++) {
            names[count++] = set.labels[i].at[j].name;
        }
    }
    *ret = names;
    *ret_count = sort_unique(names, count);
    return true;
}

static bool array_label_values(Source *source, Str name, const Select *select, Arena *arena,
                               Str **ret, size_t *ret_count, Err *err)
{
    SeriesSet set;
    if (!array_select(source, select, arena, &set, err)) {
        return false;
    }
    Str *values = ARENA_NEW(arena, Str, set.count + 1);
    if (!values) {
        return arena_full(arena, err);
    }
    size_t count = 0;
    for (size_t i = 0; i < set.count; i++) {
        if (labels_has(set.labels[i], name)) {
            values[count++] = labels_get(set.labels[i], name);
        }
    }
    *ret = values;
    *ret_count = sort_unique(values, count);
    return true;
}

static void array_stats(Source *source, SourceStats *ret)
{
    const ArraySource *store = store_of(source);
    *ret = (SourceStats){.series = store->series.count, .mint_ms = INT64_MAX, .maxt_ms = INT64_MIN};
    for (size_t i = 0; i < store->series.count; i++) {
        const StoredSeries *series = store->series.at[i];
        if (series->t_ms.count > 0) {
            ret->mint_ms = MIN(ret->mint_ms, series->t_ms.at[0]);
            ret->maxt_ms = MAX(ret->maxt_ms, series->t_ms.at[series->t_ms.count - 1]);
        }
    }
}

ArraySource *array_source_new(void)
{
    ArraySource *store = MEM_NEW(ArraySource);
    store->source = (Source){
        .select = array_select,
        .read = array_read,
        .release = array_release,
        .label_names = array_label_names,
        .label_values = array_label_values,
        .stats = array_stats,
    };
    arena_init(&store->arena, STORE_MEMORY_MAX);
    return store;
}

void array_source_clear(ArraySource *store)
{
    for (size_t i = 0; i < store->series.count; i++) {
        StoredSeries *series = store->series.at[i];
        vec_done(&series->t_ms);
        vec_done(&series->value);
        vec_done(&series->hist);
        vec_done(&series->start_ms);
        mem_free(store->series.at[i]);
    }
    vec_done(&store->series);
    u64map_done(&store->by_hash);
    arena_done(&store->arena);
}

ArraySource *array_source_free(ArraySource *store)
{
    if (store) {
        array_source_clear(store);
        mem_free(store);
    }
    return NULL;
}

Source *array_source(ArraySource *store)
{
    return &store->source;
}

static bool find_series(ArraySource *store, Labels labels, StoredSeries **ret, Err *err)
{
    for (u64 hash = labels_hash(labels);; hash++) {
        bool is_new;
        u64 *slot = u64map_put(&store->by_hash, hash, &is_new);
        if (!is_new) {
            *ret = store->series.at[*slot];
            if (labels_eq((*ret)->labels, labels)) {
                return true;
            }
            continue;
        }
        *slot = store->series.count;
        *ret = MEM_NEW(StoredSeries);
        *vec_push(&store->series) = *ret;
        return labels_copy(&store->arena, labels, &(*ret)->labels, err);
    }
}

/* Opens a gap of one element at `at` of a vector that has just grown by one. */
#define open_gap(vec, at_)                            \
    memmove(&(vec)->at[(at_) + 1], &(vec)->at[(at_)], \
            ((vec)->count - 1 - (at_)) * sizeof(*(vec)->at))

static void insert_sample(StoredSeries *series, const ArraySample *sample)
{
    size_t at = lower_bound(series, sample->t_ms);
    bool replaces = at < series->t_ms.count && series->t_ms.at[at] == sample->t_ms;
    if (!replaces) {
        (void)vec_push(&series->t_ms);
        (void)vec_push(&series->value);
        (void)vec_push(&series->hist);
        (void)vec_push(&series->start_ms);
        open_gap(&series->t_ms, at);
        open_gap(&series->value, at);
        open_gap(&series->hist, at);
        open_gap(&series->start_ms, at);
    }
    series->t_ms.at[at] = sample->t_ms;
    series->value.at[at] = sample->hist ? sample->hist->sum : sample->value;
    series->hist.at[at] = sample->hist;
    series->start_ms.at[at] = sample->start_ms;
    series->has_hist = series->has_hist || sample->hist;
    series->has_start = series->has_start || sample->start_ms != 0;
}

bool array_source_add(ArraySource *store, Labels labels, const ArraySample *samples, size_t count,
                      Err *err)
{
    StoredSeries *series;
    if (!find_series(store, labels, &series, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        ArraySample sample = samples[i];
        Histogram *copy;
        if (sample.hist) {
            if (!histogram_copy(&store->arena, sample.hist, &copy, err)) {
                return false;
            }
            sample.hist = copy;
        }
        insert_sample(series, &sample);
    }
    return hint_series(store, series, err);
}
