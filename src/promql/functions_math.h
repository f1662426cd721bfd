/*
 * Functions of numbers that several parts of the evaluation share.
 *
 * Layer: promql. Memory: none. Thread: any.
 */
#pragma once

#include "codec/number.h"
#include "promql/eval.h"

/* The quantile of values, which it sorts; NaN counts as smallest. */
f64 quantile_of(f64 *values, size_t count, f64 quantile);

/* Warns when the quantile is no number between 0 and 1. */
void note_quantile(Query *query, u32 pos, f64 quantile);

/* Go's math.Max and math.Min: NaN when either is, and +0 above -0. */
f64 go_max(f64 a, f64 b);
f64 go_min(f64 a, f64 b);

/* Go's fmt %g of a number for a message. */
Str number_text(char to[F64_TEXT_MAX], f64 value);
