/*
 * Labels: the identity of a series, as a sorted array of name and value. Values are never empty: an
 * empty value means the label is absent. The metric's name is the label "__name__".
 *
 * A Labels is a view: whoever makes one says which arena or symbol table keeps its bytes.
 *
 * Layer: model. Memory: views; builders own an arena's worth of nothing but the array. Thread: any.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct Label {
    Str name;
    Str value;
} Label;

typedef struct Labels {
    const Label *at; /* sorted by name, names unique, no empty value */
    size_t count;
} Labels;

#define LABEL_NAME   S("__name__")
#define LABELS_EMPTY ((Labels){.at = NULL, .count = 0})

Str labels_get(Labels labels, Str name); /* the empty Str when absent */
bool labels_has(Labels labels, Str name);
bool labels_eq(Labels a, Labels b);
int labels_cmp(Labels a, Labels b); /* label by label: name, then value; shorter first */
u64 labels_hash(Labels labels);     /* not stable across versions */
u64 labels_hash_by(Labels labels, const Str *names, size_t count); /* only these; names sorted */
u64 labels_hash_without(Labels labels, const Str *names,
                        size_t count); /* neither these nor __name__ */

/* {a="b", c="d"} with the name in front: up{job="x"}; names that need quotes go inside the braces.
 */
void labels_format(Buf *out, Labels labels);

/* Copies array and bytes into the arena. ERR_LIMIT. */
bool labels_copy(Arena *arena, Labels labels, Labels *ret, Err *err) MUST_USE;

/* A working set of labels that may change; sorted only when asked for. */
typedef struct LabelsBuilder {
    Label *at; /* in the arena; unordered; an empty value marks a deleted one */
    size_t count;
    size_t capacity;
    Arena *arena; /* borrowed; keeps the array (not the bytes of the values) */
} LabelsBuilder;

void labels_builder_init(LabelsBuilder *builder, Arena *arena);
bool labels_builder_from(LabelsBuilder *builder, Labels labels,
                         Err *err) MUST_USE; /* forgets what it held */
Str labels_builder_get(const LabelsBuilder *builder, Str name);
bool labels_builder_set(LabelsBuilder *builder, Str name, Str value,
                        Err *err) MUST_USE; /* empty: deletes */
void labels_builder_del(LabelsBuilder *builder, Str name);
bool labels_builder_finish(LabelsBuilder *builder, Labels *ret,
                           Err *err) MUST_USE; /* sorted copy in the arena */

/* Names. "legacy": [a-zA-Z_][a-zA-Z0-9_]* (metric names also ':'); "utf8": any valid UTF-8, not
 * empty. */
bool label_name_legacy_valid(Str name);
bool metric_name_legacy_valid(Str name);
bool label_name_utf8_valid(Str name);
