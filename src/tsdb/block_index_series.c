/* Reading series from the index of a block. See block_index.h. Layer: tsdb. Thread: immutable. */
#include "base/hash.h"
#include "tsdb/block_index_internal.h"

#include <string.h>

bool index_entry(const BlockIndex *index, u64 offset, Str *ret, u64 *ret_end, Err *err)
{
    static const char damaged[] = "the series is damaged";
    u64 size = index->bytes.len - INDEX_TOC_SIZE;
    if (offset < INDEX_HEADER_SIZE || offset >= size) {
        return index_damaged(index, offset, "there is no series", err);
    }
    ByteReader in = byte_reader(str_slice(index->bytes, (size_t)offset, (size_t)size));
    u64 len = bytes_uvarint(&in);
    if (in.bad || len > bytes_left(&in) || bytes_left(&in) - len < INDEX_CRC_SIZE ||
        crc32c(0, in.at, (size_t)len) != load_u32be(in.at + len)) {
        return index_damaged(index, offset, damaged, err);
    }
    *ret = (Str){.ptr = (const char *)in.at, .len = (size_t)len};
    *ret_end = offset + (u64)(in.at - in.begin) + len + INDEX_CRC_SIZE;
    return true;
}

static bool entry_of(const BlockIndex *index, u32 ref, ByteReader *ret, Err *err)
{
    Str entry;
    u64 end;
    u64 offset = index->version == INDEX_VERSION_1 ? ref : (u64)ref * INDEX_SERIES_ALIGNMENT;
    if (!index_entry(index, offset, &entry, &end, err)) {
        return false;
    }
    *ret = byte_reader(entry);
    return true;
}

/* ---- labels ---- */

static bool symbol_text(const BlockIndex *index, u64 symbol, Str *ret)
{
    if (index->version == INDEX_VERSION_1) {
        u64 from = (u64)(index->symbols.ptr - index->bytes.ptr);
        if (symbol < from || symbol - from >= index->symbols.len) {
            return false;
        }
        ByteReader in = byte_reader(str_skip(index->symbols, (size_t)(symbol - from)));
        *ret = bytes_str(&in);
        return !in.bad;
    }
    if (symbol >= index->symbol_count) {
        return false;
    }
    u32 place = index->symbol_places.at[symbol / INDEX_SYMBOL_STEP];
    ByteReader in = byte_reader(str_skip(index->symbols, place));
    for (u64 i = symbol % INDEX_SYMBOL_STEP; i > 0; i--) {
        (void)bytes_str(&in);
    }
    *ret = bytes_str(&in);
    return !in.bad;
}

static bool symbol_cached(const BlockIndex *index, IndexCache *cache, u64 symbol, Str *ret)
{
    if (!cache || symbol > UINT32_MAX) {
        return symbol_text(index, symbol, ret);
    }
    size_t slot = symbol % INDEX_CACHE_SIZE;
    if (!cache->at[slot].text.ptr || cache->at[slot].symbol != symbol) {
        Str text;
        if (!symbol_text(index, symbol, &text)) {
            return false;
        }
        cache->at[slot].symbol = (u32)symbol;
        cache->at[slot].text = text;
    }
    *ret = cache->at[slot].text;
    return true;
}

/* Puts the label where its name belongs. False: the name is there already. */
static bool put_sorted(Label *labels, size_t count, Label label)
{
    size_t at = count;
    while (at > 0 && str_cmp(labels[at - 1].name, label.name) > 0) {
        at--;
    }
    if (at > 0 && str_eq(labels[at - 1].name, label.name)) {
        return false;
    }
    memmove(&labels[at + 1], &labels[at], (count - at) * sizeof(Label));
    labels[at] = label;
    return true;
}

/* The count of labels in front of *in; 0 also when it cannot be true, which makes *in bad. */
static u64 label_count(ByteReader *in)
{
    u64 count = bytes_uvarint(in);
    return count <= bytes_left(in) / 2 ? count : bytes_fail(in);
}

static void skip_labels(ByteReader *in)
{
    for (u64 left = label_count(in) * 2; left > 0; left--) {
        (void)bytes_uvarint(in);
    }
}

static u64 offset_in(const BlockIndex *index, const ByteReader *in)
{
    return (u64)((const char *)in->begin - index->bytes.ptr);
}

static bool read_labels(const BlockIndex *index, ByteReader *in, IndexCache *cache, Arena *arena,
                        Labels *ret, Err *err)
{
    u64 count = label_count(in);
    Label *labels = arena_alloc(arena, (size_t)count * sizeof(Label), _Alignof(Label));
    size_t kept = 0;
    if (!labels && count > 0) {
        return arena_full(arena, err);
    }
    for (u64 i = 0; i < count; i++) {
        Label label;
        u64 name = bytes_uvarint(in);
        u64 value = bytes_uvarint(in);
        if (in->bad || !symbol_cached(index, cache, name, &label.name) ||
            !symbol_cached(index, cache, value, &label.value)) {
            return index_damaged(index, offset_in(index, in), "a label has no symbol", err);
        }
        if (label.value.len == 0) {
            continue; /* as if it were absent */
        }
        if (!put_sorted(labels, kept, label)) {
            return index_damaged(index, offset_in(index, in), "a label is there twice", err);
        }
        kept++;
    }
    *ret = (Labels){.at = labels, .count = kept};
    return true;
}

/* ---- chunks ---- */

typedef struct ChunkWalk {
    ByteReader *in;
    u64 left;
    bool first;
    ChunkMeta chunk;
} ChunkWalk;

static ChunkWalk walk_chunks(ByteReader *in)
{
    u64 count = bytes_uvarint(in);
    if (count > bytes_left(in) / 3) { /* each takes three bytes at least */
        count = bytes_fail(in);
    }
    return (ChunkWalk){.in = in, .left = count, .first = true};
}

static bool next_chunk(ChunkWalk *walk)
{
    ChunkMeta *chunk = &walk->chunk;
    if (walk->left == 0) {
        return false;
    }
    walk->left--;
    if (walk->first) {
        chunk->mint_ms = bytes_varint(walk->in);
        chunk->maxt_ms = (i64)((u64)chunk->mint_ms + bytes_uvarint(walk->in));
        chunk->ref = bytes_uvarint(walk->in);
    } else {
        chunk->mint_ms = (i64)((u64)chunk->maxt_ms + bytes_uvarint(walk->in));
        chunk->maxt_ms = (i64)((u64)chunk->mint_ms + bytes_uvarint(walk->in));
        chunk->ref += (u64)bytes_varint(walk->in);
    }
    walk->first = false;
    if (chunk->mint_ms > chunk->maxt_ms) {
        (void)bytes_fail(walk->in);
    }
    return !walk->in->bad;
}

/* A reader that went past its bytes, or did not reach their end, means a damaged entry. */
static bool ended_well(const BlockIndex *index, const ByteReader *in, Err *err)
{
    return (!in->bad && bytes_left(in) == 0) ||
           index_damaged(index, offset_in(index, in), "the series does not fill its entry", err);
}

static bool read_chunks(const BlockIndex *index, ByteReader *in, Arena *arena,
                        const ChunkMeta **ret, size_t *ret_count, Err *err)
{
    ChunkWalk walk = walk_chunks(in);
    size_t count = (size_t)walk.left;
    ChunkMeta *chunks = arena_alloc(arena, count * sizeof(ChunkMeta), _Alignof(ChunkMeta));
    if (!chunks && count > 0) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; next_chunk(&walk); i++) {
        chunks[i] = walk.chunk;
    }
    if (!ended_well(index, in, err)) {
        return false;
    }
    *ret = chunks;
    *ret_count = count;
    return true;
}

bool block_index_series(const BlockIndex *index, u32 ref, IndexCache *cache, Arena *arena,
                        IndexSeries *ret, Err *err)
{
    ByteReader in;
    IndexSeries series;
    if (!entry_of(index, ref, &in, err) ||
        !read_labels(index, &in, cache, arena, &series.labels, err) ||
        !read_chunks(index, &in, arena, &series.chunks, &series.chunk_count, err)) {
        return false;
    }
    *ret = series;
    return true;
}

bool block_index_chunks(const BlockIndex *index, u32 ref, Arena *arena, const ChunkMeta **ret,
                        size_t *ret_count, Err *err)
{
    ByteReader in;
    if (!entry_of(index, ref, &in, err)) {
        return false;
    }
    skip_labels(&in);
    return read_chunks(index, &in, arena, ret, ret_count, err);
}

bool block_index_labels_within(const BlockIndex *index, u32 ref, i64 mint_ms, i64 maxt_ms,
                               IndexCache *cache, Arena *arena, Labels *ret, bool *ret_inside,
                               Err *err)
{
    ByteReader in;
    if (!entry_of(index, ref, &in, err)) {
        return false;
    }
    ByteReader labels = in;
    bool inside = false;
    skip_labels(&in);
    ChunkWalk walk = walk_chunks(&in);
    while (next_chunk(&walk)) {
        inside = inside || (walk.chunk.mint_ms <= maxt_ms && walk.chunk.maxt_ms >= mint_ms);
    }
    if (!ended_well(index, &in, err) ||
        (inside && !read_labels(index, &labels, cache, arena, ret, err))) {
        return false;
    }
    *ret_inside = inside;
    return true;
}
