/*
 * Annotations: what a query's answer must be taken with (warnings) or may be of interest (infos).
 * The same text counts once, wherever in the query it came from; the last place is shown.
 *
 * Layer: promql. Memory: texts live in the arena given to annotations_init. Thread: adding is safe
 * from any worker of the query; reading after the evaluation.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "base/types.h"

#include <pthread.h>

enum {
    ANNOTATIONS_MAX = 1000,     /* distinct texts kept; further ones are counted */
    ANNOTATION_TEXT_MAX = 2048, /* bytes of one text; longer ones are cut */
    QUOTED_NAME_MAX = 1024,     /* bytes of a quoted name; a longer one shows as an ellipsis */
};

typedef enum AnnotationLevel { ANNOTATION_WARNING, ANNOTATION_INFO } AnnotationLevel;

/* How histogram_quantile had to repair its input; merged over all steps and series. */
typedef struct MonotonicityRepair {
    i64 min_t_ms, max_t_ms;
    f64 min_bound, max_bound;
    f64 max_diff;
    u64 count;
} MonotonicityRepair;

typedef struct Annotation {
    AnnotationLevel level;
    Str text;  /* with "PromQL warning: " or "PromQL info: ", without the place */
    u32 pos;   /* byte offset in the query */
    u64 count; /* shown when `show_count` and more than one */
    bool show_count;
    bool repaired;
    MonotonicityRepair repair;
} Annotation;

typedef struct Annotations {
    pthread_mutex_t lock;
    Arena *arena; /* borrowed */
    Annotation *at;
    size_t count;
    size_t omitted;
} Annotations;

void annotations_init(Annotations *annotations, Arena *arena);
void annotations_done(Annotations *annotations);

void annotations_warn(Annotations *annotations, u32 pos, const char *format, ...) PRINTF_LIKE(3, 4);
void annotations_info(Annotations *annotations, u32 pos, const char *format, ...) PRINTF_LIKE(3, 4);

/* "… for metric "x" (3 occurrences)": every call counts. */
void annotations_warn_counted(Annotations *annotations, u32 pos, const char *format, ...)
    PRINTF_LIKE(3, 4);
void annotations_repair(Annotations *annotations, u32 pos, Str metric_name,
                        const MonotonicityRepair *repair);

/* The texts of one level as the API shows them, each with " (line:column)". ERR_LIMIT. */
bool annotations_texts(const Annotations *annotations, AnnotationLevel level, Str query,
                       Arena *arena, Str **ret, size_t *ret_count, Err *err) MUST_USE;

/* Go's %q of a name; the result lies in `to`. */
Str quoted_name(char *to, size_t size, Str name);
