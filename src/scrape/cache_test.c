/* Tests of scrape/cache.h. */
#include "scrape/cache.h"

#include "base/buf.h"
#include "base/random.h"
#include "base/test.h"
#include "scrape/list_sink.h"

#include <string.h>

enum { PAGE_MAX = 4 * 1024 * 1024 };

/* One target's cache on a list sink. */
typedef struct Bench {
    ListSink list;
    SymbolTable *strings;
    Metadata metadata;
    SampleRules rules;
    Label labels[2];
    ScrapeCache *cache;
    ScrapeBatch batch;
    ScrapeCounts counts;
    i64 now_ms; /* 0: the page's time */
    Err err;
} Bench;

static void bench_init(Bench *bench)
{
    *bench = (Bench){
        .rules = {.honor_timestamps = true, .utf8_names = true},
        .labels = {{S("instance"), S("h:1")}, {S("job"), S("j")}},
    };
    list_sink_init(&bench->list);
    scrape_batch_init(&bench->batch);
    bench->strings = symbols_new();
    metadata_init(&bench->metadata, bench->strings);
    bench->cache = scrape_cache_new(&(ScrapeCacheOpts){.rules = &bench->rules,
                                                       .target_labels = {bench->labels, 2},
                                                       .sink = &bench->list.sink,
                                                       .metadata = &bench->metadata});
}

static void bench_done(Bench *bench)
{
    SymbolStats stats;
    scrape_cache_free(bench->cache);
    metadata_done(&bench->metadata);
    symbols_stats(bench->strings, &stats);
    CHECK_U64(stats.references, 0);
    symbols_free(bench->strings);
    scrape_batch_done(&bench->batch);
    list_sink_done(&bench->list);
}

/* A page as a loop would treat it: a bad one makes everything stale. */
static bool scrape_as(Bench *bench, i64 t_ms, Str text, ExpositionFormat format)
{
    Buf body;
    Err commit_err;
    buf_init(&body, PAGE_MAX);
    buf_str(&body, text);
    memset(buf_reserve(&body, EXPOSITION_SLACK), 0, EXPOSITION_SLACK);
    ScrapePage page = {.body = buf_view(&body),
                       .format = format,
                       .t_ms = t_ms,
                       .now_ms = bench->now_ms ? bench->now_ms : t_ms};
    scrape_batch_clear(&bench->batch);
    bool ok = scrape_cache_read(bench->cache, &page, &bench->batch, &bench->counts, &bench->err);
    if (!ok) {
        CHECK_U64(bench->batch.count, 0);
        scrape_cache_stale(bench->cache, t_ms, &bench->batch);
    }
    bool committed = scrape_cache_commit(bench->cache, ok ? &page : NULL, &bench->batch,
                                         &bench->counts, &commit_err);
    if (!committed) {
        bench->err = commit_err;
    }
    buf_done(&body);
    return ok && committed;
}

static bool scrape(Bench *bench, i64 t_ms, const char *text)
{
    return scrape_as(bench, t_ms, str_from(text), EXPOSITION_TEXT);
}

static size_t tracked(const Bench *bench)
{
    ScrapeCacheStats stats;
    scrape_cache_stats(bench->cache, &stats);
    return stats.tracked;
}

static size_t entries(const Bench *bench)
{
    ScrapeCacheStats stats;
    scrape_cache_stats(bench->cache, &stats);
    return stats.entries;
}

#define SHOW(bench, series) list_sink_show(&(bench)->list, S(series))
#define OWN(name, rest)     name "{" rest "instance=\"h:1\", job=\"j\"}"

TEST(cache, a_known_page_asks_for_no_series_again)
{
    Bench bench;
    bench_init(&bench);
    static const char page[] = "# HELP a help\n# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2\nb 3\n";
    CHECK_OK(scrape(&bench, 1000, page), &bench.err);
    CHECK_U64(bench.list.series_calls, 3);
    CHECK_U64(bench.counts.series_added, 3);
    CHECK_U64(bench.counts.scraped, 3);
    CHECK_U64(bench.counts.added, 3);
    CHECK_OK(scrape(&bench, 2000, page), &bench.err);
    CHECK_U64(bench.list.series_calls, 3);
    CHECK_U64(bench.counts.series_added, 0);
    CHECK_U64(bench.list.appends, 2);
    CHECK_STR(list_sink_show(&bench.list, S("a{instance=\"h:1\", job=\"j\", x=\"2\"}")),
              S("1000=2 2000=2"));
    CHECK_STR(SHOW(&bench, OWN("b", "")), S("1000=3 2000=3"));
    bench_done(&bench);
}

TEST(cache, a_vanished_series_gets_one_marker_and_may_come_back)
{
    Bench bench;
    bench_init(&bench);
    CHECK_OK(scrape(&bench, 1, "a 1\nb 1\nc 1\n"), &bench.err);
    CHECK_OK(scrape(&bench, 2, "a 2\nc 2\n"), &bench.err);
    CHECK_U64(entries(&bench), 2);
    CHECK_OK(scrape(&bench, 3, "a 3\nc 3\n"), &bench.err);
    CHECK_STR(SHOW(&bench, OWN("b", "")), S("1=1 2=stale"));
    CHECK_OK(scrape(&bench, 4, "a 4\nb 4\nc 4\n"), &bench.err);
    CHECK_U64(bench.counts.series_added, 1);
    CHECK_STR(SHOW(&bench, OWN("b", "")), S("1=1 2=stale 4=4"));
    CHECK_STR(SHOW(&bench, OWN("c", "")), S("1=1 2=2 3=3 4=4"));
    CHECK_OK(scrape(&bench, 5, "a 5\n"), &bench.err);
    CHECK_STR(SHOW(&bench, OWN("c", "")), S("1=1 2=2 3=3 4=4 5=stale"));
    CHECK_U64(tracked(&bench), 1);
    bench_done(&bench);
}

TEST(cache, a_bad_page_keeps_nothing_and_makes_all_stale_once)
{
    static const char *const bad[] = {"a 2\nb x\n", "a 2\n{x=\"1\"} 2\n", "a 2\nb{x=\"1\n",
                                      "a 2\nb{x=\"1\",x=\"2\"} 2\n", "a 2\nnew 3\nb\n"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Bench bench;
        bench_init(&bench);
        CHECK_OK(scrape(&bench, 1, "a 1\nb 1\n"), &bench.err);
        CHECK(!scrape(&bench, 2, bad[i]));
        CHECK_I64(bench.err.code, ERR_INVALID);
        CHECK_U64(entries(&bench), 2);
        CHECK_U64(tracked(&bench), 0);
        CHECK(!scrape(&bench, 3, bad[i]));
        CHECK_STR(SHOW(&bench, OWN("a", "")), S("1=1 2=stale"));
        CHECK_STR(SHOW(&bench, OWN("b", "")), S("1=1 2=stale"));
        CHECK_OK(scrape(&bench, 4, "a 4\nb 4\n"), &bench.err);
        CHECK_U64(bench.counts.series_added, 0);
        CHECK_STR(SHOW(&bench, OWN("b", "")), S("1=1 2=stale 4=4"));
        bench_done(&bench);
    }
}

TEST(cache, labels_of_the_page_give_way_or_win_as_the_job_says)
{
    static const char page[] = "a{job=\"own\",exported_job=\"x\",y=\"\"} 1\n";
    Bench bench;
    bench_init(&bench);
    CHECK_OK(scrape(&bench, 1, page), &bench.err);
    CHECK_STR(SHOW(&bench, "a{exported_exported_job=\"own\", exported_job=\"x\", "
                           "instance=\"h:1\", job=\"j\"}"),
              S("1=1"));
    bench_done(&bench);
    bench_init(&bench);
    bench.rules.honor_labels = true;
    CHECK_OK(scrape(&bench, 1, page), &bench.err);
    CHECK_STR(SHOW(&bench, "a{exported_job=\"x\", instance=\"h:1\", job=\"own\"}"), S("1=1"));
    bench_done(&bench);
}

TEST(cache, conflicting_names_are_settled_from_the_shortest_on)
{
    Bench bench;
    bench_init(&bench);
    bench.labels[0] = (Label){S("foo"), S("1")};
    bench.labels[1] = (Label){S("exported_foo"), S("2")};
    CHECK_OK(scrape(&bench, 1, "a{foo=\"p\",exported_foo=\"q\"} 1\n"), &bench.err);
    CHECK_STR(SHOW(&bench, "a{exported_exported_exported_foo=\"q\", exported_exported_foo=\"p\", "
                           "exported_foo=\"2\", foo=\"1\"}"),
              S("1=1"));
    bench_done(&bench);
}

static Relabel rule(RelabelAction action, Str *source, Str regex, Str to)
{
    Relabel made;
    Err err;
    relabel_defaults(&made);
    made.action = action;
    made.source_labels = source;
    made.source_count = source ? 1 : 0;
    made.regex_text = regex;
    made.target_label = to;
    CHECK_OK(relabel_finish(&made, true, &err), &err);
    return made;
}

TEST(cache, relabelling_is_done_once_and_its_drops_are_remembered)
{
    Str name = S("__name__");
    Relabel rules[] = {rule(RELABEL_DROP, &name, S("noise_.*"), S("")),
                       rule(RELABEL_LABEL_DROP, NULL, S("secret"), S(""))};
    Bench bench;
    bench_init(&bench);
    bench.rules.relabel = rules;
    bench.rules.relabel_count = 2;
    for (i64 t = 1; t <= 3; t++) {
        CHECK_OK(scrape(&bench, t, "noise_a 1\na{secret=\"x\"} 1\nnoise_b 1\n"), &bench.err);
        CHECK_U64(bench.counts.scraped, 3);
        CHECK_U64(bench.counts.added, 1);
    }
    CHECK_U64(bench.list.series_calls, 1);
    CHECK_U64(entries(&bench), 3);
    CHECK_STR(SHOW(&bench, OWN("a", "")), S("1=1 2=1 3=1"));
    relabel_done(&rules[0]);
    relabel_done(&rules[1]);
    bench_done(&bench);
}

TEST(cache, a_series_twice_on_a_page_counts_as_duplicate_unless_it_has_its_own_times)
{
    Bench bench;
    bench_init(&bench);
    CHECK_OK(scrape(&bench, 9, "a 1\na 2\nb 1\na 3\n"), &bench.err);
    CHECK_U64(bench.counts.duplicates, 2);
    CHECK_U64(bench.counts.added, 4);
    CHECK_STR(SHOW(&bench, OWN("a", "")), S("9=1"));
    CHECK_OK(scrape(&bench, 10, "c 1 5\nc 2 6\nc 3 5\na 1\nb 1\n"), &bench.err);
    CHECK_U64(bench.counts.duplicates, 0);
    CHECK_U64(bench.counts.out_of_order, 1);
    CHECK_STR(SHOW(&bench, OWN("c", "")), S("5=1 6=2"));
    bench_done(&bench);
}

TEST(cache, own_times_are_outside_staleness_unless_tracked_or_not_honored)
{
    Bench bench;
    bench_init(&bench);
    CHECK_OK(scrape(&bench, 10, "a 1 5\nb 1\n"), &bench.err);
    CHECK_U64(tracked(&bench), 1);
    CHECK_OK(scrape(&bench, 20, "b 1\n"), &bench.err);
    CHECK_STR(SHOW(&bench, OWN("a", "")), S("5=1"));
    bench_done(&bench);

    bench_init(&bench);
    bench.rules.track_timestamps_staleness = true;
    CHECK_OK(scrape(&bench, 10, "a 1 5\nb 1\n"), &bench.err);
    CHECK_OK(scrape(&bench, 20, "b 1\n"), &bench.err);
    CHECK_STR(SHOW(&bench, OWN("a", "")), S("5=1 20=stale"));
    bench_done(&bench);

    bench_init(&bench);
    bench.rules.honor_timestamps = false;
    CHECK_OK(scrape(&bench, 10, "a 1 5\nb 1\n"), &bench.err);
    CHECK_OK(scrape(&bench, 20, "b 1\n"), &bench.err);
    CHECK_STR(SHOW(&bench, OWN("a", "")), S("10=1 20=stale"));
    bench_done(&bench);
}

TEST(cache, a_series_that_begins_to_send_times_is_marked_stale)
{
    Bench bench;
    bench_init(&bench);
    CHECK_OK(scrape(&bench, 10, "a 1\n"), &bench.err);
    CHECK_OK(scrape(&bench, 20, "a 2 15\n"), &bench.err);
    CHECK_STR(SHOW(&bench, OWN("a", "")), S("10=1 15=2 20=stale"));
    CHECK_U64(tracked(&bench), 0);
    bench_done(&bench);
}

TEST(cache, samples_from_the_far_future_are_counted_not_stored)
{
    Bench bench;
    bench_init(&bench);
    bench.now_ms = 1000;
    CHECK_OK(scrape(&bench, 1000, "a 1 601001\nb 1 601000\n"), &bench.err);
    CHECK_U64(bench.counts.out_of_bounds, 1);
    CHECK_U64(bench.counts.added, 2);
    CHECK_STR(SHOW(&bench, OWN("a", "")), S(""));
    CHECK_STR(SHOW(&bench, OWN("b", "")), S("601000=1"));
    bench_done(&bench);
}

TEST(cache, bounds_are_written_as_floats_in_histograms_and_summaries_only)
{
    Bench bench;
    bench_init(&bench);
    CHECK_OK(scrape(&bench, 1,
                    "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\n"
                    "h_bucket{le=\"1e6\"} 1\nh_bucket{le=\"x\"} 1\nh_q{quantile=\"1\"} 1\n"
                    "# TYPE s summary\ns{quantile=\"0\"} 1\ns{le=\"2\"} 1\n"
                    "# TYPE g gauge\ng{le=\"1\"} 1\n"),
             &bench.err);
    CHECK_STR(SHOW(&bench, "h_bucket{instance=\"h:1\", job=\"j\", le=\"1.0\"}"), S("1=1"));
    CHECK_STR(SHOW(&bench, "h_bucket{instance=\"h:1\", job=\"j\", le=\"+Inf\"}"), S("1=1"));
    CHECK_STR(SHOW(&bench, "h_bucket{instance=\"h:1\", job=\"j\", le=\"1e+06\"}"), S("1=1"));
    CHECK_STR(SHOW(&bench, "h_bucket{instance=\"h:1\", job=\"j\", le=\"x\"}"), S("1=1"));
    CHECK_STR(SHOW(&bench, "h_q{instance=\"h:1\", job=\"j\", quantile=\"1\"}"), S("1=1"));
    CHECK_STR(SHOW(&bench, "s{instance=\"h:1\", job=\"j\", quantile=\"0.0\"}"), S("1=1"));
    CHECK_STR(SHOW(&bench, "s{instance=\"h:1\", job=\"j\", le=\"2\"}"), S("1=1"));
    CHECK_STR(SHOW(&bench, "g{instance=\"h:1\", job=\"j\", le=\"1\"}"), S("1=1"));
    bench_done(&bench);
    bench_init(&bench);
    bench.rules.keep_bucket_text = true;
    CHECK_OK(scrape(&bench, 1, "# TYPE h histogram\nh_bucket{le=\"1\"} 1\n"), &bench.err);
    CHECK_STR(SHOW(&bench, "h_bucket{instance=\"h:1\", job=\"j\", le=\"1\"}"), S("1=1"));
    bench_done(&bench);
}

TEST(cache, past_the_sample_limit_nothing_is_kept_but_all_is_counted)
{
    Bench bench;
    bench_init(&bench);
    bench.rules.sample_limit = 2;
    CHECK_OK(scrape(&bench, 1, "a 1\nb 1\n"), &bench.err);
    CHECK(!scrape(&bench, 2, "a 2\nb 2\nc 2\nd 2\n"));
    CHECK_STR(str_from(bench.err.message), S("sample limit exceeded"));
    CHECK(bench.counts.over_sample_limit);
    CHECK_U64(bench.counts.scraped, 4);
    CHECK_U64(bench.counts.added, 4);
    CHECK_U64(bench.list.series_calls, 2); /* no series is made for what is not kept */
    CHECK_STR(SHOW(&bench, OWN("a", "")), S("1=1 2=stale"));
    CHECK_OK(scrape(&bench, 3, "a 3\nb 3\nb 4\n"), &bench.err); /* a duplicate does not count */
    CHECK_STR(SHOW(&bench, OWN("a", "")), S("1=1 2=stale 3=3"));
    bench_done(&bench);
}

TEST(cache, each_label_limit_fails_the_scrape_in_the_originals_words)
{
    static const struct {
        u64 labels, name, value;
        const char *page;
        const char *want;
    } cases[] = {
        {4, 0, 0, "a{x=\"1\",y=\"2\"} 1\n",
         "label_limit exceeded (metric: a, number of labels: 5, limit: 4)"},
        {0, 8, 0, "a{too_long_a=\"1\"} 1\n",
         "label_name_length_limit exceeded (metric: a, label name: too_long_a, length: 10, limit: "
         "8)"},
        {0, 0, 4, "a{x=\"12345\"} 1\n",
         "label_value_length_limit exceeded (metric: a, label name: x, value: \"12345\", length: "
         "5, limit: 4)"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Bench bench;
        bench_init(&bench);
        bench.rules.label_limit = cases[i].labels;
        bench.rules.label_name_length_limit = cases[i].name;
        bench.rules.label_value_length_limit = cases[i].value;
        CHECK_OK(scrape(&bench, 1, "a 1\n"), &bench.err);
        CHECK(!scrape(&bench, 2, cases[i].page));
        CHECK_STR(str_from(bench.err.message), str_from(cases[i].want));
        CHECK(bench.counts.over_label_limit);
        bench_done(&bench);
    }
}

TEST(cache, legacy_names_are_enforced_when_the_job_says_so)
{
    Bench bench;
    bench_init(&bench);
    bench.rules.utf8_names = false;
    CHECK(!scrape(&bench, 1, "{\"a.b\"} 1\n"));
    CHECK_STR(str_from(bench.err.message),
              S("invalid metric name or label names: {\"a.b\", instance=\"h:1\", job=\"j\"}"));
    bench.rules.utf8_names = true;
    CHECK_OK(scrape(&bench, 1, "{\"a.b\"} 1\n"), &bench.err);
    bench_done(&bench);
}

TEST(cache, series_that_the_sink_forgot_are_asked_for_again)
{
    Bench bench;
    bench_init(&bench);
    CHECK_OK(scrape(&bench, 1, "# TYPE h histogram\nh{le=\"1\"} 1\nb 1\nc 1 1\n"), &bench.err);
    list_sink_forget(&bench.list);
    CHECK_OK(scrape(&bench, 2, "# TYPE h histogram\nh{le=\"1\"} 2\nb 2\nb 3\nc 2 2\n"), &bench.err);
    CHECK_U64(bench.list.series_calls, 6);
    CHECK_U64(bench.counts.series_added, 0);
    CHECK_U64(tracked(&bench), 2);
    CHECK_STR(SHOW(&bench, "h{instance=\"h:1\", job=\"j\", le=\"1.0\"}"), S("2=2"));
    CHECK_STR(SHOW(&bench, OWN("c", "")), S("2=2"));
    CHECK_OK(scrape(&bench, 3, "# TYPE h histogram\nh{le=\"1\"} 3\nb 3\nc 3 3\n"), &bench.err);
    CHECK_STR(SHOW(&bench, OWN("b", "")), S("2=2 3=3"));
    list_sink_forget(&bench.list);
    CHECK_OK(scrape(&bench, 4, "b 4\n"), &bench.err); /* h's marker finds no series: fine */
    CHECK_STR(SHOW(&bench, OWN("b", "")), S("4=4"));
    CHECK_U64(tracked(&bench), 1);
    bench_done(&bench);
}

TEST(cache, when_the_sink_cannot_write_the_next_scrape_goes_on_as_if_nothing_was)
{
    Bench bench;
    bench_init(&bench);
    CHECK_OK(scrape(&bench, 1, "a 1\nb 1\n"), &bench.err);
    bench.list.fail_appends = true;
    CHECK(!scrape(&bench, 2, "b 2\nc 2\n"));
    CHECK_I64(bench.err.code, ERR_IO);
    CHECK_U64(tracked(&bench), 2);
    bench.list.fail_appends = false;
    CHECK_OK(scrape(&bench, 3, "b 3\nc 3\n"), &bench.err);
    CHECK_STR(SHOW(&bench, OWN("a", "")), S("1=1 3=stale"));
    CHECK_STR(SHOW(&bench, OWN("c", "")), S("3=3"));
    bench_done(&bench);
}

TEST(cache, a_sink_that_takes_no_more_series_fails_the_scrape)
{
    Bench bench;
    bench_init(&bench);
    bench.list.series_max = 2;
    CHECK(!scrape(&bench, 1, "a 1\nb 1\nc 1\n"));
    CHECK_I64(bench.err.code, ERR_LIMIT);
    CHECK_U64(entries(&bench), 0);
    bench_done(&bench);
}

TEST(cache, exemplars_go_to_the_sink_with_the_samples_time_unless_they_have_their_own)
{
    static const Str page = STR_INIT("# TYPE c counter\n"
                                     "c_total{x=\"1\"} 1 # {trace_id=\"a\"} 0.5\n"
                                     "c_total{x=\"2\"} 1 # {trace_id=\"b\"} 0.25 7\n"
                                     "# EOF\n");
    Bench bench;
    bench_init(&bench);
    CHECK_OK(scrape_as(&bench, 1000, page, EXPOSITION_OPENMETRICS), &bench.err);
    CHECK_U64(bench.list.exemplars.count, 0);
    bench.rules.exemplars = true;
    CHECK_OK(scrape_as(&bench, 2000, page, EXPOSITION_OPENMETRICS), &bench.err);
    CHECK_U64(bench.list.exemplars.count, 2);
    CHECK_STR(bench.list.exemplars.at[0].text, S("{trace_id=\"a\"}"));
    CHECK_I64(bench.list.exemplars.at[0].t_ms, 2000);
    CHECK_I64(bench.list.exemplars.at[1].t_ms, 7000);
    CHECK_F64(bench.list.exemplars.at[1].value, 0.25);
    bench_done(&bench);
}

/*
 * The naive twin: which of the series a page has, in whatever order, and what the sink must then
 * hold of each: a sample a page that has it, a marker where one that had it is followed by one that
 * has not.
 */
enum { UNIVERSE = 400, ROUNDS = 60 };

typedef struct World {
    u32 order[UNIVERSE];
    bool present[UNIVERSE];
    bool was_live[UNIVERSE];
    bool was_known[UNIVERSE]; /* on the last good page */
} World;

static void shuffle(Random *random, u32 *at, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t k = random_below(random, i);
        u32 other = at[k];
        at[k] = at[i - 1];
        at[i - 1] = other;
    }
}

/* One of the ways in which pages change: not at all, series come and go, two swap, all move. */
static void change_world(Random *random, World *world)
{
    u64 a = random_below(random, UNIVERSE), b = random_below(random, UNIVERSE);
    u32 other = world->order[a];
    switch (random_below(random, 6)) {
    case 0:
        for (size_t i = 0; i < UNIVERSE; i++) {
            world->present[i] = world->present[i] != (random_below(random, 20) == 0);
        }
        break;
    case 1:
        world->present[a] = !world->present[a];
        break;
    case 2:
        world->order[a] = world->order[b];
        world->order[b] = other;
        break;
    case 3:
        shuffle(random, world->order, UNIVERSE);
        break;
    default:
        break;
    }
}

static void write_page(const World *world, i64 t_ms, bool bad, Buf *out)
{
    buf_clear(out);
    for (size_t i = 0; i < UNIVERSE; i++) {
        u32 n = world->order[i];
        if (world->present[n]) {
            buf_printf(out, "m{n=\"%u\"} %lld\n", n, (long long)t_ms);
        }
    }
    if (bad) {
        buf_lit(out, "bad line here\n");
    }
}

/* What the page added to each series must be what the twin expects. */
static void compare_world(Bench *bench, World *world, i64 t_ms, bool bad)
{
    u64 added = 0;
    for (u32 n = 0; n < UNIVERSE; n++) {
        char text[64];
        Buf name;
        bool live = world->present[n] && !bad;
        buf_init(&name, sizeof(text));
        buf_printf(&name, "m{instance=\"h:1\", job=\"j\", n=\"%u\"}", n);
        const ListSeries *series = list_sink_find(&bench->list, buf_view(&name));
        bool expect = live || world->was_live[n];
        const ListSample *last =
            series && series->samples.count ? &series->samples.at[series->samples.count - 1] : NULL;
        bool got = last && last->t_ms == t_ms;
        CHECK(got == expect);
        CHECK(!got || is_stale_nan(last->value) == !live);
        CHECK(!live || last->value == (f64)t_ms);
        added += live && !world->was_known[n];
        world->was_live[n] = live;
        world->was_known[n] = bad ? world->was_known[n] : live;
        buf_done(&name);
    }
    if (!bad) {
        CHECK_U64(bench->counts.series_added, added);
    }
}

TEST(cache, pages_that_change_in_every_way_leave_what_the_naive_twin_expects)
{
    static World world;
    Random random;
    Bench bench;
    Buf page;
    memset(&world, 0, sizeof(world));
    random_seed(&random, test_seed());
    bench_init(&bench);
    buf_init(&page, PAGE_MAX);
    for (u32 i = 0; i < UNIVERSE; i++) {
        world.order[i] = i;
        world.present[i] = random_below(&random, 2) == 0;
    }
    for (i64 round = 1; round <= ROUNDS; round++) {
        bool bad = random_below(&random, 8) == 0;
        change_world(&random, &world);
        write_page(&world, round * 1000, bad, &page);
        CHECK(scrape_as(&bench, round * 1000, buf_view(&page), EXPOSITION_TEXT) == !bad);
        compare_world(&bench, &world, round * 1000, bad);
    }
    buf_done(&page);
    bench_done(&bench);
}

TEST(cache, a_page_in_ever_new_order_is_followed_and_a_settled_one_needs_no_table)
{
    enum { LINES = 200 };
    u32 order[LINES];
    Random random;
    Bench bench;
    Buf page;
    ScrapeCacheStats stats;
    random_seed(&random, test_seed());
    bench_init(&bench);
    buf_init(&page, PAGE_MAX);
    for (u32 i = 0; i < LINES; i++) {
        order[i] = i;
    }
    for (i64 round = 1; round <= 40; round++) {
        if (round <= 20) {
            shuffle(&random, order, LINES);
        }
        buf_clear(&page);
        for (size_t i = 0; i < LINES; i++) {
            buf_printf(&page, "m{n=\"%u\"} 1\n", order[i]);
        }
        CHECK_OK(scrape_as(&bench, round, buf_view(&page), EXPOSITION_TEXT), &bench.err);
        CHECK_U64(bench.counts.series_added, round == 1 ? LINES : 0);
        CHECK_U64(bench.counts.duplicates, 0);
    }
    scrape_cache_stats(bench.cache, &stats);
    CHECK_U64(stats.entries, LINES);
    CHECK(stats.bytes < LINES * 24 + 1024); /* entries alone */
    buf_done(&page);
    bench_done(&bench);
}

TEST(cache, a_successor_under_other_rules_ends_what_it_no_longer_has)
{
    Bench bench;
    bench_init(&bench);
    CHECK_OK(scrape(&bench, 1, "a 1\nb 1\n"), &bench.err);
    ScrapeCache *retired = bench.cache;
    bench.cache = scrape_cache_new(&(ScrapeCacheOpts){.rules = &bench.rules,
                                                      .target_labels = {bench.labels, 2},
                                                      .sink = &bench.list.sink,
                                                      .metadata = &bench.metadata});
    Buf body;
    buf_init(&body, PAGE_MAX);
    buf_lit(&body, "b 2\nc 2\n");
    memset(buf_reserve(&body, EXPOSITION_SLACK), 0, EXPOSITION_SLACK);
    ScrapePage page = {.body = buf_view(&body), .t_ms = 2, .now_ms = 2};
    scrape_batch_clear(&bench.batch);
    CHECK_OK(scrape_cache_read(bench.cache, &page, &bench.batch, &bench.counts, &bench.err),
             &bench.err);
    scrape_cache_stale_except(retired, bench.cache, 2, &bench.batch);
    CHECK_OK(scrape_cache_commit(bench.cache, &page, &bench.batch, &bench.counts, &bench.err),
             &bench.err);
    CHECK_STR(SHOW(&bench, OWN("a", "")), S("1=1 2=stale"));
    CHECK_STR(SHOW(&bench, OWN("b", "")), S("1=1 2=2"));
    CHECK_U64(tracked(&bench), 2);
    buf_done(&body);
    scrape_cache_free(retired);
    bench_done(&bench);
}
