/*
 * Configuration: relabelling rules and the small blocks that several sections share.
 *
 * Layer: role/prometheus. Memory: the configuration's arena. Thread: the one that loads.
 */
#include "role/prometheus/config_reader.h"

#include "base/quote.h"
#include "codec/regex.h"

#include <stdlib.h>

static bool read_action(ConfigReader *reader, YamlMap *map, RelabelAction *ret)
{
    char quoted[QUOTE_TEXT_MAX];
    const YamlNode *node = yaml_get(map, "action");
    Str text;
    if (!node) {
        return true;
    }
    if (!yaml_str(node, &text, reader->err)) {
        return false;
    }
    if (node->kind == YAML_NULL) {
        return yaml_error(node, reader->err, "relabel action cannot be empty");
    }
    return relabel_action_parse(text, ret) ||
           yaml_error(node, reader->err, "unknown relabel action %s", quote_text(quoted, text));
}

/* Checks the rule as a whole. Of two mistakes the one in the expression is told, as the original
 * does. */
static bool finish_rule(ConfigReader *reader, const YamlNode *node, bool utf8_names, Relabel *rule)
{
    const YamlNode *at = node;
    Err *err = reader->err;
    Regex *regex = NULL;
    if (relabel_finish(rule, utf8_names, err)) {
        return true;
    }
    Err regex_err;
    if (!regex_new(rule->regex_text, 0, &regex, &regex_err)) {
        at = yaml_find(node, S("regex"));
        (void)err_set(err, regex_err.code, "%s", regex_err.message);
    }
    regex_free(regex);
    if (err && at) {
        err->line = at->line;
        err->column = at->column;
    }
    return false;
}

static bool read_rule(ConfigReader *reader, const YamlNode *node, bool utf8_names, Relabel *rule)
{
    YamlMap map;
    Err *err = reader->err;
    relabel_defaults(rule);
    if (!yaml_map(node, "relabel.plain", reader->arena, &map, err) ||
        !yaml_get_str_list(&map, "source_labels", reader->arena, &rule->source_labels,
                           &rule->source_count, err) ||
        !yaml_get_str(&map, "separator", &rule->separator, err) ||
        !yaml_get_str(&map, "regex", &rule->regex_text, err) ||
        !yaml_get_u64(&map, "modulus", &rule->modulus, err) ||
        !yaml_get_str(&map, "target_label", &rule->target_label, err) ||
        !yaml_get_str(&map, "replacement", &rule->replacement, err) ||
        !read_action(reader, &map, &rule->action) || !yaml_map_finish(&map, err)) {
        return false;
    }
    for (size_t i = 0; i < rule->source_count; i++) {
        char quoted[QUOTE_TEXT_MAX];
        if (!label_name_utf8_valid(rule->source_labels[i])) {
            return yaml_error(node, err, "%s is not a valid label name",
                              quote_text(quoted, rule->source_labels[i]));
        }
    }
    return finish_rule(reader, node, utf8_names, rule);
}

bool config_read_relabel(ConfigReader *reader, const YamlNode *node, bool utf8_names,
                         const char *what, Relabel **ret, size_t *ret_count)
{
    size_t count = yaml_count(node);
    if (!yaml_list(node, "[]*relabel.Config", reader->err)) {
        return false;
    }
    ConfigRules *rules = ARENA_NEW(reader->arena, ConfigRules, 1);
    Relabel *at = ARENA_NEW(reader->arena, Relabel, count);
    if (!rules || !at) {
        return arena_full(reader->arena, reader->err);
    }
    *rules = (ConfigRules){.at = at, .next = reader->config->rules};
    reader->config->rules = rules;
    for (size_t i = 0; i < count; i++) {
        if (node->items[i]->kind == YAML_NULL) {
            return yaml_error(node->items[i], reader->err, "empty or null %s", what);
        }
        if (!read_rule(reader, node->items[i], utf8_names, &at[i])) {
            return false;
        }
        rules->count++;
    }
    *ret = at;
    *ret_count = count;
    return true;
}

void config_write_relabel(YamlWriter *writer, const char *key, const Relabel *rules, size_t count)
{
    if (count == 0) {
        return;
    }
    yaml_put_key_begin(writer, key, YAML_LIST);
    for (size_t i = 0; i < count; i++) {
        const Relabel *rule = &rules[i];
        yaml_put_begin(writer, YAML_MAPPING);
        if (rule->source_count > 0) {
            yaml_put_text(writer, S("source_labels"));
            yaml_put_flow_list(writer, rule->source_labels, rule->source_count);
        }
        yaml_put_key_text(writer, "separator", rule->separator);
        if (!str_eq(rule->regex_text, S("(.*)"))) {
            yaml_put_key_text(writer, "regex", rule->regex_text);
        }
        config_put_u64(writer, "modulus", rule->modulus);
        config_put_text(writer, "target_label", rule->target_label);
        yaml_put_key_text(writer, "replacement", rule->replacement);
        yaml_put_key_text(writer, "action", str_from(relabel_action_name(rule->action)));
        yaml_put_end(writer);
    }
    yaml_put_end(writer);
}

bool config_check_targets(ConfigReader *reader, const YamlNode *node,
                          const DiscoveryConfigs *discovery)
{
    for (size_t i = 0; i < discovery->static_count; i++) {
        const StaticConfig *config = &discovery->statics[i];
        for (size_t k = 0; k < config->target_count; k++) {
            char quoted[QUOTE_TEXT_MAX];
            if (str_find_byte(config->targets[k], '/') != STR_NOT_FOUND) {
                return yaml_error(node, reader->err, "%s is not a valid hostname",
                                  quote_text(quoted, config->targets[k]));
            }
        }
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const NamedText *)a)->name, ((const NamedText *)b)->name);
}

bool config_read_texts(ConfigReader *reader, const YamlNode *node, NamedText **ret,
                       size_t *ret_count)
{
    size_t count = yaml_count(node);
    if (!yaml_mapping(node, "map[string]string", reader->err)) {
        return false;
    }
    NamedText *texts = ARENA_NEW(reader->arena, NamedText, count);
    if (!texts) {
        return arena_full(reader->arena, reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!yaml_str(node->pairs[i].key, &texts[i].name, reader->err) ||
            !yaml_str(node->pairs[i].value, &texts[i].value, reader->err)) {
            return false;
        }
    }
    if (count > 0) {
        qsort(texts, count, sizeof(*texts), by_name);
    }
    *ret = texts;
    *ret_count = count;
    return true;
}

void config_write_texts(YamlWriter *writer, const char *key, const NamedText *texts, size_t count)
{
    if (count == 0) {
        return;
    }
    yaml_put_key_begin(writer, key, YAML_MAPPING);
    for (size_t i = 0; i < count; i++) {
        yaml_put_text(writer, texts[i].name);
        yaml_put_text(writer, texts[i].value);
    }
    yaml_put_end(writer);
}

bool config_read_block(ConfigReader *reader, YamlMap *map, const char *key,
                       const YamlSchema *schema, const YamlNode **ret)
{
    const YamlNode *node = yaml_get(map, key);
    if (!node || node->kind == YAML_NULL) {
        return true;
    }
    if (!yaml_schema_check(schema, node, reader->arena, reader->err)) {
        return false;
    }
    *ret = node;
    return true;
}

void config_write_block(YamlWriter *writer, const char *key, const YamlSchema *schema,
                        const YamlNode *node)
{
    if (!node) {
        return;
    }
    Arena scratch;
    arena_init(&scratch, MIB);
    yaml_put_key_begin(writer, key, YAML_MAPPING);
    yaml_schema_write(schema, node, &scratch, writer);
    yaml_put_end(writer);
    arena_done(&scratch);
}

void config_put_text(YamlWriter *writer, const char *key, Str text)
{
    if (text.len > 0) {
        yaml_put_key_text(writer, key, text);
    }
}

void config_put_duration(YamlWriter *writer, const char *key, i64 ms)
{
    if (ms != 0) {
        yaml_put_key_duration(writer, key, ms);
    }
}

void config_put_u64(YamlWriter *writer, const char *key, u64 number)
{
    if (number != 0) {
        yaml_put_key_u64(writer, key, number);
    }
}

void config_put_flag(YamlWriter *writer, const char *key, bool flag)
{
    if (flag) {
        yaml_put_key_bool(writer, key, true);
    }
}

void config_put_list(YamlWriter *writer, const char *key, const Str *list, size_t count)
{
    if (count == 0) {
        return;
    }
    yaml_put_key_begin(writer, key, YAML_LIST);
    for (size_t i = 0; i < count; i++) {
        yaml_put_text(writer, list[i]);
    }
    yaml_put_end(writer);
}
