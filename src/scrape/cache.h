/*
 * Cache: what a target's pages held last time, so that a series that was seen before costs a hash
 * and a comparison: no parsing of labels, no relabelling, no look-up.
 *
 * An entry is 24 bytes and keeps no text: it knows a series by 96 bits of the 128-bit hash of its
 * text as the page writes it. Why a hash alone is enough: two different texts of one target are
 * mistaken for each other only when all 96 bits agree. With ten million texts that any one target
 * ever sent, the chance that any pair of them does is below 10^14 / 2^97, about 10^-15; a disk lies
 * far more often. The hash is seeded at random, so a target cannot prepare such a pair (and could
 * only spoil its own series). The text of a page of 100,000 series would cost 10 to 20 MB.
 *
 * Entries lie in page order. The expected case is that the next line is the next entry. When it is
 * not, a table from hash to entry is built for as long as it is needed; pages that keep their order
 * never have one. After a page with new or missing series the entries are put in its order; a page
 * whose order changes every time is left as it is.
 *
 *     scrape_cache_read(cache, &page, batch, &counts, err)   or   scrape_cache_stale(cache, …)
 *     … the caller adds its reports to the batch …
 *     scrape_cache_commit(cache, &page, batch, &counts, err)
 *
 * Layer: scrape. Memory: scrape_cache_new/free. Thread: one at a time (a target's scrapes never
 * overlap).
 */
#pragma once

#include "base/err.h"
#include "base/types.h"
#include "codec/exposition.h"
#include "model/sink.h"
#include "scrape/batch.h"
#include "scrape/labelling.h"
#include "scrape/metadata.h"

#define SCRAPE_AHEAD_MAX_MS (10 * (i64)60 * 1000) /* how far in the future a sample may lie */

enum {
    SCRAPE_ENTRIES_MAX = (1 << 30) - 1, /* series of one target */
};

typedef struct ScrapeCacheOpts {
    const SampleRules *rules; /* borrowed, with what it points to */
    Labels target_labels;     /* borrowed */
    Sink *sink;
    Metadata *metadata; /* of the target; borrowed */
} ScrapeCacheOpts;

typedef struct ScrapePage {
    Str body; /* 64 readable bytes follow it */
    ExpositionFormat format;
    i64 t_ms;   /* of samples without a time, and of stale markers */
    i64 now_ms; /* wall clock, for samples too far ahead */
} ScrapePage;

typedef struct ScrapeCounts {
    u64 scraped;      /* samples on the page */
    u64 added;        /* after relabelling; duplicates count */
    u64 series_added; /* that the cache did not know */
    u64 out_of_order;
    u64 duplicates; /* also the same series twice on one page */
    u64 out_of_bounds;
    u64 exemplars_out_of_order;
    u32 unknown_reports; /* bit by `entry` of the reports whose series the sink does not know */
    bool over_sample_limit;
    bool over_label_limit;
} ScrapeCounts;

typedef struct ScrapeCache ScrapeCache;

ScrapeCache *scrape_cache_new(const ScrapeCacheOpts *opts);
ScrapeCache *scrape_cache_free(ScrapeCache *cache); /* NULL-safe; NULL */

/* After a reload that changed nothing which decides labels. */
void scrape_cache_configure(ScrapeCache *cache, const ScrapeCacheOpts *opts);

/*
 * Reads a page into an empty batch: its samples, then a stale marker for each series that vanished.
 * counts  filled as far as it came, also on failure
 * Errors  ERR_INVALID (syntax, with the line), ERR_LIMIT (sample_limit, label limits), and what the
 *         sink says of a new series. Then the batch is empty and the page as good as never seen.
 */
bool scrape_cache_read(ScrapeCache *cache, const ScrapePage *page, ScrapeBatch *batch,
                       ScrapeCounts *counts, Err *err) MUST_USE;

/* Instead of a page: a stale marker for every series that has a live sample. */
void scrape_cache_stale(ScrapeCache *cache, i64 t_ms, ScrapeBatch *batch);

/*
 * Beside a page that was read: a stale marker for every series that `retired`, the target's cache
 * under its former rules, has live and this page does not have. They go as reports.
 */
void scrape_cache_stale_except(const ScrapeCache *retired, const ScrapeCache *cache, i64 t_ms,
                               ScrapeBatch *batch);

/*
 * Hands the batch to the sink and learns from what became of its samples.
 * page    the one that was read; NULL after scrape_cache_stale
 * Errors  what the sink says; then nothing was kept
 */
bool scrape_cache_commit(ScrapeCache *cache, const ScrapePage *page, ScrapeBatch *batch,
                         ScrapeCounts *counts, Err *err) MUST_USE;

typedef struct ScrapeCacheStats {
    size_t entries;
    size_t tracked; /* with a live sample in the last scrape */
    size_t bytes;   /* of entries and table */
} ScrapeCacheStats;
void scrape_cache_stats(const ScrapeCache *cache, ScrapeCacheStats *ret);
