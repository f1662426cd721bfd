/*
 * Job: one element of scrape_configs in force, with what its loops need ready-made. It holds on to
 * the configuration generation that it came from, until the last loop and the last request that use
 * it have gone; so a reload frees nothing that is in use.
 *
 * Layer: scrape. Memory: counted references. Thread: immutable but for the count and the limit.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "scrape/config.h"
#include "scrape/failure_log.h"
#include "scrape/labelling.h"

#include <stdatomic.h>

/* What keeps a ScrapeConfig alive: the role's counted configuration. */
typedef struct ConfigOwner {
    void *self;
    void (*retain)(void *self);
    void (*release)(void *self);
} ConfigOwner;

typedef struct ScrapeJob {
    const ScrapeConfig *config; /* lives as long as the owner is retained */
    ConfigOwner owner;
    SampleRules rules;
    Str accept;           /* header */
    FailureLog *failures; /* one reference; NULL: none is wanted */
    Arena arena;
    _Atomic u64 targets_over_limit; /* their number when it is above target_limit, else 0 */
    _Atomic u64 references;
} ScrapeJob;

typedef struct JobSwitches { /* flags of the server that concern every job */
    bool keep_bucket_text;   /* le and quantile stay as written, as in 2.x */
    bool exemplars;          /* --enable-feature=exemplar-storage */
    bool extra_metrics;      /* --enable-feature=extra-scrape-metrics */
} JobSwitches;

/* With one reference. ERR_LIMIT. */
bool scrape_job_new(const ScrapeConfig *config, ConfigOwner owner, JobSwitches switches,
                    ScrapeJob **ret, Err *err) MUST_USE;
ScrapeJob *scrape_job_retain(ScrapeJob *job);
ScrapeJob *scrape_job_release(ScrapeJob *job); /* NULL-safe; NULL */

/* Whether scraping with either is the same (apart from which targets are discovered): then running
 * loops go on untouched. */
bool scrape_config_eq(const ScrapeConfig *a, const ScrapeConfig *b);

/* Whether a series text gets the same labels under both: then a target's cache stays good. */
bool scrape_config_same_labels(const ScrapeConfig *a, const ScrapeConfig *b);
