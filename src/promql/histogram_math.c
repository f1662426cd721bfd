/*
 * Histogram arithmetic: see histogram_math.h. Here: the accumulator (adding, scaling, lower
 * resolution, zero buckets, custom bounds) and counter resets.
 *
 * Layer: promql. Memory: the arena given. Thread: any.
 */
#include "promql/histogram_math.h"

#include "model/sample.h"

#include <math.h>
#include <string.h>

f64 exponential_bound(i32 index, i32 schema)
{
    const Histogram histogram = {.schema = schema};
    return histogram_bound(&histogram, index);
}

static bool side_alloc(Arena *arena, size_t capacity, HistogramSide *ret)
{
    *ret = (HistogramSide){0};
    if (capacity == 0) {
        return true;
    }
    ret->count = arena_alloc(arena, capacity * sizeof(f64), _Alignof(f64));
    ret->lost = ARENA_NEW(arena, f64, capacity);
    ret->index = arena_alloc(arena, capacity * sizeof(i32), _Alignof(i32));
    return ret->count && ret->lost && ret->index;
}

static bool side_from(Arena *arena, const BucketSide *from, HistogramSide *ret)
{
    if (!side_alloc(arena, from->bucket_count, ret)) {
        return false;
    }
    i32 index = 0;
    size_t bucket = 0;
    for (size_t i = 0; i < from->span_count; i++) {
        index += from->spans[i].offset;
        for (u32 j = 0; j < from->spans[i].length && bucket < from->bucket_count; j++) {
            if (from->buckets[bucket] != 0) {
                ret->index[ret->len] = index;
                ret->count[ret->len++] = from->buckets[bucket];
            }
            bucket++;
            index++;
        }
    }
    return true;
}

bool histogram_acc_init(HistogramAcc *acc, Arena *arena, const Histogram *from)
{
    *acc = (HistogramAcc){
        .arena = arena,
        .schema = from->schema,
        .reset = from->reset,
        .zero_threshold = from->zero_threshold,
        .zero_count = from->zero_count,
        .count = from->count,
        .sum = from->sum,
        .custom_bounds = from->custom_bounds,
        .custom_count = from->custom_count,
    };
    return side_from(arena, &from->positive, &acc->positive) &&
           side_from(arena, &from->negative, &acc->negative);
}

static bool side_copy(Arena *arena, const HistogramSide *from, HistogramSide *ret)
{
    if (!side_alloc(arena, from->len, ret)) {
        return false;
    }
    ret->len = from->len;
    if (from->len > 0) {
        memcpy(ret->index, from->index, from->len * sizeof(i32));
        memcpy(ret->count, from->count, from->len * sizeof(f64));
        memcpy(ret->lost, from->lost, from->len * sizeof(f64));
    }
    return true;
}

bool histogram_acc_copy(HistogramAcc *to, const HistogramAcc *from)
{
    *to = *from;
    return side_copy(from->arena, &from->positive, &to->positive) &&
           side_copy(from->arena, &from->negative, &to->negative);
}

/* The index that a bucket has at a lower resolution. */
static i32 reduced_index(i32 index, i32 from_schema, i32 to_schema)
{
    return ((index - 1) >> (from_schema - to_schema)) + 1;
}

static void side_reduce(HistogramSide *side, i32 from_schema, i32 to_schema, bool kahan)
{
    size_t kept = 0;
    for (size_t i = 0; i < side->len; i++) {
        i32 index = reduced_index(side->index[i], from_schema, to_schema);
        if (kept > 0 && side->index[kept - 1] == index) {
            if (kahan) {
                kahan_add(side->count[i], &side->count[kept - 1], &side->lost[kept - 1]);
                kahan_add(side->lost[i], &side->count[kept - 1], &side->lost[kept - 1]);
            } else {
                side->count[kept - 1] += side->count[i];
            }
            continue;
        }
        side->index[kept] = index;
        side->count[kept] = side->count[i];
        side->lost[kept++] = side->lost[i];
    }
    side->len = kept;
}

static void acc_reduce(HistogramAcc *acc, i32 schema, bool kahan)
{
    if (schema < acc->schema) {
        side_reduce(&acc->positive, acc->schema, schema, kahan);
        side_reduce(&acc->negative, acc->schema, schema, kahan);
        acc->schema = schema;
    }
}

bool histogram_acc_reduce(HistogramAcc *acc, i32 schema)
{
    bool exponential = acc->schema != HISTOGRAM_CUSTOM_SCHEMA;
    if (exponential && schema != HISTOGRAM_CUSTOM_SCHEMA) {
        acc_reduce(acc, schema, false);
    }
    return exponential;
}

/* Adds the buckets of one side that end at or below *threshold to the zero count; a populated
 * bucket that the threshold cuts is taken whole. Returns false when that raised the threshold. */
static bool zero_take_side(const HistogramAcc *acc, const HistogramSide *side, f64 *threshold,
                           f64 *count, f64 *lost)
{
    for (size_t i = 0; i < side->len; i++) {
        if (exponential_bound(side->index[i] - 1, acc->schema) >= *threshold) {
            return true;
        }
        kahan_add(side->count[i], count, lost);
        kahan_add(side->lost[i], count, lost);
        f64 upper = exponential_bound(side->index[i], acc->schema);
        if (upper > *threshold) {
            if (side->count[i] == 0) {
                return true;
            }
            *threshold = upper;
            return false;
        }
    }
    return true;
}

/* What the zero bucket would hold if it reached to *threshold (which may have to grow). */
static void zero_for_threshold(const HistogramAcc *acc, f64 *threshold, f64 *ret_count,
                               f64 *ret_lost)
{
    bool settled = *threshold == acc->zero_threshold;
    *ret_count = acc->zero_count;
    *ret_lost = acc->zero_lost;
    while (!settled) {
        *ret_count = acc->zero_count;
        *ret_lost = acc->zero_lost;
        (void)zero_take_side(acc, &acc->positive, threshold, ret_count, ret_lost);
        settled = zero_take_side(acc, &acc->negative, threshold, ret_count, ret_lost);
    }
}

static void side_drop_below(HistogramSide *side, i32 schema, f64 threshold)
{
    size_t drop = 0;
    while (drop < side->len && exponential_bound(side->index[drop] - 1, schema) < threshold) {
        drop++;
    }
    if (drop > 0) {
        side->index += drop;
        side->count += drop;
        side->lost += drop;
        side->len -= drop;
    }
}

static void acc_widen_zero(HistogramAcc *acc, f64 threshold)
{
    f64 count;
    f64 lost;
    zero_for_threshold(acc, &threshold, &count, &lost);
    acc->zero_count = count;
    acc->zero_lost = lost;
    acc->zero_threshold = threshold;
    side_drop_below(&acc->positive, acc->schema, threshold);
    side_drop_below(&acc->negative, acc->schema, threshold);
}

/* Finds a zero bucket that cuts no populated bucket of either. Gives the other's zero count. */
static void reconcile_zero(HistogramAcc *acc, const HistogramAcc *other, f64 *ret_count)
{
    f64 threshold = other->zero_threshold;
    f64 lost;
    *ret_count = other->zero_count;
    while (threshold != acc->zero_threshold) {
        if (acc->zero_threshold > threshold) {
            threshold = acc->zero_threshold;
            zero_for_threshold(other, &threshold, ret_count, &lost);
        }
        if (threshold > acc->zero_threshold) {
            acc_widen_zero(acc, threshold);
        }
    }
}

static void add_number(f64 value, f64 *sum, f64 *lost, HistogramSum how)
{
    switch (how) {
    case HISTOGRAM_ADD:
        *sum += value;
        break;
    case HISTOGRAM_SUBTRACT:
        *sum -= value;
        break;
    case HISTOGRAM_KAHAN:
        kahan_add(value, sum, lost);
        break;
    }
}

static bool same_indices(const HistogramSide *a, const HistogramSide *b)
{
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->index, b->index, a->len * sizeof(i32)) == 0);
}

static bool side_merge(Arena *arena, HistogramSide *side, const HistogramSide *other,
                       HistogramSum how)
{
    if (same_indices(side, other)) {
        for (size_t i = 0; i < side->len; i++) {
            add_number(other->count[i], &side->count[i], &side->lost[i], how);
        }
        return true;
    }
    HistogramSide merged;
    if (!side_alloc(arena, side->len + other->len, &merged)) {
        return false;
    }
    ASSERT(merged.index && (side->len == 0 || side->index) && (other->len == 0 || other->index));
    size_t a = 0;
    size_t b = 0;
    while (a < side->len || b < other->len) {
        bool take_a = b == other->len || (a < side->len && side->index[a] <= other->index[b]);
        bool take_b = a == side->len || (b < other->len && other->index[b] <= side->index[a]);
        size_t at = merged.len++;
        merged.index[at] = take_a ? side->index[a] : other->index[b];
        merged.count[at] = take_a ? side->count[a] : 0;
        merged.lost[at] = take_a ? side->lost[a] : 0;
        if (take_b) {
            add_number(other->count[b], &merged.count[at], &merged.lost[at], how);
        }
        a += take_a;
        b += take_b;
    }
    *side = merged;
    return true;
}

static bool bounds_match(const f64 *a, size_t a_count, const f64 *b, size_t b_count)
{
    if (a_count != b_count) {
        return false;
    }
    for (size_t i = 0; i < a_count; i++) {
        if (f64_bits(a[i]) != f64_bits(b[i])) {
            return false;
        }
    }
    return true;
}

static size_t common_bounds(f64 *to, const HistogramAcc *a, const HistogramAcc *b)
{
    size_t count = 0;
    for (size_t i = 0, j = 0; i < a->custom_count && j < b->custom_count;) {
        if (a->custom_bounds[i] == b->custom_bounds[j]) {
            to[count++] = a->custom_bounds[i];
            i++;
            j++;
        } else if (a->custom_bounds[i] < b->custom_bounds[j]) {
            i++;
        } else {
            j++;
        }
    }
    return count;
}

/* Adds the buckets of `from`, which has its own bounds, to dense buckets of `bounds`. */
static void map_custom(const HistogramAcc *from, const f64 *bounds, size_t bound_count, f64 sign,
                       HistogramSide *dense)
{
    size_t at = 0;
    for (size_t i = 0; i < from->positive.len; i++) {
        size_t index = (size_t)from->positive.index[i];
        if (index < from->custom_count) {
            while (at < bound_count && bounds[at] < from->custom_bounds[index]) {
                at++;
            }
        } else {
            at = bound_count;
        }
        kahan_add(sign * from->positive.count[i], &dense->count[at], &dense->lost[at]);
        kahan_add(sign * from->positive.lost[i], &dense->count[at], &dense->lost[at]);
    }
}

static bool acc_merge_custom(HistogramAcc *acc, const HistogramAcc *other, HistogramSum how,
                             HistogramNotes *notes)
{
    if (bounds_match(acc->custom_bounds, acc->custom_count, other->custom_bounds,
                     other->custom_count)) {
        return side_merge(acc->arena, &acc->positive, &other->positive, how);
    }
    notes->bounds_reconciled = true;
    f64 *bounds = ARENA_NEW(acc->arena, f64, MIN(acc->custom_count, other->custom_count) + 1);
    if (!bounds) {
        return false;
    }
    size_t bound_count = common_bounds(bounds, acc, other);
    HistogramSide dense;
    if (!side_alloc(acc->arena, bound_count + 1, &dense)) {
        return false;
    }
    memset(dense.count, 0, (bound_count + 1) * sizeof(f64));
    map_custom(acc, bounds, bound_count, 1, &dense);
    map_custom(other, bounds, bound_count, how == HISTOGRAM_SUBTRACT ? -1 : 1, &dense);
    for (size_t i = 0; i <= bound_count; i++) {
        if (dense.count[i] != 0 || dense.lost[i] != 0) {
            dense.index[dense.len] = (i32)i;
            dense.count[dense.len] = dense.count[i];
            dense.lost[dense.len++] = how == HISTOGRAM_KAHAN ? dense.lost[i] : 0;
        }
    }
    acc->positive = dense;
    acc->custom_bounds = bounds;
    acc->custom_count = bound_count;
    return true;
}

/* A gauge makes the sum a gauge; of two counters, "unknown" unless both agree. */
static void merge_reset(HistogramAcc *acc, ResetHint other, HistogramNotes *notes)
{
    if (acc->reset == other || acc->reset == RESET_GAUGE) {
        return;
    }
    if (other == RESET_GAUGE) {
        acc->reset = RESET_GAUGE;
        return;
    }
    if (acc->reset != RESET_UNKNOWN && other != RESET_UNKNOWN) {
        notes->reset_conflict = true;
    }
    acc->reset = RESET_UNKNOWN;
}

/* Without the buckets that lie inside the zero bucket of the sum: they were counted there. */
static bool acc_merge_exponential(HistogramAcc *acc, HistogramAcc *other, HistogramSum how)
{
    bool kahan = how == HISTOGRAM_KAHAN;
    acc_reduce(acc, other->schema, kahan);
    acc_reduce(other, acc->schema, kahan);
    HistogramSide *sides[] = {&other->positive, &other->negative};
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        HistogramSide *side = sides[i];
        while (side->len > 0 &&
               exponential_bound(side->index[0], acc->schema) <= acc->zero_threshold) {
            side->index++;
            side->count++;
            side->lost++;
            side->len--;
        }
    }
    return side_merge(acc->arena, &acc->positive, &other->positive, how) &&
           side_merge(acc->arena, &acc->negative, &other->negative, how);
}

HistogramOutcome histogram_acc_add(HistogramAcc *acc, const Histogram *other, HistogramSum how,
                                   HistogramNotes *notes)
{
    bool custom = acc->schema == HISTOGRAM_CUSTOM_SCHEMA;
    if (custom != histogram_is_custom(other)) {
        return HISTOGRAM_INCOMPATIBLE;
    }
    HistogramAcc added;
    if (!histogram_acc_init(&added, acc->arena, other)) {
        return HISTOGRAM_NO_MEMORY;
    }
    merge_reset(acc, other->reset, notes);
    if (!custom) {
        f64 zero_count;
        reconcile_zero(acc, &added, &zero_count);
        add_number(zero_count, &acc->zero_count, &acc->zero_lost, how);
    }
    add_number(other->count, &acc->count, &acc->count_lost, how);
    add_number(other->sum, &acc->sum, &acc->sum_lost, how);
    bool ok = custom ? acc_merge_custom(acc, &added, how, notes)
                     : acc_merge_exponential(acc, &added, how);
    return ok ? HISTOGRAM_DONE : HISTOGRAM_NO_MEMORY;
}

static void side_scale(HistogramSide *side, f64 factor, f64 divisor)
{
    for (size_t i = 0; i < side->len; i++) {
        side->count[i] = side->count[i] * factor / divisor;
        side->lost[i] = side->lost[i] * factor / divisor;
    }
}

void histogram_acc_scale(HistogramAcc *acc, f64 factor)
{
    f64 *numbers[] = {&acc->zero_count, &acc->zero_lost, &acc->count,
                      &acc->count_lost, &acc->sum,       &acc->sum_lost};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        *numbers[i] *= factor;
    }
    side_scale(&acc->positive, factor, 1);
    side_scale(&acc->negative, factor, 1);
    if (factor < 0) {
        acc->reset = RESET_GAUGE;
    }
}

void histogram_acc_divide(HistogramAcc *acc, f64 divisor)
{
    acc->zero_count /= divisor;
    acc->count /= divisor;
    acc->sum /= divisor;
    if (divisor == 0) {
        acc->zero_lost = 0;
        acc->count_lost = 0;
        acc->sum_lost = 0;
        acc->positive.len = 0;
        acc->negative.len = 0;
        return;
    }
    acc->zero_lost /= divisor;
    acc->count_lost /= divisor;
    acc->sum_lost /= divisor;
    side_scale(&acc->positive, 1, divisor);
    side_scale(&acc->negative, 1, divisor);
    if (divisor < 0) {
        acc->reset = RESET_GAUGE;
    }
}

static bool side_overflows(const HistogramSide *side)
{
    for (size_t i = 0; i < side->len; i++) {
        if (isinf(side->count[i])) {
            return true;
        }
    }
    return false;
}

bool histogram_acc_overflows(const HistogramAcc *acc)
{
    return isinf(acc->zero_count) || isinf(acc->count) || isinf(acc->sum) ||
           side_overflows(&acc->positive) || side_overflows(&acc->negative);
}

static bool side_finish(Arena *arena, const HistogramSide *side, BucketSide *ret)
{
    Span *spans = arena_alloc(arena, MAX(side->len, (size_t)1) * sizeof(Span), _Alignof(Span));
    f64 *buckets = arena_alloc(arena, MAX(side->len, (size_t)1) * sizeof(f64), _Alignof(f64));
    if (!spans || !buckets) {
        return false;
    }
    size_t span_count = 0;
    size_t bucket_count = 0;
    i32 next = 0;
    for (size_t i = 0; i < side->len; i++) {
        f64 count = side->count[i] + side->lost[i];
        if (count == 0) {
            continue;
        }
        if (span_count > 0 && side->index[i] == next) {
            spans[span_count - 1].length++;
        } else {
            spans[span_count++] = (Span){.offset = side->index[i] - next, .length = 1};
        }
        next = side->index[i] + 1;
        buckets[bucket_count++] = count;
    }
    *ret = (BucketSide){
        .spans = spans, .span_count = span_count, .buckets = buckets, .bucket_count = bucket_count};
    return true;
}

Histogram *histogram_acc_finish(HistogramAcc *acc)
{
    Histogram *histogram = ARENA_NEW(acc->arena, Histogram, 1);
    if (!histogram) {
        return NULL;
    }
    *histogram = (Histogram){
        .schema = acc->schema,
        .reset = acc->reset,
        .zero_threshold = acc->zero_threshold,
        .zero_count = acc->zero_count + acc->zero_lost,
        .count = acc->count + acc->count_lost,
        .sum = acc->sum + acc->sum_lost,
        .custom_bounds = acc->custom_bounds,
        .custom_count = acc->custom_count,
    };
    bool ok = side_finish(acc->arena, &acc->positive, &histogram->positive) &&
              side_finish(acc->arena, &acc->negative, &histogram->negative);
    return ok ? histogram : NULL;
}

Histogram *histogram_times(Arena *arena, const Histogram *histogram, f64 factor)
{
    HistogramAcc acc;
    if (!histogram_acc_init(&acc, arena, histogram)) {
        return NULL;
    }
    histogram_acc_scale(&acc, factor);
    return histogram_acc_finish(&acc);
}

Histogram *histogram_divided(Arena *arena, const Histogram *histogram, f64 divisor)
{
    HistogramAcc acc;
    if (!histogram_acc_init(&acc, arena, histogram)) {
        return NULL;
    }
    histogram_acc_divide(&acc, divisor);
    return histogram_acc_finish(&acc);
}

/* Did a bucket of `previous` lose observations or go? */
static bool side_has_reset(const HistogramSide *current, const HistogramSide *previous)
{
    size_t c = 0;
    for (size_t p = 0; p < previous->len; p++) {
        while (c < current->len && current->index[c] < previous->index[p]) {
            c++;
        }
        bool missing = c == current->len || current->index[c] != previous->index[p];
        if (missing ? previous->count[p] != 0 : current->count[c] < previous->count[p]) {
            return true;
        }
    }
    return false;
}

/* Custom bounds that differ: compares what lies between the bounds that both have. */
static bool custom_has_reset(Arena *scratch, const HistogramAcc *current,
                             const HistogramAcc *previous)
{
    size_t most = MIN(current->custom_count, previous->custom_count) + 1;
    f64 *bounds = ARENA_NEW(scratch, f64, most);
    HistogramSide a;
    HistogramSide b;
    if (!bounds || !side_alloc(scratch, most, &a) || !side_alloc(scratch, most, &b)) {
        return true;
    }
    size_t count = common_bounds(bounds, current, previous);
    memset(a.count, 0, most * sizeof(f64));
    memset(b.count, 0, most * sizeof(f64));
    map_custom(current, bounds, count, 1, &a);
    map_custom(previous, bounds, count, 1, &b);
    for (size_t i = 0; i <= count; i++) {
        if (a.count[i] < b.count[i]) {
            return true;
        }
    }
    return false;
}

static bool compute_reset(Arena *scratch, const Histogram *current, const Histogram *previous)
{
    HistogramAcc now;
    HistogramAcc before;
    if (!histogram_acc_init(&now, scratch, current) ||
        !histogram_acc_init(&before, scratch, previous)) {
        return true;
    }
    if (histogram_is_custom(current)) {
        return histogram_is_custom(previous)
                   ? (bounds_match(current->custom_bounds, current->custom_count,
                                   previous->custom_bounds, previous->custom_count)
                          ? side_has_reset(&now.positive, &before.positive)
                          : custom_has_reset(scratch, &now, &before))
                   : true;
    }
    /* A finer resolution or a narrower zero bucket can only come from a new start. */
    if (current->schema > previous->schema || current->zero_threshold < previous->zero_threshold) {
        return true;
    }
    f64 threshold = current->zero_threshold;
    f64 zero_count;
    f64 lost;
    zero_for_threshold(&before, &threshold, &zero_count, &lost);
    if (threshold != current->zero_threshold || current->zero_count < zero_count) {
        return true;
    }
    side_drop_below(&before.positive, before.schema, threshold);
    side_drop_below(&before.negative, before.schema, threshold);
    acc_reduce(&before, now.schema, false);
    return side_has_reset(&now.positive, &before.positive) ||
           side_has_reset(&now.negative, &before.negative);
}

bool histogram_has_reset(Arena *scratch, const Histogram *current, const Histogram *previous)
{
    if (current->reset == RESET_YES || current->reset == RESET_NO) {
        return current->reset == RESET_YES;
    }
    if (current->count < previous->count) {
        return true;
    }
    ArenaMark mark = arena_mark(scratch);
    bool reset = compute_reset(scratch, current, previous);
    arena_reset(scratch, mark);
    return reset;
}

/* Walks the populated buckets of a side without copying them. */
typedef struct SideCursor {
    const BucketSide *side;
    size_t span;
    u32 in_span;
    size_t bucket;
    i32 index;
} SideCursor;

static SideCursor cursor_of(const BucketSide *side)
{
    return (SideCursor){.side = side, .index = side->span_count > 0 ? side->spans[0].offset : 0};
}

static bool cursor_next(SideCursor *cursor, i32 *ret_index, f64 *ret_count)
{
    const BucketSide *side = cursor->side;
    while (cursor->bucket < side->bucket_count) {
        while (cursor->span < side->span_count &&
               cursor->in_span == side->spans[cursor->span].length) {
            cursor->in_span = 0;
            cursor->span++;
            cursor->index += cursor->span < side->span_count ? side->spans[cursor->span].offset : 0;
        }
        if (cursor->span == side->span_count) {
            return false;
        }
        *ret_index = cursor->index++;
        *ret_count = side->buckets[cursor->bucket++];
        cursor->in_span++;
        if (*ret_count != 0) {
            return true;
        }
    }
    return false;
}

static bool sides_same(const BucketSide *a, const BucketSide *b)
{
    SideCursor left = cursor_of(a);
    SideCursor right = cursor_of(b);
    for (;;) {
        i32 left_index = 0;
        i32 right_index = 0;
        f64 left_count = 0;
        f64 right_count = 0;
        bool more = cursor_next(&left, &left_index, &left_count);
        if (more != cursor_next(&right, &right_index, &right_count)) {
            return false;
        }
        if (!more) {
            return true;
        }
        if (left_index != right_index || f64_bits(left_count) != f64_bits(right_count)) {
            return false;
        }
    }
}

bool histogram_same(const Histogram *a, const Histogram *b)
{
    return a->schema == b->schema && f64_bits(a->count) == f64_bits(b->count) &&
           f64_bits(a->sum) == f64_bits(b->sum) && a->zero_threshold == b->zero_threshold &&
           f64_bits(a->zero_count) == f64_bits(b->zero_count) &&
           bounds_match(a->custom_bounds, a->custom_count, b->custom_bounds, b->custom_count) &&
           sides_same(&a->positive, &b->positive) && sides_same(&a->negative, &b->negative);
}
