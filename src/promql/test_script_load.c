/*
 * Test script: the load command, with start timestamps (@st lines) and the conversion of classic
 * histograms to native ones with custom buckets (load_with_nhcb). See test_script.h.
 *
 * Layer: promql. Memory: the arena given. Thread: one.
 */
#include "base/time.h"
#include "base/vec.h"
#include "codec/number.h"
#include "model/histogram.h"
#include "promql/test_script_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool line_error(size_t line, const char *what, Err *err)
{
    return err_set_line(err, ERR_INVALID, (u32)line + 1, 1, "%s", what);
}

/* Digits and a unit, with a sign, at the start of *s. */
static bool take_duration(Str *s, i64 *ret_ms)
{
    Str rest = *s;
    bool negative = str_skip_prefix(&rest, S("-"));
    if (!negative) {
        (void)str_skip_prefix(&rest, S("+"));
    }
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] >= '0' && rest.ptr[len] <= '9') {
        len++;
    }
    while (len < rest.len && rest.ptr[len] >= 'a' && rest.ptr[len] <= 'z' && rest.ptr[len] != 'x') {
        len++;
    }
    i64 ms;
    if (len == 0 || !duration_parse(str_take(rest, len), &ms, NULL)) {
        return false;
    }
    *ret_ms = negative ? -ms : ms;
    *s = str_skip(rest, len);
    return true;
}

typedef VEC(ScriptValue) OffsetList;

/* _  _xN  d  dxN  d±exN: how far the start time lies from each sample. */
static bool take_offsets(Str item, OffsetList *offsets)
{
    i64 base;
    i64 step = 0;
    u64 times = 0;
    bool omitted = str_skip_prefix(&item, S("_"));
    if (omitted) {
        times = 1;
    } else if (!take_duration(&item, &base)) {
        return false;
    } else if (item.len > 0 && item.ptr[0] != 'x' && !take_duration(&item, &step)) {
        return false;
    }
    if (str_skip_prefix(&item, S("x")) && !str_to_u64(item, &times)) {
        return false;
    }
    times += !omitted;
    for (u64 i = 0; i < times; i++) {
        *vec_push(offsets) = omitted ? (ScriptValue){.omitted = true}
                                     : (ScriptValue){.value = (f64)(base + (i64)i * step)};
    }
    return true;
}

static bool parse_offsets(Str line, Arena *arena, Labels *ret_labels, OffsetList *offsets, Err *err)
{
    Str rest = line;
    Str metric = script_take_metric(&rest);
    if (str_ends_with(metric, S("@st"))) {
        metric = str_take(metric, metric.len - 3);
    } else {
        (void)str_skip_prefix(&rest, S("@st"));
    }
    if (!script_metric_parse(metric, arena, ret_labels, err)) {
        return false;
    }
    offsets->count = 0;
    rest = str_trim(rest);
    for (Str item; rest.ptr && str_split_next(&rest, ' ', &item);) {
        Str trimmed = str_trim(item);
        if (trimmed.len > 0 && !take_offsets(trimmed, offsets)) {
            return err_set(err, ERR_INVALID, "invalid @st item: " STR_FMT, STR_ARG(trimmed));
        }
    }
    return true;
}

/* Does the line give start times? The metric is followed by @st without a space. */
static bool is_offset_line(Str line)
{
    size_t at = str_find(line, S("@st"));
    if (at == STR_NOT_FOUND) {
        return false;
    }
    Str rest = line;
    Str metric = script_take_metric(&rest);
    return str_ends_with(metric, S("@st")) || str_starts_with(rest, S("@st"));
}

typedef struct Load {
    ArraySource *store;
    Arena *arena;
    i64 step_ms;
    bool with_nhcb;
    VEC(ScriptSeries) series;
    OffsetList offsets;
    bool has_offsets;
    Labels offset_labels;
} Load;

static bool store_series(Load *load, const ScriptSeries *series, Err *err)
{
    ArraySample *samples = ARENA_NEW(load->arena, ArraySample, series->count + 1);
    size_t count = 0;
    if (!samples) {
        return arena_full(load->arena, err);
    }
    for (size_t i = 0; i < series->count; i++) {
        const ScriptValue *value = &series->values[i];
        if (value->omitted) {
            continue;
        }
        ArraySample *sample = &samples[count++];
        *sample = (ArraySample){
            .t_ms = (i64)i * load->step_ms, .value = value->value, .hist = value->hist};
        if (load->has_offsets && !load->offsets.at[i].omitted) {
            sample->start_ms = sample->t_ms + (i64)load->offsets.at[i].value;
        }
    }
    return array_source_add(load->store, series->labels, samples, count, err);
}

static bool load_line(Load *load, Str line, Err *err)
{
    if (is_offset_line(line)) {
        load->has_offsets = true;
        return parse_offsets(line, load->arena, &load->offset_labels, &load->offsets, err);
    }
    ScriptSeries series;
    if (!script_series_parse(line, load->arena, &series, err)) {
        return false;
    }
    if (load->has_offsets &&
        (!labels_eq(series.labels, load->offset_labels) || load->offsets.count != series.count)) {
        return err_set(err, ERR_INVALID, "the @st line before does not fit this series");
    }
    *vec_push(&load->series) = series;
    bool ok = store_series(load, &series, err);
    load->has_offsets = false;
    return ok;
}

/* A classic histogram's series that make one native series. */
typedef struct Classic {
    Labels base; /* without le and the suffix of the name */
    VEC(size_t) buckets;
    size_t count_series; /* SIZE_MAX: none */
    size_t sum_series;
} Classic;

typedef VEC(Classic) ClassicList;

static bool base_labels(Load *load, Labels labels, Str name, Labels *ret, Err *err)
{
    LabelsBuilder builder;
    labels_builder_init(&builder, load->arena);
    if (!labels_builder_from(&builder, labels, err)) {
        return false;
    }
    labels_builder_del(&builder, S("le"));
    return labels_builder_set(&builder, LABEL_NAME, name, err) &&
           labels_builder_finish(&builder, ret, err);
}

static Classic *find_classic(ClassicList *list, Labels base)
{
    for (size_t i = 0; i < list->count; i++) {
        if (labels_eq(list->at[i].base, base)) {
            return &list->at[i];
        }
    }
    Classic *classic = vec_push(list);
    *classic = (Classic){.base = base, .count_series = SIZE_MAX, .sum_series = SIZE_MAX};
    return classic;
}

static bool classify(Load *load, size_t index, ClassicList *list, Err *err)
{
    Labels labels = load->series.at[index].labels;
    Str name = labels_get(labels, LABEL_NAME);
    static const Str suffixes[] = {STR_INIT("_bucket"), STR_INIT("_count"), STR_INIT("_sum")};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        f64 bound;
        if (!str_ends_with(name, suffixes[i]) ||
            (i == 0 && (!f64_parse(labels_get(labels, S("le")), &bound) || isnan(bound)))) {
            continue;
        }
        Labels base;
        if (!base_labels(load, labels, str_take(name, name.len - suffixes[i].len), &base, err)) {
            return false;
        }
        Classic *classic = find_classic(list, base);
        if (i == 0) {
            *vec_push(&classic->buckets) = index;
        } else {
            *(i == 1 ? &classic->count_series : &classic->sum_series) = index;
        }
    }
    return true;
}

typedef struct Cumulative {
    f64 bound;
    f64 count;
} Cumulative;

static int by_bound(const void *a, const void *b)
{
    f64 left = ((const Cumulative *)a)->bound;
    f64 right = ((const Cumulative *)b)->bound;
    return (left > right) - (left < right);
}

static bool value_at(const Load *load, size_t series, size_t step, f64 *ret)
{
    if (series == SIZE_MAX || step >= load->series.at[series].count) {
        return false;
    }
    const ScriptValue *value = &load->series.at[series].values[step];
    *ret = value->value;
    return !value->omitted && !value->hist;
}

/* Cumulative classic buckets into the spans and counts of a native histogram. */
static bool native_buckets(Arena *arena, const Cumulative *buckets, size_t count, Histogram *ret)
{
    f64 *bounds = ARENA_NEW(arena, f64, count);
    f64 *counts = ARENA_NEW(arena, f64, count);
    Span *span = ARENA_NEW(arena, Span, 1);
    if (!bounds || !counts || !span) {
        return false;
    }
    f64 before = 0;
    for (size_t i = 0; i < count; i++) {
        bounds[i] = buckets[i].bound;
        counts[i] = buckets[i].count - before;
        before = buckets[i].count;
    }
    *span = (Span){.offset = 0, .length = (u32)count};
    ret->custom_bounds = bounds;
    ret->custom_count = count - 1;
    ret->positive =
        (BucketSide){.spans = span, .span_count = 1, .buckets = counts, .bucket_count = count};
    return true;
}

/* *ret NULL: nothing to convert at this step. */
static bool convert_step(Load *load, const Classic *classic, size_t step, const Histogram **ret,
                         Err *err)
{
    *ret = NULL;
    Cumulative *buckets = ARENA_NEW(load->arena, Cumulative, classic->buckets.count + 1);
    Histogram *histogram = ARENA_NEW(load->arena, Histogram, 1);
    if (!buckets || !histogram) {
        return arena_full(load->arena, err);
    }
    size_t count = 0;
    for (size_t i = 0; i < classic->buckets.count; i++) {
        size_t series = classic->buckets.at[i];
        if (value_at(load, series, step, &buckets[count].count)) {
            (void)f64_parse(labels_get(load->series.at[series].labels, S("le")),
                            &buckets[count++].bound);
        }
    }
    qsort(buckets, count, sizeof(*buckets), by_bound);
    *histogram = (Histogram){.schema = HISTOGRAM_CUSTOM_SCHEMA};
    bool has_sum = value_at(load, classic->sum_series, step, &histogram->sum);
    bool has_count = value_at(load, classic->count_series, step, &histogram->count);
    if (count == 0 && !has_sum && !has_count) {
        return true;
    }
    if (!has_count) {
        histogram->count = count > 0 ? buckets[count - 1].count : 0;
    }
    histogram->sum = has_sum ? histogram->sum : 0;
    if (count == 0 || !isinf(buckets[count - 1].bound)) {
        buckets[count++] = (Cumulative){.bound = (f64)INFINITY, .count = histogram->count};
    }
    if (!native_buckets(load->arena, buckets, count, histogram)) {
        return arena_full(load->arena, err);
    }
    *ret = histogram;
    return true;
}

static bool convert_classic(Load *load, const Classic *classic, Err *err)
{
    size_t steps = 0;
    for (size_t i = 0; i < load->series.count; i++) {
        steps = MAX(steps, load->series.at[i].count);
    }
    ArraySample *samples = ARENA_NEW(load->arena, ArraySample, steps + 1);
    size_t count = 0;
    if (!samples) {
        return arena_full(load->arena, err);
    }
    for (size_t step = 0; step < steps; step++) {
        const Histogram *histogram;
        if (!convert_step(load, classic, step, &histogram, err)) {
            return false;
        }
        if (histogram) {
            samples[count++] = (ArraySample){.t_ms = (i64)step * load->step_ms, .hist = histogram};
        }
    }
    return array_source_add(load->store, classic->base, samples, count, err);
}

static bool convert_all(Load *load, Err *err)
{
    ClassicList list = {0};
    bool ok = true;
    for (size_t i = 0; i < load->series.count && ok; i++) {
        ok = classify(load, i, &list, err);
    }
    for (size_t i = 0; i < list.count; i++) {
        ok = ok && convert_classic(load, &list.at[i], err);
        vec_done(&list.at[i].buckets);
    }
    vec_done(&list);
    return ok;
}

bool script_load(ArraySource *store, const ScriptLines *lines, size_t *at, Arena *arena, Err *err)
{
    Load load = {.store = store, .arena = arena};
    Str words = lines->at[*at];
    Str command;
    (void)str_split_next(&words, ' ', &command);
    load.with_nhcb = str_eq(command, S("load_with_nhcb"));
    if (!words.ptr || !duration_parse(str_trim(words), &load.step_ms, NULL)) {
        return line_error(*at, "invalid load command. (load[_with_nhcb] <step:duration>)", err);
    }
    bool ok = true;
    while (ok && *at + 1 < lines->count && lines->at[*at + 1].len > 0) {
        (*at)++;
        ok = load_line(&load, lines->at[*at], err);
        if (!ok && err) {
            err->line = (u32)*at + 1;
        }
    }
    ok = ok && (!load.with_nhcb || convert_all(&load, err));
    vec_done(&load.series);
    vec_done(&load.offsets);
    return ok;
}
