/*
 * Number powers: the powers of five that reading and writing floats need, as 128-bit significands.
 * number_powers.py computes them when the program is built.
 *
 * Layer: codec, private to number_*.c. Memory: constant. Thread: any.
 */
#pragma once

#include "base/types.h"

enum {
    POWER_FIRST = -342, /* below it every 19-digit decimal is 0 */
    POWER_LAST = 324,   /* the shortest form of the smallest subnormal asks for it */
    POWER_EXACT = 55, /* 5^0 … 5^55 fit into 128 bits; larger ones are cut, 5^-n is rounded up */
};

/* The highest bit of `high` is set; the binary exponent follows from the power. */
typedef struct PowerOfFive {
    u64 high;
    u64 low;
} PowerOfFive;

extern const PowerOfFive powers_of_five[POWER_LAST - POWER_FIRST + 1];
