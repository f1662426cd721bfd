/*
 * Result: what a query answers.
 *
 * Layer: promql. Memory: everything lives in the result's own arena; query_result_free frees it.
 * Thread: immutable once returned.
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"
#include "base/types.h"
#include "model/labels.h"
#include "model/sample.h"

typedef enum ResultType { RESULT_SCALAR, RESULT_VECTOR, RESULT_MATRIX, RESULT_STRING } ResultType;

typedef struct ResultSeries {
    Labels labels;
    SampleColumns samples; /* of a vector: exactly one */
} ResultSeries;

typedef struct QueryTimings {
    i64 parse_ns;
    i64 prepare_ns; /* planning and series look-up */
    i64 eval_ns;    /* reading and computing */
    i64 total_ns;   /* with waiting for a free slot */
    i64 queue_ns;
} QueryTimings;

typedef struct QueryStats {
    u64 samples_total; /* samples that selectors and windows handed to functions, over all steps */
    u64 samples_peak;  /* most held at one time */
    u64 series_selected;
    u64 memory_peak_bytes;
    const u64 *samples_per_step; /* NULL unless asked for */
    size_t step_count;
    QueryTimings timings;
} QueryStats;

typedef struct QueryResult {
    ResultType type;
    i64 t_ms;             /* of a scalar or string */
    f64 scalar;           /* RESULT_SCALAR */
    Str string;           /* RESULT_STRING */
    ResultSeries *series; /* RESULT_VECTOR in the order of the evaluation; RESULT_MATRIX sorted */
    size_t series_count;
    bool truncated; /* QuerySpec.limit cut the series */
    const Str *warnings;
    size_t warning_count;
    const Str *infos;
    size_t info_count;
    QueryStats stats;
    Arena arena; /* owned */
} QueryResult;

void query_result_free(QueryResult *result); /* NULL-safe */
