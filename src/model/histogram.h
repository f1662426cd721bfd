/*
 * Native histograms: a count, a sum, and buckets whose bounds grow exponentially (schemas -4 … 8)
 * or are listed (schema -53, "custom buckets"). In memory every histogram has float counts and
 * absolute (not delta) buckets; the integer form exists only on disk and on the wire.
 *
 * Buckets are sparse: spans say which indices exist, `buckets` holds their counts in order.
 * Schema s: bucket i covers (2^((i-1)·2^-s), 2^(i·2^-s)].
 *
 * Layer: model. Memory: arrays borrow from an arena. Thread: any; immutable once shared.
 * Source: Prometheus native histogram specification (prometheus.io/docs/specs/native_histograms).
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/types.h"

#define HISTOGRAM_CUSTOM_SCHEMA (-53)
#define HISTOGRAM_SCHEMA_MIN    (-4)
#define HISTOGRAM_SCHEMA_MAX    8

typedef enum ResetHint {
    RESET_UNKNOWN,
    RESET_YES,
    RESET_NO,
    RESET_GAUGE,
} ResetHint;

typedef struct Span {
    i32 offset; /* first span: index of its first bucket; later: gap to the span before */
    u32 length; /* consecutive buckets */
} Span;

typedef struct BucketSide {
    const Span *spans;
    size_t span_count;
    const f64 *buckets; /* absolute counts */
    size_t bucket_count;
} BucketSide;

typedef struct Histogram {
    i32 schema;
    ResetHint reset;
    bool integer; /* came as integer counts: stored as such */
    f64 zero_threshold;
    f64 zero_count;
    f64 count;
    f64 sum;
    BucketSide positive;
    BucketSide negative;
    const f64 *custom_bounds; /* upper bounds, schema -53 only; the last bucket ends at +Inf */
    size_t custom_count;
} Histogram;

bool histogram_copy(Arena *arena, const Histogram *histogram, Histogram **ret, Err *err) MUST_USE;
bool histogram_validate(const Histogram *histogram, Err *err) MUST_USE;
bool histogram_eq(const Histogram *a, const Histogram *b); /* same value: floats by bits */

/*
 * The upper bound of bucket `index` of the positive side (the lower one is that of index - 1).
 * Schema -53: index 0 … custom_count, the last is +Inf, -1 is -Inf. Else exact to the bit as the
 * original's table; the last finite bucket ends at the largest f64, the one behind it at +Inf.
 */
f64 histogram_bound(const Histogram *histogram, i32 index);

/* {count:12, sum:5, [-0.25,0.25]:1, (0.25,0.5]:2}: the original's text form. */
void histogram_format(Buf *out, const Histogram *histogram);
