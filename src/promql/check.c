/* Check: see check.h. Layer: promql. Memory: none. Thread: the parse's own. */
#include "promql/check.h"

#include "base/quote.h"
#include "promql/functions.h"
#include "promql/position.h"

typedef struct Check {
    Str text;
    Err *err;
} Check;

static bool check_node(const Check *check, const Node *node);

static const char *quoted(Str s, char to[QUOTE_TEXT_MAX])
{
    return quote_text(to, s);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where the operator stands: behind the left side and white space. */
static u32 operator_pos(const Check *check, const Node *node)
{
    u32 pos = node->binary.lhs->at.end;
    while (pos < check->text.len && is_space(check->text.ptr[pos])) {
        pos++;
    }
    return pos;
}

static bool check_aggregate(const Check *check, const Node *node)
{
    const Node *expr = node->aggregate.expr;
    const Node *param = node->aggregate.param;
    if (!check_node(check, expr)) {
        return false;
    }
    if (expr->type != VALUE_VECTOR) {
        return query_error(check->err, check->text, expr->at.start,
                           "expected type instant vector in aggregation expression, got %s",
                           value_type_title(expr->type));
    }
    if (!param) {
        return true;
    }
    if (!check_node(check, param)) {
        return false;
    }
    ValueType wanted = node->aggregate.op == AGGREGATE_COUNT_VALUES ? VALUE_STRING : VALUE_SCALAR;
    if (param->type != wanted) {
        return query_error(check->err, check->text, param->at.start,
                           "expected type %s in aggregation parameter, got %s",
                           value_type_title(wanted), value_type_title(param->type));
    }
    return true;
}

static bool is_operand(const Node *node)
{
    return node->type == VALUE_SCALAR || node->type == VALUE_VECTOR;
}

static bool check_binary_operator(const Check *check, const Node *node)
{
    BinaryOp op = node->binary.op;
    const VectorMatching *matching = node->binary.matching;
    char text[QUOTE_TEXT_MAX];
    if (node->binary.return_bool && !binary_op_is_comparison(op)) {
        return query_error(check->err, check->text, operator_pos(check, node),
                           "bool modifier can only be used on comparison operators");
    }
    if (binary_op_is_comparison(op) && !node->binary.return_bool && node->type == VALUE_SCALAR) {
        return query_error(check->err, check->text, operator_pos(check, node),
                           "comparisons between scalars must use BOOL modifier");
    }
    for (size_t i = 0; matching->on && i < matching->label_count; i++) {
        for (size_t j = 0; j < matching->include_count; j++) {
            if (str_eq(matching->labels[i], matching->include[j])) {
                return query_error(check->err, check->text, operator_pos(check, node),
                                   "label %s must not occur in ON and GROUP clause at once",
                                   quoted(matching->labels[i], text));
            }
        }
    }
    return true;
}

static bool check_matching(const Check *check, const Node *node)
{
    BinaryOp op = node->binary.op;
    const VectorMatching *matching = node->binary.matching;
    bool fills = matching->has_fill_left || matching->has_fill_right;
    const Node *lhs = node->binary.lhs;
    const Node *rhs = node->binary.rhs;
    u32 pos = node->at.start;
    if (lhs->type != VALUE_VECTOR || rhs->type != VALUE_VECTOR) {
        if (matching->label_count > 0) {
            return query_error(check->err, check->text, pos,
                               "vector matching only allowed between instant vectors");
        }
        if (fills) {
            return query_error(check->err, check->text, pos,
                               "filling in missing series only allowed between instant vectors");
        }
        if (binary_op_is_set(op)) {
            return query_error(check->err, check->text, pos,
                               "set operator \"%s\" not allowed in binary scalar expression",
                               binary_op_name(op));
        }
        return true;
    }
    if (binary_op_is_set(op) && matching->card != CARD_MANY_TO_MANY) {
        return query_error(check->err, check->text, pos, "no grouping allowed for \"%s\" operation",
                           binary_op_name(op));
    }
    if (binary_op_is_set(op) && fills) {
        return query_error(check->err, check->text, pos,
                           "filling in missing series not allowed for set operators");
    }
    return true;
}

/* What types decide about the matching; the tree is still the parse's own. */
static void settle_matching(const Node *node)
{
    VectorMatching *matching = (VectorMatching *)node->binary.matching;
    if (binary_op_is_set(node->binary.op) && matching->card == CARD_ONE_TO_ONE) {
        matching->card = CARD_MANY_TO_MANY;
    }
}

static bool check_binary(const Check *check, const Node *node)
{
    const Node *lhs = node->binary.lhs;
    const Node *rhs = node->binary.rhs;
    if (!check_node(check, lhs) || !check_node(check, rhs)) {
        return false;
    }
    settle_matching(node);
    if (!check_binary_operator(check, node)) {
        return false;
    }
    if (!is_operand(lhs) || !is_operand(rhs)) {
        return query_error(check->err, check->text, is_operand(lhs) ? rhs->at.start : lhs->at.start,
                           "binary expression must contain only scalar and instant vector types");
    }
    if (!check_matching(check, node)) {
        return false;
    }
    if (lhs->type != VALUE_VECTOR || rhs->type != VALUE_VECTOR) {
        ((Node *)node)->binary.matching = NULL;
    }
    return true;
}

static bool check_arg_count(const Check *check, const Node *node)
{
    const Function *function = node->call.function;
    size_t count = node->call.arg_count;
    size_t declared = function->arg_count;
    const char *bound = NULL;
    size_t wanted = declared;
    if (function->variadic == 0 && count != declared) {
        bound = "";
    } else if (function->variadic != 0 && count < declared - 1) {
        bound = "at least ";
        wanted = declared - 1;
    } else if (function->variadic > 0 && count > declared - 1 + (size_t)function->variadic) {
        bound = "at most ";
        wanted = declared - 1 + (size_t)function->variadic;
    }
    if (!bound) {
        return true;
    }
    return query_error(check->err, check->text, node->at.start,
                       "expected %s%zu argument(s) in call to \"" STR_FMT "\", got %zu", bound,
                       wanted, STR_ARG(function->name), count);
}

/* info's second argument says which labels to add: a selector without a name. */
static bool check_info_labels(const Check *check, const Node *node)
{
    const Node *labels = node->call.args[1];
    if (labels->type != VALUE_VECTOR) {
        return query_error(check->err, check->text, node->at.start,
                           "expected type instant vector in call to function \"info\", got %s",
                           value_type_title(labels->type));
    }
    if (labels->kind != NODE_VECTOR) {
        return query_error(check->err, check->text, labels->at.start,
                           "expected label selectors only");
    }
    if (labels->vector.name.len > 0) {
        return query_error(check->err, check->text, labels->at.start,
                           "expected label selectors only, got vector selector instead");
    }
    return true;
}

static bool check_call(const Check *check, const Node *node)
{
    const Function *function = node->call.function;
    if (!check_arg_count(check, node)) {
        return false;
    }
    bool info = function->id == FUNCTION_info && node->call.arg_count > 1;
    if (info && !check_info_labels(check, node)) {
        return false;
    }
    for (size_t i = 0; i < node->call.arg_count; i++) {
        const Node *arg = node->call.args[i];
        ValueType wanted = function->args[MIN(i, (size_t)function->arg_count - 1)];
        bool may_select_all = info && i == 1;
        if (!may_select_all && !check_node(check, arg)) {
            return false;
        }
        if (arg->type != wanted) {
            return query_error(check->err, check->text, arg->at.start,
                               "expected type %s in call to function \"" STR_FMT "\", got %s",
                               value_type_title(wanted), STR_ARG(function->name),
                               value_type_title(arg->type));
        }
    }
    return true;
}

static bool check_unary(const Check *check, const Node *node)
{
    const Node *expr = node->unary.expr;
    if (!check_node(check, expr)) {
        return false;
    }
    if (!is_operand(expr)) {
        return query_error(check->err, check->text, node->at.start,
                           "unary expression only allowed on expressions of type scalar or instant "
                           "vector, got \"%s\"",
                           value_type_title(expr->type));
    }
    return true;
}

static bool check_subquery(const Check *check, const Node *node)
{
    const Node *expr = node->subquery.expr;
    if (!check_node(check, expr)) {
        return false;
    }
    if (expr->type != VALUE_VECTOR) {
        return query_error(check->err, check->text, node->at.start,
                           "subquery is only allowed on instant vector, got %s instead",
                           value_type_name(expr->type));
    }
    return true;
}

/* A name outside the braces is the last matcher. */
static bool check_vector(const Check *check, const Node *node)
{
    const Matcher *matchers = node->vector.matchers;
    size_t count = node->vector.matcher_count;
    char name[QUOTE_TEXT_MAX];
    char value[QUOTE_TEXT_MAX];
    if (node->vector.name.len > 0) {
        for (size_t i = 0; i + 1 < count; i++) {
            if (str_eq(matchers[i].name, LABEL_NAME)) {
                return query_error(check->err, check->text, node->at.start,
                                   "metric name must not be set twice: %s or %s",
                                   quoted(node->vector.name, name),
                                   quoted(matchers[i].value, value));
            }
        }
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (!matcher_matches_empty(&matchers[i])) {
            return true;
        }
    }
    return query_error(check->err, check->text, node->at.start,
                       "vector selector must contain at least one non-empty matcher");
}

static bool check_node(const Check *check, const Node *node)
{
    switch (node->kind) {
    case NODE_NUMBER:
    case NODE_STRING:
    case NODE_DURATION:
        return true;
    case NODE_VECTOR:
        return check_vector(check, node);
    case NODE_MATRIX:
        return check_vector(check, node->matrix.selector);
    case NODE_SUBQUERY:
        return check_subquery(check, node);
    case NODE_PAREN:
    case NODE_STEP_INVARIANT:
        return check_node(check, node->paren.expr);
    case NODE_UNARY:
        return check_unary(check, node);
    case NODE_BINARY:
        return check_binary(check, node);
    case NODE_AGGREGATE:
        return check_aggregate(check, node);
    case NODE_CALL:
        return check_call(check, node);
    }
    return true;
}

bool expr_check(Node *root, Str text, Err *err)
{
    const Check check = {.text = text, .err = err};
    return check_node(&check, root);
}
