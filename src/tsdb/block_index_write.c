/* Writing the index of a block: symbols and series. See block_index_write.h. Layer: tsdb.
 * Thread: one. */
#include "base/hash.h"
#include "base/mem.h"
#include "tsdb/block_index_writer.h"

#include <stdlib.h>
#include <string.h>

enum {
    ENTRY_MAX = 256 * 1024 * 1024,    /* bytes of one series entry */
    LABELS_MEMORY = 64 * 1024 * 1024, /* of one series */
};

bool index_writer_new(const char *dir, IndexWriter **ret, Err *err)
{
    static const u8 start[INDEX_HEADER_SIZE + 2 * sizeof(u32)] = {0xba, 0xaa, 0xd7, 0x00,
                                                                  INDEX_VERSION_2};
    IndexWriter *writer = MEM_NEW(IndexWriter);
    block_out_init(&writer->out);
    buf_init(&writer->entry, ENTRY_MAX);
    buf_init(&writer->last_symbol, UINT32_MAX);
    arena_init(&writer->arenas[0], LABELS_MEMORY);
    arena_init(&writer->arenas[1], LABELS_MEMORY);
    /* Length and count of the symbols are filled in when they are known. */
    if (!block_out_create(&writer->out, dir, "index", err) ||
        !block_out_put(&writer->out, start, sizeof(start), err)) {
        (void)index_writer_free(writer);
        return false;
    }
    writer->parts[INDEX_SYMBOLS] = INDEX_HEADER_SIZE;
    *ret = writer;
    return true;
}

IndexWriter *index_writer_free(IndexWriter *writer)
{
    if (writer) {
        file_unmap(&writer->map);
        block_out_done(&writer->out);
        buf_done(&writer->entry);
        buf_done(&writer->last_symbol);
        arena_done(&writer->arenas[0]);
        arena_done(&writer->arenas[1]);
        vec_done(&writer->symbols);
        vec_done(&writer->pairs);
        u64map_done(&writer->pair_of);
        mem_free(writer);
    }
    return NULL;
}

/* ---- symbols ---- */

bool index_writer_symbol(IndexWriter *writer, Str symbol, Err *err)
{
    u8 head[VARINT_SIZE_MAX];
    ASSERT(!writer->map.bytes.ptr);
    if (writer->symbols.count > 0 && str_cmp(buf_view(&writer->last_symbol), symbol) >= 0) {
        return err_set(err, ERR_INVALID,
                       "%s: symbol \"" STR_FMT "\" does not follow \"" STR_FMT "\"",
                       writer->out.path, STR_ARG(symbol), STR_ARG(buf_view(&writer->last_symbol)));
    }
    size_t head_size = (size_t)(store_uvarint(head, symbol.len) - head);
    if (writer->out.size + head_size + symbol.len > UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "%s: more than 4 GiB of symbols", writer->out.path);
    }
    u32 place = (u32)writer->out.size;
    if (!block_out_put(&writer->out, head, head_size, err) ||
        !block_out_put(&writer->out, symbol.ptr, symbol.len, err)) {
        return false;
    }
    *vec_push(&writer->symbols) = place;
    buf_clear(&writer->last_symbol);
    buf_str(&writer->last_symbol, symbol);
    return true;
}

/* Closes the section of symbols and maps it, to look symbols up in. */
static bool end_symbols(IndexWriter *writer, Err *err)
{
    BlockOut *out = &writer->out;
    u64 body = INDEX_HEADER_SIZE + sizeof(u32);
    u32 len = (u32)(out->size - body);
    if (!block_out_u32_at(out, INDEX_HEADER_SIZE, len, err) ||
        !block_out_u32_at(out, body, (u32)writer->symbols.count, err) ||
        !file_map(out->path, &writer->map, err)) {
        return false;
    }
    u8 crc[INDEX_CRC_SIZE];
    index_store_u32(crc, crc32c(0, writer->map.bytes.ptr + body, len));
    if (!block_out_put(out, crc, sizeof(crc), err)) {
        return false;
    }
    writer->parts[INDEX_SERIES] = out->size;
    return true;
}

static Str symbol_at(const IndexWriter *writer, u32 number)
{
    ByteReader in = byte_reader(str_skip(writer->map.bytes, writer->symbols.at[number]));
    return bytes_str(&in);
}

static bool find_symbol(IndexWriter *writer, Str text, u32 *ret, Err *err)
{
    u32 *cached = &writer->cache[hash_str(text) % COUNT_OF(writer->cache)];
    if (*cached < writer->symbols.count && str_eq(symbol_at(writer, *cached), text)) {
        *ret = *cached;
        return true;
    }
    size_t low = 0;
    size_t high = writer->symbols.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(symbol_at(writer, (u32)middle), text);
        if (order == 0) {
            *cached = (u32)middle;
            *ret = (u32)middle;
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return err_set(err, ERR_INVALID, "%s: \"" STR_FMT "\" was not announced as a symbol",
                   writer->out.path, STR_ARG(text));
}

/* ---- series ---- */

static void put_uvarint(Buf *out, u64 number)
{
    u8 bytes[VARINT_SIZE_MAX];
    buf_put(out, bytes, (size_t)(store_uvarint(bytes, number) - bytes));
}

static void put_varint(Buf *out, i64 number)
{
    u8 bytes[VARINT_SIZE_MAX];
    buf_put(out, bytes, (size_t)(store_varint(bytes, number) - bytes));
}

static bool put_labels(IndexWriter *writer, Labels labels, Err *err)
{
    put_uvarint(&writer->entry, labels.count);
    for (size_t i = 0; i < labels.count; i++) {
        u32 name;
        u32 value;
        if ((i > 0 && str_cmp(labels.at[i - 1].name, labels.at[i].name) >= 0) ||
            labels.at[i].value.len == 0) {
            return err_set(err, ERR_INVALID, "%s: the labels of a series are not sorted or empty",
                           writer->out.path);
        }
        if (!find_symbol(writer, labels.at[i].name, &name, err) ||
            !find_symbol(writer, labels.at[i].value, &value, err)) {
            return false;
        }
        put_uvarint(&writer->entry, name);
        put_uvarint(&writer->entry, value);
        bool is_new;
        u64 *at = u64map_put(&writer->pair_of, index_pair_key(name, value), &is_new);
        if (is_new) {
            *at = writer->pairs.count;
            *vec_push(&writer->pairs) = (IndexPair){.key = index_pair_key(name, value)};
        }
        writer->pairs.at[*at].count++;
    }
    return true;
}

static bool put_chunks(IndexWriter *writer, const ChunkMeta *chunks, size_t count, Err *err)
{
    Buf *out = &writer->entry;
    put_uvarint(out, count);
    for (size_t i = 0; i < count; i++) {
        const ChunkMeta *chunk = &chunks[i];
        if (chunk->mint_ms > chunk->maxt_ms || (i > 0 && chunk->mint_ms < chunks[i - 1].mint_ms)) {
            return err_set(err, ERR_INVALID, "%s: the chunks of a series are not sorted by time",
                           writer->out.path);
        }
        u64 length_ms = (u64)chunk->maxt_ms - (u64)chunk->mint_ms;
        if (i == 0) {
            put_varint(out, chunk->mint_ms);
            put_uvarint(out, length_ms);
            put_uvarint(out, chunk->ref);
        } else {
            put_uvarint(out, (u64)chunk->mint_ms - (u64)chunks[i - 1].maxt_ms);
            put_uvarint(out, length_ms);
            put_varint(out, (i64)(chunk->ref - chunks[i - 1].ref));
        }
    }
    return true;
}

/* Keeps the labels to compare the next ones with; the arenas take turns. */
static bool check_order(IndexWriter *writer, Labels labels, Err *err)
{
    Arena *arena = &writer->arenas[writer->series % 2];
    if (writer->series > 0 && labels_cmp(writer->last, labels) >= 0) {
        return err_set(err, ERR_INVALID, "%s: a series does not follow the one before",
                       writer->out.path);
    }
    arena_clear(arena);
    return labels_copy(arena, labels, &writer->last, err);
}

bool index_writer_series(IndexWriter *writer, Labels labels, const ChunkMeta *chunks, size_t count,
                         Err *err)
{
    BlockOut *out = &writer->out;
    if ((!writer->map.bytes.ptr && !end_symbols(writer, err)) ||
        !check_order(writer, labels, err)) {
        return false;
    }
    buf_clear(&writer->entry);
    if (!put_labels(writer, labels, err) || !put_chunks(writer, chunks, count, err) ||
        !buf_ok(&writer->entry, err) || !block_out_align(out, INDEX_SERIES_ALIGNMENT, err)) {
        return false;
    }
    if (out->size / INDEX_SERIES_ALIGNMENT > UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "%s: more than 64 GiB of series", out->path);
    }
    u8 head[VARINT_SIZE_MAX];
    u8 crc[INDEX_CRC_SIZE];
    index_store_u32(crc, crc32c(0, writer->entry.data, writer->entry.len));
    if (!block_out_put(out, head, (size_t)(store_uvarint(head, writer->entry.len) - head), err) ||
        !block_out_put(out, writer->entry.data, writer->entry.len, err) ||
        !block_out_put(out, crc, sizeof(crc), err)) {
        return false;
    }
    writer->series++;
    return true;
}
