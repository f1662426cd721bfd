/*
 * URL references: what configuration files write where a URL belongs, read as leniently as Go's
 * net/url reads it: the scheme or the host may be missing, and the caller decides what it needs.
 *
 * Layer: net. Memory: borrows the input. Thread: any. Source: RFC 3986.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct UrlReference {
    Str scheme;    /* empty when absent */
    Str user_info; /* without '@', not decoded; empty when absent */
    Str host;      /* with its port; empty when absent */
    Str rest;      /* path, query and fragment, or all of a URL that has no authority */
} UrlReference;

/* Errors  ERR_INVALID in Go's words: `parse "://x": missing protocol scheme`. */
bool url_reference_parse(Str in, UrlReference *ret, Err *err) MUST_USE;
