/*
 * Fuzzer of promql/engine.h. Oracles: a query that is answered at one time is answered the same,
 * to the bit, as the middle of a range query; asked again it says the same; a refusal has a code
 * and words; budgets hold.
 */
#include "promql/engine.h"

#include "model/histogram.h"
#include "promql/engine_fixture.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum {
    TEXT_MAX = 2000, /* bytes of query */
    AT_MS = 1800 * 1000,
    STEP_MS = 60 * 1000,
};

static Engine *engine;
static ArraySource *store;

static void open_once(void)
{
    if (!engine) {
        Random random;
        random_seed(&random, 11);
        store = fixture_store(&random, 2);
        engine = engine_new(&(EngineOpts){
            .samples_max = 20000,
            .memory_max = 4 * MIB,
            .timeout_ms = 5000,
            .features = FEATURE_EXPERIMENTAL_FUNCTIONS | FEATURE_EXTENDED_SELECTORS |
                        FEATURE_FILL_MODIFIERS | FEATURE_START_TIMESTAMPS |
                        FEATURE_DELAYED_NAME_REMOVAL,
        });
    }
}

static bool ask(Str query, bool range, QueryResult **ret)
{
    QuerySpec spec = {.expr = query,
                      .start_ms = range ? AT_MS - 2 * (i64)STEP_MS : AT_MS,
                      .end_ms = range ? AT_MS + (i64)STEP_MS : AT_MS,
                      .step_ms = range ? STEP_MS : 0};
    Err err = {0};
    if (query_run(engine, array_source(store), &spec, ret, &err)) {
        ASSERT((*ret)->stats.samples_peak <= 20000);
        return true;
    }
    ASSERT(err.code != ERR_NONE && err.code != ERR_INTERNAL && err.message[0] != '\0');
    return false;
}

/* What is written in these words may differ between the two kinds of query. */
static bool depends_on_times(Str query)
{
    static const Str words[] = {STR_INIT("start"), STR_INIT("end"),   STR_INIT("step"),
                                STR_INIT("range"), STR_INIT("START"), STR_INIT("END"),
                                STR_INIT("STEP"),  STR_INIT("RANGE")};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_contains(query, words[i])) {
            return true;
        }
    }
    return false;
}

static bool same_sample(const SampleColumns *a, size_t i, const SampleColumns *b, size_t j)
{
    const Histogram *left = a->hist ? a->hist[i] : NULL;
    const Histogram *right = b->hist ? b->hist[j] : NULL;
    if (left || right) {
        return left && right && histogram_eq(left, right);
    }
    return a->value[i] == b->value[j] || (isnan(a->value[i]) && isnan(b->value[j]));
}

/* The sample of series `labels` at AT_MS; false when there is none. */
static bool find_sample(const QueryResult *result, Labels labels, const SampleColumns **ret,
                        size_t *ret_at)
{
    for (size_t i = 0; i < result->series_count; i++) {
        if (!labels_eq(result->series[i].labels, labels)) {
            continue;
        }
        *ret = &result->series[i].samples;
        for (*ret_at = 0; *ret_at < (*ret)->count; (*ret_at)++) {
            if ((*ret)->t_ms[*ret_at] == AT_MS) {
                return true;
            }
        }
    }
    return false;
}

static void check_vector(const QueryResult *instant, const QueryResult *range)
{
    size_t at_time = 0;
    for (size_t i = 0; i < range->series_count; i++) {
        for (size_t j = 0; j < range->series[i].samples.count; j++) {
            at_time += range->series[i].samples.t_ms[j] == AT_MS;
        }
    }
    ASSERT(at_time == instant->series_count);
    for (size_t i = 0; i < instant->series_count; i++) {
        const SampleColumns *samples;
        size_t at;
        ASSERT(find_sample(range, instant->series[i].labels, &samples, &at));
        ASSERT(same_sample(&instant->series[i].samples, 0, samples, at));
    }
}

static void check_again(Str query, const QueryResult *first)
{
    QueryResult *second;
    ASSERT(ask(query, false, &second));
    ASSERT(first->type == second->type && first->series_count == second->series_count);
    for (size_t i = 0; i < first->series_count; i++) {
        const SampleColumns *a = &first->series[i].samples;
        const SampleColumns *b = &second->series[i].samples;
        ASSERT(labels_eq(first->series[i].labels, second->series[i].labels));
        ASSERT(a->count == b->count);
        for (size_t j = 0; j < a->count; j++) {
            ASSERT(a->t_ms[j] == b->t_ms[j] && same_sample(a, j, b, j));
        }
    }
    query_result_free(second);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Str query = {.ptr = (const char *)data, .len = size};
    QueryResult *instant;
    QueryResult *range;
    open_once();
    if (size > TEXT_MAX || !ask(query, false, &instant)) {
        return 0;
    }
    check_again(query, instant);
    if (instant->type == RESULT_VECTOR && !depends_on_times(query) && ask(query, true, &range)) {
        check_vector(instant, range);
        query_result_free(range);
    }
    query_result_free(instant);
    return 0;
}
