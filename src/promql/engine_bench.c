/*
 * Benchmark of promql/engine.h: typical range and instant queries over 8,800 series of two hours at
 * 15 s (4.2 million samples), in nanoseconds a sample that the query reads and in milliseconds a
 * query, on one thread and on all cores. The best of a few rounds: other work only adds.
 */
#include "base/random.h"
#include "base/time.h"
#include "os/pool.h"
#include "promql/array_source.h"
#include "promql/engine.h"

#include <stdio.h>

enum {
    INSTANCES = 100,
    CPUS = 11,
    MODES = 8,
    SERIES = INSTANCES * CPUS * MODES,
    SAMPLES = 480, /* a series */
    SCRAPE_MS = 15 * 1000,
    ROUNDS = 5,
};

typedef struct Question {
    const char *expr;
    i64 step_ms; /* 0: instant, at the end */
    u64 samples; /* of the data that it has to look at */
} Question;

static const Question questions[] = {
    {"cpu_seconds_total", 0, SERIES},
    {"sum(cpu_seconds_total)", 60 * 1000, (u64)SERIES *SAMPLES},
    {"sum by (mode) (rate(cpu_seconds_total[5m]))", 15 * 1000, (u64)SERIES *SAMPLES},
    {"sum by (mode) (rate(cpu_seconds_total[5m]))", 60 * 1000, (u64)SERIES *SAMPLES},
    {"sum by (instance) (irate(cpu_seconds_total{mode!=\"m0\"}[5m]))", 60 * 1000,
     (u64)SERIES *SAMPLES * 7 / 8},
    {"100 - avg by (instance) (rate(cpu_seconds_total{mode=\"m0\"}[5m])) * 100", 15 * 1000,
     (u64)SERIES *SAMPLES / 8},
    {"max_over_time(cpu_seconds_total[1h])", 60 * 1000, (u64)SERIES *SAMPLES},
    {"avg_over_time(cpu_seconds_total[10m])", 60 * 1000, (u64)SERIES *SAMPLES},
    {"quantile_over_time(0.9, cpu_seconds_total[10m])", 60 * 1000, (u64)SERIES *SAMPLES},
    {"topk(5, rate(cpu_seconds_total[5m]))", 60 * 1000, (u64)SERIES *SAMPLES},
    {"cpu_seconds_total / on (instance, cpu, mode) cpu_seconds_total", 60 * 1000,
     (u64)SERIES *SAMPLES},
    {"histogram_quantile(0.9, sum by (le, instance) (label_replace(rate(cpu_seconds_total[5m]), "
     "\"le\", \"$1\", \"mode\", \"m(.)\")))",
     60 * 1000, (u64)SERIES *SAMPLES},
    {"max_over_time(rate(cpu_seconds_total{mode=\"m1\"}[5m])[30m:1m])", 60 * 1000,
     (u64)SERIES *SAMPLES / 8},
};

/* A counter of its own: irregular steps, a restart now and then. */
static void add_series(ArraySource *store, Random *random, int instance, int cpu, int mode)
{
    static ArraySample samples[SAMPLES];
    char texts[3][16];
    (void)snprintf(texts[0], sizeof(texts[0]), "%d", cpu);
    (void)snprintf(texts[1], sizeof(texts[1]), "host%03d", instance);
    (void)snprintf(texts[2], sizeof(texts[2]), "m%d", mode);
    const Label labels[] = {{LABEL_NAME, S("cpu_seconds_total")},
                            {S("cpu"), str_from(texts[0])},
                            {S("instance"), str_from(texts[1])},
                            {S("mode"), str_from(texts[2])}};
    f64 value = random_f64(random) * 1e5;
    i64 shift_ms = (i64)random_below(random, SCRAPE_MS);
    for (int i = 0; i < SAMPLES; i++) {
        value = random_below(random, 2000) == 0 ? 0 : value + random_f64(random) * 15;
        samples[i] = (ArraySample){.t_ms = i * (i64)SCRAPE_MS + shift_ms, .value = value};
    }
    Err err = {0};
    ASSERT(array_source_add(store, (Labels){.at = labels, .count = COUNT_OF(labels)}, samples,
                            SAMPLES, &err));
}

static ArraySource *make_store(void)
{
    ArraySource *store = array_source_new();
    Random random;
    random_seed(&random, 1);
    for (int instance = 0; instance < INSTANCES; instance++) {
        for (int cpu = 0; cpu < CPUS; cpu++) {
            for (int mode = 0; mode < MODES; mode++) {
                add_series(store, &random, instance, cpu, mode);
            }
        }
    }
    return store;
}

static void ask(Engine *engine, ArraySource *store, const Question *question, const char *threads)
{
    i64 end_ms = (i64)SAMPLES * SCRAPE_MS;
    QuerySpec spec = {.expr = str_from(question->expr),
                      .start_ms = question->step_ms ? 0 : end_ms,
                      .end_ms = end_ms,
                      .step_ms = question->step_ms};
    i64 best_ns = INT64_MAX;
    QueryStats stats = {0};
    size_t series = 0;
    for (int round = 0; round < ROUNDS; round++) {
        QueryResult *result;
        Err err = {0};
        i64 begin_ns = time_monotonic_ns();
        if (!query_run(engine, array_source(store), &spec, &result, &err)) {
            (void)fprintf(stderr, "%s: %s\n", question->expr, err.message);
            return;
        }
        best_ns = MIN(best_ns, time_monotonic_ns() - begin_ns);
        stats = result->stats;
        series = result->series_count;
        query_result_free(result);
    }
    (void)printf("%-8s %8.1f ms %7.2f ns/sample %6.1f MB %6zu series  %s%s\n", threads,
                 (f64)best_ns / 1e6, (f64)best_ns / (f64)question->samples,
                 (f64)stats.memory_peak_bytes / 1e6, series, question->expr,
                 question->step_ms == 60 * 1000   ? "  (step 1m)"
                 : question->step_ms == 15 * 1000 ? "  (step 15s)"
                                                  : "");
}

/* With an argument: only the queries whose text has it. */
int main(int argc, char **argv)
{
    ArraySource *store = make_store();
    Pool *pool = NULL;
    Err err = {0};
    ASSERT(pool_open(0, 64, "bench", &pool, &err));
    Engine *alone = engine_new(&(EngineOpts){.samples_max = 500 * 1000 * 1000});
    Engine *many = engine_new(&(EngineOpts){.samples_max = 500 * 1000 * 1000, .pool = pool});
    char threads[32];
    (void)snprintf(threads, sizeof(threads), "%zu cores", cpu_count());
    for (size_t i = 0; i < COUNT_OF(questions); i++) {
        if (argc > 1 && !str_contains(str_from(questions[i].expr), str_from(argv[1]))) {
            continue;
        }
        ask(alone, store, &questions[i], "1 thread");
        ask(many, store, &questions[i], threads);
    }
    engine_free(alone);
    engine_free(many);
    pool_close(pool);
    array_source_free(store);
    return 0;
}
