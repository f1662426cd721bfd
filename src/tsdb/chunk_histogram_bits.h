/*
 * What both sides of histogram chunks share: constants of the layout and the XOR coding of one
 * float that changes from sample to sample.
 *
 * Layer: tsdb. Memory: none. Thread: the caller's own.
 */
#pragma once

#include "tsdb/bits.h"

enum {
    ZERO_EXPLICIT = 255,      /* the threshold follows in 64 bits */
    ZERO_EXPONENT_MIN = -242, /* of frexp; powers of two in this range take one byte */
    ZERO_EXPONENT_MAX = 11,
    ZERO_EXPONENT_BIAS = 243,
    BOUND_SCALE = 1000,
    BOUND_SCALED_MAX = 33554430,
    XOR_WINDOW_NONE = 0xff,
    XOR_LEADING_MAX = 31,
};

typedef struct XorState {
    u64 bits; /* of the newest value */
    u8 leading, trailing;
} XorState;

static inline void xor_state_put(XorState *state, u8 *bytes, u32 *at, u64 value)
{
    u64 changed = state->bits ^ value;
    state->bits = value;
    if (changed == 0) {
        bits_put(bytes, at, 0, 1);
        return;
    }
    u32 leading = (u32)__builtin_clzll(changed);
    u32 trailing = (u32)__builtin_ctzll(changed);
    leading = leading > XOR_LEADING_MAX ? XOR_LEADING_MAX : leading;
    if (state->leading != XOR_WINDOW_NONE && leading >= state->leading &&
        trailing >= state->trailing) {
        bits_put(bytes, at, 0x2, 2);
        bits_put(bytes, at, changed >> state->trailing, 64U - state->leading - state->trailing);
        return;
    }
    state->leading = (u8)leading;
    state->trailing = (u8)trailing;
    u32 significant = 64 - leading - trailing;
    bits_put(bytes, at, (u64)0x3 << 11 | (u64)leading << 6 | (significant & 0x3f), 13);
    bits_put(bytes, at, changed >> trailing, significant);
}

/* False when the window makes no sense. A zeroed state has a window of all 64 bits. */
static inline bool xor_state_get(XorState *state, BitReader *reader)
{
    u64 word = bits_peek(reader);
    if (word >> 63 == 0) {
        reader->at += 1;
        return true;
    }
    if (word >> 62 == 3) {
        u32 leading = (u32)(word >> 57) & 0x1f;
        u32 significant = (u32)(word >> 51) & 0x3f;
        significant = significant ? significant : 64;
        reader->at += 13;
        if (leading + significant > 64) {
            return false;
        }
        state->leading = (u8)leading;
        state->trailing = (u8)(64 - leading - significant);
    } else {
        reader->at += 2;
    }
    u32 significant = 64U - state->leading - state->trailing;
    state->bits ^= bits_get(reader, significant) << state->trailing;
    return true;
}
