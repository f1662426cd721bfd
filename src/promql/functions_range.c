/*
 * Functions over ranges, except the rate family: sums, means, extremes, quantiles, deviations,
 * trends, times. Each as the original computes it, in its order of operations, so that the bits
 * agree.
 *
 * Layer: promql. Memory: the worker's scratch arena. Thread: one series, one thread.
 */
#include "promql/functions_math.h"
#include "promql/histogram_math.h"
#include "promql/range.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static f64 sum_of(const f64 *values, size_t count)
{
    f64 sum = 0;
    f64 lost = 0;
    for (size_t i = 0; i < count; i++) {
        kahan_add(values[i], &sum, &lost);
    }
    return isinf(sum) ? sum : sum + lost;
}

/* The plain mean; when the sum overflows, a running mean from there on. */
static f64 mean_of(const f64 *values, size_t count)
{
    f64 sum = values[0];
    f64 mean = 0;
    f64 lost = 0;
    bool running = false;
    for (size_t i = 1; i < count; i++) {
        f64 n = (f64)(i + 1);
        if (!running) {
            f64 next_sum = sum;
            f64 next_lost = lost;
            kahan_add(values[i], &next_sum, &next_lost);
            if (!isinf(next_sum)) {
                sum = next_sum;
                lost = next_lost;
                continue;
            }
            running = true;
            mean = sum / (n - 1);
            lost /= n - 1;
        }
        f64 weight = (n - 1) / n;
        mean *= weight;
        lost *= weight;
        kahan_add(values[i] / n, &mean, &lost);
    }
    f64 n = (f64)count;
    return running ? mean + lost : sum / n + lost / n;
}

static f64 variance_of(const f64 *values, size_t count)
{
    f64 n = 0;
    f64 mean = 0;
    f64 mean_lost = 0;
    f64 squares = 0;
    f64 squares_lost = 0;
    for (size_t i = 0; i < count; i++) {
        n++;
        f64 delta = values[i] - (mean + mean_lost);
        kahan_add(delta / n, &mean, &mean_lost);
        kahan_add(delta * (values[i] - (mean + mean_lost)), &squares, &squares_lost);
    }
    return (squares + squares_lost) / n;
}

static f64 min_of(const f64 *values, size_t count)
{
    f64 found = values[0];
    for (size_t i = 1; i < count; i++) {
        if (values[i] < found || isnan(found)) {
            found = values[i];
        }
    }
    return found;
}

static f64 max_of(const f64 *values, size_t count)
{
    f64 found = values[0];
    for (size_t i = 1; i < count; i++) {
        if (values[i] > found || isnan(found)) {
            found = values[i];
        }
    }
    return found;
}

static const f64 *window_values(const RangeRun *run, const Window *window)
{
    return run->samples->value + window->from;
}

/* Floats alone count; histograms among them are noted. */
static bool float_window(RangeRun *run, const Window *window)
{
    if (window_count(window) == 0) {
        return false;
    }
    if (window_hist_count(window) > 0) {
        note_histograms_ignored(run);
    }
    return true;
}

static bool is_mixed(RangeRun *run, const Window *window)
{
    if (window_count(window) > 0 && window_hist_count(window) > 0) {
        warn_mixed_floats_histograms(run);
        return true;
    }
    return false;
}

static bool step_sum(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    if (is_mixed(run, window)) {
        return true;
    }
    if (window_count(window) == 0) {
        return range_sum_histograms(run, window, ret, err);
    }
    result_float(ret, sum_of(window_values(run, window), window_count(window)));
    return true;
}

static bool step_avg(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    if (is_mixed(run, window)) {
        return true;
    }
    if (window_count(window) == 0) {
        return range_avg_histograms(run, window, ret, err);
    }
    result_float(ret, mean_of(window_values(run, window), window_count(window)));
    return true;
}

static bool step_count(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)run;
    (void)err;
    result_float(ret, (f64)(window_count(window) + window_hist_count(window)));
    return true;
}

static bool step_present(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)run;
    (void)window;
    (void)err;
    result_float(ret, 1);
    return true;
}

static bool step_min(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    if (float_window(run, window)) {
        result_float(ret, min_of(window_values(run, window), window_count(window)));
    }
    return true;
}

static bool step_max(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    if (float_window(run, window)) {
        result_float(ret, max_of(window_values(run, window), window_count(window)));
    }
    return true;
}

static bool step_stdvar(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    if (float_window(run, window)) {
        result_float(ret, variance_of(window_values(run, window), window_count(window)));
    }
    return true;
}

static bool step_stddev(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    if (float_window(run, window)) {
        result_float(ret, sqrt(variance_of(window_values(run, window), window_count(window))));
    }
    return true;
}

static f64 *copy_window(RangeRun *run, const Window *window, Err *err)
{
    size_t size = window_count(window) * sizeof(f64);
    f64 *copy = arena_alloc(run->scratch, size, _Alignof(f64));
    if (!copy) {
        arena_full(run->scratch, err);
        return NULL;
    }
    return memcpy(copy, window_values(run, window), size);
}

static bool step_quantile(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    f64 quantile = run->params[0][run->step];
    if (window_count(window) == 0) {
        return true;
    }
    note_quantile(run->query, run->pos, quantile);
    (void)float_window(run, window);
    f64 *values = copy_window(run, window, err);
    if (!values) {
        return false;
    }
    result_float(ret, quantile_of(values, window_count(window), quantile));
    return true;
}

static bool step_mad(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    if (!float_window(run, window)) {
        return true;
    }
    size_t count = window_count(window);
    f64 *values = copy_window(run, window, err);
    if (!values) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i])) {
            result_float(ret, (f64)NAN);
            return true;
        }
    }
    f64 median = quantile_of(values, count, 0.5);
    for (size_t i = 0; i < count; i++) {
        values[i] = fabs(values[i] - median);
    }
    result_float(ret, quantile_of(values, count, 0.5));
    return true;
}

/* The newest (or oldest) sample of the window, float or histogram. */
static void pick_sample(RangeRun *run, const Window *window, bool newest, RangeResult *ret)
{
    const RangeSamples *samples = run->samples;
    bool has_float = window_count(window) > 0;
    bool has_hist = window_hist_count(window) > 0;
    size_t at = newest ? window->to - 1 : window->from;
    size_t hist_at = newest ? window->hist_to - 1 : window->hist_from;
    bool take_float =
        !has_hist || (has_float && (newest ? samples->hist_t_ms[hist_at] < samples->t_ms[at]
                                           : samples->t_ms[at] < samples->hist_t_ms[hist_at]));
    ret->present = true;
    if (take_float) {
        ret->value = samples->value[at];
    } else {
        ret->histogram = samples->hist[hist_at];
    }
}

static bool step_last(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    pick_sample(run, window, true, ret);
    return true;
}

static bool step_first(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    pick_sample(run, window, false, ret);
    return true;
}

static bool step_first_time(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    const RangeSamples *samples = run->samples;
    i64 t = window_count(window) > 0 ? samples->t_ms[window->from] : INT64_MAX;
    i64 hist_t = window_hist_count(window) > 0 ? samples->hist_t_ms[window->hist_from] : INT64_MAX;
    result_float(ret, (f64)MIN(t, hist_t) / 1000);
    return true;
}

static bool step_last_time(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    const RangeSamples *samples = run->samples;
    i64 t = window_count(window) > 0 ? samples->t_ms[window->to - 1] : 0;
    i64 hist_t = window_hist_count(window) > 0 ? samples->hist_t_ms[window->hist_to - 1] : 0;
    result_float(ret, (f64)MAX(t, hist_t) / 1000);
    return true;
}

/* When the extreme was there last. */
static bool extreme_time(RangeRun *run, const Window *window, f64 sign, RangeResult *ret)
{
    if (!float_window(run, window)) {
        return true;
    }
    const f64 *values = window_values(run, window);
    f64 found = values[0];
    size_t at = 0;
    for (size_t i = 0; i < window_count(window); i++) {
        if (sign * values[i] >= sign * found || isnan(found)) {
            found = values[i];
            at = i;
        }
    }
    result_float(ret, (f64)run->samples->t_ms[window->from + at] / 1000);
    return true;
}

static bool step_max_time(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    return extreme_time(run, window, 1, ret);
}

static bool step_min_time(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    return extreme_time(run, window, -1, ret);
}

typedef struct Line {
    f64 slope;
    f64 intercept;
} Line;

/* Least squares; the intercept is the value at `at_ms`. A level series has no rounding. */
static Line fit_line(const RangeSamples *samples, const Window *window, i64 at_ms)
{
    const i64 *t = samples->t_ms + window->from;
    const f64 *values = samples->value + window->from;
    size_t count = window_count(window);
    f64 x_sum = 0, x_lost = 0, y_sum = 0, y_lost = 0;
    f64 xy_sum = 0, xy_lost = 0, xx_sum = 0, xx_lost = 0;
    bool level = true;
    for (size_t i = 0; i < count; i++) {
        level = level && (i == 0 || values[i] == values[0]);
        f64 x = (f64)(t[i] - at_ms) / 1e3;
        kahan_add(x, &x_sum, &x_lost);
        kahan_add(values[i], &y_sum, &y_lost);
        kahan_add(x * values[i], &xy_sum, &xy_lost);
        kahan_add(x * x, &xx_sum, &xx_lost);
    }
    if (level) {
        bool infinite = isinf(values[0]);
        return (Line){.slope = infinite ? (f64)NAN : 0,
                      .intercept = infinite ? (f64)NAN : values[0]};
    }
    f64 n = (f64)count;
    x_sum += x_lost;
    y_sum += y_lost;
    xy_sum += xy_lost;
    xx_sum += xx_lost;
    f64 covariance = xy_sum - x_sum * y_sum / n;
    f64 variance = xx_sum - x_sum * x_sum / n;
    f64 slope = covariance / variance;
    return (Line){.slope = slope, .intercept = y_sum / n - slope * x_sum / n};
}

/* Two floats at least; a single one beside histograms is noted. */
static bool has_trend(RangeRun *run, const Window *window)
{
    if (window_count(window) > 0 && window_hist_count(window) > 0) {
        note_histograms_ignored(run);
    }
    return window_count(window) >= 2;
}

static bool step_deriv(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    if (has_trend(run, window)) {
        result_float(ret, fit_line(run->samples, window, run->samples->t_ms[window->from]).slope);
    }
    return true;
}

static bool step_predict(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    if (has_trend(run, window)) {
        Line line = fit_line(run->samples, window, steps_at(run->steps, run->step));
        result_float(ret, line.slope * run->params[0][run->step] + line.intercept);
    }
    return true;
}

static bool check_factor(f64 factor, const char *name, const char *symbol, Err *err)
{
    return (factor > 0 && factor < 1) ||
           err_set(err, ERR_UNSUPPORTED, "invalid %s factor. Expected: 0 < %s < 1, got: %f", name,
                   symbol, factor);
}

static bool step_smoothing(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    f64 smoothing = run->params[0][run->step];
    f64 trend_factor = run->params[1][run->step];
    if (!check_factor(smoothing, "smoothing", "sf", err) ||
        !check_factor(trend_factor, "trend", "tf", err)) {
        return false;
    }
    if (!has_trend(run, window)) {
        return true;
    }
    const f64 *values = window_values(run, window);
    f64 before = 0;
    f64 level = values[0];
    f64 trend = values[1] - values[0];
    for (size_t i = 1; i < window_count(window); i++) {
        f64 scaled = smoothing * values[i];
        if (i > 1) {
            f64 from_level = trend_factor * (level - before);
            f64 from_trend = (1 - trend_factor) * trend;
            trend = from_level + from_trend;
        }
        f64 carried = (1 - smoothing) * (level + trend);
        before = level;
        level = scaled + carried;
    }
    result_float(ret, level);
    return true;
}

/* Whole columns. */

static bool column_sum(RangeRun *run, const Window *windows, Column *out, Err *err)
{
    (void)err;
    for (size_t i = 0; i < run->steps->count; i++) {
        if (window_count(&windows[i]) > 0) {
            column_put(out, i, sum_of(window_values(run, &windows[i]), window_count(&windows[i])));
        }
    }
    return true;
}

static bool column_avg(RangeRun *run, const Window *windows, Column *out, Err *err)
{
    (void)err;
    for (size_t i = 0; i < run->steps->count; i++) {
        if (window_count(&windows[i]) > 0) {
            column_put(out, i, mean_of(window_values(run, &windows[i]), window_count(&windows[i])));
        }
    }
    return true;
}

static bool column_count(RangeRun *run, const Window *windows, Column *out, Err *err)
{
    (void)err;
    for (size_t i = 0; i < run->steps->count; i++) {
        if (window_count(&windows[i]) > 0) {
            column_put(out, i, (f64)window_count(&windows[i]));
        }
    }
    return true;
}

static bool column_last(RangeRun *run, const Window *windows, Column *out, Err *err)
{
    (void)err;
    for (size_t i = 0; i < run->steps->count; i++) {
        if (window_count(&windows[i]) > 0) {
            column_put(out, i, run->samples->value[windows[i].to - 1]);
        }
    }
    return true;
}

/*
 * Extremes of sliding windows: a queue of the candidates, best first; a new sample removes the
 * worse ones behind it, so each sample enters and leaves once. NaN is no candidate; a window of
 * nothing else gives its last NaN.
 */
static bool column_extreme(RangeRun *run, const Window *windows, f64 sign, Column *out, Err *err)
{
    const f64 *values = run->samples->value;
    size_t *queue =
        arena_alloc(run->scratch, (run->samples->count + 1) * sizeof(size_t), _Alignof(size_t));
    if (!queue) {
        return arena_full(run->scratch, err);
    }
    size_t head = 0;
    size_t tail = 0;
    size_t entered = 0;
    for (size_t i = 0; i < run->steps->count; i++) {
        const Window *window = &windows[i];
        if (i > 0 && (window->from < windows[i - 1].from || window->to < windows[i - 1].to)) {
            head = tail = 0; /* cannot slide back: begin again */
            entered = window->from;
        }
        for (entered = MAX(entered, window->from); entered < window->to; entered++) {
            if (isnan(values[entered])) {
                continue;
            }
            while (tail > head && sign * values[queue[tail - 1]] < sign * values[entered]) {
                tail--;
            }
            queue[tail++] = entered;
        }
        while (head < tail && queue[head] < window->from) {
            head++;
        }
        if (head == tail) {
            head = tail = 0;
        }
        if (window_count(window) > 0) {
            column_put(out, i, head < tail ? values[queue[head]] : values[window->to - 1]);
        }
    }
    return true;
}

static bool column_max(RangeRun *run, const Window *windows, Column *out, Err *err)
{
    return column_extreme(run, windows, 1, out, err);
}

static bool column_min(RangeRun *run, const Window *windows, Column *out, Err *err)
{
    return column_extreme(run, windows, -1, out, err);
}

/* The values of a window in order, NaN first; changed by what enters and leaves. */
typedef struct SortedWindow {
    f64 *values;
    size_t count;
    size_t nans; /* counted, not kept */
} SortedWindow;

static size_t sorted_place(const SortedWindow *sorted, f64 value)
{
    size_t low = 0;
    size_t high = sorted->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted->values[middle] < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void sorted_enter(SortedWindow *sorted, f64 value)
{
    if (isnan(value)) {
        sorted->nans++;
        return;
    }
    size_t at = sorted_place(sorted, value);
    memmove(sorted->values + at + 1, sorted->values + at, (sorted->count - at) * sizeof(f64));
    sorted->values[at] = value;
    sorted->count++;
}

static void sorted_leave(SortedWindow *sorted, f64 value)
{
    if (isnan(value)) {
        sorted->nans--;
        return;
    }
    size_t at = sorted_place(sorted, value);
    sorted->count--;
    memmove(sorted->values + at, sorted->values + at + 1, (sorted->count - at) * sizeof(f64));
}

static f64 sorted_at(const SortedWindow *sorted, size_t index)
{
    return index < sorted->nans ? (f64)NAN : sorted->values[index - sorted->nans];
}

static f64 sorted_quantile(const SortedWindow *sorted, f64 quantile)
{
    size_t count = sorted->count + sorted->nans;
    f64 answer;
    if (quantile_outside(count, quantile, &answer)) {
        return answer;
    }
    QuantileRank rank = quantile_rank(count, quantile);
    return sorted_at(sorted, rank.low) * (1 - rank.weight) +
           sorted_at(sorted, rank.high) * rank.weight;
}

/* Brings the sorted values from one window to the next. */
static void sorted_slide(SortedWindow *sorted, const f64 *values, const Window *from,
                         const Window *to)
{
    bool apart = to->from >= from->to || to->from < from->from || to->to < from->to;
    if (apart) {
        *sorted = (SortedWindow){.values = sorted->values};
    }
    for (size_t i = from->from; !apart && i < to->from; i++) {
        sorted_leave(sorted, values[i]);
    }
    for (size_t i = apart ? to->from : from->to; i < to->to; i++) {
        sorted_enter(sorted, values[i]);
    }
}

static bool column_quantile(RangeRun *run, const Window *windows, Column *out, Err *err)
{
    SortedWindow sorted = {0};
    Window before = {0};
    sorted.values = ARENA_NEW(run->scratch, f64, run->samples->count + 1);
    if (!sorted.values) {
        return arena_full(run->scratch, err);
    }
    for (size_t i = 0; i < run->steps->count; i++) {
        sorted_slide(&sorted, run->samples->value, &before, &windows[i]);
        before = windows[i];
        if (window_count(&windows[i]) > 0) {
            note_quantile(run->query, run->pos, run->params[0][i]);
            column_put(out, i, sorted_quantile(&sorted, run->params[0][i]));
        }
    }
    return true;
}

static const RangeFunction range_functions[FUNCTION_COUNT] = {
    [FUNCTION_absent_over_time] = {.step = step_present},
    [FUNCTION_avg_over_time] = {.step = step_avg, .column = column_avg},
    [FUNCTION_changes] = {.step = range_changes, .anchored = true},
    [FUNCTION_count_over_time] = {.step = step_count, .column = column_count},
    [FUNCTION_delta] = {.step = range_delta,
                        .column = range_delta_column,
                        .anchored = true,
                        .smoothed = true},
    [FUNCTION_deriv] = {.step = step_deriv},
    [FUNCTION_double_exponential_smoothing] = {.step = step_smoothing},
    [FUNCTION_first_over_time] = {.step = step_first, .keep_name = true},
    [FUNCTION_idelta] = {.step = range_idelta},
    [FUNCTION_increase] = {.step = range_increase,
                           .column = range_increase_column,
                           .needs_start_time = true,
                           .anchored = true,
                           .smoothed = true,
                           .warn_non_counter = true},
    [FUNCTION_irate] = {.step = range_irate, .needs_start_time = true},
    [FUNCTION_last_over_time] = {.step = step_last, .column = column_last, .keep_name = true},
    [FUNCTION_mad_over_time] = {.step = step_mad},
    [FUNCTION_max_over_time] = {.step = step_max, .column = column_max},
    [FUNCTION_min_over_time] = {.step = step_min, .column = column_min},
    [FUNCTION_predict_linear] = {.step = step_predict},
    [FUNCTION_present_over_time] = {.step = step_present},
    [FUNCTION_quantile_over_time] = {.step = step_quantile, .column = column_quantile},
    [FUNCTION_rate] = {.step = range_rate,
                       .column = range_rate_column,
                       .needs_start_time = true,
                       .anchored = true,
                       .smoothed = true,
                       .warn_non_counter = true},
    [FUNCTION_resets] = {.step = range_resets, .needs_start_time = true, .anchored = true},
    [FUNCTION_stddev_over_time] = {.step = step_stddev},
    [FUNCTION_stdvar_over_time] = {.step = step_stdvar},
    [FUNCTION_sum_over_time] = {.step = step_sum, .column = column_sum},
    [FUNCTION_ts_of_first_over_time] = {.step = step_first_time},
    [FUNCTION_ts_of_last_over_time] = {.step = step_last_time},
    [FUNCTION_ts_of_max_over_time] = {.step = step_max_time},
    [FUNCTION_ts_of_min_over_time] = {.step = step_min_time},
};

const RangeFunction *range_function(FunctionId id)
{
    const RangeFunction *function = &range_functions[id];
    return function->step ? function : NULL;
}
