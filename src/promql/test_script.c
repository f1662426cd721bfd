/*
 * Test script: commands and evaluations. See test_script.h.
 *
 * Layer: promql. Memory: an arena for each command, one for the report. Thread: the caller's.
 */
#include "promql/test_script.h"

#include "base/time.h"
#include "base/vec.h"
#include "promql/parse.h"
#include "promql/test_script_parts.h"

#include <string.h>

enum {
    COMMAND_MEMORY_MAX = 1024 * 1024 * 1024, /* bytes of one command */
    REPORT_MEMORY_MAX = 64 * 1024 * 1024,    /* bytes of all failures */
    FAILURES_MAX = 100 * 1000,
};

typedef struct Script {
    ScriptLines lines;
    ArraySource *store;
    Engine *engine;
    Arena arena; /* of the command at hand */
    Arena all;   /* of the lines */
    ScriptReport *report;
} Script;

static bool script_error(size_t line, Err *err, const char *what)
{
    return err_set_line(err, ERR_INVALID, (u32)line + 1, 1, "%s", what);
}

/* The next word, white space of any length between words. */
static Str take_word(Str *rest)
{
    Str s = str_trim(*rest);
    size_t len = 0;
    while (len < s.len && s.ptr[len] != ' ' && s.ptr[len] != '\t') {
        len++;
    }
    *rest = str_trim(str_skip(s, len));
    return str_take(s, len);
}

static bool take_duration(Str *rest, i64 *ret_ms)
{
    return duration_parse(take_word(rest), ret_ms, NULL);
}

static bool take_keyword(Str *rest, Str keyword)
{
    Str after = *rest;
    if (!str_eq(take_word(&after), keyword)) {
        return false;
    }
    *rest = after;
    return true;
}

/* eval[_fail|_warn|_info|_ordered] instant [at T] QUERY | range from A to B step S QUERY */
static bool parse_eval_line(Str line, ScriptEval *eval)
{
    Str rest = line;
    Str command = take_word(&rest);
    eval->fails = str_eq(command, S("eval_fail"));
    eval->ordered = str_eq(command, S("eval_ordered"));
    eval->legacy_warn = str_eq(command, S("eval_warn"));
    eval->legacy_info = str_eq(command, S("eval_info"));
    Str kind = take_word(&rest);
    eval->range = str_eq(kind, S("range"));
    bool ok = true;
    if (eval->range) {
        ok = take_keyword(&rest, S("from")) && take_duration(&rest, &eval->start_ms) &&
             take_keyword(&rest, S("to")) && take_duration(&rest, &eval->end_ms) &&
             take_keyword(&rest, S("step")) && take_duration(&rest, &eval->step_ms);
    } else {
        ok = str_eq(kind, S("instant")) &&
             (!take_keyword(&rest, S("at")) || take_duration(&rest, &eval->start_ms));
    }
    eval->query = rest;
    return ok && rest.len > 0;
}

static bool add_expectation(Arena *arena, ScriptEval *eval, ScriptExpectation expectation)
{
    ScriptExpectation *grown = ARENA_NEW(arena, ScriptExpectation, eval->expectation_count + 1);
    if (!grown) {
        return false;
    }
    if (eval->expectation_count > 0) {
        memcpy(grown, eval->expectations, eval->expectation_count * sizeof(*grown));
    }
    grown[eval->expectation_count++] = expectation;
    eval->expectations = grown;
    return true;
}

/* expect fail|warn|info [msg: TEXT | regex: PATTERN], expect no_warn|no_info|ordered */
static bool parse_expect(Arena *arena, Str line, ScriptEval *eval)
{
    Str rest = line;
    (void)take_word(&rest);
    Str kind = take_word(&rest);
    ScriptExpectation expectation = {.any = rest.len == 0};
    if (str_skip_prefix(&rest, S("msg:"))) {
        expectation.text = str_trim(rest);
    } else if (str_skip_prefix(&rest, S("regex:"))) {
        expectation.pattern = true;
        expectation.text = str_trim(rest);
    } else if (rest.len > 0) {
        return false;
    }
    if (str_eq(kind, S("ordered"))) {
        eval->ordered = true;
        return true;
    }
    if (str_eq(kind, S("no_warn")) || str_eq(kind, S("no_info"))) {
        *(str_eq(kind, S("no_warn")) ? &eval->no_warn : &eval->no_info) = true;
        return true;
    }
    if (str_eq(kind, S("fail"))) {
        eval->fails = true;
        expectation.kind = EXPECT_FAIL;
    } else if (str_eq(kind, S("warn")) || str_eq(kind, S("info"))) {
        expectation.kind = str_eq(kind, S("warn")) ? EXPECT_WARN : EXPECT_INFO;
    } else {
        return false;
    }
    return add_expectation(arena, eval, expectation);
}

/* expect range vector from A to B step S */
static bool parse_range_vector(Str line, ScriptEval *eval)
{
    Str rest = line;
    eval->range_vector = true;
    return take_keyword(&rest, S("expect")) && take_keyword(&rest, S("range")) &&
           take_keyword(&rest, S("vector")) && take_keyword(&rest, S("from")) &&
           take_duration(&rest, &eval->vector_start_ms) && take_keyword(&rest, S("to")) &&
           take_duration(&rest, &eval->vector_end_ms) && take_keyword(&rest, S("step")) &&
           take_duration(&rest, &eval->vector_step_ms);
}

/* expect string "…": a Go string literal, which is a query by itself. */
static bool parse_string(Arena *arena, Str line, ScriptEval *eval)
{
    ParseOpts opts = {0};
    Expr expr = {0};
    Str literal = str_skip(line, sizeof("expect string") - 1);
    eval->expect_string = true;
    bool ok =
        expr_parse(str_trim(literal), &opts, arena, &expr, NULL) && expr.root->kind == NODE_STRING;
    if (ok) {
        eval->string = expr.root->string.value;
    }
    expr_done(&expr);
    return ok;
}

/* expected_fail_message TEXT, expected_fail_regexp PATTERN: the older form */
static bool parse_legacy_failure(Arena *arena, Str line, ScriptEval *eval, bool *ret_ok)
{
    ScriptExpectation expectation = {.kind = EXPECT_FAIL};
    Str rest = line;
    if (str_skip_prefix(&rest, S("expected_fail_regexp"))) {
        expectation.pattern = true;
    } else if (!str_skip_prefix(&rest, S("expected_fail_message"))) {
        return false;
    }
    expectation.text = str_trim(rest);
    *ret_ok = add_expectation(arena, eval, expectation);
    return true;
}

static bool add_series(Arena *arena, Str line, ScriptEval *eval, Err *err)
{
    ScriptSeries *grown = ARENA_NEW(arena, ScriptSeries, eval->series_count + 1);
    if (!grown) {
        return arena_full(arena, err);
    }
    if (eval->series_count > 0) {
        memcpy(grown, eval->series, eval->series_count * sizeof(*grown));
    }
    eval->series = grown;
    return script_series_parse(line, arena, &grown[eval->series_count++], err);
}

/* One line below an eval. */
static bool parse_expected(Script *script, Str line, ScriptEval *eval, size_t at, Err *err)
{
    Str rest = line;
    bool ok;
    if (parse_legacy_failure(&script->arena, line, eval, &ok)) {
        return ok || arena_full(&script->arena, err);
    }
    if (str_starts_with(line, S("expect range vector"))) {
        return parse_range_vector(line, eval) ||
               script_error(at, err, "invalid range vector definition");
    }
    if (str_starts_with(line, S("expect string"))) {
        return parse_string(&script->arena, line, eval) ||
               script_error(at, err, "expected string literal not valid");
    }
    if (str_eq(take_word(&rest), S("expect"))) {
        return parse_expect(&script->arena, line, eval) ||
               script_error(at, err, "invalid expect statement");
    }
    if (script_number(line, &eval->scalar)) {
        eval->expect_scalar = true;
        return true;
    }
    if (!add_series(&script->arena, line, eval, err)) {
        if (err) {
            err->line = (u32)at + 1;
        }
        return false;
    }
    return true;
}

static bool parse_eval(Script *script, size_t *at, ScriptEval *eval, Err *err)
{
    *eval = (ScriptEval){.line = (u32)*at + 1};
    if (!parse_eval_line(script->lines.at[*at], eval)) {
        return script_error(*at, err, "invalid evaluation command");
    }
    while (*at + 1 < script->lines.count && script->lines.at[*at + 1].len > 0) {
        (*at)++;
        if (!parse_expected(script, script->lines.at[*at], eval, *at, err)) {
            return false;
        }
    }
    return true;
}

static bool depends_on_times(Str query)
{
    static const Str calls[] = {STR_INIT("start()"), STR_INIT("end()"), STR_INIT("range()"),
                                STR_INIT("step()")};
    for (size_t i = 0; i < COUNT_OF(calls); i++) {
        if (str_contains(query, calls[i])) {
            return true;
        }
    }
    return false;
}

/* A query at a time. */
typedef struct Question {
    Str query;
    i64 t_ms;
} Question;

/* An instant query must be what the middle of three steps says. */
static bool check_as_range(Script *script, const ScriptEval *eval, Question question, bool scalar,
                           Buf *why)
{
    QuerySpec spec = {.expr = question.query,
                      .start_ms = question.t_ms - MS_PER_MINUTE,
                      .end_ms = question.t_ms + MS_PER_MINUTE,
                      .step_ms = MS_PER_MINUTE};
    QueryResult *result;
    Err error = {0};
    if (!query_run(script->engine, array_source(script->store), &spec, &result, &error)) {
        buf_printf(why, "%s (as a range query)", error.message);
        return false;
    }
    bool ok = eval->ordered || script_check_middle(eval, result, question.t_ms, scalar, why);
    query_result_free(result);
    return ok;
}

static bool ask(Script *script, const ScriptEval *eval, Question question, Buf *why)
{
    QuerySpec spec = {.expr = question.query,
                      .start_ms = question.t_ms,
                      .end_ms = eval->range ? eval->end_ms : question.t_ms,
                      .step_ms = eval->range ? eval->step_ms : 0};
    QueryResult *result;
    Err error = {0};
    if (!query_run(script->engine, array_source(script->store), &spec, &result, &error)) {
        if (!eval->fails) {
            buf_printf(why, "%s", error.message);
        }
        return eval->fails && script_check_error(eval, &error, why);
    }
    if (eval->fails) {
        buf_lit(why, "expected an error, got none");
        query_result_free(result);
        return false;
    }
    bool scalar = result->type == RESULT_SCALAR;
    bool as_range = !eval->range && !eval->range_vector && !eval->expect_string &&
                    !depends_on_times(eval->query);
    bool ok = script_check_annotations(eval, result, why) && script_check_result(eval, result, why);
    query_result_free(result);
    return ok && (!as_range || check_as_range(script, eval, question, scalar, why));
}

/* Pinned to its time, an instant query says the same at any other. */
static bool ask_pinned(Script *script, const ScriptEval *eval, Buf *why)
{
    i64 t_ms = eval->range_vector ? eval->vector_end_ms : eval->start_ms;
    const i64 times[] = {t_ms ? -10 * t_ms : -1000, 0, t_ms / 5, t_ms, t_ms ? 10 * t_ms : 1000};
    ParseOpts opts = engine_parse_opts(script->engine);
    Question question;
    if (!script_pin_query(eval->query, &opts, t_ms, &script->arena, &question.query)) {
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        question.t_ms = times[i];
        if (!ask(script, eval, question, why)) {
            buf_printf(why, " (as " STR_FMT " at %.3f s)", STR_ARG(question.query),
                       (f64)times[i] / 1000);
            return false;
        }
    }
    return true;
}

static bool run_eval(Script *script, const ScriptEval *eval, Buf *why)
{
    Question question = {.query = eval->query, .t_ms = eval->start_ms};
    return ask(script, eval, question, why) && (eval->range || ask_pinned(script, eval, why));
}

static bool report_failure(Script *script, const ScriptEval *eval, Str why, Err *err)
{
    ScriptReport *report = script->report;
    if (!report->failures) {
        report->failures = ARENA_NEW(&report->arena, ScriptFailure, FAILURES_MAX);
    }
    if (!report->failures || report->failure_count == FAILURES_MAX) {
        return arena_full(&report->arena, err);
    }
    ScriptFailure *failure = &report->failures[report->failure_count++];
    failure->line = eval->line;
    return arena_str(&report->arena, eval->query, &failure->query, err) &&
           arena_str(&report->arena, why, &failure->why, err);
}

static bool do_eval(Script *script, size_t *at, Err *err)
{
    ScriptEval eval;
    if (!parse_eval(script, at, &eval, err)) {
        return false;
    }
    Buf why;
    buf_init(&why, SCRIPT_EXPLANATION_MAX);
    bool passed = run_eval(script, &eval, &why);
    script->report->total++;
    script->report->passed += passed;
    Str text = why.overflowed ? S("(the explanation is too long to show)") : buf_view(&why);
    bool ok = passed || report_failure(script, &eval, text, err);
    buf_done(&why);
    return ok;
}

static bool run_command(Script *script, size_t *at, Err *err)
{
    Str line = script->lines.at[*at];
    if (line.len == 0) {
        return true;
    }
    if (str_eq_ignore_case(line, S("clear"))) {
        array_source_clear(script->store);
        return true;
    }
    if (str_starts_with(line, S("load"))) {
        return script_load(script->store, &script->lines, at, &script->arena, err);
    }
    if (str_starts_with(line, S("eval"))) {
        return do_eval(script, at, err);
    }
    return script_error(*at, err, "invalid command");
}

/* Trimmed lines; a comment is an empty line. */
static bool split_lines(Script *script, Str text, Err *err)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        count += text.ptr[i] == '\n';
    }
    script->lines.at = ARENA_NEW(&script->all, Str, count);
    if (!script->lines.at) {
        return arena_full(&script->all, err);
    }
    Str rest = text.ptr ? text : STR_EMPTY;
    Str line;
    while (rest.ptr && str_split_next(&rest, '\n', &line)) {
        Str trimmed = str_trim(line);
        script->lines.at[script->lines.count++] =
            str_starts_with(trimmed, S("#")) ? STR_EMPTY : trimmed;
    }
    return true;
}

bool script_run(Str text, const EngineOpts *opts, ScriptReport *ret, Err *err)
{
    Script script = {.report = ret};
    *ret = (ScriptReport){0};
    arena_init(&ret->arena, REPORT_MEMORY_MAX);
    arena_init(&script.all, COMMAND_MEMORY_MAX);
    arena_init(&script.arena, COMMAND_MEMORY_MAX);
    script.store = array_source_new();
    script.engine = engine_new(opts);
    bool ok = split_lines(&script, text, err);
    for (size_t at = 0; ok && at < script.lines.count; at++) {
        ok = run_command(&script, &at, err);
        arena_clear(&script.arena);
    }
    engine_free(script.engine);
    array_source_free(script.store);
    arena_done(&script.arena);
    arena_done(&script.all);
    if (!ok) {
        script_report_done(ret);
    }
    return ok;
}

void script_report_done(ScriptReport *report)
{
    arena_done(&report->arena);
    *report = (ScriptReport){0};
}
