/*
 * Parse, selectors: names and matchers, and what may stand behind an operand: @, offset, ranges,
 * subqueries, anchored, smoothed. See parser.h.
 *
 * Layer: promql. Memory: see ast.h. Thread: one a parse.
 */
#include "promql/parser.h"

#include <math.h>

static bool add_matcher(Parser *parser, MatchKind kind, Str name, Str value, u32 pos)
{
    Err cause;
    if (!parser_grow(parser, (void **)&parser->matchers, &parser->matcher_capacity,
                     parser->matcher_count, sizeof(*parser->matchers))) {
        return false;
    }
    if (!matcher_init(&parser->matchers[parser->matcher_count], kind, name, value, &cause)) {
        return parser_fail(parser, pos, "%s", cause.message);
    }
    parser->matcher_count++;
    return true;
}

static bool match_kind(TokenKind kind, MatchKind *ret)
{
    switch (kind) {
    case TOKEN_ASSIGN:
        *ret = MATCH_EQUAL;
        return true;
    case TOKEN_NOT_EQUAL:
        *ret = MATCH_NOT_EQUAL;
        return true;
    case TOKEN_MATCH_REGEX:
        *ret = MATCH_REGEX;
        return true;
    case TOKEN_NOT_MATCH_REGEX:
        *ret = MATCH_NOT_REGEX;
        return true;
    default:
        return false;
    }
}

/* job="x", "job"="x", or "metric.name" alone. */
static bool parse_matcher(Parser *parser)
{
    TokenKind kind = parser_peek(parser)->kind;
    if (kind != TOKEN_IDENTIFIER && kind != TOKEN_STRING) {
        return parser_unexpected(parser, "label matching", "identifier or \"}\"");
    }
    Token token = parser_take(parser);
    Str name = token.text;
    if (kind == TOKEN_STRING && !string_value(parser, &token, &name)) {
        return false;
    }
    MatchKind match;
    if (!match_kind(parser_peek(parser)->kind, &match)) {
        if (kind == TOKEN_STRING && !parser->failed) {
            return add_matcher(parser, MATCH_EQUAL, LABEL_NAME, name, token.start);
        }
        return parser_unexpected(parser, "label matching", "label matching operator");
    }
    (void)parser_take(parser);
    if (!parser_at(parser, TOKEN_STRING)) {
        return parser_unexpected(parser, "label matching", "string");
    }
    Token text = parser_take(parser);
    Str value;
    return string_value(parser, &text, &value) &&
           add_matcher(parser, match, name, value, token.start);
}

/* {…}; the look-ahead is the brace. */
static bool parse_matchers(Parser *parser)
{
    (void)parser_take(parser);
    while (!parser_accept(parser, TOKEN_RIGHT_BRACE)) {
        if (!parse_matcher(parser)) {
            return false;
        }
        if (!parser_accept(parser, TOKEN_COMMA) && !parser_at(parser, TOKEN_RIGHT_BRACE)) {
            return parser_unexpected(parser, "label matching", "\",\" or \"}\"");
        }
    }
    return true;
}

/* Gives the matchers in work to a new selector. */
static Node *finish_selector(Parser *parser, u32 start, Str name)
{
    if (name.len > 0 && !add_matcher(parser, MATCH_EQUAL, LABEL_NAME, name, start)) {
        return NULL;
    }
    Node *node = node_new(parser, NODE_VECTOR, VALUE_VECTOR, start, parser->last_end);
    if (!node) {
        return NULL;
    }
    node->vector.name = name;
    node->vector.matchers = parser->matchers;
    node->vector.matcher_count = parser->matcher_count;
    node->vector.next = parser->selectors;
    parser->selectors = node;
    parser->matchers = NULL;
    parser->matcher_count = 0;
    parser->matcher_capacity = 0;
    return node;
}

Node *parse_named_selector(Parser *parser, const Token *name)
{
    if (parser_at(parser, TOKEN_LEFT_BRACE) && !parse_matchers(parser)) {
        return NULL;
    }
    return parser->failed ? NULL : finish_selector(parser, name->start, name->text);
}

Node *parse_vector_selector(Parser *parser)
{
    if (!parser_at(parser, TOKEN_LEFT_BRACE)) {
        Token name = parser_take(parser);
        return parse_named_selector(parser, &name);
    }
    u32 start = parser_peek(parser)->start;
    return parse_matchers(parser) ? finish_selector(parser, start, STR_EMPTY) : NULL;
}

/* The selector whose time a modifier behind `node` changes; NULL when there is none. */
static TimeShift *shift_of(Node *node)
{
    switch (node->kind) {
    case NODE_VECTOR:
        return &node->vector.shift;
    case NODE_MATRIX:
        return &((Node *)node->matrix.selector)->vector.shift; /* the parse still owns the tree */
    case NODE_SUBQUERY:
        return &node->subquery.shift;
    default:
        return NULL;
    }
}

static Node *parse_offset(Parser *parser, Node *node)
{
    static const DurationContext context = {"offset", "number, duration, step(), or range()"};
    (void)parser_take(parser);
    const Node *offset = parse_offset_duration(parser, &context);
    if (!offset) {
        return NULL;
    }
    TimeShift *shift = shift_of(node);
    if (!shift) {
        (void)parser_fail(parser, node->at.start,
                          "offset modifier must be preceded by an instant vector selector or "
                          "range vector selector or a subquery");
        return NULL;
    }
    if (shift->offset_ms != 0 || shift->offset_expr) {
        (void)parser_fail(parser, node->at.start, "offset may not be set multiple times");
        return NULL;
    }
    if (offset->kind == NODE_NUMBER) {
        shift->offset_ms = seconds_to_ms(offset->number.value);
    } else {
        shift->offset_expr = offset;
    }
    node->at.end = parser->last_end;
    return node;
}

/* [+-]number behind @ */
static bool parse_timestamp(Parser *parser, f64 *ret)
{
    bool negative = parser_at(parser, TOKEN_SUB);
    if (negative || parser_at(parser, TOKEN_ADD)) {
        (void)parser_take(parser);
    }
    if (!parser_at(parser, TOKEN_NUMBER) && !parser_at(parser, TOKEN_DURATION)) {
        return parser_unexpected(parser, "@", "timestamp");
    }
    const Node *number = literal_number(parser);
    if (!number) {
        return false;
    }
    *ret = negative ? -number->number.value : number->number.value;
    return true;
}

/* Past what milliseconds hold, the original's conversion gives the smallest number. */
static i64 timestamp_ms(f64 seconds)
{
    f64 ms = round(seconds * 1000);
    return ms >= 0x1p63 || ms < -0x1p63 ? INT64_MIN : (i64)ms;
}

static bool set_timestamp(Parser *parser, Node *node, TimeShift *at)
{
    f64 seconds;
    if (!parse_timestamp(parser, &seconds)) {
        return false;
    }
    if (isnan(seconds) || seconds >= 0x1p63 || seconds <= -0x1p63) {
        const char *text = seconds > 0 ? "+Inf" : "-Inf";
        if (isfinite(seconds)) {
            return parser_fail(parser, node->at.start, "timestamp out of bounds for @ modifier: %f",
                               seconds);
        }
        return parser_fail(parser, node->at.start, "timestamp out of bounds for @ modifier: %s",
                           isnan(seconds) ? "NaN" : text);
    }
    *at = (TimeShift){.at = AT_TIME, .at_ms = timestamp_ms(seconds)};
    return true;
}

static Node *parse_at(Parser *parser, Node *node)
{
    TimeShift at = {0};
    (void)parser_take(parser);
    if (parser_at(parser, TOKEN_START) || parser_at(parser, TOKEN_FINISH)) {
        at.at = parser_take(parser).kind == TOKEN_START ? AT_START : AT_END;
        if (!parser_accept(parser, TOKEN_LEFT_PAREN) || !parser_accept(parser, TOKEN_RIGHT_PAREN)) {
            (void)parser_unexpected(parser, "@", "timestamp");
            return NULL;
        }
    } else if (!set_timestamp(parser, node, &at)) {
        return NULL;
    }
    TimeShift *shift = shift_of(node);
    if (!shift) {
        (void)parser_fail(parser, node->at.start,
                          "@ modifier must be preceded by an instant vector selector or range "
                          "vector selector or a subquery");
        return NULL;
    }
    if (shift->at != AT_NONE) {
        (void)parser_fail(parser, node->at.start, "@ <timestamp> may not be set multiple times");
        return NULL;
    }
    shift->at = at.at;
    shift->at_ms = at.at_ms;
    node->at.end = parser->last_end;
    return node;
}

static Node *parse_mode(Parser *parser, Node *node)
{
    SelectorMode mode =
        parser_take(parser).kind == TOKEN_ANCHORED ? SELECTOR_ANCHORED : SELECTOR_SMOOTHED;
    const char *name = mode == SELECTOR_ANCHORED ? "anchored" : "smoothed";
    u32 pos = node->at.start;
    if (!parser->opts.extended_selectors) {
        (void)parser_fail(parser, pos, "%s modifier is experimental and not enabled", name);
        return NULL;
    }
    if (node->kind == NODE_SUBQUERY) {
        (void)parser_fail(parser, pos, "%s modifier is not supported for subqueries", name);
        return NULL;
    }
    if (node->kind != NODE_VECTOR && node->kind != NODE_MATRIX) {
        (void)parser_fail(parser, pos, "%s modifier not implemented", name);
        return NULL;
    }
    Node *selector = node->kind == NODE_MATRIX ? (Node *)node->matrix.selector : node;
    if (selector->vector.mode != SELECTOR_PLAIN && selector->vector.mode != mode) {
        (void)parser_fail(parser, pos, "anchored and smoothed modifiers cannot be used together");
        return NULL;
    }
    selector->vector.mode = mode;
    return node;
}

/* A duration that is a plain number must be positive; the others are known only at evaluation. */
static Node *parse_positive(Parser *parser, const DurationContext *context)
{
    Node *node = parse_duration(parser, context);
    if (node && !parser->failed && node->kind == NODE_NUMBER && node->number.value <= 0) {
        (void)parser_fail(parser, node->at.start, "duration must be greater than 0");
    }
    return parser->failed ? NULL : node;
}

static void set_duration(const Node *duration, i64 *ret_ms, const Node **ret_expr)
{
    if (duration->kind == NODE_NUMBER) {
        *ret_ms = seconds_to_ms(duration->number.value);
    } else {
        *ret_expr = duration;
    }
}

static Node *finish_matrix(Parser *parser, const Node *selector, const Node *range, u32 bracket)
{
    const char *wrong = NULL;
    if (selector->kind != NODE_VECTOR) {
        wrong = "ranges only allowed for vector selectors";
    } else if (selector->vector.shift.offset_ms != 0 || selector->vector.shift.offset_expr) {
        wrong = "no offset modifiers allowed before range";
    } else if (selector->vector.shift.at != AT_NONE) {
        wrong = "no @ modifiers allowed before range";
    }
    if (wrong) {
        (void)parser_fail(parser, bracket, "%s", wrong);
        return NULL;
    }
    Node *node = node_new(parser, NODE_MATRIX, VALUE_MATRIX, selector->at.start, parser->last_end);
    if (!node) {
        return NULL;
    }
    node->matrix.selector = selector;
    set_duration(range, &node->matrix.range_ms, &node->matrix.range_expr);
    return node_seal(parser, node);
}

/* Behind the colon. */
static Node *finish_subquery(Parser *parser, const Node *expr, const Node *range)
{
    static const DurationContext context = {"subquery selector",
                                            "number, duration, step(), range(), or \"]\""};
    const Node *step = NULL;
    if (!parser_at(parser, TOKEN_RIGHT_BRACKET)) {
        step = parse_positive(parser, &context);
        if (!step) {
            return NULL;
        }
        if (!parser_at(parser, TOKEN_RIGHT_BRACKET)) {
            (void)parser_unexpected(parser, "subquery selector", "\"]\"");
            return NULL;
        }
    }
    (void)parser_take(parser);
    Node *node = node_new(parser, NODE_SUBQUERY, VALUE_MATRIX, expr->at.start, parser->last_end);
    if (!node) {
        return NULL;
    }
    node->subquery.expr = expr;
    set_duration(range, &node->subquery.range_ms, &node->subquery.range_expr);
    if (step) {
        set_duration(step, &node->subquery.step_ms, &node->subquery.step_expr);
    }
    return node_seal(parser, node);
}

static Node *parse_range(Parser *parser, Node *node)
{
    static const DurationContext context = {"subquery or range selector",
                                            "number, duration, step(), or range()"};
    u32 bracket = parser_take(parser).start;
    const Node *range = parse_positive(parser, &context);
    if (!range) {
        return NULL;
    }
    if (parser_accept(parser, TOKEN_RIGHT_BRACKET)) {
        return finish_matrix(parser, node, range, bracket);
    }
    if (parser_accept(parser, TOKEN_COLON)) {
        return finish_subquery(parser, node, range);
    }
    (void)parser_unexpected(parser, "subquery or range", "\":\" or \"]\"");
    return NULL;
}

Node *parse_postfix(Parser *parser, Node *node)
{
    while (node) {
        switch (parser_peek(parser)->kind) {
        case TOKEN_OFFSET:
            node = parse_offset(parser, node);
            break;
        case TOKEN_AT:
            node = parse_at(parser, node);
            break;
        case TOKEN_LEFT_BRACKET:
            node = parse_range(parser, node);
            break;
        case TOKEN_ANCHORED:
        case TOKEN_SMOOTHED:
            node = parse_mode(parser, node);
            break;
        default:
            return parser->failed ? NULL : node;
        }
    }
    return NULL;
}
