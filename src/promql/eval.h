/*
 * Eval: the inside of a running query, shared by the files that evaluate (eval*.c, aggregate.c,
 * binary.c, functions_*.c, window.c).
 *
 * Layer: promql. Memory: a Value owns what it holds (value_done); labels and annotations live in
 * the query. Thread: one thread walks the plan; workers only fill columns of one vector.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/types.h"
#include "model/source.h"
#include "promql/annotations.h"
#include "promql/column.h"
#include "promql/engine.h"
#include "promql/plan.h"

#include <pthread.h>

typedef struct Selected {
    SeriesSet set;
    i64 mint_ms, maxt_ms;
    size_t selector_id;
    struct Selected *next;
} Selected;

typedef struct Query {
    Source *source;
    const EngineOpts *opts;
    Pool *pool;
    i64 lookback_ms;
    i64 subquery_step_ms;
    bool left_closed;      /* 2.x: ranges include their older end */
    bool delayed_names;    /* names are dropped at the end, not at once */
    bool start_timestamps; /* rate and friends look at them */
    bool type_unit_labels;

    Arena labels; /* label sets made by this query; lives as long as it */
    Budget budget;
    Annotations annotations;
    Selected *selected; /* every look-up; released at the end */

    const atomic_bool *cancel; /* the caller's; may be NULL */
    atomic_bool killed;
    i64 deadline_ns; /* monotonic */

    _Atomic u64 samples_total;
    _Atomic u64 series_selected;
    _Atomic u64 *samples_per_step; /* NULL unless asked for */
    i64 per_step_start_ms;
    i64 per_step_step_ms;
    size_t per_step_count;
    i64 prepare_ns;
} Query;

typedef struct Value {
    ValueType type;
    f64 *scalar;   /* one a step; in an arena of `vector` */
    Vector vector; /* VALUE_VECTOR; for others it only holds memory */
    Str string;
} Value;

void value_init(Value *value, ValueType type, Query *query, size_t steps);
void value_done(Value *value);
bool value_scalar(Value *value, Query *query, size_t steps, Err *err) MUST_USE;

/* False with ERR_TIMEOUT or ERR_CANCELED when the query has to end. */
bool query_check(const Query *query, Err *err) MUST_USE;

bool eval_node(Query *query, const PlanNode *node, const Steps *steps, Value *ret,
               Err *err) MUST_USE;

/* What to read of each series of a selector; both times are inclusive. */
typedef struct SeriesRead {
    const SelectorPlan *selector;
    const SeriesSet *set;
    i64 mint_ms, maxt_ms;
} SeriesRead;

/* Counts samples that a function was handed at a time of the query. */
void query_count_samples(Query *query, i64 t_ms, u64 count);

/* The series of a selector with samples in [mint, maxt]; they live as long as the query. */
bool query_select(Query *query, SeriesRead *read, Err *err) MUST_USE; /* fills read->set */
bool query_read(Query *query, const SeriesRead *read, size_t index, Arena *scratch,
                SampleColumns *ret, Err *err) MUST_USE;

/* Where the steps of a node with `@` and offset look at: mint without range and lookback. */
void node_times(const PlanNode *node, const Steps *steps, i64 *ret_first, i64 *ret_last);

static inline i64 node_ref(const PlanNode *node, const Steps *steps, size_t step)
{
    return (node->has_at ? node->at_ms : steps_at(steps, step)) - node->offset_ms;
}

/*
 * Calls fill(self, index, scratch, err) for every series, on the workers when there are enough.
 * The first error ends it.
 */
typedef bool (*SeriesFill)(void *self, size_t index, Arena *scratch, Err *err);
bool query_each_series(Query *query, size_t count, SeriesFill fill, void *self, Err *err) MUST_USE;

/* Names. A metric's name, type and unit go when its values no longer mean the same thing. */
bool labels_drop_metadata(Query *query, Labels labels, Labels *ret, Err *err) MUST_USE;
bool series_drop_name(Query *query, VectorSeries *series, Err *err) MUST_USE;
bool vector_drop_names(Query *query, Vector *vector, Err *err) MUST_USE;

/* The labels in `names` (sorted) alone, or all but them (and __name__). */
bool labels_only(Query *query, Labels labels, const Str *names, size_t count, Labels *ret,
                 Err *err) MUST_USE;
bool labels_without(Query *query, Labels labels, const Str *names, size_t count, Labels *ret,
                    Err *err) MUST_USE;

/* {__name__="up", job="x"}: the name like any other label, as errors show it. */
void label_set_format(Buf *out, Labels labels);

bool str_in(Str s, const Str *sorted, size_t count);

bool eval_selector(Query *query, const PlanNode *node, const Steps *steps, Value *ret,
                   Err *err) MUST_USE;
/* timestamp(selector), start_timestamp(selector) */
bool eval_selector_time(Query *query, const PlanNode *node, const Steps *steps, bool start_time,
                        Value *ret, Err *err) MUST_USE;
/* The times (in milliseconds) of the samples of info series, which must be floats. */
bool eval_info_series(Query *query, const PlanNode *node, const Steps *steps, Value *ret,
                      Err *err) MUST_USE;
bool eval_aggregate(Query *query, const PlanNode *node, const Steps *steps, Value *ret,
                    Err *err) MUST_USE;
bool eval_binary(Query *query, const PlanNode *node, const Steps *steps, Value *ret,
                 Err *err) MUST_USE;
bool eval_call(Query *query, const PlanNode *node, const Steps *steps, Value *ret,
               Err *err) MUST_USE;
bool eval_range_call(Query *query, const PlanNode *node, const Steps *steps, Value *ret,
                     Err *err) MUST_USE;
