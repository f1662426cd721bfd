/* Management routes: health, readiness, reload, shutdown, version. Layer: role/prometheus. */
#include "codec/json.h"
#include "role/prometheus/api.h"
#include "role/prometheus/build_info.h"

static void handle_healthy(void *self, HttpExchange *exchange)
{
    (void)self;
    http_reply(exchange, 200, S("text/plain; charset=utf-8"), S("Prometheus Server is Healthy.\n"));
}

static void handle_ready(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    bool stopping = atomic_load(&server->stopping);
    http_set_header(exchange, S("X-Prometheus-Stopping"), stopping ? S("true") : S("false"));
    if (!atomic_load(&server->ready) || stopping) {
        http_reply(exchange, 503, S("text/plain; charset=utf-8"), S("Service Unavailable"));
        return;
    }
    http_reply(exchange, 200, S("text/plain; charset=utf-8"), S("Prometheus Server is Ready.\n"));
}

static bool lifecycle_allowed(const PrometheusServer *server, HttpExchange *exchange)
{
    if (server->opts->enable_lifecycle) {
        return true;
    }
    http_error(exchange, 403, "Lifecycle API is not enabled.");
    return false;
}

static void handle_reload(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    Err err = {0};
    if (!lifecycle_allowed(server, exchange)) {
        return;
    }
    if (server_reload(server, &err)) {
        http_reply(exchange, 200, S("text/plain; charset=utf-8"), STR_EMPTY);
    } else {
        http_error(exchange, 500, "failed to reload config: %s", err.message);
    }
}

static void handle_quit(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    if (lifecycle_allowed(server, exchange)) {
        http_reply(exchange, 200, S("text/plain; charset=utf-8"),
                   S("Requesting termination... Goodbye!"));
        atomic_store(&server->quit, true);
    }
}

static void handle_not_get(void *self, HttpExchange *exchange)
{
    const PrometheusServer *server = self;
    if (lifecycle_allowed(server, exchange)) {
        http_error(exchange, 405, "Only POST or PUT requests allowed");
    }
}

static void handle_version(void *self, HttpExchange *exchange)
{
    (void)self;
    Buf out;
    JsonWriter json;
    buf_init(&out, 4 * KIB);
    json_writer_init(&json, &out);
    build_info_put(&json);
    http_reply_buf(exchange, 200, S("application/json"), &out);
    buf_done(&out);
}

static const Route routes[] = {
    {HTTP_GET, "/-/healthy", ROUTE_LOOP, handle_healthy},
    {HTTP_GET, "/-/ready", ROUTE_LOOP, handle_ready},
    {HTTP_POST | HTTP_PUT, "/-/reload", ROUTE_WORKER, handle_reload},
    {HTTP_GET, "/-/reload", ROUTE_LOOP, handle_not_get},
    {HTTP_POST | HTTP_PUT, "/-/quit", ROUTE_LOOP, handle_quit},
    {HTTP_GET, "/-/quit", ROUTE_LOOP, handle_not_get},
    {HTTP_GET, "/version", ROUTE_LOOP, handle_version},
};

RouteTable management_routes(void)
{
    return (RouteTable){routes, COUNT_OF(routes)};
}
