/* Benchmark of codec/regex.h: ns a label value for typical matchers, and what compiling costs; the
 * best of several rounds, as other work on the machine only adds. Layer: codec. */
#include "codec/regex.h"

#include "base/arena.h"
#include "base/mem.h"

#include <stdio.h>
#include <time.h>

enum {
    VALUES = 20 * 1000,
    ROUNDS = 10,
};

static f64 now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (f64)now.tv_sec * 1e9 + (f64)now.tv_nsec;
}

static void bench(const char *pattern, const Str *values)
{
    f64 best_new = 1e18;
    f64 best_test = 1e18;
    size_t matched = 0;
    for (int round = 0; round < ROUNDS; round++) {
        Regex *regex;
        f64 start_ns = now_ns();
        ASSERT(regex_new(str_from(pattern), REGEX_ANCHORED | REGEX_DOT_ALL, &regex, NULL));
        best_new = MIN(best_new, now_ns() - start_ns);
        matched = 0;
        start_ns = now_ns();
        for (size_t i = 0; i < VALUES; i++) {
            matched += regex_test(regex, values[i]);
        }
        best_test = MIN(best_test, (now_ns() - start_ns) / VALUES);
        regex_free(regex);
    }
    (void)printf("%-36s %6zu of %d match %8.1f ns/value %8.1f us/compile\n", pattern, matched,
                 VALUES, best_test, best_new / 1000);
}

int main(void)
{
    static const char *const patterns[] = {
        "host-17:9100",
        "host-.*",
        ".*:9100",
        ".*-1.*",
        ".+",
        "host-(1|2|3|4|5|6|7|8|9|10|11):9100",
        "host-[0-9]+:9100",
        ".*-(1|2)[0-9]*:9100",
        "(?i)HOST-1[0-9]*:.*",
        "[a-z]+-\\d{2,3}:(9100|9090)",
    };
    Str *values = MEM_ARRAY(Str, VALUES);
    Arena arena;
    arena_init(&arena, 64 * MIB);
    for (size_t i = 0; i < VALUES; i++) {
        ASSERT(arena_printf(&arena, &values[i], NULL, "host-%zu:9100", i));
    }
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        bench(patterns[i], values);
    }
    arena_done(&arena);
    mem_free(values);
    return 0;
}
