/*
 * Source: what a store of samples offers to those who read (PromQL, the HTTP API, federation). The
 * head, blocks, a test's arrays, a remote server each implement it; readers never know which.
 *
 *     SeriesSet set;
 *     source_select(source, &select, &arena, &set, err)
 *     for (size_t i = 0; i < set.count; i++) {
 *         SampleColumns columns;
 *         source_read(source, &set, i, mint, maxt, &scratch, &columns, err)
 *     }
 *     source_release(source, &set);
 *
 * Layer: model. Memory: each call says which arena holds its answer. Thread: every function may be
 * called from any worker thread, also at the same time; source_read of one set may run in parallel
 * for different i with different arenas.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"

typedef struct Source Source;

typedef struct Select {
    i64 mint_ms, maxt_ms;    /* inclusive; only series that may have samples here */
    const Matcher *matchers; /* all must match; borrowed */
    size_t matcher_count;
    size_t limit; /* most series to return, 0: all. Over it the set says `truncated` */
} Select;

typedef struct SeriesSet {
    const Labels *labels; /* sorted by labels_cmp; bytes live until source_release */
    size_t count;
    bool truncated;
    void *pinned; /* the store's own: what keeps series and chunks alive until the release */
} SeriesSet;

typedef struct SourceStats {
    u64 series;
    u64 chunks;
    i64 mint_ms, maxt_ms; /* of all stored samples; mint > maxt when empty */
} SourceStats;

typedef struct MetricMetadata {
    Str name; /* of the metric family */
    MetricType type;
    Str help;
    Str unit;
} MetricMetadata;

typedef struct Exemplar {
    Labels labels;
    f64 value;
    i64 t_ms;
} Exemplar;

struct Source {
    /* The sorted series that match. Arrays live in `arena`. */
    bool (*select)(Source *source, const Select *select, Arena *arena, SeriesSet *ret, Err *err);

    /*
     * The samples of series `index` with mint <= t <= maxt, decoded into `arena` (scratch of the
     * caller, reset between series). Stale markers are included.
     */
    bool (*read)(Source *source, const SeriesSet *set, size_t index, i64 mint_ms, i64 maxt_ms,
                 Arena *arena, SampleColumns *ret, Err *err);

    void (*release)(Source *source, SeriesSet *set); /* safe on a zeroed set */

    /* Sorted unique names (of labels), or values of `name`, of the series that match. */
    bool (*label_names)(Source *source, const Select *select, Arena *arena, Str **ret,
                        size_t *ret_count, Err *err);
    bool (*label_values)(Source *source, Str name, const Select *select, Arena *arena, Str **ret,
                         size_t *ret_count, Err *err);

    void (*stats)(Source *source, SourceStats *ret);
};
