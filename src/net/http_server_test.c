/* Tests of net/http_server.h: routes, parameters, replies, listeners. */
#include "net/http_server.h"

#include "base/mem.h"
#include "base/test.h"
#include "codec/compress.h"
#include "net/http_fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void say_route(HttpExchange *exchange, const char *name)
{
    const HttpRequest *request = http_request(exchange);
    Buf out;
    buf_init(&out, 4 * KIB);
    buf_str(&out, str_from(name));
    for (size_t i = 0; i < request->path_param_count; i++) {
        buf_printf(&out, " " STR_FMT "=" STR_FMT, STR_ARG(request->path_params[i].name),
                   STR_ARG(request->path_params[i].value));
    }
    http_reply_buf(exchange, 200, S("text/plain"), &out);
}

static void handle_query(void *self, HttpExchange *exchange)
{
    (void)self;
    say_route(exchange, "query");
}

static void handle_label(void *self, HttpExchange *exchange)
{
    (void)self;
    say_route(exchange, "label");
}

static void handle_rest(void *self, HttpExchange *exchange)
{
    (void)self;
    say_route(exchange, "rest");
}

static void handle_root(void *self, HttpExchange *exchange)
{
    (void)self;
    say_route(exchange, "root");
}

static void handle_options(void *self, HttpExchange *exchange)
{
    (void)self;
    say_route(exchange, "options");
}

/* Body, parameters and header as the handler sees them. */
static void handle_echo(void *self, HttpExchange *exchange)
{
    (void)self;
    const HttpRequest *request = http_request(exchange);
    const HttpParam *params = NULL;
    size_t count = 0;
    Err err;
    if (!http_params(exchange, &params, &count, &err)) {
        http_error(exchange, 400, "%s", err.message);
        return;
    }
    Buf out;
    buf_init(&out, MIB);
    for (size_t i = 0; i < count; i++) {
        buf_printf(&out, "[" STR_FMT "=" STR_FMT "]", STR_ARG(params[i].name),
                   STR_ARG(params[i].value));
    }
    buf_printf(&out, " " STR_FMT, STR_ARG(request->body));
    http_reply_buf(exchange, 200, S("text/plain"), &out);
}

static const Route routes[] = {
    {HTTP_GET, "/", ROUTE_LOOP, handle_root},
    {HTTP_GET | HTTP_POST, "/api/v1/query", ROUTE_LOOP, handle_query},
    {HTTP_GET, "/api/v1/label/:name/values", ROUTE_LOOP, handle_label},
    {HTTP_OPTIONS, "/api/v1/*path", ROUTE_LOOP, handle_options},
    {HTTP_GET, "/static/*file", ROUTE_LOOP, handle_rest},
    {HTTP_GET | HTTP_POST | HTTP_PUT, "/echo", ROUTE_LOOP, handle_echo},
    {HTTP_GET | HTTP_POST, "/worker/echo", ROUTE_WORKER, handle_echo},
};

#define HOST "Host: x\r\n"

TEST(http_server, the_most_specific_route_that_takes_the_method_wins)
{
    static const struct {
        const char *method;
        const char *path;
        u32 status;
        const char *body;
    } cases[] = {
        {"GET", "/", 200, "root"},
        {"GET", "/api/v1/query", 200, "query"},
        {"GET", "/api/v1/query?query=up", 200, "query"},
        {"POST", "/api/v1/query", 200, "query"},
        {"OPTIONS", "/api/v1/query", 200, "options path=query"},
        {"GET", "/api/v1/label/job/values", 200, "label name=job"},
        {"GET", "/api/v1/label/a%2Fb%20c/values", 200, "label name=a/b c"},
        {"GET", "/static/", 200, "rest file="},
        {"GET", "/static/js/a%20b.js", 200, "rest file=js/a b.js"},
        {"GET", "/nothing", 404, "404 page not found\n"},
        {"GET", "/api/v1/label//values", 404, "404 page not found\n"},
        {"GET", "/static/../etc/passwd", 404, "404 page not found\n"},
        {"GET", "/static/%2e%2E/x", 404, "404 page not found\n"},
        {"DELETE", "/echo", 405, "Method Not Allowed\n"},
        {"TRACE", "/echo", 405, "Method Not Allowed\n"},
        {"OPTIONS", "/echo", 200, ""},
        {"OPTIONS", "/nothing", 404, "404 page not found\n"},
        {"OPTIONS", "/api/v1/nothing", 200, "options path=nothing"},
        {"GET", "/api/v1/nothing", 404, "404 page not found\n"}, /* OPTIONS alone is no path */
        {"POST", "/api/v1/label/job/values", 405, "Method Not Allowed\n"},
        {"GET", "/api/v1/", 404, "404 page not found\n"},
        {"POST", "/nothing/", 404, "404 page not found\n"},
        {"GET", "/static/%zz", 400, "400 Bad Request: invalid URL escape \"%zz\"\n"},
    };
    Fixture fixture;
    fixture_open(&fixture, routes, COUNT_OF(routes), NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char request[256];
        (void)snprintf(request, sizeof(request), "%s %s HTTP/1.1\r\n" HOST "\r\n", cases[i].method,
                       cases[i].path);
        Reply reply = fixture_get(&fixture, request);
        CHECK_STR(reply.body, str_from(cases[i].body));
        CHECK_U64(reply.status, cases[i].status);
    }
    Reply reply = fixture_get(&fixture, "DELETE /echo HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(reply_header(&reply, S("Allow")), S("GET, HEAD, POST, PUT, OPTIONS"));
    CHECK_STR(reply_header(&reply, S("Content-Type")), S("text/plain; charset=utf-8"));
    CHECK_STR(reply_header(&reply, S("X-Content-Type-Options")), S("nosniff"));
    fixture_close(&fixture);
}

TEST(http_server, a_slash_too_many_or_too_few_is_redirected)
{
    Fixture fixture;
    fixture_open(&fixture, routes, COUNT_OF(routes), NULL, NULL);
    Reply reply = fixture_get(&fixture, "GET /echo/?a=b HTTP/1.1\r\n" HOST "\r\n");
    CHECK_U64(reply.status, 301);
    CHECK_STR(reply_header(&reply, S("Location")), S("/echo?a=b"));
    reply = fixture_get(&fixture, "POST /echo/ HTTP/1.1\r\n" HOST "\r\n");
    CHECK_U64(reply.status, 308);
    static const char *const squeezed[][2] = {{"//api/v1/query?a=b", "/api/v1/query?a=b"},
                                              {"/api///v1//query/", "/api/v1/query"},
                                              {"//", "/"},
                                              {"///echo", "/echo"}};
    for (size_t i = 0; i < COUNT_OF(squeezed); i++) {
        char request[128];
        (void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n" HOST "\r\n", squeezed[i][0]);
        reply = fixture_get(&fixture, request);
        CHECK_U64(reply.status, 301);
        CHECK_STR(reply_header(&reply, S("Location")), str_from(squeezed[i][1]));
    }
    reply = fixture_get(&fixture, "GET //nothing.example/ HTTP/1.1\r\n" HOST "\r\n");
    CHECK_U64(reply.status, 404);
    fixture_close(&fixture);
}

TEST(http_server, a_prefix_stands_before_every_route)
{
    Fixture fixture;
    fixture_open(&fixture, routes, COUNT_OF(routes), NULL, NULL);
    router_set_prefix(fixture.router, S("/prom/"));
    Reply reply = fixture_get(&fixture, "GET /prom/api/v1/query HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(reply.body, S("query"));
    reply = fixture_get(&fixture, "GET / HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(reply_header(&reply, S("Location")), S("/prom/"));
    reply = fixture_get(&fixture, "GET /prom/ HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(reply.body, S("root"));
    reply = fixture_get(&fixture, "GET /api/v1/query HTTP/1.1\r\n" HOST "\r\n");
    CHECK_U64(reply.status, 404);
    reply = fixture_get(&fixture, "GET /promx/echo HTTP/1.1\r\n" HOST "\r\n");
    CHECK_U64(reply.status, 404);
    fixture_close(&fixture);
}

TEST(http_server, head_has_the_length_of_get_and_no_body)
{
    Fixture fixture;
    fixture_open(&fixture, routes, COUNT_OF(routes), NULL, NULL);
    Client client;
    client_open(&client, &fixture);
    client_printf(&client, "HEAD /api/v1/query HTTP/1.1\r\n" HOST "\r\n"
                           "GET /api/v1/query HTTP/1.1\r\n" HOST "\r\n");
    Reply reply = client_reply(&client, true);
    CHECK_U64(reply.status, 200);
    CHECK_STR(reply_header(&reply, S("Content-Length")), S("5"));
    reply = client_reply(&client, false);
    CHECK_STR(reply.body, S("query"));
    client_close(&client);
    fixture_close(&fixture);
}

TEST(http_server, parameters_come_from_the_body_first_and_errors_are_named)
{
    static const struct {
        const char *target;
        const char *type;
        const char *body;
        u32 status;
        const char *reply;
    } cases[] = {
        {"/echo?a=1&b=2", "application/x-www-form-urlencoded; charset=utf-8", "a=3", 200,
         "[a=3][a=1][b=2] a=3"},
        {"/echo?q=a%2Bb+c&&x", "text/plain", "raw=1", 200, "[q=a+b c][x=] raw=1"},
        {"/echo?a=%4", "text/plain", "", 400, "invalid URL escape \"%4\"\n"},
        {"/echo?a=1;b=2", "text/plain", "", 400, "invalid semicolon separator in query\n"},
        {"/worker/echo", "application/x-www-form-urlencoded", "a=%20", 200, "[a= ] a=%20"},
    };
    Fixture fixture;
    fixture_open(&fixture, routes, COUNT_OF(routes), NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char request[512];
        (void)snprintf(request, sizeof(request),
                       "POST %s HTTP/1.1\r\n" HOST "Content-Type: %s\r\nContent-Length: "
                       "%zu\r\n\r\n%s",
                       cases[i].target, cases[i].type, strlen(cases[i].body), cases[i].body);
        Reply reply = fixture_get(&fixture, request);
        CHECK_STR(reply.body, str_from(cases[i].reply));
        CHECK_U64(reply.status, cases[i].status);
    }
    fixture_close(&fixture);
}

TEST(http_server, packed_request_bodies_arrive_unpacked_within_the_limit)
{
    Fixture fixture;
    HttpServerOpts opts = {.body_max = 100 * KIB};
    fixture_open(&fixture, routes, COUNT_OF(routes), NULL, &opts);
    for (int large = 0; large < 2; large++) {
        Buf plain;
        Buf packed;
        Err err;
        buf_init(&plain, MIB);
        buf_init(&packed, MIB);
        for (int i = 0; i < (large ? 50000 : 1000); i++) {
            buf_lit(&plain, "abc");
        }
        CHECK_OK(gzip_pack(buf_view(&plain), 6, &packed, &err), &err);
        Client client;
        client_open(&client, &fixture);
        client_printf(&client,
                      "POST /worker/echo HTTP/1.1\r\n" HOST
                      "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                      packed.len);
        CHECK(client_send(&client, buf_view(&packed)));
        Reply reply = client_reply(&client, false);
        CHECK_U64(reply.status, large ? 413 : 200);
        CHECK(large || reply.body.len == plain.len + 1);
        client_close(&client);
        buf_done(&plain);
        buf_done(&packed);
    }
    Reply reply = fixture_get(&fixture, "POST /worker/echo HTTP/1.1\r\n" HOST
                                        "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc");
    CHECK_U64(reply.status, 400);
    fixture_close(&fixture);
}

static const Str big_text = STR_INIT("0123456789abcdef");

static void handle_big(void *self, HttpExchange *exchange)
{
    (void)self;
    Buf out;
    buf_init(&out, MIB);
    for (int i = 0; i < 1000; i++) {
        buf_str(&out, big_text);
    }
    if (http_has_param(exchange, S("plain"))) {
        http_keep_plain(exchange);
    }
    http_reply_buf(exchange, 200, http_param(exchange, S("type")), &out);
}

static void handle_small(void *self, HttpExchange *exchange)
{
    (void)self;
    http_set_header(exchange, S("X-Evil"), S("a\r\nSet-Cookie: b"));
    http_reply(exchange, 200, S("text/plain"), S("small"));
}

TEST(http_server, gzip_is_used_when_the_client_takes_it_and_it_pays)
{
    static const struct {
        const char *target;
        const char *accept;
        bool packed;
    } cases[] = {
        {"/big?type=text/plain", "gzip", true},
        {"/big?type=text/plain", "deflate, gzip;q=0.5", true},
        {"/big?type=application/json", "*", true},
        {"/big?type=text/plain", "gzip;q=0", false},
        {"/big?type=text/plain", "*, gzip;q=0.0", false},
        {"/big?type=text/plain", "br", false},
        {"/big?type=image/png", "gzip", false},
        {"/big?type=text/plain&plain=1", "gzip", false},
        {"/small", "gzip", false},
    };
    static const Route big_routes[] = {{HTTP_GET, "/big", ROUTE_WORKER, handle_big},
                                       {HTTP_GET, "/small", ROUTE_LOOP, handle_small}};
    Fixture fixture;
    fixture_open(&fixture, big_routes, COUNT_OF(big_routes), NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char request[256];
        (void)snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\n" HOST "Accept-Encoding: %s\r\n\r\n", cases[i].target,
                       cases[i].accept);
        Reply reply = fixture_get(&fixture, request);
        CHECK_U64(reply.status, 200);
        CHECK_STR(reply_header(&reply, S("Content-Encoding")), cases[i].packed ? S("gzip") : S(""));
        if (cases[i].packed) {
            Buf plain;
            Err err;
            buf_init(&plain, MIB);
            CHECK(reply.body.len < 1000);
            CHECK_OK(gzip_unpack(reply.body, MIB, &plain, &err), &err);
            CHECK_U64(plain.len, 1000 * big_text.len);
            CHECK_STR(reply_header(&reply, S("Vary")), S("Accept-Encoding"));
            buf_done(&plain);
        }
    }
    Reply reply = fixture_get(&fixture, "GET /small HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(reply_header(&reply, S("X-Evil")), S("a  Set-Cookie: b"));
    CHECK_STR(reply_header(&reply, S("Set-Cookie")), S(""));
    fixture_close(&fixture);
}

enum { STREAM_LINES = 200000 };

static void handle_stream(void *self, HttpExchange *exchange)
{
    (void)self;
    http_stream_begin(exchange, 200, S("text/plain"));
    bool ok = true;
    for (u32 i = 0; i < STREAM_LINES && ok; i++) {
        char line[32];
        int len = snprintf(line, sizeof(line), "line %06u\n", i);
        ok = http_write(exchange, (Str){.ptr = line, .len = (size_t)len});
    }
    http_stream_end(exchange);
}

static void handle_stream_empty(void *self, HttpExchange *exchange)
{
    (void)self;
    http_stream_begin(exchange, 200, S("text/plain"));
    (void)http_flush(exchange);
    http_stream_end(exchange);
}

static const Route stream_routes[] = {
    {HTTP_GET, "/stream", ROUTE_WORKER, handle_stream},
    {HTTP_GET, "/empty", ROUTE_WORKER, handle_stream_empty},
};

static void check_lines(Str body)
{
    CHECK_U64(body.len, STREAM_LINES * 12);
    for (u32 i = 0; i < STREAM_LINES; i++) {
        char line[32];
        int len = snprintf(line, sizeof(line), "line %06u\n", i);
        CHECK(memcmp(body.ptr + (size_t)i * 12, line, (size_t)len) == 0);
    }
}

TEST(http_server, a_streamed_reply_arrives_whole_chunked_packed_or_until_the_end)
{
    Fixture fixture;
    fixture_open(&fixture, stream_routes, COUNT_OF(stream_routes), NULL, NULL);
    Reply reply = fixture_get(&fixture, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
    check_lines(reply.body);
    CHECK(!reply.closed);

    reply = fixture_get(&fixture, "GET /stream HTTP/1.0\r\n\r\n");
    check_lines(reply.body);
    CHECK(reply.closed);
    CHECK_STR(reply_header(&reply, S("Transfer-Encoding")), S(""));

    reply = fixture_get(&fixture, "GET /stream HTTP/1.1\r\n" HOST "Accept-Encoding: gzip\r\n\r\n");
    CHECK_STR(reply_header(&reply, S("Content-Encoding")), S("gzip"));
    Buf plain;
    Err err;
    buf_init(&plain, 64 * MIB);
    CHECK_OK(gzip_unpack(reply.body, 64 * MIB, &plain, &err), &err);
    check_lines(buf_view(&plain));
    buf_done(&plain);

    Client client;
    client_open(&client, &fixture);
    client_printf(&client, "HEAD /stream HTTP/1.1\r\n" HOST "\r\n"
                           "GET /empty HTTP/1.1\r\n" HOST "Accept-Encoding: gzip\r\n\r\n"
                           "GET /empty HTTP/1.1\r\n" HOST "\r\n");
    CHECK_U64(client_reply(&client, true).status, 200);
    CHECK_U64(client_reply(&client, false).status, 200);
    CHECK_U64(client_reply(&client, false).body.len, 0);
    client_close(&client);
    fixture_close(&fixture);
}

typedef struct Observed {
    atomic_uint count;
    _Atomic(const char *) route;
    atomic_uint status;
    _Atomic u64 bytes;
} Observed;

static void observe(void *self, const HttpRequest *request, const char *route, u32 status,
                    u64 bytes, i64 elapsed_ns)
{
    Observed *observed = self;
    (void)request;
    (void)elapsed_ns;
    atomic_store(&observed->route, route);
    atomic_store(&observed->status, status);
    atomic_store(&observed->bytes, bytes);
    atomic_fetch_add(&observed->count, 1);
}

TEST(http_server, the_observer_sees_every_reply_with_its_route)
{
    Fixture fixture;
    Observed observed = {0};
    fixture_open(&fixture, routes, COUNT_OF(routes), NULL, NULL);
    router_set_observer(fixture.router, observe, &observed);
    (void)fixture_get(&fixture, "GET /api/v1/label/job/values HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(str_from(atomic_load(&observed.route)), S("/api/v1/label/:name/values"));
    CHECK_U64(atomic_load(&observed.status), 200);
    CHECK_U64(atomic_load(&observed.bytes), 14);
    (void)fixture_get(&fixture, "GET /x HTTP/1.1\r\n" HOST "\r\n");
    CHECK(atomic_load(&observed.route) == NULL);
    CHECK_U64(atomic_load(&observed.status), 404);
    CHECK_U64(atomic_load(&observed.count), 2);
    fixture_close(&fixture);
}

TEST(http_server, a_taken_port_is_one_line_that_says_what_to_change)
{
    Fixture fixture;
    fixture_open(&fixture, routes, COUNT_OF(routes), NULL, NULL);
    char address[64];
    char want[256];
    (void)snprintf(address, sizeof(address), "127.0.0.1:%u", http_server_port(fixture.server));
    (void)snprintf(want, sizeof(want),
                   "prometheus: cannot listen on %s: Address already in use (another process has "
                   "the port; choose another with --web.listen-address)",
                   address);
    Str listen = str_from(address);
    HttpServerOpts opts = {.role = "prometheus", .listen = &listen, .listen_count = 1};
    HttpServer *server = NULL;
    Err err;
    CHECK(!http_server_open(fixture.loops, &opts, fixture.router, &server, &err));
    CHECK_I64(err.code, ERR_EXISTS);
    CHECK_STR(str_from(err.message), str_from(want));
    CHECK(server == NULL);

    (void)snprintf(address, sizeof(address), ":%u", http_server_port(fixture.server));
    listen = str_from(address);
    CHECK(!http_server_open(fixture.loops, &opts, fixture.router, &server, &err));
    CHECK_I64(err.code, ERR_EXISTS);
    fixture_close(&fixture);
}

TEST(http_server, addresses_that_nobody_can_read_are_refused)
{
    static const Str bad[] = {
        STR_INIT(""),        STR_INIT("9090"),  STR_INIT("127.0.0.1:"),   STR_INIT("::1:9090"),
        STR_INIT("a:70000"), STR_INIT("unix:"), STR_INIT("127.0.0.1:-1"),
    };
    LoopSet *loops;
    Err err;
    CHECK_OK(loops_open(1, &loops, &err), &err);
    Router *router = router_new();
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        HttpServerOpts opts = {.role = "test", .listen = &bad[i], .listen_count = 1};
        HttpServer *server = NULL;
        CHECK(!http_server_open(loops, &opts, router, &server, &err));
        CHECK_I64(err.code, ERR_INVALID);
    }
    router_free(router);
    loops_close(loops);
}

TEST(http_server, several_listeners_serve_and_a_unix_socket_is_removed_at_the_end)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "unix:/tmp/vigie-test-%d.sock", (int)getpid());
    Str listen[] = {STR_INIT("127.0.0.1:0"), str_from(path), STR_INIT("[::1]:0")};
    HttpServerOpts opts = {.listen = listen, .listen_count = 2};
    Fixture fixture;
    fixture_open(&fixture, routes, COUNT_OF(routes), NULL, &opts);
    CHECK(access(path + 5, F_OK) == 0);
    CHECK_U64(fixture_get(&fixture, "GET / HTTP/1.1\r\n" HOST "\r\n").status, 200);
    fixture_close(&fixture);
    CHECK(access(path + 5, F_OK) != 0);
}
