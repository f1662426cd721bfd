/* Reading from the head: select, decode, label names and values. See head.h. Layer: tsdb. */
#include "tsdb/chunk_histogram.h"
#include "tsdb/head_internal.h"
#include "tsdb/head_sort.h"

#include <stdlib.h>

/* What keeps a SeriesSet readable. */
typedef struct HeadSet {
    Pin pin;
    const SortedSeries *series; /* in the caller's arena, parallel to the set's labels */
} HeadSet;

/* ---- select ---- */

/* Under state: the matching series that have samples in the range, with their sample counts. */
static size_t note_series(const Head *head, const roaring_bitmap_t *matches, const Select *select,
                          SortedSeries *ret)
{
    roaring_uint32_iterator_t at;
    size_t count = 0;
    roaring_init_iterator(matches, &at);
    for (; at.has_value; (void)roaring_advance_uint32_iterator(&at)) {
        const Series *series = head_slot(head, at.current_value);
        if ((series->flags & (SERIES_LIVE | SERIES_SAMPLED)) == (SERIES_LIVE | SERIES_SAMPLED) &&
            series->open.t_ms >= select->mint_ms && series_oldest_ms(series) <= select->maxt_ms) {
            ret[count++] = (SortedSeries){.pairs = series->pairs,
                                          .pair_count = series->pair_count,
                                          .slot = at.current_value,
                                          .total = series->total};
        }
    }
    return count;
}

static bool make_labels(const Head *head, const SortedSeries *series, size_t count, Arena *arena,
                        const Labels **ret, Err *err)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += series[i].pair_count;
    }
    Labels *labels = arena_alloc(arena, count * sizeof(Labels), _Alignof(Labels));
    Label *label = arena_alloc(arena, total * sizeof(Label), _Alignof(Label));
    if (!labels || !label) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        label_pair_labels(&head->labels, series[i].pairs, series[i].pair_count, label);
        labels[i] = (Labels){.at = label, .count = series[i].pair_count};
        label += series[i].pair_count;
    }
    *ret = labels;
    return true;
}

static bool select_pinned(Head *head, const Select *select, Arena *arena, HeadSet *set,
                          SeriesSet *ret, Err *err)
{
    roaring_bitmap_t *matches = head_match(head, select->matchers, select->matcher_count);
    u64 most = roaring_bitmap_get_cardinality(matches);
    SortedSeries *series =
        arena_alloc(arena, (size_t)most * sizeof(SortedSeries), _Alignof(SortedSeries));
    if (!series) {
        head_unlock_state(head);
        roaring_bitmap_free(matches);
        return arena_full(arena, err);
    }
    size_t count = note_series(head, matches, select, series);
    head_unlock_state(head);
    roaring_bitmap_free(matches);
    head_sort_series(&head->labels, series, count);
    bool truncated = select->limit > 0 && count > select->limit;
    count = truncated ? select->limit : count;
    const Labels *labels = NULL;
    if (!make_labels(head, series, count, arena, &labels, err)) {
        return false;
    }
    set->series = series;
    *ret = (SeriesSet){.labels = labels, .count = count, .truncated = truncated, .pinned = set};
    return true;
}

bool head_select(Head *head, const Select *select, Arena *arena, SeriesSet *ret, Err *err)
{
    HeadSet *set = MEM_NEW(HeadSet);
    head_pin(head, &set->pin);
    if (!select_pinned(head, select, arena, set, ret, err)) {
        head_unpin(head, &set->pin);
        mem_free(set);
        return false;
    }
    return true;
}

void head_release(Head *head, SeriesSet *set)
{
    HeadSet *pinned = set->pinned;
    if (pinned) {
        head_unpin(head, &pinned->pin);
        mem_free(pinned);
    }
    *set = (SeriesSet){0};
}

/* ---- read ---- */

/* One chunk to decode: bytes copied out of the head, or a place in a file. */
typedef struct ChunkPart {
    Str bytes; /* ptr NULL: on disk */
    ChunkRef ref;
    u32 count; /* samples that the reader may see */
    u8 encoding;
} ChunkPart;

typedef struct PartList {
    ChunkPart *at;
    size_t count;
    size_t samples;
} PartList;

static bool copy_bytes(Arena *arena, Str bytes, Str *ret)
{
    char *copy = arena_alloc(arena, bytes.len, 1);
    if (!copy) {
        return false;
    }
    memcpy(copy, bytes.ptr, bytes.len);
    *ret = (Str){.ptr = copy, .len = bytes.len};
    return true;
}

static bool add_open_part(const Series *series, u32 count, Arena *arena, PartList *parts)
{
    ChunkPart *part = &parts->at[parts->count];
    const void *address = series->encoding == CHUNK_ENCODING_XOR
                              ? (const void *)series->chunk.bytes
                              : (const void *)series->chunk.histogram;
    *part = (ChunkPart){.encoding = series->encoding, .count = count};
    Str bytes = chunk_bytes_in_memory(series->encoding, address, xor_size(&series->open));
    parts->count++;
    parts->samples += count;
    return copy_bytes(arena, bytes, &part->bytes);
}

static bool add_full_part(const FullChunk *chunk, u32 count, Arena *arena, PartList *parts)
{
    ChunkPart *part = &parts->at[parts->count++];
    *part = (ChunkPart){.ref = chunk->where, .count = count};
    parts->samples += count;
    if (!full_chunk_is_in_memory(chunk)) {
        return true;
    }
    part->encoding = full_chunk_encoding(chunk);
    return copy_bytes(arena,
                      chunk_bytes_in_memory(part->encoding, full_chunk_address(chunk), chunk->size),
                      &part->bytes);
}

/* The full chunks [from, to) may hold samples of the range. */
static void find_full(const Series *series, i64 mint_ms, i64 maxt_ms, u32 *ret_from, u32 *ret_to)
{
    const FullChunks *full = series->full;
    u32 from = 0;
    u32 to = full ? full->count : 0;
    /* A chunk ends before the next one's begin, whose second is rounded down. */
    while (from + 1 < to && full->base_ms + (i64)full->at[from + 1].mint_s * 1000 + 999 < mint_ms) {
        from++;
    }
    while (to > from && full->base_ms + (i64)full->at[to - 1].mint_s * 1000 > maxt_ms) {
        to--;
    }
    *ret_from = from;
    *ret_to = to;
}

/* The full chunks that a reader sees: [from, to), and of the last one only some samples. */
typedef struct VisibleChunks {
    u32 from, to;
    u32 last_count; /* samples of chunk to - 1 */
    u32 open_count;
} VisibleChunks;

/* Leaves out the `later` newest samples, which came after the select. */
static VisibleChunks find_visible(const Series *series, u32 later, i64 mint_ms, i64 maxt_ms)
{
    VisibleChunks visible = {0};
    const FullChunks *full = series->full;
    u32 open_count = series->encoding ? series->open.count : 0;
    visible.open_count = open_count - MIN(later, open_count);
    later -= open_count - visible.open_count;
    find_full(series, mint_ms, maxt_ms, &visible.from, &visible.to);
    for (u32 i = full ? full->count : 0; i > visible.from; i--) {
        u32 hidden = MIN(later, (u32)full->at[i - 1].count);
        later -= hidden;
        if (i <= visible.to) {
            visible.last_count = full->at[i - 1].count - hidden;
            if (visible.last_count > 0) {
                break;
            }
            visible.to = i - 1;
        }
    }
    return visible;
}

/* Under state: the chunks of the range, oldest first. */
static bool gather(const Series *series, u32 later, i64 mint_ms, i64 maxt_ms, Arena *arena,
                   PartList *ret)
{
    VisibleChunks visible = find_visible(series, later, mint_ms, maxt_ms);
    ret->at = arena_alloc(arena, (visible.to - visible.from + 1) * sizeof(ChunkPart),
                          _Alignof(ChunkPart));
    if (!ret->at) {
        return false;
    }
    for (u32 i = visible.from; i < visible.to; i++) {
        const FullChunk *chunk = &series->full->at[i];
        u32 count = i + 1 == visible.to ? visible.last_count : chunk->count;
        if (!add_full_part(chunk, count, arena, ret)) {
            return false;
        }
    }
    return visible.open_count == 0 || series->open.t_ms < mint_ms ||
           series->open.t_ms - (i64)series->span_ms > maxt_ms ||
           add_open_part(series, visible.open_count, arena, ret);
}

static bool copy_tombstones(const Head *head, u32 slot, Arena *arena, IntervalList *ret)
{
    const IntervalList *list =
        head->tombstones.list_of.count ? tombstones_find(&head->tombstones, slot) : NULL;
    if (!list) {
        return true;
    }
    ret->at = arena_alloc(arena, list->count * sizeof(Interval), _Alignof(Interval));
    if (!ret->at) {
        return false;
    }
    memcpy(ret->at, list->at, list->count * sizeof(Interval));
    ret->count = list->count;
    return true;
}

/* Decodes one part behind the samples that are there already. */
static bool decode_part(Head *head, ChunkPart *part, Arena *arena, SampleColumns *columns, Err *err)
{
    if (!part->bytes.ptr) {
        FileChunk chunk;
        Err reason = {0};
        if (!chunk_files_get(head->opts.files, part->ref, &chunk, &reason)) {
            if (reason.code == ERR_NOT_FOUND) {
                return true; /* older than what is kept, dropped since the select */
            }
            return err_set(err, reason.code, "%s", reason.message);
        }
        part->bytes = chunk.data;
        part->encoding = chunk.encoding & (u8)~CHUNK_OUT_OF_ORDER;
    }
    i64 *t_ms = columns->t_ms + columns->count;
    f64 *value = columns->value + columns->count;
    bool ok;
    if (part->encoding == CHUNK_ENCODING_XOR) {
        ok = xor_decode(part->bytes, part->count, t_ms, value, err);
    } else if (part->encoding <= CHUNK_ENCODING_FLOAT_HISTOGRAM) {
        ok = histogram_chunk_decode(part->bytes, part->encoding == CHUNK_ENCODING_HISTOGRAM,
                                    part->count, arena, t_ms, value, columns->hist + columns->count,
                                    err);
    } else {
        return err_set(err, ERR_UNSUPPORTED, "a chunk of encoding %d cannot be read",
                       part->encoding);
    }
    columns->count += ok ? part->count : 0;
    return ok;
}

static bool alloc_columns(Arena *arena, size_t samples, bool histograms, SampleColumns *ret)
{
    *ret = (SampleColumns){.t_ms = arena_alloc(arena, samples * sizeof(i64), 64),
                           .value = arena_alloc(arena, samples * sizeof(f64), 64)};
    if (histograms) {
        ret->hist = ARENA_NEW(arena, const Histogram *, samples);
    }
    return ret->t_ms && ret->value && (!histograms || ret->hist);
}

/* Whether any part holds histograms; on disk the encoding stands with the chunk. */
static bool any_histograms(const Head *head, const PartList *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        FileChunk chunk;
        u8 encoding = parts->at[i].encoding;
        if (!parts->at[i].bytes.ptr &&
            chunk_files_get(head->opts.files, parts->at[i].ref, &chunk, NULL)) {
            encoding = chunk.encoding & (u8)~CHUNK_OUT_OF_ORDER;
        }
        if (encoding > CHUNK_ENCODING_XOR) {
            return true;
        }
    }
    return false;
}

static bool decode_parts(Head *head, const PartList *parts, Arena *arena, SampleColumns *ret,
                         Err *err)
{
    if (!alloc_columns(arena, parts->samples, any_histograms(head, parts), ret)) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < parts->count; i++) {
        if (!decode_part(head, &parts->at[i], arena, ret, err)) {
            return false;
        }
    }
    return true;
}

/* The index of the first time that is not below `t_ms`. */
static size_t lower_bound(const i64 *times, size_t count, i64 t_ms)
{
    size_t low = 0;
    while (count > 0) {
        size_t half = count / 2;
        if (times[low + half] < t_ms) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

static void trim(SampleColumns *columns, i64 mint_ms, i64 maxt_ms)
{
    size_t from = lower_bound(columns->t_ms, columns->count, mint_ms);
    size_t to = maxt_ms == INT64_MAX ? columns->count
                                     : lower_bound(columns->t_ms, columns->count, maxt_ms + 1);
    columns->t_ms += from;
    columns->value += from;
    columns->hist = columns->hist ? columns->hist + from : NULL;
    columns->count = to > from ? to - from : 0;
}

static void leave_out(SampleColumns *columns, const IntervalList *deleted)
{
    size_t kept = 0;
    for (size_t i = 0; i < columns->count && deleted->count > 0; i++) {
        if (!tombstones_cover(deleted, columns->t_ms[i])) {
            columns->t_ms[kept] = columns->t_ms[i];
            columns->value[kept] = columns->value[i];
            if (columns->hist) {
                columns->hist[kept] = columns->hist[i];
            }
            kept++;
        }
    }
    columns->count = deleted->count > 0 ? kept : columns->count;
}

bool head_read(Head *head, const SeriesSet *set, size_t index, i64 mint_ms, i64 maxt_ms,
               Arena *arena, SampleColumns *ret, Err *err)
{
    const HeadSet *pinned = set->pinned;
    const SortedSeries *selected = &pinned->series[index];
    const Series *series = head_slot(head, selected->slot);
    PartList parts = {0};
    IntervalList deleted = {0};

    head_read_state(head);
    bool ok = gather(series, series->total - selected->total, mint_ms, maxt_ms, arena, &parts) &&
              copy_tombstones(head, selected->slot, arena, &deleted);
    head_unlock_state(head);
    if (!ok) {
        return arena_full(arena, err);
    }
    SampleColumns columns;
    if (head->opts.files) {
        chunk_files_pin(head->opts.files);
    }
    ok = decode_parts(head, &parts, arena, &columns, err);
    if (head->opts.files) {
        chunk_files_unpin(head->opts.files);
    }
    if (!ok) {
        return false;
    }
    trim(&columns, mint_ms, maxt_ms);
    leave_out(&columns, &deleted);
    *ret = columns;
    return true;
}

/* ---- names and values ---- */

typedef VEC(Symbol) SymbolList;

/* Whether any sample of the head can lie in the range. */
static bool overlaps(const Head *head, const Select *select)
{
    return atomic_load(&head->mint_ms) <= select->maxt_ms &&
           atomic_load(&head->maxt_ms) >= select->mint_ms;
}

static bool sorted_texts(const Head *head, const SymbolList *symbols, const Select *select,
                         Arena *arena, Str **ret, size_t *ret_count, Err *err)
{
    Str *texts = ARENA_NEW(arena, Str, symbols->count + 1);
    if (!texts) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < symbols->count; i++) {
        if (!arena_str(arena, symbols_text(head->labels.symbols, symbols->at[i]), &texts[i], err)) {
            return false;
        }
    }
    qsort(texts, symbols->count, sizeof(Str), str_cmp_qsort);
    *ret = texts;
    *ret_count = select->limit > 0 ? MIN(symbols->count, select->limit) : symbols->count;
    return true;
}

static void add_once(U64Map *seen, SymbolList *list, Symbol symbol)
{
    bool is_new;
    (void)u64map_put(seen, symbol, &is_new);
    if (is_new) {
        *vec_push(list) = symbol;
    }
}

/* Under state: the names of the series' labels; with `name`, that label's values. */
static void collect_from_series(const Head *head, const roaring_bitmap_t *matches,
                                const PairName *name, SymbolList *ret)
{
    U64Map seen = {0};
    roaring_uint32_iterator_t at;
    roaring_init_iterator(matches, &at);
    for (; at.has_value; (void)roaring_advance_uint32_iterator(&at)) {
        const Series *series = head_slot(head, at.current_value);
        for (u32 i = 0; (series->flags & SERIES_LIVE) && i < series->pair_count; i++) {
            const Pair *pair = label_index_pair(&head->labels, series->pairs[i]);
            if (!name) {
                add_once(&seen, ret, pair->name);
            } else if (pair->name == name->name) {
                add_once(&seen, ret, pair->value);
            }
        }
    }
    u64map_done(&seen);
}

static void collect_values(const Head *head, const roaring_bitmap_t *matches, const PairName *name,
                           SymbolList *ret)
{
    if (matches && roaring_bitmap_get_cardinality(matches) < name->pairs.count) {
        collect_from_series(head, matches, name, ret);
        return;
    }
    for (size_t i = 0; i < name->pairs.count; i++) {
        const Pair *pair = label_index_pair(&head->labels, name->pairs.at[i]);
        if (!matches || postings_intersect(&pair->postings, matches)) {
            *vec_push(ret) = pair->value;
        }
    }
}

static void collect_names(const Head *head, const roaring_bitmap_t *matches, SymbolList *ret)
{
    if (matches) {
        collect_from_series(head, matches, NULL, ret);
        return;
    }
    for (size_t i = 0; i < head->labels.names.count; i++) {
        if (head->labels.names.at[i].pairs.count > 0) {
            *vec_push(ret) = head->labels.names.at[i].name;
        }
    }
}

/* `name` NULL: label names, else its values. */
static bool label_texts(Head *head, const Str *name, const Select *select, Arena *arena, Str **ret,
                        size_t *ret_count, Err *err)
{
    SymbolList symbols = {0};
    Pin pin;
    head_pin(head, &pin);
    if (overlaps(head, select)) {
        roaring_bitmap_t *matches = select->matcher_count > 0
                                        ? head_match(head, select->matchers, select->matcher_count)
                                        : NULL;
        head_read_state(head);
        const PairName *values = name ? label_index_find_name(&head->labels, *name) : NULL;
        if (values) {
            collect_values(head, matches, values, &symbols);
        } else if (!name) {
            collect_names(head, matches, &symbols);
        }
        head_unlock_state(head);
        if (matches) {
            roaring_bitmap_free(matches);
        }
    }
    bool ok = sorted_texts(head, &symbols, select, arena, ret, ret_count, err);
    vec_done(&symbols);
    head_unpin(head, &pin);
    return ok;
}

bool head_label_names(Head *head, const Select *select, Arena *arena, Str **ret, size_t *ret_count,
                      Err *err)
{
    return label_texts(head, NULL, select, arena, ret, ret_count, err);
}

bool head_label_values(Head *head, Str name, const Select *select, Arena *arena, Str **ret,
                       size_t *ret_count, Err *err)
{
    return label_texts(head, &name, select, arena, ret, ret_count, err);
}

bool head_exemplars(Head *head, const SeriesSet *set, size_t index, i64 mint_ms, i64 maxt_ms,
                    Arena *arena, Exemplar **ret, size_t *ret_count, Err *err)
{
    const HeadSet *pinned = set->pinned;
    const Series *series = head_slot(head, pinned->series[index].slot);
    return exemplars_find(&head->exemplars, series->ref, mint_ms, maxt_ms, arena, ret, ret_count,
                          err);
}
