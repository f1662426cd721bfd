/*
 * Histogram arithmetic: sums, differences, scaling, resets, buckets, quantiles and fractions of
 * native histograms.
 *
 * A HistogramAcc is the form that arithmetic works on: buckets as index and count, so that adding
 * is a merge, with the lost low-order part of every number beside it (Kahan-Neumaier) where a sum
 * asks for that.
 *
 * Layer: promql. Memory: everything new comes from the arena given; inputs are never changed.
 * Thread: any. Source: Prometheus native histogram specification.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "model/histogram.h"

typedef struct HistogramSide {
    i32 *index;
    f64 *count;
    f64 *lost; /* Kahan compensation; zeros in plain arithmetic */
    size_t len;
} HistogramSide;

typedef struct HistogramAcc {
    Arena *arena;
    i32 schema;
    ResetHint reset;
    f64 zero_threshold;
    f64 zero_count, zero_lost;
    f64 count, count_lost;
    f64 sum, sum_lost;
    HistogramSide positive;
    HistogramSide negative;
    const f64 *custom_bounds;
    size_t custom_count;
} HistogramAcc;

typedef enum HistogramSum {
    HISTOGRAM_ADD,
    HISTOGRAM_SUBTRACT,
    HISTOGRAM_KAHAN, /* add, keeping what is lost */
} HistogramSum;

typedef enum HistogramOutcome {
    HISTOGRAM_DONE,
    HISTOGRAM_INCOMPATIBLE, /* exponential and custom buckets do not mix */
    HISTOGRAM_NO_MEMORY,
} HistogramOutcome;

/* What went on while adding; bits are only ever set. */
typedef struct HistogramNotes {
    bool reset_conflict;    /* one says "reset", the other "no reset" */
    bool bounds_reconciled; /* custom bounds differed; the common ones were kept */
} HistogramNotes;

static inline bool histogram_is_custom(const Histogram *histogram)
{
    return histogram->schema == HISTOGRAM_CUSTOM_SCHEMA;
}

/* Kahan-Neumaier: sum += value, with the lost part in *lost. An infinite sum has none. */
static inline void kahan_add(f64 value, f64 *sum, f64 *lost)
{
    f64 total = *sum + value;
    if (__builtin_isinf(total)) {
        *lost = 0;
    } else if (__builtin_fabs(*sum) >= __builtin_fabs(value)) {
        *lost += (*sum - total) + value;
    } else {
        *lost += (value - total) + *sum;
    }
    *sum = total;
}

bool histogram_acc_init(HistogramAcc *acc, Arena *arena, const Histogram *from);
bool histogram_acc_copy(HistogramAcc *to, const HistogramAcc *from); /* deep */
HistogramOutcome histogram_acc_add(HistogramAcc *acc, const Histogram *other, HistogramSum how,
                                   HistogramNotes *notes);
void histogram_acc_scale(HistogramAcc *acc, f64 factor); /* counts, sum, and what is lost */
void histogram_acc_divide(HistogramAcc *acc, f64 divisor);
bool histogram_acc_overflows(const HistogramAcc *acc);
bool histogram_acc_reduce(HistogramAcc *acc, i32 schema); /* to a lower resolution */

/* The result without empty buckets; what is lost is added in. NULL: no memory. */
Histogram *histogram_acc_finish(HistogramAcc *acc);

/* Value × factor, value / divisor: copies without empty buckets. NULL: no memory. */
Histogram *histogram_times(Arena *arena, const Histogram *histogram, f64 factor);
Histogram *histogram_divided(Arena *arena, const Histogram *histogram, f64 divisor);

/* Has a counter restarted between the two? */
bool histogram_has_reset(Arena *scratch, const Histogram *current, const Histogram *previous);

/* Equal values, whichever empty buckets are written down. */
bool histogram_same(const Histogram *a, const Histogram *b);

typedef struct HistogramBucket {
    f64 lower, upper;
    f64 count;
} HistogramBucket;

/* Populated buckets from the lowest to the highest, the zero bucket among them. NULL: no memory. */
HistogramBucket *histogram_buckets(Arena *arena, const Histogram *histogram, size_t *ret_count);

/* 2^(index × 2^-schema), exactly rounded: the upper bound of a bucket. */
f64 exponential_bound(i32 index, i32 schema);

typedef enum HistogramNote {
    HISTOGRAM_NOTE_NONE,
    HISTOGRAM_NOTE_NAN_RESULT, /* the quantile falls among NaN observations */
    HISTOGRAM_NOTE_NAN_SKEW,   /* NaN observations make it too high */
} HistogramNote;

/* False: no memory. */
bool histogram_quantile(Arena *scratch, const Histogram *histogram, f64 quantile, f64 *ret,
                        HistogramNote *ret_note);
bool histogram_fraction(Arena *scratch, const Histogram *histogram, f64 lower, f64 upper, f64 *ret,
                        bool *ret_nan_excluded);
bool histogram_variance(Arena *scratch, const Histogram *histogram, f64 *ret);

/* The part of the observations below (or above) the bound. NULL: no memory. */
Histogram *histogram_trim(Arena *arena, const Histogram *histogram, f64 bound, bool keep_below);

/* A classic histogram's bucket. */
typedef struct ClassicBucket {
    f64 upper;
    f64 count; /* cumulative */
} ClassicBucket;

typedef struct ClassicRepair {
    bool forced; /* counts had to be raised to be monotonic */
    f64 min_bound, max_bound, max_diff;
} ClassicRepair;

/* Both sort `buckets` and merge equal bounds in place. */
f64 classic_quantile(ClassicBucket *buckets, size_t count, f64 quantile, ClassicRepair *ret_repair);
f64 classic_fraction(ClassicBucket *buckets, size_t count, f64 lower, f64 upper);
