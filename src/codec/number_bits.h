/*
 * Number bits: how a 64-bit IEEE 754 float is laid out, for number_*.c.
 *
 * Layer: codec, private to number_*.c. Memory: none. Thread: any.
 */
#pragma once

#include "base/types.h"

#include <string.h>

enum {
    F64_FRACTION_BITS = 52,
    F64_EXPONENT_BIAS = 1023,
    F64_EXPONENT_TOP = 0x7FF, /* infinities and NaN */
};
#define F64_HIDDEN_BIT    (1ULL << F64_FRACTION_BITS)
#define F64_SIGN_BIT      (1ULL << 63)
#define F64_INFINITY_BITS ((u64)F64_EXPONENT_TOP << F64_FRACTION_BITS)
#define F64_NAN_BITS      0x7FF8000000000001ULL /* the NaN that Go makes and Prometheus stores */

static inline f64 f64_from_bits(u64 bits)
{
    f64 value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline u64 f64_to_bits(f64 value)
{
    u64 bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}
