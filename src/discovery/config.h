/*
 * Discovery configuration: the …_sd_configs and static_configs of a scrape job or an Alertmanager.
 * All kinds of the original are read and checked; static targets are kept as groups, the others as
 * their checked YAML.
 *
 * Layer: discovery. Memory: the arena given to the reader, which also keeps the YAML tree.
 * Thread: immutable after reading.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/types.h"
#include "codec/yaml.h"
#include "codec/yaml_write.h"
#include "discovery/static.h"

/* One element of a …_sd_configs list. */
typedef struct DiscoveryConfig {
    const char *kind;     /* "kubernetes": the key is kubernetes_sd_configs */
    const YamlNode *node; /* a checked mapping; the paths of file_sd_configs are joined to `dir` */
    Str dir;              /* what other file names in it are relative to */
} DiscoveryConfig;

typedef struct DiscoveryConfigs {
    StaticConfig *statics; /* static_configs */
    size_t static_count;
    DiscoveryConfig *others; /* in the order of the kinds' names */
    size_t other_count;
} DiscoveryConfigs;

/*
 * Takes static_configs and every …_sd_configs out of a job's mapping.
 * dir     of the configuration file
 * Errors  ERR_INVALID with the place, worded as the original
 */
bool discovery_configs_read(YamlMap *map, Str dir, Arena *arena, DiscoveryConfigs *ret,
                            Err *err) MUST_USE;

/* Writes the keys with their defaults, inside the mapping that is being written. */
void discovery_configs_write(YamlWriter *writer, const DiscoveryConfigs *configs);

/* The kinds that have configurations, each once: "consul, kubernetes"; "" when there are none. */
void discovery_configs_kinds(const DiscoveryConfigs *configs, Buf *out);
