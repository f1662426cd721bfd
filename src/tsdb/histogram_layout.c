/* Histogram layout: see histogram_layout.h. Layer: tsdb. Thread: the caller's own. */
#include "tsdb/histogram_layout.h"

BucketWalk bucket_walk(const Span *spans, size_t span_count)
{
    return (BucketWalk){
        .spans = spans, .span_count = span_count, .next = span_count ? spans[0].offset : 0};
}

bool bucket_walk_next(BucketWalk *walk, i64 *ret_index)
{
    while (walk->span < walk->span_count) {
        if (walk->in_span < walk->spans[walk->span].length) {
            walk->in_span++;
            *ret_index = walk->next++;
            return true;
        }
        walk->span++;
        walk->in_span = 0;
        walk->next += walk->span < walk->span_count ? walk->spans[walk->span].offset : 0;
    }
    return false;
}

size_t spans_total(const Span *spans, size_t span_count)
{
    size_t total = 0;
    for (size_t i = 0; i < span_count; i++) {
        total += spans[i].length;
    }
    return total;
}

bool spans_eq(const Span *a, size_t a_count, const Span *b, size_t b_count)
{
    bool same = a_count == b_count;
    for (size_t i = 0; same && i < a_count; i++) {
        same = a[i].offset == b[i].offset && a[i].length == b[i].length;
    }
    return same;
}

bool spans_cover(const Span *a, size_t a_count, const Span *b, size_t b_count)
{
    BucketWalk in_a = bucket_walk(a, a_count);
    BucketWalk in_b = bucket_walk(b, b_count);
    i64 have = 0;
    i64 want;
    bool more = bucket_walk_next(&in_a, &have);
    while (bucket_walk_next(&in_b, &want)) {
        while (more && have < want) {
            more = bucket_walk_next(&in_a, &have);
        }
        if (!more || have != want) {
            return false;
        }
    }
    return true;
}

static void add_bucket(SpanList *spans, i64 *last, i64 index)
{
    if (spans->count > 0 && index == *last + 1) {
        spans->at[spans->count - 1].length++;
    } else {
        i64 offset = spans->count > 0 ? index - *last - 1 : index;
        *vec_push(spans) = (Span){.offset = (i32)offset, .length = 1};
    }
    *last = index;
}

void spans_join(const Span *a, size_t a_count, const Span *b, size_t b_count, SpanList *ret)
{
    BucketWalk in_a = bucket_walk(a, a_count);
    BucketWalk in_b = bucket_walk(b, b_count);
    i64 index_a = 0;
    i64 index_b = 0;
    i64 last = 0;
    bool more_a = bucket_walk_next(&in_a, &index_a);
    bool more_b = bucket_walk_next(&in_b, &index_b);
    while (more_a || more_b) {
        i64 index = !more_b || (more_a && index_a < index_b) ? index_a : index_b;
        add_bucket(ret, &last, index);
        if (more_a && index_a == index) {
            more_a = bucket_walk_next(&in_a, &index_a);
        }
        if (more_b && index_b == index) {
            more_b = bucket_walk_next(&in_b, &index_b);
        }
    }
}

void spans_place(const BucketSide *side, const Span *spans, size_t span_count, f64 *ret)
{
    BucketWalk from = bucket_walk(side->spans, side->span_count);
    BucketWalk to = bucket_walk(spans, span_count);
    size_t taken = 0;
    size_t placed = 0;
    i64 have = 0;
    i64 want;
    bool more = bucket_walk_next(&from, &have);
    while (bucket_walk_next(&to, &want)) {
        bool here = more && have == want && taken < side->bucket_count;
        ret[placed++] = here ? side->buckets[taken] : 0;
        if (here) {
            taken++;
            more = bucket_walk_next(&from, &have);
        }
    }
}
