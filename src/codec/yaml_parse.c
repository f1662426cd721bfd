/*
 * YAML parsing: libyaml's events become a tree in the caller's arena. Aliases share the node of
 * their anchor; heights and sizes are counted as if they were copies, so that a reader of the tree
 * is bounded too.
 *
 * Layer: codec. Memory: the caller's arena; the parser's own while it runs. Thread: any.
 */
#include "codec/yaml.h"

#include "base/map.h"
#include "codec/base64.h"

#include <string.h>
#include <yaml.h>

enum {
    DUPLICATES_LINEAR = 16, /* keys; above, a table finds duplicates */
};

/* A mapping or list that is still open. */
typedef struct Open {
    YamlNode *node;
    YamlNode *key; /* YAML_MAPPING: waits for its value */
    size_t capacity;
} Open;

typedef struct Builder {
    yaml_parser_t parser;
    Arena *arena;
    StrMap anchors; /* name → YamlNode; the bytes lie in the arena */
    Open open[YAML_DEPTH_MAX];
    size_t depth;
    u32 nodes;
    YamlNode *root;
    Err *err;
} Builder;

static bool fail(Builder *b, yaml_mark_t mark, const char *what)
{
    u32 line = (u32)mark.line + 1;
    return err_set_line(b->err, ERR_INVALID, line, (u32)mark.column + 1, "yaml: line %u: %s", line,
                        what);
}

static bool fail_limit(Builder *b, u32 line, u32 column, const char *what)
{
    return err_set_line(b->err, ERR_LIMIT, line, column, "yaml: line %u: %s", line, what);
}

static bool fail_syntax(Builder *b)
{
    const yaml_parser_t *parser = &b->parser;
    if (parser->error == YAML_MEMORY_ERROR) {
        return err_set(b->err, ERR_LIMIT, "yaml: out of memory");
    }
    yaml_mark_t mark = parser->problem_mark;
    if (parser->error == YAML_READER_ERROR) {
        mark = parser->mark; /* a bad byte has an offset only */
    }
    return fail(b, mark, parser->problem ? parser->problem : "cannot be parsed");
}

static YamlNode *new_node(Builder *b, YamlKind kind, yaml_mark_t mark)
{
    YamlNode *node = ARENA_NEW(b->arena, YamlNode, 1);
    if (!node) {
        (void)arena_full(b->arena, b->err);
        return NULL;
    }
    node->kind = kind;
    node->line = (u32)mark.line + 1;
    node->column = (u32)mark.column + 1;
    node->size = 1;
    return node;
}

/* Room for one more item or pair. */
static bool grow(Builder *b, Open *open, size_t element_size)
{
    YamlNode *node = open->node;
    if (node->count < open->capacity) {
        return true;
    }
    size_t capacity = open->capacity ? open->capacity * 2 : 8;
    void *at = arena_alloc(b->arena, capacity * element_size, _Alignof(YamlPair));
    if (!at) {
        return arena_full(b->arena, b->err);
    }
    const void *old = node->kind == YAML_LIST ? (void *)node->items : (void *)node->pairs;
    if (node->count > 0) {
        memcpy(at, old, node->count * element_size);
    }
    if (node->kind == YAML_LIST) {
        node->items = at;
    } else {
        node->pairs = at;
    }
    open->capacity = capacity;
    return true;
}

/* Adds a finished child's figures to its parent. */
static bool count_child(Builder *b, YamlNode *parent, const YamlNode *child)
{
    if (parent->size + child->size > YAML_NODES_MAX) {
        return fail_limit(b, child->line, child->column,
                          "document contains excessive aliasing or more than 2000000 values");
    }
    parent->size += child->size;
    parent->height = MAX(parent->height, child->height + 1);
    return true;
}

/* Puts a node where the document is. Of containers only the place is taken; see close_container. */
static bool place(Builder *b, YamlNode *node)
{
    if (b->depth == 0) {
        b->root = node;
        return true;
    }
    Open *open = &b->open[b->depth - 1];
    YamlNode *parent = open->node;
    if (parent->kind == YAML_LIST) {
        if (!grow(b, open, sizeof(YamlNode *))) {
            return false;
        }
        parent->items[parent->count++] = node;
        return true;
    }
    if (!open->key) {
        open->key = node;
        return true;
    }
    if (!grow(b, open, sizeof(YamlPair))) {
        return false;
    }
    parent->pairs[parent->count++] = (YamlPair){.key = open->key, .value = node};
    open->key = NULL;
    return true;
}

static bool add_anchor(Builder *b, const yaml_char_t *name, YamlNode *node)
{
    if (!name) {
        return true;
    }
    Str key;
    if (!arena_str(b->arena, str_from((const char *)name), &key, b->err)) {
        return false;
    }
    *strmap_put(&b->anchors, key, NULL) = (u64)(uintptr_t)node;
    return true;
}

static bool is_null_text(Str s)
{
    return s.len == 0 || str_eq(s, S("~")) || str_eq(s, S("null")) || str_eq(s, S("Null")) ||
           str_eq(s, S("NULL"));
}

/* !!binary: base64, in which white space does not count. */
static bool decode_binary(Builder *b, yaml_mark_t mark, Str *text)
{
    Buf packed;
    Buf bytes;
    buf_init(&packed, text->len);
    buf_init(&bytes, text->len);
    for (size_t i = 0; i < text->len; i++) {
        if (!strchr(" \t\r\n", text->ptr[i])) {
            buf_byte(&packed, (u8)text->ptr[i]);
        }
    }
    bool valid = base64_decode(buf_view(&packed), &bytes, NULL);
    bool ok = valid ? arena_str(b->arena, buf_view(&bytes), text, b->err)
                    : fail(b, mark, "!!binary value contains invalid base64 data");
    buf_done(&packed);
    buf_done(&bytes);
    return ok;
}

static bool add_scalar(Builder *b, const yaml_event_t *event)
{
    YamlNode *node = new_node(b, YAML_SCALAR, event->start_mark);
    Str text = {.ptr = (const char *)event->data.scalar.value, .len = event->data.scalar.length};
    if (!node || !arena_str(b->arena, text, &node->scalar, b->err)) {
        return false;
    }
    const char *tag = (const char *)event->data.scalar.tag;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    bool binary = tag && strcmp(tag, "tag:yaml.org,2002:binary") == 0;
    if (binary && !decode_binary(b, event->start_mark, &node->scalar)) {
        return false;
    }
    if (tag) {
        /* !!str makes a string of anything, another tag a value of something in quotes. */
        node->quoted = binary || strcmp(tag, YAML_STR_TAG) == 0 || strcmp(tag, "!") == 0 ||
                       (node->quoted && strncmp(tag, "tag:yaml.org,2002:", 18) != 0);
    }
    if (!node->quoted && is_null_text(node->scalar)) {
        node->kind = YAML_NULL;
    }
    if (!add_anchor(b, event->data.scalar.anchor, node) || !place(b, node)) {
        return false;
    }
    return b->depth == 0 || count_child(b, b->open[b->depth - 1].node, node);
}

static bool open_container(Builder *b, YamlKind kind, const yaml_event_t *event,
                           const yaml_char_t *anchor)
{
    YamlNode *node = new_node(b, kind, event->start_mark);
    if (!node) {
        return false;
    }
    if (b->depth == YAML_DEPTH_MAX) {
        return fail_limit(b, node->line, node->column, "nested deeper than 100 levels");
    }
    if (!add_anchor(b, anchor, node) || !place(b, node)) {
        return false;
    }
    b->open[b->depth++] = (Open){.node = node};
    return true;
}

static bool is_open(const Builder *b, const YamlNode *node)
{
    for (size_t i = 0; i < b->depth; i++) {
        if (b->open[i].node == node) {
            return true;
        }
    }
    return false;
}

static bool add_alias(Builder *b, const yaml_event_t *event)
{
    Str name = str_from((const char *)event->data.alias.anchor);
    u64 found;
    char what[128];
    if (!strmap_get(&b->anchors, name, &found)) {
        (void)snprintf(what, sizeof(what), "unknown anchor '" STR_FMT "' referenced",
                       STR_ARG(str_take(name, 60)));
        return fail(b, event->start_mark, what);
    }
    YamlNode *node = (YamlNode *)(uintptr_t)found;
    if (is_open(b, node)) {
        (void)snprintf(what, sizeof(what), "anchor '" STR_FMT "' value contains itself",
                       STR_ARG(str_take(name, 60)));
        return fail(b, event->start_mark, what);
    }
    if (b->depth + node->height > YAML_DEPTH_MAX) {
        return fail_limit(b, (u32)event->start_mark.line + 1, (u32)event->start_mark.column + 1,
                          "nested deeper than 100 levels");
    }
    return place(b, node) && (b->depth == 0 || count_child(b, b->open[b->depth - 1].node, node));
}

static bool is_merge_key(const YamlNode *key)
{
    return key->kind == YAML_SCALAR && !key->quoted && str_eq(key->scalar, S("<<"));
}

/* The pairs of one merged mapping that `own` does not have yet. */
static bool merge_mapping(Builder *b, Open *open, StrMap *own, const YamlNode *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const YamlPair *pair = &from->pairs[i];
        bool fresh = true;
        if (pair->key->kind == YAML_SCALAR) {
            (void)strmap_put(own, pair->key->scalar, &fresh);
        }
        if (!fresh) {
            continue;
        }
        if (!grow(b, open, sizeof(YamlPair)) || !count_child(b, open->node, pair->key) ||
            !count_child(b, open->node, pair->value)) {
            return false;
        }
        open->node->pairs[open->node->count++] = *pair;
    }
    return true;
}

static bool fail_merge(Builder *b, const YamlNode *at)
{
    return err_set_line(b->err, ERR_INVALID, at->line, at->column,
                        "yaml: line %u: map merge requires map or sequence of maps as the value",
                        at->line);
}

static bool merge_value(Builder *b, Open *open, StrMap *own, const YamlNode *value)
{
    if (value->kind == YAML_MAPPING) {
        return merge_mapping(b, open, own, value);
    }
    if (value->kind != YAML_LIST) {
        return fail_merge(b, value);
    }
    for (size_t i = 0; i < value->count; i++) {
        if (value->items[i]->kind != YAML_MAPPING) {
            return fail_merge(b, value->items[i]);
        }
        if (!merge_mapping(b, open, own, value->items[i])) {
            return false;
        }
    }
    return true;
}

/* Puts what << names behind the mapping's own pairs, which win. */
static bool merge(Builder *b, Open *open)
{
    YamlNode *node = open->node;
    YamlNode *merged[8];
    size_t merged_count = 0;
    size_t kept = 0;
    for (size_t i = 0; i < node->count; i++) {
        if (is_merge_key(node->pairs[i].key) && merged_count < COUNT_OF(merged)) {
            merged[merged_count++] = node->pairs[i].value;
        } else {
            node->pairs[kept++] = node->pairs[i];
        }
    }
    node->count = kept;
    if (merged_count == 0) {
        return true;
    }
    StrMap own = {0};
    for (size_t i = 0; i < kept; i++) {
        if (node->pairs[i].key->kind == YAML_SCALAR) {
            (void)strmap_put(&own, node->pairs[i].key->scalar, NULL);
        }
    }
    bool ok = true;
    for (size_t i = 0; ok && i < merged_count; i++) {
        ok = merge_value(b, open, &own, merged[i]);
    }
    strmap_done(&own);
    return ok;
}

static bool same_key(const YamlNode *a, const YamlNode *b)
{
    return a->kind == YAML_SCALAR && b->kind == YAML_SCALAR && str_eq(a->scalar, b->scalar);
}

static const YamlNode *find_duplicate(const YamlNode *node)
{
    if (node->count <= DUPLICATES_LINEAR) {
        for (size_t i = 1; i < node->count; i++) {
            for (size_t k = 0; k < i; k++) {
                if (same_key(node->pairs[i].key, node->pairs[k].key)) {
                    return node->pairs[i].key;
                }
            }
        }
        return NULL;
    }
    StrMap seen = {0};
    const YamlNode *duplicate = NULL;
    for (size_t i = 0; i < node->count && !duplicate; i++) {
        bool fresh = true;
        if (node->pairs[i].key->kind == YAML_SCALAR) {
            (void)strmap_put(&seen, node->pairs[i].key->scalar, &fresh);
        }
        duplicate = fresh ? NULL : node->pairs[i].key;
    }
    strmap_done(&seen);
    return duplicate;
}

static bool close_container(Builder *b)
{
    Open *open = &b->open[b->depth - 1];
    YamlNode *node = open->node;
    if (node->kind == YAML_MAPPING) {
        if (!merge(b, open)) {
            return false;
        }
        node->duplicate = find_duplicate(node);
    }
    b->depth--;
    return b->depth == 0 || count_child(b, b->open[b->depth - 1].node, node);
}

/* One event; *ret_done at the end of the first document. */
static bool take_event(Builder *b, const yaml_event_t *event, bool *ret_done)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return add_scalar(b, event);
    case YAML_ALIAS_EVENT:
        return add_alias(b, event);
    case YAML_SEQUENCE_START_EVENT:
        return open_container(b, YAML_LIST, event, event->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return open_container(b, YAML_MAPPING, event, event->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_container(b);
    case YAML_DOCUMENT_END_EVENT:
    case YAML_STREAM_END_EVENT:
        *ret_done = true;
        return true;
    default:
        return true;
    }
}

static bool build(Builder *b)
{
    for (bool done = false; !done;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event)) {
            return fail_syntax(b);
        }
        bool ok = take_event(b, &event, &done);
        yaml_event_delete(&event);
        if (!ok) {
            return false;
        }
    }
    if (!b->root) {
        b->root = new_node(b, YAML_NULL, (yaml_mark_t){0});
    }
    return b->root != NULL;
}

bool yaml_parse(Str text, Arena *arena, YamlNode **ret, Err *err)
{
    Builder b = {.arena = arena, .err = err};
    if (!yaml_parser_initialize(&b.parser)) {
        return err_set(err, ERR_LIMIT, "yaml: out of memory");
    }
    yaml_parser_set_input_string(&b.parser, (const unsigned char *)(text.ptr ? text.ptr : ""),
                                 text.len);
    bool ok = build(&b);
    strmap_done(&b.anchors);
    yaml_parser_delete(&b.parser);
    if (ok) {
        *ret = b.root;
    }
    return ok;
}

YamlNode *yaml_find(const YamlNode *mapping, Str key)
{
    if (!mapping || mapping->kind != YAML_MAPPING) {
        return NULL;
    }
    for (size_t i = 0; i < mapping->count; i++) {
        const YamlNode *name = mapping->pairs[i].key;
        if (name->kind == YAML_SCALAR && str_eq(name->scalar, key)) {
            return mapping->pairs[i].value;
        }
    }
    return NULL;
}
