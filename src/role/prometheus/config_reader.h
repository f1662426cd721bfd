/*
 * Configuration reader: what the files that read prometheus.yml's sections share. Internal to the
 * configuration.
 *
 * Layer: role/prometheus. Memory: the configuration's arena. Thread: the one that loads.
 */
#pragma once

#include "codec/yaml.h"
#include "codec/yaml_schema.h"
#include "codec/yaml_write.h"
#include "role/prometheus/config.h"

typedef struct ConfigReader {
    Config *config;
    Arena *arena; /* the configuration's */
    Str file;     /* being read, for warnings */
    Str dir;      /* what file names in it are relative to */
    Err *err;
} ConfigReader;

/* One relabelling list, so that config_free finds what its rules own. */
typedef struct ConfigRules {
    Relabel *at;
    size_t count;
    struct ConfigRules *next;
} ConfigRules;

/* Blocks whose keys are one table: config_schemas.c. */
extern const YamlSchema config_sigv4_schema;
extern const YamlSchema config_azuread_schema;
extern const YamlSchema config_google_iam_schema;

bool config_warn(ConfigReader *reader, const YamlNode *at, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* config_global.c. The node may be NULL: the section is absent. */
bool config_read_global(ConfigReader *reader, const YamlNode *node);
bool config_read_runtime(ConfigReader *reader, const YamlNode *node);

/* config_storage.c */
bool config_read_storage(ConfigReader *reader, const YamlNode *node);
bool config_read_tracing(ConfigReader *reader, const YamlNode *node);
bool config_read_otlp(ConfigReader *reader, const YamlNode *node);

/* config_scrape.c: a scrape_configs list, with the defaults of the global section. The new jobs go
 * to the end of config->scrapes. */
bool config_read_scrapes(ConfigReader *reader, const YamlNode *node);
/* where  ends the error: " for global config" */
bool config_read_protocols(ConfigReader *reader, const YamlNode *node, const char *where,
                           ScrapeProtocol *ret, size_t *ret_count);
bool config_read_limits(ConfigReader *reader, YamlMap *map, ScrapeLimits *limits);
bool config_read_name_scheme(ConfigReader *reader, YamlMap *map, NameScheme *ret, bool *ret_given);

/* config_alerting.c, config_remote.c */
bool config_read_alerting(ConfigReader *reader, const YamlNode *node);
bool config_read_remote_writes(ConfigReader *reader, const YamlNode *node);
bool config_read_remote_reads(ConfigReader *reader, const YamlNode *node);

/*
 * config_relabel.c: a list of relabelling rules.
 * what  for an empty element: "target relabeling rule in scrape config"
 */
bool config_read_relabel(ConfigReader *reader, const YamlNode *node, bool utf8_names,
                         const char *what, Relabel **ret, size_t *ret_count);
void config_write_relabel(YamlWriter *writer, const char *key, const Relabel *rules, size_t count);

/* Targets that look like URLs are a common mistake; they are refused unless rules may repair them.
 */
bool config_check_targets(ConfigReader *reader, const YamlNode *node,
                          const DiscoveryConfigs *discovery);

/* A map of texts, sorted by name. */
bool config_read_texts(ConfigReader *reader, const YamlNode *node, NamedText **ret,
                       size_t *ret_count);
void config_write_texts(YamlWriter *writer, const char *key, const NamedText *texts, size_t count);

/* An optional block that a schema describes: *ret is its node, or NULL. */
bool config_read_block(ConfigReader *reader, YamlMap *map, const char *key,
                       const YamlSchema *schema, const YamlNode **ret);
void config_write_block(YamlWriter *writer, const char *key, const YamlSchema *schema,
                        const YamlNode *node);

/* A text at its place: "empty" and absent keep the default. */
void config_put_text(YamlWriter *writer, const char *key, Str text);   /* unless empty */
void config_put_duration(YamlWriter *writer, const char *key, i64 ms); /* unless 0 */
void config_put_u64(YamlWriter *writer, const char *key, u64 number);  /* unless 0 */
void config_put_flag(YamlWriter *writer, const char *key, bool flag);  /* unless false */
void config_put_list(YamlWriter *writer, const char *key, const Str *list,
                     size_t count); /* unless empty */
void config_put_limits(YamlWriter *writer, const ScrapeLimits *limits);
void config_put_protocols(YamlWriter *writer, const ScrapeProtocol *protocols, size_t count);
