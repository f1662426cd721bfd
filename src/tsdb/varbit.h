/*
 * Varbit numbers: small ones take few bits. The prefix says how many bits follow.
 *
 *     0            zero          11110     12 bits     11111110   56 bits
 *     10    3 bits               111110    18 bits     11111111   64 bits
 *     110   6 bits               1111110   25 bits
 *     1110  9 bits
 *
 * Layer: tsdb. Memory: none. Thread: the caller's own.
 * Source: Prometheus tsdb/docs/format/chunks.md.
 */
#pragma once

#include "tsdb/bits.h"

enum { VARBIT_BITS_MAX = 72 }; /* prefix and number */

static const u8 varbit_sizes[] = {0, 3, 6, 9, 12, 18, 25, 56, 64}; /* by ones in the prefix */

/* Class of a number: the count of ones in its prefix. */
static inline u32 varbit_class_signed(i64 number)
{
    u32 class = number != 0;
    while (class > 0 && class < 8 && !bits_signed_fit(number, varbit_sizes[class])) {
        class ++;
    }
    return class;
}

static inline u32 varbit_class_unsigned(u64 number)
{
    u32 class = number != 0;
    while (class > 0 && class < 8 && number >> varbit_sizes[class] != 0) {
        class ++;
    }
    return class;
}

static inline void varbit_put_class(u8 *bytes, u32 *at, u32 class, u64 number)
{
    if (class < 8) { /* `class` ones and a zero */
        bits_put(bytes, at, ((u64)1 << (class + 1)) - 2, class + 1);
    } else {
        bits_put(bytes, at, 0xff, 8);
    }
    if (class > 0) {
        bits_put(bytes, at, number & bits_mask(varbit_sizes[class]), varbit_sizes[class]);
    }
}

static inline void varbit_put_signed(u8 *bytes, u32 *at, i64 number)
{
    varbit_put_class(bytes, at, varbit_class_signed(number), (u64)number);
}

static inline void varbit_put_unsigned(u8 *bytes, u32 *at, u64 number)
{
    varbit_put_class(bytes, at, varbit_class_unsigned(number), number);
}

/* The bits of the next number and, in *ret_size, how many there are. */
static inline u64 varbit_get_bits(BitReader *reader, u32 *ret_size)
{
    u64 word = bits_peek(reader);
    u32 ones = (u32)__builtin_clzll(~word | 1);
    ones = ones > 8 ? 8 : ones;
    reader->at += ones < 8 ? ones + 1 : 8;
    *ret_size = varbit_sizes[ones];
    return *ret_size ? bits_get(reader, *ret_size) : 0;
}

static inline u64 varbit_get_unsigned(BitReader *reader)
{
    u32 size;
    return varbit_get_bits(reader, &size);
}

static inline i64 varbit_get_signed(BitReader *reader)
{
    u32 size;
    u64 bits = varbit_get_bits(reader, &size);
    return size == 0 || size == 64 ? (i64)bits : bits_to_signed(bits, size);
}
