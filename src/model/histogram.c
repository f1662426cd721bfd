/*
 * Native histograms: see histogram.h. Layer: model. Memory: copies live in the caller's arena.
 * Thread: any. Source: Prometheus native histogram specification.
 */
#include "model/histogram.h"

#include "codec/number.h"
#include "model/sample.h"

#include <float.h>
#include <math.h>
#include <string.h>

static bool copy_array(Arena *arena, const void *from, size_t count, size_t size, const void **ret,
                       Err *err)
{
    void *copy = arena_zero(arena, count, size, _Alignof(f64));
    if (!copy) {
        return arena_full(arena, err);
    }
    if (count > 0) {
        memcpy(copy, from, count * size);
    }
    *ret = count > 0 ? copy : NULL;
    return true;
}

static bool copy_side(Arena *arena, const BucketSide *from, BucketSide *ret, Err *err)
{
    const void *spans = NULL;
    const void *buckets = NULL;
    if (!copy_array(arena, from->spans, from->span_count, sizeof(Span), &spans, err) ||
        !copy_array(arena, from->buckets, from->bucket_count, sizeof(f64), &buckets, err)) {
        return false;
    }
    *ret = (BucketSide){.spans = spans,
                        .span_count = from->span_count,
                        .buckets = buckets,
                        .bucket_count = from->bucket_count};
    return true;
}

bool histogram_copy(Arena *arena, const Histogram *histogram, Histogram **ret, Err *err)
{
    const void *bounds = NULL;
    Histogram *copy = ARENA_NEW(arena, Histogram, 1);
    if (!copy) {
        return arena_full(arena, err);
    }
    *copy = *histogram;
    if (!copy_side(arena, &histogram->positive, &copy->positive, err) ||
        !copy_side(arena, &histogram->negative, &copy->negative, err) ||
        !copy_array(arena, histogram->custom_bounds, histogram->custom_count, sizeof(f64), &bounds,
                    err)) {
        return false;
    }
    copy->custom_bounds = bounds;
    *ret = copy;
    return true;
}

/* `custom`: the first span may not start below bucket 0 either. */
static bool check_spans(const BucketSide *side, bool custom, Err *err)
{
    u64 needed = 0;
    i64 index = 0;
    for (size_t i = 0; i < side->span_count; i++) {
        const Span *span = &side->spans[i];
        if (span->offset < 0 && (i > 0 || custom)) {
            return err_set(err, ERR_INVALID,
                           "span number %zu with offset %d: histogram has a span whose offset is "
                           "negative",
                           i + 1, span->offset);
        }
        needed += span->length;
        index += (i64)span->offset + span->length;
        if (index > INT32_MAX) {
            return err_set(err, ERR_INVALID, "span number %zu ends past the highest bucket index",
                           i + 1);
        }
    }
    if (needed != side->bucket_count) {
        return err_set(err, ERR_INVALID,
                       "spans need %llu buckets, have %zu buckets: histogram spans specify "
                       "different number of buckets than provided",
                       (unsigned long long)needed, side->bucket_count);
    }
    return true;
}

static bool check_buckets(const BucketSide *side, f64 *sum, Err *err)
{
    for (size_t i = 0; i < side->bucket_count; i++) {
        if (side->buckets[i] < 0) {
            char text[F64_TEXT_MAX];
            size_t size = f64_format_g(text, side->buckets[i]);
            return err_set(err, ERR_INVALID,
                           "bucket number %zu has observation count of %.*s: histogram has a "
                           "bucket whose observation count is negative",
                           i + 1, (int)size, text);
        }
        *sum += side->buckets[i];
    }
    return true;
}

static bool check_side(const BucketSide *side, const char *name, f64 *sum, Err *err)
{
    if (!check_spans(side, false, err) || !check_buckets(side, sum, err)) {
        return err_wrap(err, "%s side", name);
    }
    return true;
}

static bool check_custom_bounds(const Histogram *histogram, Err *err)
{
    i64 covered = 0;
    for (size_t i = 0; i < histogram->custom_count; i++) {
        f64 bound = histogram->custom_bounds[i];
        if (isnan(bound)) {
            return err_set(err, ERR_INVALID, "histogram custom bounds must not be NaN");
        }
        if (i > 0 && bound <= histogram->custom_bounds[i - 1]) {
            return err_set(err, ERR_INVALID,
                           "previous bound is %f and current is %f: histogram custom bounds must "
                           "be in strictly increasing order",
                           histogram->custom_bounds[i - 1], bound);
        }
        if (bound == (f64)INFINITY) {
            return err_set(err, ERR_INVALID,
                           "last +Inf bound must not be explicitly defined: histogram custom "
                           "bounds must be finite");
        }
    }
    if (!check_spans(&histogram->positive, true, err)) {
        return false;
    }
    for (size_t i = 0; i < histogram->positive.span_count; i++) {
        covered += (i64)histogram->positive.spans[i].offset + histogram->positive.spans[i].length;
    }
    if ((i64)histogram->custom_count + 1 < covered) {
        return err_set(err, ERR_INVALID,
                       "only %zu custom bounds defined which is insufficient to cover total span "
                       "length of %lld: histogram custom bounds are too few",
                       histogram->custom_count, (long long)covered);
    }
    return true;
}

static bool check_custom(const Histogram *histogram, f64 *sum, Err *err)
{
    if (!check_custom_bounds(histogram, err)) {
        return err_wrap(err, "custom buckets");
    }
    if (histogram->zero_count != 0) {
        return err_set(err, ERR_INVALID, "custom buckets: must have zero count of 0");
    }
    if (histogram->zero_threshold != 0) {
        return err_set(err, ERR_INVALID, "custom buckets: must have zero threshold of 0");
    }
    if (histogram->negative.span_count > 0) {
        return err_set(err, ERR_INVALID, "custom buckets: must not have negative spans");
    }
    if (histogram->negative.bucket_count > 0) {
        return err_set(err, ERR_INVALID, "custom buckets: must not have negative buckets");
    }
    return check_buckets(&histogram->positive, sum, err) || err_wrap(err, "positive side");
}

static bool check_exponential(const Histogram *histogram, f64 *sum, Err *err)
{
    if (histogram->schema < HISTOGRAM_SCHEMA_MIN || histogram->schema > HISTOGRAM_SCHEMA_MAX) {
        return err_set(err, ERR_INVALID,
                       "histogram has schema %d, which must be between %d and %d for exponential "
                       "buckets, or %d for custom buckets",
                       histogram->schema, HISTOGRAM_SCHEMA_MIN, HISTOGRAM_SCHEMA_MAX,
                       HISTOGRAM_CUSTOM_SCHEMA);
    }
    if (!check_side(&histogram->negative, "negative", sum, err) ||
        !check_side(&histogram->positive, "positive", sum, err)) {
        return false;
    }
    if (histogram->zero_count < 0) {
        return err_set(err, ERR_INVALID,
                       "zero bucket: histogram has a bucket whose observation count is negative");
    }
    if (histogram->custom_count > 0) {
        return err_set(err, ERR_INVALID,
                       "histogram with exponential schema must not have custom bounds");
    }
    return true;
}

/* Integer counts add up exactly, except that NaN observations are in no bucket. Float counts may
 * be off by rounding and are not compared. */
static bool check_total(const Histogram *histogram, f64 sum, Err *err)
{
    if (!histogram->integer) {
        return true;
    }
    if (isnan(histogram->sum) && sum > histogram->count) {
        return err_set(err, ERR_INVALID,
                       "%.0f observations found in buckets, but the Count field is %.0f: "
                       "histogram's observation count should be at least the number of "
                       "observations found in the buckets",
                       sum, histogram->count);
    }
    if (!isnan(histogram->sum) && sum != histogram->count) {
        return err_set(err, ERR_INVALID,
                       "%.0f observations found in buckets, but the Count field is %.0f: "
                       "histogram's observation count should equal the number of observations "
                       "found in the buckets (in absence of NaN)",
                       sum, histogram->count);
    }
    return true;
}

bool histogram_validate(const Histogram *histogram, Err *err)
{
    f64 sum = histogram->zero_count;
    bool ok = histogram->schema == HISTOGRAM_CUSTOM_SCHEMA
                  ? check_custom(histogram, &sum, err)
                  : check_exponential(histogram, &sum, err);
    if (!ok) {
        return false;
    }
    if (histogram->count < 0) {
        return err_set(err, ERR_INVALID, "histogram's observation count is negative");
    }
    return check_total(histogram, sum, err);
}

/* Spans say the same when they name the same indices: an empty one only moves the next. */
typedef struct SpanWalk {
    const BucketSide *side;
    size_t span;
    i64 index; /* of the current span's first bucket */
    u32 length;
} SpanWalk;

static bool walk_next(SpanWalk *walk)
{
    i64 end = walk->index + walk->length;
    walk->length = 0;
    while (walk->span < walk->side->span_count && walk->length == 0) {
        const Span *span = &walk->side->spans[walk->span++];
        walk->index = end + span->offset;
        walk->length = span->length;
        end = walk->index;
    }
    /* neighbours without a gap are one */
    while (walk->length > 0 && walk->span < walk->side->span_count &&
           (walk->side->spans[walk->span].offset == 0)) {
        walk->length += walk->side->spans[walk->span++].length;
    }
    return walk->length > 0;
}

static bool spans_eq(const BucketSide *a, const BucketSide *b)
{
    SpanWalk left = {.side = a}, right = {.side = b};
    for (;;) {
        bool more = walk_next(&left);
        if (more != walk_next(&right)) {
            return false;
        }
        if (!more) {
            return true;
        }
        if (left.index != right.index || left.length != right.length) {
            return false;
        }
    }
}

static bool floats_eq(const f64 *a, size_t a_count, const f64 *b, size_t b_count)
{
    if (a_count != b_count) {
        return false;
    }
    return a_count == 0 || memcmp(a, b, a_count * sizeof(f64)) == 0;
}

static bool side_eq(const BucketSide *a, const BucketSide *b)
{
    return floats_eq(a->buckets, a->bucket_count, b->buckets, b->bucket_count) && spans_eq(a, b);
}

bool histogram_eq(const Histogram *a, const Histogram *b)
{
    return a->schema == b->schema && f64_bits(a->count) == f64_bits(b->count) &&
           f64_bits(a->sum) == f64_bits(b->sum) &&
           f64_bits(a->zero_count) == f64_bits(b->zero_count) &&
           a->zero_threshold == b->zero_threshold && side_eq(&a->positive, &b->positive) &&
           side_eq(&a->negative, &b->negative) &&
           floats_eq(a->custom_bounds, a->custom_count, b->custom_bounds, b->custom_count);
}

static f64 custom_bound(const Histogram *histogram, i32 index)
{
    if (index < 0) {
        return -(f64)INFINITY;
    }
    return (size_t)index < histogram->custom_count ? histogram->custom_bounds[index]
                                                   : (f64)INFINITY;
}

/* 2^(1/256), 2^(1/128), … 2^(1/2), each rounded once, but the last one ulp short: these, multiplied
 * in the order below, give the original's published table bit for bit. */
static const f64 roots_of_two[HISTOGRAM_SCHEMA_MAX] = {
    0x1.00b1afa5abcbfp+0, 0x1.0163da9fb3335p+0, 0x1.02c9a3e778061p+0, 0x1.059b0d3158574p+0,
    0x1.0b5586cf9890fp+0, 0x1.172b83c7d517bp+0, 0x1.306fe0a31b715p+0, 0x1.6a09e667f3bccp+0,
};

/* 2^(part/256) / 2, for 0 <= part < 256. */
static f64 fraction_bound(i32 part)
{
    f64 bound = 0.5;
    for (int bit = HISTOGRAM_SCHEMA_MAX - 1; bit >= 0; bit--) {
        if (part >> bit & 1) {
            bound *= roots_of_two[bit];
        }
    }
    return bound;
}

f64 histogram_bound(const Histogram *histogram, i32 index)
{
    i32 schema = histogram->schema;
    if (schema == HISTOGRAM_CUSTOM_SCHEMA) {
        return custom_bound(histogram, index);
    }
    i64 exponent = schema < 0 ? (i64)index * (1 << -schema) : index >> schema;
    i32 part = schema < 0 ? 0 : index & ((1 << schema) - 1); /* bucket within its power of two */
    if (part == 0 && exponent == DBL_MAX_EXP) {
        return DBL_MAX;
    }
    exponent = MIN(MAX(exponent, (i64)-4000), (i64)4000); /* 0 and +Inf begin long before */
    return ldexp(fraction_bound(part << (HISTOGRAM_SCHEMA_MAX - MAX(schema, 0))),
                 (int)exponent + 1);
}

typedef struct Bounds {
    f64 lower, upper;
    bool lower_closed, upper_closed;
} Bounds;

static void put_bucket(Buf *out, Bounds bounds, f64 count)
{
    if (count == 0) {
        return;
    }
    buf_lit(out, ", ");
    buf_byte(out, bounds.lower_closed ? '[' : '(');
    buf_f64_g(out, bounds.lower);
    buf_byte(out, ',');
    buf_f64_g(out, bounds.upper);
    buf_byte(out, bounds.upper_closed ? ']' : ')');
    buf_byte(out, ':');
    buf_f64_g(out, count);
}

static i32 index_behind(const BucketSide *side)
{
    i64 index = 0;
    for (size_t i = 0; i < side->span_count; i++) {
        index += (i64)side->spans[i].offset + side->spans[i].length;
    }
    return (i32)index;
}

/* From the largest magnitude down, so that the text goes from left to right on the number line. */
static void put_negative(Buf *out, const Histogram *histogram)
{
    const BucketSide *side = &histogram->negative;
    i32 index = index_behind(side);
    size_t bucket = side->bucket_count;
    for (size_t i = side->span_count; i > 0; i--) {
        for (u32 k = 0; k < side->spans[i - 1].length && bucket > 0; k++) {
            index--;
            bucket--;
            Bounds bounds = {.lower = -histogram_bound(histogram, index),
                             .upper = -histogram_bound(histogram, index - 1),
                             .lower_closed = true};
            put_bucket(out, bounds, side->buckets[bucket]);
        }
        index -= side->spans[i - 1].offset;
    }
}

static void put_positive(Buf *out, const Histogram *histogram)
{
    const BucketSide *side = &histogram->positive;
    bool custom = histogram->schema == HISTOGRAM_CUSTOM_SCHEMA;
    i32 index = 0;
    size_t bucket = 0;
    for (size_t i = 0; i < side->span_count; i++) {
        index += side->spans[i].offset;
        for (u32 k = 0; k < side->spans[i].length && bucket < side->bucket_count; k++) {
            Bounds bounds = {.lower = histogram_bound(histogram, index - 1),
                             .upper = histogram_bound(histogram, index),
                             .lower_closed = custom && index == 0,
                             .upper_closed = true};
            put_bucket(out, bounds, side->buckets[bucket]);
            index++;
            bucket++;
        }
    }
}

void histogram_format(Buf *out, const Histogram *histogram)
{
    Bounds zero = {.lower = -histogram->zero_threshold,
                   .upper = histogram->zero_threshold,
                   .lower_closed = true,
                   .upper_closed = true};
    buf_lit(out, "{count:");
    buf_f64_g(out, histogram->count);
    buf_lit(out, ", sum:");
    buf_f64_g(out, histogram->sum);
    put_negative(out, histogram);
    put_bucket(out, zero, histogram->zero_count);
    put_positive(out, histogram);
    buf_byte(out, '}');
}
