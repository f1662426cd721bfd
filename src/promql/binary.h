/*
 * Binary: what the files of the binary operators share: one pair of values, and matching.
 *
 * Layer: promql. Memory: histograms come from the arena given. Thread: the query's.
 */
#pragma once

#include "promql/eval.h"

/* One side at one step. */
typedef struct Operand {
    f64 value;
    const Histogram *histogram; /* NULL: a float */
} Operand;

typedef struct Outcome {
    bool any;  /* false: the two do not go together, an annotation says so */
    bool keep; /* of a comparison: it holds; else true */
    f64 value;
    const Histogram *histogram;
} Outcome;

typedef struct BinaryEval {
    Query *query;
    const PlanNode *node;
    const BinaryPlan *plan;
    const Steps *steps;
    Arena *histograms; /* of the result */
} BinaryEval;

f64 binary_floats(BinaryOp op, f64 left, f64 right); /* arithmetic; comparisons as 0 or 1 */
bool binary_compare(BinaryOp op, f64 left, f64 right);

/* Applies the operator to a pair that may hold histograms; adds annotations. */
bool binary_pair(const BinaryEval *eval, Operand left, Operand right, Outcome *ret,
                 Err *err) MUST_USE;

static inline bool binary_op_is_arithmetic(BinaryOp op)
{
    return op <= BINARY_ATAN2;
}

/* Arithmetic changes what a metric means, so its name goes; 2.x forgot that of atan2. */
static inline bool binary_op_renames(const Query *query, BinaryOp op)
{
    return binary_op_is_arithmetic(op) && !(query->left_closed && op == BINARY_ATAN2);
}

/* binary_match.c: vector with vector. Takes both operands' memory over. */
bool binary_vectors(BinaryEval *eval, Vector *left, Vector *right, Value *ret, Err *err) MUST_USE;
/* binary_set.c: and, or, unless. */
bool binary_set(BinaryEval *eval, Vector *left, Vector *right, Value *ret, Err *err) MUST_USE;

/* The ordinal of the matching labels of each series: equal for those that match. */
typedef struct Signatures {
    u32 *left, *right; /* one a series */
    u32 count;
} Signatures;
bool binary_signatures(const BinaryEval *eval, const Vector *left, const Vector *right,
                       Arena *arena, Signatures *ret, Err *err) MUST_USE;
