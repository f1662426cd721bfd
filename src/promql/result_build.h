/*
 * Result building: from the evaluation's columns to a QueryResult that stands alone.
 *
 * Layer: promql. Memory: copies into the result's arena. Thread: the query's.
 */
#pragma once

#include "promql/eval.h"
#include "promql/result.h"

bool result_from_value(QueryResult *result, const Value *value, const Steps *steps,
                       const QuerySpec *spec, Err *err) MUST_USE;

/* A range selector alone: its raw samples. */
bool result_from_range(Query *query, const PlanNode *node, const QuerySpec *spec,
                       QueryResult *result, Err *err) MUST_USE;
