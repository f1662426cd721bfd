/*
 * Ask: a small program beside the tests that lets others question the engine: it reads series and
 * queries from standard input and writes answers, one line each, for comparison with a real server
 * (tests/interop/promql_differential.py).
 *
 *     series up{job="a"} 1000=1 2000=NaN       times in milliseconds
 *     instant TIME_MS QUERY
 *     range START_MS END_MS STEP_MS QUERY
 *
 * An answer is "error: …" or the series in order, tab-separated: labels, then time=value pairs.
 * With --3 the ranges are those of 3.x, else those of 2.x.
 *
 * Layer: promql, tests only. Memory: one line at a time. Thread: main.
 */
#include "base/mem.h"
#include "codec/number.h"
#include "promql/array_source.h"
#include "promql/engine.h"
#include "promql/test_script_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SAMPLES_MAX = 100 * 1000, /* of one line */
    ANSWER_MAX = 64 * 1024 * 1024,
};

static Str take_word(Str *rest)
{
    Str word;
    return rest->ptr && str_split_next(rest, ' ', &word) ? word : STR_EMPTY;
}

static bool add_series(ArraySource *store, Str rest, Arena *arena, Err *err)
{
    static ArraySample samples[SAMPLES_MAX];
    Labels labels;
    size_t count = 0;
    if (!script_metric_parse(script_take_metric(&rest), arena, &labels, err)) {
        return false;
    }
    rest = str_trim(rest);
    while (rest.ptr && rest.len > 0 && count < SAMPLES_MAX) {
        Str word = take_word(&rest);
        Str time;
        ArraySample *sample = &samples[count++];
        *sample = (ArraySample){0};
        if (!str_split_next(&word, '=', &time) || !str_to_i64(time, &sample->t_ms) ||
            !f64_parse(word, &sample->value)) {
            return err_set(err, ERR_INVALID, "bad sample");
        }
    }
    return array_source_add(store, labels, samples, count, err);
}

static void put_result(Buf *out, const QueryResult *result)
{
    if (result->type == RESULT_SCALAR) {
        buf_lit(out, "scalar\t");
        buf_f64_g(out, result->scalar);
        return;
    }
    buf_str(out, result->type == RESULT_VECTOR ? S("vector") : S("matrix"));
    for (size_t i = 0; i < result->series_count; i++) {
        const ResultSeries *series = &result->series[i];
        buf_byte(out, '\t');
        labels_format(out, series->labels);
        for (size_t j = 0; j < series->samples.count; j++) {
            buf_byte(out, ' ');
            buf_i64(out, series->samples.t_ms[j]);
            buf_byte(out, '=');
            buf_f64_g(out, series->samples.value[j]);
        }
    }
}

static void answer(Engine *engine, ArraySource *store, const QuerySpec *spec)
{
    QueryResult *result;
    Err err = {0};
    if (!query_run(engine, array_source(store), spec, &result, &err)) {
        (void)printf("error: %s\n", err.message);
        return;
    }
    Buf out;
    buf_init(&out, ANSWER_MAX);
    put_result(&out, result);
    (void)printf(STR_FMT "\n", STR_ARG(buf_view(&out)));
    buf_done(&out);
    query_result_free(result);
}

static bool do_line(Engine *engine, ArraySource *store, Str line, Arena *arena, Err *err)
{
    Str rest = line;
    Str command = take_word(&rest);
    QuerySpec spec = {0};
    if (str_eq(command, S("series"))) {
        return add_series(store, rest, arena, err);
    }
    bool range = str_eq(command, S("range"));
    if (!str_to_i64(take_word(&rest), &spec.start_ms)) {
        return err_set(err, ERR_INVALID, "bad time");
    }
    spec.end_ms = spec.start_ms;
    if (range && (!str_to_i64(take_word(&rest), &spec.end_ms) ||
                  !str_to_i64(take_word(&rest), &spec.step_ms))) {
        return err_set(err, ERR_INVALID, "bad times");
    }
    spec.expr = rest;
    answer(engine, store, &spec);
    (void)fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    bool newer = argc > 1 && strcmp(argv[1], "--3") == 0;
    EngineOpts opts = {.features = newer ? 0 : FEATURE_2X_RANGES};
    Engine *engine = engine_new(&opts);
    ArraySource *store = array_source_new();
    char *line = NULL;
    size_t capacity = 0;
    bool ok = true;
    for (ssize_t len; ok && (len = getline(&line, &capacity, stdin)) > 0;) {
        Arena arena;
        Err err = {0};
        arena_init(&arena, 64 * MIB);
        ok = do_line(engine, store, str_trim((Str){.ptr = line, .len = (size_t)len}), &arena, &err);
        if (!ok) {
            (void)fprintf(stderr, "%s\n", err.message);
        }
        arena_done(&arena);
    }
    free(line);
    array_source_free(store);
    engine_free(engine);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
