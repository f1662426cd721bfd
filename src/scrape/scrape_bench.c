/*
 * Bench of the scrape path: a page whose series are all known, as nearly every page is, read into a
 * batch and learnt from; the sink takes everything and does nothing. Prints nanoseconds a sample
 * and bytes a series, beside the first page and a page in random order.
 *
 *     bench_scrape [SERIES]
 *
 * Layer: scrape, never shipped. Thread: main.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/time.h"
#include "scrape/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERIES_DEFAULT = 50000, ROUNDS = 40 };
#define PAGE_MAX ((size_t)2 * GIB)

static u64 series_made;

static bool take_series(Sink *sink, Labels labels, SeriesId *ret, bool *ret_new, Err *err)
{
    (void)sink;
    (void)labels;
    (void)ret_new;
    (void)err;
    *ret = ++series_made;
    return true;
}

static bool take_samples(Sink *sink, const BatchSample *samples, size_t count,
                         SampleOutcome *outcomes, Err *err)
{
    (void)sink;
    (void)samples;
    (void)err;
    memset(outcomes, SAMPLE_OK, count * sizeof(*outcomes));
    return true;
}

/* Eight labels and about 150 bytes a line, as a busy service's histograms have. */
static void write_page(Buf *page, const u32 *order, size_t series, u64 round)
{
    buf_clear(page);
    for (size_t i = 0; i < series; i++) {
        u32 n = order[i];
        if (i % 100 == 0) {
            buf_printf(page,
                       "# HELP http_request_seconds_%u Time that requests of this kind took.\n"
                       "# TYPE http_request_seconds_%u gauge\n",
                       n / 100, n / 100);
        }
        buf_printf(page,
                   "http_request_seconds_%u{cluster=\"eu-west\",service=\"checkout-%u\","
                   "method=\"GET\",path=\"/api/v1/orders\",code=\"200\",shard=\"%u\",zone=\"b\"} "
                   "%llu.%u\n",
                   n / 100, n % 10, n, (unsigned long long)(round * 7 + n), n % 97);
    }
    memset(buf_reserve(page, EXPOSITION_SLACK), 0, EXPOSITION_SLACK);
}

typedef struct Run {
    ScrapeCache *cache;
    ScrapeBatch batch;
    Buf page;
    u32 *order;
    size_t series;
} Run;

static i64 scrape(Run *run, u64 round)
{
    ScrapeCounts counts;
    Err err;
    write_page(&run->page, run->order, run->series, round);
    ScrapePage page = {.body = buf_view(&run->page),
                       .format = EXPOSITION_TEXT,
                       .t_ms = (i64)round * 1000,
                       .now_ms = (i64)round * 1000};
    i64 begin = time_monotonic_ns();
    scrape_batch_clear(&run->batch);
    if (!scrape_cache_read(run->cache, &page, &run->batch, &counts, &err) ||
        !scrape_cache_commit(run->cache, &page, &run->batch, &counts, &err) ||
        counts.added != run->series) {
        (void)fprintf(stderr, "scrape failed: %s\n", err.message);
        exit(EXIT_FAILURE);
    }
    return time_monotonic_ns() - begin;
}

static void report(const char *what, const Run *run, i64 elapsed_ns)
{
    printf("%-34s %8.1f ns/sample %8.2f GB/s\n", what, (f64)elapsed_ns / (f64)run->series,
           (f64)run->page.len / (f64)elapsed_ns);
}

static i64 best_of(Run *run, u64 from)
{
    i64 best = INT64_MAX;
    for (u64 round = 0; round < ROUNDS; round++) {
        i64 elapsed = scrape(run, from + round);
        best = MIN(best, elapsed);
    }
    return best;
}

static void measure(Run *run)
{
    Random random;
    ScrapeCacheStats stats;
    random_seed(&random, 1);
    report("first page (all series new)", run, scrape(run, 1));
    scrape_cache_stats(run->cache, &stats);
    printf("page %.1f bytes a line; cache %.1f bytes a series after the first page\n",
           (f64)run->page.len / (f64)run->series, (f64)stats.bytes / (f64)run->series);
    report("known page", run, best_of(run, 2));
    scrape_cache_stats(run->cache, &stats);
    printf("cache %.1f bytes a series on known pages\n", (f64)stats.bytes / (f64)run->series);
    run->series--;
    report("one series vanished", run, scrape(run, 1000));
    for (u64 round = 0; round < 8; round++) {
        for (size_t i = run->series; i > 1; i--) {
            size_t k = random_below(&random, i);
            u32 other = run->order[k];
            run->order[k] = run->order[i - 1];
            run->order[i - 1] = other;
        }
        if (round == 7) {
            report("page in ever new random order", run, scrape(run, 2000 + round));
        } else {
            (void)scrape(run, 2000 + round);
        }
    }
}

int main(int argc, char **argv)
{
    static const SampleRules rules = {.honor_timestamps = true, .utf8_names = true};
    static const Label labels[] = {{STR_INIT("instance"), STR_INIT("host-1:9100")},
                                   {STR_INIT("job"), STR_INIT("checkout")}};
    Sink sink = {.series = take_series, .append = take_samples};
    SymbolTable *strings = symbols_new();
    Metadata metadata;
    Run run = {.series = SERIES_DEFAULT};
    u64 wanted;
    if (argc > 1 && str_to_u64(str_from(argv[1]), &wanted) && wanted > 1) {
        run.series = wanted;
    }
    run.order = MEM_ARRAY(u32, run.series);
    for (size_t i = 0; i < run.series; i++) {
        run.order[i] = (u32)i;
    }
    buf_init(&run.page, PAGE_MAX);
    scrape_batch_init(&run.batch);
    metadata_init(&metadata, strings);
    run.cache = scrape_cache_new(&(ScrapeCacheOpts){
        .rules = &rules, .target_labels = {labels, 2}, .sink = &sink, .metadata = &metadata});
    measure(&run);
    scrape_cache_free(run.cache);
    metadata_done(&metadata);
    scrape_batch_done(&run.batch);
    buf_done(&run.page);
    mem_free(run.order);
    symbols_free(strings);
    return EXIT_SUCCESS;
}
