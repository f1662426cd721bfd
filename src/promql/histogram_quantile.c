/*
 * Histogram arithmetic, second half: buckets with their bounds, quantiles, fractions, trimming, and
 * the same for classic histograms. See histogram_math.h.
 *
 * Layer: promql. Memory: the arena given. Thread: any.
 */
#include "promql/histogram_math.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Counts of neighbouring classic buckets that differ less than this, relatively, are equal: sums of
 * floats in another order differ by so much. */
static const f64 small_difference = 1e-12;

static const f64 infinite = (f64)INFINITY;

static void custom_bucket(const Histogram *histogram, i32 index, f64 count, HistogramBucket *ret)
{
    size_t at = (size_t)index;
    ret->lower =
        at == 0 ? -infinite : histogram->custom_bounds[MIN(at, histogram->custom_count) - 1];
    ret->upper = at < histogram->custom_count ? histogram->custom_bounds[at] : infinite;
    ret->count = count;
    if (histogram->custom_count == 0) {
        ret->lower = -infinite;
    }
}

/* Where an outer bucket overlaps the zero bucket, it begins at the zero bucket's end. */
static void clip_to_zero(const Histogram *histogram, HistogramBucket *bucket)
{
    if (bucket->lower > 0 && bucket->lower < histogram->zero_threshold) {
        bucket->lower = histogram->zero_threshold;
    } else if (bucket->upper < 0 && bucket->upper > -histogram->zero_threshold) {
        bucket->upper = -histogram->zero_threshold;
    }
}

static void side_bucket(const Histogram *histogram, i32 index, f64 count, bool positive,
                        HistogramBucket *ret)
{
    if (histogram_is_custom(histogram)) {
        custom_bucket(histogram, index, count, ret);
        return;
    }
    f64 outer = exponential_bound(index, histogram->schema);
    f64 inner = exponential_bound(index - 1, histogram->schema);
    ret->lower = positive ? inner : -outer;
    ret->upper = positive ? outer : -inner;
    ret->count = count;
    clip_to_zero(histogram, ret);
}

/* Writes the populated buckets of a side, innermost first. */
static size_t side_buckets(const Histogram *histogram, bool positive, HistogramBucket *to)
{
    const BucketSide *side = positive ? &histogram->positive : &histogram->negative;
    size_t written = 0;
    size_t bucket = 0;
    i32 index = 0;
    for (size_t i = 0; i < side->span_count; i++) {
        index += side->spans[i].offset;
        for (u32 j = 0; j < side->spans[i].length && bucket < side->bucket_count; j++, index++) {
            f64 count = side->buckets[bucket++];
            if (count != 0) {
                side_bucket(histogram, index, count, positive, &to[written++]);
            }
        }
    }
    return written;
}

HistogramBucket *histogram_buckets(Arena *arena, const Histogram *histogram, size_t *ret_count)
{
    size_t most = histogram->positive.bucket_count + histogram->negative.bucket_count + 1;
    HistogramBucket *buckets = ARENA_NEW(arena, HistogramBucket, most);
    if (!buckets) {
        return NULL;
    }
    size_t count = side_buckets(histogram, false, buckets);
    for (size_t i = 0; i < count / 2; i++) {
        HistogramBucket outer = buckets[i];
        buckets[i] = buckets[count - 1 - i];
        buckets[count - 1 - i] = outer;
    }
    if (histogram->zero_count > 0 && !histogram_is_custom(histogram)) {
        buckets[count++] = (HistogramBucket){.lower = -histogram->zero_threshold,
                                             .upper = histogram->zero_threshold,
                                             .count = histogram->zero_count};
    }
    count += side_buckets(histogram, true, buckets + count);
    *ret_count = count;
    return buckets;
}

static bool only_positive(const Histogram *histogram)
{
    return histogram->negative.bucket_count == 0 && histogram->positive.bucket_count > 0;
}

static bool only_negative(const Histogram *histogram)
{
    return histogram->positive.bucket_count == 0 && histogram->negative.bucket_count > 0;
}

/* The bucket that the rank falls into, counted from the low or from the high end. */
typedef struct RankedBucket {
    HistogramBucket bucket;
    f64 count; /* observations up to and including the bucket */
    f64 rest;  /* observations behind it */
} RankedBucket;

static RankedBucket find_rank(const HistogramBucket *buckets, size_t count, f64 rank, bool from_top)
{
    RankedBucket found = {0};
    size_t i = 0;
    while (i < count) {
        found.bucket = buckets[from_top ? count - 1 - i : i];
        found.count += found.bucket.count;
        i++;
        if (found.count >= rank) {
            break;
        }
    }
    for (; i < count; i++) {
        found.rest += buckets[from_top ? count - 1 - i : i].count;
    }
    return found;
}

/* On a logarithmic scale all exponential buckets are equally wide. */
static f64 interpolate_exponentially(const HistogramBucket *bucket, f64 fraction)
{
    f64 lower = log2(fabs(bucket->lower));
    f64 upper = log2(fabs(bucket->upper));
    if (bucket->lower > 0) {
        return exp2(lower + (upper - lower) * fraction);
    }
    return -exp2(upper + (lower - upper) * (1 - fraction));
}

/* Custom buckets at the ends have no other bound: true with the answer when that decides it. */
static bool at_open_end(const Histogram *histogram, HistogramBucket *bucket, f64 *ret)
{
    if (!histogram_is_custom(histogram)) {
        if (bucket->lower < 0 && bucket->upper > 0) {
            bucket->lower = only_positive(histogram) ? 0 : bucket->lower;
            bucket->upper = only_negative(histogram) ? 0 : bucket->upper;
        }
        return false;
    }
    if (bucket->lower == -infinite) {
        *ret = bucket->upper;
        bucket->lower = 0;
        return bucket->upper <= 0;
    }
    *ret = bucket->lower;
    return bucket->upper == infinite;
}

static f64 ranked_value(const Histogram *histogram, f64 quantile, RankedBucket found, f64 rank,
                        bool from_top, HistogramNote *ret_note)
{
    f64 answer;
    if (at_open_end(histogram, &found.bucket, &answer)) {
        return answer;
    }
    bool has_nan = isnan(histogram->sum);
    /* Rounding may count more in buckets than there are. */
    f64 count = MIN(found.count, histogram->count);
    if (count < rank) {
        *ret_note = has_nan ? HISTOGRAM_NOTE_NAN_RESULT : HISTOGRAM_NOTE_NONE;
        return has_nan ? (f64)NAN : found.bucket.upper;
    }
    rank = from_top ? count - rank : rank - (count - found.bucket.count);
    if (has_nan && count + found.rest < histogram->count) {
        *ret_note = HISTOGRAM_NOTE_NAN_SKEW;
    }
    f64 fraction = rank / found.bucket.count;
    bool linear =
        histogram_is_custom(histogram) || (found.bucket.lower <= 0 && found.bucket.upper >= 0);
    (void)quantile;
    return linear ? found.bucket.lower + (found.bucket.upper - found.bucket.lower) * fraction
                  : interpolate_exponentially(&found.bucket, fraction);
}

bool histogram_quantile(Arena *scratch, const Histogram *histogram, f64 quantile, f64 *ret,
                        HistogramNote *ret_note)
{
    *ret_note = HISTOGRAM_NOTE_NONE;
    if (quantile < 0 || quantile > 1) {
        *ret = quantile < 0 ? -infinite : infinite;
        return true;
    }
    if (histogram->count == 0 || isnan(quantile)) {
        *ret = (f64)NAN;
        return true;
    }
    size_t count;
    const HistogramBucket *buckets = histogram_buckets(scratch, histogram, &count);
    if (!buckets) {
        return false;
    }
    /* NaN observations are in no bucket, so the count from the top would be wrong with them. */
    bool from_top = !isnan(histogram->sum) && quantile >= 0.5;
    f64 rank = (from_top ? 1 - quantile : quantile) * histogram->count;
    RankedBucket found = find_rank(buckets, count, rank, from_top);
    *ret = ranked_value(histogram, quantile, found, rank, from_top, ret_note);
    return true;
}

/* How much of a bucket lies below a bound inside it. */
static f64 fraction_below(const HistogramBucket *bucket, f64 bound, bool linear)
{
    if (linear) {
        return (bound - bucket->lower) / (bucket->upper - bucket->lower);
    }
    f64 lower = log2(fabs(bucket->lower));
    f64 upper = log2(fabs(bucket->upper));
    f64 at = log2(fabs(bound));
    return bound > 0 ? (at - lower) / (upper - lower) : 1 - (at - upper) / (lower - upper);
}

/* The rank of a bound: how many observations lie below. Unset until a bucket reaches it. */
typedef struct BoundRank {
    f64 bound;
    f64 rank;
    bool set;
} BoundRank;

static void reach_bound(BoundRank *to, const HistogramBucket *bucket, f64 rank, bool linear)
{
    if (to->set) {
        return;
    }
    if (bucket->lower >= to->bound) {
        to->rank = rank;
        to->set = true;
    } else if (bucket->upper > to->bound) {
        to->set = true;
        to->rank = linear && bucket->lower == -infinite
                       ? bucket->count
                       : rank + bucket->count * fraction_below(bucket, to->bound, linear);
    }
}

bool histogram_fraction(Arena *scratch, const Histogram *histogram, f64 lower, f64 upper, f64 *ret,
                        bool *ret_nan_excluded)
{
    *ret_nan_excluded = false;
    if (histogram->count == 0 || isnan(lower) || isnan(upper) || lower >= upper) {
        bool no_answer = histogram->count == 0 || isnan(lower) || isnan(upper);
        *ret = no_answer ? (f64)NAN : 0;
        return true;
    }
    size_t count;
    const HistogramBucket *buckets = histogram_buckets(scratch, histogram, &count);
    if (!buckets) {
        return false;
    }
    BoundRank low = {.bound = lower};
    BoundRank high = {.bound = upper};
    f64 rank = 0;
    for (size_t i = 0; i < count; i++) {
        HistogramBucket bucket = buckets[i];
        bool zero = bucket.lower <= 0 && bucket.upper >= 0;
        if (zero) {
            bucket.lower = only_positive(histogram) ? 0 : bucket.lower;
            bucket.upper = only_negative(histogram) ? 0 : bucket.upper;
        }
        bool linear = zero || histogram_is_custom(histogram);
        reach_bound(&low, &bucket, rank, linear);
        reach_bound(&high, &bucket, rank, linear);
        rank += bucket.count;
    }
    f64 total = histogram->count;
    if (isnan(histogram->sum)) {
        *ret_nan_excluded = rank < histogram->count;
        total = rank;
    }
    f64 low_rank = !low.set || low.rank > total ? total : low.rank;
    f64 high_rank = !high.set || high.rank > total ? total : high.rank;
    *ret = (high_rank - low_rank) / histogram->count;
    return true;
}

bool histogram_variance(Arena *scratch, const Histogram *histogram, f64 *ret)
{
    size_t count;
    const HistogramBucket *buckets = histogram_buckets(scratch, histogram, &count);
    if (!buckets) {
        return false;
    }
    f64 mean = histogram->sum / histogram->count;
    f64 variance = 0;
    f64 lost = 0;
    for (size_t i = 0; i < count; i++) {
        const HistogramBucket *bucket = &buckets[i];
        f64 middle;
        if (histogram_is_custom(histogram)) {
            middle = (bucket->upper + bucket->lower) / 2;
        } else if (bucket->lower <= 0 && bucket->upper >= 0) {
            middle = 0;
        } else {
            middle = sqrt(bucket->upper * bucket->lower);
            middle = bucket->upper < 0 ? -middle : middle;
        }
        f64 delta = middle - mean;
        kahan_add(bucket->count * delta * delta, &variance, &lost);
    }
    *ret = (variance + lost) / histogram->count;
    return true;
}

/* Trimming: what stays of a bucket, and where its observations are taken to lie. */
typedef struct Trimmed {
    f64 count;
    f64 middle;
} Trimmed;

static f64 surviving_middle(f64 lower, f64 upper, bool positive, bool linear)
{
    if (isinf(lower)) {
        return isinf(upper) ? 0 : (upper > 0 ? upper / 2 : upper);
    }
    if (isinf(upper)) {
        return lower;
    }
    if (linear) {
        return (lower + upper) / 2;
    }
    f64 middle = sqrt(fabs(lower * upper));
    return positive ? middle : -middle;
}

static f64 zero_if_infinite(f64 value)
{
    return isinf(value) ? 0 : value;
}

/* A bucket open to -Inf: below zero nothing is known, above it a start at zero is assumed. */
static Trimmed trim_open_below(const HistogramBucket *bucket, f64 bound, bool keep_below)
{
    bool finite_upper = bucket->upper != infinite;
    if (keep_below) {
        if (bound >= bucket->upper) {
            return (Trimmed){bucket->count, 0};
        }
        if (bound > 0 && bucket->upper > 0 && finite_upper) {
            return (Trimmed){bucket->count * bound / bucket->upper, bound / 2};
        }
        return bucket->upper <= 0 ? (Trimmed){bucket->count, bound}
                                  : (Trimmed){0, zero_if_infinite(bucket->upper)};
    }
    if (bound <= bucket->lower) {
        return (Trimmed){bucket->count, 0};
    }
    if (bound >= 0 && bucket->upper > bound && finite_upper) {
        return (Trimmed){bucket->count * (1 - bound / bucket->upper), (bound + bucket->upper) / 2};
    }
    return (Trimmed){0, zero_if_infinite(bucket->upper)};
}

static Trimmed trim_open_above(const HistogramBucket *bucket, f64 bound, bool keep_below)
{
    if (!keep_below && bound >= bucket->lower) {
        return (Trimmed){bucket->count, bound};
    }
    return (Trimmed){0, zero_if_infinite(bucket->lower)};
}

/* A bucket that the bound cuts. */
static Trimmed trim_cut(const HistogramBucket *bucket, f64 bound, bool keep_below, bool positive,
                        bool linear)
{
    if (bucket->lower == -infinite) {
        return trim_open_below(bucket, bound, keep_below);
    }
    if (bucket->upper == infinite) {
        return trim_open_above(bucket, bound, keep_below);
    }
    f64 below = bucket->count * fraction_below(bucket, bound, linear);
    return keep_below ? (Trimmed){below, surviving_middle(bucket->lower, bound, positive, linear)}
                      : (Trimmed){bucket->count - below,
                                  surviving_middle(bound, bucket->upper, positive, linear)};
}

static Trimmed trim_zero(const Histogram *histogram, f64 bound, bool keep_below, bool has_positive,
                         bool has_negative)
{
    f64 lower = has_positive && !has_negative ? 0 : -histogram->zero_threshold;
    f64 upper = has_negative && !has_positive ? 0 : histogram->zero_threshold;
    bool below = bound <= lower;
    if (below || bound >= upper) {
        bool keep = below != keep_below;
        return keep ? (Trimmed){histogram->zero_count, (lower + upper) / 2} : (Trimmed){0, 0};
    }
    f64 kept = keep_below ? bound - lower : upper - bound;
    return (Trimmed){histogram->zero_count * (kept / (upper - lower)),
                     keep_below ? (lower + bound) / 2 : (bound + upper) / 2};
}

typedef struct TrimTotals {
    f64 count;
    f64 sum;
    bool changed;
    bool populated[2]; /* negative, positive */
} TrimTotals;

static void trim_side(const Histogram *histogram, HistogramSide *side, bool positive, f64 bound,
                      bool keep_below, TrimTotals *totals)
{
    bool linear = histogram_is_custom(histogram);
    for (size_t i = 0; i < side->len; i++) {
        HistogramBucket bucket;
        if (linear) {
            custom_bucket(histogram, side->index[i], side->count[i], &bucket);
        } else {
            f64 outer = exponential_bound(side->index[i], histogram->schema);
            f64 inner = exponential_bound(side->index[i] - 1, histogram->schema);
            bucket = (HistogramBucket){.lower = positive ? inner : -outer,
                                       .upper = positive ? outer : -inner,
                                       .count = side->count[i]};
        }
        totals->populated[positive] = true;
        Trimmed kept = {0, 0};
        if (keep_below ? bucket.upper <= bound : bucket.lower >= bound) {
            kept.count = bucket.count;
            kept.middle = surviving_middle(bucket.lower, bucket.upper, positive, linear);
        } else if (keep_below ? bucket.lower < bound : bucket.upper > bound) {
            kept = trim_cut(&bucket, bound, keep_below, positive, linear);
        }
        totals->count += kept.count;
        totals->sum += kept.middle * kept.count;
        totals->changed = totals->changed || kept.count != bucket.count;
        side->count[i] = kept.count;
    }
}

Histogram *histogram_trim(Arena *arena, const Histogram *histogram, f64 bound, bool keep_below)
{
    HistogramAcc acc;
    if (!histogram_acc_init(&acc, arena, histogram)) {
        return NULL;
    }
    TrimTotals totals = {0};
    trim_side(histogram, &acc.positive, true, bound, keep_below, &totals);
    trim_side(histogram, &acc.negative, false, bound, keep_below, &totals);
    if (histogram->zero_count > 0) {
        Trimmed kept =
            trim_zero(histogram, bound, keep_below, totals.populated[1], totals.populated[0]);
        totals.changed = totals.changed || kept.count != histogram->zero_count;
        totals.count += kept.count;
        totals.sum += kept.middle * kept.count;
        acc.zero_count = kept.count;
    }
    if (totals.changed) {
        acc.count = totals.count;
        acc.sum = totals.sum;
    }
    return histogram_acc_finish(&acc);
}

static int by_upper(const void *a, const void *b)
{
    f64 left = ((const ClassicBucket *)a)->upper;
    f64 right = ((const ClassicBucket *)b)->upper;
    return (left > right) - (left < right);
}

/* Sorts, merges equal bounds; the new count. */
static size_t classic_normalise(ClassicBucket *buckets, size_t count)
{
    qsort(buckets, count, sizeof(*buckets), by_upper);
    size_t kept = 0;
    for (size_t i = 1; i < count; i++) {
        if (buckets[i].upper == buckets[kept].upper) {
            buckets[kept].count += buckets[i].count;
        } else {
            buckets[++kept] = buckets[i];
        }
    }
    return kept + 1;
}

static bool nearly_equal(f64 a, f64 b, f64 tolerance)
{
    if (isnan(a) || isnan(b)) {
        return isnan(a) && isnan(b);
    }
    f64 sum = fabs(a) + fabs(b);
    f64 difference = fabs(a - b);
    if (a == 0 || b == 0 || sum < DBL_MIN) {
        return difference < tolerance * DBL_MIN;
    }
    return difference / MIN(sum, DBL_MAX) < tolerance;
}

/* Counts must not fall from bucket to bucket. Tiny steps in either direction are levelled. */
static void classic_repair(ClassicBucket *buckets, size_t count, ClassicRepair *repair)
{
    *repair = (ClassicRepair){.min_bound = infinite, .max_bound = -infinite};
    f64 before = buckets[0].count;
    for (size_t i = 1; i < count; i++) {
        f64 now = buckets[i].count;
        if (now == before) {
            continue;
        }
        if (nearly_equal(before, now, small_difference)) {
            buckets[i].count = before;
        } else if (now < before) {
            buckets[i].count = before;
            repair->forced = true;
            repair->min_bound = MIN(repair->min_bound, buckets[i].upper);
            repair->max_bound = MAX(repair->max_bound, buckets[i].upper);
            repair->max_diff = MAX(repair->max_diff, before - now);
        } else {
            before = now;
        }
    }
}

f64 classic_quantile(ClassicBucket *buckets, size_t count, f64 quantile, ClassicRepair *ret_repair)
{
    *ret_repair = (ClassicRepair){0};
    if (isnan(quantile) || quantile < 0 || quantile > 1) {
        return isnan(quantile) ? (f64)NAN : (quantile < 0 ? -infinite : infinite);
    }
    count = classic_normalise(buckets, count);
    if (buckets[count - 1].upper != infinite) {
        return (f64)NAN;
    }
    classic_repair(buckets, count, ret_repair);
    f64 total = buckets[count - 1].count;
    if (count < 2 || total == 0) {
        return (f64)NAN;
    }
    f64 rank = quantile * total;
    size_t at = 0;
    for (size_t high = count - 1; at < high;) {
        size_t middle = at + (high - at) / 2;
        if (buckets[middle].count >= rank) {
            high = middle;
        } else {
            at = middle + 1;
        }
    }
    if (at == count - 1) {
        return buckets[count - 2].upper;
    }
    if (at == 0 && buckets[0].upper <= 0) {
        return buckets[0].upper;
    }
    f64 lower = at > 0 ? buckets[at - 1].upper : 0;
    f64 below = at > 0 ? buckets[at - 1].count : 0;
    f64 in_bucket = buckets[at].count - below;
    return lower + (buckets[at].upper - lower) * ((rank - below) / in_bucket);
}

/* As reach_bound, with cumulative counts. */
static void classic_reach(BoundRank *to, f64 lower, const ClassicBucket *bucket, f64 rank)
{
    if (to->set) {
        return;
    }
    if (lower >= to->bound) {
        to->rank = rank;
        to->set = true;
    } else if (bucket->upper > to->bound) {
        to->set = true;
        to->rank = lower == -infinite ? bucket->count
                                      : rank + (bucket->count - rank) * (to->bound - lower) /
                                                   (bucket->upper - lower);
    }
}

f64 classic_fraction(ClassicBucket *buckets, size_t count, f64 lower, f64 upper)
{
    count = classic_normalise(buckets, count);
    f64 total = buckets[count - 1].count;
    if (buckets[count - 1].upper != infinite || total == 0 || isnan(lower) || isnan(upper)) {
        return (f64)NAN;
    }
    if (lower >= upper) {
        return 0;
    }
    BoundRank low = {.bound = lower};
    BoundRank high = {.bound = upper};
    f64 rank = 0;
    f64 bucket_lower = buckets[0].upper <= 0 ? -infinite : 0;
    for (size_t i = 0; i < count; i++) {
        classic_reach(&low, bucket_lower, &buckets[i], rank);
        classic_reach(&high, bucket_lower, &buckets[i], rank);
        rank = buckets[i].count;
        bucket_lower = buckets[i].upper;
    }
    f64 low_rank = !low.set || low.rank > total ? total : low.rank;
    f64 high_rank = !high.set || high.rank > total ? total : high.rank;
    return (high_rank - low_rank) / total;
}
