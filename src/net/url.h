/*
 * URL: percent-coding, and the parts of an absolute URL.
 *
 * Layer: net. Memory: results borrow the input or live in the caller's arena. Thread: any.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

/*
 * Undoes percent-coding. Borrows `in` when there is nothing to undo.
 * plus_is_space  as in query strings and form bodies
 * Errors         ERR_INVALID in Go's words: `invalid URL escape "%zz"`; ERR_LIMIT of the arena
 */
bool url_decode(Str in, bool plus_is_space, Arena *arena, Str *ret, Err *err) MUST_USE;

/* Everything but letters, digits and "-_.~" as %XX; for one path segment or query value. */
void url_encode(Buf *out, Str in);

typedef struct Url {
    Str scheme;    /* as written */
    Str user_info; /* without '@', not decoded; empty when absent */
    Str host;      /* without brackets */
    Str port;      /* digits; empty when absent */
    Str path;      /* with its '/', or empty; not decoded */
    Str query;     /* without '?' */
    Str fragment;  /* without '#' */
} Url;

/* An absolute URL with a host. ERR_INVALID with pos. */
bool url_parse(Str in, Url *ret, Err *err) MUST_USE;
