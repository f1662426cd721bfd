/*
 * Random: a small generator with a seed (xoshiro256**), for jitter, sampling and tests; not for
 * secrets (entropy_fill of os/process.h is).
 *
 * Layer: base. Memory: none. Thread: one Random, one thread. Source: Blackman, Vigna, "Scrambled
 * linear pseudorandom number generators", 2018.
 */
#pragma once

#include "base/types.h"

typedef struct Random {
    u64 state[4];
} Random;

void random_seed(Random *random, u64 seed);
u64 random_u64(Random *random);
u64 random_below(Random *random, u64 bound); /* 0 … bound-1; bound > 0 */
f64 random_f64(Random *random);              /* [0, 1) */
