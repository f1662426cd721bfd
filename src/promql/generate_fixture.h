/*
 * Generate: random PromQL expressions that are valid by construction, for properties and
 * differential tests. The same seed gives the same expressions.
 *
 * Layer: promql, tests only. Memory: appends to the caller's Buf. Thread: one Random, one thread.
 */
#pragma once

#include "base/buf.h"
#include "base/random.h"
#include "base/str.h"
#include "promql/ast.h"

typedef struct GenerateOpts {
    const char *const *metrics; /* names to choose from */
    size_t metric_count;
    const char *const *labels; /* for matchers, grouping and matching */
    size_t label_count;
    const char *const *values; /* of labels */
    size_t value_count;
    u32 depth;         /* levels of operators and calls; 4 gives a line or two */
    u32 range_max_s;   /* seconds; ranges, offsets and steps lie between 1 and this */
    i64 at_s;          /* @ times lie within range_max_s before this Unix time; 0: no @ */
    bool version_2;    /* only what Prometheus 2.42 knows */
    bool experimental; /* also functions, selectors and fill modifiers behind a feature flag */
} GenerateOpts;

/* VALUE_SCALAR, VALUE_VECTOR, VALUE_MATRIX or VALUE_STRING. */
void generate_expr(Random *random, const GenerateOpts *opts, ValueType type, Buf *out);
