/* What a sample costs to code and to decode, in nanoseconds and bytes. */
#include "tsdb/chunk_xor.h"

#include "base/random.h"
#include "base/time.h"
#include "model/sample.h"

#include <stdio.h>
#include <string.h>

enum {
    SAMPLES = 120,
    ROUNDS = 100000,
};

typedef struct Shape {
    const char *name;
    i64 jitter_ms;
    int kind; /* 0 constant, 1 counter, 2 gauge with decimals, 3 random bits */
} Shape;

static void fill(const Shape *shape, i64 *t, f64 *v)
{
    Random random;
    random_seed(&random, 42);
    i64 now = 1700000000000;
    f64 value = 1000;
    for (int i = 0; i < SAMPLES; i++) {
        t[i] = now;
        v[i] = value;
        now += 15000 + (shape->jitter_ms ? (i64)random_below(&random, (u64)shape->jitter_ms) : 0);
        value = shape->kind == 1   ? value + (f64)random_below(&random, 50)
                : shape->kind == 2 ? (f64)random_below(&random, 10000) / 100
                : shape->kind == 3 ? random_f64(&random)
                                   : value;
    }
}

int main(void)
{
    static const Shape shapes[] = {{"constant", 0, 0},
                                   {"counter", 0, 1},
                                   {"counter, jitter", 4, 1},
                                   {"gauge", 4, 2},
                                   {"random", 4, 3}};
    for (size_t s = 0; s < COUNT_OF(shapes); s++) {
        i64 t[SAMPLES], t_back[SAMPLES];
        f64 v[SAMPLES], v_back[SAMPLES];
        u8 chunk[4096];
        u32 size = 0;
        fill(&shapes[s], t, v);
        i64 start = time_monotonic_ns();
        for (int round = 0; round < ROUNDS / 10; round++) {
            XorAppender appender = {0};
            for (int i = 0; i < SAMPLES; i++) {
                xor_append(&appender, chunk, t[i], v[i]);
            }
            size = xor_size(&appender);
        }
        f64 append_ns = (f64)(time_monotonic_ns() - start) / (ROUNDS / 10.0 * SAMPLES);
        start = time_monotonic_ns();
        for (int round = 0; round < ROUNDS; round++) {
            Str view = {.ptr = (const char *)chunk, .len = size};
            if (!xor_decode(view, SAMPLES, t_back, v_back, NULL)) {
                return 1;
            }
        }
        f64 decode_ns = (f64)(time_monotonic_ns() - start) / ((f64)ROUNDS * SAMPLES);
        if (memcmp(t, t_back, sizeof(t)) != 0 || memcmp(v, v_back, sizeof(v)) != 0) {
            return 1;
        }
        (void)printf("%-16s %5.2f ns append  %5.2f ns decode  %5.2f bytes a sample\n",
                     shapes[s].name, append_ns, decode_ns, (f64)size / SAMPLES);
    }
    return 0;
}
