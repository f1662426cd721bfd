/* Samples from several chunks: see block_columns.h. Layer: tsdb. Thread: the caller's own. */
#include "tsdb/block_columns.h"

#include "tsdb/bits.h"
#include "tsdb/chunk_histogram.h"
#include "tsdb/chunk_xor.h"

#include <stdlib.h>

bool columns_init(SampleColumns *columns, size_t samples, bool histograms, Arena *arena, Err *err)
{
    *columns = (SampleColumns){.t_ms = arena_alloc(arena, samples * sizeof(i64) + 1, 64),
                               .value = arena_alloc(arena, samples * sizeof(f64) + 1, 64)};
    if (histograms) {
        columns->hist = ARENA_NEW(arena, const Histogram *, samples + 1);
    }
    return (columns->t_ms && columns->value && (!histograms || columns->hist)) ||
           arena_full(arena, err);
}

size_t chunk_sample_count(Str chunk)
{
    return chunk.len < sizeof(u16) ? 0 : load_u16be((const u8 *)chunk.ptr);
}

bool columns_add_chunk(SampleColumns *columns, u8 encoding, Str chunk, Arena *arena, Err *err)
{
    size_t count = chunk_sample_count(chunk);
    i64 *t_ms = columns->t_ms + columns->count;
    f64 *value = columns->value + columns->count;
    bool ok;
    if (encoding == CHUNK_ENCODING_XOR) {
        ok = xor_decode(chunk, count, t_ms, value, err);
    } else if (encoding == CHUNK_ENCODING_HISTOGRAM || encoding == CHUNK_ENCODING_FLOAT_HISTOGRAM) {
        ok = histogram_chunk_decode(chunk, encoding == CHUNK_ENCODING_HISTOGRAM, count, arena, t_ms,
                                    value, columns->hist + columns->count, err);
    } else {
        return err_set(err, ERR_UNSUPPORTED, "a chunk of encoding %d cannot be read", encoding);
    }
    columns->count += ok ? count : 0;
    return ok;
}

static int by_time(const void *a, const void *b, void *columns)
{
    size_t left = *(const u32 *)a;
    size_t right = *(const u32 *)b;
    const i64 *t_ms = ((const SampleColumns *)columns)->t_ms;
    if (t_ms[left] != t_ms[right]) {
        return t_ms[left] < t_ms[right] ? -1 : 1;
    }
    return (left > right) - (left < right);
}

static bool ascends(const SampleColumns *columns)
{
    for (size_t i = 1; i < columns->count; i++) {
        if (columns->t_ms[i] <= columns->t_ms[i - 1]) {
            return false;
        }
    }
    return true;
}

bool columns_sort(SampleColumns *columns, Arena *arena, Err *err)
{
    SampleColumns sorted;
    if (ascends(columns)) {
        return true;
    }
    u32 *order = arena_alloc(arena, columns->count * sizeof(u32), _Alignof(u32));
    if (!order || columns->count > UINT32_MAX) {
        return arena_full(arena, err);
    }
    if (!columns_init(&sorted, columns->count, columns->hist != NULL, arena, err)) {
        return false;
    }
    for (size_t i = 0; i < columns->count; i++) {
        order[i] = (u32)i;
    }
    qsort_r(order, columns->count, sizeof(u32), by_time, columns);
    for (size_t i = 0; i < columns->count; i++) {
        i64 t_ms = columns->t_ms[order[i]];
        if (sorted.count > 0 && sorted.t_ms[sorted.count - 1] == t_ms) {
            continue;
        }
        sorted.t_ms[sorted.count] = t_ms;
        sorted.value[sorted.count] = columns->value[order[i]];
        if (columns->hist) {
            sorted.hist[sorted.count] = columns->hist[order[i]];
        }
        sorted.count++;
    }
    *columns = sorted;
    return true;
}

void columns_trim(SampleColumns *columns, i64 mint_ms, i64 maxt_ms)
{
    size_t from = 0;
    size_t to = columns->count;
    while (from < to && columns->t_ms[from] < mint_ms) {
        from++;
    }
    while (to > from && columns->t_ms[to - 1] > maxt_ms) {
        to--;
    }
    columns->t_ms += from;
    columns->value += from;
    columns->hist = columns->hist ? columns->hist + from : NULL;
    columns->count = to - from;
}

void columns_delete(SampleColumns *columns, const IntervalList *deleted)
{
    size_t kept = 0;
    if (!deleted) {
        return;
    }
    for (size_t i = 0; i < columns->count; i++) {
        if (!tombstones_cover(deleted, columns->t_ms[i])) {
            columns->t_ms[kept] = columns->t_ms[i];
            columns->value[kept] = columns->value[i];
            if (columns->hist) {
                columns->hist[kept] = columns->hist[i];
            }
            kept++;
        }
    }
    columns->count = kept;
}
