/*
 * Histogram layout: which buckets one side of a histogram has, as spans; walking and joining them.
 *
 * Layer: tsdb. Memory: as each function says. Thread: the caller's own.
 */
#pragma once

#include "base/vec.h"
#include "model/histogram.h"

typedef VEC(Span) SpanList;

/* Visits the bucket indices of spans in order. */
typedef struct BucketWalk {
    const Span *spans;
    size_t span_count;
    size_t span;
    u32 in_span; /* buckets of the span that were visited */
    i64 next;    /* index of the next bucket of the span */
} BucketWalk;

BucketWalk bucket_walk(const Span *spans, size_t span_count);
bool bucket_walk_next(BucketWalk *walk, i64 *ret_index);

size_t spans_total(const Span *spans, size_t span_count); /* buckets */
bool spans_eq(const Span *a, size_t a_count, const Span *b, size_t b_count);

/* Whether every bucket of `b` is one of `a`. */
bool spans_cover(const Span *a, size_t a_count, const Span *b, size_t b_count);

/* The buckets of both, in as few spans as possible. Appends to *ret. */
void spans_join(const Span *a, size_t a_count, const Span *b, size_t b_count, SpanList *ret);

/* The counts of a side at the buckets of `spans`; zero where it has none. The spans cover it. */
void spans_place(const BucketSide *side, const Span *spans, size_t span_count, f64 *ret);
