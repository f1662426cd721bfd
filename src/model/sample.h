/*
 * Samples: a value of a series at a time. A value is a 64-bit float or a native histogram.
 *
 * Layer: model. Memory: columns borrow from the arena or cursor that filled them. Thread: any.
 */
#pragma once

#include "base/types.h"

#include <string.h>

typedef struct Histogram Histogram; /* model/histogram.h */

/* The value that says "this series has ended": a NaN with its own payload, told apart by bits. */
#define STALE_NAN_BITS  0x7ff0000000000002ULL
#define NORMAL_NAN_BITS 0x7ff8000000000001ULL

static inline u64 f64_bits(f64 value)
{
    u64 bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static inline f64 f64_from_bits(u64 bits)
{
    f64 value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static inline bool is_stale_nan(f64 value)
{
    return f64_bits(value) == STALE_NAN_BITS;
}

/* The samples of one series in time order, in columns. */
typedef struct SampleColumns {
    i64 *t_ms;              /* strictly increasing */
    f64 *value;             /* for a histogram sample: its sum */
    const Histogram **hist; /* NULL when all are floats; else per sample, NULL for a float */
    i64 *start_ms;          /* start timestamps; NULL when none is known; 0 for a sample without */
    size_t count;
} SampleColumns;

typedef enum MetricType {
    METRIC_UNKNOWN, /* "untyped" in the text format */
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_HISTOGRAM,
    METRIC_GAUGE_HISTOGRAM,
    METRIC_SUMMARY,
    METRIC_INFO,
    METRIC_STATESET,
} MetricType;

const char *metric_type_name(MetricType type); /* "counter", …, "unknown" */
