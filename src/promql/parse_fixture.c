/* Parse cases: see parse_fixture.h. Layer: promql, tests only. Thread: main. */
#include "promql/parse_fixture.h"

#include "base/test.h"
#include "promql/print.h"

#include <stdio.h>
#include <string.h>

enum {
    ARENA_MAX = 1024 * 1024, /* bytes a query */
    PRINT_MAX = 64 * 1024,
};

static void check_prints(const Expr *expr, Str want)
{
    Buf text;
    buf_init(&text, PRINT_MAX);
    node_print(&text, expr->root);
    CHECK(buf_ok(&text, NULL));
    CHECK_STR(buf_view(&text), want);
    buf_done(&text);
}

void check_accepted(const AcceptCase *cases, size_t count, const ParseOpts *opts)
{
    for (size_t i = 0; i < count; i++) {
        Arena arena;
        Expr expr;
        Err err;
        arena_init(&arena, ARENA_MAX);
        if (!expr_parse(str_from(cases[i].query), opts, &arena, &expr, &err)) {
            (void)fprintf(stderr, "%s\n", cases[i].query);
            CHECK_OK(false, &err);
        }
        CHECK_STR(expr.text, str_from(cases[i].query));
        CHECK(expr.root->at.end <= expr.text.len && expr.root->at.start < expr.root->at.end);
        check_prints(&expr, str_from(cases[i].printed ? cases[i].printed : cases[i].query));
        expr_done(&expr);
        arena_done(&arena);
    }
}

/* The place that the message names must be the place in the error. */
static void check_place(const Err *err, const char *query)
{
    char place[64];
    if (*query) {
        (void)snprintf(place, sizeof(place), "%u:%u: parse error: ", err->line, err->column);
        CHECK(strncmp(err->message, place, strlen(place)) == 0);
        CHECK(err->pos <= strlen(query));
    }
}

void check_refused(const RefuseCase *cases, size_t count, const ParseOpts *opts)
{
    for (size_t i = 0; i < count; i++) {
        Arena arena;
        Expr expr = {.root = NULL};
        Err err = {0};
        arena_init(&arena, ARENA_MAX);
        if (expr_parse(str_from(cases[i].query), opts, &arena, &expr, &err)) {
            (void)fprintf(stderr, "accepted: %s\n", cases[i].query);
            CHECK(false);
        }
        CHECK_STR(str_from(err.message), str_from(cases[i].error));
        CHECK_I64(err.code, ERR_INVALID);
        CHECK(expr.root == NULL);
        check_place(&err, cases[i].query);
        arena_done(&arena);
    }
}
