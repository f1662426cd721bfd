/* HTTP fixture: see http_fixture.h. Layer: net, tests only. Thread: main. */
#include "net/http_fixture.h"

#include "base/mem.h"
#include "base/test.h"
#include "base/time.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REPLY_WAIT_MS = 60 * 1000,         /* a busy machine may need seconds */
    CLIENT_IN_MAX = 128 * 1024 * 1024, /* bytes */
    READ_SIZE = 64 * 1024,
};

void fixture_open(Fixture *fixture, const Route *routes, size_t count, void *self,
                  const HttpServerOpts *given)
{
    static const Str listen[] = {STR_INIT("127.0.0.1:0")};
    HttpServerOpts opts = given ? *given : (HttpServerOpts){0};
    Err err = {0};
    CHECK_OK(loops_open(2, &fixture->loops, &err), &err);
    CHECK_OK(pool_open(4, 64, "test", &fixture->pool, &err), &err);
    fixture->router = router_new();
    router_add(fixture->router, routes, count, self);
    opts.role = "test";
    opts.listen = opts.listen ? opts.listen : listen;
    opts.listen_count = opts.listen_count ? opts.listen_count : 1;
    opts.pool = fixture->pool;
    CHECK_OK(http_server_open(fixture->loops, &opts, fixture->router, &fixture->server, &err),
             &err);
}

void fixture_close(Fixture *fixture)
{
    fixture->server = http_server_close(fixture->server, 100);
    fixture->pool = pool_close(fixture->pool);
    router_free(fixture->router);
    fixture->loops = loops_close(fixture->loops);
}

void client_open(Client *client, const Fixture *fixture)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(fixture->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    buf_init(&client->in, CLIENT_IN_MAX);
    CHECK(client->fd >= 0);
    CHECK(connect(client->fd, (struct sockaddr *)&to, sizeof(to)) == 0);
}

void client_close(Client *client)
{
    if (client->fd >= 0) {
        (void)close(client->fd);
        client->fd = -1;
    }
    buf_done(&client->in);
}

bool client_send(Client *client, Str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(client->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        bytes = str_skip(bytes, sent > 0 ? (size_t)sent : 0);
    }
    return true;
}

void client_printf(Client *client, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    CHECK(len >= 0 && (size_t)len < sizeof(text));
    CHECK(client_send(client, (Str){.ptr = text, .len = (size_t)len}));
}

void client_half_close(Client *client)
{
    CHECK(shutdown(client->fd, SHUT_WR) == 0);
}

/* More bytes into client->in; false at the end of the connection or of the time. */
static bool client_read(Client *client, i64 wait_ms, bool *ret_ended)
{
    struct pollfd poll_one = {.fd = client->fd, .events = POLLIN};
    *ret_ended = false;
    if (poll(&poll_one, 1, (int)wait_ms) <= 0) {
        return false;
    }
    u8 *to = buf_reserve(&client->in, READ_SIZE);
    CHECK(to != NULL);
    ssize_t got = recv(client->fd, to, READ_SIZE, 0);
    if (got <= 0) {
        *ret_ended = true;
        return false;
    }
    buf_advance(&client->in, (size_t)got);
    return true;
}

static bool need(Client *client, size_t size)
{
    bool ended;
    while (client->in.len < size) {
        if (!client_read(client, REPLY_WAIT_MS, &ended)) {
            return false;
        }
    }
    return true;
}

Str reply_header(const Reply *reply, Str name)
{
    Str rest = reply->head;
    Str line;
    while (str_split_next(&rest, '\n', &line)) {
        size_t colon = str_find_byte(line, ':');
        if (colon != STR_NOT_FOUND && str_eq_ignore_case(str_take(line, colon), name)) {
            return str_trim(str_skip(line, colon + 1));
        }
    }
    return STR_EMPTY;
}

/* Unchunks in place; the end of the chunked body, or 0 when bytes are missing. */
static size_t unchunk(Client *client, size_t at, size_t *ret_len)
{
    size_t len = 0;
    size_t from = at;
    for (;;) {
        size_t line_end;
        while ((line_end = str_find(str_skip(buf_view(&client->in), from), S("\r\n"))) ==
               STR_NOT_FOUND) {
            if (!need(client, client->in.len + 1)) {
                return 0;
            }
        }
        size_t size = strtoul((const char *)client->in.data + from, NULL, 16);
        from += line_end + 2;
        if (!need(client, from + size + 2)) {
            return 0;
        }
        memmove(client->in.data + at + len, client->in.data + from, size);
        CHECK(memcmp(client->in.data + from + size, "\r\n", 2) == 0);
        len += size;
        from += size + 2;
        if (size == 0) {
            *ret_len = len;
            return from;
        }
    }
}

Reply client_reply(Client *client, bool to_head)
{
    static Buf kept; /* the reply outlives its bytes in client->in */
    size_t head_end;
    while ((head_end = str_find(buf_view(&client->in), S("\r\n\r\n"))) == STR_NOT_FOUND) {
        CHECK(need(client, client->in.len + 1));
    }
    size_t body_at = head_end + 4;
    Reply reply = {.head = str_take(buf_view(&client->in), body_at)};
    u64 status;
    CHECK(str_starts_with(reply.head, S("HTTP/1.1 ")));
    CHECK(str_to_u64(str_slice(reply.head, 9, 12), &status));
    Str length = reply_header(&reply, S("Content-Length"));
    u64 body_len = 0;
    size_t end = body_at;
    size_t len = 0;
    bool ended = false;
    if (to_head || status == 100 || status == 204 || status == 304) {
        end = body_at;
    } else if (str_to_u64(length, &body_len)) {
        CHECK(need(client, body_at + body_len));
        len = body_len;
        end = body_at + len;
    } else if (str_eq(reply_header(&reply, S("Transfer-Encoding")), S("chunked"))) {
        end = unchunk(client, body_at, &len);
        CHECK(end > 0);
    } else {
        while (client_read(client, REPLY_WAIT_MS, &ended)) {
        }
        CHECK(ended);
        end = client->in.len;
        len = end - body_at;
    }
    buf_done(&kept);
    buf_init(&kept, CLIENT_IN_MAX);
    buf_put(&kept, client->in.data, body_at + len);
    buf_consume(&client->in, end);
    return (Reply){.status = (u32)status,
                   .head = str_take(buf_view(&kept), body_at),
                   .body = str_skip(buf_view(&kept), body_at),
                   .closed = ended};
}

bool client_ended(Client *client, i64 within_ms)
{
    i64 until_ns = time_monotonic_ns() + within_ms * NS_PER_MS;
    bool ended = false;
    while (!ended) {
        i64 left_ms = (until_ns - time_monotonic_ns()) / NS_PER_MS;
        if (!client_read(client, MAX(left_ms, (i64)0), &ended) && !ended) {
            return false;
        }
    }
    return true;
}

Reply fixture_get(const Fixture *fixture, const char *request)
{
    Client client;
    client_open(&client, fixture);
    CHECK(client_send(&client, str_from(request)));
    Reply reply = client_reply(&client, strncmp(request, "HEAD", 4) == 0);
    client_close(&client);
    return reply;
}
