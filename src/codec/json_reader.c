/*
 * JSON reader: see json.h. A cursor over the text, two bits for each open container, and an error
 * that stays.
 *
 * Layer: codec. Memory: borrows the text; unescaped strings lie in the arena. Thread: one reader,
 * one thread. Source: RFC 8259.
 */
#include "codec/json.h"

#include "base/utf8.h"
#include "codec/json_plain.h"
#include "codec/number.h"

#include <string.h>

static const char error_depth[] = "arrays and objects are nested too deep";
static const char error_memory[] = "a string does not fit into the memory limit";
static const char error_value[] = "expected a value";

static bool fail_at(JsonReader *reader, size_t pos, const char *why)
{
    if (!reader->failed) {
        reader->failed = true;
        reader->error = why;
        reader->error_pos = pos;
    }
    return false;
}

void json_init(JsonReader *reader, Str text, Arena *arena)
{
    *reader = (JsonReader){.text = text, .arena = arena};
}

bool json_fail(JsonReader *reader, const char *why)
{
    return fail_at(reader, reader->pos, why);
}

static bool at_end(const JsonReader *reader)
{
    return reader->pos == reader->text.len;
}

/* The byte at the cursor; '\0' at the end, which no part of the grammar takes outside a string. */
static char current(const JsonReader *reader)
{
    return at_end(reader) ? '\0' : reader->text.ptr[reader->pos];
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void skip_blanks(JsonReader *reader)
{
    while (!at_end(reader) && is_blank(reader->text.ptr[reader->pos])) {
        reader->pos++;
    }
}

/* Unfinished text is told apart from wrong text: a caller may be missing a buffer's rest. */
static bool fail_expected(JsonReader *reader, const char *why)
{
    return json_fail(reader, at_end(reader) ? "the text ends too early" : why);
}

static bool take(JsonReader *reader, char wanted, const char *why)
{
    if (reader->failed) {
        return false;
    }
    skip_blanks(reader);
    if (at_end(reader) || current(reader) != wanted) {
        return fail_expected(reader, why);
    }
    reader->pos++;
    return true;
}

static bool get_bit(const u64 *bits, u32 depth)
{
    return bits[(depth - 1) / 64] >> ((depth - 1) % 64) & 1;
}

static void set_bit(u64 *bits, u32 depth, bool value)
{
    u64 mask = 1ULL << ((depth - 1) % 64);
    u64 *word = &bits[(depth - 1) / 64];
    *word = value ? *word | mask : *word & ~mask;
}

JsonKind json_peek(JsonReader *reader)
{
    if (reader->failed) {
        return JSON_BAD;
    }
    skip_blanks(reader);
    switch (current(reader)) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
        return JSON_TRUE;
    case 'f':
        return JSON_FALSE;
    case 'n':
        return JSON_NULL;
    case '-':
    case '0' ... '9':
        return JSON_NUMBER;
    default:
        if (!at_end(reader) || reader->depth > 0) {
            (void)fail_expected(reader, error_value);
        }
        return JSON_BAD;
    }
}

static bool begin(JsonReader *reader, char open, const char *why)
{
    if (!take(reader, open, why)) {
        return false;
    }
    if (reader->depth == JSON_DEPTH_MAX) {
        return fail_at(reader, reader->pos - 1, error_depth);
    }
    reader->depth++;
    set_bit(reader->is_object, reader->depth, open == '{');
    set_bit(reader->has_item, reader->depth, false);
    return true;
}

bool json_begin_object(JsonReader *reader)
{
    return begin(reader, '{', "expected an object");
}

bool json_begin_array(JsonReader *reader)
{
    return begin(reader, '[', "expected an array");
}

/* The comma before an item, or the closing bracket. False at the latter and on error. */
static bool next(JsonReader *reader, bool in_object)
{
    if (reader->failed) {
        return false;
    }
    if (reader->depth == 0 || get_bit(reader->is_object, reader->depth) != in_object) {
        return json_fail(reader, in_object ? "no object is open" : "no array is open");
    }
    char close = in_object ? '}' : ']';
    skip_blanks(reader);
    if (current(reader) == close) {
        reader->pos++;
        reader->depth--;
        return false;
    }
    if (!get_bit(reader->has_item, reader->depth)) {
        set_bit(reader->has_item, reader->depth, true);
        return true;
    }
    if (current(reader) != ',') {
        return fail_expected(reader, in_object ? "expected ',' or '}'" : "expected ',' or ']'");
    }
    reader->pos++;
    skip_blanks(reader);
    if (current(reader) == close) {
        return json_fail(reader, "a comma stands before the closing bracket");
    }
    return true;
}

bool json_next_item(JsonReader *reader)
{
    return next(reader, false);
}

static int hex_digit(char c)
{
    switch (c) {
    case '0' ... '9':
        return c - '0';
    case 'a' ... 'f':
        return c - 'a' + 10;
    case 'A' ... 'F':
        return c - 'A' + 10;
    default:
        return -1;
    }
}

/* Four hex digits, or -1. */
static i32 hex_unit(const char *at, const char *end)
{
    i32 unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = at + i < end ? hex_digit(at[i]) : -1;
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

/* The length of the escape at `at` (a backslash), or 0. */
static size_t escape_len(const char *at, const char *end)
{
    if (end - at < 2) {
        return 0;
    }
    if (at[1] == 'u') {
        return hex_unit(at + 2, end) < 0 ? 0 : 6;
    }
    return at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) ? 2 : 0;
}

/* Checks the string at the cursor and moves behind it. `ret` is what stands between the quotes. */
static bool scan_string(JsonReader *reader, Str *ret, bool *ret_escaped)
{
    const char *text = reader->text.ptr;
    const char *end = text + reader->text.len;
    const char *begin = text + reader->pos + 1;
    const char *at = begin;
    bool escaped = false;
    for (;;) {
        at = json_skip_plain(at, end);
        if (at == end) {
            return fail_at(reader, reader->text.len, "the text ends inside a string");
        }
        if (*at == '"') {
            break;
        }
        size_t len;
        size_t pos = (size_t)(at - text);
        if (*at == '\\') {
            len = escape_len(at, end);
            escaped = true;
            if (len == 0) {
                return fail_at(reader, pos, "not an escape sequence");
            }
        } else if ((u8)*at < 0x20) {
            return fail_at(reader, pos, "a control character in a string must be escaped");
        } else {
            u32 rune;
            len = utf8_decode(str_range(at, end), &rune);
            if (len == 1) {
                return fail_at(reader, pos, "not valid UTF-8");
            }
        }
        at += len;
    }
    reader->pos = (size_t)(at + 1 - text);
    *ret = str_range(begin, at);
    *ret_escaped = escaped;
    return true;
}

/* The code point of a checked \u escape and how far it reaches; half a surrogate pair is U+FFFD. */
static u32 unescape_unit(const char *at, const char *end, size_t *ret_len)
{
    u32 unit = (u32)hex_unit(at + 2, end);
    *ret_len = 6;
    if (unit >= 0xD800 && unit < 0xDC00 && end - at >= 12 && at[6] == '\\' && at[7] == 'u') {
        u32 low = (u32)hex_unit(at + 8, end);
        if (low >= 0xDC00 && low < 0xE000) {
            *ret_len = 12;
            return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
        }
    }
    return unit >= 0xD800 && unit < 0xE000 ? RUNE_INVALID : unit;
}

static char unescape_letter(char letter)
{
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter; /* " \ / */
    }
}

/* `raw` was checked by scan_string. No escape is shorter than what it stands for. */
static bool unescape(JsonReader *reader, Str raw, Str *ret)
{
    char *text = reader->arena ? arena_alloc(reader->arena, raw.len + 1, 1) : NULL;
    if (!text) {
        return json_fail(reader, error_memory);
    }
    char *to = text;
    const char *end = raw.ptr + raw.len;
    for (const char *at = raw.ptr; at < end;) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        const char *stop = escape ? escape : end;
        to = mempcpy(to, at, (size_t)(stop - at));
        at = stop;
        if (escape && escape[1] == 'u') {
            size_t len;
            u32 rune = unescape_unit(escape, end, &len);
            to += utf8_encode(rune, to);
            at += len;
        } else if (escape) {
            *to++ = unescape_letter(escape[1]);
            at += 2;
        }
    }
    *to = '\0';
    *ret = str_range(text, to);
    return true;
}

static bool at_value(JsonReader *reader, JsonKind kind, const char *why)
{
    JsonKind found = json_peek(reader);
    if (reader->failed) {
        return false;
    }
    return found == kind || fail_expected(reader, why);
}

bool json_str(JsonReader *reader, Str *ret)
{
    Str raw;
    bool escaped;
    if (!at_value(reader, JSON_STRING, "expected a string") ||
        !scan_string(reader, &raw, &escaped)) {
        return false;
    }
    if (escaped) {
        return unescape(reader, raw, ret);
    }
    *ret = raw;
    return true;
}

/* The key's text and the colon. `ret` may be NULL: then nothing is unescaped. */
static bool next_key(JsonReader *reader, Str *ret)
{
    Str raw;
    bool escaped;
    if (!next(reader, true)) {
        return false;
    }
    if (current(reader) != '"') {
        return fail_expected(reader, "expected a key in quotes");
    }
    if (!scan_string(reader, &raw, &escaped) || !take(reader, ':', "expected ':'")) {
        return false;
    }
    if (ret && escaped) {
        return unescape(reader, raw, ret);
    }
    if (ret) {
        *ret = raw;
    }
    return true;
}

bool json_next_key(JsonReader *reader, Str *ret_key)
{
    return next_key(reader, ret_key);
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && (u8)(*at - '0') < 10) {
        at++;
    }
    return at;
}

/* Checks the number at the cursor and moves behind it. */
static bool scan_number(JsonReader *reader, Str *ret, bool *ret_integer)
{
    const char *text = reader->text.ptr;
    const char *end = text + reader->text.len;
    const char *begin = text + reader->pos;
    const char *at = begin + (*begin == '-');
    const char *digits = at;
    at = skip_digits(at, end);
    bool ok = at > digits && (*digits != '0' || at == digits + 1);
    bool integer = true;
    if (ok && at < end && *at == '.') {
        digits = at + 1;
        at = skip_digits(digits, end);
        ok = at > digits;
        integer = false;
    }
    if (ok && at < end && (*at == 'e' || *at == 'E')) {
        digits = at + 1;
        digits += digits < end && (*digits == '+' || *digits == '-');
        at = skip_digits(digits, end);
        ok = at > digits;
        integer = false;
    }
    if (!ok) {
        return json_fail(reader, "not a number as JSON writes it");
    }
    reader->pos = (size_t)(at - text);
    *ret = str_range(begin, at);
    *ret_integer = integer;
    return true;
}

static bool read_number(JsonReader *reader, Str *ret, bool *ret_integer)
{
    return at_value(reader, JSON_NUMBER, "expected a number") &&
           scan_number(reader, ret, ret_integer);
}

bool json_number_text(JsonReader *reader, Str *ret)
{
    bool integer;
    return read_number(reader, ret, &integer);
}

bool json_f64(JsonReader *reader, f64 *ret)
{
    Str text;
    bool integer;
    f64 value;
    if (!read_number(reader, &text, &integer)) {
        return false;
    }
    if (!f64_parse(text, &value)) {
        return fail_at(reader, reader->pos - text.len, "the number is too large for a float");
    }
    *ret = value;
    return true;
}

bool json_i64(JsonReader *reader, i64 *ret)
{
    Str text;
    bool integer;
    if (!read_number(reader, &text, &integer)) {
        return false;
    }
    if (!integer || !str_to_i64(text, ret)) {
        return fail_at(reader, reader->pos - text.len,
                       integer ? "the number does not fit into 64 bits"
                               : "expected a whole number without fraction or exponent");
    }
    return true;
}

static bool take_word(JsonReader *reader, Str word)
{
    if (!str_starts_with(str_skip(reader->text, reader->pos), word)) {
        return json_fail(reader, error_value);
    }
    reader->pos += word.len;
    return true;
}

bool json_bool(JsonReader *reader, bool *ret)
{
    JsonKind kind = json_peek(reader);
    if (reader->failed) {
        return false;
    }
    if (kind != JSON_TRUE && kind != JSON_FALSE) {
        return fail_expected(reader, "expected true or false");
    }
    if (!take_word(reader, kind == JSON_TRUE ? S("true") : S("false"))) {
        return false;
    }
    *ret = kind == JSON_TRUE;
    return true;
}

bool json_null(JsonReader *reader)
{
    return at_value(reader, JSON_NULL, "expected null") && take_word(reader, S("null"));
}

/* A value that opens nothing, or the opening bracket of one that does. */
static bool skip_one(JsonReader *reader)
{
    Str text;
    bool flag;
    switch (json_peek(reader)) {
    case JSON_OBJECT:
        return json_begin_object(reader);
    case JSON_ARRAY:
        return json_begin_array(reader);
    case JSON_STRING:
        return scan_string(reader, &text, &flag);
    case JSON_NUMBER:
        return scan_number(reader, &text, &flag);
    case JSON_TRUE:
    case JSON_FALSE:
        return json_bool(reader, &flag);
    case JSON_NULL:
        return json_null(reader);
    case JSON_BAD:
    default:
        return fail_expected(reader, error_value);
    }
}

bool json_skip(JsonReader *reader)
{
    u32 outside = reader->depth;
    if (!skip_one(reader)) {
        return false;
    }
    while (reader->depth > outside) {
        bool more = get_bit(reader->is_object, reader->depth) ? next_key(reader, NULL)
                                                              : json_next_item(reader);
        if (more ? !skip_one(reader) : reader->failed) {
            return false;
        }
    }
    return true;
}

bool json_raw(JsonReader *reader, Str *ret)
{
    skip_blanks(reader);
    size_t begin = reader->pos;
    if (!json_skip(reader)) {
        return false;
    }
    *ret = str_slice(reader->text, begin, reader->pos);
    return true;
}

static bool report(const JsonReader *reader, Err *err)
{
    if (!err) {
        return false;
    }
    u32 line = 1;
    size_t line_begin = 0;
    for (size_t i = 0; i < reader->error_pos; i++) {
        if (reader->text.ptr[i] == '\n') {
            line++;
            line_begin = i + 1;
        }
    }
    bool is_limit = reader->error == error_depth || reader->error == error_memory;
    (void)err_set_line(err, is_limit ? ERR_LIMIT : ERR_INVALID, line,
                       (u32)(reader->error_pos - line_begin + 1), "%s", reader->error);
    err->pos = reader->error_pos;
    return false;
}

bool json_finish(JsonReader *reader, Err *err)
{
    if (!reader->failed) {
        size_t first = 0;
        while (first < reader->text.len && is_blank(reader->text.ptr[first])) {
            first++;
        }
        skip_blanks(reader);
        if (first == reader->text.len) {
            (void)fail_at(reader, first, "no value at all");
        } else if (reader->depth > 0) {
            (void)json_fail(reader, "an array or object was not read to its end");
        } else if (!at_end(reader)) {
            (void)json_fail(reader, "something stands behind the value");
        }
    }
    return !reader->failed || report(reader, err);
}
