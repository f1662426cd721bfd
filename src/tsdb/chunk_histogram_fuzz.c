/*
 * Fuzzes the decoder of histogram chunks; the first byte says which encoding. Oracle: what decodes
 * and looks like a counter or a gauge is appended to new chunks and must decode to the same values.
 */
#include "base/mem.h"
#include "model/sample.h"
#include "tsdb/chunk_histogram.h"

#include <string.h>

enum {
    SAMPLES_MAX = 300,
    ARENA_MAX = 64 * 1024 * 1024,
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static i64 times[SAMPLES_MAX], times_again[SAMPLES_MAX];
static f64 sums[SAMPLES_MAX], sums_again[SAMPLES_MAX];
static const Histogram *histograms[SAMPLES_MAX], *histograms_again[SAMPLES_MAX];

/* Integer counts are counts: not below zero, and exact in a float. */
static bool countable(const BucketSide *side)
{
    for (size_t i = 0; i < side->bucket_count; i++) {
        if (!(side->buckets[i] >= 0 && side->buckets[i] <= 0x1p50)) {
            return false;
        }
    }
    return true;
}

static bool usable(const Histogram *hist)
{
    return !hist->integer || (countable(&hist->positive) && countable(&hist->negative) &&
                              hist->count <= 0x1p50 && hist->zero_count <= 0x1p50);
}

/* One histogram through a chunk of its own. */
static void check_alone(i64 t_ms, const Histogram *hist, Arena *arena)
{
    Err err;
    HistogramReset reset;
    HistogramChunk *chunk = histogram_chunk_new(hist->integer);
    bool ok = histogram_chunk_append(chunk, t_ms, hist, &reset);
    ASSERT(ok);
    if (histogram_chunk_count(chunk) == 1) {
        ASSERT(histogram_chunk_ends_with(chunk, hist) || is_stale_nan(hist->sum));
        ok = histogram_chunk_decode(histogram_chunk_view(chunk), hist->integer, 1, arena,
                                    times_again, sums_again, histograms_again, &err);
        ASSERT(ok && times_again[0] == t_ms);
        ASSERT(f64_bits(sums_again[0]) == f64_bits(hist->sum));
        if (!is_stale_nan(hist->sum)) {
            const BucketSide *a = &hist->positive;
            const BucketSide *b = &histograms_again[0]->positive;
            ASSERT(a->bucket_count == b->bucket_count);
            ASSERT(a->bucket_count == 0 ||
                   memcmp(a->buckets, b->buckets, a->bucket_count * sizeof(f64)) == 0);
        }
    }
    (void)histogram_chunk_free(chunk);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size < 1 + HISTOGRAM_CHUNK_HEADER) {
        return 0;
    }
    Arena arena;
    Err err;
    Str chunk = {.ptr = (const char *)data + 1, .len = size - 1};
    bool integer = data[0] & 1;
    size_t count = MIN((size_t)(data[1] << 8 | data[2]), (size_t)SAMPLES_MAX);
    arena_init(&arena, ARENA_MAX);
    if (histogram_chunk_decode(chunk, integer, count, &arena, times, sums, histograms, &err)) {
        for (size_t i = 0; i < count; i++) {
            if (usable(histograms[i])) {
                check_alone(times[i], histograms[i], &arena);
            }
        }
    }
    arena_done(&arena);
    return 0;
}
