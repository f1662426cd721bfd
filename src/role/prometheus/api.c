/* Api: what all routes share. See api.h. Layer: role/prometheus. Thread: any. */
#include "role/prometheus/api.h"

#include "role/prometheus/reply.h"

static void allow_origin(const PrometheusServer *server, HttpExchange *exchange)
{
    Str origin = http_request_header(http_request(exchange), S("Origin"));
    if (origin.len == 0) {
        return;
    }
    http_set_header(exchange, S("Access-Control-Allow-Headers"),
                    S("Accept, Authorization, Content-Type, Origin"));
    http_set_header(exchange, S("Access-Control-Allow-Methods"), S("GET, POST, OPTIONS"));
    http_set_header(exchange, S("Access-Control-Expose-Headers"), S("Date"));
    http_set_header(exchange, S("Vary"), S("Origin"));
    if (str_eq(server->opts->cors_origin, S(".*"))) {
        http_set_header(exchange, S("Access-Control-Allow-Origin"), S("*"));
    } else if (regex_test(server->cors_origin, origin)) {
        http_set_header(exchange, S("Access-Control-Allow-Origin"), origin);
    }
}

/* What a browser asks before a request from a page of another origin; whatever the path is. */
static void handle_preflight(void *self, HttpExchange *exchange)
{
    allow_origin(self, exchange);
    http_reply(exchange, 204, STR_EMPTY, STR_EMPTY);
}

static const Route routes[] = {
    {HTTP_OPTIONS, "/api/v1/*path", ROUTE_LOOP, handle_preflight},
};

RouteTable api_preflight_routes(void)
{
    return (RouteTable){routes, COUNT_OF(routes)};
}

bool api_ready(PrometheusServer *server, HttpExchange *exchange)
{
    allow_origin(server, exchange);
    if (atomic_load(&server->ready) && !atomic_load(&server->stopping)) {
        return true;
    }
    http_set_header(exchange, S("X-Prometheus-Stopping"),
                    atomic_load(&server->stopping) ? S("true") : S("false"));
    http_reply(exchange, 503, S("text/plain; charset=utf-8"), S("Service Unavailable"));
    return false;
}

bool api_time_param(HttpExchange *exchange, const char *name, i64 absent_ms, i64 *ret_ms)
{
    Str text = http_param(exchange, str_from(name));
    Err err = {0};
    if (text.len == 0) {
        *ret_ms = absent_ms;
        return true;
    }
    if (api_parse_time(text, ret_ms, &err)) {
        return true;
    }
    api_bad_param(exchange, name, err.message);
    return false;
}

bool api_limit_param(HttpExchange *exchange, size_t *ret)
{
    Str text = http_param(exchange, S("limit"));
    i64 limit;
    if (text.len == 0) {
        *ret = 0;
        return true;
    }
    if (!str_to_i64(text, &limit)) {
        api_bad_param(exchange, "limit", "cannot parse to a number");
        return false;
    }
    if (limit < 0) {
        api_bad_param(exchange, "limit", "limit must be non-negative");
        return false;
    }
    *ret = (size_t)limit;
    return true;
}
