/* Engine fixture: see engine_fixture.h. Layer: promql, tests only. Thread: one. */
#include "promql/engine_fixture.h"

#include "base/buf.h"
#include "base/mem.h"
#include "model/histogram.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SAMPLES = 240,
    SCRAPE_MS = 15 * 1000,
    AT_MS = 1800 * 1000, /* when fixture_check_query asks */
    STEP_MS = 60 * 1000,
};

typedef struct Maker {
    ArraySource *store;
    Random *random;
    Arena arena;
    ArraySample samples[SAMPLES];
    size_t count;
} Maker;

static void add(Maker *maker, const char *name, size_t host, const char *le)
{
    char host_text[16];
    (void)snprintf(host_text, sizeof(host_text), "h%zu", host);
    const Label labels[] = {{LABEL_NAME, str_from(name)},
                            {S("host"), str_from(host_text)},
                            {S("le"), str_from(le ? le : "")},
                            {S("rack"), host % 2 ? S("odd") : S("even")}};
    Label kept[COUNT_OF(labels)];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(labels); i++) {
        kept[count] = labels[i];
        count += labels[i].value.len > 0;
    }
    Err err = {0};
    ASSERT(array_source_add(maker->store, (Labels){.at = kept, .count = count}, maker->samples,
                            maker->count, &err));
    maker->count = 0;
}

/* The time of sample i; false: it is missing. */
static bool next_time(Maker *maker, int i, i64 *ret)
{
    *ret = i * (i64)SCRAPE_MS + (i64)random_below(maker->random, 300);
    return random_below(maker->random, 25) != 0 && !(i > 100 && i < 130);
}

static void make_counter(Maker *maker, size_t host)
{
    f64 value = (f64)random_below(maker->random, 100);
    for (int i = 0; i < SAMPLES; i++) {
        i64 t;
        value = random_below(maker->random, 40) == 0 ? 0 : value + random_f64(maker->random) * 9;
        if (next_time(maker, i, &t)) {
            maker->samples[maker->count++] = (ArraySample){.t_ms = t, .value = value};
        }
    }
    add(maker, "jobs_total", host, NULL);
}

static f64 odd_value(Maker *maker)
{
    static const f64 odd[] = {NAN, INFINITY, -INFINITY, 0, -0.0};
    return odd[random_below(maker->random, COUNT_OF(odd))];
}

static void make_gauge(Maker *maker, size_t host)
{
    for (int i = 0; i < SAMPLES; i++) {
        i64 t;
        f64 value = random_f64(maker->random) * 200 - 100;
        u64 kind = random_below(maker->random, 50);
        value = kind == 0   ? odd_value(maker)
                : kind == 1 ? f64_from_bits(STALE_NAN_BITS)
                            : floor(value * 8) / 8;
        if (next_time(maker, i, &t)) {
            maker->samples[maker->count++] = (ArraySample){.t_ms = t, .value = value};
        }
    }
    add(maker, "heat", host, NULL);
}

static void make_classic(Maker *maker, size_t host)
{
    static const char *const bounds[] = {"1", "5", "+Inf"};
    for (size_t b = 0; b < COUNT_OF(bounds); b++) {
        for (int i = 0; i < SAMPLES; i++) {
            maker->samples[maker->count++] = (ArraySample){
                .t_ms = i * (i64)SCRAPE_MS, .value = (f64)(i * (int)(b + 1) + (int)host)};
        }
        add(maker, "wait_bucket", host, bounds[b]);
    }
}

static void make_native(Maker *maker, size_t host)
{
    static const Span span = {.offset = -1, .length = 4};
    f64 counts[4] = {0};
    for (int i = 0; i < SAMPLES; i++) {
        f64 *buckets = ARENA_NEW(&maker->arena, f64, 4);
        Histogram *histogram = ARENA_NEW(&maker->arena, Histogram, 1);
        ASSERT(buckets && histogram);
        bool reset = random_below(maker->random, 60) == 0;
        f64 total = 0;
        for (int b = 0; b < 4; b++) {
            counts[b] = reset ? 0 : counts[b] + (f64)random_below(maker->random, 4);
            buckets[b] = counts[b];
            total += counts[b];
        }
        *histogram = (Histogram){
            .schema = 1, .count = total, .sum = total * 1.5, .positive = {&span, 1, buckets, 4}};
        i64 t;
        if (next_time(maker, i, &t)) {
            maker->samples[maker->count++] = (ArraySample){.t_ms = t, .hist = histogram};
        }
    }
    add(maker, "size", host, NULL);
}

ArraySource *fixture_store(Random *random, size_t hosts)
{
    Maker *maker = MEM_NEW(Maker);
    maker->store = array_source_new();
    maker->random = random;
    arena_init(&maker->arena, 256 * MIB);
    for (size_t host = 0; host < hosts; host++) {
        make_counter(maker, host);
        make_gauge(maker, host);
        make_classic(maker, host);
        make_native(maker, host);
    }
    ArraySource *store = maker->store;
    arena_done(&maker->arena);
    mem_free(maker);
    return store;
}

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(((const ResultSeries *)a)->labels, ((const ResultSeries *)b)->labels);
}

static void put_series(Buf *out, const ResultSeries *series)
{
    labels_format(out, series->labels);
    for (size_t i = 0; i < series->samples.count; i++) {
        const Histogram *histogram = series->samples.hist ? series->samples.hist[i] : NULL;
        f64 value = series->samples.value[i];
        buf_printf(out, " %" PRId64 "=", series->samples.t_ms[i]);
        if (histogram) {
            histogram_format(out, histogram);
        } else if (isnan(value)) {
            buf_lit(out, "NaN");
        } else {
            buf_printf(out, "%016" PRIx64, f64_bits(value));
        }
    }
    buf_byte(out, '\n');
}

void fixture_answer(Engine *engine, Source *source, const QuerySpec *spec, Buf *out)
{
    QueryResult *result;
    Err err = {0};
    if (!query_run(engine, source, spec, &result, &err)) {
        buf_printf(out, "error: %s\n", err.message);
        return;
    }
    if (result->type == RESULT_SCALAR) {
        buf_printf(out, "scalar %016" PRIx64 "\n", f64_bits(result->scalar));
    }
    if (result->series_count > 0) {
        qsort(result->series, result->series_count, sizeof(*result->series), by_labels);
    }
    for (size_t i = 0; i < result->series_count; i++) {
        put_series(out, &result->series[i]);
    }
    for (size_t i = 0; i < result->warning_count; i++) {
        buf_str(out, result->warnings[i]);
        buf_byte(out, '\n');
    }
    query_result_free(result);
}

static bool ask(Engine *engine, Source *source, Str query, bool range, QueryResult **ret)
{
    QuerySpec spec = {.expr = query,
                      .start_ms = range ? AT_MS - 2 * (i64)STEP_MS : AT_MS,
                      .end_ms = range ? AT_MS + (i64)STEP_MS : AT_MS,
                      .step_ms = range ? STEP_MS : 0};
    Err err = {0};
    if (query_run(engine, source, &spec, ret, &err)) {
        ASSERT((*ret)->stats.samples_peak <= engine_opts(engine)->samples_max);
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

/* An instant query orders the series of these; what is made of them then may see another order. */
static bool depends_on_order(Str query)
{
    static const Str words[] = {STR_INIT("sort"),    STR_INIT("topk"), STR_INIT("bottomk"),
                                STR_INIT("limit"),   STR_INIT("SORT"), STR_INIT("TOPK"),
                                STR_INIT("BOTTOMK"), STR_INIT("LIMIT")};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_contains(str_skip(query, 1), words[i])) {
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

/* Says which query broke what before the assertion ends the program. */
static void hold(bool ok, Str query, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "%s: " STR_FMT "\n", what, STR_ARG(query));
    }
    ASSERT(ok);
}

static void check_vector(Str query, const QueryResult *instant, const QueryResult *range)
{
    size_t at_time = 0;
    for (size_t i = 0; i < range->series_count; i++) {
        for (size_t j = 0; j < range->series[i].samples.count; j++) {
            at_time += range->series[i].samples.t_ms[j] == AT_MS;
        }
    }
    hold(at_time == instant->series_count, query, "another number of series in a range");
    for (size_t i = 0; i < instant->series_count; i++) {
        const SampleColumns *samples;
        size_t at;
        hold(find_sample(range, instant->series[i].labels, &samples, &at), query,
             "a series is missing in a range");
        hold(same_sample(&instant->series[i].samples, 0, samples, at), query,
             "another value in a range");
    }
}

static void check_again(Engine *engine, Source *source, Str query, const QueryResult *first)
{
    QueryResult *second;
    ASSERT(ask(engine, source, query, false, &second));
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

bool fixture_check_query(Engine *engine, Source *source, Str query)
{
    QueryResult *instant;
    QueryResult *range;
    if (!ask(engine, source, query, false, &instant)) {
        return false;
    }
    check_again(engine, source, query, instant);
    if (instant->type == RESULT_VECTOR && !depends_on_times(query) && !depends_on_order(query) &&
        ask(engine, source, query, true, &range)) {
        check_vector(query, instant, range);
        query_result_free(range);
    }
    query_result_free(instant);
    return true;
}
