/*
 * YAML reading: typed values out of a tree, with the errors and the leniency of Go's decoder.
 *
 * Layer: codec. Memory: the tree's arena. Thread: any.
 */
#include "codec/yaml.h"

#include "base/buf.h"
#include "base/time.h"
#include "codec/number.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    SHOWN_WHOLE_MAX = 10, /* bytes of a value in an error; a longer one is cut to … */
    SHOWN_CUT = 7,        /* … these, and dots */
    NUMBER_TEXT_MAX = 400,
};

static const char errors_prefix[] = "yaml: unmarshal errors:";

typedef enum Number { NUMBER_NONE, NUMBER_INTEGER, NUMBER_FLOAT } Number;

static bool one_of(Str s, const char *words)
{
    Str rest = str_from(words);
    Str word;
    while (str_split_next(&rest, ' ', &word)) {
        if (str_eq(s, word)) {
            return true;
        }
    }
    return false;
}

static bool is_true(Str s)
{
    return one_of(s, "y Y yes Yes YES true True TRUE on On ON");
}

static bool is_false(Str s)
{
    return one_of(s, "n N no No NO false False FALSE off Off OFF");
}

/* "0x1F", "0b11", "0o17", "017", "1_000" with a sign before it. */
static bool parse_integer(Str s, bool *ret_negative, u64 *ret)
{
    bool negative = str_skip_prefix(&s, S("-"));
    if (!negative) {
        (void)str_skip_prefix(&s, S("+"));
    }
    u32 base = 10;
    if (str_skip_prefix(&s, S("0x")) || str_skip_prefix(&s, S("0X"))) {
        base = 16;
    } else if (str_skip_prefix(&s, S("0b")) || str_skip_prefix(&s, S("0B"))) {
        base = 2;
    } else if (str_skip_prefix(&s, S("0o")) || (s.len > 1 && str_skip_prefix(&s, S("0")))) {
        base = 8;
    }
    u64 value = 0;
    size_t digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        u32 digit = 99;
        if (c == '_') {
            continue;
        }
        if (c >= '0' && c <= '9') {
            digit = (u32)(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (u32)((c | 0x20) - 'a' + 10);
        }
        if (digit >= base || __builtin_mul_overflow(value, (u64)base, &value) ||
            __builtin_add_overflow(value, (u64)digit, &value)) {
            return false;
        }
        digits++;
    }
    if (digits == 0 || s.ptr[0] == '_') {
        return false;
    }
    *ret_negative = negative;
    *ret = value;
    return true;
}

/* Decimal only, as YAML wants it: Go's own "Inf", "NaN" and hexadecimal floats are text here. */
static bool looks_like_float(Str s)
{
    bool digits = false;
    size_t i = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+');
    for (; i < s.len; i++) {
        char c = s.ptr[i];
        if (c >= '0' && c <= '9') {
            digits = true;
        } else if (c != '.' && c != '_' &&
                   !(digits && (c == 'e' || c == 'E' || c == '-' || c == '+'))) {
            return false;
        }
    }
    return digits;
}

static bool parse_float(Str s, f64 *ret)
{
    if (one_of(s, ".inf .Inf .INF +.inf +.Inf +.INF")) {
        *ret = INFINITY;
        return true;
    }
    if (one_of(s, "-.inf -.Inf -.INF")) {
        *ret = -INFINITY;
        return true;
    }
    if (one_of(s, ".nan .NaN .NAN")) {
        *ret = NAN;
        return true;
    }
    if (!looks_like_float(s) || s.len >= NUMBER_TEXT_MAX) {
        return false;
    }
    char text[NUMBER_TEXT_MAX];
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != '_') {
            text[len++] = s.ptr[i];
        }
    }
    return f64_parse((Str){.ptr = text, .len = len}, ret);
}

static Number number_kind(Str s)
{
    bool negative;
    u64 integer;
    f64 number;
    if (s.len == 0 || !strchr("+-.0123456789", s.ptr[0])) {
        return NUMBER_NONE;
    }
    if (parse_integer(s, &negative, &integer)) {
        return NUMBER_INTEGER;
    }
    return parse_float(s, &number) ? NUMBER_FLOAT : NUMBER_NONE;
}

const char *yaml_tag(const YamlNode *node)
{
    switch (node->kind) {
    case YAML_NULL:
        return "!!null";
    case YAML_LIST:
        return "!!seq";
    case YAML_MAPPING:
        return "!!map";
    case YAML_SCALAR:
        break;
    }
    if (node->quoted) {
        return "!!str";
    }
    if (is_true(node->scalar) || is_false(node->scalar)) {
        return "!!bool";
    }
    Number kind = number_kind(node->scalar);
    return kind == NUMBER_INTEGER ? "!!int" : kind == NUMBER_FLOAT ? "!!float" : "!!str";
}

bool yaml_error(const YamlNode *node, Err *err, const char *format, ...)
{
    char message[ERR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    return err_set_line(err, ERR_INVALID, node ? node->line : 0, node ? node->column : 0, "%s",
                        message);
}

bool yaml_type_error(const YamlNode *node, const char *type, Err *err)
{
    const char *tag = yaml_tag(node);
    if (node->kind != YAML_SCALAR) {
        return yaml_error(node, err, "%s\n  line %u: cannot unmarshal %s into %s", errors_prefix,
                          node->line, tag, type);
    }
    bool whole = node->scalar.len <= SHOWN_WHOLE_MAX;
    return yaml_error(node, err, "%s\n  line %u: cannot unmarshal %s `" STR_FMT "%s` into %s",
                      errors_prefix, node->line, tag,
                      STR_ARG(whole ? node->scalar : str_take(node->scalar, SHOWN_CUT)),
                      whole ? "" : "...", type);
}

size_t yaml_count(const YamlNode *node)
{
    return node && (node->kind == YAML_LIST || node->kind == YAML_MAPPING) ? node->count : 0;
}

bool yaml_list(const YamlNode *node, const char *type, Err *err)
{
    return !node || node->kind == YAML_LIST || node->kind == YAML_NULL ||
           yaml_type_error(node, type, err);
}

bool yaml_mapping(const YamlNode *node, const char *type, Err *err)
{
    if (!node || node->kind == YAML_NULL) {
        return true;
    }
    if (node->kind != YAML_MAPPING) {
        return yaml_type_error(node, type, err);
    }
    const YamlNode *again = node->duplicate;
    return !again || yaml_error(again, err, "%s\n  line %u: key \"" STR_FMT "\" already set in map",
                                errors_prefix, again->line, STR_ARG(again->scalar));
}

bool yaml_map(const YamlNode *node, const char *type, Arena *arena, YamlMap *ret, Err *err)
{
    YamlMap map = {.type = type};
    if (node && node->kind != YAML_NULL) {
        if (node->kind != YAML_MAPPING) {
            return yaml_type_error(node, type, err);
        }
        const YamlNode *again = node->duplicate;
        if (again) {
            return yaml_error(again, err, "%s\n  line %u: field " STR_FMT " already set in type %s",
                              errors_prefix, again->line, STR_ARG(again->scalar), type);
        }
        map.node = node;
        map.seen = ARENA_NEW(arena, u64, (node->count + 63) / 64);
        if (!map.seen) {
            return arena_full(arena, err);
        }
    }
    *ret = map;
    return true;
}

YamlNode *yaml_get(YamlMap *map, const char *key)
{
    Str name = str_from(key);
    for (size_t i = 0; map->node && i < map->node->count; i++) {
        const YamlNode *node = map->node->pairs[i].key;
        if (node->kind == YAML_SCALAR && str_eq(node->scalar, name)) {
            map->seen[i / 64] |= 1ULL << (i % 64);
            return map->node->pairs[i].value;
        }
    }
    return NULL;
}

/* All keys that nobody asked for, in one message. */
bool yaml_map_finish(const YamlMap *map, Err *err)
{
    const YamlNode *first = NULL;
    Buf text;
    buf_init(&text, ERR_MESSAGE_MAX);
    for (size_t i = 0; map->node && i < map->node->count; i++) {
        const YamlNode *key = map->node->pairs[i].key;
        if (map->seen[i / 64] >> (i % 64) & 1) {
            continue;
        }
        first = first ? first : key;
        buf_printf(&text, "\n  line %u: field " STR_FMT " not found in type %s", key->line,
                   STR_ARG(key->scalar), map->type);
    }
    if (first) {
        Str all = buf_view(&text);
        (void)yaml_error(first, err, "%s" STR_FMT, errors_prefix, STR_ARG(all));
    }
    buf_done(&text);
    return first == NULL;
}

bool yaml_str(const YamlNode *node, Str *ret, Err *err)
{
    if (node->kind == YAML_NULL) {
        *ret = STR_EMPTY;
        return true;
    }
    if (node->kind != YAML_SCALAR) {
        return yaml_type_error(node, "string", err);
    }
    *ret = node->scalar;
    return true;
}

/* For durations and sizes: their parsers know no place. */
static bool with_place(const YamlNode *node, bool ok, Err *err)
{
    if (!ok && err) {
        err->line = node->line;
        err->column = node->column;
    }
    return ok;
}

bool yaml_duration(const YamlNode *node, i64 *ret_ms, Err *err)
{
    Str text;
    if (node->kind == YAML_NULL) {
        *ret_ms = 0;
        return true;
    }
    return yaml_str(node, &text, err) && with_place(node, duration_parse(text, ret_ms, err), err);
}

bool yaml_get_str(YamlMap *map, const char *key, Str *ret, Err *err)
{
    const YamlNode *node = yaml_get(map, key);
    return !node || yaml_str(node, ret, err);
}

bool yaml_get_bool(YamlMap *map, const char *key, bool *ret, Err *err)
{
    const YamlNode *node = yaml_get(map, key);
    if (!node) {
        return true;
    }
    bool plain = node->kind == YAML_SCALAR && !node->quoted;
    if (node->kind == YAML_NULL || (plain && is_false(node->scalar))) {
        *ret = false;
        return true;
    }
    if (plain && is_true(node->scalar)) {
        *ret = true;
        return true;
    }
    return yaml_type_error(node, "bool", err);
}

/* A whole number; a float is cut at its point, as Go's decoder does. */
static bool read_integer(const YamlNode *node, bool *ret_negative, u64 *ret)
{
    if (node->kind == YAML_NULL) {
        *ret_negative = false;
        *ret = 0;
        return true;
    }
    if (node->kind != YAML_SCALAR || node->quoted) {
        return false;
    }
    f64 number;
    Number kind = number_kind(node->scalar);
    if (kind == NUMBER_INTEGER) {
        return parse_integer(node->scalar, ret_negative, ret);
    }
    if (kind != NUMBER_FLOAT || !parse_float(node->scalar, &number) ||
        !(fabs(number) < 9223372036854775808.0)) {
        return false;
    }
    *ret_negative = number < 0;
    *ret = (u64)fabs(number);
    return true;
}

bool yaml_get_i64(YamlMap *map, const char *key, i64 *ret, Err *err)
{
    const YamlNode *node = yaml_get(map, key);
    bool negative;
    u64 value;
    if (!node) {
        return true;
    }
    if (!read_integer(node, &negative, &value) || value > (u64)INT64_MAX + negative) {
        return yaml_type_error(node, "int", err);
    }
    *ret = negative ? (i64)(0 - value) : (i64)value;
    return true;
}

bool yaml_get_u64(YamlMap *map, const char *key, u64 *ret, Err *err)
{
    const YamlNode *node = yaml_get(map, key);
    bool negative;
    u64 value;
    if (!node) {
        return true;
    }
    if (!read_integer(node, &negative, &value) || (negative && value > 0)) {
        return yaml_type_error(node, "uint", err);
    }
    *ret = value;
    return true;
}

bool yaml_get_f64(YamlMap *map, const char *key, f64 *ret, Err *err)
{
    const YamlNode *node = yaml_get(map, key);
    if (!node) {
        return true;
    }
    if (node->kind == YAML_NULL) {
        *ret = 0;
        return true;
    }
    bool negative;
    u64 integer;
    f64 number;
    Number kind =
        node->kind == YAML_SCALAR && !node->quoted ? number_kind(node->scalar) : NUMBER_NONE;
    if (kind == NUMBER_INTEGER && parse_integer(node->scalar, &negative, &integer)) {
        *ret = negative ? -(f64)integer : (f64)integer;
        return true;
    }
    if (kind == NUMBER_FLOAT && parse_float(node->scalar, &number)) {
        *ret = number;
        return true;
    }
    return yaml_type_error(node, "float64", err);
}

bool yaml_get_duration(YamlMap *map, const char *key, i64 *ret_ms, Err *err)
{
    const YamlNode *node = yaml_get(map, key);
    return !node || yaml_duration(node, ret_ms, err);
}

bool yaml_get_size(YamlMap *map, const char *key, u64 *ret_bytes, Err *err)
{
    const YamlNode *node = yaml_get(map, key);
    Str text;
    if (!node) {
        return true;
    }
    if (node->kind == YAML_NULL) {
        *ret_bytes = 0;
        return true;
    }
    return yaml_str(node, &text, err) && with_place(node, size_parse(text, ret_bytes, err), err);
}

bool yaml_get_str_list(YamlMap *map, const char *key, Arena *arena, Str **ret, size_t *ret_count,
                       Err *err)
{
    const YamlNode *node = yaml_get(map, key);
    if (!node) {
        return true;
    }
    if (!yaml_list(node, "[]string", err)) {
        return false;
    }
    size_t count = yaml_count(node);
    Str *list = ARENA_NEW(arena, Str, count);
    if (!list) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!yaml_str(node->items[i], &list[i], err)) {
            return false;
        }
    }
    *ret = list;
    *ret_count = count;
    return true;
}
