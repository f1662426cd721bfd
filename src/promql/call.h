/*
 * Call: the functions over instant vectors and scalars, grouped in files by what they touch.
 *
 * Layer: promql. Memory: see eval.h. Thread: the query's.
 */
#pragma once

#include "promql/eval.h"

/* A call being evaluated. */
typedef struct Call {
    Query *query;
    const PlanNode *node;
    const Steps *steps;
} Call;

bool call_arg(const Call *call, size_t index, Value *ret, Err *err) MUST_USE;
Str call_string(const Call *call, size_t index); /* of a string argument */

/* Drops histograms: their steps become empty. */
void vector_keep_floats(Vector *vector);

/* functions_label.c */
bool call_label_replace(const Call *call, Value *ret, Err *err);
bool call_label_join(const Call *call, Value *ret, Err *err);
bool call_sort(const Call *call, Value *ret, Err *err);
bool call_sort_by_label(const Call *call, Value *ret, Err *err);
bool absent_labels(Query *query, const PlanNode *arg, Labels *ret, Err *err) MUST_USE;

/* functions_histogram.c */
bool call_histogram_number(const Call *call, Value *ret, Err *err); /* count, sum, avg, stddev, … */
bool call_histogram_quantile(const Call *call, Value *ret, Err *err);
bool call_histogram_quantiles(const Call *call, Value *ret, Err *err);
bool call_histogram_fraction(const Call *call, Value *ret, Err *err);

/* functions_info.c */
bool call_info(const Call *call, Value *ret, Err *err);
