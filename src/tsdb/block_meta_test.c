/* Tests of meta.json. Layer: tsdb. */
#include "base/test.h"
#include "os/file.h"
#include "tsdb/block_meta.h"
#include "tsdb/tsdb_test_util.h"

#include <stdio.h>
#include <string.h>

enum { MEMORY = 1024 * 1024 };

static const char full_text[] =
    "{\n\t\"ulid\": \"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\n\t\"minTime\": -5,\n\t\"maxTime\": 7200000,\n"
    "\t\"stats\": {\n\t\t\"numSamples\": 12,\n\t\t\"numFloatSamples\": 11,\n"
    "\t\t\"numHistogramSamples\": 1,\n\t\t\"numSeries\": 3,\n\t\t\"numChunks\": 4,\n"
    "\t\t\"numTombstones\": 2,\n\t\t\"numMoons\": [1 ,2]\n\t},\n"
    "\t\"compaction\": {\n\t\t\"level\": 2,\n\t\t\"sources\": [\n"
    "\t\t\t\"00000000000000000000000001\",\n\t\t\t\"00000000000000000000000002\"\n\t\t],\n"
    "\t\t\"deletable\": true,\n\t\t\"parents\": [\n\t\t\t{\n"
    "\t\t\t\t\"ulid\": \"00000000000000000000000001\",\n\t\t\t\t\"minTime\": 0,\n"
    "\t\t\t\t\"maxTime\": 100\n\t\t\t}\n\t\t],\n\t\t\"failed\": true,\n"
    "\t\t\"hints\": [\n\t\t\t\"from-out-of-order\"\n\t\t],\n\t\t\"why\": \"a\\u0062c\"\n\t},\n"
    "\t\"version\": 1,\n\t\"thanos\": {\n\t\t\"labels\": {\"a\":  \"b\"},\n"
    "\t\t\"downsample\": {\"resolution\": 300000},\n\t\t\"source\": \"sidecar\"\n\t}\n}";

static bool parse(const char *text, Arena *arena, BlockMeta *ret, Err *err)
{
    arena_init(arena, MEMORY);
    return block_meta_parse(str_from(text), arena, ret, err);
}

TEST(block_meta, what_is_read_is_written_again_byte_for_byte)
{
    CLEANUP(arena_done) Arena arena;
    CLEANUP(buf_done) Buf out;
    BlockMeta meta;
    Err err;
    CHECK_OK(parse(full_text, &arena, &meta, &err), &err);
    CHECK_I64(meta.mint_ms, -5);
    CHECK_I64(meta.maxt_ms, 7200000);
    CHECK_U64(meta.samples, 12);
    CHECK_U64(meta.tombstones, 2);
    CHECK_U64(meta.level, 2);
    CHECK_U64(meta.source_count, 2);
    CHECK_U64(meta.parent_count, 1);
    CHECK_I64(meta.parents[0].maxt_ms, 100);
    CHECK(meta.deletable && meta.failed);
    CHECK_STR(meta.hints[0], S("from-out-of-order"));
    CHECK_U64(meta.extra_count, 3);
    buf_init(&out, MEMORY);
    block_meta_format(&out, &meta);
    CHECK_STR(buf_view(&out), str_from(full_text));
}

TEST(block_meta, a_new_block_reads_as_the_original_writes_it)
{
    CLEANUP(buf_done) Buf out;
    Ulid ulid;
    CHECK(ulid_parse(S("01ARZ3NDEKTSV4RRFFQ69G5FAV"), &ulid));
    BlockMeta meta = {.ulid = ulid,
                      .mint_ms = 1,
                      .maxt_ms = 2,
                      .samples = 3,
                      .series = 4,
                      .chunks = 5,
                      .level = 1,
                      .sources = &ulid,
                      .source_count = 1};
    buf_init(&out, MEMORY);
    block_meta_format(&out, &meta);
    CHECK_STR(buf_view(&out),
              S("{\n\t\"ulid\": \"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\n\t\"minTime\": 1,\n"
                "\t\"maxTime\": 2,\n\t\"stats\": {\n\t\t\"numSamples\": 3,\n"
                "\t\t\"numSeries\": 4,\n\t\t\"numChunks\": 5\n\t},\n\t\"compaction\": {\n"
                "\t\t\"level\": 1,\n\t\t\"sources\": [\n"
                "\t\t\t\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"\n\t\t]\n\t},\n\t\"version\": 1\n}"));
}

TEST(block_meta, refuses_without_touching_outputs)
{
    static const struct {
        const char *text;
        ErrCode code;
    } bad[] = {
        {"", ERR_INVALID},
        {"[]", ERR_INVALID},
        {"{\"version\": 1}", ERR_INVALID},
        {"{\"ulid\": \"00000000000000000000000001\"}", ERR_UNSUPPORTED},
        {"{\"ulid\": \"00000000000000000000000001\", \"version\": 2}", ERR_UNSUPPORTED},
        {"{\"ulid\": \"oops\", \"version\": 1}", ERR_INVALID},
        {"{\"ulid\": \"00000000000000000000000001\", \"version\": 1, \"minTime\": 2}", ERR_INVALID},
        {"{\"ulid\": \"00000000000000000000000001\", \"version\": 1, \"stats\": {\"numSeries\": "
         "-1}}",
         ERR_INVALID},
        {"{\"ulid\": \"00000000000000000000000001\", \"version\": 1, \"compaction\": {\"level\": "
         "99999999999}}",
         ERR_INVALID},
        {"{\"ulid\": \"00000000000000000000000001\", \"version\": 1} x", ERR_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CLEANUP(arena_done) Arena arena;
        BlockMeta meta = {.level = 77};
        Err err = {0};
        CHECK(!parse(bad[i].text, &arena, &meta, &err));
        CHECK_I64(err.code, bad[i].code);
        CHECK_U64(meta.level, 77);
    }
}

TEST(block_meta, empty_lists_may_be_null)
{
    CLEANUP(arena_done) Arena arena;
    BlockMeta meta;
    Err err;
    CHECK_OK(parse("{\"ulid\": \"00000000000000000000000001\", \"version\": 1, \"compaction\": "
                   "{\"level\": 1, \"sources\": null, \"parents\": null, \"hints\": null}}",
                   &arena, &meta, &err),
             &err);
    CHECK_U64(meta.source_count + meta.parent_count + meta.hint_count, 0);
}

TEST(block_meta, a_file_is_stored_and_errors_name_it)
{
    TestDir dir = dir_new();
    CLEANUP(arena_done) Arena arena;
    BlockMeta meta;
    BlockMeta back;
    Err err;
    char path[200];
    CHECK_OK(parse(full_text, &arena, &meta, &err), &err);
    CHECK_OK(block_meta_store(dir.path, &meta, &err), &err);
    CHECK_OK(block_meta_load(dir.path, &arena, &back, &err), &err);
    CHECK_U64(back.extra_count, 3);
    CHECK_STR(back.extras[2].key, S("thanos"));
    (void)snprintf(path, sizeof(path), "%s/meta.json", dir.path);
    CHECK_OK(file_write_atomic(path, S("{"), 0666, &err), &err);
    CHECK(!block_meta_load(dir.path, &arena, &back, &err));
    CHECK(strstr(err.message, path) != NULL);
    dir_gone(&dir);
}
