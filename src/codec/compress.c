/* zstd and snappy: see compress.h; gzip has its own file. Layer: codec. Memory: the caller's Buf.
 * Thread: any. */
#include "codec/compress.h"

#include <snappy-c.h>
#include <string.h>
#include <zstd.h>

enum {
    ZSTD_WINDOW_LOG_MAX = 27, /* 128 MiB: what the format's text asks decoders to bear */
    SNAPPY_RATIO_MAX = 64,    /* a copy of two bytes makes at most 64 */
};
#define CHUNK_FIRST (16 * KIB)
#define CHUNK_MAX   (1 * MIB)

static bool too_large(size_t max, Err *err)
{
    return err_set(err, ERR_LIMIT, "unpacks to more than its limit of %zu bytes", max);
}

/* Where the next part of what comes out goes. */
typedef struct Chunk {
    u8 *at;
    size_t size;
    u8 excess; /* stands in when nothing more may come: a byte in it is one too many */
} Chunk;

static void next_chunk(Chunk *chunk, Buf *out, size_t start, size_t max)
{
    size_t produced = out->len - start;
    size_t want = MIN(MAX(produced, CHUNK_FIRST), CHUNK_MAX);
    size_t left = MIN(max - produced, out->max - out->len);
    chunk->size = MIN(want, left);
    chunk->at = chunk->size > 0 ? buf_reserve(out, chunk->size) : NULL;
    if (!chunk->at) {
        chunk->at = &chunk->excess;
        chunk->size = 1;
    }
}

/* Keeps what was written; false when it was too much. */
static bool take_chunk(const Chunk *chunk, size_t written, Buf *out, size_t max, Err *err)
{
    if (chunk->at == &chunk->excess) {
        return written == 0 || too_large(MIN(max, out->max), err);
    }
    buf_advance(out, written);
    return true;
}

bool zstd_pack(Str in, int level, Buf *out, Err *err)
{
    size_t bound = ZSTD_compressBound(in.len);
    u8 *to = ZSTD_isError(bound) ? NULL : buf_reserve(out, bound);
    if (!to) {
        return err_set(err, ERR_LIMIT, "zstd: no room for %zu bytes", in.len);
    }
    size_t size = ZSTD_compress(to, bound, in.ptr, in.len, level);
    if (ZSTD_isError(size)) {
        return err_set(err, ERR_INTERNAL, "zstd: %s", ZSTD_getErrorName(size));
    }
    buf_advance(out, size);
    return true;
}

static bool zstd_unpack_all(ZSTD_DCtx *context, Str in, size_t max, Buf *out, Err *err)
{
    ZSTD_inBuffer from = {.src = in.ptr, .size = in.len};
    size_t start = out->len;
    size_t hint = 1; /* 0 once a frame is complete and written */
    while (from.pos < from.size || hint != 0) {
        Chunk chunk;
        next_chunk(&chunk, out, start, max);
        ZSTD_outBuffer to = {.dst = chunk.at, .size = chunk.size};
        size_t before = from.pos;
        hint = ZSTD_decompressStream(context, &to, &from);
        if (ZSTD_isError(hint)) {
            return err_set(err, ERR_INVALID, "zstd: %s", ZSTD_getErrorName(hint));
        }
        if (!take_chunk(&chunk, to.pos, out, max, err)) {
            return false;
        }
        if (from.pos == before && to.pos == 0 && hint != 0) {
            return err_set(err, ERR_INVALID, "zstd: unexpected EOF");
        }
    }
    return true;
}

bool zstd_unpack(Str in, size_t max, Buf *out, Err *err)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    if (!context) {
        return err_set(err, ERR_LIMIT, "zstd: out of memory");
    }
    (void)ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
    size_t start = out->len;
    bool ok = zstd_unpack_all(context, in, max, out, err);
    (void)ZSTD_freeDCtx(context);
    if (!ok) {
        out->len = start;
    }
    return ok;
}

bool snappy_pack(Str in, Buf *out, Err *err)
{
    size_t size = snappy_max_compressed_length(in.len);
    u8 *to = in.len <= UINT32_MAX ? buf_reserve(out, size) : NULL;
    if (!to) {
        return err_set(err, ERR_LIMIT, "snappy: no room for %zu bytes", size);
    }
    if (snappy_compress(in.len ? in.ptr : "", in.len, (char *)to, &size) != SNAPPY_OK) {
        return err_set(err, ERR_INTERNAL, "snappy: pack failed");
    }
    buf_advance(out, size);
    return true;
}

bool snappy_unpack(Str in, size_t max, Buf *out, Err *err)
{
    size_t size;
    if (in.len == 0 || snappy_uncompressed_length(in.ptr, in.len, &size) != SNAPPY_OK) {
        return err_set(err, ERR_INVALID, "snappy: corrupt input");
    }
    if (size > max) {
        return too_large(max, err);
    }
    if (size / SNAPPY_RATIO_MAX > in.len) {
        return err_set(err, ERR_INVALID, "snappy: corrupt input"); /* so long it cannot become */
    }
    u8 *to = buf_reserve(out, size);
    if (!to) {
        return size == 0 || too_large(out->max, err);
    }
    if (snappy_uncompress(in.ptr, in.len, (char *)to, &size) != SNAPPY_OK) {
        return err_set(err, ERR_INVALID, "snappy: corrupt input");
    }
    buf_advance(out, size);
    return true;
}
