/*
 * The running sum or mean of native histograms: a plain Kahan sum until it would overflow, a
 * running mean from there on.
 *
 * Layer: promql. Memory: the arena given. Thread: one at a time.
 */
#pragma once

#include "promql/histogram_math.h"

typedef struct HistogramMean {
    HistogramAcc sum; /* or the mean, when running */
    f64 n;
    bool running;
    bool reset_seen, no_reset_seen; /* counter reset hints among the summands */
    HistogramNotes notes;
} HistogramMean;

bool histogram_mean_init(HistogramMean *mean, Arena *arena,
                         const Histogram *first); /* false: full */
HistogramOutcome histogram_sum_add(HistogramMean *mean, const Histogram *next);
HistogramOutcome histogram_mean_add(HistogramMean *mean, const Histogram *next);
Histogram *histogram_mean_finish(HistogramMean *mean, bool is_mean); /* NULL: full */
