/*
 * Position: places in a query's text as people read them.
 *
 * Layer: promql. Memory: none. Thread: any.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct TextPlace {
    u32 line;   /* 1-based */
    u32 column; /* 1-based, in bytes */
} TextPlace;

TextPlace text_place(Str text, size_t pos);

/* ERR_INVALID, "1:5: parse error: …", with line, column and pos. Returns false. */
bool query_error(Err *err, Str text, size_t pos, const char *format, ...) PRINTF_LIKE(4, 5);
