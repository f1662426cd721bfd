/* Lex: see lex.h. Layer: promql. Memory: borrows the text. Thread: one lexer, one thread. */
#include "promql/lex.h"

#include "base/quote.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    RUNE_END = -1,      /* behind the last character */
    RUNE_TEXT_MAX = 16, /* bytes of a quoted character */
};

static bool is_space(i32 rune)
{
    return rune == ' ' || rune == '\t' || rune == '\n' || rune == '\r';
}

static bool is_digit(i32 rune)
{
    return rune >= '0' && rune <= '9';
}

static bool is_alpha(i32 rune)
{
    return rune == '_' || (rune >= 'a' && rune <= 'z') || (rune >= 'A' && rune <= 'Z');
}

static bool is_word(i32 rune)
{
    return is_alpha(rune) || is_digit(rune);
}

/* The character at the cursor; *ret_size are its bytes (0 at the end). */
static i32 rune_here(const Lexer *lexer, size_t *ret_size)
{
    Str rest = str_skip(lexer->text, lexer->pos);
    *ret_size = 0;
    if (rest.len == 0) {
        return RUNE_END;
    }
    u32 rune;
    *ret_size = utf8_decode(rest, &rune);
    return (i32)rune;
}

static i32 peek(const Lexer *lexer)
{
    size_t size;
    return rune_here(lexer, &size);
}

static i32 advance(Lexer *lexer)
{
    size_t size;
    i32 rune = rune_here(lexer, &size);
    lexer->pos += size;
    return rune;
}

/* Takes the next character when it is one of `set` (ASCII). */
static bool accept(Lexer *lexer, const char *set)
{
    i32 rune = peek(lexer);
    if (rune <= 0 || rune > 0x7f || !strchr(set, rune)) {
        return false;
    }
    lexer->pos++;
    return true;
}

static bool next_is(const Lexer *lexer, const char *set)
{
    i32 rune = peek(lexer);
    return rune > 0 && rune <= 0x7f && strchr(set, rune);
}

static void accept_run(Lexer *lexer, const char *set)
{
    while (accept(lexer, set)) {
    }
}

/* 'x' as the original's errors print a character; a bad byte and the end print as U+FFFD. */
static const char *rune_text(i32 rune, char to[RUNE_TEXT_MAX])
{
    static const char letters[] = "\a\b\f\n\r\t\v\\'";
    static const char names[] = "abfnrtv\\'";
    u32 shown = rune == RUNE_END ? RUNE_INVALID : (u32)rune;
    const char *letter = shown > 0 && shown < 0x80 ? strchr(letters, rune) : NULL;
    if (letter) {
        (void)snprintf(to, RUNE_TEXT_MAX, "'\\%c'", names[letter - letters]);
    } else if (rune_is_printable(shown)) {
        char bytes[UTF8_MAX];
        size_t size = utf8_encode(shown, bytes);
        (void)snprintf(to, RUNE_TEXT_MAX, "'%.*s'", (int)size, bytes);
    } else if (shown < 0x80) {
        (void)snprintf(to, RUNE_TEXT_MAX, "'\\x%02x'", shown);
    } else if (shown < 0x10000) {
        (void)snprintf(to, RUNE_TEXT_MAX, "'\\u%04x'", shown);
    } else {
        (void)snprintf(to, RUNE_TEXT_MAX, "'\\U%08x'", shown);
    }
    return to;
}

PRINTF_LIKE(3, 4)
static void fail(Lexer *lexer, Token *token, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(lexer->error, LEX_ERROR_MAX, format, args);
    va_end(args);
    *token = (Token){.kind = TOKEN_ERROR, .start = (u32)lexer->start};
}

static void fail_rune(Lexer *lexer, Token *token, const char *what, i32 rune)
{
    char text[RUNE_TEXT_MAX];
    fail(lexer, token, "%s %s", what, rune_text(rune, text));
}

static void emit(Lexer *lexer, Token *token, TokenKind kind)
{
    *token = (Token){
        .kind = kind,
        .start = (u32)lexer->start,
        .text = str_slice(lexer->text, lexer->start, lexer->pos),
    };
    lexer->start = lexer->pos;
}

/* before U+0022 '"' after: a code point the way Go's %#U prints it. */
static void fail_escape(Lexer *lexer, Token *token, const char *before, i32 rune, const char *after)
{
    if (!rune_is_printable((u32)rune)) {
        fail(lexer, token, "%s U+%04X%s", before, (u32)rune, after);
        return;
    }
    char bytes[UTF8_MAX];
    size_t size = utf8_encode((u32)rune, bytes);
    fail(lexer, token, "%s U+%04X '%.*s'%s", before, (u32)rune, (int)size, bytes, after);
}

static u32 digit_value(i32 rune)
{
    if (is_digit(rune)) {
        return (u32)(rune - '0');
    }
    if (rune >= 'a' && rune <= 'f') {
        return (u32)(rune - 'a' + 10);
    }
    if (rune >= 'A' && rune <= 'F') {
        return (u32)(rune - 'A' + 10);
    }
    return 16; /* more than any digit */
}

/* The digits of an escape: `count` of them in `base`, the first being `rune`. */
static bool lex_escape_digits(Lexer *lexer, Token *token, i32 rune, int count, u32 base, u32 most)
{
    u32 value = 0;
    for (; count > 0; count--) {
        u32 digit = digit_value(rune);
        if (rune == RUNE_END) {
            fail(lexer, token, "escape sequence not terminated");
            return false;
        }
        if (digit >= base) {
            fail_escape(lexer, token, "illegal character", rune, " in escape sequence");
            return false;
        }
        value = value * base + digit;
        rune = count > 1 ? advance(lexer) : rune;
    }
    if (value > most || (value >= 0xD800 && value < 0xE000)) {
        fail(lexer, token, "escape sequence is an invalid Unicode code point");
        return false;
    }
    return true;
}

/* Behind a backslash. */
static bool lex_escape(Lexer *lexer, Token *token, i32 quote)
{
    enum { RUNE_LAST = 0x10FFFF };

    i32 rune = advance(lexer);
    if (rune == quote || (rune > 0 && rune < 0x80 && strchr("abfnrtv\\", rune))) {
        return true;
    }
    switch (rune) {
    case 'x':
        return lex_escape_digits(lexer, token, advance(lexer), 2, 16, 255);
    case 'u':
        return lex_escape_digits(lexer, token, advance(lexer), 4, 16, RUNE_LAST);
    case 'U':
        return lex_escape_digits(lexer, token, advance(lexer), 8, 16, RUNE_LAST);
    case RUNE_END:
        fail(lexer, token, "escape sequence not terminated");
        return false;
    default:
        if (rune >= '0' && rune <= '7') {
            return lex_escape_digits(lexer, token, rune, 3, 8, 255);
        }
        fail_escape(lexer, token, "unknown escape sequence", rune, "");
        return false;
    }
}

/* The opening quote has been taken. A raw string has neither escapes nor an end of line. */
static void lex_string(Lexer *lexer, Token *token, i32 quote)
{
    bool raw = quote == '`';
    for (;;) {
        i32 rune = advance(lexer);
        if (rune == quote) {
            emit(lexer, token, TOKEN_STRING);
            return;
        }
        if (rune == RUNE_END || (!raw && rune == '\n')) {
            fail(lexer, token, raw ? "unterminated raw string" : "unterminated quoted string");
            return;
        }
        if (rune == RUNE_INVALID) {
            fail(lexer, token, "invalid UTF-8 rune");
            return;
        }
        if (!raw && rune == '\\' && !lex_escape(lexer, token, quote)) {
            return;
        }
    }
}

/*
 * A number in any of its forms, loosely: what is accepted here may still not be a number, which
 * number_value finds. False where a duration may follow or the syntax is hopeless; the cursor then
 * stands behind what was read.
 */
static bool scan_number(Lexer *lexer)
{
    const char *digits = "0123456789";
    bool hex = accept(lexer, "0") && accept(lexer, "xX");
    bool saw_dot = false;
    bool saw_exponent = false;
    if (hex) {
        (void)accept(lexer, "_");
        digits = "0123456789abcdefABCDEF";
    }
    (void)accept(lexer, ".");
    (void)accept(lexer, digits);
    while (next_is(lexer, digits) || next_is(lexer, "._eE")) {
        if ((saw_dot && accept(lexer, ".")) || (saw_exponent && accept(lexer, "eE"))) {
            return false;
        }
        if (accept(lexer, ".")) {
            saw_dot = true;
            if (accept(lexer, "_.") || hex) {
                return false;
            }
        } else if (accept(lexer, "eE")) {
            saw_exponent = true;
            (void)accept(lexer, "+-");
            if (accept(lexer, "._eE") || peek(lexer) == RUNE_END) {
                return false;
            }
        } else if (accept(lexer, "_")) {
            if (accept(lexer, "._eE") || peek(lexer) == RUNE_END) {
                return false;
            }
        } else {
            accept_run(lexer, digits);
        }
    }
    return !is_word(peek(lexer));
}

/* The unit behind a number, and more numbers with units. Wrong units and order are found later. */
static bool scan_duration_units(Lexer *lexer)
{
    if (!accept(lexer, "smhdwy")) {
        return false;
    }
    (void)accept(lexer, "s");
    while (accept(lexer, "0123456789")) {
        accept_run(lexer, "0123456789");
        if (!accept(lexer, "smhdw")) {
            return false;
        }
        (void)accept(lexer, "s");
    }
    if (is_word(peek(lexer))) {
        (void)advance(lexer);
        return false;
    }
    return true;
}

static void lex_number_or_duration(Lexer *lexer, Token *token)
{
    lexer->place = LEX_TOP;
    if (scan_number(lexer)) {
        emit(lexer, token, TOKEN_NUMBER);
    } else if (scan_duration_units(lexer)) {
        emit(lexer, token, TOKEN_DURATION);
    } else {
        char quoted[QUOTE_TEXT_MAX];
        Str bad = str_slice(lexer->text, lexer->start, lexer->pos);
        fail(lexer, token, "bad number or duration syntax: %s", quote_text(quoted, bad));
    }
}

static bool paren_follows(const Lexer *lexer)
{
    size_t at = lexer->pos;
    while (at < lexer->text.len && is_space(lexer->text.ptr[at])) {
        at++;
    }
    return at < lexer->text.len && lexer->text.ptr[at] == '(';
}

static void lex_word(Lexer *lexer, Token *token)
{
    while (is_word(peek(lexer)) || peek(lexer) == ':') {
        lexer->pos++;
    }
    Str word = str_slice(lexer->text, lexer->start, lexer->pos);
    TokenKind kind;
    if (!keyword_find(word, &kind)) {
        bool colon = str_find_byte(word, ':') != STR_NOT_FOUND;
        emit(lexer, token, colon ? TOKEN_METRIC_IDENTIFIER : TOKEN_IDENTIFIER);
        return;
    }
    /* These came late to the language: names of metrics stay names where no value follows. */
    bool fill = kind >= TOKEN_FILL && kind <= TOKEN_FILL_RIGHT;
    emit(lexer, token, fill && !paren_follows(lexer) ? TOKEN_IDENTIFIER : kind);
}

/* step, range, max_of, min_of: the only words of a duration expression. */
static bool lex_duration_word(Lexer *lexer, Token *token)
{
    while (is_alpha(peek(lexer))) {
        lexer->pos++;
    }
    TokenKind kind;
    if (!keyword_find(str_slice(lexer->text, lexer->start, lexer->pos), &kind) ||
        kind < TOKEN_STEP || kind > TOKEN_MIN_OF) {
        return false;
    }
    emit(lexer, token, kind);
    return true;
}

static bool starts_duration_word(i32 rune)
{
    return rune > 0 && rune < 0x80 && strchr("srmSRM", rune);
}

static void skip_spaces_and_comments(Lexer *lexer)
{
    for (;;) {
        i32 rune = peek(lexer);
        if (is_space(rune)) {
            lexer->pos++;
        } else if (rune == '#' && lexer->place == LEX_TOP) {
            while (rune != '\n' && rune != '\r' && rune != RUNE_END) {
                (void)advance(lexer);
                rune = peek(lexer);
            }
        } else {
            lexer->start = lexer->pos;
            return;
        }
    }
}

static void lex_in_braces(Lexer *lexer, Token *token)
{
    i32 rune = advance(lexer);
    switch (rune) {
    case RUNE_END:
        fail(lexer, token, "unexpected end of input inside braces");
        return;
    case ',':
        emit(lexer, token, TOKEN_COMMA);
        return;
    case '"':
    case '\'':
    case '`':
        lex_string(lexer, token, rune);
        return;
    case '=':
        emit(lexer, token, accept(lexer, "~") ? TOKEN_MATCH_REGEX : TOKEN_ASSIGN);
        return;
    case '!':
        rune = advance(lexer);
        if (rune == '~' || rune == '=') {
            emit(lexer, token, rune == '~' ? TOKEN_NOT_MATCH_REGEX : TOKEN_NOT_EQUAL);
            return;
        }
        fail_rune(lexer, token, "unexpected character after '!' inside braces:", rune);
        return;
    case '{':
        fail_rune(lexer, token, "unexpected left brace", rune);
        return;
    case '}':
        lexer->brace_open = false;
        emit(lexer, token, TOKEN_RIGHT_BRACE);
        return;
    default:
        if (!is_alpha(rune)) {
            fail_rune(lexer, token, "unexpected character inside braces:", rune);
            return;
        }
        while (is_word(peek(lexer))) {
            lexer->pos++;
        }
        emit(lexer, token, TOKEN_IDENTIFIER);
    }
}

static void lex_right_paren(Lexer *lexer, Token *token)
{
    emit(lexer, token, TOKEN_RIGHT_PAREN);
    lexer->paren_depth--;
    if (lexer->paren_depth < 0) {
        fail_rune(lexer, token, "unexpected right parenthesis", ')');
    }
}

static bool lex_arithmetic(Lexer *lexer, Token *token, i32 rune)
{
    static const char signs[] = "+-*/%^,(";
    static const TokenKind kinds[] = {TOKEN_ADD, TOKEN_SUB, TOKEN_MUL,   TOKEN_DIV,
                                      TOKEN_MOD, TOKEN_POW, TOKEN_COMMA, TOKEN_LEFT_PAREN};
    const char *sign = rune > 0 && rune < 0x80 ? strchr(signs, rune) : NULL;
    if (!sign) {
        return false;
    }
    lexer->paren_depth += rune == '(';
    emit(lexer, token, kinds[sign - signs]);
    return true;
}

static void lex_in_duration(Lexer *lexer, Token *token)
{
    i32 rune = advance(lexer);
    if (lex_arithmetic(lexer, token, rune)) {
        return;
    }
    if (rune == RUNE_END) {
        fail(lexer, token, "unexpected end of input in duration expression");
    } else if (rune == ']') {
        lexer->place = LEX_TOP;
        lexer->bracket_open = false;
        lexer->saw_colon = false;
        emit(lexer, token, TOKEN_RIGHT_BRACKET);
    } else if (rune == ':') {
        emit(lexer, token, TOKEN_COLON);
        if (!lexer->saw_duration) {
            fail(lexer, token, "unexpected colon before duration in duration expression");
        } else if (lexer->saw_colon) {
            fail(lexer, token, "unexpected repeated colon in duration expression");
        }
        lexer->saw_colon = true;
    } else if (rune == ')') {
        lex_right_paren(lexer, token);
    } else if (is_digit(rune) || (rune == '.' && is_digit(peek(lexer)))) {
        lexer->pos--;
        lexer->saw_duration = true;
        lex_number_or_duration(lexer, token);
    } else if (!starts_duration_word(rune) || !lex_duration_word(lexer, token)) {
        fail_rune(lexer, token, "unexpected character in duration expression:", rune);
    }
}

static void lex_comparison(Lexer *lexer, Token *token, i32 rune)
{
    bool less = rune == '<';
    if (accept(lexer, "=")) {
        emit(lexer, token, less ? TOKEN_LESS_EQUAL : TOKEN_GREATER_EQUAL);
    } else if (accept(lexer, "/")) {
        emit(lexer, token, less ? TOKEN_TRIM_UPPER : TOKEN_TRIM_LOWER);
    } else {
        emit(lexer, token, less ? TOKEN_LESS : TOKEN_GREATER);
    }
}

static void lex_equals_or_not(Lexer *lexer, Token *token, i32 rune)
{
    i32 after = peek(lexer);
    if (rune == '!') {
        (void)advance(lexer);
        if (after == '=') {
            emit(lexer, token, TOKEN_NOT_EQUAL);
        } else {
            fail_rune(lexer, token, "unexpected character after '!':", after);
        }
    } else if (after == '~') {
        fail_rune(lexer, token, "unexpected character after '=':", after);
    } else {
        emit(lexer, token, accept(lexer, "=") ? TOKEN_EQUAL : TOKEN_ASSIGN);
    }
}

/* A letter or a colon between brackets, behind the first number. */
static void lex_word_in_brackets(Lexer *lexer, Token *token, i32 rune)
{
    if (rune == ':' && lexer->saw_colon) {
        fail_rune(lexer, token, "unexpected colon", rune);
    } else if (rune == ':') {
        lexer->saw_colon = true;
        emit(lexer, token, TOKEN_COLON);
    } else if (!starts_duration_word(rune) || !lex_duration_word(lexer, token)) {
        char text[RUNE_TEXT_MAX];
        fail(lexer, token, "unexpected character: %s, expected ':'", rune_text(rune, text));
    }
}

static void lex_bracket(Lexer *lexer, Token *token, i32 rune)
{
    bool left = rune == '[';
    if (left == lexer->bracket_open) {
        fail_rune(lexer, token, left ? "unexpected left bracket" : "unexpected right bracket",
                  rune);
        return;
    }
    lexer->bracket_open = left;
    if (left) {
        lexer->saw_colon = false;
        lexer->place = LEX_DURATION;
    }
    emit(lexer, token, left ? TOKEN_LEFT_BRACKET : TOKEN_RIGHT_BRACKET);
}

static void lex_end(Lexer *lexer, Token *token)
{
    if (lexer->paren_depth != 0) {
        fail(lexer, token, "unclosed left parenthesis");
    } else if (lexer->bracket_open) {
        fail(lexer, token, "unclosed left bracket");
    } else {
        emit(lexer, token, TOKEN_END);
    }
}

static void lex_at_top(Lexer *lexer, Token *token)
{
    i32 rune = advance(lexer);
    if (lex_arithmetic(lexer, token, rune)) {
        return;
    }
    switch (rune) {
    case RUNE_END:
        lex_end(lexer, token);
        return;
    case '=':
    case '!':
        lex_equals_or_not(lexer, token, rune);
        return;
    case '<':
    case '>':
        lex_comparison(lexer, token, rune);
        return;
    case '"':
    case '\'':
    case '`':
        lex_string(lexer, token, rune);
        return;
    case ')':
        lex_right_paren(lexer, token);
        return;
    case '{':
        lexer->brace_open = true;
        emit(lexer, token, TOKEN_LEFT_BRACE);
        return;
    case '[':
    case ']':
        lex_bracket(lexer, token, rune);
        return;
    case '@':
        emit(lexer, token, TOKEN_AT);
        return;
    default:
        break;
    }
    if (is_digit(rune) || (rune == '.' && is_digit(peek(lexer)))) {
        lexer->pos--;
        lex_number_or_duration(lexer, token);
    } else if (!is_alpha(rune) && rune != ':') {
        fail_rune(lexer, token, "unexpected character:", rune);
    } else if (lexer->bracket_open) {
        lex_word_in_brackets(lexer, token, rune);
    } else {
        lex_word(lexer, token);
    }
}

void lexer_init(Lexer *lexer, Str text)
{
    *lexer = (Lexer){.text = text};
}

void lexer_next(Lexer *lexer, Token *ret)
{
    skip_spaces_and_comments(lexer);
    if (lexer->brace_open) {
        lex_in_braces(lexer, ret);
    } else if (lexer->place == LEX_DURATION) {
        lex_in_duration(lexer, ret);
    } else {
        lex_at_top(lexer, ret);
    }
}
