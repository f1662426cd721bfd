/*
 * Range: evaluates calls of functions over range vectors: reads the series (or evaluates the
 * subquery), slides the window, stores the results. See range.h.
 *
 * Layer: promql. Memory: see range.h. Thread: see eval.h.
 */
#include "promql/range.h"

#include "base/quote.h"

#include <string.h>

static bool split_alloc(size_t count, bool with_start, Arena *scratch, i64 **ret_t, i64 **ret_start)
{
    *ret_t = arena_alloc(scratch, (count + 1) * sizeof(i64), _Alignof(i64));
    *ret_start = with_start ? arena_alloc(scratch, (count + 1) * sizeof(i64), _Alignof(i64)) : NULL;
    return *ret_t && (!with_start || *ret_start);
}

static bool needs_split(const SampleColumns *columns)
{
    if (columns->hist) {
        return true;
    }
    for (size_t i = 0; i < columns->count; i++) {
        if (is_stale_nan(columns->value[i])) {
            return true;
        }
    }
    return false;
}

bool range_split(const SampleColumns *columns, Arena *scratch, RangeSamples *ret, Err *err)
{
    *ret = (RangeSamples){.t_ms = columns->t_ms,
                          .value = columns->value,
                          .start_ms = columns->start_ms,
                          .count = columns->count};
    if (!needs_split(columns)) {
        return true;
    }
    size_t count = columns->count;
    i64 *t;
    i64 *start;
    i64 *hist_t;
    i64 *hist_start;
    f64 *value = arena_alloc(scratch, (count + 1) * sizeof(f64), _Alignof(f64));
    const Histogram **hist = ARENA_NEW(scratch, const Histogram *, count + 1);
    if (!value || !hist || !split_alloc(count, columns->start_ms, scratch, &t, &start) ||
        !split_alloc(count, columns->start_ms, scratch, &hist_t, &hist_start)) {
        return arena_full(scratch, err);
    }
    size_t floats = 0;
    size_t hists = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_stale_nan(columns->value[i])) {
            continue;
        }
        const Histogram *histogram = columns->hist ? columns->hist[i] : NULL;
        if (histogram) {
            hist_t[hists] = columns->t_ms[i];
            hist[hists] = histogram;
            hist_start ? (void)(hist_start[hists] = columns->start_ms[i]) : (void)0;
            hists++;
        } else {
            t[floats] = columns->t_ms[i];
            value[floats] = columns->value[i];
            start ? (void)(start[floats] = columns->start_ms[i]) : (void)0;
            floats++;
        }
    }
    *ret = (RangeSamples){
        .t_ms = t,
        .value = value,
        .start_ms = start,
        .count = floats,
        .hist_t_ms = hist_t,
        .hist = hist,
        .hist_start_ms = hist_start,
        .hist_count = hists,
    };
    return true;
}

static void move_side(const i64 *t_ms, size_t count, i64 after_ms, i64 until_ms, size_t *from,
                      size_t *to)
{
    if (*from > 0 && t_ms[*from - 1] > after_ms) {
        *from = 0; /* the window went back */
        *to = 0;
    }
    while (*to < count && t_ms[*to] <= until_ms) {
        (*to)++;
    }
    while (*to > 0 && t_ms[*to - 1] > until_ms) {
        (*to)--;
    }
    while (*from < *to && t_ms[*from] <= after_ms) {
        (*from)++;
    }
    *from = MIN(*from, *to);
}

void window_move(const RangeSamples *samples, i64 start_ms, i64 end_ms, bool left_closed,
                 Window *window)
{
    i64 after_ms = left_closed ? start_ms - 1 : start_ms;
    move_side(samples->t_ms, samples->count, after_ms, end_ms, &window->from, &window->to);
    move_side(samples->hist_t_ms, samples->hist_count, after_ms, end_ms, &window->hist_from,
              &window->hist_to);
}

/* Where a call's range vector comes from. */
typedef struct RangeInput {
    const PlanNode *node; /* PLAN_RANGE or PLAN_SUBQUERY */
    SeriesRead from;      /* of a selector; else without a set */
    Value inner;          /* of a subquery */
    Steps inner_steps;
    size_t count;
} RangeInput;

typedef struct RangeCall {
    Query *query;
    const PlanNode *node;
    const RangeFunction *function;
    const Steps *steps;
    RangeInput input;
    const f64 *params[RANGE_PARAMS_MAX];
    Value param_values[RANGE_PARAMS_MAX];
    size_t param_count;
    Value *ret;
    Arena *histograms;
    pthread_mutex_t lock; /* of histograms */
} RangeCall;

static bool open_selector(RangeCall *call, Err *err)
{
    RangeInput *input = &call->input;
    const PlanNode *node = input->node;
    i64 lookback = call->query->lookback_ms;
    node_times(node, call->steps, &input->from.mint_ms, &input->from.maxt_ms);
    input->from.selector = node->selector;
    input->from.mint_ms -= node->range_ms;
    input->from.mint_ms += !call->query->left_closed;
    if (node->selector->mode != SELECTOR_PLAIN) {
        input->from.mint_ms -= lookback;
    }
    if (node->selector->mode == SELECTOR_SMOOTHED) {
        input->from.maxt_ms += lookback;
    }
    if (!query_select(call->query, &input->from, err)) {
        return false;
    }
    input->count = input->from.set->count;
    return true;
}

void subquery_steps(const Query *query, const PlanNode *node, const Steps *steps, Steps *ret)
{
    i64 first;
    i64 last;
    node_times(node, steps, &first, &last);
    i64 step = node->step_ms ? node->step_ms : query->subquery_step_ms;
    i64 begin = first - node->range_ms;
    i64 start = step * (begin / step);
    if (query->left_closed ? start < begin : start <= begin) {
        start += step;
    }
    *ret = (Steps){.start_ms = start,
                   .step_ms = step,
                   .count = last < start ? 0 : (size_t)((last - start) / step) + 1};
}

static bool open_subquery(RangeCall *call, Err *err)
{
    RangeInput *input = &call->input;
    subquery_steps(call->query, input->node, call->steps, &input->inner_steps);
    if (!eval_node(call->query, input->node->args[0], &input->inner_steps, &input->inner, err)) {
        return false;
    }
    input->count = input->inner.vector.count;
    return true;
}

/* A subquery's histograms lose what they say about resets: samples between may be missing. */
static bool without_reset_hint(Arena *scratch, const Histogram *from, const Histogram **ret,
                               Err *err)
{
    *ret = from;
    if (from->reset != RESET_YES && from->reset != RESET_NO) {
        return true;
    }
    Histogram *copy = ARENA_NEW(scratch, Histogram, 1);
    if (!copy) {
        return arena_full(scratch, err);
    }
    *copy = *from;
    copy->reset = RESET_UNKNOWN;
    *ret = copy;
    return true;
}

static bool load_subquery(const RangeInput *input, size_t index, Arena *scratch, RangeSamples *ret,
                          Err *err)
{
    const VectorSeries *series = &input->inner.vector.series[index];
    const Column *column = &series->column;
    size_t steps = input->inner_steps.count;
    size_t count = bits_count(column->present, steps);
    SampleColumns columns = {
        .t_ms = arena_alloc(scratch, (count + 1) * sizeof(i64), _Alignof(i64)),
        .value = arena_alloc(scratch, (count + 1) * sizeof(f64), _Alignof(f64)),
        .hist = column->hist ? ARENA_NEW(scratch, const Histogram *, count + 1) : NULL,
    };
    if (!columns.t_ms || !columns.value || (column->hist && !columns.hist)) {
        return arena_full(scratch, err);
    }
    BITS_EACH (column->present, steps, i) {
        size_t at = columns.count++;
        columns.t_ms[at] = steps_at(&input->inner_steps, i);
        columns.value[at] = column_is_histogram(column, i) ? 0 : column->value[i];
        if (column_is_histogram(column, i) &&
            !without_reset_hint(scratch, column->hist[i], &columns.hist[at], err)) {
            return false;
        }
    }
    if (!range_split(&columns, scratch, ret, err)) {
        return false;
    }
    ret->labels = series->labels;
    ret->drop_name = series->drop_name;
    return true;
}

static bool load_series(const RangeCall *call, size_t index, Arena *scratch, RangeSamples *ret,
                        Err *err)
{
    const RangeInput *input = &call->input;
    if (!input->from.set) {
        return load_subquery(input, index, scratch, ret, err);
    }
    SampleColumns columns;
    if (!query_read(call->query, &input->from, index, scratch, &columns, err)) {
        return false;
    }
    if (!call->query->start_timestamps || !call->function->needs_start_time) {
        columns.start_ms = NULL;
    }
    if (!range_split(&columns, scratch, ret, err)) {
        return false;
    }
    ret->labels = input->from.set->labels[index];
    return true;
}

static bool store_result(RangeCall *call, Column *column, size_t step, const RangeResult *result,
                         Err *err)
{
    if (!result->present) {
        return true;
    }
    column_put(column, step, result->value);
    if (!result->histogram) {
        return true;
    }
    (void)pthread_mutex_lock(&call->lock);
    Histogram *copy = NULL;
    bool ok = column_need_hist(call->histograms, call->steps->count, column, err) &&
              histogram_copy(call->histograms, result->histogram, &copy, err);
    (void)pthread_mutex_unlock(&call->lock);
    if (ok) {
        column->hist[step] = copy;
    }
    return ok;
}

static bool run_steps(RangeCall *call, RangeRun *run, const Window *windows, Column *column,
                      Err *err)
{
    for (size_t step = 0; step < call->steps->count; step++) {
        const Window *window = &windows[step];
        if (window_count(window) + window_hist_count(window) == 0) {
            continue;
        }
        RangeResult result = {0};
        ArenaMark mark = arena_mark(run->scratch);
        run->step = step;
        if (!call->function->step(run, window, &result, err) ||
            !store_result(call, column, step, &result, err)) {
            return false;
        }
        arena_reset(run->scratch, mark);
    }
    return true;
}

/* The windows of all steps; also what they cost in samples. */
static bool make_windows(const RangeCall *call, const RangeSamples *samples, Arena *scratch,
                         Window **ret, u64 *ret_most, Err *err)
{
    size_t count = call->steps->count;
    const PlanNode *node = call->input.node;
    i64 lookback = call->query->lookback_ms;
    SelectorMode mode = node->selector ? node->selector->mode : SELECTOR_PLAIN;
    Window *windows = ARENA_NEW(scratch, Window, count);
    if (!windows) {
        return arena_full(scratch, err);
    }
    u64 total = 0;
    u64 most = 0;
    Window window = {0};
    for (size_t step = 0; step < count; step++) {
        window.end_ms = node_ref(node, call->steps, step);
        window.start_ms = window.end_ms - node->range_ms;
        i64 before = mode == SELECTOR_PLAIN ? 0 : lookback;
        i64 after = mode == SELECTOR_SMOOTHED ? lookback : 0;
        window_move(samples, window.start_ms - before, window.end_ms + after,
                    call->query->left_closed, &window);
        windows[step] = window;
        u64 held = window_count(&window) + window_hist_count(&window);
        total += held;
        most = MAX(most, held);
        query_count_samples(call->query, steps_at(call->steps, step), held);
    }
    atomic_fetch_add(&call->query->samples_total, total);
    *ret = windows;
    *ret_most = most;
    return true;
}

static void note_non_counter(RangeRun *run)
{
    static const Str endings[] = {STR_INIT("_total"), STR_INIT("_sum"), STR_INIT("_count"),
                                  STR_INIT("_bucket")};
    if (run->name.len == 0) {
        return;
    }
    char name[QUOTED_NAME_MAX];
    Str quoted = quoted_name(name, sizeof(name), run->name);
    if (run->query->type_unit_labels) {
        Str type = labels_get(run->samples->labels, S("__type__"));
        if (!str_eq(type, S("counter")) && !str_eq(type, S("histogram"))) {
            char type_text[QUOTED_NAME_MAX];
            Str quoted_type = quoted_name(type_text, sizeof(type_text), type);
            annotations_info(&run->query->annotations, run->pos,
                             "metric might not be a counter, __type__ label is not set to "
                             "\"counter\" or \"histogram\", got " STR_FMT ": " STR_FMT,
                             STR_ARG(quoted_type), STR_ARG(quoted));
        }
        return;
    }
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        if (str_ends_with(run->name, endings[i])) {
            return;
        }
    }
    annotations_info(&run->query->annotations, run->pos,
                     "metric might not be a counter, name does not end in "
                     "_total/_sum/_count/_bucket: " STR_FMT,
                     STR_ARG(quoted));
}

static bool has_float(const Column *column, size_t steps)
{
    if (!column->hist) {
        return bits_any(column->present, steps);
    }
    BITS_EACH (column->present, steps, i) {
        if (!column->hist[i]) {
            return true;
        }
    }
    return false;
}

static bool call_series(void *self, size_t index, Arena *scratch, Err *err)
{
    RangeCall *call = self;
    RangeSamples samples;
    Window *windows = NULL;
    u64 held = 0;
    if (!load_series(call, index, scratch, &samples, err) ||
        !make_windows(call, &samples, scratch, &windows, &held, err)) {
        return false;
    }
    ASSERT(windows);
    bool in_budget = budget_take_samples(&call->query->budget, held, err);
    VectorSeries *series = &call->ret->vector.series[index];
    series->labels = samples.labels;
    series->drop_name = samples.drop_name;
    RangeRun run = {
        .query = call->query,
        .call = call->node,
        .steps = call->steps,
        .samples = &samples,
        .range_ms = call->input.node->range_ms,
        .mode = call->input.node->selector ? call->input.node->selector->mode : SELECTOR_PLAIN,
        .pos = call->node->args[0]->pos,
        .name = labels_get(samples.labels, LABEL_NAME),
        .params = {call->params[0], call->params[1]},
        .scratch = scratch,
    };
    bool whole = call->function->column && samples.hist_count == 0 && run.mode == SELECTOR_PLAIN;
    bool ok = in_budget && (whole ? call->function->column(&run, windows, &series->column, err)
                                  : run_steps(call, &run, windows, &series->column, err));
    if (ok && call->function->warn_non_counter && has_float(&series->column, call->steps->count)) {
        note_non_counter(&run);
    }
    budget_give_samples(&call->query->budget, held);
    return ok;
}

/* Scalar arguments before and after the range vector, each a column. */
static bool eval_params(RangeCall *call, Err *err)
{
    for (size_t i = 0; i < call->node->arg_count; i++) {
        const PlanNode *arg = call->node->args[i];
        if (arg == call->input.node) {
            continue;
        }
        ASSERT(call->param_count < RANGE_PARAMS_MAX);
        Value *value = &call->param_values[call->param_count];
        if (!eval_node(call->query, arg, call->steps, value, err)) {
            return false;
        }
        call->params[call->param_count++] = value->scalar;
    }
    return true;
}

static bool check_mode(const RangeCall *call, Err *err)
{
    const SelectorPlan *selector = call->input.node->selector;
    Str name = function_get(call->node->function)->name;
    if (selector && selector->mode == SELECTOR_ANCHORED && !call->function->anchored) {
        return err_set(err, ERR_UNSUPPORTED,
                       "anchored modifier can only be used with: changes, delta, increase, rate, "
                       "resets - not with " STR_FMT,
                       STR_ARG(name));
    }
    if (selector && selector->mode == SELECTOR_SMOOTHED && !call->function->smoothed) {
        return err_set(err, ERR_UNSUPPORTED,
                       "smoothed modifier can only be used with: delta, increase, rate - not "
                       "with " STR_FMT,
                       STR_ARG(name));
    }
    return true;
}

static bool drop_call_names(RangeCall *call, Vector *vector, Err *err)
{
    if (call->node->function == FUNCTION_absent_over_time) {
        return true; /* only where something is counts, not what */
    }
    for (size_t i = 0; i < vector->count; i++) {
        VectorSeries *series = &vector->series[i];
        if ((!call->function->keep_name || series->drop_name) &&
            !series_drop_name(call->query, series, err)) {
            return false;
        }
    }
    return call->query->delayed_names || vector_check_unique(vector, err);
}

static bool open_input(RangeCall *call, Err *err)
{
    for (size_t i = 0; i < call->node->arg_count; i++) {
        const PlanNode *arg = call->node->args[i];
        if (arg->kind == PLAN_RANGE || arg->kind == PLAN_SUBQUERY) {
            call->input.node = arg;
            break;
        }
    }
    ASSERT(call->input.node);
    return check_mode(call, err) &&
           (call->input.node->kind == PLAN_RANGE ? open_selector(call, err)
                                                 : open_subquery(call, err));
}

bool eval_range_call(Query *query, const PlanNode *node, const Steps *steps, Value *ret, Err *err)
{
    RangeCall call = {.query = query,
                      .node = node,
                      .function = range_function(node->function),
                      .steps = steps,
                      .ret = ret};
    value_init(ret, VALUE_VECTOR, query, steps->count);
    (void)pthread_mutex_init(&call.lock, NULL);
    bool ok = open_input(&call, err) && eval_params(&call, err) &&
              vector_alloc(&ret->vector, call.input.count, err) &&
              vector_hold(&ret->vector, &call.histograms, err) &&
              query_each_series(query, call.input.count, call_series, &call, err) &&
              vector_settle(&ret->vector, err) && drop_call_names(&call, &ret->vector, err);
    (void)pthread_mutex_destroy(&call.lock);
    for (size_t i = 0; i < call.param_count; i++) {
        value_done(&call.param_values[i]);
    }
    if (call.input.inner.vector.budget) {
        value_done(&call.input.inner);
    }
    if (!ok) {
        value_done(ret);
    }
    return ok;
}

void warn_mixed_floats_histograms(RangeRun *run)
{
    char name[QUOTED_NAME_MAX];
    Str quoted = quoted_name(name, sizeof(name), run->name);
    annotations_warn(&run->query->annotations, run->pos,
                     "encountered a mix of histograms and floats for metric name " STR_FMT,
                     STR_ARG(quoted));
}

void warn_mixed_buckets(RangeRun *run)
{
    char name[QUOTED_NAME_MAX];
    Str quoted = quoted_name(name, sizeof(name), run->name);
    annotations_warn(&run->query->annotations, run->pos,
                     "vector contains a mix of histograms with exponential and custom buckets "
                     "schemas for metric name " STR_FMT,
                     STR_ARG(quoted));
}

void note_reconciled(RangeRun *run, const char *operation)
{
    annotations_info(&run->query->annotations, run->pos,
                     "mismatched custom buckets were reconciled during %s", operation);
}

void note_histograms_ignored(RangeRun *run)
{
    char name[QUOTED_NAME_MAX];
    Str quoted = quoted_name(name, sizeof(name), run->name);
    annotations_info(&run->query->annotations, run->pos,
                     "ignored histograms in a range containing both floats and histograms for "
                     "metric name " STR_FMT,
                     STR_ARG(quoted));
}
