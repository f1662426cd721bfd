/*
 * Test script: the same question at other times. An instant query whose every selector is pinned
 * with `@` to its evaluation time must answer the same whenever it is evaluated.
 *
 * Layer: promql. Memory: the arena given. Thread: one.
 */
#include "promql/functions.h"
#include "promql/parse.h"
#include "promql/print.h"
#include "promql/test_script_parts.h"

#include <string.h>

typedef struct Pin {
    Arena *arena;
    i64 at_ms;
    bool looks_at_time; /* a call depends on when it is evaluated */
} Pin;

/* Functions whose answer changes with the time of evaluation, whatever their argument. */
static bool depends_on_time(FunctionId id)
{
    switch (id) {
    case FUNCTION_day_of_month:
    case FUNCTION_day_of_week:
    case FUNCTION_day_of_year:
    case FUNCTION_days_in_month:
    case FUNCTION_end:
    case FUNCTION_hour:
    case FUNCTION_minute:
    case FUNCTION_month:
    case FUNCTION_predict_linear:
    case FUNCTION_range:
    case FUNCTION_start:
    case FUNCTION_step:
    case FUNCTION_time:
    case FUNCTION_timestamp:
    case FUNCTION_year:
        return true;
    default:
        return false;
    }
}

static void pin_shift(const Pin *pin, TimeShift *shift)
{
    if (shift->at == AT_NONE) {
        shift->at = AT_TIME;
        shift->at_ms = pin->at_ms;
    }
}

static const Node *pin_node(Pin *pin, const Node *node);

static bool pin_args(Pin *pin, Node *node)
{
    const Node **args = ARENA_NEW(pin->arena, const Node *, node->call.arg_count + 1);
    pin->looks_at_time = pin->looks_at_time || depends_on_time(node->call.function->id);
    for (size_t i = 0; args && i < node->call.arg_count; i++) {
        args[i] = pin_node(pin, node->call.args[i]);
        if (!args[i]) {
            return false;
        }
    }
    node->call.args = args;
    return args != NULL;
}

/* A subquery that is pinned pins what is in it. */
static bool pin_subquery(Pin *pin, Node *node)
{
    if (node->subquery.shift.at == AT_NONE) {
        pin_shift(pin, &node->subquery.shift);
    }
    return true;
}

/*
 * A copy with every selector pinned; NULL when memory is gone.
 * NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows (QUERY_DEPTH_MAX)
 */
static const Node *pin_node(Pin *pin, const Node *node)
{
    Node *copy = ARENA_NEW(pin->arena, Node, 1);
    if (!copy) {
        return NULL;
    }
    *copy = *node;
    bool ok = true;
    switch (node->kind) {
    case NODE_VECTOR:
        pin_shift(pin, &copy->vector.shift);
        break;
    case NODE_MATRIX:
        ok = (copy->matrix.selector = pin_node(pin, node->matrix.selector)) != NULL;
        break;
    case NODE_SUBQUERY:
        ok = pin_subquery(pin, copy);
        break;
    case NODE_PAREN:
    case NODE_STEP_INVARIANT:
        ok = (copy->paren.expr = pin_node(pin, node->paren.expr)) != NULL;
        break;
    case NODE_UNARY:
        ok = (copy->unary.expr = pin_node(pin, node->unary.expr)) != NULL;
        break;
    case NODE_BINARY:
        ok = (copy->binary.lhs = pin_node(pin, node->binary.lhs)) != NULL &&
             (copy->binary.rhs = pin_node(pin, node->binary.rhs)) != NULL;
        break;
    case NODE_AGGREGATE:
        ok = (copy->aggregate.expr = pin_node(pin, node->aggregate.expr)) != NULL;
        ok = ok && (!node->aggregate.param ||
                    (copy->aggregate.param = pin_node(pin, node->aggregate.param)) != NULL);
        break;
    case NODE_CALL:
        ok = pin_args(pin, copy);
        break;
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_DURATION:
        break;
    }
    return ok ? copy : NULL;
}

bool script_pin_query(Str query, const ParseOpts *opts, i64 at_ms, Arena *arena, Str *ret)
{
    Expr expr = {0};
    Pin pin = {.arena = arena, .at_ms = at_ms};
    if (!expr_parse(query, opts, arena, &expr, NULL)) {
        return false;
    }
    const Node *pinned = pin_node(&pin, expr.root);
    bool ok = pinned && !pin.looks_at_time;
    if (ok) {
        Buf text;
        buf_init(&text, QUERY_TEXT_MAX);
        node_print(&text, pinned);
        ok = buf_ok(&text, NULL) && arena_str(arena, buf_view(&text), ret, NULL);
        buf_done(&text);
    }
    expr_done(&expr);
    return ok;
}
