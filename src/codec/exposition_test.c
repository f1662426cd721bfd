/* Tests of codec/exposition.h: what each format takes and refuses, and where it says so. */
#include "codec/exposition.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/test.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PAGE_MAX = 8 * 1024 * 1024, /* bytes of a conformance file */
};

/* A page with the bytes behind it that a fetch buffer has; they look like more of it. */
typedef struct Page {
    char *bytes; /* owned */
    Str text;
} Page;

static Page page_new(Str text)
{
    Page page = {.bytes = mem_alloc(text.len + EXPOSITION_SLACK)};
    if (text.len > 0) {
        memcpy(page.bytes, text.ptr, text.len);
    }
    memset(page.bytes + text.len, '7', EXPOSITION_SLACK);
    memcpy(page.bytes + text.len, "7\"} 8\n", 6);
    page.text = (Str){.ptr = page.bytes, .len = text.len};
    return page;
}

static ExpositionReader start(Page *page, ExpositionFormat format, Str text)
{
    ExpositionReader reader;
    *page = page_new(text);
    exposition_init(&reader, format, page->text);
    return reader;
}

/* One entry as text: what the tables below compare. */
static void print_entry(Buf *out, const ExpositionReader *reader, ExpositionEntry entry)
{
    static const char *const names[] = {
        [EXPOSITION_HELP] = "help", [EXPOSITION_TYPE] = "type", [EXPOSITION_UNIT] = "unit"};
    switch (entry) {
    case EXPOSITION_SAMPLE:
        buf_printf(out, "[" STR_FMT "] %g", STR_ARG(reader->series_text), reader->value);
        if (reader->has_timestamp) {
            buf_printf(out, " @%lld", (long long)reader->t_ms);
        }
        if (reader->exemplar_text.len > 0) {
            buf_printf(out, " <" STR_FMT ">", STR_ARG(reader->exemplar_text));
        }
        buf_lit(out, "; ");
        break;
    case EXPOSITION_COMMENT:
        buf_printf(out, "comment [" STR_FMT "]; ", STR_ARG(reader->text));
        break;
    case EXPOSITION_HELP:
    case EXPOSITION_TYPE:
    case EXPOSITION_UNIT:
        buf_printf(out, "%s [" STR_FMT "] [" STR_FMT "]; ", names[entry], STR_ARG(reader->family),
                   STR_ARG(reader->text));
        break;
    default:
        break;
    }
}

static void check_page(ExpositionFormat format, Str text, const char *want)
{
    Buf got;
    Page page;
    Err err = {0};
    ExpositionEntry entry;
    ExpositionReader reader = start(&page, format, text);
    buf_init(&got, 64 * KIB);
    do {
        entry = exposition_next(&reader, &err);
        print_entry(&got, &reader, entry);
    } while (entry != EXPOSITION_END && entry != EXPOSITION_BAD);
    CHECK_OK(entry == EXPOSITION_END, &err);
    CHECK_STR(buf_view(&got), str_from(want));
    buf_done(&got);
    mem_free(page.bytes);
}

typedef struct Row {
    Str text;
    const char *want;
} Row;

TEST(exposition, text_pages_give_their_entries)
{
    static const Row rows[] = {
        {STR_INIT(""), ""},
        {STR_INIT("\n \n\t\n"), ""},
        {STR_INIT("up 1\n"), "[up] 1; "},
        {STR_INIT("up 1"), "[up] 1; "},
        {STR_INIT("up{} 1\n"), "[up{}] 1; "},
        {STR_INIT("a{b=\"c\"} 12.5\nd 3\n"), "[a{b=\"c\"}] 12.5; [d] 3; "},
        {STR_INIT("a{b=\"c\"}2\n"), "[a{b=\"c\"}] 2; "},
        {STR_INIT("a {b=\"c\"} 2\n"), "[a {b=\"c\"}] 2; "},
        {STR_INIT("a { b = \"c\" , } 2\n"), "[a { b = \"c\" , }] 2; "},
        {STR_INIT("  a\t 2 \t \n"), "[a] 2; "},
        {STR_INIT("a 2 1700000000000\n"), "[a] 2 @1700000000000; "},
        {STR_INIT("a\t2\t\t5\t\n"), "[a] 2 @5; "},
        {STR_INIT("a NaN\nb +Inf\nc -Inf 7\n"), "[a] nan; [b] inf; [c] -inf @7; "},
        {STR_INIT("a nan\na INF\na Infinity\n"), "[a] nan; [a] inf; [a] inf; "},
        {STR_INIT("a{b=\"}\"} 1\n"), "[a{b=\"}\"}] 1; "},
        {STR_INIT("a{b=\"\\\"} 2\\\\\"} 1\n"), "[a{b=\"\\\"} 2\\\\\"}] 1; "},
        {STR_INIT("a{b=\"x\ny\"} 1\nc 2\n"), "[a{b=\"x\ny\"}] 1; [c] 2; "},
        {STR_INIT("{\"my.metric\",a=\"b\"} 1\n"), "[{\"my.metric\",a=\"b\"}] 1; "},
        {STR_INIT(":a:b_1 1\n"), "[:a:b_1] 1; "},
        {STR_INIT("a 123456789012345678901234567890\n"), "[a] 1.23457e+29; "},
        {STR_INIT("a 1e3\nb 1E-3 4\nc .5\nd 5.\ne -0\n"),
         "[a] 1000; [b] 0.001 @4; [c] 0.5; [d] 5; [e] -0; "},
        {STR_INIT("# HELP a some  text \n# TYPE a counter\n"),
         "help [a] [some  text ]; type [a] [counter]; "},
        {STR_INIT("# HELP a\n# HELP b  \n# HELP c  two\n"),
         "help [a] []; help [b] []; help [c] [ two]; "},
        {STR_INIT("#  HELP\ta x\n\t# TYPE  a\tgauge\n"), "help [a] [x]; type [a] [gauge]; "},
        {STR_INIT("# TYPE a histogram\n# TYPE a summary\n# TYPE a untyped\n"),
         "type [a] [histogram]; type [a] [summary]; type [a] [untyped]; "},
        {STR_INIT("# HELP \"my.metric\" x\n# TYPE \"my.metric\" gauge\n"),
         "help [my.metric] [x]; type [my.metric] [gauge]; "},
        {STR_INIT("#\n# \n#HELP a x\n# HELPX a\n# HELP\n# UNIT a_s s\n# EOF\n#"),
         "comment [#]; comment [# ]; comment [#HELP a x]; comment [# HELPX a]; comment [# HELP]; "
         "comment [# UNIT a_s s]; comment [# EOF]; comment [#]; "},
        {STR_INIT("a 1\n# TYPE a gauge\n# HELP a x\na 2\n"),
         "[a] 1; type [a] [gauge]; help [a] [x]; [a] 2; "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_page(EXPOSITION_TEXT, rows[i].text, rows[i].want);
    }
}

TEST(exposition, openmetrics_pages_give_their_entries)
{
    static const Row rows[] = {
        {STR_INIT("# EOF"), ""},
        {STR_INIT("# EOF\n"), ""},
        {STR_INIT("a 1\n# EOF\n"), "[a] 1; "},
        {STR_INIT("a{b=\"c\"} 1 1.5\n# EOF\n"), "[a{b=\"c\"}] 1 @1500; "},
        {STR_INIT("a 1 -0.0015\n# EOF\n"), "[a] 1 @-1; "},
        {STR_INIT("a 1 1.5e3\n# EOF\n"), "[a] 1 @1500000; "},
        {STR_INIT("a 1 12345678901234567890.5\n# EOF\n"), "[a] 1 @9223372036854775807; "},
        {STR_INIT("a 1 -1e300\n# EOF\n"), "[a] 1 @-9223372036854775808; "},
        {STR_INIT("a_total 1 # {t=\"x\"} 0.5\n# EOF\n"), "[a_total] 1 <# {t=\"x\"} 0.5>; "},
        {STR_INIT("a_total 1 2 # {} 0.5 3.25\n# EOF\n"), "[a_total] 1 @2000 <# {} 0.5 3.25>; "},
        {STR_INIT("a{x=\" # {\"} 1 # {t=\"} # \\\"\"} 1\n# EOF\n"),
         "[a{x=\" # {\"}] 1 <# {t=\"} # \\\"\"} 1>; "},
        {STR_INIT("# HELP a \n# TYPE a gauge\n# UNIT a_s s\n# UNIT a \n# EOF\n"),
         "help [a] []; type [a] [gauge]; unit [a_s] [s]; unit [a] []; "},
        {STR_INIT(
             "# TYPE a unknown\n# TYPE a stateset\n# TYPE a info\n# TYPE a gaugehistogram\n# EOF"),
         "type [a] [unknown]; type [a] [stateset]; type [a] [info]; type [a] [gaugehistogram]; "},
        {STR_INIT("{\"a.b\"} NaN\n# EOF\n"), "[{\"a.b\"}] nan; "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_page(EXPOSITION_OPENMETRICS, rows[i].text, rows[i].want);
    }
}

/* The first complaint about a page, its labels included. False when there is none. */
static bool find_error(ExpositionFormat format, Str text, Err *err)
{
    Page page;
    Arena arena;
    bool found = false;
    ExpositionEntry entry;
    ExpositionReader reader = start(&page, format, text);
    arena_init(&arena, 1 * MIB);
    do {
        ExpositionLabel *labels;
        size_t count;
        entry = exposition_next(&reader, err);
        found = entry == EXPOSITION_BAD ||
                (entry == EXPOSITION_SAMPLE &&
                 !exposition_labels(reader.series_text, &arena, &labels, &count, err));
    } while (!found && entry != EXPOSITION_END);
    arena_done(&arena);
    mem_free(page.bytes);
    return found;
}

TEST(exposition, text_pages_are_refused_for_one_bad_line)
{
    static const Str rows[] = {
        STR_INIT("a"),
        STR_INIT("a\n"),
        STR_INIT("a \n"),
        STR_INIT("a b\n"),
        STR_INIT("a 1 2 3\n"),
        STR_INIT("a 1 x\n"),
        STR_INIT("a 1 -5\n"),
        STR_INIT("a 1 +5\n"),
        STR_INIT("a 1 1.5\n"),
        STR_INIT("a 1 99999999999999999999\n"),
        STR_INIT("a 1 # x\n"),
        STR_INIT("a 1 # {t=\"x\"} 1\n"),
        STR_INIT("a 0x1p3\n"),
        STR_INIT("a 0x10\n"),
        STR_INIT("a 1_000\n"),
        STR_INIT("a 1e400\n"),
        STR_INIT("a 1,5\n"),
        STR_INIT("a 1\r\n"),
        STR_INIT("a +NaN\n"),
        STR_INIT("1a 1\n"),
        STR_INIT("a-b 1\n"),
        STR_INIT("a.b 1\n"),
        STR_INIT("\xc3\xa9 1\n"),
        STR_INIT("a\"b 1\n"),
        STR_INIT("a{b=\"c\" 1\n"),
        STR_INIT("a{b=\"c} 1\n"),
        STR_INIT("a{b=c} 1\n"),
        STR_INIT("a{b='c'} 1\n"),
        STR_INIT("a{b} 1\n"),
        STR_INIT("a{\"b\"} 1\n"),
        STR_INIT("a{b=} 1\n"),
        STR_INIT("a{=\"c\"} 1\n"),
        STR_INIT("a{,} 1\n"),
        STR_INIT("a{b=\"c\",,d=\"e\"} 1\n"),
        STR_INIT("a{1b=\"c\"} 1\n"),
        STR_INIT("a{b:c=\"d\"} 1\n"),
        STR_INIT("a{b-c=\"d\"} 1\n"),
        STR_INIT("a{b=\"c\"}} 1\n"),
        STR_INIT("a{b=\"c\"}{d=\"e\"} 1\n"),
        STR_INIT("a{b=\"c\"}d 1\n"),
        STR_INIT("a}b{c=\"d\"} 1\n"),
        STR_INIT("a{b=\"\xff\"} 1\n"),
        STR_INIT("a{b=\"\xed\xa0\x80\"} 1\n"),
        STR_INIT("a{b=\"c\\\"} 1\n"),
        STR_INIT("a{b=\"c\"\n} 1\n"),
        STR_INIT("{} 1\n"),
        STR_INIT("{a=\"b\"} 1\n"),
        STR_INIT("{\"\"} 1\n"),
        STR_INIT("{\"a\",\"b\"} 1\n"),
        STR_INIT("{\"a\" \"b\"} 1\n"),
        STR_INIT("{\"a\xff\"} 1\n"),
        STR_INIT("{\"\"=\"x\",\"a\"} 1\n"),
        STR_INIT("{\"a\"}\n"),
        STR_INIT("\"a\" 1\n"),
        STR_INIT("= 1\n"),
        STR_INIT("# TYPE a\n"),
        STR_INIT("# TYPE a \n"),
        STR_INIT("# TYPE a thing\n"),
        STR_INIT("# TYPE a gauge \n"),
        STR_INIT("# TYPE a  gauge\n"),
        STR_INIT("# TYPE a unknown\n"),
        STR_INIT("# TYPE a info\n"),
        STR_INIT("# TYPE 1a gauge\n"),
        STR_INIT("# TYPE \n"),
        STR_INIT("# HELP \n"),
        STR_INIT("# HELP 1 x\n"),
        STR_INIT("# HELP \"a x\n"),
        STR_INIT("# HELP a \xff\n"),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = {0};
        if (!find_error(EXPOSITION_TEXT, rows[i], &err)) {
            (void)fprintf(stderr, "taken: " STR_FMT "\n", STR_ARG(rows[i]));
        }
        CHECK(find_error(EXPOSITION_TEXT, rows[i], &err));
        CHECK_I64(err.code, ERR_INVALID);
        CHECK(err.message[0] != '\0');
    }
}

TEST(exposition, openmetrics_pages_are_refused_for_what_text_pages_may_have)
{
    static const Str rows[] = {
        STR_INIT(""),
        STR_INIT("a 1\n"),
        STR_INIT("a 1"),
        STR_INIT("# EOF\n\n"),
        STR_INIT("# EOF\na 1\n"),
        STR_INIT("# EOFa"),
        STR_INIT("# EOF \n"),
        STR_INIT("#EOF\n"),
        STR_INIT("#  EOF\n"),
        STR_INIT("\n# EOF\n"),
        STR_INIT("a 1\n\n# EOF\n"),
        STR_INIT(" a 1\n# EOF\n"),
        STR_INIT("a  1\n# EOF\n"),
        STR_INIT("a\t1\n# EOF\n"),
        STR_INIT("a 1 \n# EOF\n"),
        STR_INIT("a 1 2 \n# EOF\n"),
        STR_INIT("a 1  2\n# EOF\n"),
        STR_INIT("a 1 2 3\n# EOF\n"),
        STR_INIT("a 1 NaN\n# EOF\n"),
        STR_INIT("a 1 Inf\n# EOF\n"),
        STR_INIT("a 1 1_0\n# EOF\n"),
        STR_INIT("a 1 x\n# EOF\n"),
        STR_INIT("a{b=\"c\"}1\n# EOF\n"),
        STR_INIT("a {b=\"c\"} 1\n# EOF\n"),
        STR_INIT("a{b=\"x\ny\"} 1\n# EOF\n"),
        STR_INIT("# a comment\n# EOF\n"),
        STR_INIT("#\n# EOF\n"),
        STR_INIT("# HELP a\n# EOF\n"),
        STR_INIT("# HELP  a x\n# EOF\n"),
        STR_INIT("#  HELP a x\n# EOF\n"),
        STR_INIT("# HELP\ta x\n# EOF\n"),
        STR_INIT("# HELP a x"),
        STR_INIT("# TYPE a untyped\n# EOF\n"),
        STR_INIT("# UNIT a s\n# EOF\n"),
        STR_INIT("# UNIT a_s m\n# EOF\n"),
        STR_INIT("# UNIT as s\n# EOF\n"),
        STR_INIT("# UNIT s s\n# EOF\n"),
        STR_INIT("a 1 #\n# EOF\n"),
        STR_INIT("a 1 # {} \n# EOF\n"),
        STR_INIT("a 1 # {}\n# EOF\n"),
        STR_INIT("a 1 # {}1\n# EOF\n"),
        STR_INIT("a 1 # {} x\n# EOF\n"),
        STR_INIT("a 1 # {} 1 x\n# EOF\n"),
        STR_INIT("a 1 # {} 1 NaN\n# EOF\n"),
        STR_INIT("a 1 # {} 1 2 3\n# EOF\n"),
        STR_INIT("a 1 # {} 1 2 \n# EOF\n"),
        STR_INIT("a 1 #{} 1\n# EOF\n"),
        STR_INIT("a 1 # {t=x} 1\n# EOF\n"),
        STR_INIT("a 1 # {\"t\"} 1\n# EOF\n"),
        STR_INIT("a 1 # {t=\"x} 1\n# EOF\n"),
        STR_INIT("a 1# {} 1\n# EOF\n"),
        STR_INIT("a 1 2# {} 1\n# EOF\n"),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = {0};
        if (!find_error(EXPOSITION_OPENMETRICS, rows[i], &err)) {
            (void)fprintf(stderr, "taken: " STR_FMT "\n", STR_ARG(rows[i]));
        }
        CHECK(find_error(EXPOSITION_OPENMETRICS, rows[i], &err));
        CHECK_I64(err.code, ERR_INVALID);
    }
}

TEST(exposition, errors_name_line_and_column)
{
    static const struct {
        ExpositionFormat format;
        Str text;
        u32 line;
        u32 column;
        const char *message;
    } rows[] = {
        {EXPOSITION_TEXT, STR_INIT("a 1\nb x\n"), 2, 3, "the value is not a number"},
        {EXPOSITION_TEXT, STR_INIT("a 1\n\n  b\n"), 3, 4, "expected a value"},
        {EXPOSITION_TEXT, STR_INIT("a{b=\"x\ny\nz\"} 1\nc 1 t\n"), 4, 5, "expected a timestamp"},
        {EXPOSITION_TEXT, STR_INIT("a 1 2 3\n"), 1, 7, "expected the end of the line"},
        {EXPOSITION_TEXT, STR_INIT("a{b=\"c 1\n"), 1, 5, "the quote is not closed"},
        {EXPOSITION_TEXT, STR_INIT("a{b=\"c\" 1\n"), 1, 10,
         "the labels do not end in a closing brace"},
        {EXPOSITION_TEXT, STR_INIT("# TYPE a x\n"), 1, 10, "not a metric type"},
        {EXPOSITION_OPENMETRICS, STR_INIT("a 1\n"), 2, 1, "the page does not end in \"# EOF\""},
        {EXPOSITION_OPENMETRICS, STR_INIT("a 1"), 1, 4, "the page does not end in \"# EOF\""},
        {EXPOSITION_OPENMETRICS, STR_INIT(""), 1, 1, "the page does not end in \"# EOF\""},
        {EXPOSITION_OPENMETRICS, STR_INIT("a 1 # {t=\"x\"} y\n# EOF\n"), 1, 16,
         "the exemplar has no value"},
        {EXPOSITION_OPENMETRICS, STR_INIT("a 1\n\n# EOF\n"), 2, 1, "expected a metric name"},
        {EXPOSITION_OPENMETRICS, STR_INIT("# EOF\nx\n"), 1, 7, "something stands behind \"# EOF\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = {0};
        CHECK(find_error(rows[i].format, rows[i].text, &err));
        CHECK_STR(str_from(err.message), str_from(rows[i].message));
        CHECK_U64(err.line, rows[i].line);
        CHECK_U64(err.column, rows[i].column);
    }
}

TEST(exposition, lines_are_counted)
{
    Page page;
    ExpositionReader reader =
        start(&page, EXPOSITION_TEXT, S("a 1\n\n# x\nb{c=\"1\n2\"} 1\nd 1\n"));
    static const u64 lines[] = {1, 3, 4, 6};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        CHECK(exposition_next(&reader, NULL) != EXPOSITION_BAD);
        CHECK_U64(reader.line, lines[i]);
    }
    CHECK_I64(exposition_next(&reader, NULL), EXPOSITION_END);
    mem_free(page.bytes);
}

TEST(exposition, labels_come_apart_in_order)
{
    static const struct {
        Str text;
        size_t count;
        Str pairs[8];
    } rows[] = {
        {STR_INIT("up"), 1, {STR_INIT("__name__"), STR_INIT("up")}},
        {STR_INIT("up{}"), 1, {STR_INIT("__name__"), STR_INIT("up")}},
        {STR_INIT("a{z=\"1\",b=\"\"}"),
         3,
         {STR_INIT("__name__"), STR_INIT("a"), STR_INIT("z"), STR_INIT("1"), STR_INIT("b"),
          STR_INIT("")}},
        {STR_INIT("a { z = \"1\" b=\"2\" , }"),
         3,
         {STR_INIT("__name__"), STR_INIT("a"), STR_INIT("z"), STR_INIT("1"), STR_INIT("b"),
          STR_INIT("2")}},
        {STR_INIT("a{b=\"\\\\ \\\" \\n \\x \"}"),
         2,
         {STR_INIT("__name__"), STR_INIT("a"), STR_INIT("b"), STR_INIT("\\ \" \n \\x ")}},
        {STR_INIT("{\"my.metric\",\"k y\"=\"v\"}"),
         2,
         {STR_INIT("__name__"), STR_INIT("my.metric"), STR_INIT("k y"), STR_INIT("v")}},
        {STR_INIT("{k=\"v\",\"\xc3\xa9\\\"\\n\"}"),
         2,
         {STR_INIT("__name__"), STR_INIT("\xc3\xa9\"\n"), STR_INIT("k"), STR_INIT("v")}},
        {STR_INIT("a{b=\"}{,=\"}"),
         2,
         {STR_INIT("__name__"), STR_INIT("a"), STR_INIT("b"), STR_INIT("}{,=")}},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Arena arena;
        Err err;
        ExpositionLabel *labels;
        size_t count;
        arena_init(&arena, 64 * KIB);
        CHECK_OK(exposition_labels(rows[i].text, &arena, &labels, &count, &err), &err);
        CHECK_U64(count, rows[i].count);
        for (size_t k = 0; k < count; k++) {
            CHECK_STR(labels[k].name, rows[i].pairs[2 * k]);
            CHECK_STR(labels[k].value, rows[i].pairs[2 * k + 1]);
        }
        arena_done(&arena);
    }
}

TEST(exposition, labels_that_do_not_fit_the_arena_are_a_limit)
{
    Arena arena;
    Err err;
    ExpositionLabel *labels = NULL;
    size_t count = 7;
    arena_init(&arena, 32);
    CHECK(!exposition_labels(S("a{b=\"c\",d=\"e\"}"), &arena, &labels, &count, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK(labels == NULL);
    CHECK_U64(count, 7);
    arena_done(&arena);
}

TEST(exposition, the_expected_series_is_recognised_and_only_it)
{
    static const struct {
        Str line;
        Str expected;
        bool as_expected;
        Str series;
    } rows[] = {
        {STR_INIT("a{b=\"c\"} 1\n"), STR_INIT("a{b=\"c\"}"), true, STR_INIT("a{b=\"c\"}")},
        {STR_INIT("a{b=\"c\"} NaN\n"), STR_INIT("a{b=\"c\"}"), true, STR_INIT("a{b=\"c\"}")},
        {STR_INIT("a{b=\"c\"} 1 2\n"), STR_INIT("a{b=\"c\"}"), true, STR_INIT("a{b=\"c\"}")},
        {STR_INIT("a{b=\"d\"} 1\n"), STR_INIT("a{b=\"c\"}"), false, STR_INIT("a{b=\"d\"}")},
        {STR_INIT("ab 1\n"), STR_INIT("a"), false, STR_INIT("ab")},
        {STR_INIT("a {b=\"c\"} 1\n"), STR_INIT("a"), false, STR_INIT("a {b=\"c\"}")},
        {STR_INIT("a  1\n"), STR_INIT("a"), false, STR_INIT("a")},
        {STR_INIT("a 1\n"), STR_INIT(""), false, STR_INIT("a")},
        {STR_INIT("a 1"), STR_INIT("a 1 2 3 4 5"), false, STR_INIT("a")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Page page;
        Err err = {0};
        ExpositionReader reader = start(&page, EXPOSITION_TEXT, rows[i].line);
        reader.expected_series = rows[i].expected;
        CHECK_OK(exposition_next(&reader, &err) == EXPOSITION_SAMPLE, &err);
        CHECK(reader.as_expected == rows[i].as_expected);
        CHECK_STR(reader.series_text, rows[i].series);
        mem_free(page.bytes);
    }
}

/* Braces, quotes and line ends at every place of the blocks that the quick scan reads. */
TEST(exposition, series_of_every_length_end_where_they_end)
{
    for (size_t name = 1; name < 70; name++) {
        for (size_t value = 0; value < 140; value++) {
            char line[512];
            int len = snprintf(line, sizeof(line), "%0*d{l=\"%0*d}\",m=\"\"} 5", (int)name, 0,
                               (int)value, 0);
            line[0] = 'a';
            Page page;
            Err err = {0};
            ExpositionReader reader =
                start(&page, EXPOSITION_TEXT, (Str){.ptr = line, .len = (size_t)len});
            CHECK_OK(exposition_next(&reader, &err) == EXPOSITION_SAMPLE, &err);
            CHECK_U64(reader.series_text.len, (size_t)len - 2);
            CHECK_F64(reader.value, 5);
            CHECK_I64(exposition_next(&reader, &err), EXPOSITION_END);
            mem_free(page.bytes);
        }
    }
}

TEST(exposition, nan_has_the_bits_that_are_stored)
{
    Page page;
    ExpositionReader reader = start(&page, EXPOSITION_TEXT, S("a nAn\n"));
    u64 bits;
    CHECK_I64(exposition_next(&reader, NULL), EXPOSITION_SAMPLE);
    memcpy(&bits, &reader.value, sizeof(bits));
    CHECK_U64(bits, 0x7ff8000000000001ULL);
    mem_free(page.bytes);
}

TEST(exposition, help_is_unescaped_by_format)
{
    static const struct {
        ExpositionFormat format;
        Str text;
        Str want;
    } rows[] = {
        {EXPOSITION_TEXT, STR_INIT("plain"), STR_INIT("plain")},
        {EXPOSITION_TEXT, STR_INIT("a\\nb\\\\n\\\"\\"), STR_INIT("a\nb\\n\\\"\\")},
        {EXPOSITION_OPENMETRICS, STR_INIT("a\\nb\\\\n\\\"\\"), STR_INIT("a\nb\\n\"\\")},
        {EXPOSITION_TEXT, STR_INIT("\\t"), STR_INIT("\\t")},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Arena arena;
        Str got;
        Err err;
        arena_init(&arena, 4096);
        CHECK_OK(exposition_unescape_help(rows[i].text, rows[i].format, &arena, &got, &err), &err);
        CHECK_STR(got, rows[i].want);
        arena_done(&arena);
    }
}

TEST(exposition, exemplars_come_apart)
{
    Arena arena;
    ExpositionLabel *labels;
    size_t count;
    f64 value;
    bool has_t;
    i64 t_ms;
    Err err;
    arena_init(&arena, 4096);
    CHECK_OK(exposition_exemplar(S("# {trace_id=\"a\\\"b\",s=\"2\"} 1.5 1234.5"), &arena, &labels,
                                 &count, &value, &has_t, &t_ms, &err),
             &err);
    CHECK_U64(count, 2);
    CHECK_STR(labels[0].name, S("trace_id"));
    CHECK_STR(labels[0].value, S("a\"b"));
    CHECK_STR(labels[1].value, S("2"));
    CHECK_F64(value, 1.5);
    CHECK(has_t);
    CHECK_I64(t_ms, 1234500);
    CHECK_OK(exposition_exemplar(S("# {} 3"), &arena, &labels, &count, &value, &has_t, &t_ms, &err),
             &err);
    CHECK_U64(count, 0);
    CHECK(!has_t);
    CHECK(!exposition_exemplar(S("# {} "), &arena, &labels, &count, &value, &has_t, &t_ms, &err));
    CHECK_F64(value, 3);
    arena_done(&arena);
}

/* Lines that are samples, counted the simple way. */
static size_t count_samples(Str text)
{
    size_t count = 0;
    Str line;
    while (str_split_next(&text, '\n', &line)) {
        count += line.len > 0 && line.ptr[0] != '#';
    }
    return count;
}

static void check_file(const char *path, ExpositionFormat format)
{
    char *bytes = mem_alloc(PAGE_MAX + EXPOSITION_SLACK);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t size = fread(bytes, 1, PAGE_MAX, file);
    (void)fclose(file);
    Str text = {.ptr = bytes, .len = size};
    CHECK(size > 0 && size < PAGE_MAX);
    ExpositionReader reader;
    ExpositionEntry entry;
    Arena arena;
    Err err = {0};
    size_t samples = 0;
    arena_init(&arena, 1 * MIB);
    exposition_init(&reader, format, text);
    while ((entry = exposition_next(&reader, &err)) != EXPOSITION_END) {
        ExpositionLabel *labels;
        size_t count;
        if (entry == EXPOSITION_BAD) {
            (void)fprintf(stderr, "%s:%u\n", path, err.line);
        }
        CHECK_OK(entry != EXPOSITION_BAD, &err);
        if (entry == EXPOSITION_SAMPLE) {
            arena_clear(&arena);
            CHECK_OK(exposition_labels(reader.series_text, &arena, &labels, &count, &err), &err);
            samples++;
        }
    }
    CHECK_U64(samples, count_samples(text));
    CHECK(samples > 0);
    arena_done(&arena);
    mem_free(bytes);
}

TEST(exposition, pages_of_real_exporters_are_read_whole)
{
    Str conformance;
    if (!test_conformance_dir(&conformance)) {
        TEST_SKIP("no conformance data");
    }
    char folder[1024];
    (void)snprintf(folder, sizeof(folder),
                   "%s/prometheus/prometheus-3.14.0/model/textparse/testdata", conformance.ptr);
    DIR *dir = opendir(folder);
    if (!dir) {
        TEST_SKIP("no exposition pages in the conformance data");
    }
    size_t count = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        Str name = str_from(entry->d_name);
        if (str_ends_with(name, S(".txt"))) {
            char path[2048];
            (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
            check_file(path, str_ends_with(name, S(".om.txt")) ? EXPOSITION_OPENMETRICS
                                                               : EXPOSITION_TEXT);
            count++;
        }
    }
    (void)closedir(dir);
    CHECK(count > 0);
}
