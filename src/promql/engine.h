/*
 * Engine: runs PromQL queries against a source, at most so many at a time, each within its budget
 * of samples, bytes and time.
 *
 *     Engine *engine = engine_new(&(EngineOpts){.pool = pool});
 *     QueryResult *result;
 *     if (query_run(engine, source, &spec, &result, err)) { … query_result_free(result); }
 *
 * Layer: promql. Memory: engine_new/engine_free; a result owns all it holds. Thread: every function
 * from any thread; query_run blocks, so call it on a worker.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "model/source.h"
#include "promql/parse.h"
#include "promql/result.h"

#include <stdatomic.h>

typedef struct Pool Pool; /* os/pool.h */
typedef struct Engine Engine;

typedef enum EngineFeature {
    FEATURE_2X_RANGES = 1 << 0,              /* ranges and lookback include their older end */
    FEATURE_EXPERIMENTAL_FUNCTIONS = 1 << 1, /* promql-experimental-functions */
    FEATURE_DELAYED_NAME_REMOVAL = 1 << 2,   /* promql-delayed-name-removal */
    FEATURE_EXTENDED_SELECTORS = 1 << 3,     /* promql-extended-range-selectors */
    FEATURE_FILL_MODIFIERS = 1 << 4,         /* promql-binop-fill-modifiers */
    FEATURE_START_TIMESTAMPS = 1 << 5,       /* use-start-timestamps */
    FEATURE_TYPE_AND_UNIT_LABELS = 1 << 6,   /* type-and-unit-labels */
    FEATURE_PER_STEP_STATS = 1 << 7,         /* promql-per-step-stats */
} EngineFeature;

/* Zero means the default in brackets. */
typedef struct EngineOpts {
    i64 lookback_ms;       /* how old a sample may be and still be current [5 min] */
    i64 subquery_step_ms;  /* step of foo[5m:] [1 min] */
    i64 timeout_ms;        /* longest run of a query, waiting included [2 min] */
    u64 samples_max;       /* most samples of one query in memory [50,000,000] */
    size_t memory_max;     /* bytes of one query's memory [2 GiB] */
    size_t concurrent_max; /* queries running at a time; the others wait [20] */
    u32 features;          /* EngineFeature bits */
    Pool *pool; /* borrowed: spreads series over workers; NULL: the caller's thread alone */
} EngineOpts;

typedef struct QuerySpec {
    Str expr;
    i64 start_ms;
    i64 end_ms;
    i64 step_ms;               /* 0: an instant query at start_ms (end_ms is not looked at) */
    i64 lookback_ms;           /* 0: the engine's */
    i64 subquery_step_ms;      /* of foo[5m:]; 0: the engine's */
    i64 timeout_ms;            /* 0: the engine's; a longer one is cut to it */
    size_t limit;              /* most series in the answer, 0: all */
    const atomic_bool *cancel; /* when it becomes true the query ends; NULL: never */
    bool per_step_stats;       /* needs FEATURE_PER_STEP_STATS */
} QuerySpec;

Engine *engine_new(const EngineOpts *opts);
Engine *engine_free(Engine *engine); /* no query may be running; NULL-safe, returns NULL */
const EngineOpts *engine_opts(const Engine *engine); /* with the defaults filled in */
ParseOpts engine_parse_opts(const Engine *engine);   /* what its queries are parsed with */

/*
 * Runs one query.
 * Errors  ERR_INVALID      the expression does not parse or type-check; line and column are set
 *         ERR_UNSUPPORTED  the evaluation failed (duplicate series, bad arguments …)
 *         ERR_LIMIT        too many samples, or too many bytes
 *         ERR_TIMEOUT      "query timed out in expression evaluation"
 *         ERR_CANCELED     "query was canceled in expression evaluation"
 *         and what the source reports
 */
bool query_run(Engine *engine, Source *source, const QuerySpec *spec, QueryResult **ret,
               Err *err) MUST_USE;

enum {
    ACTIVE_TEXT_MAX = 1024, /* bytes of a query's text that the list keeps */
};

typedef struct ActiveQuery {
    u64 id;
    i64 start_ms;
    bool waiting; /* for a free slot */
    bool killed;
    char text[ACTIVE_TEXT_MAX];
    size_t text_len;
} ActiveQuery;

/* The queries that run or wait now, oldest first; returns how many were written (at most max). */
size_t engine_active(Engine *engine, ActiveQuery *to, size_t max);
bool engine_kill(Engine *engine, u64 id); /* false when there is no such query */
