/* Histogram chunks, the writing side: see chunk_histogram.h. Layer: tsdb. Thread: one a chunk. */
#include "tsdb/chunk_histogram.h"

#include "base/buf.h"
#include "base/mem.h"
#include "model/sample.h"
#include "tsdb/chunk_histogram_bits.h"
#include "tsdb/histogram_layout.h"
#include "tsdb/varbit.h"

#include <math.h>
#include <string.h>

enum {
    SIDES = 2, /* positive, negative */
    FLAGS_AT = 2,
    FLAGS_SHIFT = 6,
    LAYOUT_BITS = 8 + 2 * VARBIT_BITS_MAX, /* beside spans and bounds */
    SAMPLE_BITS = 5 * 80,                  /* beside buckets */
    BUCKET_BITS = 80,                      /* either coding, at most */
    RECODE_MEMORY = 256 * 1024 * 1024,
};

/* What is kept of a bucket to code the next sample. */
typedef struct BucketState {
    union {
        struct {
            i64 step;       /* to the bucket before it */
            i64 step_delta; /* how the step grew from the sample before */
        } integer;
        XorState value;
    };
} BucketState;

typedef struct SideState {
    SpanList spans;
    VEC(BucketState) buckets;
} SideState;

struct HistogramChunk {
    Buf out;
    u32 bits; /* written */
    u16 count;
    bool integer;
    HistogramReset reset;
    i32 schema;
    f64 zero_threshold;
    VEC(f64) bounds;
    SideState sides[SIDES];
    i64 t_ms, t_delta;
    i64 observations, observations_delta; /* integer counts */
    i64 zeros, zeros_delta;
    XorState float_observations, float_zeros;
    XorState sum;
};

HistogramChunk *histogram_chunk_new(bool integer)
{
    HistogramChunk *chunk = MEM_NEW(HistogramChunk);
    chunk->integer = integer;
    buf_init(&chunk->out, HISTOGRAM_CHUNK_SIZE_MAX);
    chunk->sum.leading = XOR_WINDOW_NONE;
    chunk->float_observations.leading = XOR_WINDOW_NONE;
    chunk->float_zeros.leading = XOR_WINDOW_NONE;
    return chunk;
}

HistogramChunk *histogram_chunk_free(HistogramChunk *chunk)
{
    if (chunk) {
        buf_done(&chunk->out);
        vec_done(&chunk->bounds);
        for (size_t i = 0; i < SIDES; i++) {
            vec_done(&chunk->sides[i].spans);
            vec_done(&chunk->sides[i].buckets);
        }
        mem_free(chunk);
    }
    return NULL;
}

Str histogram_chunk_view(const HistogramChunk *chunk)
{
    return (Str){.ptr = (const char *)chunk->out.data, .len = (chunk->bits + 7) / 8};
}

u16 histogram_chunk_count(const HistogramChunk *chunk)
{
    return chunk->count;
}

u64 histogram_chunk_memory(const HistogramChunk *chunk)
{
    u64 bytes = sizeof(*chunk) + chunk->out.capacity + chunk->bounds.capacity * sizeof(f64);
    for (size_t i = 0; i < SIDES; i++) {
        bytes += chunk->sides[i].spans.capacity * sizeof(Span) +
                 chunk->sides[i].buckets.capacity * sizeof(BucketState);
    }
    return bytes;
}

static void write_header(HistogramChunk *chunk)
{
    store_u16be(chunk->out.data, chunk->count);
    chunk->out.data[FLAGS_AT] = (u8)(chunk->reset << FLAGS_SHIFT);
}

void histogram_chunk_set_reset(HistogramChunk *chunk, HistogramReset reset)
{
    chunk->reset = reset;
    write_header(chunk);
}

static const BucketSide *side_of(const Histogram *histogram, size_t side)
{
    return side == 0 ? &histogram->positive : &histogram->negative;
}

/* ---- coding ---- */

static void put_zero_threshold(u8 *bytes, u32 *at, f64 threshold)
{
    int exponent;
    if (threshold == 0) {
        bits_put(bytes, at, 0, 8);
        return;
    }
    f64 fraction = frexp(threshold, &exponent);
    if (fraction != 0.5 || exponent < ZERO_EXPONENT_MIN || exponent > ZERO_EXPONENT_MAX) {
        bits_put(bytes, at, ZERO_EXPLICIT, 8);
        bits_put(bytes, at, f64_bits(threshold), 64);
        return;
    }
    bits_put(bytes, at, (u32)(exponent + ZERO_EXPONENT_BIAS), 8);
}

/* Bounds of up to three decimals take few bits, others a zero bit and all of theirs. */
static void put_bound(u8 *bytes, u32 *at, f64 bound)
{
    f64 scaled = bound * BOUND_SCALE;
    if (scaled >= 0 && scaled <= BOUND_SCALED_MAX) {
        u64 whole = (u64)round(scaled);
        if ((f64)whole / BOUND_SCALE == bound) {
            varbit_put_unsigned(bytes, at, whole + 1);
            return;
        }
    }
    bits_put(bytes, at, 0, 1);
    bits_put(bytes, at, f64_bits(bound), 64);
}

/* Bytes for `bits` more, zeroed as far as bits_put needs it; NULL past the limit. */
static u8 *reserve_bits(HistogramChunk *chunk, u64 bits)
{
    chunk->out.len = (chunk->bits + 7) / 8;
    u8 *more = buf_reserve(&chunk->out, (size_t)(bits / 8) + 2 * BITS_PUT_BYTES);
    return more ? chunk->out.data : NULL;
}

static void put_layout(const HistogramChunk *chunk, u8 *bytes, u32 *at)
{
    put_zero_threshold(bytes, at, chunk->zero_threshold);
    varbit_put_signed(bytes, at, chunk->schema);
    for (size_t s = 0; s < SIDES; s++) {
        const SpanList *spans = &chunk->sides[s].spans;
        varbit_put_unsigned(bytes, at, spans->count);
        for (size_t i = 0; i < spans->count; i++) {
            varbit_put_unsigned(bytes, at, spans->at[i].length);
            varbit_put_signed(bytes, at, spans->at[i].offset);
        }
    }
    if (chunk->schema == HISTOGRAM_CUSTOM_SCHEMA) {
        varbit_put_unsigned(bytes, at, chunk->bounds.count);
        for (size_t i = 0; i < chunk->bounds.count; i++) {
            put_bound(bytes, at, chunk->bounds.at[i]);
        }
    }
}

static void put_first_side(const HistogramChunk *chunk, SideState *side, const f64 *counts,
                           u8 *bytes, u32 *at)
{
    i64 before = 0;
    for (size_t i = 0; i < side->buckets.count; i++) {
        BucketState *bucket = &side->buckets.at[i];
        if (chunk->integer) {
            i64 count = (i64)counts[i];
            bucket->integer.step = count - before;
            bucket->integer.step_delta = 0;
            before = count;
            varbit_put_signed(bytes, at, bucket->integer.step);
        } else {
            bucket->value = (XorState){.bits = f64_bits(counts[i]), .leading = XOR_WINDOW_NONE};
            bits_put(bytes, at, bucket->value.bits, 64);
        }
    }
}

static void put_next_side(const HistogramChunk *chunk, SideState *side, const f64 *counts,
                          u8 *bytes, u32 *at)
{
    i64 before = 0;
    for (size_t i = 0; i < side->buckets.count; i++) {
        BucketState *bucket = &side->buckets.at[i];
        if (chunk->integer) {
            i64 count = (i64)counts[i];
            i64 step = count - before;
            i64 delta = step - bucket->integer.step;
            varbit_put_signed(bytes, at, delta - bucket->integer.step_delta);
            bucket->integer.step = step;
            bucket->integer.step_delta = delta;
            before = count;
        } else {
            xor_state_put(&bucket->value, bytes, at, f64_bits(counts[i]));
        }
    }
}

static void put_first_numbers(HistogramChunk *chunk, const Histogram *histogram, u8 *bytes, u32 *at)
{
    if (chunk->integer) {
        chunk->observations = (i64)histogram->count;
        chunk->zeros = (i64)histogram->zero_count;
        varbit_put_unsigned(bytes, at, (u64)chunk->observations);
        varbit_put_unsigned(bytes, at, (u64)chunk->zeros);
    } else {
        chunk->float_observations.bits = f64_bits(histogram->count);
        chunk->float_zeros.bits = f64_bits(histogram->zero_count);
        bits_put(bytes, at, chunk->float_observations.bits, 64);
        bits_put(bytes, at, chunk->float_zeros.bits, 64);
    }
    chunk->sum.bits = f64_bits(histogram->sum);
    bits_put(bytes, at, chunk->sum.bits, 64);
}

static void put_count(i64 now, bool stale, i64 *before, i64 *delta_before, u8 *bytes, u32 *at)
{
    i64 delta = now - *before;
    varbit_put_signed(bytes, at, stale ? 0 : delta - *delta_before);
    *before = now;
    *delta_before = delta;
}

static void put_next_numbers(HistogramChunk *chunk, const Histogram *histogram, bool stale,
                             u8 *bytes, u32 *at)
{
    if (chunk->integer) {
        put_count((i64)histogram->count, stale, &chunk->observations, &chunk->observations_delta,
                  bytes, at);
        put_count((i64)histogram->zero_count, stale, &chunk->zeros, &chunk->zeros_delta, bytes, at);
    } else {
        xor_state_put(&chunk->float_observations, bytes, at, f64_bits(histogram->count));
        xor_state_put(&chunk->float_zeros, bytes, at, f64_bits(histogram->zero_count));
    }
    xor_state_put(&chunk->sum, bytes, at, f64_bits(histogram->sum));
}

static u64 bits_needed(const HistogramChunk *chunk)
{
    u64 buckets = chunk->sides[0].buckets.count + chunk->sides[1].buckets.count;
    u64 bits = SAMPLE_BITS + buckets * BUCKET_BITS;
    if (chunk->count == 0) {
        u64 spans = chunk->sides[0].spans.count + chunk->sides[1].spans.count;
        bits += HISTOGRAM_CHUNK_HEADER * 8 + LAYOUT_BITS + (spans + 1) * 2 * VARBIT_BITS_MAX +
                (chunk->bounds.count + 1) * VARBIT_BITS_MAX;
    }
    return bits;
}

/* Takes schema, threshold, bounds and (given) spans as the layout of an empty chunk. */
static void set_layout(HistogramChunk *chunk, const Histogram *histogram, SpanList *spans)
{
    chunk->schema = histogram->schema;
    chunk->zero_threshold = histogram->zero_threshold;
    chunk->bounds.count = 0;
    for (size_t i = 0; i < histogram->custom_count; i++) {
        *vec_push(&chunk->bounds) = histogram->custom_bounds[i];
    }
    for (size_t s = 0; s < SIDES; s++) {
        SideState *side = &chunk->sides[s];
        side->spans.count = 0;
        for (size_t i = 0; i < spans[s].count; i++) {
            *vec_push(&side->spans) = spans[s].at[i];
        }
        size_t buckets = spans_total(side->spans.at, side->spans.count);
        vec_reserve(&side->buckets, buckets);
        side->buckets.count = buckets;
    }
}

/* Codes one sample whose buckets fit into the layout. */
static void put_sample(HistogramChunk *chunk, i64 t_ms, const Histogram *histogram)
{
    static const Histogram nothing;
    bool stale = is_stale_nan(histogram->sum);
    Histogram stored = stale ? nothing : *histogram;
    stored.sum = histogram->sum;
    u8 *bytes = reserve_bits(chunk, bits_needed(chunk));
    if (!bytes) {
        return; /* larger than a chunk may be: the sample is not kept (count tells) */
    }
    bool first = chunk->count == 0;
    i64 delta = 0;
    u32 at = first ? HISTOGRAM_CHUNK_HEADER * 8 : chunk->bits;
    if (first) {
        put_layout(chunk, bytes, &at);
        varbit_put_signed(bytes, &at, t_ms);
        put_first_numbers(chunk, &stored, bytes, &at);
    } else {
        delta = t_ms - chunk->t_ms;
        varbit_put_signed(bytes, &at, delta - chunk->t_delta);
        put_next_numbers(chunk, &stored, stale, bytes, &at);
    }
    for (size_t s = 0; s < SIDES && !stale; s++) {
        SideState *side = &chunk->sides[s];
        f64 *counts = MEM_ARRAY(f64, side->buckets.count);
        spans_place(side_of(&stored, s), side->spans.at, side->spans.count, counts);
        (first ? put_first_side : put_next_side)(chunk, side, counts, bytes, &at);
        mem_free(counts);
    }
    chunk->t_ms = t_ms;
    chunk->t_delta = delta;
    chunk->bits = at;
    chunk->out.len = (at + 7) / 8;
    chunk->count++;
    write_header(chunk);
}

/* ---- deciding ---- */

/* The newest count of each bucket of a side. */
static void newest_counts(const HistogramChunk *chunk, const SideState *side, f64 *ret)
{
    i64 count = 0;
    for (size_t i = 0; i < side->buckets.count; i++) {
        if (chunk->integer) {
            count += side->buckets.at[i].integer.step;
            ret[i] = (f64)count;
        } else {
            ret[i] = f64_from_bits(side->buckets.at[i].value.bits);
        }
    }
}

/* Whether a bucket has fewer observations than in the newest sample (none when it is gone). */
static bool side_was_reset(const HistogramChunk *chunk, const SideState *side,
                           const BucketSide *now)
{
    SpanList all = {0};
    bool reset = false;
    spans_join(side->spans.at, side->spans.count, now->spans, now->span_count, &all);
    size_t buckets = spans_total(all.at, all.count);
    f64 *counts = MEM_ARRAY(f64, side->buckets.count + 2 * buckets);
    f64 *before = counts + side->buckets.count;
    f64 *after = before + buckets;
    newest_counts(chunk, side, counts);
    BucketSide old = {.spans = side->spans.at,
                      .span_count = side->spans.count,
                      .buckets = counts,
                      .bucket_count = side->buckets.count};
    spans_place(&old, all.at, all.count, before);
    spans_place(now, all.at, all.count, after);
    for (size_t i = 0; i < buckets && !reset; i++) {
        reset = before[i] > after[i];
    }
    mem_free(counts);
    vec_done(&all);
    return reset;
}

static bool same_bounds(const HistogramChunk *chunk, const Histogram *histogram)
{
    return chunk->bounds.count == histogram->custom_count &&
           (histogram->custom_count == 0 || memcmp(chunk->bounds.at, histogram->custom_bounds,
                                                   histogram->custom_count * sizeof(f64)) == 0);
}

static f64 newest_observations(const HistogramChunk *chunk)
{
    return chunk->integer ? (f64)chunk->observations
                          : f64_from_bits(chunk->float_observations.bits);
}

static f64 newest_zeros(const HistogramChunk *chunk)
{
    return chunk->integer ? (f64)chunk->zeros : f64_from_bits(chunk->float_zeros.bits);
}

static bool ends_stale(const HistogramChunk *chunk)
{
    return is_stale_nan(f64_from_bits(chunk->sum.bits));
}

static bool same_kind(const HistogramChunk *chunk, const Histogram *histogram)
{
    return histogram->schema == chunk->schema && histogram->zero_threshold == chunk->zero_threshold;
}

/* Whether a counter histogram may go on in the chunk: HISTOGRAM_RESET_NO; else what the next chunk
 * begins with. */
static HistogramReset counter_goes_on(const HistogramChunk *chunk, const Histogram *histogram,
                                      bool *ret_ok)
{
    *ret_ok = false;
    if (chunk->reset == HISTOGRAM_RESET_GAUGE) {
        return chunk->integer ? HISTOGRAM_RESET_NO : HISTOGRAM_RESET_UNKNOWN;
    }
    if (histogram->reset == RESET_YES) {
        return HISTOGRAM_RESET_YES;
    }
    if (is_stale_nan(histogram->sum)) {
        *ret_ok = true;
        return HISTOGRAM_RESET_NO;
    }
    if (ends_stale(chunk)) {
        return HISTOGRAM_RESET_UNKNOWN;
    }
    if (histogram->count < newest_observations(chunk)) {
        return HISTOGRAM_RESET_YES;
    }
    if (!same_kind(chunk, histogram)) {
        return HISTOGRAM_RESET_UNKNOWN;
    }
    bool reset = (histogram->schema == HISTOGRAM_CUSTOM_SCHEMA && !same_bounds(chunk, histogram)) ||
                 histogram->zero_count < newest_zeros(chunk);
    for (size_t s = 0; s < SIDES && !reset; s++) {
        reset = side_was_reset(chunk, &chunk->sides[s], side_of(histogram, s));
    }
    *ret_ok = !reset;
    return reset ? HISTOGRAM_RESET_YES : HISTOGRAM_RESET_NO;
}

static bool gauge_goes_on(const HistogramChunk *chunk, const Histogram *histogram)
{
    if (chunk->reset != HISTOGRAM_RESET_GAUGE) {
        return false;
    }
    if (is_stale_nan(histogram->sum)) {
        return true;
    }
    return !ends_stale(chunk) && same_kind(chunk, histogram) &&
           (histogram->schema != HISTOGRAM_CUSTOM_SCHEMA || same_bounds(chunk, histogram));
}

/* ---- a larger layout ---- */

/* The spans both fit in; false when the chunk's own will do. */
static bool larger_spans(const HistogramChunk *chunk, const Histogram *histogram, SpanList *ret)
{
    bool grows = false;
    bool all_covered = true;
    for (size_t s = 0; s < SIDES; s++) {
        const SpanList *old = &chunk->sides[s].spans;
        const BucketSide *now = side_of(histogram, s);
        grows = grows || !spans_cover(old->at, old->count, now->spans, now->span_count);
        all_covered = all_covered && spans_cover(now->spans, now->span_count, old->at, old->count);
    }
    bool gauge = histogram->reset == RESET_GAUGE;
    for (size_t s = 0; s < SIDES && grows; s++) {
        const SpanList *old = &chunk->sides[s].spans;
        const BucketSide *now = side_of(histogram, s);
        bool covered =
            gauge ? all_covered : spans_cover(now->spans, now->span_count, old->at, old->count);
        if (covered) { /* the histogram's own spans, however they are cut */
            for (size_t i = 0; i < now->span_count; i++) {
                *vec_push(&ret[s]) = now->spans[i];
            }
        } else {
            spans_join(old->at, old->count, now->spans, now->span_count, &ret[s]);
        }
    }
    return grows;
}

/* Writes all samples anew with other spans. */
static void recode(HistogramChunk *chunk, SpanList *spans)
{
    Arena arena;
    arena_init(&arena, RECODE_MEMORY);
    size_t count = chunk->count;
    i64 *times = ARENA_NEW(&arena, i64, count);
    f64 *sums = ARENA_NEW(&arena, f64, count);
    const Histogram **histograms = ARENA_NEW(&arena, const Histogram *, count);
    bool ok = times && sums && histograms &&
              histogram_chunk_decode(histogram_chunk_view(chunk), chunk->integer, count, &arena,
                                     times, sums, histograms, NULL);
    ASSERT(ok); /* it wrote these bytes itself */
    HistogramChunk *fresh = histogram_chunk_new(chunk->integer);
    fresh->reset = chunk->reset;
    set_layout(fresh, histograms[0], spans);
    for (size_t i = 0; i < count; i++) {
        put_sample(fresh, times[i], histograms[i]);
    }
    HistogramChunk old = *chunk;
    *chunk = *fresh;
    *fresh = old;
    (void)histogram_chunk_free(fresh);
    arena_done(&arena);
}

static void append_first(HistogramChunk *chunk, i64 t_ms, const Histogram *histogram)
{
    static const Histogram nothing;
    const Histogram *layout = is_stale_nan(histogram->sum) ? &nothing : histogram;
    SpanList spans[SIDES];
    for (size_t s = 0; s < SIDES; s++) {
        const BucketSide *side = side_of(layout, s);
        spans[s] = (SpanList){.at = (Span *)(uintptr_t)side->spans, .count = side->span_count};
    }
    set_layout(chunk, layout, spans);
    if (histogram->reset == RESET_GAUGE) {
        chunk->reset = HISTOGRAM_RESET_GAUGE;
    } else if (histogram->reset == RESET_YES) {
        chunk->reset = HISTOGRAM_RESET_YES;
    }
    put_sample(chunk, t_ms, histogram);
}

bool histogram_chunk_append(HistogramChunk *chunk, i64 t_ms, const Histogram *histogram,
                            HistogramReset *ret_reset)
{
    if (chunk->count == 0) {
        append_first(chunk, t_ms, histogram);
        return true;
    }
    bool ok;
    if (histogram->reset == RESET_GAUGE) {
        *ret_reset = HISTOGRAM_RESET_GAUGE;
        ok = gauge_goes_on(chunk, histogram);
    } else {
        *ret_reset = counter_goes_on(chunk, histogram, &ok);
    }
    if (!ok || chunk->count == UINT16_MAX) {
        return false;
    }
    SpanList spans[SIDES] = {{0}};
    if (!is_stale_nan(histogram->sum) && larger_spans(chunk, histogram, spans)) {
        recode(chunk, spans);
    }
    vec_done(&spans[0]);
    vec_done(&spans[1]);
    u16 before = chunk->count;
    put_sample(chunk, t_ms, histogram);
    return chunk->count > before;
}

HistogramReset histogram_chunk_reset_after(const HistogramChunk *before, const Histogram *histogram)
{
    bool ok;
    if (histogram->reset == RESET_GAUGE) {
        return HISTOGRAM_RESET_GAUGE;
    }
    if (histogram->reset == RESET_YES) {
        return HISTOGRAM_RESET_YES;
    }
    return counter_goes_on(before, histogram, &ok);
}

bool histogram_chunk_ends_with(const HistogramChunk *chunk, const Histogram *histogram)
{
    if (chunk->count == 0 || f64_bits(histogram->sum) != chunk->sum.bits) {
        return false;
    }
    if (is_stale_nan(histogram->sum)) {
        return true;
    }
    bool same = same_kind(chunk, histogram) && same_bounds(chunk, histogram) &&
                histogram->count == newest_observations(chunk) &&
                histogram->zero_count == newest_zeros(chunk);
    for (size_t s = 0; s < SIDES && same; s++) {
        const SideState *side = &chunk->sides[s];
        const BucketSide *now = side_of(histogram, s);
        same = spans_cover(side->spans.at, side->spans.count, now->spans, now->span_count);
        f64 *counts = MEM_ARRAY(f64, 2 * side->buckets.count);
        f64 *other = counts + side->buckets.count;
        newest_counts(chunk, side, counts);
        spans_place(now, side->spans.at, side->spans.count, other);
        for (size_t i = 0; i < side->buckets.count && same; i++) {
            same = f64_bits(counts[i]) == f64_bits(other[i]);
        }
        mem_free(counts);
    }
    return same;
}
