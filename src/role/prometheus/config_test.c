/* Configuration: tests. Layer: role/prometheus. */
#include "role/prometheus/config.h"

#include "base/mem.h"
#include "base/test.h"
#include "os/dir.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Config *parse(const char *text)
{
    Config *config = NULL;
    Err err;
    CHECK_OK(config_parse(str_from(text), S("/etc/prometheus/prometheus.yml"), &config, &err),
             &err);
    return config;
}

TEST(config, an_empty_file_gives_the_defaults)
{
    static const char *const empty[] = {"", "# only a comment\n", "{}", "global:\n",
                                        "global: {}\nscrape_configs:\nrule_files: []\n"};
    for (size_t i = 0; i < COUNT_OF(empty); i++) {
        Config *config = parse(empty[i]);
        CHECK_I64(config->global.scrape_interval_ms, 60000);
        CHECK_I64(config->global.scrape_timeout_ms, 10000);
        CHECK_I64(config->global.evaluation_interval_ms, 60000);
        CHECK(config->global.name_scheme == NAME_SCHEME_UTF8);
        CHECK_U64(config->scrape_count, 0);
        CHECK_U64(config->warning_count, 0);
        CHECK_I64(config->storage.max_exemplars, 100000);
        CHECK_STR(config->otlp.translation_strategy, S("UnderscoreEscapingWithSuffixes"));
        CHECK(!config->tracing.enabled);
        (void)config_free(config);
    }
}

TEST(config, a_job_takes_what_it_does_not_say_from_the_global_section)
{
    /* The global section counts wherever it stands. */
    Config *config = parse("scrape_configs:\n"
                           "- job_name: plain\n"
                           "- job_name: own\n"
                           "  scrape_interval: 30s\n"
                           "  scrape_timeout: 5s\n"
                           "  sample_limit: 7\n"
                           "  body_size_limit: 1MB\n"
                           "  scrape_native_histograms: true\n"
                           "  scrape_failure_log_file: fail.log\n"
                           "- job_name: short\n"
                           "  scrape_interval: 2s\n"
                           "global:\n"
                           "  scrape_interval: 20s\n"
                           "  scrape_timeout: 15s\n"
                           "  sample_limit: 100\n"
                           "  label_limit: 30\n"
                           "  scrape_failure_log_file: /var/log/scrape.log\n"
                           "  extra_scrape_metrics: true\n");
    CHECK_U64(config->scrape_count, 3);
    const ScrapeConfig *plain = &config->scrapes[0];
    CHECK_STR(plain->target.job, S("plain"));
    CHECK_I64(plain->target.interval_ms, 20000);
    CHECK_I64(plain->target.timeout_ms, 15000);
    CHECK_STR(plain->target.metrics_path, S("/metrics"));
    CHECK_STR(plain->target.scheme, S("http"));
    CHECK_U64(plain->limits.sample_limit, 100);
    CHECK_U64(plain->limits.label_limit, 30);
    CHECK_U64(plain->protocol_count, 4);
    CHECK(plain->protocols[0] == SCRAPE_OPENMETRICS_1_0_0);
    CHECK(plain->honor_timestamps && !plain->honor_labels && plain->enable_compression);
    CHECK(plain->extra_scrape_metrics);
    CHECK(plain->http.follow_redirects && plain->http.enable_http2);
    CHECK_STR(plain->failure_log_file, S("/var/log/scrape.log"));

    const ScrapeConfig *own = &config->scrapes[1];
    CHECK_I64(own->target.interval_ms, 30000);
    CHECK_I64(own->target.timeout_ms, 5000);
    CHECK_U64(own->limits.sample_limit, 7);
    CHECK_U64(own->limits.body_size_bytes, MIB);
    CHECK_U64(own->protocol_count, 5);
    CHECK(own->protocols[0] == SCRAPE_PROTOBUF);
    CHECK_STR(own->failure_log_file, S("/etc/prometheus/fail.log"));

    CHECK_I64(config->scrapes[2].target.timeout_ms, 2000); /* never above the interval */
    (void)config_free(config);
}

TEST(config, a_whole_job_is_read)
{
    Config *config = parse("scrape_configs:\n"
                           "- job_name: app\n"
                           "  honor_labels: true\n"
                           "  honor_timestamps: false\n"
                           "  track_timestamps_staleness: true\n"
                           "  params: {module: [b, a], 'match[]': ['up']}\n"
                           "  metrics_path: /m\n"
                           "  scheme: https\n"
                           "  scrape_protocols: [PrometheusText0.0.4, OpenMetricsText1.0.0]\n"
                           "  fallback_scrape_protocol: PrometheusText0.0.4\n"
                           "  enable_compression: false\n"
                           "  native_histogram_bucket_limit: 160\n"
                           "  native_histogram_min_bucket_factor: 1.1\n"
                           "  metric_name_validation_scheme: legacy\n"
                           "  basic_auth: {username: u, password_file: secret.txt}\n"
                           "  tls_config: {ca_file: ca.pem, server_name: s, min_version: TLS12}\n"
                           "  follow_redirects: false\n"
                           "  http_headers: {X-B: {values: [v]}, X-A: {secrets: [s], files: [f]}}\n"
                           "  static_configs:\n"
                           "  - targets: ['a:1', 'b:2']\n"
                           "    labels: {z: '1', env: prod, empty: ''}\n"
                           "  - targets: ['c:3']\n"
                           "  relabel_configs:\n"
                           "  - source_labels: [__address__]\n"
                           "    regex: (.*):\\d+\n"
                           "    target_label: host\n"
                           "  metric_relabel_configs:\n"
                           "  - {action: Drop, source_labels: [__name__], regex: go_.*}\n");
    const ScrapeConfig *job = &config->scrapes[0];
    CHECK(job->honor_labels && !job->honor_timestamps && job->track_timestamps_staleness);
    CHECK_U64(job->target.param_count, 2);
    CHECK_STR(job->target.params[0].name, S("match[]"));
    CHECK_STR(job->target.params[1].values[0], S("b"));
    CHECK_STR(job->target.scheme, S("https"));
    CHECK_U64(job->protocol_count, 2);
    CHECK(job->fallback_protocol == SCRAPE_TEXT_0_0_4);
    CHECK(!job->enable_compression);
    CHECK_U64(job->native_histogram_bucket_limit, 160);
    CHECK_F64(job->native_histogram_min_bucket_factor, 1.1);
    CHECK(job->name_scheme == NAME_SCHEME_LEGACY && job->name_escaping == NAME_UNDERSCORES);
    CHECK_STR(job->http.basic_auth->password_file, S("/etc/prometheus/secret.txt"));
    CHECK_STR(job->http.tls.ca_file, S("/etc/prometheus/ca.pem"));
    CHECK(job->http.tls.min_version == TLS_VERSION_1_2 && !job->http.follow_redirects);
    CHECK_U64(job->http.header_count, 2);
    CHECK_STR(job->http.headers[0].name, S("X-A"));
    CHECK_STR(job->http.headers[0].files[0], S("/etc/prometheus/f"));
    CHECK_U64(job->discovery.static_count, 2);
    CHECK_U64(job->discovery.statics[0].target_count, 2);
    CHECK_STR(job->discovery.statics[0].targets[1], S("b:2"));
    CHECK_U64(job->discovery.statics[0].labels.count, 2); /* an empty value is no label */
    CHECK_STR(job->discovery.statics[0].labels.at[0].name, S("env"));
    CHECK_U64(job->target.relabel_count, 1);
    CHECK(job->target.relabel[0].regex != NULL);
    CHECK(job->metric_relabel[0].action == RELABEL_DROP);
    (void)config_free(config);
}

TEST(config, external_labels_take_the_environment)
{
    CHECK(setenv("VIGIE_TEST_SITE", "paris", 1) == 0);
    CHECK(unsetenv("VIGIE_TEST_NONE") == 0);
    Config *config = parse("global:\n"
                           "  external_labels:\n"
                           "    site: ${VIGIE_TEST_SITE}-1\n"
                           "    bare: x$VIGIE_TEST_SITE/y\n"
                           "    dollar: a$$b\n"
                           "    none: ${VIGIE_TEST_NONE}\n"
                           "    plain: ${VIGIE_TEST_NONE}text\n");
    CHECK_STR(labels_get(config->external_labels, S("site")), S("paris-1"));
    CHECK_STR(labels_get(config->external_labels, S("bare")), S("xparis/y"));
    CHECK_STR(labels_get(config->external_labels, S("dollar")), S("a$b"));
    CHECK_STR(labels_get(config->external_labels, S("plain")), S("text"));
    CHECK(!labels_has(config->external_labels, S("none")));
    CHECK_U64(config->warning_count, 2);
    CHECK(str_contains(config->warnings[0], S("prometheus.yml:6: empty environment variable "
                                              "\"VIGIE_TEST_NONE\"")));
    (void)config_free(config);
}

TEST(config, discovery_is_named_in_one_warning)
{
    Config *config = parse("scrape_configs:\n"
                           "- job_name: a\n"
                           "  kubernetes_sd_configs: [{role: pod}, {role: node}]\n"
                           "  consul_sd_configs: [{}]\n"
                           "- job_name: b\n"
                           "  file_sd_configs: [{files: [targets/*.yml]}]\n"
                           "alerting: {alertmanagers: [{dns_sd_configs: [{names: [am]}]}]}\n");
    CHECK_U64(config->warning_count, 1);
    CHECK_STR(config->warnings[0],
              S("/etc/prometheus/prometheus.yml:4: service discovery is accepted but finds no "
                "targets yet: job a: consul, kubernetes; job b: file; alertmanagers: dns"));
    const YamlNode *file = config->scrapes[1].discovery.others[0].node;
    CHECK_STR(yaml_find(file, S("files"))->items[0]->scalar, S("/etc/prometheus/targets/*.yml"));
    (void)config_free(config);
}

TEST(config, the_other_sections_are_read)
{
    Config *config =
        parse("rule_files: ['rules/*.yml', /abs.yml]\n"
              "alerting:\n"
              "  alert_relabel_configs: [{action: labeldrop, regex: replica}]\n"
              "  alertmanagers:\n"
              "  - {path_prefix: /am, timeout: 3s, static_configs: [{targets: ['am:9093']}]}\n"
              "storage: {tsdb: {out_of_order_time_window: 30m, retention: {time: 30d, size: 10GB,"
              " percentage: 50}, chunk_encoding: {floats: xor}}, exemplars: {max_exemplars: 5}}\n"
              "tracing: {endpoint: 'x:4317', sampling_fraction: 0.5}\n"
              "remote_write:\n"
              "- url: http://a/write\n"
              "  queue_config: {capacity: 5, max_shards: 2}\n"
              "  metadata_config: {send: false}\n"
              "- {url: http://b/write, sigv4: {region: eu}}\n"
              "remote_read: [{url: http://a/read, required_matchers: {job: x}}]\n"
              "otlp: {translation_strategy: NoTranslation, promote_resource_attributes: [a]}\n");
    CHECK_STR(config->rule_files[0], S("/etc/prometheus/rules/*.yml"));
    CHECK_STR(config->rule_files[1], S("/abs.yml"));
    const AlertmanagerConfig *manager = &config->alerting.alertmanagers[0];
    CHECK_STR(manager->path_prefix, S("/am"));
    CHECK_I64(manager->timeout_ms, 3000);
    CHECK_STR(manager->discovery.statics[0].targets[0], S("am:9093"));
    CHECK_U64(config->alerting.alert_relabel_count, 1);
    CHECK_I64(config->storage.out_of_order_window_ms, 1800000);
    CHECK_I64(config->storage.retention_time_ms, 30 * 86400000LL);
    CHECK_U64(config->storage.retention_size_bytes, 10 * GIB);
    CHECK_F64(config->storage.retention_percentage, 50.0);
    CHECK_I64(config->storage.max_exemplars, 5);
    CHECK(config->tracing.enabled);
    CHECK_U64(config->remote_write_count, 2);
    CHECK_I64(config->remote_writes[0].queue.capacity, 5);
    CHECK_I64(config->remote_writes[0].queue.max_samples_per_send, 2000);
    CHECK(!config->remote_writes[0].send_metadata && !config->remote_writes[0].http.enable_http2);
    CHECK(config->remote_writes[1].sigv4 != NULL);
    CHECK_STR(labels_get(config->remote_reads[0].required_matchers, S("job")), S("x"));
    CHECK_STR(config->otlp.translation_strategy, S("NoTranslation"));
    (void)config_free(config);
}

#define JOB       "scrape_configs:\n- job_name: j\n  "
#define UNMARSHAL "yaml: unmarshal errors:\n  "

typedef struct Mistake {
    const char *text;
    const char *error; /* part of the message */
    u32 line;
} Mistake;

static const Mistake mistakes[] = {
    /* syntax, keys, types */
    {"global:\n  scrape_interval: 15s\n evaluation_interval: 1m\n",
     "yaml: line 3: did not find expected key", 3},
    {"a: b: c\n", "yaml: line 1: mapping values are not allowed in this context", 1},
    {"globl: {}\n", UNMARSHAL "line 1: field globl not found in type config.plain", 1},
    {"global:\n  interval: 1s\n", UNMARSHAL "line 2: field interval not found in type config.plain",
     2},
    {JOB "target: [x]\n", UNMARSHAL "line 3: field target not found in type config.ScrapeConfig",
     3},
    {JOB "static_configs: [{target: [x]}]\n", "field target not found in type", 3},
    {"scrape_configs: []\nscrape_configs: []\n",
     "line 2: field scrape_configs already set in type config.plain", 2},
    {"- a\n", "cannot unmarshal !!seq into config.plain", 1},
    {JOB "sample_limit: many\n", "line 3: cannot unmarshal !!str `many` into uint", 3},
    {JOB "sample_limit: -1\n", "line 3: cannot unmarshal !!int `-1` into uint", 3},
    {JOB "honor_labels: 1\n", "line 3: cannot unmarshal !!int `1` into bool", 3},
    {JOB "static_configs: {}\n", "cannot unmarshal !!map into", 3},
    {JOB "static_configs: [{targets: x}]\n", "cannot unmarshal !!str `x` into []string", 3},
    {JOB "body_size_limit: 100\n", "units: unknown unit  in 100", 3},
    {JOB "params: [a]\n", "cannot unmarshal !!seq into", 3},
    /* times */
    {"global: {scrape_interval: 5}\n", "not a valid duration string: \"5\"", 1},
    {"global:\n  scrape_timeout: 1x\n", "duration", 2},
    {"global: {scrape_interval: 5s, scrape_timeout: 6s}\n",
     "global scrape timeout greater than scrape interval", 1},
    {JOB "scrape_interval: 5s\n  scrape_timeout: 6s\n",
     "scrape timeout greater than scrape interval for scrape config with job name \"j\"", 2},
    /* jobs */
    {"scrape_configs:\n- metrics_path: /x\n", "job_name is empty", 2},
    {"scrape_configs:\n-\n", "empty or null scrape config section", 2},
    {"scrape_configs:\n- job_name: a\n- job_name: a\n",
     "found multiple scrape configs with job name \"a\"", 3},
    {JOB "scrape_protocols: []\n", "scrape_protocols cannot be empty", 3},
    {JOB "scrape_protocols: [prometheusproto]\n",
     "scrape_protocols: unknown scrape protocol prometheusproto, supported: "
     "[OpenMetricsText0.0.1 OpenMetricsText1.0.0 PrometheusProto PrometheusText0.0.4 "
     "PrometheusText1.0.0] for scrape config with job name \"j\"",
     3},
    {"global: {scrape_protocols: [PrometheusProto, PrometheusProto]}\n",
     "duplicated protocol in scrape_protocols, got [PrometheusProto PrometheusProto] for global "
     "config",
     1},
    {JOB "fallback_scrape_protocol: x\n",
     "invalid fallback_scrape_protocol for scrape config with job name \"j\": unknown scrape "
     "protocol x",
     3},
    {JOB "metric_name_validation_scheme: ascii\n", "unrecognized ValidationScheme: \"ascii\"", 3},
    {JOB "metric_name_escaping_scheme: x\n", "unknown scrape config name escaping method", 2},
    {JOB "metric_name_validation_scheme: legacy\n  metric_name_escaping_scheme: allow-utf-8\n",
     "utf8 metric names requested but validation scheme is not set to UTF8", 2},
    {JOB "static_configs: [{targets: ['http://x:1/metrics']}]\n",
     "\"http://x:1/metrics\" is not a valid hostname", 2},
    {JOB "static_configs:\n  -\n", "empty or null section in static_configs", 4},
    {"global: {external_labels: {'': x}}\n", "\"\" is not a valid label name", 1},
    {"global: {metric_name_validation_scheme: legacy, external_labels: {a-b: x}}\n",
     "\"a-b\" is not a valid label name", 1},
    /* relabelling */
    {JOB "relabel_configs:\n  - {regex: 'a(b', target_label: x}\n",
     "error parsing regexp: missing closing )", 4},
    {JOB "relabel_configs:\n  - {action: rename}\n", "unknown relabel action \"rename\"", 4},
    {JOB "relabel_configs:\n  - {action: null}\n", "relabel action cannot be empty", 4},
    {JOB "relabel_configs:\n  -\n", "empty or null target relabeling rule in scrape config", 4},
    {JOB "metric_relabel_configs:\n  -\n", "empty or null metric relabeling rule", 4},
    {JOB "relabel_configs:\n  - {source_labels: [a]}\n",
     "relabel configuration for replace action requires 'target_label' value", 4},
    {JOB "relabel_configs:\n  - {action: hashmod, target_label: x}\n",
     "relabel configuration for hashmod requires non-zero modulus", 4},
    {JOB "relabel_configs:\n  - {action: labeldrop, regex: x, source_labels: [a]}\n",
     "labeldrop action requires only 'regex', and no other fields", 4},
    {JOB "relabel_configs:\n  - {replacment: x}\n", "field replacment not found in type", 4},
    /* HTTP client */
    {JOB "bearer_token: a\n  bearer_token_file: b\n",
     "at most one of bearer_token & bearer_token_file must be configured", 2},
    {JOB "basic_auth: {username: a}\n  bearer_token: b\n",
     "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured", 2},
    {JOB "basic_auth: {username: a}\n  authorization: {credentials: b}\n",
     "at most one of basic_auth, oauth2 & authorization must be configured", 2},
    {JOB "basic_auth: {password: a, password_file: b}\n",
     "at most one of basic_auth password, password_file & password_ref must be configured", 3},
    {JOB "authorization: {type: Basic}\n", "authorization type cannot be set to \"basic\"", 3},
    {JOB "oauth2: {token_url: x}\n", "oauth2 client_id must be configured", 3},
    {JOB "oauth2: {client_id: x}\n", "oauth2 token_url must be configured", 3},
    {JOB "tls_config: {cert_file: c}\n", "exactly one of key or key_file must be configured", 3},
    {JOB "tls_config: {ca: c, ca_file: d}\n",
     "at most one of ca, ca_file & ca_ref must be configured", 3},
    {JOB "tls_config: {min_version: SSL3}\n", "unknown TLS version: SSL3", 3},
    {JOB "no_proxy: x\n", "if no_proxy is configured, proxy_url must also be configured", 2},
    {JOB "proxy_url: ':x'\n", "parse \":x\": missing protocol scheme", 3},
    {JOB "http_headers: {user-agent: {values: [x]}}\n",
     "setting header \"User-Agent\" is not allowed", 3},
    /* discovery */
    {JOB "consult_sd_configs: []\n",
     "field consult_sd_configs not found in type config.ScrapeConfig", 3},
    {JOB "kubernetes_sd_configs: [{}]\n", "role missing (one of: pod, service, endpoints", 3},
    {JOB "kubernetes_sd_configs: [{role: pods}]\n", "unknown Kubernetes SD role \"pods\"", 3},
    {JOB "kubernetes_sd_configs: [{role: pod, basic_auth: {username: x}}]\n",
     "to use custom HTTP client configuration please provide the 'api_server' URL explicitly", 3},
    {JOB "kubernetes_sd_configs: [{role: node, selectors: [{role: pod}]}]\n",
     "node role supports only node selectors", 3},
    {JOB "kubernetes_sd_configs: [{role: pod, namespaces: {name: [x]}}]\n",
     "field name not found in type kubernetes.plain", 3},
    {JOB "dns_sd_configs: [{names: [x], type: A}]\n", "a port is required in DNS-SD configs", 3},
    {JOB "dns_sd_configs: [{names: [x], type: TXT}]\n", "invalid DNS-SD records type TXT", 3},
    {JOB "file_sd_configs: [{files: [targets.txt]}]\n",
     "path name \"targets.txt\" is not valid for file discovery", 3},
    {JOB "http_sd_configs: [{url: 'ftp://x'}]\n", "URL scheme must be 'http' or 'https'", 3},
    {JOB "consul_sd_configs: [{server: ''}]\n", "consul SD configuration requires a server address",
     3},
    {JOB "docker_sd_configs:\n  -\n", "empty or null section in docker_sd_configs", 4},
    {JOB "nerve_sd_configs: [{servers: [a], paths: [b]}]\n",
     "nerve SD config paths must begin with '/': b", 3},
    {JOB "gce_sd_configs: [{project: p}]\n", "GCE SD configuration requires a zone", 3},
    {JOB "aws_sd_configs: [{role: s3}]\n", "unknown AWS SD role \"s3\"", 3},
    {JOB "marathon_sd_configs: [{servers: [a], auth_token: x, auth_token_file: y}]\n",
     "marathon_sd: at most one of auth_token & auth_token_file", 3},
    {JOB "triton_sd_configs: [{role: x}]\n", "requires role to be 'container' or 'cn'", 3},
    /* the other sections */
    {"rule_files: ['a/*/b.yml']\n", "invalid rule file path \"a/*/b.yml\"", 1},
    {"scrape_config_files: ['a/*/*']\n", "invalid scrape config file path \"a/*/*\"", 1},
    {"alerting: {alertmanagers: [{api_version: v1}]}\n",
     "expected Alertmanager api version to be one of [v2] but got v1", 1},
    {"alerting: {alertmanagers: [{static_configs: [{targets: [a/b]}]}]}\n",
     "\"a/b\" is not a valid hostname", 1},
    {"remote_write: [{name: x}]\n", "url for remote_write is empty", 1},
    {"remote_write: [{url: http://a, name: x}, {url: http://b, name: x}]\n",
     "found multiple remote write configs with job name \"x\"", 1},
    {"remote_write: [{url: http://a, headers: {Host: x}}]\n",
     "Host is a reserved header. It must not be changed", 1},
    {"remote_write: [{url: http://a, protobuf_message: x}]\n",
     "invalid protobuf_message value: unknown type for remote write protobuf message x", 1},
    {"remote_write: [{url: http://a, queue_config: {max_shards: 0}}]\n",
     "remote write queue max_shards must be positive", 1},
    {"remote_write: [{url: http://a, sigv4: {}, azuread: {sdk: {tenant_id: x}}}]\n",
     "Currently configured: [sigv4 azuread]", 1},
    {"remote_read: [{}]\n", "url for remote_read is empty", 1},
    {"storage: {tsdb: {retention: {percentage: 101}}}\n",
     "'storage.tsdb.retention.percentage' must be in the range [0, 100], got 101", 1},
    {"storage: {tsdb: {chunk_encoding: {floats: XOR}}}\n",
     "'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2'", 1},
    {"storage: {tsdb: {retention: {size: -5GB}}}\n",
     "'storage.tsdb.retention.size' must be greater than or equal to 0", 1},
    {"tracing: {}\n", "tracing endpoint must be set", 1},
    {"tracing: {endpoint: x, compression: lz4}\n",
     "invalid compression type lz4 provided, valid options: gzip", 1},
    {"otlp: {translation_strategy: x}\n", "unsupported OTLP translation strategy \"x\"", 1},
    {"otlp: {promote_resource_attributes: [a, a]}\n",
     "duplicated promoted OTel resource attribute \"a\"", 1},
};

TEST(config, mistakes_are_told_with_their_line)
{
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        Config *config = NULL;
        Err err = {0};
        bool ok = config_parse(str_from(mistakes[i].text), S("p.yml"), &config, &err);
        if (ok || !strstr(err.message, mistakes[i].error) || err.line != mistakes[i].line) {
            (void)printf("%s\n  gave line %u: %s\n", mistakes[i].text, err.line, err.message);
        }
        CHECK(!ok && !config);
        CHECK(str_starts_with(str_from(err.message), S("parsing YAML file p.yml: ")));
        CHECK(strstr(err.message, mistakes[i].error));
        CHECK_U64(err.line, mistakes[i].line);
        CHECK_I64(err.code, ERR_INVALID);
    }
}

static Str written(const Config *config, Buf *out)
{
    Err err;
    buf_init(out, 16 * MIB);
    CHECK_OK(config_write(config, out, &err), &err);
    return buf_view(out);
}

TEST(config, is_shown_with_defaults_and_without_secrets)
{
    Config *config = parse("global: {scrape_interval: 15s, external_labels: {b: '1', a: x}}\n"
                           "scrape_configs:\n"
                           "- job_name: j\n"
                           "  body_size_limit: 1536KB\n"
                           "  basic_auth: {username: u, password: hunter2}\n"
                           "  proxy_url: http://u:hunter2@p:1/\n"
                           "  http_headers: {X: {secrets: [hunter2], values: [open]}}\n"
                           "  consul_sd_configs: [{token: hunter2}]\n"
                           "  static_configs: [{targets: ['h:1']}]\n"
                           "  relabel_configs: [{source_labels: [a, b], target_label: c}]\n"
                           "remote_write:\n"
                           "- {url: 'http://u:hunter2@h/w', sigv4: {secret_key: hunter2}}\n");
    Buf out;
    Str text = written(config, &out);
    CHECK(!str_contains(text, S("hunter2")));
    static const char *const parts[] = {
        "global:\n  scrape_interval: 15s\n  scrape_timeout: 10s\n  evaluation_interval: 1m\n"
        "  external_labels:\n    a: x\n    b: \"1\"\n",
        "- job_name: j\n  honor_timestamps: true\n  track_timestamps_staleness: false\n"
        "  scrape_interval: 15s\n  scrape_timeout: 10s\n  scrape_protocols:\n"
        "  - OpenMetricsText1.0.0\n",
        "  body_size_limit: 1MiB512KiB\n",
        "  basic_auth:\n    username: u\n    password: <secret>\n  follow_redirects: true\n",
        "  proxy_url: http://u:xxxxx@p:1/\n",
        "  http_headers:\n    X:\n      values:\n      - open\n      secrets:\n      - <secret>\n",
        "  relabel_configs:\n  - source_labels: [a, b]\n    separator: ;\n    target_label: c\n"
        "    replacement: $1\n    action: replace\n"
        "  consul_sd_configs:\n  - server: localhost:8500\n    token: <secret>\n"
        "    tag_separator: ','\n    scheme: http\n    allow_stale: true\n"
        "    refresh_interval: 30s\n    follow_redirects: true\n    enable_http2: true\n"
        "  static_configs:\n  - targets:\n    - h:1\n",
        "- url: http://u:xxxxx@h/w\n  remote_timeout: 30s\n",
        "    secret_key: <secret>\n",
    };
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (!str_contains(text, str_from(parts[i]))) {
            (void)printf("missing:\n%s\nin:\n" STR_FMT, parts[i], STR_ARG(text));
        }
        CHECK(str_contains(text, str_from(parts[i])));
    }
    buf_done(&out);
    (void)config_free(config);
}

/* The original's form cannot say a false where true is the default, and values are expanded again.
 */
static bool can_be_shown(const Config *config)
{
    bool said = config->otlp.label_name_underscore_sanitization &&
                config->otlp.label_name_preserve_multiple_underscores;
    for (size_t i = 0; i < config->external_labels.count; i++) {
        said &= str_find_byte(config->external_labels.at[i].value, '$') == STR_NOT_FOUND;
    }
    return said;
}

/* What is shown is itself a configuration, and shows the same again. */
static void check_shown_again(const Config *config)
{
    Buf first;
    Buf second;
    Err err;
    Config *again = NULL;
    Str text = written(config, &first);
    CHECK_OK(config_parse(text, config->path, &again, &err), &err);
    Str shown = written(again, &second);
    if (can_be_shown(config)) {
        CHECK_STR(shown, text);
    }
    buf_done(&first);
    buf_done(&second);
    (void)config_free(again);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[512];
    Err err;
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    CHECK_OK(file_write_atomic(path, str_from(text), 0600, &err), &err);
}

TEST(config, scrape_config_files_join_the_jobs)
{
    char dir[] = "/tmp/vigie-config-XXXXXX";
    char path[512];
    Config *config = NULL;
    Err err;
    CHECK(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof(path), "%s/prometheus.yml", dir);
    write_file(dir, "prometheus.yml",
               "global: {scrape_interval: 7s}\n"
               "scrape_config_files: ['*.jobs.yml']\n"
               "rule_files: ['*.rules.yml', none*.yml]\n"
               "scrape_configs: [{job_name: a}]\n");
    write_file(dir, "1.jobs.yml", "scrape_configs: [{job_name: b}, {job_name: c}]\n");
    write_file(dir, "2.jobs.yml",
               "scrape_configs: [{job_name: d, basic_auth: {password_file: p}}]\n");
    write_file(dir, "x.rules.yml", "groups: []\n");
    CHECK_OK(config_load(path, &config, &err), &err);
    CHECK_U64(config->scrape_count, 4);
    CHECK_U64(config->own_scrape_count, 1);
    CHECK_STR(config->scrapes[3].target.job, S("d"));
    CHECK_I64(config->scrapes[3].target.interval_ms, 7000);
    CHECK(str_starts_with(config->scrapes[3].http.basic_auth->password_file, str_from(dir)));
    Arena arena;
    Str *files;
    size_t count;
    arena_init(&arena, MIB);
    CHECK_OK(config_rule_files(config, &arena, &files, &count, &err), &err);
    CHECK_U64(count, 1);
    CHECK(str_ends_with(files[0], S("/x.rules.yml")));
    arena_done(&arena);
    (void)config_free(config);

    write_file(dir, "3.jobs.yml", "scrape_configs: [{job_name: a}]\n");
    CHECK(!config_load(path, &config, &err));
    CHECK(strstr(err.message, "3.jobs.yml\": found multiple scrape configs with job name \"a\""));
    write_file(dir, "3.jobs.yml", "scrape_configs: [{job: a}]\n");
    CHECK(!config_load(path, &config, &err));
    CHECK(strstr(err.message, "field job not found in type config.ScrapeConfig"));
    CHECK(!config_load("/nonexistent/prometheus.yml", &config, &err));
    CHECK_I64(err.code, ERR_NOT_FOUND);
    CHECK_OK(dir_remove_all(dir, &err), &err);
}

typedef struct Totals {
    size_t good, bad, wrong;
} Totals;

/* Names of the older version's bad files that later versions take: UTF-8 names, selectors. */
static bool taken_since(Str name)
{
    static const char *const names[] = {"kubernetes_selectors_pod.bad.yml",
                                        "labelmap.bad.yml",
                                        "labelname.bad.yml",
                                        "labelname2.bad.yml",
                                        "lowercase2.bad.yml",
                                        "uppercase2.bad.yml"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (str_eq(name, str_from(names[i]))) {
            return true;
        }
    }
    return false;
}

static void check_folder(const char *dir, bool older, Totals *totals)
{
    Arena arena;
    Str *names;
    size_t count;
    Err err;
    arena_init(&arena, 16 * MIB);
    CHECK_OK(dir_list(dir, &arena, &names, &count, &err), &err);
    for (size_t i = 0; i < count; i++) {
        char path[2048];
        Config *config = NULL;
        bool good = str_ends_with(names[i], S(".good.yml"));
        if (!good && !str_ends_with(names[i], S(".bad.yml"))) {
            continue;
        }
        (void)snprintf(path, sizeof(path), "%s/%.255s", dir, names[i].ptr);
        bool ok = config_load(path, &config, &err);
        if (ok) {
            check_shown_again(config);
        }
        (void)config_free(config);
        totals->good += good;
        totals->bad += !good;
        if (ok != good && !(older && ok && taken_since(names[i]))) {
            (void)printf("%s: %s\n", path, ok ? "was taken" : err.message);
            totals->wrong++;
        }
    }
    arena_done(&arena);
}

TEST(config, the_originals_good_files_load_and_its_bad_ones_do_not)
{
    Str conformance;
    if (!test_conformance_dir(&conformance)) {
        TEST_SKIP("no conformance data");
        return;
    }
    static const char *const versions[] = {"3.14.0", "2.42.0"};
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        char dir[1024];
        Totals totals = {0};
        (void)snprintf(dir, sizeof(dir), STR_FMT "/prometheus/prometheus-%s/config/testdata",
                       STR_ARG(conformance), versions[i]);
        check_folder(dir, i > 0, &totals);
        (void)printf("%s: %zu good, %zu bad, %zu judged otherwise\n", versions[i], totals.good,
                     totals.bad, totals.wrong);
        CHECK_U64(totals.wrong, 0);
        CHECK(totals.good > 0 && totals.bad > 0);
    }
}
