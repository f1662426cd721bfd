/*
 * Base64: bytes as text. The standard alphabet with padding, and the URL alphabet without.
 *
 * Layer: codec. Memory: output is appended to the caller's Buf. Thread: any. Source: RFC 4648.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

void base64_encode(Buf *out, Str in);
void base64url_encode(Buf *out, Str in);

/* Strict: no white space, padding as the alphabet wants it, no stray bits. ERR_INVALID with pos;
 * ERR_LIMIT when `out` is full. */
bool base64_decode(Str in, Buf *out, Err *err) MUST_USE;
bool base64url_decode(Str in, Buf *out, Err *err) MUST_USE;
