/* Tokens: the words of the language, and how errors name a token. See lex.h. Layer: promql. Memory:
 * static tables. Thread: any. */
#include "base/quote.h"
#include "base/utf8.h"
#include "promql/lex.h"

enum {
    DESCRIBED_RUNES_MAX = 10, /* of a string or number in an error */
};

typedef struct Keyword {
    Str name;
    TokenKind kind;
} Keyword;

/* Letter case does not matter. */
static const Keyword keywords[] = {
    {STR_INIT("and"), TOKEN_AND},
    {STR_INIT("or"), TOKEN_OR},
    {STR_INIT("unless"), TOKEN_UNLESS},
    {STR_INIT("atan2"), TOKEN_ATAN2},
    {STR_INIT("sum"), TOKEN_SUM},
    {STR_INIT("avg"), TOKEN_AVG},
    {STR_INIT("count"), TOKEN_COUNT},
    {STR_INIT("min"), TOKEN_MIN},
    {STR_INIT("max"), TOKEN_MAX},
    {STR_INIT("group"), TOKEN_GROUP},
    {STR_INIT("stddev"), TOKEN_STDDEV},
    {STR_INIT("stdvar"), TOKEN_STDVAR},
    {STR_INIT("topk"), TOKEN_TOPK},
    {STR_INIT("bottomk"), TOKEN_BOTTOMK},
    {STR_INIT("count_values"), TOKEN_COUNT_VALUES},
    {STR_INIT("quantile"), TOKEN_QUANTILE},
    {STR_INIT("limitk"), TOKEN_LIMITK},
    {STR_INIT("limit_ratio"), TOKEN_LIMIT_RATIO},
    {STR_INIT("offset"), TOKEN_OFFSET},
    {STR_INIT("smoothed"), TOKEN_SMOOTHED},
    {STR_INIT("anchored"), TOKEN_ANCHORED},
    {STR_INIT("by"), TOKEN_BY},
    {STR_INIT("without"), TOKEN_WITHOUT},
    {STR_INIT("on"), TOKEN_ON},
    {STR_INIT("ignoring"), TOKEN_IGNORING},
    {STR_INIT("group_left"), TOKEN_GROUP_LEFT},
    {STR_INIT("group_right"), TOKEN_GROUP_RIGHT},
    {STR_INIT("fill"), TOKEN_FILL},
    {STR_INIT("fill_left"), TOKEN_FILL_LEFT},
    {STR_INIT("fill_right"), TOKEN_FILL_RIGHT},
    {STR_INIT("bool"), TOKEN_BOOL},
    {STR_INIT("start"), TOKEN_START},
    {STR_INIT("end"), TOKEN_FINISH},
    {STR_INIT("step"), TOKEN_STEP},
    {STR_INIT("range"), TOKEN_RANGE},
    {STR_INIT("max_of"), TOKEN_MAX_OF},
    {STR_INIT("min_of"), TOKEN_MIN_OF},
    {STR_INIT("inf"), TOKEN_NUMBER},
    {STR_INIT("nan"), TOKEN_NUMBER},
};

bool keyword_find(Str word, TokenKind *ret)
{
    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        if (str_eq_ignore_case(word, keywords[i].name)) {
            *ret = keywords[i].kind;
            return true;
        }
    }
    return false;
}

/* The first DESCRIBED_RUNES_MAX characters in quotes, "..." when there are more bytes than that. */
static void describe_text(Str text, Buf *out)
{
    size_t bytes = 0;
    for (size_t i = 0; i < DESCRIBED_RUNES_MAX && bytes < text.len; i++) {
        u32 rune;
        bytes += utf8_decode(str_skip(text, bytes), &rune);
    }
    quote_go(out, str_take(text, bytes));
    if (text.len > DESCRIBED_RUNES_MAX) {
        buf_lit(out, "...");
    }
}

void token_describe(const Token *token, Buf *out)
{
    switch (token->kind) {
    case TOKEN_END:
        buf_lit(out, "end of input");
        return;
    case TOKEN_IDENTIFIER:
    case TOKEN_METRIC_IDENTIFIER:
        buf_str(out, token->kind == TOKEN_IDENTIFIER ? S("identifier ") : S("metric identifier "));
        quote_go(out, token->text);
        return;
    case TOKEN_STRING:
        buf_lit(out, "string ");
        break;
    case TOKEN_NUMBER:
        buf_lit(out, "number ");
        break;
    case TOKEN_DURATION:
        buf_lit(out, "duration ");
        break;
    default:
        break;
    }
    if (token_is_operator(token->kind)) {
        buf_printf(out, "<op:" STR_FMT ">", STR_ARG(token->text));
    } else if (token_is_aggregation(token->kind)) {
        buf_printf(out, "<aggr:" STR_FMT ">", STR_ARG(token->text));
    } else if (token_is_keyword(token->kind)) {
        buf_printf(out, "<" STR_FMT ">", STR_ARG(token->text));
    } else {
        describe_text(token->text, out);
    }
}
