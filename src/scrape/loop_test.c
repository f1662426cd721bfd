/* Tests of scrape/loop.h. Intervals are tens of milliseconds; a test waits for what it expects. */
#include "scrape/loop_internal.h"

#include "base/log.h"
#include "base/test.h"
#include "base/time.h"
#include "scrape/fake_fetcher.h"
#include "scrape/list_sink.h"

#include <string.h>
#include <time.h>

enum { INTERVAL_MS = 40, WAIT_MAX_MS = 5000, ARENA_MAX = 1024 * 1024 };

/* One target on one loop, with a fake network and a list for a store. */
typedef struct Stage {
    LoopSet *loops;
    Pool *pool;
    ListSink list;
    FakeFetcher fake;
    ScrapeEnv env;
    ScrapeConfig config;
    ScrapeJob *job;
    ScrapeLoop *loop;
    Arena arena;
    _Atomic u32 ended;
} Stage;

static void nap(void)
{
    struct timespec pause = {.tv_nsec = 2 * NS_PER_MS};
    (void)nanosleep(&pause, NULL);
}

static void drop_line(void *self, Str line)
{
    (void)self;
    (void)line;
}

static void on_ended(void *self, ScrapeLoop *loop)
{
    Stage *stage = self;
    CHECK(loop == stage->loop);
    atomic_fetch_add(&stage->ended, 1);
    scrape_loop_release(loop);
}

static void stage_init(Stage *stage)
{
    Err err;
    memset(stage, 0, sizeof(*stage));
    log_set_writer(drop_line, NULL);
    CHECK_OK(loops_open(1, &stage->loops, &err), &err);
    CHECK_OK(pool_open(1, 16, "test", &stage->pool, &err), &err);
    list_sink_init(&stage->list);
    fake_fetcher_init(&stage->fake);
    arena_init(&stage->arena, ARENA_MAX);
    scrape_env_init(&stage->env);
    stage->env.loops = stage->loops;
    stage->env.pool = stage->pool;
    stage->env.fetcher = &stage->fake.fetcher;
    stage->env.sink = &stage->list.sink;
    stage->env.strings = symbols_new();
    stage->env.user_agent = S("Prometheus/3.14.0");
    stage->config = (ScrapeConfig){
        .target = {.job = S("j"),
                   .interval_ms = INTERVAL_MS,
                   .timeout_ms = INTERVAL_MS,
                   .metrics_path = S("/metrics"),
                   .scheme = S("http")},
        .honor_timestamps = true,
        .enable_compression = true,
        .protocols = {SCRAPE_TEXT_0_0_4},
        .protocol_count = 1,
    };
}

static ScrapeJob *make_job(Stage *stage)
{
    ScrapeJob *job;
    Err err;
    CHECK_OK(scrape_job_new(&stage->config, (ConfigOwner){0}, stage->env.switches, &job, &err),
             &err);
    return job;
}

static void stage_start(Stage *stage)
{
    static const Label address[] = {{STR_INIT("__address__"), STR_INIT("h:1")}};
    Target *target;
    Err err;
    stage->job = make_job(stage);
    CHECK_OK(target_new(&stage->config.target, (Labels){address, 1}, LABELS_EMPTY, &target, &err),
             &err);
    stage->loop = scrape_loop_start(&stage->env, stage->job, target, on_ended, stage);
}

static void wait_ended(Stage *stage)
{
    for (int i = 0; i < WAIT_MAX_MS / 2 && atomic_load(&stage->ended) == 0; i++) {
        nap();
    }
    CHECK_U64(atomic_load(&stage->ended), 1);
}

static void stage_done(Stage *stage)
{
    if (atomic_load(&stage->ended) == 0) {
        scrape_loop_stop(stage->loop, false);
        wait_ended(stage);
    }
    scrape_job_release(stage->job);
    stage->pool = pool_close(stage->pool);
    stage->loops = loops_close(stage->loops);
    symbols_free(stage->env.strings);
    scrape_env_done(&stage->env);
    fake_fetcher_done(&stage->fake);
    list_sink_done(&stage->list);
    arena_done(&stage->arena);
    log_set_writer(NULL, NULL);
}

/* Waits until that many more scrapes have been committed. */
static void wait_scrapes(Stage *stage, u64 more)
{
    pthread_mutex_lock(&stage->list.lock);
    u64 goal = stage->list.appends + more;
    pthread_mutex_unlock(&stage->list.lock);
    bool reached = false;
    for (int i = 0; i < WAIT_MAX_MS / 2 && !reached; i++) {
        pthread_mutex_lock(&stage->list.lock);
        reached = stage->list.appends >= goal;
        pthread_mutex_unlock(&stage->list.lock);
        nap();
    }
    CHECK(reached);
}

static ListSample last_of(Stage *stage, Str series)
{
    const ListSeries *found = list_sink_find(&stage->list, series);
    CHECK(found && found->samples.count > 0);
    pthread_mutex_lock(&stage->list.lock);
    ListSample last = found->samples.at[found->samples.count - 1];
    pthread_mutex_unlock(&stage->list.lock);
    return last;
}

static ScrapeStatus status_of(Stage *stage)
{
    ScrapeStatus status;
    Err err;
    CHECK_OK(scrape_loop_status(stage->loop, &stage->arena, &status, &err), &err);
    return status;
}

#define OF_TARGET(name) S(name "{instance=\"h:1\", job=\"j\"}")

TEST(scrape_loop, a_target_is_scraped_every_interval_and_reported)
{
    Stage stage;
    stage_init(&stage);
    fake_fetcher_page(&stage.fake, "a 1\nb 2\n");
    stage_start(&stage);
    CHECK_I64(status_of(&stage).health, HEALTH_UNKNOWN);
    wait_scrapes(&stage, 4);
    CHECK_I64(status_of(&stage).health, HEALTH_UP);
    CHECK_STR(status_of(&stage).last_error, S(""));
    CHECK(status_of(&stage).last_scrape_ms > 0 && status_of(&stage).last_duration_ns > 0);
    CHECK_F64(last_of(&stage, OF_TARGET("up")).value, 1);
    CHECK_F64(last_of(&stage, OF_TARGET("scrape_samples_scraped")).value, 2);
    CHECK_F64(last_of(&stage, OF_TARGET("scrape_samples_post_metric_relabeling")).value, 2);
    CHECK_F64(last_of(&stage, OF_TARGET("scrape_series_added")).value, 0);
    CHECK(last_of(&stage, OF_TARGET("scrape_duration_seconds")).value > 0);
    CHECK(list_sink_find(&stage.list, OF_TARGET("scrape_timeout_seconds")) == NULL);
    CHECK_U64(stage.list.series_calls, 7); /* two of the page, five reports, once each */
    stage_done(&stage);
}

TEST(scrape_loop, timestamps_lie_on_the_targets_grid_when_the_timer_is_a_little_late)
{
    static const struct {
        i64 interval_ms;
        i64 aligned_us, now_us;
        i64 want_us, want_aligned_us;
    } cases[] = {
        {1000, 5000000, 5000000, 5000000, 5000000}, /* punctual */
        {1000, 5000000, 6002000, 6000000, 6000000}, /* late by the tolerance */
        {1000, 5000000, 6002001, 6002001, 6000000}, /* by more */
        {1000, 5000000, 9001000, 9000000, 9000000}, /* turns were left out */
        {1000, 5000000, 5999999, 5999999, 5000000},
        {100, 5000000, 5101000, 5100000, 5100000}, /* a hundredth of a short interval */
        {100, 5000000, 5101001, 5101001, 5100000},
        {1000, 5000000, 4999000, 5000000, 5000000}, /* early */
        {1000, 5000000, 1000000, 1000000, 1000000}, /* the clock was set back */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        i64 aligned_ns = cases[i].aligned_us * 1000;
        CHECK_I64(
            scrape_align_ns(&aligned_ns, cases[i].interval_ms * NS_PER_MS, cases[i].now_us * 1000),
            cases[i].want_us * 1000);
        CHECK_I64(aligned_ns, cases[i].want_aligned_us * 1000);
    }
}

TEST(scrape_loop, the_request_says_what_the_job_says)
{
    Stage stage;
    stage_init(&stage);
    fake_fetcher_page(&stage.fake, "a 1\n");
    stage.config.limits.body_size_bytes = 5000;
    stage.config.target.timeout_ms = 25;
    stage.config.enable_compression = false;
    stage_start(&stage);
    wait_scrapes(&stage, 1);
    scrape_loop_stop(stage.loop, false);
    wait_ended(&stage);
    CHECK_STR(buf_view(&stage.fake.request), S("http://h:1/metrics\n"
                                               "Accept: text/plain;version=0.0.4;q=0.6,*/*;q=0.5\n"
                                               "User-Agent: Prometheus/3.14.0\n"
                                               "X-Prometheus-Scrape-Timeout-Seconds: 0.025\n"
                                               "Accept-Encoding: identity\n"
                                               "timeout 25, body 4999, gzip 0\n"));
    stage_done(&stage);
}

TEST(scrape_loop, each_failure_is_down_with_its_reason_and_makes_series_stale)
{
    static const struct {
        ErrCode failure;
        u32 status;
        const char *page;
        const char *type;
        const char *want;
        f64 body_size;
    } cases[] = {
        {ERR_NONE, 404, "a 2\n", "text/plain", "server returned HTTP status 404 Not Found", 0},
        {ERR_NONE, 204, "", "text/plain", "server returned HTTP status 204 No Content", 0},
        {ERR_TIMEOUT, 0, "", "text/plain", "Get \"http://h:1/metrics\": context deadline exceeded",
         0},
        {ERR_UNAVAILABLE, 0, "", "text/plain", "Get \"http://h:1/metrics\": it failed", 0},
        {ERR_LIMIT, 0, "", "text/plain", "body size limit exceeded", -1},
        {ERR_NONE, 200, "a 2\n", "text/html",
         "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol "
         "specified for target",
         4},
        {ERR_NONE, 200, "a{b=\"1\",b=\"2\"} 2\n", "text/plain",
         "label name \"b\" is not unique: invalid sample", 17},
        {ERR_NONE, 200,
         "a{c=\"1\",d=\"1\",e=\"1\",f=\"1\",g=\"1\",h=\"1\",i=\"1\",j=\"1\",k=\"1\",l=\"1\",m="
         "\"1\",n=\"1\",o=\"1\",p=\"1\",q=\"1\",r=\"1\",s=\"1\",t=\"1\",u=\"1\",v=\"1\",g=\"2\"} "
         "2\n",
         "text/plain", "label name \"g\" is not unique: invalid sample", 131},
        {ERR_NONE, 200, "a 2\nb x\n", "text/plain",
         "the value is not a number (line 2, column 3 of the page)", 8},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Stage stage;
        stage_init(&stage);
        stage.config.extra_scrape_metrics = true;
        fake_fetcher_page(&stage.fake, "a 1\n");
        stage_start(&stage);
        wait_scrapes(&stage, 2);
        pthread_mutex_lock(&stage.fake.lock);
        buf_clear(&stage.fake.body);
        buf_str(&stage.fake.body, str_from(cases[i].page));
        stage.fake.content_type = cases[i].type;
        stage.fake.failure = cases[i].failure;
        stage.fake.status = cases[i].status;
        pthread_mutex_unlock(&stage.fake.lock);
        wait_scrapes(&stage, 2);
        ScrapeStatus status = status_of(&stage);
        CHECK_I64(status.health, HEALTH_DOWN);
        if (cases[i].want[0]) {
            CHECK_STR(status.last_error, str_from(cases[i].want));
        }
        CHECK(status.last_error.len > 0);
        CHECK_F64(last_of(&stage, OF_TARGET("up")).value, 0);
        CHECK_F64(last_of(&stage, OF_TARGET("scrape_body_size_bytes")).value, cases[i].body_size);
        CHECK(is_stale_nan(last_of(&stage, OF_TARGET("a")).value));
        stage_done(&stage);
    }
}

TEST(scrape_loop, an_empty_page_is_a_good_one_without_series)
{
    Stage stage;
    stage_init(&stage);
    fake_fetcher_page(&stage.fake, "a 1\n");
    stage_start(&stage);
    wait_scrapes(&stage, 2);
    fake_fetcher_page(&stage.fake, "");
    wait_scrapes(&stage, 2);
    CHECK_F64(last_of(&stage, OF_TARGET("up")).value, 1);
    CHECK(is_stale_nan(last_of(&stage, OF_TARGET("a")).value));
    stage_done(&stage);
}

TEST(scrape_loop, a_target_that_is_gone_ends_in_stale_markers_after_two_intervals)
{
    Stage stage;
    stage_init(&stage);
    fake_fetcher_page(&stage.fake, "a 1\n");
    stage_start(&stage);
    wait_scrapes(&stage, 2);
    scrape_loop_stop(stage.loop, true);
    nap();
    i64 last_ms = last_of(&stage, OF_TARGET("a")).t_ms;
    i64 begin = time_monotonic_ns();
    wait_ended(&stage);
    CHECK(time_monotonic_ns() - begin > INTERVAL_MS * NS_PER_MS);
    CHECK(is_stale_nan(last_of(&stage, OF_TARGET("a")).value));
    CHECK(is_stale_nan(last_of(&stage, OF_TARGET("up")).value));
    CHECK(is_stale_nan(last_of(&stage, OF_TARGET("scrape_series_added")).value));
    CHECK(last_of(&stage, OF_TARGET("a")).t_ms >= last_ms);
    CHECK(last_of(&stage, OF_TARGET("a")).t_ms <= last_ms + 2 * INTERVAL_MS);
    stage_done(&stage);
}

TEST(scrape_loop, a_server_that_stops_marks_nothing_and_waits_for_nothing)
{
    Stage stage;
    stage_init(&stage);
    fake_fetcher_page(&stage.fake, "a 1\n");
    stage.config.target.interval_ms = 200;
    stage.config.target.timeout_ms = 200;
    stage_start(&stage);
    wait_scrapes(&stage, 1);
    fake_fetcher_hold(&stage.fake, true);
    u64 before = fake_fetcher_count(&stage.fake);
    for (int i = 0; i < WAIT_MAX_MS / 2 && fake_fetcher_count(&stage.fake) == before; i++) {
        nap();
    }
    scrape_loop_stop(stage.loop, true); /* waits for the running scrape */
    nap();
    CHECK_U64(atomic_load(&stage.ended), 0);
    scrape_loop_stop(stage.loop, false); /* no longer */
    wait_ended(&stage);
    CHECK_U64(stage.fake.cancels, 1);
    CHECK_F64(last_of(&stage, OF_TARGET("a")).value, 1);
    stage_done(&stage);
}

TEST(scrape_loop, a_stop_before_the_first_scrape_ends_at_once)
{
    Stage stage;
    stage_init(&stage);
    stage.config.target.interval_ms = 100000;
    stage.config.target.timeout_ms = 100000;
    stage_start(&stage);
    scrape_loop_stop(stage.loop, true);
    wait_ended(&stage);
    CHECK_U64(stage.list.series.count, 0);
    stage_done(&stage);
}

TEST(scrape_loop, a_large_page_is_read_on_a_worker_with_the_same_result)
{
    enum { LINES = 60000 };
    Stage stage;
    Buf page;
    stage_init(&stage);
    buf_init(&page, 8 * MIB);
    for (int i = 0; i < LINES; i++) {
        buf_printf(&page, "large_page_series{number=\"%d\"} %d\n", i, i);
    }
    CHECK(page.len > SCRAPE_PAGE_INLINE_MAX);
    buf_byte(&page, '\0');
    stage.config.target.interval_ms = 500;
    stage.config.target.timeout_ms = 500;
    fake_fetcher_page(&stage.fake, (const char *)page.data);
    stage_start(&stage);
    wait_scrapes(&stage, 2);
    CHECK_F64(last_of(&stage, OF_TARGET("scrape_samples_scraped")).value, LINES);
    CHECK_F64(last_of(&stage, S("large_page_series{instance=\"h:1\", job=\"j\", number=\"59999\"}"))
                  .value,
              59999);
    buf_done(&page);
    stage_done(&stage);
}

TEST(scrape_loop, a_job_that_changes_what_labels_say_ends_the_old_series)
{
    Stage stage;
    Str name = S("__name__");
    Relabel rule;
    Err err;
    stage_init(&stage);
    relabel_defaults(&rule);
    rule.source_labels = &name;
    rule.source_count = 1;
    rule.regex_text = S("a");
    rule.target_label = S("__name__");
    rule.replacement = S("renamed");
    CHECK_OK(relabel_finish(&rule, true, &err), &err);
    fake_fetcher_page(&stage.fake, "a 1\nb 2\n");
    stage_start(&stage);
    wait_scrapes(&stage, 2);
    ScrapeConfig changed = stage.config;
    changed.metric_relabel = &rule;
    changed.metric_relabel_count = 1;
    ScrapeJob *job;
    CHECK_OK(scrape_job_new(&changed, (ConfigOwner){0}, stage.env.switches, &job, &err), &err);
    scrape_loop_reconfigure(stage.loop, job);
    scrape_job_release(job);
    wait_scrapes(&stage, 3);
    CHECK(is_stale_nan(last_of(&stage, OF_TARGET("a")).value));
    CHECK_F64(last_of(&stage, OF_TARGET("renamed")).value, 1);
    CHECK_F64(last_of(&stage, OF_TARGET("b")).value, 2);
    const ListSeries *b = list_sink_find(&stage.list, OF_TARGET("b"));
    for (size_t i = 0; i < b->samples.count; i++) {
        CHECK(!is_stale_nan(b->samples.at[i].value)); /* no gap in what stays */
    }
    stage_done(&stage);
    relabel_done(&rule);
}

TEST(scrape_loop, a_job_that_only_changes_how_to_ask_keeps_the_cache)
{
    Stage stage;
    stage_init(&stage);
    fake_fetcher_page(&stage.fake, "a 1\n");
    stage_start(&stage);
    wait_scrapes(&stage, 2);
    u64 calls = stage.list.series_calls;
    ScrapeConfig changed = stage.config;
    ScrapeJob *job;
    Err err;
    changed.enable_compression = false;
    CHECK_OK(scrape_job_new(&changed, (ConfigOwner){0}, stage.env.switches, &job, &err), &err);
    scrape_loop_reconfigure(stage.loop, job);
    scrape_job_release(job);
    wait_scrapes(&stage, 3);
    scrape_loop_stop(stage.loop, false);
    wait_ended(&stage);
    CHECK_U64(stage.list.series_calls, calls);
    CHECK(str_contains(buf_view(&stage.fake.request), S("Accept-Encoding: identity")));
    stage_done(&stage);
}

TEST(scrape_loop, too_many_targets_make_each_scrape_fail_without_a_request)
{
    Stage stage;
    stage_init(&stage);
    stage.config.limits.target_limit = 1;
    stage_start(&stage);
    atomic_store(&stage.job->targets_over_limit, 3);
    wait_scrapes(&stage, 2);
    CHECK_STR(status_of(&stage).last_error,
              S("target_limit exceeded (number of targets: 3, limit: 1)"));
    CHECK_F64(last_of(&stage, OF_TARGET("up")).value, 0);
    stage_done(&stage);
}

TEST(scrape_loop, reports_survive_a_sink_that_forgets_series)
{
    Stage stage;
    stage_init(&stage);
    fake_fetcher_page(&stage.fake, "a 1\n");
    stage_start(&stage);
    wait_scrapes(&stage, 2);
    list_sink_forget(&stage.list);
    wait_scrapes(&stage, 6);
    CHECK_F64(last_of(&stage, OF_TARGET("up")).value, 1);
    CHECK_F64(last_of(&stage, OF_TARGET("a")).value, 1);
    CHECK(list_sink_find(&stage.list, OF_TARGET("up"))->samples.count >= 1);
    stage_done(&stage);
}
