/*
 * UTF-8: runes in and out of bytes, as Go's unicode/utf8 sees them: a byte that begins no valid
 * sequence (overlong, surrogate, past U+10FFFF, cut short) is one rune U+FFFD of length 1.
 *
 * Layer: base. Memory: none. Thread: any. Source: RFC 3629.
 */
#pragma once

#include "base/str.h"
#include "base/types.h"

enum {
    UTF8_MAX = 4,          /* bytes of the longest sequence */
    RUNE_INVALID = 0xFFFD, /* what a bad byte reads as */
};

/* The rune at the start of s, which is not empty; returns its length in bytes. A length of 1 with
 * RUNE_INVALID means a bad byte (the real U+FFFD has length 3). */
size_t utf8_decode(Str s, u32 *ret_rune);

/* Returns the bytes written; a rune that cannot be encoded is written as RUNE_INVALID. */
size_t utf8_encode(u32 rune, char to[UTF8_MAX]);

bool utf8_valid(Str s);

/* Runes, where each bad byte counts as one. */
size_t utf8_count(Str s);

/* Letters, marks, numbers, punctuation, symbols, and the ASCII space. Unassigned code points count
 * as printable; no table of a Unicode version is kept for them. */
bool rune_is_printable(u32 rune);
