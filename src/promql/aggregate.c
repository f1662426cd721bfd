/*
 * Aggregate: series are assigned to groups once; then each group's series are added, column after
 * column, into the group's column. Where histograms occur, that group is computed step by step.
 *
 * Layer: promql. Memory: see aggregate.h. Thread: see aggregate.h.
 */
#include "promql/aggregate.h"

#include "base/map.h"
#include "promql/functions_math.h"
#include "promql/histogram_mean.h"

#include <math.h>
#include <string.h>

void note_ignored_histogram(const Aggregation *aggregation, u32 pos)
{
    annotations_info(&aggregation->query->annotations, pos, "ignored histogram in %s aggregation",
                     aggregate_op_name(aggregation->plan->op));
}

static u64 group_hash(const AggregatePlan *plan, Labels labels)
{
    return plan->without ? labels_hash_without(labels, plan->labels, plan->label_count)
                         : labels_hash_by(labels, plan->labels, plan->label_count);
}

static bool group_labels(const Aggregation *aggregation, Labels labels, Labels *ret, Err *err)
{
    const AggregatePlan *plan = aggregation->plan;
    return plan->without
               ? labels_without(aggregation->query, labels, plan->labels, plan->label_count, ret,
                                err)
               : labels_only(aggregation->query, labels, plan->labels, plan->label_count, ret, err);
}

/* The group of each series into group_of; groups get labels and member counts. */
static bool assign_groups(Aggregation *aggregation, u32 *group_of, Err *err)
{
    U64Map by_hash = {0};
    bool ok = true;
    for (size_t i = 0; i < aggregation->input->count && ok; i++) {
        const VectorSeries *series = &aggregation->input->series[i];
        bool is_new;
        u64 *slot = u64map_put(&by_hash, group_hash(aggregation->plan, series->labels), &is_new);
        if (is_new) {
            *slot = aggregation->group_count++;
            ok = group_labels(aggregation, series->labels, &aggregation->groups[*slot].labels, err);
        }
        group_of[i] = (u32)*slot;
        aggregation->groups[*slot].count++;
        aggregation->groups[*slot].drop_name |= series->drop_name;
    }
    u64map_done(&by_hash);
    return ok;
}

static bool make_groups(Aggregation *aggregation, Arena *arena, Err *err)
{
    size_t count = aggregation->input->count;
    aggregation->groups = ARENA_NEW(arena, AggregateGroup, count + 1);
    u32 *group_of = ARENA_NEW(arena, u32, count + 1);
    u32 *members = ARENA_NEW(arena, u32, count + 1);
    if (!aggregation->groups || !group_of || !members) {
        return arena_full(arena, err);
    }
    if (!assign_groups(aggregation, group_of, err)) {
        return false;
    }
    for (size_t g = 0; g < aggregation->group_count; g++) {
        aggregation->groups[g].members = members;
        members += aggregation->groups[g].count;
        aggregation->groups[g].count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        AggregateGroup *group = &aggregation->groups[group_of[i]];
        group->members[group->count++] = (u32)i;
    }
    return true;
}

/* What a group's column needs beside it while it is being added up. */
typedef struct Sums {
    f64 *lost;
    f64 *n;
    f64 *mean;
    u64 *running;   /* bit a step: the mean is computed as it goes, the sum would overflow */
    bool from_zero; /* see first_value */
} Sums;

static bool sums_alloc(const Aggregation *aggregation, Arena *scratch, Sums *ret, Err *err)
{
    size_t steps = aggregation->steps->count;
    *ret = (Sums){
        .lost = ARENA_NEW(scratch, f64, steps),
        .n = ARENA_NEW(scratch, f64, steps),
        .mean = ARENA_NEW(scratch, f64, steps),
        .running = ARENA_NEW(scratch, u64, BITMAP_WORDS(steps)),
        .from_zero = aggregation->query->left_closed,
    };
    return (ret->lost && ret->n && ret->mean && ret->running) || arena_full(scratch, err);
}

static void add_average(Column *out, Sums *sums, size_t step, f64 value)
{
    f64 n = sums->n[step];
    if (!bit_get(sums->running, step)) {
        f64 sum = out->value[step];
        f64 lost = sums->lost[step];
        kahan_add(value, &sum, &lost);
        if (!isinf(sum)) {
            out->value[step] = sum;
            sums->lost[step] = lost;
            return;
        }
        bit_set(sums->running, step);
        sums->mean[step] = out->value[step] / (n - 1);
        sums->lost[step] /= n - 1;
    }
    f64 weight = (n - 1) / n;
    sums->mean[step] *= weight;
    sums->lost[step] *= weight;
    kahan_add(value / n, &sums->mean[step], &sums->lost[step]);
}

static void add_deviation(Column *out, Sums *sums, size_t step, f64 value)
{
    f64 delta = value - sums->mean[step];
    sums->mean[step] += delta / sums->n[step];
    out->value[step] += delta * (value - sums->mean[step]);
}

/* A deviation from NaN or an infinity is none; 2.x began with zero all the same. */
static f64 first_value(AggregateOp op, f64 value, bool from_zero)
{
    switch (op) {
    case AGGREGATE_GROUP:
        return 1;
    case AGGREGATE_STDDEV:
    case AGGREGATE_STDVAR:
        return !from_zero && (isnan(value) || isinf(value)) ? (f64)NAN : 0;
    default:
        return value;
    }
}

static void add_value(AggregateOp op, Column *out, Sums *sums, size_t step, f64 value)
{
    switch (op) {
    case AGGREGATE_SUM:
        kahan_add(value, &out->value[step], &sums->lost[step]);
        break;
    case AGGREGATE_AVG:
        add_average(out, sums, step, value);
        break;
    case AGGREGATE_MIN:
        if (out->value[step] > value || isnan(out->value[step])) {
            out->value[step] = value;
        }
        break;
    case AGGREGATE_MAX:
        if (out->value[step] < value || isnan(out->value[step])) {
            out->value[step] = value;
        }
        break;
    case AGGREGATE_STDDEV:
    case AGGREGATE_STDVAR:
        add_deviation(out, sums, step, value);
        break;
    default: /* count, group */
        break;
    }
}

static void add_column(AggregateOp op, const Column *from, size_t steps, Column *out, Sums *sums)
{
    BITS_EACH (from->present, steps, step) {
        f64 value = from->value[step];
        sums->n[step]++;
        if (sums->n[step] == 1) {
            bit_set(out->present, step);
            out->value[step] = first_value(op, value, sums->from_zero);
            sums->mean[step] = value;
        } else {
            add_value(op, out, sums, step, value);
        }
    }
}

static f64 final_value(AggregateOp op, f64 value, const Sums *sums, size_t step)
{
    f64 n = sums->n[step];
    switch (op) {
    case AGGREGATE_SUM:
        return value + sums->lost[step];
    case AGGREGATE_AVG:
        return bit_get(sums->running, step) ? sums->mean[step] + sums->lost[step]
                                            : value / n + sums->lost[step] / n;
    case AGGREGATE_COUNT:
        return n;
    case AGGREGATE_STDVAR:
        return value / n;
    case AGGREGATE_STDDEV:
        return sqrt(value / n);
    default:
        return value;
    }
}

static bool add_floats(const Aggregation *aggregation, const AggregateGroup *group, Column *out,
                       Arena *scratch, Err *err)
{
    AggregateOp op = aggregation->plan->op;
    size_t steps = aggregation->steps->count;
    Sums sums;
    if (!sums_alloc(aggregation, scratch, &sums, err)) {
        return false;
    }
    for (u32 i = 0; i < group->count; i++) {
        add_column(op, &aggregation->input->series[group->members[i]].column, steps, out, &sums);
    }
    BITS_EACH (out->present, steps, step) {
        out->value[step] = final_value(op, out->value[step], &sums, step);
    }
    return true;
}

static bool quantile_step(const Aggregation *aggregation, const AggregateGroup *group, size_t step,
                          f64 *values, Column *out)
{
    size_t count = 0;
    bool ignored = false;
    for (u32 i = 0; i < group->count; i++) {
        const Column *column = &aggregation->input->series[group->members[i]].column;
        if (bit_get(column->present, step)) {
            bool histogram = column_is_histogram(column, step);
            ignored = ignored || histogram;
            values[count] = column->value[step];
            count += !histogram;
        }
    }
    if (count > 0) {
        column_put(out, step, quantile_of(values, count, aggregation->param[step]));
    }
    return ignored;
}

static bool add_quantiles(const Aggregation *aggregation, const AggregateGroup *group, Column *out,
                          Arena *scratch, Err *err)
{
    f64 *values = ARENA_NEW(scratch, f64, group->count + 1);
    if (!values) {
        return arena_full(scratch, err);
    }
    bool ignored = false;
    for (size_t step = 0; step < aggregation->steps->count; step++) {
        ignored = quantile_step(aggregation, group, step, values, out) || ignored;
    }
    if (ignored) {
        note_ignored_histogram(aggregation, aggregation->node->args[0]->pos);
    }
    return true;
}

static bool keep_histogram(Aggregation *aggregation, Column *out, size_t step,
                           const Histogram *histogram, Err *err)
{
    (void)pthread_mutex_lock(&aggregation->lock);
    Histogram *copy = NULL;
    bool ok = column_need_hist(aggregation->histograms, aggregation->steps->count, out, err) &&
              histogram_copy(aggregation->histograms, histogram, &copy, err);
    (void)pthread_mutex_unlock(&aggregation->lock);
    if (ok) {
        column_put(out, step, 0);
        out->hist[step] = copy;
    }
    return ok;
}

static void warn_incompatible(const Aggregation *aggregation, Labels labels)
{
    char name[QUOTED_NAME_MAX];
    annotations_warn(&aggregation->query->annotations, aggregation->node->args[0]->pos,
                     "vector contains a mix of histograms with exponential and custom buckets "
                     "schemas for metric name " STR_FMT,
                     STR_ARG(quoted_name(name, sizeof(name), labels_get(labels, LABEL_NAME))));
}

typedef struct StepKinds {
    bool floats;
    bool histograms;
} StepKinds;

static StepKinds kinds_at(const Aggregation *aggregation, const AggregateGroup *group, size_t step)
{
    StepKinds kinds = {0};
    for (u32 i = 0; i < group->count; i++) {
        const Column *column = &aggregation->input->series[group->members[i]].column;
        if (bit_get(column->present, step)) {
            bool histogram = column_is_histogram(column, step);
            kinds.histograms = kinds.histograms || histogram;
            kinds.floats = kinds.floats || !histogram;
        }
    }
    return kinds;
}

/* The sum or mean of the group's histograms at one step; none when they do not fit. */
static bool sum_histograms(Aggregation *aggregation, const AggregateGroup *group, size_t step,
                           Column *out, Arena *scratch, Err *err)
{
    bool is_mean = aggregation->plan->op == AGGREGATE_AVG;
    u32 pos = aggregation->node->args[0]->pos;
    HistogramMean mean = {0};
    for (u32 i = 0; i < group->count; i++) {
        const VectorSeries *series = &aggregation->input->series[group->members[i]];
        if (!bit_get(series->column.present, step)) {
            continue;
        }
        ASSERT(series->column.hist);
        const Histogram *histogram = series->column.hist[step];
        HistogramOutcome outcome;
        if (mean.n == 0) {
            outcome = histogram_mean_init(&mean, scratch, histogram) ? HISTOGRAM_DONE
                                                                     : HISTOGRAM_NO_MEMORY;
        } else {
            outcome = is_mean ? histogram_mean_add(&mean, histogram)
                              : histogram_sum_add(&mean, histogram);
        }
        if (outcome == HISTOGRAM_INCOMPATIBLE) {
            warn_incompatible(aggregation, series->labels);
            return true;
        }
        if (outcome == HISTOGRAM_NO_MEMORY) {
            return arena_full(scratch, err);
        }
    }
    if (mean.notes.bounds_reconciled) {
        annotations_info(&aggregation->query->annotations, pos,
                         "mismatched custom buckets were reconciled during aggregation");
    }
    if (mean.reset_seen && mean.no_reset_seen) {
        annotations_warn(&aggregation->query->annotations, pos,
                         "conflicting counter resets during histogram aggregation");
    }
    const Histogram *result = histogram_mean_finish(&mean, is_mean);
    return result ? keep_histogram(aggregation, out, step, result, err) : arena_full(scratch, err);
}

/* sum and avg where histograms occur. */
static bool add_histograms(Aggregation *aggregation, const AggregateGroup *group, Column *out,
                           Arena *scratch, Err *err)
{
    /* Floats first; then the steps with histograms are put right. */
    if (!add_floats(aggregation, group, out, scratch, err)) {
        return false;
    }
    for (size_t step = 0; step < aggregation->steps->count; step++) {
        StepKinds kinds = kinds_at(aggregation, group, step);
        if (!kinds.histograms) {
            continue;
        }
        bit_clear(out->present, step);
        if (kinds.floats) {
            annotations_warn(&aggregation->query->annotations, aggregation->node->args[0]->pos,
                             "encountered a mix of histograms and floats for aggregation");
            continue;
        }
        ArenaMark mark = arena_mark(scratch);
        if (!sum_histograms(aggregation, group, step, out, scratch, err)) {
            return false;
        }
        arena_reset(scratch, mark);
    }
    return true;
}

/* A copy of the input's column without its histograms. */
static bool floats_alone(const Column *from, size_t steps, Arena *scratch, Column *ret, Err *err)
{
    *ret = *from;
    ret->present = ARENA_NEW(scratch, u64, BITMAP_WORDS(steps));
    ret->hist = NULL;
    if (!ret->present) {
        return arena_full(scratch, err);
    }
    BITS_EACH (from->present, steps, step) {
        if (!from->hist[step]) {
            bit_set(ret->present, step);
        }
    }
    return true;
}

/* min, max, stddev, stdvar where histograms occur. */
static bool add_without_histograms(Aggregation *aggregation, const AggregateGroup *group,
                                   Column *out, Arena *scratch, Err *err)
{
    AggregateOp op = aggregation->plan->op;
    size_t steps = aggregation->steps->count;
    Sums sums;
    if (!sums_alloc(aggregation, scratch, &sums, err)) {
        return false;
    }
    note_ignored_histogram(aggregation, aggregation->node->args[0]->pos);
    for (u32 i = 0; i < group->count; i++) {
        const Column *from = &aggregation->input->series[group->members[i]].column;
        Column column = *from;
        if (from->hist && !floats_alone(from, steps, scratch, &column, err)) {
            return false;
        }
        add_column(op, &column, steps, out, &sums);
    }
    BITS_EACH (out->present, steps, step) {
        out->value[step] = final_value(op, out->value[step], &sums, step);
    }
    return true;
}

static bool has_histograms(const Aggregation *aggregation, const AggregateGroup *group)
{
    for (u32 i = 0; i < group->count; i++) {
        const Column *column = &aggregation->input->series[group->members[i]].column;
        if (column->hist) {
            BITS_EACH (column->present, aggregation->steps->count, step) {
                if (column->hist[step]) {
                    return true;
                }
            }
        }
    }
    return false;
}

static bool add_group(void *self, size_t index, Arena *scratch, Err *err)
{
    Aggregation *aggregation = self;
    const AggregateGroup *group = &aggregation->groups[index];
    VectorSeries *series = &aggregation->output->series[index];
    series->labels = group->labels;
    series->drop_name = group->drop_name;
    AggregateOp op = aggregation->plan->op;
    if (op == AGGREGATE_QUANTILE) {
        return add_quantiles(aggregation, group, &series->column, scratch, err);
    }
    bool counts = op == AGGREGATE_COUNT || op == AGGREGATE_GROUP;
    if (counts || !has_histograms(aggregation, group)) {
        return add_floats(aggregation, group, &series->column, scratch, err);
    }
    bool adds = op == AGGREGATE_SUM || op == AGGREGATE_AVG;
    return adds ? add_histograms(aggregation, group, &series->column, scratch, err)
                : add_without_histograms(aggregation, group, &series->column, scratch, err);
}

static void note_quantile_param(const Aggregation *aggregation)
{
    ASSERT(aggregation->param);
    for (size_t step = 0; step < aggregation->steps->count; step++) {
        note_quantile(aggregation->query, aggregation->node->args[1]->pos,
                      aggregation->param[step]);
    }
}

static bool aggregate_groups(Aggregation *aggregation, Value *ret, Err *err)
{
    if (aggregation->plan->op == AGGREGATE_QUANTILE) {
        note_quantile_param(aggregation);
    }
    value_init(ret, VALUE_VECTOR, aggregation->query, aggregation->steps->count);
    aggregation->output = &ret->vector;
    (void)pthread_mutex_init(&aggregation->lock, NULL);
    bool ok = vector_alloc(&ret->vector, aggregation->group_count, err) &&
              vector_hold(&ret->vector, &aggregation->histograms, err) &&
              query_each_series(aggregation->query, aggregation->group_count, add_group,
                                aggregation, err) &&
              vector_settle(&ret->vector, err);
    (void)pthread_mutex_destroy(&aggregation->lock);
    if (!ok) {
        value_done(ret);
    }
    return ok;
}

static bool aggregate_input(Aggregation *aggregation, Value *input, Value *ret, Err *err)
{
    AggregateOp op = aggregation->plan->op;
    aggregation->input = &input->vector;
    if (op == AGGREGATE_COUNT_VALUES) {
        return aggregate_count_values(aggregation, ret, err);
    }
    Arena *arena;
    if (!vector_hold(&input->vector, &arena, err) || !make_groups(aggregation, arena, err)) {
        return false;
    }
    bool picks = op == AGGREGATE_TOPK || op == AGGREGATE_BOTTOMK || op == AGGREGATE_LIMITK ||
                 op == AGGREGATE_LIMIT_RATIO;
    return picks ? aggregate_pick(aggregation, input, ret, err)
                 : aggregate_groups(aggregation, ret, err);
}

bool eval_aggregate(Query *query, const PlanNode *node, const Steps *steps, Value *ret, Err *err)
{
    Aggregation aggregation = {
        .query = query, .node = node, .plan = node->aggregate, .steps = steps};
    Value param;
    Value input;
    value_init(&param, VALUE_SCALAR, query, steps->count);
    if (node->arg_count > 1 && node->args[1]->type == VALUE_SCALAR) {
        if (!eval_node(query, node->args[1], steps, &param, err)) {
            return false;
        }
        aggregation.param = param.scalar;
    }
    bool ok = eval_node(query, node->args[0], steps, &input, err);
    if (ok) {
        ok = aggregate_input(&aggregation, &input, ret, err);
        value_done(&input);
    }
    value_done(&param);
    return ok;
}
