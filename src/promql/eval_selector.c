/*
 * Selectors: series from the source into columns of steps. Each series is read once for the whole
 * evaluation, and a walk over samples and steps together fills its column.
 *
 * Layer: promql. Memory: series sets stay pinned until the query ends. Thread: see eval.h.
 */
#include "promql/eval.h"

#include "base/mem.h"
#include "base/time.h"
#include "promql/histogram_math.h"
#include "promql/range.h"

#include <math.h>

static Selected *find_selected(const Query *query, size_t selector_id, i64 mint_ms, i64 maxt_ms)
{
    for (Selected *selected = query->selected; selected; selected = selected->next) {
        if (selector_id != SELECTOR_UNSHARED && selected->selector_id == selector_id &&
            selected->mint_ms <= mint_ms && selected->maxt_ms >= maxt_ms) {
            return selected;
        }
    }
    return NULL;
}

bool query_select(Query *query, SeriesRead *read, Err *err)
{
    const SelectorPlan *selector = read->selector;
    Selected *selected = find_selected(query, selector->id, read->mint_ms, read->maxt_ms);
    if (selected) {
        read->set = &selected->set;
        return true;
    }
    i64 begin_ns = time_monotonic_ns();
    Select select = {
        .mint_ms = read->mint_ms,
        .maxt_ms = read->maxt_ms,
        .matchers = selector->matchers,
        .matcher_count = selector->matcher_count,
    };
    selected = MEM_NEW(Selected);
    if (!query->source->select(query->source, &select, &query->labels, &selected->set, err)) {
        mem_free(selected);
        return false;
    }
    selected->mint_ms = read->mint_ms;
    selected->maxt_ms = read->maxt_ms;
    selected->selector_id = selector->id;
    selected->next = query->selected;
    query->selected = selected;
    query->prepare_ns += time_monotonic_ns() - begin_ns;
    atomic_fetch_add(&query->series_selected, selected->set.count);
    read->set = &selected->set;
    return true;
}

/*
 * Histograms without their buckets. What can be known of resets only from the buckets is found out
 * before they go.
 */
static bool keep_totals(SampleColumns *columns, Arena *scratch, Err *err)
{
    const Histogram **totals = ARENA_NEW(scratch, const Histogram *, columns->count + 1);
    const Histogram *before = NULL;
    if (!totals) {
        return arena_full(scratch, err);
    }
    for (size_t i = 0; i < columns->count; i++) {
        const Histogram *histogram = columns->hist[i];
        if (!histogram) {
            continue;
        }
        Histogram *total = ARENA_NEW(scratch, Histogram, 1);
        if (!total) {
            return arena_full(scratch, err);
        }
        *total = (Histogram){.schema = histogram->schema,
                             .reset = histogram->reset,
                             .count = histogram->count,
                             .sum = histogram->sum};
        totals[i] = total;
        if (is_stale_nan(histogram->sum)) {
            continue;
        }
        if (before && total->reset == RESET_UNKNOWN) {
            total->reset = histogram_has_reset(scratch, histogram, before) ? RESET_YES : RESET_NO;
        }
        before = histogram;
    }
    columns->hist = totals;
    return true;
}

bool query_read(Query *query, const SeriesRead *read, size_t index, Arena *scratch,
                SampleColumns *ret, Err *err)
{
    Source *source = query->source;
    if (!source->read(source, read->set, index, read->mint_ms, read->maxt_ms, scratch, ret, err)) {
        return false;
    }
    return !(read->selector->totals_only && ret->hist) || keep_totals(ret, scratch, err);
}

typedef struct SelectorFill {
    Query *query;
    const PlanNode *node;
    const Steps *steps;
    SeriesRead from;
    Vector *vector;
    Arena *histograms;    /* of the vector */
    pthread_mutex_t lock; /* of histograms */
    enum { FILL_VALUE, FILL_TIME, FILL_START_TIME, FILL_INFO_TIME } what;
} SelectorFill;

/* Histograms outlive the scratch they were read into; a sample seen again is copied once. */
static bool keep_histogram(SelectorFill *self, Column *column, size_t step, bool seen_before,
                           const Histogram *histogram, Err *err)
{
    if (seen_before) {
        column->hist[step] = column->hist[step - 1];
        return true;
    }
    (void)pthread_mutex_lock(&self->lock);
    Histogram *copy = NULL;
    bool ok = column_need_hist(self->histograms, self->steps->count, column, err) &&
              histogram_copy(self->histograms, histogram, &copy, err);
    (void)pthread_mutex_unlock(&self->lock);
    if (ok) {
        column->hist[step] = copy;
    }
    return ok;
}

static bool store_sample(SelectorFill *self, Column *column, size_t step,
                         const SampleColumns *samples, size_t at, bool seen_before, Err *err)
{
    bit_set(column->present, step);
    switch (self->what) {
    case FILL_TIME:
        column->value[step] = (f64)samples->t_ms[at] / 1000;
        return true;
    case FILL_START_TIME:
        column->value[step] = (f64)(samples->start_ms ? samples->start_ms[at] : 0) / 1000;
        return true;
    case FILL_INFO_TIME:
        column->value[step] = (f64)samples->t_ms[at];
        return !(samples->hist && samples->hist[at]) ||
               err_set(err, ERR_UNSUPPORTED, "this should be an info metric, with float samples");
    case FILL_VALUE:
        break;
    }
    column->value[step] = samples->value[at];
    const Histogram *histogram = samples->hist ? samples->hist[at] : NULL;
    return !histogram || keep_histogram(self, column, step, seen_before, histogram, err);
}

static bool fill_series(void *fill, size_t index, Arena *scratch, Err *err)
{
    SelectorFill *self = fill;
    Query *query = self->query;
    SampleColumns samples;
    if (!query_read(query, &self->from, index, scratch, &samples, err)) {
        return false;
    }
    VectorSeries *series = &self->vector->series[index];
    series->labels = self->from.set->labels[index];
    size_t next = 0;        /* the first sample after the reference time */
    size_t last = SIZE_MAX; /* the sample of the step before */
    u64 stored = 0;
    for (size_t step = 0; step < self->steps->count; step++) {
        i64 ref = node_ref(self->node, self->steps, step);
        while (next < samples.count && samples.t_ms[next] <= ref) {
            next++;
        }
        size_t before = last;
        last = SIZE_MAX;
        if (next == 0) {
            continue;
        }
        i64 age = ref - samples.t_ms[next - 1];
        bool current = query->left_closed ? age <= query->lookback_ms : age < query->lookback_ms;
        if (!current || is_stale_nan(samples.value[next - 1])) {
            continue;
        }
        last = next - 1;
        if (!store_sample(self, &series->column, step, &samples, last, before == last, err)) {
            return false;
        }
        query_count_samples(query, steps_at(self->steps, step), 1);
        stored++;
    }
    atomic_fetch_add(&query->samples_total, stored);
    return true;
}

static bool fill_vector(SelectorFill *self, SeriesFill fill, Value *ret, Err *err)
{
    value_init(ret, VALUE_VECTOR, self->query, self->steps->count);
    self->vector = &ret->vector;
    (void)pthread_mutex_init(&self->lock, NULL);
    bool ok = query_select(self->query, &self->from, err) &&
              vector_alloc(&ret->vector, self->from.set->count, err) &&
              vector_hold(&ret->vector, &self->histograms, err) &&
              query_each_series(self->query, self->from.set->count, fill, self, err) &&
              vector_settle(&ret->vector, err);
    (void)pthread_mutex_destroy(&self->lock);
    if (!ok) {
        value_done(ret);
    }
    return ok;
}

/* Smoothed: the value on the line between the samples before and after; after the last sample, it.
 */
static bool smooth_step(SelectorFill *self, Column *column, size_t step,
                        const RangeSamples *samples, const Window *window, Arena *scratch, Err *err)
{
    i64 t = node_ref(self->node, self->steps, step);
    SmoothPoint point;
    if (!range_smooth_at(self->query, self->node->pos, samples, window, t, scratch, &point, err)) {
        return false;
    }
    if (point.kind == SMOOTH_NONE) {
        return true;
    }
    bit_set(column->present, step);
    column->value[step] = point.value;
    return point.kind == SMOOTH_FLOAT ||
           keep_histogram(self, column, step, false, point.histogram, err);
}

static bool fill_smoothed(void *fill, size_t index, Arena *scratch, Err *err)
{
    SelectorFill *self = fill;
    SampleColumns columns;
    RangeSamples samples;
    if (!query_read(self->query, &self->from, index, scratch, &columns, err) ||
        !range_split(&columns, scratch, &samples, err)) {
        return false;
    }
    VectorSeries *series = &self->vector->series[index];
    series->labels = self->from.set->labels[index];
    samples.labels = series->labels;
    Window window = {0};
    for (size_t step = 0; step < self->steps->count; step++) {
        i64 t = node_ref(self->node, self->steps, step);
        window_move(&samples, t - self->query->lookback_ms, t + self->query->lookback_ms,
                    self->query->left_closed, &window);
        ArenaMark mark = arena_mark(scratch);
        if (!smooth_step(self, &series->column, step, &samples, &window, scratch, err)) {
            return false;
        }
        arena_reset(scratch, mark);
    }
    return true;
}

static void selector_times(SelectorFill *self)
{
    self->from.selector = self->node->selector;
    i64 lookback = self->query->lookback_ms;
    node_times(self->node, self->steps, &self->from.mint_ms, &self->from.maxt_ms);
    self->from.mint_ms -= self->query->left_closed ? lookback : lookback - 1;
    if (self->node->selector->mode == SELECTOR_SMOOTHED) {
        self->from.maxt_ms += lookback;
    }
}

bool eval_selector(Query *query, const PlanNode *node, const Steps *steps, Value *ret, Err *err)
{
    SelectorFill self = {.query = query, .node = node, .steps = steps, .what = FILL_VALUE};
    selector_times(&self);
    bool smoothed = node->selector->mode == SELECTOR_SMOOTHED;
    return fill_vector(&self, smoothed ? fill_smoothed : fill_series, ret, err);
}

bool eval_selector_time(Query *query, const PlanNode *node, const Steps *steps, bool start_time,
                        Value *ret, Err *err)
{
    SelectorFill self = {.query = query,
                         .node = node,
                         .steps = steps,
                         .what = start_time ? FILL_START_TIME : FILL_TIME};
    selector_times(&self);
    if (!fill_vector(&self, fill_series, ret, err)) {
        return false;
    }
    if (!vector_drop_names(query, &ret->vector, err)) {
        value_done(ret);
        return false;
    }
    return true;
}

bool eval_info_series(Query *query, const PlanNode *node, const Steps *steps, Value *ret, Err *err)
{
    SelectorFill self = {.query = query, .node = node, .steps = steps, .what = FILL_INFO_TIME};
    selector_times(&self);
    return fill_vector(&self, fill_series, ret, err);
}
