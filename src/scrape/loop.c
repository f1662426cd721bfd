/*
 * Scrape loop: see loop.h. Layer: scrape. Memory: counted references: the owner's, the net loop's,
 * and one for each message on its way. Thread: the net loop's, but for what says otherwise.
 */
#include "scrape/loop_internal.h"

#include "base/mem.h"
#include "base/time.h"

#include <string.h>

void scrape_env_init(ScrapeEnv *env)
{
    *env = (ScrapeEnv){0};
    scrape_metrics_init(&env->metrics);
    pthread_mutex_init(&env->lock, NULL);
}

void scrape_env_done(ScrapeEnv *env)
{
    for (size_t i = 0; i < env->batch_count; i++) {
        scrape_batch_done(env->batches[i]);
        mem_free(env->batches[i]);
    }
    scrape_metrics_done(&env->metrics);
    pthread_mutex_destroy(&env->lock);
}

void scrape_loop_release(ScrapeLoop *loop)
{
    if (atomic_fetch_sub(&loop->references, 1) == 1) {
        target_free(loop->target);
        buf_done(&loop->last_error);
        pthread_mutex_destroy(&loop->lock);
        mem_free(loop);
    }
}

const Target *scrape_loop_target(const ScrapeLoop *loop)
{
    return loop->target;
}

Metadata *scrape_loop_metadata(ScrapeLoop *loop)
{
    return &loop->metadata;
}

const char *target_health_name(TargetHealth health)
{
    static const char *const names[] = {
        [HEALTH_UNKNOWN] = "unknown",
        [HEALTH_UP] = "up",
        [HEALTH_DOWN] = "down",
    };
    return names[health];
}

bool scrape_loop_status(ScrapeLoop *loop, Arena *arena, ScrapeStatus *ret, Err *err)
{
    pthread_mutex_lock(&loop->lock);
    ScrapeStatus status = {.health = loop->health,
                           .last_scrape_ms = loop->last_scrape_ms,
                           .last_duration_ns = loop->last_duration_ns};
    bool ok = arena_str(arena, buf_view(&loop->last_error), &status.last_error, err);
    pthread_mutex_unlock(&loop->lock);
    if (ok) {
        *ret = status;
    }
    return ok;
}

static ScrapeCacheOpts cache_opts(ScrapeLoop *loop)
{
    return (ScrapeCacheOpts){.rules = &loop->job->rules,
                             .target_labels = loop->target->labels,
                             .sink = loop->env->sink,
                             .metadata = &loop->metadata};
}

/* ---- time ---- */

/*
 * Arms the timer for the next turn. A turn that passed while the scrape before it was running is
 * made up at once; of several only the newest.
 */
static void arm_next(ScrapeLoop *loop)
{
    i64 interval_ns = loop->target->interval_ms * NS_PER_MS;
    i64 now = time_monotonic_ns();
    loop->due_mono_ns += interval_ns;
    if (now > loop->due_mono_ns) {
        loop->due_mono_ns += (now - loop->due_mono_ns) / interval_ns * interval_ns;
    }
    loop->state = LOOP_WAITING;
    loop_timer_arm_ns(loop->timer, MAX(loop->due_mono_ns - now, (i64)0));
}

i64 scrape_align_ns(i64 *aligned_ns, i64 interval_ns, i64 now_ns)
{
    i64 tolerance_ns = MIN(interval_ns / SCRAPE_ALIGN_INTERVAL_PART, SCRAPE_ALIGN_TOLERANCE_NS);
    i64 late_ns = now_ns - *aligned_ns;
    if (late_ns >= interval_ns) {
        *aligned_ns += late_ns / interval_ns * interval_ns;
        late_ns = now_ns - *aligned_ns;
    }
    if (late_ns < -tolerance_ns) {
        *aligned_ns = now_ns; /* the clock was set back */
        return now_ns;
    }
    return late_ns <= tolerance_ns ? *aligned_ns : now_ns;
}

/* ---- the end ---- */

/* What belongs to the environment or to a configuration goes before `ended` tells the owner, who
 * may then free those; what is left is the loop's own. */
static void finish(ScrapeLoop *loop)
{
    loop->state = LOOP_GONE;
    loop_timer_free(loop->timer);
    loop->timer = NULL;
    loop->cache = scrape_cache_free(loop->cache);
    loop->retired = scrape_cache_free(loop->retired);
    metadata_done(&loop->metadata);
    loop->job = scrape_job_release(loop->job);
    loop->pending_job = scrape_job_release(loop->pending_job);
    loop->ended(loop->ended_self, loop);
    scrape_loop_release(loop);
}

/*
 * The target is gone. It may have moved to another job or come back under another name of the same
 * series: so nothing is marked before its turn after the next has passed by a tenth, and then with
 * the time of its next turn, which whoever scrapes it now has passed.
 */
static void begin_end(ScrapeLoop *loop)
{
    if (!loop->mark_stale || loop->last_begin_mono_ns == 0) {
        finish(loop);
        return;
    }
    i64 interval_ns = loop->target->interval_ms * NS_PER_MS;
    i64 now = time_monotonic_ns();
    i64 since_due = now - loop->due_mono_ns;
    i64 until_next = since_due < 0 ? -since_due : interval_ns - since_due % interval_ns;
    loop->stale_ms = (time_now_ns() + until_next) / NS_PER_MS;
    loop->state = LOOP_ENDING;
    loop_timer_arm_ns(loop->timer, until_next + interval_ns + interval_ns / 10);
}

/* ---- one scrape ---- */

static void adopt_job(ScrapeLoop *loop)
{
    ScrapeJob *before = loop->job;
    if (!loop->pending_job) {
        return;
    }
    loop->job = loop->pending_job;
    loop->pending_job = NULL;
    ScrapeCacheOpts opts = cache_opts(loop);
    if (scrape_config_same_labels(before->config, loop->job->config)) {
        scrape_cache_configure(loop->cache, &opts);
    } else {
        scrape_cache_free(loop->retired);
        loop->retired = loop->cache;
        loop->cache = scrape_cache_new(&opts);
    }
    scrape_job_release(before);
}

/* The scrape is complete: what came meanwhile, then the next turn. */
static void after_scrape(void *self)
{
    ScrapeLoop *loop = self;
    mem_free(loop->body);
    loop->body = NULL;
    adopt_job(loop);
    if (loop->stopping) {
        begin_end(loop);
    } else {
        arm_next(loop);
    }
}

static void read_on_worker(void *self)
{
    ScrapeLoop *loop = self;
    ScrapeReply reply = {.body = {.ptr = (const char *)loop->body, .len = loop->body_size},
                         .content_type = loop->content_type};
    scrape_loop_take_reply(loop, &reply);
    loop_call(loop->net_loop, after_scrape, loop);
}

/* Copies a large page for a worker; false when the pool is full: then it is read here. */
static bool hand_to_worker(ScrapeLoop *loop, const ScrapeReply *reply)
{
    size_t size = reply->body.len;
    if (!loop->env->pool || size <= SCRAPE_PAGE_INLINE_MAX ||
        reply->content_type.len >= sizeof(loop->content_type_text)) {
        return false;
    }
    loop->body = mem_alloc(size + EXPOSITION_SLACK);
    memcpy(loop->body, reply->body.ptr, size);
    memset(loop->body + size, 0, EXPOSITION_SLACK);
    loop->body_size = size;
    memcpy(loop->content_type_text, reply->content_type.ptr, reply->content_type.len);
    loop->content_type = (Str){.ptr = loop->content_type_text, .len = reply->content_type.len};
    loop->state = LOOP_READING;
    if (pool_submit(loop->env->pool, read_on_worker, loop)) {
        return true;
    }
    mem_free(loop->body);
    loop->body = NULL;
    return false;
}

static void take_fetched(void *self, const HttpFetchResult *result)
{
    ScrapeLoop *loop = self;
    loop->fetch = NULL;
    if (loop->stopping && !loop->mark_stale) {
        finish(loop);
        return;
    }
    ScrapeReply reply = {.err = result->err,
                         .status = result->status,
                         .body = result->body,
                         .content_type = result->content_type};
    bool page = !result->err && result->status == HTTP_STATUS_OK;
    loop->last_size = page ? result->body.len : loop->last_size;
    if (!page || !hand_to_worker(loop, &reply)) {
        scrape_loop_take_reply(loop, &reply);
        after_scrape(loop);
    }
}

static void start_fetch(ScrapeLoop *loop)
{
    const ScrapeConfig *config = loop->job->config;
    HttpHeader headers[] = {
        {S("Accept"), loop->job->accept},
        {S("User-Agent"), loop->env->user_agent},
        {S("X-Prometheus-Scrape-Timeout-Seconds"), loop->timeout_text},
        {S("Accept-Encoding"), S("identity")},
    };
    HttpFetch fetch = {
        .method = HTTP_GET,
        .url = loop->target->url,
        .headers = headers,
        .header_count = COUNT_OF(headers) - config->enable_compression,
        .timeout_ms = loop->target->timeout_ms,
        /* One byte less: the original refuses a body that has just reached the limit. */
        .body_max =
            config->limits.body_size_bytes ? config->limits.body_size_bytes - 1 : SCRAPE_BODY_MAX,
        .accept_gzip = config->enable_compression,
        .unix_socket = loop->target->unix_socket,
        .config = &config->http,
        .body_hint = loop->last_size,
        .done = take_fetched,
        .self = loop,
    };
    loop->state = LOOP_FETCHING;
    loop->fetch = loop->env->fetcher->fetch(loop->env->fetcher, loop->net_loop, &fetch);
}

static void observe_interval(ScrapeLoop *loop, i64 now_mono_ns)
{
    if (loop->last_begin_mono_ns != 0) {
        scrape_metrics_observe(&loop->env->metrics, &loop->env->metrics.interval_length,
                               loop->interval_text,
                               (f64)(now_mono_ns - loop->last_begin_mono_ns) / (f64)NS_PER_SECOND);
    }
    loop->last_begin_mono_ns = now_mono_ns;
}

static void begin_scrape(ScrapeLoop *loop)
{
    i64 now_mono_ns = time_monotonic_ns();
    observe_interval(loop, now_mono_ns);
    loop->begin_mono_ns = now_mono_ns;
    loop->t_ms =
        scrape_align_ns(&loop->aligned_ns, loop->target->interval_ms * NS_PER_MS, time_now_ns()) /
        NS_PER_MS;
    u64 over_limit = atomic_load(&loop->job->targets_over_limit);
    if (over_limit == 0) {
        start_fetch(loop);
        return;
    }
    Err err;
    err_set(&err, ERR_LIMIT, "target_limit exceeded (number of targets: %llu, limit: %llu)",
            (unsigned long long)over_limit,
            (unsigned long long)loop->job->config->limits.target_limit);
    scrape_loop_take_reply(loop, &(ScrapeReply){.err = &err, .not_fetched = true});
    after_scrape(loop);
}

static void on_timer(void *self)
{
    ScrapeLoop *loop = self;
    if (loop->state == LOOP_ENDING) {
        scrape_loop_mark_stale(loop);
        finish(loop);
    } else {
        begin_scrape(loop);
    }
}

/* ---- messages from other threads ---- */

static void start_on_loop(void *self)
{
    ScrapeLoop *loop = self;
    i64 now_ns = time_now_ns();
    i64 interval_ns = loop->target->interval_ms * NS_PER_MS;
    i64 offset_ns = target_offset_ns(loop->target, loop->offset_seed, now_ns);
    loop->timer = loop_timer_new(loop->net_loop, on_timer, loop);
    loop->aligned_ns = now_ns + offset_ns;
    loop->due_mono_ns = time_monotonic_ns() + offset_ns - interval_ns;
    arm_next(loop);
}

ScrapeLoop *scrape_loop_start(ScrapeEnv *env, ScrapeJob *job, Target *target,
                              void (*ended)(void *self, ScrapeLoop *loop), void *self)
{
    ScrapeLoop *loop = MEM_NEW(ScrapeLoop);
    loop->env = env;
    loop->job = scrape_job_retain(job);
    loop->target = target;
    loop->offset_seed = env->offset_seed;
    loop->ended = ended;
    loop->ended_self = self;
    loop->net_loop = loops_next(env->loops);
    metadata_init(&loop->metadata, env->strings);
    buf_init(&loop->last_error, ERR_MESSAGE_MAX + 4096);
    pthread_mutex_init(&loop->lock, NULL);
    atomic_store(&loop->references, 2); /* the owner's and the net loop's */
    scrape_loop_format_times(loop);
    ScrapeCacheOpts opts = cache_opts(loop);
    loop->cache = scrape_cache_new(&opts);
    loop_call(loop->net_loop, start_on_loop, loop);
    return loop;
}

typedef struct Message {
    ScrapeLoop *loop; /* one reference */
    ScrapeJob *job;   /* one reference; NULL: stop */
    bool mark_stale;
} Message;

static void send_message(ScrapeLoop *loop, void (*run)(void *self), ScrapeJob *job, bool mark_stale)
{
    Message *message = MEM_NEW(Message);
    atomic_fetch_add(&loop->references, 1);
    *message = (Message){.loop = loop, .job = job, .mark_stale = mark_stale};
    loop_call(loop->net_loop, run, message);
}

static void reconfigure_on_loop(void *self)
{
    Message *message = self;
    ScrapeLoop *loop = message->loop;
    if (loop->state == LOOP_GONE || loop->stopping) {
        scrape_job_release(message->job);
    } else {
        scrape_job_release(loop->pending_job);
        loop->pending_job = message->job;
        if (loop->state == LOOP_WAITING) {
            adopt_job(loop);
        }
    }
    scrape_loop_release(loop);
    mem_free(message);
}

void scrape_loop_reconfigure(ScrapeLoop *loop, ScrapeJob *job)
{
    send_message(loop, reconfigure_on_loop, scrape_job_retain(job), false);
}

static void stop_on_loop(void *self)
{
    Message *message = self;
    ScrapeLoop *loop = message->loop;
    loop->mark_stale = message->mark_stale && (loop->mark_stale || !loop->stopping);
    loop->stopping = true;
    switch (loop->state) {
    case LOOP_WAITING:
        loop_timer_stop(loop->timer);
        begin_end(loop);
        break;
    case LOOP_FETCHING:
        if (!loop->mark_stale && loop->fetch) {
            loop->env->fetcher->cancel(loop->env->fetcher, loop->fetch);
        }
        break;
    case LOOP_ENDING:
        if (!loop->mark_stale) {
            finish(loop);
        }
        break;
    case LOOP_READING: /* after_scrape looks at `stopping` */
    case LOOP_GONE:
        break;
    }
    scrape_loop_release(loop);
    mem_free(message);
}

void scrape_loop_stop(ScrapeLoop *loop, bool mark_stale)
{
    send_message(loop, stop_on_loop, NULL, mark_stale);
}
