/* Tests of net/http_client.h, against the server of this layer and against sockets that misbehave.
 */
#include "net/http_client.h"

#include "base/test.h"
#include "base/time.h"
#include "net/http_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* curl closes unconnected sockets before it takes them off the loop (http_client.c, on_curl_open):
 * the sanitizer then sees epoll_ctl with a number that another thread has got from the kernel. The
 * call fails and does no harm. */
__attribute__((visibility("default"))) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:epoll_ctl\n";
}

typedef struct Outcome {
    pthread_mutex_t lock;
    pthread_cond_t told;
    u32 calls;
    ErrCode code;
    char message[ERR_MESSAGE_MAX];
    u32 status;
    char body[4096];
    size_t body_len;
    bool spare_is_zero;
    char type[128];
    char url[256];
    u64 wire_bytes;
    bool on_loop;
    Loop *loop;
    HttpFetchHandle *handle;
} Outcome;

static void outcome_init(Outcome *outcome)
{
    *outcome = (Outcome){.calls = 0};
    (void)pthread_mutex_init(&outcome->lock, NULL);
    (void)pthread_cond_init(&outcome->told, NULL);
}

static void keep(char *to, size_t size, Str from)
{
    (void)snprintf(to, size, STR_FMT, STR_ARG(from));
}

static void on_done(void *self, const HttpFetchResult *result)
{
    Outcome *outcome = self;
    (void)pthread_mutex_lock(&outcome->lock);
    outcome->calls++;
    outcome->code = result->err ? result->err->code : ERR_NONE;
    outcome->status = result->status;
    outcome->wire_bytes = result->wire_bytes;
    outcome->on_loop = loop_is_current(outcome->loop);
    keep(outcome->message, sizeof(outcome->message),
         result->err ? str_from(result->err->message) : STR_EMPTY);
    keep(outcome->type, sizeof(outcome->type), result->content_type);
    keep(outcome->url, sizeof(outcome->url), result->final_url);
    keep(outcome->body, sizeof(outcome->body), result->body);
    outcome->body_len = result->body.len;
    outcome->spare_is_zero = !result->err;
    for (size_t i = 0; i < HTTP_BODY_SPARE && !result->err; i++) {
        outcome->spare_is_zero &= result->body.ptr[result->body.len + i] == '\0';
    }
    (void)pthread_cond_signal(&outcome->told);
    (void)pthread_mutex_unlock(&outcome->lock);
}

static void outcome_wait(Outcome *outcome)
{
    (void)pthread_mutex_lock(&outcome->lock);
    while (outcome->calls == 0) {
        (void)pthread_cond_wait(&outcome->told, &outcome->lock);
    }
    (void)pthread_mutex_unlock(&outcome->lock);
}

typedef struct World {
    Fixture fixture;
    HttpClient *client;
    char base[64]; /* "http://127.0.0.1:4711" */
    int silent_fd; /* listens and never answers */
    char silent[64];
} World;

static void silent_open(World *world)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    world->silent_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(world->silent_fd, (struct sockaddr *)&at, sizeof(at)) == 0);
    CHECK(listen(world->silent_fd, 16) == 0);
    CHECK(getsockname(world->silent_fd, (struct sockaddr *)&at, &size) == 0);
    (void)snprintf(world->silent, sizeof(world->silent), "http://127.0.0.1:%u/",
                   ntohs(at.sin_port));
}

/* What the request looked like, as the body of the reply. */
static void handle_mirror(void *self, HttpExchange *exchange)
{
    (void)self;
    const HttpRequest *request = http_request(exchange);
    Str method = http_has_param(exchange, S("hide")) ? STR_EMPTY : request->target;
    Buf out;
    buf_init(&out, MIB);
    buf_printf(&out, "%u " STR_FMT "\n", request->method, STR_ARG(method));
    static const char *const names[] = {"Accept",         "Accept-Encoding", "User-Agent",
                                        "X-Scrape",       "Authorization",   "Cookie",
                                        "Content-Length", "Expect"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        Str value = http_request_header(request, str_from(names[i]));
        if (value.len > 0) {
            buf_printf(&out, "%s: " STR_FMT "\n", names[i], STR_ARG(value));
        }
    }
    buf_str(&out, request->body);
    http_keep_plain(exchange);
    http_reply_buf(exchange, 200, S("text/plain; version=0.0.4"), &out);
}

static void handle_large(void *self, HttpExchange *exchange)
{
    (void)self;
    Buf out;
    buf_init(&out, MIB);
    for (int i = 0; i < 20000; i++) {
        buf_lit(&out, "0123456789");
    }
    http_reply_buf(exchange, 200, S("text/plain"), &out);
}

static void handle_status(void *self, HttpExchange *exchange)
{
    (void)self;
    http_error(exchange, 503, "not now");
}

static void handle_redirect(void *self, HttpExchange *exchange)
{
    (void)self;
    u64 status = 302;
    (void)str_to_u64(http_param(exchange, S("status")), &status);
    http_redirect(exchange, (u32)status, http_param(exchange, S("to")));
}

/* Redirects n times. */
static void handle_again(void *self, HttpExchange *exchange)
{
    (void)self;
    u64 left = 0;
    char to[64];
    CHECK(str_to_u64(http_param(exchange, S("n")), &left));
    if (left == 0) {
        http_reply(exchange, 200, S("text/plain"), S("there"));
        return;
    }
    (void)snprintf(to, sizeof(to), "/again?n=%u", (u32)left - 1);
    http_redirect(exchange, 302, str_from(to));
}

static void handle_remote(void *self, HttpExchange *exchange)
{
    (void)self;
    http_reply(exchange, 200, S("text/plain"), http_request(exchange)->remote);
}

static const Route routes[] = {
    {HTTP_GET, "/remote", ROUTE_LOOP, handle_remote},
    {HTTP_GET, "/again", ROUTE_LOOP, handle_again},
    {HTTP_GET | HTTP_POST | HTTP_PUT | HTTP_DELETE | HTTP_PATCH, "/mirror", ROUTE_LOOP,
     handle_mirror},
    {HTTP_GET, "/large", ROUTE_WORKER, handle_large},
    {HTTP_GET, "/status", ROUTE_LOOP, handle_status},
    {HTTP_GET | HTTP_POST, "/redirect", ROUTE_LOOP, handle_redirect},
};

static void world_open(World *world)
{
    Err err;
    fixture_open(&world->fixture, routes, COUNT_OF(routes), NULL, NULL);
    CHECK_OK(http_client_open(world->fixture.loops, &world->client, &err), &err);
    (void)snprintf(world->base, sizeof(world->base), "http://127.0.0.1:%u",
                   http_server_port(world->fixture.server));
    silent_open(world);
}

static void world_close(World *world)
{
    world->client = http_client_close(world->client);
    fixture_close(&world->fixture);
    (void)close(world->silent_fd);
}

/* Fetches base + path (or an absolute URL) and waits. */
static void fetch(World *world, const char *path, HttpFetch request, Outcome *outcome)
{
    char url[512];
    bool absolute = path[0] != '/';
    (void)snprintf(url, sizeof(url), "%s%s", absolute ? "" : world->base, path);
    outcome_init(outcome);
    outcome->loop = loops_get(world->fixture.loops, 0);
    request.url = str_from(url);
    request.method = request.method ? request.method : HTTP_GET;
    request.timeout_ms = request.timeout_ms ? request.timeout_ms : 5000;
    request.body_max = request.body_max ? request.body_max : MIB;
    request.done = on_done;
    request.self = outcome;
    (void)http_fetch(world->client, outcome->loop, &request);
    outcome_wait(outcome);
}

TEST(http_client, a_fetch_brings_status_type_and_body_on_its_loop)
{
    World world;
    Outcome outcome;
    world_open(&world);
    HttpHeader headers[] = {{S("X-Scrape"), S("5")}, {S("Accept"), S("text/plain;q=0.5")}};
    fetch(&world, "/mirror?a=b", (HttpFetch){.headers = headers, .header_count = 2}, &outcome);
    CHECK_STR(str_from(outcome.message), S(""));
    CHECK_U64(outcome.status, 200);
    CHECK_STR(str_from(outcome.type), S("text/plain; version=0.0.4"));
    CHECK_STR(str_from(outcome.body), S("1 /mirror?a=b\nAccept: text/plain;q=0.5\nUser-Agent: "
                                        "Vigie/" VIGIE_VERSION "\nX-Scrape: 5\n"));
    CHECK(outcome.on_loop);
    CHECK(outcome.spare_is_zero);
    fetch(&world, "/status", (HttpFetch){0}, &outcome);
    CHECK_I64(outcome.code, ERR_NONE);
    CHECK_U64(outcome.status, 503);
    CHECK_STR(str_from(outcome.body), S("not now\n"));
    world_close(&world);
}

TEST(http_client, packed_replies_are_unpacked_and_counted_as_they_came)
{
    World world;
    Outcome outcome;
    world_open(&world);
    fetch(&world, "/large", (HttpFetch){.accept_gzip = true}, &outcome);
    CHECK_I64(outcome.code, ERR_NONE);
    CHECK_U64(outcome.body_len, 200000);
    CHECK(outcome.wire_bytes > 0 && outcome.wire_bytes < 20000);
    fetch(&world, "/large", (HttpFetch){.accept_gzip = false}, &outcome);
    CHECK_U64(outcome.body_len, 200000);
    CHECK_U64(outcome.wire_bytes, 200000);
    world_close(&world);
}

TEST(http_client, methods_and_bodies_arrive_as_given)
{
    static const HttpMethod methods[] = {HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE};
    World world;
    Outcome outcome;
    world_open(&world);
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        char want[32];
        bool body = methods[i] != HTTP_DELETE;
        fetch(&world, "/mirror",
              (HttpFetch){.method = methods[i], .body = body ? S("payload") : STR_EMPTY}, &outcome);
        (void)snprintf(want, sizeof(want), "%u /mirror\n", methods[i]);
        CHECK_U64(outcome.status, 200);
        CHECK(str_starts_with(str_from(outcome.body), str_from(want)));
        CHECK(!body || str_ends_with(str_from(outcome.body), S("Content-Length: 7\npayload")));
    }
    world_close(&world);
}

TEST(http_client, failures_say_what_and_which_kind)
{
    World world;
    Outcome outcome;
    world_open(&world);
    static const struct {
        const char *path;
        HttpFetch request;
        ErrCode code;
        const char *part; /* of the message */
    } cases[] = {
        {"/large", {.body_max = 199999}, ERR_LIMIT, "body exceeds its limit of 199999 bytes"},
        {"/large", {.body_max = 1999, .accept_gzip = true}, ERR_LIMIT, "limit of 1999 bytes"},
        {"http://127.0.0.1:1/", {0}, ERR_UNAVAILABLE, "GET \"http://127.0.0.1:1/\": "},
        {"http://ann:pw@127.0.0.1:1/x", {0}, ERR_UNAVAILABLE, "GET \"http://***@127.0.0.1:1/x\": "},
        {"ftp://127.0.0.1/", {0}, ERR_INVALID, "ftp"},
        {"http://bad host:x/", {0}, ERR_INVALID, "GET"},
        {"file:///etc/passwd", {0}, ERR_INVALID, "file"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        fetch(&world, cases[i].path, cases[i].request, &outcome);
        CHECK_I64(outcome.code, cases[i].code);
        CHECK(str_contains(str_from(outcome.message), str_from(cases[i].part)));
        CHECK_U64(outcome.calls, 1);
    }
    fetch(&world, world.silent, (HttpFetch){.timeout_ms = 80}, &outcome);
    CHECK_I64(outcome.code, ERR_TIMEOUT);
    world_close(&world);
}

TEST(http_client, redirects_are_followed_and_lose_secrets_only_on_another_host)
{
    World world;
    Outcome outcome;
    world_open(&world);
    HttpHeader headers[] = {{S("Authorization"), S("Bearer secret")}, {S("X-Scrape"), S("1")}};
    HttpFetch request = {.headers = headers, .header_count = 2};
    fetch(&world, "/redirect?to=/mirror", request, &outcome);
    CHECK(str_contains(str_from(outcome.body), S("Authorization: Bearer secret")));
    CHECK(str_ends_with(str_from(outcome.url), S("/mirror")));

    char path[128];
    (void)snprintf(path, sizeof(path), "/redirect?to=http://localhost:%u/mirror",
                   http_server_port(world.fixture.server));
    fetch(&world, path, request, &outcome);
    CHECK_U64(outcome.status, 200);
    CHECK(!str_contains(str_from(outcome.body), S("secret")));

    request.method = HTTP_POST;
    request.body = S("payload");
    fetch(&world, "/redirect?to=/mirror&status=307", request, &outcome);
    CHECK(str_ends_with(str_from(outcome.body), S("payload")));
    fetch(&world, "/redirect?to=/mirror&status=303", request, &outcome);
    CHECK(str_starts_with(str_from(outcome.body), S("1 /mirror")));
    CHECK(!str_contains(str_from(outcome.body), S("payload")));
    world_close(&world);
}

TEST(http_client, ten_redirects_are_enough)
{
    World world;
    Outcome outcome;
    world_open(&world);
    fetch(&world, "/again?n=10", (HttpFetch){0}, &outcome);
    CHECK_U64(outcome.status, 200);
    fetch(&world, "/again?n=11", (HttpFetch){0}, &outcome);
    CHECK_I64(outcome.code, ERR_UNAVAILABLE);
    CHECK(str_contains(str_from(outcome.message), S("stopped after 10 redirects")));
    world_close(&world);
}

static void cancel_now(void *self)
{
    http_fetch_cancel(((Outcome *)self)->handle);
}

TEST(http_client, a_canceled_fetch_is_told_once_and_frees_its_place)
{
    World world;
    Outcome outcome;
    world_open(&world);
    outcome_init(&outcome);
    outcome.loop = loops_get(world.fixture.loops, 0);
    HttpFetch request = {.method = HTTP_GET,
                         .url = str_from(world.silent),
                         .timeout_ms = 60000,
                         .body_max = 100,
                         .done = on_done,
                         .self = &outcome};
    outcome.handle = http_fetch(world.client, outcome.loop, &request);
    loop_call(outcome.loop, cancel_now, &outcome);
    outcome_wait(&outcome);
    CHECK_I64(outcome.code, ERR_CANCELED);
    usleep(20000);
    CHECK_U64(outcome.calls, 1);
    world_close(&world);
}

TEST(http_client, closing_cancels_what_runs)
{
    enum { FETCHES = 50 };
    static Outcome outcomes[FETCHES];
    World world;
    world_open(&world);
    for (size_t i = 0; i < FETCHES; i++) {
        outcome_init(&outcomes[i]);
        outcomes[i].loop = loops_next(world.fixture.loops);
        HttpFetch request = {.method = HTTP_GET,
                             .url = str_from(world.silent),
                             .timeout_ms = 60000,
                             .body_max = 100,
                             .done = on_done,
                             .self = &outcomes[i]};
        (void)http_fetch(world.client, outcomes[i].loop, &request);
    }
    world.client = http_client_close(world.client);
    for (size_t i = 0; i < FETCHES; i++) {
        CHECK_U64(outcomes[i].calls, 1);
        CHECK_I64(outcomes[i].code, ERR_CANCELED);
    }
    world_close(&world);
}

TEST(http_client, a_connection_is_used_again)
{
    World world;
    Outcome outcome;
    world_open(&world);
    fetch(&world, "/remote", (HttpFetch){0}, &outcome);
    char first[64];
    keep(first, sizeof(first), str_from(outcome.body));
    fetch(&world, "/remote?again", (HttpFetch){0}, &outcome);
    CHECK(outcome.body_len > 10);
    CHECK_STR(str_from(outcome.body), str_from(first));
    world_close(&world);
}

TEST(http_client, a_unix_socket_takes_the_place_of_the_host)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "unix:/tmp/vigie-client-%d.sock", (int)getpid());
    Str listen[] = {str_from(path)};
    HttpServerOpts opts = {.listen = listen, .listen_count = 1};
    World world;
    Outcome outcome;
    Err err;
    fixture_open(&world.fixture, routes, COUNT_OF(routes), NULL, &opts);
    CHECK_OK(http_client_open(world.fixture.loops, &world.client, &err), &err);
    fetch(&world, "http://docker/mirror", (HttpFetch){.unix_socket = str_from(path + 5)}, &outcome);
    CHECK_U64(outcome.status, 200);
    world.client = http_client_close(world.client);
    fixture_close(&world.fixture);
}
