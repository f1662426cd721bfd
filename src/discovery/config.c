/* Discovery configuration: see config.h. Layer: discovery. Memory: the reader's arena. */
#include "discovery/config.h"

#include "base/quote.h"
#include "discovery/config_kinds.h"
#include "net/client_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 64 }; /* bytes of "dockerswarm_sd_configs" */

static void key_of(const DiscoveryKind *kind, char key[KEY_MAX])
{
    (void)snprintf(key, KEY_MAX, "%s_sd_configs", kind->name);
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const Label *)a)->name, ((const Label *)b)->name);
}

static bool read_labels(const YamlNode *node, Arena *arena, Labels *ret, Err *err)
{
    size_t count = yaml_count(node);
    size_t kept = 0;
    if (!yaml_mapping(node, "model.LabelSet", err)) {
        return false;
    }
    Label *labels = ARENA_NEW(arena, Label, count);
    if (!labels) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        Label *label = &labels[kept];
        char quoted[QUOTE_TEXT_MAX];
        if (!yaml_str(node->pairs[i].key, &label->name, err) ||
            !yaml_str(node->pairs[i].value, &label->value, err)) {
            return false;
        }
        if (!label_name_utf8_valid(label->name)) {
            return yaml_error(node->pairs[i].key, err, "%s is not a valid label name",
                              quote_text(quoted, label->name));
        }
        kept += label->value.len > 0;
    }
    if (kept > 0) {
        qsort(labels, kept, sizeof(*labels), by_name);
    }
    *ret = (Labels){.at = labels, .count = kept};
    return true;
}

static bool read_static(const YamlNode *node, Arena *arena, StaticConfig *ret, Err *err)
{
    YamlMap map;
    Str *targets = NULL;
    size_t count = 0;
    if (node->kind == YAML_NULL) {
        return yaml_error(node, err, "empty or null section in static_configs");
    }
    if (!yaml_map(node, "targetgroup.plain", arena, &map, err) ||
        !yaml_get_str_list(&map, "targets", arena, &targets, &count, err) ||
        !read_labels(yaml_get(&map, "labels"), arena, &ret->labels, err) ||
        !yaml_map_finish(&map, err)) {
        return false;
    }
    ret->targets = targets;
    ret->target_count = count;
    return true;
}

static bool read_statics(YamlMap *map, Arena *arena, DiscoveryConfigs *ret, Err *err)
{
    const YamlNode *list = yaml_get(map, "static_configs");
    if (!yaml_list(list, "[]*targetgroup.Group", err)) {
        return false;
    }
    size_t count = yaml_count(list);
    ret->statics = ARENA_NEW(arena, StaticConfig, count);
    if (!ret->statics) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_static(list->items[i], arena, &ret->statics[i], err)) {
            return false;
        }
    }
    ret->static_count = count;
    return true;
}

static bool check_block(const DiscoveryKind *kind, const YamlNode *node, Arena *arena, Err *err)
{
    if (node->kind == YAML_NULL) {
        return yaml_error(node, err, "empty or null section in %s_sd_configs", kind->name);
    }
    return yaml_schema_check(&kind->schema, node, arena, err) &&
           (!kind->check || kind->check(kind, node, err));
}

static const YamlNode *list_of(YamlMap *map, const DiscoveryKind *kind)
{
    char key[KEY_MAX];
    key_of(kind, key);
    return yaml_get(map, key);
}

/* The block of a file discovery with its paths joined to the folder of the configuration. */
static bool join_files(const YamlNode *block, Str dir, Arena *arena, const YamlNode **ret, Err *err)
{
    YamlNode *copy = ARENA_NEW(arena, YamlNode, 1);
    YamlPair *pairs = ARENA_NEW(arena, YamlPair, block->count);
    YamlNode *list = ARENA_NEW(arena, YamlNode, 1);
    if (!copy || !pairs || !list) {
        return arena_full(arena, err);
    }
    *copy = *block;
    copy->pairs = pairs;
    for (size_t i = 0; i < block->count; i++) {
        pairs[i] = block->pairs[i];
        if (!str_eq(pairs[i].key->scalar, S("files"))) {
            continue;
        }
        *list = *pairs[i].value;
        list->items = ARENA_NEW(arena, YamlNode *, list->count);
        YamlNode *items = ARENA_NEW(arena, YamlNode, list->count);
        if (!list->items || !items) {
            return arena_full(arena, err);
        }
        for (size_t k = 0; k < list->count; k++) {
            items[k] = *pairs[i].value->items[k];
            list->items[k] = &items[k];
            if (!config_join_dir(arena, dir, items[k].scalar, &items[k].scalar, err)) {
                return false;
            }
        }
        pairs[i].value = list;
    }
    *ret = copy;
    return true;
}

static bool read_block(const DiscoveryKind *kind, const YamlNode *node, Str dir, Arena *arena,
                       DiscoveryConfig *ret, Err *err)
{
    *ret = (DiscoveryConfig){.kind = kind->name, .node = node, .dir = dir};
    return check_block(kind, node, arena, err) &&
           (strcmp(kind->name, "file") != 0 || join_files(node, dir, arena, &ret->node, err));
}

bool discovery_configs_read(YamlMap *map, Str dir, Arena *arena, DiscoveryConfigs *ret, Err *err)
{
    DiscoveryConfigs result = {0};
    size_t total = 0;
    for (size_t k = 0; k < discovery_kind_count; k++) {
        total += yaml_count(list_of(map, &discovery_kinds[k]));
    }
    result.others = ARENA_NEW(arena, DiscoveryConfig, total);
    if (!result.others) {
        return arena_full(arena, err);
    }
    for (size_t k = 0; k < discovery_kind_count; k++) {
        const DiscoveryKind *kind = &discovery_kinds[k];
        const YamlNode *list = list_of(map, kind);
        if (!yaml_list(list, "[]discovery.Config", err)) {
            return false;
        }
        for (size_t i = 0; i < yaml_count(list); i++) {
            if (!read_block(kind, list->items[i], dir, arena, &result.others[result.other_count],
                            err)) {
                return false;
            }
            result.other_count++;
        }
    }
    if (!read_statics(map, arena, &result, err)) {
        return false;
    }
    *ret = result;
    return true;
}

static const DiscoveryKind *find_kind(const char *name)
{
    for (size_t k = 0; k < discovery_kind_count; k++) {
        if (strcmp(discovery_kinds[k].name, name) == 0) {
            return &discovery_kinds[k];
        }
    }
    ASSERT(false); /* it came from the table */
    return NULL;
}

static void write_statics(YamlWriter *writer, const DiscoveryConfigs *configs)
{
    yaml_put_key_begin(writer, "static_configs", YAML_LIST);
    for (size_t i = 0; i < configs->static_count; i++) {
        const StaticConfig *config = &configs->statics[i];
        yaml_put_begin(writer, YAML_MAPPING);
        yaml_put_key_begin(writer, "targets", YAML_LIST);
        for (size_t k = 0; k < config->target_count; k++) {
            yaml_put_text(writer, config->targets[k]);
        }
        yaml_put_end(writer);
        if (config->labels.count > 0) {
            yaml_put_key_begin(writer, "labels", YAML_MAPPING);
            for (size_t k = 0; k < config->labels.count; k++) {
                yaml_put_text(writer, config->labels.at[k].name);
                yaml_put_text(writer, config->labels.at[k].value);
            }
            yaml_put_end(writer);
        }
        yaml_put_end(writer);
    }
    yaml_put_end(writer);
}

/* The original shows the keys by name: static_configs stands among the others. */
void discovery_configs_write(YamlWriter *writer, const DiscoveryConfigs *configs)
{
    Arena scratch;
    arena_init(&scratch, 64 * MIB);
    bool statics_written = configs->static_count == 0;
    for (size_t i = 0; i < configs->other_count;) {
        const DiscoveryKind *kind = find_kind(configs->others[i].kind);
        char key[KEY_MAX];
        key_of(kind, key);
        if (!statics_written && strcmp(key, "static_configs") > 0) {
            write_statics(writer, configs);
            statics_written = true;
        }
        yaml_put_key_begin(writer, key, YAML_LIST);
        for (; i < configs->other_count && configs->others[i].kind == kind->name; i++) {
            yaml_put_begin(writer, YAML_MAPPING);
            yaml_schema_write(&kind->schema, configs->others[i].node, &scratch, writer);
            yaml_put_end(writer);
        }
        yaml_put_end(writer);
    }
    if (!statics_written) {
        write_statics(writer, configs);
    }
    arena_done(&scratch);
}

void discovery_configs_kinds(const DiscoveryConfigs *configs, Buf *out)
{
    const char *last = NULL;
    for (size_t i = 0; i < configs->other_count; i++) {
        if (configs->others[i].kind != last) {
            buf_str(out, last ? S(", ") : STR_EMPTY);
            buf_str(out, str_from(configs->others[i].kind));
            last = configs->others[i].kind;
        }
    }
}
