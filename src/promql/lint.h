/*
 * Lint: what is surely not meant, found in the tree alone: a selector that matches nothing, a label
 * that an aggregation below has dropped, a rate of a sum. Nothing here is an error; the query runs.
 *
 * Layer: promql. Memory: hints and their texts live in the caller's arena. Thread: any.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "promql/ast.h"

typedef enum HintKind {
    HINT_MATCHES_NOTHING, /* job="a", job="b" */
    HINT_MATCHES_ALL,     /* job=~".*" */
    HINT_PLAIN_REGEX,     /* job=~"api" */
    HINT_LABEL_DROPPED,   /* sum by (job) (sum by (instance) (up)) */
    HINT_RATE_OF_SUM,     /* rate(sum(x)[5m:]) */
} HintKind;

typedef struct Hint {
    HintKind kind;
    TextRange at; /* of the node it is about */
    Str message;
    struct Hint *next; /* in the order of the text's operators, inner ones first */
} Hint;

/* *ret is the first hint, NULL when there is nothing to say. ERR_LIMIT of the arena. */
bool expr_lint(const Expr *expr, Arena *arena, Hint **ret, Err *err) MUST_USE;
