/*
 * Test script: compares answers with what the script expects. Numbers may differ by one millionth
 * of their sum, as in the original's runner. See test_script.h.
 *
 * Layer: promql. Memory: why is the caller's. Thread: one.
 */
#include "codec/number.h"
#include "codec/regex.h"
#include "promql/histogram_math.h"
#include "promql/test_script_parts.h"

#include <float.h>
#include <math.h>

static const f64 epsilon = 1e-6;

static bool nearly(f64 a, f64 b)
{
    if (is_stale_nan(a) || is_stale_nan(b)) {
        return is_stale_nan(a) && is_stale_nan(b);
    }
    if (a == b || (isnan(a) && isnan(b))) {
        return true;
    }
    f64 sum = fabs(a) + fabs(b);
    f64 difference = fabs(a - b);
    if (a == 0 || b == 0 || sum < DBL_MIN) {
        return difference < epsilon * DBL_MIN;
    }
    return difference / MIN(sum, DBL_MAX) < epsilon;
}

/* Populated buckets of a side as index and count. */
typedef struct Populated {
    i32 index;
    f64 count;
} Populated;

static size_t populated(const BucketSide *side, Populated *to, size_t max)
{
    size_t count = 0;
    size_t bucket = 0;
    i32 index = 0;
    for (size_t i = 0; i < side->span_count; i++) {
        index += side->spans[i].offset;
        for (u32 j = 0; j < side->spans[i].length && bucket < side->bucket_count; j++, index++) {
            f64 value = side->buckets[bucket++];
            if (value != 0 && count < max) {
                to[count++] = (Populated){.index = index, .count = value};
            }
        }
    }
    return count;
}

enum {
    BUCKETS_MAX = 2000, /* populated buckets of a side that are compared */
};

static bool sides_match(const BucketSide *a, const BucketSide *b)
{
    static _Thread_local Populated left[BUCKETS_MAX];
    static _Thread_local Populated right[BUCKETS_MAX];
    size_t count = populated(a, left, BUCKETS_MAX);
    if (count != populated(b, right, BUCKETS_MAX)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (left[i].index != right[i].index || !nearly(left[i].count, right[i].count)) {
            return false;
        }
    }
    return true;
}

static bool histograms_match(const ScriptValue *want, const Histogram *got)
{
    const Histogram *expected = want->hist;
    if (expected->schema != got->schema || !nearly(expected->count, got->count) ||
        !nearly(expected->sum, got->sum) || expected->zero_threshold != got->zero_threshold ||
        !nearly(expected->zero_count, got->zero_count) ||
        (want->hint_set && expected->reset != got->reset)) {
        return false;
    }
    if (histogram_is_custom(expected)) {
        if (expected->custom_count != got->custom_count) {
            return false;
        }
        for (size_t i = 0; i < got->custom_count; i++) {
            if (expected->custom_bounds[i] != got->custom_bounds[i]) {
                return false;
            }
        }
    }
    return sides_match(&expected->positive, &got->positive) &&
           sides_match(&expected->negative, &got->negative);
}

static void put_histogram(Buf *out, const Histogram *histogram)
{
    static const char *const hints[] = {"unknown", "reset", "not_reset", "gauge"};
    buf_printf(out, "schema %d %s ", histogram->schema, hints[histogram->reset]);
    histogram_format(out, histogram);
}

static void put_value(Buf *out, f64 value, const Histogram *histogram)
{
    if (histogram) {
        put_histogram(out, histogram);
    } else {
        buf_f64_g(out, value);
    }
}

static void put_labels(Buf *out, Labels labels)
{
    labels_format(out, labels);
    buf_byte(out, ' ');
}

static const ScriptSeries *find_expected(const ScriptEval *eval, Labels labels, size_t *ret_place)
{
    for (size_t i = 0; i < eval->series_count; i++) {
        if (labels_eq(eval->series[i].labels, labels)) {
            *ret_place = i;
            return &eval->series[i];
        }
    }
    return NULL;
}

static bool value_matches(const ScriptValue *want, f64 value, const Histogram *histogram)
{
    if (!want->hist != !histogram) {
        return false;
    }
    return histogram ? histograms_match(want, histogram) : nearly(want->value, value);
}

static bool wrong_value(Labels labels, i64 t_ms, const ScriptValue *want, f64 value,
                        const Histogram *histogram, Buf *why)
{
    put_labels(why, labels);
    buf_printf(why, "at %.3f s: expected ", (f64)t_ms / 1000);
    put_value(why, want->value, want->hist);
    buf_lit(why, ", got ");
    put_value(why, value, histogram);
    return false;
}

/* Every expected series must be among those that were seen. */
static bool all_seen(const ScriptEval *eval, const ResultSeries *series, size_t count, Buf *why)
{
    for (size_t i = 0; i < eval->series_count; i++) {
        bool seen = eval->series[i].count == 0;
        for (size_t j = 0; j < count && !seen; j++) {
            seen = labels_eq(series[j].labels, eval->series[i].labels);
        }
        if (!seen) {
            buf_lit(why, "expected but missing: ");
            labels_format(why, eval->series[i].labels);
            return false;
        }
    }
    return true;
}

static bool unexpected(const ResultSeries *series, Buf *why)
{
    buf_lit(why, "unexpected: ");
    put_labels(why, series->labels);
    if (series->samples.count > 0) {
        put_value(why, series->samples.value[0],
                  series->samples.hist ? series->samples.hist[0] : NULL);
    }
    return false;
}

static bool check_vector(const ScriptEval *eval, const ResultSeries *series, size_t count,
                         bool ordered, Buf *why)
{
    if (eval->expect_scalar) {
        buf_lit(why, "expected a scalar, got a vector");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        size_t place;
        const ScriptSeries *want = find_expected(eval, series[i].labels, &place);
        const SampleColumns *got = &series[i].samples;
        const Histogram *histogram = got->hist ? got->hist[0] : NULL;
        if (!want || want->count == 0) {
            return unexpected(&series[i], why);
        }
        if (ordered && place != i) {
            put_labels(why, series[i].labels);
            buf_printf(why, "stands at place %zu, expected %zu", i + 1, place + 1);
            return false;
        }
        if (!value_matches(&want->values[0], got->value[0], histogram)) {
            return wrong_value(series[i].labels, got->t_ms[0], &want->values[0], got->value[0],
                               histogram, why);
        }
    }
    return all_seen(eval, series, count, why);
}

static bool check_points(const ScriptEval *eval, const ResultSeries *series,
                         const ScriptSeries *want, Buf *why)
{
    bool vector = eval->range_vector;
    i64 start_ms = vector ? eval->vector_start_ms : eval->start_ms;
    i64 step_ms = vector ? eval->vector_step_ms : eval->step_ms;
    const SampleColumns *got = &series->samples;
    size_t at = 0;
    for (size_t i = 0; i < want->count; i++) {
        i64 t_ms = start_ms + (i64)i * step_ms;
        bool present = at < got->count && got->t_ms[at] == t_ms;
        if (want->values[i].omitted) {
            continue;
        }
        if (!present) {
            put_labels(why, series->labels);
            buf_printf(why, "has nothing at %.3f s", (f64)t_ms / 1000);
            return false;
        }
        const Histogram *histogram = got->hist ? got->hist[at] : NULL;
        if (!value_matches(&want->values[i], got->value[at], histogram)) {
            return wrong_value(series->labels, t_ms, &want->values[i], got->value[at], histogram,
                               why);
        }
        at++;
    }
    if (at != got->count) {
        put_labels(why, series->labels);
        buf_printf(why, "has %zu points, expected %zu", got->count, at);
        return false;
    }
    return true;
}

static bool check_matrix(const ScriptEval *eval, const QueryResult *result, Buf *why)
{
    for (size_t i = 0; i < result->series_count; i++) {
        size_t place;
        const ScriptSeries *want = find_expected(eval, result->series[i].labels, &place);
        if (!want) {
            return unexpected(&result->series[i], why);
        }
        if (i > 0 && labels_cmp(result->series[i - 1].labels, result->series[i].labels) > 0) {
            buf_lit(why, "the series are not sorted");
            return false;
        }
        if (!check_points(eval, &result->series[i], want, why)) {
            return false;
        }
    }
    return all_seen(eval, result->series, result->series_count, why);
}

static bool check_scalar(const ScriptEval *eval, f64 got, Buf *why)
{
    if (eval->expect_scalar && nearly(eval->scalar, got)) {
        return true;
    }
    buf_lit(why, eval->expect_scalar ? "expected " : "expected a vector, got ");
    if (eval->expect_scalar) {
        buf_f64_g(why, eval->scalar);
        buf_lit(why, ", got ");
    }
    buf_f64_g(why, got);
    return false;
}

bool script_check_result(const ScriptEval *eval, const QueryResult *result, Buf *why)
{
    switch (result->type) {
    case RESULT_SCALAR:
        return check_scalar(eval, result->scalar, why);
    case RESULT_STRING:
        if (str_eq(eval->string, result->string)) {
            return true;
        }
        buf_printf(why, "expected \"" STR_FMT "\", got \"" STR_FMT "\"", STR_ARG(eval->string),
                   STR_ARG(result->string));
        return false;
    case RESULT_VECTOR:
        return check_vector(eval, result->series, result->series_count, eval->ordered, why);
    case RESULT_MATRIX:
        return check_matrix(eval, result, why);
    }
    return false;
}

bool script_check_middle(const ScriptEval *eval, const QueryResult *range, i64 t_ms, bool scalar,
                         Buf *why)
{
    QueryResult middle = {.type = RESULT_VECTOR};
    arena_init(&middle.arena, 256 * MIB);
    ResultSeries *series = ARENA_NEW(&middle.arena, ResultSeries, range->series_count + 1);
    bool ok = series != NULL;
    for (size_t i = 0; ok && i < range->series_count; i++) {
        const SampleColumns *from = &range->series[i].samples;
        for (size_t j = 0; j < from->count; j++) {
            if (from->t_ms[j] == t_ms) {
                series[middle.series_count++] =
                    (ResultSeries){.labels = range->series[i].labels,
                                   .samples = {.t_ms = &from->t_ms[j],
                                               .value = &from->value[j],
                                               .hist = from->hist ? &from->hist[j] : NULL,
                                               .count = 1}};
            }
        }
    }
    if (ok && scalar) {
        ok = middle.series_count == 1 && check_scalar(eval, series[0].samples.value[0], why);
    } else if (ok) {
        ok = check_vector(eval, series, middle.series_count, false, why);
    }
    if (!ok) {
        buf_lit(why, " (as the middle step of a range query)");
    }
    arena_done(&middle.arena);
    return ok;
}

static bool text_matches(const ScriptExpectation *expectation, Str text)
{
    if (expectation->any) {
        return true;
    }
    if (!expectation->pattern) {
        return str_eq(expectation->text, text);
    }
    Regex *regex;
    if (!regex_new(expectation->text, 0, &regex, NULL)) {
        return false;
    }
    RegexMatch match;
    bool found = regex_match(regex, text, 0, &match);
    regex_free(regex);
    return found;
}

static bool check_kind(const ScriptEval *eval, ExpectKind kind, const Str *texts, size_t count,
                       Buf *why)
{
    const char *name = kind == EXPECT_WARN ? "warning" : "info";
    bool any_expected = false;
    for (size_t i = 0; i < eval->expectation_count; i++) {
        const ScriptExpectation *expectation = &eval->expectations[i];
        if (expectation->kind != kind) {
            continue;
        }
        any_expected = true;
        bool found = false;
        for (size_t j = 0; j < count && !found; j++) {
            found = text_matches(expectation, texts[j]);
        }
        if (!found) {
            buf_printf(why, "expected %s \"" STR_FMT "\"", name, STR_ARG(expectation->text));
            for (size_t j = 0; j < count; j++) {
                buf_printf(why, ", got \"" STR_FMT "\"", STR_ARG(texts[j]));
            }
            return false;
        }
    }
    for (size_t j = 0; any_expected && j < count; j++) {
        bool wanted = false;
        for (size_t i = 0; i < eval->expectation_count && !wanted; i++) {
            wanted = eval->expectations[i].kind == kind &&
                     text_matches(&eval->expectations[i], texts[j]);
        }
        if (!wanted) {
            buf_printf(why, "unexpected %s \"" STR_FMT "\"", name, STR_ARG(texts[j]));
            return false;
        }
    }
    bool forbidden = kind == EXPECT_WARN ? eval->no_warn : eval->no_info;
    if (forbidden && count > 0) {
        buf_printf(why, "unexpected %s \"" STR_FMT "\"", name, STR_ARG(texts[0]));
        return false;
    }
    return true;
}

bool script_check_annotations(const ScriptEval *eval, const QueryResult *result, Buf *why)
{
    if ((eval->legacy_warn && result->warning_count == 0) ||
        (eval->legacy_info && result->info_count == 0)) {
        buf_lit(why, "expected an annotation, got none");
        return false;
    }
    return check_kind(eval, EXPECT_WARN, result->warnings, result->warning_count, why) &&
           check_kind(eval, EXPECT_INFO, result->infos, result->info_count, why);
}

bool script_check_error(const ScriptEval *eval, const Err *error, Buf *why)
{
    Str message = str_from(error->message);
    for (size_t i = 0; i < eval->expectation_count; i++) {
        const ScriptExpectation *expectation = &eval->expectations[i];
        if (expectation->kind == EXPECT_FAIL && !text_matches(expectation, message)) {
            buf_printf(why, "expected the error \"" STR_FMT "\", got \"" STR_FMT "\"",
                       STR_ARG(expectation->text), STR_ARG(message));
            return false;
        }
    }
    return true;
}
