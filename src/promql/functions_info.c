/*
 * info(): adds to each series the labels of the info metrics (target_info and its like) that share
 * its instance and job. Which info series that is may change from step to step; of several with the
 * same name the one with the newest sample counts.
 *
 * Layer: promql. Memory: see eval.h. Thread: the query's.
 */
#include "base/buf.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "promql/call.h"

#include <inttypes.h>
#include <string.h>

enum {
    INFO_NAMES_MAX = 64,           /* info metrics that one series can be joined with */
    LABELS_TEXT_MAX = 1024 * 1024, /* bytes of labels in an error */
};

/* What the info series are found with. */
typedef struct InfoSelector {
    Matcher *matchers; /* copies; the last `owned` of them are ours to free */
    size_t count;
    size_t owned;
    const Matcher *data; /* those of the second argument */
    size_t data_count;
} InfoSelector;

/* An info series and the next one with the same instance and job. */
typedef struct InfoSeries {
    Str name;
    Str instance, job;
    size_t next; /* SIZE_MAX at the end */
} InfoSeries;

typedef struct Info {
    const Call *call;
    InfoSelector selector;
    Vector *base;
    Vector *infos;      /* values are the times of the samples */
    InfoSeries *series; /* one for each of infos */
    U64Map by_target;   /* hash of instance and job -> first of its series */
    Vector *output;
    Arena *arena; /* of output */
    VEC(VectorSeries) made;
} Info;

static bool is_name(const Matcher *matcher)
{
    return str_eq(matcher->name, LABEL_NAME);
}

static bool is_positive(const Matcher *matcher)
{
    return matcher->kind == MATCH_EQUAL || matcher->kind == MATCH_REGEX;
}

/* The data matchers, and names: those given; with none target_info; with only negative ones any
 * that ends in _info. */
static bool make_selector(Info *info, Err *err)
{
    InfoSelector *selector = &info->selector;
    const Call *call = info->call;
    if (call->node->arg_count > 1) {
        selector->data = call->node->args[1]->selector->matchers;
        selector->data_count = call->node->args[1]->selector->matcher_count;
    }
    selector->matchers = MEM_ARRAY(Matcher, selector->data_count + 1);
    bool named = false;
    bool positive = false;
    for (size_t i = 0; i < selector->data_count; i++) {
        selector->matchers[selector->count++] = selector->data[i];
        named = named || is_name(&selector->data[i]);
        positive = positive || (is_name(&selector->data[i]) && is_positive(&selector->data[i]));
    }
    if (positive) {
        return true;
    }
    Matcher *added = &selector->matchers[selector->count];
    if (!matcher_init(added, named ? MATCH_REGEX : MATCH_EQUAL, LABEL_NAME,
                      named ? S(".+_info") : S("target_info"), err)) {
        return false;
    }
    selector->count++;
    selector->owned = 1;
    return true;
}

static void free_selector(InfoSelector *selector)
{
    if (selector->owned) {
        matcher_done(&selector->matchers[selector->count - 1]);
    }
    mem_free(selector->matchers);
}

/* Is the series an info series itself? */
static bool is_info(const Info *info, Labels labels)
{
    Str name = labels_get(labels, LABEL_NAME);
    for (size_t i = 0; i < info->selector.count; i++) {
        const Matcher *matcher = &info->selector.matchers[i];
        if (is_name(matcher) && !matcher_matches(matcher, name)) {
            return false;
        }
    }
    return true;
}

/*
 * Where the first selector of the argument looks: its own @, else that of the innermost subquery
 * around it that has one; the offsets on the way add up. Returns whether there is a selector.
 * NOLINTNEXTLINE(misc-no-recursion): as deep as the parser allows (QUERY_DEPTH_MAX)
 */
static bool find_times(const PlanNode *node, PlanNode *to)
{
    if (node->kind == PLAN_SELECTOR || node->kind == PLAN_RANGE) {
        to->has_at = node->has_at;
        to->at_ms = node->at_ms;
        to->offset_ms = node->offset_ms;
        return true;
    }
    for (size_t i = 0; i < node->arg_count; i++) {
        if (find_times(node->args[i], to)) {
            if (node->kind == PLAN_SUBQUERY && !to->has_at) {
                to->offset_ms += node->offset_ms;
                to->has_at = node->has_at;
                to->at_ms = node->at_ms;
            }
            return true;
        }
    }
    return false;
}

static bool load_infos(Info *info, Value *ret, Err *err)
{
    SelectorPlan selector = {.matchers = info->selector.matchers,
                             .matcher_count = info->selector.count,
                             .id = SELECTOR_UNSHARED};
    PlanNode node = {.kind = PLAN_SELECTOR, .type = VALUE_VECTOR, .selector = &selector};
    (void)find_times(info->call->node->args[0], &node);
    return eval_info_series(info->call->query, &node, info->call->steps, ret, err);
}

/* Values that an identifying label has among the base series. */
typedef struct Wanted {
    StrMap instance;
    StrMap job;
} Wanted;

static void collect_wanted(const Info *info, Wanted *wanted)
{
    for (size_t i = 0; i < info->base->count; i++) {
        Labels labels = info->base->series[i].labels;
        if (is_info(info, labels)) {
            continue;
        }
        Str instance = labels_get(labels, S("instance"));
        Str job = labels_get(labels, S("job"));
        if (instance.len > 0) {
            (void)strmap_put(&wanted->instance, instance, NULL);
        }
        if (job.len > 0) {
            (void)strmap_put(&wanted->job, job, NULL);
        }
    }
}

static bool is_wanted(const Wanted *wanted, const InfoSeries *series)
{
    return (wanted->instance.count == 0 || strmap_find(&wanted->instance, series->instance)) &&
           (wanted->job.count == 0 || strmap_find(&wanted->job, series->job)) &&
           wanted->instance.count + wanted->job.count > 0;
}

static u64 target_hash(Str instance, Str job)
{
    return hash_combine(hash_str(instance), hash_str(job));
}

/* Chains the info series by instance and job. */
static bool index_infos(Info *info, Err *err)
{
    info->series = ARENA_NEW(info->arena, InfoSeries, info->infos->count + 1);
    if (!info->series) {
        return arena_full(info->arena, err);
    }
    Wanted wanted = {0};
    collect_wanted(info, &wanted);
    for (size_t i = 0; i < info->infos->count; i++) {
        Labels labels = info->infos->series[i].labels;
        InfoSeries *series = &info->series[i];
        *series = (InfoSeries){.name = labels_get(labels, LABEL_NAME),
                               .instance = labels_get(labels, S("instance")),
                               .job = labels_get(labels, S("job")),
                               .next = SIZE_MAX};
        if (is_wanted(&wanted, series)) {
            bool is_new;
            u64 *slot =
                u64map_put(&info->by_target, target_hash(series->instance, series->job), &is_new);
            series->next = is_new ? SIZE_MAX : (size_t)*slot;
            *slot = i;
        }
    }
    strmap_done(&wanted.instance);
    strmap_done(&wanted.job);
    return true;
}

/* The info series that a base series is joined with at one step: one of each name. */
typedef struct Joined {
    size_t at[INFO_NAMES_MAX];
    size_t count;
} Joined;

static bool duplicate_error(const Info *info, size_t a, size_t b, size_t step, Err *err)
{
    Buf texts[2];
    const size_t series[] = {a, b};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        buf_init(&texts[i], LABELS_TEXT_MAX);
        label_set_format(&texts[i], info->infos->series[series[i]].labels);
    }
    i64 t_ms = (i64)info->infos->series[a].column.value[step];
    (void)err_set(err, ERR_UNSUPPORTED,
                  "found duplicate series for info metric: existing " STR_FMT " @ %" PRId64
                  ", new " STR_FMT " @ %" PRId64,
                  STR_ARG(buf_view(&texts[0])), t_ms, STR_ARG(buf_view(&texts[1])), t_ms);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        buf_done(&texts[i]);
    }
    return false;
}

/* Takes series i into the join, in the place of an older one of its name. */
static bool join_series(const Info *info, size_t i, size_t step, Joined *joined, Err *err)
{
    for (size_t j = 0; j < joined->count; j++) {
        size_t other = joined->at[j];
        if (!str_eq(info->series[other].name, info->series[i].name)) {
            continue;
        }
        f64 now = info->infos->series[i].column.value[step];
        f64 before = info->infos->series[other].column.value[step];
        if (now == before) {
            return duplicate_error(info, other, i, step, err);
        }
        joined->at[j] = now > before ? i : other;
        return true;
    }
    if (joined->count == INFO_NAMES_MAX) {
        return err_set(err, ERR_LIMIT, "more than %d info metrics match one series",
                       INFO_NAMES_MAX);
    }
    joined->at[joined->count++] = i;
    return true;
}

static bool find_joined(const Info *info, Labels base, size_t step, Joined *ret, Err *err)
{
    Str instance = labels_get(base, S("instance"));
    Str job = labels_get(base, S("job"));
    const u64 *slot = u64map_find(&info->by_target, target_hash(instance, job));
    ret->count = 0;
    for (size_t i = slot ? (size_t)*slot : SIZE_MAX; i != SIZE_MAX; i = info->series[i].next) {
        bool same = str_eq(info->series[i].instance, instance) && str_eq(info->series[i].job, job);
        if (same && bit_get(info->infos->series[i].column.present, step) &&
            !join_series(info, i, step, ret, err)) {
            return false;
        }
    }
    return true;
}

/* Is a label of an info series to be taken over? All are, unless data matchers name some. */
static bool takes_label(const Info *info, Str name)
{
    bool any = false;
    for (size_t i = 0; i < info->selector.data_count; i++) {
        const Matcher *matcher = &info->selector.data[i];
        if (!is_name(matcher)) {
            any = true;
            if (str_eq(matcher->name, name)) {
                return true;
            }
        }
    }
    return !any && !str_eq(name, LABEL_NAME);
}

/* May a series without any info stay? Only if every data matcher accepts an absent label. */
static bool may_stay_alone(const Info *info)
{
    for (size_t i = 0; i < info->selector.data_count; i++) {
        const Matcher *matcher = &info->selector.data[i];
        if (!is_name(matcher) && !matcher_matches_empty(matcher)) {
            return false;
        }
    }
    return true;
}

static bool joined_labels(const Info *info, Labels base, const Joined *joined, Labels *ret,
                          Err *err)
{
    LabelsBuilder builder;
    LabelsBuilder added;
    labels_builder_init(&builder, &info->call->query->labels);
    labels_builder_init(&added, &info->call->query->labels);
    if (!labels_builder_from(&builder, base, err) ||
        !labels_builder_from(&added, LABELS_EMPTY, err)) {
        return false;
    }
    for (size_t i = 0; i < joined->count; i++) {
        Labels labels = info->infos->series[joined->at[i]].labels;
        for (size_t j = 0; j < labels.count; j++) {
            const Label *label = &labels.at[j];
            if (!takes_label(info, label->name)) {
                continue;
            }
            Str before = labels_builder_get(&added, label->name);
            if (before.len > 0 && !str_eq(before, label->value)) {
                return err_set(err, ERR_UNSUPPORTED, "conflicting label: " STR_FMT,
                               STR_ARG(label->name));
            }
            if (!labels_has(base, label->name) &&
                (!labels_builder_set(&added, label->name, label->value, err) ||
                 !labels_builder_set(&builder, label->name, label->value, err))) {
                return false;
            }
        }
    }
    return labels_builder_finish(&builder, ret, err);
}

static VectorSeries *new_output(Info *info, const VectorSeries *base, Labels labels, Err *err)
{
    VectorSeries *series = vec_push(&info->made);
    *series = (VectorSeries){.labels = labels, .drop_name = base->drop_name};
    return column_alloc(info->arena, info->call->steps->count, &series->column, err) ? series
                                                                                     : NULL;
}

static bool copy_step(Info *info, const Column *from, size_t step, Column *to, Err *err)
{
    column_put(to, step, from->value[step]);
    if (!column_is_histogram(from, step)) {
        return true;
    }
    if (!column_need_hist(info->arena, info->call->steps->count, to, err)) {
        return false;
    }
    to->hist[step] = from->hist[step];
    return true;
}

/* The same info series as at the step before give the same output series. */
static bool same_joined(const Joined *a, const Joined *b)
{
    return a->count == b->count && memcmp(a->at, b->at, a->count * sizeof(a->at[0])) == 0;
}

static bool enrich(Info *info, const VectorSeries *base, bool stays_alone, Err *err)
{
    Joined before = {.count = SIZE_MAX};
    VectorSeries *series = NULL;
    BITS_EACH (base->column.present, info->call->steps->count, step) {
        Joined joined;
        if (!find_joined(info, base->labels, step, &joined, err)) {
            return false;
        }
        if (joined.count == 0 && !stays_alone) {
            continue;
        }
        if (!series || !same_joined(&joined, &before)) {
            Labels labels;
            if (!joined_labels(info, base->labels, &joined, &labels, err)) {
                return false;
            }
            series = new_output(info, base, labels, err);
            before = joined;
        }
        if (!series || !copy_step(info, &base->column, step, &series->column, err)) {
            return false;
        }
    }
    return true;
}

static bool enrich_all(Info *info, Err *err)
{
    bool stays_alone = may_stay_alone(info);
    for (size_t i = 0; i < info->base->count; i++) {
        const VectorSeries *base = &info->base->series[i];
        if (!query_check(info->call->query, err)) {
            return false;
        }
        if (is_info(info, base->labels)) {
            *vec_push(&info->made) = *base;
        } else if (!enrich(info, base, stays_alone, err)) {
            return false;
        }
    }
    return true;
}

static bool give_output(Info *info, Err *err)
{
    Vector *output = info->output;
    output->series = ARENA_NEW(info->arena, VectorSeries, info->made.count + 1);
    if (!output->series) {
        return arena_full(info->arena, err);
    }
    output->count = info->made.count;
    for (size_t i = 0; i < output->count; i++) {
        output->series[i] = info->made.at[i];
    }
    vector_adopt(output, info->base); /* columns and histograms that were taken over */
    return vector_settle(output, err) && vector_merge_same(output, err);
}

static bool join_infos(Info *info, Value *ret, Err *err)
{
    Value infos;
    if (!load_infos(info, &infos, err)) {
        return false;
    }
    info->infos = &infos.vector;
    value_init(ret, VALUE_VECTOR, info->call->query, info->call->steps->count);
    info->output = &ret->vector;
    bool ok = vector_hold(info->output, &info->arena, err) && index_infos(info, err) &&
              enrich_all(info, err) && give_output(info, err);
    u64map_done(&info->by_target);
    vec_done(&info->made);
    value_done(&infos);
    if (!ok) {
        value_done(ret);
    }
    return ok;
}

bool call_info(const Call *call, Value *ret, Err *err)
{
    Info info = {.call = call};
    Value base;
    if (!call_arg(call, 0, &base, err)) {
        return false;
    }
    info.base = &base.vector;
    bool ok = make_selector(&info, err) && join_infos(&info, ret, err);
    free_selector(&info.selector);
    value_done(&base);
    return ok;
}
