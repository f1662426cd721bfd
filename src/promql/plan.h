/*
 * Plan: what the engine evaluates. The tree of the parser becomes a tree without parentheses, with
 * durations, `@` and the calls of start(), end(), step() and range() resolved, constant scalars
 * folded, equal selectors numbered alike, and the parts that are the same at every step wrapped, so
 * that they are evaluated once.
 *
 * Layer: promql. Memory: nodes live in the query's arena and borrow strings and matchers from the
 * expression. Thread: immutable after plan_build.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "model/matcher.h"
#include "promql/ast.h"
#include "promql/functions.h"

typedef enum PlanKind {
    PLAN_NUMBER,
    PLAN_STRING,
    PLAN_SELECTOR,  /* an instant vector */
    PLAN_RANGE,     /* a range vector from a selector */
    PLAN_SUBQUERY,  /* a range vector from an expression: args[0] */
    PLAN_CALL,      /* args */
    PLAN_AGGREGATE, /* args[0]: the vector, args[1]: the parameter */
    PLAN_BINARY,    /* args[0], args[1] */
    PLAN_NEGATE,    /* args[0] */
    PLAN_INVARIANT, /* args[0] evaluated at the first step, valid for all */
} PlanKind;

#define SELECTOR_UNSHARED SIZE_MAX

typedef struct SelectorPlan {
    const Matcher *matchers;
    size_t matcher_count;
    size_t id; /* selectors with the same matchers share it; or SELECTOR_UNSHARED */
    SelectorMode mode;
    bool totals_only; /* nobody looks at the buckets of its histograms */
} SelectorPlan;

typedef struct AggregatePlan {
    AggregateOp op;
    bool without;
    Str *labels; /* sorted, unique */
    size_t label_count;
} AggregatePlan;

typedef struct BinaryPlan {
    BinaryOp op;
    bool return_bool;
    VectorMatching matching; /* labels sorted and unique; of no meaning with a scalar side */
} BinaryPlan;

typedef struct PlanNode PlanNode;

struct PlanNode {
    PlanKind kind;
    ValueType type;
    u32 pos; /* byte offset of its beginning in the query; annotations show it */
    PlanNode **args;
    size_t arg_count;
    f64 number;
    Str string;
    FunctionId function;    /* PLAN_CALL */
    SelectorPlan *selector; /* PLAN_SELECTOR, PLAN_RANGE */
    AggregatePlan *aggregate;
    BinaryPlan *binary;
    i64 range_ms;  /* PLAN_RANGE, PLAN_SUBQUERY */
    i64 step_ms;   /* PLAN_SUBQUERY; 0: the engine's */
    i64 offset_ms; /* selectors and subqueries */
    bool has_at;
    i64 at_ms;
};

/* What start(), end(), step(), range() stand for. */
typedef struct PlanTimes {
    i64 start_ms;
    i64 end_ms;
    i64 step_ms; /* 0 for an instant query */
} PlanTimes;

/* Errors  ERR_INVALID (a duration that is no number, not positive, out of range), ERR_LIMIT */
bool plan_build(const Expr *expr, const PlanTimes *times, Arena *arena, PlanNode **ret,
                Err *err) MUST_USE;
