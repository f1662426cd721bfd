/*
 * Configuration: the global and runtime sections.
 *
 * Layer: role/prometheus. Memory: the configuration's arena. Thread: the one that loads.
 */
#include "role/prometheus/config_reader.h"

#include "base/quote.h"
#include "base/time.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum {
    EXTERNAL_VALUE_MAX = 1024 * 1024, /* bytes of one expanded label value */
    VARIABLE_NAME_MAX = 1024,
    GOGC_DEFAULT = 75,
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Moves behind the name of a variable that follows a $; "$$" names "$". */
static Str take_variable(Str *rest)
{
    if (str_skip_prefix(rest, S("{"))) {
        size_t end = str_find_byte(*rest, '}');
        Str name = str_take(*rest, end == STR_NOT_FOUND ? 0 : end);
        *rest = end == STR_NOT_FOUND ? *rest : str_skip(*rest, end + 1);
        return name;
    }
    size_t len = 0;
    while (len < rest->len && is_word(rest->ptr[len])) {
        len++;
    }
    if (len == 0 && rest->len > 0 && rest->ptr[0] == '$') {
        len = 1;
    }
    Str name = str_take(*rest, len);
    *rest = str_skip(*rest, len);
    return name;
}

static void put_variable(ConfigReader *reader, const YamlNode *at, Str name, Buf *out)
{
    char key[VARIABLE_NAME_MAX];
    char quoted[QUOTE_TEXT_MAX];
    if (str_eq(name, S("$"))) {
        buf_byte(out, '$');
        return;
    }
    const char *value = NULL;
    if (name.len > 0 && name.len < sizeof(key)) {
        memcpy(key, name.ptr, name.len);
        key[name.len] = '\0';
        value = getenv(key);
    }
    if (value && *value) {
        buf_str(out, str_from(value));
    } else {
        (void)config_warn(reader, at, "empty environment variable %s in external_labels",
                          quote_text(quoted, name));
    }
}

/* ${NAME} and $NAME become the environment's values; what is not set becomes empty. */
static bool expand_value(ConfigReader *reader, const YamlNode *at, Str value, Str *ret)
{
    Buf out;
    buf_init(&out, EXTERNAL_VALUE_MAX);
    for (Str rest = value;;) {
        size_t dollar = str_find_byte(rest, '$');
        buf_str(&out, str_take(rest, MIN(dollar, rest.len)));
        if (dollar == STR_NOT_FOUND) {
            break;
        }
        rest = str_skip(rest, dollar + 1);
        put_variable(reader, at, take_variable(&rest), &out);
    }
    bool ok =
        buf_ok(&out, reader->err) && arena_str(reader->arena, buf_view(&out), ret, reader->err);
    buf_done(&out);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const Label *)a)->name, ((const Label *)b)->name);
}

static bool read_external_label(ConfigReader *reader, const YamlPair *pair, bool utf8_names,
                                Label *ret)
{
    char quoted[QUOTE_TEXT_MAX];
    Str value;
    if (!yaml_str(pair->key, &ret->name, reader->err) ||
        !yaml_str(pair->value, &value, reader->err)) {
        return false;
    }
    bool name_ok =
        utf8_names ? label_name_utf8_valid(ret->name) : label_name_legacy_valid(ret->name);
    if (!name_ok) {
        return yaml_error(pair->key, reader->err, "%s is not a valid label name",
                          quote_text(quoted, ret->name));
    }
    if (!utf8_valid(value)) {
        return yaml_error(pair->value, reader->err, "%s is not a valid label value",
                          quote_text(quoted, value));
    }
    return expand_value(reader, pair->value, value, &ret->value);
}

static bool read_external_labels(ConfigReader *reader, const YamlNode *node, bool utf8_names)
{
    size_t count = yaml_count(node);
    size_t kept = 0;
    if (!yaml_mapping(node, "map[string]string", reader->err)) {
        return false;
    }
    Label *labels = ARENA_NEW(reader->arena, Label, count);
    if (!labels) {
        return arena_full(reader->arena, reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_external_label(reader, &node->pairs[i], utf8_names, &labels[kept])) {
            return false;
        }
        kept += labels[kept].value.len > 0;
    }
    if (kept > 0) {
        qsort(labels, kept, sizeof(*labels), by_name);
    }
    reader->config->external_labels = (Labels){.at = labels, .count = kept};
    return true;
}

static bool finish_times(ConfigReader *reader, const YamlNode *node, GlobalConfig *global)
{
    if (global->scrape_interval_ms == 0) {
        global->scrape_interval_ms = MS_PER_MINUTE;
    }
    if (global->scrape_timeout_ms > global->scrape_interval_ms) {
        return yaml_error(node, reader->err, "global scrape timeout greater than scrape interval");
    }
    if (global->scrape_timeout_ms == 0) {
        global->scrape_timeout_ms = MIN(10 * MS_PER_SECOND, global->scrape_interval_ms);
    }
    if (global->evaluation_interval_ms == 0) {
        global->evaluation_interval_ms = MS_PER_MINUTE;
    }
    return true;
}

static bool get_file(ConfigReader *reader, YamlMap *map, const char *key, Str *ret)
{
    return yaml_get_str(map, key, ret, reader->err) &&
           config_join_dir(reader->arena, reader->dir, *ret, ret, reader->err);
}

bool config_read_global(ConfigReader *reader, const YamlNode *node)
{
    GlobalConfig *global = &reader->config->global;
    Err *err = reader->err;
    YamlMap map;
    bool scheme_given;
    global->given = node && node->kind != YAML_NULL;
    if (!yaml_map(node, "config.plain", reader->arena, &map, err) ||
        !yaml_get_duration(&map, "scrape_interval", &global->scrape_interval_ms, err) ||
        !yaml_get_duration(&map, "scrape_timeout", &global->scrape_timeout_ms, err) ||
        !yaml_get_duration(&map, "evaluation_interval", &global->evaluation_interval_ms, err) ||
        !yaml_get_duration(&map, "rule_query_offset", &global->rule_query_offset_ms, err) ||
        !get_file(reader, &map, "query_log_file", &global->query_log_file) ||
        !get_file(reader, &map, "scrape_failure_log_file", &global->scrape_failure_log_file) ||
        !config_read_limits(reader, &map, &global->limits) ||
        !config_read_name_scheme(reader, &map, &global->name_scheme, &scheme_given) ||
        !yaml_get_str(&map, "metric_name_escaping_scheme", &global->name_escaping, err) ||
        !yaml_get_bool(&map, "scrape_native_histograms", &global->scrape_native_histograms, err) ||
        !yaml_get_bool(&map, "convert_classic_histograms_to_nhcb",
                       &global->convert_classic_histograms, err) ||
        !yaml_get_bool(&map, "always_scrape_classic_histograms",
                       &global->always_scrape_classic_histograms, err) ||
        !yaml_get_bool(&map, "extra_scrape_metrics", &global->extra_scrape_metrics, err) ||
        !read_external_labels(reader, yaml_get(&map, "external_labels"),
                              global->name_scheme == NAME_SCHEME_UTF8) ||
        !config_read_protocols(reader, yaml_get(&map, "scrape_protocols"), " for global config",
                               global->protocols, &global->protocol_count)) {
        return false;
    }
    return yaml_map_finish(&map, err) && finish_times(reader, node, global);
}

bool config_read_runtime(ConfigReader *reader, const YamlNode *node)
{
    YamlMap map;
    i64 gogc = 0;
    if (!yaml_map(node, "config.RuntimeConfig", reader->arena, &map, reader->err) ||
        !yaml_get_i64(&map, "gogc", &gogc, reader->err) || !yaml_map_finish(&map, reader->err)) {
        return false;
    }
    reader->config->gogc = gogc ? gogc : GOGC_DEFAULT;
    return true;
}
