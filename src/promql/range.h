/*
 * Range: functions over range vectors. Per series the samples are read (or taken from a subquery)
 * once, split into floats and histograms, and a window of them slides over the steps. A function
 * has up to two forms: `step` computes one window; `column` computes the whole column at once when
 * the series has only floats, sharing work between windows where the result stays the same to the
 * bit.
 *
 * Layer: promql. Memory: samples and windows lie in a worker's scratch arena. Thread: one series,
 * one thread.
 */
#pragma once

#include "promql/eval.h"

typedef struct RangeSamples {
    Labels labels;
    bool drop_name; /* a subquery's series whose name goes later */
    const i64 *t_ms;
    const f64 *value;
    const i64 *start_ms; /* NULL: unknown or of no interest */
    size_t count;
    const i64 *hist_t_ms;
    const Histogram **hist;
    const i64 *hist_start_ms;
    size_t hist_count;
} RangeSamples;

typedef struct Window {
    i64 start_ms, end_ms; /* the range: what lies in it, and for `anchored` and `smoothed` around */
    size_t from, to;      /* floats [from, to) */
    size_t hist_from, hist_to;
} Window;

static inline size_t window_count(const Window *window)
{
    return window->to - window->from;
}

static inline size_t window_hist_count(const Window *window)
{
    return window->hist_to - window->hist_from;
}

/* Floats and histograms apart, without stale markers. `labels` is the caller's to set. */
bool range_split(const SampleColumns *columns, Arena *scratch, RangeSamples *ret,
                 Err *err) MUST_USE;

/* Moves the window's indices to the samples in (start, end], or [start, end] when left_closed; its
 * start_ms and end_ms are left alone. Cheap when called with ascending times. */
void window_move(const RangeSamples *samples, i64 start_ms, i64 end_ms, bool left_closed,
                 Window *window);

enum {
    RANGE_PARAMS_MAX = 2, /* scalar arguments beside the range vector */
};

/* One call over one series. */
typedef struct RangeRun {
    Query *query;
    const PlanNode *call;
    const Steps *steps;
    const RangeSamples *samples;
    i64 range_ms;
    SelectorMode mode;
    u32 pos;                             /* of the first argument: annotations point there */
    Str name;                            /* of the metric */
    const f64 *params[RANGE_PARAMS_MAX]; /* a column each */
    Arena *scratch;
    size_t step; /* the one that is computed */
} RangeRun;

typedef struct RangeResult {
    bool present;
    f64 value;
    const Histogram *histogram; /* in the scratch arena or the samples; NULL for a float */
} RangeResult;

/* One window. *ret comes in empty. */
typedef bool (*RangeStep)(RangeRun *run, const Window *window, RangeResult *ret, Err *err);

/* All windows of a series without histograms. */
typedef bool (*RangeColumn)(RangeRun *run, const Window *windows, Column *out, Err *err);

typedef struct RangeFunction {
    RangeStep step;
    RangeColumn column;    /* may be NULL */
    bool keep_name;        /* first_over_time, last_over_time */
    bool needs_start_time; /* looks at start timestamps where the engine does */
    bool anchored;         /* allows the modifier */
    bool smoothed;
    bool warn_non_counter; /* rate, increase */
} RangeFunction;

const RangeFunction *range_function(FunctionId id); /* NULL: not a function over ranges */

static inline void result_float(RangeResult *ret, f64 value)
{
    ret->present = true;
    ret->value = value;
}

/* Annotations that several functions share. */
void warn_mixed_floats_histograms(RangeRun *run);
void warn_mixed_buckets(RangeRun *run);
void note_reconciled(RangeRun *run, const char *operation);
void note_histograms_ignored(RangeRun *run);
void warn_not_counter(RangeRun *run);
void warn_not_gauge(RangeRun *run);

/* The steps that a subquery evaluates for the steps of its caller. */
void subquery_steps(const Query *query, const PlanNode *node, const Steps *steps, Steps *ret);

/* `smoothed` at one moment, for instant selectors. */
typedef struct SmoothPoint {
    enum { SMOOTH_NONE, SMOOTH_FLOAT, SMOOTH_HISTOGRAM } kind;
    f64 value;
    const Histogram *histogram;
} SmoothPoint;
bool range_smooth_at(Query *query, u32 pos, const RangeSamples *samples, const Window *window,
                     i64 t_ms, Arena *scratch, SmoothPoint *ret, Err *err) MUST_USE;

/* functions_rate.c */
bool range_rate(RangeRun *run, const Window *window, RangeResult *ret, Err *err);
bool range_increase(RangeRun *run, const Window *window, RangeResult *ret, Err *err);
bool range_delta(RangeRun *run, const Window *window, RangeResult *ret, Err *err);
bool range_irate(RangeRun *run, const Window *window, RangeResult *ret, Err *err);
bool range_idelta(RangeRun *run, const Window *window, RangeResult *ret, Err *err);
bool range_rate_column(RangeRun *run, const Window *windows, Column *out, Err *err);
bool range_increase_column(RangeRun *run, const Window *windows, Column *out, Err *err);
bool range_delta_column(RangeRun *run, const Window *windows, Column *out, Err *err);
bool range_resets(RangeRun *run, const Window *window, RangeResult *ret, Err *err);
bool range_changes(RangeRun *run, const Window *window, RangeResult *ret, Err *err);
/* functions_rate_extended.c */
bool range_extended_rate(RangeRun *run, const Window *window, bool is_counter, bool is_rate,
                         RangeResult *ret, Err *err);
/* functions_range_histogram.c */
bool range_sum_histograms(RangeRun *run, const Window *window, RangeResult *ret, Err *err);
bool range_avg_histograms(RangeRun *run, const Window *window, RangeResult *ret, Err *err);
