/*
 * Functions over histograms in instant vectors: count, sum, average, deviation; quantiles and
 * fractions of native and of classic histograms.
 *
 * Classic buckets are grouped once, by all labels but `le`; then each group is walked step by step.
 *
 * Layer: promql. Memory: see eval.h. Thread: the query's.
 */
#include "base/map.h"
#include "base/mem.h"
#include "codec/number.h"
#include "promql/call.h"
#include "promql/functions_math.h"
#include "promql/histogram_math.h"

#include <math.h>

enum {
    SCRATCH_MAX = 256 * 1024 * 1024, /* bytes for the buckets of one histogram */
};

static bool histogram_number(FunctionId id, const Histogram *histogram, Arena *scratch, f64 *ret,
                             Err *err)
{
    switch (id) {
    case FUNCTION_histogram_count:
        *ret = histogram->count;
        return true;
    case FUNCTION_histogram_sum:
        *ret = histogram->sum;
        return true;
    case FUNCTION_histogram_avg:
        *ret = histogram->sum / histogram->count;
        return true;
    default:
        break;
    }
    if (!histogram_variance(scratch, histogram, ret)) {
        return arena_full(scratch, err);
    }
    *ret = id == FUNCTION_histogram_stddev ? sqrt(*ret) : *ret;
    return true;
}

static bool number_column(const Call *call, Column *column, Arena *scratch, Err *err)
{
    for (size_t step = 0; step < call->steps->count; step++) {
        if (!bit_get(column->present, step)) {
            continue;
        }
        if (!column_is_histogram(column, step)) {
            bit_clear(column->present, step);
            continue;
        }
        ArenaMark mark = arena_mark(scratch);
        if (!histogram_number(call->node->function, column->hist[step], scratch,
                              &column->value[step], err)) {
            return false;
        }
        arena_reset(scratch, mark);
    }
    column->hist = NULL;
    return true;
}

static bool drop_names(const Call *call, Vector *vector, Err *err)
{
    return vector_settle(vector, err) && vector_drop_names(call->query, vector, err);
}

bool call_histogram_number(const Call *call, Value *ret, Err *err)
{
    if (!call_arg(call, 0, ret, err)) {
        return false;
    }
    Arena scratch;
    bool ok = true;
    arena_init(&scratch, SCRATCH_MAX);
    for (size_t i = 0; i < ret->vector.count && ok; i++) {
        ok = number_column(call, &ret->vector.series[i].column, &scratch, err);
    }
    arena_done(&scratch);
    ok = ok && drop_names(call, &ret->vector, err);
    if (!ok) {
        value_done(ret);
    }
    return ok;
}

/* A set of series that differ in `le` alone. */
typedef struct BucketGroup {
    Labels labels; /* without le */
    size_t first;  /* its series, chained by `next` */
    size_t last;
} BucketGroup;

typedef struct BucketMember {
    f64 upper;
    bool bad;    /* le is missing or no number */
    bool is_key; /* has no le: its histograms and the group's buckets are one thing */
    size_t next; /* SIZE_MAX at the end */
} BucketMember;

/* What a call asks of histograms. */
typedef struct HistogramAsk {
    const Call *call;
    const Vector *input;
    u32 pos; /* of the vector argument */
    BucketGroup *groups;
    size_t group_count;
    BucketMember *members;  /* one a series of the input */
    ClassicBucket *buckets; /* room for the largest group */
    Arena *scratch;
    bool fraction;
    const f64 *first;  /* quantile, or lower bound: a column */
    const f64 *second; /* upper bound */
    Str label;         /* histogram_quantiles: the label of the quantile */
    Vector *output;    /* room for a series of each input series and each group */
} HistogramAsk;

static void member_init(const VectorSeries *series, BucketMember *member)
{
    Str le = labels_get(series->labels, S("le"));
    *member = (BucketMember){.next = SIZE_MAX, .is_key = !labels_has(series->labels, S("le"))};
    member->bad = !f64_parse(le, &member->upper);
}

static bool without_le(const Call *call, Labels labels, Labels *ret, Err *err)
{
    if (!labels_has(labels, S("le"))) {
        *ret = labels;
        return true;
    }
    Label *kept = ARENA_NEW(&call->query->labels, Label, labels.count);
    if (!kept) {
        return arena_full(&call->query->labels, err);
    }
    size_t count = 0;
    for (size_t i = 0; i < labels.count; i++) {
        if (!str_eq(labels.at[i].name, S("le"))) {
            kept[count++] = labels.at[i];
        }
    }
    *ret = (Labels){.at = kept, .count = count};
    return true;
}

static size_t find_group(HistogramAsk *ask, U64Map *by_hash, Labels labels)
{
    for (u64 hash = labels_hash(labels);; hash++) {
        bool is_new;
        u64 *slot = u64map_put(by_hash, hash, &is_new);
        if (is_new) {
            *slot = ask->group_count;
            ask->groups[ask->group_count] =
                (BucketGroup){.labels = labels, .first = SIZE_MAX, .last = SIZE_MAX};
            return ask->group_count++;
        }
        if (labels_eq(ask->groups[*slot].labels, labels)) {
            return *slot;
        }
    }
}

static bool make_groups(HistogramAsk *ask, Err *err)
{
    U64Map by_hash = {0};
    bool ok = true;
    for (size_t i = 0; i < ask->input->count && ok; i++) {
        Labels labels = LABELS_EMPTY;
        member_init(&ask->input->series[i], &ask->members[i]);
        ok = without_le(ask->call, ask->input->series[i].labels, &labels, err);
        if (ok) {
            BucketGroup *group = &ask->groups[find_group(ask, &by_hash, labels)];
            if (group->first == SIZE_MAX) {
                group->first = i;
            } else {
                ask->members[group->last].next = i;
            }
            group->last = i;
        }
    }
    u64map_done(&by_hash);
    return ok;
}

static Str metric_name(const HistogramAsk *ask, Labels labels)
{
    return ask->call->query->delayed_names ? labels_get(labels, LABEL_NAME) : STR_EMPTY;
}

/* " for metric name "x"", or nothing. */
static Str for_metric(char *to, size_t size, Str name)
{
    if (name.len == 0) {
        return STR_EMPTY;
    }
    static const Str lead = STR_INIT(" for metric name ");
    __builtin_memcpy(to, lead.ptr, lead.len);
    Str quoted = quoted_name(to + lead.len, size - lead.len, name);
    return (Str){.ptr = to, .len = lead.len + quoted.len};
}

static void warn_bad_bucket(const HistogramAsk *ask, Labels labels)
{
    char name[QUOTED_NAME_MAX];
    char le[QUOTED_NAME_MAX];
    annotations_warn(&ask->call->query->annotations, ask->pos,
                     "bucket label \"le\" is missing or has a malformed value of " STR_FMT STR_FMT,
                     STR_ARG(quoted_name(le, sizeof(le), labels_get(labels, S("le")))),
                     STR_ARG(for_metric(name, sizeof(name), metric_name(ask, labels))));
}

static void note_nan(const HistogramAsk *ask, Labels labels, const char *what)
{
    char name[QUOTED_NAME_MAX];
    annotations_info(&ask->call->query->annotations, ask->pos, "input to %s" STR_FMT, what,
                     STR_ARG(for_metric(name, sizeof(name), metric_name(ask, labels))));
}

static bool answer_native(const HistogramAsk *ask, Labels labels, const Histogram *histogram,
                          size_t step, f64 *ret, Err *err)
{
    ArenaMark mark = arena_mark(ask->scratch);
    bool ok;
    if (ask->fraction) {
        bool nan_excluded;
        ok = histogram_fraction(ask->scratch, histogram, ask->first[step], ask->second[step], ret,
                                &nan_excluded);
        if (ok && nan_excluded) {
            note_nan(ask, labels,
                     "histogram_fraction has NaN observations, which are excluded from all "
                     "fractions");
        }
    } else {
        HistogramNote note;
        ok = histogram_quantile(ask->scratch, histogram, ask->first[step], ret, &note);
        if (ok && note != HISTOGRAM_NOTE_NONE) {
            note_nan(ask, labels,
                     note == HISTOGRAM_NOTE_NAN_RESULT
                         ? "histogram_quantile has NaN observations, result is NaN"
                         : "histogram_quantile has NaN observations, result is skewed higher");
        }
    }
    arena_reset(ask->scratch, mark);
    return ok || arena_full(ask->scratch, err);
}

static f64 answer_classic(const HistogramAsk *ask, const BucketGroup *group, size_t count,
                          size_t step)
{
    if (ask->fraction) {
        return classic_fraction(ask->buckets, count, ask->first[step], ask->second[step]);
    }
    ClassicRepair repair;
    f64 answer = classic_quantile(ask->buckets, count, ask->first[step], &repair);
    if (repair.forced) {
        i64 t = steps_at(ask->call->steps, step);
        MonotonicityRepair details = {.min_t_ms = t,
                                      .max_t_ms = t,
                                      .min_bound = repair.min_bound,
                                      .max_bound = repair.max_bound,
                                      .max_diff = repair.max_diff};
        annotations_repair(&ask->call->query->annotations, ask->pos,
                           metric_name(ask, group->labels), &details);
    }
    return answer;
}

/* The buckets that the group has at a step; warns of those whose bound is no number. */
static size_t gather_buckets(const HistogramAsk *ask, const BucketGroup *group, size_t step)
{
    size_t count = 0;
    for (size_t i = group->first; i != SIZE_MAX; i = ask->members[i].next) {
        const Column *column = &ask->input->series[i].column;
        if (!bit_get(column->present, step) || column_is_histogram(column, step)) {
            continue;
        }
        if (ask->members[i].bad) {
            warn_bad_bucket(ask, ask->input->series[i].labels);
            continue;
        }
        ask->buckets[count++] =
            (ClassicBucket){.upper = ask->members[i].upper, .count = column->value[step]};
    }
    return count;
}

static void warn_both_kinds(const HistogramAsk *ask, Labels labels)
{
    char name[QUOTED_NAME_MAX];
    annotations_warn(&ask->call->query->annotations, ask->pos,
                     "vector contains a mix of classic and native histograms" STR_FMT,
                     STR_ARG(for_metric(name, sizeof(name), metric_name(ask, labels))));
}

/* Group g at one step: its native histograms into the output series of their input, its buckets
 * into the group's. Both under the same labels at once are neither. */
static bool answer_step(const HistogramAsk *ask, size_t g, size_t step, Err *err)
{
    const BucketGroup *group = &ask->groups[g];
    size_t bucket_count = gather_buckets(ask, group, step);
    bool conflict = false;
    for (size_t i = group->first; i != SIZE_MAX; i = ask->members[i].next) {
        const VectorSeries *series = &ask->input->series[i];
        if (!bit_get(series->column.present, step) || !column_is_histogram(&series->column, step)) {
            continue;
        }
        if (ask->members[i].is_key && bucket_count > 0) {
            warn_both_kinds(ask, series->labels);
            conflict = true;
            continue;
        }
        f64 answer;
        if (!answer_native(ask, series->labels, series->column.hist[step], step, &answer, err)) {
            return false;
        }
        column_put(&ask->output->series[i].column, step, answer);
    }
    if (bucket_count > 0 && !conflict) {
        column_put(&ask->output->series[ask->input->count + g].column, step,
                   answer_classic(ask, group, bucket_count, step));
    }
    return true;
}

static bool output_labels(HistogramAsk *ask, Err *err)
{
    for (size_t i = 0; i < ask->input->count; i++) {
        ask->output->series[i].labels = ask->input->series[i].labels;
    }
    for (size_t g = 0; g < ask->group_count; g++) {
        ask->output->series[ask->input->count + g].labels = ask->groups[g].labels;
    }
    for (size_t i = 0; i < ask->output->count; i++) {
        if (!series_drop_name(ask->call->query, &ask->output->series[i], err)) {
            return false;
        }
    }
    return true;
}

static bool answer_all(HistogramAsk *ask, Err *err)
{
    for (size_t g = 0; g < ask->group_count; g++) {
        if (!query_check(ask->call->query, err)) {
            return false;
        }
        for (size_t step = 0; step < ask->call->steps->count; step++) {
            if (!answer_step(ask, g, step, err)) {
                return false;
            }
        }
    }
    return true;
}

/* Groups the input; scratch holds groups, members and buckets. */
static bool prepare(HistogramAsk *ask, Err *err)
{
    size_t count = ask->input->count + 1;
    ask->groups = ARENA_NEW(ask->scratch, BucketGroup, count);
    ask->members = ARENA_NEW(ask->scratch, BucketMember, count);
    ask->buckets = ARENA_NEW(ask->scratch, ClassicBucket, count);
    if (!ask->groups || !ask->members || !ask->buckets) {
        return arena_full(ask->scratch, err);
    }
    return make_groups(ask, err);
}

static bool ask_once(HistogramAsk *ask, Value *ret, Err *err)
{
    value_init(ret, VALUE_VECTOR, ask->call->query, ask->call->steps->count);
    ask->output = &ret->vector;
    bool ok = vector_alloc(ask->output, ask->input->count + ask->group_count, err) &&
              output_labels(ask, err) && answer_all(ask, err) && vector_settle(ask->output, err);
    ask->output = NULL;
    if (!ok) {
        value_done(ret);
    }
    return ok;
}

static bool merge_names(const Call *call, Value *ret, Err *err)
{
    if (call->query->delayed_names || vector_merge_same(&ret->vector, err)) {
        return true;
    }
    value_done(ret);
    return false;
}

static void note_quantiles(const HistogramAsk *ask, u32 pos)
{
    for (size_t step = 0; step < ask->call->steps->count; step++) {
        note_quantile(ask->call->query, pos, ask->first[step]);
    }
}

bool call_histogram_quantile(const Call *call, Value *ret, Err *err)
{
    Value quantile;
    Value input;
    if (!call_arg(call, 0, &quantile, err)) {
        return false;
    }
    if (!call_arg(call, 1, &input, err)) {
        value_done(&quantile);
        return false;
    }
    Arena scratch;
    arena_init(&scratch, SCRATCH_MAX);
    HistogramAsk ask = {.call = call,
                        .input = &input.vector,
                        .pos = call->node->args[1]->pos,
                        .scratch = &scratch,
                        .first = quantile.scalar};
    note_quantiles(&ask, call->node->args[0]->pos);
    bool ok = prepare(&ask, err) && ask_once(&ask, ret, err) && merge_names(call, ret, err);
    arena_done(&scratch);
    value_done(&input);
    value_done(&quantile);
    return ok;
}

bool call_histogram_fraction(const Call *call, Value *ret, Err *err)
{
    Value args[3];
    size_t done = 0;
    while (done < COUNT_OF(args) && call_arg(call, done, &args[done], err)) {
        done++;
    }
    bool ok = done == COUNT_OF(args);
    if (ok) {
        Arena scratch;
        arena_init(&scratch, SCRATCH_MAX);
        HistogramAsk ask = {.call = call,
                            .input = &args[2].vector,
                            .pos = call->node->args[2]->pos,
                            .scratch = &scratch,
                            .fraction = true,
                            .first = args[0].scalar,
                            .second = args[1].scalar};
        ok = prepare(&ask, err) && ask_once(&ask, ret, err) && merge_names(call, ret, err);
        arena_done(&scratch);
    }
    while (done > 0) {
        value_done(&args[--done]);
    }
    return ok;
}

/* OpenMetrics' form of a number: "1.0" for 1. */
static Str quantile_text(char to[F64_TEXT_MAX + 2], f64 quantile)
{
    size_t len = f64_format_g(to, quantile);
    Str text = {.ptr = to, .len = len};
    if (isfinite(quantile) && str_find_byte(text, '.') == STR_NOT_FOUND &&
        str_find_byte(text, 'e') == STR_NOT_FOUND) {
        to[len] = '.';
        to[len + 1] = '0';
        text.len += 2;
    }
    return text;
}

/* The answer for one quantile: a series of its own wherever the quantile of the step is `wanted`.
 */
static bool label_quantile(HistogramAsk *ask, f64 quantile, Vector *vector, Err *err)
{
    char text[F64_TEXT_MAX + 2];
    Str value;
    if (!arena_str(&ask->call->query->labels, quantile_text(text, quantile), &value, err)) {
        return false;
    }
    for (size_t i = 0; i < vector->count; i++) {
        LabelsBuilder builder;
        labels_builder_init(&builder, &ask->call->query->labels);
        if (!labels_builder_from(&builder, vector->series[i].labels, err) ||
            !labels_builder_set(&builder, ask->label, value, err) ||
            !labels_builder_finish(&builder, &vector->series[i].labels, err)) {
            return false;
        }
    }
    return true;
}

/* Appends the series of `from`, which gives its memory over. */
static bool append_series(Vector *to, Vector *from, Err *err)
{
    Arena *arena;
    if (!vector_hold(to, &arena, err)) {
        return false;
    }
    VectorSeries *series = ARENA_NEW(arena, VectorSeries, to->count + from->count + 1);
    if (!series) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < to->count; i++) {
        series[i] = to->series[i];
    }
    for (size_t i = 0; i < from->count; i++) {
        series[to->count + i] = from->series[i];
    }
    to->series = series;
    to->count += from->count;
    vector_adopt(to, from);
    return true;
}

/* Leaves only the steps whose quantile is that of step `like`. */
static void keep_quantile(const HistogramAsk *ask, size_t like, Vector *vector)
{
    for (size_t i = 0; i < vector->count; i++) {
        for (size_t step = 0; step < vector->steps; step++) {
            if (f64_bits(ask->first[step]) != f64_bits(ask->first[like])) {
                bit_clear(vector->series[i].column.present, step);
            }
        }
    }
}

/* Quantiles may change from step to step; each distinct one makes its own series. */
static bool ask_distinct(HistogramAsk *ask, Value *ret, Err *err)
{
    size_t steps = ask->call->steps->count;
    for (size_t step = 0; step < steps; step++) {
        bool seen = false;
        for (size_t before = 0; before < step && !seen; before++) {
            seen = f64_bits(ask->first[before]) == f64_bits(ask->first[step]);
        }
        if (seen) {
            continue;
        }
        Value one;
        if (!ask_once(ask, &one, err)) {
            return false;
        }
        keep_quantile(ask, step, &one.vector);
        bool ok = vector_settle(&one.vector, err) &&
                  label_quantile(ask, ask->first[step], &one.vector, err) &&
                  append_series(&ret->vector, &one.vector, err);
        value_done(&one);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static bool ask_quantiles(HistogramAsk *ask, Value *ret, Err *err)
{
    for (size_t i = 2; i < ask->call->node->arg_count; i++) {
        Value quantile;
        if (!call_arg(ask->call, i, &quantile, err)) {
            return false;
        }
        ask->first = quantile.scalar;
        note_quantiles(ask, ask->call->node->args[i]->pos);
        bool ok = ask_distinct(ask, ret, err);
        value_done(&quantile);
        if (!ok) {
            return false;
        }
    }
    return true;
}

bool call_histogram_quantiles(const Call *call, Value *ret, Err *err)
{
    Value input;
    if (!call_arg(call, 0, &input, err)) {
        return false;
    }
    Arena scratch;
    arena_init(&scratch, SCRATCH_MAX);
    HistogramAsk ask = {.call = call,
                        .input = &input.vector,
                        .pos = call->node->args[0]->pos,
                        .scratch = &scratch,
                        .label = call_string(call, 1)};
    value_init(ret, VALUE_VECTOR, call->query, call->steps->count);
    bool ok = prepare(&ask, err) && ask_quantiles(&ask, ret, err);
    if (!ok) {
        value_done(ret);
    }
    ok = ok && merge_names(call, ret, err);
    arena_done(&scratch);
    value_done(&input);
    return ok;
}
