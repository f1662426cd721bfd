/*
 * Aggregate: what the two files of the aggregations share.
 *
 * Layer: promql. Memory: groups live in an arena of the aggregation. Thread: the query's; workers
 * take a group each.
 */
#pragma once

#include "promql/eval.h"

typedef struct AggregateGroup {
    Labels labels; /* what by or without leave */
    u32 *members;  /* indices of input series, ascending */
    u32 count;
    bool drop_name; /* of any member */
} AggregateGroup;

typedef struct Aggregation {
    Query *query;
    const PlanNode *node;
    const AggregatePlan *plan;
    const Steps *steps;
    const f64 *param; /* a column; NULL for those without */
    const Vector *input;
    AggregateGroup *groups;
    size_t group_count;
    Vector *output;
    Arena *histograms;    /* of output */
    pthread_mutex_t lock; /* of histograms */
} Aggregation;

/* "ignored histogram in NAME aggregation" */
void note_ignored_histogram(const Aggregation *aggregation, u32 pos);

/* aggregate_pick.c: topk, bottomk, limitk, limit_ratio. The input gives its series over. */
bool aggregate_pick(Aggregation *aggregation, Value *input, Value *ret, Err *err) MUST_USE;
/* aggregate_pick.c: count_values. */
bool aggregate_count_values(Aggregation *aggregation, Value *ret, Err *err) MUST_USE;
