/*
 * Str: a borrowed run of bytes, passed by value. It never owns: whoever keeps a Str says which
 * arena or buffer keeps its bytes. Bytes may be anything, NUL included.
 *
 * Layer: base. Memory: none. Thread: any.
 */
#pragma once

#include "base/types.h"

typedef struct Str {
    const char *ptr; /* may be NULL only when len is 0 */
    size_t len;      /* bytes */
} Str;

/* A Str of a string literal, usable in static initialisers as STR_INIT. */
#define S(literal) ((Str){.ptr = (literal), .len = sizeof(literal) - 1})
#define STR_INIT(literal)                            \
    {                                                \
        .ptr = (literal), .len = sizeof(literal) - 1 \
    }
#define STR_EMPTY ((Str){.ptr = "", .len = 0})

/* printf("%.*s", STR_ARG(s)) */
#define STR_FMT    "%.*s"
#define STR_ARG(s) (int)(s).len, (s).ptr

Str str_from(const char *c_string); /* borrows; NULL gives the empty Str */
Str str_range(const char *begin, const char *end);

bool str_eq(Str a, Str b);
bool str_eq_ignore_case(Str a, Str b); /* ASCII letters only */
int str_cmp(Str a, Str b);             /* by bytes, shorter first: <0, 0, >0 */
bool str_starts_with(Str s, Str prefix);
bool str_ends_with(Str s, Str suffix);
bool str_contains(Str s, Str part);

#define STR_NOT_FOUND SIZE_MAX
size_t str_find(Str s, Str part); /* index of the first occurrence, or STR_NOT_FOUND */
size_t str_find_byte(Str s, char byte);
size_t str_find_last_byte(Str s, char byte);

Str str_skip(Str s, size_t count);            /* without the first `count` bytes (or empty) */
Str str_take(Str s, size_t count);            /* the first `count` bytes (or all) */
Str str_slice(Str s, size_t from, size_t to); /* [from, to), clamped */
Str str_trim(Str s);                          /* without ASCII white space at both ends */
bool str_skip_prefix(Str *s, Str prefix);     /* moves s behind the prefix when it is there */

/*
 * Takes the part of *rest before the next `separator` and moves *rest behind it.
 * Returns false when *rest is used up. "a,,b" gives "a", "", "b"; "" gives "" once.
 * Start with a Str whose ptr is not NULL; at the end ptr becomes NULL.
 */
bool str_split_next(Str *rest, char separator, Str *ret_part);

/* The whole of s as a number, without white space. False leaves the output alone. */
bool str_to_u64(Str s, u64 *ret);
bool str_to_i64(Str s, i64 *ret);

/* Comparison for qsort over Str[]. */
int str_cmp_qsort(const void *a, const void *b);
