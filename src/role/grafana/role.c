/*
 * Role grafana: the web interface on Grafana's port, and the part of Grafana's API that it needs:
 * health, and the way to the metrics through the data source's proxy.
 *
 * Layer: role/grafana. Memory: the role owns server and router. Thread: pages on loops, proxied
 * requests on workers.
 */
#include "role/role.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/assets.h"
#include "net/http_server.h"
#include "role/log_options.h"

#include <stddef.h>

#define GRAFANA_VERSION "13.2.3"
#define PROXY_BASE      "api/datasources/proxy/uid/prometheus"

enum { CLOSE_GRACE_MS = 1000 };

typedef struct GrafanaOpts {
    OptList listen;
    Str web_config;
    Str log_level;
    Str log_format;
} GrafanaOpts;

typedef struct GrafanaRole {
    const GrafanaOpts *opts;
    HttpMount metrics; /* of the prometheus role in this process; zero: there is none */
    Router *router;
    HttpServer *server;
} GrafanaRole;

#define AT(field) .offset = offsetof(GrafanaOpts, field)

static const OptSpec specs[] = {
    {.name = "homepath",
     .kind = OPT_IGNORED,
     .help = "Accepted and without effect: the interface is part of the program."},
    {.name = "config",
     .kind = OPT_IGNORED,
     .help = "Accepted and without effect: grafana.ini is not read."},
    {.name = "packaging", .kind = OPT_IGNORED, .hidden = true, .help = "No effect."},
    {.name = "pidfile", .kind = OPT_IGNORED, .hidden = true, .help = "No effect."},
    {.name = "web.listen-address",
     .kind = OPT_LIST,
     AT(listen),
     .initial = ":3000",
     .help = "Addresses on which to listen. Repeatable."},
    {.name = "web.config.file",
     .kind = OPT_STR,
     AT(web_config),
     .help = "Configuration file that can enable TLS or authentication."},
    LOG_OPTIONS(GrafanaOpts),
};

static const OptTable options = {
    .program = "grafana",
    .summary = "The web interface on Grafana's port.",
    .specs = specs,
    .count = COUNT_OF(specs),
};

static void handle_health(void *self, HttpExchange *exchange)
{
    (void)self;
    http_reply(exchange, 200, S("application/json; charset=UTF-8"),
               S("{\n  \"database\": \"ok\",\n  \"version\": \"" GRAFANA_VERSION
                 "\",\n  \"commit\": \"vigie\"\n}\n"));
}

static void handle_proxy(void *self, HttpExchange *exchange)
{
    GrafanaRole *role = self;
    const HttpRequest *request = http_request(exchange);
    Err err = {0};
    Str path;
    if (!role->metrics.handle) {
        http_reply(exchange, 502, S("application/json; charset=UTF-8"),
                   S("{\"message\":\"no role prometheus runs in this process; `vigie up` starts "
                     "both\"}\n"));
        return;
    }
    if (!arena_printf(request->arena, &path, &err, "/" STR_FMT,
                      STR_ARG(http_path_param(request, S("rest"))))) {
        http_error(exchange, 500, "%s", err.message);
        return;
    }
    role->metrics.handle(role->metrics.self, exchange, path);
}

static const Route routes[] = {
    {HTTP_GET, "/api/health", ROUTE_LOOP, handle_health},
    {HTTP_GET | HTTP_POST, "/" PROXY_BASE "/*rest", ROUTE_WORKER, handle_proxy},
};

static void grafana_close(void *self)
{
    GrafanaRole *role = self;
    if (role->server) {
        role->server = http_server_close(role->server, CLOSE_GRACE_MS);
    }
    router_free(role->router);
    mem_free(role);
}

static bool grafana_open(const Runtime *runtime, const void *opts, Wiring *wiring, void **ret_self,
                         Err *err)
{
    GrafanaRole *role = MEM_NEW(GrafanaRole);
    role->opts = opts;
    role->metrics = wiring->prometheus_api;
    role->router = router_new();
    router_add(role->router, routes, COUNT_OF(routes), role);
    assets_routes(role->router, PROXY_BASE "/api/v1");
    HttpServerOpts server = {
        .role = "grafana",
        .listen = role->opts->listen.at,
        .listen_count = role->opts->listen.count,
        .listen_option = runtime->listen_option,
        .web_config = role->opts->web_config.len > 0 ? role->opts->web_config.ptr : NULL,
        .pool = runtime->pool,
    };
    if (!http_server_open(runtime->loops, &server, role->router, &role->server, err)) {
        grafana_close(role);
        return false;
    }
    log_info("Listening on", LOG_STR("role", S("grafana")),
             LOG_STR("address", role->opts->listen.at[0]));
    *ret_self = role;
    return true;
}

static bool grafana_prepare(const void *opts, Err *err)
{
    const GrafanaOpts *grafana = opts;
    return log_options_apply(grafana->log_level, grafana->log_format, err);
}

static bool grafana_up(const UpContext *context, void *opts, Err *err)
{
    GrafanaOpts *grafana = opts;
    Str *address = ARENA_NEW(context->arena, Str, 1);
    if (!address) {
        return arena_full(context->arena, err);
    }
    if (!arena_printf(context->arena, address, err, STR_FMT ":3000", STR_ARG(context->listen))) {
        return false;
    }
    grafana->listen = (OptList){.at = address, .count = 1};
    return true;
}

static void grafana_describe(void *self, Buf *out)
{
    const GrafanaRole *role = self;
    buf_printf(out, "  http://" STR_FMT "/   the web interface\n",
               STR_ARG(role->opts->listen.at[0]));
}

static const char *const other_names[] = {"grafana-server", NULL};

const Role role_grafana = {
    .name = "grafana",
    .other_names = other_names,
    .summary = "the web interface (port 3000)",
    .compatible_version = GRAFANA_VERSION,
    .options = &options,
    .opts_size = sizeof(GrafanaOpts),
    .usage_exit = 1,
    .started_by_up = true,
    .prepare = grafana_prepare,
    .up = grafana_up,
    .open = grafana_open,
    .close = grafana_close,
    .describe = grafana_describe,
};
