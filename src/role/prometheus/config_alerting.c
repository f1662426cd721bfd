/*
 * Configuration: the alerting section.
 *
 * Layer: role/prometheus. Memory: the configuration's arena. Thread: the one that loads.
 */
#include "role/prometheus/config_reader.h"

#include "base/time.h"

static bool utf8_names(const ConfigReader *reader)
{
    return reader->config->global.name_scheme == NAME_SCHEME_UTF8;
}

static bool read_api_version(ConfigReader *reader, YamlMap *map, Str *ret)
{
    const YamlNode *node = yaml_get(map, "api_version");
    if (!node) {
        return true;
    }
    return yaml_str(node, ret, reader->err) &&
           (str_eq(*ret, S("v2")) ||
            yaml_error(node, reader->err,
                       "expected Alertmanager api version to be one of [v2] but got " STR_FMT,
                       STR_ARG(*ret)));
}

static bool check_alertmanager(ConfigReader *reader, const YamlNode *node,
                               const AlertmanagerConfig *config)
{
    const HttpClientConfig *http = &config->http;
    if (config->sigv4 && (http->basic_auth || http->authorization || http->oauth2)) {
        return yaml_error(
            node, reader->err,
            "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured");
    }
    return config->relabel_count > 0 || config_check_targets(reader, node, &config->discovery);
}

static bool read_alertmanager(ConfigReader *reader, const YamlNode *node, AlertmanagerConfig *ret)
{
    YamlMap map;
    Err *err = reader->err;
    *ret = (AlertmanagerConfig){
        .scheme = S("http"), .timeout_ms = 10 * MS_PER_SECOND, .api_version = S("v2")};
    http_client_config_defaults(&ret->http);
    if (node->kind == YAML_NULL) {
        return yaml_error(node, err, "empty or null alertmanager config section");
    }
    return yaml_map(node, "config.AlertmanagerConfig", reader->arena, &map, err) &&
           config_read_block(reader, &map, "sigv4", &config_sigv4_schema, &ret->sigv4) &&
           yaml_get_str(&map, "scheme", &ret->scheme, err) &&
           yaml_get_str(&map, "path_prefix", &ret->path_prefix, err) &&
           yaml_get_duration(&map, "timeout", &ret->timeout_ms, err) &&
           read_api_version(reader, &map, &ret->api_version) &&
           discovery_configs_read(&map, reader->dir, reader->arena, &ret->discovery, err) &&
           http_client_config_read(&map, reader->dir, reader->arena, &ret->http, err) &&
           config_read_relabel(reader, yaml_get(&map, "relabel_configs"), utf8_names(reader),
                               "Alertmanager target relabeling rule", &ret->relabel,
                               &ret->relabel_count) &&
           config_read_relabel(reader, yaml_get(&map, "alert_relabel_configs"), utf8_names(reader),
                               "Alertmanager alert relabeling rule", &ret->alert_relabel,
                               &ret->alert_relabel_count) &&
           yaml_map_finish(&map, err) && check_alertmanager(reader, node, ret);
}

bool config_read_alerting(ConfigReader *reader, const YamlNode *node)
{
    AlertingConfig *alerting = &reader->config->alerting;
    YamlMap map;
    if (!yaml_map(node, "config.plain", reader->arena, &map, reader->err) ||
        !config_read_relabel(reader, yaml_get(&map, "alert_relabel_configs"), utf8_names(reader),
                             "alert relabeling rule", &alerting->alert_relabel,
                             &alerting->alert_relabel_count)) {
        return false;
    }
    const YamlNode *list = yaml_get(&map, "alertmanagers");
    if (!yaml_list(list, "config.AlertmanagerConfigs", reader->err)) {
        return false;
    }
    size_t count = yaml_count(list);
    alerting->alertmanagers = ARENA_NEW(reader->arena, AlertmanagerConfig, count);
    if (!alerting->alertmanagers) {
        return arena_full(reader->arena, reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_alertmanager(reader, list->items[i], &alerting->alertmanagers[i])) {
            return false;
        }
    }
    alerting->alertmanager_count = count;
    return yaml_map_finish(&map, reader->err);
}
