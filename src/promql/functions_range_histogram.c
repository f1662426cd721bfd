/*
 * sum_over_time and avg_over_time of native histograms, and the running sum and mean of histograms
 * that the aggregations sum and avg share with them.
 *
 * Layer: promql. Memory: the arena given. Thread: one at a time.
 */
#include "promql/histogram_mean.h"
#include "promql/range.h"

static void track_reset(HistogramMean *mean, const Histogram *histogram)
{
    mean->reset_seen = mean->reset_seen || histogram->reset == RESET_YES;
    mean->no_reset_seen = mean->no_reset_seen || histogram->reset == RESET_NO;
}

bool histogram_mean_init(HistogramMean *mean, Arena *arena, const Histogram *first)
{
    *mean = (HistogramMean){.n = 1};
    track_reset(mean, first);
    return histogram_acc_init(&mean->sum, arena, first);
}

HistogramOutcome histogram_sum_add(HistogramMean *mean, const Histogram *next)
{
    track_reset(mean, next);
    mean->n++;
    return histogram_acc_add(&mean->sum, next, HISTOGRAM_KAHAN, &mean->notes);
}

/* From the sum to the running mean, when the sum would overflow. */
static HistogramOutcome mean_step(HistogramMean *mean, const Histogram *next)
{
    f64 weight = (mean->n - 1) / mean->n;
    histogram_acc_scale(&mean->sum, weight);
    const Histogram *part = histogram_divided(mean->sum.arena, next, mean->n);
    return part ? histogram_acc_add(&mean->sum, part, HISTOGRAM_KAHAN, &mean->notes)
                : HISTOGRAM_NO_MEMORY;
}

HistogramOutcome histogram_mean_add(HistogramMean *mean, const Histogram *next)
{
    track_reset(mean, next);
    mean->n++;
    if (mean->running) {
        return mean_step(mean, next);
    }
    HistogramAcc tried;
    if (!histogram_acc_copy(&tried, &mean->sum)) {
        return HISTOGRAM_NO_MEMORY;
    }
    HistogramOutcome outcome = histogram_acc_add(&tried, next, HISTOGRAM_KAHAN, &mean->notes);
    if (outcome != HISTOGRAM_DONE) {
        return outcome;
    }
    if (!histogram_acc_overflows(&tried)) {
        mean->sum = tried;
        return HISTOGRAM_DONE;
    }
    mean->running = true;
    histogram_acc_divide(&mean->sum, mean->n - 1);
    return mean_step(mean, next);
}

Histogram *histogram_mean_finish(HistogramMean *mean, bool is_mean)
{
    if (is_mean && !mean->running) {
        histogram_acc_divide(&mean->sum, mean->n);
    }
    return histogram_acc_finish(&mean->sum);
}

static bool over_time(RangeRun *run, const Window *window, bool is_mean, RangeResult *ret, Err *err)
{
    const Histogram *const *hist = run->samples->hist;
    HistogramMean mean;
    if (!histogram_mean_init(&mean, run->scratch, hist[window->hist_from])) {
        return arena_full(run->scratch, err);
    }
    for (size_t i = window->hist_from + 1; i < window->hist_to; i++) {
        HistogramOutcome outcome =
            is_mean ? histogram_mean_add(&mean, hist[i]) : histogram_sum_add(&mean, hist[i]);
        if (outcome == HISTOGRAM_INCOMPATIBLE) {
            warn_mixed_buckets(run);
            return true;
        }
        if (outcome == HISTOGRAM_NO_MEMORY) {
            return arena_full(run->scratch, err);
        }
    }
    if (mean.reset_seen && mean.no_reset_seen) {
        annotations_warn(&run->query->annotations, run->pos,
                         "conflicting counter resets during histogram aggregation");
    }
    if (mean.notes.bounds_reconciled) {
        note_reconciled(run, "aggregation");
    }
    ret->histogram = histogram_mean_finish(&mean, is_mean);
    ret->present = true;
    return ret->histogram || arena_full(run->scratch, err);
}

bool range_sum_histograms(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    return over_time(run, window, false, ret, err);
}

bool range_avg_histograms(RangeRun *run, const Window *window, RangeResult *ret, Err *err)
{
    return over_time(run, window, true, ret, err);
}
