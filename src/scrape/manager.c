/* Scrape manager: see manager.h. Layer: scrape. Memory: pools and loops. Thread: one lock. */
#include "scrape/manager_internal.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "discovery/static.h"

#include <string.h>
#include <unistd.h>

enum {
    SYNC_ARENA_MAX = 256 * 1024 * 1024, /* bytes for the groups of one job */
    HOST_NAME_BYTES = 256,
};

static void *client_fetch(ScrapeFetcher *fetcher, Loop *loop, const HttpFetch *fetch)
{
    ScrapeManager *manager = CONTAINER_OF(fetcher, ScrapeManager, client_fetcher);
    return http_fetch(manager->client, loop, fetch);
}

static void client_cancel(ScrapeFetcher *fetcher, void *handle)
{
    (void)fetcher;
    http_fetch_cancel(handle);
}

ScrapeManager *scrape_manager_open(const ScrapeManagerOpts *opts)
{
    ScrapeManager *manager = MEM_NEW(ScrapeManager);
    scrape_env_init(&manager->env);
    manager->client = opts->client;
    manager->client_fetcher = (ScrapeFetcher){.fetch = client_fetch, .cancel = client_cancel};
    manager->env.loops = opts->loops;
    manager->env.pool = opts->pool;
    manager->env.fetcher = opts->fetcher ? opts->fetcher : &manager->client_fetcher;
    manager->env.sink = opts->sink;
    manager->env.strings = symbols_new();
    manager->env.user_agent = opts->user_agent;
    manager->env.switches = opts->switches;
    pthread_mutex_init(&manager->lock, NULL);
    pthread_cond_init(&manager->changed, NULL);
    return manager;
}

Str pool_name(const ScrapePool *pool)
{
    return pool->job->config->target.job;
}

const Target *pool_target_shown(const PoolTarget *target)
{
    return target->shown ? target->shown : scrape_loop_target(target->loop);
}

/* ---- ending ---- */

/* On the loop's net loop. */
static void loop_ended(void *self, ScrapeLoop *loop)
{
    ScrapeManager *manager = self;
    pthread_mutex_lock(&manager->lock);
    for (size_t i = 0; i < manager->ending.count; i++) {
        if (manager->ending.at[i] == loop) {
            manager->ending.at[i] = manager->ending.at[--manager->ending.count];
            break;
        }
    }
    pthread_cond_broadcast(&manager->changed);
    pthread_mutex_unlock(&manager->lock);
    scrape_loop_release(loop);
}

static void end_target(ScrapeManager *manager, PoolTarget *target, bool mark_stale)
{
    *vec_push(&manager->ending) = target->loop;
    scrape_loop_stop(target->loop, mark_stale);
    target_free(target->shown);
}

static void clear_dropped(ScrapePool *pool)
{
    for (size_t i = 0; i < pool->dropped.count; i++) {
        target_free(pool->dropped.at[i]);
    }
    pool->dropped.count = 0;
    pool->dropped_count = 0;
}

static void free_pool(ScrapeManager *manager, ScrapePool *pool, bool mark_stale)
{
    for (size_t i = 0; i < pool->targets.count; i++) {
        end_target(manager, &pool->targets.at[i], mark_stale);
    }
    clear_dropped(pool);
    vec_done(&pool->targets);
    vec_done(&pool->dropped);
    scrape_job_release(pool->job);
    mem_free(pool);
}

ScrapeManager *scrape_manager_close(ScrapeManager *manager)
{
    if (!manager) {
        return NULL;
    }
    pthread_mutex_lock(&manager->lock);
    for (size_t i = 0; i < manager->ending.count; i++) {
        scrape_loop_stop(manager->ending.at[i], false);
    }
    for (size_t i = 0; i < manager->pools.count; i++) {
        free_pool(manager, manager->pools.at[i], false);
    }
    while (manager->ending.count > 0) {
        pthread_cond_wait(&manager->changed, &manager->lock);
    }
    pthread_mutex_unlock(&manager->lock);
    vec_done(&manager->pools);
    vec_done(&manager->ending);
    symbols_free(manager->env.strings);
    scrape_env_done(&manager->env);
    pthread_cond_destroy(&manager->changed);
    pthread_mutex_destroy(&manager->lock);
    mem_free(manager);
    return NULL;
}

/* ---- targets of a pool ---- */

typedef struct Sync {
    ScrapeManager *manager;
    ScrapePool *pool;
    VEC(Target *) found; /* owned until placed */
} Sync;

static void keep_dropped(ScrapePool *pool, Target *target)
{
    u64 limit = pool->job->config->limits.keep_dropped_targets;
    pool->dropped_count++;
    if (limit > 0 && pool->dropped.count >= limit) {
        target_free(target);
        return;
    }
    *vec_push(&pool->dropped) = target;
}

static void find_targets(Sync *sync, const TargetGroup *group)
{
    const TargetSpec *spec = &sync->pool->job->config->target;
    for (size_t i = 0; i < group->target_count; i++) {
        Target *target;
        Err err;
        if (!target_new(spec, group->targets[i], group->labels, &target, &err)) {
            sync->pool->sync_failures++;
            err_wrap(&err, "instance %zu in group " STR_FMT, i, STR_ARG(group->source));
            log_error("Creating target failed", LOG_STR("component", S("scrape manager")),
                      LOG_STR("scrape_pool", spec->job), LOG_ERR(&err));
        } else if (target->dropped) {
            keep_dropped(sync->pool, target);
        } else {
            *vec_push(&sync->found) = target;
        }
    }
}

/* The same target again: its loop goes on; what discovery says about it may be new. */
static void keep_target(PoolTarget *known, Target *again)
{
    target_free(known->shown);
    known->shown = NULL;
    if (labels_eq(scrape_loop_target(known->loop)->discovered, again->discovered)) {
        target_free(again);
    } else {
        known->shown = again;
    }
}

/* Brings the pool's loops in line with the targets found. */
static void place_targets(Sync *sync)
{
    ScrapePool *pool = sync->pool;
    ScrapeManager *manager = sync->manager;
    size_t before = pool->targets.count, kept = 0;
    bool *present = MEM_ARRAY(bool, before);
    U64Map known = {0};
    for (size_t i = 0; i < before; i++) {
        *u64map_put(&known, scrape_loop_target(pool->targets.at[i].loop)->hash, NULL) = i;
    }
    for (size_t i = 0; i < sync->found.count; i++) {
        Target *target = sync->found.at[i];
        bool is_new;
        u64 *index = u64map_put(&known, target->hash, &is_new);
        if (!is_new) {
            if (*index < before) {
                present[*index] = true;
            }
            keep_target(&pool->targets.at[*index], target);
            continue;
        }
        *index = pool->targets.count;
        *vec_push(&pool->targets) = (PoolTarget){
            .loop = scrape_loop_start(&manager->env, pool->job, target, loop_ended, manager)};
    }
    for (size_t i = 0; i < pool->targets.count; i++) {
        if (i < before && !present[i]) {
            end_target(manager, &pool->targets.at[i], true);
        } else {
            pool->targets.at[kept++] = pool->targets.at[i];
        }
    }
    pool->targets.count = kept;
    u64map_done(&known);
    mem_free(present);
}

static void check_target_limit(Sync *sync)
{
    ScrapePool *pool = sync->pool;
    u64 limit = pool->job->config->limits.target_limit;
    bool over = limit > 0 && pool->targets.count > limit;
    atomic_store(&pool->job->targets_over_limit, over ? pool->targets.count : 0);
    scrape_metrics_add(&sync->manager->env.metrics.exceeded_target_limit, over);
}

static void sync_pool(ScrapeManager *manager, ScrapePool *pool, const TargetGroup *groups,
                      size_t count)
{
    Sync sync = {.manager = manager, .pool = pool};
    i64 begin = time_monotonic_ns();
    clear_dropped(pool);
    for (size_t i = 0; i < count; i++) {
        find_targets(&sync, &groups[i]);
    }
    place_targets(&sync);
    check_target_limit(&sync);
    vec_done(&sync.found);
    pool->syncs++;
    scrape_metrics_observe(&manager->env.metrics, &manager->env.metrics.sync_length,
                           pool_name(pool),
                           (f64)(time_monotonic_ns() - begin) / (f64)NS_PER_SECOND);
}

static ScrapePool *find_pool(const ScrapeManager *manager, Str name)
{
    for (size_t i = 0; i < manager->pools.count; i++) {
        if (str_eq(pool_name(manager->pools.at[i]), name)) {
            return manager->pools.at[i];
        }
    }
    return NULL;
}

bool scrape_manager_update(ScrapeManager *manager, Str job, const TargetGroup *groups, size_t count,
                           Err *err)
{
    pthread_mutex_lock(&manager->lock);
    ScrapePool *pool = find_pool(manager, job);
    if (pool) {
        sync_pool(manager, pool, groups, count);
    }
    pthread_mutex_unlock(&manager->lock);
    return pool ||
           err_set(err, ERR_NOT_FOUND, "there is no scrape job \"" STR_FMT "\"", STR_ARG(job));
}

/* ---- applying a configuration ---- */

typedef struct NewJob {
    ScrapeJob *job;
    TargetGroup *groups; /* in the arena of the application */
} NewJob;

/* The log of the job, shared with those before it that name the same file. */
static bool open_failure_log(NewJob *jobs, size_t index, Err *err)
{
    Str path = jobs[index].job->config->failure_log_file;
    if (path.len == 0) {
        return true;
    }
    for (size_t i = 0; i < index; i++) {
        if (str_eq(jobs[i].job->config->failure_log_file, path)) {
            jobs[index].job->failures = failure_log_retain(jobs[i].job->failures);
            return true;
        }
    }
    return failure_log_open(path, &jobs[index].job->failures, err);
}

static bool make_job(ScrapeManager *manager, const ScrapeConfig *config, ConfigOwner owner,
                     NewJob *jobs, size_t index, Arena *arena, Err *err)
{
    const DiscoveryConfigs *discovery = &config->discovery;
    return scrape_job_new(config, owner, manager->env.switches, &jobs[index].job, err) &&
           static_discover(arena, discovery->statics, discovery->static_count, &jobs[index].groups,
                           err) &&
           open_failure_log(jobs, index, err);
}

static bool make_jobs(ScrapeManager *manager, const ScrapeConfig *configs, size_t count,
                      ConfigOwner owner, NewJob *jobs, Arena *arena, Err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!make_job(manager, &configs[i], owner, jobs, i, arena, err)) {
            for (size_t k = 0; k <= i; k++) {
                scrape_job_release(jobs[k].job);
            }
            return false;
        }
    }
    return true;
}

static void set_offset_seed(ScrapeManager *manager, Labels external_labels)
{
    char host[HOST_NAME_BYTES] = "";
    Buf text;
    buf_init(&text, SYNC_ARENA_MAX);
    (void)gethostname(host, sizeof(host) - 1);
    buf_str(&text, str_from(host));
    labels_format(&text, external_labels);
    manager->env.offset_seed = hash_fnv1a(FNV1A_START, text.data, text.len);
    buf_done(&text);
}

/* The pool runs on under the job's new configuration, which may be the same in other memory. */
static void reconfigure_pool(ScrapeManager *manager, ScrapePool *pool, ScrapeJob *job)
{
    i64 begin = time_monotonic_ns();
    bool changed = !scrape_config_eq(pool->job->config, job->config);
    scrape_job_release(pool->job);
    pool->job = job;
    for (size_t i = 0; i < pool->targets.count; i++) {
        scrape_loop_reconfigure(pool->targets.at[i].loop, job);
    }
    if (changed) {
        Buf interval;
        buf_init(&interval, 128);
        duration_format_go(&interval, job->config->target.interval_ms * NS_PER_MS);
        scrape_metrics_add(&manager->env.metrics.pool_reloads, 1);
        scrape_metrics_observe(&manager->env.metrics, &manager->env.metrics.reload_length,
                               buf_view(&interval),
                               (f64)(time_monotonic_ns() - begin) / (f64)NS_PER_SECOND);
        buf_done(&interval);
    }
}

static bool is_wanted(const ScrapePool *pool, const ScrapeConfig *configs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(pool_name(pool), configs[i].target.job)) {
            return true;
        }
    }
    return false;
}

static void remove_pools(ScrapeManager *manager, const ScrapeConfig *configs, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < manager->pools.count; i++) {
        ScrapePool *pool = manager->pools.at[i];
        if (is_wanted(pool, configs, count)) {
            manager->pools.at[kept++] = pool;
        } else {
            scrape_metrics_forget(&manager->env.metrics, &manager->env.metrics.sync_length,
                                  pool_name(pool));
            free_pool(manager, pool, true);
        }
    }
    manager->pools.count = kept;
}

static ScrapePool *add_pool(ScrapeManager *manager, ScrapeJob *job)
{
    ScrapePool *pool = MEM_NEW(ScrapePool);
    pool->job = job;
    *vec_push(&manager->pools) = pool;
    scrape_metrics_add(&manager->env.metrics.pools, 1);
    return pool;
}

bool scrape_manager_apply(ScrapeManager *manager, const ScrapeConfig *configs, size_t count,
                          Labels external_labels, ConfigOwner owner, Err *err)
{
    Arena arena;
    arena_init(&arena, SYNC_ARENA_MAX);
    NewJob *jobs = ARENA_NEW(&arena, NewJob, count);
    if (!jobs || !make_jobs(manager, configs, count, owner, jobs, &arena, err)) {
        bool failed = jobs ? false : arena_full(&arena, err);
        arena_done(&arena);
        return failed;
    }
    pthread_mutex_lock(&manager->lock);
    set_offset_seed(manager, external_labels);
    remove_pools(manager, configs, count);
    for (size_t i = 0; i < count; i++) {
        ScrapePool *pool = find_pool(manager, configs[i].target.job);
        if (pool) {
            reconfigure_pool(manager, pool, jobs[i].job);
        } else {
            pool = add_pool(manager, jobs[i].job);
        }
        sync_pool(manager, pool, jobs[i].groups, configs[i].discovery.static_count);
    }
    pthread_mutex_unlock(&manager->lock);
    arena_done(&arena);
    return true;
}
