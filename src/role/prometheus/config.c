/* Configuration: see config.h. Layer: role/prometheus. Memory: the configuration's arena. */
#include "role/prometheus/config.h"

#include "base/mem.h"
#include "base/quote.h"
#include "os/dir.h"
#include "os/file.h"
#include "role/prometheus/config_reader.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WARNINGS_MAX = 64 };

bool config_warn(ConfigReader *reader, const YamlNode *at, const char *format, ...)
{
    Config *config = reader->config;
    char text[ERR_MESSAGE_MAX];
    va_list args;
    if (config->warning_count == WARNINGS_MAX) {
        return true;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (!config->warnings) {
        config->warnings = ARENA_NEW(reader->arena, Str, WARNINGS_MAX);
    }
    return config->warnings &&
           arena_printf(reader->arena, &config->warnings[config->warning_count++], NULL,
                        STR_FMT ":%u: %s", STR_ARG(reader->file), at->line, text);
}

static Str dir_of(Str path)
{
    size_t slash = str_find_last_byte(path, '/');
    if (slash == STR_NOT_FOUND) {
        return STR_EMPTY;
    }
    return str_take(path, slash > 0 ? slash : 1);
}

/* A pattern may hold one * in its last part only. */
static bool is_file_pattern(Str pattern)
{
    size_t star = str_find_byte(pattern, '*');
    return star == STR_NOT_FOUND ||
           (str_find_byte(str_skip(pattern, star + 1), '/') == STR_NOT_FOUND &&
            str_find_byte(pattern, '\n') == STR_NOT_FOUND);
}

static bool read_patterns(ConfigReader *reader, YamlMap *map, const char *key, const char *what,
                          Str **ret, size_t *ret_count)
{
    const YamlNode *node = yaml_get(map, key);
    if (!yaml_get_str_list(map, key, reader->arena, ret, ret_count, reader->err)) {
        return false;
    }
    for (size_t i = 0; i < *ret_count; i++) {
        char quoted[QUOTE_TEXT_MAX];
        Str *pattern = &(*ret)[i];
        if (!is_file_pattern(*pattern)) {
            return yaml_error(node->items[i], reader->err, "invalid %s path %s", what,
                              quote_text(quoted, *pattern));
        }
        if (!config_join_dir(reader->arena, reader->dir, *pattern, pattern, reader->err)) {
            return false;
        }
    }
    return true;
}

static bool glob(Arena *arena, Str pattern, Str **ret, size_t *ret_count, Err *err)
{
    Str text;
    return arena_str(arena, pattern, &text, err) && path_glob(text.ptr, arena, ret, ret_count, err);
}

/* One warning that names what is read but not acted upon. */
static void warn_discovery(ConfigReader *reader)
{
    Config *config = reader->config;
    const YamlNode *first = NULL;
    Buf kinds;
    buf_init(&kinds, 16 * KIB);
    for (size_t i = 0; i < config->scrape_count; i++) {
        const ScrapeConfig *scrape = &config->scrapes[i];
        if (scrape->discovery.other_count == 0) {
            continue;
        }
        first = first ? first : scrape->discovery.others[0].node;
        buf_str(&kinds, kinds.len > 0 ? S("; ") : STR_EMPTY);
        buf_printf(&kinds, "job " STR_FMT ": ", STR_ARG(scrape->target.job));
        discovery_configs_kinds(&scrape->discovery, &kinds);
    }
    for (size_t i = 0; i < config->alerting.alertmanager_count; i++) {
        const DiscoveryConfigs *discovery = &config->alerting.alertmanagers[i].discovery;
        if (discovery->other_count > 0) {
            first = first ? first : discovery->others[0].node;
            buf_str(&kinds, kinds.len > 0 ? S("; ") : STR_EMPTY);
            buf_lit(&kinds, "alertmanagers: ");
            discovery_configs_kinds(discovery, &kinds);
        }
    }
    if (kinds.len > 0) {
        (void)config_warn(reader, first,
                          "service discovery is accepted but finds no targets yet: " STR_FMT,
                          STR_ARG(buf_view(&kinds)));
    }
    buf_done(&kinds);
}

static bool read_sections(ConfigReader *reader, const YamlNode *root)
{
    Config *config = reader->config;
    YamlMap map;
    /* The global section first, wherever it stands: the others take their defaults from it. */
    return yaml_map(root, "config.plain", reader->arena, &map, reader->err) &&
           config_read_global(reader, yaml_get(&map, "global")) &&
           config_read_runtime(reader, yaml_get(&map, "runtime")) &&
           config_read_alerting(reader, yaml_get(&map, "alerting")) &&
           read_patterns(reader, &map, "rule_files", "rule file", &config->rule_files,
                         &config->rule_file_count) &&
           read_patterns(reader, &map, "scrape_config_files", "scrape config file",
                         &config->scrape_config_files, &config->scrape_config_file_count) &&
           config_read_scrapes(reader, yaml_get(&map, "scrape_configs")) &&
           config_read_storage(reader, yaml_get(&map, "storage")) &&
           config_read_tracing(reader, yaml_get(&map, "tracing")) &&
           config_read_remote_writes(reader, yaml_get(&map, "remote_write")) &&
           config_read_remote_reads(reader, yaml_get(&map, "remote_read")) &&
           config_read_otlp(reader, yaml_get(&map, "otlp")) && yaml_map_finish(&map, reader->err);
}

static bool read_scrape_file(ConfigReader *reader, const char *path)
{
    YamlNode *root;
    YamlMap map;
    Str text;
    if (!file_read(path, CONFIG_FILE_MAX, reader->arena, &text, reader->err)) {
        return false;
    }
    reader->file = str_from(path);
    reader->dir = dir_of(reader->file);
    return yaml_parse(text, reader->arena, &root, reader->err) &&
           yaml_map(root, "config.ScrapeConfigs", reader->arena, &map, reader->err) &&
           config_read_scrapes(reader, yaml_get(&map, "scrape_configs")) &&
           yaml_map_finish(&map, reader->err);
}

static bool read_scrape_files(ConfigReader *reader)
{
    Config *config = reader->config;
    config->own_scrape_count = config->scrape_count;
    for (size_t i = 0; i < config->scrape_config_file_count; i++) {
        Str *files;
        size_t count;
        char quoted[QUOTE_TEXT_MAX];
        if (!glob(reader->arena, config->scrape_config_files[i], &files, &count, reader->err)) {
            return err_wrap(reader->err, "error retrieving scrape config files for %s",
                            quote_text(quoted, config->scrape_config_files[i]));
        }
        for (size_t k = 0; k < count; k++) {
            ConfigReader inner = *reader;
            if (!read_scrape_file(&inner, files[k].ptr)) {
                return err_wrap(reader->err, "%s", quote_text(quoted, files[k]));
            }
        }
    }
    return true;
}

static bool parse(ConfigReader *reader, Str text)
{
    YamlNode *root;
    if (!yaml_parse(text, reader->arena, &root, reader->err) || !read_sections(reader, root)) {
        return err_wrap(reader->err, "parsing YAML file " STR_FMT, STR_ARG(reader->file));
    }
    if (!read_scrape_files(reader)) {
        return false;
    }
    warn_discovery(reader);
    return true;
}

bool config_parse(Str text, Str path, Config **ret, Err *err)
{
    Config *config = MEM_NEW(Config);
    arena_init(&config->arena, CONFIG_MEMORY_MAX);
    ConfigReader reader = {.config = config, .arena = &config->arena, .err = err};
    bool ok = arena_str(&config->arena, path, &config->path, err);
    reader.file = config->path;
    reader.dir = dir_of(config->path);
    if (!ok || !parse(&reader, text)) {
        (void)config_free(config);
        return false;
    }
    *ret = config;
    return true;
}

bool config_load(const char *path, Config **ret, Err *err)
{
    Arena arena;
    Str text;
    arena_init(&arena, CONFIG_FILE_MAX + 64 * KIB);
    bool ok = file_read(path, CONFIG_FILE_MAX, &arena, &text, err) &&
              config_parse(text, str_from(path), ret, err);
    arena_done(&arena);
    return ok;
}

Config *config_free(Config *config)
{
    if (!config) {
        return NULL;
    }
    for (const ConfigRules *rules = config->rules; rules; rules = rules->next) {
        for (size_t i = 0; i < rules->count; i++) {
            relabel_done(&rules->at[i]);
        }
    }
    arena_done(&config->arena);
    mem_free(config);
    return NULL;
}

bool config_rule_files(const Config *config, Arena *arena, Str **ret, size_t *ret_count, Err *err)
{
    Str *all = NULL;
    size_t total = 0;
    for (size_t i = 0; i < config->rule_file_count; i++) {
        Str *files;
        size_t count;
        char quoted[QUOTE_TEXT_MAX];
        if (!glob(arena, config->rule_files[i], &files, &count, err)) {
            return err_wrap(err, "error retrieving rule files for %s",
                            quote_text(quoted, config->rule_files[i]));
        }
        Str *joined = ARENA_NEW(arena, Str, total + count);
        if (!joined) {
            return arena_full(arena, err);
        }
        if (total > 0) {
            memcpy(joined, all, total * sizeof(*joined));
        }
        if (count > 0) {
            memcpy(joined + total, files, count * sizeof(*joined));
        }
        all = joined;
        total += count;
    }
    *ret = all;
    *ret_count = total;
    return true;
}
