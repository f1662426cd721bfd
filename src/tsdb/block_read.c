/* A block as a Source: select, decode, label names and values. See block.h. Layer: tsdb.
 * Thread: any. */
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "tsdb/block_columns.h"
#include "tsdb/block_internal.h"

#include <stdlib.h>

/* What keeps a SeriesSet readable. */
typedef struct BlockSet {
    Block *block;    /* one reference */
    const u32 *refs; /* parallel to the set's labels, in the caller's arena */
} BlockSet;

static bool overlaps(const Block *block, const Select *select)
{
    return block->meta.mint_ms <= select->maxt_ms && select->mint_ms < block->meta.maxt_ms;
}

/* ---- select ---- */

typedef struct FoundSeries {
    Labels labels;
    u32 ref;
} FoundSeries;

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(((const FoundSeries *)a)->labels, ((const FoundSeries *)b)->labels);
}

/* A file's series are in the order of their labels, unless another program made it. */
static void sort_found(FoundSeries *found, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (labels_cmp(found[i - 1].labels, found[i].labels) > 0) {
            qsort(found, count, sizeof(*found), by_labels);
            return;
        }
    }
}

static bool find_series(const Block *block, const roaring_bitmap_t *refs, const Select *select,
                        Arena *arena, FoundSeries *found, SeriesSet *ret, Err *err)
{
    IndexCache *cache = MEM_NEW(IndexCache);
    roaring_uint32_iterator_t at;
    bool ok = true;
    roaring_init_iterator(refs, &at);
    for (; ok && at.has_value; (void)roaring_advance_uint32_iterator(&at)) {
        bool inside = false;
        Labels labels = LABELS_EMPTY;
        ok = block_index_labels_within(block->index, at.current_value, select->mint_ms,
                                       select->maxt_ms, cache, arena, &labels, &inside, err);
        if (!ok || !inside) {
            continue;
        }
        if (select->limit > 0 && ret->count == select->limit) {
            ret->truncated = true;
            break;
        }
        found[ret->count++] = (FoundSeries){.labels = labels, .ref = at.current_value};
    }
    mem_free(cache);
    return ok;
}

static bool make_set(Block *block, const roaring_bitmap_t *refs, const Select *select, Arena *arena,
                     SeriesSet *ret, Err *err)
{
    SeriesSet set = {0};
    size_t most = (size_t)roaring_bitmap_get_cardinality(refs);
    most = select->limit > 0 ? MIN(most, select->limit) : most;
    FoundSeries *found = arena_alloc(arena, most * sizeof(FoundSeries) + 1, _Alignof(FoundSeries));
    Labels *labels = arena_alloc(arena, most * sizeof(Labels) + 1, _Alignof(Labels));
    u32 *series = arena_alloc(arena, most * sizeof(u32) + 1, _Alignof(u32));
    BlockSet *pinned = ARENA_NEW(arena, BlockSet, 1);
    if (!found || !labels || !series || !pinned) {
        return arena_full(arena, err);
    }
    if (!find_series(block, refs, select, arena, found, &set, err)) {
        return false;
    }
    sort_found(found, set.count);
    for (size_t i = 0; i < set.count; i++) {
        labels[i] = found[i].labels;
        series[i] = found[i].ref;
    }
    *pinned = (BlockSet){.block = block_retain(block), .refs = series};
    set.labels = labels;
    set.pinned = pinned;
    *ret = set;
    return true;
}

bool block_select(Source *source, const Select *select, Arena *arena, SeriesSet *ret, Err *err)
{
    Block *block = CONTAINER_OF(source, Block, source);
    roaring_bitmap_t *refs;
    if (!overlaps(block, select)) {
        *ret = (SeriesSet){0};
        return true;
    }
    if (!block_index_match(block->index, select->matchers, select->matcher_count, &refs, err)) {
        return false;
    }
    bool ok = make_set(block, refs, select, arena, ret, err);
    roaring_bitmap_free(refs);
    return ok;
}

void block_release_set(Source *source, SeriesSet *set)
{
    (void)source;
    if (set->pinned) {
        (void)block_release(((BlockSet *)set->pinned)->block);
    }
    *set = (SeriesSet){0};
}

/* ---- read ---- */

typedef struct ChunkRun {
    BlockChunk *at; /* in the arena */
    size_t count;
    size_t samples;
    bool histograms;
} ChunkRun;

/* The chunks that touch the range, checked. */
static bool get_chunks(const Block *block, u32 ref, const Select *range, Arena *arena,
                       ChunkRun *ret, Err *err)
{
    const ChunkMeta *metas;
    size_t count;
    if (!block_index_chunks(block->index, ref, arena, &metas, &count, err)) {
        return false;
    }
    *ret =
        (ChunkRun){.at = arena_alloc(arena, count * sizeof(BlockChunk) + 1, _Alignof(BlockChunk))};
    if (!ret->at) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        BlockChunk *chunk = &ret->at[ret->count];
        if (metas[i].mint_ms > range->maxt_ms || metas[i].maxt_ms < range->mint_ms) {
            continue;
        }
        if (!block_chunks_get(block->chunks, metas[i].ref, chunk, err)) {
            return false;
        }
        chunk->ref = metas[i].ref;
        ret->samples += chunk_sample_count(chunk->data);
        ret->histograms = ret->histograms || chunk->encoding != CHUNK_ENCODING_XOR;
        ret->count++;
    }
    return true;
}

static bool add_chunks(const Block *block, const ChunkRun *chunks, Arena *arena,
                       SampleColumns *columns, Err *err)
{
    for (size_t i = 0; i < chunks->count; i++) {
        const BlockChunk *chunk = &chunks->at[i];
        if (!columns_add_chunk(columns, chunk->encoding, chunk->data, arena, err)) {
            return err_wrap(err, "%s/chunks/%06llu: byte %u", block->dir,
                            (unsigned long long)(chunk->ref >> 32) + 1, (u32)chunk->ref);
        }
    }
    return true;
}

bool block_read(Source *source, const SeriesSet *set, size_t index, i64 mint_ms, i64 maxt_ms,
                Arena *arena, SampleColumns *ret, Err *err)
{
    const Block *block = CONTAINER_OF(source, Block, source);
    u32 ref = ((const BlockSet *)set->pinned)->refs[index];
    Select range = {.mint_ms = MAX(mint_ms, block->meta.mint_ms),
                    .maxt_ms = MIN(maxt_ms, block->meta.maxt_ms - 1)};
    ChunkRun chunks;
    SampleColumns columns;
    if (!get_chunks(block, ref, &range, arena, &chunks, err) ||
        !columns_init(&columns, chunks.samples, chunks.histograms, arena, err) ||
        !add_chunks(block, &chunks, arena, &columns, err) || !columns_sort(&columns, arena, err)) {
        return false;
    }
    columns_trim(&columns, range.mint_ms, range.maxt_ms);
    columns_delete(&columns, tombstones_find(&block->tombstones, ref));
    *ret = columns;
    return true;
}

/* ---- names and values ---- */

typedef VEC(Str) TextList;

static void add_once(StrMap *seen, TextList *list, Str text)
{
    bool is_new;
    (void)strmap_put(seen, text, &is_new);
    if (is_new) {
        *vec_push(list) = text;
    }
}

/* The names of the series' labels; with `name`, that label's values. */
static bool collect_from_series(const Block *block, const roaring_bitmap_t *refs, const Str *name,
                                TextList *ret, Err *err)
{
    enum { SERIES_MEMORY = 64 * 1024 * 1024 };

    IndexCache *cache = MEM_NEW(IndexCache);
    StrMap seen = {0};
    Arena arena;
    roaring_uint32_iterator_t at;
    bool ok = true;
    arena_init(&arena, SERIES_MEMORY);
    roaring_init_iterator(refs, &at);
    for (; ok && at.has_value; (void)roaring_advance_uint32_iterator(&at)) {
        IndexSeries series = {0};
        arena_clear(&arena);
        ok = block_index_series(block->index, at.current_value, cache, &arena, &series, err);
        for (size_t i = 0; ok && i < series.labels.count; i++) {
            const Label *label = &series.labels.at[i];
            if (!name) {
                add_once(&seen, ret, label->name);
            } else if (str_eq(label->name, *name)) {
                add_once(&seen, ret, label->value);
            }
        }
    }
    arena_done(&arena);
    strmap_done(&seen);
    mem_free(cache);
    return ok;
}

static bool collect_values(const Block *block, const roaring_bitmap_t *refs, Str name,
                           TextList *ret, Err *err)
{
    IndexValues values = block_index_values(block->index, name);
    Str value;
    u64 place;
    if (refs && roaring_bitmap_get_cardinality(refs) < values.count) {
        return collect_from_series(block, refs, &name, ret, err);
    }
    while (block_index_next_value(&values, &value, &place)) {
        bool wanted = true;
        if (refs) {
            roaring_bitmap_t *members = roaring_bitmap_create();
            bool ok = block_index_postings(block->index, place, members, err);
            wanted = ok && roaring_bitmap_intersect(members, refs);
            roaring_bitmap_free(members);
            if (!ok) {
                return false;
            }
        }
        if (wanted && value.len > 0) {
            *vec_push(ret) = value;
        }
    }
    return true;
}

static bool collect(const Block *block, const Str *name, const roaring_bitmap_t *refs,
                    TextList *ret, Err *err)
{
    if (name) {
        return name->len == 0 || collect_values(block, refs, *name, ret, err);
    }
    if (refs) {
        return collect_from_series(block, refs, NULL, ret, err);
    }
    for (size_t i = 0; i < block_index_name_count(block->index); i++) {
        if (block_index_name(block->index, i).len > 0) {
            *vec_push(ret) = block_index_name(block->index, i);
        }
    }
    return true;
}

/* The strings outlive the block: they are copied. */
static bool copy_sorted(TextList *list, size_t limit, Arena *arena, Str **ret, size_t *ret_count,
                        Err *err)
{
    if (list->count > 1) {
        qsort(list->at, list->count, sizeof(Str), str_cmp_qsort);
    }
    size_t count = limit > 0 ? MIN(list->count, limit) : list->count;
    Str *texts = ARENA_NEW(arena, Str, count + 1);
    if (!texts) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!arena_str(arena, list->at[i], &texts[i], err)) {
            return false;
        }
    }
    *ret = texts;
    *ret_count = count;
    return true;
}

/* `name` NULL: label names, else its values. */
static bool label_texts(const Block *block, const Str *name, const Select *select, Arena *arena,
                        Str **ret, size_t *ret_count, Err *err)
{
    TextList list = {0};
    roaring_bitmap_t *refs = NULL;
    bool ok = true;
    if (overlaps(block, select)) {
        ok = (select->matcher_count == 0 || block_index_match(block->index, select->matchers,
                                                              select->matcher_count, &refs, err)) &&
             collect(block, name, refs, &list, err);
    }
    ok = ok && copy_sorted(&list, select->limit, arena, ret, ret_count, err);
    vec_done(&list);
    if (refs) {
        roaring_bitmap_free(refs);
    }
    return ok;
}

bool block_label_names(Source *source, const Select *select, Arena *arena, Str **ret,
                       size_t *ret_count, Err *err)
{
    return label_texts(CONTAINER_OF(source, Block, source), NULL, select, arena, ret, ret_count,
                       err);
}

bool block_label_values(Source *source, Str name, const Select *select, Arena *arena, Str **ret,
                        size_t *ret_count, Err *err)
{
    return label_texts(CONTAINER_OF(source, Block, source), &name, select, arena, ret, ret_count,
                       err);
}
