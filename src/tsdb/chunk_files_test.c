/* Tests of tsdb/chunk_files.h. */
#include "tsdb/chunk_files.h"

#include "os/file.h"
#include "tsdb/tsdb_test_util.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHUNKS = 200 };

typedef struct Seen {
    u64 count;
    i64 last_mint;
} Seen;

static void see(void *self, const FileChunk *chunk)
{
    Seen *seen = self;
    CHECK_U64(chunk->series_ref, seen->count + 1);
    CHECK_I64(chunk->encoding, CHUNK_ENCODING_XOR);
    CHECK_U64(chunk->data.len, 20 + seen->count % 50);
    seen->last_mint = chunk->mint_ms;
    seen->count++;
}

static u64 scan(ChunkFiles *files, Err *ret_damage)
{
    Seen seen = {0};
    Err err;
    CHECK_OK(chunk_files_scan(files, see, &seen, ret_damage, &err), &err);
    return seen.count;
}

static ChunkFiles *open_files(const TestDir *dir)
{
    ChunkFiles *files;
    Err err;
    CHECK_OK(chunk_files_open(dir->path, &files, &err), &err);
    return files;
}

/* `count` chunks, the number of the first one being `first`. */
static void write_chunks(ChunkFiles *files, u64 first, u64 count, ChunkRef *ret_refs)
{
    static char bytes[100];
    FileChunk chunks[CHUNKS];
    size_t written;
    Err err;
    memset(bytes, 0x5a, sizeof(bytes));
    for (u64 i = 0; i < count; i++) {
        chunks[i] = (FileChunk){.series_ref = first + i + 1,
                                .mint_ms = (i64)(first + i) * 10,
                                .maxt_ms = (i64)(first + i) * 10 + 9,
                                .encoding = CHUNK_ENCODING_XOR,
                                .data = {.ptr = bytes, .len = 20 + (first + i) % 50}};
    }
    CHECK_OK(chunk_files_write(files, chunks, count, &written, &err), &err);
    CHECK_U64(written, count);
    for (u64 i = 0; i < count; i++) {
        ret_refs[first + i] = chunks[i].ref;
    }
}

static void file_path(const TestDir *dir, u32 number, char path[256])
{
    (void)snprintf(path, 256, "%s/%06u", dir->path, number);
}

TEST(chunk_files, chunks_are_read_back_at_once_and_after_a_restart)
{
    TestDir dir = dir_new();
    ChunkRef refs[CHUNKS];
    Err err;
    ChunkFiles *files = open_files(&dir);
    write_chunks(files, 0, 100, refs);
    write_chunks(files, 100, 50, refs);
    files = chunk_files_close(files);
    files = open_files(&dir);
    CHECK_U64(scan(files, &err), 150);
    CHECK_I64(err.code, ERR_NONE);
    write_chunks(files, 150, 50, refs); /* into a new file */
    chunk_files_pin(files);
    for (u64 i = 0; i < CHUNKS; i++) {
        FileChunk chunk;
        CHECK_OK(chunk_files_get(files, refs[i], &chunk, &err), &err);
        CHECK_U64(chunk.series_ref, i + 1);
        CHECK_U64(refs[i] >> 32, i < 150 ? 1 : 2);
    }
    FileChunk none;
    CHECK(!chunk_files_get(files, (u64)9 << 32 | 8, &none, &err));
    CHECK_I64(err.code, ERR_NOT_FOUND);
    CHECK(!chunk_files_get(files, refs[3] + 1, &none, &err));
    CHECK_I64(err.code, ERR_CORRUPT);
    chunk_files_unpin(files);
    (void)chunk_files_close(files);
    dir_gone(&dir);
}

TEST(chunk_files, damage_cuts_the_file_and_takes_the_later_ones)
{
    TestDir dir = dir_new();
    ChunkRef refs[CHUNKS];
    char path[256];
    Err err;
    for (u64 i = 0; i < 4; i++) { /* a file each */
        ChunkFiles *files = open_files(&dir);
        write_chunks(files, i * 50, 50, refs);
        (void)chunk_files_close(files);
    }
    file_path(&dir, 2, path);
    FILE *file = fopen(path, "r+b");
    CHECK(file && fseek(file, (long)(u32)refs[70] + 30, SEEK_SET) == 0 && fputc(0, file) == 0);
    (void)fclose(file);
    ChunkFiles *files = open_files(&dir);
    CHECK_U64(scan(files, &err), 70);
    CHECK_I64(err.code, ERR_CORRUPT);
    files = chunk_files_close(files);
    CHECK(!dir_has(&dir, "000003") && !dir_has(&dir, "000004"));
    files = open_files(&dir);
    CHECK_U64(scan(files, &err), 70);
    CHECK_I64(err.code, ERR_NONE);
    (void)chunk_files_close(files);
    dir_gone(&dir);
}

TEST(chunk_files, reserved_zeros_end_a_file_and_a_gap_is_damage)
{
    TestDir dir = dir_new();
    ChunkRef refs[CHUNKS];
    char path[256];
    Err err;
    for (u64 i = 0; i < 3; i++) {
        ChunkFiles *files = open_files(&dir);
        write_chunks(files, i * 50, 50, refs);
        (void)chunk_files_close(files);
    }
    file_path(&dir, 1, path);
    CHECK(truncate(path, 1000000) == 0);
    ChunkFiles *files = open_files(&dir);
    CHECK_U64(scan(files, &err), 150);
    CHECK_I64(err.code, ERR_NONE);
    files = chunk_files_close(files);
    file_path(&dir, 2, path);
    CHECK(unlink(path) == 0);
    files = open_files(&dir);
    CHECK_U64(scan(files, &err), 50);
    CHECK_I64(err.code, ERR_CORRUPT);
    (void)chunk_files_close(files);
    CHECK(!dir_has(&dir, "000003"));
    dir_gone(&dir);
}

TEST(chunk_files, old_files_go_as_a_whole_and_never_the_one_being_written)
{
    TestDir dir = dir_new();
    ChunkRef refs[CHUNKS];
    u64 removed;
    Err err;
    for (u64 i = 0; i < 3; i++) {
        ChunkFiles *files = open_files(&dir);
        write_chunks(files, i * 50, 50, refs);
        (void)chunk_files_close(files);
    }
    ChunkFiles *files = open_files(&dir);
    CHECK_U64(scan(files, &err), 150);
    CHECK_OK(chunk_files_truncate(files, 999, &removed, &err), &err); /* the second ends at 999 */
    CHECK_U64(removed, 1);
    CHECK_OK(chunk_files_truncate(files, 1000, &removed, &err), &err);
    CHECK_U64(removed, 1);
    write_chunks(files, 150, 50, refs);
    CHECK_OK(chunk_files_truncate(files, INT64_MAX, &removed, &err), &err);
    CHECK_U64(removed, 1);
    chunk_files_pin(files);
    FileChunk chunk;
    CHECK(!chunk_files_get(files, refs[149], &chunk, &err));
    CHECK_I64(err.code, ERR_NOT_FOUND);
    CHECK_OK(chunk_files_get(files, refs[150], &chunk, &err), &err);
    chunk_files_unpin(files);
    (void)chunk_files_close(files);
    dir_gone(&dir);
}
