/*
 * The chunks of one series: appending, cutting, dropping. See head_internal.h.
 *
 * Layer: tsdb. Thread: under the head's commit and state locks.
 */
#include "tsdb/bits.h"
#include "tsdb/chunk_histogram.h"
#include "tsdb/head_internal.h"

enum {
    PREDICT_AT = HEAD_CHUNK_SAMPLES / 4, /* samples after which the end of a chunk is foretold */
    PREDICT_SHARE = 4,
    HISTOGRAM_BYTES_MAX = 2048, /* a longer chunk takes no further sample … */
    HISTOGRAM_SAMPLES_MIN = 10, /* … once it has these */
    FULL_FIRST_ROOM = sizeof(FullChunks) + 2 * sizeof(FullChunk),
};

/* The open chunk's first time. */
static i64 open_mint(const Series *series)
{
    return series->open.t_ms - (i64)series->span_ms;
}

static u8 encoding_of(const Histogram *hist)
{
    if (!hist) {
        return CHUNK_ENCODING_XOR;
    }
    return hist->integer ? CHUNK_ENCODING_HISTOGRAM : CHUNK_ENCODING_FLOAT_HISTOGRAM;
}

HeadSample head_sample(const Series *series, const BatchSample *sample)
{
    static const Histogram stale_integer = {.integer = true, .sum = 0};
    static const Histogram stale_float = {.integer = false, .sum = 0};
    HeadSample ret = {.t_ms = sample->t_ms, .value = sample->value, .hist = sample->hist};
    if (!sample->hist && series->encoding > CHUNK_ENCODING_XOR && is_stale_nan(sample->value)) {
        ret.hist = series->encoding == CHUNK_ENCODING_HISTOGRAM ? &stale_integer : &stale_float;
    }
    return ret;
}

Str chunk_bytes_in_memory(u8 encoding, const void *address, u32 size)
{
    if (encoding == CHUNK_ENCODING_XOR) {
        return (Str){.ptr = address, .len = size};
    }
    return histogram_chunk_view(address);
}

/* ---- full chunks ---- */

static u32 room_to_capacity(size_t room)
{
    return (u32)((room - sizeof(FullChunks)) / sizeof(FullChunk));
}

static size_t full_size(const FullChunks *full)
{
    return sizeof(FullChunks) + full->capacity * sizeof(FullChunk);
}

static void grow_full(Head *head, Series *series)
{
    FullChunks *old = series->full;
    size_t room = slab_room(old ? full_size(old) + full_size(old) / 2 : FULL_FIRST_ROOM);
    FullChunks *full = slab_alloc(&head->slab, room);
    *full = (FullChunks){.capacity = room_to_capacity(room)};
    if (old) {
        full->base_ms = old->base_ms;
        full->count = old->count;
        memcpy(full->at, old->at, old->count * sizeof(FullChunk));
        slab_free(&head->slab, old, full_size(old));
    }
    series->full = full;
}

static i64 floor_div(i64 number, i64 by)
{
    i64 quotient = number / by;
    return quotient - (number % by < 0);
}

void series_add_full(Head *head, Series *series, i64 mint_ms, const FullChunk *chunk)
{
    if (!series->full || series->full->count == series->full->capacity) {
        grow_full(head, series);
    }
    FullChunks *full = series->full;
    if (full->count == 0) {
        full->base_ms = floor_div(mint_ms, 1000) * 1000;
    }
    i64 seconds = floor_div(mint_ms - full->base_ms, 1000);
    FullChunk *added = &full->at[full->count++];
    *added = *chunk;
    added->mint_s = (u32)MIN(MAX(seconds, (i64)0), (i64)UINT32_MAX);
}

static void free_full_chunk(Head *head, const FullChunk *chunk)
{
    if (!full_chunk_is_in_memory(chunk)) {
        return;
    }
    if (full_chunk_encoding(chunk) == CHUNK_ENCODING_XOR) {
        slab_free(&head->slab, full_chunk_address(chunk), chunk->size);
    } else {
        (void)histogram_chunk_free(full_chunk_address(chunk));
    }
}

void series_free_chunks(Head *head, Series *series)
{
    for (u32 i = 0; series->full && i < series->full->count; i++) {
        free_full_chunk(head, &series->full->at[i]);
    }
    if (series->full) {
        slab_free(&head->slab, series->full, full_size(series->full));
        series->full = NULL;
    }
    if (series->encoding == CHUNK_ENCODING_XOR) {
        slab_free(&head->slab, series->chunk.bytes, series->chunk_room);
    } else if (series->encoding != 0) {
        (void)histogram_chunk_free(series->chunk.histogram);
    }
    series->chunk.bytes = NULL;
    series->encoding = 0;
}

u32 series_truncate(Head *head, Series *series, i64 mint_ms)
{
    FullChunks *full = series->full;
    if (!full || full->count == 0) {
        return 0;
    }
    u32 drop = 0;
    while (drop < full->count) {
        /* A chunk ends before the next one begins. */
        i64 next_ms = drop + 1 < full->count ? full->base_ms + (i64)full->at[drop + 1].mint_s * 1000
                      : series->encoding     ? open_mint(series)
                                             : series->open.t_ms + 1;
        if (next_ms > mint_ms) {
            break;
        }
        free_full_chunk(head, &full->at[drop++]);
    }
    full->count -= drop;
    memmove(full->at, full->at + drop, full->count * sizeof(FullChunk));
    if (full->count == 0) {
        slab_free(&head->slab, full, full_size(full));
        series->full = NULL;
    }
    return drop;
}

i64 series_oldest_ms(const Series *series)
{
    if (series->full && series->full->count > 0) {
        return series->full->base_ms + (i64)series->full->at[0].mint_s * 1000;
    }
    return series->encoding ? open_mint(series) : INT64_MAX;
}

/* ---- the open chunk ---- */

void series_cut(Head *head, u32 slot)
{
    Series *series = head_slot(head, slot);
    if (series->encoding == 0) {
        return;
    }
    u32 size = series->encoding == CHUNK_ENCODING_XOR ? xor_size(&series->open) : 0;
    FullChunk full = {
        .where = full_chunk_in_memory(series->encoding, series->chunk.bytes),
        .count = series->open.count,
        .size = (u16)size,
    };
    series_add_full(head, series, open_mint(series), &full);
    *vec_push(&head->pending) = (PendingChunk){.slot = slot,
                                               .series_ref = series->ref,
                                               .where = full.where,
                                               .size = size,
                                               .mint_ms = open_mint(series),
                                               .maxt_ms = series->open.t_ms};
    series->encoding = 0;
    series->chunk.bytes = NULL;
    series->chunk_room = 0;
    series->open.count = 0;
}

/* If the chunks so far are a fair share of the span, the next ones shall be as long. */
static i64 predict_end(i64 start_ms, i64 now_ms, i64 end_ms)
{
    i64 chunks = (end_ms - start_ms) / ((now_ms - start_ms + 1) * PREDICT_SHARE);
    return chunks <= 1 ? end_ms : start_ms + (end_ms - start_ms) / chunks;
}

static void open_chunk(Head *head, Series *series, i64 t_ms, u8 encoding)
{
    i64 span = head->opts.chunk_span_ms;
    series->encoding = encoding;
    series->open.count = 0;
    series->span_ms = 0;
    series->cut_ms = (floor_div(t_ms, span) + 1) * span;
    atomic_fetch_add_explicit(&head->chunks, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&head->chunks_created, 1, memory_order_relaxed);
}

/* Whether the open chunk must be cut before a sample of this time and kind. */
static bool is_due(Series *series, i64 t_ms, u8 encoding)
{
    u32 count = series->open.count;
    if (series->encoding != encoding || t_ms >= series->cut_ms || count >= HEAD_CHUNK_SAMPLES_MAX) {
        return true;
    }
    if (encoding == CHUNK_ENCODING_XOR
            ? xor_size(&series->open) > HEAD_CHUNK_BYTES_MAX
            : count >= HISTOGRAM_SAMPLES_MIN &&
                  histogram_chunk_view(series->chunk.histogram).len >= HISTOGRAM_BYTES_MAX) {
        return true;
    }
    if (count == PREDICT_AT) {
        series->cut_ms = predict_end(open_mint(series), series->open.t_ms, series->cut_ms);
        return t_ms >= series->cut_ms;
    }
    return false;
}

/* Room for an open chunk: coarser steps than a slab's, because each costs a copy of the chunk. */
static size_t chunk_room(u32 size)
{
    static const u16 rooms[] = {32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1280};
    for (size_t i = 0; i < COUNT_OF(rooms); i++) {
        if (rooms[i] >= size) {
            return rooms[i];
        }
    }
    return slab_room(size);
}

static void ensure_room(Head *head, Series *series, u32 size)
{
    if (LIKELY(size <= series->chunk_room)) {
        return;
    }
    size_t room = chunk_room(size);
    u8 *bytes = slab_alloc(&head->slab, room);
    if (series->chunk.bytes) {
        memcpy(bytes, series->chunk.bytes, xor_size(&series->open));
        slab_free(&head->slab, series->chunk.bytes, series->chunk_room);
    }
    series->chunk.bytes = bytes;
    series->chunk_room = (u16)room;
}

static void append_float(Head *head, u32 slot, Series *series, i64 t_ms, f64 value)
{
    if (series->encoding == 0 || is_due(series, t_ms, CHUNK_ENCODING_XOR)) {
        series_cut(head, slot);
        open_chunk(head, series, t_ms, CHUNK_ENCODING_XOR);
    } else {
        series->span_ms += (u32)(t_ms - series->open.t_ms);
    }
    u32 at = xor_next_byte(&series->open);
    if (LIKELY(at + XOR_ENCODE_ROOM <= series->chunk_room)) {
        u8 *to = series->chunk.bytes + at;
        (void)xor_encode(&series->open, *to, t_ms, value, to);
    } else { /* near the end of its room a chunk grows by no more than it must */
        u8 bytes[XOR_SCRATCH_SIZE];
        u8 last = at < series->chunk_room ? series->chunk.bytes[at] : 0;
        XorAppender next = series->open;
        u32 size = xor_encode(&next, last, t_ms, value, bytes);
        ensure_room(head, series, at + size);
        memcpy(series->chunk.bytes + at, bytes, size);
        series->open = next;
    }
    store_u16be(series->chunk.bytes, series->open.count);
}

static void append_histogram(Head *head, u32 slot, Series *series, const HeadSample *sample)
{
    u8 encoding = encoding_of(sample->hist);
    Histogram hist = *sample->hist;
    HistogramReset reset = HISTOGRAM_RESET_UNKNOWN;
    bool fresh = series->encoding == 0;
    hist.sum = sample->value;
    if (!fresh && is_due(series, sample->t_ms, encoding)) {
        reset = series->encoding == encoding
                    ? histogram_chunk_reset_after(series->chunk.histogram, &hist)
                    : HISTOGRAM_RESET_UNKNOWN;
        fresh = true;
    } else if (!fresh &&
               !histogram_chunk_append(series->chunk.histogram, sample->t_ms, &hist, &reset)) {
        fresh = true;
    }
    if (fresh) {
        series_cut(head, slot);
        open_chunk(head, series, sample->t_ms, encoding);
        series->chunk.histogram = histogram_chunk_new(hist.integer);
        HistogramReset ignored;
        bool taken = histogram_chunk_append(series->chunk.histogram, sample->t_ms, &hist, &ignored);
        ASSERT(taken); /* an empty chunk takes any histogram */
        if (reset != HISTOGRAM_RESET_UNKNOWN) {
            histogram_chunk_set_reset(series->chunk.histogram, reset);
        }
    } else {
        series->span_ms += (u32)(sample->t_ms - series->open.t_ms);
    }
    series->open.t_ms = sample->t_ms;
    series->open.value = sample->value;
    series->open.count = histogram_chunk_count(series->chunk.histogram);
}

void series_append(Head *head, u32 slot, const HeadSample *sample)
{
    Series *series = head_slot(head, slot);
    if (sample->hist) {
        append_histogram(head, slot, series, sample);
    } else {
        append_float(head, slot, series, sample->t_ms, sample->value);
    }
    series->flags |= SERIES_SAMPLED;
    series->total++;
}
