/* XOR chunks: see chunk_xor.h. Layer: tsdb. Memory: the caller's. Thread: any. */
#include "tsdb/chunk_xor.h"

#include "model/sample.h"
#include "tsdb/bits.h"

#define HOT __attribute__((always_inline))

enum {
    WINDOW_NONE = 0xff,
    LEADING_MAX = 31, /* fits into five bits */
    VARINT_BYTES_MAX = 10,
};

HOT static inline void put_varint(BitSink *sink, u64 number)
{
    for (; number >= 0x80; number >>= 7) {
        bit_sink_put(sink, (number & 0x7f) | 0x80, 8);
    }
    bit_sink_put(sink, number, 8);
}

HOT static inline void put_dod(BitSink *sink, i64 dod)
{
    if (LIKELY(dod == 0)) {
        bit_sink_put(sink, 0, 1);
    } else if (bits_signed_fit(dod, 14)) {
        bit_sink_put(sink, (u64)0x2 << 14 | ((u64)dod & bits_mask(14)), 16);
    } else if (bits_signed_fit(dod, 17)) {
        bit_sink_put(sink, (u64)0x6 << 17 | ((u64)dod & bits_mask(17)), 20);
    } else if (bits_signed_fit(dod, 20)) {
        bit_sink_put(sink, (u64)0xe << 20 | ((u64)dod & bits_mask(20)), 24);
    } else {
        bit_sink_put(sink, 0xf, 4);
        bit_sink_put(sink, (u64)dod, 64);
    }
}

HOT static inline void put_value(XorAppender *appender, BitSink *sink, f64 value)
{
    u64 changed = f64_bits(value) ^ f64_bits(appender->value);
    if (changed == 0) {
        bit_sink_put(sink, 0, 1);
        return;
    }
    u32 leading = MIN((u32)__builtin_clzll(changed), (u32)LEADING_MAX);
    u32 trailing = (u32)__builtin_ctzll(changed);
    if (appender->leading != WINDOW_NONE && leading >= appender->leading &&
        trailing >= appender->trailing) {
        bit_sink_put(sink, 0x2, 2);
        bit_sink_put(sink, changed >> appender->trailing,
                     64U - appender->leading - appender->trailing);
        return;
    }
    appender->leading = (u8)leading;
    appender->trailing = (u8)trailing;
    u32 significant = 64 - leading - trailing;
    bit_sink_put(sink, (u64)0x3 << 11 | (u64)leading << 6 | (significant & 0x3f), 13);
    bit_sink_put(sink, changed >> trailing, significant);
}

u32 xor_encode(XorAppender *appender, u8 last_byte, i64 t_ms, f64 value, u8 *out)
{
    u32 used = appender->count ? appender->bits & 7 : 0;
    BitSink sink = {.at = out, .word = used ? (u64)last_byte << 56 : 0, .used = used};
    u64 delta = (u64)t_ms - (u64)appender->t_ms;
    if (LIKELY(appender->count > 1)) {
        put_dod(&sink, (i64)(delta - appender->delta_ms));
        put_value(appender, &sink, value);
    } else if (appender->count == 1) {
        put_varint(&sink, delta); /* the second sample's difference stands as it is */
        put_value(appender, &sink, value);
    } else {
        appender->bits = XOR_HEADER_SIZE * 8;
        appender->leading = WINDOW_NONE;
        appender->trailing = 0;
        delta = 0;
        put_varint(&sink, (u64)t_ms << 1 ^ (u64)(t_ms >> 63));
        bit_sink_put(&sink, f64_bits(value), 64);
    }
    bit_sink_end(&sink);
    u32 bits = (u32)(sink.at - out) * 8 + sink.used;
    appender->t_ms = t_ms;
    appender->value = value;
    appender->delta_ms = delta;
    appender->count++;
    appender->bits = (appender->bits & ~7U) + bits;
    return (bits + 7) / 8;
}

void xor_append(XorAppender *appender, u8 *chunk, i64 t_ms, f64 value)
{
    u8 bytes[XOR_SCRATCH_SIZE];
    u32 at = xor_next_byte(appender);
    u32 size = xor_encode(appender, chunk[at], t_ms, value, bytes);
    memcpy(chunk + at, bytes, size);
    store_u16be(chunk, appender->count);
}

size_t xor_count(Str chunk)
{
    return chunk.len < XOR_HEADER_SIZE ? 0 : load_u16be((const u8 *)chunk.ptr);
}

typedef struct XorReader {
    BitReader reader;
    i64 t_ms;
    u64 delta_ms;
    u64 value;
    u32 leading;
    u32 significant; /* of the window */
} XorReader;

static bool get_varint(BitReader *reader, u64 *ret)
{
    u64 number = 0;
    for (u32 i = 0; i < VARINT_BYTES_MAX; i++) {
        u64 byte = bits_get(reader, 8);
        number |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *ret = number;
            return i < VARINT_BYTES_MAX - 1 || byte <= 1;
        }
    }
    return false;
}

/*
 * Moves behind a value whose first bit is on top of `word`, `skip` bits behind the reader's place.
 * At least 13 bits of the word are valid.
 */
HOT static inline bool get_value(XorReader *state, u64 word, u32 skip)
{
    if (word >> 63 == 0) {
        state->reader.at += skip + 1;
        return true;
    }
    if (word >> 62 == 3) {
        state->leading = (u32)(word >> 57) & 0x1f;
        u32 significant = (u32)(word >> 51) & 0x3f;
        state->significant = significant ? significant : 64;
        state->reader.at += skip + 13;
        if (state->leading + state->significant > 64) {
            return false;
        }
    } else {
        state->reader.at += skip + 2;
    }
    u32 trailing = 64 - state->leading - state->significant;
    state->value ^= bits_get(&state->reader, state->significant) << trailing;
    return true;
}

/* A difference of differences of `size` bits behind its prefix, then the value. */
HOT static inline bool get_dod(XorReader *state, u64 word, u32 prefix, u32 size)
{
    state->delta_ms += (u64)bits_to_signed(word << prefix >> (64 - size), size);
    state->t_ms = (i64)((u64)state->t_ms + state->delta_ms);
    return get_value(state, word << (prefix + size), prefix + size);
}

static bool decode_first(XorReader *state)
{
    u64 zigzag;
    if (!get_varint(&state->reader, &zigzag)) {
        return false;
    }
    state->t_ms = (i64)(zigzag >> 1 ^ (0 - (zigzag & 1)));
    state->value = bits_get(&state->reader, 64);
    return !bits_past_end(&state->reader);
}

static bool decode_second(XorReader *state)
{
    if (!get_varint(&state->reader, &state->delta_ms)) {
        return false;
    }
    state->t_ms = (i64)((u64)state->t_ms + state->delta_ms);
    return get_value(state, bits_peek(&state->reader), 0) && !bits_past_end(&state->reader);
}

/* Every size is a constant on its branch: the next load need not wait for this one's bits. */
HOT static inline bool decode_later(XorReader *state)
{
    u64 word = bits_peek(&state->reader);
    bool ok;
    if (word >> 63 == 0) {
        state->t_ms = (i64)((u64)state->t_ms + state->delta_ms);
        ok = get_value(state, word << 1, 1);
    } else if (word >> 62 == 0x2) {
        ok = get_dod(state, word, 2, 14);
    } else if (word >> 61 == 0x6) {
        ok = get_dod(state, word, 3, 17);
    } else if (word >> 60 == 0xe) {
        ok = get_dod(state, word, 4, 20);
    } else {
        state->reader.at += 4;
        state->delta_ms += bits_get(&state->reader, 64);
        state->t_ms = (i64)((u64)state->t_ms + state->delta_ms);
        ok = get_value(state, bits_peek(&state->reader), 0);
    }
    return ok && !bits_past_end(&state->reader);
}

static XorReader decode_begin(Str chunk)
{
    return (XorReader){
        .reader = {.bytes = (const u8 *)chunk.ptr, .size = chunk.len, .at = XOR_HEADER_SIZE * 8},
        .significant = 64,
    };
}

static bool corrupt(const XorReader *state, size_t sample, Err *err)
{
    return err_set_pos(err, ERR_CORRUPT, (size_t)(state->reader.at / 8),
                       "XOR chunk of %zu bytes breaks off or makes no sense in sample %zu",
                       state->reader.size, sample);
}

bool xor_decode(Str chunk, size_t count, i64 *ret_t_ms, f64 *ret_value, Err *err)
{
    XorReader state = decode_begin(chunk);
    if (count > xor_count(chunk)) {
        return corrupt(&state, xor_count(chunk), err);
    }
    for (size_t i = 0; i < MIN(count, (size_t)2); i++) {
        if (!(i == 0 ? decode_first(&state) : decode_second(&state))) {
            return corrupt(&state, i, err);
        }
        ret_t_ms[i] = state.t_ms;
        ret_value[i] = f64_from_bits(state.value);
    }
    /* A copy whose address goes nowhere, so that it lives in registers. */
    XorReader later = state;
    for (size_t i = 2; i < count; i++) {
        if (UNLIKELY(!decode_later(&later))) {
            return corrupt(&state, i, err);
        }
        ret_t_ms[i] = later.t_ms;
        ret_value[i] = f64_from_bits(later.value);
    }
    return true;
}

bool xor_resume(Str chunk, XorAppender *ret, Err *err)
{
    XorReader state = decode_begin(chunk);
    size_t count = xor_count(chunk);
    for (size_t i = 0; i < count; i++) {
        bool ok = i == 0   ? decode_first(&state)
                  : i == 1 ? decode_second(&state)
                           : decode_later(&state);
        if (!ok) {
            return corrupt(&state, i, err);
        }
    }
    *ret = (XorAppender){
        .t_ms = state.t_ms,
        .value = f64_from_bits(state.value),
        .delta_ms = state.delta_ms,
        .bits = count ? (u32)state.reader.at : 0,
        .count = (u16)count,
        .leading = (u8)state.leading,
        .trailing = (u8)(64 - state.leading - state.significant),
    };
    return true;
}
