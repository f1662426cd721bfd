/*
 * HTTP server: listeners, hand-over of connections to the loops, opening and closing.
 *
 * All listeners of a server are on one loop; connections go round all of them. One listening socket
 * for all loops (and not one a loop with SO_REUSEPORT) keeps a taken port an error.
 *
 * Layer: net. Memory: http_server_close. Thread: http_server_open and …_close by one thread that is
 * no loop; accepting on the accept loop.
 */
#include "net/http_server.h"

#include "base/mem.h"
#include "base/time.h"
#include "net/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    HEADER_MAX_DEFAULT = 64 * 1024,       /* bytes */
    BODY_MAX_DEFAULT = 32 * 1024 * 1024,  /* bytes */
    READ_TIMEOUT_MS_DEFAULT = 300 * 1000, /* as --web.read-timeout */
    WRITE_TIMEOUT_MS_DEFAULT = 60 * 1000,
    CONNECTIONS_MAX_DEFAULT = 512, /* as --web.max-connections */
    ACCEPT_AGAIN_MS = 100,         /* pause when the process has no descriptors left */
    SHED_AGAIN_MS = 100,           /* while closing, for peers to end what they have begun */
};

static void listeners_enable(HttpServer *server, bool on)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        struct evconnlistener *events = server->listeners[i].events;
        if (events) {
            (void)(on ? evconnlistener_enable(events) : evconnlistener_disable(events));
        }
    }
}

/* "[::1]:4711"; an IPv4 peer of a socket for both families is printed as IPv4. */
static bool format_remote(const struct sockaddr *address, char *to, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        (void)inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
        (void)snprintf(to, size, "%s:%u", host, ntohs(four->sin_port));
        return (ntohl(four->sin_addr.s_addr) >> 24) == 127;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
        const u8 *bytes = six->sin6_addr.s6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
            (void)snprintf(to, size, "%u.%u.%u.%u:%u", bytes[12], bytes[13], bytes[14], bytes[15],
                           ntohs(six->sin6_port));
            return bytes[12] == 127;
        }
        (void)inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
        (void)snprintf(to, size, "[%s]:%u", host, ntohs(six->sin6_port));
        return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
    }
    (void)snprintf(to, size, "@"); /* a Unix socket; as Go prints it */
    return true;
}

/* False: OpenSSL refused; the socket is closed. */
static bool make_transport(HttpServer *server, int fd, Transport *ret)
{
    Transport transport = {.fd = fd};
    if (server->web) {
        const WebConfig *web = web_config_get(server->web);
        const TlsServer *tls = web_config_tls(web);
        transport.tls = tls ? tls_server_accept(tls, fd) : NULL;
        web_config_release(web);
        if (tls && !transport.tls) {
            transport_close(&transport);
            return false;
        }
    }
    *ret = transport;
    return true;
}

static void on_accept(struct evconnlistener *events, evutil_socket_t fd, struct sockaddr *address,
                      int size, void *self)
{
    (void)events;
    (void)size;
    Listener *listener = self;
    HttpServer *server = listener->server;
    char remote[HTTP_REMOTE_MAX];
    int one = 1;
    bool local = format_remote(address, remote, sizeof(remote));
    Transport transport;
    if (!make_transport(server, fd, &transport)) {
        return;
    }
    if (!listener->socket.unix_path) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    }

    (void)pthread_mutex_lock(&server->lock);
    server->connections++;
    server->accept_full = server->connections >= server->connections_max;
    bool full = server->accept_full;
    (void)pthread_mutex_unlock(&server->lock);
    if (full) {
        listeners_enable(server, false);
    }

    Loop *loop = loops_next(server->loops);
    for (size_t i = 0; i < loops_count(server->loops); i++) {
        if (server->at[i].loop == loop) {
            HttpConnection *connection = connection_new(&server->at[i], transport, local, remote);
            if (loop_is_current(loop)) {
                connection_start(connection);
            } else {
                loop_call(loop, connection_start, connection);
            }
        }
    }
}

static void accept_resume(void *self)
{
    HttpServer *server = self;
    (void)pthread_mutex_lock(&server->lock);
    bool full = server->accept_full;
    (void)pthread_mutex_unlock(&server->lock);
    if (!full) {
        listeners_enable(server, true);
    }
}

/* Out of descriptors: the connection stays in the queue, and asking at once would spin. */
static void on_accept_error(struct evconnlistener *events, void *self)
{
    (void)events;
    Listener *listener = self;
    listeners_enable(listener->server, false);
    loop_timer_arm_ns(listener->server->accept_again, ACCEPT_AGAIN_MS * NS_PER_MS);
}

void server_connection_ended(HttpServer *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->connections--;
    /* Posted under the lock: http_server_close, which sets `closing` under it, then waits for
     * everything posted before. */
    if (server->accept_full && !atomic_load(&server->closing)) {
        server->accept_full = false;
        loop_call(server->accept_loop, accept_resume, server);
    }
    (void)pthread_cond_broadcast(&server->ended);
    (void)pthread_mutex_unlock(&server->lock);
}

static void listeners_start(void *self)
{
    HttpServer *server = self;
    struct event_base *base = loop_base(server->accept_loop);
    server->accept_again = loop_timer_new(server->accept_loop, accept_resume, server);
    for (size_t i = 0; i < server->listener_count; i++) {
        Listener *listener = &server->listeners[i];
        listener->events = evconnlistener_new(base, on_accept, listener, LEV_OPT_CLOSE_ON_EXEC, 0,
                                              listener->socket.fd);
        ASSERT(listener->events); /* fails only for want of a few bytes */
        evconnlistener_set_error_cb(listener->events, on_accept_error);
    }
}

static void listeners_stop(void *self)
{
    HttpServer *server = self;
    for (size_t i = 0; i < server->listener_count; i++) {
        if (server->listeners[i].events) {
            evconnlistener_free(server->listeners[i].events);
        }
        listen_close(&server->listeners[i].socket);
    }
    loop_timer_free(server->accept_again);
    server->listener_count = 0;
}

static void server_loop_start(void *self)
{
    ServerLoop *at = self;
    at->sweep = loop_timer_new(at->loop, connections_sweep, at);
}

static void shed(ServerLoop *at, bool half_received)
{
    HttpConnection *next;
    for (HttpConnection *connection = at->first; connection; connection = next) {
        next = connection->next;
        connection_shed(connection, half_received);
    }
}

static void server_loop_shed(void *self)
{
    shed(self, false);
}

static void server_loop_shed_again(void *self)
{
    shed(self, true);
}

static void server_loop_stop(void *self)
{
    ServerLoop *at = self;
    while (at->first) {
        connection_close(at->first);
    }
    loop_timer_free(at->sweep);
    at->sweep = NULL;
}

static bool server_listen(HttpServer *server, const HttpServerOpts *opts, Err *err)
{
    const char *option = opts->listen_option ? opts->listen_option : "--web.listen-address";
    server->listeners = MEM_ARRAY(Listener, opts->listen_count);
    for (size_t i = 0; i < opts->listen_count; i++) {
        Listener *listener = &server->listeners[i];
        listener->server = server;
        if (!listen_open(opts->role, opts->listen[i], option, &listener->socket, err)) {
            return false;
        }
        server->listener_count++;
        server->port = server->port ? server->port : listener->socket.port;
    }
    return true;
}

static HttpServer *server_new(LoopSet *loops, const HttpServerOpts *opts, Router *router)
{
    size_t count = loops_count(loops);
    HttpServer *server = mem_zero(1, sizeof(*server) + count * sizeof(ServerLoop));
    i64 read_ms = opts->read_timeout_ms ? opts->read_timeout_ms : READ_TIMEOUT_MS_DEFAULT;
    i64 write_ms = opts->write_timeout_ms ? opts->write_timeout_ms : WRITE_TIMEOUT_MS_DEFAULT;
    server->loops = loops;
    server->pool = opts->pool;
    server->router = router;
    server->header_max = opts->header_max ? opts->header_max : HEADER_MAX_DEFAULT;
    server->body_max = opts->body_max ? opts->body_max : BODY_MAX_DEFAULT;
    server->connections_max =
        opts->connections_max ? opts->connections_max : CONNECTIONS_MAX_DEFAULT;
    server->read_timeout_ns = read_ms * NS_PER_MS;
    server->write_timeout_ns = write_ms * NS_PER_MS;
    server->accept_loop = loops_next(loops);
    (void)pthread_mutex_init(&server->lock, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&server->ended, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    for (size_t i = 0; i < count; i++) {
        server->at[i] = (ServerLoop){.server = server, .loop = loops_get(loops, i)};
    }
    return server;
}

static void server_free(HttpServer *server)
{
    (void)pthread_cond_destroy(&server->ended);
    (void)pthread_mutex_destroy(&server->lock);
    server->web = web_config_close(server->web);
    mem_free(server->listeners);
    mem_free(server);
}

bool http_server_open(LoopSet *loops, const HttpServerOpts *opts, Router *router, HttpServer **ret,
                      Err *err)
{
    HttpServer *server = server_new(loops, opts, router);
    if ((opts->web_config &&
         !web_config_open(opts->web_config, opts->report, opts->report_self, &server->web, err)) ||
        !server_listen(server, opts, err)) {
        listeners_stop(server);
        server_free(server);
        return false;
    }
    for (size_t i = 0; i < loops_count(loops); i++) {
        loop_call_wait(server->at[i].loop, server_loop_start, &server->at[i]);
    }
    loop_call_wait(server->accept_loop, listeners_start, server);
    *ret = server;
    return true;
}

/* Waits until nothing is left, or (until_ns > 0) until that instant; false: something is. */
static bool wait_ended(HttpServer *server, i64 until_ns)
{
    struct timespec until = {.tv_sec = until_ns / NS_PER_SECOND,
                             .tv_nsec = until_ns % NS_PER_SECOND};
    (void)pthread_mutex_lock(&server->lock);
    bool ended;
    while (ended = server->exchanges == 0 && server->connections == 0, !ended) {
        if (until_ns == 0) {
            (void)pthread_cond_wait(&server->ended, &server->lock);
        } else if (pthread_cond_timedwait(&server->ended, &server->lock, &until) == ETIMEDOUT) {
            break;
        }
    }
    (void)pthread_mutex_unlock(&server->lock);
    return ended;
}

static void on_all_loops(HttpServer *server, void (*run)(void *self))
{
    for (size_t i = 0; i < loops_count(server->loops); i++) {
        loop_call_wait(server->at[i].loop, run, &server->at[i]);
    }
}

/*
 * The grace is for exchanges with their handlers. A peer that dawdles over its request, or over
 * closing after its reply, gets SHED_AGAIN_MS of it and does not hold up the end.
 */
static void wait_and_shed(HttpServer *server, i64 until_ns)
{
    i64 now_ns;
    do {
        now_ns = time_monotonic_ns();
        if (wait_ended(server, MIN(until_ns, now_ns + SHED_AGAIN_MS * NS_PER_MS))) {
            return;
        }
        on_all_loops(server, server_loop_shed_again);
    } while (now_ns < until_ns);
}

HttpServer *http_server_close(HttpServer *server, i64 grace_ms)
{
    if (!server) {
        return NULL;
    }
    i64 until_ns = time_monotonic_ns() + MAX(grace_ms, (i64)1) * NS_PER_MS;
    (void)pthread_mutex_lock(&server->lock);
    atomic_store(&server->closing, true);
    (void)pthread_mutex_unlock(&server->lock);
    loop_call_wait(server->accept_loop, listeners_stop, server);
    on_all_loops(server, server_loop_shed);
    wait_and_shed(server, until_ns);
    on_all_loops(server, server_loop_stop);
    (void)wait_ended(server, 0);
    server_free(server);
    return NULL;
}

u16 http_server_port(const HttpServer *server)
{
    return server->port;
}
