/*
 * Api: the routes of /api/v1 and of the pages around it, by theme. `self` of every handler is the
 * PrometheusServer.
 *
 * Layer: role/prometheus. Memory: none of its own. Thread: ROUTE_WORKER handlers run on workers, at
 * the same time.
 */
#pragma once

#include "net/http_server.h"
#include "role/prometheus/server.h"

typedef struct RouteTable {
    const Route *routes;
    size_t count;
} RouteTable;

RouteTable api_query_routes(void);  /* query, query_range, format_query, parse_query */
RouteTable api_series_routes(void); /* series, labels, label values */
RouteTable
api_target_routes(void); /* targets, scrape_pools, metadata, alertmanagers, rules, alerts */
RouteTable api_status_routes(void);    /* status/… */
RouteTable api_preflight_routes(void); /* OPTIONS of all of them */
RouteTable federate_routes(void);      /* /federate */
RouteTable management_routes(void);    /* /-/… */
RouteTable metrics_routes(void);       /* /metrics, /version */

/*
 * The part of every data handler before its own work: CORS headers, and 503 while the store is not
 * ready. False: a reply has been sent.
 */
bool api_ready(PrometheusServer *server, HttpExchange *exchange);

/* Parameters. On a bad one these reply and return false. */
bool api_time_param(HttpExchange *exchange, const char *name, i64 absent_ms, i64 *ret_ms);
bool api_limit_param(HttpExchange *exchange, size_t *ret); /* "limit"; 0: none */
