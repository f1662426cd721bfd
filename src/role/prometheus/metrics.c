/*
 * The server's own metrics, under the original's names, so that dashboards and alerts about
 * Prometheus go on working.
 *
 * Layer: role/prometheus. Memory: one page a request. Thread: worker.
 */
#include "base/time.h"
#include "os/process.h"
#include "role/prometheus/api.h"
#include "role/prometheus/build_info.h"

enum { PAGE_BYTES_MAX = 16 * 1024 * 1024 };

static void put_config(MetricPage *page, PrometheusServer *server)
{
    metric_page_single(page, "prometheus_config_last_reload_successful", PAGE_GAUGE,
                       "Whether the last configuration reload attempt was successful.",
                       atomic_load(&server->reload_ok));
    metric_page_single(page, "prometheus_config_last_reload_success_timestamp_seconds", PAGE_GAUGE,
                       "Timestamp of the last successful configuration reload.",
                       (f64)atomic_load(&server->reload_ms) / (f64)MS_PER_SECOND);
    metric_page_single(page, "prometheus_ready", PAGE_GAUGE,
                       "Whether Prometheus startup was fully completed and the server is ready for "
                       "normal operation.",
                       atomic_load(&server->ready));
}

typedef struct Row {
    const char *name;
    PageType type;
    const char *help;
    f64 value;
} Row;

static void put_rows(MetricPage *page, const Row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        metric_page_single(page, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
    }
}

static void put_head(MetricPage *page, const HeadStats *head)
{
    const Row rows[] = {
        {"prometheus_tsdb_head_series", PAGE_GAUGE, "Total number of series in the head block.",
         (f64)head->series},
        {"prometheus_tsdb_head_series_created_total", PAGE_COUNTER,
         "Total number of series created in the head", (f64)head->series_created},
        {"prometheus_tsdb_head_series_removed_total", PAGE_COUNTER,
         "Total number of series removed in the head", (f64)head->series_removed},
        {"prometheus_tsdb_head_chunks", PAGE_GAUGE, "Total number of chunks in the head block.",
         (f64)head->chunks},
        {"prometheus_tsdb_head_chunks_created_total", PAGE_COUNTER,
         "Total number of chunks created in the head", (f64)head->chunks_created},
        {"prometheus_tsdb_head_min_time", PAGE_GAUGE,
         "Minimum time bound of the head block. The unit is decided by the library consumer.",
         (f64)head->mint_ms},
        {"prometheus_tsdb_head_max_time", PAGE_GAUGE,
         "Maximum timestamp of the head block. The unit is decided by the library consumer.",
         (f64)head->maxt_ms},
        {"prometheus_tsdb_head_min_time_seconds", PAGE_GAUGE,
         "Minimum time bound of the head block.", (f64)head->mint_ms / 1000},
        {"prometheus_tsdb_head_max_time_seconds", PAGE_GAUGE,
         "Maximum timestamp of the head block.", (f64)head->maxt_ms / 1000},
        {"prometheus_tsdb_symbol_table_size_bytes", PAGE_GAUGE,
         "Size of symbol table in memory for loaded blocks", (f64)head->symbol_bytes},
        {"prometheus_tsdb_exemplar_exemplars_in_storage", PAGE_GAUGE,
         "Number of exemplars currently in circular storage.", (f64)head->exemplars},
        {"prometheus_tsdb_lowest_timestamp_seconds", PAGE_GAUGE,
         "Lowest timestamp value stored in the database.", (f64)head->mint_ms / 1000},
    };
    put_rows(page, rows, COUNT_OF(rows));
    MetricFamily appended =
        metric_page_family(page, S("prometheus_tsdb_head_samples_appended_total"), PAGE_COUNTER,
                           S("Total number of appended samples."));
    metric_page_put(page, appended, (PageLabel[]){{"type", S("float")}}, 1,
                    (f64)head->samples_appended);
    static const struct {
        SampleOutcome outcome;
        const char *name;
        const char *help;
    } refused[] = {
        {SAMPLE_OUT_OF_ORDER, "prometheus_tsdb_out_of_order_samples_total",
         "Total number of out of order samples ingestion failed attempts due to out of order being "
         "disabled."},
        {SAMPLE_OUT_OF_BOUNDS, "prometheus_tsdb_out_of_bound_samples_total",
         "Total number of out of bound samples ingestion failed attempts with out of order support "
         "disabled."},
        {SAMPLE_TOO_OLD, "prometheus_tsdb_too_old_samples_total",
         "Total number of out of order samples ingestion failed attempts with out of support "
         "enabled, but sample outside of time window."},
    };
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        MetricFamily family = metric_page_family(page, str_from(refused[i].name), PAGE_COUNTER,
                                                 str_from(refused[i].help));
        metric_page_put(page, family, (PageLabel[]){{"type", S("float")}}, 1,
                        (f64)head->samples_refused[refused[i].outcome]);
    }
}

static void put_store(MetricPage *page, PrometheusServer *server)
{
    TsdbStats stats;
    tsdb_stats(server->tsdb, &stats);
    put_head(page, &stats.head);
    const Row rows[] = {
        {"prometheus_tsdb_wal_segment_current", PAGE_GAUGE,
         "Write log segment index that TSDB is currently writing to.", (f64)stats.wal.segment},
        {"prometheus_tsdb_wal_writes_failed_total", PAGE_COUNTER,
         "Total number of write log writes that failed.", (f64)stats.wal.failures},
        {"prometheus_tsdb_wal_corruptions_total", PAGE_COUNTER, "Total number of WAL corruptions.",
         stats.replay.repaired ? 1 : 0},
        {"prometheus_tsdb_head_truncations_total", PAGE_COUNTER,
         "Total number of head truncations attempted.", (f64)stats.truncations},
        {"prometheus_tsdb_checkpoint_creations_total", PAGE_COUNTER,
         "Total number of checkpoint creations attempted.", (f64)stats.checkpoints},
        {"prometheus_tsdb_head_chunks_storage_size_bytes", PAGE_GAUGE,
         "Size of the chunks_head directory.", (f64)stats.chunk_file_bytes},
        {"prometheus_tsdb_data_replay_duration_seconds", PAGE_GAUGE,
         "Time taken to replay the data on disk.", (f64)stats.replay_ns / (f64)NS_PER_SECOND},
        {"prometheus_tsdb_retention_limit_seconds", PAGE_GAUGE,
         "How long to retain samples in storage.", (f64)server->retention_ms / 1000},
    };
    put_rows(page, rows, COUNT_OF(rows));
}

static void put_queries(MetricPage *page, PrometheusServer *server)
{
    ActiveQuery active[256];
    const EngineOpts *opts = engine_opts(server->engine);
    metric_page_single(page, "prometheus_engine_queries", PAGE_GAUGE,
                       "The current number of queries being executed or waiting.",
                       (f64)engine_active(server->engine, active, COUNT_OF(active)));
    metric_page_single(page, "prometheus_engine_queries_concurrent_max", PAGE_GAUGE,
                       "The max number of concurrent queries.", (f64)opts->concurrent_max);
}

static void put_process(MetricPage *page)
{
    ProcessStats stats;
    u64 receive_bytes;
    u64 transmit_bytes;
    if (!process_stats(&stats, NULL)) {
        return;
    }
    process_network(&receive_bytes, &transmit_bytes);
    const Row rows[] = {
        {"process_cpu_seconds_total", PAGE_COUNTER,
         "Total user and system CPU time spent in seconds.", stats.cpu_seconds},
        {"process_max_fds", PAGE_GAUGE, "Maximum number of open file descriptors.",
         (f64)stats.max_fds},
        {"process_network_receive_bytes_total", PAGE_COUNTER,
         "Number of bytes received by the process over the network.", (f64)receive_bytes},
        {"process_network_transmit_bytes_total", PAGE_COUNTER,
         "Number of bytes sent by the process over the network.", (f64)transmit_bytes},
        {"process_open_fds", PAGE_GAUGE, "Number of open file descriptors.", (f64)stats.open_fds},
        {"process_resident_memory_bytes", PAGE_GAUGE, "Resident memory size in bytes.",
         (f64)stats.resident_bytes},
        {"process_start_time_seconds", PAGE_GAUGE,
         "Start time of the process since unix epoch in seconds.", stats.start_unix_seconds},
        {"process_virtual_memory_bytes", PAGE_GAUGE, "Virtual memory size in bytes.",
         (f64)stats.virtual_bytes},
        {"process_virtual_memory_max_bytes", PAGE_GAUGE,
         "Maximum amount of virtual memory available in bytes.", (f64)stats.virtual_max_bytes},
    };
    put_rows(page, rows, COUNT_OF(rows));
}

static void handle_metrics(void *self, HttpExchange *exchange)
{
    PrometheusServer *server = self;
    Buf out;
    Err err = {0};
    bool openmetrics = str_contains(http_request_header(http_request(exchange), S("Accept")),
                                    S("application/openmetrics-text"));
    MetricPage *page = metric_page_new();
    buf_init(&out, PAGE_BYTES_MAX);
    build_info_metric(page);
    put_config(page, server);
    put_process(page);
    http_counters_write(server->http_counters, page);
    if (atomic_load(&server->ready)) {
        put_store(page, server);
        put_queries(page, server);
        scrape_manager_write_metrics(server->scrapes, page);
    }
    if (metric_page_write(page, openmetrics ? PAGE_OPENMETRICS : PAGE_TEXT, &out, &err)) {
        http_reply_buf(exchange, 200,
                       openmetrics
                           ? S("application/openmetrics-text; version=1.0.0; charset=utf-8; "
                               "escaping=underscores")
                           : S("text/plain; version=0.0.4; charset=utf-8; "
                               "escaping=underscores"),
                       &out);
    } else {
        http_error(exchange, 500, "%s", err.message);
    }
    buf_done(&out);
    metric_page_free(page);
}

static const Route routes[] = {
    {HTTP_GET, "/metrics", ROUTE_WORKER, handle_metrics},
};

RouteTable metrics_routes(void)
{
    return (RouteTable){routes, COUNT_OF(routes)};
}
