/*
 * Functions: the names and signatures of PromQL's functions. What they compute is the engine's;
 * it keys its own tables by FunctionId.
 *
 * Layer: promql. Memory: static tables. Thread: any.
 */
#pragma once

#include "base/str.h"
#include "base/types.h"
#include "promql/ast.h"

/* Sorted by name: function_find searches them by halves. */
#define FUNCTION_LIST(X)            \
    X(abs)                          \
    X(absent)                       \
    X(absent_over_time)             \
    X(acos)                         \
    X(acosh)                        \
    X(asin)                         \
    X(asinh)                        \
    X(atan)                         \
    X(atanh)                        \
    X(avg_over_time)                \
    X(ceil)                         \
    X(changes)                      \
    X(clamp)                        \
    X(clamp_max)                    \
    X(clamp_min)                    \
    X(cos)                          \
    X(cosh)                         \
    X(count_over_time)              \
    X(day_of_month)                 \
    X(day_of_week)                  \
    X(day_of_year)                  \
    X(days_in_month)                \
    X(deg)                          \
    X(delta)                        \
    X(deriv)                        \
    X(double_exponential_smoothing) \
    X(end)                          \
    X(exp)                          \
    X(first_over_time)              \
    X(floor)                        \
    X(histogram_avg)                \
    X(histogram_count)              \
    X(histogram_fraction)           \
    X(histogram_quantile)           \
    X(histogram_quantiles)          \
    X(histogram_stddev)             \
    X(histogram_stdvar)             \
    X(histogram_sum)                \
    X(hour)                         \
    X(idelta)                       \
    X(increase)                     \
    X(info)                         \
    X(irate)                        \
    X(label_join)                   \
    X(label_replace)                \
    X(last_over_time)               \
    X(ln)                           \
    X(log10)                        \
    X(log2)                         \
    X(mad_over_time)                \
    X(max_of)                       \
    X(max_over_time)                \
    X(min_of)                       \
    X(min_over_time)                \
    X(minute)                       \
    X(month)                        \
    X(pi)                           \
    X(predict_linear)               \
    X(present_over_time)            \
    X(quantile_over_time)           \
    X(rad)                          \
    X(range)                        \
    X(rate)                         \
    X(resets)                       \
    X(round)                        \
    X(scalar)                       \
    X(sgn)                          \
    X(sin)                          \
    X(sinh)                         \
    X(sort)                         \
    X(sort_by_label)                \
    X(sort_by_label_desc)           \
    X(sort_desc)                    \
    X(sqrt)                         \
    X(start)                        \
    X(start_timestamp)              \
    X(stddev_over_time)             \
    X(stdvar_over_time)             \
    X(step)                         \
    X(sum_over_time)                \
    X(tan)                          \
    X(tanh)                         \
    X(time)                         \
    X(timestamp)                    \
    X(ts_of_first_over_time)        \
    X(ts_of_last_over_time)         \
    X(ts_of_max_over_time)          \
    X(ts_of_min_over_time)          \
    X(vector)                       \
    X(year)

#define FUNCTION_ENUM(name) FUNCTION_##name,
typedef enum FunctionId { FUNCTION_LIST(FUNCTION_ENUM) FUNCTION_COUNT } FunctionId;
#undef FUNCTION_ENUM

enum {
    FUNCTION_ARGS_MAX = 5,      /* declared argument types */
    FUNCTION_VARIADIC_ANY = -1, /* the last declared argument may come any number of times */
};

struct Function {
    FunctionId id;
    Str name;
    ValueType returns;
    ValueType args[FUNCTION_ARGS_MAX];
    u8 arg_count; /* declared in args */
    i8 variadic;  /* 0: exactly arg_count; n: the last may be left out and up to n-1 more added */
    bool experimental; /* needs ParseOpts.experimental_functions */
};

const Function *function_find(Str name); /* exact, case-sensitive; NULL when there is none */
const Function *function_get(FunctionId id);
