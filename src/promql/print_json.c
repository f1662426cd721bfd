/*
 * Print, as JSON: the tree in the shape of the original's /api/v1/parse_query. See print.h.
 *
 * Layer: promql. Memory: the caller's Buf. Thread: any.
 */
#include "codec/number.h"
#include "promql/functions.h"
#include "promql/print.h"

static void put_type(JsonWriter *writer, const char *type)
{
    json_key_str(writer, "type", str_from(type));
}

static void put_node(JsonWriter *writer, Str key, const Node *node)
{
    json_key(writer, key);
    if (node) {
        node_json(writer, node);
    } else {
        json_put_null(writer);
    }
}

static void put_strings(JsonWriter *writer, Str key, const Str *strings, size_t count)
{
    json_key(writer, key);
    json_array(writer);
    for (size_t i = 0; i < count; i++) {
        json_put_str(writer, strings[i]);
    }
    json_array_end(writer);
}

static void put_number_text(JsonWriter *writer, f64 value)
{
    char text[F64_TEXT_MAX];
    json_key_str(writer, "val", ((Str){.ptr = text, .len = f64_format_f(text, value)}));
}

static const char *duration_op_name(DurationOp op)
{
    static const char *const names[] = {
        [DURATION_ADD] = "+",       [DURATION_SUB] = "-",         [DURATION_MUL] = "*",
        [DURATION_DIV] = "/",       [DURATION_MOD] = "%",         [DURATION_POW] = "^",
        [DURATION_PLUS] = "+",      [DURATION_MINUS] = "-",       [DURATION_STEP] = "step",
        [DURATION_RANGE] = "range", [DURATION_MIN_OF] = "min_of", [DURATION_MAX_OF] = "max_of",
    };
    return names[op];
}

/* A number inside a duration also says whether it had units. */
static void put_duration(JsonWriter *writer, Str key, const Node *node)
{
    json_key(writer, key);
    if (!node) {
        json_put_null(writer);
        return;
    }
    json_object(writer);
    if (node->kind == NODE_NUMBER) {
        json_key_bool(writer, "duration", node->number.is_duration);
        put_type(writer, "numberLiteral");
        put_number_text(writer, node->number.value);
    } else {
        put_duration(writer, S("lhs"), node->duration.left);
        json_key_str(writer, "op", str_from(duration_op_name(node->duration.op)));
        put_duration(writer, S("rhs"), node->duration.right);
        put_type(writer, "durationExpr");
        json_key_bool(writer, "wrapped", node->duration.wrapped);
    }
    json_object_end(writer);
}

static void put_matchers(JsonWriter *writer, const Node *selector)
{
    static const char *const signs[] = {
        [MATCH_EQUAL] = "=",
        [MATCH_NOT_EQUAL] = "!=",
        [MATCH_REGEX] = "=~",
        [MATCH_NOT_REGEX] = "!~",
    };
    json_key(writer, S("matchers"));
    json_array(writer);
    for (size_t i = 0; i < selector->vector.matcher_count; i++) {
        const Matcher *matcher = &selector->vector.matchers[i];
        json_object(writer);
        json_key_str(writer, "name", matcher->name);
        json_key_str(writer, "type", str_from(signs[matcher->kind]));
        json_key_str(writer, "value", matcher->value);
        json_object_end(writer);
    }
    json_array_end(writer);
}

static void put_offset(JsonWriter *writer, const TimeShift *shift)
{
    json_key_i64(writer, "offset", shift->offset_ms);
    put_duration(writer, S("offsetExpr"), shift->offset_expr);
}

static void put_start_or_end(JsonWriter *writer, const TimeShift *shift)
{
    json_key(writer, S("startOrEnd"));
    if (shift->at == AT_START || shift->at == AT_END) {
        json_put_str(writer, shift->at == AT_START ? S("start") : S("end"));
    } else {
        json_put_null(writer);
    }
}

static void put_timestamp(JsonWriter *writer, const TimeShift *shift)
{
    json_key(writer, S("timestamp"));
    if (shift->at == AT_TIME) {
        json_put_i64(writer, shift->at_ms);
    } else {
        json_put_null(writer);
    }
}

/* `matrix` adds the range; NULL for an instant selector. */
static void put_selector(JsonWriter *writer, const Node *selector, const Node *matrix)
{
    const TimeShift *shift = &selector->vector.shift;
    json_key_bool(writer, "anchored", selector->vector.mode == SELECTOR_ANCHORED);
    put_matchers(writer, selector);
    json_key_str(writer, "name", selector->vector.name);
    put_offset(writer, shift);
    if (matrix) {
        json_key_i64(writer, "range", matrix->matrix.range_ms);
        put_duration(writer, S("rangeExpr"), matrix->matrix.range_expr);
    }
    json_key_bool(writer, "smoothed", selector->vector.mode == SELECTOR_SMOOTHED);
    put_start_or_end(writer, shift);
    put_timestamp(writer, shift);
    put_type(writer, matrix ? "matrixSelector" : "vectorSelector");
}

static void put_subquery(JsonWriter *writer, const Node *node)
{
    put_node(writer, S("expr"), node->subquery.expr);
    put_offset(writer, &node->subquery.shift);
    json_key_i64(writer, "range", node->subquery.range_ms);
    put_duration(writer, S("rangeExpr"), node->subquery.range_expr);
    put_start_or_end(writer, &node->subquery.shift);
    json_key_i64(writer, "step", node->subquery.step_ms);
    put_duration(writer, S("stepExpr"), node->subquery.step_expr);
    put_timestamp(writer, &node->subquery.shift);
    put_type(writer, "subquery");
}

static void put_fill_value(JsonWriter *writer, Str key, bool there, f64 value)
{
    json_key(writer, key);
    if (there) {
        json_put_f64(writer, value);
    } else {
        json_put_null(writer);
    }
}

static void put_matching(JsonWriter *writer, const VectorMatching *matching)
{
    static const char *const cards[] = {
        [CARD_ONE_TO_ONE] = "one-to-one",
        [CARD_MANY_TO_ONE] = "many-to-one",
        [CARD_ONE_TO_MANY] = "one-to-many",
        [CARD_MANY_TO_MANY] = "many-to-many",
    };
    json_key(writer, S("matching"));
    if (!matching) {
        json_put_null(writer);
        return;
    }
    json_object(writer);
    json_key_str(writer, "card", str_from(cards[matching->card]));
    json_key(writer, S("fillValues"));
    json_object(writer);
    put_fill_value(writer, S("lhs"), matching->has_fill_left, matching->fill_left);
    put_fill_value(writer, S("rhs"), matching->has_fill_right, matching->fill_right);
    json_object_end(writer);
    put_strings(writer, S("include"), matching->include, matching->include_count);
    put_strings(writer, S("labels"), matching->labels, matching->label_count);
    json_key_bool(writer, "on", matching->on);
    json_object_end(writer);
}

static void put_binary(JsonWriter *writer, const Node *node)
{
    json_key_bool(writer, "bool", node->binary.return_bool);
    put_node(writer, S("lhs"), node->binary.lhs);
    put_matching(writer, node->binary.matching);
    json_key_str(writer, "op", str_from(binary_op_name(node->binary.op)));
    put_node(writer, S("rhs"), node->binary.rhs);
    put_type(writer, "binaryExpr");
}

static void put_aggregate(JsonWriter *writer, const Node *node)
{
    put_node(writer, S("expr"), node->aggregate.expr);
    put_strings(writer, S("grouping"), node->aggregate.grouping, node->aggregate.grouping_count);
    json_key_str(writer, "op", str_from(aggregate_op_name(node->aggregate.op)));
    put_node(writer, S("param"), node->aggregate.param);
    put_type(writer, "aggregation");
    json_key_bool(writer, "without", node->aggregate.without);
}

static void put_call(JsonWriter *writer, const Node *node)
{
    const Function *function = node->call.function;
    json_key(writer, S("args"));
    json_array(writer);
    for (size_t i = 0; i < node->call.arg_count; i++) {
        node_json(writer, node->call.args[i]);
    }
    json_array_end(writer);
    json_key(writer, S("func"));
    json_object(writer);
    json_key(writer, S("argTypes"));
    json_array(writer);
    for (size_t i = 0; i < function->arg_count; i++) {
        json_put_str(writer, str_from(value_type_name(function->args[i])));
    }
    json_array_end(writer);
    json_key_str(writer, "name", function->name);
    json_key_str(writer, "returnType", str_from(value_type_name(function->returns)));
    json_key_i64(writer, "variadic", function->variadic);
    json_object_end(writer);
    put_type(writer, "call");
}

static void put_members(JsonWriter *writer, const Node *node)
{
    switch (node->kind) {
    case NODE_NUMBER:
        put_type(writer, "numberLiteral");
        put_number_text(writer, node->number.value);
        return;
    case NODE_STRING:
        put_type(writer, "stringLiteral");
        json_key_str(writer, "val", node->string.value);
        return;
    case NODE_VECTOR:
        put_selector(writer, node, NULL);
        return;
    case NODE_MATRIX:
        put_selector(writer, node->matrix.selector, node);
        return;
    case NODE_SUBQUERY:
        put_subquery(writer, node);
        return;
    case NODE_PAREN:
        put_node(writer, S("expr"), node->paren.expr);
        put_type(writer, "parenExpr");
        return;
    case NODE_UNARY:
        put_node(writer, S("expr"), node->unary.expr);
        json_key_str(writer, "op", node->unary.negative ? S("-") : S("+"));
        put_type(writer, "unaryExpr");
        return;
    case NODE_BINARY:
        put_binary(writer, node);
        return;
    case NODE_AGGREGATE:
        put_aggregate(writer, node);
        return;
    case NODE_CALL:
        put_call(writer, node);
        return;
    case NODE_STEP_INVARIANT: /* node_json looks through it */
    case NODE_DURATION:       /* put_duration writes it */
        return;
    }
}

void node_json(JsonWriter *writer, const Node *node)
{
    while (node->kind == NODE_STEP_INVARIANT) {
        node = node->paren.expr;
    }
    json_object(writer);
    put_members(writer, node);
    json_object_end(writer);
}
