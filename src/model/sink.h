/*
 * Sink: what takes samples (the head, a remote writer, a test's list). Scraping, rules and
 * receivers write through it and never know which.
 *
 * A batch is all of one scrape or one evaluation. It is committed as a whole: after sink_commit
 * returns true its samples are safe from a crash of the process (in the write-ahead log) and
 * visible to readers all at once.
 *
 * A SeriesId names a series to the sink without its labels. It stays valid until the sink says
 * SAMPLE_UNKNOWN_SERIES, after which the caller asks again with labels.
 *
 * Layer: model. Memory: everything passed in is borrowed for the call. Thread: a Sink may be used
 * from several threads; one Batch belongs to one thread.
 */
#pragma once

#include "base/err.h"
#include "base/types.h"
#include "model/labels.h"
#include "model/sample.h"
#include "model/source.h"

typedef u64 SeriesId; /* 0: none */

typedef enum SampleOutcome {
    SAMPLE_OK,
    SAMPLE_UNKNOWN_SERIES, /* the id is not known (any more) */
    SAMPLE_OUT_OF_ORDER,   /* older than the series' newest */
    SAMPLE_DUPLICATE,      /* same time, other value */
    SAMPLE_OUT_OF_BOUNDS,  /* older than the sink can take */
    SAMPLE_TOO_OLD,        /* older than the out-of-order window */
} SampleOutcome;

typedef struct BatchSample {
    SeriesId series;
    i64 t_ms;
    f64 value;
    const Histogram *hist; /* NULL for a float */
    i64 start_ms;          /* start timestamp, 0: unknown */
} BatchSample;

typedef struct Sink Sink;

struct Sink {
    /*
     * The id of the series with these labels, made when it is new (*ret_new tells; may be NULL).
     * Errors  ERR_LIMIT; ERR_INVALID (no labels, duplicate name, invalid UTF-8)
     */
    bool (*series)(Sink *sink, Labels labels, SeriesId *ret, bool *ret_new, Err *err);

    /*
     * Appends and commits `count` samples as one batch: one log record, visible at once.
     * outcomes  one a sample, filled even on failure; NULL when the caller does not care
     * Errors    ERR_IO (the log could not be written: nothing is kept), ERR_UNAVAILABLE
     * Cost      O(count); one lock, one write
     */
    bool (*append)(Sink *sink, const BatchSample *samples, size_t count, SampleOutcome *outcomes,
                   Err *err);

    bool (*exemplar)(Sink *sink, SeriesId series, const Exemplar *exemplar, Err *err);
    bool (*metadata)(Sink *sink, SeriesId series, const MetricMetadata *metadata, Err *err);
};
