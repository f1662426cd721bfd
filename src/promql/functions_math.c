/* Functions of numbers: see functions_math.h. Layer: promql. Memory: none. Thread: any. */
#include "promql/functions_math.h"

#include <math.h>
#include <stdlib.h>

/* NaN first, so that it counts as smallest. */
static int by_value(const void *a, const void *b)
{
    f64 left = *(const f64 *)a;
    f64 right = *(const f64 *)b;
    if (isnan(left) || isnan(right)) {
        return isnan(right) - isnan(left);
    }
    return (left > right) - (left < right);
}

f64 quantile_of(f64 *values, size_t count, f64 quantile)
{
    if (count == 0 || isnan(quantile)) {
        return (f64)NAN;
    }
    if (quantile < 0 || quantile > 1) {
        return quantile < 0 ? -INFINITY : INFINITY;
    }
    qsort(values, count, sizeof(*values), by_value);
    f64 rank = quantile * (f64)(count - 1);
    f64 below = MAX(floor(rank), 0.0);
    size_t low = (size_t)below;
    size_t high = MIN(low + 1, count - 1);
    f64 weight = rank - floor(rank);
    return values[low] * (1 - weight) + values[high] * weight;
}

Str number_text(char to[F64_TEXT_MAX], f64 value)
{
    return (Str){.ptr = to, .len = f64_format_g(to, value)};
}

void note_quantile(Query *query, u32 pos, f64 quantile)
{
    if (isnan(quantile) || quantile < 0 || quantile > 1) {
        char text[F64_TEXT_MAX];
        annotations_warn(&query->annotations, pos,
                         "quantile value should be between 0 and 1, got " STR_FMT,
                         STR_ARG(number_text(text, quantile)));
    }
}

f64 go_max(f64 a, f64 b)
{
    if (isinf(a) == 1 || isinf(b) == 1) {
        return INFINITY;
    }
    if (isnan(a) || isnan(b)) {
        return (f64)NAN;
    }
    if (a == 0 && b == 0) {
        return signbit(a) ? b : a;
    }
    return a > b ? a : b;
}

f64 go_min(f64 a, f64 b)
{
    if (isinf(a) == -1 || isinf(b) == -1) {
        return -INFINITY;
    }
    if (isnan(a) || isnan(b)) {
        return (f64)NAN;
    }
    if (a == 0 && b == 0) {
        return signbit(a) ? a : b;
    }
    return a < b ? a : b;
}
