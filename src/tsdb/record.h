/*
 * Records: what stands inside the write-ahead log. One record is a type byte and any number of
 * entries of that type.
 *
 *     type  name                    entry
 *     1     series                  ref (8 bytes BE), labels
 *     2     samples                 first: ref, time (8 bytes BE each); each: ref and time as
 *                                   varint difference to the first, value (8 bytes BE)
 *     3     tombstones              ref (8 bytes BE), first and last time (varint)
 *     4     exemplars               as samples, then labels
 *     5     markers                 only in the out-of-order log
 *     6     metadata                ref (uvarint), metric type, named fields
 *     7, 8  integer, float          as samples, with a histogram in place of the value
 *           histograms
 *     9,10  the same with custom buckets
 *     11    samples 2               with start times; differences to the one before
 *     12,13 histograms 2            the same for histograms
 *
 *     labels: count (uvarint), then name and value, each behind its length (uvarint)
 *
 * 1 … 4 and 6 … 10 are written, all are read; what is unknown is skipped, as the original does.
 *
 * Layer: tsdb. Memory: encoding appends to the caller's Buf; decoded strings borrow from the
 * record, histograms from the caller's arena. Thread: the caller's own.
 * Source: Prometheus tsdb/docs/format/wal.md; type 11 and up from its behaviour.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/sample.h"
#include "model/source.h"
#include "tsdb/bytes.h"

typedef enum RecordType {
    RECORD_UNKNOWN = 0,
    RECORD_SERIES = 1,
    RECORD_SAMPLES = 2,
    RECORD_TOMBSTONES = 3,
    RECORD_EXEMPLARS = 4,
    RECORD_MARKERS = 5,
    RECORD_METADATA = 6,
    RECORD_HISTOGRAMS = 7,
    RECORD_FLOAT_HISTOGRAMS = 8,
    RECORD_CUSTOM_HISTOGRAMS = 9,
    RECORD_CUSTOM_FLOAT_HISTOGRAMS = 10,
    RECORD_SAMPLES_2 = 11,
    RECORD_HISTOGRAMS_2 = 12,
    RECORD_FLOAT_HISTOGRAMS_2 = 13,
} RecordType;

RecordType record_type(Str record); /* RECORD_UNKNOWN for an empty or a newer one */

/* One entry; which fields count depends on the type. */
typedef struct RecordEntry {
    u64 ref;
    i64 t_ms;        /* tombstone: first time */
    i64 last_ms;     /* tombstone: last time */
    i64 start_ms;    /* start time of the sample; 0 unknown */
    f64 value;       /* sample, exemplar */
    Labels labels;   /* series, exemplar; valid until the next entry */
    Histogram *hist; /* in the arena */
    MetricType metric_type;
    Str unit, help;
} RecordEntry;

typedef struct RecordReader {
    ByteReader in;
    RecordType type;
    bool first;
    bool no_room; /* the arena was too small */
    u64 base_ref; /* what differences refer to */
    u64 previous_ref;
    i64 base_ms;
    i64 base_start_ms;
    i64 previous_start_ms;
    VEC(Label) labels; /* owned */
} RecordReader;

/*
 *     record_open(&reader, bytes);
 *     while (record_next(&reader, &arena, &entry, err)) { … }
 *     ok = record_close(&reader, err);
 *
 * Histograms of unknown schemas are passed over. `arena` may be NULL for types without histograms.
 */
void record_open(RecordReader *reader, Str record);
bool record_next(RecordReader *reader, Arena *arena, RecordEntry *ret);
/* ERR_CORRUPT when the record broke off, ERR_LIMIT when the arena was too small. */
bool record_close(RecordReader *reader, Err *err) MUST_USE;

/* Writing. record_begin only notes the type: an empty record is never written. */
typedef struct RecordWriter {
    Buf *out; /* borrowed */
    RecordType type;
    u64 base_ref;
    i64 base_ms;
} RecordWriter;

void record_begin(RecordWriter *writer, Buf *out, RecordType type);
void record_put_series(RecordWriter *writer, u64 ref, Labels labels);
void record_put_tombstone(RecordWriter *writer, u64 ref, i64 first_ms, i64 last_ms);
void record_put_exemplar(RecordWriter *writer, u64 ref, const Exemplar *exemplar);
void record_put_metadata(RecordWriter *writer, u64 ref, const MetricMetadata *metadata);
void record_put_sample(RecordWriter *writer, u64 ref, i64 t_ms, f64 value);
/*
 * The same for many samples, whose number has a bound: one look at the buffer for all of them.
 * begin with room for `most`, put each, end. A record without samples is not begun.
 */
enum { RECORD_SAMPLE_SIZE_MAX = 2 * VARINT_SIZE_MAX + 8, RECORD_SAMPLES_HEAD = 17 };

typedef struct SamplesWriter {
    u8 *begin; /* NULL: no room */
    u8 *at;
    u64 base_ref;
    i64 base_ms;
} SamplesWriter;

static inline SamplesWriter record_samples_begin(Buf *out, size_t most)
{
    u8 *begin = buf_reserve(out, RECORD_SAMPLES_HEAD + most * RECORD_SAMPLE_SIZE_MAX);
    return (SamplesWriter){.begin = begin, .at = begin};
}

static inline void record_samples_put(SamplesWriter *writer, u64 ref, i64 t_ms, f64 value)
{
    u8 *to = writer->at;
    if (UNLIKELY(to == writer->begin)) {
        *to = RECORD_SAMPLES;
        store_u64be(to + 1, ref);
        store_u64be(to + 9, (u64)t_ms);
        to += RECORD_SAMPLES_HEAD;
        writer->base_ref = ref;
        writer->base_ms = t_ms;
    }
    to = store_varint(to, (i64)(ref - writer->base_ref));
    to = store_varint(to, (i64)((u64)t_ms - (u64)writer->base_ms));
    store_u64be(to, f64_bits(value));
    writer->at = to + sizeof(u64);
}

static inline void record_samples_end(const SamplesWriter *writer, Buf *out)
{
    buf_advance(out, (size_t)(writer->at - writer->begin));
}

/* The type must be the one that record_histogram_type names. */
void record_put_histogram(RecordWriter *writer, u64 ref, i64 t_ms, const Histogram *histogram);
RecordType record_histogram_type(const Histogram *histogram);
