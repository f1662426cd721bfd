/* Tests of the chunk segments of blocks. Layer: tsdb. */
#include "base/mem.h"
#include "base/random.h"
#include "base/test.h"
#include "base/vec.h"
#include "os/file.h"
#include "tsdb/block_chunks.h"
#include "tsdb/tsdb_test_util.h"

#include <stdio.h>
#include <string.h>

enum { MEMORY = 16 * 1024 * 1024, SEGMENT = 4096, CHUNKS = 300, DATA_MAX = 300 };

typedef struct Written {
    u8 bytes[DATA_MAX];
    size_t size;
    u8 encoding;
    u64 ref;
} Written;

static void write_random(const char *path, Random *random, Written *written, size_t count)
{
    BlockChunksWriter *writer;
    Err err;
    CHECK_OK(block_chunks_writer_new(path, SEGMENT, &writer, &err), &err);
    for (size_t i = 0; i < count; i++) {
        Written *chunk = &written[i];
        chunk->size = random_below(random, DATA_MAX);
        chunk->encoding = (u8)(1 + random_below(random, 6));
        for (size_t b = 0; b < chunk->size; b++) {
            chunk->bytes[b] = (u8)random_u64(random);
        }
        Str data = {.ptr = (const char *)chunk->bytes, .len = chunk->size};
        CHECK_OK(block_chunks_writer_put(writer, chunk->encoding, data, &chunk->ref, &err), &err);
    }
    CHECK_OK(block_chunks_writer_finish(writer, &err), &err);
    (void)block_chunks_writer_free(writer);
}

TEST(block_chunks, what_was_written_is_read_from_several_segments)
{
    TestDir dir = dir_new();
    Random random;
    Err err;
    BlockChunks *chunks;
    BlockChunk chunk;
    u64 count;
    Written *written = MEM_ARRAY(Written, CHUNKS);
    random_seed(&random, test_seed());
    write_random(dir.path, &random, written, CHUNKS);
    CHECK_OK(block_chunks_open(dir.path, &chunks, &err), &err);
    for (size_t i = 0; i < CHUNKS; i++) {
        CHECK_OK(block_chunks_get(chunks, written[i].ref, &chunk, &err), &err);
        CHECK_U64(chunk.encoding, written[i].encoding);
        CHECK_STR(chunk.data, ((Str){(const char *)written[i].bytes, written[i].size}));
    }
    CHECK(written[CHUNKS - 1].ref >> 32 > 5);
    CHECK_OK(block_chunks_verify(chunks, &count, &err), &err);
    CHECK_U64(count, CHUNKS);
    CHECK(!block_chunks_get(chunks, written[CHUNKS - 1].ref + (1ULL << 32), &chunk, &err));
    CHECK(!block_chunks_get(chunks, 0, &chunk, &err));
    CHECK(!block_chunks_get(chunks, UINT32_MAX, &chunk, &err));
    (void)block_chunks_close(chunks);
    mem_free(written);
    dir_gone(&dir);
}

TEST(block_chunks, every_flipped_bit_is_found_and_named)
{
    TestDir dir = dir_new();
    Random random;
    Err err;
    Written written[8];
    char path[200];
    CLEANUP(arena_done) Arena arena;
    Str whole;
    random_seed(&random, test_seed());
    write_random(dir.path, &random, written, COUNT_OF(written));
    (void)snprintf(path, sizeof(path), "%s/000001", dir.path);
    arena_init(&arena, MEMORY);
    CHECK_OK(file_read(path, MEMORY, &arena, &whole, &err), &err);
    FILE *file = fopen(path, "r+");
    CHECK(file != NULL);
    for (size_t bit = 0; bit < whole.len * 8; bit += 1 + random_below(&random, 7)) {
        BlockChunks *chunks;
        u64 count;
        int byte = (u8)whole.ptr[bit / 8];
        CHECK(fseek(file, (long)(bit / 8), SEEK_SET) == 0);
        CHECK(fputc(byte ^ 1 << bit % 8, file) != EOF && fflush(file) == 0);
        bool opened = block_chunks_open(dir.path, &chunks, &err);
        CHECK(opened == (bit / 8 >= 8));
        if (opened) {
            CHECK(!block_chunks_verify(chunks, &count, &err));
            (void)block_chunks_close(chunks);
        }
        CHECK_I64(err.code, ERR_CORRUPT);
        CHECK(strstr(err.message, path) && strstr(err.message, "byte "));
        CHECK(fseek(file, (long)(bit / 8), SEEK_SET) == 0);
        CHECK(fputc(byte, file) != EOF && fflush(file) == 0);
    }
    (void)fclose(file);
    dir_gone(&dir);
}

TEST(block_chunks, a_missing_segment_is_an_error)
{
    TestDir dir = dir_new();
    Random random;
    Err err;
    char path[200];
    BlockChunks *chunks;
    Written *written = MEM_ARRAY(Written, CHUNKS);
    random_seed(&random, test_seed());
    write_random(dir.path, &random, written, CHUNKS);
    (void)snprintf(path, sizeof(path), "%s/000002", dir.path);
    CHECK(remove(path) == 0);
    CHECK(!block_chunks_open(dir.path, &chunks, &err));
    CHECK(strstr(err.message, "000002") != NULL);
    mem_free(written);
    dir_gone(&dir);
}
