/*
 * Test: the name of a test is the claim it proves. TEST registers itself with the test program of
 * its layer (test_main.c runs all of them under cmocka).
 *
 *     TEST(str, splitting_keeps_empty_parts)
 *     {
 *         CHECK_STR(part, S("a"));
 *     }
 *
 * A program run with names as arguments runs only the tests whose "area.name" starts with one.
 *
 * Layer: base, tests only; never linked into the product. Thread: main.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct TestCase {
    const char *area;
    const char *name;
    void (*run)(void);
    struct TestCase *next;
} TestCase;

void test_register(TestCase *test);

#define TEST(area_, name_)                                                     \
    static void test_##area_##_##name_(void);                                  \
    __attribute__((constructor)) static void register_##area_##_##name_(void)  \
    {                                                                          \
        static TestCase test = {#area_, #name_, test_##area_##_##name_, NULL}; \
        test_register(&test);                                                  \
    }                                                                          \
    static void test_##area_##_##name_(void)

/* Each stops the test at once with the place and both sides; the whole program when the test has
 * threads running, because they hold on to its memory. */
#define CHECK(condition)     check_true((condition), #condition, __FILE__, __LINE__)
#define CHECK_I64(got, want) check_i64((i64)(got), (i64)(want), #got, __FILE__, __LINE__)
#define CHECK_U64(got, want) check_u64((u64)(got), (u64)(want), #got, __FILE__, __LINE__)
#define CHECK_F64(got, want) \
    check_f64((got), (want), #got, __FILE__, __LINE__) /* bit for bit, any NaN equal */
#define CHECK_STR(got, want) check_str((got), (want), #got, __FILE__, __LINE__)
#define CHECK_OK(call, err)  check_ok((call), (err), #call, __FILE__, __LINE__)

/* Marks the rest of the test as not run, with the reason in one line. Follow with return. */
#define TEST_SKIP(reason) test_skip(reason)

void check_true(bool ok, const char *text, const char *file, int line);
void check_i64(i64 got, i64 want, const char *text, const char *file, int line);
void check_u64(u64 got, u64 want, const char *text, const char *file, int line);
void check_f64(f64 got, f64 want, const char *text, const char *file, int line);
void check_str(Str got, Str want, const char *text, const char *file, int line);
void check_ok(bool ok, const Err *err, const char *text, const char *file, int line);
NORETURN void test_skip(const char *reason);

/* A seed for random tests: VIGIE_SEED or a new one, printed once so that a failure can be repeated.
 */
u64 test_seed(void);

/* The shared conformance data: VIGIE_CONFORMANCE, else ../shared/conformance beside the source
 * tree. False when absent (the caller skips with one line). `ret` lives forever. */
bool test_conformance_dir(Str *ret);
