/*
 * Reading every byte of an index once: all sums, all padding, the order of the series, and that the
 * list of all series lists what is there. See block_index.h.
 *
 * Layer: tsdb. Thread: any; the index is immutable.
 */
#include "tsdb/block_index_internal.h"

#include <string.h>

enum { SERIES_MEMORY = 256 * 1024 * 1024 }; /* of two series */

typedef struct Verifier {
    const BlockIndex *index;
    IndexCounts counts;
    Arena arenas[2]; /* of this series and the one before */
    Labels before;
    IndexCache cache;
} Verifier;

/* The next multiple of `alignment`, over zeros only. */
static bool skip_padding(const BlockIndex *index, u64 *offset, u64 to, u32 alignment, Err *err)
{
    while (*offset < to && *offset % alignment != 0) {
        if (index->bytes.ptr[*offset] != 0) {
            return index_damaged(index, *offset, "the padding is not zero", err);
        }
        (*offset)++;
    }
    return true;
}

/* Lists are aligned; what comes alone begins where its part does. */
static bool verify_sections(const BlockIndex *index, u64 from, u64 to, u32 alignment,
                            const char *what, Err *err)
{
    Str section;
    u64 at = from;
    while (at < to) {
        if (!skip_padding(index, &at, to, alignment, err) ||
            (at < to && !index_section(index, at, what, &section, &at, err))) {
            return false;
        }
    }
    return at == to || index_damaged(index, to, what, err);
}

static bool verify_series(Verifier *verifier, u64 offset, roaring_bitmap_t *all, Err *err)
{
    const BlockIndex *index = verifier->index;
    Arena *arena = &verifier->arenas[verifier->counts.series % 2];
    IndexSeries series;
    u32 ref = (u32)(index->version == INDEX_VERSION_1 ? offset : offset / INDEX_SERIES_ALIGNMENT);
    arena_clear(arena);
    if (!block_index_series(index, ref, &verifier->cache, arena, &series, err)) {
        return false;
    }
    if (verifier->counts.series > 0 && labels_cmp(verifier->before, series.labels) >= 0) {
        return index_damaged(index, offset, "the series are not in the order of their labels", err);
    }
    if (!roaring_bitmap_remove_checked(all, ref)) {
        return index_damaged(index, offset, "the series is not in the list of all", err);
    }
    IndexCounts *counts = &verifier->counts;
    for (size_t i = 0; i < series.chunk_count; i++) {
        counts->mint_ms = MIN(counts->mint_ms, series.chunks[i].mint_ms);
        counts->maxt_ms = MAX(counts->maxt_ms, series.chunks[i].maxt_ms);
    }
    counts->series++;
    counts->chunks += series.chunk_count;
    verifier->before = series.labels;
    return true;
}

static bool verify_all_series(Verifier *verifier, u64 to, roaring_bitmap_t *all, Err *err)
{
    const BlockIndex *index = verifier->index;
    u64 at = index->parts[INDEX_SERIES];
    u32 alignment = index->version == INDEX_VERSION_1 ? 1 : INDEX_SERIES_ALIGNMENT;
    while (at < to) {
        Str entry;
        u64 offset;
        if (!skip_padding(index, &at, to, alignment, err)) {
            return false;
        }
        offset = at;
        if (at < to && (!index_entry(index, at, &entry, &at, err) ||
                        !verify_series(verifier, offset, all, err))) {
            return false;
        }
    }
    return (at == to && roaring_bitmap_is_empty(all)) ||
           index_damaged(index, to, "the list of all series is not that of the series", err);
}

/* Where a part ends: at the next one that is there. */
static u64 part_end(const BlockIndex *index, u64 from)
{
    u64 end = index->bytes.len - INDEX_TOC_SIZE;
    for (int i = 0; i < INDEX_PARTS; i++) {
        if (index->parts[i] > from) {
            end = MIN(end, index->parts[i]);
        }
    }
    return end;
}

static bool verify_parts(Verifier *verifier, Err *err)
{
    static const struct {
        IndexPart part;
        u32 alignment;
        const char *what;
    } parts[] = {
        {INDEX_SYMBOLS, 1, "the symbols are damaged"},
        {INDEX_LABEL_INDICES, INDEX_SECTION_ALIGNMENT, "a label index is damaged"},
        {INDEX_POSTINGS, INDEX_SECTION_ALIGNMENT, "the postings are damaged"},
        {INDEX_LABEL_OFFSETS, 1, "the label offsets are damaged"},
        {INDEX_POSTINGS_OFFSETS, 1, "the postings offsets are damaged"},
    };
    const BlockIndex *index = verifier->index;
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        u64 from = index->parts[parts[i].part];
        bool shared = false; /* an empty part begins where the next one does */
        for (size_t other = i + 1; other < COUNT_OF(parts); other++) {
            shared = shared || index->parts[parts[other].part] == from;
        }
        if (from == 0 || shared || from == index->parts[INDEX_SERIES]) {
            continue;
        }
        if (!verify_sections(index, from, part_end(index, from), parts[i].alignment, parts[i].what,
                             err)) {
            return false;
        }
    }
    roaring_bitmap_t *all = roaring_bitmap_create();
    u64 series = index->parts[INDEX_SERIES];
    bool ok = block_index_all(index, all, err) &&
              (series == 0 || verify_all_series(verifier, part_end(index, series), all, err));
    roaring_bitmap_free(all);
    return ok;
}

bool block_index_verify(const BlockIndex *index, IndexCounts *ret, Err *err)
{
    Verifier verifier = {.index = index, .counts = {.mint_ms = INT64_MAX, .maxt_ms = INT64_MIN}};
    arena_init(&verifier.arenas[0], SERIES_MEMORY);
    arena_init(&verifier.arenas[1], SERIES_MEMORY);
    bool ok = verify_parts(&verifier, err);
    arena_done(&verifier.arenas[0]);
    arena_done(&verifier.arenas[1]);
    if (ok) {
        *ret = verifier.counts;
    }
    return ok;
}
