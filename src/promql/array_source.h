/*
 * Array source: a store of samples in arrays, for tests and scripts: what is added is what is read.
 *
 * Histograms come back with the reset hints that Prometheus's chunks would give them: the first of
 * a chunk is unknown or "reset", those behind it "not reset", and a gauge stays a gauge.
 *
 * Layer: promql. Memory: owns all samples; array_source_free. Thread: adding by one thread, while
 * nobody reads; reading by any number.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "model/source.h"

typedef struct ArraySource ArraySource;

ArraySource *array_source_new(void);
ArraySource *array_source_free(ArraySource *store); /* NULL-safe, returns NULL */
Source *array_source(ArraySource *store);           /* borrowed */
void array_source_clear(ArraySource *store);        /* forgets everything */

typedef struct ArraySample {
    i64 t_ms;
    f64 value;
    const Histogram *hist; /* NULL: a float; copied */
    i64 start_ms;
} ArraySample;

/*
 * Adds samples of one series, in any order, before or after those it has; a sample at a time that
 * it has already replaces that one. Errors  ERR_LIMIT
 */
bool array_source_add(ArraySource *store, Labels labels, const ArraySample *samples, size_t count,
                      Err *err) MUST_USE;
