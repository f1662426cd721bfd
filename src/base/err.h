/*
 * Err: why something failed, in words for a person, with its place in the input.
 *
 * A function that can fail is `bool f(…, Err *err)`: true on success; false with one cause in *err
 * and its outputs untouched. The cause is set once, where it is found; each layer above may add one
 * context with err_wrap. The text lies inside the struct, so reporting works when memory is gone.
 * `err` may be NULL where the caller does not care. Only roles log errors.
 *
 * Layer: base. Memory: none. Thread: the caller's own.
 */
#pragma once

#include "base/types.h"

enum {
    ERR_MESSAGE_MAX = 1000, /* bytes with the final NUL; a longer text is cut and ends in "…" */
};

/* What kind of failure it is: decides HTTP status, exit code, and whether to try again. */
typedef enum ErrCode {
    ERR_NONE,
    ERR_INVALID,     /* the input is wrong; trying again cannot help */
    ERR_LIMIT,       /* a named limit was reached */
    ERR_NOT_FOUND,   /* what was asked for does not exist */
    ERR_EXISTS,      /* it exists already, or somebody else holds it */
    ERR_IO,          /* the system said no: disk, socket, permission; sys_errno says what */
    ERR_CORRUPT,     /* stored bytes do not add up */
    ERR_TIMEOUT,     /* a time bound passed */
    ERR_CANCELED,    /* the one who asked has gone, or the process stops */
    ERR_UNAVAILABLE, /* not now: starting, stopping, overloaded */
    ERR_UNSUPPORTED, /* valid, but not something this program does */
    ERR_INTERNAL,    /* a promise inside the program was broken */
} ErrCode;

typedef struct Err {
    ErrCode code;
    int sys_errno; /* for ERR_IO, else 0 */
    u32 line;      /* 1-based place in the input; 0: unknown */
    u32 column;    /* 1-based, in bytes; 0: unknown */
    size_t pos;    /* byte offset in the input, where err_set_pos set it */
    char message[ERR_MESSAGE_MAX];
} Err;

/* All return false, so that `return err_set(…)` ends a function. */
bool err_set(Err *err, ErrCode code, const char *format, ...) PRINTF_LIKE(3, 4);
bool err_set_pos(Err *err, ErrCode code, size_t pos, const char *format, ...) PRINTF_LIKE(4, 5);
bool err_set_line(Err *err, ErrCode code, u32 line, u32 column, const char *format, ...)
    PRINTF_LIKE(5, 6);

/* ERR_IO with the text of errno after a colon: "open /x: No such file or directory". */
bool err_set_errno(Err *err, int sys_errno, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " in front of the message. */
bool err_wrap(Err *err, const char *format, ...) PRINTF_LIKE(2, 3);

void err_clear(Err *err);
