/*
 * Aggregations that keep series as they are: topk, bottomk, limitk, limit_ratio; and count_values,
 * whose groups depend on values.
 *
 * Layer: promql. Memory: see aggregate.h. Thread: the query's.
 */
#include "promql/aggregate.h"

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/quote.h"
#include "base/vec.h"
#include "codec/number.h"
#include "promql/functions_math.h"

#include <math.h>
#include <string.h>

/* A candidate of topk: the heap keeps the one to lose first at its root. */
typedef struct Candidate {
    f64 value;
    u32 series;
} Candidate;

/* NaN is the farthest from the top and from the bottom. */
static bool loses_to(f64 a, f64 b, bool bottom)
{
    return isnan(a) || (bottom ? a > b : a < b);
}

static void swap(Candidate *heap, size_t i, size_t j)
{
    Candidate held = heap[i];
    heap[i] = heap[j];
    heap[j] = held;
}

static void sift_up(Candidate *heap, size_t at, bool bottom)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!loses_to(heap[at].value, heap[parent].value, bottom)) {
            return;
        }
        swap(heap, at, parent);
        at = parent;
    }
}

static void sift_down(Candidate *heap, size_t count, bool bottom)
{
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) {
            return;
        }
        if (child + 1 < count && loses_to(heap[child + 1].value, heap[child].value, bottom)) {
            child++;
        }
        if (!loses_to(heap[child].value, heap[at].value, bottom)) {
            return;
        }
        swap(heap, at, child);
        at = child;
    }
}

/* Best first; equal ones keep their place in the heap. */
static void sort_best_first(Candidate *heap, size_t count, bool bottom)
{
    for (size_t i = 1; i < count; i++) {
        for (size_t j = i; j > 0 && loses_to(heap[j - 1].value, heap[j].value, bottom) &&
                           !(isnan(heap[j - 1].value) && isnan(heap[j].value));
             j--) {
            swap(heap, j, j - 1);
        }
    }
}

typedef struct Pick {
    Aggregation *aggregation;
    Value *input;
    Candidate *heap; /* room for the largest group */
    u64 **kept;      /* per input series: the steps it stays */
    u32 *order;      /* of an instant query: series in the order of the answer */
    size_t order_count;
    bool ignored_histogram;
} Pick;

static size_t pick_extreme(Pick *pick, const AggregateGroup *group, size_t step, size_t k)
{
    bool bottom = pick->aggregation->plan->op == AGGREGATE_BOTTOMK;
    size_t count = 0;
    for (u32 i = 0; i < group->count; i++) {
        u32 series = group->members[i];
        const Column *column = &pick->input->vector.series[series].column;
        if (!bit_get(column->present, step)) {
            continue;
        }
        if (column_is_histogram(column, step)) {
            pick->ignored_histogram = true;
            continue;
        }
        f64 value = column->value[step];
        if (count < k) {
            pick->heap[count] = (Candidate){.value = value, .series = series};
            sift_up(pick->heap, count++, bottom);
        } else if ((bottom ? pick->heap[0].value > value : pick->heap[0].value < value) ||
                   (isnan(pick->heap[0].value) && !isnan(value))) {
            pick->heap[0] = (Candidate){.value = value, .series = series};
            sift_down(pick->heap, count, bottom);
        }
    }
    sort_best_first(pick->heap, count, bottom);
    return count;
}

static size_t pick_first(Pick *pick, const AggregateGroup *group, size_t step, size_t k)
{
    size_t count = 0;
    for (u32 i = 0; i < group->count && count < k; i++) {
        u32 series = group->members[i];
        if (bit_get(pick->input->vector.series[series].column.present, step)) {
            pick->heap[count++].series = series;
        }
    }
    return count;
}

/* Where between 0 and 1 a label set lies: the original's hash of its own layout of labels. */
static bool label_position(Labels labels, Buf *bytes, f64 *ret, Err *err)
{
    buf_clear(bytes);
    for (size_t i = 0; i < labels.count; i++) {
        const Str parts[] = {labels.at[i].name, labels.at[i].value};
        for (size_t p = 0; p < COUNT_OF(parts); p++) {
            size_t len = parts[p].len;
            if (len < 255) {
                buf_byte(bytes, (u8)len);
            } else {
                buf_byte(bytes, 255);
                buf_byte(bytes, (u8)len);
                buf_byte(bytes, (u8)(len >> 8));
                buf_byte(bytes, (u8)(len >> 16));
            }
            buf_str(bytes, parts[p]);
        }
    }
    *ret = (f64)hash_xxh64(buf_view(bytes).ptr, bytes->len) / (f64)UINT64_MAX;
    return buf_ok(bytes, err);
}

static bool pick_ratio(Pick *pick, const AggregateGroup *group, size_t step, f64 ratio,
                       size_t *ret_count, Err *err)
{
    Buf bytes;
    size_t count = 0;
    bool ok = true;
    buf_init(&bytes, 16 * MIB);
    ratio = MAX(MIN(ratio, 1.0), -1.0);
    for (u32 i = 0; i < group->count && ok; i++) {
        u32 series = group->members[i];
        const VectorSeries *candidate = &pick->input->vector.series[series];
        f64 position;
        if (!bit_get(candidate->column.present, step)) {
            continue;
        }
        ok = label_position(candidate->labels, &bytes, &position, err);
        if (ratio >= 0 ? position < ratio : position >= 1 + ratio) {
            pick->heap[count++].series = series;
        }
    }
    buf_done(&bytes);
    *ret_count = count;
    return ok;
}

static bool pick_group(Pick *pick, const AggregateGroup *group, size_t step, Err *err)
{
    AggregateOp op = pick->aggregation->plan->op;
    f64 param = pick->aggregation->param[step];
    size_t count = 0;
    if (op == AGGREGATE_LIMIT_RATIO) {
        if (param != 0 && !pick_ratio(pick, group, step, param, &count, err)) {
            return false;
        }
    } else if (param >= 1) {
        size_t k = (size_t)MIN(param, (f64)pick->input->vector.count);
        count = op == AGGREGATE_LIMITK ? pick_first(pick, group, step, k)
                                       : pick_extreme(pick, group, step, k);
    }
    for (size_t i = 0; i < count; i++) {
        u32 series = pick->heap[i].series;
        bit_set(pick->kept[series], step);
        if (pick->aggregation->steps->count == 1) {
            pick->order[pick->order_count++] = series;
        }
    }
    return true;
}

typedef struct ParamRange {
    f64 lowest, highest;
    bool has_nan;
} ParamRange;

static ParamRange param_range(const Aggregation *aggregation)
{
    ParamRange range = {.lowest = INFINITY, .highest = -INFINITY};
    for (size_t step = 0; step < aggregation->steps->count; step++) {
        f64 value = aggregation->param[step];
        range.has_nan = range.has_nan || isnan(value);
        range.lowest = fmin(range.lowest, value);
        range.highest = fmax(range.highest, value);
    }
    return range;
}

static void warn_ratio(const Aggregation *aggregation, f64 ratio, int bound)
{
    char text[F64_TEXT_MAX];
    annotations_warn(&aggregation->query->annotations, aggregation->node->args[1]->pos,
                     "ratio value should be between -1 and 1, got " STR_FMT ", capping to %d",
                     STR_ARG(number_text(text, ratio)), bound);
}

static bool check_param(const Aggregation *aggregation, Err *err)
{
    static const f64 int64_limit = 9223372036854775808.0;
    ParamRange range = param_range(aggregation);
    char text[F64_TEXT_MAX];
    if (aggregation->plan->op == AGGREGATE_LIMIT_RATIO) {
        if (range.has_nan) {
            return err_set(err, ERR_UNSUPPORTED, "Ratio value is NaN");
        }
        if (range.highest > 1) {
            warn_ratio(aggregation, range.highest, 1);
        }
        if (range.lowest < -1) {
            warn_ratio(aggregation, range.lowest, -1);
        }
        return true;
    }
    if (!range.has_nan && range.highest < 1) {
        return true;
    }
    if (range.has_nan) {
        return err_set(err, ERR_UNSUPPORTED, "Parameter value is NaN");
    }
    if (range.lowest <= -int64_limit) {
        return err_set(err, ERR_UNSUPPORTED, "Scalar value " STR_FMT " underflows int64",
                       STR_ARG(number_text(text, range.lowest)));
    }
    if (range.highest >= int64_limit) {
        return err_set(err, ERR_UNSUPPORTED, "Scalar value " STR_FMT " overflows int64",
                       STR_ARG(number_text(text, range.highest)));
    }
    return true;
}

static bool pick_alloc(Pick *pick, Err *err)
{
    Vector *vector = &pick->input->vector;
    size_t words = BITMAP_WORDS(vector->steps);
    Arena *arena;
    if (!vector_hold(vector, &arena, err)) {
        return false;
    }
    pick->heap = ARENA_NEW(arena, Candidate, vector->count + 1);
    pick->order = ARENA_NEW(arena, u32, vector->count + 1);
    pick->kept = ARENA_NEW(arena, u64 *, vector->count + 1);
    u64 *bits = ARENA_NEW(arena, u64, vector->count * words + 1);
    if (!pick->heap || !pick->order || !pick->kept || !bits) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < vector->count; i++) {
        pick->kept[i] = bits + i * words;
    }
    return true;
}

/* The answer takes the input's columns, with what was not picked blanked out. */
static bool take_picked(Pick *pick, Value *ret, Err *err)
{
    Vector *from = &pick->input->vector;
    for (size_t i = 0; i < from->count; i++) {
        from->series[i].column.present = pick->kept[i];
    }
    *ret = *pick->input;
    value_init(pick->input, VALUE_VECTOR, pick->aggregation->query, from->steps);
    Vector *vector = &ret->vector;
    if (vector->steps == 1) {
        VectorSeries *ordered = MEM_ARRAY(VectorSeries, pick->order_count);
        for (size_t i = 0; i < pick->order_count; i++) {
            ordered[i] = vector->series[pick->order[i]];
        }
        if (pick->order_count > 0) {
            memcpy(vector->series, ordered, pick->order_count * sizeof(*ordered));
        }
        vector->count = pick->order_count;
        mem_free(ordered);
    }
    if (vector_settle(vector, err)) {
        return true;
    }
    value_done(ret);
    return false;
}

bool aggregate_pick(Aggregation *aggregation, Value *input, Value *ret, Err *err)
{
    Pick pick = {.aggregation = aggregation, .input = input};
    if (!check_param(aggregation, err) || !pick_alloc(&pick, err)) {
        return false;
    }
    for (size_t g = 0; g < aggregation->group_count; g++) {
        if (!query_check(aggregation->query, err)) {
            return false;
        }
        for (size_t step = 0; step < aggregation->steps->count; step++) {
            if (!pick_group(&pick, &aggregation->groups[g], step, err)) {
                return false;
            }
        }
    }
    if (pick.ignored_histogram) {
        note_ignored_histogram(aggregation, aggregation->node->pos);
    }
    return take_picked(&pick, ret, err);
}

/* count_values: an output series for each group and distinct value. */
typedef struct ValueCounts {
    Aggregation *aggregation;
    Str label;
    Vector *output;
    Arena *arena;   /* of output */
    U64Map by_hash; /* hash of the output labels -> index */
    VEC(VectorSeries) series;
} ValueCounts;

static bool counted_labels(ValueCounts *counts, Labels labels, Str value, Labels *ret, Err *err)
{
    Query *query = counts->aggregation->query;
    LabelsBuilder builder;
    Str copy;
    Labels with_value;
    labels_builder_init(&builder, &query->labels);
    if (!arena_str(&query->labels, value, &copy, err) ||
        !labels_builder_from(&builder, labels, err) ||
        !labels_builder_set(&builder, counts->label, copy, err) ||
        !labels_builder_finish(&builder, &with_value, err)) {
        return false;
    }
    const AggregatePlan *plan = counts->aggregation->plan;
    return plan->without
               ? labels_without(query, with_value, plan->labels, plan->label_count, ret, err)
               : labels_only(query, with_value, plan->labels, plan->label_count, ret, err);
}

static bool find_counted(ValueCounts *counts, Labels labels, VectorSeries **ret, Err *err)
{
    for (u64 hash = labels_hash(labels);; hash++) {
        bool is_new;
        u64 *slot = u64map_put(&counts->by_hash, hash, &is_new);
        if (is_new) {
            *slot = counts->series.count;
            VectorSeries *series = vec_push(&counts->series);
            *series = (VectorSeries){.labels = labels};
            *ret = series;
            return column_alloc(counts->arena, counts->aggregation->steps->count, &series->column,
                                err);
        }
        if (labels_eq(counts->series.at[*slot].labels, labels)) {
            *ret = &counts->series.at[*slot];
            return true;
        }
    }
}

static bool count_sample(ValueCounts *counts, const VectorSeries *from, size_t step, Buf *text,
                         Err *err)
{
    buf_clear(text);
    if (column_is_histogram(&from->column, step)) {
        histogram_format(text, from->column.hist[step]);
    } else {
        buf_f64_f(text, from->column.value[step]);
    }
    Labels labels;
    VectorSeries *series;
    if (!buf_ok(text, err) || !counted_labels(counts, from->labels, buf_view(text), &labels, err) ||
        !find_counted(counts, labels, &series, err)) {
        return false;
    }
    if (bit_get(series->column.present, step)) {
        series->column.value[step]++;
    } else {
        column_put(&series->column, step, 1);
    }
    return true;
}

static bool count_all(ValueCounts *counts, Err *err)
{
    const Vector *input = counts->aggregation->input;
    Buf text;
    bool ok = true;
    buf_init(&text, MIB);
    for (size_t i = 0; i < input->count && ok; i++) {
        ok = query_check(counts->aggregation->query, err);
        BITS_EACH (input->series[i].column.present, input->steps, step) {
            ok = ok && count_sample(counts, &input->series[i], step, &text, err);
        }
    }
    buf_done(&text);
    return ok;
}

static bool give_counted(ValueCounts *counts, Err *err)
{
    Vector *output = counts->output;
    output->series = ARENA_NEW(counts->arena, VectorSeries, counts->series.count + 1);
    if (!output->series) {
        return arena_full(counts->arena, err);
    }
    output->count = counts->series.count;
    for (size_t i = 0; i < output->count; i++) {
        output->series[i] = counts->series.at[i];
    }
    return vector_settle(output, err);
}

bool aggregate_count_values(Aggregation *aggregation, Value *ret, Err *err)
{
    ValueCounts counts = {.aggregation = aggregation, .label = aggregation->node->args[1]->string};
    if (!label_name_utf8_valid(counts.label)) {
        char quoted[QUOTE_TEXT_MAX];
        return err_set(err, ERR_UNSUPPORTED, "invalid label name %s",
                       quote_text(quoted, counts.label));
    }
    value_init(ret, VALUE_VECTOR, aggregation->query, aggregation->steps->count);
    counts.output = &ret->vector;
    bool ok = vector_hold(&ret->vector, &counts.arena, err) && count_all(&counts, err) &&
              give_counted(&counts, err);
    u64map_done(&counts.by_hash);
    vec_done(&counts.series);
    if (!ok) {
        value_done(ret);
    }
    return ok;
}
