/*
 * Parse: the text of a PromQL expression into a checked tree. The grammar is that of Prometheus
 * 3.14, and so are the errors, to the byte: `1:5: parse error: unexpected …`.
 *
 * Layer: promql. Memory: see ast.h. Thread: any; a parse uses one thread.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "promql/ast.h"

enum {
    QUERY_TEXT_MAX = 16 * 1024 * 1024, /* bytes of query */
    QUERY_DEPTH_MAX = 2000,            /* levels of the tree, and of what is open while parsing */
};

/* What the original has behind --enable-feature; all false is its default. */
typedef struct ParseOpts {
    bool experimental_functions; /* promql-experimental-functions: also limitk, limit_ratio */
    bool extended_selectors;     /* promql-extended-range-selectors: anchored, smoothed */
    bool fill_modifiers;         /* promql-binop-fill-modifiers */
    bool holt_winters; /* the name that double_exponential_smoothing had in 2.x, not experimental */
} ParseOpts;

/*
 * Parses and type-checks `text`.
 * Errors  ERR_INVALID: message as the original's Error() ("1:5: parse error: …"), pos, line and
 *         column of its start; ERR_LIMIT: the arena, QUERY_TEXT_MAX or QUERY_DEPTH_MAX
 * Owner   the caller gives *ret to expr_done before it clears the arena
 */
bool expr_parse(Str text, const ParseOpts *opts, Arena *arena, Expr *ret, Err *err) MUST_USE;

/*
 * One selector alone, as match[] parameters have it: `up{job="x"}`. No offset, no range.
 * Errors  as expr_parse
 */
bool selector_parse(Str text, Arena *arena, Expr *ret, Err *err) MUST_USE;
