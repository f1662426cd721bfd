/*
 * Functions of numbers that several parts of the evaluation share.
 *
 * Layer: promql. Memory: none. Thread: any.
 */
#pragma once

#include "codec/number.h"
#include "promql/eval.h"

/* The quantile of values, which it reorders; NaN counts as smallest. */
f64 quantile_of(f64 *values, size_t count, f64 quantile);

/* Between which places of the sorted values a quantile lies, and how near to the higher one. */
typedef struct QuantileRank {
    size_t low, high;
    f64 weight;
} QuantileRank;
QuantileRank quantile_rank(size_t count, f64 quantile); /* count > 0, 0 <= quantile <= 1 */

/* True with the answer when it does not depend on the values: none, or no number from 0 to 1. */
bool quantile_outside(size_t count, f64 quantile, f64 *ret);

/* Warns when the quantile is no number between 0 and 1. */
void note_quantile(Query *query, u32 pos, f64 quantile);

/* Go's math.Max and math.Min: NaN when either is, and +0 above -0. */
f64 go_max(f64 a, f64 b);
f64 go_min(f64 a, f64 b);

/* Go's fmt %g of a number for a message. */
Str number_text(char to[F64_TEXT_MAX], f64 value);
