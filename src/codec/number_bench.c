/* Benchmark of codec/number.h: ns an operation for typical texts and values. */
#include "codec/number.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    ROUNDS = 20 * 1000 * 1000,
};

static f64 now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (f64)now.tv_sec * 1e9 + (f64)now.tv_nsec;
}

static void report(const char *what, Str text, f64 start_ns)
{
    f64 ns = (now_ns() - start_ns) / ROUNDS;
    (void)printf("%-8s %-26.*s %6.1f ns/op %8.0f MB/s\n", what, STR_ARG(text), ns,
                 (f64)text.len / ns * 1000);
}

/* What follows a number on a page lies behind it here too, so that whole words may be read. */
static void bench_parse(const char *text)
{
    char page[64];
    size_t len = strlen(text);
    memset(page, '\n', sizeof(page));
    memcpy(page, text, len);
    Str rest = {.ptr = page, .len = sizeof(page)};
    f64 sum = 0;
    f64 start_ns = now_ns();
    for (size_t i = 0; i < ROUNDS; i++) {
        f64 value;
        __asm__ volatile("" : : "r"(page) : "memory"); /* the text may have changed */
        sum += f64_parse_prefix(rest, &value) ? value : 0;
    }
    report("prefix", (Str){.ptr = page, .len = len}, start_ns);
    start_ns = now_ns();
    for (size_t i = 0; i < ROUNDS; i++) {
        f64 value;
        __asm__ volatile("" : : "r"(page) : "memory");
        sum += f64_parse((Str){.ptr = page, .len = len}, &value) ? value : 0;
    }
    report("parse", (Str){.ptr = page, .len = len}, start_ns);
    if (sum == 0.5) {
        (void)puts("");
    }
}

static void bench_format(f64 value)
{
    char text[F64_TEXT_MAX];
    size_t len = 0;
    f64 start_ns = now_ns();
    for (size_t i = 0; i < ROUNDS; i++) {
        __asm__ volatile("" : "+m"(value));
        len = f64_format_g(text, value);
        __asm__ volatile("" : : "r"(text) : "memory");
    }
    report("format", (Str){.ptr = text, .len = len}, start_ns);
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
