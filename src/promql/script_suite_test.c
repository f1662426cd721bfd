/*
 * The project's own PromQL suite, tests/promql: every evaluation of every file passes, and the
 * suite names every function, aggregation and operator that there is.
 *
 * A file runs as 3.14 does with everything experimental on; x.immediate.test without delayed name
 * removal, x.2x.test with the ranges of 2.x.
 */
#include "base/arena.h"
#include "base/test.h"
#include "os/file.h"
#include "promql/functions.h"
#include "promql/test_script.h"

#include <stdio.h>

#define SUITE_DIR VIGIE_SOURCE_ROOT "/tests/promql"

enum {
    SCRIPT_MAX = 1024 * 1024, /* bytes of a script */
    PATH_LEN_MAX = 1024,
};

static const u32 experimental = FEATURE_EXPERIMENTAL_FUNCTIONS | FEATURE_EXTENDED_SELECTORS |
                                FEATURE_FILL_MODIFIERS | FEATURE_START_TIMESTAMPS;

static u32 features_of(Str file)
{
    if (str_ends_with(file, S(".2x.test"))) {
        return FEATURE_2X_RANGES | FEATURE_EXPERIMENTAL_FUNCTIONS;
    }
    if (str_ends_with(file, S(".immediate.test"))) {
        return experimental;
    }
    return experimental | FEATURE_DELAYED_NAME_REMOVAL;
}

static Str read_script(Str file, Arena *arena)
{
    char path[PATH_LEN_MAX];
    Err err = {0};
    Str text;
    (void)snprintf(path, sizeof(path), "%s/" STR_FMT, SUITE_DIR, STR_ARG(file));
    CHECK_OK(file_read(path, SCRIPT_MAX, arena, &text, &err), &err);
    return text;
}

static size_t list_scripts(Arena *arena, Str **ret)
{
    Err err = {0};
    size_t count;
    CHECK_OK(dir_list(SUITE_DIR, arena, ret, &count, &err), &err);
    CHECK(count > 0);
    return count;
}

TEST(promql_suite, every_evaluation_of_the_projects_own_scripts_passes)
{
    Arena arena;
    Str *files;
    size_t failures = 0;
    size_t total = 0;
    arena_init(&arena, 64 * MIB);
    size_t count = list_scripts(&arena, &files);
    for (size_t i = 0; i < count; i++) {
        EngineOpts opts = {.features = features_of(files[i]), .samples_max = 10000};
        ScriptReport report;
        Err err = {0};
        bool ran = script_run(read_script(files[i], &arena), &opts, &report, &err);
        if (!ran) {
            (void)printf(STR_FMT ":%u: %s\n", STR_ARG(files[i]), err.line, err.message);
        }
        CHECK_OK(ran, &err);
        for (size_t f = 0; f < report.failure_count; f++) {
            const ScriptFailure *failure = &report.failures[f];
            (void)printf(STR_FMT ":%u: " STR_FMT "\n    " STR_FMT "\n", STR_ARG(files[i]),
                         failure->line, STR_ARG(failure->query), STR_ARG(failure->why));
        }
        failures += report.failure_count;
        total += report.total;
        script_report_done(&report);
    }
    (void)printf("  %zu evaluations in %zu files\n", total, count);
    arena_done(&arena);
    CHECK_U64(failures, 0);
}

/* Is there an eval line that has this text? */
static bool evaluated(Str script, Str text)
{
    Str rest = script;
    Str line;
    while (rest.ptr && str_split_next(&rest, '\n', &line)) {
        if (str_starts_with(line, S("eval")) && str_contains(line, text)) {
            return true;
        }
    }
    return false;
}

static void check_named(Str scripts, const char *name, const char *before, const char *after)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "%s%s%s", before, name, after);
    if (!evaluated(scripts, str_from(text))) {
        (void)printf("no script evaluates %s\n", text);
    }
    CHECK(evaluated(scripts, str_from(text)));
}

TEST(promql_suite, names_every_function_aggregation_and_operator)
{
    Arena arena;
    Str *files;
    Buf all;
    arena_init(&arena, 64 * MIB);
    buf_init(&all, 64 * MIB);
    size_t count = list_scripts(&arena, &files);
    for (size_t i = 0; i < count; i++) {
        buf_str(&all, read_script(files[i], &arena));
        buf_byte(&all, '\n');
    }
    for (int id = 0; id < FUNCTION_COUNT; id++) {
        char name[64];
        (void)snprintf(name, sizeof(name), STR_FMT, STR_ARG(function_get(id)->name));
        check_named(buf_view(&all), name, "", "(");
    }
    for (int op = 0; op < AGGREGATE_OP_COUNT; op++) {
        check_named(buf_view(&all), aggregate_op_name(op), "", "");
    }
    for (int op = 0; op < BINARY_OP_COUNT; op++) {
        check_named(buf_view(&all), binary_op_name(op), " ", " ");
    }
    buf_done(&all);
    arena_done(&arena);
}
