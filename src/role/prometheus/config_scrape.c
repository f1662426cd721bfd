/*
 * Configuration: scrape_configs. Each job takes from the global section what it does not say
 * itself.
 *
 * Layer: role/prometheus. Memory: the configuration's arena. Thread: the one that loads.
 */
#include "role/prometheus/config_reader.h"

#include "base/quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool config_read_limits(ConfigReader *reader, YamlMap *map, ScrapeLimits *limits)
{
    Err *err = reader->err;
    return yaml_get_size(map, "body_size_limit", &limits->body_size_bytes, err) &&
           yaml_get_u64(map, "sample_limit", &limits->sample_limit, err) &&
           yaml_get_u64(map, "target_limit", &limits->target_limit, err) &&
           yaml_get_u64(map, "label_limit", &limits->label_limit, err) &&
           yaml_get_u64(map, "label_name_length_limit", &limits->label_name_length_limit, err) &&
           yaml_get_u64(map, "label_value_length_limit", &limits->label_value_length_limit, err) &&
           yaml_get_u64(map, "keep_dropped_targets", &limits->keep_dropped_targets, err);
}

bool config_read_name_scheme(ConfigReader *reader, YamlMap *map, NameScheme *ret, bool *ret_given)
{
    char quoted[QUOTE_TEXT_MAX];
    const YamlNode *node = yaml_get(map, "metric_name_validation_scheme");
    Str text = STR_EMPTY;
    *ret_given = false;
    if (node && !yaml_str(node, &text, reader->err)) {
        return false;
    }
    if (text.len == 0) {
        return true;
    }
    *ret_given = true;
    if (str_eq(text, S("utf8"))) {
        *ret = NAME_SCHEME_UTF8;
        return true;
    }
    *ret = NAME_SCHEME_LEGACY;
    return str_eq(text, S("legacy")) ||
           yaml_error(node, reader->err, "unrecognized ValidationScheme: %s",
                      quote_text(quoted, text));
}

static void list_known_protocols(Buf *out)
{
    static const ScrapeProtocol sorted[] = {SCRAPE_OPENMETRICS_0_0_1, SCRAPE_OPENMETRICS_1_0_0,
                                            SCRAPE_PROTOBUF, SCRAPE_TEXT_0_0_4, SCRAPE_TEXT_1_0_0};
    buf_byte(out, '[');
    for (size_t i = 0; i < COUNT_OF(sorted); i++) {
        buf_printf(out, "%s%s", i ? " " : "", scrape_protocol_name(sorted[i]));
    }
    buf_byte(out, ']');
}

static bool unknown_protocol(const YamlNode *at, Str name, const char *before, const char *behind,
                             Err *err)
{
    Buf known;
    buf_init(&known, KIB);
    list_known_protocols(&known);
    (void)yaml_error(at, err, "%sunknown scrape protocol " STR_FMT ", supported: " STR_FMT "%s",
                     before, STR_ARG(name), STR_ARG(buf_view(&known)), behind);
    buf_done(&known);
    return false;
}

static bool duplicated_protocol(const YamlNode *list, const char *where, Err *err)
{
    Buf given;
    buf_init(&given, KIB);
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(&given, "%s" STR_FMT, i ? " " : "", STR_ARG(list->items[i]->scalar));
    }
    (void)yaml_error(list, err, "duplicated protocol in scrape_protocols, got [" STR_FMT "]%s",
                     STR_ARG(buf_view(&given)), where);
    buf_done(&given);
    return false;
}

bool config_read_protocols(ConfigReader *reader, const YamlNode *node, const char *where,
                           ScrapeProtocol *ret, size_t *ret_count)
{
    if (!node || node->kind == YAML_NULL) {
        return true;
    }
    if (!yaml_list(node, "[]config.ScrapeProtocol", reader->err)) {
        return false;
    }
    if (node->count == 0) {
        return yaml_error(node, reader->err, "scrape_protocols cannot be empty%s", where);
    }
    for (size_t i = 0; i < node->count; i++) {
        Str name;
        if (!yaml_str(node->items[i], &name, reader->err)) {
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            if (str_eq_ignore_case(node->items[k]->scalar, name)) {
                return duplicated_protocol(node, where, reader->err);
            }
        }
        ret[i] = scrape_protocol_parse(name);
        if (ret[i] == SCRAPE_PROTOCOL_NONE) {
            return unknown_protocol(node->items[i], name, "scrape_protocols: ", where, reader->err);
        }
    }
    *ret_count = node->count;
    return true;
}

/* One job while it is read. */
typedef struct Job {
    ConfigReader *reader;
    const YamlNode *node;
    YamlMap map;
    ScrapeConfig *config;
    char quoted[QUOTE_TEXT_MAX]; /* its name, for errors */
} Job;

static int by_param_name(const void *a, const void *b)
{
    return str_cmp(((const UrlParam *)a)->name, ((const UrlParam *)b)->name);
}

static bool read_params(Job *job)
{
    const YamlNode *node = yaml_get(&job->map, "params");
    Err *err = job->reader->err;
    Arena *arena = job->reader->arena;
    size_t count = yaml_count(node);
    if (!yaml_mapping(node, "url.Values", err)) {
        return false;
    }
    UrlParam *params = ARENA_NEW(arena, UrlParam, count);
    if (!params) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        const YamlNode *list = node->pairs[i].value;
        Str *values = ARENA_NEW(arena, Str, yaml_count(list));
        if (!values) {
            return arena_full(arena, err);
        }
        if (!yaml_str(node->pairs[i].key, &params[i].name, err) ||
            !yaml_list(list, "[]string", err)) {
            return false;
        }
        for (size_t k = 0; k < yaml_count(list); k++) {
            if (!yaml_str(list->items[k], &values[k], err)) {
                return false;
            }
        }
        params[i].values = values;
        params[i].count = yaml_count(list);
    }
    if (count > 0) {
        qsort(params, count, sizeof(*params), by_param_name);
    }
    job->config->target.params = params;
    job->config->target.param_count = count;
    return true;
}

static bool read_times(Job *job)
{
    const GlobalConfig *global = &job->reader->config->global;
    TargetSpec *target = &job->config->target;
    Err *err = job->reader->err;
    if (!yaml_get_duration(&job->map, "scrape_interval", &target->interval_ms, err) ||
        !yaml_get_duration(&job->map, "scrape_timeout", &target->timeout_ms, err)) {
        return false;
    }
    if (target->interval_ms == 0) {
        target->interval_ms = global->scrape_interval_ms;
    }
    if (target->timeout_ms > target->interval_ms) {
        return yaml_error(job->node, err,
                          "scrape timeout greater than scrape interval for scrape config with job "
                          "name %s",
                          job->quoted);
    }
    if (target->timeout_ms == 0) {
        target->timeout_ms = MIN(global->scrape_timeout_ms, target->interval_ms);
    }
    return true;
}

static void inherit(u64 *limit, u64 global)
{
    if (*limit == 0) {
        *limit = global;
    }
}

static bool read_limits(Job *job)
{
    const ScrapeLimits *global = &job->reader->config->global.limits;
    ScrapeLimits *own = &job->config->limits;
    Err *err = job->reader->err;
    if (!config_read_limits(job->reader, &job->map, own) ||
        !yaml_get_u64(&job->map, "native_histogram_bucket_limit",
                      &job->config->native_histogram_bucket_limit, err) ||
        !yaml_get_f64(&job->map, "native_histogram_min_bucket_factor",
                      &job->config->native_histogram_min_bucket_factor, err)) {
        return false;
    }
    inherit(&own->body_size_bytes, global->body_size_bytes);
    inherit(&own->sample_limit, global->sample_limit);
    inherit(&own->target_limit, global->target_limit);
    inherit(&own->label_limit, global->label_limit);
    inherit(&own->label_name_length_limit, global->label_name_length_limit);
    inherit(&own->label_value_length_limit, global->label_value_length_limit);
    inherit(&own->keep_dropped_targets, global->keep_dropped_targets);
    return true;
}

static bool read_protocols(Job *job)
{
    static const ScrapeProtocol in_order[] = {SCRAPE_PROTOBUF, SCRAPE_OPENMETRICS_1_0_0,
                                              SCRAPE_OPENMETRICS_0_0_1, SCRAPE_TEXT_1_0_0,
                                              SCRAPE_TEXT_0_0_4};
    const GlobalConfig *global = &job->reader->config->global;
    ScrapeConfig *config = job->config;
    Err *err = job->reader->err;
    char where[QUOTE_TEXT_MAX + 128];
    (void)snprintf(where, sizeof(where), " for scrape config with job name %s", job->quoted);
    if (!config_read_protocols(job->reader, yaml_get(&job->map, "scrape_protocols"), where,
                               config->protocols, &config->protocol_count)) {
        return false;
    }
    if (config->protocol_count == 0 && global->protocol_count > 0) {
        memcpy(config->protocols, global->protocols, sizeof(config->protocols));
        config->protocol_count = global->protocol_count;
    } else if (config->protocol_count == 0) {
        size_t skip = config->target.scrape_native_histograms ? 0 : 1;
        config->protocol_count = COUNT_OF(in_order) - skip;
        memcpy(config->protocols, in_order + skip,
               config->protocol_count * sizeof(config->protocols[0]));
    }
    const YamlNode *fallback = yaml_get(&job->map, "fallback_scrape_protocol");
    Str name = STR_EMPTY;
    if (fallback && !yaml_str(fallback, &name, err)) {
        return false;
    }
    config->fallback_protocol = scrape_protocol_parse(name);
    if (name.len > 0 && config->fallback_protocol == SCRAPE_PROTOCOL_NONE) {
        (void)snprintf(
            where, sizeof(where),
            "invalid fallback_scrape_protocol for scrape config with job name %s: ", job->quoted);
        return unknown_protocol(fallback, name, where, "", err);
    }
    return true;
}

static bool parse_escaping(Str text, NameEscaping *ret)
{
    for (NameEscaping e = NAME_ALLOW_UTF8; e <= NAME_VALUES; e++) {
        if (str_eq(text, str_from(name_escaping_name(e)))) {
            *ret = e;
            return true;
        }
    }
    return false;
}

static bool unknown_escaping(const YamlNode *at, const char *which, Str text, Err *err)
{
    char quoted[QUOTE_TEXT_MAX];
    return yaml_error(at, err,
                      "unknown %s name escaping method specified, must be one of 'allow-utf-8', "
                      "'underscores', 'dots', or 'values', got %s",
                      which, quote_text(quoted, text));
}

static NameEscaping natural_escaping(NameScheme scheme)
{
    return scheme == NAME_SCHEME_LEGACY ? NAME_UNDERSCORES : NAME_ALLOW_UTF8;
}

/* What names may hold, and what is asked of targets; both follow from the global section and from
 * each other. */
static bool read_names(Job *job)
{
    const GlobalConfig *global = &job->reader->config->global;
    ScrapeConfig *config = job->config;
    Err *err = job->reader->err;
    NameEscaping global_escaping = natural_escaping(global->name_scheme);
    bool scheme_given;
    Str text = STR_EMPTY;
    config->name_scheme = global->name_scheme;
    if (!config_read_name_scheme(job->reader, &job->map, &config->name_scheme, &scheme_given) ||
        !yaml_get_str(&job->map, "metric_name_escaping_scheme", &text, err)) {
        return false;
    }
    if (global->name_escaping.len > 0 && !parse_escaping(global->name_escaping, &global_escaping)) {
        return unknown_escaping(job->node, "global", global->name_escaping, err);
    }
    config->name_escaping = scheme_given ? natural_escaping(config->name_scheme) : global_escaping;
    if (text.len > 0 && !parse_escaping(text, &config->name_escaping)) {
        return unknown_escaping(job->node, "scrape config", text, err);
    }
    return config->name_escaping != NAME_ALLOW_UTF8 || config->name_scheme == NAME_SCHEME_UTF8 ||
           yaml_error(job->node, err,
                      "utf8 metric names requested but validation scheme is not set to UTF8");
}

/* A switch that the global section sets for all. */
static bool get_switch(Job *job, const char *key, bool global, bool *ret)
{
    const YamlNode *node = yaml_get(&job->map, key);
    if (!node || node->kind == YAML_NULL) {
        *ret = global;
        return true;
    }
    return yaml_get_bool(&job->map, key, ret, job->reader->err);
}

static bool read_switches(Job *job)
{
    const GlobalConfig *global = &job->reader->config->global;
    ScrapeConfig *config = job->config;
    Err *err = job->reader->err;
    return yaml_get_bool(&job->map, "honor_labels", &config->honor_labels, err) &&
           yaml_get_bool(&job->map, "honor_timestamps", &config->honor_timestamps, err) &&
           yaml_get_bool(&job->map, "track_timestamps_staleness",
                         &config->track_timestamps_staleness, err) &&
           yaml_get_bool(&job->map, "enable_compression", &config->enable_compression, err) &&
           get_switch(job, "scrape_native_histograms", global->scrape_native_histograms,
                      &config->target.scrape_native_histograms) &&
           get_switch(job, "always_scrape_classic_histograms",
                      global->always_scrape_classic_histograms,
                      &config->target.always_scrape_classic_histograms) &&
           get_switch(job, "convert_classic_histograms_to_nhcb", global->convert_classic_histograms,
                      &config->target.convert_classic_histograms) &&
           get_switch(job, "extra_scrape_metrics", global->extra_scrape_metrics,
                      &config->extra_scrape_metrics);
}

static bool read_log_file(Job *job)
{
    ScrapeConfig *config = job->config;
    if (!yaml_get_str(&job->map, "scrape_failure_log_file", &config->failure_log_file,
                      job->reader->err) ||
        !config_join_dir(job->reader->arena, job->reader->dir, config->failure_log_file,
                         &config->failure_log_file, job->reader->err)) {
        return false;
    }
    if (config->failure_log_file.len == 0) {
        config->failure_log_file = job->reader->config->global.scrape_failure_log_file;
    }
    return true;
}

static bool read_relabel(Job *job)
{
    ScrapeConfig *config = job->config;
    bool utf8_names = config->name_scheme == NAME_SCHEME_UTF8;
    Relabel *rules = NULL;
    size_t count = 0;
    if (!config_read_relabel(job->reader, yaml_get(&job->map, "relabel_configs"), utf8_names,
                             "target relabeling rule in scrape config", &rules, &count) ||
        !config_read_relabel(job->reader, yaml_get(&job->map, "metric_relabel_configs"), utf8_names,
                             "metric relabeling rule in scrape config", &config->metric_relabel,
                             &config->metric_relabel_count)) {
        return false;
    }
    config->target.relabel = rules;
    config->target.relabel_count = count;
    return count > 0 || config_check_targets(job->reader, job->node, &config->discovery);
}

static bool read_name(Job *job)
{
    Str *name = &job->config->target.job;
    bool ok = yaml_get_str(&job->map, "job_name", name, job->reader->err);
    (void)quote_text(job->quoted, *name);
    return ok;
}

static bool check_name(const Job *job)
{
    return job->config->target.job.len > 0 ||
           yaml_error(job->node, job->reader->err, "job_name is empty");
}

static bool read_job(ConfigReader *reader, const YamlNode *node, ScrapeConfig *config)
{
    Job job = {.reader = reader, .node = node, .config = config};
    Err *err = reader->err;
    *config = (ScrapeConfig){
        .target = {.job = STR_EMPTY, .metrics_path = S("/metrics"), .scheme = S("http")},
        .honor_timestamps = true,
        .enable_compression = true,
    };
    http_client_config_defaults(&config->http);
    if (node->kind == YAML_NULL) {
        return yaml_error(node, err, "empty or null scrape config section");
    }
    return yaml_map(node, "config.ScrapeConfig", reader->arena, &job.map, err) && read_name(&job) &&
           read_switches(&job) && read_params(&job) && read_times(&job) && read_protocols(&job) &&
           yaml_get_str(&job.map, "metrics_path", &config->target.metrics_path, err) &&
           yaml_get_str(&job.map, "scheme", &config->target.scheme, err) && read_limits(&job) &&
           read_log_file(&job) && read_names(&job) &&
           discovery_configs_read(&job.map, reader->dir, reader->arena, &config->discovery, err) &&
           http_client_config_read(&job.map, reader->dir, reader->arena, &config->http, err) &&
           read_relabel(&job) && yaml_map_finish(&job.map, err) && check_name(&job);
}

bool config_read_scrapes(ConfigReader *reader, const YamlNode *node)
{
    Config *config = reader->config;
    size_t more = yaml_count(node);
    if (!yaml_list(node, "[]*config.ScrapeConfig", reader->err)) {
        return false;
    }
    ScrapeConfig *scrapes = ARENA_NEW(reader->arena, ScrapeConfig, config->scrape_count + more);
    if (!scrapes) {
        return arena_full(reader->arena, reader->err);
    }
    if (config->scrape_count > 0) {
        memcpy(scrapes, config->scrapes, config->scrape_count * sizeof(*scrapes));
    }
    config->scrapes = scrapes;
    for (size_t i = 0; i < more; i++) {
        ScrapeConfig *scrape = &scrapes[config->scrape_count];
        if (!read_job(reader, node->items[i], scrape)) {
            return false;
        }
        for (size_t k = 0; k < config->scrape_count; k++) {
            char quoted[QUOTE_TEXT_MAX];
            if (str_eq(scrapes[k].target.job, scrape->target.job)) {
                return yaml_error(node->items[i], reader->err,
                                  "found multiple scrape configs with job name %s",
                                  quote_text(quoted, scrape->target.job));
            }
        }
        config->scrape_count++;
    }
    return true;
}
