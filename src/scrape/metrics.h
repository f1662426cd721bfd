/*
 * Scrape metrics: what scraping counts about itself, under the original's names.
 *
 * Layer: scrape. Memory: scrape_metrics_done. Thread: any (atomics, and one lock for summaries).
 */
#pragma once

#include "base/types.h"
#include "base/vec.h"
#include "codec/metric_page.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LENGTH_WINDOW = 256 }; /* observations that quantiles are taken from */

/* A summary of durations: quantiles over the newest observations. */
typedef struct LengthSummary {
    Str label; /* "15s"; owned */
    f64 recent[LENGTH_WINDOW];
    u64 count;
    f64 sum;
} LengthSummary;

typedef struct LengthSummaries {
    const char *name;
    const char *help;
    const char *label_name;
    VEC(LengthSummary *) each; /* owned */
} LengthSummaries;

typedef struct ScrapeMetrics {
    _Atomic u64 pools;
    _Atomic u64 pools_failed;
    _Atomic u64 pool_reloads;
    _Atomic u64 pool_reloads_failed;
    _Atomic u64 exceeded_target_limit;
    _Atomic u64 exceeded_label_limits;
    _Atomic u64 exceeded_body_size;
    _Atomic u64 exceeded_sample_limit;
    _Atomic u64 duplicates;
    _Atomic u64 out_of_order;
    _Atomic u64 out_of_bounds;
    _Atomic u64 exemplars_out_of_order;
    pthread_mutex_t lock; /* the summaries */
    LengthSummaries interval_length;
    LengthSummaries sync_length;
    LengthSummaries reload_length;
} ScrapeMetrics;

void scrape_metrics_init(ScrapeMetrics *metrics);
void scrape_metrics_done(ScrapeMetrics *metrics);

void scrape_metrics_observe(ScrapeMetrics *metrics, LengthSummaries *summaries, Str label,
                            f64 seconds);
void scrape_metrics_forget(ScrapeMetrics *metrics, LengthSummaries *summaries, Str label);

static inline void scrape_metrics_add(_Atomic u64 *counter, u64 count)
{
    if (count > 0) {
        atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
    }
}

void scrape_metrics_write(ScrapeMetrics *metrics, MetricPage *page);
