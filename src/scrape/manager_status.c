/*
 * Scrape manager: what it tells the API and /metrics. See manager.h. Layer: scrape. Memory: the
 * caller's arena. Thread: any, under the manager's lock.
 */
#include "scrape/manager_internal.h"

#include <stdlib.h>

static bool is_asked(const ScrapePool *pool, Str asked)
{
    return asked.len == 0 || str_eq(pool_name(pool), asked);
}

static bool copy_target(const ScrapePool *pool, const PoolTarget *target, Arena *arena,
                        TargetStatus *ret, Err *err)
{
    const Target *shown = pool_target_shown(target);
    return arena_str(arena, pool_name(pool), &ret->pool, err) &&
           labels_copy(arena, shown->discovered, &ret->discovered, err) &&
           labels_copy(arena, shown->labels, &ret->labels, err) &&
           arena_str(arena, shown->url, &ret->url, err) &&
           arena_str(arena, labels_get(shown->all, S("__scrape_interval__")), &ret->interval,
                     err) &&
           arena_str(arena, labels_get(shown->all, S("__scrape_timeout__")), &ret->timeout, err) &&
           scrape_loop_status(target->loop, arena, &ret->status, err);
}

static int status_cmp(const void *a, const void *b)
{
    const TargetStatus *left = a, *right = b;
    int order = str_cmp(left->pool, right->pool);
    order = order ? order : str_cmp(left->url, right->url);
    return order ? order : labels_cmp(left->labels, right->labels);
}

static bool collect_active(ScrapeManager *manager, Str pool, Arena *arena, TargetStatus **ret,
                           size_t *ret_count, Err *err)
{
    size_t total = 0, count = 0;
    for (size_t i = 0; i < manager->pools.count; i++) {
        total += manager->pools.at[i]->targets.count;
    }
    TargetStatus *all = ARENA_NEW(arena, TargetStatus, total);
    if (!all) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < manager->pools.count; i++) {
        const ScrapePool *each = manager->pools.at[i];
        for (size_t k = 0; k < each->targets.count && is_asked(each, pool); k++) {
            if (!copy_target(each, &each->targets.at[k], arena, &all[count++], err)) {
                return false;
            }
        }
    }
    qsort(all, count, sizeof(*all), status_cmp);
    *ret = all;
    *ret_count = count;
    return true;
}

bool scrape_manager_active(ScrapeManager *manager, Str pool, Arena *arena, TargetStatus **ret,
                           size_t *ret_count, Err *err)
{
    pthread_mutex_lock(&manager->lock);
    bool ok = collect_active(manager, pool, arena, ret, ret_count, err);
    pthread_mutex_unlock(&manager->lock);
    return ok;
}

static int dropped_cmp(const void *a, const void *b)
{
    const DroppedTarget *left = a, *right = b;
    int order = str_cmp(left->pool, right->pool);
    return order ? order : labels_cmp(left->discovered, right->discovered);
}

static bool collect_dropped(ScrapeManager *manager, Str pool, Arena *arena, DroppedTarget **ret,
                            size_t *ret_count, Err *err)
{
    size_t total = 0, count = 0;
    for (size_t i = 0; i < manager->pools.count; i++) {
        total += manager->pools.at[i]->dropped.count;
    }
    DroppedTarget *all = ARENA_NEW(arena, DroppedTarget, total);
    if (!all) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < manager->pools.count; i++) {
        const ScrapePool *each = manager->pools.at[i];
        for (size_t k = 0; k < each->dropped.count && is_asked(each, pool); k++) {
            DroppedTarget *one = &all[count++];
            if (!arena_str(arena, pool_name(each), &one->pool, err) ||
                !labels_copy(arena, each->dropped.at[k]->discovered, &one->discovered, err)) {
                return false;
            }
        }
    }
    qsort(all, count, sizeof(*all), dropped_cmp);
    *ret = all;
    *ret_count = count;
    return true;
}

bool scrape_manager_dropped(ScrapeManager *manager, Str pool, Arena *arena, DroppedTarget **ret,
                            size_t *ret_count, Err *err)
{
    pthread_mutex_lock(&manager->lock);
    bool ok = collect_dropped(manager, pool, arena, ret, ret_count, err);
    pthread_mutex_unlock(&manager->lock);
    return ok;
}

static int pool_cmp(const void *a, const void *b)
{
    return str_cmp(((const PoolStatus *)a)->name, ((const PoolStatus *)b)->name);
}

bool scrape_manager_pools(ScrapeManager *manager, Arena *arena, PoolStatus **ret, size_t *ret_count,
                          Err *err)
{
    pthread_mutex_lock(&manager->lock);
    size_t count = manager->pools.count;
    PoolStatus *all = ARENA_NEW(arena, PoolStatus, count);
    bool ok = all || arena_full(arena, err);
    for (size_t i = 0; i < count && ok; i++) {
        const ScrapePool *pool = manager->pools.at[i];
        all[i].active = pool->targets.count;
        all[i].dropped = pool->dropped_count;
        ok = arena_str(arena, pool_name(pool), &all[i].name, err);
    }
    pthread_mutex_unlock(&manager->lock);
    if (ok) {
        qsort(all, count, sizeof(*all), pool_cmp);
        *ret = all;
        *ret_count = count;
    }
    return ok;
}

typedef struct MetadataWalk {
    Labels target_labels;
    Str metric;
    bool (*each)(void *self, Labels target_labels, const MetricMetadata *family);
    void *self;
    bool more;
} MetadataWalk;

static void visit_family(void *self, const MetricMetadata *family)
{
    MetadataWalk *walk = self;
    if (walk->more && (walk->metric.len == 0 || str_eq(walk->metric, family->name))) {
        walk->more = walk->each(walk->self, walk->target_labels, family);
    }
}

void scrape_manager_metadata(ScrapeManager *manager, Str metric,
                             bool (*each)(void *self, Labels target_labels,
                                          const MetricMetadata *family),
                             void *self)
{
    MetadataWalk walk = {.metric = metric, .each = each, .self = self, .more = true};
    pthread_mutex_lock(&manager->lock);
    for (size_t i = 0; i < manager->pools.count && walk.more; i++) {
        const ScrapePool *pool = manager->pools.at[i];
        for (size_t k = 0; k < pool->targets.count && walk.more; k++) {
            walk.target_labels = pool_target_shown(&pool->targets.at[k])->labels;
            metadata_each(scrape_loop_metadata(pool->targets.at[k].loop), visit_family, &walk);
        }
    }
    pthread_mutex_unlock(&manager->lock);
}

/* ---- /metrics ---- */

typedef struct PoolNumbers {
    const ScrapePool *pool;
    MetadataStats metadata;
} PoolNumbers;

static PoolNumbers number_pool(const ScrapePool *pool)
{
    PoolNumbers numbers = {.pool = pool};
    for (size_t i = 0; i < pool->targets.count; i++) {
        MetadataStats stats;
        metadata_stats(scrape_loop_metadata(pool->targets.at[i].loop), &stats);
        numbers.metadata.families += stats.families;
        numbers.metadata.bytes += stats.bytes;
    }
    return numbers;
}

static void put(MetricPage *page, const PoolNumbers *numbers, const char *name, PageType type,
                const char *help, f64 value)
{
    PageLabel label = {.name = "scrape_job", .value = pool_name(numbers->pool)};
    metric_page_put(page, metric_page_family(page, str_from(name), type, str_from(help)), &label, 1,
                    value);
}

static void write_pool(const ScrapePool *pool, MetricPage *page)
{
    PoolNumbers numbers = number_pool(pool);
    put(page, &numbers, "prometheus_target_scrape_pool_targets", PAGE_GAUGE,
        "Current number of targets in this scrape pool.", (f64)pool->targets.count);
    put(page, &numbers, "prometheus_target_scrape_pool_target_limit", PAGE_GAUGE,
        "Maximum number of targets allowed in this scrape pool.",
        (f64)pool->job->config->limits.target_limit);
    put(page, &numbers, "prometheus_target_scrape_pool_sync_total", PAGE_COUNTER,
        "Total number of syncs that were executed on a scrape pool.", (f64)pool->syncs);
    put(page, &numbers, "prometheus_target_sync_failed_total", PAGE_COUNTER,
        "Total number of target sync failures.", (f64)pool->sync_failures);
    put(page, &numbers, "prometheus_target_metadata_cache_entries", PAGE_GAUGE,
        "Total number of metric metadata entries in the cache", (f64)numbers.metadata.families);
    put(page, &numbers, "prometheus_target_metadata_cache_bytes", PAGE_GAUGE,
        "The number of bytes that are currently used for storing metric metadata in the cache",
        (f64)numbers.metadata.bytes);
}

void scrape_manager_write_metrics(ScrapeManager *manager, MetricPage *page)
{
    scrape_metrics_write(&manager->env.metrics, page);
    pthread_mutex_lock(&manager->lock);
    for (size_t i = 0; i < manager->pools.count; i++) {
        write_pool(manager->pools.at[i], page);
    }
    pthread_mutex_unlock(&manager->lock);
}
