/* gzip and zlib: see compress.h. Layer: codec (zlib). Memory: the caller's Buf. Thread: any. */
#include "codec/compress.h"

#include <limits.h>
#include <zlib.h>

enum {
    WINDOW_BITS = 15,
    FORMAT_GZIP = 16, /* added to the window bits: with gzip's header and trailer */
    FORMAT_EITHER = 32,
    MEMORY_LEVEL = 8,
    STEP_MAX = 1 << 30,     /* bytes given to zlib at a time: its counters are 32 bits wide */
    ROOM_FIRST = 16 * 1024, /* bytes of output asked for at a time */
};

static void give_input(z_stream *stream, Str *in)
{
    Str step = str_take(*in, STEP_MAX);
    stream->next_in = (Bytef *)(uintptr_t)step.ptr;
    stream->avail_in = (uInt)step.len;
    *in = str_skip(*in, step.len);
}

/* Room behind the output's end, at most `room` bytes; false at its limit. */
static bool give_output(z_stream *stream, Buf *out, size_t room)
{
    size_t size = MIN(room, out->max - out->len);
    u8 *to = size > 0 ? buf_reserve(out, size) : NULL;
    stream->next_out = to;
    stream->avail_out = to ? (uInt)size : 0;
    return to != NULL;
}

static bool pack(z_stream *stream, Str in, Buf *out, Err *err)
{
    int status = Z_OK;
    give_input(stream, &in);
    while (status == Z_OK) {
        if (stream->avail_in == 0 && in.len > 0) {
            give_input(stream, &in);
        }
        if (!give_output(stream, out, ROOM_FIRST)) {
            out->overflowed = true;
            return buf_ok(out, err);
        }
        size_t room = stream->avail_out;
        status = deflate(stream, in.len > 0 ? Z_NO_FLUSH : Z_FINISH);
        buf_advance(out, room - stream->avail_out);
    }
    return status == Z_STREAM_END || err_set(err, ERR_INTERNAL, "gzip: zlib says %d", status);
}

bool gzip_pack(Str in, int level, Buf *out, Err *err)
{
    z_stream stream = {0};
    if (deflateInit2(&stream, level, Z_DEFLATED, WINDOW_BITS + FORMAT_GZIP, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return err_set(err, ERR_LIMIT, "gzip: no memory to pack");
    }
    size_t before = out->len;
    bool ok = pack(&stream, in, out, err);
    if (!ok) {
        out->len = before;
    }
    (void)deflateEnd(&stream);
    return ok;
}

/* One member, into out up to `end`. */
static bool unpack_member(z_stream *stream, Str *in, Buf *out, size_t end, Err *err)
{
    int status = Z_OK;
    while (status == Z_OK) {
        if (stream->avail_in == 0 && in->len > 0) {
            give_input(stream, in);
        }
        size_t room = MIN(MAX((size_t)ROOM_FIRST, out->capacity - out->len), (size_t)STEP_MAX);
        room = MIN(room, end - out->len);
        u8 spare; /* at the limit: only the end of the member may still come */
        bool full = room == 0 || !give_output(stream, out, room);
        if (full) {
            stream->next_out = &spare;
            stream->avail_out = 1;
        }
        size_t given = stream->avail_out;
        status = inflate(stream, Z_NO_FLUSH);
        size_t made = given - stream->avail_out;
        if (full && made > 0) {
            return err_set(err, ERR_LIMIT, "unpacks to more than its limit of %zu bytes", end);
        }
        buf_advance(out, full ? 0 : made);
        if (status == Z_BUF_ERROR ||
            (status == Z_OK && stream->avail_in == 0 && in->len == 0 && stream->avail_out > 0)) {
            return err_set(err, ERR_INVALID, "gzip: ends in the middle");
        }
    }
    return status == Z_STREAM_END ||
           err_set(err, ERR_INVALID, "gzip: %s", stream->msg ? stream->msg : "invalid data");
}

bool gzip_unpack(Str in, size_t max, Buf *out, Err *err)
{
    z_stream stream = {0};
    size_t before = out->len;
    size_t end = max > out->max - before ? out->max : before + max;
    if (inflateInit2(&stream, WINDOW_BITS + FORMAT_EITHER) != Z_OK) {
        return err_set(err, ERR_LIMIT, "gzip: no memory to unpack");
    }
    bool ok = true;
    do {
        ok = unpack_member(&stream, &in, out, end, err) && inflateReset(&stream) == Z_OK;
    } while (ok && (stream.avail_in > 0 || in.len > 0));
    if (!ok) {
        out->len = before;
    }
    (void)inflateEnd(&stream);
    return ok;
}
