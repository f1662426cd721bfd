/*
 * OpenMetrics check: see openmetrics_check.h. The page goes through the exposition reader once;
 * state is kept of the family at hand, of the metric in it at hand, and of all names given out.
 *
 * Layer: codec. Memory: keys of the maps lie in the caller's arena. Thread: any.
 */
#include "codec/openmetrics_check.h"

#include "base/map.h"
#include "base/utf8.h"
#include "codec/exposition.h"
#include "codec/exposition_text.h"
#include "codec/number.h"

#include <stdlib.h>
#include <string.h>

typedef enum Kind {
    KIND_UNKNOWN,
    KIND_GAUGE,
    KIND_COUNTER,
    KIND_STATESET,
    KIND_INFO,
    KIND_HISTOGRAM,
    KIND_GAUGEHISTOGRAM,
    KIND_SUMMARY,
} Kind;

enum {
    SUFFIXES_MAX = 4,
};

/* The names that a family's samples may have. */
static const struct {
    Str word;
    size_t suffix_count;
    Str suffixes[SUFFIXES_MAX];
} kinds[] = {
    [KIND_UNKNOWN] = {STR_INIT("unknown"), 1, {STR_INIT("")}},
    [KIND_GAUGE] = {STR_INIT("gauge"), 1, {STR_INIT("")}},
    [KIND_COUNTER] = {STR_INIT("counter"), 2, {STR_INIT("_total"), STR_INIT("_created")}},
    [KIND_STATESET] = {STR_INIT("stateset"), 1, {STR_INIT("")}},
    [KIND_INFO] = {STR_INIT("info"), 1, {STR_INIT("_info")}},
    [KIND_HISTOGRAM] = {STR_INIT("histogram"),
                        4,
                        {STR_INIT("_bucket"), STR_INIT("_count"), STR_INIT("_sum"),
                         STR_INIT("_created")}},
    [KIND_GAUGEHISTOGRAM] = {STR_INIT("gaugehistogram"),
                             3,
                             {STR_INIT("_bucket"), STR_INIT("_gcount"), STR_INIT("_gsum")}},
    [KIND_SUMMARY] = {STR_INIT("summary"),
                      4,
                      {STR_INIT(""), STR_INIT("_count"), STR_INIT("_sum"), STR_INIT("_created")}},
};

typedef struct Family {
    Str name; /* ptr NULL: none yet */
    Kind kind;
    bool has_help;
    bool has_type;
    bool has_unit;
    bool unit_given; /* and not empty */
    bool has_samples;
} Family;

/* One metric: the samples of a family that share their labels, without `le` and the like. */
typedef struct Metric {
    Str key; /* ptr NULL: none yet */
    u64 line;
    bool has_timestamp;
    i64 t_ms;

    bool has_bucket;
    bool has_negative_bucket;
    bool has_count;
    bool has_sum;
    f64 bucket_bound;
    f64 bucket_value;
    f64 count;
    f64 sum;
} Metric;

typedef struct Check {
    ExpositionReader reader;
    Arena *arena;
    Err *err;
    StrMap names;   /* of samples, given out to the families so far */
    StrMap metrics; /* keys of the family at hand */
    StrMap series;  /* without timestamp, of the family at hand */
    Family family;
    Metric metric;
} Check;

/* The sample at hand. */
typedef struct Sample {
    Str name;
    Str suffix; /* of the family's name */
    ExpositionLabel *labels;
    size_t count; /* labels, the name not among them */
    f64 value;
} Sample;

static bool broken_at(const Check *check, u64 line, u32 column, const char *rule)
{
    return err_set_line(check->err, ERR_INVALID, (u32)line, column, "%s", rule);
}

static bool broken(const Check *check, const char *rule)
{
    return broken_at(check, check->reader.line, 1, rule);
}

static bool is_either(Str s, Str a, Str b)
{
    return str_eq(s, a) || str_eq(s, b);
}

/* The histogram or summary whose last sample was read. */
static bool end_metric(const Check *check)
{
    const Metric *metric = &check->metric;
    Kind kind = check->family.kind;
    if (!metric->key.ptr || (kind != KIND_HISTOGRAM && kind != KIND_GAUGEHISTOGRAM)) {
        return true;
    }
    if (!metric->has_bucket || !__builtin_isinf(metric->bucket_bound)) {
        return broken_at(check, metric->line, 1, "a histogram has no bucket le=\"+Inf\"");
    }
    if (metric->has_count && metric->count != metric->bucket_value) {
        return broken_at(check, metric->line, 1,
                         "the count is not what the bucket le=\"+Inf\" holds");
    }
    if (metric->has_sum && metric->has_negative_bucket && kind == KIND_HISTOGRAM) {
        return broken_at(check, metric->line, 1,
                         "a histogram with negative buckets may have no sum");
    }
    if (metric->has_sum != metric->has_count) {
        /* With negative buckets a histogram has a count and no sum. */
        bool excused = metric->has_count && metric->has_negative_bucket && kind == KIND_HISTOGRAM;
        return excused ||
               broken_at(check, metric->line, 1, "sum and count are not both there or both absent");
    }
    return !(metric->has_sum && metric->sum < 0 && !metric->has_negative_bucket) ||
           broken_at(check, metric->line, 1, "the sum is negative without negative buckets");
}

static bool join(const Check *check, Str a, Str b, Str *ret)
{
    char *text = arena_alloc(check->arena, a.len + b.len + 1, 1);
    if (!text) {
        return arena_full(check->arena, check->err);
    }
    (void)mempcpy(mempcpy(text, a.ptr, a.len), b.ptr, b.len);
    *ret = (Str){.ptr = text, .len = a.len + b.len};
    return true;
}

static bool give_out_name(Check *check, Str suffix)
{
    Str name;
    bool is_new;
    if (!join(check, check->family.name, suffix, &name)) {
        return false;
    }
    (void)strmap_put(&check->names, name, &is_new);
    return is_new || broken(check, "the name is another family's, or the family is in two pieces");
}

/* All metadata of the family is read: its names are its own from here on. */
static bool settle_family(Check *check)
{
    const Family *family = &check->family;
    bool has_plain = false;
    for (size_t i = 0; i < kinds[family->kind].suffix_count; i++) {
        Str suffix = kinds[family->kind].suffixes[i];
        has_plain |= suffix.len == 0;
        if (!give_out_name(check, suffix)) {
            return false;
        }
    }
    if (!has_plain && !give_out_name(check, S(""))) {
        return false;
    }
    bool unit_allowed = family->kind != KIND_INFO && family->kind != KIND_STATESET;
    return unit_allowed || !family->unit_given ||
           broken(check, "info and stateset metrics have no unit");
}

static bool end_family(Check *check)
{
    bool ok = !check->family.name.ptr ||
              ((check->family.has_samples || settle_family(check)) && end_metric(check));
    check->family = (Family){0};
    check->metric = (Metric){0};
    strmap_clear(&check->metrics);
    strmap_clear(&check->series);
    return ok;
}

static Kind kind_of(Str word)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_eq(kinds[i].word, word)) {
            return (Kind)i;
        }
    }
    return KIND_UNKNOWN; /* the reader lets no other word through */
}

static bool check_metadata(Check *check, ExpositionEntry entry)
{
    Family *family = &check->family;
    if (!family->name.ptr || !str_eq(family->name, check->reader.family)) {
        if (!end_family(check)) {
            return false;
        }
        family->name = check->reader.family;
    }
    if (family->has_samples) {
        return broken(check, "metadata stands behind samples of its family");
    }
    bool *seen = entry == EXPOSITION_HELP   ? &family->has_help
                 : entry == EXPOSITION_TYPE ? &family->has_type
                                            : &family->has_unit;
    if (*seen) {
        return broken(check, "the same metadata stands there twice");
    }
    *seen = true;
    if (entry == EXPOSITION_TYPE) {
        family->kind = kind_of(check->reader.text);
    }
    family->unit_given |= entry == EXPOSITION_UNIT && check->reader.text.len > 0;
    return true;
}

/* Blanks and commas between labels, which the reader takes as they come. */
static bool check_punctuation(const Check *check)
{
    Str text = check->reader.series_text;
    const char *end = text.ptr + text.len;
    for (const char *at = text.ptr; at < end; at++) {
        const char *wrong = NULL;
        if (*at == '"') {
            at = exposition_skip_quoted(at, end) - 1;
            wrong = at[1] != ',' && at[1] != '}' && at[1] != '=' ? "expected ',' or '}'" : NULL;
        } else if (exposition_is_blank(*at)) {
            wrong = "no blank may stand between labels";
        } else if (*at == ',' && at[1] == '}') {
            wrong = "a comma stands before the closing brace";
        }
        if (wrong) {
            u32 column = (u32)(at - check->reader.line_begin + 1);
            return broken_at(check, check->reader.line, column, wrong);
        }
    }
    return true;
}

static const Str *find_label(const Sample *sample, Str name)
{
    for (size_t i = 0; i < sample->count; i++) {
        if (str_eq(sample->labels[i].name, name)) {
            return &sample->labels[i].value;
        }
    }
    return NULL;
}

static int label_cmp(const void *a, const void *b)
{
    return str_cmp(((const ExpositionLabel *)a)->name, ((const ExpositionLabel *)b)->name);
}

/* Labels are sorted, so that equal sets are equal texts. */
static bool check_labels(const Check *check, Sample *sample)
{
    qsort(sample->labels, sample->count, sizeof(*sample->labels), label_cmp);
    for (size_t i = 1; i < sample->count; i++) {
        if (str_eq(sample->labels[i].name, sample->labels[i - 1].name)) {
            return broken(check, "a label stands there twice");
        }
    }
    return true;
}

/* What belongs to a name in this family, or NULL. */
static const Str *find_suffix(const Family *family, Str name)
{
    if (!family->name.ptr || !str_starts_with(name, family->name)) {
        return NULL;
    }
    Str rest = str_skip(name, family->name.len);
    for (size_t i = 0; i < kinds[family->kind].suffix_count; i++) {
        if (str_eq(kinds[family->kind].suffixes[i], rest)) {
            return &kinds[family->kind].suffixes[i];
        }
    }
    return NULL;
}

/* The family that the sample belongs to; one without metadata begins with its first sample. */
static bool enter_family(Check *check, Sample *sample)
{
    const Str *suffix = find_suffix(&check->family, sample->name);
    if (!suffix) {
        if (!end_family(check)) {
            return false;
        }
        check->family.name = sample->name;
        suffix = &kinds[KIND_UNKNOWN].suffixes[0];
    }
    sample->suffix = *suffix;
    if (!check->family.has_samples) {
        check->family.has_samples = true;
        return settle_family(check);
    }
    return true;
}

/* The label that tells samples of one metric apart, or nothing. */
static Str inner_label(const Check *check, const Sample *sample)
{
    switch (check->family.kind) {
    case KIND_HISTOGRAM:
    case KIND_GAUGEHISTOGRAM:
        return str_eq(sample->suffix, S("_bucket")) ? S("le") : STR_EMPTY;
    case KIND_SUMMARY:
        return sample->suffix.len == 0 ? S("quantile") : STR_EMPTY;
    case KIND_STATESET:
        return check->family.name;
    default:
        return STR_EMPTY;
    }
}

/* The labels but `without` as one text. */
static bool labels_key(const Check *check, const Sample *sample, Str without, Str *ret)
{
    size_t size = 1;
    for (size_t i = 0; i < sample->count; i++) {
        size += sample->labels[i].name.len + sample->labels[i].value.len + 2;
    }
    char *key = arena_alloc(check->arena, size, 1);
    if (!key) {
        return arena_full(check->arena, check->err);
    }
    char *to = key;
    for (size_t i = 0; i < sample->count; i++) {
        const ExpositionLabel *label = &sample->labels[i];
        if (!str_eq(label->name, without)) {
            to = mempcpy(to, label->name.ptr, label->name.len);
            *to++ = '\xff'; /* in no valid UTF-8 */
            to = mempcpy(to, label->value.ptr, label->value.len);
            *to++ = '\xff';
        }
    }
    *ret = str_range(key, to);
    return true;
}

static bool check_timestamp(const Check *check)
{
    const Metric *metric = &check->metric;
    const ExpositionReader *reader = &check->reader;
    if (metric->has_timestamp != reader->has_timestamp) {
        return broken(check, "some samples of a metric have timestamps and some have none");
    }
    return !reader->has_timestamp || reader->t_ms >= metric->t_ms ||
           check->family.kind == KIND_INFO || broken(check, "timestamps of a metric go backwards");
}

/* A metric's samples stand together; without timestamps each of them stands once. */
static bool enter_metric(Check *check, const Sample *sample)
{
    Str key;
    Str series;
    Str name_and_labels;
    bool is_new;
    const ExpositionReader *reader = &check->reader;
    if (!labels_key(check, sample, inner_label(check, sample), &key) ||
        !labels_key(check, sample, STR_EMPTY, &series) ||
        !join(check, sample->name, series, &name_and_labels)) {
        return false;
    }
    if (check->family.kind == KIND_INFO) {
        key = STR_EMPTY; /* all labels of an info tell samples apart */
    }
    if (check->metric.key.ptr && str_eq(check->metric.key, key)) {
        if (!check_timestamp(check)) {
            return false;
        }
    } else {
        if (!end_metric(check)) {
            return false;
        }
        (void)strmap_put(&check->metrics, key, &is_new);
        if (!is_new) {
            return broken(check, "the samples of a metric are in two pieces");
        }
        check->metric = (Metric){.key = key};
    }
    check->metric.line = reader->line;
    check->metric.has_timestamp = reader->has_timestamp;
    check->metric.t_ms = reader->t_ms;
    if (reader->has_timestamp) {
        return true;
    }
    (void)strmap_put(&check->series, name_and_labels, &is_new);
    return is_new || broken(check, "the same series stands there twice");
}

static bool check_bucket(Check *check, const Sample *sample)
{
    Metric *metric = &check->metric;
    const Str *le = find_label(sample, S("le"));
    f64 bound;
    if (!le || !exposition_parse_value(*le, &bound) || __builtin_isnan(bound) ||
        (bound > 0 && __builtin_isinf(bound) && !str_eq(*le, S("+Inf")))) {
        return broken(check, "a bucket needs a label le that is a number or +Inf");
    }
    if (metric->has_bucket && bound <= metric->bucket_bound) {
        return broken(check, "buckets do not go from small to large");
    }
    if (metric->has_bucket && sample->value < metric->bucket_value) {
        return broken(check, "a bucket holds less than the one before it");
    }
    metric->has_bucket = true;
    metric->has_negative_bucket |= bound < 0;
    metric->bucket_bound = bound;
    metric->bucket_value = sample->value;
    return true;
}

static bool check_quantile(const Check *check, const Sample *sample)
{
    const Str *quantile = find_label(sample, S("quantile"));
    f64 value;
    if (!quantile || !exposition_parse_value(*quantile, &value) || !(value >= 0 && value <= 1)) {
        return broken(check, "a summary's value needs a label quantile from 0 to 1");
    }
    return !(sample->value < 0) || broken(check, "a quantile may not be negative");
}

/* Sums and counts go only up, from 0; of a sum with negative buckets end_metric knows more. */
static bool check_counting(Check *check, const Sample *sample)
{
    bool is_sum = is_either(sample->suffix, S("_sum"), S("_gsum"));
    bool may_fall = is_sum && check->family.kind != KIND_SUMMARY;
    if (__builtin_isnan(sample->value) || (sample->value < 0 && !may_fall)) {
        return broken(check, "a counting value may not be NaN or negative");
    }
    if (is_sum) {
        check->metric.has_sum = true;
        check->metric.sum = sample->value;
    } else if (is_either(sample->suffix, S("_count"), S("_gcount"))) {
        check->metric.has_count = true;
        check->metric.count = sample->value;
    }
    return true;
}

static bool check_value(Check *check, const Sample *sample)
{
    switch (check->family.kind) {
    case KIND_INFO:
        return sample->value == 1 || broken(check, "the value of an info is 1");
    case KIND_STATESET:
        if (!find_label(sample, check->family.name)) {
            return broken(check, "a stateset needs a label of its own name");
        }
        return sample->value == 0 || sample->value == 1 ||
               broken(check, "the value of a state is 0 or 1");
    case KIND_UNKNOWN:
    case KIND_GAUGE:
        return true;
    default:
        break;
    }
    if (str_eq(sample->suffix, S("_created"))) {
        return true;
    }
    if (sample->suffix.len == 0) {
        return check_quantile(check, sample);
    }
    return check_counting(check, sample) &&
           (!str_eq(sample->suffix, S("_bucket")) || check_bucket(check, sample));
}

static bool check_exemplar(const Check *check, const Sample *sample)
{
    ExpositionLabel *labels;
    size_t count;
    size_t runes = 0;
    f64 value;
    bool has_t;
    i64 t_ms;
    Str text = check->reader.exemplar_text;
    if (text.len == 0) {
        return true;
    }
    if (!is_either(sample->suffix, S("_total"), S("_bucket"))) {
        return broken(check, "only counters and buckets may have exemplars");
    }
    if (!exposition_exemplar(text, check->arena, &labels, &count, &value, &has_t, &t_ms,
                             check->err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        runes += utf8_count(labels[i].name) + utf8_count(labels[i].value);
    }
    return runes <= OPENMETRICS_EXEMPLAR_MAX ||
           broken(check, "the labels of an exemplar are longer than 128 characters");
}

static bool check_sample(Check *check)
{
    ExpositionLabel *labels;
    size_t count;
    Err *err = check->err;
    const ExpositionReader *reader = &check->reader;
    if (!exposition_labels(reader->series_text, check->arena, &labels, &count, err)) {
        if (err) {
            err->line = (u32)reader->line;
            err->column = (u32)err->pos + 1;
        }
        return false;
    }
    Sample sample = {
        .name = labels[0].value,
        .labels = labels + 1,
        .count = count - 1,
        .value = reader->value,
    };
    return check_punctuation(check) && check_labels(check, &sample) &&
           enter_family(check, &sample) && enter_metric(check, &sample) &&
           check_value(check, &sample) && check_exemplar(check, &sample);
}

static bool check_entries(Check *check)
{
    for (;;) {
        ExpositionEntry entry = exposition_next(&check->reader, check->err);
        switch (entry) {
        case EXPOSITION_END:
            return end_family(check);
        case EXPOSITION_SAMPLE:
            if (!check_sample(check)) {
                return false;
            }
            break;
        case EXPOSITION_HELP:
        case EXPOSITION_TYPE:
        case EXPOSITION_UNIT:
            if (!check_metadata(check, entry)) {
                return false;
            }
            break;
        default:
            return false;
        }
    }
}

bool openmetrics_check(Str page, Arena *arena, Err *err)
{
    Check check = {.arena = arena, .err = err};
    exposition_init(&check.reader, EXPOSITION_OPENMETRICS, page);
    bool ok = check_entries(&check);
    strmap_done(&check.names);
    strmap_done(&check.metrics);
    strmap_done(&check.series);
    return ok;
}
