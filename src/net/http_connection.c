/*
 * Connection: one accepted socket on its loop: reads requests one after the other, keeps what
 * comes too early, sends replies, and watches its deadlines.
 *
 * A connection between two requests owns nothing but its own struct.
 *
 * Layer: net. Memory: connection_close frees. Thread: the connection's loop, but for
 * connection_new.
 */
#include "base/mem.h"
#include "base/time.h"
#include "net/http_internal.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

enum {
    SWEEPS_A_TIMEOUT = 8, /* how exactly deadlines are kept */
    SWEEP_MIN_MS = 10,
    SWEEP_MAX_MS = 1000,
};

HttpConnection *connection_new(ServerLoop *at, Transport transport, bool local, const char *remote)
{
    HttpConnection *connection = MEM_NEW(HttpConnection);
    connection->at = at;
    connection->transport = transport;
    connection->local = local;
    (void)snprintf(connection->remote, sizeof(connection->remote), "%s", remote);
    buf_init(&connection->pending, HTTP_PENDING_MAX + HTTP_READ_SIZE);
    return connection;
}

static void read_deadline_set(HttpConnection *connection)
{
    connection->read_deadline_ns = time_monotonic_ns() + connection->at->server->read_timeout_ns;
}

static void sweep_arm(ServerLoop *at);

static void connection_link(HttpConnection *connection)
{
    ServerLoop *at = connection->at;
    connection->next = at->first;
    connection->link = &at->first;
    if (at->first) {
        at->first->link = &connection->next;
    }
    at->first = connection;
    if (!at->sweeping) {
        sweep_arm(at);
    }
}

static void read_resume(HttpConnection *connection)
{
    if (!connection->reading && !connection->half_closed) {
        connection->reading = event_add(&connection->read_event, NULL) == 0;
        if (transport_has_pending(&connection->transport)) {
            event_active(&connection->read_event, EV_READ, 0);
        }
    }
}

static void read_pause(HttpConnection *connection)
{
    if (connection->reading) {
        (void)event_del(&connection->read_event);
        connection->reading = false;
    }
}

void connection_close(HttpConnection *connection)
{
    HttpServer *server = connection->at->server;
    read_pause(connection);
    (void)event_del(&connection->write_event);
    *connection->link = connection->next;
    if (connection->next) {
        connection->next->link = connection->link;
    }
    HttpExchange *exchange = connection->exchange;
    if (exchange) {
        exchange_abandon(exchange);
        if (connection->state != CONNECTION_HANDLING) {
            exchange_release(exchange); /* no handler has it, so nobody will reply */
        }
    }
    if (connection->out) {
        evbuffer_free(connection->out);
    }
    transport_close(&connection->transport);
    buf_done(&connection->pending);
    mem_free(connection);
    server_connection_ended(server);
}

static bool output_is_full(const HttpConnection *connection)
{
    return connection->out && evbuffer_get_length(connection->out) >= HTTP_OUTPUT_MAX;
}

/* The output is sent and nothing follows: waits for the peer to close first, because closing with
 * unread bytes would reset the connection, and the peer would lose the reply. */
static void end_after_flush(HttpConnection *connection)
{
    if (connection->half_closed) {
        connection_close(connection);
        return;
    }
    buf_done(&connection->pending);
    transport_shut_sending(&connection->transport);
    connection->state = CONNECTION_LINGERING;
    connection->read_deadline_ns = time_monotonic_ns() + HTTP_LINGER_MS * NS_PER_MS;
    read_resume(connection);
}

static void write_deadline_move(HttpConnection *connection, size_t sent)
{
    connection->out_progress += sent;
    if (connection->write_deadline_ns == 0 || connection->out_progress >= HTTP_WRITE_PROGRESS_MIN) {
        connection->out_progress = 0;
        connection->write_deadline_ns =
            time_monotonic_ns() + connection->at->server->write_timeout_ns;
    }
}

/* Sends what the socket takes. False: the connection has closed. */
static bool flush(HttpConnection *connection)
{
    if (!connection->out) {
        return true;
    }
    size_t before = evbuffer_get_length(connection->out);
    Transfer outcome = transport_write(&connection->transport, connection->out);
    size_t left = evbuffer_get_length(connection->out);
    if (outcome == TRANSFER_FAILED) {
        connection_close(connection);
        return false;
    }
    if (outcome == TRANSFER_DONE) {
        evbuffer_free(connection->out);
        connection->out = NULL;
        connection->write_deadline_ns = 0;
        (void)event_del(&connection->write_event);
    } else {
        write_deadline_move(connection, before - left);
        if (outcome == TRANSFER_WAIT_WRITE) {
            (void)event_add(&connection->write_event, NULL);
        }
    }
    if (connection->exchange) {
        stream_wake(connection->exchange, left);
    }
    return true;
}

void connection_send(HttpConnection *connection, struct evbuffer *bytes)
{
    if (connection->out) {
        (void)evbuffer_add_buffer(connection->out, bytes);
        evbuffer_free(bytes);
    } else {
        connection->out = bytes;
    }
    if (!connection->parsing) { /* else connection_parse sends all replies in one go */
        (void)flush(connection);
    }
}

/* What a parse outcome other than MORE leads to. False: no further bytes may be parsed now. */
static bool parsed(HttpConnection *connection, HttpParse outcome)
{
    HttpExchange *exchange = connection->exchange;
    if (outcome == HTTP_PARSE_BAD) {
        connection->state = CONNECTION_HANDLING;
        exchange->request.remote = str_from(connection->remote);
        exchange_refuse(exchange, exchange->parser.bad_status, exchange->parser.bad_reason);
        return false;
    }
    if (outcome == HTTP_PARSE_HEAD) {
        connection->state = CONNECTION_HANDLING; /* in case it is answered at once */
        if (!exchange_begin(exchange)) {
            return false;
        }
        connection->state = CONNECTION_RECEIVING;
        if (exchange->parser.expects_continue && exchange->parser.state != HTTP_STATE_DONE) {
            struct evbuffer *go_on = evbuffer_new();
            ASSERT(go_on);
            (void)evbuffer_add_printf(go_on, "HTTP/1.1 100 Continue\r\n\r\n");
            connection_send(connection, go_on);
        }
        return true;
    }
    connection->read_deadline_ns = 0;
    connection->state = CONNECTION_HANDLING;
    exchange_dispatch(exchange);
    return connection->state == CONNECTION_RECEIVING;
}

/* Feeds bytes to requests until one is with its handler or all bytes are used. */
static Str parse_some(HttpConnection *connection, Str bytes)
{
    while (bytes.len > 0 && connection->state == CONNECTION_RECEIVING &&
           !output_is_full(connection)) {
        if (!connection->exchange) {
            connection->exchange = exchange_new(connection);
            read_deadline_set(connection);
        }
        HttpParse outcome = HTTP_PARSE_MORE;
        do {
            size_t used;
            HttpExchange *exchange = connection->exchange;
            outcome = http_parser_feed(&exchange->parser, bytes, &used);
            bytes = str_skip(bytes, used);
            if (outcome == HTTP_PARSE_MORE && !exchange_charge_body(exchange)) {
                connection->state = CONNECTION_HANDLING;
                exchange_refuse(exchange, 503, "request bodies need too much memory");
                return bytes;
            }
        } while (outcome == HTTP_PARSE_HEAD && parsed(connection, outcome));
        if (outcome == HTTP_PARSE_BAD || outcome == HTTP_PARSE_DONE) {
            (void)parsed(connection, outcome);
        }
    }
    return bytes;
}

/* After parsing or sending: what the connection waits for next. False: it has closed. */
static bool settle(HttpConnection *connection)
{
    if (!flush(connection)) {
        return false;
    }
    if (connection->half_closed && connection->state == CONNECTION_RECEIVING &&
        connection->pending.len == 0) {
        HttpExchange *cut_short = connection->exchange;
        connection->exchange = NULL;
        connection->state = CONNECTION_FLUSHING;
        if (cut_short) {
            exchange_abandon(cut_short);
            exchange_release(cut_short);
        }
    }
    if (connection->state == CONNECTION_FLUSHING) {
        if (!connection->out) {
            bool closes = connection->half_closed;
            end_after_flush(connection);
            return !closes;
        }
        read_pause(connection);
    } else if (connection->pending.len >= HTTP_PENDING_MAX) {
        read_pause(connection);
    } else {
        read_resume(connection);
    }
    return true;
}

/* Parses kept bytes, then `bytes`; what is left is kept. False: the connection has closed. */
static bool connection_parse(HttpConnection *connection, Str bytes)
{
    if (connection->parsing) {
        return true; /* a reply from within: the turn on the stack goes on */
    }
    connection->parsing = true;
    Buf kept = connection->pending;
    connection->pending = (Buf){.max = kept.max};
    Str rest = parse_some(connection, buf_view(&kept));
    if (rest.len == 0) {
        bytes = parse_some(connection, bytes);
    }
    buf_str(&connection->pending, rest);
    buf_str(&connection->pending, bytes);
    ASSERT(!connection->pending.overflowed); /* reading pauses before */
    buf_done(&kept);
    connection->parsing = false;
    return settle(connection);
}

void connection_reply_sent(HttpConnection *connection)
{
    connection->state = connection->exchange->close ? CONNECTION_FLUSHING : CONNECTION_RECEIVING;
    connection->exchange = NULL;
    read_deadline_set(connection);
    (void)connection_parse(connection, STR_EMPTY);
}

/* The peer sends no more; what it asked for before is still answered. */
static void on_half_close(HttpConnection *connection)
{
    connection->half_closed = true;
    read_pause(connection);
    if (connection->exchange) {
        atomic_store(&connection->exchange->gone, true);
    }
    if (connection->state == CONNECTION_LINGERING) {
        connection_close(connection);
    } else {
        (void)settle(connection);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    HttpConnection *connection = self;
    u8 bytes[HTTP_READ_SIZE];
    for (int turn = 0; turn < HTTP_READS_A_TURN && connection->reading; turn++) {
        size_t size = 0;
        Transfer outcome = transport_read(&connection->transport, bytes, sizeof(bytes), &size);
        if (outcome == TRANSFER_END) {
            on_half_close(connection);
            return;
        }
        if (outcome == TRANSFER_FAILED) {
            connection_close(connection);
            return;
        }
        if (outcome != TRANSFER_DONE) {
            if (outcome == TRANSFER_WAIT_WRITE) {
                connection->read_wants_write = true;
                (void)event_add(&connection->write_event, NULL);
            }
            return;
        }
        if (connection->state == CONNECTION_LINGERING) {
            connection->lingered += size;
            if (connection->lingered > HTTP_LINGER_BYTES_MAX) {
                connection_close(connection);
                return;
            }
        } else if (!connection_parse(connection, (Str){.ptr = (const char *)bytes, .len = size})) {
            return;
        }
        if (size < sizeof(bytes) && !connection->transport.tls) {
            return; /* the socket is empty: no call to learn that */
        }
    }
}

static void on_writable(evutil_socket_t fd, short what, void *self)
{
    HttpConnection *connection = self;
    if (!flush(connection)) {
        return;
    }
    bool parse = connection->state == CONNECTION_RECEIVING && connection->pending.len > 0;
    if (parse || connection->state == CONNECTION_FLUSHING) {
        if (!connection_parse(connection, STR_EMPTY)) {
            return;
        }
    }
    if (connection->read_wants_write) {
        connection->read_wants_write = false;
        on_readable(fd, what, self);
    }
}

void connection_start(void *self)
{
    HttpConnection *connection = self;
    struct event_base *base = loop_base(connection->at->loop);
    (void)event_assign(&connection->read_event, base, connection->transport.fd,
                       EV_READ | EV_PERSIST, on_readable, connection);
    (void)event_assign(&connection->write_event, base, connection->transport.fd, EV_WRITE,
                       on_writable, connection);
    connection_link(connection);
    read_deadline_set(connection);
    if (atomic_load(&connection->at->server->closing)) {
        connection_close(connection);
        return;
    }
    read_resume(connection);
}

void connection_shed(HttpConnection *connection, bool half_received)
{
    bool idle =
        connection->state == CONNECTION_RECEIVING && (half_received || !connection->exchange);
    if (connection->state == CONNECTION_LINGERING || (idle && !connection->out)) {
        connection_close(connection);
    } else if (idle) {
        connection->state = CONNECTION_FLUSHING;
    }
}

static void connection_check(HttpConnection *connection, i64 now_ns)
{
    if (connection->write_deadline_ns != 0 && now_ns >= connection->write_deadline_ns) {
        connection_close(connection);
        return;
    }
    if (connection->read_deadline_ns == 0 || now_ns < connection->read_deadline_ns) {
        return;
    }
    if (connection->state == CONNECTION_RECEIVING && connection->exchange) {
        connection->state = CONNECTION_HANDLING;
        exchange_refuse(connection->exchange, 408, "the request did not arrive in time");
    } else if (connection->state != CONNECTION_HANDLING && !connection->out) {
        connection_close(connection);
    }
}

static void sweep_arm(ServerLoop *at)
{
    const HttpServer *server = at->server;
    i64 shortest = MIN(server->read_timeout_ns, server->write_timeout_ns) / SWEEPS_A_TIMEOUT;
    i64 period = MAX(MIN(shortest, SWEEP_MAX_MS * NS_PER_MS), SWEEP_MIN_MS * NS_PER_MS);
    at->sweeping = true;
    loop_timer_arm_ns(at->sweep, period);
}

void connections_sweep(void *self)
{
    ServerLoop *at = self;
    i64 now_ns = time_monotonic_ns();
    HttpConnection *next;
    for (HttpConnection *connection = at->first; connection; connection = next) {
        next = connection->next;
        connection_check(connection, now_ns);
    }
    at->sweeping = false;
    if (at->first) {
        sweep_arm(at);
    }
}
