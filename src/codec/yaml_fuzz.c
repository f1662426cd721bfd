/*
 * YAML fuzzer. Oracle: a tree that was parsed, written and parsed again is the same tree; what is
 * refused has a line.
 *
 * Layer: codec, tests only.
 */
#include "codec/yaml.h"

#include "base/buf.h"
#include "base/utf8.h"
#include "codec/yaml_write.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { VISITS_MAX = 100000 }; /* aliases can make a small input large */

/* NOLINTNEXTLINE(misc-no-recursion): a tree is at most YAML_DEPTH_MAX deep */
static void check_same(const YamlNode *a, const YamlNode *b)
{
    ASSERT(a->kind == b->kind);
    ASSERT(strcmp(yaml_tag(a), yaml_tag(b)) == 0);
    if (a->kind == YAML_SCALAR) {
        ASSERT(str_eq(a->scalar, b->scalar));
        return;
    }
    ASSERT(yaml_count(a) == yaml_count(b));
    for (size_t i = 0; i < yaml_count(a); i++) {
        if (a->kind == YAML_LIST) {
            check_same(a->items[i], b->items[i]);
        } else {
            check_same(a->pairs[i].key, b->pairs[i].key);
            check_same(a->pairs[i].value, b->pairs[i].value);
        }
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): a tree is at most YAML_DEPTH_MAX deep */
static bool holds_bytes(const YamlNode *node)
{
    bool found = node->kind == YAML_SCALAR && !utf8_valid(node->scalar);
    for (size_t i = 0; i < yaml_count(node) && !found; i++) {
        found = node->kind == YAML_LIST
                    ? holds_bytes(node->items[i])
                    : holds_bytes(node->pairs[i].key) || holds_bytes(node->pairs[i].value);
    }
    return found;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Arena arena;
    Err err = {0};
    YamlNode *first;
    arena_init(&arena, 64 * MIB);
    if (!yaml_parse((Str){.ptr = (const char *)data, .len = size}, &arena, &first, &err)) {
        ASSERT(err.message[0] != '\0');
        ASSERT(err.line > 0 || err.code == ERR_LIMIT);
        arena_done(&arena);
        return 0;
    }
    if (first->size > VISITS_MAX) {
        arena_done(&arena);
        return 0;
    }
    Buf text;
    buf_init(&text, 64 * MIB);
    YamlWriter *writer = yaml_writer_new(&text);
    yaml_put_node(writer, first);
    if (!yaml_writer_free(writer, &err)) {
        ASSERT(holds_bytes(first)); /* !!binary: YAML has no other way to write them */
        buf_done(&text);
        arena_done(&arena);
        return 0;
    }
    YamlNode *second;
    ASSERT(yaml_parse(buf_view(&text), &arena, &second, &err));
    check_same(first, second);
    buf_done(&text);
    arena_done(&arena);
    return 0;
}
