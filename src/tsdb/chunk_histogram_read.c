/* Histogram chunks, the reading side: see chunk_histogram.h. Layer: tsdb. Thread: any. */
#include "model/sample.h"
#include "tsdb/chunk_histogram.h"
#include "tsdb/chunk_histogram_bits.h"
#include "tsdb/histogram_layout.h"
#include "tsdb/varbit.h"

#include <math.h>

enum {
    SIDES = 2,
    FLAGS_AT = 2,
    FLAGS_SHIFT = 6,
};

typedef enum Decoded { DECODED, DECODE_CORRUPT, DECODE_NO_ROOM } Decoded;

typedef struct SideReader {
    const Span *spans;
    size_t span_count;
    size_t bucket_count;
    i64 *steps, *step_deltas; /* integer counts */
    XorState *values;         /* float counts */
} SideReader;

typedef struct HistogramReader {
    BitReader in;
    Arena *arena;
    bool integer;
    u8 reset;
    Histogram layout; /* schema, threshold, bounds */
    SideReader sides[SIDES];
    i64 t_ms, t_delta;
    i64 observations, observations_delta;
    i64 zeros, zeros_delta;
    XorState float_observations, float_zeros, sum;
} HistogramReader;

static u64 bits_left(const HistogramReader *reader)
{
    u64 all = (u64)reader->in.size * 8;
    return reader->in.at > all ? 0 : all - reader->in.at;
}

static f64 get_zero_threshold(BitReader *in)
{
    u64 byte = bits_get(in, 8);
    if (byte == 0) {
        return 0;
    }
    if (byte == ZERO_EXPLICIT) {
        return f64_from_bits(bits_get(in, 64));
    }
    return ldexp(0.5, (int)byte - ZERO_EXPONENT_BIAS);
}

static f64 get_bound(BitReader *in)
{
    u64 scaled = varbit_get_unsigned(in);
    return scaled == 0 ? f64_from_bits(bits_get(in, 64)) : (f64)(scaled - 1) / BOUND_SCALE;
}

static Decoded read_spans(HistogramReader *reader, SideReader *side)
{
    u64 count = varbit_get_unsigned(&reader->in);
    u64 total = 0;
    if (count > bits_left(reader) / 2) { /* each takes two bits at least */
        return DECODE_CORRUPT;
    }
    Span *spans = ARENA_NEW(reader->arena, Span, (size_t)count + 1);
    if (!spans) {
        return DECODE_NO_ROOM;
    }
    for (u64 i = 0; i < count; i++) {
        u64 length = varbit_get_unsigned(&reader->in);
        i64 offset = varbit_get_signed(&reader->in);
        total += length;
        if (length > UINT32_MAX || offset < INT32_MIN || offset > INT32_MAX ||
            (i > 0 && offset < 0) || total > bits_left(reader)) { /* a bucket: one bit at least */
            return DECODE_CORRUPT;
        }
        spans[i] = (Span){.offset = (i32)offset, .length = (u32)length};
    }
    side->spans = spans;
    side->span_count = (size_t)count;
    side->bucket_count = (size_t)total;
    return DECODED;
}

static Decoded read_bounds(HistogramReader *reader)
{
    u64 count = varbit_get_unsigned(&reader->in);
    if (count > bits_left(reader)) {
        return DECODE_CORRUPT;
    }
    f64 *bounds = ARENA_NEW(reader->arena, f64, (size_t)count + 1);
    if (!bounds) {
        return DECODE_NO_ROOM;
    }
    for (u64 i = 0; i < count; i++) {
        bounds[i] = get_bound(&reader->in);
    }
    reader->layout.custom_bounds = bounds;
    reader->layout.custom_count = (size_t)count;
    return DECODED;
}

static Decoded make_states(HistogramReader *reader, SideReader *side)
{
    size_t count = side->bucket_count + 1;
    if (reader->integer) {
        side->steps = ARENA_NEW(reader->arena, i64, count);
        side->step_deltas = ARENA_NEW(reader->arena, i64, count);
        return side->steps && side->step_deltas ? DECODED : DECODE_NO_ROOM;
    }
    side->values = ARENA_NEW(reader->arena, XorState, count);
    return side->values ? DECODED : DECODE_NO_ROOM;
}

static Decoded read_layout(HistogramReader *reader)
{
    reader->layout.zero_threshold = get_zero_threshold(&reader->in);
    i64 schema = varbit_get_signed(&reader->in);
    if (schema != HISTOGRAM_CUSTOM_SCHEMA &&
        (schema < HISTOGRAM_SCHEMA_MIN || schema > HISTOGRAM_SCHEMA_MAX)) {
        return DECODE_CORRUPT;
    }
    reader->layout.schema = (i32)schema;
    reader->layout.integer = reader->integer;
    for (size_t s = 0; s < SIDES; s++) {
        Decoded decoded = read_spans(reader, &reader->sides[s]);
        if (decoded != DECODED) {
            return decoded;
        }
    }
    if (schema == HISTOGRAM_CUSTOM_SCHEMA) {
        Decoded decoded = read_bounds(reader);
        if (decoded != DECODED) {
            return decoded;
        }
    }
    Decoded decoded = make_states(reader, &reader->sides[0]);
    return decoded == DECODED ? make_states(reader, &reader->sides[1]) : decoded;
}

static void read_first_numbers(HistogramReader *reader)
{
    BitReader *in = &reader->in;
    reader->t_ms = varbit_get_signed(in);
    if (reader->integer) {
        reader->observations = (i64)varbit_get_unsigned(in);
        reader->zeros = (i64)varbit_get_unsigned(in);
    } else {
        reader->float_observations.bits = bits_get(in, 64);
        reader->float_zeros.bits = bits_get(in, 64);
    }
    reader->sum.bits = bits_get(in, 64);
}

static void next_number(BitReader *in, i64 *number, i64 *delta)
{
    *delta = (i64)((u64)*delta + (u64)varbit_get_signed(in));
    *number = (i64)((u64)*number + (u64)*delta);
}

static bool read_next_numbers(HistogramReader *reader)
{
    BitReader *in = &reader->in;
    bool ok = true;
    next_number(in, &reader->t_ms, &reader->t_delta);
    if (reader->integer) {
        next_number(in, &reader->observations, &reader->observations_delta);
        next_number(in, &reader->zeros, &reader->zeros_delta);
    } else {
        ok = xor_state_get(&reader->float_observations, in) &&
             xor_state_get(&reader->float_zeros, in);
    }
    return ok && xor_state_get(&reader->sum, in);
}

static bool read_buckets(HistogramReader *reader, SideReader *side, bool first, f64 *ret)
{
    BitReader *in = &reader->in;
    i64 count = 0;
    for (size_t i = 0; i < side->bucket_count; i++) {
        if (reader->integer) {
            i64 number = varbit_get_signed(in);
            if (first) {
                side->steps[i] = number;
            } else {
                side->step_deltas[i] = (i64)((u64)side->step_deltas[i] + (u64)number);
                side->steps[i] = (i64)((u64)side->steps[i] + (u64)side->step_deltas[i]);
            }
            count = (i64)((u64)count + (u64)side->steps[i]);
            ret[i] = (f64)count;
            continue;
        }
        if (first) {
            side->values[i].bits = bits_get(in, 64);
        } else if (!xor_state_get(&side->values[i], in)) {
            return false;
        }
        ret[i] = f64_from_bits(side->values[i].bits);
    }
    return true;
}

static ResetHint reset_hint(const HistogramReader *reader, size_t index)
{
    if (reader->reset == HISTOGRAM_RESET_GAUGE) {
        return RESET_GAUGE;
    }
    return index > 0 ? RESET_NO : RESET_UNKNOWN;
}

static Decoded read_sides(HistogramReader *reader, bool first, Histogram *ret)
{
    for (size_t s = 0; s < SIDES; s++) {
        SideReader *side = &reader->sides[s];
        if (side->bucket_count > bits_left(reader)) {
            return DECODE_CORRUPT;
        }
        f64 *buckets =
            arena_alloc(reader->arena, (side->bucket_count + 1) * sizeof(f64), _Alignof(f64));
        if (!buckets) {
            return DECODE_NO_ROOM;
        }
        if (!read_buckets(reader, side, first, buckets)) {
            return DECODE_CORRUPT;
        }
        *(s == 0 ? &ret->positive : &ret->negative) =
            (BucketSide){.spans = side->spans,
                         .span_count = side->span_count,
                         .buckets = buckets,
                         .bucket_count = side->bucket_count};
    }
    return DECODED;
}

static Decoded read_sample(HistogramReader *reader, size_t index, const Histogram **ret)
{
    bool first = index == 0;
    Decoded decoded = first ? read_layout(reader) : DECODED;
    if (decoded != DECODED) {
        return decoded;
    }
    if (first) {
        read_first_numbers(reader);
    } else if (!read_next_numbers(reader)) {
        return DECODE_CORRUPT;
    }
    Histogram *histogram = ARENA_NEW(reader->arena, Histogram, 1);
    if (!histogram) {
        return DECODE_NO_ROOM;
    }
    f64 sum = f64_from_bits(reader->sum.bits);
    if (is_stale_nan(sum)) {
        *histogram = (Histogram){.integer = reader->integer, .sum = sum};
        if (first) { /* buckets of an empty layout: none */
            decoded = read_sides(reader, first, &(Histogram){0});
        }
    } else {
        *histogram = reader->layout;
        histogram->reset = reset_hint(reader, index);
        histogram->sum = sum;
        histogram->count = reader->integer ? (f64)(u64)reader->observations
                                           : f64_from_bits(reader->float_observations.bits);
        histogram->zero_count =
            reader->integer ? (f64)(u64)reader->zeros : f64_from_bits(reader->float_zeros.bits);
        decoded = read_sides(reader, first, histogram);
    }
    *ret = histogram;
    return decoded == DECODED && bits_past_end(&reader->in) ? DECODE_CORRUPT : decoded;
}

bool histogram_chunk_decode(Str chunk, bool integer, size_t count, Arena *arena, i64 *ret_t_ms,
                            f64 *ret_sum, const Histogram **ret, Err *err)
{
    HistogramReader reader = {
        .in = {.bytes = (const u8 *)chunk.ptr, .size = chunk.len, .at = HISTOGRAM_CHUNK_HEADER * 8},
        .arena = arena,
        .integer = integer,
    };
    bool whole = chunk.len >= HISTOGRAM_CHUNK_HEADER && count <= load_u16be(reader.in.bytes);
    reader.reset = whole ? reader.in.bytes[FLAGS_AT] >> FLAGS_SHIFT : 0;
    for (size_t i = 0; i < count; i++) {
        Decoded decoded = whole ? read_sample(&reader, i, &ret[i]) : DECODE_CORRUPT;
        if (decoded == DECODE_NO_ROOM) {
            return arena_full(arena, err);
        }
        if (decoded == DECODE_CORRUPT) {
            return err_set_pos(err, ERR_CORRUPT, (size_t)(reader.in.at / 8),
                               "histogram chunk of %zu bytes breaks off or makes no sense in "
                               "sample %zu",
                               chunk.len, i);
        }
        ret_t_ms[i] = reader.t_ms;
        ret_sum[i] = f64_from_bits(reader.sum.bits);
    }
    return true;
}
