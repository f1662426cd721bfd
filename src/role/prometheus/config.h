/*
 * Configuration: prometheus.yml, read whole and checked as the original checks it, with its
 * defaults filled in and its error texts.
 *
 * Layer: role/prometheus. Memory: config_load/config_free; everything lives in the configuration's
 * arena. Thread: immutable after loading; config_load reads files, so never from a loop.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/types.h"
#include "model/labels.h"
#include "model/relabel.h"
#include "net/client_config.h"
#include "scrape/config.h"

enum {
    CONFIG_FILE_MAX = 64 * 1024 * 1024,    /* bytes of one file */
    CONFIG_MEMORY_MAX = 512 * 1024 * 1024, /* bytes of one configuration */
};

typedef struct GlobalConfig {
    i64 scrape_interval_ms;
    i64 scrape_timeout_ms;
    i64 evaluation_interval_ms;
    i64 rule_query_offset_ms;
    ScrapeProtocol protocols[SCRAPE_PROTOCOL_COUNT]; /* empty: each job's own default */
    size_t protocol_count;
    Str query_log_file;
    Str scrape_failure_log_file;
    ScrapeLimits limits;
    NameScheme name_scheme;
    Str name_escaping; /* as written; empty: follows from the scheme */
    bool given;        /* the file has a global section */
    bool scrape_native_histograms;
    bool convert_classic_histograms;
    bool always_scrape_classic_histograms;
    bool extra_scrape_metrics;
} GlobalConfig;

typedef struct AlertmanagerConfig {
    HttpClientConfig http;
    const YamlNode *sigv4; /* checked mapping, or NULL */
    Str scheme;            /* "http" */
    Str path_prefix;
    i64 timeout_ms;
    Str api_version; /* "v2" */
    Relabel *relabel;
    size_t relabel_count;
    Relabel *alert_relabel;
    size_t alert_relabel_count;
    DiscoveryConfigs discovery;
} AlertmanagerConfig;

typedef struct AlertingConfig {
    Relabel *alert_relabel;
    size_t alert_relabel_count;
    AlertmanagerConfig *alertmanagers;
    size_t alertmanager_count;
} AlertingConfig;

typedef struct QueueConfig {
    i64 capacity;
    i64 max_shards;
    i64 min_shards;
    i64 max_samples_per_send;
    i64 batch_send_deadline_ms;
    i64 min_backoff_ms;
    i64 max_backoff_ms;
    bool retry_on_http_429;
    i64 sample_age_limit_ms; /* 0: none */
} QueueConfig;

typedef struct RemoteWriteConfig {
    Str url;
    i64 timeout_ms;
    NamedText *headers;
    size_t header_count;
    Relabel *relabel; /* write_relabel_configs */
    size_t relabel_count;
    Str name;
    bool send_exemplars;
    bool send_native_histograms;
    bool round_robin_dns;
    Str protobuf_message; /* "prometheus.WriteRequest" or "io.prometheus.write.v2.Request" */
    bool failed_request_logging;
    HttpClientConfig http;
    QueueConfig queue;
    bool send_metadata;
    i64 metadata_interval_ms;
    i64 metadata_samples_per_send;
    const YamlNode *sigv4; /* of these three at most one is not NULL; checked mappings */
    const YamlNode *azuread;
    const YamlNode *google_iam;
} RemoteWriteConfig;

typedef struct RemoteReadConfig {
    Str url;
    i64 timeout_ms;
    u64 chunked_read_limit_bytes;
    NamedText *headers;
    size_t header_count;
    bool read_recent;
    Str name;
    HttpClientConfig http;
    Labels required_matchers;
    bool filter_external_labels;
} RemoteReadConfig;

typedef struct StorageConfig {
    i64 out_of_order_window_ms;
    f64 stale_series_compaction_threshold; /* 0 … 1; 0: off */
    Str float_encoding;                    /* "xor", "xor2", or empty: not said */
    i64 retention_time_ms;                 /* 0: not said */
    u64 retention_size_bytes;
    f64 retention_percentage;
    bool has_exemplars; /* the section was given */
    i64 max_exemplars;
} StorageConfig;

typedef struct OtlpConfig {
    bool promote_all_resource_attributes;
    Str *promote_resource_attributes;
    size_t promote_count;
    Str *ignore_resource_attributes;
    size_t ignore_count;
    Str translation_strategy;
    bool keep_identifying_resource_attributes;
    bool convert_histograms_to_nhcb;
    bool promote_scope_metadata;
    bool label_name_underscore_sanitization;
    bool label_name_preserve_multiple_underscores;
} OtlpConfig;

typedef struct TracingConfig {
    bool enabled;    /* the section was given */
    Str client_type; /* "grpc" or "http" */
    Str endpoint;
    f64 sampling_fraction;
    bool insecure;
    TlsClientConfig tls;
    NamedText *headers;
    size_t header_count;
    Str compression;
    i64 timeout_ms;
} TracingConfig;

typedef struct Config {
    Str path; /* of the file, as given; empty: built in */
    GlobalConfig global;
    Labels external_labels; /* with ${VAR} expanded */
    i64 gogc;               /* accepted, without effect */
    AlertingConfig alerting;
    Str *rule_files; /* patterns, made relative to the file's folder */
    size_t rule_file_count;
    Str *scrape_config_files; /* patterns, likewise */
    size_t scrape_config_file_count;
    ScrapeConfig *scrapes; /* of the file, then those of scrape_config_files */
    size_t scrape_count;
    size_t own_scrape_count; /* of these, the ones of the file itself */
    StorageConfig storage;
    TracingConfig tracing;
    RemoteWriteConfig *remote_writes;
    size_t remote_write_count;
    RemoteReadConfig *remote_reads;
    size_t remote_read_count;
    OtlpConfig otlp;
    Str *warnings; /* odd but accepted; one line each, with file and line */
    size_t warning_count;
    struct ConfigRules *rules; /* every relabelling list above, to free what they own */
    Arena arena;               /* owns everything above */
} Config;

/*
 * Reads and checks a file, with the scrape_config_files it names.
 * Errors  ERR_IO, ERR_INVALID with line and column, worded as the original:
 *         "parsing YAML file prometheus.yml: yaml: unmarshal errors:\n  line 8: field …"
 */
bool config_load(const char *path, Config **ret, Err *err) MUST_USE;

/* The same from text. `path` (may be empty) gives the folder for relative names. */
bool config_parse(Str text, Str path, Config **ret, Err *err) MUST_USE;
Config *config_free(Config *config); /* NULL-safe; NULL */

/* The whole configuration with defaults filled in and secrets as <secret>: YAML, as
 * /api/v1/status/config shows it. */
bool config_write(const Config *config, Buf *out, Err *err) MUST_USE;

/* The files that rule_files name now, sorted within each pattern. */
bool config_rule_files(const Config *config, Arena *arena, Str **ret, size_t *ret_count,
                       Err *err) MUST_USE;
