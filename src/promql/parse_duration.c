/*
 * Parse, durations: what stands between the brackets of a range and behind `offset`. Numbers are
 * seconds, and arithmetic is allowed. See parser.h.
 *
 * Behind offset the grammar is greedy only in parentheses: in `up offset 5m + 3` the sum is the
 * expression's, in `up offset (5m) + 3` it is the duration's. So it is in the original.
 *
 * Layer: promql. Memory: see ast.h. Thread: one a parse.
 */
#include "promql/parser.h"

#include <math.h>

typedef enum DurationPrecedence {
    BINDS_NOT,
    BINDS_SUM,
    BINDS_PRODUCT,
    BINDS_POWER,
} DurationPrecedence;

static Node *parse_terms(Parser *parser, int binds, const DurationContext *context);

i64 seconds_to_ms(f64 seconds)
{
    f64 ns = round(seconds * 1e9);
    if (ns >= 0x1p63 || ns < -0x1p63) {
        return ns > 0 ? INT64_MAX / 1000000 : INT64_MIN / 1000000;
    }
    return (i64)ns / 1000000;
}

/* What nanoseconds in 64 bits hold. */
static bool out_of_range(f64 seconds)
{
    return seconds > 0x1p63 / 1e9 || seconds < -0x1p63 / 1e9;
}

static Node *unexpected(Parser *parser, const DurationContext *context)
{
    (void)parser_unexpected(parser, context->context, context->expected);
    return NULL;
}

static Node *duration_new(Parser *parser, DurationOp op, u32 start, const Node *left,
                          const Node *right)
{
    Node *node = node_new(parser, NODE_DURATION, VALUE_SCALAR, start, parser->last_end);
    if (!node) {
        return NULL;
    }
    node->duration.op = op;
    node->duration.left = left;
    node->duration.right = right;
    return node_seal(parser, node);
}

static Node *parse_literal(Parser *parser)
{
    Node *node = literal_number(parser);
    if (node && out_of_range(node->number.value)) {
        (void)parser_fail(parser, node->at.start, "duration out of range");
        return NULL;
    }
    return node;
}

/* A bare number keeps its parentheses by becoming +number. */
static Node *wrap(Parser *parser, Node *inner, u32 start)
{
    if (inner->kind == NODE_NUMBER) {
        inner = duration_new(parser, DURATION_PLUS, start, NULL, inner);
    }
    if (inner) {
        inner->duration.wrapped = true;
        inner->at = (TextRange){.start = start, .end = parser->last_end};
    }
    return inner;
}

static Node *parse_wrapped(Parser *parser, const DurationContext *context)
{
    u32 start = parser_take(parser).start;
    Node *inner = parse_terms(parser, BINDS_SUM, context);
    if (!inner) {
        return NULL;
    }
    if (!parser_accept(parser, TOKEN_RIGHT_PAREN)) {
        return unexpected(parser, context);
    }
    return wrap(parser, inner, start);
}

/* step() range() */
static Node *parse_of_query(Parser *parser, const DurationContext *context)
{
    Token name = parser_take(parser);
    if (!parser_accept(parser, TOKEN_LEFT_PAREN) || !parser_accept(parser, TOKEN_RIGHT_PAREN)) {
        return unexpected(parser, context);
    }
    DurationOp op = name.kind == TOKEN_STEP ? DURATION_STEP : DURATION_RANGE;
    return duration_new(parser, op, name.start, NULL, NULL);
}

/* min_of(a, b) max_of(a, b) */
static Node *parse_of_two(Parser *parser, const DurationContext *context)
{
    Token name = parser_take(parser);
    if (!parser_accept(parser, TOKEN_LEFT_PAREN)) {
        return unexpected(parser, context);
    }
    const Node *left = parse_terms(parser, BINDS_SUM, context);
    if (!left) {
        return NULL;
    }
    if (!parser_accept(parser, TOKEN_COMMA)) {
        return unexpected(parser, context);
    }
    const Node *right = parse_terms(parser, BINDS_SUM, context);
    if (!right) {
        return NULL;
    }
    if (!parser_accept(parser, TOKEN_RIGHT_PAREN)) {
        return unexpected(parser, context);
    }
    DurationOp op = name.kind == TOKEN_MIN_OF ? DURATION_MIN_OF : DURATION_MAX_OF;
    return duration_new(parser, op, name.start, left, right);
}

static Node *apply_sign(Parser *parser, const Token *sign, Node *operand)
{
    if (operand->kind == NODE_DURATION) {
        return sign->kind == TOKEN_SUB
                   ? duration_new(parser, DURATION_MINUS, sign->start, NULL, operand)
                   : operand;
    }
    if (sign->kind == TOKEN_SUB) {
        operand->number.value = -operand->number.value;
    }
    operand->at.start = sign->start;
    return operand;
}

static Node *parse_signed(Parser *parser, const DurationContext *context)
{
    Token sign = parser_take(parser);
    Node *operand = parse_terms(parser, BINDS_POWER, context);
    return operand ? apply_sign(parser, &sign, operand) : NULL;
}

static Node *parse_term(Parser *parser, const DurationContext *context)
{
    switch (parser_peek(parser)->kind) {
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
        return parse_literal(parser);
    case TOKEN_ADD:
    case TOKEN_SUB:
        return parse_signed(parser, context);
    case TOKEN_STEP:
    case TOKEN_RANGE:
        return parse_of_query(parser, context);
    case TOKEN_MIN_OF:
    case TOKEN_MAX_OF:
        return parse_of_two(parser, context);
    case TOKEN_LEFT_PAREN:
        return parse_wrapped(parser, context);
    default:
        return unexpected(parser, context);
    }
}

static DurationPrecedence operator_at(Parser *parser, DurationOp *ret)
{
    switch (parser_peek(parser)->kind) {
    case TOKEN_ADD:
        *ret = DURATION_ADD;
        return BINDS_SUM;
    case TOKEN_SUB:
        *ret = DURATION_SUB;
        return BINDS_SUM;
    case TOKEN_MUL:
        *ret = DURATION_MUL;
        return BINDS_PRODUCT;
    case TOKEN_DIV:
        *ret = DURATION_DIV;
        return BINDS_PRODUCT;
    case TOKEN_MOD:
        *ret = DURATION_MOD;
        return BINDS_PRODUCT;
    case TOKEN_POW:
        *ret = DURATION_POW;
        return BINDS_POWER;
    default:
        return BINDS_NOT;
    }
}

/* The operators behind `left` that bind at least as tight as `binds`. */
static Node *parse_more_terms(Parser *parser, Node *left, int binds, const DurationContext *context)
{
    DurationOp op = DURATION_ADD;
    while (left) {
        DurationPrecedence next = operator_at(parser, &op);
        if (next == BINDS_NOT || (int)next < binds) {
            return parser->failed ? NULL : left;
        }
        u32 sign = parser_take(parser).start;
        const Node *right =
            parse_terms(parser, op == DURATION_POW ? (int)next : (int)next + 1, context);
        if (!right) {
            return NULL;
        }
        bool zero = right->kind == NODE_NUMBER && right->number.value == 0;
        if (zero && (op == DURATION_DIV || op == DURATION_MOD)) {
            (void)parser_fail(parser, sign, "%s by zero",
                              op == DURATION_DIV ? "division" : "modulo");
            return NULL;
        }
        left = duration_new(parser, op, left->at.start, left, right);
    }
    return NULL;
}

static Node *parse_terms(Parser *parser, int binds, const DurationContext *context)
{
    if (!parser_enter(parser)) {
        return NULL;
    }
    Node *node = parse_term(parser, context);
    node = node ? parse_more_terms(parser, node, binds, context) : NULL;
    parser_leave(parser);
    return node;
}

Node *parse_duration(Parser *parser, const DurationContext *context)
{
    return parse_terms(parser, BINDS_SUM, context);
}

/* Behind offset and a sign. */
static Node *parse_signed_offset(Parser *parser, const DurationContext *context)
{
    Token sign = parser_take(parser);
    DurationOp op = sign.kind == TOKEN_SUB ? DURATION_MINUS : DURATION_PLUS;
    Node *operand;
    switch (parser_peek(parser)->kind) {
    case TOKEN_NUMBER:
    case TOKEN_DURATION:
        operand = literal_number(parser);
        if (operand && out_of_range(operand->number.value)) {
            (void)parser_fail(parser, sign.start, "duration out of range");
            return NULL;
        }
        return operand ? apply_sign(parser, &sign, operand) : NULL;
    case TOKEN_STEP:
    case TOKEN_RANGE:
    case TOKEN_MIN_OF:
    case TOKEN_MAX_OF:
        operand = parse_term(parser, context);
        return operand ? duration_new(parser, op, sign.start, NULL, operand) : NULL;
    case TOKEN_LEFT_PAREN:
        operand = parse_wrapped(parser, context);
        return operand ? apply_sign(parser, &sign, operand) : NULL;
    default:
        operand = parse_terms(parser, BINDS_POWER, context);
        operand = operand ? apply_sign(parser, &sign, operand) : NULL;
        return parse_more_terms(parser, operand, BINDS_SUM, context);
    }
}

Node *parse_offset_duration(Parser *parser, const DurationContext *context)
{
    switch (parser_peek(parser)->kind) {
    case TOKEN_ADD:
    case TOKEN_SUB:
        return parse_signed_offset(parser, context);
    case TOKEN_LEFT_PAREN:
        return parse_more_terms(parser, parse_wrapped(parser, context), BINDS_SUM, context);
    default:
        return parse_term(parser, context);
    }
}
