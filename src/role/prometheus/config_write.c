/*
 * Configuration, written back: what counts, with defaults and without secrets, in the original's
 * order and shape.
 *
 * Layer: role/prometheus. Memory: the caller's Buf. Thread: any.
 */
#include "role/prometheus/config_reader.h"

/* "1GiB512MiB": the largest units first, as the original's. */
static void put_size(YamlWriter *writer, const char *key, u64 bytes)
{
    static const struct {
        const char *name;
        u64 bytes;
    } units[] = {{"EiB", 1ULL << 60},
                 {"PiB", 1ULL << 50},
                 {"TiB", 1ULL << 40},
                 {"GiB", 1ULL << 30},
                 {"MiB", 1ULL << 20},
                 {"KiB", 1ULL << 10},
                 {"B", 1}};
    if (bytes == 0) {
        return;
    }
    Buf text;
    buf_init(&text, 256);
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (bytes >= units[i].bytes) {
            buf_u64(&text, bytes / units[i].bytes);
            buf_str(&text, str_from(units[i].name));
            bytes %= units[i].bytes;
        }
    }
    yaml_put_key_text(writer, key, buf_view(&text));
    buf_done(&text);
}

void config_put_limits(YamlWriter *writer, const ScrapeLimits *limits)
{
    put_size(writer, "body_size_limit", limits->body_size_bytes);
    config_put_u64(writer, "sample_limit", limits->sample_limit);
    config_put_u64(writer, "target_limit", limits->target_limit);
    config_put_u64(writer, "label_limit", limits->label_limit);
    config_put_u64(writer, "label_name_length_limit", limits->label_name_length_limit);
    config_put_u64(writer, "label_value_length_limit", limits->label_value_length_limit);
}

void config_put_protocols(YamlWriter *writer, const ScrapeProtocol *protocols, size_t count)
{
    if (count == 0) {
        return;
    }
    yaml_put_key_begin(writer, "scrape_protocols", YAML_LIST);
    for (size_t i = 0; i < count; i++) {
        yaml_put_text(writer, str_from(scrape_protocol_name(protocols[i])));
    }
    yaml_put_end(writer);
}

static Str scheme_name(NameScheme scheme)
{
    return scheme == NAME_SCHEME_LEGACY ? S("legacy") : S("utf8");
}

static void write_labels(YamlWriter *writer, const char *key, Labels labels)
{
    if (labels.count == 0) {
        return;
    }
    yaml_put_key_begin(writer, key, YAML_MAPPING);
    for (size_t i = 0; i < labels.count; i++) {
        yaml_put_text(writer, labels.at[i].name);
        yaml_put_text(writer, labels.at[i].value);
    }
    yaml_put_end(writer);
}

static void write_global(YamlWriter *writer, const Config *config)
{
    const GlobalConfig *global = &config->global;
    yaml_put_key_begin(writer, "global", YAML_MAPPING);
    config_put_duration(writer, "scrape_interval", global->scrape_interval_ms);
    config_put_duration(writer, "scrape_timeout", global->scrape_timeout_ms);
    config_put_protocols(writer, global->protocols, global->protocol_count);
    config_put_duration(writer, "evaluation_interval", global->evaluation_interval_ms);
    config_put_duration(writer, "rule_query_offset", global->rule_query_offset_ms);
    config_put_text(writer, "query_log_file", global->query_log_file);
    config_put_text(writer, "scrape_failure_log_file", global->scrape_failure_log_file);
    write_labels(writer, "external_labels", config->external_labels);
    config_put_limits(writer, &global->limits);
    config_put_u64(writer, "keep_dropped_targets", global->limits.keep_dropped_targets);
    yaml_put_key_text(writer, "metric_name_validation_scheme", scheme_name(global->name_scheme));
    if (global->name_escaping.len > 0 || !global->given) {
        yaml_put_key_text(writer, "metric_name_escaping_scheme",
                          global->given ? global->name_escaping : S("allow-utf-8"));
    }
    yaml_put_key_bool(writer, "scrape_native_histograms", global->scrape_native_histograms);
    config_put_flag(writer, "convert_classic_histograms_to_nhcb",
                    global->convert_classic_histograms);
    config_put_flag(writer, "always_scrape_classic_histograms",
                    global->always_scrape_classic_histograms);
    yaml_put_key_bool(writer, "extra_scrape_metrics", global->extra_scrape_metrics);
    yaml_put_end(writer);
    yaml_put_key_begin(writer, "runtime", YAML_MAPPING);
    yaml_put_key_i64(writer, "gogc", config->gogc);
    yaml_put_end(writer);
}

static void write_alertmanager(YamlWriter *writer, const AlertmanagerConfig *config)
{
    yaml_put_begin(writer, YAML_MAPPING);
    http_client_config_write(writer, &config->http);
    config_write_block(writer, "sigv4", &config_sigv4_schema, config->sigv4);
    config_put_text(writer, "scheme", config->scheme);
    config_put_text(writer, "path_prefix", config->path_prefix);
    config_put_duration(writer, "timeout", config->timeout_ms);
    yaml_put_key_text(writer, "api_version", config->api_version);
    config_write_relabel(writer, "relabel_configs", config->relabel, config->relabel_count);
    config_write_relabel(writer, "alert_relabel_configs", config->alert_relabel,
                         config->alert_relabel_count);
    discovery_configs_write(writer, &config->discovery);
    yaml_put_end(writer);
}

static void write_alerting(YamlWriter *writer, const AlertingConfig *alerting)
{
    if (alerting->alert_relabel_count + alerting->alertmanager_count == 0) {
        return;
    }
    yaml_put_key_begin(writer, "alerting", YAML_MAPPING);
    config_write_relabel(writer, "alert_relabel_configs", alerting->alert_relabel,
                         alerting->alert_relabel_count);
    if (alerting->alertmanager_count > 0) {
        yaml_put_key_begin(writer, "alertmanagers", YAML_LIST);
        for (size_t i = 0; i < alerting->alertmanager_count; i++) {
            write_alertmanager(writer, &alerting->alertmanagers[i]);
        }
        yaml_put_end(writer);
    }
    yaml_put_end(writer);
}

static void write_params(YamlWriter *writer, const TargetSpec *target)
{
    if (target->param_count == 0) {
        return;
    }
    yaml_put_key_begin(writer, "params", YAML_MAPPING);
    for (size_t i = 0; i < target->param_count; i++) {
        yaml_put_text(writer, target->params[i].name);
        yaml_put_begin(writer, YAML_LIST);
        for (size_t k = 0; k < target->params[i].count; k++) {
            yaml_put_text(writer, target->params[i].values[k]);
        }
        yaml_put_end(writer);
    }
    yaml_put_end(writer);
}

static void write_scrape_limits(YamlWriter *writer, const ScrapeConfig *scrape)
{
    config_put_limits(writer, &scrape->limits);
    config_put_u64(writer, "native_histogram_bucket_limit", scrape->native_histogram_bucket_limit);
    if (scrape->native_histogram_min_bucket_factor > 0 ||
        scrape->native_histogram_min_bucket_factor < 0) {
        yaml_put_key_f64(writer, "native_histogram_min_bucket_factor",
                         scrape->native_histogram_min_bucket_factor);
    }
    config_put_u64(writer, "keep_dropped_targets", scrape->limits.keep_dropped_targets);
}

static void write_scrape(YamlWriter *writer, const ScrapeConfig *scrape)
{
    const TargetSpec *target = &scrape->target;
    yaml_put_begin(writer, YAML_MAPPING);
    yaml_put_key_text(writer, "job_name", target->job);
    config_put_flag(writer, "honor_labels", scrape->honor_labels);
    yaml_put_key_bool(writer, "honor_timestamps", scrape->honor_timestamps);
    yaml_put_key_bool(writer, "track_timestamps_staleness", scrape->track_timestamps_staleness);
    write_params(writer, target);
    config_put_duration(writer, "scrape_interval", target->interval_ms);
    config_put_duration(writer, "scrape_timeout", target->timeout_ms);
    config_put_protocols(writer, scrape->protocols, scrape->protocol_count);
    config_put_text(writer, "fallback_scrape_protocol",
                    str_from(scrape_protocol_name(scrape->fallback_protocol)));
    yaml_put_key_bool(writer, "scrape_native_histograms", target->scrape_native_histograms);
    yaml_put_key_bool(writer, "always_scrape_classic_histograms",
                      target->always_scrape_classic_histograms);
    yaml_put_key_bool(writer, "convert_classic_histograms_to_nhcb",
                      target->convert_classic_histograms);
    config_put_text(writer, "scrape_failure_log_file", scrape->failure_log_file);
    config_put_text(writer, "metrics_path", target->metrics_path);
    config_put_text(writer, "scheme", target->scheme);
    yaml_put_key_bool(writer, "enable_compression", scrape->enable_compression);
    write_scrape_limits(writer, scrape);
    yaml_put_key_text(writer, "metric_name_validation_scheme", scheme_name(scrape->name_scheme));
    yaml_put_key_text(writer, "metric_name_escaping_scheme",
                      str_from(name_escaping_name(scrape->name_escaping)));
    yaml_put_key_bool(writer, "extra_scrape_metrics", scrape->extra_scrape_metrics);
    http_client_config_write(writer, &scrape->http);
    config_write_relabel(writer, "relabel_configs", target->relabel, target->relabel_count);
    config_write_relabel(writer, "metric_relabel_configs", scrape->metric_relabel,
                         scrape->metric_relabel_count);
    discovery_configs_write(writer, &scrape->discovery);
    yaml_put_end(writer);
}

static void write_storage(YamlWriter *writer, const StorageConfig *storage)
{
    yaml_put_key_begin(writer, "storage", YAML_MAPPING);
    yaml_put_key_begin(writer, "tsdb", YAML_MAPPING);
    yaml_put_key_i64(writer, "outofordertimewindow", storage->out_of_order_window_ms);
    config_put_duration(writer, "out_of_order_time_window", storage->out_of_order_window_ms);
    if (storage->stale_series_compaction_threshold > 0) {
        yaml_put_key_f64(writer, "stale_series_compaction_threshold",
                         storage->stale_series_compaction_threshold);
    }
    if (storage->float_encoding.len > 0) {
        yaml_put_key_begin(writer, "chunk_encoding", YAML_MAPPING);
        yaml_put_key_text(writer, "floats", storage->float_encoding);
        yaml_put_end(writer);
    }
    yaml_put_key_begin(writer, "retention", YAML_MAPPING);
    config_put_duration(writer, "time", storage->retention_time_ms);
    put_size(writer, "size", storage->retention_size_bytes);
    if (storage->retention_percentage > 0) {
        yaml_put_key_f64(writer, "percentage", storage->retention_percentage);
    }
    yaml_put_end(writer);
    yaml_put_end(writer);
    if (storage->has_exemplars) {
        yaml_put_key_begin(writer, "exemplars", YAML_MAPPING);
        if (storage->max_exemplars != 0) {
            yaml_put_key_i64(writer, "max_exemplars", storage->max_exemplars);
        }
        yaml_put_end(writer);
    }
    yaml_put_end(writer);
}

static void write_tracing(YamlWriter *writer, const TracingConfig *tracing)
{
    if (!tracing->enabled) {
        return;
    }
    yaml_put_key_begin(writer, "tracing", YAML_MAPPING);
    config_put_text(writer, "client_type", tracing->client_type);
    config_put_text(writer, "endpoint", tracing->endpoint);
    if (tracing->sampling_fraction > 0 || tracing->sampling_fraction < 0) {
        yaml_put_key_f64(writer, "sampling_fraction", tracing->sampling_fraction);
    }
    config_put_flag(writer, "insecure", tracing->insecure);
    tls_client_config_write(writer, &tracing->tls);
    config_write_texts(writer, "headers", tracing->headers, tracing->header_count);
    config_put_text(writer, "compression", tracing->compression);
    config_put_duration(writer, "timeout", tracing->timeout_ms);
    yaml_put_end(writer);
}

static void write_queue(YamlWriter *writer, const QueueConfig *queue)
{
    yaml_put_key_begin(writer, "queue_config", YAML_MAPPING);
    yaml_put_key_i64(writer, "capacity", queue->capacity);
    yaml_put_key_i64(writer, "max_shards", queue->max_shards);
    yaml_put_key_i64(writer, "min_shards", queue->min_shards);
    yaml_put_key_i64(writer, "max_samples_per_send", queue->max_samples_per_send);
    config_put_duration(writer, "batch_send_deadline", queue->batch_send_deadline_ms);
    config_put_duration(writer, "min_backoff", queue->min_backoff_ms);
    config_put_duration(writer, "max_backoff", queue->max_backoff_ms);
    config_put_flag(writer, "retry_on_http_429", queue->retry_on_http_429);
    config_put_duration(writer, "sample_age_limit", queue->sample_age_limit_ms);
    yaml_put_end(writer);
}

static void put_url(YamlWriter *writer, Str url)
{
    yaml_put_text(writer, S("url"));
    yaml_put_url(writer, url);
}

static void write_remote_write(YamlWriter *writer, const RemoteWriteConfig *remote)
{
    yaml_put_begin(writer, YAML_MAPPING);
    put_url(writer, remote->url);
    config_put_duration(writer, "remote_timeout", remote->timeout_ms);
    config_write_texts(writer, "headers", remote->headers, remote->header_count);
    config_write_relabel(writer, "write_relabel_configs", remote->relabel, remote->relabel_count);
    config_put_text(writer, "name", remote->name);
    config_put_flag(writer, "send_exemplars", remote->send_exemplars);
    config_put_flag(writer, "send_native_histograms", remote->send_native_histograms);
    config_put_flag(writer, "round_robin_dns", remote->round_robin_dns);
    config_put_text(writer, "protobuf_message", remote->protobuf_message);
    config_put_flag(writer, "failed_request_logging", remote->failed_request_logging);
    http_client_config_write(writer, &remote->http);
    write_queue(writer, &remote->queue);
    yaml_put_key_begin(writer, "metadata_config", YAML_MAPPING);
    yaml_put_key_bool(writer, "send", remote->send_metadata);
    yaml_put_key_duration(writer, "send_interval", remote->metadata_interval_ms);
    if (remote->metadata_samples_per_send != 0) {
        yaml_put_key_i64(writer, "max_samples_per_send", remote->metadata_samples_per_send);
    }
    yaml_put_end(writer);
    config_write_block(writer, "sigv4", &config_sigv4_schema, remote->sigv4);
    config_write_block(writer, "azuread", &config_azuread_schema, remote->azuread);
    config_write_block(writer, "google_iam", &config_google_iam_schema, remote->google_iam);
    yaml_put_end(writer);
}

static void write_remote_read(YamlWriter *writer, const RemoteReadConfig *remote)
{
    yaml_put_begin(writer, YAML_MAPPING);
    put_url(writer, remote->url);
    config_put_duration(writer, "remote_timeout", remote->timeout_ms);
    config_put_u64(writer, "chunked_read_limit", remote->chunked_read_limit_bytes);
    config_write_texts(writer, "headers", remote->headers, remote->header_count);
    config_put_flag(writer, "read_recent", remote->read_recent);
    config_put_text(writer, "name", remote->name);
    http_client_config_write(writer, &remote->http);
    write_labels(writer, "required_matchers", remote->required_matchers);
    config_put_flag(writer, "filter_external_labels", remote->filter_external_labels);
    yaml_put_end(writer);
}

static void write_remotes(YamlWriter *writer, const Config *config)
{
    if (config->remote_write_count > 0) {
        yaml_put_key_begin(writer, "remote_write", YAML_LIST);
        for (size_t i = 0; i < config->remote_write_count; i++) {
            write_remote_write(writer, &config->remote_writes[i]);
        }
        yaml_put_end(writer);
    }
    if (config->remote_read_count > 0) {
        yaml_put_key_begin(writer, "remote_read", YAML_LIST);
        for (size_t i = 0; i < config->remote_read_count; i++) {
            write_remote_read(writer, &config->remote_reads[i]);
        }
        yaml_put_end(writer);
    }
}

static void write_otlp(YamlWriter *writer, const OtlpConfig *otlp)
{
    yaml_put_key_begin(writer, "otlp", YAML_MAPPING);
    config_put_flag(writer, "promote_all_resource_attributes",
                    otlp->promote_all_resource_attributes);
    config_put_list(writer, "promote_resource_attributes", otlp->promote_resource_attributes,
                    otlp->promote_count);
    config_put_list(writer, "ignore_resource_attributes", otlp->ignore_resource_attributes,
                    otlp->ignore_count);
    config_put_text(writer, "translation_strategy", otlp->translation_strategy);
    config_put_flag(writer, "keep_identifying_resource_attributes",
                    otlp->keep_identifying_resource_attributes);
    config_put_flag(writer, "convert_histograms_to_nhcb", otlp->convert_histograms_to_nhcb);
    config_put_flag(writer, "promote_scope_metadata", otlp->promote_scope_metadata);
    config_put_flag(writer, "label_name_underscore_sanitization",
                    otlp->label_name_underscore_sanitization);
    config_put_flag(writer, "label_name_preserve_multiple_underscores",
                    otlp->label_name_preserve_multiple_underscores);
    yaml_put_end(writer);
}

bool config_write(const Config *config, Buf *out, Err *err)
{
    YamlWriter *writer = yaml_writer_new(out);
    yaml_put_begin(writer, YAML_MAPPING);
    write_global(writer, config);
    write_alerting(writer, &config->alerting);
    config_put_list(writer, "rule_files", config->rule_files, config->rule_file_count);
    config_put_list(writer, "scrape_config_files", config->scrape_config_files,
                    config->scrape_config_file_count);
    if (config->own_scrape_count > 0) {
        yaml_put_key_begin(writer, "scrape_configs", YAML_LIST);
        for (size_t i = 0; i < config->own_scrape_count; i++) {
            write_scrape(writer, &config->scrapes[i]);
        }
        yaml_put_end(writer);
    }
    write_storage(writer, &config->storage);
    write_tracing(writer, &config->tracing);
    write_remotes(writer, config);
    write_otlp(writer, &config->otlp);
    yaml_put_end(writer);
    return yaml_writer_free(writer, err);
}
