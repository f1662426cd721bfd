/*
 * Replies: the head of every reply, and replies that are sent whole.
 *
 * Layer: net. Memory: a reply's bytes move from the handler to the connection in one evbuffer.
 * Thread: http_… by whoever handles the exchange; exchange_send and exchange_finish on its loop.
 */
#include "base/mem.h"
#include "base/time.h"
#include "codec/compress.h"
#include "net/http_internal.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    ERROR_TEXT_MAX = 2048, /* bytes of http_error's line; longer ones are cut */
};

static const struct {
    u32 status;
    Str text;
} statuses[] = {
    {200, STR_INIT("OK")},
    {201, STR_INIT("Created")},
    {202, STR_INIT("Accepted")},
    {204, STR_INIT("No Content")},
    {206, STR_INIT("Partial Content")},
    {301, STR_INIT("Moved Permanently")},
    {302, STR_INIT("Found")},
    {303, STR_INIT("See Other")},
    {304, STR_INIT("Not Modified")},
    {307, STR_INIT("Temporary Redirect")},
    {308, STR_INIT("Permanent Redirect")},
    {400, STR_INIT("Bad Request")},
    {401, STR_INIT("Unauthorized")},
    {403, STR_INIT("Forbidden")},
    {404, STR_INIT("Not Found")},
    {405, STR_INIT("Method Not Allowed")},
    {406, STR_INIT("Not Acceptable")},
    {408, STR_INIT("Request Timeout")},
    {409, STR_INIT("Conflict")},
    {410, STR_INIT("Gone")},
    {412, STR_INIT("Precondition Failed")},
    {413, STR_INIT("Request Entity Too Large")},
    {414, STR_INIT("Request URI Too Long")},
    {415, STR_INIT("Unsupported Media Type")},
    {417, STR_INIT("Expectation Failed")},
    {422, STR_INIT("Unprocessable Entity")},
    {429, STR_INIT("Too Many Requests")},
    {431, STR_INIT("Request Header Fields Too Large")},
    {500, STR_INIT("Internal Server Error")},
    {501, STR_INIT("Not Implemented")},
    {502, STR_INIT("Bad Gateway")},
    {503, STR_INIT("Service Unavailable")},
    {504, STR_INIT("Gateway Timeout")},
    {505, STR_INIT("HTTP Version Not Supported")},
};

Str http_status_text(u32 status)
{
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        if (statuses[i].status == status) {
            return statuses[i].text;
        }
    }
    return STR_EMPTY;
}

/* A header value must stay one line, whatever the handler copied into it. */
static void put_clean(Buf *out, Str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        buf_byte(out, c == '\r' || c == '\n' || c == '\0' ? ' ' : (u8)c);
    }
}

static void put_header(Buf *out, Str name, Str value)
{
    buf_str(out, name);
    buf_lit(out, ": ");
    put_clean(out, value);
    buf_lit(out, "\r\n");
}

void http_set_header(HttpExchange *exchange, Str name, Str value)
{
    ASSERT(!exchange->replied);
    exchange->has_encoding |= str_eq_ignore_case(name, S("Content-Encoding"));
    put_header(&exchange->reply_headers, name, value);
}

void http_keep_plain(HttpExchange *exchange)
{
    exchange->keep_plain = true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", made once a second and thread. */
static void put_date(Buf *out)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    static _Thread_local i64 second = -1;
    static _Thread_local char text[64];
    i64 now = time_now_ms() / MS_PER_SECOND;
    if (now != second) {
        Civil at = civil_from_unix(now);
        (void)snprintf(text, sizeof(text), "Date: %s, %02u %s %d %02u:%02u:%02u GMT\r\n",
                       days[at.weekday], at.day, months[at.month - 1], at.year, at.hour, at.minute,
                       at.second);
        second = now;
    }
    buf_str(out, str_from(text));
}

static bool has_body(const HttpExchange *exchange)
{
    u32 status = exchange->status;
    return status >= 200 && status != 204 && status != 304;
}

static void put_connection(HttpExchange *exchange, Buf *out)
{
    exchange->close |= atomic_load(&exchange->server->closing);
    if (exchange->close) {
        buf_lit(out, "Connection: close\r\n");
    } else if (exchange->parser.minor_version == 0) {
        buf_lit(out, "Connection: keep-alive\r\n");
    }
}

void exchange_put_head(HttpExchange *exchange, Buf *out, Str content_type, Str encoding, i64 length)
{
    Str reason = http_status_text(exchange->status);
    buf_lit(out, "HTTP/1.1 ");
    buf_u64(out, exchange->status);
    buf_byte(out, ' ');
    buf_str(out, reason);
    buf_lit(out, "\r\n");
    if (content_type.len > 0) {
        put_header(out, S("Content-Type"), content_type);
    }
    if (encoding.len > 0) {
        put_header(out, S("Content-Encoding"), encoding);
    }
    if (has_body(exchange) && length >= 0) {
        buf_lit(out, "Content-Length: ");
        buf_i64(out, length);
        buf_lit(out, "\r\n");
    } else if (has_body(exchange) && exchange->parser.minor_version == 1) {
        buf_lit(out, "Transfer-Encoding: chunked\r\n");
    } else if (has_body(exchange)) {
        exchange->close = true;
    }
    put_connection(exchange, out);
    put_date(out);
    if (exchange->reply_headers.overflowed) {
        buf_lit(out, "X-Vigie-Headers-Cut: 1\r\n");
    }
    if (exchange->web) {
        size_t count;
        const HttpHeader *headers = web_config_headers(exchange->web, &count);
        for (size_t i = 0; i < count; i++) {
            put_header(out, headers[i].name, headers[i].value);
        }
    }
    buf_str(out, buf_view(&exchange->reply_headers));
    buf_lit(out, "\r\n");
}

static bool compressible(Str type)
{
    static const Str prefixes[] = {
        STR_INIT("text/"),
        STR_INIT("application/json"),
        STR_INIT("application/javascript"),
        STR_INIT("application/openmetrics-text"),
        STR_INIT("application/x-ndjson"),
        STR_INIT("application/xml"),
        STR_INIT("application/yaml"),
        STR_INIT("image/svg+xml"),
    };
    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        if (str_starts_with(type, prefixes[i])) {
            return true;
        }
    }
    return false;
}

bool exchange_choose_gzip(HttpExchange *exchange, Str content_type, size_t size)
{
    if (exchange->keep_plain || exchange->has_encoding || !compressible(content_type)) {
        return false;
    }
    http_set_header(exchange, S("Vary"), S("Accept-Encoding"));
    return size >= HTTP_GZIP_MIN && http_accepts_encoding(&exchange->request, S("gzip"));
}

void exchange_finish(HttpExchange *exchange)
{
    HttpConnection *connection = exchange->connection;
    if (connection) {
        connection_reply_sent(connection);
    }
    exchange_release(exchange);
}

void exchange_send(void *self)
{
    HttpExchange *exchange = self;
    struct evbuffer *reply = exchange->reply;
    exchange->reply = NULL;
    /* First, so that a client with its reply in hand finds itself counted. */
    router_observe(exchange->server->router, exchange);
    if (exchange->connection) {
        connection_send(exchange->connection, reply);
    } else {
        evbuffer_free(reply);
    }
    exchange_finish(exchange);
}

static void send_from_anywhere(HttpExchange *exchange)
{
    if (loop_is_current(exchange->at->loop)) {
        exchange_send(exchange);
    } else {
        loop_call(exchange->at->loop, exchange_send, exchange);
    }
}

/* Puts the head into exchange->reply; the caller adds the body. */
static void begin_reply(HttpExchange *exchange, u32 status, Str content_type, Str encoding,
                        size_t length)
{
    ASSERT(!exchange->replied);
    exchange->replied = true;
    exchange->status = status;
    exchange->reply = evbuffer_new();
    ASSERT(exchange->reply); /* fails only for want of a few bytes */
    Buf head;
    buf_init(&head, HTTP_HEAD_MAX);
    exchange_put_head(exchange, &head, content_type, encoding, (i64)length);
    (void)evbuffer_add(exchange->reply, head.data, head.len);
    buf_done(&head);
}

static bool sends_body(const HttpExchange *exchange)
{
    return exchange->request.method != HTTP_HEAD && has_body(exchange);
}

static void free_block(const void *data, size_t size, void *self)
{
    (void)data;
    (void)size;
    mem_free(self);
}

/* Adds the buffer's memory to the reply; small bodies are copied behind the head, so that both
 * leave in one piece. */
static void add_body_buf(HttpExchange *exchange, Buf *body)
{
    exchange->reply_bytes = body->len;
    if (body->len > HTTP_GZIP_MIN && evbuffer_add_reference(exchange->reply, body->data, body->len,
                                                            free_block, body->data) == 0) {
        body->data = NULL;
        body->len = body->capacity = 0;
        return;
    }
    (void)evbuffer_add(exchange->reply, body->data, body->len);
}

/* True: `packed` holds the body for the wire. */
static bool pack_body(HttpExchange *exchange, Str content_type, Str body, Buf *packed)
{
    if (!exchange_choose_gzip(exchange, content_type, body.len)) {
        return false;
    }
    buf_init(packed, body.len);
    if (!gzip_pack(body, HTTP_GZIP_LEVEL, packed, NULL)) { /* would grow */
        buf_done(packed);
        return false;
    }
    return true;
}

void http_reply(HttpExchange *exchange, u32 status, Str content_type, Str body)
{
    Buf packed;
    if (pack_body(exchange, content_type, body, &packed)) {
        begin_reply(exchange, status, content_type, S("gzip"), packed.len);
        if (sends_body(exchange)) {
            add_body_buf(exchange, &packed);
        }
        buf_done(&packed);
    } else {
        begin_reply(exchange, status, content_type, STR_EMPTY, body.len);
        if (sends_body(exchange)) {
            exchange->reply_bytes = body.len;
            (void)evbuffer_add(exchange->reply, body.ptr, body.len);
        }
    }
    send_from_anywhere(exchange);
}

void http_reply_buf(HttpExchange *exchange, u32 status, Str content_type, Buf *body)
{
    Err err;
    if (!buf_ok(body, &err)) {
        buf_done(body);
        http_error(exchange, 500, "reply %s", err.message);
        return;
    }
    Buf packed;
    if (pack_body(exchange, content_type, buf_view(body), &packed)) {
        buf_done(body);
        begin_reply(exchange, status, content_type, S("gzip"), packed.len);
        *body = packed;
    } else {
        begin_reply(exchange, status, content_type, STR_EMPTY, body->len);
    }
    if (sends_body(exchange)) {
        add_body_buf(exchange, body);
    }
    buf_done(body);
    send_from_anywhere(exchange);
}

void http_reply_static(HttpExchange *exchange, u32 status, Str content_type, Str encoding, Str body)
{
    begin_reply(exchange, status, content_type, encoding, body.len);
    if (sends_body(exchange)) {
        exchange->reply_bytes = body.len;
        (void)evbuffer_add_reference(exchange->reply, body.ptr, body.len, NULL, NULL);
    }
    send_from_anywhere(exchange);
}

void http_redirect(HttpExchange *exchange, u32 status, Str location)
{
    http_set_header(exchange, S("Location"), location);
    http_reply(exchange, status, STR_EMPTY, STR_EMPTY);
}

void http_error(HttpExchange *exchange, u32 status, const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text) - 1, format, args);
    va_end(args);
    size_t used = len < 0 ? 0 : MIN((size_t)len, sizeof(text) - 2);
    text[used++] = '\n';
    http_set_header(exchange, S("X-Content-Type-Options"), S("nosniff"));
    http_reply(exchange, status, S("text/plain; charset=utf-8"), (Str){.ptr = text, .len = used});
}
