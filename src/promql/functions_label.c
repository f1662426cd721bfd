/*
 * Functions that look at labels: label_replace, label_join, the sorts, and the labels that absent()
 * makes of its matchers.
 *
 * Layer: promql. Memory: new label values live in the query. Thread: the query's.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "codec/regex.h"
#include "promql/call.h"

#include <math.h>
#include <stdlib.h>

enum {
    LABEL_VALUE_MAX = 1024 * 1024, /* bytes of a label value that a function makes */
};

/* labels with `name` set to `value`; an empty value removes it. */
static bool with_label(Query *query, Labels labels, Str name, Str value, Labels *ret, Err *err)
{
    LabelsBuilder builder;
    Str copy;
    labels_builder_init(&builder, &query->labels);
    return arena_str(&query->labels, value, &copy, err) &&
           labels_builder_from(&builder, labels, err) &&
           labels_builder_set(&builder, name, copy, err) &&
           labels_builder_finish(&builder, ret, err);
}

static bool set_label(Query *query, VectorSeries *series, Str name, Str value, Err *err)
{
    if (str_eq(name, LABEL_NAME)) {
        series->drop_name = false;
    }
    return with_label(query, series->labels, name, value, &series->labels, err);
}

/* 2.x knew only names of letters, digits and underscores. */
static bool label_name_fits(const Call *call, Str name)
{
    return call->query->left_closed ? label_name_legacy_valid(name) : label_name_utf8_valid(name);
}

static bool replace_all(const Call *call, const Regex *regex, Vector *vector, Err *err)
{
    Str target = call_string(call, 1);
    Str replacement = call_string(call, 2);
    Str source = call_string(call, 3);
    Buf value;
    bool ok = true;
    buf_init(&value, LABEL_VALUE_MAX);
    for (size_t i = 0; i < vector->count && ok; i++) {
        VectorSeries *series = &vector->series[i];
        RegexMatch match;
        if (!regex_match(regex, labels_get(series->labels, source), 0, &match)) {
            continue;
        }
        buf_clear(&value);
        regex_expand(regex, &match, replacement, &value);
        ok = buf_ok(&value, err) && set_label(call->query, series, target, buf_view(&value), err);
    }
    buf_done(&value);
    return ok && vector_merge_same(vector, err);
}

bool call_label_replace(const Call *call, Value *ret, Err *err)
{
    Str pattern = call_string(call, 4);
    Str target = call_string(call, 1);
    u32 flags = REGEX_ANCHORED | (call->query->left_closed ? 0 : REGEX_DOT_ALL);
    Regex *regex;
    if (!regex_new(pattern, flags, &regex, err)) {
        return err_set(err, ERR_UNSUPPORTED,
                       "invalid regular expression in label_replace(): " STR_FMT, STR_ARG(pattern));
    }
    bool ok =
        label_name_fits(call, target) ||
        err_set(err, ERR_UNSUPPORTED, "invalid destination label name in label_replace(): " STR_FMT,
                STR_ARG(target));
    if (ok && (ok = call_arg(call, 0, ret, err))) {
        ok = replace_all(call, regex, &ret->vector, err);
        if (!ok) {
            value_done(ret);
        }
    }
    regex_free(regex);
    return ok;
}

static bool check_join_names(const Call *call, Err *err)
{
    for (size_t i = 3; i < call->node->arg_count; i++) {
        if (!label_name_fits(call, call_string(call, i))) {
            return err_set(err, ERR_UNSUPPORTED,
                           "invalid source label name in label_join(): " STR_FMT,
                           STR_ARG(call_string(call, i)));
        }
    }
    return label_name_fits(call, call_string(call, 1)) ||
           err_set(err, ERR_UNSUPPORTED, "invalid destination label name in label_join(): " STR_FMT,
                   STR_ARG(call_string(call, 1)));
}

static bool join_all(const Call *call, Vector *vector, Err *err)
{
    Buf value;
    bool ok = true;
    buf_init(&value, LABEL_VALUE_MAX);
    for (size_t i = 0; i < vector->count && ok; i++) {
        VectorSeries *series = &vector->series[i];
        buf_clear(&value);
        for (size_t arg = 3; arg < call->node->arg_count; arg++) {
            buf_str(&value, arg > 3 ? call_string(call, 2) : STR_EMPTY);
            buf_str(&value, labels_get(series->labels, call_string(call, arg)));
        }
        ok = buf_ok(&value, err) &&
             set_label(call->query, series, call_string(call, 1), buf_view(&value), err);
    }
    buf_done(&value);
    return ok && vector_merge_same(vector, err);
}

bool call_label_join(const Call *call, Value *ret, Err *err)
{
    if (!check_join_names(call, err) || !call_arg(call, 0, ret, err)) {
        return false;
    }
    if (!join_all(call, &ret->vector, err)) {
        value_done(ret);
        return false;
    }
    return true;
}

static void warn_range_sort(const Call *call)
{
    if (call->steps->count > 1) {
        annotations_warn(&call->query->annotations, call->node->pos,
                         "sort is ineffective for range queries since results are always ordered "
                         "by labels");
    }
}

/* A series with its place, so that equal ones keep their order. */
typedef struct Ranked {
    VectorSeries series;
    size_t place;
    const Call *call;
} Ranked;

static int by_place(const Ranked *a, const Ranked *b)
{
    return (a->place > b->place) - (a->place < b->place);
}

/* NaN comes last in both directions. */
static int by_value(const void *a, const void *b)
{
    const Ranked *left = a;
    const Ranked *right = b;
    f64 x = left->series.column.value[0];
    f64 y = right->series.column.value[0];
    int order = isnan(x) || isnan(y)                               ? isnan(x) - isnan(y)
                : left->call->node->function == FUNCTION_sort_desc ? (x < y) - (x > y)
                                                                   : (x > y) - (x < y);
    return order ? order : by_place(left, right);
}

static void sort_vector(const Call *call, Vector *vector, int (*order)(const void *, const void *))
{
    Ranked *ranked = MEM_ARRAY(Ranked, vector->count);
    for (size_t i = 0; i < vector->count; i++) {
        ranked[i] = (Ranked){.series = vector->series[i], .place = i, .call = call};
    }
    qsort(ranked, vector->count, sizeof(*ranked), order);
    for (size_t i = 0; i < vector->count; i++) {
        vector->series[i] = ranked[i].series;
    }
    mem_free(ranked);
}

bool call_sort(const Call *call, Value *ret, Err *err)
{
    warn_range_sort(call);
    if (!call_arg(call, 0, ret, err)) {
        return false;
    }
    vector_keep_floats(&ret->vector);
    if (!vector_settle(&ret->vector, err)) {
        value_done(ret);
        return false;
    }
    if (call->steps->count == 1) {
        sort_vector(call, &ret->vector, by_value);
    }
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The run of digits, or of anything else, at the start of *rest. */
static Str take_chunk(Str *rest)
{
    size_t len = 0;
    bool digits = rest->len > 0 && is_digit(rest->ptr[0]);
    while (len < rest->len && is_digit(rest->ptr[len]) == digits) {
        len++;
    }
    Str chunk = str_take(*rest, len);
    *rest = str_skip(*rest, len);
    return chunk;
}

/* "a2" before "a10": runs of digits compare as numbers. */
static int natural_order(Str a, Str b)
{
    while (a.len > 0 && b.len > 0) {
        Str left = take_chunk(&a);
        Str right = take_chunk(&b);
        i64 x;
        i64 y;
        int order;
        if (str_to_i64(left, &x) && str_to_i64(right, &y)) {
            order = (x > y) - (x < y);
        } else {
            order = str_cmp(left, right);
        }
        if (order != 0) {
            return order;
        }
    }
    return (a.len > 0) - (b.len > 0);
}

static int by_labels(const void *a, const void *b)
{
    const Ranked *left = a;
    const Ranked *right = b;
    const Call *call = left->call;
    int order = 0;
    for (size_t arg = 1; arg < call->node->arg_count && order == 0; arg++) {
        Str x = labels_get(left->series.labels, call_string(call, arg));
        Str y = labels_get(right->series.labels, call_string(call, arg));
        order = str_eq(x, y) ? 0 : natural_order(x, y);
    }
    order = order ? order : labels_cmp(left->series.labels, right->series.labels);
    return call->node->function == FUNCTION_sort_by_label_desc ? -order : order;
}

bool call_sort_by_label(const Call *call, Value *ret, Err *err)
{
    warn_range_sort(call);
    if (!call_arg(call, 0, ret, err)) {
        return false;
    }
    if (call->steps->count == 1) {
        sort_vector(call, &ret->vector, by_labels);
    }
    return true;
}

/* Only what an equality matcher says once: of two on one label the label goes. */
bool absent_labels(Query *query, const PlanNode *arg, Labels *ret, Err *err)
{
    LabelsBuilder builder;
    labels_builder_init(&builder, &query->labels);
    if (!labels_builder_from(&builder, LABELS_EMPTY, err)) {
        return false;
    }
    size_t count = arg->selector ? arg->selector->matcher_count : 0;
    for (size_t i = 0; i < count; i++) {
        const Matcher *matcher = &arg->selector->matchers[i];
        bool seen = false;
        for (size_t j = 0; j < i; j++) {
            const Matcher *other = &arg->selector->matchers[j];
            seen = seen || (other->kind == MATCH_EQUAL && str_eq(other->name, matcher->name));
        }
        if (str_eq(matcher->name, LABEL_NAME)) {
            continue;
        }
        if (matcher->kind != MATCH_EQUAL || seen) {
            labels_builder_del(&builder, matcher->name);
        } else if (!labels_builder_set(&builder, matcher->name, matcher->value, err)) {
            return false;
        }
    }
    return labels_builder_finish(&builder, ret, err);
}
