/*
 * Parser against what people and the originals wrote: 312 real dashboards, the chapter's queries,
 * the expressions of the original's own suites. Each test prints its counts. Every text that parses
 * also prints, and the print reads back.
 */
#include "promql/parse.h"

#include "base/map.h"
#include "base/test.h"
#include "codec/json.h"
#include "os/dir.h"
#include "os/file.h"
#include "promql/print.h"

#include <stdio.h>

enum {
    FILE_MAX = 16 * 1024 * 1024,        /* bytes */
    CORPUS_MAX = 512 * 1024 * 1024,     /* bytes of texts that a test keeps */
    PATH_LEN_MAX = 4096,                /* bytes */
    QUERY_ARENA_MAX = 16 * 1024 * 1024, /* bytes a query */
};

typedef struct Corpus {
    Arena arena; /* keeps all texts */
    StrMap seen;
    size_t parsed;
    size_t refused;
    bool verbose; /* names what is refused */
} Corpus;

static const ParseOpts everything = {true, true, true};

static void corpus_init(Corpus *corpus)
{
    *corpus = (Corpus){0};
    arena_init(&corpus->arena, CORPUS_MAX);
}

static void corpus_done(Corpus *corpus)
{
    strmap_done(&corpus->seen);
    arena_done(&corpus->arena);
}

static void check_print_reads_back(const Expr *expr)
{
    Arena arena;
    Expr again;
    Buf line, second;
    Err err;
    arena_init(&arena, QUERY_ARENA_MAX);
    buf_init(&line, FILE_MAX);
    buf_init(&second, FILE_MAX);
    node_print(&line, expr->root);
    CHECK_OK(expr_parse(buf_view(&line), &everything, &arena, &again, &err), &err);
    node_print(&second, again.root);
    CHECK_STR(buf_view(&second), buf_view(&line));
    expr_done(&again);
    buf_done(&line);
    buf_done(&second);
    arena_done(&arena);
}

static bool try_parse(Corpus *corpus, Str text, const ParseOpts *opts)
{
    Arena arena;
    Expr expr;
    Err err;
    arena_init(&arena, QUERY_ARENA_MAX);
    bool ok = expr_parse(text, opts, &arena, &expr, &err);
    if (ok) {
        check_print_reads_back(&expr);
        expr_done(&expr);
        corpus->parsed++;
    } else {
        corpus->refused++;
        if (corpus->verbose) {
            (void)printf("  " STR_FMT ": %s\n", STR_ARG(text), err.message);
        }
    }
    arena_done(&arena);
    return ok;
}

/* "[" or "offset" or "topk(" and the like right before the end, white space apart. */
static bool ends_behind(Str text, Str word)
{
    return str_ends_with(str_trim(text), word);
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* What a dashboard's variable may stand for, from its name and from where it stands. */
static Str stand_in(Str name, Str before)
{
    if (str_ends_with(name, S("_s")) || str_ends_with(name, S("_ms"))) {
        return S("300");
    }
    if (str_contains(name, S("nterval")) || str_contains(name, S("ange")) ||
        ends_behind(before, S("[")) || ends_behind(before, S("offset"))) {
        return S("5m");
    }
    if (ends_behind(before, S("topk(")) || ends_behind(before, S("bottomk(")) ||
        ends_behind(before, S("quantile("))) {
        return S("5");
    }
    return S("x");
}

/* $name, ${name:format} and [[name]] replaced. */
static void replace_variables(Str text, Buf *out)
{
    while (text.len > 0) {
        bool brace = str_starts_with(text, S("${"));
        bool bracket = str_starts_with(text, S("[["));
        size_t open = brace || bracket ? 2 : text.ptr[0] == '$';
        size_t end = open;
        while (open > 0 && end < text.len && is_name_byte(text.ptr[end])) {
            end++;
        }
        if (end == open || (text.ptr[open] >= '0' && text.ptr[open] <= '9')) {
            buf_byte(out, (u8)text.ptr[0]);
            text = str_skip(text, 1);
            continue;
        }
        buf_str(out, stand_in(str_slice(text, open, end), buf_view(out)));
        text = str_skip(text, end);
        if (brace || bracket) {
            size_t close = str_find(text, brace ? S("}") : S("]]"));
            text = str_skip(text, close == STR_NOT_FOUND ? text.len : close + (brace ? 1 : 2));
        }
    }
}

static void take_dashboard_expr(Corpus *corpus, Str expr)
{
    Buf text;
    Str copy;
    Err err;
    bool is_new;
    buf_init(&text, FILE_MAX);
    replace_variables(expr, &text);
    CHECK_OK(arena_str(&corpus->arena, buf_view(&text), &copy, &err), &err);
    buf_done(&text);
    (void)strmap_put(&corpus->seen, copy, &is_new);
    if (is_new) {
        (void)try_parse(corpus, copy, NULL);
    }
}

static void walk_json(Corpus *corpus, JsonReader *reader)
{
    Str key;
    Str value;
    switch (json_peek(reader)) {
    case JSON_OBJECT:
        (void)json_begin_object(reader);
        while (json_next_key(reader, &key)) {
            if (str_eq(key, S("expr")) && json_peek(reader) == JSON_STRING &&
                json_str(reader, &value)) {
                take_dashboard_expr(corpus, value);
            } else {
                walk_json(corpus, reader);
            }
        }
        return;
    case JSON_ARRAY:
        (void)json_begin_array(reader);
        while (json_next_item(reader)) {
            walk_json(corpus, reader);
        }
        return;
    default:
        (void)json_skip(reader);
    }
}

static bool read_text(const char *path, Arena *arena, Str *ret)
{
    Err err;
    CHECK_OK(file_read(path, FILE_MAX, arena, ret, &err), &err);
    return true;
}

static size_t walk_dashboards(Corpus *corpus, const char *dir)
{
    Arena names;
    Str *entries;
    size_t count;
    size_t files = 0;
    Err err;
    arena_init(&names, FILE_MAX);
    CHECK_OK(dir_list(dir, &names, &entries, &count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        char path[PATH_LEN_MAX];
        (void)snprintf(path, sizeof(path), "%s/" STR_FMT, dir, STR_ARG(entries[i]));
        if (path_is_dir(path)) {
            files += walk_dashboards(corpus, path);
        } else if (str_ends_with(entries[i], S(".json"))) {
            Arena text_arena;
            Str text;
            JsonReader reader;
            arena_init(&text_arena, 4 * (size_t)FILE_MAX);
            (void)read_text(path, &text_arena, &text);
            json_init(&reader, text, &text_arena);
            walk_json(corpus, &reader);
            CHECK_OK(json_finish(&reader, &err), &err);
            arena_done(&text_arena);
            files++;
        }
    }
    arena_done(&names);
    return files;
}

TEST(conformance, dashboards_parse_but_for_other_languages)
{
    Str dir;
    char path[PATH_LEN_MAX];
    Corpus corpus;
    if (!test_conformance_dir(&dir)) {
        TEST_SKIP("no conformance data");
    }
    (void)snprintf(path, sizeof(path), STR_FMT "/grafana/dashboards", STR_ARG(dir));
    corpus_init(&corpus);
    size_t files = walk_dashboards(&corpus, path);
    (void)printf("dashboards: %zu files, %zu expressions parse, %zu are refused\n", files,
                 corpus.parsed, corpus.refused);
    /* The rest are log queries, MetricsQL, and variables that were whole expressions. */
    CHECK(files >= 300 && corpus.parsed >= 6700 && corpus.refused <= 200);
    corpus_done(&corpus);
}

/* The expression of `eval instant at 5m EXPR` and its kin; false for another line. */
static bool eval_expr(Str line, Str *ret_expr, bool *ret_may_fail)
{
    Str word;
    Str rest = str_trim(line);
    if (!str_starts_with(rest, S("eval")) || !str_split_next(&rest, ' ', &word)) {
        return false;
    }
    *ret_may_fail = str_eq(word, S("eval_fail"));
    if (!str_split_next(&rest, ' ', &word)) {
        return false;
    }
    size_t words = str_eq(word, S("range")) ? 6 : 2; /* from A to B step C, or at T */
    for (size_t i = 0; i < words; i++) {
        if (!str_split_next(&rest, ' ', &word)) {
            return false;
        }
    }
    *ret_expr = str_trim(rest);
    return true;
}

static void take_suite(Corpus *corpus, const char *path, size_t *ret_may_fail)
{
    Str text;
    Str line;
    Str expr;
    bool may_fail;
    (void)read_text(path, &corpus->arena, &text);
    while (str_split_next(&text, '\n', &line)) {
        if (!eval_expr(line, &expr, &may_fail)) {
            continue;
        }
        Str after = text.ptr ? text : STR_EMPTY;
        size_t end = str_find_byte(after, '\n');
        may_fail = may_fail || str_contains(str_take(after, end), S("expect fail"));
        bool renamed = str_contains(expr, S("holt_winters")); /* of 2.x */
        if (!try_parse(corpus, expr, &everything) && !may_fail && !renamed) {
            (void)printf("%s: " STR_FMT "\n", path, STR_ARG(expr));
            CHECK(false);
        }
        *ret_may_fail += may_fail;
    }
}

static void check_suites(const char *below, size_t at_least)
{
    Str dir;
    char pattern[PATH_LEN_MAX];
    Corpus corpus;
    Str *files;
    size_t count;
    size_t may_fail = 0;
    Err err;
    if (!test_conformance_dir(&dir)) {
        TEST_SKIP("no conformance data");
    }
    corpus_init(&corpus);
    (void)snprintf(pattern, sizeof(pattern), STR_FMT "/prometheus/%s/*.test", STR_ARG(dir), below);
    CHECK_OK(path_glob(pattern, &corpus.arena, &files, &count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        take_suite(&corpus, files[i].ptr, &may_fail);
    }
    (void)printf("%s: %zu files, %zu expressions parse, %zu are refused, %zu may fail\n", below,
                 count, corpus.parsed, corpus.refused, may_fail);
    CHECK(corpus.parsed >= at_least);
    corpus_done(&corpus);
}

TEST(conformance, every_expression_of_the_3_14_suite_parses)
{
    check_suites("prometheus-3.14.0/promql/promqltest/testdata", 2000);
}

TEST(conformance, every_expression_of_the_2_42_suite_parses)
{
    check_suites("prometheus-2.42.0/promql/testdata", 500);
}

/* One expression a line, among comments and other text. */
TEST(conformance, the_queries_of_the_chapter_parse)
{
    static const char *const names[] = {"basic", "advanced"};
    Str dir;
    Corpus corpus;
    if (!test_conformance_dir(&dir)) {
        TEST_SKIP("no conformance data");
    }
    corpus_init(&corpus);
    corpus.verbose = true;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char path[PATH_LEN_MAX];
        Str text;
        Str line;
        (void)snprintf(path, sizeof(path), STR_FMT "/../seed/promql/%s.promql", STR_ARG(dir),
                       names[i]);
        (void)read_text(path, &corpus.arena, &text);
        while (str_split_next(&text, '\n', &line)) {
            line = str_trim(line);
            if (line.len > 0 && line.ptr[0] != '#') {
                CHECK(try_parse(&corpus, line, NULL));
            }
        }
    }
    (void)printf("chapter: %zu expressions parse\n", corpus.parsed);
    CHECK(corpus.parsed >= 8);
    corpus_done(&corpus);
}
