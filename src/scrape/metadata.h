/*
 * Metadata: what a target's pages say about metric families (HELP, TYPE, UNIT), kept for the API.
 *
 * The strings live in a symbol table that all targets share: a thousand node exporters have one
 * copy. A page that says what the last one said costs a hash and a comparison a line: the store
 * remembers the lines in page order.
 *
 * Layer: scrape. Memory: metadata_done gives its references back. Thread: metadata_page_… by the
 * one who reads the target's pages; the rest from any thread (lock inside).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "codec/exposition.h"
#include "model/source.h"
#include "model/symbols.h"

#include <pthread.h>

enum {
    METADATA_FAMILIES_MAX = 20000, /* of one target; more are not kept */
    METADATA_TEXT_MAX = 16 * 1024, /* bytes of one HELP; the rest is cut off */
    METADATA_KEPT_ROUNDS = 10,     /* pages that a vanished family outlives */
};

typedef struct MetadataFamily {
    Symbol name;
    Symbol help;
    Symbol unit;
    u32 round; /* last page that named it */
    MetricType type;
} MetadataFamily;

typedef struct MetadataLine {
    u64 hash; /* of kind, family and text */
    u32 family;
} MetadataLine;

typedef struct Metadata {
    SymbolTable *strings;     /* borrowed */
    pthread_mutex_t lock;     /* families, for readers */
    MetadataFamily *families; /* owned */
    size_t family_count;
    size_t family_capacity;
    MetadataLine *lines; /* owned; the last page's, in order */
    size_t line_count;
    u32 round;
    /* while a page is read */
    size_t expected; /* the line that should come next */
    size_t kept;     /* lines at the front that are as before */
    bool changed;
    MetadataLine *fresh; /* owned; those behind `kept` */
    size_t fresh_count;
    size_t fresh_capacity;
    size_t touched; /* families named by this page */
} Metadata;

void metadata_init(Metadata *metadata, SymbolTable *strings);
void metadata_done(Metadata *metadata);

void metadata_page_begin(Metadata *metadata);
/*
 * Takes the reader's current HELP, TYPE or UNIT line; returns the family's type as known now.
 * scratch  for unescaping
 */
MetricType metadata_page_line(Metadata *metadata, ExpositionEntry kind,
                              const ExpositionReader *reader, Arena *scratch);
void metadata_page_end(Metadata *metadata, bool whole); /* whole: the page was read to its end */

/* Calls `each` for every family, in the order of their first appearance; strings are borrowed for
 * the call. */
void metadata_each(Metadata *metadata, void (*each)(void *self, const MetricMetadata *family),
                   void *self);
/* The family of that name, with its strings copied into the arena; false when unknown. */
bool metadata_find(Metadata *metadata, Str name, Arena *arena, MetricMetadata *ret);

typedef struct MetadataStats {
    size_t families;
    size_t bytes; /* of help, unit and type texts, as the original counts them */
} MetadataStats;
void metadata_stats(Metadata *metadata, MetadataStats *ret);

/* "counter", "untyped", …; false for what no format knows. */
bool metric_type_parse(Str s, MetricType *ret);
