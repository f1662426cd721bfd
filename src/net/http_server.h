/*
 * HTTP server: listeners, requests, replies, routes. HTTP/1.1 with keep-alive, limits on header,
 * body and time, gzip, streamed replies with back-pressure, graceful stop; TLS, users and headers
 * from Prometheus's web configuration file (net/web_config.h).
 *
 * A handler runs either on the connection's loop (ROUTE_LOOP: must not block, sub-millisecond) or
 * on the worker pool (ROUTE_WORKER: may take long and may block in http_write). In both cases it
 * replies by calling http_reply… once before it returns, or keeps the HttpExchange and replies
 * later from any thread.
 *
 * Layer: net. Memory: a request's strings live in its arena until the exchange ends.
 * Thread: see above; a server is opened and closed by one thread that is no loop.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "net/loop.h"
#include "os/pool.h"

enum {
    HTTP_WRITE_PROGRESS_MIN = 64 * 1024, /* bytes; see http_write */
};

typedef enum HttpMethod {
    HTTP_GET = 1 << 0,
    HTTP_HEAD = 1 << 1, /* routes that take GET take HEAD too; the body is not sent */
    HTTP_POST = 1 << 2,
    HTTP_PUT = 1 << 3,
    HTTP_DELETE = 1 << 4,
    HTTP_OPTIONS = 1 << 5,
    HTTP_PATCH = 1 << 6,
} HttpMethod;

typedef struct HttpHeader {
    Str name; /* compared without case */
    Str value;
} HttpHeader;

typedef struct HttpParam {
    Str name;
    Str value;
} HttpParam;

typedef struct HttpRequest {
    HttpMethod method;
    Str target; /* as sent, "/a/b?c=d" */
    Str path;   /* percent-decoded */
    Str query;  /* raw, without '?' */
    Str remote; /* "127.0.0.1:4711" */
    Str host;   /* the Host header */
    Str user;   /* the authenticated user, or empty */
    bool tls;
    bool local; /* the peer is this machine: a loopback address or a Unix socket */
    const HttpHeader *headers;
    size_t header_count;
    Str body;                     /* whole; gzip bodies are unpacked (within the limit) */
    const HttpParam *path_params; /* of the route's ":name" and "*rest" parts */
    size_t path_param_count;
    Arena *arena; /* for the handler's own use; lives as long as the exchange */
} HttpRequest;

typedef struct HttpExchange HttpExchange; /* one request and its reply */

const HttpRequest *http_request(const HttpExchange *exchange);
Str http_request_header(const HttpRequest *request, Str name); /* empty when absent */
Str http_path_param(const HttpRequest *request, Str name);
bool http_accepts_encoding(const HttpRequest *request, Str encoding); /* "gzip", "zstd" … */

/* Parameters of the query string and of a form body (POST), decoded, body first as Go does.
 * ERR_INVALID. */
bool http_params(HttpExchange *exchange, const HttpParam **ret, size_t *ret_count,
                 Err *err) MUST_USE;
Str http_param(HttpExchange *exchange, Str name); /* the first; empty when absent or undecodable */
bool http_has_param(HttpExchange *exchange, Str name);

void http_set_header(HttpExchange *exchange, Str name, Str value); /* copied; before the reply */
void http_keep_plain(HttpExchange *exchange); /* no gzip for this reply: it would not pay */

/* A whole reply. `body` is copied. Compressed when the client takes gzip and it pays. */
void http_reply(HttpExchange *exchange, u32 status, Str content_type, Str body);
void http_reply_buf(HttpExchange *exchange, u32 status, Str content_type,
                    Buf *body); /* takes the buffer's memory */
/* Bytes that live as long as the process (embedded files), already encoded when `encoding` is not
 * empty. */
void http_reply_static(HttpExchange *exchange, u32 status, Str content_type, Str encoding,
                       Str body);
void http_redirect(HttpExchange *exchange, u32 status, Str location);
void http_error(HttpExchange *exchange, u32 status, const char *format, ...)
    PRINTF_LIKE(3, 4);            /* text/plain, one line */
Str http_status_text(u32 status); /* "Not Found" */

/* A streamed reply, chunked. Workers only: http_write waits while the client is slow, and gives up
 * when it takes less than HTTP_WRITE_PROGRESS_MIN bytes in the write time-out. */
void http_stream_begin(HttpExchange *exchange, u32 status, Str content_type);
bool http_write(HttpExchange *exchange,
                Str bytes);              /* false: the client has gone, or was too slow: stop */
bool http_flush(HttpExchange *exchange); /* sends what http_write has gathered; false as above */
void http_stream_end(HttpExchange *exchange);

/* For long work: checked between steps. Also true when the client has only closed its sending side,
 * which looks the same; a reply is still sent then. */
bool http_client_gone(const HttpExchange *exchange);

typedef enum RouteWhere { ROUTE_LOOP, ROUTE_WORKER } RouteWhere;

typedef struct Route {
    u32 methods; /* HttpMethod bits */
    const char
        *path; /* "/api/v1/label/:name/values", "/static/" + "*rest"; the most specific wins */
    RouteWhere where;
    void (*handle)(void *self, HttpExchange *exchange);
} Route;

/*
 * No route: 404 "404 page not found"; a route for other methods: 405 with Allow, or 200 with Allow
 * for OPTIONS. A path that only lacks or only has a final slash too much, or has several slashes in
 * a row, is redirected.
 */
typedef struct Router Router;
Router *router_new(void);
void router_add(Router *router, const Route *routes, size_t count,
                void *self);                        /* routes must outlive the router */
void router_set_prefix(Router *router, Str prefix); /* --web.route-prefix; copied */
void router_set_not_found(Router *router, void (*handle)(void *self, HttpExchange *exchange),
                          void *self);
/* Called with each reply, before its last byte is sent, for counters; on the loop. */
void router_set_observer(Router *router,
                         void (*done)(void *self, const HttpRequest *request, const char *route,
                                      u32 status, u64 bytes, i64 elapsed_ns),
                         void *self);
void router_free(Router *router);

/*
 * Hands an exchange on to the handler that another router has for `path` (raw, behind any prefix),
 * on this thread: how one role answers under another's mount point. Workers only. 404 and 405 as
 * usual.
 */
void router_forward(const Router *router, HttpExchange *exchange, Str path);

typedef struct HttpServerOpts {
    const char *role;  /* for error texts */
    const Str *listen; /* "127.0.0.1:9090", ":9090", "[::1]:9090", "unix:/path"; several are fine */
    size_t listen_count;
    const char *listen_option;                  /* the flag that changes it, for error texts; NULL:
                                                   "--web.listen-address" */
    const char *web_config;                     /* path of the web configuration file, or NULL */
    void (*report)(void *self, const Err *err); /* a changed web configuration is wrong; any thread;
                                                   may be NULL */
    void *report_self;
    size_t header_max;      /* bytes; 0: 64 KiB */
    size_t body_max;        /* bytes; 0: 32 MiB */
    i64 read_timeout_ms;    /* to receive a whole request, and idle keep-alive; 0: 5 min */
    i64 write_timeout_ms;   /* without HTTP_WRITE_PROGRESS_MIN bytes sent; 0: 1 min */
    size_t connections_max; /* 0: 512; more wait in the accept queue */
    Pool *pool;             /* for ROUTE_WORKER; borrowed */
} HttpServerOpts;

typedef struct HttpServer HttpServer;

/*
 * Listens and serves.
 * Errors  ERR_EXISTS for a taken port, naming role, address and the flag to change; ERR_INVALID
 */
bool http_server_open(LoopSet *loops, const HttpServerOpts *opts, Router *router, HttpServer **ret,
                      Err *err) MUST_USE;
/* Stops accepting, lets running exchanges end within `grace_ms`, closes the rest and returns NULL
 * when every handler has replied: each sees http_client_gone by then. Requests that have not wholly
 * arrived after 100 ms are dropped. */
HttpServer *http_server_close(HttpServer *server, i64 grace_ms);
u16 http_server_port(const HttpServer *server); /* of the first TCP listener; useful after ":0" */
