/* Err: see err.h. Layer: base. Memory: none. Thread: the caller's own. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char ellipsis[] = "…";

/* Keeps the end readable when a text did not fit, without half a rune in front of the "…". */
static void mark_cut(char *message)
{
    size_t at = ERR_MESSAGE_MAX - sizeof(ellipsis);
    while (at > 0 && ((u8)message[at] & 0xC0) == 0x80) {
        at--;
    }
    memcpy(message + at, ellipsis, sizeof(ellipsis));
}

/* The arguments may point into the old message. */
PRINTF_LIKE(2, 0)
static void format_message(Err *err, const char *format, va_list args)
{
    char text[ERR_MESSAGE_MAX];
    int len = vsnprintf(text, sizeof(text), format, args);
    if (len >= ERR_MESSAGE_MAX) {
        mark_cut(text);
    }
    memcpy(err->message, text, strlen(text) + 1);
}

/* Everything but the message. */
static void set_place(Err *err, ErrCode code, u32 line, u32 column, size_t pos)
{
    err->code = code;
    err->sys_errno = 0;
    err->line = line;
    err->column = column;
    err->pos = pos;
}

void err_clear(Err *err)
{
    if (err) {
        set_place(err, ERR_NONE, 0, 0, 0);
        err->message[0] = '\0';
    }
}

bool err_set(Err *err, ErrCode code, const char *format, ...)
{
    if (!err) {
        return false;
    }
    va_list args;
    va_start(args, format);
    set_place(err, code, 0, 0, 0);
    format_message(err, format, args);
    va_end(args);
    return false;
}

bool err_set_pos(Err *err, ErrCode code, size_t pos, const char *format, ...)
{
    if (!err) {
        return false;
    }
    va_list args;
    va_start(args, format);
    set_place(err, code, 0, 0, pos);
    format_message(err, format, args);
    va_end(args);
    return false;
}

bool err_set_line(Err *err, ErrCode code, u32 line, u32 column, const char *format, ...)
{
    if (!err) {
        return false;
    }
    va_list args;
    va_start(args, format);
    set_place(err, code, line, column, 0);
    format_message(err, format, args);
    va_end(args);
    return false;
}

bool err_set_errno(Err *err, int sys_errno, const char *format, ...)
{
    if (!err) {
        return false;
    }
    va_list args;
    va_start(args, format);
    set_place(err, ERR_IO, 0, 0, 0);
    err->sys_errno = sys_errno;
    format_message(err, format, args);
    va_end(args);

    char reason[128];
    size_t used = strlen(err->message);
    int len = snprintf(err->message + used, ERR_MESSAGE_MAX - used, ": %s",
                       strerror_r(sys_errno, reason, sizeof(reason)));
    if (len >= (int)(ERR_MESSAGE_MAX - used)) {
        mark_cut(err->message);
    }
    return false;
}

bool err_wrap(Err *err, const char *format, ...)
{
    if (!err) {
        return false;
    }
    char cause[ERR_MESSAGE_MAX];
    memcpy(cause, err->message, sizeof(cause));

    va_list args;
    va_start(args, format);
    format_message(err, format, args);
    va_end(args);

    size_t used = strlen(err->message);
    int len = snprintf(err->message + used, ERR_MESSAGE_MAX - used, ": %s", cause);
    if (len >= (int)(ERR_MESSAGE_MAX - used)) {
        mark_cut(err->message);
    }
    return false;
}
