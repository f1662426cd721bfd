/*
 * Scrape manager, inside: pools and their targets, shared by what changes them (manager.c) and what
 * shows them (manager_status.c).
 *
 * Layer: scrape, private to manager*.c. Thread: everything under the manager's lock.
 */
#pragma once

#include "base/map.h"
#include "base/vec.h"
#include "scrape/manager.h"

typedef struct PoolTarget {
    ScrapeLoop *loop; /* one reference */
    Target *shown;    /* owned; the newest discovery of it where that differs, else NULL */
} PoolTarget;

typedef struct ScrapePool {
    ScrapeJob *job; /* one reference */
    VEC(PoolTarget) targets;
    VEC(Target *) dropped; /* owned */
    u64 dropped_count;
    u64 syncs;
    u64 sync_failures;
} ScrapePool;

struct ScrapeManager {
    ScrapeEnv env;
    ScrapeFetcher client_fetcher;
    HttpClient *client;
    pthread_mutex_t lock;
    pthread_cond_t changed;   /* `ending` got shorter */
    VEC(ScrapePool *) pools;  /* owned */
    VEC(ScrapeLoop *) ending; /* one reference each */
};

const Target *pool_target_shown(const PoolTarget *target);
Str pool_name(const ScrapePool *pool);
