/*
 * Lex: the text of a PromQL query as tokens, one at a time, when the parser asks. What a character
 * means depends on where it stands: at the top level, inside braces, or in the duration expression
 * of a range.
 *
 * Layer: promql. Memory: tokens borrow the text. Thread: one lexer, one thread.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "base/types.h"

typedef enum TokenKind {
    TOKEN_ERROR, /* the lexer's `error` says what */
    TOKEN_END,
    TOKEN_IDENTIFIER,        /* job, rate */
    TOKEN_METRIC_IDENTIFIER, /* with a colon: job:up:sum */
    TOKEN_STRING,            /* with its quotes and escapes */
    TOKEN_NUMBER,
    TOKEN_DURATION,

    /* punctuation */
    TOKEN_LEFT_PAREN,
    TOKEN_RIGHT_PAREN,
    TOKEN_LEFT_BRACE,
    TOKEN_RIGHT_BRACE,
    TOKEN_LEFT_BRACKET,
    TOKEN_RIGHT_BRACKET,
    TOKEN_COMMA,
    TOKEN_COLON,
    TOKEN_ASSIGN, /* = */

    /* operators; errors call them <op:…> */
    TOKEN_ADD,
    TOKEN_SUB,
    TOKEN_MUL,
    TOKEN_DIV,
    TOKEN_MOD,
    TOKEN_POW,
    TOKEN_ATAN2,
    TOKEN_EQUAL, /* == */
    TOKEN_NOT_EQUAL,
    TOKEN_GREATER,
    TOKEN_LESS,
    TOKEN_GREATER_EQUAL,
    TOKEN_LESS_EQUAL,
    TOKEN_TRIM_UPPER,
    TOKEN_TRIM_LOWER,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_UNLESS,
    TOKEN_MATCH_REGEX, /* =~ */
    TOKEN_NOT_MATCH_REGEX,
    TOKEN_AT,

    /* aggregations, in the order of AggregateOp; errors call them <aggr:…> */
    TOKEN_SUM,
    TOKEN_AVG,
    TOKEN_COUNT,
    TOKEN_MIN,
    TOKEN_MAX,
    TOKEN_GROUP,
    TOKEN_STDDEV,
    TOKEN_STDVAR,
    TOKEN_TOPK,
    TOKEN_BOTTOMK,
    TOKEN_COUNT_VALUES,
    TOKEN_QUANTILE,
    TOKEN_LIMITK,
    TOKEN_LIMIT_RATIO,

    /* keywords; errors call them <…> */
    TOKEN_BOOL,
    TOKEN_BY,
    TOKEN_GROUP_LEFT,
    TOKEN_GROUP_RIGHT,
    TOKEN_FILL,
    TOKEN_FILL_LEFT,
    TOKEN_FILL_RIGHT,
    TOKEN_IGNORING,
    TOKEN_OFFSET,
    TOKEN_SMOOTHED,
    TOKEN_ANCHORED,
    TOKEN_ON,
    TOKEN_WITHOUT,

    /* names of what the query itself knows */
    TOKEN_START,
    TOKEN_FINISH, /* end */
    TOKEN_STEP,
    TOKEN_RANGE,
    TOKEN_MAX_OF,
    TOKEN_MIN_OF,
} TokenKind;

typedef struct Token {
    TokenKind kind;
    u32 start; /* byte offset */
    Str text;
} Token;

typedef enum LexPlace {
    LEX_TOP,
    LEX_DURATION, /* behind '[', until the first number */
} LexPlace;

enum {
    LEX_ERROR_MAX = 256, /* bytes of a lexer's message */
};

typedef struct Lexer {
    Str text;
    size_t pos;   /* of the next byte */
    size_t start; /* of the token that is being read */
    LexPlace place;
    i32 paren_depth;
    bool brace_open;
    bool bracket_open;
    bool saw_colon;            /* since the last '[' */
    bool saw_duration;         /* a number stood behind some '[' */
    char error[LEX_ERROR_MAX]; /* of TOKEN_ERROR */
} Lexer;

void lexer_init(Lexer *lexer, Str text);
void lexer_next(Lexer *lexer, Token *ret); /* TOKEN_END and TOKEN_ERROR come again and again */

static inline bool token_is_operator(TokenKind kind)
{
    return kind >= TOKEN_ADD && kind <= TOKEN_AT;
}

static inline bool token_is_aggregation(TokenKind kind)
{
    return kind >= TOKEN_SUM && kind <= TOKEN_LIMIT_RATIO;
}

static inline bool token_is_keyword(TokenKind kind)
{
    return kind >= TOKEN_BOOL && kind <= TOKEN_WITHOUT;
}

bool keyword_find(Str word, TokenKind *ret); /* in any letter case */

/* As errors name it: `identifier "x"`, `<op:+>`, `"("`, `end of input`. */
void token_describe(const Token *token, Buf *out);
