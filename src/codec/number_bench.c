/* Benchmark of codec/number.h: ns an operation for typical texts and values; the best of many
 * rounds, as other work on the machine only adds. */
#include "codec/number.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    ROUNDS = 50,
    OPERATIONS = 100 * 1000, /* a round */
};

static f64 now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (f64)now.tv_sec * 1e9 + (f64)now.tv_nsec;
}

static void report(const char *what, Str text, f64 ns)
{
    (void)printf("%-8s %-26.*s %6.1f ns/op %8.0f MB/s\n", what, STR_ARG(text), ns,
                 (f64)text.len / ns * 1000);
}

static volatile f64 sink;

static f64 prefix_ns(const char *page, Str text)
{
    f64 start_ns = now_ns();
    for (size_t i = 0; i < OPERATIONS; i++) {
        f64 value = 0;
        __asm__ volatile("" : : "r"(page) : "memory"); /* the text may have changed */
        ASSERT(f64_parse_prefix(text, &value) > 0);
        sink = value;
    }
    return (now_ns() - start_ns) / OPERATIONS;
}

static f64 parse_ns(const char *page, Str text)
{
    f64 start_ns = now_ns();
    for (size_t i = 0; i < OPERATIONS; i++) {
        f64 value = 0;
        __asm__ volatile("" : : "r"(page) : "memory");
        ASSERT(f64_parse(text, &value));
        sink = value;
    }
    return (now_ns() - start_ns) / OPERATIONS;
}

/* What follows a number on a page lies behind it here too, so that whole words may be read. */
static void bench_parse(const char *text)
{
    char page[64];
    Str whole = {.ptr = page, .len = sizeof(page)};
    Str number = {.ptr = page, .len = strlen(text)};
    f64 best_prefix = 1e18;
    f64 best_parse = 1e18;
    memset(page, '\n', sizeof(page));
    memcpy(page, text, number.len);
    for (int i = 0; i < ROUNDS; i++) {
        best_prefix = MIN(best_prefix, prefix_ns(page, whole));
        best_parse = MIN(best_parse, parse_ns(page, number));
    }
    report("prefix", number, best_prefix);
    report("parse", number, best_parse);
}

static void bench_format(f64 value)
{
    char text[F64_TEXT_MAX];
    size_t len = 0;
    f64 best = 1e18;
    for (int i = 0; i < ROUNDS; i++) {
        f64 start_ns = now_ns();
        for (size_t k = 0; k < OPERATIONS; k++) {
            __asm__ volatile("" : "+m"(value));
            len = f64_format_g(text, value);
            __asm__ volatile("" : : "r"(text) : "memory");
        }
        best = MIN(best, (now_ns() - start_ns) / OPERATIONS);
    }
    report("format", (Str){.ptr = text, .len = len}, best);
}

int main(void)
{
    static const char *const texts[] = {"0",
                                        "1",
                                        "123456",
                                        "12.345",
                                        "1.700000000123e+09",
                                        "0.30000000000000004",
                                        "8192000000",
                                        "5.684341886080802e-14"};
    static const f64 values[] = {0,         1,          123456, 12.345, 1700000000.123,
                                 0.1 + 0.2, 8192000000, 5e-324};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        bench_parse(texts[i]);
    }
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        bench_format(values[i]);
    }
    return 0;
}
