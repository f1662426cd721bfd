/*
 * Tests of the HTTP server against clients that are slow, cut off, greedy or gone: raw sockets
 * against a whole server.
 */
#include "base/mem.h"
#include "base/random.h"
#include "base/test.h"
#include "base/time.h"
#include "net/http_fixture.h"
#include "os/process.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST "Host: x\r\n"

enum {
    STREAM_SIZE = 50 * 1024 * 1024,      /* bytes of a reply that nobody reads */
    STREAM_MEMORY_MAX = 4 * 1024 * 1024, /* bytes the process may grow by meanwhile */
    HANG_MS = 60 * 1000, /* for what comes at once on an idle machine, and later on a busy one */
};

typedef struct Handlers {
    atomic_size_t written; /* bytes http_write took */
    atomic_bool stream_done;
    atomic_bool write_failed;
    atomic_bool waiting; /* a handler runs until it sees its client gone */
    atomic_bool saw_gone;
    atomic_bool release; /* lets handle_block return */
    atomic_uint blocked;
} Handlers;

static void handle_number(void *self, HttpExchange *exchange)
{
    (void)self;
    http_reply(exchange, 200, S("text/plain"), http_param(exchange, S("n")));
}

static void handle_length(void *self, HttpExchange *exchange)
{
    (void)self;
    char text[32];
    int len = snprintf(text, sizeof(text), "%zu", http_request(exchange)->body.len);
    http_reply(exchange, 200, S("text/plain"), (Str){.ptr = text, .len = (size_t)len});
}

static void handle_stream(void *self, HttpExchange *exchange)
{
    static char block[16 * 1024];
    Handlers *handlers = self;
    memset(block, 'x', sizeof(block));
    http_stream_begin(exchange, 200, S("application/octet-stream"));
    for (size_t at = 0; at < STREAM_SIZE; at += sizeof(block)) {
        if (!http_write(exchange, (Str){.ptr = block, .len = sizeof(block)})) {
            atomic_store(&handlers->write_failed, true);
            break;
        }
        atomic_fetch_add(&handlers->written, sizeof(block));
    }
    http_stream_end(exchange);
    atomic_store(&handlers->stream_done, true);
}

static void handle_until_gone(void *self, HttpExchange *exchange)
{
    Handlers *handlers = self;
    atomic_store(&handlers->waiting, true);
    for (int i = 0; i < HANG_MS / 5 && !http_client_gone(exchange); i++) {
        usleep(5000);
    }
    atomic_store(&handlers->saw_gone, http_client_gone(exchange));
    http_reply(exchange, 200, S("text/plain"), S("late"));
}

static void handle_block(void *self, HttpExchange *exchange)
{
    Handlers *handlers = self;
    atomic_fetch_add(&handlers->blocked, 1);
    while (!atomic_load(&handlers->release)) {
        usleep(1000);
    }
    http_reply(exchange, 200, S("text/plain"), S("released"));
}

static const Route routes[] = {
    {HTTP_GET, "/loop", ROUTE_LOOP, handle_number},
    {HTTP_GET, "/worker", ROUTE_WORKER, handle_number},
    {HTTP_POST, "/length", ROUTE_WORKER, handle_length},
    {HTTP_GET, "/stream", ROUTE_WORKER, handle_stream},
    {HTTP_GET, "/until-gone", ROUTE_WORKER, handle_until_gone},
    {HTTP_GET, "/block", ROUTE_WORKER, handle_block},
};

static void open_with(Fixture *fixture, Handlers *handlers, HttpServerOpts opts)
{
    memset(handlers, 0, sizeof(*handlers));
    fixture_open(fixture, routes, COUNT_OF(routes), handlers, &opts);
}

/* False: it hangs. */
static bool becomes(const atomic_bool *flag)
{
    i64 until_ns = time_monotonic_ns() + HANG_MS * NS_PER_MS;
    while (!atomic_load(flag) && time_monotonic_ns() < until_ns) {
        usleep(1000);
    }
    return atomic_load(flag);
}

/* That many handlers stand in handle_block. False: it hangs. */
static bool blocks(const Handlers *handlers, u32 count)
{
    i64 until_ns = time_monotonic_ns() + HANG_MS * NS_PER_MS;
    while (atomic_load(&handlers->blocked) < count && time_monotonic_ns() < until_ns) {
        usleep(1000);
    }
    return atomic_load(&handlers->blocked) >= count;
}

/* How many of the clients have an answer, once they are `want` or it hangs. */
static int count_answered(Client *clients, int count, int want)
{
    i64 until_ns = time_monotonic_ns() + HANG_MS * NS_PER_MS;
    int answered;
    do {
        usleep(1000);
        answered = 0;
        for (int i = 0; i < count; i++) {
            (void)client_ended(&clients[i], 0); /* takes in what has come */
            answered += clients[i].in.len > 0;
        }
    } while (answered < want && time_monotonic_ns() < until_ns);
    return answered;
}

TEST(http_hostile, a_request_cut_anywhere_ends_its_connection_and_nothing_else)
{
    static const char request[] =
        "POST /length HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    Fixture fixture;
    Handlers handlers;
    open_with(&fixture, &handlers, (HttpServerOpts){0});
    for (size_t cut = 0; cut < sizeof(request) - 1; cut++) {
        Client client;
        client_open(&client, &fixture);
        CHECK(client_send(&client, (Str){.ptr = request, .len = cut}));
        if (cut % 2) {
            client_half_close(&client);
            CHECK(client_ended(&client, 2000));
            CHECK_U64(client.in.len, 0);
        }
        client_close(&client);
    }
    CHECK_STR(fixture_get(&fixture, request).body, S("3"));
    fixture_close(&fixture);
}

TEST(http_hostile, random_bytes_get_an_answer_or_a_closed_connection)
{
    Fixture fixture;
    Handlers handlers;
    Random random;
    random_seed(&random, test_seed());
    open_with(&fixture, &handlers, (HttpServerOpts){.read_timeout_ms = 200});
    for (int run = 0; run < 200; run++) {
        char bytes[512];
        Client client;
        size_t len = random_below(&random, sizeof(bytes));
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (char)random_u64(&random);
        }
        client_open(&client, &fixture);
        (void)client_send(&client, (Str){.ptr = bytes, .len = len});
        client_half_close(&client);
        CHECK(client_ended(&client, 2000));
        client_close(&client);
    }
    CHECK_STR(fixture_get(&fixture, "GET /loop?n=1 HTTP/1.1\r\n" HOST "\r\n").body, S("1"));
    fixture_close(&fixture);
}

TEST(http_hostile, a_slow_head_or_body_is_told_408_and_an_idle_connection_just_ends)
{
    static const char *const beginnings[] = {
        "GET /loop HTTP/1.1\r\nHos",
        "POST /length HTTP/1.1\r\n" HOST "Content-Length: 10\r\n\r\nabc",
        "POST /length HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nab",
    };
    Fixture fixture;
    Handlers handlers;
    open_with(&fixture, &handlers, (HttpServerOpts){.read_timeout_ms = 150});
    for (size_t i = 0; i < COUNT_OF(beginnings); i++) {
        Client client;
        i64 start_ns = time_monotonic_ns();
        client_open(&client, &fixture);
        CHECK(client_send(&client, str_from(beginnings[i])));
        CHECK_U64(client_reply(&client, false).status, 408);
        CHECK(client_ended(&client, 2000));
        CHECK(time_monotonic_ns() - start_ns >= 150 * NS_PER_MS);
        client_close(&client);
    }
    Client idle;
    client_open(&idle, &fixture);
    CHECK(client_ended(&idle, 2000));
    CHECK_U64(idle.in.len, 0);
    client_close(&idle);
    fixture_close(&fixture);
}

TEST(http_hostile, dripping_bytes_does_not_stretch_the_time_for_a_request)
{
    Fixture fixture;
    Handlers handlers;
    Client client;
    open_with(&fixture, &handlers, (HttpServerOpts){.read_timeout_ms = 200});
    client_open(&client, &fixture);
    i64 start_ns = time_monotonic_ns();
    bool open = client_send(&client, S("GET /loop HTTP/1.1\r\n"));
    while (open && time_monotonic_ns() - start_ns < 3 * NS_PER_SECOND) {
        usleep(20000);
        open = client_send(&client, S("a:\r\n")) && !client_ended(&client, 0);
    }
    CHECK(time_monotonic_ns() - start_ns < 2 * NS_PER_SECOND);
    client_close(&client);
    fixture_close(&fixture);
}

TEST(http_hostile, a_huge_head_or_body_is_refused_while_it_is_still_coming)
{
    static const struct {
        const char *head;
        const char *part; /* repeated */
        u32 status;
    } cases[] = {
        {"GET /loop HTTP/1.1\r\n" HOST, "X-Long: 0123456789012345678901234567890123456789\r\n",
         431},
        {"GET /loop?n=", "0123456789012345678901234567890123456789", 431},
        {"POST /length HTTP/1.1\r\n" HOST "Content-Length: 100000000\r\n\r\n", "0123456789", 413},
        {"POST /length HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n",
         "a\r\n0123456789\r\n", 413},
    };
    Fixture fixture;
    Handlers handlers;
    open_with(&fixture, &handlers, (HttpServerOpts){.header_max = 8 * KIB, .body_max = 64 * KIB});
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Client client;
        Buf parts;
        buf_init(&parts, 512 * KIB);
        while (parts.len < 400 * KIB) {
            buf_str(&parts, str_from(cases[i].part));
        }
        client_open(&client, &fixture);
        CHECK(client_send(&client, str_from(cases[i].head)));
        (void)client_send(&client, buf_view(&parts));
        CHECK_U64(client_reply(&client, false).status, cases[i].status);
        CHECK(client_ended(&client, 3000));
        client_close(&client);
        buf_done(&parts);
    }
    fixture_close(&fixture);
}

TEST(http_hostile, pipelined_requests_are_answered_in_order)
{
    enum { REQUESTS = 1000 };
    Fixture fixture;
    Handlers handlers;
    Client client;
    Buf requests;
    buf_init(&requests, MIB);
    for (int i = 0; i < REQUESTS; i++) {
        buf_printf(&requests, "GET /%s?n=%d HTTP/1.1\r\n" HOST "\r\n", i % 3 ? "loop" : "worker",
                   i);
    }
    open_with(&fixture, &handlers, (HttpServerOpts){0});
    client_open(&client, &fixture);
    CHECK(client_send(&client, buf_view(&requests)));
    for (int i = 0; i < REQUESTS; i++) {
        char want[16];
        (void)snprintf(want, sizeof(want), "%d", i);
        CHECK_STR(client_reply(&client, false).body, str_from(want));
    }
    client_close(&client);
    buf_done(&requests);
    fixture_close(&fixture);
}

typedef struct Flood {
    Client client;
    Str requests;
} Flood;

static void *flood(void *self)
{
    Flood *flooder = self;
    (void)client_send(&flooder->client, flooder->requests);
    return NULL;
}

TEST(http_hostile, pipelining_without_reading_stops_the_reading_of_requests)
{
    enum { REQUESTS = 400 };
    static char long_value[8001];
    Fixture fixture;
    Handlers handlers;
    Flood flooder;
    Buf requests;
    buf_init(&requests, 16 * MIB);
    memset(long_value, 'v', sizeof(long_value) - 1);
    for (int i = 0; i < REQUESTS; i++) {
        buf_printf(&requests, "GET /loop?n=%s%04d HTTP/1.1\r\n" HOST "\r\n", long_value, i);
    }
    open_with(&fixture, &handlers, (HttpServerOpts){0});
    client_open(&flooder.client, &fixture);
    flooder.requests = buf_view(&requests);
    pthread_t sender;
    CHECK(pthread_create(&sender, NULL, flood, &flooder) == 0);
    usleep(100000); /* the sender is stuck now if its socket buffers are smaller than that */
    for (int i = 0; i < REQUESTS; i++) {
        Reply reply = client_reply(&flooder.client, false);
        char want[16];
        (void)snprintf(want, sizeof(want), "%04d", i);
        CHECK(str_ends_with(reply.body, str_from(want)));
    }
    (void)pthread_join(sender, NULL);
    client_close(&flooder.client);
    buf_done(&requests);
    fixture_close(&fixture);
}

TEST(http_hostile, a_half_closed_client_still_gets_its_answers)
{
    Fixture fixture;
    Handlers handlers;
    Client client;
    open_with(&fixture, &handlers, (HttpServerOpts){0});
    client_open(&client, &fixture);
    client_printf(&client, "GET /worker?n=1 HTTP/1.1\r\n" HOST "\r\n"
                           "GET /loop?n=2 HTTP/1.1\r\n" HOST "\r\n");
    client_half_close(&client);
    CHECK_STR(client_reply(&client, false).body, S("1"));
    CHECK_STR(client_reply(&client, false).body, S("2"));
    CHECK(client_ended(&client, 2000));
    client_close(&client);
    fixture_close(&fixture);
}

TEST(http_hostile, a_stream_that_nobody_reads_ends_in_time_and_in_little_memory)
{
    Fixture fixture;
    Handlers handlers;
    Client client;
    ProcessStats before;
    ProcessStats after;
    Err err;
    int small = 4096;
    open_with(&fixture, &handlers, (HttpServerOpts){.write_timeout_ms = 300});
    CHECK_STR(fixture_get(&fixture, "GET /worker?n=1 HTTP/1.1\r\n" HOST "\r\n").body, S("1"));
    CHECK_OK(process_stats(&before, &err), &err);
    client_open(&client, &fixture);
    (void)setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    client_printf(&client, "GET /stream HTTP/1.1\r\n" HOST "\r\n");
    i64 start_ns = time_monotonic_ns();
    CHECK(becomes(&handlers.stream_done));
    CHECK(time_monotonic_ns() - start_ns < 3 * NS_PER_SECOND);
    CHECK(atomic_load(&handlers.write_failed));
    CHECK(atomic_load(&handlers.written) < STREAM_SIZE / 2);
    CHECK_OK(process_stats(&after, &err), &err);
    CHECK(after.resident_bytes < before.resident_bytes + STREAM_MEMORY_MAX);
    client_close(&client);
    fixture_close(&fixture);
}

TEST(http_hostile, a_stream_that_is_read_slowly_arrives_whole)
{
    /* The whole takes longer than the timeout, each part a twentieth of it on an idle machine. */
    enum { TIMEOUT_MS = 2000, PAUSE_MS = 100, PARTS = 24, PART_SIZE = 2 * 1024 * 1024 };
    Fixture fixture;
    Handlers handlers;
    Client client;
    open_with(&fixture, &handlers, (HttpServerOpts){.write_timeout_ms = TIMEOUT_MS});
    client_open(&client, &fixture);
    client_printf(&client, "GET /stream HTTP/1.0\r\n\r\n");
    for (int i = 0; i < PARTS; i++) {
        usleep(PAUSE_MS * 1000);
        u8 *to = buf_reserve(&client.in, PART_SIZE);
        CHECK(to != NULL);
        CHECK_I64(recv(client.fd, to, PART_SIZE, MSG_WAITALL), PART_SIZE);
        buf_advance(&client.in, PART_SIZE);
    }
    Reply reply = client_reply(&client, false);
    CHECK_U64(reply.body.len, STREAM_SIZE);
    CHECK(!atomic_load(&handlers.write_failed));
    client_close(&client);
    fixture_close(&fixture);
}

TEST(http_hostile, many_connections_live_side_by_side)
{
    enum { CLIENTS = 300, ROUNDS = 10 };
    static Client clients[CLIENTS];
    Fixture fixture;
    Handlers handlers;
    open_with(&fixture, &handlers, (HttpServerOpts){0});
    for (int i = 0; i < CLIENTS; i++) {
        client_open(&clients[i], &fixture);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            client_printf(&clients[i], "GET /%s?n=%d HTTP/1.1\r\n" HOST "\r\n",
                          (i + round) % 8 ? "loop" : "worker", i * ROUNDS + round);
        }
        for (int i = 0; i < CLIENTS; i++) {
            char want[16];
            Reply reply = client_reply(&clients[i], false);
            (void)snprintf(want, sizeof(want), "%d", i * ROUNDS + round);
            /* 64 jobs may wait for the workers: the rest is told so at once */
            CHECK(reply.status == 503 || str_eq(reply.body, str_from(want)));
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        client_close(&clients[i]);
    }
    fixture_close(&fixture);
}

TEST(http_hostile, connections_over_the_limit_wait_until_one_ends)
{
    Fixture fixture;
    Handlers handlers;
    Client clients[3];
    open_with(&fixture, &handlers, (HttpServerOpts){.connections_max = 2});
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        client_open(&clients[i], &fixture);
        client_printf(&clients[i], "GET /loop?n=1 HTTP/1.1\r\n" HOST "\r\n");
        if (i < 2) {
            CHECK_STR(client_reply(&clients[i], false).body, S("1"));
        }
    }
    CHECK(!client_ended(&clients[2], 100));
    CHECK_U64(clients[2].in.len, 0);
    client_close(&clients[0]);
    CHECK_STR(client_reply(&clients[2], false).body, S("1"));
    client_close(&clients[1]);
    client_close(&clients[2]);
    fixture_close(&fixture);
}

TEST(http_hostile, a_client_that_leaves_is_noticed_by_the_handler)
{
    Fixture fixture;
    Handlers handlers;
    Client client;
    open_with(&fixture, &handlers, (HttpServerOpts){0});
    client_open(&client, &fixture);
    client_printf(&client, "GET /until-gone HTTP/1.1\r\n" HOST "\r\n");
    CHECK(becomes(&handlers.waiting));
    client_close(&client);
    CHECK(becomes(&handlers.saw_gone));
    CHECK_STR(fixture_get(&fixture, "GET /loop?n=1 HTTP/1.1\r\n" HOST "\r\n").body, S("1"));
    fixture_close(&fixture);
}

TEST(http_hostile, closing_the_server_waits_for_handlers_and_tells_them)
{
    Fixture fixture;
    Handlers handlers;
    Client client;
    open_with(&fixture, &handlers, (HttpServerOpts){0});
    client_open(&client, &fixture);
    client_printf(&client, "GET /until-gone HTTP/1.1\r\n" HOST "\r\n");
    CHECK(becomes(&handlers.waiting));
    i64 start_ns = time_monotonic_ns();
    fixture_close(&fixture); /* with 100 ms of grace */
    CHECK(time_monotonic_ns() - start_ns >= 100 * NS_PER_MS);
    CHECK(atomic_load(&handlers.saw_gone));
    CHECK(client_ended(&client, 1000));
    client_close(&client);
}

TEST(http_hostile, closing_lets_a_running_exchange_end_within_its_grace)
{
    Fixture fixture;
    Handlers handlers;
    Client client;
    Client idle;
    open_with(&fixture, &handlers, (HttpServerOpts){0});
    client_open(&client, &fixture);
    client_open(&idle, &fixture);
    client_printf(&idle, "GET /loop?n=1 HTTP/1.1\r\n" HOST "\r\n");
    CHECK_STR(client_reply(&idle, false).body, S("1"));
    client_printf(&client, "GET /block HTTP/1.1\r\n" HOST "\r\n");
    CHECK(blocks(&handlers, 1));
    atomic_store(&handlers.release, true);
    fixture.server = http_server_close(fixture.server, 2000);
    Reply reply = client_reply(&client, false);
    CHECK_STR(reply.body, S("released"));
    CHECK(client_ended(&idle, 100));
    client_close(&client);
    client_close(&idle);
    fixture_close(&fixture);
}

TEST(http_hostile, peers_that_dawdle_do_not_hold_up_the_end)
{
    static const char *const begun[] = {"", "G", "GET /loop?n=1 HTTP/1.1\r\nHost",
                                        "POST /loop HTTP/1.1\r\n" HOST
                                        "Content-Length: 9\r\n\r\nhalf"};
    Fixture fixture;
    Handlers handlers;
    Client clients[COUNT_OF(begun) + 1];
    open_with(&fixture, &handlers, (HttpServerOpts){0});
    for (size_t i = 0; i < COUNT_OF(begun); i++) {
        client_open(&clients[i], &fixture);
        CHECK(client_send(&clients[i], str_from(begun[i])));
    }
    /* This one gets its reply while the server closes, and does not close after it. */
    Client *answered = &clients[COUNT_OF(begun)];
    client_open(answered, &fixture);
    client_printf(answered, "GET /block HTTP/1.1\r\n" HOST "\r\n");
    CHECK(blocks(&handlers, 1));
    atomic_store(&handlers.release, true);
    i64 start_ns = time_monotonic_ns();
    fixture.server = http_server_close(fixture.server, 20000);
    CHECK(time_monotonic_ns() - start_ns < 5 * NS_PER_SECOND); /* of 20 s */
    CHECK_STR(client_reply(answered, false).body, S("released"));
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        client_close(&clients[i]);
    }
    fixture_close(&fixture);
}

TEST(http_hostile, a_full_queue_of_workers_is_said_at_once)
{
    enum { CLIENTS = 80, WORKERS = 4, TAKEN = WORKERS + 64 }; /* 4 run, 64 wait */
    static Client clients[CLIENTS];
    Fixture fixture;
    Handlers handlers;
    open_with(&fixture, &handlers, (HttpServerOpts){0});
    for (int i = 0; i < CLIENTS; i++) {
        client_open(&clients[i], &fixture);
        client_printf(&clients[i], "GET /block HTTP/1.1\r\n" HOST "\r\n");
        if (i == WORKERS - 1) { /* until each worker has one, they would stand in the queue */
            CHECK(blocks(&handlers, WORKERS));
        }
    }
    CHECK_STR(fixture_get(&fixture, "GET /loop?n=1 HTTP/1.1\r\n" HOST "\r\n").body, S("1"));
    CHECK_I64(count_answered(clients, CLIENTS, CLIENTS - TAKEN), CLIENTS - TAKEN);
    atomic_store(&handlers.release, true);
    int served = 0;
    for (int i = 0; i < CLIENTS; i++) {
        Reply reply = client_reply(&clients[i], false);
        served += reply.status == 200;
        CHECK(reply.status == 200 || str_eq(reply_header(&reply, S("Retry-After")), S("1")));
        client_close(&clients[i]);
    }
    CHECK_I64(served, TAKEN);
    fixture_close(&fixture);
}

TEST(http_hostile, a_client_that_expects_continue_is_told_to_go_on)
{
    Fixture fixture;
    Handlers handlers;
    Client client;
    open_with(&fixture, &handlers, (HttpServerOpts){.body_max = 100});
    client_open(&client, &fixture);
    client_printf(&client, "POST /length HTTP/1.1\r\n" HOST
                           "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    CHECK_U64(client_reply(&client, false).status, 100);
    client_printf(&client, "abc");
    CHECK_STR(client_reply(&client, false).body, S("3"));
    client_printf(&client, "POST /length HTTP/1.1\r\n" HOST
                           "Expect: 100-continue\r\nContent-Length: 101\r\n\r\n");
    CHECK_U64(client_reply(&client, false).status, 413);
    client_close(&client);
    fixture_close(&fixture);
}
