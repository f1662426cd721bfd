/* Options: see options.h. Layer: role/prometheus. Thread: immutable. */
#include "role/prometheus/options.h"

#include "role/log_options.h"

#include <stddef.h>

static const char *const compressions[] = {"snappy", "zstd", NULL};

#define AT(field) .offset = offsetof(PrometheusOpts, field)

/* Flags that belong to parts of the original which do not exist here yet, or to its runtime: taken,
 * so that unit files start unchanged, and listed as such in docs. */
#define IGNORED(name_)                                                                 \
    {                                                                                  \
        .name = (name_), .kind = OPT_IGNORED, .help = "Accepted; has no effect here.", \
        .hidden = true                                                                 \
    }
#define IGNORED_BOOL(name_)                                                                 \
    {                                                                                       \
        .name = (name_), .kind = OPT_IGNORED_BOOL, .help = "Accepted; has no effect here.", \
        .hidden = true                                                                      \
    }

static const OptSpec specs[] = {
    {.name = "config.file",
     .kind = OPT_STR,
     AT(config_file),
     .initial = "prometheus.yml",
     .help = "Configuration file."},
    {.name = "config.auto-reload",
     .kind = OPT_BOOL,
     AT(auto_reload),
     .help = "Reload the configuration when the file changes."},
    {.name = "config.auto-reload-interval",
     .kind = OPT_DURATION,
     AT(auto_reload_interval_ms),
     .initial = "30s",
     .help = "How often to look whether the configuration file has changed."},

    {.name = "web.listen-address",
     .kind = OPT_LIST,
     AT(listen),
     .initial = "0.0.0.0:9090",
     .help = "Address to listen on for the interface, the API and metrics; may be given several "
             "times."},
    {.name = "web.config.file",
     .kind = OPT_STR,
     AT(web_config),
     .initial = "",
     .help = "File with TLS settings, users and headers."},
    {.name = "web.read-timeout",
     .kind = OPT_DURATION,
     AT(web_read_timeout_ms),
     .initial = "5m",
     .help = "Longest time to receive a request, and to keep an idle connection."},
    {.name = "web.max-connections",
     .kind = OPT_I64,
     AT(web_max_connections),
     .initial = "512",
     .help = "Connections open at once, over all listeners."},
    {.name = "web.external-url",
     .kind = OPT_STR,
     AT(external_url),
     .initial = "",
     .help = "URL under which this server is reached from outside, for links that lead back here."},
    {.name = "web.route-prefix",
     .kind = OPT_STR,
     AT(route_prefix),
     .initial = "",
     .help = "Prefix of all paths; the path of --web.external-url when not given."},
    {.name = "web.cors.origin",
     .kind = OPT_STR,
     AT(cors_origin),
     .initial = ".*",
     .help = "Regular expression of origins that may use the API from a browser; anchored."},
    {.name = "web.enable-lifecycle",
     .kind = OPT_BOOL,
     AT(enable_lifecycle),
     .help = "Allow reload and shutdown by HTTP request."},
    IGNORED("web.page-title"),
    IGNORED_BOOL("web.enable-admin-api"),
    IGNORED_BOOL("web.enable-remote-write-receiver"),
    IGNORED("web.remote-write-receiver.accepted-protobuf-messages"),
    IGNORED_BOOL("web.enable-otlp-receiver"),
    IGNORED("web.console.templates"),
    IGNORED("web.console.libraries"),
    IGNORED("web.user-assets"),
    IGNORED("web.max-notifications-subscribers"),
    IGNORED("web.search.max-limit"),

    {.name = "storage.tsdb.path",
     .kind = OPT_STR,
     AT(tsdb_path),
     .initial = "data/",
     .help = "Folder of the time series."},
    {.name = "storage.tsdb.retention.time",
     .kind = OPT_STR,
     AT(retention_time),
     .initial = "",
     .placeholder = "STORAGE.TSDB.RETENTION.TIME",
     .help = "How long samples are kept; 15d when neither time nor size is given."},
    {.name = "storage.tsdb.retention.size",
     .kind = OPT_STR,
     AT(retention_size),
     .initial = "",
     .placeholder = "STORAGE.TSDB.RETENTION.SIZE",
     .help = "How many bytes are kept: 512MB, 20GB."},
    {.name = "storage.tsdb.retention",
     .kind = OPT_STR,
     AT(retention_time),
     .initial = "",
     .help = "Old name of --storage.tsdb.retention.time.",
     .hidden = true},
    {.name = "storage.tsdb.no-lockfile",
     .kind = OPT_BOOL,
     AT(no_lockfile),
     .help = "Do not make a lock file in the data folder."},
    {.name = "storage.tsdb.min-block-duration",
     .kind = OPT_DURATION,
     AT(min_block_ms),
     .initial = "2h",
     .help = "Time range of a new block.",
     .hidden = true},
    {.name = "storage.tsdb.wal-segment-size",
     .kind = OPT_SIZE,
     AT(wal_segment_bytes),
     .initial = "128MB",
     .help = "Size at which a segment of the log is closed.",
     .hidden = true},
    {.name = "storage.tsdb.wal-compression",
     .kind = OPT_BOOL,
     AT(wal_compression),
     .initial = "true",
     .help = "Compress the log.",
     .hidden = true},
    {.name = "storage.tsdb.wal-compression-type",
     .kind = OPT_ENUM,
     AT(wal_compression_type),
     .initial = "snappy",
     .choices = compressions,
     .help = "How the log is compressed.",
     .hidden = true},
    IGNORED("storage.tsdb.max-block-duration"),
    IGNORED("storage.tsdb.max-block-chunk-segment-size"),
    IGNORED_BOOL("storage.tsdb.allow-overlapping-blocks"),
    IGNORED("storage.tsdb.head-chunks-write-queue-size"),
    IGNORED("storage.tsdb.samples-per-chunk"),
    IGNORED("storage.tsdb.block-reload-interval"),
    IGNORED("storage.tsdb.delay-compact-percentage"),
    IGNORED("storage.tsdb.delay-compact-file.path"),
    IGNORED("storage.remote.flush-deadline"),
    IGNORED("storage.remote.read-sample-limit"),
    IGNORED("storage.remote.read-concurrent-limit"),
    IGNORED("storage.remote.read-max-bytes-in-frame"),

    IGNORED("rules.alert.for-outage-tolerance"),
    IGNORED("rules.alert.for-grace-period"),
    IGNORED("rules.alert.resend-delay"),
    IGNORED("rules.max-concurrent-evals"),
    IGNORED("alertmanager.notification-queue-capacity"),
    IGNORED("alertmanager.notification-batch-size"),
    IGNORED_BOOL("alertmanager.drain-notification-queue-on-shutdown"),
    IGNORED("alertmanager.timeout"),
    IGNORED_BOOL("scrape.adjust-timestamps"),
    IGNORED("scrape.timestamp-tolerance"),
    IGNORED("scrape.discovery-reload-interval"),

    {.name = "query.lookback-delta",
     .kind = OPT_DURATION,
     AT(lookback_ms),
     .initial = "5m",
     .help = "How far back an instant selector looks for a sample."},
    {.name = "query.timeout",
     .kind = OPT_DURATION,
     AT(query_timeout_ms),
     .initial = "2m",
     .help = "Longest time that a query may take."},
    {.name = "query.max-concurrency",
     .kind = OPT_I64,
     AT(query_concurrency),
     .initial = "20",
     .min = 1,
     .max = 100000,
     .help = "Queries that run at once; more wait."},
    {.name = "query.max-samples",
     .kind = OPT_I64,
     AT(query_max_samples),
     .initial = "50000000",
     .help = "Samples that one query may hold in memory."},

    {.name = "enable-feature",
     .kind = OPT_LIST,
     AT(features),
     .placeholder = "...",
     .help = "Switches on named features, comma separated; unknown names are logged."},
    IGNORED_BOOL("agent"),
    IGNORED_BOOL("auto-gomaxprocs"),
    IGNORED_BOOL("auto-gomemlimit"),
    IGNORED("auto-gomemlimit.ratio"),
    IGNORED("auto-gomemlimit.refresh-interval"),
    LOG_OPTIONS(PrometheusOpts),
};

const OptTable prometheus_options = {
    .program = "prometheus",
    .summary = "The Prometheus monitoring server, by Vigie.",
    .specs = specs,
    .count = COUNT_OF(specs),
};

bool feature_enabled(const PrometheusOpts *opts, Str feature)
{
    for (size_t i = 0; i < opts->features.count; i++) {
        Str rest = opts->features.at[i];
        Str part;
        while (str_split_next(&rest, ',', &part)) {
            if (str_eq(str_trim(part), feature)) {
                return true;
            }
        }
    }
    return false;
}
