/*
 * Test script, inside: what its files share.
 *
 * Layer: promql. Memory: everything lives in the arena of the command at hand. Thread: one.
 */
#pragma once

#include "promql/array_source.h"
#include "promql/engine.h"
#include "promql/parse.h"
#include "promql/test_script.h"

/* One place of a sequence. */
typedef struct ScriptValue {
    bool omitted; /* _ */
    f64 value;
    const Histogram *hist;
    bool hint_set; /* the histogram names its counter_reset_hint, so it is compared */
} ScriptValue;

typedef struct ScriptSeries {
    Labels labels;
    ScriptValue *values;
    size_t count;
} ScriptSeries;

/* `metric{a="b"} 1 2+3x4 {{schema:0 count:1}}`. Errors  ERR_INVALID */
bool script_series_parse(Str line, Arena *arena, ScriptSeries *ret, Err *err) MUST_USE;

/* The text of the metric at the start of a line; *rest moves behind it. */
Str script_take_metric(Str *rest);
bool script_metric_parse(Str text, Arena *arena, Labels *ret, Err *err) MUST_USE;

/* A number as literals in results may be: ParseInt with any base, or ParseFloat. */
bool script_number(Str s, f64 *ret);

/* test_script_load.c: a load command's lines; *at is left on its last one. */
typedef struct ScriptLines {
    Str *at; /* trimmed; comments are empty */
    size_t count;
} ScriptLines;
bool script_load(ArraySource *store, const ScriptLines *lines, size_t *at, Arena *arena,
                 Err *err) MUST_USE;

typedef enum ExpectKind { EXPECT_FAIL, EXPECT_WARN, EXPECT_INFO, EXPECT_KINDS } ExpectKind;

typedef struct ScriptExpectation {
    ExpectKind kind;
    bool any;     /* no text given */
    bool pattern; /* text is a regular expression */
    Str text;
} ScriptExpectation;

typedef struct ScriptEval {
    u32 line;
    Str query;
    bool range;
    i64 start_ms, end_ms, step_ms;
    bool ordered;
    bool no_warn, no_info;
    bool legacy_warn, legacy_info; /* eval_warn, eval_info: any will do */
    bool fails;
    ScriptExpectation *expectations;
    size_t expectation_count;
    bool expect_scalar;
    f64 scalar;
    bool expect_string;
    Str string;
    bool range_vector; /* an instant query that answers with a range vector */
    i64 vector_start_ms, vector_end_ms, vector_step_ms;
    ScriptSeries *series;
    size_t series_count;
} ScriptEval;

/* test_script_check.c: true when the answer is as expected; else why says what differs. */
bool script_check_result(const ScriptEval *eval, const QueryResult *result, Buf *why);
bool script_check_annotations(const ScriptEval *eval, const QueryResult *result, Buf *why);
bool script_check_error(const ScriptEval *eval, const Err *error, Buf *why);
/* The middle step of a range result against an instant eval. */
bool script_check_middle(const ScriptEval *eval, const QueryResult *range, i64 t_ms, bool scalar,
                         Buf *why);

/* The query with every selector pinned to a time; false when it depends on the time in other ways
 * or does not parse. */
bool script_pin_query(Str query, const ParseOpts *opts, i64 at_ms, Arena *arena, Str *ret);
