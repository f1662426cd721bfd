/* Functions of numbers: see functions_math.h. Layer: promql. Memory: none. Thread: any. */
#include "promql/functions_math.h"

#include <math.h>

static void swap_values(f64 *values, size_t i, size_t j)
{
    f64 held = values[i];
    values[i] = values[j];
    values[j] = held;
}

/* Moves NaN to the front, where the smallest stand; how many there are. */
static size_t nan_first(f64 *values, size_t count)
{
    size_t nans = 0;
    for (size_t i = 0; i < count; i++) {
        if (isnan(values[i])) {
            swap_values(values, i, nans++);
        }
    }
    return nans;
}

/* Puts the median of three where the pivot is taken from: sorted input stays fast. */
static f64 choose_pivot(f64 *values, size_t low, size_t high)
{
    size_t middle = low + (high - low) / 2;
    if (values[middle] < values[low]) {
        swap_values(values, middle, low);
    }
    if (values[high] < values[low]) {
        swap_values(values, high, low);
    }
    if (values[high] < values[middle]) {
        swap_values(values, high, middle);
    }
    return values[middle];
}

/* Reorders values (none NaN) so that [k] is what it were if sorted, nothing smaller behind it. */
static void select_kth(f64 *values, size_t count, size_t k)
{
    size_t low = 0;
    size_t high = count - 1;
    while (low < high) {
        f64 pivot = choose_pivot(values, low, high);
        size_t i = low;
        size_t j = high;
        while (i <= j) {
            while (values[i] < pivot) {
                i++;
            }
            while (pivot < values[j]) {
                j--;
            }
            if (i <= j) {
                swap_values(values, i++, j);
                if (j == 0) {
                    break;
                }
                j--;
            }
        }
        if (k <= j) {
            high = j;
        } else if (k >= i) {
            low = i;
        } else {
            return;
        }
    }
}

static f64 smallest(const f64 *values, size_t count)
{
    f64 found = values[0];
    for (size_t i = 1; i < count; i++) {
        found = values[i] < found ? values[i] : found;
    }
    return found;
}

QuantileRank quantile_rank(size_t count, f64 quantile)
{
    f64 rank = quantile * (f64)(count - 1);
    size_t low = (size_t)MAX(floor(rank), 0.0);
    return (QuantileRank){
        .low = low, .high = MIN(low + 1, count - 1), .weight = rank - floor(rank)};
}

bool quantile_outside(size_t count, f64 quantile, f64 *ret)
{
    if (count == 0 || isnan(quantile)) {
        *ret = (f64)NAN;
        return true;
    }
    *ret = quantile < 0 ? -INFINITY : INFINITY;
    return quantile < 0 || quantile > 1;
}

f64 quantile_of(f64 *values, size_t count, f64 quantile)
{
    f64 answer;
    if (quantile_outside(count, quantile, &answer)) {
        return answer;
    }
    QuantileRank rank = quantile_rank(count, quantile);
    size_t nans = nan_first(values, count);
    if (rank.low >= nans) {
        select_kth(values + nans, count - nans, rank.low - nans);
    }
    f64 high = values[rank.high];
    if (rank.high > rank.low && rank.high >= nans) {
        high = smallest(values + rank.high, count - rank.high);
    }
    return values[rank.low] * (1 - rank.weight) + high * rank.weight;
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
