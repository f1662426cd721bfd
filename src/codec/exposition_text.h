/*
 * Exposition text: the small grammar that sample lines, labels and exemplars share.
 *
 * Layer: codec, private to exposition*.c and openmetrics_check.c. Memory: none. Thread: any.
 */
#pragma once

#include "base/str.h"
#include "base/types.h"

static inline bool exposition_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool exposition_is_letter(char c)
{
    return (u8)((c | 0x20) - 'a') < 26 || c == '_';
}

static inline bool exposition_is_digit(char c)
{
    return (u8)(c - '0') < 10;
}

static inline const char *exposition_skip_blanks(const char *at, const char *end)
{
    while (at < end && exposition_is_blank(*at)) {
        at++;
    }
    return at;
}

/* Behind [a-zA-Z_:][a-zA-Z0-9_:]*; `at` when there is none. */
const char *exposition_skip_metric_name(const char *at, const char *end);

/* Behind [a-zA-Z_][a-zA-Z0-9_]*; `at` when there is none. */
const char *exposition_skip_label_name(const char *at, const char *end);

/* Behind the closing quote of the string that opens at `at`; NULL when there is none. */
const char *exposition_skip_quoted(const char *at, const char *end);

/* Go's floats without what came with Go 1.13: hexadecimal and underscores. */
bool exposition_parse_value(Str token, f64 *ret);

/* Seconds to milliseconds, what does not fit to the nearest that does. Not NaN or infinite. */
bool exposition_parse_seconds(Str token, i64 *ret_ms);
