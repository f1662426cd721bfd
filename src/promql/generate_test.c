/* Tests of promql/generate_fixture.h, and properties of the parser and printer over what it makes.
 */
#include "promql/generate_fixture.h"

#include "base/test.h"
#include "promql/parse.h"
#include "promql/print.h"

#include <stdio.h>

enum {
    ROUNDS = 4000,
    ARENA_MAX = 4 * 1024 * 1024, /* bytes a query */
    TEXT_MAX = 1024 * 1024,
};

static const char *const metrics[] = {"up", "http_requests_total", "job:up:sum", "sum", "offset"};
static const char *const labels[] = {"job", "instance", "code", "by"};
static const char *const values[] = {"api", "web", "200", "500"};

static const ParseOpts everything = {true, true, true};

static GenerateOpts opts_for(u64 round)
{
    return (GenerateOpts){
        .metrics = metrics,
        .metric_count = COUNT_OF(metrics),
        .labels = labels,
        .label_count = COUNT_OF(labels),
        .values = values,
        .value_count = COUNT_OF(values),
        .depth = (u32)(round % 6),
        .range_max_s = 600,
        .at_s = round % 2 == 0 ? 1700000000 : 0,
        .version_2 = round % 3 == 0,
        .experimental = round % 3 == 1,
    };
}

/* The line that the text's tree prints as, in `ret`. */
static bool parse_and_print(Str text, const ParseOpts *opts, ValueType type, Buf *ret, Buf *folded)
{
    Arena arena;
    Expr expr;
    Err err;
    arena_init(&arena, ARENA_MAX);
    if (!expr_parse(text, opts, &arena, &expr, &err)) {
        (void)fprintf(stderr, STR_FMT "\n%s\n", STR_ARG(text), err.message);
        arena_done(&arena);
        return false;
    }
    CHECK_I64(expr.root->type, type);
    buf_clear(ret);
    node_print(ret, expr.root);
    if (folded) {
        buf_clear(folded);
        node_pretty(folded, expr.root);
    }
    expr_done(&expr);
    arena_done(&arena);
    return buf_ok(ret, NULL);
}

TEST(generate, everything_made_is_valid_and_its_print_reads_back)
{
    static const ValueType types[] = {VALUE_VECTOR, VALUE_VECTOR, VALUE_SCALAR, VALUE_MATRIX,
                                      VALUE_STRING};
    Random random;
    Buf text, line, folded, again;
    random_seed(&random, test_seed());
    buf_init(&text, TEXT_MAX);
    buf_init(&line, TEXT_MAX);
    buf_init(&folded, TEXT_MAX);
    buf_init(&again, TEXT_MAX);
    for (u64 round = 0; round < ROUNDS; round++) {
        GenerateOpts opts = opts_for(round);
        ValueType type = types[round % COUNT_OF(types)];
        buf_clear(&text);
        generate_expr(&random, &opts, type, &text);
        CHECK(buf_ok(&text, NULL));
        CHECK(parse_and_print(buf_view(&text), opts.experimental ? &everything : NULL, type, &line,
                              &folded));
        CHECK(parse_and_print(buf_view(&line), &everything, type, &again, NULL));
        CHECK_STR(buf_view(&again), buf_view(&line));
        CHECK(parse_and_print(buf_view(&folded), &everything, type, &again, NULL));
        CHECK_STR(buf_view(&again), buf_view(&line));
    }
    buf_done(&text);
    buf_done(&line);
    buf_done(&folded);
    buf_done(&again);
}

TEST(generate, one_seed_makes_one_sequence)
{
    Buf first, second;
    buf_init(&first, TEXT_MAX);
    buf_init(&second, TEXT_MAX);
    for (int i = 0; i < 2; i++) {
        Random random;
        random_seed(&random, 42);
        for (u64 round = 0; round < 100; round++) {
            GenerateOpts opts = opts_for(round);
            generate_expr(&random, &opts, VALUE_VECTOR, i == 0 ? &first : &second);
        }
    }
    CHECK(first.len > 1000);
    CHECK_STR(buf_view(&first), buf_view(&second));
    buf_done(&first);
    buf_done(&second);
}
