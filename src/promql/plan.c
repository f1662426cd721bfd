/* Plan: see plan.h. Layer: promql. Memory: the arena given. Thread: one at a time. */
#include "promql/plan.h"

#include "base/vec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Planner {
    const PlanTimes *times;
    Arena *arena;
    VEC(SelectorPlan *) selectors; /* one of each distinct kind */
} Planner;

/* A part of the tree, and whether it is the same at every step. */
typedef struct Planned {
    PlanNode *node;
    bool invariant;
    bool wrap; /* worth a PLAN_INVARIANT of its own; never for ranges, numbers and strings */
} Planned;

static bool plan_node(Planner *planner, const Node *node, Planned *ret, Err *err);

static PlanNode *new_node(Planner *planner, PlanKind kind, const Node *from, size_t arg_count,
                          Err *err)
{
    PlanNode *node = ARENA_NEW(planner->arena, PlanNode, 1);
    PlanNode **args = ARENA_NEW(planner->arena, PlanNode *, arg_count + 1);
    if (!node || !args) {
        arena_full(planner->arena, err);
        return NULL;
    }
    *node = (PlanNode){.kind = kind,
                       .type = from->type,
                       .pos = from->at.start,
                       .args = args,
                       .arg_count = arg_count};
    return node;
}

static PlanNode *wrap(Planner *planner, PlanNode *inner, Err *err)
{
    PlanNode *node = ARENA_NEW(planner->arena, PlanNode, 1);
    PlanNode **args = ARENA_NEW(planner->arena, PlanNode *, 1);
    if (!node || !args) {
        arena_full(planner->arena, err);
        return NULL;
    }
    args[0] = inner;
    *node = (PlanNode){.kind = PLAN_INVARIANT,
                       .type = inner->type,
                       .pos = inner->pos,
                       .args = args,
                       .arg_count = 1};
    return node;
}

static bool wrap_arg(Planner *planner, PlanNode **arg, Err *err)
{
    *arg = wrap(planner, *arg, err);
    return *arg != NULL;
}

static bool plan_number(Planner *planner, const Node *from, f64 number, Planned *ret, Err *err)
{
    PlanNode *node = new_node(planner, PLAN_NUMBER, from, 0, err);
    if (!node) {
        return false;
    }
    node->type = VALUE_SCALAR;
    node->number = number;
    *ret = (Planned){.node = node, .invariant = true};
    return true;
}

static bool duration_error(const Node *node, const char *what, Err *err)
{
    return err_set_pos(err, ERR_INVALID, node->at.start, "%u:%u: %s", node->at.start, node->at.end,
                       what);
}

static bool duration_seconds(const Planner *planner, const Node *node, f64 *ret, Err *err);

static bool duration_operands(const Planner *planner, const Node *node, f64 *ret_left,
                              f64 *ret_right, Err *err)
{
    *ret_left = 0;
    *ret_right = 0;
    return (!node->duration.left ||
            duration_seconds(planner, node->duration.left, ret_left, err)) &&
           (!node->duration.right ||
            duration_seconds(planner, node->duration.right, ret_right, err));
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows (QUERY_DEPTH_MAX) */
static bool duration_seconds(const Planner *planner, const Node *node, f64 *ret, Err *err)
{
    f64 left;
    f64 right;
    if (node->kind == NODE_NUMBER) {
        *ret = node->number.value;
        return true;
    }
    if (!duration_operands(planner, node, &left, &right, err)) {
        return false;
    }
    switch (node->duration.op) {
    case DURATION_ADD:
        *ret = left + right;
        return true;
    case DURATION_SUB:
        *ret = left - right;
        return true;
    case DURATION_MUL:
        *ret = left * right;
        return true;
    case DURATION_DIV:
        *ret = left / right;
        return right != 0 || duration_error(node, "division by zero", err);
    case DURATION_MOD:
        *ret = fmod(left, right);
        return right != 0 || duration_error(node, "modulo by zero", err);
    case DURATION_POW:
        *ret = pow(left, right);
        return true;
    case DURATION_PLUS:
        *ret = right;
        return true;
    case DURATION_MINUS:
        *ret = -right;
        return true;
    case DURATION_STEP:
        *ret = (f64)planner->times->step_ms / 1000;
        return true;
    case DURATION_RANGE:
        *ret = (f64)(planner->times->end_ms - planner->times->start_ms) / 1000;
        return true;
    case DURATION_MIN_OF:
        *ret = left < right ? left : right;
        return true;
    case DURATION_MAX_OF:
        *ret = left > right ? left : right;
        return true;
    }
    return err_set(err, ERR_INTERNAL, "unknown operator in a duration");
}

static bool duration_ms(const Planner *planner, const Node *expr, bool allow_negative, i64 *ret,
                        Err *err)
{
    static const f64 seconds_max = 9223372036.854775807; /* what fits nanoseconds in 64 bits */
    f64 seconds;
    if (!expr) {
        return true; /* *ret holds it already */
    }
    if (!duration_seconds(planner, expr, &seconds, err)) {
        return false;
    }
    if (isnan(seconds) || isinf(seconds)) {
        return duration_error(expr, "duration is NaN or infinite", err);
    }
    if (seconds <= 0 && !allow_negative) {
        return duration_error(expr, "duration must be greater than 0", err);
    }
    if (fabs(seconds) > seconds_max) {
        return duration_error(expr, "duration is out of range", err);
    }
    *ret = (i64)(seconds * 1000);
    return true;
}

static bool apply_shift(const Planner *planner, const TimeShift *shift, PlanNode *node, Err *err)
{
    node->offset_ms = shift->offset_ms;
    node->has_at = shift->at != AT_NONE;
    switch (shift->at) {
    case AT_START:
        node->at_ms = planner->times->start_ms;
        break;
    case AT_END:
        node->at_ms = planner->times->end_ms;
        break;
    default:
        node->at_ms = shift->at_ms;
        break;
    }
    return duration_ms(planner, shift->offset_expr, true, &node->offset_ms, err);
}

static bool same_matchers(const SelectorPlan *plan, const Node *node)
{
    if (plan->matcher_count != node->vector.matcher_count) {
        return false;
    }
    for (size_t i = 0; i < plan->matcher_count; i++) {
        const Matcher *a = &plan->matchers[i];
        const Matcher *b = &node->vector.matchers[i];
        if (a->kind != b->kind || !str_eq(a->name, b->name) || !str_eq(a->value, b->value)) {
            return false;
        }
    }
    return true;
}

static SelectorPlan *plan_selector(Planner *planner, const Node *node, Err *err)
{
    SelectorPlan *plan = ARENA_NEW(planner->arena, SelectorPlan, 1);
    if (!plan) {
        arena_full(planner->arena, err);
        return NULL;
    }
    *plan = (SelectorPlan){.matchers = node->vector.matchers,
                           .matcher_count = node->vector.matcher_count,
                           .id = planner->selectors.count,
                           .mode = node->vector.mode};
    for (size_t i = 0; i < planner->selectors.count; i++) {
        if (same_matchers(planner->selectors.at[i], node)) {
            plan->id = i;
            return plan;
        }
    }
    *vec_push(&planner->selectors) = plan;
    return plan;
}

static bool plan_vector(Planner *planner, const Node *node, Planned *ret, Err *err)
{
    PlanNode *plan = new_node(planner, PLAN_SELECTOR, node, 0, err);
    if (!plan || !(plan->selector = plan_selector(planner, node, err)) ||
        !apply_shift(planner, &node->vector.shift, plan, err)) {
        return false;
    }
    *ret = (Planned){.node = plan, .invariant = plan->has_at, .wrap = plan->has_at};
    return true;
}

static bool plan_matrix(Planner *planner, const Node *node, Planned *ret, Err *err)
{
    const Node *selector = node->matrix.selector;
    PlanNode *plan = new_node(planner, PLAN_RANGE, node, 0, err);
    if (!plan || !(plan->selector = plan_selector(planner, selector, err)) ||
        !apply_shift(planner, &selector->vector.shift, plan, err)) {
        return false;
    }
    plan->range_ms = node->matrix.range_ms;
    *ret = (Planned){.node = plan, .invariant = plan->has_at};
    return duration_ms(planner, node->matrix.range_expr, false, &plan->range_ms, err);
}

static bool plan_subquery(Planner *planner, const Node *node, Planned *ret, Err *err)
{
    PlanNode *plan = new_node(planner, PLAN_SUBQUERY, node, 1, err);
    Planned inner;
    if (!plan || !apply_shift(planner, &node->subquery.shift, plan, err) ||
        !plan_node(planner, node->subquery.expr, &inner, err)) {
        return false;
    }
    plan->range_ms = node->subquery.range_ms;
    plan->step_ms = node->subquery.step_ms;
    if (!duration_ms(planner, node->subquery.range_expr, false, &plan->range_ms, err) ||
        !duration_ms(planner, node->subquery.step_expr, false, &plan->step_ms, err)) {
        return false;
    }
    plan->args[0] = inner.node;
    *ret = (Planned){.node = plan, .invariant = plan->has_at};
    return !inner.invariant || wrap_arg(planner, &plan->args[0], err);
}

static bool plan_unary(Planner *planner, const Node *node, Planned *ret, Err *err)
{
    Planned inner = {0};
    if (!plan_node(planner, node->unary.expr, &inner, err)) {
        return false;
    }
    ASSERT(inner.node);
    if (!node->unary.negative) {
        *ret = inner;
        return true;
    }
    if (inner.node->kind == PLAN_NUMBER) {
        return plan_number(planner, node, -inner.node->number, ret, err);
    }
    PlanNode *plan = new_node(planner, PLAN_NEGATE, node, 1, err);
    if (!plan) {
        return false;
    }
    plan->args[0] = inner.node;
    *ret = (Planned){.node = plan, .invariant = inner.invariant, .wrap = inner.invariant};
    return true;
}

/* A sorted copy without repetitions, with `extra` when it is not empty. */
static bool sorted_names(Planner *planner, const Str *names, size_t count, Str extra, Str **ret,
                         size_t *ret_count, Err *err)
{
    Str *sorted = ARENA_NEW(planner->arena, Str, count + 1);
    if (!sorted) {
        return arena_full(planner->arena, err);
    }
    if (count > 0) {
        memcpy(sorted, names, count * sizeof(Str));
    }
    if (extra.len > 0) {
        sorted[count++] = extra;
    }
    qsort(sorted, count, sizeof(Str), str_cmp_qsort);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !str_eq(sorted[kept - 1], sorted[i])) {
            sorted[kept++] = sorted[i];
        }
    }
    *ret = sorted;
    *ret_count = kept;
    return true;
}

static bool plan_matching(Planner *planner, const Node *node, BinaryPlan *plan, Err *err)
{
    if (!node->binary.matching) {
        return true;
    }
    plan->matching = *node->binary.matching;
    Str *labels;
    if (!sorted_names(planner, plan->matching.labels, plan->matching.label_count, STR_EMPTY,
                      &labels, &plan->matching.label_count, err)) {
        return false;
    }
    plan->matching.labels = labels;
    return true;
}

static bool plan_binary(Planner *planner, const Node *node, Planned *ret, Err *err)
{
    Planned left;
    Planned right;
    if (!plan_node(planner, node->binary.lhs, &left, err) ||
        !plan_node(planner, node->binary.rhs, &right, err)) {
        return false;
    }
    PlanNode *plan = new_node(planner, PLAN_BINARY, node, 2, err);
    BinaryPlan *binary = plan ? ARENA_NEW(planner->arena, BinaryPlan, 1) : NULL;
    if (!binary) {
        return arena_full(planner->arena, err);
    }
    *binary = (BinaryPlan){.op = node->binary.op, .return_bool = node->binary.return_bool};
    plan->binary = binary;
    plan->args[0] = left.node;
    plan->args[1] = right.node;
    bool invariant = left.invariant && right.invariant;
    *ret = (Planned){.node = plan, .invariant = invariant, .wrap = invariant};
    return plan_matching(planner, node, binary, err) &&
           (invariant || !left.wrap || wrap_arg(planner, &plan->args[0], err)) &&
           (invariant || !right.wrap || wrap_arg(planner, &plan->args[1], err));
}

static bool plan_aggregate(Planner *planner, const Node *node, Planned *ret, Err *err)
{
    bool has_param = node->aggregate.param != NULL;
    Planned inner;
    Planned param = {0};
    if (!plan_node(planner, node->aggregate.expr, &inner, err) ||
        (has_param && !plan_node(planner, node->aggregate.param, &param, err))) {
        return false;
    }
    PlanNode *plan = new_node(planner, PLAN_AGGREGATE, node, has_param ? 2 : 1, err);
    AggregatePlan *aggregate = plan ? ARENA_NEW(planner->arena, AggregatePlan, 1) : NULL;
    if (!aggregate) {
        return arena_full(planner->arena, err);
    }
    aggregate->op = node->aggregate.op;
    aggregate->without = node->aggregate.without;
    plan->aggregate = aggregate;
    plan->args[0] = inner.node;
    plan->args[1] = param.node;
    /* by (…) of count_values keeps the label it makes. */
    bool keeps_value = param.node && aggregate->op == AGGREGATE_COUNT_VALUES && !aggregate->without;
    *ret = (Planned){.node = plan, .invariant = inner.invariant, .wrap = inner.invariant};
    return sorted_names(planner, node->aggregate.grouping, node->aggregate.grouping_count,
                        keeps_value ? param.node->string : STR_EMPTY, &aggregate->labels,
                        &aggregate->label_count, err);
}

/* Calls that are a number once the times of the query are known. */
static bool call_number(const Planner *planner, FunctionId id, f64 *ret)
{
    const PlanTimes *times = planner->times;
    switch (id) {
    case FUNCTION_pi:
        *ret = M_PI;
        return true;
    case FUNCTION_start:
        *ret = (f64)times->start_ms / 1000;
        return true;
    case FUNCTION_end:
        *ret = (f64)times->end_ms / 1000;
        return true;
    case FUNCTION_range:
        *ret = (f64)(times->end_ms - times->start_ms) / 1000;
        return true;
    case FUNCTION_step:
        *ret = times->start_ms == times->end_ms ? 0 : (f64)times->step_ms / 1000;
        return true;
    default:
        return false;
    }
}

/* Functions that look at the time of evaluation, and so differ from step to step. */
static bool looks_at_time(FunctionId id)
{
    switch (id) {
    case FUNCTION_day_of_month:
    case FUNCTION_day_of_week:
    case FUNCTION_day_of_year:
    case FUNCTION_days_in_month:
    case FUNCTION_hour:
    case FUNCTION_minute:
    case FUNCTION_month:
    case FUNCTION_predict_linear:
    case FUNCTION_time:
    case FUNCTION_timestamp:
    case FUNCTION_year:
        return true;
    default:
        return false;
    }
}

static bool plan_args(Planner *planner, const Node *node, PlanNode *plan, bool *wraps,
                      bool *ret_invariant, Err *err)
{
    bool invariant = true;
    for (size_t i = 0; i < plan->arg_count; i++) {
        Planned arg;
        if (!plan_node(planner, node->call.args[i], &arg, err)) {
            return false;
        }
        plan->args[i] = arg.node;
        wraps[i] = arg.wrap;
        invariant = invariant && arg.invariant;
    }
    *ret_invariant = invariant;
    return true;
}

static bool plan_call(Planner *planner, const Node *node, Planned *ret, Err *err)
{
    FunctionId id = node->call.function->id;
    f64 number;
    if (call_number(planner, id, &number)) {
        return plan_number(planner, node, number, ret, err);
    }
    PlanNode *plan = new_node(planner, PLAN_CALL, node, node->call.arg_count, err);
    bool *wraps = ARENA_NEW(planner->arena, bool, node->call.arg_count + 1);
    bool args_invariant;
    if (!plan || !wraps) {
        return arena_full(planner->arena, err);
    }
    plan->function = id;
    if (!plan_args(planner, node, plan, wraps, &args_invariant, err)) {
        return false;
    }
    /* timestamp(foo @ 1) is the same everywhere; timestamp(abs(foo @ 1)) is not. */
    bool pinned = id == FUNCTION_timestamp && plan->args[0]->kind == PLAN_SELECTOR;
    bool invariant = args_invariant && (!looks_at_time(id) || pinned);
    *ret = (Planned){.node = plan, .invariant = invariant, .wrap = invariant};
    for (size_t i = 0; i < plan->arg_count && !invariant; i++) {
        if (wraps[i] && !wrap_arg(planner, &plan->args[i], err)) {
            return false;
        }
    }
    return true;
}

static bool plan_string(Planner *planner, const Node *node, Planned *ret, Err *err)
{
    PlanNode *plan = new_node(planner, PLAN_STRING, node, 0, err);
    if (!plan) {
        return false;
    }
    plan->string = node->string.value;
    *ret = (Planned){.node = plan, .invariant = true};
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows (QUERY_DEPTH_MAX) */
static bool plan_node(Planner *planner, const Node *node, Planned *ret, Err *err)
{
    switch (node->kind) {
    case NODE_NUMBER:
        return plan_number(planner, node, node->number.value, ret, err);
    case NODE_STRING:
        return plan_string(planner, node, ret, err);
    case NODE_VECTOR:
        return plan_vector(planner, node, ret, err);
    case NODE_MATRIX:
        return plan_matrix(planner, node, ret, err);
    case NODE_SUBQUERY:
        return plan_subquery(planner, node, ret, err);
    case NODE_PAREN:
    case NODE_STEP_INVARIANT:
        return plan_node(planner, node->paren.expr, ret, err);
    case NODE_UNARY:
        return plan_unary(planner, node, ret, err);
    case NODE_BINARY:
        return plan_binary(planner, node, ret, err);
    case NODE_AGGREGATE:
        return plan_aggregate(planner, node, ret, err);
    case NODE_CALL:
        return plan_call(planner, node, ret, err);
    case NODE_DURATION:
        break; /* only inside of [ ] and offset */
    }
    return err_set(err, ERR_INTERNAL, "a duration where an expression is needed");
}

/*
 * Under histogram_count, _sum or _avg buckets need not be kept, unless something on the way looks
 * at them, or a subquery may have to find resets in them again. NOLINTNEXTLINE(misc-no-recursion):
 * as deep as the parser allows (QUERY_DEPTH_MAX)
 */
static void mark_totals_only(PlanNode *node, bool totals, bool buckets)
{
    if (node->kind == PLAN_CALL) {
        FunctionId id = node->function;
        totals = totals || id == FUNCTION_histogram_count || id == FUNCTION_histogram_sum ||
                 id == FUNCTION_histogram_avg;
        buckets = buckets || id == FUNCTION_histogram_quantile ||
                  id == FUNCTION_histogram_quantiles || id == FUNCTION_histogram_fraction;
    }
    if (node->kind == PLAN_BINARY) {
        BinaryOp op = node->binary->op;
        buckets = buckets || op == BINARY_TRIM_LOWER || op == BINARY_TRIM_UPPER;
    }
    buckets = buckets || node->kind == PLAN_SUBQUERY;
    if (node->selector) {
        node->selector->totals_only = totals && !buckets;
    }
    for (size_t i = 0; i < node->arg_count; i++) {
        mark_totals_only(node->args[i], totals, buckets);
    }
}

bool plan_build(const Expr *expr, const PlanTimes *times, Arena *arena, PlanNode **ret, Err *err)
{
    Planner planner = {.times = times, .arena = arena};
    Planned root;
    bool ok = plan_node(&planner, expr->root, &root, err);
    if (ok && root.wrap) {
        ok = wrap_arg(&planner, &root.node, err);
    }
    if (ok) {
        mark_totals_only(root.node, false, false);
        *ret = root.node;
    }
    vec_done(&planner.selectors);
    return ok;
}
