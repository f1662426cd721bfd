/*
 * Discovery kinds: what each …_sd_configs block may hold. Internal to the discovery configuration.
 *
 * Layer: discovery. Memory: static tables. Thread: any.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "codec/yaml_schema.h"

typedef struct DiscoveryKind {
    const char *name; /* "kubernetes": the key is kubernetes_sd_configs */
    YamlSchema schema;
    /* What a table cannot say; called with a block whose keys and types are right. May be NULL. */
    bool (*check)(const struct DiscoveryKind *kind, const YamlNode *node, Err *err);
} DiscoveryKind;

extern const DiscoveryKind discovery_kinds[]; /* by name */
extern const size_t discovery_kind_count;

/* Keys of the HTTP client inside a block. */
extern const YamlInline discovery_http_client;

/* The checks: config_checks.c. */
bool check_aws(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_azure(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_consul(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_digitalocean(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_dns(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_docker(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_dockerswarm(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_ec2(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_eureka(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_file(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_gce(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_hetzner(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_http(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_ionos(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_kubernetes(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_kuma(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_marathon(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_nomad(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_oci(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_openstack(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_outscale(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_ovhcloud(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_puppetdb(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_scaleway(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_stackit(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_triton(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_uyuni(const DiscoveryKind *kind, const YamlNode *node, Err *err);
bool check_zookeeper(const DiscoveryKind *kind, const YamlNode *node, Err *err);
