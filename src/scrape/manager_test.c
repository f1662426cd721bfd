/* Tests of scrape/manager.h: reloads and what the API sees, with a fake network; and one target
 * over a real one. */
#include "scrape/manager.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/test.h"
#include "base/time.h"
#include "os/file.h"
#include "scrape/fake_fetcher.h"
#include "scrape/list_sink.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MAX_MS = 5000, ARENA_MAX = 4 * 1024 * 1024, JOBS_MAX = 4 };

/* A configuration generation, as a role keeps it: freed with its last reference. */
typedef struct Generation {
    _Atomic i64 references;
    _Atomic i64 *alive; /* generations of the stage */
    ScrapeConfig jobs[JOBS_MAX];
    StaticConfig statics[JOBS_MAX];
} Generation;

typedef struct Stage {
    LoopSet *loops;
    ListSink list;
    FakeFetcher fake;
    ScrapeManager *manager;
    Arena arena;
    _Atomic i64 generations;     /* alive */
    ScrapeConfig jobs[JOBS_MAX]; /* of the next one */
    StaticConfig statics[JOBS_MAX];
} Stage;

static void drop_line(void *self, Str line)
{
    (void)self;
    (void)line;
}

static void stage_init(Stage *stage)
{
    Err err;
    memset(stage, 0, sizeof(*stage));
    log_set_writer(drop_line, NULL);
    CHECK_OK(loops_open(2, &stage->loops, &err), &err);
    list_sink_init(&stage->list);
    fake_fetcher_init(&stage->fake);
    fake_fetcher_page(&stage->fake, "# HELP a Words about a.\n# TYPE a counter\na 1\n");
    arena_init(&stage->arena, ARENA_MAX);
    stage->manager = scrape_manager_open(&(ScrapeManagerOpts){.loops = stage->loops,
                                                              .fetcher = &stage->fake.fetcher,
                                                              .sink = &stage->list.sink,
                                                              .user_agent = S("test")});
}

static void stage_done(Stage *stage)
{
    stage->manager = scrape_manager_close(stage->manager);
    CHECK_I64(atomic_load(&stage->generations), 0); /* no configuration is held any more */
    stage->loops = loops_close(stage->loops);
    fake_fetcher_done(&stage->fake);
    list_sink_done(&stage->list);
    arena_done(&stage->arena);
    log_set_writer(NULL, NULL);
}

static void retain(void *self)
{
    atomic_fetch_add(&((Generation *)self)->references, 1);
}

static void release(void *self)
{
    Generation *generation = self;
    if (atomic_fetch_sub(&generation->references, 1) == 1) {
        atomic_fetch_sub(generation->alive, 1);
        mem_free(generation);
    }
}

static ScrapeConfig *set_job(Stage *stage, size_t index, Str name, const Str *targets, size_t count)
{
    stage->statics[index] = (StaticConfig){.targets = targets, .target_count = count};
    stage->jobs[index] = (ScrapeConfig){
        .target = {.job = name,
                   .interval_ms = 30,
                   .timeout_ms = 30,
                   .metrics_path = S("/metrics"),
                   .scheme = S("http")},
        .honor_timestamps = true,
        .protocols = {SCRAPE_TEXT_0_0_4},
        .protocol_count = 1,
        .discovery = {.static_count = 1}, /* `apply` points it at its own */
    };
    return &stage->jobs[index];
}

static void apply(Stage *stage, size_t count)
{
    Err err;
    Generation *generation = MEM_NEW(Generation);
    ConfigOwner owner = {.self = generation, .retain = retain, .release = release};
    atomic_fetch_add(&stage->generations, 1);
    generation->alive = &stage->generations;
    retain(generation);
    memcpy(generation->jobs, stage->jobs, sizeof(stage->jobs));
    memcpy(generation->statics, stage->statics, sizeof(stage->statics));
    for (size_t i = 0; i < count; i++) {
        generation->jobs[i].discovery.statics = &generation->statics[i];
    }
    CHECK_OK(
        scrape_manager_apply(stage->manager, generation->jobs, count, LABELS_EMPTY, owner, &err),
        &err);
    release(generation);
}

static size_t active(Stage *stage, Str pool, TargetStatus **ret)
{
    size_t count;
    Err err;
    CHECK_OK(scrape_manager_active(stage->manager, pool, &stage->arena, ret, &count, &err), &err);
    return count;
}

static void nap(void)
{
    struct timespec pause = {.tv_nsec = 2 * NS_PER_MS};
    (void)nanosleep(&pause, NULL);
}

/* Waits until the series' last sample is (or is not) a marker. */
static void wait_series(Stage *stage, Str series, bool stale)
{
    bool reached = false;
    for (int i = 0; i < WAIT_MAX_MS / 2 && !reached; i++) {
        const ListSeries *found = list_sink_find(&stage->list, series);
        pthread_mutex_lock(&stage->list.lock);
        reached = found && found->samples.count > 0 &&
                  is_stale_nan(found->samples.at[found->samples.count - 1].value) == stale;
        pthread_mutex_unlock(&stage->list.lock);
        nap();
    }
    CHECK(reached);
}

static const Str one[] = {STR_INIT("h:1")};
static const Str two[] = {STR_INIT("h:1"), STR_INIT("h:2")};
static const Str twice[] = {STR_INIT("h:2"), STR_INIT("h:1"), STR_INIT("h:2")};
static const Str mixed[] = {STR_INIT("h:1"), STR_INIT("http://bad/"), STR_INIT("")};

TEST(scrape_manager, targets_are_scraped_and_shown_by_pool_and_url)
{
    Stage stage;
    TargetStatus *targets;
    stage_init(&stage);
    set_job(&stage, 0, S("zoo"), one, 1);
    set_job(&stage, 1, S("api"), twice, 3);
    apply(&stage, 2);
    wait_series(&stage, S("a{instance=\"h:1\", job=\"zoo\"}"), false);
    wait_series(&stage, S("a{instance=\"h:2\", job=\"api\"}"), false);
    CHECK_U64(active(&stage, STR_EMPTY, &targets), 3);
    CHECK_STR(targets[0].pool, S("api"));
    CHECK_STR(targets[0].url, S("http://h:1/metrics"));
    CHECK_STR(targets[1].url, S("http://h:2/metrics"));
    CHECK_STR(targets[2].pool, S("zoo"));
    CHECK_STR(targets[2].interval, S("30ms"));
    CHECK_STR(targets[2].timeout, S("30ms"));
    CHECK_STR(labels_get(targets[2].labels, S("instance")), S("h:1"));
    CHECK_STR(labels_get(targets[2].discovered, S("__address__")), S("h:1"));
    CHECK_I64(targets[2].status.health, HEALTH_UP);
    CHECK_U64(active(&stage, S("api"), &targets), 2);
    CHECK_U64(active(&stage, S("none"), &targets), 0);
    stage_done(&stage);
}

TEST(scrape_manager, a_reload_keeps_what_stays_and_ends_what_goes)
{
    Stage stage;
    TargetStatus *targets;
    stage_init(&stage);
    set_job(&stage, 0, S("api"), two, 2);
    set_job(&stage, 1, S("zoo"), one, 1);
    apply(&stage, 2);
    wait_series(&stage, S("a{instance=\"h:1\", job=\"api\"}"), false);
    wait_series(&stage, S("a{instance=\"h:2\", job=\"api\"}"), false);
    wait_series(&stage, S("a{instance=\"h:1\", job=\"zoo\"}"), false);
    pthread_mutex_lock(&stage.list.lock);
    u64 calls = stage.list.series_calls;
    pthread_mutex_unlock(&stage.list.lock);
    set_job(&stage, 0, S("api"), one, 1);
    apply(&stage, 1);
    CHECK_U64(active(&stage, STR_EMPTY, &targets), 1);
    CHECK_STR(targets[0].url, S("http://h:1/metrics"));
    CHECK_I64(targets[0].status.health, HEALTH_UP); /* it was not started anew */
    wait_series(&stage, S("a{instance=\"h:2\", job=\"api\"}"), true);
    wait_series(&stage, S("up{instance=\"h:2\", job=\"api\"}"), true);
    wait_series(&stage, S("a{instance=\"h:1\", job=\"zoo\"}"), true);
    wait_series(&stage, S("a{instance=\"h:1\", job=\"api\"}"), false);
    pthread_mutex_lock(&stage.list.lock);
    CHECK_U64(stage.list.series_calls, calls);
    pthread_mutex_unlock(&stage.list.lock);
    stage_done(&stage);
}

TEST(scrape_manager, many_reloads_in_a_row_end_with_the_last)
{
    Stage stage;
    TargetStatus *targets;
    stage_init(&stage);
    for (int round = 0; round < 40; round++) {
        set_job(&stage, 0, S("api"), round % 3 ? two : one, round % 3 ? 2 : 1);
        stage.jobs[0].honor_labels = round % 2;
        set_job(&stage, 1, S("zoo"), one, 1);
        apply(&stage, round % 5 ? 2 : 1);
        if (round % 7 == 0) {
            nap();
        }
    }
    wait_series(&stage, S("a{instance=\"h:1\", job=\"api\"}"), false);
    CHECK_U64(active(&stage, STR_EMPTY, &targets), 2);
    stage_done(&stage);
}

TEST(scrape_manager, dropped_targets_are_kept_up_to_the_limit_and_bad_ones_counted)
{
    Stage stage;
    DroppedTarget *dropped;
    PoolStatus *pools;
    size_t count;
    Relabel rule;
    Str address = S("__address__");
    Err err;
    stage_init(&stage);
    relabel_defaults(&rule);
    rule.action = RELABEL_DROP;
    rule.source_labels = &address;
    rule.source_count = 1;
    rule.regex_text = S("h:.*");
    CHECK_OK(relabel_finish(&rule, true, &err), &err);
    ScrapeConfig *job = set_job(&stage, 0, S("api"), two, 2);
    job->target.relabel = &rule;
    job->target.relabel_count = 1;
    job->limits.keep_dropped_targets = 1;
    set_job(&stage, 1, S("bad"), mixed, 3);
    apply(&stage, 2);
    CHECK_OK(scrape_manager_dropped(stage.manager, STR_EMPTY, &stage.arena, &dropped, &count, &err),
             &err);
    CHECK_U64(count, 1);
    CHECK_STR(labels_get(dropped[0].discovered, S("__address__")), S("h:1"));
    CHECK_OK(scrape_manager_pools(stage.manager, &stage.arena, &pools, &count, &err), &err);
    CHECK_U64(count, 2);
    CHECK_STR(pools[0].name, S("api"));
    CHECK_U64(pools[0].active, 0);
    CHECK_U64(pools[0].dropped, 2);
    CHECK_U64(pools[1].active, 1); /* an address with a path and none at all are refused */
    stage_done(&stage);
    relabel_done(&rule);
}

TEST(scrape_manager, over_the_target_limit_all_targets_of_the_job_fail)
{
    Stage stage;
    TargetStatus *targets;
    stage_init(&stage);
    set_job(&stage, 0, S("api"), two, 2)->limits.target_limit = 1;
    apply(&stage, 1);
    wait_series(&stage, S("up{instance=\"h:1\", job=\"api\"}"), false);
    wait_series(&stage, S("up{instance=\"h:2\", job=\"api\"}"), false);
    CHECK_U64(active(&stage, STR_EMPTY, &targets), 2);
    CHECK_STR(targets[1].status.last_error,
              S("target_limit exceeded (number of targets: 2, limit: 1)"));
    CHECK_U64(fake_fetcher_count(&stage.fake), 0);
    set_job(&stage, 0, S("api"), two, 2)->limits.target_limit = 2;
    apply(&stage, 1);
    wait_series(&stage, S("a{instance=\"h:1\", job=\"api\"}"), false);
    stage_done(&stage);
}

TEST(scrape_manager, targets_of_a_job_may_come_from_elsewhere)
{
    static const Label labels[] = {{STR_INIT("__address__"), STR_INIT("h:7")},
                                   {STR_INIT("__meta_x"), STR_INIT("1")}};
    static const Label again[] = {{STR_INIT("__address__"), STR_INIT("h:7")},
                                  {STR_INIT("__meta_x"), STR_INIT("2")}};
    Stage stage;
    TargetStatus *targets;
    Err err;
    stage_init(&stage);
    set_job(&stage, 0, S("api"), one, 1);
    apply(&stage, 1);
    Labels found = {labels, 2};
    TargetGroup group = {.source = S("x"), .targets = &found, .target_count = 1};
    CHECK_OK(scrape_manager_update(stage.manager, S("api"), &group, 1, &err), &err);
    wait_series(&stage, S("a{instance=\"h:7\", job=\"api\"}"), false);
    CHECK_U64(active(&stage, STR_EMPTY, &targets), 1);
    CHECK_STR(labels_get(targets[0].discovered, S("__meta_x")), S("1"));
    found = (Labels){again, 2};
    CHECK_OK(scrape_manager_update(stage.manager, S("api"), &group, 1, &err), &err);
    CHECK_U64(active(&stage, STR_EMPTY, &targets), 1);
    CHECK_STR(labels_get(targets[0].discovered, S("__meta_x")), S("2"));
    CHECK_I64(targets[0].status.health, HEALTH_UP);
    CHECK(!scrape_manager_update(stage.manager, S("none"), &group, 1, &err));
    CHECK_I64(err.code, ERR_NOT_FOUND);
    stage_done(&stage);
}

TEST(scrape_manager, failed_scrapes_go_to_the_jobs_failure_log_as_json)
{
    static char path[] = "/tmp/vigie-failures-XXXXXX";
    Stage stage;
    Str text = STR_EMPTY;
    Err err;
    stage_init(&stage);
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    fd_closep(&fd);
    fake_fetcher_fail(&stage.fake, ERR_NONE, 503);
    set_job(&stage, 0, S("api"), one, 1)->failure_log_file = str_from(path);
    set_job(&stage, 1, S("zoo"), one, 1)->failure_log_file = str_from(path);
    apply(&stage, 2);
    wait_series(&stage, S("up{instance=\"h:1\", job=\"api\"}"), false);
    wait_series(&stage, S("up{instance=\"h:1\", job=\"zoo\"}"), false);
    CHECK_OK(file_read(path, MIB, &stage.arena, &text, &err), &err);
    CHECK(str_contains(text, S("\"level\":\"ERROR\",\"msg\":\"server returned HTTP status 503 "
                               "Service Unavailable\",\"job_name\":\"api\",\"target\":"
                               "\"http://h:1/metrics\"}\n")));
    CHECK(str_contains(text, S("\"job_name\":\"zoo\"")));
    (void)unlink(path);

    /* A file that cannot be opened leaves everything as it was. */
    ScrapeConfig bad = stage.jobs[0];
    bad.discovery = (DiscoveryConfigs){0};
    bad.failure_log_file = S("/nonexistent/folder/log");
    CHECK(!scrape_manager_apply(stage.manager, &bad, 1, LABELS_EMPTY, (ConfigOwner){0}, &err));
    CHECK_I64(err.code, ERR_IO);
    TargetStatus *targets;
    CHECK_U64(active(&stage, STR_EMPTY, &targets), 2);
    stage_done(&stage);
}

typedef struct Seen {
    size_t count;
    size_t stop_after;
    char last[64];
} Seen;

static bool see(void *self, Labels target_labels, const MetricMetadata *family)
{
    Seen *seen = self;
    CHECK_STR(labels_get(target_labels, S("job")), S("api"));
    CHECK_STR(family->help, S("Words about a."));
    CHECK_I64(family->type, METRIC_COUNTER);
    memcpy(seen->last, family->name.ptr, family->name.len);
    return ++seen->count < seen->stop_after;
}

TEST(scrape_manager, metadata_of_all_targets_can_be_walked)
{
    Stage stage;
    Seen seen = {.stop_after = 100};
    stage_init(&stage);
    set_job(&stage, 0, S("api"), two, 2);
    apply(&stage, 1);
    wait_series(&stage, S("a{instance=\"h:1\", job=\"api\"}"), false);
    wait_series(&stage, S("a{instance=\"h:2\", job=\"api\"}"), false);
    scrape_manager_metadata(stage.manager, STR_EMPTY, see, &seen);
    CHECK_U64(seen.count, 2);
    scrape_manager_metadata(stage.manager, S("a"), see, &seen);
    CHECK_U64(seen.count, 4);
    scrape_manager_metadata(stage.manager, S("b"), see, &seen);
    CHECK_U64(seen.count, 4);
    seen = (Seen){.stop_after = 1};
    scrape_manager_metadata(stage.manager, STR_EMPTY, see, &seen);
    CHECK_U64(seen.count, 1);
    stage_done(&stage);
}

TEST(scrape_manager, its_metrics_bear_the_originals_names)
{
    static const char *const want[] = {
        "# TYPE prometheus_target_interval_length_seconds summary",
        "prometheus_target_interval_length_seconds_count{interval=\"30ms\"}",
        "prometheus_target_interval_length_seconds{interval=\"30ms\",quantile=\"0.99\"}",
        "prometheus_target_scrape_pools_total 1\n",
        "prometheus_target_scrape_pool_targets{scrape_job=\"api\"} 2\n",
        "prometheus_target_scrape_pool_sync_total{scrape_job=\"api\"} 1\n",
        "prometheus_target_sync_length_seconds_count{scrape_job=\"api\"} 1\n",
        "prometheus_target_sync_failed_total{scrape_job=\"api\"} 0\n",
        "prometheus_target_metadata_cache_entries{scrape_job=\"api\"} 2\n",
        "prometheus_target_scrapes_sample_out_of_order_total 0\n",
        "prometheus_target_scrapes_exceeded_sample_limit_total 0\n",
    };
    Stage stage;
    Buf out;
    Err err;
    stage_init(&stage);
    set_job(&stage, 0, S("api"), two, 2);
    apply(&stage, 1);
    wait_series(&stage, S("a{instance=\"h:1\", job=\"api\"}"), false);
    wait_series(&stage, S("a{instance=\"h:2\", job=\"api\"}"), false);
    for (int i = 0; i < WAIT_MAX_MS / 2 && fake_fetcher_count(&stage.fake) < 6; i++) {
        nap();
    }
    MetricPage *page = metric_page_new();
    buf_init(&out, ARENA_MAX);
    scrape_manager_write_metrics(stage.manager, page);
    CHECK_OK(metric_page_write(page, PAGE_TEXT, &out, &err), &err);
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        CHECK(str_contains(buf_view(&out), str_from(want[i])));
    }
    buf_done(&out);
    metric_page_free(page);
    stage_done(&stage);
}

static void serve_page(void *self, HttpExchange *exchange)
{
    (void)self;
    Str accept = http_request_header(http_request(exchange), S("Accept"));
    Str timeout =
        http_request_header(http_request(exchange), S("X-Prometheus-Scrape-Timeout-Seconds"));
    if (!str_starts_with(accept, S("text/plain;version=0.0.4;q=0.6")) ||
        !str_eq(timeout, S("0.1"))) {
        http_error(exchange, 400, "odd headers");
        return;
    }
    http_reply(exchange, 200, S("text/plain; version=0.0.4; charset=utf-8"),
               S("# TYPE real gauge\nreal{x=\"1\"} 42\n"));
}

TEST(scrape_manager, a_real_server_is_scraped_over_http)
{
    static const Route routes[] = {
        {.methods = HTTP_GET, .path = "/metrics", .where = ROUTE_LOOP, .handle = serve_page}};
    Stage stage;
    HttpClient *client;
    HttpServer *server;
    char address[64];
    Str listen = S("127.0.0.1:0");
    Buf text;
    Err err;
    stage_init(&stage);
    scrape_manager_close(stage.manager);
    Router *router = router_new();
    router_add(router, routes, COUNT_OF(routes), NULL);
    HttpServerOpts opts = {.role = "test", .listen = &listen, .listen_count = 1};
    CHECK_OK(http_server_open(stage.loops, &opts, router, &server, &err), &err);
    CHECK_OK(http_client_open(stage.loops, &client, &err), &err);
    buf_init(&text, sizeof(address));
    buf_printf(&text, "127.0.0.1:%u", http_server_port(server));
    Str target = buf_view(&text);
    stage.manager = scrape_manager_open(&(ScrapeManagerOpts){.loops = stage.loops,
                                                             .client = client,
                                                             .sink = &stage.list.sink,
                                                             .user_agent = S("Prometheus/test")});
    ScrapeConfig *job = set_job(&stage, 0, S("api"), &target, 1);
    job->target.interval_ms = 100;
    job->target.timeout_ms = 100;
    job->enable_compression = true;
    http_client_config_defaults(&job->http);
    apply(&stage, 1);
    Buf series;
    buf_init(&series, 256);
    buf_printf(&series, "real{instance=\"" STR_FMT "\", job=\"api\", x=\"1\"}", STR_ARG(target));
    wait_series(&stage, buf_view(&series), false);
    scrape_manager_close(stage.manager);
    stage.manager = NULL;
    http_client_close(client);
    http_server_close(server, 100);
    router_free(router);
    buf_done(&series);
    buf_done(&text);
    stage_done(&stage);
}
