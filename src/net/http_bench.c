/*
 * Measures the HTTP server and client on loopback: requests a second over kept connections,
 * pipelined and one at a time; CPU a fetch; bytes of memory an idle connection. Prints one line
 * each. The load generator runs in the same process, on threads of its own; its CPU is measured
 * apart.
 *
 * Layer: net, benchmark only. Thread: main.
 */
#include "base/mem.h"
#include "base/time.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "os/process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    LOADERS = 2,    /* threads that make requests */
    ROUNDS = 40000, /* requests a thread */
    PIPELINE = 16,  /* requests in one write */
    IDLE_CONNECTIONS = 400,
    FETCHES = 20000,
    FETCHES_AT_A_TIME = 8,
    PAGE_SIZE = 50 * 1024, /* bytes of a metrics page */
};

typedef struct Bench {
    LoopSet *loops;
    Pool *pool;
    Router *router;
    HttpServer *server;
} Bench;

static char page[PAGE_SIZE];

static void check(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "bench: %s failed\n", what);
        exit(EXIT_FAILURE);
    }
}

static void handle_small(void *self, HttpExchange *exchange)
{
    (void)self;
    http_reply(exchange, 200, S("text/plain"), S("ok\n"));
}

static void handle_page(void *self, HttpExchange *exchange)
{
    (void)self;
    http_keep_plain(exchange);
    http_reply_static(exchange, 200, S("text/plain"), STR_EMPTY,
                      (Str){.ptr = page, .len = sizeof(page)});
}

static const Route routes[] = {
    {HTTP_GET, "/loop", ROUTE_LOOP, handle_small},
    {HTTP_GET, "/worker", ROUTE_WORKER, handle_small},
    {HTTP_GET, "/page", ROUTE_LOOP, handle_page},
};

static void bench_open(Bench *bench)
{
    static const Str listen[] = {STR_INIT("127.0.0.1:0")};
    Err err = {0};
    check(loops_open(0, &bench->loops, &err), "loops");
    check(pool_open(0, 1024, "bench", &bench->pool, &err), "pool");
    bench->router = router_new();
    router_add(bench->router, routes, COUNT_OF(routes), NULL);
    HttpServerOpts opts = {.role = "bench",
                           .listen = listen,
                           .listen_count = 1,
                           .connections_max = IDLE_CONNECTIONS * 2,
                           .pool = bench->pool};
    check(http_server_open(bench->loops, &opts, bench->router, &bench->server, &err), err.message);
}

static void bench_close(Bench *bench)
{
    http_server_close(bench->server, 100);
    pool_close(bench->pool);
    router_free(bench->router);
    loops_close(bench->loops);
}

static int connect_to(u16 port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    check(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "connect");
    return fd;
}

typedef struct Loader {
    pthread_t thread;
    u16 port;
    const char *path;
    u32 pipeline;
    f64 cpu_s;
} Loader;

static f64 clock_s(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (f64)now.tv_sec + (f64)now.tv_nsec / 1e9;
}

/* Counts replies by their last line, "ok". */
static void read_replies(int fd, u32 count)
{
    char bytes[16 * 1024];
    while (count > 0) {
        ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
        check(got > 0, "recv");
        for (ssize_t i = 0; i + 2 < got; i++) {
            count -= memcmp(bytes + i, "ok\n", 3) == 0;
        }
    }
}

static void *load(void *self)
{
    Loader *loader = self;
    char requests[8192];
    size_t len = 0;
    int fd = connect_to(loader->port);
    for (u32 i = 0; i < loader->pipeline; i++) {
        len += (size_t)snprintf(requests + len, sizeof(requests) - len,
                                "GET %s HTTP/1.1\r\nHost: localhost:9090\r\nUser-Agent: bench\r\n"
                                "Accept: */*\r\n\r\n",
                                loader->path);
    }
    for (u32 done = 0; done < ROUNDS; done += loader->pipeline) {
        check(send(fd, requests, len, 0) == (ssize_t)len, "send");
        read_replies(fd, loader->pipeline);
    }
    (void)close(fd);
    loader->cpu_s = clock_s(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

static void measure_requests(const Bench *bench, const char *path, u32 pipeline)
{
    Loader loaders[LOADERS];
    f64 start_s = clock_s(CLOCK_MONOTONIC);
    f64 cpu_start_s = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    f64 load_cpu_s = 0;
    for (int i = 0; i < LOADERS; i++) {
        loaders[i] =
            (Loader){.port = http_server_port(bench->server), .path = path, .pipeline = pipeline};
        check(pthread_create(&loaders[i].thread, NULL, load, &loaders[i]) == 0, "thread");
    }
    for (int i = 0; i < LOADERS; i++) {
        (void)pthread_join(loaders[i].thread, NULL);
        load_cpu_s += loaders[i].cpu_s;
    }
    f64 wall_s = clock_s(CLOCK_MONOTONIC) - start_s;
    f64 cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_start_s - load_cpu_s;
    f64 total = (f64)LOADERS * ROUNDS;
    (void)printf("server %-8s pipeline %2u: %8.0f requests/s, %5.1f us of server CPU each\n", path,
                 pipeline, total / wall_s, cpu_s / total * 1e6);
}

static u64 resident(void)
{
    ProcessStats stats;
    check(process_stats(&stats, NULL), "process_stats");
    return stats.resident_bytes;
}

static void measure_idle(const Bench *bench)
{
    static int fds[IDLE_CONNECTIONS];
    static const char request[] = "GET /worker HTTP/1.1\r\nHost: x\r\n\r\n";
    for (int round = 0; round < 2; round++) {
        u64 before = resident();
        for (int i = 0; i < IDLE_CONNECTIONS; i++) {
            fds[i] = connect_to(http_server_port(bench->server));
            check(send(fds[i], request, sizeof(request) - 1, 0) > 0, "send");
            read_replies(fds[i], 1);
        }
        u64 after = resident();
        (void)printf("server idle connection after a request, round %d: %.0f bytes\n", round + 1,
                     (f64)(i64)(after - before) / IDLE_CONNECTIONS);
        for (int i = 0; i < IDLE_CONNECTIONS; i++) {
            (void)close(fds[i]);
        }
        usleep(100000);
    }
}

typedef struct Fetcher {
    HttpClient *client;
    Loop *loop;
    HttpFetch fetch;
    atomic_uint *left;
    atomic_uint *running;
} Fetcher;

static void on_fetched(void *self, const HttpFetchResult *result)
{
    Fetcher *fetcher = self;
    check(!result->err && result->body.len == PAGE_SIZE, "fetch");
    if (atomic_fetch_sub(fetcher->left, 1) > FETCHES_AT_A_TIME) {
        (void)http_fetch(fetcher->client, fetcher->loop, &fetcher->fetch);
    } else {
        atomic_fetch_sub(fetcher->running, 1);
    }
}

/* The server's share of the CPU is known from a run with a raw client. */
static void measure_fetches(const Bench *bench)
{
    Fetcher fetchers[FETCHES_AT_A_TIME];
    atomic_uint left = FETCHES;
    atomic_uint running = FETCHES_AT_A_TIME;
    HttpClient *client;
    char url[64];
    check(http_client_open(bench->loops, &client, NULL), "client");
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/page", http_server_port(bench->server));
    f64 start_s = clock_s(CLOCK_MONOTONIC);
    f64 cpu_start_s = clock_s(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < FETCHES_AT_A_TIME; i++) {
        fetchers[i] = (Fetcher){
            .client = client, .loop = loops_next(bench->loops), .left = &left, .running = &running};
        fetchers[i].fetch = (HttpFetch){.method = HTTP_GET,
                                        .url = str_from(url),
                                        .timeout_ms = 10000,
                                        .body_max = MIB,
                                        .body_hint = PAGE_SIZE,
                                        .done = on_fetched,
                                        .self = &fetchers[i]};
        (void)http_fetch(client, fetchers[i].loop, &fetchers[i].fetch);
    }
    while (atomic_load(&running) > 0) {
        usleep(1000);
    }
    f64 wall_s = clock_s(CLOCK_MONOTONIC) - start_s;
    f64 cpu_s = clock_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_start_s;
    (void)printf("client fetch of %d bytes: %.0f fetches/s, %.1f us of CPU each, server included\n",
                 PAGE_SIZE, FETCHES / wall_s, cpu_s / FETCHES * 1e6);
    http_client_close(client);
}

int main(void)
{
    Bench bench;
    memset(page, 'x', sizeof(page));
    u64 start = resident();
    i64 start_ns = time_monotonic_ns();
    bench_open(&bench);
    i64 open_ns = time_monotonic_ns() - start_ns;
    u64 opened = resident();
    HttpClient *client;
    start_ns = time_monotonic_ns();
    check(http_client_open(bench.loops, &client, NULL), "client");
    i64 client_ns = time_monotonic_ns() - start_ns;
    (void)printf("resident at start %.1f MB, with loops and server %.1f MB (in %.1f ms), with the "
                 "client %.1f MB (in %.1f ms)\n",
                 (f64)start / 1e6, (f64)opened / 1e6, (f64)open_ns / 1e6, (f64)resident() / 1e6,
                 (f64)client_ns / 1e6);
    http_client_close(client);
    measure_requests(&bench, "/loop", 1);
    measure_requests(&bench, "/loop", PIPELINE);
    measure_requests(&bench, "/worker", 1);
    measure_idle(&bench);
    measure_fetches(&bench);
    bench_close(&bench);
    return EXIT_SUCCESS;
}
