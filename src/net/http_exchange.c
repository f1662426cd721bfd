/*
 * Exchange: one request on its way to a handler, and what handlers ask about it.
 *
 * Layer: net. Memory: freed with its last reference (http_internal.h). Thread: made on the
 * connection's loop, then with its handler.
 */
#include "base/mem.h"
#include "base/time.h"
#include "codec/compress.h"
#include "net/http_internal.h"
#include "net/url.h"

#include <event2/buffer.h>
#include <stdio.h>

HttpExchange *exchange_new(HttpConnection *connection)
{
    HttpServer *server = connection->at->server;
    HttpExchange *exchange = MEM_NEW(HttpExchange);
    exchange->server = server;
    exchange->at = connection->at;
    exchange->connection = connection;
    exchange->start_ns = time_monotonic_ns();
    atomic_init(&exchange->refs, 1);
    /* Twice the body: its decoded parameters, or an unpacked copy beside the packed one. */
    arena_init(&exchange->arena, server->header_max * 4 + server->body_max * 2 + MIB);
    http_parser_init(&exchange->parser, server->header_max, server->body_max, &exchange->arena);
    buf_init(&exchange->reply_headers, HTTP_REPLY_HEADERS_MAX);
    (void)pthread_mutex_lock(&server->lock);
    server->exchanges++;
    (void)pthread_mutex_unlock(&server->lock);
    return exchange;
}

void exchange_release(HttpExchange *exchange)
{
    if (atomic_fetch_sub(&exchange->refs, 1) > 1) {
        return;
    }
    HttpServer *server = exchange->server;
    stream_free(atomic_load(&exchange->stream));
    if (exchange->reply) {
        evbuffer_free(exchange->reply);
    }
    atomic_fetch_sub(&server->body_bytes, exchange->body_charged);
    web_config_release(exchange->web);
    http_parser_done(&exchange->parser);
    buf_done(&exchange->reply_headers);
    arena_done(&exchange->arena);
    mem_free(exchange);
    /* Last, under the lock: once the count is seen to be 0 the server may be freed. */
    (void)pthread_mutex_lock(&server->lock);
    server->exchanges--;
    (void)pthread_cond_broadcast(&server->ended);
    (void)pthread_mutex_unlock(&server->lock);
}

bool exchange_charge_body(HttpExchange *exchange)
{
    size_t now = exchange->parser.body.capacity;
    if (now <= exchange->body_charged) {
        return true;
    }
    size_t more = now - exchange->body_charged;
    size_t before = atomic_fetch_add(&exchange->server->body_bytes, more);
    exchange->body_charged = now;
    return before + more <= HTTP_BODIES_MAX;
}

static void fill_request(HttpExchange *exchange)
{
    const HttpParser *parser = &exchange->parser;
    const HttpConnection *connection = exchange->connection;
    HttpRequest *request = &exchange->request;
    size_t question = str_find_byte(parser->target, '?');
    *request = (HttpRequest){
        .method = parser->method,
        .target = parser->target,
        .query = question == STR_NOT_FOUND ? STR_EMPTY : str_skip(parser->target, question + 1),
        .path = str_take(parser->target, MIN(question, parser->target.len)),
        .host = parser->host,
        .user = STR_EMPTY,
        .tls = connection->transport.tls != NULL,
        .local = connection->local,
        .headers = parser->headers,
        .header_count = parser->header_count,
        .body = STR_EMPTY,
        .arena = &exchange->arena,
    };
}

static void deny(HttpExchange *exchange)
{
    http_set_header(exchange, S("WWW-Authenticate"), S("Basic"));
    http_error(exchange, 401, "Unauthorized");
}

/* What the web configuration says to the head. False: answered. */
static bool begin_guarded(HttpExchange *exchange)
{
    exchange->web = web_config_get(exchange->server->web);
    BasicAuth *users = web_config_users(exchange->web);
    bool has_body = exchange->parser.state != HTTP_STATE_DONE;
    if (!web_config_allows_rate(exchange->web)) {
        exchange->close |= has_body;
        http_error(exchange, 429, "Too Many Requests");
        return false;
    }
    if (!users) {
        return true;
    }
    switch (basic_auth_look(users, http_request_header(&exchange->request, S("Authorization")),
                            &exchange->arena, &exchange->credentials)) {
    case BASIC_ALLOWED:
        exchange->request.user = exchange->credentials.user;
        return true;
    case BASIC_UNKNOWN:
        exchange->asks_auth = true;
        return true;
    default:
        exchange->close |= has_body; /* nobody reads a stranger's body */
        deny(exchange);
        return false;
    }
}

bool exchange_begin(HttpExchange *exchange)
{
    HttpServer *server = exchange->server;
    HttpRequest *request = &exchange->request;
    Err err;
    fill_request(exchange);
    exchange->close = !exchange->parser.keep_alive;
    if (server->web && !begin_guarded(exchange)) {
        return false;
    }
    Str raw_path = request->path;
    if (!arena_str(&exchange->arena, str_from(exchange->connection->remote), &request->remote,
                   &err) ||
        !url_decode(raw_path, false, &exchange->arena, &request->path, &err) ||
        !router_match(server->router, request->method, raw_path, &exchange->arena, &exchange->match,
                      &err)) {
        exchange_refuse(exchange, err.code == ERR_INVALID ? 400 : 431, err.message);
        return false;
    }
    request->path_params = exchange->match.params;
    request->path_param_count = exchange->match.param_count;
    return true;
}

/* "GET, HEAD, OPTIONS" for the Allow header: OPTIONS is answered for whatever exists. */
static void set_allow(HttpExchange *exchange)
{
    char text[64];
    size_t len = 0;
    for (u32 bit = HTTP_GET; bit <= HTTP_PATCH; bit <<= 1) {
        if ((exchange->match.allowed | HTTP_OPTIONS) & bit) {
            Str name = http_method_name((HttpMethod)bit);
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s" STR_FMT, len ? ", " : "",
                                    STR_ARG(name));
        }
    }
    http_set_header(exchange, S("Allow"), (Str){.ptr = text, .len = len});
}

static void redirect_slash(HttpExchange *exchange)
{
    Str location = exchange->match.redirect;
    Str query = exchange->request.query;
    if (query.len > 0) {
        Err err;
        if (!arena_printf(&exchange->arena, &location, &err, STR_FMT "?" STR_FMT, STR_ARG(location),
                          STR_ARG(query))) {
            http_error(exchange, 414, "%s", err.message);
            return;
        }
    }
    if (str_eq(exchange->request.path, S("/"))) {
        http_redirect(exchange, 302, location); /* the prefix is a setting: not to be remembered */
        return;
    }
    http_redirect(exchange, exchange->request.method == HTTP_GET ? 301 : 308, location);
}

/* No route takes the request. */
static void answer_unrouted(HttpExchange *exchange)
{
    if (exchange->match.allowed && exchange->request.method == HTTP_OPTIONS) {
        set_allow(exchange);
        http_reply(exchange, 200, STR_EMPTY, STR_EMPTY);
    } else if (exchange->match.allowed) {
        set_allow(exchange);
        http_error(exchange, 405, "Method Not Allowed");
    } else if (exchange->match.redirect.len > 0) {
        redirect_slash(exchange);
    } else if (!router_not_found(exchange->server->router, exchange)) {
        http_error(exchange, 404, "404 page not found");
    }
}

/* Unpacks a gzip body; on failure the exchange is answered. */
static bool unpack_body(HttpExchange *exchange)
{
    HttpParser *parser = &exchange->parser;
    Err err;
    if (str_eq_ignore_case(parser->content_encoding, S("gzip")) && parser->body.len > 0) {
        Buf plain;
        buf_init(&plain, exchange->server->body_max);
        if (!gzip_unpack(buf_view(&parser->body), plain.max, &plain, &err)) {
            buf_done(&plain);
            http_error(exchange, err.code == ERR_LIMIT ? 413 : 400, "request body: %s",
                       err.message);
            return false;
        }
        buf_done(&parser->body);
        parser->body = plain;
        if (!exchange_charge_body(exchange)) {
            http_error(exchange, 503, "request bodies need too much memory");
            return false;
        }
    }
    exchange->request.body = buf_view(&parser->body);
    return true;
}

static void run_handler(void *self)
{
    HttpExchange *exchange = self;
    if (!exchange->match.route) {
        answer_unrouted(exchange);
    } else if (unpack_body(exchange)) {
        exchange->match.route->handle(exchange->match.self, exchange);
    }
    exchange_release(exchange);
}

static void refuse_busy(HttpExchange *exchange)
{
    http_set_header(exchange, S("Retry-After"), S("1"));
    http_error(exchange, 503, "too many requests are waiting for a worker");
    exchange_release(exchange);
}

/* On a worker: the credentials, then the handler where it belongs. */
static void run_guarded(void *self)
{
    HttpExchange *exchange = self;
    bool right = basic_auth_check(web_config_users(exchange->web), &exchange->credentials);
    atomic_fetch_sub(&exchange->server->auth_jobs, 1);
    const Route *route = exchange->match.route;
    if (!right) {
        deny(exchange);
        exchange_release(exchange);
        return;
    }
    exchange->request.user = exchange->credentials.user;
    if (route && route->where == ROUTE_WORKER) {
        run_handler(exchange);
    } else {
        loop_call(exchange->at->loop, run_handler, exchange);
    }
}

void exchange_dispatch(HttpExchange *exchange)
{
    HttpServer *server = exchange->server;
    const Route *route = exchange->match.route;
    atomic_fetch_add(&exchange->refs, 1);
    if (exchange->asks_auth) {
        bool few = atomic_fetch_add(&server->auth_jobs, 1) < HTTP_AUTH_JOBS_MAX;
        if (!few || !pool_submit(server->pool, run_guarded, exchange)) {
            atomic_fetch_sub(&server->auth_jobs, 1);
            refuse_busy(exchange);
        }
    } else if (!route || route->where == ROUTE_LOOP) {
        run_handler(exchange);
    } else if (!pool_submit(server->pool, run_handler, exchange)) {
        refuse_busy(exchange);
    }
}

void exchange_refuse(HttpExchange *exchange, u32 status, const char *reason)
{
    exchange->close = true;
    Str text = http_status_text(status);
    http_error(exchange, status, "%u " STR_FMT ": %s", status, STR_ARG(text), reason);
}

void exchange_abandon(HttpExchange *exchange)
{
    exchange->connection = NULL;
    atomic_store(&exchange->gone, true);
    atomic_store(&exchange->lost, true);
    stream_wake(exchange, 0);
}

const HttpRequest *http_request(const HttpExchange *exchange)
{
    return &exchange->request;
}

Str http_request_header(const HttpRequest *request, Str name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (str_eq_ignore_case(request->headers[i].name, name)) {
            return request->headers[i].value;
        }
    }
    return STR_EMPTY;
}

Str http_path_param(const HttpRequest *request, Str name)
{
    for (size_t i = 0; i < request->path_param_count; i++) {
        if (str_eq(request->path_params[i].name, name)) {
            return request->path_params[i].value;
        }
    }
    return STR_EMPTY;
}

/* "q=0", "q=0.000": the client refuses it. */
static bool is_refused(Str params)
{
    size_t at = str_find(params, S("q="));
    Str quality = at == STR_NOT_FOUND ? STR_EMPTY : str_trim(str_skip(params, at + 2));
    if (!str_starts_with(quality, S("0"))) {
        return false;
    }
    for (size_t i = 1; i < quality.len; i++) {
        if (quality.ptr[i] != '.' && quality.ptr[i] != '0') {
            return false;
        }
    }
    return true;
}

bool http_accepts_encoding(const HttpRequest *request, Str encoding)
{
    Str rest = http_request_header(request, S("Accept-Encoding"));
    bool any = false;
    Str part;
    while (rest.len > 0 && str_split_next(&rest, ',', &part)) {
        size_t semicolon = MIN(str_find_byte(part, ';'), part.len);
        Str name = str_trim(str_take(part, semicolon));
        bool accepted = !is_refused(str_skip(part, semicolon));
        if (str_eq_ignore_case(name, encoding)) {
            return accepted;
        }
        any = any || (accepted && str_eq(name, S("*")));
    }
    return any;
}

bool http_client_gone(const HttpExchange *exchange)
{
    return atomic_load_explicit(&exchange->gone, memory_order_relaxed);
}
