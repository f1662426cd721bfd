/* Ast: see ast.h. Layer: promql. Memory: see ast.h. Thread: any. */
#include "promql/ast.h"

static const char *const value_names[] = {"none", "scalar", "vector", "matrix", "string"};
static const char *const value_titles[] = {"none", "scalar", "instant vector", "range vector",
                                           "string"};

static const char *const binary_names[BINARY_OP_COUNT] = {
    [BINARY_ADD] = "+",         [BINARY_SUB] = "-",         [BINARY_MUL] = "*",
    [BINARY_DIV] = "/",         [BINARY_MOD] = "%",         [BINARY_POW] = "^",
    [BINARY_ATAN2] = "atan2",   [BINARY_EQUAL] = "==",      [BINARY_NOT_EQUAL] = "!=",
    [BINARY_GREATER] = ">",     [BINARY_LESS] = "<",        [BINARY_GREATER_EQUAL] = ">=",
    [BINARY_LESS_EQUAL] = "<=", [BINARY_TRIM_UPPER] = "</", [BINARY_TRIM_LOWER] = ">/",
    [BINARY_AND] = "and",       [BINARY_OR] = "or",         [BINARY_UNLESS] = "unless",
};

static const char *const aggregate_names[AGGREGATE_OP_COUNT] = {
    [AGGREGATE_SUM] = "sum",
    [AGGREGATE_AVG] = "avg",
    [AGGREGATE_COUNT] = "count",
    [AGGREGATE_MIN] = "min",
    [AGGREGATE_MAX] = "max",
    [AGGREGATE_GROUP] = "group",
    [AGGREGATE_STDDEV] = "stddev",
    [AGGREGATE_STDVAR] = "stdvar",
    [AGGREGATE_TOPK] = "topk",
    [AGGREGATE_BOTTOMK] = "bottomk",
    [AGGREGATE_COUNT_VALUES] = "count_values",
    [AGGREGATE_QUANTILE] = "quantile",
    [AGGREGATE_LIMITK] = "limitk",
    [AGGREGATE_LIMIT_RATIO] = "limit_ratio",
};

void expr_done(Expr *expr)
{
    for (const Node *node = expr->selectors; node; node = node->vector.next) {
        for (size_t i = 0; i < node->vector.matcher_count; i++) {
            Matcher matcher = node->vector.matchers[i];
            matcher_done(&matcher);
        }
    }
    *expr = (Expr){0};
}

const char *value_type_name(ValueType type)
{
    ASSERT((size_t)type < COUNT_OF(value_names));
    return value_names[type];
}

const char *value_type_title(ValueType type)
{
    ASSERT((size_t)type < COUNT_OF(value_titles));
    return value_titles[type];
}

const char *binary_op_name(BinaryOp op)
{
    ASSERT(op < BINARY_OP_COUNT);
    return binary_names[op];
}

const char *aggregate_op_name(AggregateOp op)
{
    ASSERT(op < AGGREGATE_OP_COUNT);
    return aggregate_names[op];
}

bool binary_op_is_comparison(BinaryOp op)
{
    return op >= BINARY_EQUAL && op <= BINARY_LESS_EQUAL;
}

bool binary_op_is_set(BinaryOp op)
{
    return op == BINARY_AND || op == BINARY_OR || op == BINARY_UNLESS;
}

bool aggregate_op_has_param(AggregateOp op)
{
    return op >= AGGREGATE_TOPK && op < AGGREGATE_OP_COUNT;
}

const Node *node_unwrap(const Node *node)
{
    while (node->kind == NODE_PAREN || node->kind == NODE_STEP_INVARIANT) {
        node = node->paren.expr;
    }
    return node;
}

size_t node_child_count(const Node *node)
{
    switch (node->kind) {
    case NODE_MATRIX:
    case NODE_SUBQUERY:
    case NODE_PAREN:
    case NODE_STEP_INVARIANT:
    case NODE_UNARY:
        return 1;
    case NODE_BINARY:
        return 2;
    case NODE_AGGREGATE:
        return node->aggregate.param ? 2 : 1;
    case NODE_CALL:
        return node->call.arg_count;
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_VECTOR:
    case NODE_DURATION:
        break;
    }
    return 0;
}

const Node *node_child(const Node *node, size_t index)
{
    ASSERT(index < node_child_count(node));
    switch (node->kind) {
    case NODE_MATRIX:
        return node->matrix.selector;
    case NODE_SUBQUERY:
        return node->subquery.expr;
    case NODE_PAREN:
    case NODE_STEP_INVARIANT:
        return node->paren.expr;
    case NODE_UNARY:
        return node->unary.expr;
    case NODE_BINARY:
        return index == 0 ? node->binary.lhs : node->binary.rhs;
    case NODE_AGGREGATE:
        return index == 0 && node->aggregate.param ? node->aggregate.param : node->aggregate.expr;
    case NODE_CALL:
        return node->call.args[index];
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_VECTOR:
    case NODE_DURATION:
        break;
    }
    return NULL;
}
