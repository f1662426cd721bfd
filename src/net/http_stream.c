/*
 * Streamed replies: a worker gathers bytes, hands blocks of them to the loop, and waits while more
 * than a window of them is on the way to a slow client.
 *
 * Layer: net. Memory: at most HTTP_STREAM_WINDOW and two blocks a stream. Thread: http_… on the
 * worker; stream_pump and stream_wake on the connection's loop.
 */
#include "base/mem.h"
#include "net/http_internal.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum {
    GZIP_WINDOW_BITS = 15 + 16, /* 16: with gzip's header and trailer */
    GZIP_MEMORY_LEVEL = 8,
    CHUNK_HEAD_SIZE = 10,                          /* bytes of "00007fff\r\n" */
    PACK_STEP = 4096,                              /* bytes of room given to deflate at a time */
    WRITE_STEP = 1024 * 1024,                      /* bytes of http_write taken at a time */
    BLOCK_MAX = HTTP_STREAM_BLOCK + 2 * PACK_STEP, /* a gathered block with its framing */
};

void stream_free(Stream *stream)
{
    if (!stream) {
        return;
    }
    if (stream->gzip) {
        (void)deflateEnd(stream->gzip);
        mem_free(stream->gzip);
    }
    if (stream->ready) {
        evbuffer_free(stream->ready);
    }
    buf_done(&stream->gathered);
    (void)pthread_cond_destroy(&stream->moved);
    (void)pthread_mutex_destroy(&stream->lock);
    mem_free(stream);
}

/* Loop: moves what is ready to the connection. */
static void stream_pump(void *self)
{
    HttpExchange *exchange = self;
    Stream *stream = atomic_load(&exchange->stream);
    struct evbuffer *fresh = evbuffer_new();
    ASSERT(fresh);
    (void)pthread_mutex_lock(&stream->lock);
    struct evbuffer *ready = stream->ready;
    stream->ready = fresh;
    stream->posted = false;
    bool ended = stream->ended;
    (void)pthread_mutex_unlock(&stream->lock);

    if (ended) {
        router_observe(exchange->server->router, exchange);
    }
    if (exchange->connection) {
        connection_send(exchange->connection, ready); /* calls stream_wake */
    } else {
        evbuffer_free(ready);
        stream_wake(exchange, 0);
    }
    if (ended) {
        exchange_finish(exchange);
    }
}

void stream_wake(HttpExchange *exchange, size_t output_size)
{
    Stream *stream = atomic_load(&exchange->stream);
    if (!stream) {
        return;
    }
    (void)pthread_mutex_lock(&stream->lock);
    stream->waiting = output_size + evbuffer_get_length(stream->ready);
    if (stream->waiting < HTTP_STREAM_WINDOW || atomic_load(&exchange->lost)) {
        (void)pthread_cond_signal(&stream->moved);
    }
    (void)pthread_mutex_unlock(&stream->lock);
}

static void free_block(const void *data, size_t size, void *self)
{
    (void)data;
    (void)size;
    mem_free(self);
}

/* Closes the chunk whose data has been gathered behind its place for the size. */
static void chunk_close(Stream *stream)
{
    Buf *block = &stream->gathered;
    if (!stream->chunked || block->len == 0) {
        return;
    }
    if (block->len == CHUNK_HEAD_SIZE) { /* no data: an empty chunk would end the reply */
        buf_clear(block);
        return;
    }
    char head[CHUNK_HEAD_SIZE + 1];
    u32 size = (u32)(block->len - CHUNK_HEAD_SIZE);
    (void)snprintf(head, sizeof(head), "%08x\r\n", size);
    memcpy(block->data, head, CHUNK_HEAD_SIZE);
    buf_lit(block, "\r\n");
}

/* Worker: hands the gathered bytes to the loop once the window has room. */
static bool stream_push(HttpExchange *exchange, Stream *stream, bool end)
{
    Buf *block = &stream->gathered;
    (void)pthread_mutex_lock(&stream->lock);
    while (!end && stream->waiting >= HTTP_STREAM_WINDOW && !atomic_load(&exchange->lost)) {
        (void)pthread_cond_wait(&stream->moved, &stream->lock);
    }
    if (block->len > 0) {
        stream->waiting += block->len;
        (void)evbuffer_add_reference(stream->ready, block->data, block->len, free_block,
                                     block->data);
        *block = (Buf){.max = block->max};
    }
    stream->ended = end;
    bool post = !stream->posted;
    stream->posted = true;
    (void)pthread_mutex_unlock(&stream->lock);
    if (post) {
        loop_call(exchange->at->loop, stream_pump, exchange);
    }
    return !atomic_load(&exchange->lost);
}

/* Where the next `size` bytes of data go, behind the place for the chunk's size. */
static u8 *gather_room(Stream *stream, size_t size)
{
    Buf *block = &stream->gathered;
    if (block->len == 0) {
        (void)buf_reserve(block, BLOCK_MAX);
        buf_advance(block, stream->chunked ? CHUNK_HEAD_SIZE : 0);
    }
    u8 *to = buf_reserve(block, size);
    ASSERT(to); /* pieces are smaller than what BLOCK_MAX leaves */
    return to;
}

/* Packs all of `in`; false when the client has gone. */
static bool gather_packed(HttpExchange *exchange, Stream *stream, Str in, int flush)
{
    z_stream *gzip = stream->gzip;
    gzip->next_in = (Bytef *)(uintptr_t)in.ptr;
    gzip->avail_in = (uInt)in.len;
    do {
        gzip->next_out = gather_room(stream, PACK_STEP);
        gzip->avail_out = PACK_STEP;
        (void)deflate(gzip, flush); /* fails only when misused */
        size_t made = PACK_STEP - gzip->avail_out;
        buf_advance(&stream->gathered, made);
        exchange->reply_bytes += made;
        if (stream->gathered.len >= HTTP_STREAM_BLOCK) {
            chunk_close(stream);
            if (!stream_push(exchange, stream, false)) {
                return false;
            }
        }
    } while (gzip->avail_out == 0);
    return true;
}

static bool gather_plain(HttpExchange *exchange, Stream *stream, Str in)
{
    while (in.len > 0) {
        size_t used = stream->gathered.len;
        size_t size = MIN(in.len, used < HTTP_STREAM_BLOCK ? HTTP_STREAM_BLOCK - used : 1);
        memcpy(gather_room(stream, size), in.ptr, size);
        buf_advance(&stream->gathered, size);
        exchange->reply_bytes += size;
        in = str_skip(in, size);
        if (stream->gathered.len >= HTTP_STREAM_BLOCK) {
            chunk_close(stream);
            if (!stream_push(exchange, stream, false)) {
                return false;
            }
        }
    }
    return true;
}

static bool write_piece(HttpExchange *exchange, Stream *stream, Str piece)
{
    return stream->gzip ? gather_packed(exchange, stream, piece, Z_NO_FLUSH)
                        : gather_plain(exchange, stream, piece);
}

bool http_write(HttpExchange *exchange, Str bytes)
{
    Stream *stream = atomic_load(&exchange->stream);
    ASSERT(stream);
    while (bytes.len > 0 && !stream->discard) {
        Str piece = str_take(bytes, WRITE_STEP);
        if (!write_piece(exchange, stream, piece)) {
            return false;
        }
        bytes = str_skip(bytes, piece.len);
    }
    return !atomic_load(&exchange->lost);
}

bool http_flush(HttpExchange *exchange)
{
    Stream *stream = atomic_load(&exchange->stream);
    ASSERT(stream);
    if (stream->discard) {
        return !atomic_load(&exchange->lost);
    }
    if (stream->gzip && !gather_packed(exchange, stream, STR_EMPTY, Z_SYNC_FLUSH)) {
        return false;
    }
    chunk_close(stream);
    return stream_push(exchange, stream, false);
}

void http_stream_end(HttpExchange *exchange)
{
    Stream *stream = atomic_load(&exchange->stream);
    ASSERT(stream);
    if (!stream->discard && !atomic_load(&exchange->lost)) {
        if (stream->gzip) {
            (void)gather_packed(exchange, stream, STR_EMPTY, Z_FINISH);
        }
        chunk_close(stream);
        if (stream->chunked) {
            buf_lit(&stream->gathered, "0\r\n\r\n");
        }
    }
    (void)stream_push(exchange, stream, true);
}

/* Sizes are unknown, so the type alone decides. */
static z_stream *gzip_new(HttpExchange *exchange, Str content_type)
{
    if (!exchange_choose_gzip(exchange, content_type, SIZE_MAX)) {
        return NULL;
    }
    z_stream *gzip = MEM_NEW(z_stream);
    if (deflateInit2(gzip, HTTP_GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        mem_free(gzip);
        return NULL;
    }
    return gzip;
}

void http_stream_begin(HttpExchange *exchange, u32 status, Str content_type)
{
    ASSERT(!exchange->replied);
    exchange->status = status;
    Stream *stream = MEM_NEW(Stream);
    (void)pthread_mutex_init(&stream->lock, NULL);
    (void)pthread_cond_init(&stream->moved, NULL);
    stream->ready = evbuffer_new();
    ASSERT(stream->ready);
    stream->chunked = exchange->parser.minor_version == 1;
    stream->discard = exchange->request.method == HTTP_HEAD;
    stream->gzip = gzip_new(exchange, content_type);
    buf_init(&stream->gathered, BLOCK_MAX);

    exchange->replied = true;
    Buf head;
    buf_init(&head, HTTP_HEAD_MAX);
    exchange_put_head(exchange, &head, content_type, stream->gzip ? S("gzip") : STR_EMPTY, -1);
    (void)evbuffer_add(stream->ready, head.data, head.len);
    buf_done(&head);
    atomic_store(&exchange->stream, stream);
}
