/* Benchmark of promql/parse.h: microseconds a query to parse and free; the best of many
 * rounds, as other work on the machine only adds. */
#include "promql/parse.h"

#include <stdio.h>
#include <time.h>

enum {
    ROUNDS = 30,
    OPERATIONS = 2000, /* a round */
    ARENA_MAX = 1024 * 1024,
};

static const char *const queries[] = {
    "up",
    "sum by (job) (rate(http_requests_total{job=\"api\", code!=\"200\"}[5m]))",
    "sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m])) / "
    "sum by (job) (rate(http_requests_total[5m])) > 0.05",
    "histogram_quantile(0.99, sum by (le, job) (rate(http_request_duration_seconds_bucket"
    "{job=~\"api|web|worker\", instance!~\"test.*\"}[5m] offset 1h))) * on (job) group_left "
    "(version) max by (job, version) (build_info)",
};

static f64 now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (f64)now.tv_sec * 1e9 + (f64)now.tv_nsec;
}

static f64 round_ns(Str query, Arena *arena, size_t *ret_bytes)
{
    f64 start_ns = now_ns();
    for (size_t i = 0; i < OPERATIONS; i++) {
        Expr expr;
        Err err;
        bool ok = expr_parse(query, NULL, arena, &expr, &err);
        ASSERT(ok);
        *ret_bytes = arena->used;
        expr_done(&expr);
        arena_clear(arena);
    }
    return (now_ns() - start_ns) / OPERATIONS;
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        Str query = str_from(queries[i]);
        Arena arena;
        size_t bytes = 0;
        f64 best_ns = 1e18;
        arena_init(&arena, ARENA_MAX);
        for (int round = 0; round < ROUNDS; round++) {
            best_ns = MIN(best_ns, round_ns(query, &arena, &bytes));
        }
        (void)printf("parse %4zu bytes of query: %8.2f us, %6zu bytes of arena\n", query.len,
                     best_ns / 1000, bytes);
        arena_done(&arena);
    }
    return 0;
}
