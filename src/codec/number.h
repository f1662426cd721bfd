/*
 * Numbers: floats to text and back, exactly as Go does it, so that pages and answers equal the
 * originals' byte for byte.
 *
 * Layer: codec. Memory: none. Thread: any. Source: Go strconv documentation; IEEE 754; parse:
 * Eisel, Lemire, "Number parsing at a gigabyte per second" (2021); format: Giulietti, "The
 * Schubfach way to render doubles" (2021).
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "base/types.h"

enum {
    F64_TEXT_MAX = 352,    /* bytes that any of these can write ('f' of 1.8e308 and of 5e-324) */
    F64_DECIMALS_MAX = 40, /* that f64_format_fixed may be asked for */
};

/* Shortest text that reads back to the same bits. NaN, +Inf, -Inf. Each returns the bytes written.
 */
size_t f64_format_g(char to[F64_TEXT_MAX],
                    f64 value); /* FormatFloat(v,'g',-1): 1e+06, 0.0001, 1.5: exponent below 1e-4
                                   and from 1e6 up; the exposition format's */
size_t f64_format_f(char to[F64_TEXT_MAX], f64 value); /* FormatFloat(v,'f',-1) */
size_t f64_format_e(char to[F64_TEXT_MAX], f64 value); /* FormatFloat(v,'e',-1) */
size_t f64_format_v(char to[F64_TEXT_MAX], f64 value); /* fmt's %v: the same as 'g' */
size_t f64_format_api(char to[F64_TEXT_MAX],
                      f64 value); /* /api/v1: 'f' form, 'e' when |v|<1e-6 or ≥1e21 */
size_t f64_format_fixed(char to[F64_TEXT_MAX], f64 value,
                        int decimals); /* correctly rounded %.Nf */

void buf_f64_g(Buf *out, f64 value);
void buf_f64_f(Buf *out, f64 value);
void buf_f64_api(Buf *out, f64 value);

/*
 * Go's ParseFloat over the whole of s: decimal, hex floats (0x1.8p3), inf/infinity with a sign and
 * nan without one in any case; underscores never. Correctly rounded. False on anything else, output
 * untouched; but an overflow gives ±Inf and false. NaN is 0x7ff8000000000001.
 */
bool f64_parse(Str s, f64 *ret);

/*
 * The fast path of the exposition parser: [-]digits[.digits][e[+-]digits] at the front of s.
 * Returns its length, or 0 for what f64_parse must look at: no number, more than 19 digits,
 * overflow.
 * Cost  3 … 10 ns
 */
size_t f64_parse_prefix(Str s, f64 *ret);
