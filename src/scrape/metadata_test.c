/* Tests of scrape/metadata.h. */
#include "scrape/metadata.h"

#include "base/buf.h"
#include "base/test.h"

#include <string.h>

enum { ARENA_MAX = 4 * 1024 * 1024 };

typedef struct Bench {
    SymbolTable *strings;
    Metadata metadata;
    Arena arena;
} Bench;

static void bench_init(Bench *bench)
{
    bench->strings = symbols_new();
    metadata_init(&bench->metadata, bench->strings);
    arena_init(&bench->arena, ARENA_MAX);
}

static void bench_done(Bench *bench)
{
    SymbolStats stats;
    metadata_done(&bench->metadata);
    symbols_stats(bench->strings, &stats);
    CHECK_U64(stats.references, 0);
    symbols_free(bench->strings);
    arena_done(&bench->arena);
}

static void read_page(Bench *bench, const char *text, ExpositionFormat format, bool whole)
{
    Buf page;
    ExpositionReader reader;
    Err err;
    buf_init(&page, ARENA_MAX);
    buf_str(&page, str_from(text));
    memset(buf_reserve(&page, EXPOSITION_SLACK), 0, EXPOSITION_SLACK);
    exposition_init(&reader, format, buf_view(&page));
    metadata_page_begin(&bench->metadata);
    for (ExpositionEntry kind; (kind = exposition_next(&reader, &err)) != EXPOSITION_END;) {
        CHECK(kind != EXPOSITION_BAD);
        if (kind == EXPOSITION_HELP || kind == EXPOSITION_TYPE || kind == EXPOSITION_UNIT) {
            (void)metadata_page_line(&bench->metadata, kind, &reader, &bench->arena);
        }
    }
    metadata_page_end(&bench->metadata, whole);
    buf_done(&page);
}

static void show_one(void *self, const MetricMetadata *family)
{
    Buf *out = self;
    buf_printf(out, "%.*s|%s|%.*s|%.*s\n", STR_ARG(family->name), metric_type_name(family->type),
               STR_ARG(family->help), STR_ARG(family->unit));
}

static Str show(Bench *bench)
{
    Buf out;
    Str text = STR_EMPTY;
    Err err;
    buf_init(&out, ARENA_MAX);
    metadata_each(&bench->metadata, show_one, &out);
    CHECK_OK(arena_str(&bench->arena, buf_view(&out), &text, &err), &err);
    buf_done(&out);
    return text;
}

static const char page[] = "# HELP a first\\nline\n# TYPE a counter\na 1\n# HELP b second\nb 1\n";

TEST(metadata, help_type_and_unit_are_kept_per_family)
{
    Bench bench;
    bench_init(&bench);
    read_page(&bench, page, EXPOSITION_TEXT, true);
    CHECK_STR(show(&bench), S("a|counter|first\nline|\nb|unknown|second|\n"));
    read_page(&bench, page, EXPOSITION_TEXT, true);
    CHECK_STR(show(&bench), S("a|counter|first\nline|\nb|unknown|second|\n"));
    read_page(&bench,
              "# TYPE c_seconds histogram\n# UNIT c_seconds seconds\n# HELP c_seconds h\n# EOF\n",
              EXPOSITION_OPENMETRICS, true);
    CHECK_STR(show(&bench), S("a|counter|first\nline|\nb|unknown|second|\n"
                              "c_seconds|histogram|h|seconds\n"));
    bench_done(&bench);
}

TEST(metadata, changes_are_taken_in_and_old_texts_given_back)
{
    Bench bench;
    SymbolStats stats;
    bench_init(&bench);
    read_page(&bench, page, EXPOSITION_TEXT, true);
    read_page(&bench, "# HELP a first\\nline\n# TYPE a gauge\n# HELP b other\n", EXPOSITION_TEXT,
              true);
    CHECK_STR(show(&bench), S("a|gauge|first\nline|\nb|unknown|other|\n"));
    symbols_stats(bench.strings, &stats);
    CHECK_U64(stats.live, 4);
    bench_done(&bench);
}

TEST(metadata, a_family_outlives_ten_pages_without_it)
{
    Bench bench;
    bench_init(&bench);
    read_page(&bench, page, EXPOSITION_TEXT, true);
    for (int i = 0; i < METADATA_KEPT_ROUNDS; i++) {
        read_page(&bench, "# HELP b second\nb 1\n", EXPOSITION_TEXT, true);
        CHECK_STR(show(&bench), S("a|counter|first\nline|\nb|unknown|second|\n"));
    }
    read_page(&bench, "# HELP b second\nb 1\n", EXPOSITION_TEXT, true);
    CHECK_STR(show(&bench), S("b|unknown|second|\n"));
    read_page(&bench, page, EXPOSITION_TEXT, true);
    CHECK_STR(show(&bench), S("b|unknown|second|\na|counter|first\nline|\n"));
    bench_done(&bench);
}

TEST(metadata, a_page_that_failed_forgets_nothing)
{
    Bench bench;
    bench_init(&bench);
    read_page(&bench, page, EXPOSITION_TEXT, true);
    for (int i = 0; i < 2 * METADATA_KEPT_ROUNDS; i++) {
        read_page(&bench, "# HELP a first\\nline\n", EXPOSITION_TEXT, false);
    }
    CHECK_STR(show(&bench), S("a|counter|first\nline|\nb|unknown|second|\n"));
    bench_done(&bench);
}

TEST(metadata, one_family_is_found_by_name)
{
    Bench bench;
    MetricMetadata found = {.name = S("kept")};
    MetadataStats stats;
    bench_init(&bench);
    read_page(&bench, page, EXPOSITION_TEXT, true);
    CHECK(!metadata_find(&bench.metadata, S("first\nline"), &bench.arena, &found));
    CHECK(!metadata_find(&bench.metadata, S("z"), &bench.arena, &found));
    CHECK_STR(found.name, S("kept"));
    CHECK(metadata_find(&bench.metadata, S("a"), &bench.arena, &found));
    CHECK_STR(found.help, S("first\nline"));
    CHECK_I64(found.type, METRIC_COUNTER);
    metadata_stats(&bench.metadata, &stats);
    CHECK_U64(stats.families, 2);
    CHECK_U64(stats.bytes,
              strlen("first\nline") + strlen("counter") + strlen("second") + strlen("unknown"));
    bench_done(&bench);
}

TEST(metadata, types_of_both_formats_are_known)
{
    static const struct {
        Str text;
        MetricType type;
    } good[] = {
        {STR_INIT("counter"), METRIC_COUNTER},
        {STR_INIT("gauge"), METRIC_GAUGE},
        {STR_INIT("histogram"), METRIC_HISTOGRAM},
        {STR_INIT("summary"), METRIC_SUMMARY},
        {STR_INIT("untyped"), METRIC_UNKNOWN},
        {STR_INIT("unknown"), METRIC_UNKNOWN},
        {STR_INIT("info"), METRIC_INFO},
        {STR_INIT("stateset"), METRIC_STATESET},
        {STR_INIT("gaugehistogram"), METRIC_GAUGE_HISTOGRAM},
    };
    MetricType type;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        CHECK(metric_type_parse(good[i].text, &type));
        CHECK_I64(type, good[i].type);
    }
    CHECK(!metric_type_parse(S("Counter"), &type));
    CHECK(!metric_type_parse(S(""), &type));
}
