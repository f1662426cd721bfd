/*
 * Parse, literals: what the characters of numbers, durations and strings mean. See parser.h.
 *
 * Layer: promql. Memory: strings with escapes are unquoted into the arena, others borrow the text.
 * Thread: one a parse.
 */
#include "base/time.h"
#include "base/utf8.h"
#include "codec/number.h"
#include "promql/parser.h"

#include <math.h>
#include <string.h>

static bool is_hex(Str text)
{
    return text.len > 1 && text.ptr[0] == '0' && (text.ptr[1] == 'x' || text.ptr[1] == 'X');
}

/* Go's rule: an underscore stands between digits, or between a base prefix and a digit. */
static bool underscores_fit(Str text)
{
    bool hex = is_hex(text);
    bool digit_before = hex;
    for (size_t i = hex ? 2 : 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool digit = (c >= '0' && c <= '9') || (hex && ((c | 0x20) >= 'a' && (c | 0x20) <= 'f'));
        bool digit_after =
            i + 1 < text.len &&
            ((text.ptr[i + 1] >= '0' && text.ptr[i + 1] <= '9') ||
             (hex && (text.ptr[i + 1] | 0x20) >= 'a' && (text.ptr[i + 1] | 0x20) <= 'f'));
        if (c == '_' && (!digit_before || !digit_after)) {
            return false;
        }
        digit_before = digit;
    }
    return true;
}

/* A whole number: decimal, hexadecimal behind 0x, octal behind 0. False: not one, or too large. */
static bool integer_value(Str digits, f64 *ret)
{
    u32 base = 10;
    i64 value = 0;
    if (is_hex(digits)) {
        base = 16;
        digits = str_skip(digits, 2);
    } else if (digits.len > 1 && digits.ptr[0] == '0') {
        base = 8;
        digits = str_skip(digits, 1);
    }
    for (size_t i = 0; i < digits.len; i++) {
        char c = digits.ptr[i];
        u32 letter = (u32)((c | 0x20) - 'a');
        u32 digit = c >= '0' && c <= '9' ? (u32)(c - '0') : letter < 6 ? letter + 10 : 16;
        if (digit >= base || __builtin_mul_overflow(value, (i64)base, &value) ||
            __builtin_add_overflow(value, (i64)digit, &value)) {
            return false;
        }
    }
    *ret = (f64)value;
    return digits.len > 0;
}

/* Returns NULL, or what is wrong in the original's words. */
static const char *number_value(Arena *arena, Str text, f64 *ret)
{
    Str digits = text;
    if (str_find_byte(text, '_') != STR_NOT_FOUND) {
        char *plain = arena_alloc(arena, text.len, 1);
        if (!plain || !underscores_fit(text)) {
            return "invalid syntax";
        }
        digits = (Str){.ptr = plain};
        for (size_t i = 0; i < text.len; i++) {
            if (text.ptr[i] != '_') {
                plain[digits.len++] = text.ptr[i];
            }
        }
    }
    f64 value = 0;
    if (integer_value(digits, ret)) {
        return NULL;
    }
    if (is_hex(digits) || !f64_parse(digits, &value)) {
        return isinf(value) ? "value out of range" : "invalid syntax";
    }
    *ret = value;
    return NULL;
}

Node *literal_number(Parser *parser)
{
    Token token = parser_take(parser);
    Node *node = node_new(parser, NODE_NUMBER, VALUE_SCALAR, token.start, parser->last_end);
    if (!node) {
        return NULL;
    }
    if (token.kind == TOKEN_NUMBER) {
        const char *wrong = number_value(parser->arena, token.text, &node->number.value);
        if (wrong) {
            (void)parser_fail(parser, token.start,
                              "error parsing number: strconv.ParseFloat: parsing %s: %s",
                              parser_quote(parser, token.text), wrong);
            return NULL;
        }
        return node;
    }
    i64 ms;
    Err cause;
    if (!duration_parse(token.text, &ms, &cause)) {
        (void)parser_fail(parser, token.start, "%s", cause.message);
        return NULL;
    }
    node->number.is_duration = true;
    i64 whole_seconds = ms / 1000;
    node->number.value = (f64)whole_seconds + (f64)(ms % 1000 * 1000000) / 1e9;
    return node;
}

static u32 take_digits(Str *text, size_t count, u32 bits)
{
    u32 value = 0;
    for (size_t i = 0; i < count && text->len > 0; i++) {
        char c = text->ptr[0];
        u32 digit = c <= '9' ? (u32)(c - '0') : (u32)((c | 0x20) - 'a' + 10);
        value = value << bits | digit;
        *text = str_skip(*text, 1);
    }
    return value;
}

/* One escape behind its backslash; the lexer has checked it. Returns the bytes written. */
static size_t unescape(Str *text, char to[UTF8_MAX])
{
    static const char names[] = "abfnrtv";
    static const char values[] = "\a\b\f\n\r\t\v";
    char kind = text->ptr[0];
    const char *name = kind ? strchr(names, kind) : NULL;
    if (kind >= '0' && kind <= '7') {
        to[0] = (char)take_digits(text, 3, 3);
        return 1;
    }
    *text = str_skip(*text, 1);
    if (name) {
        to[0] = values[name - names];
        return 1;
    }
    switch (kind) {
    case 'x':
        to[0] = (char)take_digits(text, 2, 4);
        return 1;
    case 'u':
        return utf8_encode(take_digits(text, 4, 4), to);
    case 'U':
        return utf8_encode(take_digits(text, 8, 4), to);
    default: /* a backslash or the quote */
        to[0] = kind;
        return 1;
    }
}

bool string_value(Parser *parser, const Token *token, Str *ret)
{
    Str inner = str_slice(token->text, 1, token->text.len - 1);
    bool raw = token->text.ptr[0] == '`';
    if (raw || str_find_byte(inner, '\\') == STR_NOT_FOUND) {
        *ret = inner;
        return true;
    }
    char *plain =
        arena_alloc(parser->arena, inner.len, 1); /* no escape is shorter than its value */
    if (!plain) {
        return parser_full(parser);
    }
    size_t len = 0;
    while (inner.len > 0) {
        char c = inner.ptr[0];
        inner = str_skip(inner, 1);
        if (c != '\\') {
            plain[len++] = c;
            continue;
        }
        char bytes[UTF8_MAX];
        size_t size = unescape(&inner, bytes);
        memcpy(plain + len, bytes, size);
        len += size;
    }
    *ret = (Str){.ptr = plain, .len = len};
    return true;
}
