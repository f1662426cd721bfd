/* Err: see err.h. Layer: base. Memory: none. Thread: the caller's own. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char ellipsis[] = "…";

/* Keeps the end readable when a text did not fit. */
static void mark_cut(char *message)
{
    memcpy(message + ERR_MESSAGE_MAX - sizeof(ellipsis), ellipsis, sizeof(ellipsis));
}

static void format_message(Err *err, const char *format, va_list args)
{
    int len = vsnprintf(err->message, ERR_MESSAGE_MAX, format, args);
    if (len >= ERR_MESSAGE_MAX) {
        mark_cut(err->message);
    }
}

void err_clear(Err *err)
{
    if (err) {
        err->code = ERR_NONE;
        err->sys_errno = 0;
        err->line = 0;
        err->column = 0;
        err->pos = 0;
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
    err_clear(err);
    err->code = code;
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
    err_clear(err);
    err->code = code;
    err->pos = pos;
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
    err_clear(err);
    err->code = code;
    err->line = line;
    err->column = column;
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
    err_clear(err);
    err->code = ERR_IO;
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
