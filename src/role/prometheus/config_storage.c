/*
 * Configuration: the storage, tracing and otlp sections.
 *
 * Layer: role/prometheus. Memory: the configuration's arena. Thread: the one that loads.
 */
#include "role/prometheus/config_reader.h"

#include "base/quote.h"
#include "codec/number.h"

static bool read_retention_size(ConfigReader *reader, YamlMap *map, u64 *ret)
{
    const YamlNode *node = yaml_get(map, "size");
    Str text;
    if (node && node->kind == YAML_SCALAR && yaml_str(node, &text, NULL) &&
        str_starts_with(text, S("-"))) {
        return yaml_error(
            node, reader->err,
            "'storage.tsdb.retention.size' must be greater than or equal to 0, got " STR_FMT,
            STR_ARG(text));
    }
    return yaml_get_size(map, "size", ret, reader->err);
}

static bool read_retention(ConfigReader *reader, const YamlNode *node, StorageConfig *storage)
{
    YamlMap map;
    Err *err = reader->err;
    if (!yaml_map(node, "config.plain", reader->arena, &map, err) ||
        !yaml_get_duration(&map, "time", &storage->retention_time_ms, err) ||
        !read_retention_size(reader, &map, &storage->retention_size_bytes) ||
        !yaml_get_f64(&map, "percentage", &storage->retention_percentage, err) ||
        !yaml_map_finish(&map, err)) {
        return false;
    }
    f64 percentage = storage->retention_percentage;
    if (percentage >= 0 && percentage <= 100) {
        return true;
    }
    char text[F64_TEXT_MAX];
    return yaml_error(node, err,
                      "'storage.tsdb.retention.percentage' must be in the range [0, 100], got %.*s",
                      (int)f64_format_v(text, percentage), text);
}

static bool read_chunk_encoding(ConfigReader *reader, const YamlNode *node, Str *ret)
{
    YamlMap map;
    char quoted[QUOTE_TEXT_MAX];
    if (!yaml_map(node, "config.ChunkEncodingConfig", reader->arena, &map, reader->err) ||
        !yaml_get_str(&map, "floats", ret, reader->err) || !yaml_map_finish(&map, reader->err)) {
        return false;
    }
    return ret->len == 0 || str_eq(*ret, S("xor")) || str_eq(*ret, S("xor2")) ||
           yaml_error(node, reader->err,
                      "'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field "
                      "must be omitted entirely, got %s",
                      quote_text(quoted, *ret));
}

static bool read_tsdb(ConfigReader *reader, const YamlNode *node, StorageConfig *storage)
{
    YamlMap map;
    Err *err = reader->err;
    i64 shown_window; /* the original prints its own value under this name and reads it back */
    return yaml_map(node, "config.plain", reader->arena, &map, err) &&
           yaml_get_i64(&map, "outofordertimewindow", &shown_window, err) &&
           yaml_get_duration(&map, "out_of_order_time_window", &storage->out_of_order_window_ms,
                             err) &&
           yaml_get_f64(&map, "stale_series_compaction_threshold",
                        &storage->stale_series_compaction_threshold, err) &&
           read_chunk_encoding(reader, yaml_get(&map, "chunk_encoding"),
                               &storage->float_encoding) &&
           read_retention(reader, yaml_get(&map, "retention"), storage) &&
           yaml_map_finish(&map, err);
}

bool config_read_storage(ConfigReader *reader, const YamlNode *node)
{
    enum { EXEMPLARS_DEFAULT = 100000 };
    StorageConfig *storage = &reader->config->storage;
    YamlMap map;
    YamlMap exemplars;
    storage->max_exemplars = EXEMPLARS_DEFAULT;
    if (!yaml_map(node, "config.StorageConfig", reader->arena, &map, reader->err) ||
        !read_tsdb(reader, yaml_get(&map, "tsdb"), storage)) {
        return false;
    }
    const YamlNode *block = yaml_get(&map, "exemplars");
    storage->has_exemplars = block && block->kind != YAML_NULL;
    if (storage->has_exemplars) {
        storage->max_exemplars = 0;
    }
    return yaml_map(block, "config.ExemplarsConfig", reader->arena, &exemplars, reader->err) &&
           yaml_get_i64(&exemplars, "max_exemplars", &storage->max_exemplars, reader->err) &&
           yaml_map_finish(&exemplars, reader->err) && yaml_map_finish(&map, reader->err);
}

static bool check_tracing_headers(ConfigReader *reader, const YamlNode *node,
                                  const TracingConfig *tracing)
{
    static const char *const reserved[] = {
        "host",
        "content-encoding",
        "content-length",
        "content-type",
        "user-agent",
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "www-authenticate",
        "accept-encoding",
        "x-prometheus-remote-write-version",
        "x-prometheus-remote-read-version",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-content-sha256",
    };
    for (size_t i = 0; i < tracing->header_count; i++) {
        Str name = tracing->headers[i].name;
        if (str_eq_ignore_case(name, S("authorization"))) {
            return yaml_error(node, reader->err,
                              "custom authorization header configuration is not yet supported");
        }
        for (size_t k = 0; k < COUNT_OF(reserved); k++) {
            if (str_eq_ignore_case(name, str_from(reserved[k]))) {
                return yaml_error(node, reader->err,
                                  STR_FMT " is a reserved header. It must not be changed",
                                  STR_ARG(name));
            }
        }
    }
    return true;
}

static bool check_tracing(ConfigReader *reader, const YamlNode *node, const TracingConfig *tracing)
{
    Str type = tracing->client_type;
    if (!str_eq(type, S("grpc")) && !str_eq(type, S("http"))) {
        return yaml_error(node, reader->err,
                          "expected tracing client type to be to be http or grpc, but got " STR_FMT,
                          STR_ARG(type));
    }
    if (!check_tracing_headers(reader, node, tracing)) {
        return false;
    }
    if (tracing->endpoint.len == 0) {
        return yaml_error(node, reader->err, "tracing endpoint must be set");
    }
    return tracing->compression.len == 0 || str_eq(tracing->compression, S("gzip")) ||
           yaml_error(node, reader->err,
                      "invalid compression type " STR_FMT " provided, valid options: gzip",
                      STR_ARG(tracing->compression));
}

bool config_read_tracing(ConfigReader *reader, const YamlNode *node)
{
    TracingConfig *tracing = &reader->config->tracing;
    YamlMap map;
    Err *err = reader->err;
    if (!node || node->kind == YAML_NULL) {
        return true;
    }
    *tracing = (TracingConfig){.enabled = true, .client_type = S("grpc")};
    return yaml_map(node, "config.plain", reader->arena, &map, err) &&
           yaml_get_str(&map, "client_type", &tracing->client_type, err) &&
           yaml_get_str(&map, "endpoint", &tracing->endpoint, err) &&
           yaml_get_f64(&map, "sampling_fraction", &tracing->sampling_fraction, err) &&
           yaml_get_bool(&map, "insecure", &tracing->insecure, err) &&
           tls_client_config_read(yaml_get(&map, "tls_config"), reader->dir, reader->arena,
                                  &tracing->tls, err) &&
           config_read_texts(reader, yaml_get(&map, "headers"), &tracing->headers,
                             &tracing->header_count) &&
           yaml_get_str(&map, "compression", &tracing->compression, err) &&
           yaml_get_duration(&map, "timeout", &tracing->timeout_ms, err) &&
           yaml_map_finish(&map, err) && check_tracing(reader, node, tracing);
}

/* Trims; empty and repeated names are refused. */
static bool check_attributes(ConfigReader *reader, const YamlNode *node, const char *field,
                             const char *adjective, Str *attributes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char quoted[QUOTE_TEXT_MAX];
        attributes[i] = str_trim(attributes[i]);
        if (attributes[i].len == 0) {
            return yaml_error(node, reader->err, "invalid '%s': empty %s OTel resource attribute",
                              field, adjective);
        }
        for (size_t k = 0; k < i; k++) {
            if (str_eq(attributes[k], attributes[i])) {
                return yaml_error(node, reader->err,
                                  "invalid '%s': duplicated %s OTel resource attribute %s", field,
                                  adjective, quote_text(quoted, attributes[i]));
            }
        }
    }
    return true;
}

static bool check_otlp(ConfigReader *reader, const YamlNode *node, OtlpConfig *otlp)
{
    char quoted[QUOTE_TEXT_MAX];
    Str strategy = otlp->translation_strategy;
    bool escapes = strategy.len == 0 || str_eq(strategy, S("UnderscoreEscapingWithSuffixes")) ||
                   str_eq(strategy, S("UnderscoreEscapingWithoutSuffixes"));
    bool keeps =
        str_eq(strategy, S("NoTranslation")) || str_eq(strategy, S("NoUTF8EscapingWithSuffixes"));
    if (otlp->promote_all_resource_attributes && otlp->promote_count > 0) {
        return yaml_error(node, reader->err,
                          "'promote_all_resource_attributes' and 'promote_resource_attributes' "
                          "cannot be configured simultaneously");
    }
    if (!otlp->promote_all_resource_attributes && otlp->ignore_count > 0) {
        return yaml_error(node, reader->err,
                          "'ignore_resource_attributes' cannot be configured unless "
                          "'promote_all_resource_attributes' is true");
    }
    if (!check_attributes(reader, node, "ignore_resource_attributes", "ignored",
                          otlp->ignore_resource_attributes, otlp->ignore_count) ||
        !check_attributes(reader, node, "promote_resource_attributes", "promoted",
                          otlp->promote_resource_attributes, otlp->promote_count)) {
        return false;
    }
    if (keeps && reader->config->global.name_scheme == NAME_SCHEME_LEGACY) {
        return yaml_error(node, reader->err,
                          "OTLP translation strategy %s is not allowed when UTF8 is disabled",
                          quote_text(quoted, strategy));
    }
    return escapes || keeps ||
           yaml_error(node, reader->err, "unsupported OTLP translation strategy %s",
                      quote_text(quoted, strategy));
}

bool config_read_otlp(ConfigReader *reader, const YamlNode *node)
{
    OtlpConfig *otlp = &reader->config->otlp;
    YamlMap map;
    Err *err = reader->err;
    *otlp = (OtlpConfig){
        .translation_strategy = S("UnderscoreEscapingWithSuffixes"),
        .label_name_underscore_sanitization = true,
        .label_name_preserve_multiple_underscores = true,
    };
    return yaml_map(node, "config.plain", reader->arena, &map, err) &&
           yaml_get_bool(&map, "promote_all_resource_attributes",
                         &otlp->promote_all_resource_attributes, err) &&
           yaml_get_str_list(&map, "promote_resource_attributes", reader->arena,
                             &otlp->promote_resource_attributes, &otlp->promote_count, err) &&
           yaml_get_str_list(&map, "ignore_resource_attributes", reader->arena,
                             &otlp->ignore_resource_attributes, &otlp->ignore_count, err) &&
           yaml_get_str(&map, "translation_strategy", &otlp->translation_strategy, err) &&
           yaml_get_bool(&map, "keep_identifying_resource_attributes",
                         &otlp->keep_identifying_resource_attributes, err) &&
           yaml_get_bool(&map, "convert_histograms_to_nhcb", &otlp->convert_histograms_to_nhcb,
                         err) &&
           yaml_get_bool(&map, "promote_scope_metadata", &otlp->promote_scope_metadata, err) &&
           yaml_get_bool(&map, "label_name_underscore_sanitization",
                         &otlp->label_name_underscore_sanitization, err) &&
           yaml_get_bool(&map, "label_name_preserve_multiple_underscores",
                         &otlp->label_name_preserve_multiple_underscores, err) &&
           yaml_map_finish(&map, err) && check_otlp(reader, node, otlp);
}
