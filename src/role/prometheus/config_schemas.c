/*
 * Configuration: blocks that are read and checked here and acted on by who sends.
 *
 * Layer: role/prometheus. Memory: static tables. Thread: any.
 */
#include "role/prometheus/config_reader.h"

#define FIELD(name_, type_)                        \
    {                                              \
        .name = (name_), .type = YAML_TYPE_##type_ \
    }
#define BLOCK(name_, record_)                                          \
    {                                                                  \
        .name = (name_), .type = YAML_TYPE_RECORD, .record = (record_) \
    }
#define SCHEMA(type_, fields_)                                           \
    {                                                                    \
        .type = (type_), .fields = (fields_), .count = COUNT_OF(fields_) \
    }

static const YamlField sigv4_fields[] = {
    FIELD("region", TEXT),
    FIELD("access_key", TEXT),
    FIELD("secret_key", SECRET),
    FIELD("profile", TEXT),
    FIELD("role_arn", TEXT),
    FIELD("external_id", TEXT),
    FIELD("use_fips_sts_endpoint", BOOL),
    FIELD("service_name", TEXT),
};
const YamlSchema config_sigv4_schema = SCHEMA("sigv4.plain", sigv4_fields);

static const YamlField managed_identity_fields[] = {FIELD("client_id", TEXT)};
static const YamlSchema managed_identity =
    SCHEMA("azuread.ManagedIdentityConfig", managed_identity_fields);

static const YamlField workload_identity_fields[] = {
    FIELD("client_id", TEXT),
    FIELD("tenant_id", TEXT),
    FIELD("token_file_path", TEXT),
};
static const YamlSchema workload_identity =
    SCHEMA("azuread.WorkloadIdentityConfig", workload_identity_fields);

static const YamlField oauth_fields[] = {
    FIELD("client_id", TEXT),
    FIELD("client_secret", SECRET),
    FIELD("tenant_id", TEXT),
};
static const YamlSchema oauth = SCHEMA("azuread.OAuthConfig", oauth_fields);

static const YamlField sdk_fields[] = {FIELD("tenant_id", TEXT)};
static const YamlSchema sdk = SCHEMA("azuread.SDKConfig", sdk_fields);

static const YamlField certificate_fields[] = {
    FIELD("client_id", TEXT),
    FIELD("tenant_id", TEXT),
    FIELD("certificate_path", TEXT),
    FIELD("certificate_key_path", TEXT),
    FIELD("certificate_password", SECRET),
    FIELD("send_certificate_chain", BOOL),
};
static const YamlSchema certificate = SCHEMA("azuread.CertificateConfig", certificate_fields);

static const YamlField azuread_fields[] = {
    BLOCK("managed_identity", &managed_identity),
    BLOCK("workload_identity", &workload_identity),
    BLOCK("oauth", &oauth),
    BLOCK("sdk", &sdk),
    BLOCK("certificate", &certificate),
    {.name = "cloud", .type = YAML_TYPE_TEXT, .initial = "AzurePublic"},
    FIELD("scope", TEXT),
};
const YamlSchema config_azuread_schema = SCHEMA("azuread.plain", azuread_fields);

static const YamlField google_iam_fields[] = {FIELD("credentials_file", TEXT)};
const YamlSchema config_google_iam_schema = SCHEMA("googleiam.Config", google_iam_fields);
