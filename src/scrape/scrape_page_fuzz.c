/*
 * Fuzzer of the scrape cache. Oracle: what a page gives must not depend on what the cache knows: a
 * fresh cache, one that has just read the same page, and one that has read the page's lines in
 * another order give the same samples and the same verdict.
 *
 * Layer: scrape, tests only. Memory: one input at a time. Thread: main.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "scrape/cache.h"
#include "scrape/list_sink.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_MAX = 64 * 1024, ROUNDS = 4 };

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

typedef struct World {
    ListSink list;
    SymbolTable *strings;
    Metadata metadata;
    SampleRules rules;
    ScrapeCache *cache;
    ScrapeBatch batch;
    Buf page;
} World;

static const Label target_labels[] = {{STR_INIT("instance"), STR_INIT("h:1")},
                                      {STR_INIT("job"), STR_INIT("j")}};

static void world_init(World *world)
{
    *world = (World){.rules = {.honor_timestamps = true, .utf8_names = true}};
    list_sink_init(&world->list);
    scrape_batch_init(&world->batch);
    buf_init(&world->page, PAGE_MAX + EXPOSITION_SLACK);
    world->strings = symbols_new();
    metadata_init(&world->metadata, world->strings);
    world->cache = scrape_cache_new(&(ScrapeCacheOpts){.rules = &world->rules,
                                                       .target_labels = {target_labels, 2},
                                                       .sink = &world->list.sink,
                                                       .metadata = &world->metadata});
}

static void world_done(World *world)
{
    scrape_cache_free(world->cache);
    metadata_done(&world->metadata);
    symbols_free(world->strings);
    buf_done(&world->page);
    scrape_batch_done(&world->batch);
    list_sink_done(&world->list);
}

/* The samples of the page, as text: series, value, whether its own time. */
static bool read_page(World *world, Str body, ExpositionFormat format, i64 t_ms, Buf *out)
{
    ScrapeCounts counts;
    Err err;
    buf_clear(&world->page);
    buf_clear(out);
    buf_str(&world->page, body);
    memset(buf_reserve(&world->page, EXPOSITION_SLACK), 0, EXPOSITION_SLACK);
    ScrapePage page = {
        .body = buf_view(&world->page), .format = format, .t_ms = t_ms, .now_ms = INT64_MAX / 2};
    scrape_batch_clear(&world->batch);
    bool ok = scrape_cache_read(world->cache, &page, &world->batch, &counts, &err);
    if (!ok) {
        scrape_cache_stale(world->cache, t_ms, &world->batch);
    }
    for (size_t i = 0; i < world->batch.count; i++) {
        const BatchSample *sample = &world->batch.samples[i];
        if (world->batch.marks[i].kind <= BATCH_EXPLICIT) {
            buf_printf(
                out, STR_FMT " %016llx %lld\n",
                STR_ARG(world->list.series.at[sample->series - 1]->text),
                (unsigned long long)f64_bits(sample->value),
                (long long)(world->batch.marks[i].kind == BATCH_EXPLICIT ? sample->t_ms : 0));
        }
    }
    buf_printf(out, "%d %llu %llu %llu\n", ok, (unsigned long long)(ok ? counts.scraped : 0),
               (unsigned long long)(ok ? counts.added : 0),
               (unsigned long long)(ok ? counts.duplicates : 0));
    if (!scrape_cache_commit(world->cache, ok ? &page : NULL, &world->batch, &counts, &err)) {
        abort();
    }
    return ok;
}

/* The lines from last to first: another order, often another verdict. */
static void reverse_lines(Str body, Buf *out)
{
    buf_clear(out);
    while (body.len > 0) {
        bool ended = body.ptr[body.len - 1] == '\n';
        size_t last = str_find_last_byte(str_take(body, body.len - ended), '\n');
        size_t begin = last == STR_NOT_FOUND ? 0 : last + 1;
        buf_str(out, str_skip(body, begin));
        if (!ended) {
            buf_byte(out, '\n');
        }
        body = str_take(body, begin);
    }
}

static void check_format(Str body, ExpositionFormat format)
{
    World world;
    Buf first, later, reversed;
    buf_init(&first, 64 * MIB);
    buf_init(&later, 64 * MIB);
    buf_init(&reversed, 2 * PAGE_MAX);
    world_init(&world);
    reverse_lines(body, &reversed);
    (void)read_page(&world, body, format, 1, &first);
    for (i64 round = 2; round <= ROUNDS; round++) {
        if (round == ROUNDS) {
            (void)read_page(&world, str_take(buf_view(&reversed), PAGE_MAX), format, 1000, &later);
        }
        (void)read_page(&world, body, format, round * 10000, &later);
        if (!str_eq(buf_view(&first), buf_view(&later))) {
            abort();
        }
    }
    world_done(&world);
    buf_done(&first);
    buf_done(&later);
    buf_done(&reversed);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Str body = {.ptr = (const char *)data, .len = MIN(size, (size_t)PAGE_MAX)};
    if (body.len > 0) {
        check_format(body, EXPOSITION_TEXT);
        check_format(body, EXPOSITION_OPENMETRICS);
    }
    return 0;
}
