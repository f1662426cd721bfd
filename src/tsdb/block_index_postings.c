/*
 * The second half of writing an index: the lists of label pairs, made by reading the series again,
 * and the tables that end the file. See block_index_write.h.
 *
 * Layer: tsdb. Memory: LIST_REFS_MAX refs, or one list when it is longer. Thread: one.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "tsdb/block_index_writer.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_REFS_MAX = 8 * 1024 * 1024 }; /* of the lists that are made in one pass */

/* The series that the file has, as they were written. */
typedef struct SeriesWalk {
    const IndexWriter *writer;
    u64 at;
    u32 left;
    u32 ref;
    ByteReader labels; /* pairs of symbols */
    u64 label_count;
} SeriesWalk;

static SeriesWalk walk_series(const IndexWriter *writer)
{
    return (SeriesWalk){
        .writer = writer, .at = writer->parts[INDEX_SERIES], .left = writer->series};
}

static bool next_series(SeriesWalk *walk)
{
    if (walk->left == 0) {
        return false;
    }
    walk->left--;
    walk->at = (walk->at + INDEX_SERIES_ALIGNMENT - 1) & ~((u64)INDEX_SERIES_ALIGNMENT - 1);
    walk->ref = (u32)(walk->at / INDEX_SERIES_ALIGNMENT);
    ByteReader in = byte_reader(str_skip(walk->writer->map.bytes, (size_t)walk->at));
    u64 len = bytes_uvarint(&in);
    walk->at += (u64)(in.at - in.begin) + len + INDEX_CRC_SIZE;
    walk->label_count = bytes_uvarint(&in);
    walk->labels = in;
    return true;
}

/* ---- lists ---- */

/* A list whose bytes come piece by piece; `crc` covers the count and all refs. */
static bool begin_list(IndexWriter *writer, u32 count, u64 *ret_place, u32 *ret_crc, Err *err)
{
    u8 head[2 * sizeof(u32)];
    if (!block_out_align(&writer->out, INDEX_SECTION_ALIGNMENT, err)) {
        return false;
    }
    index_store_u32(head, (u32)sizeof(u32) * (count + 1));
    index_store_u32(head + sizeof(u32), count);
    *ret_place = writer->out.size;
    *ret_crc = crc32c(0, head + sizeof(u32), sizeof(u32));
    return block_out_put(&writer->out, head, sizeof(head), err);
}

static bool end_list(IndexWriter *writer, u32 crc, Err *err)
{
    u8 tail[INDEX_CRC_SIZE];
    index_store_u32(tail, crc);
    return block_out_put(&writer->out, tail, sizeof(tail), err);
}

static bool write_all_series(IndexWriter *writer, u64 *ret_place, Err *err)
{
    u32 crc;
    if (!begin_list(writer, writer->series, ret_place, &crc, err)) {
        return false;
    }
    SeriesWalk walk = walk_series(writer);
    while (next_series(&walk)) {
        u8 ref[sizeof(u32)];
        index_store_u32(ref, walk.ref);
        crc = crc32c(crc, ref, sizeof(ref));
        if (!block_out_put(&writer->out, ref, sizeof(ref), err)) {
            return false;
        }
    }
    return end_list(writer, crc, err);
}

/* Fills the lists of the pairs [from, to), which lie behind each other in `refs`. */
static void gather(IndexWriter *writer, size_t from, size_t to, u32 *refs)
{
    u32 next = 0;
    for (size_t i = from; i < to; i++) {
        writer->pairs.at[i].next = next;
        next += writer->pairs.at[i].count;
    }
    SeriesWalk walk = walk_series(writer);
    while (next_series(&walk)) {
        for (u64 i = 0; i < walk.label_count; i++) {
            u32 name = (u32)bytes_uvarint(&walk.labels);
            u32 value = (u32)bytes_uvarint(&walk.labels);
            u64 pair = *u64map_find(&writer->pair_of, index_pair_key(name, value));
            if (pair >= from && pair < to) {
                index_store_u32((u8 *)&refs[writer->pairs.at[pair].next++], walk.ref);
            }
        }
    }
}

static bool write_lists(IndexWriter *writer, size_t from, size_t to, const u32 *refs, Err *err)
{
    for (size_t i = from; i < to; i++) {
        IndexPair *pair = &writer->pairs.at[i];
        size_t size = pair->count * sizeof(u32);
        u32 crc;
        if (!begin_list(writer, pair->count, &pair->place, &crc, err) ||
            !block_out_put(&writer->out, refs, size, err) ||
            !end_list(writer, crc32c(crc, refs, size), err)) {
            return false;
        }
        refs += pair->count;
    }
    return true;
}

static int pair_order(const void *a, const void *b)
{
    const IndexPair *left = a;
    const IndexPair *right = b;
    return (left->key > right->key) - (left->key < right->key);
}

static bool write_postings(IndexWriter *writer, u64 *ret_all, Err *err)
{
    qsort(writer->pairs.at, writer->pairs.count, sizeof(IndexPair), pair_order);
    for (size_t i = 0; i < writer->pairs.count; i++) {
        *u64map_find(&writer->pair_of, writer->pairs.at[i].key) = i;
    }
    if (!write_all_series(writer, ret_all, err)) {
        return false;
    }
    bool ok = true;
    size_t to;
    for (size_t from = 0; from < writer->pairs.count && ok; from = to) {
        u64 refs_count = 0;
        for (to = from; to < writer->pairs.count; to++) {
            u64 with = refs_count + writer->pairs.at[to].count;
            if (to > from && with > LIST_REFS_MAX) {
                break;
            }
            refs_count = with;
        }
        u32 *refs = mem_alloc((size_t)refs_count * sizeof(u32));
        gather(writer, from, to, refs);
        ok = write_lists(writer, from, to, refs, err);
        mem_free(refs);
    }
    return ok;
}

/* ---- tables ---- */

typedef struct TableWriter {
    IndexWriter *writer;
    u64 begin;
    u32 crc;
} TableWriter;

static bool table_put(TableWriter *table, const void *bytes, size_t size, Err *err)
{
    table->crc = crc32c(table->crc, bytes, size);
    return block_out_put(&table->writer->out, bytes, size, err);
}

static bool table_begin(TableWriter *table, u64 count, Err *err)
{
    u8 number[sizeof(u32)] = {0}; /* the length, which is not known yet */
    table->begin = table->writer->out.size;
    table->crc = 0;
    if (count > UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "%s: more than 2^32 label pairs", table->writer->out.path);
    }
    if (!block_out_put(&table->writer->out, number, sizeof(number), err)) {
        return false;
    }
    index_store_u32(number, (u32)count);
    return table_put(table, number, sizeof(number), err);
}

static bool table_end(TableWriter *table, Err *err)
{
    BlockOut *out = &table->writer->out;
    u64 len = out->size - table->begin - sizeof(u32);
    if (len > UINT32_MAX) {
        return err_set(err, ERR_LIMIT, "%s: more than 4 GiB of postings offsets", out->path);
    }
    return end_list(table->writer, table->crc, err) &&
           block_out_u32_at(out, table->begin, (u32)len, err);
}

static bool put_pair(TableWriter *table, Str name, Str value, u64 place, Err *err)
{
    u8 head[1 + VARINT_SIZE_MAX] = {2}; /* strings of the key */
    u8 middle[VARINT_SIZE_MAX];
    u8 tail[VARINT_SIZE_MAX];
    return table_put(table, head, (size_t)(store_uvarint(head + 1, name.len) - head), err) &&
           table_put(table, name.ptr, name.len, err) &&
           table_put(table, middle, (size_t)(store_uvarint(middle, value.len) - middle), err) &&
           table_put(table, value.ptr, value.len, err) &&
           table_put(table, tail, (size_t)(store_uvarint(tail, place) - tail), err);
}

static Str symbol_text(const IndexWriter *writer, u32 number)
{
    ByteReader in = byte_reader(str_skip(writer->map.bytes, writer->symbols.at[number]));
    return bytes_str(&in);
}

static bool write_postings_offsets(IndexWriter *writer, u64 all, Err *err)
{
    TableWriter table = {.writer = writer};
    writer->parts[INDEX_POSTINGS_OFFSETS] = writer->out.size;
    if (!table_begin(&table, (u64)writer->pairs.count + 1, err) ||
        !put_pair(&table, STR_EMPTY, STR_EMPTY, all, err)) {
        return false;
    }
    for (size_t i = 0; i < writer->pairs.count; i++) {
        const IndexPair *pair = &writer->pairs.at[i];
        if (!put_pair(&table, symbol_text(writer, (u32)(pair->key >> 32)),
                      symbol_text(writer, (u32)pair->key), pair->place, err)) {
            return false;
        }
    }
    return table_end(&table, err);
}

static bool write_contents(IndexWriter *writer, Err *err)
{
    u8 contents[INDEX_TOC_SIZE];
    for (size_t i = 0; i < INDEX_PARTS; i++) {
        store_u64be(contents + i * sizeof(u64), writer->parts[i]);
    }
    size_t covered = INDEX_TOC_SIZE - INDEX_CRC_SIZE;
    index_store_u32(contents + covered, crc32c(0, contents, covered));
    return block_out_put(&writer->out, contents, sizeof(contents), err);
}

bool index_writer_finish(IndexWriter *writer, Err *err)
{
    BlockOut *out = &writer->out;
    TableWriter empty = {.writer = writer};
    u64 all;
    if (writer->series == 0) {
        return err_set(err, ERR_INVALID, "%s: a block needs a series", out->path);
    }
    file_unmap(&writer->map);
    if (!block_out_flush(out, err) || !file_map(out->path, &writer->map, err) ||
        !block_out_align(out, INDEX_SECTION_ALIGNMENT, err)) {
        return false;
    }
    writer->parts[INDEX_LABEL_INDICES] = out->size;
    writer->parts[INDEX_POSTINGS] = out->size;
    if (!write_postings(writer, &all, err)) {
        return false;
    }
    writer->parts[INDEX_LABEL_OFFSETS] = out->size;
    return table_begin(&empty, 0, err) && table_end(&empty, err) &&
           write_postings_offsets(writer, all, err) && write_contents(writer, err) &&
           block_out_close(out, err);
}
