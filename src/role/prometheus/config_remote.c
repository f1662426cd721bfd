/*
 * Configuration: remote_write and remote_read.
 *
 * Layer: role/prometheus. Memory: the configuration's arena. Thread: the one that loads.
 */
#include "role/prometheus/config_reader.h"

#include "base/quote.h"
#include "base/time.h"
#include "net/url_reference.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNKED_READ_LIMIT = 50 * 1000 * 1000 }; /* bytes of one frame */

static const char write_v1[] = "prometheus.WriteRequest";
static const char write_v2[] = "io.prometheus.write.v2.Request";

static bool read_url(ConfigReader *reader, YamlMap *map, const char *what, Str *ret)
{
    const YamlNode *node = yaml_get(map, "url");
    UrlReference url;
    if (!node || node->kind == YAML_NULL) {
        return yaml_error(map->node, reader->err, "url for %s is empty", what);
    }
    if (!yaml_str(node, ret, reader->err)) {
        return false;
    }
    if (url_reference_parse(*ret, &url, reader->err)) {
        return true;
    }
    if (reader->err) {
        reader->err->line = node->line;
        reader->err->column = node->column;
    }
    return false;
}

/* Headers that the protocol sets itself. */
static bool check_headers(ConfigReader *reader, const YamlNode *node, const NamedText *headers,
                          size_t count)
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
    for (size_t i = 0; i < count; i++) {
        if (str_eq_ignore_case(headers[i].name, S("authorization"))) {
            return yaml_error(node, reader->err,
                              "authorization header must be changed via the basic_auth, "
                              "authorization, oauth2, sigv4, azuread or google_iam parameter");
        }
        for (size_t k = 0; k < COUNT_OF(reserved); k++) {
            if (str_eq_ignore_case(headers[i].name, str_from(reserved[k]))) {
                return yaml_error(node, reader->err,
                                  STR_FMT " is a reserved header. It must not be changed",
                                  STR_ARG(headers[i].name));
            }
        }
    }
    return true;
}

static bool read_headers(ConfigReader *reader, YamlMap *map, NamedText **ret, size_t *ret_count)
{
    const YamlNode *node = yaml_get(map, "headers");
    return config_read_texts(reader, node, ret, ret_count) &&
           check_headers(reader, node, *ret, *ret_count);
}

static bool check_queue(ConfigReader *reader, const YamlNode *node, const QueueConfig *queue)
{
    const char *error = NULL;
    if (queue->max_shards <= 0) {
        error = "max_shards must be positive";
    } else if (queue->min_shards <= 0) {
        error = "min_shards must be positive";
    } else if (queue->min_shards > queue->max_shards) {
        error = "min_shards must not be greater than max_shards";
    } else if (queue->max_samples_per_send <= 0) {
        error = "max_samples_per_send must be positive";
    } else if (queue->capacity <= 0) {
        error = "capacity must be positive";
    } else if (queue->max_backoff_ms < queue->min_backoff_ms) {
        error = "max_backoff must not be less than min_backoff";
    }
    return !error || yaml_error(node, reader->err, "remote write queue %s", error);
}

static bool read_queue(ConfigReader *reader, const YamlNode *node, QueueConfig *queue)
{
    YamlMap map;
    Err *err = reader->err;
    return yaml_map(node, "config.QueueConfig", reader->arena, &map, err) &&
           yaml_get_i64(&map, "capacity", &queue->capacity, err) &&
           yaml_get_i64(&map, "max_shards", &queue->max_shards, err) &&
           yaml_get_i64(&map, "min_shards", &queue->min_shards, err) &&
           yaml_get_i64(&map, "max_samples_per_send", &queue->max_samples_per_send, err) &&
           yaml_get_duration(&map, "batch_send_deadline", &queue->batch_send_deadline_ms, err) &&
           yaml_get_duration(&map, "min_backoff", &queue->min_backoff_ms, err) &&
           yaml_get_duration(&map, "max_backoff", &queue->max_backoff_ms, err) &&
           yaml_get_bool(&map, "retry_on_http_429", &queue->retry_on_http_429, err) &&
           yaml_get_duration(&map, "sample_age_limit", &queue->sample_age_limit_ms, err) &&
           yaml_map_finish(&map, err) && check_queue(reader, node, queue);
}

static bool read_metadata(ConfigReader *reader, const YamlNode *node, RemoteWriteConfig *config)
{
    YamlMap map;
    Err *err = reader->err;
    return yaml_map(node, "config.MetadataConfig", reader->arena, &map, err) &&
           yaml_get_bool(&map, "send", &config->send_metadata, err) &&
           yaml_get_duration(&map, "send_interval", &config->metadata_interval_ms, err) &&
           yaml_get_i64(&map, "max_samples_per_send", &config->metadata_samples_per_send, err) &&
           yaml_map_finish(&map, err);
}

static bool read_message(ConfigReader *reader, YamlMap *map, Str *ret)
{
    const YamlNode *node = yaml_get(map, "protobuf_message");
    if (!node) {
        return true;
    }
    return yaml_str(node, ret, reader->err) &&
           (str_eq(*ret, str_from(write_v1)) || str_eq(*ret, str_from(write_v2)) ||
            yaml_error(node, reader->err,
                       "invalid protobuf_message value: unknown type for remote write protobuf "
                       "message " STR_FMT ", supported: %s, %s",
                       STR_ARG(*ret), write_v1, write_v2));
}

static bool check_auth(ConfigReader *reader, const YamlNode *node, const RemoteWriteConfig *config)
{
    const struct {
        const void *given;
        const char *name;
    } ways[] = {
        {config->http.basic_auth, "basic_auth"},
        {config->http.authorization, "authorization"},
        {config->http.oauth2, "oauth2"},
        {config->sigv4, "sigv4"},
        {config->azuread, "azuread"},
        {config->google_iam, "google_iam"},
    };
    Buf names;
    size_t count = 0;
    buf_init(&names, KIB);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        if (ways[i].given) {
            buf_printf(&names, "%s%s", count ? " " : "", ways[i].name);
            count++;
        }
    }
    if (count > 1) {
        (void)yaml_error(node, reader->err,
                         "at most one of basic_auth, authorization, oauth2, sigv4, azuread or "
                         "google_iam must be configured. Currently configured: [" STR_FMT "]",
                         STR_ARG(buf_view(&names)));
    }
    buf_done(&names);
    return count <= 1;
}

static bool check_azuread(ConfigReader *reader, const YamlNode *node)
{
    static const char *const ways[] = {"managed_identity", "workload_identity", "oauth", "sdk",
                                       "certificate"};
    Str cloud = yaml_schema_text(&config_azuread_schema, node, "cloud");
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        const YamlNode *way = yaml_find(node, str_from(ways[i]));
        count += way && way->kind != YAML_NULL;
    }
    if (!str_eq(cloud, S("AzurePublic")) && !str_eq(cloud, S("AzureChina")) &&
        !str_eq(cloud, S("AzureGovernment"))) {
        return yaml_error(node, reader->err, "must provide a cloud in the Azure AD config");
    }
    if (count == 0) {
        return yaml_error(node, reader->err,
                          "must provide an Azure Managed Identity, Azure Workload Identity, Azure "
                          "OAuth, Azure Certificate or Azure SDK in the Azure AD config");
    }
    return count == 1 ||
           yaml_error(node, reader->err,
                      "cannot provide multiple authentication methods in the Azure AD config");
}

static RemoteWriteConfig write_defaults(void)
{
    RemoteWriteConfig config = {
        .timeout_ms = 30 * MS_PER_SECOND,
        .protobuf_message = str_from(write_v1),
        .queue = {.capacity = 10000,
                  .max_shards = 50,
                  .min_shards = 1,
                  .max_samples_per_send = 2000,
                  .batch_send_deadline_ms = 5 * MS_PER_SECOND,
                  .min_backoff_ms = 30,
                  .max_backoff_ms = 5 * MS_PER_SECOND},
        .send_metadata = true,
        .metadata_interval_ms = MS_PER_MINUTE,
        .metadata_samples_per_send = 2000,
    };
    http_client_config_defaults(&config.http);
    config.http.enable_http2 = false;
    return config;
}

static bool read_write(ConfigReader *reader, const YamlNode *node, RemoteWriteConfig *ret)
{
    YamlMap map;
    Err *err = reader->err;
    bool utf8_names = reader->config->global.name_scheme == NAME_SCHEME_UTF8;
    *ret = write_defaults();
    if (node->kind == YAML_NULL) {
        return yaml_error(node, err, "empty or null remote write config section");
    }
    return yaml_map(node, "config.plain", reader->arena, &map, err) &&
           read_url(reader, &map, "remote_write", &ret->url) &&
           yaml_get_duration(&map, "remote_timeout", &ret->timeout_ms, err) &&
           read_headers(reader, &map, &ret->headers, &ret->header_count) &&
           config_read_relabel(reader, yaml_get(&map, "write_relabel_configs"), utf8_names,
                               "relabeling rule in remote write config", &ret->relabel,
                               &ret->relabel_count) &&
           yaml_get_str(&map, "name", &ret->name, err) &&
           yaml_get_bool(&map, "send_exemplars", &ret->send_exemplars, err) &&
           yaml_get_bool(&map, "send_native_histograms", &ret->send_native_histograms, err) &&
           yaml_get_bool(&map, "round_robin_dns", &ret->round_robin_dns, err) &&
           read_message(reader, &map, &ret->protobuf_message) &&
           yaml_get_bool(&map, "failed_request_logging", &ret->failed_request_logging, err) &&
           http_client_config_read(&map, reader->dir, reader->arena, &ret->http, err) &&
           read_queue(reader, yaml_get(&map, "queue_config"), &ret->queue) &&
           read_metadata(reader, yaml_get(&map, "metadata_config"), ret) &&
           config_read_block(reader, &map, "sigv4", &config_sigv4_schema, &ret->sigv4) &&
           config_read_block(reader, &map, "azuread", &config_azuread_schema, &ret->azuread) &&
           config_read_block(reader, &map, "google_iam", &config_google_iam_schema,
                             &ret->google_iam) &&
           (!ret->azuread || check_azuread(reader, ret->azuread)) && yaml_map_finish(&map, err) &&
           check_auth(reader, node, ret);
}

bool config_read_remote_writes(ConfigReader *reader, const YamlNode *node)
{
    Config *config = reader->config;
    size_t count = yaml_count(node);
    if (!yaml_list(node, "[]*config.RemoteWriteConfig", reader->err)) {
        return false;
    }
    config->remote_writes = ARENA_NEW(reader->arena, RemoteWriteConfig, count);
    if (!config->remote_writes) {
        return arena_full(reader->arena, reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        RemoteWriteConfig *remote = &config->remote_writes[i];
        if (!read_write(reader, node->items[i], remote)) {
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            char quoted[QUOTE_TEXT_MAX];
            if (remote->name.len > 0 && str_eq(remote->name, config->remote_writes[k].name)) {
                return yaml_error(node->items[i], reader->err,
                                  "found multiple remote write configs with job name %s",
                                  quote_text(quoted, remote->name));
            }
        }
    }
    config->remote_write_count = count;
    return true;
}

static int by_label_name(const void *a, const void *b)
{
    return str_cmp(((const Label *)a)->name, ((const Label *)b)->name);
}

static bool read_matchers(ConfigReader *reader, const YamlNode *node, Labels *ret)
{
    NamedText *texts;
    size_t count;
    if (!config_read_texts(reader, node, &texts, &count)) {
        return false;
    }
    Label *labels = ARENA_NEW(reader->arena, Label, count);
    if (!labels) {
        return arena_full(reader->arena, reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        char quoted[QUOTE_TEXT_MAX];
        if (!label_name_utf8_valid(texts[i].name)) {
            return yaml_error(node, reader->err, "%s is not a valid label name",
                              quote_text(quoted, texts[i].name));
        }
        labels[i] = (Label){.name = texts[i].name, .value = texts[i].value};
    }
    if (count > 0) {
        qsort(labels, count, sizeof(*labels), by_label_name);
    }
    *ret = (Labels){.at = labels, .count = count};
    return true;
}

static bool read_read(ConfigReader *reader, const YamlNode *node, RemoteReadConfig *ret)
{
    YamlMap map;
    Err *err = reader->err;
    *ret = (RemoteReadConfig){.timeout_ms = MS_PER_MINUTE,
                              .chunked_read_limit_bytes = CHUNKED_READ_LIMIT,
                              .filter_external_labels = true};
    http_client_config_defaults(&ret->http);
    if (node->kind == YAML_NULL) {
        return yaml_error(node, err, "empty or null remote read config section");
    }
    return yaml_map(node, "config.plain", reader->arena, &map, err) &&
           read_url(reader, &map, "remote_read", &ret->url) &&
           yaml_get_duration(&map, "remote_timeout", &ret->timeout_ms, err) &&
           yaml_get_u64(&map, "chunked_read_limit", &ret->chunked_read_limit_bytes, err) &&
           read_headers(reader, &map, &ret->headers, &ret->header_count) &&
           yaml_get_bool(&map, "read_recent", &ret->read_recent, err) &&
           yaml_get_str(&map, "name", &ret->name, err) &&
           http_client_config_read(&map, reader->dir, reader->arena, &ret->http, err) &&
           read_matchers(reader, yaml_get(&map, "required_matchers"), &ret->required_matchers) &&
           yaml_get_bool(&map, "filter_external_labels", &ret->filter_external_labels, err) &&
           yaml_map_finish(&map, err);
}

bool config_read_remote_reads(ConfigReader *reader, const YamlNode *node)
{
    Config *config = reader->config;
    size_t count = yaml_count(node);
    if (!yaml_list(node, "[]*config.RemoteReadConfig", reader->err)) {
        return false;
    }
    config->remote_reads = ARENA_NEW(reader->arena, RemoteReadConfig, count);
    if (!config->remote_reads) {
        return arena_full(reader->arena, reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        RemoteReadConfig *remote = &config->remote_reads[i];
        if (!read_read(reader, node->items[i], remote)) {
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            char quoted[QUOTE_TEXT_MAX];
            if (remote->name.len > 0 && str_eq(remote->name, config->remote_reads[k].name)) {
                return yaml_error(node->items[i], reader->err,
                                  "found multiple remote read configs with job name %s",
                                  quote_text(quoted, remote->name));
            }
        }
    }
    config->remote_read_count = count;
    return true;
}
