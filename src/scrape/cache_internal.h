/*
 * Cache, inside: the entries, the table from hash to entry, and the order of the last page; shared
 * by reading (cache_read.c) and learning from outcomes (cache_commit.c).
 *
 * Layer: scrape, private to cache*.c. Memory, thread: as cache.h.
 */
#pragma once

#include "base/hash.h"
#include "scrape/cache.h"

enum {
    ENTRY_ROUND_BITS = 16,
    ENTRY_LENGTH_BITS = 13,
    ENTRY_ROUND_MAX = (1 << ENTRY_ROUND_BITS) - 1,
    ENTRY_LENGTH_MAX = (1 << ENTRY_LENGTH_BITS) - 1, /* bytes; longer texts are not guessed */
};

typedef struct CacheEntry {
    u64 hash_low;
    u32 hash_high;
    u32 round : ENTRY_ROUND_BITS;   /* last page that had it */
    u32 length : ENTRY_LENGTH_BITS; /* of the text, 0: long */
    u32 tracked : 1;                /* had a live sample in the last scrape that succeeded */
    u32 dropped : 1;                /* relabelling drops it */
    u32 live : 1;                   /* on that page with the scrape's own time */
    SeriesId series;
} CacheEntry;

_Static_assert(sizeof(CacheEntry) == 24, "the cost a series that cache.h promises");

struct ScrapeCache {
    ScrapeCacheOpts opts;
    CacheEntry *entries; /* owned; in page order */
    size_t count;
    size_t capacity;
    size_t tracked; /* entries that are */
    u32 *table;     /* owned; entry + 1 by hash, 0: empty; NULL: not needed */
    size_t table_capacity;
    u32 table_idle; /* rounds since it was asked */
    u32 unstable;   /* rounds in a row whose order differed though nothing was new */
    u32 round;      /* of the page being read; never 0 */
    u64 order_hash; /* of the last page whose order differed */
    u64 seed;
    /* of the page just read */
    size_t known;    /* entries before it */
    size_t kept;     /* entries at the front that came in order */
    bool changed;    /* some did not: batch->order holds those behind `kept` */
    bool moved_only; /* changed, but nothing new */
};

static inline bool entry_is(const CacheEntry *entry, Hash128 hash)
{
    return entry->hash_low == hash.low && entry->hash_high == (u32)hash.high;
}

static inline bool seen_this_round(const ScrapeCache *cache, const CacheEntry *entry)
{
    return entry->round == cache->round;
}

/* The entry with this hash, by the table, which is built when there is none. */
bool cache_table_find(ScrapeCache *cache, Hash128 hash, size_t *ret_index);

size_t cache_add_entry(ScrapeCache *cache, CacheEntry entry);

void cache_begin_page(ScrapeCache *cache);
/* The page failed: what it taught goes, so that a target with ever new bad pages costs nothing. */
void cache_forget_page(ScrapeCache *cache);
/* The page is safe: its order becomes that of the entries, and what it lacks goes. */
void cache_finish_page(ScrapeCache *cache, const ScrapeBatch *batch);
