/* Result: see result.h and result_build.h. Layer: promql. Thread: the query's. */
#include "promql/result.h"

#include "base/mem.h"
#include "promql/range.h"
#include "promql/result_build.h"

#include <stdlib.h>
#include <string.h>

enum {
    RANGE_SCRATCH_MAX = 1024 * 1024 * 1024, /* bytes of one series' samples */
};

void query_result_free(QueryResult *result)
{
    if (result) {
        arena_done(&result->arena);
        mem_free(result);
    }
}

static bool samples_alloc(Arena *arena, size_t count, bool hist, SampleColumns *ret, Err *err)
{
    *ret = (SampleColumns){
        .t_ms = arena_alloc(arena, (count + 1) * sizeof(i64), _Alignof(i64)),
        .value = arena_alloc(arena, (count + 1) * sizeof(f64), _Alignof(f64)),
        .hist = hist ? ARENA_NEW(arena, const Histogram *, count + 1) : NULL,
    };
    return (ret->t_ms && ret->value && (!hist || ret->hist)) || arena_full(arena, err);
}

static bool add_sample(Arena *arena, SampleColumns *samples, i64 t_ms, f64 value,
                       const Histogram *histogram, Err *err)
{
    size_t at = samples->count++;
    samples->t_ms[at] = t_ms;
    samples->value[at] = histogram ? histogram->sum : value;
    if (!histogram) {
        return true;
    }
    Histogram *copy;
    if (!histogram_copy(arena, histogram, &copy, err)) {
        return false;
    }
    samples->hist[at] = copy;
    return true;
}

static bool series_from_column(Arena *arena, const VectorSeries *from, const Steps *steps,
                               ResultSeries *ret, Err *err)
{
    const Column *column = &from->column;
    size_t count = bits_count(column->present, steps->count);
    if (!labels_copy(arena, from->labels, &ret->labels, err) ||
        !samples_alloc(arena, count, column->hist != NULL, &ret->samples, err)) {
        return false;
    }
    BITS_EACH (column->present, steps->count, step) {
        if (!add_sample(arena, &ret->samples, steps_at(steps, step), column->value[step],
                        column->hist ? column->hist[step] : NULL, err)) {
            return false;
        }
    }
    return true;
}

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(((const ResultSeries *)a)->labels, ((const ResultSeries *)b)->labels);
}

static void sort_series(QueryResult *result)
{
    if (result->series_count > 1) {
        qsort(result->series, result->series_count, sizeof(*result->series), by_labels);
    }
}

static void cut_series(QueryResult *result, const QuerySpec *spec)
{
    if (spec->limit > 0 && result->series_count > spec->limit) {
        result->series_count = spec->limit;
        result->truncated = true;
    }
}

static bool series_from_scalar(QueryResult *result, const Value *value, const Steps *steps,
                               Err *err)
{
    Arena *arena = &result->arena;
    result->series = ARENA_NEW(arena, ResultSeries, 1);
    if (!result->series) {
        return arena_full(arena, err);
    }
    result->series_count = steps->count > 0;
    SampleColumns *samples = &result->series[0].samples;
    if (!samples_alloc(arena, steps->count, false, samples, err)) {
        return false;
    }
    for (size_t step = 0; step < steps->count; step++) {
        if (!add_sample(arena, samples, steps_at(steps, step), value->scalar[step], NULL, err)) {
            return false;
        }
    }
    return true;
}

static bool series_from_vector(QueryResult *result, const Vector *vector, const Steps *steps,
                               Err *err)
{
    result->series = ARENA_NEW(&result->arena, ResultSeries, vector->count + 1);
    if (!result->series) {
        return arena_full(&result->arena, err);
    }
    for (size_t i = 0; i < vector->count; i++) {
        if (!series_from_column(&result->arena, &vector->series[i], steps, &result->series[i],
                                err)) {
            return false;
        }
        result->series_count++;
    }
    return true;
}

bool result_from_value(QueryResult *result, const Value *value, const Steps *steps,
                       const QuerySpec *spec, Err *err)
{
    bool instant = spec->step_ms <= 0;
    result->t_ms = spec->start_ms;
    if (value->type == VALUE_STRING) {
        result->type = RESULT_STRING;
        return arena_str(&result->arena, value->string, &result->string, err);
    }
    if (value->type == VALUE_SCALAR && instant) {
        result->type = RESULT_SCALAR;
        result->scalar = value->scalar[0];
        return true;
    }
    result->type = instant ? RESULT_VECTOR : RESULT_MATRIX;
    bool ok = value->type == VALUE_SCALAR ? series_from_scalar(result, value, steps, err)
                                          : series_from_vector(result, &value->vector, steps, err);
    if (ok && !instant) {
        sort_series(result);
    }
    cut_series(result, spec);
    return ok;
}

/* Samples of the range, stale markers left out. */
static bool series_from_samples(QueryResult *result, Labels labels, const SampleColumns *from,
                                Err *err)
{
    ResultSeries *series = &result->series[result->series_count];
    if (!samples_alloc(&result->arena, from->count, from->hist != NULL, &series->samples, err)) {
        return false;
    }
    for (size_t i = 0; i < from->count; i++) {
        if (!is_stale_nan(from->value[i]) &&
            !add_sample(&result->arena, &series->samples, from->t_ms[i], from->value[i],
                        from->hist ? from->hist[i] : NULL, err)) {
            return false;
        }
    }
    if (series->samples.count == 0) {
        return true;
    }
    result->series_count++;
    return labels_copy(&result->arena, labels, &series->labels, err);
}

bool result_from_range(Query *query, const PlanNode *node, const QuerySpec *spec,
                       QueryResult *result, Err *err)
{
    Steps at = {.start_ms = spec->start_ms, .step_ms = 1, .count = 1};
    SeriesRead from = {.selector = node->selector, .maxt_ms = node_ref(node, &at, 0)};
    from.mint_ms = from.maxt_ms - node->range_ms + !query->left_closed;
    result->type = RESULT_MATRIX;
    result->t_ms = spec->start_ms;
    if (!query_select(query, &from, err)) {
        return false;
    }
    result->series = ARENA_NEW(&result->arena, ResultSeries, from.set->count + 1);
    if (!result->series) {
        return arena_full(&result->arena, err);
    }
    Arena scratch;
    bool ok = true;
    u64 held = 0;
    arena_init(&scratch, RANGE_SCRATCH_MAX);
    for (size_t i = 0; i < from.set->count && ok; i++) {
        SampleColumns samples;
        ok = query_check(query, err) && query_read(query, &from, i, &scratch, &samples, err) &&
             budget_take_samples(&query->budget, samples.count, err);
        if (ok) {
            held += samples.count;
            ok = series_from_samples(result, from.set->labels[i], &samples, err);
        }
        arena_clear(&scratch);
    }
    arena_done(&scratch);
    atomic_fetch_add(&query->samples_total, held);
    sort_series(result);
    cut_series(result, spec);
    return ok;
}
