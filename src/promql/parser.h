/*
 * Parser: what the files of the parser share; nobody else includes this. One token of look-ahead,
 * read only when a decision needs it, so that the first error is the one the original reports: it
 * decides at the same moments. The parse ends at the first error.
 *
 *     parse.c           the doors, look-ahead, errors, new nodes
 *     parse_expr.c      operators, parentheses, aggregations, calls
 *     parse_selector.c  selectors and what stands behind them: @, offset, [ ], anchored, smoothed
 *     parse_duration.c  duration expressions
 *     literal.c         numbers and strings
 *
 * Functions that return a Node return NULL after a failure.
 *
 * Layer: promql. Memory: all in the arena but matchers' regular expressions. Thread: one a parse.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "promql/ast.h"
#include "promql/lex.h"
#include "promql/parse.h"

typedef struct Parser {
    Lexer lexer;
    Token token; /* the look-ahead, when has_token */
    bool has_token;
    bool failed;      /* *err is set; nothing more is read */
    u32 last_end;     /* of the token taken last */
    u32 depth;        /* of what is open */
    u32 aggregations; /* of these, aggregations: errors inside are "in aggregation" */
    ParseOpts opts;
    Arena *arena;
    Err *err;
    const Node *selectors; /* finished ones, newest first */
    Matcher *matchers;     /* of the selector in work */
    size_t matcher_count;
    size_t matcher_capacity;
} Parser;

/* A growing array in the arena; what it outgrows is lost there, less than it holds. */
typedef struct NodeList {
    const Node **at;
    size_t count;
    size_t capacity;
} NodeList;

typedef struct StrList {
    Str *at;
    size_t count;
    size_t capacity;
} StrList;

const Token *parser_peek(Parser *parser);
Token parser_take(Parser *parser);
bool parser_at(Parser *parser, TokenKind kind);
bool parser_accept(Parser *parser, TokenKind kind); /* takes it when it is next */

/* All return false. The first failure stands. */
bool parser_fail(Parser *parser, u32 pos, const char *format, ...) PRINTF_LIKE(3, 4);
bool parser_unexpected(Parser *parser, const char *context, const char *expected);
bool parser_unexpected_in_expr(Parser *parser); /* "in aggregation" or nowhere special */
bool parser_full(Parser *parser);

/* s in quotes, for an error text; lives in the arena. */
const char *parser_quote(Parser *parser, Str s);

/* Room for one more element; the array may move. */
bool parser_grow(Parser *parser, void **at, size_t *capacity, size_t count, size_t element_size);
bool node_list_add(Parser *parser, NodeList *list, const Node *node);
bool str_list_add(Parser *parser, StrList *list, Str s);

/* Counts what is open; false past QUERY_DEPTH_MAX. Each true wants a parser_leave. */
bool parser_enter(Parser *parser);
void parser_leave(Parser *parser);

Node *node_new(Parser *parser, NodeKind kind, ValueType type, u32 start, u32 end);
Node *node_seal(Parser *parser,
                Node *node); /* children are in: sets the height; NULL if too high */

/* parse_expr.c */
Node *parse_expr(Parser *parser);
bool starts_expr(TokenKind kind);
bool names_metric(TokenKind kind); /* words that may be the name of a metric */
bool parse_grouping(Parser *parser, StrList *ret);

/* parse_selector.c */
Node *parse_vector_selector(Parser *parser);
Node *parse_named_selector(Parser *parser, const Token *name); /* the name is taken */
Node *parse_postfix(Parser *parser, Node *node); /* all of @ offset [ ] anchored smoothed */

/* parse_duration.c: errors name the context */
typedef struct DurationContext {
    const char *context;
    const char *expected;
} DurationContext;

Node *parse_duration(Parser *parser, const DurationContext *context);
Node *parse_offset_duration(Parser *parser, const DurationContext *context);
i64 seconds_to_ms(f64 seconds); /* through whole nanoseconds, as durations are in the original */

/* literal.c */
Node *literal_number(Parser *parser); /* the look-ahead is a number or duration */
bool string_value(Parser *parser, const Token *token, Str *ret);
