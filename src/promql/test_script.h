/*
 * Test script: runs files in the format of the original's PromQL tests: `load` fills a store of
 * arrays, `eval` runs a query and compares the answer, `clear` empties the store.
 *
 *     load 1m
 *       http_requests_total{job="api"} 0+10x5 _ stale
 *     eval instant at 5m rate(http_requests_total[5m])
 *       {job="api"} 0.16666666666666666
 *
 * An instant query is also run as the middle step of a range query, and, pinned with @ to its time,
 * at other times, as the original does.
 *
 * Layer: promql. Memory: script_report_done. Thread: the caller's.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "promql/engine.h"

enum {
    SCRIPT_EXPLANATION_MAX = 4096, /* bytes that say how an evaluation failed */
};

typedef struct ScriptFailure {
    u32 line; /* of the eval command */
    Str query;
    Str why; /* expected and got */
} ScriptFailure;

typedef struct ScriptReport {
    size_t total; /* eval commands */
    size_t passed;
    ScriptFailure *failures;
    size_t failure_count;
    Arena arena; /* owned */
} ScriptReport;

/*
 * Runs a script. A failed evaluation goes into the report and the script goes on.
 * Errors  ERR_INVALID with line: the script itself is malformed
 */
bool script_run(Str text, const EngineOpts *opts, ScriptReport *ret, Err *err) MUST_USE;
void script_report_done(ScriptReport *report);
