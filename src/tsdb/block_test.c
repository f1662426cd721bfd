/* Tests of blocks: written, read, damaged. Layer: tsdb. */
#include "base/hash.h"
#include "base/mem.h"
#include "os/file.h"
#include "tsdb/block_test_util.h"
#include "tsdb/block_tombstones.h"

#include <stdio.h>
#include <string.h>

enum { SEGMENT = 20000 };

static Block *open_block(const char *path)
{
    Block *block;
    Err err;
    CHECK_OK(block_open(path, &block, &err), &err);
    return block;
}

TEST(block, what_was_written_is_read_with_any_matchers_and_ranges)
{
    static const struct {
        MatchKind kind;
        Str name, value;
    } kinds[] = {
        {MATCH_EQUAL, STR_INIT("__name__"), STR_INIT("metric_1")},
        {MATCH_EQUAL, STR_INIT("host"), STR_INIT("")},
        {MATCH_EQUAL, STR_INIT("host"), STR_INIT("none")},
        {MATCH_NOT_EQUAL, STR_INIT("job"), STR_INIT("job-1")},
        {MATCH_NOT_EQUAL, STR_INIT("job"), STR_INIT("")},
        {MATCH_REGEX, STR_INIT("host"), STR_INIT("h1.*")},
        {MATCH_REGEX, STR_INIT("host"), STR_INIT("h1|h2|h33|nope")},
        {MATCH_REGEX, STR_INIT("job"), STR_INIT("job-1|")},
        {MATCH_REGEX, STR_INIT("id"), STR_INIT(".*7")},
        {MATCH_NOT_REGEX, STR_INIT("host"), STR_INIT("h.*")},
        {MATCH_NOT_REGEX, STR_INIT("id"), STR_INIT("[0-4].*")},
        {MATCH_EQUAL, STR_INIT("absent"), STR_INIT("x")},
        {MATCH_NOT_EQUAL, STR_INIT("absent"), STR_INIT("x")},
    };
    TestDir dir = dir_new();
    Random random;
    Model model;
    char path[256];
    Err err;
    random_seed(&random, test_seed());
    model_random(&model, &random, 700, 200);
    model_write(&model, dir.path, SEGMENT, path);
    Block *block = open_block(path);
    Source *source = block_source(block);
    CHECK_OK(block_verify(block, &err), &err);
    CHECK_U64(block_meta(block)->samples, model.samples);
    CHECK_U64(block_meta(block)->chunks, model.chunks);
    model_check(&model, source, NULL, 0, INT64_MIN, INT64_MAX);
    for (int round = 0; round < 60; round++) {
        Matcher matchers[3];
        size_t count = random_below(&random, 4);
        for (size_t i = 0; i < count; i++) {
            size_t k = random_below(&random, COUNT_OF(kinds));
            CHECK_OK(matcher_init(&matchers[i], kinds[k].kind, kinds[k].name, kinds[k].value, &err),
                     &err);
        }
        i64 mint_ms = (i64)random_below(&random, (u64)model.maxt_ms);
        i64 maxt_ms = mint_ms + (i64)random_below(&random, (u64)model.maxt_ms);
        model_check(&model, source, matchers, count, mint_ms, maxt_ms);
        for (size_t i = 0; i < count; i++) {
            matcher_done(&matchers[i]);
        }
    }
    (void)block_release(block);
    model_done(&model);
    dir_gone(&dir);
}

TEST(block, names_and_values_are_those_of_the_series_that_match)
{
    TestDir dir = dir_new();
    Random random;
    Model model;
    char path[256];
    Err err;
    Matcher matcher;
    CLEANUP(arena_done) Arena arena;
    Str *texts;
    size_t count;
    arena_init(&arena, MODEL_MEMORY);
    random_seed(&random, test_seed());
    model_random(&model, &random, 300, 3);
    model_write(&model, dir.path, 0, path);
    Block *block = open_block(path);
    Source *source = block_source(block);
    Select all = {.mint_ms = INT64_MIN, .maxt_ms = INT64_MAX};
    CHECK_OK(source->label_names(source, &all, &arena, &texts, &count, &err), &err);
    CHECK_U64(count, 4);
    CHECK_STR(texts[0], LABEL_NAME);
    CHECK_STR(texts[3], S("job"));
    CHECK_OK(source->label_values(source, S("job"), &all, &arena, &texts, &count, &err), &err);
    CHECK_U64(count, 3);
    CHECK_STR(texts[1], S("job-1"));
    CHECK_OK(source->label_values(source, S("nothing"), &all, &arena, &texts, &count, &err), &err);
    CHECK_U64(count, 0);
    CHECK_OK(matcher_init(&matcher, MATCH_EQUAL, S("id"), S("17"), &err), &err);
    Select one = {
        .mint_ms = INT64_MIN, .maxt_ms = INT64_MAX, .matchers = &matcher, .matcher_count = 1};
    CHECK_OK(source->label_values(source, S("id"), &one, &arena, &texts, &count, &err), &err);
    CHECK_U64(count, 1);
    CHECK_STR(texts[0], S("17"));
    matcher_done(&matcher);
    CHECK_OK(matcher_init(&matcher, MATCH_REGEX, S("id"), S(".+"), &err), &err);
    CHECK_OK(source->label_values(source, S("job"), &one, &arena, &texts, &count, &err), &err);
    CHECK_U64(count, 3);
    matcher_done(&matcher);
    Select later = {.mint_ms = model.maxt_ms + 1, .maxt_ms = INT64_MAX};
    CHECK_OK(source->label_names(source, &later, &arena, &texts, &count, &err), &err);
    CHECK_U64(count, 0);
    SourceStats stats;
    source->stats(source, &stats);
    CHECK_U64(stats.series, 300);
    (void)block_release(block);
    model_done(&model);
    dir_gone(&dir);
}

TEST(block, a_set_outlives_the_block)
{
    TestDir dir = dir_new();
    Random random;
    Model model;
    char path[256];
    Err err;
    SeriesSet set;
    SampleColumns columns;
    CLEANUP(arena_done) Arena arena;
    Select all = {.mint_ms = INT64_MIN, .maxt_ms = INT64_MAX};
    arena_init(&arena, MODEL_MEMORY);
    random_seed(&random, test_seed());
    model_random(&model, &random, 20, 30);
    model_write(&model, dir.path, 0, path);
    Block *block = open_block(path);
    Source *source = block_source(block);
    CHECK_OK(source->select(source, &all, &arena, &set, &err), &err);
    (void)block_release(block);
    CHECK_OK(dir_remove_all(path, &err), &err);
    CHECK_OK(source->read(source, &set, 3, 0, INT64_MAX, &arena, &columns, &err), &err);
    CHECK(labels_eq(set.labels[3], model.series.at[3].labels));
    CHECK_U64(columns.count, model.series.at[3].count);
    source->release(source, &set);
    model_done(&model);
    dir_gone(&dir);
}

TEST(block, deleted_samples_are_not_seen)
{
    TestDir dir = dir_new();
    Random random;
    Model model;
    char path[256];
    Err err;
    Tombstones deleted;
    random_seed(&random, test_seed());
    model_random(&model, &random, 100, 100);
    model_write(&model, dir.path, 0, path);
    Block *block = open_block(path);
    roaring_bitmap_t *all = roaring_bitmap_create();
    CHECK_OK(block_index_all(block_index(block), all, &err), &err);
    u32 refs[100];
    roaring_bitmap_to_uint32_array(all, refs);
    roaring_bitmap_free(all);
    (void)block_release(block);
    tombstones_init(&deleted);
    for (size_t i = 0; i < 100; i += 3) {
        ModelSeries *series = &model.series.at[i];
        Interval gone = {.first_ms = series->t_ms[series->count / 4],
                         .last_ms = series->t_ms[series->count / 2]};
        size_t kept = 0;
        tombstones_add(&deleted, refs[i], gone);
        for (size_t s = 0; s < series->count; s++) {
            if (series->t_ms[s] < gone.first_ms || series->t_ms[s] > gone.last_ms) {
                series->t_ms[kept] = series->t_ms[s];
                series->value[kept++] = series->value[s];
            }
        }
        series->count = kept;
    }
    CHECK_OK(block_tombstones_store(path, &deleted, &err), &err);
    CHECK_U64(tombstones_interval_count(&deleted), 34);
    tombstones_done(&deleted);
    block = open_block(path);
    model_check(&model, block_source(block), NULL, 0, INT64_MIN, INT64_MAX);
    CHECK_U64(tombstones_interval_count(block_tombstones(block)), 34);
    (void)block_release(block);
    model_done(&model);
    dir_gone(&dir);
}

/* One bit of a file is turned, the block opened and verified, the bit turned back. */
static bool damage_is_found(const char *block_path, const char *file, size_t bit, Err *err)
{
    char path[300];
    Block *block;
    (void)snprintf(path, sizeof(path), "%s/%s", block_path, file);
    FILE *handle = fopen(path, "r+");
    CHECK(handle != NULL);
    CHECK(fseek(handle, (long)(bit / 8), SEEK_SET) == 0);
    int byte = fgetc(handle);
    CHECK(fseek(handle, (long)(bit / 8), SEEK_SET) == 0);
    CHECK(fputc(byte ^ 1 << bit % 8, handle) != EOF && fflush(handle) == 0);
    bool found = !block_open(block_path, &block, err);
    if (!found) {
        found = !block_verify(block, err);
        /* Whatever the damage: reading ends in samples or in an error. */
        CLEANUP(arena_done) Arena arena;
        Select all = {.mint_ms = INT64_MIN, .maxt_ms = INT64_MAX};
        SeriesSet set = {0};
        Source *source = block_source(block);
        arena_init(&arena, MODEL_MEMORY);
        if (source->select(source, &all, &arena, &set, NULL)) {
            for (size_t i = 0; i < set.count; i++) {
                SampleColumns columns;
                (void)source->read(source, &set, i, INT64_MIN, INT64_MAX, &arena, &columns, NULL);
            }
        }
        source->release(source, &set);
        (void)block_release(block);
    }
    CHECK(fseek(handle, (long)(bit / 8), SEEK_SET) == 0);
    CHECK(fputc(byte, handle) != EOF && fclose(handle) == 0);
    return found;
}

TEST(block, every_flipped_bit_is_found_and_named)
{
    static const char *const files[] = {"index", "chunks/000001", "tombstones"};
    /* The lowest bit of the index's version makes 2 a 3, which reads the same. */
    enum { VERSION_BIT = 4 * 8 };

    TestDir dir = dir_new();
    Random random;
    Model model;
    char path[256];
    Err err;
    random_seed(&random, test_seed());
    model_random(&model, &random, 12, 8);
    model_write(&model, dir.path, 0, path);
    for (size_t f = 0; f < COUNT_OF(files); f++) {
        CLEANUP(arena_done) Arena arena;
        Str whole;
        char file[300];
        (void)snprintf(file, sizeof(file), "%s/%s", path, files[f]);
        arena_init(&arena, MODEL_MEMORY);
        CHECK_OK(file_read(file, MODEL_MEMORY, &arena, &whole, &err), &err);
        for (size_t bit = 0; bit < whole.len * 8; bit += 1 + random_below(&random, 5)) {
            err_clear(&err);
            if (f == 0 && bit == VERSION_BIT) {
                continue;
            }
            CHECK(damage_is_found(path, files[f], bit, &err));
            CHECK(strstr(err.message, file) && strstr(err.message, "byte "));
        }
    }
    Block *block = open_block(path);
    CHECK_OK(block_verify(block, &err), &err);
    (void)block_release(block);
    model_done(&model);
    dir_gone(&dir);
}

TEST(block, version_3_reads_as_version_2)
{
    TestDir dir = dir_new();
    Random random;
    Model model;
    char path[256];
    char file[300];
    Err err;
    random_seed(&random, test_seed());
    model_random(&model, &random, 50, 60);
    model_write(&model, dir.path, 0, path);
    (void)snprintf(file, sizeof(file), "%s/index", path);
    FILE *handle = fopen(file, "r+");
    CHECK(handle != NULL);
    CHECK(fseek(handle, 4, SEEK_SET) == 0 && fputc(3, handle) == 3 && fclose(handle) == 0);
    Block *block = open_block(path);
    CHECK_U64(block_index_version(block_index(block)), 3);
    CHECK_OK(block_verify(block, &err), &err);
    model_check(&model, block_source(block), NULL, 0, INT64_MIN, INT64_MAX);
    (void)block_release(block);
    model_done(&model);
    dir_gone(&dir);
}

TEST(block, an_index_without_pairs_has_no_series)
{
    /* Only the table of contents, which names no part, with its sum. */
    u8 bytes[5 + 52] = {0xba, 0xaa, 0xd7, 0x00, 3};
    u32 crc = __builtin_bswap32(crc32c(0, bytes + 5, 48));
    BlockIndex *index;
    u64 place;
    roaring_bitmap_t *refs;
    Err err;
    memcpy(bytes + 53, &crc, sizeof(crc));
    Str text = {.ptr = (const char *)bytes, .len = sizeof(bytes)};
    CHECK_OK(block_index_open_bytes(text, "bare", &index, &err), &err);
    CHECK(!block_index_find(index, STR_EMPTY, STR_EMPTY, &place));
    CHECK_OK(block_index_match(index, NULL, 0, &refs, &err), &err);
    CHECK(roaring_bitmap_is_empty(refs));
    roaring_bitmap_free(refs);
    (void)block_index_close(index);
}

TEST(block, a_cut_file_is_an_error)
{
    TestDir dir = dir_new();
    Random random;
    Model model;
    char path[256];
    char file[300];
    Err err;
    Str whole;
    CLEANUP(arena_done) Arena arena;
    random_seed(&random, test_seed());
    model_random(&model, &random, 12, 8);
    model_write(&model, dir.path, 0, path);
    (void)snprintf(file, sizeof(file), "%s/index", path);
    arena_init(&arena, MODEL_MEMORY);
    CHECK_OK(file_read(file, MODEL_MEMORY, &arena, &whole, &err), &err);
    for (size_t size = 0; size < whole.len; size += 1 + random_below(&random, 9)) {
        BlockIndex *index;
        char *copy = mem_alloc(size + 1); /* so that the sanitizer sees its end */
        memcpy(copy, whole.ptr, size);
        CHECK(!block_index_open_bytes((Str){.ptr = copy, .len = size}, "cut", &index, &err));
        mem_free(copy);
    }
    model_done(&model);
    dir_gone(&dir);
}

TEST(block, the_writer_refuses_what_would_not_be_a_block)
{
    TestDir dir = dir_new();
    Err err;
    BlockWriter *writer;
    BlockMeta meta = {.mint_ms = 0, .maxt_ms = 100};
    BlockWriterOpts opts = {.dir = dir.path, .ulid = ulid_new(5)};
    Label labels[] = {{S("a"), S("b")}};
    Label other[] = {{S("a"), S("c")}};
    Label unknown[] = {{S("x"), S("y")}};
    BlockChunk late = {.mint_ms = 50, .maxt_ms = 200, .encoding = 1, .data = S("\0\0")};
    CHECK_OK(block_writer_new(&opts, &writer, &err), &err);
    CHECK_OK(block_writer_symbol(writer, S("a"), &err), &err);
    CHECK_OK(block_writer_symbol(writer, S("b"), &err), &err);
    CHECK(!block_writer_symbol(writer, S("b"), &err));
    CHECK_OK(block_writer_symbol(writer, S("c"), &err), &err);
    CHECK(!block_writer_finish(writer, &meta, &err));
    CHECK_OK(block_writer_series(writer, (Labels){other, 1}, &late, 1, &err), &err);
    CHECK(!block_writer_series(writer, (Labels){labels, 1}, &late, 1, &err));
    CHECK(!block_writer_series(writer, (Labels){other, 1}, &late, 1, &err));
    CHECK(!block_writer_series(writer, (Labels){unknown, 1}, &late, 1, &err));
    CHECK(strstr(err.message, "\"x\"") != NULL);
    CHECK(!block_writer_finish(writer, &meta, &err));
    CHECK(strstr(err.message, "[0, 100)") != NULL);
    (void)block_writer_free(writer);
    CLEANUP(arena_done) Arena arena;
    Str *names;
    size_t count;
    arena_init(&arena, MODEL_MEMORY);
    CHECK_OK(dir_list(dir.path, &arena, &names, &count, &err), &err);
    CHECK_U64(count, 0);
    dir_gone(&dir);
}

TEST(block, version_1_of_the_original_is_read)
{
    Str data;
    Err err;
    char path[600];
    if (!test_conformance_dir(&data)) {
        TEST_SKIP("the shared conformance data is absent");
        return;
    }
    (void)snprintf(path, sizeof(path),
                   STR_FMT "/prometheus/prometheus-3.14.0/tsdb/testdata/index_format_v1",
                   STR_ARG(data));
    Block *block = open_block(path);
    CHECK_U64(block_index_version(block_index(block)), 1);
    CHECK_OK(block_verify(block, &err), &err);
    CLEANUP(arena_done) Arena arena;
    Matcher matcher;
    SeriesSet set;
    SampleColumns columns;
    Source *source = block_source(block);
    arena_init(&arena, MODEL_MEMORY);
    CHECK_OK(matcher_init(&matcher, MATCH_EQUAL, S("foo"), S("bar"), &err), &err);
    Select select = {
        .mint_ms = INT64_MIN, .maxt_ms = INT64_MAX, .matchers = &matcher, .matcher_count = 1};
    CHECK_OK(source->select(source, &select, &arena, &set, &err), &err);
    CHECK(set.count > 0);
    for (size_t i = 0; i < set.count; i++) {
        CHECK_STR(labels_get(set.labels[i], S("foo")), S("bar"));
        CHECK_OK(source->read(source, &set, i, INT64_MIN, INT64_MAX, &arena, &columns, &err), &err);
        CHECK_U64(columns.count, 1);
    }
    source->release(source, &set);
    matcher_done(&matcher);
    (void)block_release(block);
}
