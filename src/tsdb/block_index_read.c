/* Reading the index of a block: sections, symbols, label pairs. See block_index.h. Layer: tsdb.
 * Thread: immutable once open. */
#include "base/hash.h"
#include "base/mem.h"
#include "tsdb/block_index_internal.h"

#include <stdlib.h>
#include <string.h>

bool index_damaged(const BlockIndex *index, u64 offset, const char *what, Err *err)
{
    return err_set(err, ERR_CORRUPT, "%s: byte %llu: %s", index->path, (unsigned long long)offset,
                   what);
}

bool index_section(const BlockIndex *index, u64 offset, const char *what, Str *ret, u64 *ret_end,
                   Err *err)
{
    const u8 *bytes = (const u8 *)index->bytes.ptr;
    u64 size = index->bytes.len;
    if (offset > size || size - offset < 2 * sizeof(u32)) {
        return index_damaged(index, offset, what, err);
    }
    u64 len = load_u32be(bytes + offset);
    const u8 *body = bytes + offset + sizeof(u32);
    if (len > size - offset - 2 * sizeof(u32) ||
        crc32c(0, body, (size_t)len) != load_u32be(body + len)) {
        return index_damaged(index, offset, what, err);
    }
    *ret = (Str){.ptr = (const char *)body, .len = (size_t)len};
    *ret_end = offset + len + 2 * sizeof(u32);
    return true;
}

/* ---- opening ---- */

static bool read_contents(BlockIndex *index, Err *err)
{
    const u8 *bytes = (const u8 *)index->bytes.ptr;
    u64 size = index->bytes.len;
    if (size < INDEX_HEADER_SIZE + INDEX_TOC_SIZE ||
        memcmp(bytes, index_magic, sizeof(index_magic)) != 0) {
        return index_damaged(index, 0, "it does not begin as an index does", err);
    }
    index->version = bytes[sizeof(index_magic)];
    if (index->version < INDEX_VERSION_1 || index->version > INDEX_VERSION_3) {
        return err_set(err, ERR_UNSUPPORTED, "%s: byte 4: version %d of the index is not known",
                       index->path, index->version);
    }
    u64 at = size - INDEX_TOC_SIZE;
    const u8 *contents = bytes + at;
    if (crc32c(0, contents, INDEX_TOC_SIZE - INDEX_CRC_SIZE) !=
        load_u32be(contents + INDEX_TOC_SIZE - INDEX_CRC_SIZE)) {
        return index_damaged(index, at, "the table of contents is damaged", err);
    }
    for (int i = 0; i < INDEX_PARTS; i++) {
        index->parts[i] = load_u64be(contents + (size_t)i * sizeof(u64));
        if (index->parts[i] > at) {
            return index_damaged(index, at, "the table of contents points behind the file", err);
        }
    }
    return true;
}

static bool read_symbols(BlockIndex *index, Err *err)
{
    Str section;
    u64 end;
    u64 offset = index->parts[INDEX_SYMBOLS];
    if (offset == 0) {
        return true; /* an index without series may lack them */
    }
    if (!index_section(index, offset, "the symbols are damaged", &section, &end, err)) {
        return false;
    }
    if (section.len < sizeof(u32)) {
        return index_damaged(index, offset, "the symbols lack their count", err);
    }
    index->symbol_count = load_u32be((const u8 *)section.ptr);
    index->symbols = str_skip(section, sizeof(u32));
    ByteReader in = byte_reader(index->symbols);
    for (u32 i = 0; i < index->symbol_count && !in.bad; i++) {
        if (i % INDEX_SYMBOL_STEP == 0) {
            *vec_push(&index->symbol_places) = (u32)(in.at - in.begin);
        }
        (void)bytes_str(&in);
    }
    return (!in.bad && bytes_left(&in) == 0) ||
           index_damaged(index, offset, "the symbols do not fill their section", err);
}

typedef struct PairEntry {
    Str name, value;
    u64 postings;
} PairEntry;

static PairEntry read_pair(ByteReader *in)
{
    PairEntry entry = {0};
    if (bytes_u8(in) != 2) { /* strings of the key */
        (void)bytes_fail(in);
    }
    entry.name = bytes_str(in);
    entry.value = bytes_str(in);
    entry.postings = bytes_uvarint(in);
    return entry;
}

static PairEntry pair_at(const BlockIndex *index, u32 place)
{
    ByteReader in = byte_reader(str_skip(index->pairs, place));
    return read_pair(&in);
}

static int pair_cmp(const PairEntry *a, const PairEntry *b)
{
    int order = str_cmp(a->name, b->name);
    return order ? order : str_cmp(a->value, b->value);
}

static void note_pair(BlockIndex *index, u32 place, const PairEntry *entry)
{
    IndexName *name = index->names.count ? &index->names.at[index->names.count - 1] : NULL;
    if (!name || !str_eq(name->name, entry->name)) {
        name = vec_push(&index->names);
        *name = (IndexName){.name = entry->name, .first = index->value_places.count};
    }
    if (name->values % index->value_step == 0) {
        *vec_push(&index->value_places) = place;
    }
    name->values++;
}

static int place_cmp(const void *a, const void *b, void *index)
{
    PairEntry left = pair_at(index, *(const u32 *)a);
    PairEntry right = pair_at(index, *(const u32 *)b);
    return pair_cmp(&left, &right);
}

/* Version 1 did not sort the pairs: then the place of each one is kept. */
static bool sort_pairs(BlockIndex *index, u32 count, Err *err)
{
    PlaceList places = {0};
    PairEntry before = {0};
    ByteReader in = byte_reader(index->pairs);
    bool unique = true;
    index->names.count = 0;
    index->value_places.count = 0;
    index->value_step = 1;
    vec_reserve(&places, count);
    for (u32 i = 0; i < count; i++) {
        *vec_push(&places) = (u32)(in.at - in.begin);
        (void)read_pair(&in);
    }
    qsort_r(places.at, places.count, sizeof(u32), place_cmp, index);
    for (size_t i = 0; i < places.count && unique; i++) {
        PairEntry entry = pair_at(index, places.at[i]);
        unique = i == 0 || pair_cmp(&before, &entry) != 0;
        note_pair(index, places.at[i], &entry);
        before = entry;
    }
    vec_done(&places);
    return unique || index_damaged(index, index->parts[INDEX_POSTINGS_OFFSETS],
                                   "a label pair is there twice", err);
}

static bool read_pairs(BlockIndex *index, Err *err)
{
    Str section;
    u64 end;
    u64 offset = index->parts[INDEX_POSTINGS_OFFSETS];
    if (offset == 0) {
        return true;
    }
    if (!index_section(index, offset, "the postings offsets are damaged", &section, &end, err)) {
        return false;
    }
    if (section.len < sizeof(u32)) {
        return index_damaged(index, offset, "the postings offsets lack their count", err);
    }
    u32 count = load_u32be((const u8 *)section.ptr);
    PairEntry before = {0};
    bool sorted = true;
    index->pairs = str_skip(section, sizeof(u32));
    index->value_step = INDEX_VALUE_STEP;
    ByteReader in = byte_reader(index->pairs);
    for (u32 i = 0; i < count && !in.bad; i++) {
        u32 place = (u32)(in.at - in.begin);
        PairEntry entry = read_pair(&in);
        sorted = sorted && (i == 0 || pair_cmp(&before, &entry) < 0);
        if (sorted && !in.bad) {
            note_pair(index, place, &entry);
        }
        before = entry;
    }
    if (in.bad || bytes_left(&in) > 0) {
        return index_damaged(index, offset, "the postings offsets do not fill their section", err);
    }
    return sorted || sort_pairs(index, count, err);
}

bool block_index_open_bytes(Str bytes, const char *path, BlockIndex **ret, Err *err)
{
    BlockIndex *index = MEM_NEW(BlockIndex);
    size_t path_size = strlen(path) + 1;
    index->path = mem_alloc(path_size);
    memcpy(index->path, path, path_size);
    index->bytes = bytes;
    if (!read_contents(index, err) || !read_symbols(index, err) || !read_pairs(index, err)) {
        (void)block_index_close(index);
        return false;
    }
    *ret = index;
    return true;
}

bool block_index_open(const char *path, BlockIndex **ret, Err *err)
{
    FileMap map;
    if (!file_map(path, &map, err)) {
        return false;
    }
    if (!block_index_open_bytes(map.bytes, path, ret, err)) {
        file_unmap(&map);
        return false;
    }
    (*ret)->map = map;
    return true;
}

BlockIndex *block_index_close(BlockIndex *index)
{
    if (index) {
        file_unmap(&index->map);
        vec_done(&index->symbol_places);
        vec_done(&index->names);
        vec_done(&index->value_places);
        mem_free(index->path);
        mem_free(index);
    }
    return NULL;
}

u64 block_index_size(const BlockIndex *index)
{
    return index->bytes.len;
}

u8 block_index_version(const BlockIndex *index)
{
    return index->version;
}

bool block_index_next_symbol(const BlockIndex *index, u64 *at, Str *ret)
{
    ByteReader in = byte_reader(str_skip(index->symbols, (size_t)*at));
    if (bytes_left(&in) == 0) {
        return false;
    }
    *ret = bytes_str(&in);
    *at += (u64)(in.at - in.begin);
    return !in.bad;
}

/* ---- label pairs ---- */

size_t block_index_name_count(const BlockIndex *index)
{
    return index->names.count;
}

Str block_index_name(const BlockIndex *index, size_t i)
{
    return index->names.at[i].name;
}

static const IndexName *find_name(const BlockIndex *index, Str name)
{
    size_t low = 0;
    size_t high = index->names.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(index->names.at[middle].name, name);
        if (order == 0) {
            return &index->names.at[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

IndexValues block_index_values(const BlockIndex *index, Str name)
{
    const IndexName *found = find_name(index, name);
    return (IndexValues){
        .index = index, .first = found ? found->first : 0, .count = found ? found->values : 0};
}

bool block_index_next_value(IndexValues *values, Str *ret_value, u64 *ret_postings)
{
    const BlockIndex *index = values->index;
    if (values->next == values->count) {
        return false;
    }
    if (values->next % index->value_step == 0) {
        size_t place = values->first + (size_t)(values->next / index->value_step);
        values->at = (const u8 *)index->pairs.ptr + index->value_places.at[place];
    }
    const char *end = index->pairs.ptr + index->pairs.len;
    ByteReader in = byte_reader(str_range((const char *)values->at, end));
    PairEntry entry = read_pair(&in);
    values->at = in.at;
    values->next++;
    *ret_value = entry.value;
    *ret_postings = entry.postings;
    return !in.bad;
}

bool block_index_find(const BlockIndex *index, Str name, Str value, u64 *ret_postings)
{
    IndexValues values = block_index_values(index, name);
    if (values.count == 0) {
        return false;
    }
    u64 low = 0; /* the last place whose value is not behind the wanted one */
    u64 high = (values.count + index->value_step - 1) / index->value_step;
    while (low + 1 < high) {
        u64 middle = low + (high - low) / 2;
        PairEntry entry = pair_at(index, index->value_places.at[values.first + middle]);
        if (str_cmp(entry.value, value) <= 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    values.next = low * index->value_step;
    Str found;
    u64 postings;
    for (u32 i = 0; i < index->value_step && block_index_next_value(&values, &found, &postings);
         i++) {
        int order = str_cmp(found, value);
        if (order == 0) {
            *ret_postings = postings;
        }
        if (order >= 0) {
            return order == 0;
        }
    }
    return false;
}

/* ---- postings ---- */

u64 block_index_postings_count(const BlockIndex *index, u64 postings)
{
    u64 size = index->bytes.len;
    return postings <= size && size - postings >= 2 * sizeof(u32)
               ? load_u32be((const u8 *)index->bytes.ptr + postings + sizeof(u32))
               : 0;
}

bool block_index_postings(const BlockIndex *index, u64 postings, roaring_bitmap_t *into, Err *err)
{
    enum { BATCH = 1024 };

    Str section;
    u64 end;
    u32 batch[BATCH];
    if (!index_section(index, postings, "the postings are damaged", &section, &end, err)) {
        return false;
    }
    const u8 *at = (const u8 *)section.ptr;
    if (section.len < sizeof(u32) ||
        section.len != sizeof(u32) + (u64)load_u32be(at) * sizeof(u32)) {
        return index_damaged(index, postings, "the postings do not fill their section", err);
    }
    u32 count = load_u32be(at);
    u32 before = 0;
    for (u32 done = 0; done < count;) {
        u32 size = MIN(count - done, (u32)BATCH);
        for (u32 i = 0; i < size; i++) {
            at += sizeof(u32);
            batch[i] = load_u32be(at);
            if (done + i > 0 && batch[i] <= before) {
                return index_damaged(index, postings, "the postings do not ascend", err);
            }
            before = batch[i];
        }
        roaring_bitmap_add_many(into, size, batch);
        done += size;
    }
    return true;
}

bool block_index_all(const BlockIndex *index, roaring_bitmap_t *into, Err *err)
{
    u64 postings;
    return !block_index_find(index, STR_EMPTY, STR_EMPTY, &postings) ||
           block_index_postings(index, postings, into, err);
}
