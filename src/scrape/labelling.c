/* Labelling: see labelling.h. Layer: scrape. Memory: the caller's arena. Thread: any. */
#include "scrape/labelling.h"

#include "base/quote.h"
#include "base/utf8.h"
#include "codec/exposition.h"
#include "codec/number.h"

#include <stdlib.h>
#include <string.h>

enum {
    LABEL_SHOWN_MAX = 50,  /* bytes of a name or value in an error text, as the original */
    COMPARE_EACH_MAX = 16, /* labels whose names are compared each with each */
};

/* le="1" becomes "1.0", so that one bucket is one series whoever wrote it. */
static bool float_text(Str value, Arena *arena, Str *ret, Err *err)
{
    char text[F64_TEXT_MAX + 2];
    f64 number;
    if (!f64_parse(value, &number)) {
        *ret = value;
        return true;
    }
    size_t size = f64_format_g(text, number);
    bool plain = true;
    for (size_t i = 0; i < size; i++) {
        plain &= (text[i] >= '0' && text[i] <= '9') || text[i] == '-';
    }
    if (plain) {
        text[size++] = '.';
        text[size++] = '0';
    }
    return arena_str(arena, (Str){.ptr = text, .len = size}, ret, err);
}

static bool is_bound(Str name, MetricType type)
{
    return (type == METRIC_HISTOGRAM && str_eq(name, S("le"))) ||
           (type == METRIC_SUMMARY && str_eq(name, S("quantile")));
}

/* Does a name stand there twice? By sorting when there are many, for a page may hold thousands. */
static bool names_are_unique(const ExpositionLabel *labels, size_t count, Arena *arena, Err *err)
{
    const Str *twice = NULL;
    Str *names = ARENA_NEW(arena, Str, count);
    if (!names) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        names[i] = labels[i].name;
        for (size_t k = 0; k < i && count <= COMPARE_EACH_MAX; k++) {
            twice = str_eq(names[k], names[i]) ? &names[i] : twice;
        }
    }
    if (count > COMPARE_EACH_MAX) {
        qsort(names, count, sizeof(*names), str_cmp_qsort);
        for (size_t i = 1; i < count; i++) {
            twice = str_eq(names[i - 1], names[i]) ? &names[i] : twice;
        }
    }
    char quoted[QUOTE_TEXT_MAX];
    return !twice || err_set(err, ERR_INVALID, "label name %s is not unique: invalid sample",
                             quote_text(quoted, *twice));
}

/* The page's labels alone, into an empty builder. */
static bool take_exposed(const SampleRules *rules, Str text, MetricType type,
                         LabelsBuilder *builder, Err *err)
{
    ExpositionLabel *labels;
    size_t count;
    size_t taken_count = 0;
    if (!exposition_labels(text, builder->arena, &labels, &count, err) ||
        !names_are_unique(labels, count, builder->arena, err)) {
        return false;
    }
    Label *taken = ARENA_NEW(builder->arena, Label, count);
    if (!taken) {
        return arena_full(builder->arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        Str value = labels[i].value;
        if (!rules->keep_bucket_text && is_bound(labels[i].name, type) &&
            !float_text(value, builder->arena, &value, err)) {
            return false;
        }
        if (value.len > 0) {
            taken[taken_count++] = (Label){.name = labels[i].name, .value = value};
        }
    }
    return labels_builder_from(builder, (Labels){.at = taken, .count = taken_count}, err);
}

/* Keeps what the page said under exported_NAME, or exported_exported_NAME, …. */
static bool export_label(LabelsBuilder *builder, Label label, Err *err)
{
    Str name = label.name;
    do {
        if (!arena_printf(builder->arena, &name, err, "exported_" STR_FMT, STR_ARG(name))) {
            return false;
        }
    } while (labels_builder_get(builder, name).len > 0);
    return labels_builder_set(builder, name, label.value, err);
}

/* Conflicts are resolved from the shortest name on, so that a page which sends both job and
 * exported_job gets the same result whatever order it sends them in. */
static void sort_by_length(Label *labels, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        Label moving = labels[i];
        size_t k = i;
        for (; k > 0 && labels[k - 1].name.len > moving.name.len; k--) {
            labels[k] = labels[k - 1];
        }
        labels[k] = moving;
    }
}

static bool add_target_labels(bool honor, Labels target_labels, LabelsBuilder *builder, Err *err)
{
    Label *conflicts = ARENA_NEW(builder->arena, Label, target_labels.count);
    size_t conflict_count = 0;
    if (!conflicts) {
        return arena_full(builder->arena, err);
    }
    for (size_t i = 0; i < target_labels.count; i++) {
        Label label = target_labels.at[i];
        Str exposed = labels_builder_get(builder, label.name);
        if (exposed.len > 0 && honor) {
            continue;
        }
        if (exposed.len > 0) {
            conflicts[conflict_count++] = (Label){.name = label.name, .value = exposed};
        }
        if (!labels_builder_set(builder, label.name, label.value, err)) {
            return false;
        }
    }
    sort_by_length(conflicts, conflict_count);
    for (size_t i = 0; i < conflict_count; i++) {
        if (!export_label(builder, conflicts[i], err)) {
            return false;
        }
    }
    return true;
}

static bool metric_name_valid(Str name, bool utf8_names)
{
    return utf8_names ? utf8_valid(name) : metric_name_legacy_valid(name);
}

static bool check_names(const SampleRules *rules, Labels labels, Err *err)
{
    Str metric = labels_get(labels, LABEL_NAME);
    if (metric.len == 0) {
        return err_set(err, ERR_INVALID, "missing metric name (__name__ label)");
    }
    bool valid = metric_name_valid(metric, rules->utf8_names);
    for (size_t i = 0; i < labels.count && valid; i++) {
        valid = rules->utf8_names ? label_name_utf8_valid(labels.at[i].name)
                                  : label_name_legacy_valid(labels.at[i].name);
        valid = valid && utf8_valid(labels.at[i].value);
    }
    if (!valid) {
        Buf shown;
        buf_init(&shown, ERR_MESSAGE_MAX);
        labels_format(&shown, labels);
        err_set(err, ERR_INVALID, "invalid metric name or label names: " STR_FMT,
                STR_ARG(buf_view(&shown)));
        buf_done(&shown);
    }
    return valid;
}

static bool check_label_lengths(const SampleRules *rules, Labels labels, Err *err)
{
    Str metric = str_take(labels_get(labels, LABEL_NAME), LABEL_SHOWN_MAX);
    for (size_t i = 0; i < labels.count; i++) {
        Label label = labels.at[i];
        Str name = str_take(label.name, LABEL_SHOWN_MAX);
        if (rules->label_name_length_limit > 0 && label.name.len > rules->label_name_length_limit) {
            return err_set(err, ERR_LIMIT,
                           "label_name_length_limit exceeded (metric: " STR_FMT
                           ", label name: " STR_FMT ", length: %zu, limit: %llu)",
                           STR_ARG(metric), STR_ARG(name), label.name.len,
                           (unsigned long long)rules->label_name_length_limit);
        }
        if (rules->label_value_length_limit > 0 &&
            label.value.len > rules->label_value_length_limit) {
            char value[QUOTE_TEXT_MAX];
            return err_set(err, ERR_LIMIT,
                           "label_value_length_limit exceeded (metric: " STR_FMT
                           ", label name: " STR_FMT ", value: %s, length: %zu, limit: %llu)",
                           STR_ARG(metric), STR_ARG(name),
                           quote_text(value, str_take(label.value, LABEL_SHOWN_MAX)),
                           label.value.len, (unsigned long long)rules->label_value_length_limit);
        }
    }
    return true;
}

static bool check_limits(const SampleRules *rules, Labels labels, Err *err)
{
    if (rules->label_limit > 0 && labels.count > rules->label_limit) {
        Str metric = str_take(labels_get(labels, LABEL_NAME), LABEL_SHOWN_MAX);
        return err_set(err, ERR_LIMIT,
                       "label_limit exceeded (metric: " STR_FMT
                       ", number of labels: %zu, limit: %llu)",
                       STR_ARG(metric), labels.count, (unsigned long long)rules->label_limit);
    }
    return check_label_lengths(rules, labels, err);
}

LabelOutcome series_labels(const SampleRules *rules, Labels target_labels, Str series_text,
                           MetricType type, Arena *arena, Labels *ret, Err *err)
{
    LabelsBuilder builder;
    Labels labels;
    Err relabel_err;
    labels_builder_init(&builder, arena);
    if (!take_exposed(rules, series_text, type, &builder, err) ||
        !add_target_labels(rules->honor_labels, target_labels, &builder, err)) {
        return LABELS_BAD;
    }
    if (!relabel_apply(rules->relabel, rules->relabel_count, &builder, &relabel_err)) {
        if (relabel_err.code == ERR_NONE) {
            return LABELS_DROPPED;
        }
        err_set(err, relabel_err.code, "%s", relabel_err.message);
        return LABELS_BAD;
    }
    if (!labels_builder_finish(&builder, &labels, err)) {
        return LABELS_BAD;
    }
    if (labels.count == 0) {
        return LABELS_DROPPED;
    }
    if (!check_names(rules, labels, err)) {
        return LABELS_BAD;
    }
    if (!check_limits(rules, labels, err)) {
        return LABELS_OVER_LIMIT;
    }
    *ret = labels;
    return LABELS_KEPT;
}

bool report_labels(Labels target_labels, Str name, Arena *arena, Labels *ret, Err *err)
{
    LabelsBuilder builder;
    labels_builder_init(&builder, arena);
    return labels_builder_from(&builder, target_labels, err) &&
           labels_builder_set(&builder, LABEL_NAME, name, err) &&
           labels_builder_finish(&builder, ret, err);
}
