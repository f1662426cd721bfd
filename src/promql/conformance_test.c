/*
 * The original's own suites, from the shared data: 3.14 with delayed name removal and everything
 * experimental on, 2.42 with the older range semantics. What does not pass is listed in
 * tests/conformance/promql_known_failures.txt; the list must be exact in both directions, so it can
 * only be changed knowingly.
 */
#include "base/arena.h"
#include "base/test.h"
#include "os/file.h"
#include "promql/test_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SCRIPT_MAX = 4 * 1024 * 1024, /* bytes of a script */
    FAILURES_MAX = 4096,
    PATH_LEN_MAX = 1024,
};

typedef struct Suite {
    const char *name;
    const char *dir; /* below the shared data */
    u32 features;
} Suite;

static const Suite suites[] = {
    {"3.14", "prometheus/prometheus-3.14.0/promql/promqltest/testdata",
     FEATURE_EXPERIMENTAL_FUNCTIONS | FEATURE_DELAYED_NAME_REMOVAL | FEATURE_EXTENDED_SELECTORS |
         FEATURE_FILL_MODIFIERS | FEATURE_START_TIMESTAMPS},
    {"2.42", "prometheus/prometheus-2.42.0/promql/testdata",
     FEATURE_2X_RANGES | FEATURE_EXPERIMENTAL_FUNCTIONS},
};

/* "SUITE FILE:LINE" of each evaluation that failed. */
typedef struct Failed {
    Arena arena;
    Str at[FAILURES_MAX];
    size_t count;
} Failed;

static void add_failures(Failed *failed, const Suite *suite, Str file, const ScriptReport *report)
{
    Err err = {0};
    bool show = getenv("VIGIE_SHOW_FAILURES") != NULL;
    for (size_t i = 0; i < report->failure_count; i++) {
        const ScriptFailure *failure = &report->failures[i];
        CHECK(failed->count < FAILURES_MAX);
        CHECK_OK(arena_printf(&failed->arena, &failed->at[failed->count++], &err,
                              "%s " STR_FMT ":%u", suite->name, STR_ARG(file), failure->line),
                 &err);
        if (show) {
            (void)printf("    line %u: " STR_FMT "\n        " STR_FMT "\n", failure->line,
                         STR_ARG(failure->query), STR_ARG(failure->why));
        }
    }
}

static void run_file(const Suite *suite, Str dir, Str file, Failed *failed, size_t totals[2])
{
    char path[PATH_LEN_MAX];
    EngineOpts opts = {.features = suite->features, .samples_max = 10000, .timeout_ms = 100000};
    Err err = {0};
    Arena arena;
    Str text;
    ScriptReport report;
    arena_init(&arena, SCRIPT_MAX * 2);
    (void)snprintf(path, sizeof(path), STR_FMT "/" STR_FMT, STR_ARG(dir), STR_ARG(file));
    CHECK_OK(file_read(path, SCRIPT_MAX, &arena, &text, &err), &err);
    bool ran = script_run(text, &opts, &report, &err);
    if (!ran) {
        (void)printf(STR_FMT ":%u\n", STR_ARG(file), err.line);
    }
    CHECK_OK(ran, &err);
    (void)printf("  %s %-30.*s %4zu of %4zu\n", suite->name, STR_ARG(file), report.passed,
                 report.total);
    totals[0] += report.passed;
    totals[1] += report.total;
    add_failures(failed, suite, file, &report);
    script_report_done(&report);
    arena_done(&arena);
}

static void run_suite(const Suite *suite, Str root, Failed *failed)
{
    char dir[PATH_LEN_MAX];
    Err err = {0};
    Arena arena;
    Str *files;
    size_t count;
    size_t totals[2] = {0, 0};
    arena_init(&arena, MIB);
    (void)snprintf(dir, sizeof(dir), STR_FMT "/%s", STR_ARG(root), suite->dir);
    CHECK_OK(dir_list(dir, &arena, &files, &count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        if (str_ends_with(files[i], S(".test"))) {
            run_file(suite, str_from(dir), files[i], failed, totals);
        }
    }
    (void)printf("  %s: %zu of %zu evaluations pass\n", suite->name, totals[0], totals[1]);
    arena_done(&arena);
}

static bool listed(const Failed *failed, Str entry)
{
    for (size_t i = 0; i < failed->count; i++) {
        if (str_eq(failed->at[i], entry)) {
            return true;
        }
    }
    return false;
}

static void check_known(const Failed *failed, Str known)
{
    size_t known_count = 0;
    size_t wrong = 0;
    Str rest = known;
    Str line;
    while (rest.ptr && str_split_next(&rest, '\n', &line)) {
        line = str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#') {
            continue;
        }
        known_count++;
        if (!listed(failed, line)) {
            (void)printf("passes now, strike it from the list: " STR_FMT "\n", STR_ARG(line));
            wrong++;
        }
    }
    for (size_t i = 0; i < failed->count; i++) {
        char needle[PATH_LEN_MAX];
        (void)snprintf(needle, sizeof(needle), STR_FMT "\n", STR_ARG(failed->at[i]));
        if (!str_contains(known, str_from(needle))) {
            (void)printf("fails and is not listed: " STR_FMT "\n", STR_ARG(failed->at[i]));
            wrong++;
        }
    }
    CHECK_U64(wrong, 0);
    CHECK_U64(known_count, failed->count);
}

TEST(promql_conformance, the_originals_suites_pass_except_what_is_listed)
{
    static Failed failed;
    Err err = {0};
    Str root;
    Str known = STR_EMPTY;
    if (!test_conformance_dir(&root)) {
        TEST_SKIP("the shared conformance data is not here");
        return;
    }
    arena_init(&failed.arena, 4 * MIB);
    for (size_t i = 0; i < COUNT_OF(suites); i++) {
        run_suite(&suites[i], root, &failed);
    }
    CHECK_OK(file_read(VIGIE_SOURCE_ROOT "/tests/conformance/promql_known_failures.txt", SCRIPT_MAX,
                       &failed.arena, &known, &err),
             &err);
    check_known(&failed, known);
    arena_done(&failed.arena);
}
