/*
 * Tests of promql/range.h: the forms of functions that compute whole columns give the same bits as
 * their forms for one window, on random samples with resets, gaps, NaN and infinities.
 */
#include "promql/range.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/test.h"
#include "promql/functions_math.h"

#include <math.h>
#include <stdlib.h>

enum {
    SAMPLES_MAX = 120,
    STEPS = 70,
};

typedef struct Case {
    i64 t_ms[SAMPLES_MAX];
    f64 value[SAMPLES_MAX];
    size_t count;
    Steps steps;
    i64 range_ms;
    f64 param[STEPS];
} Case;

static f64 random_value(Random *random, f64 before)
{
    static const f64 odd[] = {NAN, INFINITY, -INFINITY, 0, -0.0, 1e308, -1e308};
    u64 kind = random_below(random, 40);
    if (kind < COUNT_OF(odd)) {
        return odd[kind];
    }
    if (kind < 12) {
        return isfinite(before) ? before : 1;
    }
    return kind < 30 ? (isfinite(before) ? before : 0) + random_f64(random) * 3
                     : random_f64(random) * 20 - 10;
}

static void make_case(Random *random, Case *to)
{
    i64 t = 0;
    to->count = random_below(random, SAMPLES_MAX);
    for (size_t i = 0; i < to->count; i++) {
        t += 1 + (i64)random_below(random, random_below(random, 10) == 0 ? 90000 : 15000);
        to->t_ms[i] = t;
        to->value[i] = random_value(random, i > 0 ? to->value[i - 1] : 5);
    }
    to->steps = (Steps){.start_ms = (i64)random_below(random, 60000) - 30000,
                        .step_ms = 1 + (i64)random_below(random, 40000),
                        .count = STEPS};
    to->range_ms = 1 + (i64)random_below(random, 300000);
    for (size_t i = 0; i < STEPS; i++) {
        to->param[i] = random_f64(random) * 1.2 - 0.1;
    }
}

static Window *windows_of(const Case *from, const RangeSamples *samples, bool left_closed)
{
    Window *windows = MEM_ARRAY(Window, STEPS);
    Window window = {0};
    for (size_t i = 0; i < STEPS; i++) {
        window.end_ms = steps_at(&from->steps, i);
        window.start_ms = window.end_ms - from->range_ms;
        window_move(samples, window.start_ms, window.end_ms, left_closed, &window);
        windows[i] = window;
    }
    return windows;
}

static void compare(RangeRun *run, const RangeFunction *function, const Window *windows,
                    Query *query)
{
    Err err = {0};
    Vector vector;
    vector_init(&vector, &query->budget, STEPS);
    CHECK_OK(vector_alloc(&vector, 1, &err), &err);
    Column *column = &vector.series[0].column;
    CHECK_OK(function->column(run, windows, column, &err), &err);
    for (size_t i = 0; i < STEPS; i++) {
        RangeResult want = {0};
        run->step = i;
        if (window_count(&windows[i]) > 0) {
            CHECK_OK(function->step(run, &windows[i], &want, &err), &err);
        }
        CHECK_I64(bit_get(column->present, i), want.present);
        if (want.present) {
            /* Of two equal zeros with different signs either may be the quantile. */
            f64 got = column->value[i];
            CHECK_F64(got == 0 && want.value == 0 ? want.value : got, want.value);
        }
    }
    vector_done(&vector);
}

static void query_init(Query *query, Arena *arena, bool left_closed)
{
    *query = (Query){.left_closed = left_closed};
    query->budget.memory_max = 64 * MIB;
    query->budget.samples_max = 1000 * 1000;
    annotations_init(&query->annotations, arena);
}

TEST(range, whole_columns_equal_single_windows_to_the_bit)
{
    Random random;
    random_seed(&random, test_seed());
    for (int round = 0; round < 400; round++) {
        static Case made;
        Arena scratch;
        Arena notes;
        Query query;
        arena_init(&scratch, 16 * MIB);
        arena_init(&notes, 16 * MIB);
        query_init(&query, &notes, round % 4 == 0);
        make_case(&random, &made);
        RangeSamples samples = {.t_ms = made.t_ms, .value = made.value, .count = made.count};
        Window *windows = windows_of(&made, &samples, query.left_closed);
        RangeRun run = {.query = &query,
                        .steps = &made.steps,
                        .samples = &samples,
                        .range_ms = made.range_ms,
                        .params = {made.param, made.param},
                        .scratch = &scratch};
        for (int id = 0; id < FUNCTION_COUNT; id++) {
            const RangeFunction *function = range_function((FunctionId)id);
            if (function && function->column) {
                compare(&run, function, windows, &query);
            }
        }
        mem_free(windows);
        annotations_done(&query.annotations);
        arena_done(&notes);
        arena_done(&scratch);
    }
}

TEST(range, windows_hold_exactly_the_samples_of_their_range)
{
    Random random;
    random_seed(&random, test_seed());
    for (int round = 0; round < 200; round++) {
        static Case made;
        make_case(&random, &made);
        bool left_closed = round % 2;
        RangeSamples samples = {.t_ms = made.t_ms, .value = made.value, .count = made.count};
        Window *windows = windows_of(&made, &samples, left_closed);
        for (size_t i = 0; i < STEPS; i++) {
            size_t inside = 0;
            for (size_t s = 0; s < made.count; s++) {
                bool after = left_closed ? made.t_ms[s] >= windows[i].start_ms
                                         : made.t_ms[s] > windows[i].start_ms;
                if (after && made.t_ms[s] <= windows[i].end_ms) {
                    CHECK(s >= windows[i].from && s < windows[i].to);
                    inside++;
                }
            }
            CHECK_U64(window_count(&windows[i]), inside);
        }
        mem_free(windows);
    }
}

static int by_value(const void *a, const void *b)
{
    f64 left = *(const f64 *)a;
    f64 right = *(const f64 *)b;
    if (isnan(left) || isnan(right)) {
        return isnan(right) - isnan(left);
    }
    return (left > right) - (left < right);
}

TEST(functions_math, a_quantile_by_selection_is_that_of_sorted_values)
{
    Random random;
    random_seed(&random, test_seed());
    for (int round = 0; round < 3000; round++) {
        f64 values[50];
        f64 sorted[50];
        size_t count = 1 + random_below(&random, COUNT_OF(values));
        for (size_t i = 0; i < count; i++) {
            values[i] =
                random_below(&random, 12) == 0 ? (f64)NAN : (f64)random_below(&random, 20) - 10;
            sorted[i] = values[i];
        }
        qsort(sorted, count, sizeof(f64), by_value);
        f64 quantile = random_f64(&random);
        QuantileRank rank = quantile_rank(count, quantile);
        f64 want = sorted[rank.low] * (1 - rank.weight) + sorted[rank.high] * rank.weight;
        CHECK_F64(quantile_of(values, count, quantile), want);
    }
}
