/*
 * Cardinality: which labels make the most series, for a status page.
 *
 * Layer: tsdb. Memory: lists and names in the caller's arena. Thread: any.
 */
#pragma once

#include "base/str.h"
#include "base/types.h"

typedef struct CardinalityCount {
    Str name;
    u64 value;
} CardinalityCount;

typedef struct CardinalityList { /* largest first */
    CardinalityCount *at;
    size_t count;
} CardinalityList;

typedef struct Cardinality {
    CardinalityList series_by_metric;
    CardinalityList values_by_name;
    CardinalityList bytes_by_name;  /* of its values, counted once a series */
    CardinalityList series_by_pair; /* "name=value" */
    u64 label_pairs;
} Cardinality;
