/*
 * Eval: walks the plan: numbers, step-invariant parts, unary minus; and what all files of the
 * evaluation share: values, the checks for time and cancellation, names, work on many series.
 * See eval.h.
 *
 * Layer: promql. Memory: values own their columns. Thread: one walks; workers fill.
 */
#include "promql/eval.h"

#include "base/mem.h"
#include "base/quote.h"
#include "base/time.h"
#include "os/pool.h"
#include "promql/histogram_math.h"

#include <string.h>

enum {
    SERIES_PER_JOB = 16,              /* series a worker takes at a time */
    SERIES_PARALLEL_MIN = 64,         /* below this the hand-over costs more than it gives */
    SCRATCH_MAX = 1024 * 1024 * 1024, /* bytes a worker may need for one series */
};

void value_init(Value *value, ValueType type, Query *query, size_t steps)
{
    *value = (Value){.type = type};
    vector_init(&value->vector, &query->budget, steps);
}

void value_done(Value *value)
{
    vector_done(&value->vector);
    value->scalar = NULL;
}

bool value_scalar(Value *value, Query *query, size_t steps, Err *err)
{
    value_init(value, VALUE_SCALAR, query, steps);
    Arena *arena;
    if (!vector_hold(&value->vector, &arena, err)) {
        return false;
    }
    value->scalar = ARENA_NEW(arena, f64, steps);
    return value->scalar || arena_full(arena, err);
}

bool query_check(const Query *query, Err *err)
{
    bool cancelled = atomic_load_explicit(&query->killed, memory_order_relaxed) ||
                     (query->cancel && atomic_load_explicit(query->cancel, memory_order_relaxed));
    if (cancelled) {
        return err_set(err, ERR_CANCELED, "query was canceled in expression evaluation");
    }
    if (time_monotonic_ns() > query->deadline_ns) {
        return err_set(err, ERR_TIMEOUT, "query timed out in expression evaluation");
    }
    return true;
}

void query_count_samples(Query *query, i64 t_ms, u64 count)
{
    if (!query->samples_per_step || t_ms < query->per_step_start_ms) {
        return;
    }
    size_t step = (size_t)((t_ms - query->per_step_start_ms) / query->per_step_step_ms);
    if (step < query->per_step_count) {
        atomic_fetch_add(&query->samples_per_step[step], count);
    }
}

typedef struct SeriesJobs {
    Query *query;
    SeriesFill fill;
    void *self;
    size_t count;
    atomic_bool failed;
    pthread_mutex_t lock; /* of err */
    Err *err;
} SeriesJobs;

static void run_job(void *self, size_t job)
{
    SeriesJobs *jobs = self;
    Arena scratch;
    Err err = {0};
    size_t end = MIN((job + 1) * SERIES_PER_JOB, jobs->count);
    arena_init(&scratch, SCRATCH_MAX);
    for (size_t i = job * SERIES_PER_JOB; i < end && !atomic_load(&jobs->failed); i++) {
        if (!query_check(jobs->query, &err) || !jobs->fill(jobs->self, i, &scratch, &err)) {
            (void)pthread_mutex_lock(&jobs->lock);
            if (!atomic_exchange(&jobs->failed, true) && jobs->err) {
                *jobs->err = err;
            }
            (void)pthread_mutex_unlock(&jobs->lock);
        }
        arena_clear(&scratch);
    }
    arena_done(&scratch);
}

static bool run_parallel(Query *query, size_t count, SeriesFill fill, void *self, Err *err)
{
    SeriesJobs jobs = {.query = query, .fill = fill, .self = self, .count = count, .err = err};
    (void)pthread_mutex_init(&jobs.lock, NULL);
    pool_for(query->pool, (count + SERIES_PER_JOB - 1) / SERIES_PER_JOB, 0, run_job, &jobs);
    (void)pthread_mutex_destroy(&jobs.lock);
    return !atomic_load(&jobs.failed);
}

bool query_each_series(Query *query, size_t count, SeriesFill fill, void *self, Err *err)
{
    if (query->pool && count >= SERIES_PARALLEL_MIN) {
        return run_parallel(query, count, fill, self, err);
    }
    Arena scratch;
    bool ok = true;
    arena_init(&scratch, SCRATCH_MAX);
    for (size_t i = 0; i < count && ok; i++) {
        ok = query_check(query, err) && fill(self, i, &scratch, err);
        arena_clear(&scratch);
    }
    arena_done(&scratch);
    return ok;
}

bool str_in(Str s, const Str *sorted, size_t count)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        int order = str_cmp(sorted[middle], s);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return false;
}

static bool is_metadata(Str name)
{
    return str_eq(name, LABEL_NAME) || str_eq(name, S("__type__")) || str_eq(name, S("__unit__"));
}

bool labels_drop_metadata(Query *query, Labels labels, Labels *ret, Err *err)
{
    size_t dropped = 0;
    for (size_t i = 0; i < labels.count; i++) {
        dropped += is_metadata(labels.at[i].name);
    }
    if (dropped == 0) {
        *ret = labels;
        return true;
    }
    Label *kept = ARENA_NEW(&query->labels, Label, labels.count - dropped + 1);
    if (!kept) {
        return arena_full(&query->labels, err);
    }
    size_t count = 0;
    for (size_t i = 0; i < labels.count; i++) {
        if (!is_metadata(labels.at[i].name)) {
            kept[count++] = labels.at[i];
        }
    }
    *ret = (Labels){.at = kept, .count = count};
    return true;
}

/* With delayed removal only a mark is set, so that what comes later may still see the name. */
bool series_drop_name(Query *query, VectorSeries *series, Err *err)
{
    series->drop_name = query->delayed_names;
    return query->delayed_names ||
           labels_drop_metadata(query, series->labels, &series->labels, err);
}

bool vector_drop_names(Query *query, Vector *vector, Err *err)
{
    for (size_t i = 0; i < vector->count; i++) {
        if (!series_drop_name(query, &vector->series[i], err)) {
            return false;
        }
    }
    return query->delayed_names || vector_merge_same(vector, err);
}

static bool labels_filter(Query *query, Labels labels, const Str *names, size_t count, bool keep,
                          Labels *ret, Err *err)
{
    Label *kept = ARENA_NEW(&query->labels, Label, labels.count + 1);
    if (!kept) {
        return arena_full(&query->labels, err);
    }
    size_t kept_count = 0;
    for (size_t i = 0; i < labels.count; i++) {
        Str name = labels.at[i].name;
        bool listed = str_in(name, names, count);
        if (keep ? listed : !listed && !str_eq(name, LABEL_NAME)) {
            kept[kept_count++] = labels.at[i];
        }
    }
    *ret = (Labels){.at = kept, .count = kept_count};
    return true;
}

bool labels_only(Query *query, Labels labels, const Str *names, size_t count, Labels *ret, Err *err)
{
    return labels_filter(query, labels, names, count, true, ret, err);
}

bool labels_without(Query *query, Labels labels, const Str *names, size_t count, Labels *ret,
                    Err *err)
{
    return labels_filter(query, labels, names, count, false, ret, err);
}

void label_set_format(Buf *out, Labels labels)
{
    buf_byte(out, '{');
    for (size_t i = 0; i < labels.count; i++) {
        if (i > 0) {
            buf_lit(out, ", ");
        }
        if (label_name_legacy_valid(labels.at[i].name)) {
            buf_str(out, labels.at[i].name);
        } else {
            quote_go(out, labels.at[i].name);
        }
        buf_byte(out, '=');
        quote_go(out, labels.at[i].value);
    }
    buf_byte(out, '}');
}

void node_times(const PlanNode *node, const Steps *steps, i64 *ret_first, i64 *ret_last)
{
    *ret_first = node_ref(node, steps, 0);
    *ret_last = node_ref(node, steps, steps->count - 1);
}

static bool eval_number(Query *query, const PlanNode *node, const Steps *steps, Value *ret,
                        Err *err)
{
    if (!value_scalar(ret, query, steps->count, err)) {
        return false;
    }
    for (size_t i = 0; i < steps->count; i++) {
        ret->scalar[i] = node->number;
    }
    return true;
}

/* One value for all steps. */
static bool spread_column(Arena *arena, size_t steps, const Column *from, Column *ret, Err *err)
{
    if (!column_alloc(arena, steps, ret, err)) {
        return false;
    }
    for (size_t i = 0; i < steps; i++) {
        ret->value[i] = from->value[0];
    }
    bits_fill(ret->present, steps);
    if (column_is_histogram(from, 0)) {
        if (!column_need_hist(arena, steps, ret, err)) {
            return false;
        }
        for (size_t i = 0; i < steps; i++) {
            ret->hist[i] = from->hist[0];
        }
    }
    return true;
}

static bool spread_value(Query *query, Value *once, const Steps *steps, Value *ret, Err *err)
{
    if (once->type == VALUE_SCALAR) {
        if (!value_scalar(ret, query, steps->count, err)) {
            return false;
        }
        for (size_t i = 0; i < steps->count; i++) {
            ret->scalar[i] = once->scalar[0];
        }
        return true;
    }
    value_init(ret, VALUE_VECTOR, query, steps->count);
    Arena *arena;
    if (!vector_hold(&ret->vector, &arena, err)) {
        return false;
    }
    Vector *vector = &ret->vector;
    vector->series = ARENA_NEW(arena, VectorSeries, once->vector.count + 1);
    if (!vector->series) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < once->vector.count; i++) {
        vector->series[i] = once->vector.series[i];
        if (!spread_column(arena, steps->count, &once->vector.series[i].column,
                           &vector->series[i].column, err)) {
            return false;
        }
        vector->count++;
    }
    vector_adopt(vector, &once->vector); /* histograms stay where they are */
    return vector_settle(vector, err);
}

static bool eval_invariant(Query *query, const PlanNode *node, const Steps *steps, Value *ret,
                           Err *err)
{
    Steps first = {.start_ms = steps->start_ms, .step_ms = steps->step_ms, .count = 1};
    if (steps->count == 1 || node->args[0]->type == VALUE_STRING) {
        return eval_node(query, node->args[0], &first, ret, err);
    }
    Value once;
    if (!eval_node(query, node->args[0], &first, &once, err)) {
        return false;
    }
    bool ok = spread_value(query, &once, steps, ret, err);
    if (!ok) {
        value_done(ret);
    }
    value_done(&once);
    return ok;
}

static bool negate_column(Arena *arena, size_t steps, Column *column, Err *err)
{
    for (size_t i = 0; i < steps; i++) {
        column->value[i] = -column->value[i];
    }
    for (size_t i = 0; column->hist && i < steps; i++) {
        if (column->hist[i] && bit_get(column->present, i)) {
            column->hist[i] = histogram_times(arena, column->hist[i], -1);
            if (!column->hist[i]) {
                return arena_full(arena, err);
            }
        }
    }
    return true;
}

static bool eval_negate(Query *query, const PlanNode *node, const Steps *steps, Value *ret,
                        Err *err)
{
    if (!eval_node(query, node->args[0], steps, ret, err)) {
        return false;
    }
    if (ret->type == VALUE_SCALAR) {
        for (size_t i = 0; i < steps->count; i++) {
            ret->scalar[i] = -ret->scalar[i];
        }
        return true;
    }
    Arena *arena;
    bool ok = vector_hold(&ret->vector, &arena, err);
    for (size_t i = 0; i < ret->vector.count && ok; i++) {
        ok = negate_column(arena, steps->count, &ret->vector.series[i].column, err);
    }
    ok = ok && vector_drop_names(query, &ret->vector, err);
    if (!ok) {
        value_done(ret);
    }
    return ok;
}

bool eval_node(Query *query, const PlanNode *node, const Steps *steps, Value *ret, Err *err)
{
    if (!query_check(query, err)) {
        return false;
    }
    if (steps->count == 0) { /* a subquery whose range holds no step */
        value_init(ret, node->type, query, 0);
        return true;
    }
    switch (node->kind) {
    case PLAN_NUMBER:
        return eval_number(query, node, steps, ret, err);
    case PLAN_STRING:
        value_init(ret, VALUE_STRING, query, steps->count);
        ret->string = node->string;
        return true;
    case PLAN_SELECTOR:
        return eval_selector(query, node, steps, ret, err);
    case PLAN_CALL:
        return eval_call(query, node, steps, ret, err);
    case PLAN_AGGREGATE:
        return eval_aggregate(query, node, steps, ret, err);
    case PLAN_BINARY:
        return eval_binary(query, node, steps, ret, err);
    case PLAN_NEGATE:
        return eval_negate(query, node, steps, ret, err);
    case PLAN_INVARIANT:
        return eval_invariant(query, node, steps, ret, err);
    case PLAN_RANGE:
    case PLAN_SUBQUERY:
        break; /* only as arguments of functions, or at the root */
    }
    return err_set(err, ERR_INTERNAL, "a range vector where a value is needed");
}
