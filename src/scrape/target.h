/*
 * Targets: what a job scrapes. A discovered label set is completed with what the job says, goes
 * through the relabelling rules, and becomes a URL, a schedule and the labels that every sample of
 * it carries.
 *
 * Layer: scrape. Memory: a Target owns everything it points to (target_free). Thread: immutable.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "discovery/target_group.h"
#include "model/labels.h"
#include "model/relabel.h"

typedef struct UrlParam {
    Str name;
    const Str *values;
    size_t count;
} UrlParam;

/* What a job's configuration says about its targets; borrowed while targets are made. */
typedef struct TargetSpec {
    Str job;
    i64 interval_ms;
    i64 timeout_ms;
    Str metrics_path; /* "/metrics" */
    Str scheme;       /* "http" */
    const UrlParam *params;
    size_t param_count;
    bool scrape_native_histograms;
    bool always_scrape_classic_histograms;
    bool convert_classic_histograms;
    const Relabel *relabel;
    size_t relabel_count;
} TargetSpec;

typedef struct Target {
    Labels discovered; /* before relabelling: for the service discovery page */
    bool dropped;      /* by a rule; then only `discovered` is set */
    Labels all;        /* after relabelling, with the names that begin with "__" */
    Labels labels;     /* without those: what samples carry */
    Str url;
    Str unix_socket; /* path, or empty */
    i64 interval_ms;
    i64 timeout_ms;
    u64 hash; /* of labels and URL: the same target again */
    bool scrape_native_histograms;
    bool always_scrape_classic_histograms;
    bool convert_classic_histograms;
    Arena arena; /* owns what the above points to */
} Target;

enum {
    TARGET_BYTES_MAX = 1024 * 1024, /* of labels and URL of one target */
};

/*
 * Makes one target.
 * own, group  its own labels win over the group's
 * Errors  ERR_INVALID, worded as the original: no address, a time that does not parse, a time-out
 *         longer than the interval, a value that is no UTF-8; ERR_LIMIT
 */
bool target_new(const TargetSpec *spec, Labels own, Labels group, Target **ret, Err *err) MUST_USE;
Target *target_free(Target *target); /* NULL-safe; NULL */

/* Nanoseconds from now until the target's next turn: its own offset inside the interval, the same
 * after a restart. seed: spreads several servers. */
i64 target_offset_ns(const Target *target, u64 seed, i64 now_unix_ns);
