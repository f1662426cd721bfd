/*
 * The rate family: rate, increase, delta, irate, idelta, resets, changes, for floats and native
 * histograms, with start timestamps where the source knows them.
 *
 * A rate is the difference between the last and the first sample of the window, plus what each
 * counter reset took away, extrapolated to the ends of the range when samples come close to them.
 *
 * Layer: promql. Memory: the worker's scratch arena. Thread: one series, one thread.
 */
#include "promql/histogram_math.h"
#include "promql/range.h"

#include <math.h>
#include <string.h>

/* A gap at an end of the range of up to this many average gaps is bridged in full. */
static const f64 extrapolation_gaps = 1.1;

typedef struct RateKind {
    bool counter;
    bool per_second;
} RateKind;

static const RateKind kind_rate = {.counter = true, .per_second = true};
static const RateKind kind_increase = {.counter = true, .per_second = false};
static const RateKind kind_delta = {.counter = false, .per_second = false};

/* Samples i-1 and i, and the start times that their counters had. */
typedef struct StartPair {
    i64 before_start, before;
    i64 start, now;
} StartPair;

/*
 * Does the start time say that the counter began anew between the two samples? A start equal to the
 * earlier sample's time means a delta series, unless that one's own start was unknown (0, or its
 * time) or cannot be (after it).
 */
static bool start_says_reset(StartPair pair)
{
    if (pair.start == 0 || pair.start >= pair.now || pair.start < pair.before) {
        return false;
    }
    if (pair.start > pair.before) {
        return true;
    }
    return pair.before_start <= pair.before && pair.before_start != 0 &&
           pair.before_start != pair.before;
}

static bool start_overlaps(StartPair pair)
{
    return pair.start != 0 && pair.start < pair.before && pair.start != pair.before_start;
}

static StartPair pair_at(const i64 *start_ms, const i64 *t_ms, size_t i)
{
    return (StartPair){.before_start = start_ms ? start_ms[i - 1] : 0,
                       .before = t_ms[i - 1],
                       .start = start_ms ? start_ms[i] : 0,
                       .now = t_ms[i]};
}

static void warn_overlap(RangeRun *run)
{
    char name[QUOTED_NAME_MAX];
    Str quoted = quoted_name(name, sizeof(name), run->name);
    annotations_warn_counted(&run->query->annotations, run->pos,
                             "sample has start time that overlaps with previous sample timestamp "
                             "for metric " STR_FMT,
                             STR_ARG(quoted));
}

/* What extrapolation needs to know of a window. */
typedef struct Extent {
    i64 first_ms, last_ms;
    size_t gaps;     /* samples - 1 */
    i64 first_start; /* start time of the first sample, 0 when of no use */
    f64 first;       /* value (or count) of the first sample */
    f64 increase;    /* of the value (or count) */
} Extent;

/* Is the first sample's start inside the range? Then the counter was zero there. */
static bool starts_inside(const Extent *extent, const Window *window, RateKind kind)
{
    return kind.counter && extent->first_start != 0 && extent->first_start > window->start_ms &&
           extent->first_start < extent->first_ms;
}

/*
 * How far before the first sample the series is taken to have existed, in seconds. 2.x looked for
 * the counter's zero first and at the size of the gap afterwards; 3.x the other way round.
 */
static f64 way_to_start(const Query *query, const Extent *extent, const Window *window, f64 sampled,
                        f64 average, RateKind kind)
{
    f64 bridged = average * extrapolation_gaps;
    f64 way = (f64)(extent->first_ms - window->start_ms) / 1000;
    if (!query->left_closed && way >= bridged) {
        way = average / 2;
    }
    if (kind.counter && extent->increase > 0 && extent->first >= 0) {
        /* A counter cannot have been negative: it began where the line meets zero. */
        f64 to_zero = sampled * (extent->first / extent->increase);
        way = to_zero < way ? to_zero : way;
    }
    if (query->left_closed && way >= bridged) {
        way = average / 2;
    }
    return way;
}

/* What the increase between the samples is multiplied by. */
static f64 extrapolation_factor(const RangeRun *run, const Extent *extent, const Window *window,
                                RateKind kind)
{
    f64 sampled = (f64)(extent->last_ms - extent->first_ms) / 1000;
    f64 average = extent->gaps > 0 ? sampled / (f64)extent->gaps : 0;
    f64 to_start = 0;
    if (starts_inside(extent, window, kind)) {
        sampled = (f64)(extent->last_ms - extent->first_start) / 1000;
    } else {
        to_start = way_to_start(run->query, extent, window, sampled, average, kind);
    }
    f64 to_end = (f64)(window->end_ms - extent->last_ms) / 1000;
    if (to_end >= average * extrapolation_gaps) {
        to_end = average / 2;
    }
    f64 factor = sampled != 0 ? (sampled + to_start + to_end) / sampled : 1;
    return kind.per_second ? factor / ((f64)run->range_ms / 1000) : factor;
}

/* The value before each reset in the window, added in the order of the samples. */
static f64 add_resets(RangeRun *run, const Window *window, f64 increase)
{
    const RangeSamples *samples = run->samples;
    bool overlap = false;
    for (size_t i = window->from + 1; i < window->to; i++) {
        StartPair pair = pair_at(samples->start_ms, samples->t_ms, i);
        if (!overlap && samples->start_ms && start_overlaps(pair)) {
            overlap = true;
            warn_overlap(run);
        }
        if (samples->value[i] < samples->value[i - 1] ||
            (samples->start_ms && start_says_reset(pair))) {
            increase += samples->value[i - 1];
        }
    }
    return increase;
}

static void float_rate(RangeRun *run, const Window *window, RateKind kind, f64 increase,
                       RangeResult *ret)
{
    const RangeSamples *samples = run->samples;
    Extent extent = {
        .first_ms = samples->t_ms[window->from],
        .last_ms = samples->t_ms[window->to - 1],
        .gaps = window_count(window) - 1,
        .first_start = samples->start_ms ? samples->start_ms[window->from] : 0,
        .first = samples->value[window->from],
        .increase = increase,
    };
    bool inside = starts_inside(&extent, window, kind);
    if (extent.gaps == 0 && !inside) {
        return;
    }
    if (inside) {
        increase += extent.first;
    }
    result_float(ret, increase * extrapolation_factor(run, &extent, window, kind));
}

void warn_not_counter(RangeRun *run)
{
    char name[QUOTED_NAME_MAX];
    Str quoted = quoted_name(name, sizeof(name), run->name);
    annotations_warn(&run->query->annotations, run->pos,
                     "this native histogram metric is not a counter: " STR_FMT, STR_ARG(quoted));
}

void warn_not_gauge(RangeRun *run)
{
    char name[QUOTED_NAME_MAX];
    Str quoted = quoted_name(name, sizeof(name), run->name);
    annotations_warn(&run->query->annotations, run->pos,
                     "this native histogram metric is not a gauge: " STR_FMT, STR_ARG(quoted));
}

static bool hist_reset_at(RangeRun *run, size_t i, const Histogram *before)
{
    const RangeSamples *samples = run->samples;
    return (samples->hist_start_ms &&
            start_says_reset(pair_at(samples->hist_start_ms, samples->hist_t_ms, i))) ||
           histogram_has_reset(run->scratch, samples->hist[i], before);
}

/* What stands for the first sample when the counter restarts right after it: nothing. */
static void empty_like(const Histogram *like, Histogram *ret)
{
    *ret = (Histogram){.schema = like->schema,
                       .custom_bounds = like->custom_bounds,
                       .custom_count = like->custom_count};
}

/* Adds what resets took away. False with an annotation when buckets do not fit. */
static bool add_histogram_resets(RangeRun *run, const Window *window, const Histogram *first,
                                 HistogramAcc *acc)
{
    const RangeSamples *samples = run->samples;
    const Histogram *before = first;
    bool overlap = false;
    for (size_t i = window->hist_from + 1; i < window->hist_to; i++) {
        if (!overlap && samples->hist_start_ms &&
            start_overlaps(pair_at(samples->hist_start_ms, samples->hist_t_ms, i))) {
            overlap = true;
            warn_overlap(run);
        }
        if (hist_reset_at(run, i, before)) {
            HistogramNotes notes = {0};
            if (histogram_acc_add(acc, before, HISTOGRAM_ADD, &notes) != HISTOGRAM_DONE) {
                warn_mixed_buckets(run);
                return false;
            }
            if (notes.bounds_reconciled) {
                note_reconciled(run, "addition");
            }
        }
        before = samples->hist[i];
    }
    return true;
}

/* The lowest resolution in the window; false with a warning when buckets of two kinds mix. */
static bool common_schema(RangeRun *run, const Window *window, const Histogram *first, bool counter,
                          i32 *ret)
{
    const RangeSamples *samples = run->samples;
    const Histogram *last = samples->hist[window->hist_to - 1];
    bool custom = histogram_is_custom(first);
    bool fits = histogram_is_custom(last) == custom;
    i32 schema = MIN(first->schema, last->schema);
    for (size_t i = window->hist_from + 1; i + 1 < window->hist_to && counter && fits; i++) {
        const Histogram *histogram = samples->hist[i];
        if (histogram->reset == RESET_GAUGE) {
            warn_not_counter(run);
        }
        schema = MIN(schema, histogram->schema);
        fits = histogram_is_custom(histogram) == custom;
    }
    if (!fits) {
        warn_mixed_buckets(run);
    }
    *ret = schema;
    return fits;
}

static void check_hints(RangeRun *run, const Window *window, bool counter)
{
    const Histogram *first = run->samples->hist[window->hist_from];
    const Histogram *last = run->samples->hist[window->hist_to - 1];
    bool any_gauge = first->reset == RESET_GAUGE || last->reset == RESET_GAUGE;
    bool both_gauge = first->reset == RESET_GAUGE && last->reset == RESET_GAUGE;
    if (counter && any_gauge) {
        warn_not_counter(run);
    }
    if (!counter && !both_gauge) {
        warn_not_gauge(run);
    }
}

/* Last minus first plus resets. *ret_any false: an annotation says why there is none. */
static bool histogram_increase(RangeRun *run, const Window *window, bool counter, HistogramAcc *acc,
                               bool *ret_any, Err *err)
{
    const RangeSamples *samples = run->samples;
    const Histogram *first = samples->hist[window->hist_from];
    Histogram nothing;
    *ret_any = false;
    if (counter) {
        check_hints(run, window, counter);
        if (hist_reset_at(run, window->hist_from + 1, first)) {
            empty_like(samples->hist[window->hist_from + 1], &nothing);
            first = &nothing;
        }
    }
    i32 schema;
    if (!common_schema(run, window, first, counter, &schema)) {
        return true;
    }
    if (!histogram_acc_init(acc, run->scratch, samples->hist[window->hist_to - 1])) {
        return arena_full(run->scratch, err);
    }
    (void)histogram_acc_reduce(acc, schema);
    HistogramNotes notes = {0};
    HistogramOutcome outcome = histogram_acc_add(acc, first, HISTOGRAM_SUBTRACT, &notes);
    if (outcome != HISTOGRAM_DONE) {
        warn_mixed_buckets(run);
        return outcome == HISTOGRAM_INCOMPATIBLE || arena_full(run->scratch, err);
    }
    if (notes.bounds_reconciled) {
        note_reconciled(run, "subtraction");
    }
    if (counter && !add_histogram_resets(run, window, first, acc)) {
        return true;
    }
    if (!counter) {
        check_hints(run, window, counter);
    }
    acc->reset = RESET_GAUGE;
    *ret_any = true;
    return true;
}

/* The first sample counts in full when its counter began inside the range. */
static bool add_first(RangeRun *run, const Histogram *first, bool any, HistogramAcc *acc,
                      bool *ret_ok, Err *err)
{
    *ret_ok = true;
    if (!any) {
        return histogram_acc_init(acc, run->scratch, first) || arena_full(run->scratch, err);
    }
    HistogramNotes notes = {0};
    if (histogram_acc_add(acc, first, HISTOGRAM_ADD, &notes) != HISTOGRAM_DONE) {
        warn_mixed_buckets(run);
        *ret_ok = false;
    } else if (notes.bounds_reconciled) {
        note_reconciled(run, "addition");
    }
    return true;
}

static bool histogram_rate(RangeRun *run, const Window *window, RateKind kind, RangeResult *ret,
                           Err *err)
{
    const RangeSamples *samples = run->samples;
    const Histogram *first = samples->hist[window->hist_from];
    HistogramAcc acc;
    bool any = false;
    size_t gaps = window_hist_count(window) - 1;
    if (gaps > 0) {
        if (!histogram_increase(run, window, kind.counter, &acc, &any, err)) {
            return false;
        }
        if (!any) {
            return true;
        }
    }
    Extent extent = {
        .first_ms = samples->hist_t_ms[window->hist_from],
        .last_ms = samples->hist_t_ms[window->hist_to - 1],
        .gaps = gaps,
        .first_start = samples->hist_start_ms ? samples->hist_start_ms[window->hist_from] : 0,
        .first = first->count,
        .increase = any ? acc.count : 0,
    };
    bool inside = starts_inside(&extent, window, kind);
    if (gaps == 0 && !inside) {
        return true;
    }
    bool ok = true;
    if (inside && !add_first(run, first, any, &acc, &ok, err)) {
        return false;
    }
    if (!ok) {
        return true;
    }
    histogram_acc_scale(&acc, extrapolation_factor(run, &extent, window, kind));
    ret->histogram = histogram_acc_finish(&acc);
    ret->present = true;
    return ret->histogram || arena_full(run->scratch, err);
}

static bool extrapolated(RangeRun *run, const Window *window, RateKind kind, RangeResult *ret,
                         Err *err)
{
    bool has_floats = window_count(window) > 0;
    if (has_floats && window_hist_count(window) > 0) {
        warn_mixed_floats_histograms(run);
        return true;
    }
    if (run->mode != SELECTOR_PLAIN) {
        return range_extended_rate(run, window, kind.counter, kind.per_second, ret, err);
    }
    if (!has_floats) {
        return histogram_rate(run, window, kind, ret, err);
    }
    f64 increase = run->samples->value[window->to - 1] - run->samples->value[window->from];
    if (kind.counter) {
        increase = add_resets(run, window, increase);
    }
    float_rate(run, window, kind, increase, ret);
    return true;
}

bool range_rate(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    return extrapolated(run, window, kind_rate, ret, err);
}

bool range_increase(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    return extrapolated(run, window, kind_increase, ret, err);
}

bool range_delta(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    return extrapolated(run, window, kind_delta, ret, err);
}

/* The samples before which a counter restarted, found once for all windows. */
static u32 *find_resets(const RangeSamples *samples, Arena *scratch, size_t *ret_count, Err *err)
{
    u32 *resets = arena_alloc(scratch, (samples->count + 1) * sizeof(u32), _Alignof(u32));
    if (!resets) {
        arena_full(scratch, err);
        return NULL;
    }
    size_t count = 0;
    for (size_t i = 1; i < samples->count; i++) {
        resets[count] = (u32)i;
        count += samples->value[i] < samples->value[i - 1];
    }
    *ret_count = count;
    return resets;
}

/* What the windows of a series without start times are extrapolated from, in columns: the loop over
 * them has no branch, so that the compiler computes several at a time. */
typedef struct RateColumns {
    f64 *first;    /* value of the first sample */
    f64 *increase; /* with resets */
    f64 *sampled;  /* milliseconds between the first and the last sample */
    f64 *before;   /* milliseconds from the start of the range to the first sample */
    f64 *after;    /* milliseconds from the last sample to the end */
    f64 *gaps;     /* samples - 1 */
    u32 *step;     /* where the result goes */
    size_t count;
} RateColumns;

static bool rate_columns_alloc(Arena *scratch, size_t count, RateColumns *ret, Err *err)
{
    f64 *numbers = arena_alloc(scratch, 6 * count * sizeof(f64), _Alignof(f64));
    u32 *step = arena_alloc(scratch, count * sizeof(u32), _Alignof(u32));
    if (!numbers || !step) {
        return arena_full(scratch, err);
    }
    *ret = (RateColumns){.first = numbers,
                         .increase = numbers + count,
                         .sampled = numbers + 2 * count,
                         .before = numbers + 3 * count,
                         .after = numbers + 4 * count,
                         .gaps = numbers + 5 * count,
                         .step = step};
    return true;
}

/*
 * A window costs O(1) and its resets, which are few. They are added one by one, as the original
 * does; a prefix sum would round differently.
 */
static bool gather_rates(RangeRun *run, const Window *windows, bool counter, RateColumns *rates,
                         Err *err)
{
    const RangeSamples *samples = run->samples;
    size_t reset_count = 0;
    const u32 *resets = counter ? find_resets(samples, run->scratch, &reset_count, err) : NULL;
    if (counter && !resets) {
        return false;
    }
    size_t reset_from = 0;
    for (size_t i = 0; i < run->steps->count; i++) {
        size_t from = windows[i].from;
        size_t to = windows[i].to;
        if (to - from < 2) {
            continue;
        }
        if (reset_from > 0 && resets[reset_from - 1] > from) {
            reset_from = 0;
        }
        while (reset_from < reset_count && resets[reset_from] <= from) {
            reset_from++;
        }
        f64 increase = samples->value[to - 1] - samples->value[from];
        for (size_t r = reset_from; r < reset_count && resets[r] < to; r++) {
            increase += samples->value[resets[r] - 1];
        }
        size_t at = rates->count++;
        rates->step[at] = (u32)i;
        rates->first[at] = samples->value[from];
        rates->increase[at] = increase;
        rates->sampled[at] = (f64)(samples->t_ms[to - 1] - samples->t_ms[from]);
        rates->before[at] = (f64)(samples->t_ms[from] - windows[i].start_ms);
        rates->after[at] = (f64)(windows[i].end_ms - samples->t_ms[to - 1]);
        rates->gaps[at] = (f64)(to - from - 1);
    }
    return true;
}

/* Built twice, and chosen by the CPU; clang vectorises without being told. Not for the thread
 * sanitizer, which is not ready yet when the loader chooses. */
#ifndef __has_feature
#    define __has_feature(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#    define VECTORISED
#elif defined(__clang__)
#    define VECTORISED __attribute__((target_clones("avx2", "default")))
#else
#    define VECTORISED __attribute__((target_clones("avx2", "default"), optimize("O3")))
#endif

/* float_rate of every window, into `increase`; with the order of 3.x in way_to_start. */
VECTORISED static void extrapolate_all(const RateColumns *rates, bool counter, f64 seconds)
{
    const f64 *restrict first = rates->first;
    f64 *restrict increase = rates->increase;
    for (size_t i = 0; i < rates->count; i++) {
        f64 sampled = rates->sampled[i] / 1000;
        f64 average = sampled / rates->gaps[i];
        f64 bridged = average * extrapolation_gaps;
        f64 before = rates->before[i] / 1000;
        f64 after = rates->after[i] / 1000;
        before = before >= bridged ? average / 2 : before;
        f64 to_zero = sampled * (first[i] / increase[i]);
        bool has_zero = counter & (increase[i] > 0) & (first[i] >= 0) & (to_zero < before);
        before = has_zero ? to_zero : before;
        after = after >= bridged ? average / 2 : after;
        f64 factor = sampled != 0 ? (sampled + before + after) / sampled : 1;
        increase[i] = increase[i] * (factor / seconds);
    }
}

static bool rate_column_fast(RangeRun *run, const Window *windows, RateKind kind, Column *out,
                             Err *err)
{
    RateColumns rates;
    if (!rate_columns_alloc(run->scratch, run->steps->count, &rates, err) ||
        !gather_rates(run, windows, kind.counter, &rates, err)) {
        return false;
    }
    extrapolate_all(&rates, kind.counter, kind.per_second ? (f64)run->range_ms / 1000 : 1);
    for (size_t i = 0; i < rates.count; i++) {
        column_put(out, rates.step[i], rates.increase[i]);
    }
    return true;
}

static bool rate_column(RangeRun *run, const Window *windows, RateKind kind, Column *out, Err *err)
{
    if (!run->samples->start_ms && !run->query->left_closed) {
        return rate_column_fast(run, windows, kind, out, err);
    }
    for (size_t i = 0; i < run->steps->count; i++) {
        const Window *window = &windows[i];
        if (window_count(window) == 0) {
            continue;
        }
        f64 increase = run->samples->value[window->to - 1] - run->samples->value[window->from];
        RangeResult result = {0};
        increase = kind.counter ? add_resets(run, window, increase) : increase;
        float_rate(run, window, kind, increase, &result);
        if (result.present) {
            column_put(out, i, result.value);
        }
    }
    return true;
}

bool range_rate_column(RangeRun *run, const Window *windows, Column *out, Err *err)
{
    return rate_column(run, windows, kind_rate, out, err);
}

bool range_increase_column(RangeRun *run, const Window *windows, Column *out, Err *err)
{
    return rate_column(run, windows, kind_increase, out, err);
}

bool range_delta_column(RangeRun *run, const Window *windows, Column *out, Err *err)
{
    return rate_column(run, windows, kind_delta, out, err);
}

/* A sample of either kind, for functions that walk both in time order. */
typedef struct AnySample {
    i64 t_ms;
    f64 value;
    const Histogram *histogram;
    i64 start_ms;
} AnySample;

static AnySample float_at(const RangeSamples *samples, size_t i)
{
    return (AnySample){.t_ms = samples->t_ms[i],
                       .value = samples->value[i],
                       .start_ms = samples->start_ms ? samples->start_ms[i] : 0};
}

static AnySample hist_at(const RangeSamples *samples, size_t i)
{
    return (AnySample){.t_ms = samples->hist_t_ms[i],
                       .histogram = samples->hist[i],
                       .start_ms = samples->hist_start_ms ? samples->hist_start_ms[i] : 0};
}

/* The next sample in time of the window that *at walks through. */
static bool next_sample(const RangeSamples *samples, Window *at, AnySample *ret)
{
    bool has_float = at->from < at->to;
    bool has_hist = at->hist_from < at->hist_to;
    if (!has_float && !has_hist) {
        return false;
    }
    if (!has_hist || (has_float && samples->t_ms[at->from] < samples->hist_t_ms[at->hist_from])) {
        *ret = float_at(samples, at->from++);
    } else {
        *ret = hist_at(samples, at->hist_from++);
    }
    return true;
}

/* The last two samples of the window, in time order. */
static bool last_two(const RangeSamples *samples, const Window *window, AnySample *ret_before,
                     AnySample *ret_last)
{
    Window tail = *window;
    tail.from = MAX(tail.from, tail.to - MIN(tail.to, (size_t)2));
    tail.hist_from = MAX(tail.hist_from, tail.hist_to - MIN(tail.hist_to, (size_t)2));
    AnySample sample;
    size_t count = 0;
    while (next_sample(samples, &tail, &sample)) {
        *ret_before = *ret_last;
        *ret_last = sample;
        count++;
    }
    return count >= 2;
}

static bool instant_histogram(RangeRun *run, const AnySample *before, const AnySample *last,
                              bool counter, bool reset, HistogramAcc *acc)
{
    ASSERT(before->histogram && last->histogram);
    bool any_gauge =
        last->histogram->reset == RESET_GAUGE || before->histogram->reset == RESET_GAUGE;
    bool both_gauge =
        last->histogram->reset == RESET_GAUGE && before->histogram->reset == RESET_GAUGE;
    if (counter && any_gauge) {
        warn_not_counter(run);
    }
    if (!counter && !both_gauge) {
        warn_not_gauge(run);
    }
    if (counter &&
        (reset || histogram_has_reset(run->scratch, last->histogram, before->histogram))) {
        return true;
    }
    HistogramNotes notes = {0};
    if (histogram_acc_add(acc, before->histogram, HISTOGRAM_SUBTRACT, &notes) != HISTOGRAM_DONE) {
        warn_mixed_buckets(run);
        return false;
    }
    if (notes.bounds_reconciled) {
        note_reconciled(run, "subtraction");
    }
    return true;
}

static bool instant_change(RangeRun *run, const Window *window, bool counter, RangeResult *ret,
                           Err *err)
{
    AnySample before = {0};
    AnySample last = {0};
    if (!last_two(run->samples, window, &before, &last) || last.t_ms == before.t_ms) {
        return true;
    }
    if (!before.histogram != !last.histogram) {
        warn_mixed_floats_histograms(run);
        return true;
    }
    f64 seconds = (f64)(last.t_ms - before.t_ms) / 1000;
    bool reset = start_says_reset((StartPair){.before_start = before.start_ms,
                                              .before = before.t_ms,
                                              .start = last.start_ms,
                                              .now = last.t_ms});
    if (!last.histogram) {
        bool restarted = counter && (last.value < before.value || reset);
        f64 change = restarted ? last.value : last.value - before.value;
        result_float(ret, counter ? change / seconds : change);
        return true;
    }
    HistogramAcc acc;
    if (!histogram_acc_init(&acc, run->scratch, last.histogram)) {
        return arena_full(run->scratch, err);
    }
    if (!instant_histogram(run, &before, &last, counter, reset, &acc)) {
        return true;
    }
    acc.reset = RESET_GAUGE;
    if (counter) {
        histogram_acc_divide(&acc, seconds);
    }
    ret->histogram = histogram_acc_finish(&acc);
    ret->present = true;
    return ret->histogram || arena_full(run->scratch, err);
}

bool range_irate(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    return instant_change(run, window, true, ret, err);
}

bool range_idelta(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    return instant_change(run, window, false, ret, err);
}

/* Anchored: the one newest sample at or before the start of the range is the baseline; samples
 * before it do not count. False when nothing lies after the start. */
static bool anchor(const RangeRun *run, Window *window)
{
    if (run->mode != SELECTOR_ANCHORED) {
        return true;
    }
    const RangeSamples *samples = run->samples;
    size_t from = window->from;
    size_t hist_from = window->hist_from;
    while (from < window->to && samples->t_ms[from] <= window->start_ms) {
        from++;
    }
    while (hist_from < window->hist_to && samples->hist_t_ms[hist_from] <= window->start_ms) {
        hist_from++;
    }
    bool has_float = from > window->from;
    bool has_hist = hist_from > window->hist_from;
    if (from == window->to && hist_from == window->hist_to) {
        return false;
    }
    bool float_is_newer =
        has_float && (!has_hist || samples->t_ms[from - 1] >= samples->hist_t_ms[hist_from - 1]);
    window->from = from - float_is_newer;
    window->hist_from = hist_from - (has_hist && !float_is_newer);
    return true;
}

static bool is_reset(RangeRun *run, const AnySample *before, const AnySample *now)
{
    if (!before->histogram != !now->histogram) {
        return true;
    }
    if (start_says_reset((StartPair){.before_start = before->start_ms,
                                     .before = before->t_ms,
                                     .start = now->start_ms,
                                     .now = now->t_ms})) {
        return true;
    }
    return now->histogram ? histogram_has_reset(run->scratch, now->histogram, before->histogram)
                          : now->value < before->value;
}

static bool is_change(RangeRun *run, const AnySample *before, const AnySample *now)
{
    (void)run;
    if (!before->histogram != !now->histogram) {
        return true;
    }
    if (now->histogram) {
        return !histogram_same(now->histogram, before->histogram);
    }
    return now->value != before->value && !(isnan(now->value) && isnan(before->value));
}

static void count_pairs(RangeRun *run, const Window *window, RangeResult *ret,
                        bool (*counts)(RangeRun *, const AnySample *, const AnySample *))
{
    Window at = *window;
    AnySample before;
    AnySample now;
    size_t count = 0;
    if (!anchor(run, &at) || !next_sample(run->samples, &at, &before)) {
        return;
    }
    while (next_sample(run->samples, &at, &now)) {
        count += counts(run, &before, &now);
        before = now;
    }
    result_float(ret, (f64)count);
}

bool range_resets(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    count_pairs(run, window, ret, is_reset);
    return true;
}

bool range_changes(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    (void)err;
    count_pairs(run, window, ret, is_change);
    return true;
}
