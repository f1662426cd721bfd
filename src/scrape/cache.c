/*
 * Cache: see cache.h. Layer: scrape. Memory: two arrays a target; scratch is the batch's.
 * Thread: one at a time.
 */
#include "scrape/cache_internal.h"

#include "base/map.h"
#include "base/mem.h"
#include "os/process.h"

#include <pthread.h>
#include <string.h>

enum {
    TABLE_IDLE_MAX = 8, /* rounds without need after which the table goes */
    UNSTABLE_AFTER = 3, /* rounds in another order after which it is left alone */
};

/* One seed a process, so that equal texts hash alike in every cache of it. */
static u64 hash_seed;

static void make_seed(void)
{
    entropy_fill(&hash_seed, sizeof(hash_seed));
}

ScrapeCache *scrape_cache_new(const ScrapeCacheOpts *opts)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_seed);
    ScrapeCache *cache = MEM_NEW(ScrapeCache);
    cache->opts = *opts;
    cache->seed = hash_seed;
    return cache;
}

ScrapeCache *scrape_cache_free(ScrapeCache *cache)
{
    if (cache) {
        mem_free(cache->entries);
        mem_free(cache->table);
        mem_free(cache);
    }
    return NULL;
}

void scrape_cache_configure(ScrapeCache *cache, const ScrapeCacheOpts *opts)
{
    cache->opts = *opts;
}

void scrape_cache_stats(const ScrapeCache *cache, ScrapeCacheStats *ret)
{
    *ret = (ScrapeCacheStats){
        .entries = cache->count,
        .tracked = cache->tracked,
        .bytes = sizeof(*cache) + cache->capacity * sizeof(CacheEntry) +
                 cache->table_capacity * sizeof(u32),
    };
}

static void table_drop(ScrapeCache *cache)
{
    mem_free(cache->table);
    cache->table = NULL;
    cache->table_capacity = 0;
}

static void table_insert(ScrapeCache *cache, size_t index)
{
    size_t mask = cache->table_capacity - 1;
    size_t at = cache->entries[index].hash_low & mask;
    while (cache->table[at] != 0) {
        at = (at + 1) & mask;
    }
    cache->table[at] = (u32)index + 1;
}

static void table_build(ScrapeCache *cache, size_t room)
{
    size_t capacity = 64;
    while (capacity < room + room / 2) {
        capacity *= 2;
    }
    table_drop(cache);
    cache->table = MEM_ARRAY(u32, capacity);
    cache->table_capacity = capacity;
    for (size_t i = 0; i < cache->count; i++) {
        table_insert(cache, i);
    }
}

bool cache_table_find(ScrapeCache *cache, Hash128 hash, size_t *ret_index)
{
    cache->table_idle = 0;
    if (!cache->table) {
        table_build(cache, cache->count + 1);
    }
    size_t mask = cache->table_capacity - 1;
    for (size_t at = hash.low & mask; cache->table[at] != 0; at = (at + 1) & mask) {
        if (entry_is(&cache->entries[cache->table[at] - 1], hash)) {
            *ret_index = cache->table[at] - 1;
            return true;
        }
    }
    return false;
}

size_t cache_add_entry(ScrapeCache *cache, CacheEntry entry)
{
    if (cache->count == cache->capacity) {
        size_t grown = cache->capacity + cache->capacity / 4 + 64;
        cache->entries = mem_grow(cache->entries, grown, sizeof(CacheEntry));
        cache->capacity = grown;
    }
    cache->entries[cache->count] = entry;
    if (cache->table && (cache->count + 1) * 4 > cache->table_capacity * 3) {
        table_build(cache, (cache->count + 1) * 2);
    }
    if (cache->table) {
        table_insert(cache, cache->count);
    }
    return cache->count++;
}

void cache_begin_page(ScrapeCache *cache)
{
    cache->round++;
    if (cache->round > ENTRY_ROUND_MAX) { /* so that no entry of an old round seems to be of this */
        for (size_t i = 0; i < cache->count; i++) {
            cache->entries[i].round = 0;
        }
        cache->round = 1;
    }
    cache->known = cache->count;
    cache->kept = 0;
    cache->changed = false;
    cache->moved_only = false;
    if (cache->table && ++cache->table_idle > TABLE_IDLE_MAX) {
        table_drop(cache);
    }
}

void cache_forget_page(ScrapeCache *cache)
{
    if (cache->count > cache->known) {
        cache->count = cache->known;
        table_drop(cache);
    }
    cache->changed = false;
}

/* Puts the entries into the page's order; those it does not have go. */
static void reorder(ScrapeCache *cache, const ScrapeBatch *batch)
{
    size_t count = cache->kept + batch->order_count;
    CacheEntry *ordered = mem_alloc(MAX(count, (size_t)1) * sizeof(CacheEntry));
    if (cache->kept > 0) {
        memcpy(ordered, cache->entries, cache->kept * sizeof(CacheEntry));
    }
    for (size_t i = 0; i < batch->order_count; i++) {
        ordered[cache->kept + i] = cache->entries[batch->order[i]];
    }
    mem_free(cache->entries);
    cache->entries = ordered;
    cache->count = count;
    cache->capacity = MAX(count, (size_t)1);
    table_drop(cache);
}

void cache_finish_page(ScrapeCache *cache, const ScrapeBatch *batch)
{
    if (!cache->changed) {
        cache->unstable = 0;
        return;
    }
    /* Nothing new, nothing gone: only another order. */
    bool same_set = cache->moved_only && cache->kept + batch->order_count == cache->count;
    u64 order_hash = hash_combine(
        hash_bytes(batch->order, batch->order_count * sizeof(*batch->order)), cache->kept);
    bool settled = order_hash == cache->order_hash;
    cache->unstable = same_set ? cache->unstable + 1 : 0;
    cache->order_hash = order_hash;
    if (!same_set || settled || cache->unstable <= UNSTABLE_AFTER) {
        reorder(cache, batch);
    }
    cache->changed = false;
}

void scrape_cache_stale_except(const ScrapeCache *retired, const ScrapeCache *cache, i64 t_ms,
                               ScrapeBatch *batch)
{
    U64Map present = {0};
    for (size_t i = 0; i < cache->count; i++) {
        if (seen_this_round(cache, &cache->entries[i])) {
            *u64map_put(&present, cache->entries[i].series, NULL) = 1;
        }
    }
    for (size_t i = 0; i < retired->count; i++) {
        const CacheEntry *entry = &retired->entries[i];
        if (entry->tracked && !u64map_find(&present, entry->series)) {
            BatchSample marker = {
                .series = entry->series, .t_ms = t_ms, .value = f64_from_bits(STALE_NAN_BITS)};
            scrape_batch_add(batch, marker,
                             (BatchMark){.entry = BATCH_REPORTS_MAX - 1, .kind = BATCH_REPORT});
        }
    }
    u64map_done(&present);
}
