/*
 * Target load: one process that plays many scrape targets, to measure a metrics server from
 * outside.
 *
 *     target_load PORT SERIES
 *
 * Every address of 127.0.0.0/8 on PORT is a target of its own with SERIES series: three counters of
 * four, one gauge of four, eight labels a series with the ones that a scrape adds. A page is made
 * anew for each request, so that values move; what that costs is this process's, not the server's.
 *
 * Bench only. Memory: one page, and the values of every address that was asked. Thread: one, epoll.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TARGETS_MAX = 4096,
    REQUEST_MAX = 16384,  /* bytes of one request */
    LINE_MAX_BYTES = 256, /* bytes of one series line */
    SERIES_PER_FAMILY = 20,
};

typedef struct Target {
    uint64_t *values; /* per series */
} Target;

static Target targets[TARGETS_MAX];
static uint32_t series_count;
static char *page;
static uint64_t random_state = 0x9e3779b97f4a7c15ULL;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static void init_values(Target *target)
{
    target->values = calloc(series_count, sizeof(*target->values));
    if (!target->values) {
        fail("calloc");
    }
    for (uint32_t i = 0; i < series_count; i++) {
        target->values[i] = next_random() % 10000000;
    }
}

/* Half of the counters stand still between two scrapes, as they do in life. */
static void advance(Target *target, uint32_t i)
{
    if (i % 4 == 0) {
        target->values[i] = next_random() % 100000;
    } else if (i % 2 == 1) {
        target->values[i] += next_random() % 100;
    }
}

static size_t put_series(const Target *target, uint32_t i, char *to)
{
    uint32_t family = i / SERIES_PER_FAMILY;
    bool gauge = i % 4 == 0;
    int len = snprintf(to, LINE_MAX_BYTES,
                       "bench_requests_%u{code=\"%u\",handler=\"/api/v2/items/"
                       "%u\",method=\"%s\",zone=\"eu-west-%u\","
                       "shard=\"%u\"} ",
                       family, 200 + i % 5, i % 50, i & 1 ? "GET" : "POST", i % 3, i);
    if (gauge) {
        len +=
            snprintf(to + len, 32, "%llu.%02llu\n", (unsigned long long)(target->values[i] / 100),
                     (unsigned long long)(target->values[i] % 100));
    } else {
        len += snprintf(to + len, 32, "%llu\n", (unsigned long long)target->values[i]);
    }
    return (size_t)len;
}

static size_t make_page(uint32_t address)
{
    Target *target = &targets[address % TARGETS_MAX];
    size_t len = 0;
    if (!target->values) {
        init_values(target);
    }
    for (uint32_t i = 0; i < series_count; i++) {
        if (i % SERIES_PER_FAMILY == 0) {
            len += (size_t)snprintf(
                page + len, LINE_MAX_BYTES,
                "# HELP bench_requests_%u Requests of part %u.\n# TYPE bench_requests_%u "
                "untyped\n",
                i / SERIES_PER_FAMILY, i / SERIES_PER_FAMILY, i / SERIES_PER_FAMILY);
        }
        advance(target, i);
        len += put_series(target, i, page + len);
    }
    return len;
}

static bool send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Requests are small and come whole; a connection that sends anything else is closed. */
static bool answer(int fd)
{
    char request[REQUEST_MAX];
    ssize_t got = recv(fd, request, sizeof(request) - 1, 0);
    if (got <= 0) {
        return false;
    }
    request[got] = '\0';
    struct sockaddr_in local;
    socklen_t local_size = sizeof(local);
    if (!strstr(request, "\r\n\r\n") ||
        getsockname(fd, (struct sockaddr *)&local, &local_size) != 0) {
        return false;
    }
    char head[256];
    size_t size = make_page(ntohl(local.sin_addr.s_addr));
    int head_size = snprintf(
        head, sizeof(head),
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %zu\r\n\r\n",
        size);
    return send_all(fd, head, (size_t)head_size) && send_all(fd, page, size);
}

static int listen_on(uint16_t port)
{
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_ANY)};
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(fd, 4096) != 0) {
        fail("listen");
    }
    return fd;
}

static void watch(int epoll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        fail("epoll_ctl");
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: target_load PORT SERIES\n");
        return EXIT_FAILURE;
    }
    series_count = (uint32_t)strtoul(argv[2], NULL, 10);
    page = malloc((size_t)series_count * LINE_MAX_BYTES * 2 + 4096);
    int listener = listen_on((uint16_t)strtoul(argv[1], NULL, 10));
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener);
    for (;;) {
        struct epoll_event events[64];
        int count = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                int client = accept(listener, NULL, NULL);
                if (client >= 0) {
                    watch(epoll, client);
                }
            } else if (!answer(fd)) {
                (void)close(fd);
            }
        }
    }
}
