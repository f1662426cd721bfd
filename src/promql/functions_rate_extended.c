/*
 * Rates with `anchored` and `smoothed`: the value at the start of the range is that of the sample
 * at or before it (anchored), or both ends lie on the line between their neighbours (smoothed).
 * Nothing is extrapolated.
 *
 * Layer: promql. Memory: the worker's scratch arena. Thread: one series, one thread.
 */
#include "promql/histogram_math.h"
#include "promql/range.h"

#include <string.h>

/* The value at t on the line through two samples; a counter that restarted between them counts from
 * zero. */
static f64 line_at(i64 t1, f64 v1, i64 t2, f64 v2, i64 t, bool counter)
{
    if (counter && v2 < v1) {
        v1 = 0;
    }
    return v1 + (v2 - v1) * (f64)(t - t1) / (f64)(t2 - t1);
}

/* The samples that decide: first .. last, indices into the window's samples. */
typedef struct Ends {
    size_t first, last;
} Ends;

/* False when no sample lies where one is needed. */
static bool find_ends(const i64 *t, size_t count, const Window *window, bool smoothed, Ends *ret)
{
    size_t last = count - 1;
    size_t after = 0;
    while (after < last && t[after] <= window->start_ms) {
        after++;
    }
    size_t first = after > 0 ? after - 1 : 0;
    if (smoothed) {
        size_t end = 0;
        while (end < last && t[end] < window->end_ms) {
            end++;
        }
        last = end;
    }
    *ret = (Ends){.first = first, .last = last};
    return t[last] > window->start_ms && !(smoothed && t[first] > window->end_ms);
}

static f64 float_resets(const f64 *values, size_t from, size_t to, f64 left, f64 right)
{
    f64 correction = 0;
    f64 before = left;
    for (size_t i = from; i < to; i++) {
        if (values[i] < before) {
            correction += before;
        }
        before = values[i];
    }
    return right < before ? correction + before : correction;
}

static void extended_floats(RangeRun *run, const Window *window, bool counter, bool per_second,
                            RangeResult *ret)
{
    const i64 *t = run->samples->t_ms + window->from;
    const f64 *values = run->samples->value + window->from;
    bool smoothed = run->mode == SELECTOR_SMOOTHED;
    Ends ends;
    if (!find_ends(t, window_count(window), window, smoothed, &ends)) {
        return;
    }
    size_t first = ends.first;
    size_t last = ends.last;
    f64 left = values[first];
    f64 right = values[last];
    if (smoothed && t[first] < window->start_ms) {
        left = line_at(t[first], values[first], t[first + 1], values[first + 1], window->start_ms,
                       counter);
    }
    if (smoothed && last > 0 && t[last] > window->end_ms) {
        right =
            line_at(t[last - 1], values[last - 1], t[last], values[last], window->end_ms, counter);
    }
    f64 result = right - left;
    if (counter) {
        /* The ends are accounted for; what lies strictly between them may hold resets. */
        size_t from = t[first] <= window->start_ms ? first + 1 : first;
        size_t to = t[last] >= window->end_ms ? last : last + 1;
        result += float_resets(values, from, MAX(to, from), left, right);
    }
    result_float(ret, per_second ? result / ((f64)run->range_ms / 1000) : result);
}

/* Interpolated histogram; *ret NULL with an annotation when the two do not fit. */
static bool histogram_line(Arena *scratch, const Histogram *h1, const Histogram *h2, f64 fraction,
                           bool counter, const Histogram **ret, HistogramNotes *sub_notes,
                           HistogramNotes *add_notes, Err *err)
{
    *ret = NULL;
    HistogramAcc acc;
    if (!histogram_acc_init(&acc, scratch, h2)) {
        return arena_full(scratch, err);
    }
    HistogramOutcome outcome = HISTOGRAM_DONE;
    if (counter && histogram_has_reset(scratch, h2, h1)) {
        histogram_acc_scale(&acc, fraction);
    } else {
        outcome = histogram_acc_add(&acc, h1, HISTOGRAM_SUBTRACT, sub_notes);
        if (outcome == HISTOGRAM_DONE) {
            histogram_acc_scale(&acc, fraction);
            outcome = histogram_acc_add(&acc, h1, HISTOGRAM_ADD, add_notes);
        }
    }
    if (outcome == HISTOGRAM_INCOMPATIBLE) {
        return true;
    }
    *ret = outcome == HISTOGRAM_DONE ? histogram_acc_finish(&acc) : NULL;
    return *ret || arena_full(scratch, err);
}

/* The histogram at t between samples i and i+1 of the window. */
static bool line_between(RangeRun *run, const Window *window, size_t i, i64 t, bool counter,
                         const Histogram **ret, Err *err)
{
    const RangeSamples *samples = run->samples;
    size_t at = window->hist_from + i;
    i64 t1 = samples->hist_t_ms[at];
    i64 t2 = samples->hist_t_ms[at + 1];
    if (t == t2) {
        *ret = samples->hist[at + 1];
        return true;
    }
    HistogramNotes sub_notes = {0};
    HistogramNotes add_notes = {0};
    if (!histogram_line(run->scratch, samples->hist[at], samples->hist[at + 1],
                        (f64)(t - t1) / (f64)(t2 - t1), counter, ret, &sub_notes, &add_notes,
                        err)) {
        return false;
    }
    if (!*ret) {
        warn_mixed_buckets(run);
    }
    if (sub_notes.bounds_reconciled) {
        note_reconciled(run, "subtraction");
    }
    if (add_notes.bounds_reconciled) {
        note_reconciled(run, "addition");
    }
    return true;
}

static bool kinds_fit(RangeRun *run, const Window *window, Ends ends, bool counter)
{
    const Histogram *const *hist = run->samples->hist + window->hist_from;
    bool custom = histogram_is_custom(hist[ends.first]);
    for (size_t i = ends.first; i <= ends.last; i++) {
        if (histogram_is_custom(hist[i]) != custom) {
            warn_mixed_buckets(run);
            return false;
        }
        if (counter && hist[i]->reset == RESET_GAUGE) {
            warn_not_counter(run);
        }
    }
    return true;
}

/* acc += (or -=) other. False with an annotation when they do not fit. */
static bool combine(RangeRun *run, HistogramAcc *acc, const Histogram *other, HistogramSum how)
{
    HistogramNotes notes = {0};
    if (histogram_acc_add(acc, other, how, &notes) != HISTOGRAM_DONE) {
        warn_mixed_buckets(run);
        return false;
    }
    if (notes.bounds_reconciled) {
        note_reconciled(run, how == HISTOGRAM_ADD ? "addition" : "subtraction");
    }
    return true;
}

/* Adds what resets between the ends took away. */
static bool histogram_resets(RangeRun *run, const Window *window, Ends ends, const Histogram *left,
                             const Histogram *right, HistogramAcc *acc)
{
    const Histogram *const *hist = run->samples->hist + window->hist_from;
    const i64 *t = run->samples->hist_t_ms + window->hist_from;
    size_t first = ends.first + 1;
    const Histogram *before = left;
    if (run->mode == SELECTOR_SMOOTHED && t[ends.first] < window->start_ms &&
        histogram_has_reset(run->scratch, hist[ends.first + 1], hist[ends.first])) {
        before = hist[ends.first + 1]; /* the left end was drawn across this reset */
        first++;
    }
    if (first > ends.last) {
        return true;
    }
    for (size_t i = first; i < ends.last; i++) {
        if (histogram_has_reset(run->scratch, hist[i], before) &&
            !combine(run, acc, before, HISTOGRAM_ADD)) {
            return false;
        }
        before = hist[i];
    }
    return !histogram_has_reset(run->scratch, right, before) ||
           combine(run, acc, before, HISTOGRAM_ADD);
}

/* The histograms at both ends; NULL with an annotation when an end cannot be computed. */
static bool histogram_ends(RangeRun *run, const Window *window, Ends ends, bool counter,
                           const Histogram **ret_left, const Histogram **ret_right, Err *err)
{
    const Histogram *const *hist = run->samples->hist + window->hist_from;
    const i64 *t = run->samples->hist_t_ms + window->hist_from;
    bool smoothed = run->mode == SELECTOR_SMOOTHED;
    *ret_left = hist[ends.first];
    *ret_right = hist[ends.last];
    if (smoothed && t[ends.first] < window->start_ms &&
        !line_between(run, window, ends.first, window->start_ms, counter, ret_left, err)) {
        return false;
    }
    return !(smoothed && ends.last > 0 && t[ends.last] > window->end_ms) ||
           line_between(run, window, ends.last - 1, window->end_ms, counter, ret_right, err);
}

static bool extended_histograms(RangeRun *run, const Window *window, bool counter, bool per_second,
                                RangeResult *ret, Err *err)
{
    Ends ends;
    const Histogram *left;
    const Histogram *right;
    if (!find_ends(run->samples->hist_t_ms + window->hist_from, window_hist_count(window), window,
                   run->mode == SELECTOR_SMOOTHED, &ends) ||
        !kinds_fit(run, window, ends, counter)) {
        return true;
    }
    if (!histogram_ends(run, window, ends, counter, &left, &right, err)) {
        return false;
    }
    if (!left || !right) {
        return true;
    }
    if (!counter && (left->reset != RESET_GAUGE || right->reset != RESET_GAUGE)) {
        warn_not_gauge(run);
    }
    HistogramAcc acc;
    if (!histogram_acc_init(&acc, run->scratch, right)) {
        return arena_full(run->scratch, err);
    }
    if (!combine(run, &acc, left, HISTOGRAM_SUBTRACT) ||
        (counter && !histogram_resets(run, window, ends, left, right, &acc))) {
        return true;
    }
    if (per_second) {
        histogram_acc_divide(&acc, (f64)run->range_ms / 1000);
    }
    acc.reset = RESET_GAUGE;
    ret->histogram = histogram_acc_finish(&acc);
    ret->present = true;
    return ret->histogram || arena_full(run->scratch, err);
}

bool range_extended_rate(RangeRun *run, const Window *window, bool is_counter, bool is_rate,
                         RangeResult *ret, Err *err)
{
    if (window_hist_count(window) > 0) {
        return extended_histograms(run, window, is_counter, is_rate, ret, err);
    }
    extended_floats(run, window, is_counter, is_rate, ret);
    return true;
}

static size_t first_at_or_after(const i64 *t_ms, size_t from, size_t to, i64 t)
{
    while (from < to && t_ms[from] < t) {
        from++;
    }
    return from;
}

static void smooth_float(const RangeSamples *samples, const Window *window, i64 t, SmoothPoint *ret)
{
    size_t i = first_at_or_after(samples->t_ms, window->from, window->to, t);
    bool exact = i < window->to && samples->t_ms[i] == t;
    if (!exact && i == window->from) {
        return; /* nothing before yet */
    }
    ret->kind = SMOOTH_FLOAT;
    if (exact) {
        ret->value = samples->value[i];
    } else if (i < window->to) {
        ret->value = line_at(samples->t_ms[i - 1], samples->value[i - 1], samples->t_ms[i],
                             samples->value[i], t, false);
    } else {
        ret->value = samples->value[i - 1];
    }
}

/* The last sample stands for what comes after it, but its hint does not. */
static bool carry_histogram(Arena *scratch, const Histogram *last, SmoothPoint *ret, Err *err)
{
    Histogram *copy = ARENA_NEW(scratch, Histogram, 1);
    if (!copy) {
        return arena_full(scratch, err);
    }
    *copy = *last;
    copy->reset = RESET_UNKNOWN;
    ret->kind = SMOOTH_HISTOGRAM;
    ret->histogram = copy;
    return true;
}

static bool smooth_histogram(RangeRun *run, const Window *window, i64 t, SmoothPoint *ret, Err *err)
{
    const RangeSamples *samples = run->samples;
    size_t i = first_at_or_after(samples->hist_t_ms, window->hist_from, window->hist_to, t);
    if (i < window->hist_to && samples->hist_t_ms[i] == t) {
        ret->kind = SMOOTH_HISTOGRAM;
        ret->histogram = samples->hist[i];
        return true;
    }
    if (i == window->hist_from) {
        return true;
    }
    const Histogram *before = samples->hist[i - 1];
    if (i == window->hist_to) {
        return carry_histogram(run->scratch, before, ret, err);
    }
    const Histogram *after = samples->hist[i];
    if (histogram_is_custom(before) != histogram_is_custom(after)) {
        warn_mixed_buckets(run);
        return true;
    }
    bool counter = before->reset != RESET_GAUGE || after->reset != RESET_GAUGE;
    if (!line_between(run, window, i - 1 - window->hist_from, t, counter, &ret->histogram, err)) {
        return false;
    }
    ret->kind = ret->histogram ? SMOOTH_HISTOGRAM : SMOOTH_NONE;
    return true;
}

bool range_smooth_at(Query *query, u32 pos, const RangeSamples *samples, const Window *window,
                     i64 t_ms, Arena *scratch, SmoothPoint *ret, Err *err)
{
    *ret = (SmoothPoint){.kind = SMOOTH_NONE};
    RangeRun run = {.query = query,
                    .samples = samples,
                    .pos = pos,
                    .name = labels_get(samples->labels, LABEL_NAME),
                    .scratch = scratch};
    if (window_hist_count(window) == 0) {
        smooth_float(samples, window, t_ms, ret);
        return true;
    }
    if (window_count(window) > 0) {
        warn_mixed_floats_histograms(&run);
        return true;
    }
    return smooth_histogram(&run, window, t_ms, ret, err);
}
