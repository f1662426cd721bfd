/*
 * Columns: the values of series over the steps of an evaluation, series-major. An instant query is
 * the case of one step.
 *
 * A Vector owns its columns through a list of arenas, so that an operator can take over the
 * columns of its operands instead of copying them.
 *
 * Layer: promql. Memory: vector_done frees; labels are borrowed from the query. Thread: one at a
 * time, except that workers may fill different series of one vector.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "model/histogram.h"
#include "model/labels.h"

#include <stdatomic.h>

/* The times of an evaluation: start, start + step, … */
typedef struct Steps {
    i64 start_ms;
    i64 step_ms; /* > 0, also for a single step */
    size_t count;
} Steps;

static inline i64 steps_at(const Steps *steps, size_t index)
{
    return steps->start_ms + (i64)index * steps->step_ms;
}

static inline i64 steps_last(const Steps *steps)
{
    return steps_at(steps, steps->count - 1);
}

/* Bytes and samples that a query holds; shared by all of its arenas. */
typedef struct Budget {
    size_t memory_max;
    _Atomic size_t memory;
    _Atomic size_t memory_peak;
    u64 samples_max;
    _Atomic u64 samples;
    _Atomic u64 samples_peak;
} Budget;

/* ERR_LIMIT with the original's words when the query would hold more than its most. */
bool budget_take_samples(Budget *budget, u64 count, Err *err) MUST_USE;
void budget_give_samples(Budget *budget, u64 count);

typedef struct Column {
    f64 *value;             /* one a step; of a histogram: unused */
    u64 *present;           /* bit a step */
    const Histogram **hist; /* NULL when all are floats; else per step, NULL for a float */
} Column;

typedef struct VectorSeries {
    Labels labels;
    bool drop_name; /* the name still stands in labels, but goes at the end (delayed removal) */
    Column column;
} VectorSeries;

typedef struct MemoryHold {
    Arena arena;
    size_t charged; /* bytes of the arena that the budget knows of */
    struct MemoryHold *next;
} MemoryHold;

typedef struct Vector {
    VectorSeries *series;
    size_t count;
    size_t steps;
    Budget *budget;
    MemoryHold *holds; /* newest first; owned */
    u64 samples;       /* charged to the budget */
} Vector;

#define BITMAP_WORDS(steps) (((steps) + 63) / 64)

static inline bool bit_get(const u64 *bits, size_t index)
{
    return (bits[index / 64] >> (index % 64)) & 1;
}

static inline void bit_set(u64 *bits, size_t index)
{
    bits[index / 64] |= (u64)1 << (index % 64);
}

static inline void bit_clear(u64 *bits, size_t index)
{
    bits[index / 64] &= ~((u64)1 << (index % 64));
}

size_t bits_count(const u64 *bits, size_t steps);
bool bits_any(const u64 *bits, size_t steps);
bool bits_overlap(const u64 *a, const u64 *b, size_t steps);
void bits_fill(u64 *bits, size_t steps); /* all steps present */

/* The first set bit at or after `from`, or `steps`. */
static inline size_t bits_next(const u64 *bits, size_t steps, size_t from)
{
    if (from >= steps) {
        return steps;
    }
    size_t word = from / 64;
    u64 rest = bits[word] & (~(u64)0 << (from % 64));
    while (rest == 0) {
        if (++word == BITMAP_WORDS(steps)) {
            return steps;
        }
        rest = bits[word];
    }
    size_t at = word * 64 + (size_t)__builtin_ctzll(rest);
    return at < steps ? at : steps;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): the name of a variable cannot stand in parentheses */
#define BITS_EACH(bits, steps, index)                                   \
    for (size_t index = bits_next((bits), (steps), 0); index < (steps); \
         index = bits_next((bits), (steps), index + 1))
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void column_put(Column *column, size_t step, f64 value)
{
    column->value[step] = value;
    bit_set(column->present, step);
}

static inline bool column_is_histogram(const Column *column, size_t step)
{
    return column->hist && column->hist[step];
}

/* An empty vector of `steps` steps. */
void vector_init(Vector *vector, Budget *budget, size_t steps);
void vector_done(Vector *vector);

/* A new arena of the vector, for histograms and arrays that live as long as its columns. */
bool vector_hold(Vector *vector, Arena **ret, Err *err) MUST_USE;
void vector_adopt(Vector *vector, Vector *from); /* the arenas (and samples) of `from` move over */

/* Room for `count` series with empty columns (labels unset); only on a vector without series. */
bool vector_alloc(Vector *vector, size_t count, Err *err) MUST_USE;

/* One more empty column in an arena of the vector. */
bool column_alloc(Arena *arena, size_t steps, Column *ret, Err *err) MUST_USE;
bool column_need_hist(Arena *arena, size_t steps, Column *column, Err *err) MUST_USE;

/* Drops series without any value and charges what is left to the budget. */
bool vector_settle(Vector *vector, Err *err) MUST_USE;

/*
 * Series with equal labels become one where their steps do not meet.
 * Errors  ERR_UNSUPPORTED "vector cannot contain metrics with the same labelset"
 */
bool vector_merge_same(Vector *vector, Err *err) MUST_USE;

/* Any two series with equal labels are an error, whether their steps meet or not. */
bool vector_check_unique(const Vector *vector, Err *err) MUST_USE;
