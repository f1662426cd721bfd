/*
 * Quote: text between double quotes as Go's strconv.Quote writes it, which label sets, matchers and
 * PromQL's printed form use.
 *
 * Layer: model. Memory: none. Thread: any.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

/* Printable characters stay; the rest becomes \n, \x00, \u00ad, \U000e0001; bytes that are no
 * UTF-8 become \xff. */
void quote_go(Buf *out, Str s);

/* The length of the UTF-8 character at the front of s, and the character; 0 when the bytes there
 * are not one (overlong, surrogate, cut short). */
size_t utf8_decode(Str s, u32 *ret);
void utf8_encode(Buf *out, u32 rune);
bool utf8_valid(Str s);

/* Go's strings.ToLower and ToUpper: character by character; broken bytes become U+FFFD unless the
 * whole is ASCII. */
void utf8_lower(Buf *out, Str s);
void utf8_upper(Buf *out, Str s);
