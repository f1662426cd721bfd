/*
 * Quote: strings in double quotes as Go's strconv.Quote writes them ("%q"), which error texts,
 * logs and PromQL share, and as JSON writes them.
 *
 * Layer: base. Memory: appends to the caller's Buf or arena. Thread: any.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"
#include "base/types.h"

/* With \a \b \f \n \r \t \v \\ \", \xNN for bad bytes and controls, \uNNNN for the unprintable. */
void quote_go(Buf *out, Str s);

/* The same into a fixed buffer, cut with "…" inside the quotes when it does not fit; for "%s" in
 * error texts. Returns `to`. */
enum { QUOTE_TEXT_MAX = 256 };
const char *quote_text(char to[QUOTE_TEXT_MAX], Str s);

/* As Go's JSON encoder without HTML escapes: a bad byte becomes \ufffd. */
void quote_json(Buf *out, Str s);
