/*
 * Histogram chunks (encodings 2 and 3): native histograms of one series with integer or float
 * counts, bit for bit as Prometheus writes them. All histograms of a chunk share one layout
 * (schema, zero threshold, spans, custom bounds); when new buckets appear the chunk is written
 * anew with the larger layout, when anything else changes a new chunk is due.
 *
 *     offset  size  meaning
 *     0       2     number of samples, big endian
 *     2       1     in the top two bits: 10 counter reset, 01 none, 11 gauge, 00 unknown
 *     3       …     bits: zero threshold, schema, positive and negative spans, custom bounds;
 *                   then a sample each: time, count, zero count, sum, buckets
 *
 *     integer counts   first sample raw, later ones as difference of differences
 *     float counts     first sample raw, later ones XOR-ed with the one before
 *     time             always as for integers; sum: always as for floats
 *
 * Layer: tsdb. Memory: histogram_chunk_new/free; decoded histograms in the caller's arena.
 * Thread: one chunk, one thread; decoding any.
 * Source: Prometheus tsdb/docs/format/chunks.md.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "model/histogram.h"

enum {
    HISTOGRAM_CHUNK_HEADER = 3,
    HISTOGRAM_CHUNK_SIZE_MAX = 16 * 1024 * 1024, /* bytes */
};

typedef struct HistogramChunk HistogramChunk;

/* How a chunk begins, seen from the one before. */
typedef enum HistogramReset {
    HISTOGRAM_RESET_UNKNOWN = 0,
    HISTOGRAM_RESET_NO = 1,
    HISTOGRAM_RESET_YES = 2,
    HISTOGRAM_RESET_GAUGE = 3,
} HistogramReset;

HistogramChunk *histogram_chunk_new(bool integer);
HistogramChunk *histogram_chunk_free(HistogramChunk *chunk); /* NULL-safe, NULL */

/*
 * Appends one sample; an empty chunk takes its layout and `reset` from it.
 * Returns false when a new chunk is due; *ret_reset then says what the new one begins with.
 */
bool histogram_chunk_append(HistogramChunk *chunk, i64 t_ms, const Histogram *histogram,
                            HistogramReset *ret_reset);
void histogram_chunk_set_reset(HistogramChunk *chunk, HistogramReset reset);

/* What a chunk that follows `before` for another reason (time, size) begins with. */
HistogramReset histogram_chunk_reset_after(const HistogramChunk *before,
                                           const Histogram *histogram);

/* Whether the newest sample of the chunk has this value. */
bool histogram_chunk_ends_with(const HistogramChunk *chunk, const Histogram *histogram);

Str histogram_chunk_view(const HistogramChunk *chunk); /* until the next append */
u16 histogram_chunk_count(const HistogramChunk *chunk);
u64 histogram_chunk_memory(const HistogramChunk *chunk); /* bytes, for accounts */

/*
 * Decodes the first `count` samples: times, sums, and histograms in the arena (those of one chunk
 * share spans and bounds).
 * Errors  ERR_CORRUPT, ERR_LIMIT
 */
bool histogram_chunk_decode(Str chunk, bool integer, size_t count, Arena *arena, i64 *ret_t_ms,
                            f64 *ret_sum, const Histogram **ret, Err *err) MUST_USE;
