/* The chunks of a block: see block_chunks.h. Layer: tsdb. Thread: readers any, one writer. */
#include "tsdb/block_chunks.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/vec.h"
#include "os/file.h"
#include "tsdb/block_out.h"
#include "tsdb/bytes.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    HEADER_SIZE = 8,
    CRC_SIZE = 4,
    LIST_MEMORY = 64 * 1024 * 1024, /* of a folder's names */
    SEGMENTS_MAX = 999999,
};

static const u8 segment_header[HEADER_SIZE] = {0x85, 0xbd, 0x40, 0xdd, 1};

struct BlockChunks {
    char *dir; /* owned */
    VEC(FileMap) files;
};

/* ---- reading ---- */

static bool open_segment(BlockChunks *chunks, Str name, Err *err)
{
    char path[PATH_MAX];
    u64 number;
    size_t want = chunks->files.count + 1;
    if (!str_to_u64(name, &number)) {
        return true; /* not a segment */
    }
    if (number != want) {
        return err_set(err, ERR_CORRUPT, "%s: segment %06zu is missing", chunks->dir, want);
    }
    if (snprintf(path, sizeof(path), "%s/" STR_FMT, chunks->dir, STR_ARG(name)) >=
        (int)sizeof(path)) {
        return err_set(err, ERR_LIMIT, "path of %s is too long", chunks->dir);
    }
    FileMap map;
    if (!file_map(path, &map, err)) {
        return false;
    }
    *vec_push(&chunks->files) = map;
    if (map.bytes.len < HEADER_SIZE || memcmp(map.bytes.ptr, segment_header, HEADER_SIZE) != 0) {
        return err_set(err, ERR_CORRUPT, "%s: byte 0: it does not begin as a chunk segment does",
                       path);
    }
    return true;
}

bool block_chunks_open(const char *dir, BlockChunks **ret, Err *err)
{
    CLEANUP(arena_done) Arena arena;
    Str *names;
    size_t count;
    arena_init(&arena, LIST_MEMORY);
    if (!dir_list(dir, &arena, &names, &count, err)) {
        return false;
    }
    BlockChunks *chunks = MEM_NEW(BlockChunks);
    size_t dir_size = strlen(dir) + 1;
    chunks->dir = mem_alloc(dir_size);
    memcpy(chunks->dir, dir, dir_size);
    for (size_t i = 0; i < count; i++) {
        if (!open_segment(chunks, names[i], err)) {
            (void)block_chunks_close(chunks);
            return false;
        }
    }
    *ret = chunks;
    return true;
}

BlockChunks *block_chunks_close(BlockChunks *chunks)
{
    if (chunks) {
        for (size_t i = 0; i < chunks->files.count; i++) {
            file_unmap(&chunks->files.at[i]);
        }
        vec_done(&chunks->files);
        mem_free(chunks->dir);
        mem_free(chunks);
    }
    return NULL;
}

u64 block_chunks_size(const BlockChunks *chunks)
{
    u64 size = 0;
    for (size_t i = 0; i < chunks->files.count; i++) {
        size += chunks->files.at[i].bytes.len;
    }
    return size;
}

/* *ret_end: the offset behind the chunk. */
static bool read_chunk(const BlockChunks *chunks, size_t file, u64 offset, BlockChunk *ret,
                       u64 *ret_end, Err *err)
{
    Str bytes = chunks->files.at[file].bytes;
    if (offset < HEADER_SIZE || offset >= bytes.len) {
        return err_set(err, ERR_CORRUPT, "%s/%06zu: byte %llu: there is no chunk", chunks->dir,
                       file + 1, (unsigned long long)offset);
    }
    ByteReader in = byte_reader(str_skip(bytes, (size_t)offset));
    u64 len = bytes_uvarint(&in);
    const u8 *body = in.at;
    if (in.bad || len > bytes_left(&in) || bytes_left(&in) - len < 1 + CRC_SIZE ||
        crc32c(0, body, (size_t)len + 1) != load_u32be(body + len + 1)) {
        return err_set(err, ERR_CORRUPT, "%s/%06zu: byte %llu: the chunk is damaged", chunks->dir,
                       file + 1, (unsigned long long)offset);
    }
    ret->encoding = body[0];
    ret->data = (Str){.ptr = (const char *)body + 1, .len = (size_t)len};
    *ret_end = offset + (u64)(body - in.begin) + 1 + len + CRC_SIZE;
    return true;
}

bool block_chunks_get(const BlockChunks *chunks, u64 ref, BlockChunk *ret, Err *err)
{
    u64 end;
    u64 file = ref >> 32;
    if (file >= chunks->files.count) {
        return err_set(err, ERR_CORRUPT, "%s: a chunk is said to be in segment %06llu of %zu",
                       chunks->dir, (unsigned long long)file + 1, chunks->files.count);
    }
    return read_chunk(chunks, (size_t)file, (u32)ref, ret, &end, err);
}

bool block_chunks_verify(const BlockChunks *chunks, u64 *ret_count, Err *err)
{
    u64 count = 0;
    for (size_t i = 0; i < chunks->files.count; i++) {
        u64 offset = HEADER_SIZE;
        while (offset < chunks->files.at[i].bytes.len) {
            BlockChunk chunk;
            if (!read_chunk(chunks, i, offset, &chunk, &offset, err)) {
                return false;
            }
            count++;
        }
    }
    *ret_count = count;
    return true;
}

/* ---- writing ---- */

struct BlockChunksWriter {
    char *dir; /* owned */
    u64 segment_size;
    u32 segments; /* begun so far */
    BlockOut out;
};

bool block_chunks_writer_new(const char *dir, u64 segment_size, BlockChunksWriter **ret, Err *err)
{
    if (!dir_make(dir, 0777, err)) {
        return false;
    }
    BlockChunksWriter *writer = MEM_NEW(BlockChunksWriter);
    size_t dir_size = strlen(dir) + 1;
    writer->dir = mem_alloc(dir_size);
    memcpy(writer->dir, dir, dir_size);
    writer->segment_size = segment_size ? segment_size : BLOCK_SEGMENT_SIZE_MAX;
    block_out_init(&writer->out);
    *ret = writer;
    return true;
}

BlockChunksWriter *block_chunks_writer_free(BlockChunksWriter *writer)
{
    if (writer) {
        block_out_done(&writer->out);
        mem_free(writer->dir);
        mem_free(writer);
    }
    return NULL;
}

static bool next_segment(BlockChunksWriter *writer, Err *err)
{
    char name[16];
    if (writer->out.fd >= 0 && !block_out_close(&writer->out, err)) {
        return false;
    }
    if (writer->segments == SEGMENTS_MAX) {
        return err_set(err, ERR_LIMIT, "%s: more than %d segments", writer->dir, SEGMENTS_MAX);
    }
    (void)snprintf(name, sizeof(name), "%06u", writer->segments + 1);
    if (!block_out_create(&writer->out, writer->dir, name, err)) {
        return false;
    }
    writer->segments++;
    return block_out_put(&writer->out, segment_header, HEADER_SIZE, err);
}

bool block_chunks_writer_put(BlockChunksWriter *writer, u8 encoding, Str data, u64 *ret_ref,
                             Err *err)
{
    u8 head[VARINT_SIZE_MAX + 1];
    u8 *encoding_at = store_uvarint(head, data.len);
    *encoding_at = encoding;
    size_t head_size = (size_t)(encoding_at - head) + 1;
    u64 size = head_size + data.len + CRC_SIZE;
    bool full = writer->out.size > HEADER_SIZE && writer->out.size + size > writer->segment_size;
    if ((writer->out.fd < 0 || full) && !next_segment(writer, err)) {
        return false;
    }
    u64 ref = (u64)(writer->segments - 1) << 32 | writer->out.size;
    u32 crc = crc32c(crc32c(0, encoding_at, 1), data.ptr, data.len);
    u8 tail[CRC_SIZE] = {(u8)(crc >> 24), (u8)(crc >> 16), (u8)(crc >> 8), (u8)crc};
    if (!block_out_put(&writer->out, head, head_size, err) ||
        !block_out_put(&writer->out, data.ptr, data.len, err) ||
        !block_out_put(&writer->out, tail, sizeof(tail), err)) {
        return false;
    }
    *ret_ref = ref;
    return true;
}

bool block_chunks_writer_finish(BlockChunksWriter *writer, Err *err)
{
    return (writer->out.fd < 0 || block_out_close(&writer->out, err)) && dir_sync(writer->dir, err);
}
