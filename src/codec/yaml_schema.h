/*
 * YAML schemas: what a mapping may hold, as a table: checked with the errors people know, and
 * written back with defaults filled in and secrets hidden. For the many configuration blocks that a
 * program reads, checks and shows before it ever acts on them.
 *
 * Layer: codec. Memory: tables are static; reading marks keys of a YamlMap. Thread: any.
 */
#pragma once

#include "codec/yaml.h"
#include "codec/yaml_write.h"

typedef enum YamlType {
    YAML_TYPE_TEXT,
    YAML_TYPE_SECRET, /* written as <secret> */
    YAML_TYPE_URL,    /* written without its password */
    YAML_TYPE_BOOL,
    YAML_TYPE_INT,
    YAML_TYPE_UINT,
    YAML_TYPE_FLOAT,
    YAML_TYPE_DURATION,
    YAML_TYPE_TEXT_LIST,
    YAML_TYPE_TEXT_MAP,
    YAML_TYPE_RECORD,
    YAML_TYPE_RECORD_LIST,
    YAML_TYPE_INLINE, /* keys that other code knows; has no name */
} YamlType;

typedef struct YamlSchema YamlSchema;

/* Keys of a mapping that are described by code, not by a table. */
typedef struct YamlInline {
    bool (*take)(YamlMap *map, Arena *arena, Err *err);
    void (*write)(YamlWriter *writer, const YamlNode *mapping, Arena *arena);
} YamlInline;

typedef struct YamlField {
    const char *name;
    YamlType type;
    bool always;               /* written even when it is empty, zero or false */
    const char *initial;       /* its default as text; NULL: empty, zero or false */
    const YamlSchema *record;  /* for the two record types */
    const YamlInline *foreign; /* for YAML_TYPE_INLINE */
} YamlField;

struct YamlSchema {
    const char *type; /* for errors: "kubernetes.plain" */
    const YamlField *fields;
    size_t count;
};

/* Takes the fields out of a mapping and checks their types; the caller may take more, and
 * finishes. */
bool yaml_schema_take(const YamlSchema *schema, YamlMap *map, Arena *arena, Err *err) MUST_USE;

/* The whole check of a mapping that holds these fields and nothing else. */
bool yaml_schema_check(const YamlSchema *schema, const YamlNode *node, Arena *arena,
                       Err *err) MUST_USE;

/* A checked mapping as it counts: all fields in the table's order, inside the mapping that is being
 * written. node NULL: all defaults. */
void yaml_schema_write(const YamlSchema *schema, const YamlNode *node, Arena *arena,
                       YamlWriter *writer);

/* A checked field's text, or its default. */
Str yaml_schema_text(const YamlSchema *schema, const YamlNode *node, const char *name);
