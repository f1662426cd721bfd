/*
 * Role prometheus: how the server is started, as itself and by `vigie up`.
 *
 * Layer: role/prometheus. Memory: the role owns the server. Thread: main.
 */
#include "role/role.h"
#include "base/log.h"
#include "os/dir.h"
#include "role/log_options.h"
#include "role/prometheus/options.h"
#include "role/prometheus/server.h"

/* What `vigie up` scrapes when there is no prometheus.yml: its own roles, often enough to look
 * alive. */
static const char built_in_config[] = "global:\n"
                                      "  scrape_interval: 5s\n"
                                      "  evaluation_interval: 15s\n"
                                      "scrape_configs:\n"
                                      "  - job_name: prometheus\n"
                                      "    static_configs:\n"
                                      "      - targets: ['%.*s:9090']\n"
                                      "  - job_name: node-exporter\n"
                                      "    static_configs:\n"
                                      "      - targets: ['%.*s:9100']\n";

static bool prometheus_prepare(const void *opts, Err *err)
{
    const PrometheusOpts *prometheus = opts;
    return log_options_apply(prometheus->log_level, prometheus->log_format, err);
}

static bool prometheus_up(const UpContext *context, void *opts, Err *err)
{
    PrometheusOpts *prometheus = opts;
    Str *address = ARENA_NEW(context->arena, Str, 1);
    if (!address) {
        return arena_full(context->arena, err);
    }
    if (!arena_printf(context->arena, address, err, STR_FMT ":9090", STR_ARG(context->listen)) ||
        !arena_printf(context->arena, &prometheus->config_file, err,
                      STR_FMT "/prometheus/prometheus.yml", STR_ARG(context->config_root)) ||
        !arena_printf(context->arena, &prometheus->tsdb_path, err, STR_FMT "/prometheus",
                      STR_ARG(context->data_dir))) {
        return false;
    }
    prometheus->listen = (OptList){.at = address, .count = 1};
    prometheus->enable_lifecycle = true;
    if (path_exists(prometheus->config_file.ptr)) {
        return true;
    }
    log_info("No prometheus.yml: scraping the roles of this process",
             LOG_STR("looked_for", prometheus->config_file));
    prometheus->config_file = S("(built in)");
    return arena_printf(context->arena, &prometheus->config_text, err, built_in_config,
                        STR_ARG(context->listen), STR_ARG(context->listen));
}

/* The API for another role of this process: its handlers, found by the path behind the mount. */
static void lend_api(void *self, HttpExchange *exchange, Str path)
{
    PrometheusServer *server = self;
    router_forward(server->router, exchange, path);
}

static bool prometheus_open(const Runtime *runtime, const void *opts, Wiring *wiring,
                            void **ret_self, Err *err)
{
    PrometheusServer *server;
    if (!server_open(runtime, opts, &server, err)) {
        return false;
    }
    wiring->prometheus_api = (HttpMount){lend_api, server};
    *ret_self = server;
    return true;
}

static bool prometheus_reload(void *self, Err *err)
{
    return server_reload(self, err);
}

static bool prometheus_wants_exit(void *self)
{
    PrometheusServer *server = self;
    return atomic_load(&server->quit);
}

static void prometheus_close(void *self)
{
    server_close(self);
}

static void prometheus_describe(void *self, Buf *out)
{
    const PrometheusServer *server = self;
    Arena arena;
    Str url;
    arena_init(&arena, 4 * KIB);
    if (server_external_url(server, &arena, &url, NULL)) {
        buf_printf(out, "  " STR_FMT "/   the interface, queries, and Prometheus's API\n",
                   STR_ARG(url));
    }
    arena_done(&arena);
}

const Role role_prometheus = {
    .name = "prometheus",
    .summary = "scraping, storage and queries (port 9090)",
    .compatible_version = "3.14.0",
    .options = &prometheus_options,
    .opts_size = sizeof(PrometheusOpts),
    .usage_exit = 2,
    .started_by_up = true,
    .prepare = prometheus_prepare,
    .up = prometheus_up,
    .open = prometheus_open,
    .reload = prometheus_reload,
    .wants_exit = prometheus_wants_exit,
    .close = prometheus_close,
    .describe = prometheus_describe,
};
