/* Parse: see parse.h and parser.h. Layer: promql. Memory: see ast.h. Thread: one a parse. */
#include "promql/parse.h"

#include "base/quote.h"
#include "promql/check.h"
#include "promql/parser.h"
#include "promql/position.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    LIST_FIRST = 4,              /* elements */
    TOKEN_TEXT_MAX = 128 * 1024, /* bytes of a token's description */
};

const Token *parser_peek(Parser *parser)
{
    if (!parser->has_token) {
        lexer_next(&parser->lexer, &parser->token);
        parser->has_token = true;
        if (parser->token.kind == TOKEN_ERROR) {
            (void)parser_fail(parser, parser->token.start, "%s", parser->lexer.error);
        }
    }
    return &parser->token;
}

Token parser_take(Parser *parser)
{
    Token token = *parser_peek(parser);
    parser->has_token = false;
    parser->last_end = token.start + (u32)token.text.len;
    return token;
}

bool parser_at(Parser *parser, TokenKind kind)
{
    return parser_peek(parser)->kind == kind;
}

bool parser_accept(Parser *parser, TokenKind kind)
{
    bool there = parser_at(parser, kind);
    if (there) {
        (void)parser_take(parser);
    }
    return there;
}

bool parser_fail(Parser *parser, u32 pos, const char *format, ...)
{
    if (parser->failed) {
        return false;
    }
    parser->failed = true;
    char message[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return query_error(parser->err, parser->lexer.text, pos, "%s", message);
}

bool parser_unexpected(Parser *parser, const char *context, const char *expected)
{
    const Token *token = parser_peek(parser);
    if (parser->failed) {
        return false;
    }
    Buf text;
    buf_init(&text, TOKEN_TEXT_MAX);
    buf_lit(&text, "unexpected ");
    token_describe(token, &text);
    if (context) {
        buf_printf(&text, " in %s", context);
    }
    if (expected) {
        buf_printf(&text, ", expected %s", expected);
    }
    (void)parser_fail(parser, token->start, STR_FMT, STR_ARG(buf_view(&text)));
    buf_done(&text);
    return false;
}

bool parser_unexpected_in_expr(Parser *parser)
{
    return parser_unexpected(parser, parser->aggregations > 0 ? "aggregation" : NULL, NULL);
}

bool parser_full(Parser *parser)
{
    if (!parser->failed) {
        parser->failed = true;
        (void)arena_full(parser->arena, parser->err);
        (void)err_wrap(parser->err, "parsing the query");
    }
    return false;
}

const char *parser_quote(Parser *parser, Str s)
{
    Buf text;
    buf_init(&text, TOKEN_TEXT_MAX);
    quote_go(&text, s);
    Str copy;
    bool copied = arena_str(parser->arena, buf_view(&text), &copy, NULL);
    buf_done(&text);
    return copied ? copy.ptr : "\"…\"";
}

bool parser_grow(Parser *parser, void **at, size_t *capacity, size_t count, size_t element_size)
{
    if (count < *capacity) {
        return true;
    }
    size_t grown = MAX(*capacity * 2, (size_t)LIST_FIRST);
    void *moved = arena_zero(parser->arena, grown, element_size, _Alignof(max_align_t));
    if (!moved) {
        return parser_full(parser);
    }
    if (count > 0) {
        memcpy(moved, *at, count * element_size);
    }
    *at = moved;
    *capacity = grown;
    return true;
}

bool node_list_add(Parser *parser, NodeList *list, const Node *node)
{
    if (!parser_grow(parser, (void **)&list->at, &list->capacity, list->count, sizeof(*list->at))) {
        return false;
    }
    list->at[list->count++] = node;
    return true;
}

bool str_list_add(Parser *parser, StrList *list, Str s)
{
    if (!parser_grow(parser, (void **)&list->at, &list->capacity, list->count, sizeof(*list->at))) {
        return false;
    }
    list->at[list->count++] = s;
    return true;
}

static bool too_deep(Parser *parser, u32 pos)
{
    (void)parser_fail(parser, pos, "the expression is nested deeper than %d levels",
                      QUERY_DEPTH_MAX);
    if (parser->err) {
        parser->err->code = ERR_LIMIT;
    }
    return false;
}

bool parser_enter(Parser *parser)
{
    if (parser->depth == QUERY_DEPTH_MAX) {
        return too_deep(parser, parser->last_end);
    }
    parser->depth++;
    return true;
}

void parser_leave(Parser *parser)
{
    parser->depth--;
}

Node *node_new(Parser *parser, NodeKind kind, ValueType type, u32 start, u32 end)
{
    Node *node = ARENA_NEW(parser->arena, Node, 1);
    if (!node) {
        (void)parser_full(parser);
        return NULL;
    }
    node->kind = kind;
    node->type = type;
    node->at = (TextRange){.start = start, .end = end};
    node->height = 1;
    return node;
}

static u32 height_of(const Node *node)
{
    return node ? node->height : 0;
}

Node *node_seal(Parser *parser, Node *node)
{
    u32 highest = 0;
    for (size_t i = 0; i < node_child_count(node); i++) {
        highest = MAX(highest, node_child(node, i)->height);
    }
    if (node->kind == NODE_DURATION) {
        highest = MAX(height_of(node->duration.left), height_of(node->duration.right));
    }
    node->height = highest + 1;
    if (node->height > QUERY_DEPTH_MAX) {
        (void)too_deep(parser, node->at.start);
        return NULL;
    }
    return node;
}

/* Compiled expressions of what was read before the failure. */
static void free_matchers(Parser *parser)
{
    for (size_t i = 0; i < parser->matcher_count; i++) {
        matcher_done(&parser->matchers[i]);
    }
    parser->matcher_count = 0;
    Expr started = {.selectors = parser->selectors};
    expr_done(&started);
}

static bool parser_start(Parser *parser, Str text, const ParseOpts *opts, Arena *arena, Err *err)
{
    *parser = (Parser){.arena = arena, .err = err};
    if (opts) {
        parser->opts = *opts;
    }
    if (text.len > QUERY_TEXT_MAX) {
        return err_set(err, ERR_LIMIT, "the query has %zu bytes, more than %d", text.len,
                       QUERY_TEXT_MAX);
    }
    Str copy;
    if (!arena_str(arena, text, &copy, err)) {
        return err_wrap(err, "parsing the query");
    }
    lexer_init(&parser->lexer, copy);
    return true;
}

static bool parser_finish(Parser *parser, const Node *root, Expr *ret)
{
    if (root && !parser->failed && !parser_at(parser, TOKEN_END)) {
        (void)parser_unexpected(parser, NULL, NULL);
    }
    if (parser->failed || !root) {
        free_matchers(parser);
        return false;
    }
    *ret = (Expr){.root = root, .text = parser->lexer.text, .selectors = parser->selectors};
    return true;
}

bool expr_parse(Str text, const ParseOpts *opts, Arena *arena, Expr *ret, Err *err)
{
    Parser parser;
    Expr made;
    if (!parser_start(&parser, text, opts, arena, err)) {
        return false;
    }
    if (parser_at(&parser, TOKEN_END)) {
        return parser_fail(&parser, 0, "no expression found in input");
    }
    Node *root = parse_expr(&parser);
    if (!parser_finish(&parser, root, &made)) {
        return false;
    }
    if (!expr_check(root, made.text, err)) {
        expr_done(&made);
        return false;
    }
    *ret = made;
    return true;
}

bool selector_parse(Str text, Arena *arena, Expr *ret, Err *err)
{
    Parser parser;
    if (!parser_start(&parser, text, NULL, arena, err)) {
        return false;
    }
    TokenKind first = parser_peek(&parser)->kind;
    if (!names_metric(first) && first != TOKEN_LEFT_BRACE) {
        return parser_unexpected(&parser, NULL, NULL);
    }
    return parser_finish(&parser, parse_vector_selector(&parser), ret);
}
