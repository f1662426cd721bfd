/*
 * YAML: a document as a tree whose every node knows its line and column, and helpers to read it
 * with the errors people know: a key nobody asked for, a wrong type, a value that does not parse.
 *
 *     YamlMap map;
 *     if (!yaml_map(node, "config.plain", &map, err) ||
 *         !yaml_get_duration(&map, "scrape_interval", &ret->interval_ms, err) ||
 *         !yaml_map_finish(&map, err)) …
 *
 * yaml_get_… leaves the output alone when the key is absent, so defaults come first.
 * yaml_map_finish refuses keys that nobody got: "line 8: field notexist not found in type
 * config.plain". YAML 1.1 scalars as Go's yaml.v2/v3 read them; anchors, aliases and merge keys
 * (<<) are resolved (bounded); duplicate keys are errors of yaml_map and yaml_mapping. A key with a
 * null value is there and sets the zero of its type, as in Go.
 *
 * Layer: codec (libyaml). Memory: everything lives in the caller's arena. Thread: any.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

enum {
    YAML_DEPTH_MAX = 100,
    YAML_NODES_MAX = 2 * 1000 * 1000, /* after aliases: stops "billion laughs" */
};

typedef enum YamlKind { YAML_NULL, YAML_SCALAR, YAML_LIST, YAML_MAPPING } YamlKind;

typedef struct YamlNode YamlNode;
typedef struct YamlPair {
    YamlNode *key;
    YamlNode *value;
} YamlPair;

struct YamlNode {
    YamlKind kind;
    u32 line;                  /* 1-based */
    u32 column;                /* 1-based */
    bool quoted;               /* a scalar in quotes or a block: never null, bool or number */
    Str scalar;                /* the text, also of a null */
    u32 height;                /* levels below; 0 for a scalar */
    u32 size;                  /* nodes in this tree, aliases resolved */
    const YamlNode *duplicate; /* YAML_MAPPING: the first key that was there before, or NULL */
    union {
        YamlNode **items; /* YAML_LIST */
        YamlPair *pairs;  /* YAML_MAPPING, in file order */
    };
    size_t count;
};

/* The first document. An empty one gives a YAML_NULL node. ERR_INVALID with line and column. */
bool yaml_parse(Str text, Arena *arena, YamlNode **ret, Err *err) MUST_USE;

YamlNode *yaml_find(const YamlNode *mapping, Str key); /* NULL when absent or not a mapping */

typedef struct YamlMap {
    const YamlNode
        *node;        /* a mapping, or NULL for an absent or null one: every get finds nothing */
    const char *type; /* for errors: "config.plain" */
    u64 *seen;        /* bit a pair; in the arena */
} YamlMap;

bool yaml_map(const YamlNode *node, const char *type, Arena *arena, YamlMap *ret,
              Err *err) MUST_USE;
YamlNode *yaml_get(YamlMap *map, const char *key); /* marks it as seen; NULL when absent */
bool yaml_map_finish(const YamlMap *map, Err *err) MUST_USE;

bool yaml_get_str(YamlMap *map, const char *key, Str *ret, Err *err) MUST_USE;
bool yaml_get_bool(YamlMap *map, const char *key, bool *ret, Err *err) MUST_USE;
bool yaml_get_i64(YamlMap *map, const char *key, i64 *ret, Err *err) MUST_USE;
bool yaml_get_u64(YamlMap *map, const char *key, u64 *ret, Err *err) MUST_USE;
bool yaml_get_f64(YamlMap *map, const char *key, f64 *ret, Err *err) MUST_USE;
bool yaml_get_duration(YamlMap *map, const char *key, i64 *ret_ms, Err *err) MUST_USE;
bool yaml_get_size(YamlMap *map, const char *key, u64 *ret_bytes, Err *err) MUST_USE;
/* True for an absent, null or YAML_LIST node (whose items may then be read: yaml_count). */
bool yaml_list(const YamlNode *node, const char *type, Err *err) MUST_USE;
/* The same for a mapping with any keys; duplicates are errors. */
bool yaml_mapping(const YamlNode *node, const char *type, Err *err) MUST_USE;
size_t yaml_count(const YamlNode *node); /* items or pairs; 0 for NULL and scalars */

/* One value, for lists and free mappings. `type` is Go's, for the error: "string". */
bool yaml_str(const YamlNode *node, Str *ret, Err *err) MUST_USE;
bool yaml_duration(const YamlNode *node, i64 *ret_ms, Err *err) MUST_USE;

bool yaml_get_str_list(YamlMap *map, const char *key, Arena *arena, Str **ret, size_t *ret_count,
                       Err *err) MUST_USE;

/* What a plain or quoted scalar means: "!!str", "!!int", "!!map", …. */
const char *yaml_tag(const YamlNode *node);

/* ERR_INVALID at the node's place, in the decoder's words: "yaml: unmarshal errors:\n  line 8: …".
 * yaml_error says only what the caller says. */
bool yaml_type_error(const YamlNode *node, const char *type, Err *err);
bool yaml_error(const YamlNode *node, Err *err, const char *format, ...) PRINTF_LIKE(3, 4);
