/*
 * Fuzzes the reader of indexes. All sums are made right first, so that the changes reach what lies
 * behind them. Oracle: every pair that is listed is found at the same place; in an index that
 * verifies, every series can be read; labels are always sorted.
 * Layer: tsdb.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "tsdb/block_index_internal.h"

#include <string.h>

enum { LIMIT = 64 * 1024 * 1024, SERIES_MAX = 64 };

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void store_crc(u8 *bytes, size_t begin, size_t size)
{
    u32 crc = __builtin_bswap32(crc32c(0, bytes + begin, size));
    memcpy(bytes + begin + size, &crc, sizeof(crc));
}

/* Returns the end of the section, or SIZE_MAX when it is none. */
static size_t mend_section(u8 *bytes, size_t size, u64 offset)
{
    if (offset > size || size - offset < 2 * sizeof(u32)) {
        return SIZE_MAX;
    }
    u64 len = load_u32be(bytes + offset);
    if (len > size - offset - 2 * sizeof(u32)) {
        return SIZE_MAX;
    }
    store_crc(bytes, (size_t)offset + sizeof(u32), (size_t)len);
    return (size_t)(offset + len + 2 * sizeof(u32));
}

static size_t mend_entry(u8 *bytes, size_t size, size_t offset)
{
    ByteReader in = byte_reader((Str){.ptr = (const char *)bytes + offset, .len = size - offset});
    u64 len = bytes_uvarint(&in);
    if (in.bad || len > bytes_left(&in) || bytes_left(&in) - len < INDEX_CRC_SIZE) {
        return SIZE_MAX;
    }
    size_t begin = (size_t)(in.at - bytes);
    store_crc(bytes, begin, (size_t)len);
    return begin + (size_t)len + INDEX_CRC_SIZE;
}

static size_t align_up(size_t offset, size_t alignment)
{
    return (offset + alignment - 1) / alignment * alignment;
}

static void mend(u8 *bytes, size_t size)
{
    if (size < INDEX_HEADER_SIZE + INDEX_TOC_SIZE) {
        return;
    }
    size_t body = size - INDEX_TOC_SIZE;
    u64 parts[INDEX_PARTS];
    for (size_t i = 0; i < INDEX_PARTS; i++) {
        parts[i] = load_u64be(bytes + body + i * sizeof(u64));
    }
    size_t alignment = bytes[4] == INDEX_VERSION_1 ? 1 : INDEX_SERIES_ALIGNMENT;
    for (u64 at = parts[INDEX_SERIES]; at < parts[INDEX_LABEL_INDICES] && at < body;) {
        at = align_up((size_t)at, alignment);
        at = at < body ? mend_entry(bytes, body, (size_t)at) : SIZE_MAX;
    }
    for (u64 at = parts[INDEX_POSTINGS]; at < parts[INDEX_LABEL_OFFSETS] && at < body;) {
        at = mend_section(bytes, body, align_up((size_t)at, INDEX_SECTION_ALIGNMENT));
    }
    (void)mend_section(bytes, body, parts[INDEX_SYMBOLS]);
    (void)mend_section(bytes, body, parts[INDEX_LABEL_OFFSETS]);
    (void)mend_section(bytes, body, parts[INDEX_POSTINGS_OFFSETS]);
    store_crc(bytes, body, INDEX_TOC_SIZE - INDEX_CRC_SIZE);
}

static void check_pairs(const BlockIndex *index)
{
    for (size_t i = 0; i < block_index_name_count(index); i++) {
        Str name = block_index_name(index, i);
        IndexValues values = block_index_values(index, name);
        Str value;
        u64 place;
        while (block_index_next_value(&values, &value, &place)) {
            u64 found;
            roaring_bitmap_t *refs = roaring_bitmap_create();
            ASSERT(block_index_find(index, name, value, &found) && found == place);
            (void)!block_index_postings(index, place, refs, NULL);
            roaring_bitmap_free(refs);
        }
    }
}

/* The pair lists need not fit the series in a file that somebody made up; reading them is enough.
 */
static void check_series(const BlockIndex *index, bool verified)
{
    Arena arena;
    IndexCache *cache = MEM_NEW(IndexCache);
    roaring_bitmap_t *all = roaring_bitmap_create();
    roaring_uint32_iterator_t at;
    u32 seen = 0;
    bool listed = block_index_all(index, all, NULL);
    arena_init(&arena, LIMIT);
    roaring_init_iterator(all, &at);
    for (; listed && at.has_value && seen < SERIES_MAX;
         (void)roaring_advance_uint32_iterator(&at), seen++) {
        IndexSeries series;
        bool ok = block_index_series(index, at.current_value, cache, &arena, &series, NULL);
        ASSERT(ok || !verified);
        for (size_t i = 0; ok && i < series.labels.count; i++) {
            Matcher matcher = {.kind = MATCH_EQUAL,
                               .name = series.labels.at[i].name,
                               .value = series.labels.at[i].value};
            roaring_bitmap_t *refs;
            if (block_index_match(index, &matcher, 1, &refs, NULL)) {
                roaring_bitmap_free(refs);
            }
            ASSERT(i == 0 || str_cmp(series.labels.at[i - 1].name, series.labels.at[i].name) < 0);
        }
    }
    roaring_bitmap_free(all);
    arena_done(&arena);
    mem_free(cache);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    BlockIndex *index;
    IndexCounts counts;
    u8 *bytes = mem_alloc(size + 1);
    if (size > 0) {
        memcpy(bytes, data, size);
    }
    mend(bytes, size);
    if (block_index_open_bytes((Str){.ptr = (const char *)bytes, .len = size}, "fuzz", &index,
                               NULL)) {
        bool verified = block_index_verify(index, &counts, NULL);
        check_pairs(index);
        check_series(index, verified);
        (void)block_index_close(index);
    }
    mem_free(bytes);
    return 0;
}
