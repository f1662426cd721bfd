/*
 * What the files of the HTTP server share: server, connection, exchange, route match.
 *
 * Layer: net, inside the HTTP server; nobody else includes it. Memory: a connection is freed on its
 * loop when it closes; an exchange when its reply has been handed over and its handler has
 * returned, whichever comes last. Thread: every struct says.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "net/http_parser.h"
#include "net/http_server.h"
#include "net/listen.h"
#include "net/transport.h"
#include "net/web_config.h"

#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>

struct evbuffer;
struct evconnlistener;

enum {
    HTTP_REMOTE_MAX = 64,               /* bytes of "[address]:port" */
    HTTP_READ_SIZE = 32 * 1024,         /* bytes a read takes at most */
    HTTP_READS_A_TURN = 4,              /* then other connections get theirs */
    HTTP_PENDING_MAX = 32 * 1024,       /* pipelined bytes kept; over it the socket is not read */
    HTTP_OUTPUT_MAX = 256 * 1024,       /* bytes of replies waiting; over it no request is begun */
    HTTP_STREAM_BLOCK = 32 * 1024,      /* bytes http_write gathers before it sends */
    HTTP_STREAM_WINDOW = 256 * 1024,    /* bytes of a stream on the way; over it http_write waits */
    HTTP_REPLY_HEADERS_MAX = 64 * 1024, /* bytes of http_set_header in a reply */
    HTTP_HEAD_MAX = HTTP_REPLY_HEADERS_MAX + 4096, /* bytes of a reply's head */
    HTTP_LINGER_MS = 1000, /* to read on after an early error reply, so that it arrives */
    HTTP_LINGER_BYTES_MAX = 16 * 1024 * 1024, /* likewise; who sends more loses the reply */
    HTTP_GZIP_MIN = 1024,                     /* bytes; smaller bodies fit one packet either way */
    HTTP_GZIP_LEVEL = 1,     /* half the size for a tenth of level 6's time on metric pages */
    HTTP_AUTH_JOBS_MAX = 16, /* passwords checked at a time, each some 50 ms of a core; over: 503 */
    HTTP_BODIES_MAX = 256 * 1024 * 1024, /* bytes of request bodies a server holds; over it: 503 */
};

typedef struct HttpConnection HttpConnection;

/* What a server has on one loop. Thread: that loop. */
typedef struct ServerLoop {
    HttpServer *server;
    Loop *loop;
    HttpConnection *first;
    LoopTimer *sweep; /* looks at all deadlines; armed while there are connections */
    bool sweeping;
} ServerLoop;

typedef struct Listener {
    HttpServer *server;
    ListenSocket socket;
    struct evconnlistener *events; /* owned, with the socket's descriptor */
} Listener;

struct HttpServer {
    /* Immutable once open. */
    LoopSet *loops;
    Pool *pool;
    Router *router;
    size_t header_max;
    size_t body_max;
    size_t connections_max;
    i64 read_timeout_ns;
    i64 write_timeout_ns;
    u16 port;
    Loop *accept_loop;
    WebConfigFile *web;  /* NULL: plain HTTP for everybody */
    Listener *listeners; /* owned; their events belong to the accept loop */
    size_t listener_count;
    LoopTimer *accept_again; /* when the process had run out of descriptors; accept loop */

    atomic_bool closing;
    atomic_size_t body_bytes; /* of request bodies being held */
    atomic_uint auth_jobs;    /* passwords being checked */

    pthread_mutex_t lock; /* guards the next three; `ended` is signalled when a count falls */
    pthread_cond_t ended;
    size_t connections;
    size_t exchanges;
    bool accept_full; /* no listener accepts until a connection closes */

    ServerLoop at[]; /* one a loop */
};

typedef enum ConnectionState {
    CONNECTION_RECEIVING, /* between requests or in the middle of one */
    CONNECTION_HANDLING,  /* the exchange is with its handler */
    CONNECTION_FLUSHING,  /* closes when the output is sent */
    CONNECTION_LINGERING, /* sent and shut down; reads and forgets until the peer closes */
} ConnectionState;

/* Thread: its loop. */
struct HttpConnection {
    ServerLoop *at;
    HttpConnection *next;
    HttpConnection **link; /* what points at this one */
    Transport transport;
    struct event read_event;
    struct event write_event;
    ConnectionState state;
    HttpExchange *exchange; /* being received or handled; NULL between requests */
    Buf pending;            /* bytes behind the request in work */
    struct evbuffer *out;   /* what the socket did not take yet; NULL when nothing */
    i64 read_deadline_ns;   /* monotonic; 0: none */
    size_t lingered;        /* bytes read and forgotten since CONNECTION_LINGERING */
    i64 write_deadline_ns;  /* 0: nothing waits */
    size_t out_progress;    /* bytes sent since write_deadline_ns was set */
    bool reading;           /* read_event is armed */
    bool half_closed;       /* the peer sends no more */
    bool read_wants_write;  /* TLS: reading goes on when the socket is writable */
    bool parsing;           /* connection_parse is on the stack: it flushes at its end */
    bool local;
    char remote[HTTP_REMOTE_MAX];
};

/* A streamed reply between its worker and the loop. */
typedef struct Stream {
    pthread_mutex_t lock; /* guards ready, waiting, posted, ended */
    pthread_cond_t moved; /* room in the window, or the client has gone */
    struct evbuffer *ready;
    size_t waiting; /* bytes in `ready` and in the connection's output */
    bool posted;    /* stream_pump is queued on the loop */
    bool ended;

    /* Worker only. */
    Buf gathered;
    struct z_stream_s *gzip; /* NULL: plain */
    bool chunked;            /* false for HTTP/1.0: the end is the closed connection */
    bool discard;            /* HEAD */
} Stream;

typedef struct RouteMatch {
    const Route *route; /* NULL: none takes this method and path */
    void *self;
    const HttpParam *params;
    size_t param_count;
    u32 allowed;  /* methods that the path has routes for */
    Str redirect; /* the path with or without a final slash, when only that has a route */
} RouteMatch;

struct HttpExchange {
    HttpRequest request;
    HttpParser parser;
    Arena arena;
    HttpServer *server;
    ServerLoop *at;
    HttpConnection *connection; /* loop; NULL once it has closed */
    atomic_bool gone;           /* http_client_gone: also when it only stopped sending */
    atomic_bool lost;           /* the connection has closed: no byte can be sent */
    atomic_uint refs;           /* one of the reply, one of the running handler */
    const WebConfig *web;       /* the generation in force when the request came; NULL: none */
    BasicCredentials credentials;
    bool asks_auth; /* a worker must look at the credentials first */
    RouteMatch match;
    i64 start_ns;
    size_t body_charged; /* bytes of server->body_bytes */

    /* Owned by whoever handles the exchange, then by the loop. */
    HttpParam *params;
    size_t param_count;
    bool params_parsed;
    const Err *params_err; /* why parsing failed; in the arena; NULL: it did not */
    Buf reply_headers;
    bool has_encoding; /* the handler has set Content-Encoding itself */
    bool keep_plain;
    bool replied;
    bool close; /* the connection ends with this reply */
    u32 status;
    u64 reply_bytes; /* of the body as sent */
    struct evbuffer *reply;
    _Atomic(Stream *) stream;
};

/* http_connection.c */
HttpConnection *connection_new(ServerLoop *at, Transport transport, bool local, const char *remote);
void connection_start(void *self); /* on its loop */
void connection_close(HttpConnection *connection);
/* The server stops: closes an idle connection, or one that is half_received through a request. */
void connection_shed(HttpConnection *connection, bool half_received);
void connections_sweep(void *self); /* of a ServerLoop: looks at all deadlines */
void connection_send(HttpConnection *connection, struct evbuffer *bytes); /* takes them */
void connection_reply_sent(HttpConnection *connection); /* the exchange is through */

/* http_server.c */
void server_connection_ended(HttpServer *server); /* the caller touches the server no more */

/* http_exchange.c */
HttpExchange *exchange_new(HttpConnection *connection);
void exchange_release(HttpExchange *exchange); /* drops one ref; frees with the last */
bool exchange_begin(HttpExchange *exchange);   /* head complete; false: already answered */
void exchange_dispatch(HttpExchange *exchange);
void exchange_refuse(HttpExchange *exchange, u32 status, const char *reason); /* and close */
void exchange_abandon(HttpExchange *exchange);     /* its connection closes */
bool exchange_charge_body(HttpExchange *exchange); /* false: the server holds too many bytes */

/* http_reply.c */
void exchange_send(void *self); /* on the loop: hands exchange->reply to the connection */
void exchange_put_head(HttpExchange *exchange, Buf *out, Str content_type, Str encoding,
                       i64 length);           /* length -1: chunked or until close */
void exchange_finish(HttpExchange *exchange); /* on the loop: the next request */
bool exchange_choose_gzip(HttpExchange *exchange, Str content_type, size_t size); /* sets Vary */

/* http_stream.c */
void stream_wake(HttpExchange *exchange, size_t output_size); /* loop: the output has moved */
void stream_free(Stream *stream);

/* router.c */
bool router_match(const Router *router, HttpMethod method, Str raw_path, Arena *arena,
                  RouteMatch *ret, Err *err) MUST_USE;
void router_observe(const Router *router, const HttpExchange *exchange);
bool router_not_found(const Router *router, HttpExchange *exchange); /* false: no own handler */
