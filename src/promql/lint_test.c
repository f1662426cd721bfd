/* Tests of promql/lint.h. */
#include "promql/lint.h"

#include "base/test.h"
#include "promql/parse.h"

#include <stdio.h>

enum {
    ARENA_MAX = 1024 * 1024, /* bytes a query */
    HINTS_MAX = 4,
};

typedef struct LintCase {
    const char *query;
    const char *hints[HINTS_MAX]; /* in order; NULL ends them */
} LintCase;

static const ParseOpts everything = {true, true, true};

static void check_hints(const LintCase *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        Arena arena;
        Expr expr;
        Hint *hint = NULL;
        Err err;
        size_t found = 0;
        arena_init(&arena, ARENA_MAX);
        CHECK_OK(expr_parse(str_from(cases[i].query), &everything, &arena, &expr, &err), &err);
        CHECK_OK(expr_lint(&expr, &arena, &hint, &err), &err);
        for (; hint; hint = hint->next) {
            if (found == HINTS_MAX || !cases[i].hints[found]) {
                (void)fprintf(stderr, "%s: " STR_FMT "\n", cases[i].query, STR_ARG(hint->message));
                CHECK(false);
            }
            CHECK_STR(hint->message, str_from(cases[i].hints[found++]));
            CHECK(hint->at.start < hint->at.end && hint->at.end <= expr.text.len);
        }
        if (found < HINTS_MAX && cases[i].hints[found]) {
            (void)fprintf(stderr, "%s: no hint\n", cases[i].query);
            CHECK(false);
        }
        expr_done(&expr);
        arena_done(&arena);
    }
}

TEST(lint, what_is_surely_not_meant_is_said)
{
    static const LintCase cases[] = {
        {"up{a=\"1\",a=\"2\"}", {"no series matches: a=\"1\" contradicts another matcher"}},
        {"up{a=\"1\",a!=\"1\"}", {"no series matches: a=\"1\" contradicts another matcher"}},
        {"up{a=\"x\",a=~\"y.*\"}", {"no series matches: a=\"x\" contradicts another matcher"}},
        {"{__name__=\"a\",__name__=\"b\"}",
         {"no series matches: __name__=\"a\" contradicts another matcher"}},
        {"up{a=~\".*\"}", {"a=~\".*\" matches every series, also those without the label"}},
        {"up{a=~\"api\"}", {"a=\"api\" says the same without a regular expression"}},
        {"up{a!~\"a-b_c\"}", {"a!=\"a-b_c\" says the same without a regular expression"}},
        {"rate(up{a=~\"\"}[5m])", {"a=\"\" says the same without a regular expression"}},
        {"sum by (job) (sum by (instance) (up))", {"no series has the label job that by () keeps"}},
        {"sum by (a) (sum without (a, b) (up))", {"no series has the label a that by () keeps"}},
        {"sum without (a) (sum by (b) (up))", {"no series has the label a that without () drops"}},
        {"topk(3, sum by (a) (up)) + on (b) up",
         {"no series has the label b on the left side, which on () matches by"}},
        {"up * on (b) group_left (c) sum by (b) (up)",
         {"no series has the label c on the side that group_left () or group_right () takes it "
          "from"}},
        {"sum by (b) (up) * on (b) group_right (c) up",
         {"no series has the label c on the side that group_left () or group_right () takes it "
          "from"}},
        {"sum(up) and on (x) sum(up)",
         {"no series has the label x on the left side, which on () matches by",
          "no series has the label x on the right side, which on () matches by"}},
        {"sum by (c) (up + on (a, b) up)", {"no series has the label c that by () keeps"}},
        {"sum by (a) (up + ignoring (a) up)", {"no series has the label a that by () keeps"}},
        {"sum by (a) (vector(1))", {"no series has the label a that by () keeps"}},
        {"sum by (a) (up{a=\"\"})", {"no series has the label a that by () keeps"}},
        {"sum by (a) (sum(x) or sum by (b) (y))", {"no series has the label a that by () keeps"}},
        {"sum by (le) (histogram_quantile(0.9, x_bucket))",
         {"no series has the label le that by () keeps"}},
        {"histogram_quantile(0.9, sum by (job) (rate(x_bucket[5m])))",
         {"histogram_quantile needs the label le, which no series has here"}},
        {"rate(sum(x)[5m:])", {"a sum hides the resets of its counters: sum (rate (…)) sees them"}},
        {"increase((sum by (a) (x))[5m:1m])",
         {"a sum hides the resets of its counters: sum (increase (…)) sees them"}},
        {"sum by (a) (sum(x)) + sum by (b) (sum(y))",
         {"no series has the label a that by () keeps",
          "no series has the label b that by () keeps"}},
    };
    check_hints(cases, COUNT_OF(cases));
}

TEST(lint, what_may_be_meant_is_left_alone)
{
    static const LintCase cases[] = {
        {"up", {NULL}},
        {"1 + 2", {NULL}},
        {"up{a=\"1\",b=\"2\"}", {NULL}},
        {"up{a=\"1\",a=\"1\",a=~\"1|2\",a!=\"2\"}", {NULL}},
        {"up{a=~\"a|b\",b=~\"x.*\",c!~\".+\"}", {NULL}},
        {"sum by (job) (rate(x[5m]))", {NULL}},
        {"sum by (job) (sum by (job, instance) (up))", {NULL}},
        {"sum by (a) (label_replace(sum(up), \"a\", \"x\", \"\", \"\"))", {NULL}},
        {"sum by (a) (label_join(sum(up), \"a\", \"x\"))", {NULL}},
        {"sum by (v) (count_values(\"v\", up))", {NULL}},
        {"sum by (c) (up * on (b) group_left (c) info_metric)", {NULL}},
        {"sum by (a) (sum(x) or y)", {NULL}},
        {"sum by (a) (y or sum(x))", {NULL}},
        {"sum by (a) (sum by (a) (x) or sum by (b) (y))", {NULL}},
        {"sum by (a) (x and on (b) y)", {NULL}},
        {"sum by (a) (absent(x))", {NULL}},
        {"sum by (a) (info(sum(x)))", {NULL}},
        {"sum by (a) (2 * sum by (a) (x))", {NULL}},
        {"sum by (a) (-(sum by (a) (x) > 0))", {NULL}},
        {"histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))", {NULL}},
        {"histogram_quantile(0.9, sum by (job) (rate(native_seconds[5m])))", {NULL}},
        {"sum(rate(x[5m]))", {NULL}},
        {"rate(x[5m:])", {NULL}},
        {"max_over_time(sum(x)[5m:])", {NULL}},
        {"rate(sum(rate(x[5m]))[5m:])", {NULL}},
        {"on_call{a=\"b\"} == bool on () other", {NULL}},
    };
    check_hints(cases, COUNT_OF(cases));
}

TEST(lint, memory_is_bounded)
{
    Arena arena, small;
    Expr expr;
    Hint *hint = NULL;
    Err err;
    arena_init(&arena, ARENA_MAX);
    arena_init(&small, 64);
    CHECK_OK(expr_parse(S("up{a=~\"x\",b=~\"y\",c=~\"z\"}"), NULL, &arena, &expr, &err), &err);
    CHECK(!expr_lint(&expr, &small, &hint, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK(hint == NULL);
    expr_done(&expr);
    arena_done(&small);
    arena_done(&arena);
}
