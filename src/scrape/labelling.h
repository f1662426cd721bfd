/*
 * Labelling: from the text of a series as a page writes it to the labels it is stored under: target
 * labels added, metric relabelling applied, limits checked. Done once a series; the cache remembers
 * the result.
 *
 * Layer: scrape. Memory: results live in the caller's arena. Thread: any.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "model/labels.h"
#include "model/relabel.h"
#include "model/sample.h"

/* What a job's configuration says about samples. Immutable; borrowed by its targets' caches. */
typedef struct SampleRules {
    bool honor_labels;               /* the page's label wins over the target's */
    bool honor_timestamps;           /* take a sample's own time */
    bool track_timestamps_staleness; /* stale markers also for series with their own times */
    bool utf8_names;                 /* names may be any UTF-8, else legacy ones only */
    bool keep_bucket_text;           /* le="1" stays as written, as in 2.x, else le="1.0" */
    bool exemplars;                  /* hand exemplars to the sink */
    const Relabel *relabel;          /* metric_relabel_configs */
    size_t relabel_count;
    u64 sample_limit; /* 0: none; so are the next three */
    u64 label_limit;
    u64 label_name_length_limit;
    u64 label_value_length_limit;
} SampleRules;

typedef enum LabelOutcome {
    LABELS_KEPT,
    LABELS_DROPPED,    /* by a relabelling rule */
    LABELS_BAD,        /* no or invalid name, a name given twice: the scrape fails */
    LABELS_OVER_LIMIT, /* a label limit of the job: the scrape fails */
} LabelOutcome;

/*
 * The labels under which a series is stored.
 * series_text  name{a="b"} as the page writes it
 * type         of the family that the page announced last: decides what le and quantile mean
 * err          set for the last two outcomes
 */
LabelOutcome series_labels(const SampleRules *rules, Labels target_labels, Str series_text,
                           MetricType type, Arena *arena, Labels *ret, Err *err);

/* The labels of up, scrape_duration_seconds, …: the target's and the name. */
bool report_labels(Labels target_labels, Str name, Arena *arena, Labels *ret, Err *err) MUST_USE;
