/*
 * Letter case of whole Unicode, as Go's strings.ToLower and ToUpper change it: rune by rune; bytes
 * that are no UTF-8 become U+FFFD.
 *
 * Layer: model. Memory: none. Thread: any.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"

void text_lower(Buf *out, Str s);
void text_upper(Buf *out, Str s);
