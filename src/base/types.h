/*
 * Types: short names for fixed-width numbers and the few macros that every file uses.
 *
 * Layer: base. Memory: none. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;
typedef float f32;
typedef double f64;

#define KIB ((size_t)1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b)                          \
    ({                                     \
        __typeof__(a) min_a_ = (a);        \
        __typeof__(b) min_b_ = (b);        \
        min_a_ < min_b_ ? min_a_ : min_b_; \
    })
#define MAX(a, b)                          \
    ({                                     \
        __typeof__(a) max_a_ = (a);        \
        __typeof__(b) max_b_ = (b);        \
        max_a_ > max_b_ ? max_a_ : max_b_; \
    })

/* The struct of `type` whose `field` lies at `ptr` (intrusive containers). */
#define CONTAINER_OF(ptr, type, field) ((type *)((char *)(ptr)-offsetof(type, field)))

#define MUST_USE                  __attribute__((warn_unused_result))
#define PRINTF_LIKE(text_, args_) __attribute__((format(printf, text_, args_)))
#define NORETURN                  __attribute__((noreturn))
#define LIKELY(x)                 __builtin_expect(!!(x), 1)
#define UNLIKELY(x)               __builtin_expect(!!(x), 0)

/* Runs `done(&variable)` when the variable leaves its scope. */
#define CLEANUP(done) __attribute__((cleanup(done)))

/* A programmer's error: reported with its place, then abort. Kept in release builds. */
#define ASSERT(condition)                                  \
    do {                                                   \
        if (UNLIKELY(!(condition))) {                      \
            assert_failed(#condition, __FILE__, __LINE__); \
        }                                                  \
    } while (0)

NORETURN void assert_failed(const char *condition, const char *file, int line);
