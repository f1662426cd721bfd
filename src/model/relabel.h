/*
 * Relabelling: rules that rewrite, keep or drop label sets (targets, samples, alerts).
 *
 * Layer: model. Memory: a Relabel is immutable and owned by its configuration generation; results
 * live in the caller's arena. Thread: relabel_apply from any thread.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "model/labels.h"
#include "model/matcher.h"

typedef enum RelabelAction {
    RELABEL_REPLACE, /* the default */
    RELABEL_KEEP,
    RELABEL_DROP,
    RELABEL_KEEP_EQUAL,
    RELABEL_DROP_EQUAL,
    RELABEL_HASHMOD,
    RELABEL_LABEL_MAP,
    RELABEL_LABEL_DROP,
    RELABEL_LABEL_KEEP,
    RELABEL_LOWERCASE,
    RELABEL_UPPERCASE,
} RelabelAction;

typedef struct Relabel {
    RelabelAction action;
    Str *source_labels;
    size_t source_count;
    Str separator;  /* ";" */
    Str regex_text; /* "(.*)" */
    Regex *regex;   /* owned: relabel_done */
    u64 modulus;
    Str target_label;
    Str replacement; /* "$1" */
    bool utf8_names; /* what a computed label name may be; set by relabel_finish */
} Relabel;

/* The defaults of the original; the caller then sets what the file says. */
void relabel_defaults(Relabel *relabel);

/* Compiles the regex and checks the combination of fields; the original's error texts. `source` and
 * all strings are borrowed: they live as long as the Relabel. Once a Relabel. */
bool relabel_finish(Relabel *relabel, bool utf8_names, Err *err) MUST_USE;
void relabel_done(Relabel *relabel);

bool relabel_action_parse(Str s, RelabelAction *ret); /* any letter case */
const char *relabel_action_name(RelabelAction action);

/* What one rule does to a set; false when it drops it. For pages that explain each step. */
bool relabel_step(const Relabel *rule, LabelsBuilder *builder, Err *err);

/*
 * Applies `count` rules in order to the builder's labels.
 * Returns false when a rule dropped the set. New strings live in builder->arena; when that is full
 * the set is dropped too and *err says so (else err->code is ERR_NONE).
 */
bool relabel_apply(const Relabel *rules, size_t count, LabelsBuilder *builder, Err *err);
