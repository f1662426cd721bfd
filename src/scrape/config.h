/*
 * Scrape configuration: one job of scrape_configs, with what it inherits from the global section
 * filled in.
 *
 * Layer: scrape. Memory: a configuration generation's arena; relabelling rules are owned by the
 * generation too (relabel_done). Thread: immutable.
 */
#pragma once

#include "base/str.h"
#include "base/types.h"
#include "discovery/config.h"
#include "model/relabel.h"
#include "net/client_config.h"
#include "scrape/target.h"

typedef enum ScrapeProtocol {
    SCRAPE_PROTOCOL_NONE,
    SCRAPE_PROTOBUF,          /* PrometheusProto */
    SCRAPE_OPENMETRICS_1_0_0, /* OpenMetricsText1.0.0 */
    SCRAPE_OPENMETRICS_0_0_1,
    SCRAPE_TEXT_1_0_0, /* PrometheusText1.0.0 */
    SCRAPE_TEXT_0_0_4,
    SCRAPE_PROTOCOL_COUNT,
} ScrapeProtocol;

typedef enum NameScheme { NAME_SCHEME_UTF8, NAME_SCHEME_LEGACY } NameScheme;

typedef enum NameEscaping {
    NAME_ALLOW_UTF8, /* allow-utf-8 */
    NAME_UNDERSCORES,
    NAME_DOTS,
    NAME_VALUES,
} NameEscaping;

/* Limits of a job; 0: none. */
typedef struct ScrapeLimits {
    u64 body_size_bytes; /* unpacked */
    u64 sample_limit;    /* after metric relabelling */
    u64 target_limit;
    u64 label_limit;
    u64 label_name_length_limit;
    u64 label_value_length_limit;
    u64 keep_dropped_targets;
} ScrapeLimits;

typedef struct ScrapeConfig {
    TargetSpec target; /* job name, interval, timeout, path, scheme, params, histogram switches and
                          relabel_configs */
    bool honor_labels;
    bool honor_timestamps;
    bool track_timestamps_staleness;
    ScrapeProtocol protocols[SCRAPE_PROTOCOL_COUNT]; /* most wanted first */
    size_t protocol_count;
    ScrapeProtocol fallback_protocol; /* SCRAPE_PROTOCOL_NONE: an unknown content type fails */
    bool enable_compression;
    bool extra_scrape_metrics;
    ScrapeLimits limits;
    u64 native_histogram_bucket_limit;
    f64 native_histogram_min_bucket_factor;
    NameScheme name_scheme;
    NameEscaping name_escaping;
    Str failure_log_file;
    Relabel *metric_relabel; /* metric_relabel_configs */
    size_t metric_relabel_count;
    HttpClientConfig http;
    DiscoveryConfigs discovery;
} ScrapeConfig;

/* "OpenMetricsText1.0.0" */
const char *scrape_protocol_name(ScrapeProtocol protocol);
ScrapeProtocol scrape_protocol_parse(Str name); /* exact; SCRAPE_PROTOCOL_NONE when unknown */

/* "allow-utf-8", as it stands in the escaping parameter of a content type. */
const char *name_escaping_name(NameEscaping escaping);
