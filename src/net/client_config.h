/*
 * Client configuration: how an outgoing request shows who it is and whom it trusts: the HTTP client
 * keys that scrape jobs, Alertmanagers, remote write and discoveries share. Secrets are never
 * printed: the writer puts <secret> in their place.
 *
 * Layer: net. Memory: strings and arrays live in the arena given to the reader. Thread: immutable
 * after reading. Files (password_file, ca_file, …) are read by who makes the request, and again
 * when they have changed, so that a rotated secret is picked up.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "codec/yaml.h"
#include "codec/yaml_write.h"

typedef struct BasicAuthConfig {
    Str username;
    Str username_file;
    Str password; /* secret */
    Str password_file;
} BasicAuthConfig;

typedef struct AuthorizationConfig {
    Str type;        /* "Bearer" */
    Str credentials; /* secret */
    Str credentials_file;
} AuthorizationConfig;

typedef enum TlsVersion { /* as OpenSSL numbers them */
                          TLS_VERSION_ANY = 0,
                          TLS_VERSION_1_0 = 0x0301,
                          TLS_VERSION_1_1 = 0x0302,
                          TLS_VERSION_1_2 = 0x0303,
                          TLS_VERSION_1_3 = 0x0304,
} TlsVersion;

typedef struct TlsClientConfig { /* of each pair at most one is set */
    Str ca;                      /* PEM text */
    Str ca_file;
    Str cert; /* PEM text */
    Str cert_file;
    Str key; /* PEM text, secret */
    Str key_file;
    Str server_name; /* for SNI and the certificate's name; empty: the URL's */
    bool insecure_skip_verify;
    TlsVersion min_version;
    TlsVersion max_version;
} TlsClientConfig;

typedef struct ConfigHeader {
    Str name;
    Str *values;
    size_t value_count;
    Str *secrets;
    size_t secret_count;
    Str *files; /* each file's trimmed content is a value */
    size_t file_count;
} ConfigHeader;

typedef struct ProxyConfig {
    Str url; /* empty: none */
    Str no_proxy;
    bool from_environment;
    ConfigHeader *connect_headers; /* secrets only */
    size_t connect_header_count;
} ProxyConfig;

typedef struct NamedText {
    Str name;
    Str value;
} NamedText;

#define OAUTH2_JWT_BEARER "urn:ietf:params:oauth:grant-type:jwt-bearer"

typedef struct OAuth2Config {
    Str client_id;
    Str client_secret; /* secret */
    Str client_secret_file;
    Str client_certificate_key_id;
    Str client_certificate_key; /* secret */
    Str client_certificate_key_file;
    Str grant_type;          /* OAUTH2_JWT_BEARER; all else is client_credentials */
    Str signature_algorithm; /* empty: RS256 */
    Str iss;
    Str audience;
    const YamlNode *claims; /* a mapping, or NULL */
    Str claims_json;        /* the same as a JSON object */
    Str *scopes;
    size_t scope_count;
    Str token_url;
    NamedText *endpoint_params;
    size_t endpoint_param_count;
    TlsClientConfig tls;
    ProxyConfig proxy;
} OAuth2Config;

typedef struct HttpClientConfig {
    const BasicAuthConfig *basic_auth;        /* of these three at most one is not NULL */
    const AuthorizationConfig *authorization; /* also from bearer_token and bearer_token_file */
    const OAuth2Config *oauth2;
    TlsClientConfig tls;
    bool follow_redirects;
    bool enable_http2;
    ProxyConfig proxy;
    ConfigHeader *headers;
    size_t header_count;
} HttpClientConfig;

void http_client_config_defaults(
    HttpClientConfig *config); /* redirects and HTTP/2 on, no secrets */

/*
 * Takes the client's keys out of the mapping they are part of (the caller calls yaml_map_finish).
 * dir   what file names are relative to; empty: left as they are
 * config  holds the defaults; untouched on failure
 */
bool http_client_config_read(YamlMap *map, Str dir, Arena *arena, HttpClientConfig *config,
                             Err *err) MUST_USE;

/* A tls_config block on its own. NULL node: nothing changes. */
bool tls_client_config_read(const YamlNode *node, Str dir, Arena *arena, TlsClientConfig *config,
                            Err *err) MUST_USE;

/* The keys, inside the mapping that is being written; secrets as <secret>. */
void http_client_config_write(YamlWriter *writer, const HttpClientConfig *config);
void tls_client_config_write(YamlWriter *writer, const TlsClientConfig *config);

/* The original's way to join: `file` when absolute or empty, else below `dir`. */
bool config_join_dir(Arena *arena, Str dir, Str file, Str *ret, Err *err) MUST_USE;
