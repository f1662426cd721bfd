/*
 * Role node_exporter: the command line and the web side of the exporter.
 *
 * Layer: role/node_exporter. Memory: the role owns server, router and exporter. Thread: scrapes run
 * on workers, because a file of /proc may wait for a lock of the kernel.
 */
#include "role/role.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/http_server.h"
#include "role/log_options.h"
#include "role/node_exporter/node.h"

#include <stdatomic.h>

enum {
    NAMES_MAX = 128, /* collect[] and exclude[] parameters that are looked at */
    CLOSE_GRACE_MS = 1000,
};

typedef struct NodeRole {
    const NodeOpts *opts;
    Exporter *exporter;
    Router *router;
    HttpServer *server;
    Route metrics_route; /* its path is an option */
    atomic_int running;  /* scrapes in progress or waiting */
    Str address;         /* for describe */
} NodeRole;

static void read_choice(HttpExchange *exchange, Str *collect, Str *exclude, ScrapeChoice *ret)
{
    const HttpParam *params;
    size_t count;
    *ret = (ScrapeChoice){.collect = collect, .exclude = exclude};
    if (!http_params(exchange, &params, &count, NULL)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (str_eq(params[i].name, S("collect[]")) && ret->collect_count < NAMES_MAX) {
            collect[ret->collect_count++] = params[i].value;
        } else if (str_eq(params[i].name, S("exclude[]")) && ret->exclude_count < NAMES_MAX) {
            exclude[ret->exclude_count++] = params[i].value;
        }
    }
}

static u32 reply_metrics(NodeRole *role, HttpExchange *exchange)
{
    Str collect[NAMES_MAX];
    Str exclude[NAMES_MAX];
    ScrapeChoice choice;
    Buf page;
    Err err = {0};
    read_choice(exchange, collect, exclude, &choice);
    bool openmetrics = str_contains(http_request_header(http_request(exchange), S("Accept")),
                                    S("application/openmetrics-text"));
    buf_init(&page, PAGE_SIZE_MAX);
    if (!exporter_scrape(role->exporter, &choice, openmetrics ? PAGE_OPENMETRICS : PAGE_TEXT, &page,
                         &err)) {
        u32 status = err.code == ERR_LIMIT ? 500 : 400;
        http_error(exchange, status, "Couldn't create filtered metrics handler: %s", err.message);
        buf_done(&page);
        return status;
    }
    http_reply_buf(exchange, 200,
                   openmetrics
                       ? S("application/openmetrics-text; version=1.0.0; charset=utf-8; "
                           "escaping=underscores")
                       : S("text/plain; version=0.0.4; charset=utf-8; escaping=underscores"),
                   &page);
    buf_done(&page);
    return 200;
}

static void handle_metrics(void *self, HttpExchange *exchange)
{
    NodeRole *role = self;
    i64 limit = role->opts->max_requests;
    u32 status = 503;
    if (atomic_fetch_add(&role->running, 1) >= limit && limit > 0) {
        http_error(exchange, status,
                   "Limit of concurrent requests reached (%lld), try again later.",
                   (long long)limit);
    } else {
        status = reply_metrics(role, exchange);
    }
    atomic_fetch_sub(&role->running, 1);
    exporter_count_reply(role->exporter, status);
}

static void handle_landing(void *self, HttpExchange *exchange)
{
    const NodeRole *role = self;
    Buf page;
    buf_init(&page, 16 * KIB);
    buf_printf(&page,
               "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Node "
               "Exporter</title></head><body><h1>Node Exporter</h1><p>Metrics of this machine, by "
               "Vigie " VIGIE_VERSION ".</p><p><a href=\"" STR_FMT
               "\">Metrics</a></p></body></html>\n",
               STR_ARG(role->opts->telemetry_path));
    http_reply_buf(exchange, 200, S("text/html; charset=UTF-8"), &page);
    buf_done(&page);
}

static const Route fixed_routes[] = {
    {HTTP_GET, "/", ROUTE_LOOP, handle_landing},
};

static bool listen_on(NodeRole *role, const Runtime *runtime, Err *err)
{
    HttpServerOpts server = {
        .role = "node_exporter",
        .listen = role->opts->listen.at,
        .listen_count = role->opts->listen.count,
        .listen_option = runtime->listen_option,
        .web_config = role->opts->web_config.len > 0 ? role->opts->web_config.ptr : NULL,
        .pool = runtime->pool,
    };
    role->router = router_new();
    role->metrics_route =
        (Route){HTTP_GET, role->opts->telemetry_path.ptr, ROUTE_WORKER, handle_metrics};
    router_add(role->router, &role->metrics_route, 1, role);
    if (!str_eq(role->opts->telemetry_path, S("/"))) {
        router_add(role->router, fixed_routes, COUNT_OF(fixed_routes), role);
    }
    return http_server_open(runtime->loops, &server, role->router, &role->server, err);
}

static void node_close(void *self)
{
    NodeRole *role = self;
    if (role->server) {
        role->server = http_server_close(role->server, CLOSE_GRACE_MS);
    }
    if (role->router) {
        router_free(role->router);
    }
    exporter_close(role->exporter);
    mem_free(role);
}

static bool node_open(const Runtime *runtime, const void *opts, Wiring *wiring, void **ret_self,
                      Err *err)
{
    (void)wiring;
    NodeRole *role = MEM_NEW(NodeRole);
    role->opts = opts;
    if (!exporter_open(opts, &role->exporter, err) || !listen_on(role, runtime, err)) {
        node_close(role);
        return false;
    }
    role->address = role->opts->listen.at[0];
    log_info("Listening on", LOG_STR("role", S("node_exporter")),
             LOG_STR("address", role->address));
    *ret_self = role;
    return true;
}

static bool node_prepare(const void *opts, Err *err)
{
    const NodeOpts *node = opts;
    return log_options_apply(node->log_level, node->log_format, err);
}

static bool node_up(const UpContext *context, void *opts, Err *err)
{
    NodeOpts *node = opts;
    Str *address = ARENA_NEW(context->arena, Str, 1);
    if (!address) {
        return arena_full(context->arena, err);
    }
    if (!arena_printf(context->arena, address, err, STR_FMT ":9100", STR_ARG(context->listen))) {
        return false;
    }
    node->listen = (OptList){.at = address, .count = 1};
    return true;
}

static void node_describe(void *self, Buf *out)
{
    const NodeRole *role = self;
    buf_printf(out, "  http://" STR_FMT STR_FMT "   this machine's metrics\n",
               STR_ARG(role->address), STR_ARG(role->opts->telemetry_path));
}

static const char *const other_names[] = {"prometheus-node-exporter", NULL};

const Role role_node_exporter = {
    .name = "node_exporter",
    .other_names = other_names,
    .summary = "metrics of this machine (port 9100)",
    .compatible_version = "1.12.1",
    .options = &node_options,
    .opts_size = sizeof(NodeOpts),
    .usage_exit = 1,
    .started_by_up = true,
    .prepare = node_prepare,
    .up = node_up,
    .open = node_open,
    .close = node_close,
    .describe = node_describe,
};
