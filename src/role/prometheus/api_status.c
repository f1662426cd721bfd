/* Status routes: what the server is, what it runs with, what its store holds. Layer:
 * role/prometheus. */
#include "base/time.h"
#include "os/pool.h"
#include "role/prometheus/api.h"
#include "role/prometheus/build_info.h"
#include "role/prometheus/reply.h"

#include <limits.h>
#include <unistd.h>

enum {
    STATUS_MEMORY_MAX = 256 * 1024 * 1024, /* bytes to work out one answer */
    TOP_LIMIT_DEFAULT = 10,
    TOP_LIMIT_MAX = 10000,
};

static void handle_config(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    Buf yaml;
    Err err = {0};
    if (!api_ready(server, exchange)) {
        return;
    }
    Generation *generation = server_generation(server);
    buf_init(&yaml, REPLY_PIECE_MAX / 2);
    if (config_write(generation->config, &yaml, &err)) {
        ApiReply reply;
        api_reply_begin(&reply, exchange);
        json_object(&reply.json);
        json_key_str(&reply.json, "yaml", buf_view(&yaml));
        json_object_end(&reply.json);
        api_reply_end(&reply, NULL);
    } else {
        api_error(exchange, &err);
    }
    buf_done(&yaml);
    generation_release(generation);
}

static void put_flag(void *self, Str name, Str value)
{
    JsonWriter *json = self;
    json_key(json, name);
    json_put_str(json, value);
}

static void handle_flags(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    ApiReply reply;
    if (!api_ready(server, exchange)) {
        return;
    }
    api_reply_begin(&reply, exchange);
    json_object(&reply.json);
    opts_each(&prometheus_options, server->opts, put_flag, &reply.json);
    json_object_end(&reply.json);
    api_reply_end(&reply, NULL);
}

static void handle_build_info(void *self, HttpExchange *exchange)
{
    ApiReply reply;
    if (!api_ready(self, exchange)) {
        return;
    }
    api_reply_begin(&reply, exchange);
    build_info_put(&reply.json);
    api_reply_end(&reply, NULL);
}

static void put_retention(JsonWriter *json, const PrometheusServer *server)
{
    Buf text;
    buf_init(&text, 128);
    duration_format(&text, server->retention_ms);
    json_key_str(json, "storageRetention", buf_view(&text));
    buf_done(&text);
}

static void handle_runtime_info(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    ApiReply reply;
    char folder[PATH_MAX] = "";
    char host[HOST_NAME_MAX + 1] = "";
    if (!api_ready(server, exchange)) {
        return;
    }
    TsdbStats stats;
    tsdb_stats(server->tsdb, &stats);
    const char *cwd = getcwd(folder, sizeof(folder));
    (void)gethostname(host, sizeof(host) - 1);
    api_reply_begin(&reply, exchange);
    JsonWriter *json = &reply.json;
    json_object(json);
    json_key(json, S("startTime"));
    api_put_rfc3339(json, server->start_ms);
    json_key_str(json, "CWD", str_from(cwd ? cwd : ""));
    json_key_str(json, "hostname", str_from(host));
    json_key(json, S("serverTime"));
    api_put_rfc3339(json, time_now_ms());
    json_key_bool(json, "reloadConfigSuccess", atomic_load(&server->reload_ok));
    json_key(json, S("lastConfigTime"));
    api_put_rfc3339(json, atomic_load(&server->reload_ms));
    json_key_i64(json, "corruptionCount", stats.replay.repaired ? 1 : 0);
    json_key_i64(json, "goroutineCount", 0);
    json_key_i64(json, "GOMAXPROCS", (i64)cpu_count());
    json_key_i64(json, "GOMEMLIMIT", INT64_MAX);
    json_key_str(json, "GOGC", S(""));
    json_key_str(json, "GODEBUG", S(""));
    put_retention(json, server);
    json_object_end(json);
    api_reply_end(&reply, NULL);
}

static void put_list(JsonWriter *json, Str key, const CardinalityList *list)
{
    json_key(json, key);
    json_array(json);
    for (size_t i = 0; i < list->count; i++) {
        json_object(json);
        json_key_str(json, "name", list->at[i].name);
        json_key(json, S("value"));
        json_put_u64(json, list->at[i].value);
        json_object_end(json);
    }
    json_array_end(json);
}

static bool top_limit(HttpExchange *exchange, size_t *ret)
{
    Str text = http_param(exchange, S("limit"));
    u64 limit = TOP_LIMIT_DEFAULT;
    Err err = {0};
    if (text.len > 0 && (!str_to_u64(text, &limit) || limit == 0)) {
        (void)err_set(&err, ERR_INVALID, "limit must be a positive number");
        api_error(exchange, &err);
        return false;
    }
    if (limit > TOP_LIMIT_MAX) {
        (void)err_set(&err, ERR_INVALID, "limit must not exceed %d", TOP_LIMIT_MAX);
        api_error(exchange, &err);
        return false;
    }
    *ret = limit;
    return true;
}

static void reply_tsdb(PrometheusServer *server, HttpExchange *exchange, const Cardinality *tops)
{
    ApiReply reply;
    TsdbStats stats;
    tsdb_stats(server->tsdb, &stats);
    api_reply_begin(&reply, exchange);
    JsonWriter *json = &reply.json;
    json_object(json);
    json_key(json, S("headStats"));
    json_object(json);
    json_key_i64(json, "numSeries", (i64)stats.head.series);
    json_key_i64(json, "numLabelPairs", (i64)tops->label_pairs);
    json_key_i64(json, "chunkCount", (i64)stats.head.chunks);
    json_key_i64(json, "minTime", stats.head.mint_ms);
    json_key_i64(json, "maxTime", stats.head.maxt_ms);
    json_object_end(json);
    put_list(json, S("seriesCountByMetricName"), &tops->series_by_metric);
    put_list(json, S("labelValueCountByLabelName"), &tops->values_by_name);
    put_list(json, S("memoryInBytesByLabelName"), &tops->bytes_by_name);
    put_list(json, S("seriesCountByLabelValuePair"), &tops->series_by_pair);
    json_object_end(json);
    api_reply_end(&reply, NULL);
}

static void handle_tsdb(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    Arena arena;
    Cardinality tops;
    size_t limit;
    Err err = {0};
    if (!api_ready(server, exchange) || !top_limit(exchange, &limit)) {
        return;
    }
    arena_init(&arena, STATUS_MEMORY_MAX);
    if (tsdb_cardinality(server->tsdb, limit, &arena, &tops, &err)) {
        reply_tsdb(server, exchange, &tops);
    } else {
        api_error(exchange, &err);
    }
    arena_done(&arena);
}

/* Answers while the log is replayed, too: that is what it is for. */
static void handle_walreplay(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    ReplayStatus status;
    ApiReply reply;
    tsdb_replay_status(&server->replay, &status);
    api_reply_begin(&reply, exchange);
    json_object(&reply.json);
    json_key_i64(&reply.json, "min", MAX(status.first_segment, (i64)0));
    json_key_i64(&reply.json, "max", MAX(status.last_segment, (i64)0));
    json_key_i64(&reply.json, "current", MAX(status.current_segment, (i64)0));
    json_object_end(&reply.json);
    api_reply_end(&reply, NULL);
}

static const Route routes[] = {
    {HTTP_GET, "/api/v1/status/config", ROUTE_WORKER, handle_config},
    {HTTP_GET, "/api/v1/status/flags", ROUTE_WORKER, handle_flags},
    {HTTP_GET, "/api/v1/status/buildinfo", ROUTE_LOOP, handle_build_info},
    {HTTP_GET, "/api/v1/status/runtimeinfo", ROUTE_WORKER, handle_runtime_info},
    {HTTP_GET, "/api/v1/status/tsdb", ROUTE_WORKER, handle_tsdb},
    {HTTP_GET, "/api/v1/status/walreplay", ROUTE_LOOP, handle_walreplay},
};

RouteTable api_status_routes(void)
{
    return (RouteTable){routes, COUNT_OF(routes)};
}
