/* Random: see random.h. Layer: base. Memory: none. Thread: one Random, one thread. */
#include "base/random.h"

static u64 rotate_left(u64 number, int bits)
{
    return (number << bits) | (number >> (64 - bits));
}

/* splitmix64: fills the state from one number so that no seed gives the forbidden all-zero state.
 */
static u64 spread(u64 *seed)
{
    u64 z = (*seed += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

void random_seed(Random *random, u64 seed)
{
    for (size_t i = 0; i < COUNT_OF(random->state); i++) {
        random->state[i] = spread(&seed);
    }
}

u64 random_u64(Random *random)
{
    u64 *s = random->state;
    u64 result = rotate_left(s[1] * 5, 7) * 9;
    u64 shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

u64 random_below(Random *random, u64 bound)
{
    return (u64)(((unsigned __int128)random_u64(random) * bound) >> 64);
}

f64 random_f64(Random *random)
{
    return (f64)(random_u64(random) >> 11) * 0x1.0p-53;
}
