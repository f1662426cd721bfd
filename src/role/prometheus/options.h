/*
 * Options: the command line of the prometheus role, with the original's flags.
 *
 * Layer: role/prometheus. Memory: values borrow the command line. Thread: immutable after parsing.
 */
#pragma once

#include "base/opts.h"
#include "base/types.h"

typedef struct PrometheusOpts {
    Str config_file;
    Str config_text; /* what stands in for the file when it does not exist; set by `vigie up`, no
                        flag */
    bool auto_reload;
    i64 auto_reload_interval_ms;

    OptList listen;
    Str web_config;
    i64 web_read_timeout_ms;
    i64 web_max_connections;
    Str external_url;
    Str route_prefix;
    Str cors_origin;
    bool enable_lifecycle;

    Str tsdb_path;
    Str retention_time; /* text: a later block store tells "not set" from a value */
    Str retention_size;
    bool no_lockfile;
    i64 min_block_ms;
    u64 wal_segment_bytes;
    bool wal_compression;
    Str wal_compression_type;

    i64 lookback_ms;
    i64 query_timeout_ms;
    i64 query_concurrency;
    i64 query_max_samples;

    OptList features; /* each element may be "a,b" */
    Str log_level;
    Str log_format;
} PrometheusOpts;

extern const OptTable prometheus_options;

/* Is the feature among --enable-feature? */
bool feature_enabled(const PrometheusOpts *opts, Str feature);
