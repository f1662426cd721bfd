/* Position: see position.h. Layer: promql. Memory: none. Thread: any. */
#include "promql/position.h"

#include <stdarg.h>
#include <stdio.h>

TextPlace text_place(Str text, size_t pos)
{
    TextPlace place = {.line = 1, .column = 1};
    for (size_t i = 0; i < pos && i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            place.line++;
            place.column = 1;
        } else {
            place.column++;
        }
    }
    return place;
}

bool query_error(Err *err, Str text, size_t pos, const char *format, ...)
{
    if (!err) {
        return false;
    }
    char message[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (len < 0) {
        return err_set(err, ERR_INTERNAL, "cannot format the error");
    }

    TextPlace place = text_place(text, pos);
    if (text.len == 0) {
        (void)err_set(err, ERR_INVALID, "unknown position: parse error: %s", message);
        return false;
    }
    (void)err_set(err, ERR_INVALID, "%u:%u: parse error: %s", place.line, place.column, message);
    err->line = place.line;
    err->column = place.column;
    err->pos = pos;
    return false;
}
