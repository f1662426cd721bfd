/*
 * UTF-8: checking, reading and writing of code points. An invalid byte reads as U+FFFD of length 1,
 * so a reader never stalls and never skips what may be valid behind it. Surrogates, overlong forms
 * and everything past U+10FFFF are invalid.
 *
 * Layer: codec. Memory: none. Thread: any. Source: RFC 3629; Unicode 15, table 3-7.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "base/types.h"

enum {
    UTF8_RUNE_MAX = 4, /* bytes of the longest code point */
};
#define UTF8_REPLACEMENT ((u32)0xFFFD)
#define UTF8_LAST        ((u32)0x10FFFF)

/* Bytes at the front that are valid; s.len when all are. */
size_t utf8_valid_prefix(Str s);
bool utf8_valid(Str s);

/*
 * The code point at the front of a non-empty s.
 * ret_len  its bytes; 1 for an invalid byte, which reads as UTF8_REPLACEMENT
 * Returns true when it was valid.
 */
bool utf8_decode(Str s, u32 *ret_rune, size_t *ret_len);

/* Writes a code point and returns its bytes; surrogates and out-of-range become U+FFFD. */
size_t utf8_encode(u32 rune, char to[UTF8_RUNE_MAX]);
void buf_rune(Buf *out, u32 rune);

size_t utf8_count(Str s); /* code points, each invalid byte counted as one */
