/*
 * Scrape manager: the jobs of a configuration and their targets: starts a loop for each target,
 * keeps what a reload leaves as it was, ends what has gone, and tells the API about all of it.
 *
 * Layer: scrape. Memory: scrape_manager_open/close. Thread: any; apply, update and close by one at
 * a time.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "codec/metric_page.h"
#include "discovery/target_group.h"
#include "model/sink.h"
#include "model/source.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "os/pool.h"
#include "scrape/config.h"
#include "scrape/job.h"
#include "scrape/loop.h"

typedef struct ScrapeManager ScrapeManager;

typedef struct ScrapeManagerOpts { /* all borrowed until the close */
    LoopSet *loops;
    Pool *pool; /* for large pages; may be NULL */
    HttpClient *client;
    ScrapeFetcher *fetcher; /* NULL: the client */
    Sink *sink;
    Str user_agent; /* "Prometheus/3.14.0" */
    JobSwitches switches;
} ScrapeManagerOpts;

ScrapeManager *scrape_manager_open(const ScrapeManagerOpts *opts);
/* Stops all loops without marking anything stale, waits until they have, frees; NULL-safe, NULL. */
ScrapeManager *scrape_manager_close(ScrapeManager *manager);

/*
 * Makes `configs` the jobs in force, with the targets of their static configurations. Targets that
 * were scraped before, by hash of labels and URL, go on with their cache and their schedule.
 * external_labels  spread the offsets of several servers
 * owner            retained for as long as anything uses the configuration
 * Errors  ERR_LIMIT, ERR_IO (a scrape_failure_log_file); then nothing has changed
 */
bool scrape_manager_apply(ScrapeManager *manager, const ScrapeConfig *configs, size_t count,
                          Labels external_labels, ConfigOwner owner, Err *err) MUST_USE;

/* The targets of one job, from whatever discovers them; replaces those it had. ERR_NOT_FOUND. */
bool scrape_manager_update(ScrapeManager *manager, Str job, const TargetGroup *groups, size_t count,
                           Err *err) MUST_USE;

typedef struct TargetStatus {
    Str pool;
    Labels discovered;
    Labels labels;
    Str url;
    Str interval; /* as the label says it */
    Str timeout;
    ScrapeStatus status;
} TargetStatus;

typedef struct DroppedTarget {
    Str pool;
    Labels discovered;
} DroppedTarget;

typedef struct PoolStatus {
    Str name;
    size_t active;
    size_t dropped; /* also those that keep_dropped_targets does not keep */
} PoolStatus;

/* Snapshots, sorted by pool and URL; everything lives in the arena. `pool`: only that one; empty:
 * all. ERR_LIMIT. */
bool scrape_manager_active(ScrapeManager *manager, Str pool, Arena *arena, TargetStatus **ret,
                           size_t *ret_count, Err *err) MUST_USE;
bool scrape_manager_dropped(ScrapeManager *manager, Str pool, Arena *arena, DroppedTarget **ret,
                            size_t *ret_count, Err *err) MUST_USE;
bool scrape_manager_pools(ScrapeManager *manager, Arena *arena, PoolStatus **ret, size_t *ret_count,
                          Err *err) MUST_USE;

/*
 * Calls `each` for every metric family of every target, target by target; false from it ends the
 * walk. Everything is borrowed for the call. metric: only that family; empty: all.
 */
void scrape_manager_metadata(ScrapeManager *manager, Str metric,
                             bool (*each)(void *self, Labels target_labels,
                                          const MetricMetadata *family),
                             void *self);

/* The prometheus_target_… families of /metrics. */
void scrape_manager_write_metrics(ScrapeManager *manager, MetricPage *page);
