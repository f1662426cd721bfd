/*
 * Discovery kinds: the tables. The order of fields is the one in which the original shows them.
 *
 * Layer: discovery. Memory: static. Thread: any.
 */
#include "discovery/config_kinds.h"

#include "net/client_config.h"

static bool take_http_client(YamlMap *map, Arena *arena, Err *err)
{
    HttpClientConfig config;
    http_client_config_defaults(&config);
    return http_client_config_read(map, STR_EMPTY, arena, &config, err);
}

static void write_http_client(YamlWriter *writer, const YamlNode *mapping, Arena *arena)
{
    HttpClientConfig config;
    YamlMap map;
    http_client_config_defaults(&config);
    if (yaml_map(mapping, "", arena, &map, NULL) &&
        http_client_config_read(&map, STR_EMPTY, arena, &config, NULL)) {
        http_client_config_write(writer, &config);
    }
}

const YamlInline discovery_http_client = {.take = take_http_client, .write = write_http_client};

static bool take_tls(YamlMap *map, Arena *arena, Err *err)
{
    TlsClientConfig config = {0};
    return tls_client_config_read(yaml_get(map, "tls_config"), STR_EMPTY, arena, &config, err);
}

static void write_tls(YamlWriter *writer, const YamlNode *mapping, Arena *arena)
{
    TlsClientConfig config = {0};
    if (tls_client_config_read(yaml_find(mapping, S("tls_config")), STR_EMPTY, arena, &config,
                               NULL)) {
        tls_client_config_write(writer, &config);
    }
}

static const YamlInline tls_block = {.take = take_tls, .write = write_tls};

/* A field that is shown only when it is not empty, and one that always is; each with its default.
 */
#define FIELD(name_, type_, initial_)                                     \
    {                                                                     \
        .name = (name_), .type = YAML_TYPE_##type_, .initial = (initial_) \
    }
#define SHOWN(name_, type_, initial_)                                                     \
    {                                                                                     \
        .name = (name_), .type = YAML_TYPE_##type_, .initial = (initial_), .always = true \
    }
#define RECORD(name_, type_, always_, record_)                                               \
    {                                                                                        \
        .name = (name_), .type = YAML_TYPE_##type_, .always = (always_), .record = (record_) \
    }
#define HTTP_CLIENT                                                 \
    {                                                               \
        .type = YAML_TYPE_INLINE, .foreign = &discovery_http_client \
    }
#define TLS_CLIENT                                      \
    {                                                   \
        .type = YAML_TYPE_INLINE, .foreign = &tls_block \
    }
#define SCHEMA(type_, fields_)                                           \
    {                                                                    \
        .type = (type_), .fields = (fields_), .count = COUNT_OF(fields_) \
    }

static const YamlField filter_fields[] = {
    SHOWN("name", TEXT, NULL),
    SHOWN("values", TEXT_LIST, NULL),
};
static const YamlSchema filter = SCHEMA("config.Filter", filter_fields);

static const YamlField kubernetes_namespaces_fields[] = {
    SHOWN("own_namespace", BOOL, NULL),
    SHOWN("names", TEXT_LIST, NULL),
};
static const YamlSchema kubernetes_namespaces =
    SCHEMA("kubernetes.plain", kubernetes_namespaces_fields);

static const YamlField kubernetes_selector_fields[] = {
    FIELD("role", TEXT, NULL),
    FIELD("label", TEXT, NULL),
    FIELD("field", TEXT, NULL),
};
static const YamlSchema kubernetes_selector =
    SCHEMA("kubernetes.SelectorConfig", kubernetes_selector_fields);

static const YamlField kubernetes_metadata_fields[] = {
    SHOWN("node", BOOL, NULL), SHOWN("namespace", BOOL, NULL), SHOWN("deployment", BOOL, NULL),
    SHOWN("job", BOOL, NULL),  SHOWN("cronjob", BOOL, NULL),
};
static const YamlSchema kubernetes_metadata =
    SCHEMA("kubernetes.AttachMetadataConfig", kubernetes_metadata_fields);

static const YamlField aws_fields[] = {
    SHOWN("role", TEXT, NULL),
    FIELD("region", TEXT, NULL),
    FIELD("endpoint", TEXT, NULL),
    FIELD("access_key", TEXT, NULL),
    FIELD("secret_key", SECRET, NULL),
    FIELD("profile", TEXT, NULL),
    FIELD("role_arn", TEXT, NULL),
    FIELD("external_id", TEXT, NULL),
    FIELD("refresh_interval", DURATION, NULL),
    FIELD("port", INT, NULL),
    HTTP_CLIENT,
    RECORD("filters", RECORD_LIST, false, &filter),
    FIELD("clusters", TEXT_LIST, NULL),
};

static const YamlField azure_fields[] = {
    FIELD("environment", TEXT, "AzurePublicCloud"),
    SHOWN("port", INT, "80"),
    SHOWN("subscription_id", TEXT, NULL),
    FIELD("tenant_id", TEXT, NULL),
    FIELD("client_id", TEXT, NULL),
    FIELD("client_secret", SECRET, NULL),
    FIELD("refresh_interval", DURATION, "5m"),
    FIELD("authentication_method", TEXT, "OAuth"),
    FIELD("resource_group", TEXT, NULL),
    HTTP_CLIENT,
};

static const YamlField consul_fields[] = {
    FIELD("server", TEXT, "localhost:8500"),
    FIELD("path_prefix", TEXT, NULL),
    FIELD("token", SECRET, NULL),
    FIELD("datacenter", TEXT, NULL),
    FIELD("namespace", TEXT, NULL),
    FIELD("partition", TEXT, NULL),
    FIELD("tag_separator", TEXT, ","),
    FIELD("scheme", TEXT, "http"),
    FIELD("username", TEXT, NULL),
    FIELD("password", SECRET, NULL),
    SHOWN("allow_stale", BOOL, "true"),
    FIELD("refresh_interval", DURATION, "30s"),
    FIELD("services", TEXT_LIST, NULL),
    FIELD("tags", TEXT_LIST, NULL),
    FIELD("node_meta", TEXT_MAP, NULL),
    FIELD("filter", TEXT, NULL),
    FIELD("health_filter", TEXT, NULL),
    HTTP_CLIENT,
};

static const YamlField digitalocean_fields[] = {
    HTTP_CLIENT,
    SHOWN("refresh_interval", DURATION, "60s"),
    SHOWN("port", INT, "80"),
    SHOWN("role", TEXT, "droplets"),
};

static const YamlField dns_fields[] = {
    SHOWN("names", TEXT_LIST, NULL),
    FIELD("refresh_interval", DURATION, "30s"),
    SHOWN("type", TEXT, "SRV"),
    SHOWN("port", INT, NULL),
};

static const YamlField docker_fields[] = {
    HTTP_CLIENT,
    SHOWN("host", TEXT, NULL),
    SHOWN("port", INT, "80"),
    RECORD("filters", RECORD_LIST, true, &filter),
    SHOWN("host_networking_host", TEXT, "localhost"),
    SHOWN("refresh_interval", DURATION, "60s"),
    SHOWN("match_first_network", BOOL, "true"),
};

static const YamlField dockerswarm_fields[] = {
    HTTP_CLIENT,
    SHOWN("host", TEXT, NULL),
    SHOWN("role", TEXT, NULL),
    SHOWN("port", INT, "80"),
    RECORD("filters", RECORD_LIST, true, &filter),
    SHOWN("refresh_interval", DURATION, "60s"),
};

static const YamlField ec2_fields[] = {
    SHOWN("endpoint", TEXT, NULL),
    SHOWN("region", TEXT, NULL),
    FIELD("access_key", TEXT, NULL),
    FIELD("secret_key", SECRET, NULL),
    FIELD("profile", TEXT, NULL),
    FIELD("role_arn", TEXT, NULL),
    FIELD("external_id", TEXT, NULL),
    FIELD("refresh_interval", DURATION, "60s"),
    SHOWN("port", INT, "80"),
    RECORD("filters", RECORD_LIST, true, &filter),
    HTTP_CLIENT,
};

static const YamlField ecs_fields[] = {
    SHOWN("region", TEXT, NULL),
    SHOWN("endpoint", TEXT, NULL),
    FIELD("access_key", TEXT, NULL),
    FIELD("secret_key", SECRET, NULL),
    FIELD("profile", TEXT, NULL),
    FIELD("role_arn", TEXT, NULL),
    FIELD("external_id", TEXT, NULL),
    FIELD("clusters", TEXT_LIST, NULL),
    SHOWN("port", INT, "80"),
    FIELD("refresh_interval", DURATION, "60s"),
    FIELD("request_concurrency", INT, "20"),
    HTTP_CLIENT,
};

static const YamlField elasticache_fields[] = {
    SHOWN("region", TEXT, NULL),
    SHOWN("endpoint", TEXT, NULL),
    FIELD("access_key", TEXT, NULL),
    FIELD("secret_key", SECRET, NULL),
    FIELD("profile", TEXT, NULL),
    FIELD("role_arn", TEXT, NULL),
    FIELD("external_id", TEXT, NULL),
    FIELD("clusters", TEXT_LIST, NULL),
    SHOWN("port", INT, "80"),
    FIELD("refresh_interval", DURATION, "60s"),
    FIELD("request_concurrency", INT, "10"),
    HTTP_CLIENT,
};

static const YamlField eureka_fields[] = {
    FIELD("server", TEXT, NULL),
    HTTP_CLIENT,
    FIELD("refresh_interval", DURATION, "30s"),
};

static const YamlField file_fields[] = {
    SHOWN("files", TEXT_LIST, NULL),
    FIELD("refresh_interval", DURATION, "5m"),
};

static const YamlField gce_fields[] = {
    SHOWN("project", TEXT, NULL), SHOWN("zone", TEXT, NULL),
    FIELD("filter", TEXT, NULL),  FIELD("refresh_interval", DURATION, "60s"),
    SHOWN("port", INT, "80"),     FIELD("tag_separator", TEXT, ","),
};

static const YamlField hetzner_fields[] = {
    HTTP_CLIENT,
    SHOWN("refresh_interval", DURATION, "60s"),
    SHOWN("port", INT, "80"),
    SHOWN("role", TEXT, NULL),
    FIELD("label_selector", TEXT, NULL),
};

static const YamlField http_fields[] = {
    HTTP_CLIENT,
    FIELD("refresh_interval", DURATION, "60s"),
    SHOWN("url", TEXT, NULL),
};

static const YamlField ionos_fields[] = {
    SHOWN("datacenter_id", TEXT, NULL),
    HTTP_CLIENT,
    SHOWN("refresh_interval", DURATION, "60s"),
    SHOWN("port", INT, "80"),
};

static const YamlField kubernetes_fields[] = {
    FIELD("api_server", URL, NULL),
    SHOWN("role", TEXT, NULL),
    SHOWN("kubeconfig_file", TEXT, NULL),
    HTTP_CLIENT,
    RECORD("namespaces", RECORD, false, &kubernetes_namespaces),
    RECORD("selectors", RECORD_LIST, false, &kubernetes_selector),
    RECORD("attach_metadata", RECORD, false, &kubernetes_metadata),
};

static const YamlField kuma_fields[] = {
    HTTP_CLIENT,
    FIELD("refresh_interval", DURATION, "15s"),
    FIELD("fetch_timeout", DURATION, "2m"),
    FIELD("server", TEXT, NULL),
    FIELD("client_id", TEXT, NULL),
};

static const YamlField lightsail_fields[] = {
    SHOWN("endpoint", TEXT, NULL),    SHOWN("region", TEXT, NULL),
    FIELD("access_key", TEXT, NULL),  FIELD("secret_key", SECRET, NULL),
    FIELD("profile", TEXT, NULL),     FIELD("role_arn", TEXT, NULL),
    FIELD("external_id", TEXT, NULL), FIELD("refresh_interval", DURATION, "60s"),
    SHOWN("port", INT, "80"),         HTTP_CLIENT,
};

static const YamlField linode_fields[] = {
    HTTP_CLIENT,
    SHOWN("refresh_interval", DURATION, "60s"),
    SHOWN("port", INT, "80"),
    FIELD("tag_separator", TEXT, ","),
    FIELD("region", TEXT, NULL),
};

static const YamlField marathon_fields[] = {
    FIELD("servers", TEXT_LIST, NULL),
    FIELD("refresh_interval", DURATION, "30s"),
    FIELD("auth_token", SECRET, NULL),
    FIELD("auth_token_file", TEXT, NULL),
    HTTP_CLIENT,
};

static const YamlField msk_fields[] = {
    SHOWN("region", TEXT, NULL),
    SHOWN("endpoint", TEXT, NULL),
    FIELD("access_key", TEXT, NULL),
    FIELD("secret_key", SECRET, NULL),
    FIELD("profile", TEXT, NULL),
    FIELD("role_arn", TEXT, NULL),
    FIELD("external_id", TEXT, NULL),
    FIELD("clusters", TEXT_LIST, NULL),
    SHOWN("port", INT, "80"),
    FIELD("refresh_interval", DURATION, "60s"),
    FIELD("request_concurrency", INT, "10"),
    HTTP_CLIENT,
};

static const YamlField nerve_fields[] = {
    SHOWN("servers", TEXT_LIST, NULL),
    SHOWN("paths", TEXT_LIST, NULL),
    FIELD("timeout", DURATION, "10s"),
};

static const YamlField nomad_fields[] = {
    SHOWN("allow_stale", BOOL, "true"),  HTTP_CLIENT,
    SHOWN("namespace", TEXT, "default"), SHOWN("refresh_interval", DURATION, "60s"),
    SHOWN("region", TEXT, "global"),     SHOWN("server", TEXT, "http://localhost:4646"),
    FIELD("tag_separator", TEXT, ","),
};

static const YamlField oci_fields[] = {
    FIELD("auth", TEXT, "api_key"),
    FIELD("tenancy", TEXT, NULL),
    FIELD("user", TEXT, NULL),
    FIELD("fingerprint", TEXT, NULL),
    FIELD("key_file", TEXT, NULL),
    FIELD("key_passphrase", SECRET, NULL),
    FIELD("key_passphrase_file", TEXT, NULL),
    SHOWN("region", TEXT, NULL),
    FIELD("compartments", TEXT_LIST, NULL),
    HTTP_CLIENT,
    SHOWN("port", INT, "80"),
    SHOWN("refresh_interval", DURATION, "60s"),
};

static const YamlField openstack_fields[] = {
    SHOWN("identity_endpoint", TEXT, NULL),
    SHOWN("username", TEXT, NULL),
    SHOWN("userid", TEXT, NULL),
    SHOWN("password", SECRET, NULL),
    SHOWN("project_name", TEXT, NULL),
    SHOWN("project_id", TEXT, NULL),
    SHOWN("domain_name", TEXT, NULL),
    SHOWN("domain_id", TEXT, NULL),
    SHOWN("application_credential_name", TEXT, NULL),
    SHOWN("application_credential_id", TEXT, NULL),
    SHOWN("application_credential_secret", SECRET, NULL),
    SHOWN("role", TEXT, NULL),
    SHOWN("region", TEXT, NULL),
    SHOWN("refresh_interval", DURATION, "60s"),
    SHOWN("port", INT, "80"),
    FIELD("all_tenants", BOOL, NULL),
    TLS_CLIENT,
    FIELD("availability", TEXT, "public"),
};

static const YamlField outscale_fields[] = {
    FIELD("endpoint", TEXT, NULL),
    SHOWN("region", TEXT, "eu-west-2"),
    SHOWN("access_key", TEXT, NULL),
    SHOWN("secret_key", SECRET, NULL),
    SHOWN("secret_key_file", TEXT, NULL),
    FIELD("refresh_interval", DURATION, "60s"),
    SHOWN("port", INT, "80"),
    HTTP_CLIENT,
};

static const YamlField ovhcloud_fields[] = {
    SHOWN("endpoint", TEXT, "ovh-eu"),          SHOWN("application_key", TEXT, NULL),
    SHOWN("application_secret", SECRET, NULL),  SHOWN("consumer_key", SECRET, NULL),
    SHOWN("refresh_interval", DURATION, "60s"), SHOWN("service", TEXT, NULL),
};

static const YamlField puppetdb_fields[] = {
    HTTP_CLIENT,
    FIELD("refresh_interval", DURATION, "60s"),
    SHOWN("url", TEXT, NULL),
    SHOWN("query", TEXT, NULL),
    SHOWN("include_parameters", BOOL, NULL),
    SHOWN("port", INT, "80"),
};

static const YamlField rds_fields[] = {
    SHOWN("region", TEXT, NULL),
    SHOWN("endpoint", TEXT, NULL),
    FIELD("access_key", TEXT, NULL),
    FIELD("secret_key", SECRET, NULL),
    FIELD("profile", TEXT, NULL),
    FIELD("role_arn", TEXT, NULL),
    FIELD("external_id", TEXT, NULL),
    FIELD("clusters", TEXT_LIST, NULL),
    SHOWN("port", INT, "80"),
    FIELD("refresh_interval", DURATION, "60s"),
    RECORD("filters", RECORD_LIST, true, &filter),
    FIELD("request_concurrency", INT, "10"),
    HTTP_CLIENT,
};

static const YamlField scaleway_fields[] = {
    SHOWN("project_id", TEXT, NULL),
    FIELD("api_url", TEXT, "https://api.scaleway.com"),
    SHOWN("zone", TEXT, "fr-par-1"),
    SHOWN("access_key", TEXT, NULL),
    SHOWN("secret_key", SECRET, NULL),
    SHOWN("secret_key_file", TEXT, NULL),
    FIELD("name_filter", TEXT, NULL),
    FIELD("tags_filter", TEXT_LIST, NULL),
    HTTP_CLIENT,
    SHOWN("refresh_interval", DURATION, "60s"),
    SHOWN("port", INT, "80"),
    SHOWN("role", TEXT, NULL),
};

static const YamlField serverset_fields[] = {
    SHOWN("servers", TEXT_LIST, NULL),
    SHOWN("paths", TEXT_LIST, NULL),
    FIELD("timeout", DURATION, "10s"),
};

static const YamlField stackit_fields[] = {
    HTTP_CLIENT,
    SHOWN("project", TEXT, NULL),
    FIELD("refresh_interval", DURATION, "60s"),
    FIELD("port", INT, "80"),
    FIELD("region", TEXT, "eu01"),
    FIELD("endpoint", TEXT, NULL),
    FIELD("service_account_key", SECRET, NULL),
    FIELD("private_key", SECRET, NULL),
    FIELD("service_account_key_path", TEXT, NULL),
    FIELD("private_key_path", TEXT, NULL),
    FIELD("credentials_file_path", TEXT, NULL),
};

static const YamlField triton_fields[] = {
    SHOWN("account", TEXT, NULL),
    SHOWN("role", TEXT, "container"),
    SHOWN("dns_suffix", TEXT, NULL),
    SHOWN("endpoint", TEXT, NULL),
    FIELD("groups", TEXT_LIST, NULL),
    SHOWN("port", INT, "9163"),
    FIELD("refresh_interval", DURATION, "60s"),
    TLS_CLIENT,
    SHOWN("version", INT, "1"),
};

static const YamlField uyuni_fields[] = {
    SHOWN("server", TEXT, NULL),
    SHOWN("username", TEXT, NULL),
    SHOWN("password", SECRET, NULL),
    HTTP_CLIENT,
    FIELD("entitlement", TEXT, "monitoring_entitled"),
    FIELD("separator", TEXT, ","),
    FIELD("refresh_interval", DURATION, "1m"),
};

static const YamlField vultr_fields[] = {
    HTTP_CLIENT,
    SHOWN("refresh_interval", DURATION, "60s"),
    SHOWN("port", INT, "80"),
};

const DiscoveryKind discovery_kinds[] = {
    {"aws", SCHEMA("aws.plain", aws_fields), check_aws},
    {"azure", SCHEMA("azure.plain", azure_fields), check_azure},
    {"consul", SCHEMA("consul.plain", consul_fields), check_consul},
    {"digitalocean", SCHEMA("digitalocean.plain", digitalocean_fields), check_digitalocean},
    {"dns", SCHEMA("dns.plain", dns_fields), check_dns},
    {"docker", SCHEMA("moby.plain", docker_fields), check_docker},
    {"dockerswarm", SCHEMA("moby.plain", dockerswarm_fields), check_dockerswarm},
    {"ec2", SCHEMA("aws.plain", ec2_fields), check_ec2},
    {"ecs", SCHEMA("aws.plain", ecs_fields), NULL},
    {"elasticache", SCHEMA("aws.plain", elasticache_fields), NULL},
    {"eureka", SCHEMA("eureka.plain", eureka_fields), check_eureka},
    {"file", SCHEMA("file.plain", file_fields), check_file},
    {"gce", SCHEMA("gce.plain", gce_fields), check_gce},
    {"hetzner", SCHEMA("hetzner.plain", hetzner_fields), check_hetzner},
    {"http", SCHEMA("http.plain", http_fields), check_http},
    {"ionos", SCHEMA("ionos.plain", ionos_fields), check_ionos},
    {"kubernetes", SCHEMA("kubernetes.plain", kubernetes_fields), check_kubernetes},
    {"kuma", SCHEMA("xds.plainKumaConf", kuma_fields), check_kuma},
    {"lightsail", SCHEMA("aws.plain", lightsail_fields), NULL},
    {"linode", SCHEMA("linode.plain", linode_fields), NULL},
    {"marathon", SCHEMA("marathon.plain", marathon_fields), check_marathon},
    {"msk", SCHEMA("aws.plain", msk_fields), NULL},
    {"nerve", SCHEMA("zookeeper.plain", nerve_fields), check_zookeeper},
    {"nomad", SCHEMA("nomad.plain", nomad_fields), check_nomad},
    {"oci", SCHEMA("oci.plain", oci_fields), check_oci},
    {"openstack", SCHEMA("openstack.plain", openstack_fields), check_openstack},
    {"outscale", SCHEMA("outscale.plain", outscale_fields), check_outscale},
    {"ovhcloud", SCHEMA("ovhcloud.plain", ovhcloud_fields), check_ovhcloud},
    {"puppetdb", SCHEMA("puppetdb.plain", puppetdb_fields), check_puppetdb},
    {"rds", SCHEMA("aws.plain", rds_fields), NULL},
    {"scaleway", SCHEMA("scaleway.plain", scaleway_fields), check_scaleway},
    {"serverset", SCHEMA("zookeeper.plain", serverset_fields), check_zookeeper},
    {"stackit", SCHEMA("stackit.plain", stackit_fields), check_stackit},
    {"triton", SCHEMA("triton.plain", triton_fields), check_triton},
    {"uyuni", SCHEMA("uyuni.plain", uyuni_fields), check_uyuni},
    {"vultr", SCHEMA("vultr.plain", vultr_fields), NULL},
};

const size_t discovery_kind_count = COUNT_OF(discovery_kinds);
