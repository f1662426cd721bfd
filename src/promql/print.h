/*
 * Print: a tree back to text, in the forms of the original: the canonical line, the folded text of
 * /api/v1/format_query, and the JSON of /api/v1/parse_query.
 *
 * Parsing the canonical line gives the same tree again, but for ranges below a millisecond, which
 * print as 0s. The original prints four things that do not read back; here they do: an empty
 * selector as info's argument, an offset expression that a later operator would fall into, one that
 * would lose its own operators, and 1s1ms as a number.
 *
 * Layer: promql. Memory: appends to the caller's Buf. Thread: any.
 */
#pragma once

#include "base/buf.h"
#include "codec/json.h"
#include "promql/ast.h"

enum {
    PRETTY_LINE_MAX = 100, /* bytes; a longer expression is folded */
};

void node_print(Buf *out, const Node *node);  /* sum by (job) (rate(up[5m])) */
void node_pretty(Buf *out, const Node *node); /* the same, folded where a line is too long */

/* One object; keys in the order of their names, as the original's encoder writes them. */
void node_json(JsonWriter *writer, const Node *node);

/* Parts that the folded form shares with the line. */
bool print_needs_parens(const Node *binary);           /* around its left side */
void print_aggregate_head(Buf *out, const Node *node); /* "sum by (job) " */
void print_operator(Buf *out, const Node *node);       /* "* on (job) group_left ()" */
void print_subquery_tail(Buf *out, const Node *node);  /* "[5m:1m] @ 3.000 offset 1m" */
