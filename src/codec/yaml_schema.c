/* YAML schemas: see yaml_schema.h. Layer: codec. Memory: the caller's. Thread: any. */
#include "codec/yaml_schema.h"

#include "base/time.h"

#include <stdlib.h>
#include <string.h>

static bool check_text_map(const YamlNode *node, Err *err)
{
    if (!yaml_mapping(node, "map[string]string", err)) {
        return false;
    }
    for (size_t i = 0; i < yaml_count(node); i++) {
        Str text;
        if (!yaml_str(node->pairs[i].key, &text, err) ||
            !yaml_str(node->pairs[i].value, &text, err)) {
            return false;
        }
    }
    return true;
}

static bool check_record_list(const YamlSchema *schema, const YamlNode *node, Arena *arena,
                              Err *err)
{
    if (!yaml_list(node, "[]struct", err)) {
        return false;
    }
    for (size_t i = 0; i < yaml_count(node); i++) {
        if (!yaml_schema_check(schema, node->items[i], arena, err)) {
            return false;
        }
    }
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables */
static bool take_field(const YamlField *field, YamlMap *map, Arena *arena, Err *err)
{
    Str text;
    bool flag;
    i64 integer;
    u64 number;
    f64 real;
    Str *list;
    size_t count;
    const YamlNode *node;
    switch (field->type) {
    case YAML_TYPE_TEXT:
    case YAML_TYPE_SECRET:
    case YAML_TYPE_URL:
        return yaml_get_str(map, field->name, &text, err);
    case YAML_TYPE_BOOL:
        return yaml_get_bool(map, field->name, &flag, err);
    case YAML_TYPE_INT:
        return yaml_get_i64(map, field->name, &integer, err);
    case YAML_TYPE_UINT:
        return yaml_get_u64(map, field->name, &number, err);
    case YAML_TYPE_FLOAT:
        return yaml_get_f64(map, field->name, &real, err);
    case YAML_TYPE_DURATION:
        return yaml_get_duration(map, field->name, &integer, err);
    case YAML_TYPE_TEXT_LIST:
        return yaml_get_str_list(map, field->name, arena, &list, &count, err);
    case YAML_TYPE_TEXT_MAP:
        return check_text_map(yaml_get(map, field->name), err);
    case YAML_TYPE_RECORD:
        node = yaml_get(map, field->name);
        return !node || yaml_schema_check(field->record, node, arena, err);
    case YAML_TYPE_RECORD_LIST:
        return check_record_list(field->record, yaml_get(map, field->name), arena, err);
    case YAML_TYPE_INLINE:
        return field->foreign->take(map, arena, err);
    }
    return false;
}

bool yaml_schema_take(const YamlSchema *schema, YamlMap *map, Arena *arena, Err *err)
{
    for (size_t i = 0; i < schema->count; i++) {
        if (!take_field(&schema->fields[i], map, arena, err)) {
            return false;
        }
    }
    return true;
}

bool yaml_schema_check(const YamlSchema *schema, const YamlNode *node, Arena *arena, Err *err)
{
    YamlMap map;
    return yaml_map(node, schema->type, arena, &map, err) &&
           yaml_schema_take(schema, &map, arena, err) && yaml_map_finish(&map, err);
}

/* The text that counts: the file's, the default's, or empty. A null is the zero of its type. */
static Str field_text(const YamlField *field, const YamlNode *node)
{
    if (!node) {
        return str_from(field->initial);
    }
    return node->kind == YAML_SCALAR ? node->scalar : STR_EMPTY;
}

/* A checked scalar reads without an error. */
static bool flag_of(Str text)
{
    return text.len > 0 && strchr("yYtT", text.ptr[0]) ? true : str_eq_ignore_case(text, S("on"));
}

static i64 duration_of(Str text)
{
    i64 ms = 0;
    return text.len > 0 && duration_parse(text, &ms, NULL) ? ms : 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables */
static bool is_empty(const YamlField *field, const YamlNode *node)
{
    Str text = field_text(field, node);
    switch (field->type) {
    case YAML_TYPE_BOOL:
        return !flag_of(text);
    case YAML_TYPE_INT:
    case YAML_TYPE_UINT:
    case YAML_TYPE_FLOAT:
        return text.len == 0 || (text.len == 1 && text.ptr[0] == '0');
    case YAML_TYPE_DURATION:
        return duration_of(text) == 0;
    case YAML_TYPE_TEXT_LIST:
    case YAML_TYPE_TEXT_MAP:
    case YAML_TYPE_RECORD_LIST:
        return yaml_count(node) == 0;
    case YAML_TYPE_RECORD:
        for (size_t i = 0; i < field->record->count; i++) {
            const YamlField *inner = &field->record->fields[i];
            if (!is_empty(inner, yaml_find(node, str_from(inner->name)))) {
                return false;
            }
        }
        return true;
    case YAML_TYPE_INLINE:
        return false;
    default:
        return text.len == 0;
    }
}

static int by_key(const void *a, const void *b)
{
    const YamlPair *left = *(const YamlPair *const *)a;
    const YamlPair *right = *(const YamlPair *const *)b;
    return str_cmp(left->key->scalar, right->key->scalar);
}

static void write_text_map(const YamlNode *node, Arena *arena, YamlWriter *writer)
{
    size_t count = yaml_count(node);
    const YamlPair **pairs = ARENA_NEW(arena, const YamlPair *, count);
    yaml_put_begin(writer, YAML_MAPPING);
    for (size_t i = 0; pairs && i < count; i++) {
        pairs[i] = &node->pairs[i];
    }
    if (pairs && count > 0) {
        qsort(pairs, count, sizeof(const YamlPair *), by_key);
    }
    for (size_t i = 0; pairs && i < count; i++) {
        yaml_put_text(writer, pairs[i]->key->scalar);
        yaml_put_text(writer, pairs[i]->value->scalar);
    }
    yaml_put_end(writer);
}

static void write_plain(const YamlField *field, const YamlNode *node, YamlWriter *writer)
{
    YamlNode given = {.kind = YAML_SCALAR, .scalar = field_text(field, node)};
    if (given.scalar.len == 0) {
        given.scalar = field->type == YAML_TYPE_BOOL ? S("false") : S("0");
    } else if (field->type == YAML_TYPE_BOOL) {
        given.scalar = flag_of(given.scalar) ? S("true") : S("false");
    }
    yaml_put_node(writer, &given);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables */
static void write_value(const YamlField *field, const YamlNode *node, Arena *arena,
                        YamlWriter *writer)
{
    Str text = field_text(field, node);
    switch (field->type) {
    case YAML_TYPE_TEXT:
        yaml_put_text(writer, text);
        return;
    case YAML_TYPE_SECRET:
        yaml_put_secret(writer, text);
        return;
    case YAML_TYPE_URL:
        yaml_put_url(writer, text);
        return;
    case YAML_TYPE_DURATION:
        yaml_put_duration(writer, duration_of(text));
        return;
    case YAML_TYPE_TEXT_LIST:
        yaml_put_begin(writer, YAML_LIST);
        for (size_t i = 0; i < yaml_count(node); i++) {
            yaml_put_text(writer, node->items[i]->scalar);
        }
        yaml_put_end(writer);
        return;
    case YAML_TYPE_TEXT_MAP:
        write_text_map(node, arena, writer);
        return;
    case YAML_TYPE_RECORD:
        yaml_put_begin(writer, YAML_MAPPING);
        yaml_schema_write(field->record, node, arena, writer);
        yaml_put_end(writer);
        return;
    case YAML_TYPE_RECORD_LIST:
        yaml_put_begin(writer, YAML_LIST);
        for (size_t i = 0; i < yaml_count(node); i++) {
            yaml_put_begin(writer, YAML_MAPPING);
            yaml_schema_write(field->record, node->items[i], arena, writer);
            yaml_put_end(writer);
        }
        yaml_put_end(writer);
        return;
    default:
        write_plain(field, node, writer);
        return;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the tables */
void yaml_schema_write(const YamlSchema *schema, const YamlNode *node, Arena *arena,
                       YamlWriter *writer)
{
    for (size_t i = 0; i < schema->count; i++) {
        const YamlField *field = &schema->fields[i];
        if (field->type == YAML_TYPE_INLINE) {
            field->foreign->write(writer, node, arena);
            continue;
        }
        const YamlNode *value = yaml_find(node, str_from(field->name));
        if (field->always || !is_empty(field, value)) {
            yaml_put_text(writer, str_from(field->name));
            write_value(field, value, arena, writer);
        }
    }
}

Str yaml_schema_text(const YamlSchema *schema, const YamlNode *node, const char *name)
{
    for (size_t i = 0; i < schema->count; i++) {
        const YamlField *field = &schema->fields[i];
        if (field->name && strcmp(field->name, name) == 0) {
            return field_text(field, yaml_find(node, str_from(name)));
        }
    }
    ASSERT(false); /* a name that the table does not hold */
    return STR_EMPTY;
}
