/*
 * Scrape loop: one target, scraped at its own offset in every interval, on one net loop for life.
 * It fetches the page, has it read through the target's cache, adds up and the other reports, and
 * commits all as one batch. Large pages are read on the worker pool.
 *
 * States: waiting (for the timer), fetching, reading (on a worker), ending (after a stop: waits two
 * intervals and a bit, then marks everything stale, so that a target that only moved leaves no
 * gap), gone.
 *
 * Layer: scrape. Memory: scrape_loop_start makes it; it frees itself after `ended` has been called
 * and the owner has given its reference back. Thread: every function from any thread; the work
 * happens on the net loop.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "model/sink.h"
#include "model/symbols.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "os/pool.h"
#include "scrape/batch.h"
#include "scrape/cache.h"
#include "scrape/job.h"
#include "scrape/metrics.h"
#include "scrape/target.h"

enum {
    SCRAPE_PAGE_INLINE_MAX = 1024 * 1024, /* bytes; larger pages are read on a worker */
    SCRAPE_BATCHES_KEPT = 16,             /* scratch batches kept for the next scrapes */
};
#define SCRAPE_BODY_MAX            ((size_t)4 * GIB - 1) /* bytes, where the job sets no limit */
#define SCRAPE_ALIGN_TOLERANCE_NS  (2 * NS_PER_MS)
#define SCRAPE_ALIGN_INTERVAL_PART 100 /* the tolerance is at most a hundredth of the interval */

/* How pages are fetched: the HTTP client, or a test's own. */
typedef struct ScrapeFetcher ScrapeFetcher;
struct ScrapeFetcher {
    /* As http_fetch and http_fetch_cancel. */
    void *(*fetch)(ScrapeFetcher *fetcher, Loop *loop, const HttpFetch *fetch);
    void (*cancel)(ScrapeFetcher *fetcher, void *handle);
};

/* What the loops of a manager share. */
typedef struct ScrapeEnv {
    LoopSet *loops; /* borrowed; so are the next four */
    Pool *pool;     /* NULL: every page is read on its loop */
    ScrapeFetcher *fetcher;
    Sink *sink;
    SymbolTable *strings; /* metadata */
    ScrapeMetrics metrics;
    Str user_agent;  /* "Prometheus/3.14.0" */
    u64 offset_seed; /* read by scrape_loop_start */
    JobSwitches switches;
    pthread_mutex_t lock;                      /* batches */
    ScrapeBatch *batches[SCRAPE_BATCHES_KEPT]; /* owned; not in use */
    size_t batch_count;
} ScrapeEnv;

void scrape_env_init(ScrapeEnv *env);
void scrape_env_done(ScrapeEnv *env);

typedef struct ScrapeLoop ScrapeLoop;

/*
 * Starts scraping.
 * job     one reference is taken
 * target  moved
 * ended   called once on the net loop, when a stop is complete: no more samples after it
 */
ScrapeLoop *scrape_loop_start(ScrapeEnv *env, ScrapeJob *job, Target *target,
                              void (*ended)(void *self, ScrapeLoop *loop), void *self);

/* The job's configuration changed, the target did not. A cache whose labels stay good is kept. */
void scrape_loop_reconfigure(ScrapeLoop *loop, ScrapeJob *job);

/*
 * Stops scraping. A running scrape ends first, unless mark_stale is false: then it is cancelled.
 * mark_stale  end the target's series with stale markers (the target is gone, not the server)
 * Calling it again without mark_stale ends the wait.
 */
void scrape_loop_stop(ScrapeLoop *loop, bool mark_stale);
void scrape_loop_release(ScrapeLoop *loop); /* the owner's reference, after `ended` */

const Target *scrape_loop_target(const ScrapeLoop *loop);
Metadata *scrape_loop_metadata(ScrapeLoop *loop); /* valid while the loop is held */

typedef enum TargetHealth { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN } TargetHealth;
const char *target_health_name(TargetHealth health); /* "unknown", "up", "down" */

typedef struct ScrapeStatus {
    TargetHealth health;
    Str last_error;
    i64 last_scrape_ms; /* 0: never */
    i64 last_duration_ns;
} ScrapeStatus;

bool scrape_loop_status(ScrapeLoop *loop, Arena *arena, ScrapeStatus *ret, Err *err) MUST_USE;
