/* Tests of promql/engine.h: budgets, time, cancelling, admission, statistics; workers change
 * nothing. */
#include "promql/engine.h"

#include "base/test.h"
#include "base/time.h"
#include "os/pool.h"
#include "promql/engine_fixture.h"
#include "promql/generate_fixture.h"

#include <pthread.h>
#include <time.h>

static const char *const queries[] = {
    "jobs_total",
    "rate(jobs_total[5m])",
    "sum by (rack) (increase(jobs_total[2m]))",
    "avg_over_time(heat[3m])",
    "min_over_time(heat[3m]) + on (host) max_over_time(heat[4m])",
    "quantile_over_time(0.7, heat[4m])",
    "stddev by (rack) (heat)",
    "topk(3, heat)",
    "histogram_quantile(0.9, rate(wait_bucket[5m]))",
    "histogram_quantile(0.9, sum(rate(size[5m])))",
    "sum(size)",
    "histogram_count(size)",
    "heat > 0 or jobs_total",
    "count_values(\"v\", heat > bool 0)",
    "max_over_time(rate(jobs_total[1m])[10m:1m])",
    "label_replace(heat, \"x\", \"$1\", \"host\", \"h(.)\")",
};

TEST(engine, workers_change_no_bit_of_any_answer)
{
    Random random;
    Err err = {0};
    Pool *pool;
    random_seed(&random, test_seed());
    ArraySource *store = fixture_store(&random, 100);
    CHECK_OK(pool_open(3, 64, "test", &pool, &err), &err);
    Engine *alone = engine_new(&(EngineOpts){0});
    Engine *many = engine_new(&(EngineOpts){.pool = pool});
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        QuerySpec spec = {.expr = str_from(queries[i]),
                          .start_ms = 600 * 1000,
                          .end_ms = 3000 * 1000,
                          .step_ms = 67 * 1000};
        Buf want;
        Buf got;
        buf_init(&want, 64 * MIB);
        buf_init(&got, 64 * MIB);
        fixture_answer(alone, array_source(store), &spec, &want);
        fixture_answer(many, array_source(store), &spec, &got);
        CHECK(want.len > 0);
        CHECK_STR(buf_view(&got), buf_view(&want));
        buf_done(&want);
        buf_done(&got);
    }
    engine_free(alone);
    engine_free(many);
    pool_close(pool);
    array_source_free(store);
}

TEST(engine, generated_queries_answer_one_moment_as_the_middle_of_a_range)
{
    static const char *const metrics[] = {"jobs_total", "heat", "wait_bucket", "size"};
    static const char *const labels[] = {"host", "rack", "le"};
    static const char *const values[] = {"h0", "h1", "even", "odd", "1", "+Inf"};
    static const GenerateOpts kind = {metrics, COUNT_OF(metrics),
                                      labels,  COUNT_OF(labels),
                                      values,  COUNT_OF(values),
                                      3,       600,
                                      1800,    false,
                                      true};
    EngineOpts opts = {.features = FEATURE_EXPERIMENTAL_FUNCTIONS | FEATURE_EXTENDED_SELECTORS |
                                   FEATURE_FILL_MODIFIERS | FEATURE_START_TIMESTAMPS,
                       .samples_max = 100000,
                       .memory_max = 64 * MIB};
    Random random;
    random_seed(&random, test_seed());
    ArraySource *store = fixture_store(&random, 3);
    size_t answered = 0;
    size_t total = 3000;
    for (size_t i = 0; i < total; i++) {
        opts.features ^= FEATURE_DELAYED_NAME_REMOVAL;
        Engine *engine = engine_new(&opts);
        Buf query;
        buf_init(&query, MIB);
        generate_expr(&random, &kind, VALUE_VECTOR, &query);
        answered += fixture_check_query(engine, array_source(store), buf_view(&query));
        buf_done(&query);
        engine_free(engine);
    }
    CHECK(answered > total / 3);
    array_source_free(store);
}

static ArraySource *small_store(void)
{
    Random random;
    random_seed(&random, 5);
    return fixture_store(&random, 4);
}

static bool run(const EngineOpts *opts, const QuerySpec *spec, QueryResult **ret, Err *err)
{
    ArraySource *store = small_store();
    Engine *engine = engine_new(opts);
    bool ok = query_run(engine, array_source(store), spec, ret, err);
    engine_free(engine);
    array_source_free(store);
    return ok;
}

TEST(engine, each_kind_of_failure_has_its_code_and_the_originals_words)
{
    static const atomic_bool cancelled = true;
    static const struct {
        EngineOpts opts;
        QuerySpec spec;
        ErrCode code;
        Str message;
    } cases[] = {
        {{0},
         {.expr = STR_INIT("sum(")},
         ERR_INVALID,
         STR_INIT("1:5: parse error: unclosed left parenthesis")},
        {{0},
         {.expr = STR_INIT("\"a\""), .step_ms = 1000},
         ERR_INVALID,
         STR_INIT("invalid expression type \"string\" for range query, must be Scalar or instant "
                  "Vector")},
        {{0},
         {.expr = STR_INIT("heat[5m]"), .step_ms = 1000},
         ERR_INVALID,
         STR_INIT("invalid expression type \"range vector\" for range query, must be Scalar or "
                  "instant Vector")},
        {{.samples_max = 100},
         {.expr = STR_INIT("jobs_total"), .end_ms = 3000000, .step_ms = 15000},
         ERR_LIMIT,
         STR_INIT("query processing would load too many samples into memory in query execution")},
        {{.memory_max = 20000},
         {.expr = STR_INIT("jobs_total * 2"), .end_ms = 3000000, .step_ms = 1000},
         ERR_LIMIT,
         STR_INIT("needs more than its limit of 19744 bytes of memory")},
        {{0},
         {.expr = STR_INIT("jobs_total"), .cancel = &cancelled},
         ERR_CANCELED,
         STR_INIT("query was canceled in expression evaluation")},
        {{0},
         {.expr = STR_INIT("heat + on (rack) heat"), .start_ms = 900000},
         ERR_UNSUPPORTED,
         STR_INIT("found duplicate series for the match group {rack=\"even\"} on the right "
                  "hand-side of the operation: [{__name__=\"heat\", host=\"h0\", rack=\"even\"}, "
                  "{__name__=\"heat\", host=\"h2\", rack=\"even\"}];many-to-many matching not "
                  "allowed: matching labels must be unique on one side")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        QueryResult *result = NULL;
        Err err = {0};
        CHECK(!run(&cases[i].opts, &cases[i].spec, &result, &err));
        CHECK(result == NULL);
        CHECK_I64(err.code, cases[i].code);
        if (err.code != ERR_LIMIT || str_contains(cases[i].message, S("samples"))) {
            CHECK_STR(str_from(err.message), cases[i].message);
        }
    }
}

TEST(engine, a_query_ends_when_its_time_is_over)
{
    QuerySpec spec = {
        .expr = S("sum_over_time(heat[1h:1ms])"), .start_ms = 3600000, .timeout_ms = 20};
    QueryResult *result;
    Err err = {0};
    i64 begin_ns = time_monotonic_ns();
    CHECK(!run(&(EngineOpts){.memory_max = 8 * GIB}, &spec, &result, &err));
    CHECK_I64(err.code, ERR_TIMEOUT);
    CHECK_STR(str_from(err.message), S("query timed out in expression evaluation"));
    CHECK(time_monotonic_ns() - begin_ns < 5 * NS_PER_SECOND);
}

/* A source whose first read waits until the test lets it go on. */
typedef struct SlowSource {
    Source source;
    Source *inner;
    atomic_bool entered;
    atomic_bool go_on;
} SlowSource;

static bool slow_select(Source *source, const Select *select, Arena *arena, SeriesSet *ret,
                        Err *err)
{
    SlowSource *slow = CONTAINER_OF(source, SlowSource, source);
    return slow->inner->select(slow->inner, select, arena, ret, err);
}

static void sleep_ms(i64 ms)
{
    const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * NS_PER_MS};
    (void)nanosleep(&span, NULL);
}

static bool slow_read(Source *source, const SeriesSet *set, size_t index, i64 mint_ms, i64 maxt_ms,
                      Arena *arena, SampleColumns *ret, Err *err)
{
    SlowSource *slow = CONTAINER_OF(source, SlowSource, source);
    atomic_store(&slow->entered, true);
    for (int i = 0; i < 2000 && !atomic_load(&slow->go_on); i++) {
        sleep_ms(1);
    }
    return slow->inner->read(slow->inner, set, index, mint_ms, maxt_ms, arena, ret, err);
}

static void slow_release(Source *source, SeriesSet *set)
{
    SlowSource *slow = CONTAINER_OF(source, SlowSource, source);
    slow->inner->release(slow->inner, set);
}

typedef struct Asker {
    Engine *engine;
    Source *source;
    QuerySpec spec;
    bool ok;
    Err err;
} Asker;

static void *ask(void *self)
{
    Asker *asker = self;
    QueryResult *result;
    asker->ok = query_run(asker->engine, asker->source, &asker->spec, &result, &asker->err);
    if (asker->ok) {
        query_result_free(result);
    }
    return NULL;
}

static void wait_for_active(Engine *engine, size_t count, ActiveQuery *to)
{
    for (int i = 0; i < 2000 && engine_active(engine, to, 4) != count; i++) {
        sleep_ms(1);
    }
    CHECK_U64(engine_active(engine, to, 4), count);
}

TEST(engine, running_queries_are_listed_wait_for_a_slot_and_can_be_killed)
{
    ArraySource *store = small_store();
    SlowSource slow = {
        .source = {.select = slow_select, .read = slow_read, .release = slow_release},
        .inner = array_source(store)};
    Engine *engine = engine_new(&(EngineOpts){.concurrent_max = 1});
    Asker first = {engine, &slow.source, {.expr = S("heat"), .start_ms = 900000}, 0, {0}};
    Asker second = {engine, &slow.source, {.expr = S("jobs_total"), .start_ms = 900000}, 0, {0}};
    pthread_t threads[2];
    ActiveQuery active[4];
    CHECK_I64(pthread_create(&threads[0], NULL, ask, &first), 0);
    wait_for_active(engine, 1, active);
    for (int i = 0; i < 2000 && !atomic_load(&slow.entered); i++) {
        sleep_ms(1);
    }
    CHECK_I64(pthread_create(&threads[1], NULL, ask, &second), 0);
    wait_for_active(engine, 2, active);
    CHECK(!active[0].waiting);
    CHECK(active[1].waiting);
    CHECK_STR(((Str){.ptr = active[0].text, .len = active[0].text_len}), S("heat"));
    CHECK_STR(((Str){.ptr = active[1].text, .len = active[1].text_len}), S("jobs_total"));

    CHECK(engine_kill(engine, active[1].id));
    CHECK(!engine_kill(engine, 12345));
    CHECK_I64(pthread_join(threads[1], NULL), 0);
    CHECK(!second.ok);
    CHECK_I64(second.err.code, ERR_CANCELED);
    CHECK_STR(str_from(second.err.message), S("query was canceled in query queue"));

    CHECK(engine_kill(engine, active[0].id));
    atomic_store(&slow.go_on, true);
    CHECK_I64(pthread_join(threads[0], NULL), 0);
    CHECK(!first.ok);
    CHECK_STR(str_from(first.err.message), S("query was canceled in expression evaluation"));
    CHECK_U64(engine_active(engine, active, 4), 0);

    /* The slot is free again. */
    Asker third = {engine, array_source(store), {.expr = S("heat"), .start_ms = 900000}, 0, {0}};
    (void)ask(&third);
    CHECK_OK(third.ok, &third.err);
    engine_free(engine);
    array_source_free(store);
}

TEST(engine, a_limit_cuts_the_series_and_says_so)
{
    QuerySpec spec = {.expr = S("jobs_total"), .start_ms = 900000, .limit = 3};
    QueryResult *result;
    Err err = {0};
    CHECK_OK(run(&(EngineOpts){0}, &spec, &result, &err), &err);
    CHECK_U64(result->series_count, 3);
    CHECK(result->truncated);
    query_result_free(result);
}

TEST(engine, statistics_count_what_functions_were_handed)
{
    QuerySpec spec = {.expr = S("sum_over_time(wait_bucket{le=\"1\"}[1m])"),
                      .start_ms = 600000,
                      .end_ms = 660000,
                      .step_ms = 30000,
                      .per_step_stats = true};
    QueryResult *result;
    Err err = {0};
    CHECK_OK(run(&(EngineOpts){.features = FEATURE_PER_STEP_STATS}, &spec, &result, &err), &err);
    /* Four series, four samples a window, three steps. */
    CHECK_U64(result->stats.samples_total, 48);
    CHECK_U64(result->stats.step_count, 3);
    for (size_t i = 0; i < 3; i++) {
        CHECK_U64(result->stats.samples_per_step[i], 16);
    }
    CHECK_U64(result->stats.series_selected, 4);
    CHECK(result->stats.samples_peak >= 12 && result->stats.samples_peak <= 100);
    CHECK(result->stats.memory_peak_bytes > 0);
    query_result_free(result);
}

TEST(engine, annotations_count_lines_and_columns_in_the_query)
{
    QuerySpec spec = {.expr = S("sum(\n  rate(heat[5m])\n)"), .start_ms = 900000};
    QueryResult *result;
    Err err = {0};
    CHECK_OK(run(&(EngineOpts){0}, &spec, &result, &err), &err);
    CHECK_U64(result->info_count, 1);
    CHECK_STR(result->infos[0],
              S("PromQL info: metric might not be a counter, name does not end in "
                "_total/_sum/_count/_bucket: \"heat\" (2:8)"));
    query_result_free(result);
}

TEST(engine, an_end_before_the_start_is_an_empty_answer)
{
    QuerySpec spec = {.expr = S("heat + 1"), .start_ms = 900000, .end_ms = 800000, .step_ms = 1000};
    QueryResult *result;
    Err err = {0};
    CHECK_OK(run(&(EngineOpts){0}, &spec, &result, &err), &err);
    CHECK_U64(result->series_count, 0);
    CHECK_I64(result->type, RESULT_MATRIX);
    query_result_free(result);
}
