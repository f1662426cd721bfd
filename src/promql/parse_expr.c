/*
 * Parse, expressions: operators by precedence, parentheses, aggregations, calls. See parser.h.
 *
 * Layer: promql. Memory: see ast.h. Thread: one a parse.
 */
#include "base/utf8.h"
#include "promql/functions.h"
#include "promql/parser.h"

/* How tight operators bind, from loose to tight. Unary signs bind as `*` does: -1^2 is -(1^2). */
typedef enum Precedence {
    BINDS_NOT,
    BINDS_OR,
    BINDS_AND,
    BINDS_COMPARISON,
    BINDS_SUM,
    BINDS_PRODUCT,
    BINDS_POWER,
} Precedence;

static const Precedence precedences[BINARY_OP_COUNT] = {
    [BINARY_ADD] = BINDS_SUM,
    [BINARY_SUB] = BINDS_SUM,
    [BINARY_MUL] = BINDS_PRODUCT,
    [BINARY_DIV] = BINDS_PRODUCT,
    [BINARY_MOD] = BINDS_PRODUCT,
    [BINARY_POW] = BINDS_POWER,
    [BINARY_ATAN2] = BINDS_PRODUCT,
    [BINARY_EQUAL] = BINDS_COMPARISON,
    [BINARY_NOT_EQUAL] = BINDS_COMPARISON,
    [BINARY_GREATER] = BINDS_COMPARISON,
    [BINARY_LESS] = BINDS_COMPARISON,
    [BINARY_GREATER_EQUAL] = BINDS_COMPARISON,
    [BINARY_LESS_EQUAL] = BINDS_COMPARISON,
    [BINARY_TRIM_UPPER] = BINDS_COMPARISON,
    [BINARY_TRIM_LOWER] = BINDS_COMPARISON,
    [BINARY_AND] = BINDS_AND,
    [BINARY_OR] = BINDS_OR,
    [BINARY_UNLESS] = BINDS_AND,
};

_Static_assert(TOKEN_UNLESS - TOKEN_ADD == BINARY_UNLESS, "tokens and operators in one order");
_Static_assert(TOKEN_LIMIT_RATIO - TOKEN_SUM == AGGREGATE_LIMIT_RATIO, "and aggregations");

static Node *parse_operand(Parser *parser);

static Precedence binary_precedence(TokenKind kind)
{
    if (kind < TOKEN_ADD || kind > TOKEN_UNLESS) {
        return BINDS_NOT;
    }
    return precedences[kind - TOKEN_ADD];
}

bool names_metric(TokenKind kind)
{
    switch (kind) {
    case TOKEN_IDENTIFIER:
    case TOKEN_METRIC_IDENTIFIER:
    case TOKEN_AND:
    case TOKEN_OR:
    case TOKEN_UNLESS:
    case TOKEN_BY:
    case TOKEN_FILL:
    case TOKEN_FILL_LEFT:
    case TOKEN_FILL_RIGHT:
    case TOKEN_OFFSET:
    case TOKEN_SMOOTHED:
    case TOKEN_ANCHORED:
    case TOKEN_WITHOUT:
        return true;
    default:
        return token_is_aggregation(kind) || kind >= TOKEN_START;
    }
}

bool starts_expr(TokenKind kind)
{
    switch (kind) {
    case TOKEN_LEFT_PAREN:
    case TOKEN_LEFT_BRACE:
    case TOKEN_STRING:
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
    case TOKEN_ADD:
    case TOKEN_SUB:
        return true;
    default:
        return names_metric(kind);
    }
}

/* Words that are labels between the parentheses of by, without, on, ignoring and group_x. */
static bool names_label(TokenKind kind)
{
    switch (kind) {
    case TOKEN_IDENTIFIER:
    case TOKEN_METRIC_IDENTIFIER:
    case TOKEN_AND:
    case TOKEN_OR:
    case TOKEN_UNLESS:
    case TOKEN_ATAN2:
        return true;
    case TOKEN_WITHOUT:
        return false; /* as in the original */
    default:
        return token_is_aggregation(kind) || token_is_keyword(kind) || kind >= TOKEN_START;
    }
}

static bool parse_grouping_label(Parser *parser, StrList *list)
{
    TokenKind kind = parser_peek(parser)->kind;
    if (kind != TOKEN_STRING && !names_label(kind)) {
        return parser_unexpected(parser, "grouping opts", "label");
    }
    Token token = parser_take(parser);
    Str name = token.text;
    if (kind == TOKEN_STRING && !string_value(parser, &token, &name)) {
        return false;
    }
    if (name.len == 0 || !utf8_valid(name)) {
        return parser_fail(parser, token.start, "invalid label name for grouping: %s",
                           parser_quote(parser, name));
    }
    return str_list_add(parser, list, name);
}

bool parse_grouping(Parser *parser, StrList *ret)
{
    *ret = (StrList){0};
    if (!parser_accept(parser, TOKEN_LEFT_PAREN)) {
        return parser_unexpected(parser, "grouping opts", "\"(\"");
    }
    while (!parser_accept(parser, TOKEN_RIGHT_PAREN)) {
        if (!parse_grouping_label(parser, ret)) {
            return false;
        }
        if (!parser_accept(parser, TOKEN_COMMA) && !parser_at(parser, TOKEN_RIGHT_PAREN)) {
            return parser_unexpected(parser, "grouping opts", "\",\" or \")\"");
        }
    }
    return true;
}

/* (5), (-5), (+1h): behind fill, fill_left, fill_right. */
static bool parse_fill_value(Parser *parser, f64 *ret)
{
    if (!parser_accept(parser, TOKEN_LEFT_PAREN)) {
        return parser_unexpected_in_expr(parser);
    }
    bool negative = parser_at(parser, TOKEN_SUB);
    if (negative || parser_at(parser, TOKEN_ADD)) {
        (void)parser_take(parser);
    }
    if (!parser_at(parser, TOKEN_NUMBER) && !parser_at(parser, TOKEN_DURATION)) {
        return parser_unexpected_in_expr(parser);
    }
    const Node *number = literal_number(parser);
    if (!number) {
        return false;
    }
    if (!parser_accept(parser, TOKEN_RIGHT_PAREN)) {
        return parser_unexpected_in_expr(parser);
    }
    *ret = negative ? -number->number.value : number->number.value;
    return true;
}

static bool parse_fill(Parser *parser, VectorMatching *matching)
{
    f64 value;
    TokenKind kind = parser_peek(parser)->kind;
    if (kind != TOKEN_FILL && kind != TOKEN_FILL_LEFT && kind != TOKEN_FILL_RIGHT) {
        return true;
    }
    (void)parser_take(parser);
    if (!parse_fill_value(parser, &value)) {
        return false;
    }
    if (kind != TOKEN_FILL_RIGHT) {
        matching->has_fill_left = true;
        matching->fill_left = value;
    }
    if (kind != TOKEN_FILL_LEFT) {
        matching->has_fill_right = true;
        matching->fill_right = value;
    }
    TokenKind other = kind == TOKEN_FILL_LEFT ? TOKEN_FILL_RIGHT : TOKEN_FILL_LEFT;
    if (kind == TOKEN_FILL || !parser_accept(parser, other)) {
        return true;
    }
    if (!parse_fill_value(parser, &value)) {
        return false;
    }
    if (other == TOKEN_FILL_LEFT) {
        matching->has_fill_left = true;
        matching->fill_left = value;
    } else {
        matching->has_fill_right = true;
        matching->fill_right = value;
    }
    return true;
}

static bool parse_matching_labels(Parser *parser, VectorMatching *matching)
{
    StrList labels;
    if (!parser_at(parser, TOKEN_ON) && !parser_at(parser, TOKEN_IGNORING)) {
        return true;
    }
    matching->on = parser_take(parser).kind == TOKEN_ON;
    if (!parse_grouping(parser, &labels)) {
        return false;
    }
    matching->labels = labels.at;
    matching->label_count = labels.count;
    if (!parser_at(parser, TOKEN_GROUP_LEFT) && !parser_at(parser, TOKEN_GROUP_RIGHT)) {
        return true;
    }
    bool left = parser_take(parser).kind == TOKEN_GROUP_LEFT;
    matching->card = left ? CARD_MANY_TO_ONE : CARD_ONE_TO_MANY;
    TokenKind next = parser_peek(parser)->kind;
    if (next != TOKEN_LEFT_PAREN && starts_expr(next)) {
        return true;
    }
    if (!parse_grouping(parser, &labels)) {
        return false;
    }
    matching->include = labels.at;
    matching->include_count = labels.count;
    return true;
}

static ValueType binary_type(const Node *lhs, const Node *rhs)
{
    bool scalars = lhs->type == VALUE_SCALAR && rhs->type == VALUE_SCALAR;
    return scalars ? VALUE_SCALAR : VALUE_VECTOR;
}

/* The operator is next. */
static Node *parse_binary_rest(Parser *parser, const Node *lhs, Node *(*parse_rhs)(Parser *, int))
{
    BinaryOp op = (BinaryOp)(parser_take(parser).kind - TOKEN_ADD);
    int binds = (int)precedences[op];
    bool return_bool = parser_accept(parser, TOKEN_BOOL);
    VectorMatching *matching = ARENA_NEW(parser->arena, VectorMatching, 1);
    if (!matching) {
        (void)parser_full(parser);
        return NULL;
    }
    if (!parse_matching_labels(parser, matching) || !parse_fill(parser, matching)) {
        return NULL;
    }
    const Node *rhs = parse_rhs(parser, op == BINARY_POW ? binds : binds + 1);
    if (!rhs) {
        return NULL;
    }
    if (!parser->opts.fill_modifiers && (matching->has_fill_left || matching->has_fill_right)) {
        (void)parser_fail(parser, lhs->at.start,
                          "binop fill modifiers are experimental and not enabled");
        return NULL;
    }
    Node *node = node_new(parser, NODE_BINARY, binary_type(lhs, rhs), lhs->at.start, rhs->at.end);
    if (!node) {
        return NULL;
    }
    node->binary.op = op;
    node->binary.return_bool = return_bool;
    node->binary.lhs = lhs;
    node->binary.rhs = rhs;
    node->binary.matching = matching;
    return node_seal(parser, node);
}

/* An operand and the operators behind it that bind at least as tight as `binds`. */
static Node *parse_binary(Parser *parser, int binds)
{
    if (!parser_enter(parser)) {
        return NULL;
    }
    Node *node = parse_operand(parser);
    while (node) {
        Precedence next = binary_precedence(parser_peek(parser)->kind);
        if (next == BINDS_NOT || (int)next < binds) {
            break;
        }
        node = parse_binary_rest(parser, node, parse_binary);
    }
    parser_leave(parser);
    return node;
}

Node *parse_expr(Parser *parser)
{
    return parse_binary(parser, BINDS_OR);
}

/* A sign; in front of a number it becomes part of it. */
static Node *parse_unary(Parser *parser)
{
    Token sign = parser_take(parser);
    bool negative = sign.kind == TOKEN_SUB;
    Node *operand = parse_binary(parser, BINDS_PRODUCT + 1);
    if (!operand) {
        return NULL;
    }
    if (operand->kind == NODE_NUMBER) {
        operand->number.value = negative ? -operand->number.value : operand->number.value;
        operand->at.start = sign.start;
        return operand;
    }
    Node *node = node_new(parser, NODE_UNARY, operand->type, sign.start, operand->at.end);
    if (!node) {
        return NULL;
    }
    node->unary.negative = negative;
    node->unary.expr = operand;
    return node_seal(parser, node);
}

static Node *parse_paren(Parser *parser)
{
    u32 start = parser_take(parser).start;
    const Node *inner = parse_expr(parser);
    if (!inner) {
        return NULL;
    }
    if (!parser_accept(parser, TOKEN_RIGHT_PAREN)) {
        (void)parser_unexpected_in_expr(parser);
        return NULL;
    }
    Node *node = node_new(parser, NODE_PAREN, inner->type, start, parser->last_end);
    if (!node) {
        return NULL;
    }
    node->paren.expr = inner;
    return node_seal(parser, node);
}

/* (a, b): the arguments of a call or an aggregation; the look-ahead is the parenthesis. */
static bool parse_args(Parser *parser, NodeList *ret)
{
    *ret = (NodeList){0};
    (void)parser_take(parser);
    if (parser_accept(parser, TOKEN_RIGHT_PAREN)) {
        return true;
    }
    for (;;) {
        const Node *arg = parse_expr(parser);
        if (!arg || !node_list_add(parser, ret, arg)) {
            return false;
        }
        if (parser_accept(parser, TOKEN_RIGHT_PAREN)) {
            return true;
        }
        if (!parser_at(parser, TOKEN_COMMA)) {
            return parser_unexpected_in_expr(parser);
        }
        u32 comma = parser_take(parser).start;
        if (!starts_expr(parser_peek(parser)->kind)) {
            return parser_fail(parser, comma, "trailing commas not allowed in function call args");
        }
    }
}

static Node *parse_call(Parser *parser, const Token *name)
{
    NodeList args;
    if (!parse_args(parser, &args)) {
        return NULL;
    }
    bool former_name = parser->opts.holt_winters && str_eq(name->text, S("holt_winters"));
    const Function *function = former_name ? function_get(FUNCTION_double_exponential_smoothing)
                                           : function_find(name->text);
    if (!function) {
        (void)parser_fail(parser, name->start, "unknown function with name %s",
                          parser_quote(parser, name->text));
        return NULL;
    }
    if (function->experimental && !former_name && !parser->opts.experimental_functions) {
        (void)parser_fail(parser, name->start, "function %s is not enabled",
                          parser_quote(parser, name->text));
        return NULL;
    }
    Node *node = node_new(parser, NODE_CALL, function->returns, name->start, parser->last_end);
    if (!node) {
        return NULL;
    }
    node->call.function = function;
    node->call.args = args.at;
    node->call.arg_count = args.count;
    return node_seal(parser, node);
}

static bool at_grouping(Parser *parser)
{
    return parser_at(parser, TOKEN_BY) || parser_at(parser, TOKEN_WITHOUT);
}

static bool parse_aggregate_grouping(Parser *parser, Node *node)
{
    StrList labels;
    node->aggregate.without = parser_take(parser).kind == TOKEN_WITHOUT;
    if (!parse_grouping(parser, &labels)) {
        return false;
    }
    node->aggregate.grouping = labels.at;
    node->aggregate.grouping_count = labels.count;
    return true;
}

/* by (…) (args) or (args) by (…) or (args) */
static bool parse_aggregate_parts(Parser *parser, Node *node, NodeList *ret_args)
{
    bool grouped = at_grouping(parser);
    if (grouped && !parse_aggregate_grouping(parser, node)) {
        return false;
    }
    if (!parser_at(parser, TOKEN_LEFT_PAREN)) {
        return parser_unexpected_in_expr(parser);
    }
    if (!parse_args(parser, ret_args)) {
        return false;
    }
    node->at.end = parser->last_end;
    if (grouped || !at_grouping(parser)) {
        return !parser->failed;
    }
    if (!parse_aggregate_grouping(parser, node)) {
        return false;
    }
    node->at.end = parser->last_end;
    return true;
}

static bool take_aggregate_args(Parser *parser, Node *node, const NodeList *args)
{
    AggregateOp op = node->aggregate.op;
    size_t wanted = aggregate_op_has_param(op) ? 2 : 1;
    bool experimental = op == AGGREGATE_LIMITK || op == AGGREGATE_LIMIT_RATIO;
    if (args->count == 0) {
        return parser_fail(parser, node->at.start,
                           "no arguments for aggregate expression provided");
    }
    if (experimental && !parser->opts.experimental_functions) {
        return parser_fail(parser, node->at.start,
                           "%s() is experimental and must be enabled with "
                           "--enable-feature=promql-experimental-functions",
                           aggregate_op_name(op));
    }
    if (args->count != wanted) {
        return parser_fail(parser, node->at.start,
                           "wrong number of arguments for aggregate expression provided, "
                           "expected %zu, got %zu",
                           wanted, args->count);
    }
    node->aggregate.param = wanted == 2 ? args->at[0] : NULL;
    node->aggregate.expr = args->at[wanted - 1];
    return true;
}

static Node *parse_aggregate(Parser *parser, const Token *name)
{
    NodeList args;
    Node *node = node_new(parser, NODE_AGGREGATE, VALUE_VECTOR, name->start, name->start);
    if (!node) {
        return NULL;
    }
    node->aggregate.op = (AggregateOp)(name->kind - TOKEN_SUM);
    parser->aggregations++;
    bool ok = parse_aggregate_parts(parser, node, &args);
    parser->aggregations--;
    if (!ok || !take_aggregate_args(parser, node, &args)) {
        return NULL;
    }
    return node_seal(parser, node);
}

static Node *parse_string(Parser *parser)
{
    Token token = parser_take(parser);
    Node *node = node_new(parser, NODE_STRING, VALUE_STRING, token.start, parser->last_end);
    if (!node || !string_value(parser, &token, &node->string.value)) {
        return NULL;
    }
    return node;
}

/* A word: what follows says whether it is a function, an aggregation or a metric. */
static Node *parse_word(Parser *parser)
{
    Token name = parser_take(parser);
    bool may_call = name.kind == TOKEN_IDENTIFIER || name.kind >= TOKEN_START;
    bool paren = parser_at(parser, TOKEN_LEFT_PAREN);
    if (parser->failed) {
        return NULL;
    }
    if (may_call && paren) {
        return parse_call(parser, &name);
    }
    if (token_is_aggregation(name.kind) && (paren || at_grouping(parser))) {
        return parse_aggregate(parser, &name);
    }
    return parse_named_selector(parser, &name);
}

static Node *parse_operand_start(Parser *parser)
{
    switch (parser_peek(parser)->kind) {
    case TOKEN_LEFT_PAREN:
        return parse_paren(parser);
    case TOKEN_LEFT_BRACE:
        return parse_vector_selector(parser);
    case TOKEN_STRING:
        return parse_string(parser);
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
        return literal_number(parser);
    default:
        if (names_metric(parser_peek(parser)->kind)) {
            return parse_word(parser);
        }
        (void)parser_unexpected_in_expr(parser);
        return NULL;
    }
}

static Node *parse_operand(Parser *parser)
{
    if (parser_at(parser, TOKEN_ADD) || parser_at(parser, TOKEN_SUB)) {
        return parse_unary(parser);
    }
    Node *node = parse_operand_start(parser);
    return node ? parse_postfix(parser, node) : NULL;
}
