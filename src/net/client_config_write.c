/*
 * Client configuration, written back: in the original's order, without what is empty, and with
 * <secret> where a secret is.
 *
 * Layer: net. Memory: the writer's. Thread: one writer, one thread.
 */
#include "net/client_config.h"

static void put_text(YamlWriter *writer, const char *key, Str text)
{
    if (text.len > 0) {
        yaml_put_key_text(writer, key, text);
    }
}

static void put_secret(YamlWriter *writer, const char *key, Str secret)
{
    if (secret.len > 0) {
        yaml_put_key_secret(writer, key, secret);
    }
}

static void put_list(YamlWriter *writer, const char *key, const Str *list, size_t count,
                     bool secret)
{
    if (count == 0) {
        return;
    }
    yaml_put_key_begin(writer, key, YAML_LIST);
    for (size_t i = 0; i < count; i++) {
        if (secret) {
            yaml_put_secret(writer, list[i]);
        } else {
            yaml_put_text(writer, list[i]);
        }
    }
    yaml_put_end(writer);
}

static bool tls_is_default(const TlsClientConfig *tls)
{
    return tls->ca.len + tls->ca_file.len + tls->cert.len + tls->cert_file.len + tls->key.len +
                   tls->key_file.len + tls->server_name.len ==
               0 &&
           !tls->insecure_skip_verify && tls->min_version == TLS_VERSION_ANY &&
           tls->max_version == TLS_VERSION_ANY;
}

static void put_tls_version(YamlWriter *writer, const char *key, TlsVersion version)
{
    switch (version) {
    case TLS_VERSION_ANY:
        return;
    case TLS_VERSION_1_0:
        yaml_put_key_text(writer, key, S("TLS10"));
        return;
    case TLS_VERSION_1_1:
        yaml_put_key_text(writer, key, S("TLS11"));
        return;
    case TLS_VERSION_1_2:
        yaml_put_key_text(writer, key, S("TLS12"));
        return;
    case TLS_VERSION_1_3:
        yaml_put_key_text(writer, key, S("TLS13"));
        return;
    }
}

void tls_client_config_write(YamlWriter *writer, const TlsClientConfig *config)
{
    if (tls_is_default(config)) {
        return;
    }
    yaml_put_key_begin(writer, "tls_config", YAML_MAPPING);
    put_text(writer, "ca", config->ca);
    put_text(writer, "cert", config->cert);
    put_secret(writer, "key", config->key);
    put_text(writer, "ca_file", config->ca_file);
    put_text(writer, "cert_file", config->cert_file);
    put_text(writer, "key_file", config->key_file);
    put_text(writer, "server_name", config->server_name);
    yaml_put_key_bool(writer, "insecure_skip_verify", config->insecure_skip_verify);
    put_tls_version(writer, "min_version", config->min_version);
    put_tls_version(writer, "max_version", config->max_version);
    yaml_put_end(writer);
}

static void write_proxy(YamlWriter *writer, const ProxyConfig *proxy)
{
    if (proxy->url.len > 0) {
        yaml_put_text(writer, S("proxy_url"));
        yaml_put_url(writer, proxy->url);
    }
    put_text(writer, "no_proxy", proxy->no_proxy);
    if (proxy->from_environment) {
        yaml_put_key_bool(writer, "proxy_from_environment", true);
    }
    if (proxy->connect_header_count == 0) {
        return;
    }
    yaml_put_key_begin(writer, "proxy_connect_header", YAML_MAPPING);
    for (size_t i = 0; i < proxy->connect_header_count; i++) {
        const ConfigHeader *header = &proxy->connect_headers[i];
        yaml_put_text(writer, header->name);
        yaml_put_begin(writer, YAML_LIST);
        for (size_t k = 0; k < header->secret_count; k++) {
            yaml_put_secret(writer, header->secrets[k]);
        }
        yaml_put_end(writer);
    }
    yaml_put_end(writer);
}

static void write_oauth2(YamlWriter *writer, const OAuth2Config *oauth2)
{
    yaml_put_key_begin(writer, "oauth2", YAML_MAPPING);
    put_text(writer, "client_id", oauth2->client_id);
    put_secret(writer, "client_secret", oauth2->client_secret);
    put_text(writer, "client_secret_file", oauth2->client_secret_file);
    put_text(writer, "client_certificate_key_id", oauth2->client_certificate_key_id);
    put_secret(writer, "client_certificate_key", oauth2->client_certificate_key);
    put_text(writer, "client_certificate_key_file", oauth2->client_certificate_key_file);
    put_text(writer, "grant_type", oauth2->grant_type);
    put_text(writer, "signature_algorithm", oauth2->signature_algorithm);
    put_text(writer, "iss", oauth2->iss);
    put_text(writer, "audience", oauth2->audience);
    if (yaml_count(oauth2->claims) > 0) {
        yaml_put_text(writer, S("claims"));
        yaml_put_node(writer, oauth2->claims);
    }
    put_list(writer, "scopes", oauth2->scopes, oauth2->scope_count, false);
    put_text(writer, "token_url", oauth2->token_url);
    if (oauth2->endpoint_param_count > 0) {
        yaml_put_key_begin(writer, "endpoint_params", YAML_MAPPING);
        for (size_t i = 0; i < oauth2->endpoint_param_count; i++) {
            yaml_put_text(writer, oauth2->endpoint_params[i].name);
            yaml_put_text(writer, oauth2->endpoint_params[i].value);
        }
        yaml_put_end(writer);
    }
    tls_client_config_write(writer, &oauth2->tls);
    write_proxy(writer, &oauth2->proxy);
    yaml_put_end(writer);
}

static void write_auth(YamlWriter *writer, const HttpClientConfig *config)
{
    if (config->basic_auth) {
        yaml_put_key_begin(writer, "basic_auth", YAML_MAPPING);
        put_text(writer, "username", config->basic_auth->username);
        put_text(writer, "username_file", config->basic_auth->username_file);
        put_secret(writer, "password", config->basic_auth->password);
        put_text(writer, "password_file", config->basic_auth->password_file);
        yaml_put_end(writer);
    }
    if (config->authorization) {
        yaml_put_key_begin(writer, "authorization", YAML_MAPPING);
        put_text(writer, "type", config->authorization->type);
        put_secret(writer, "credentials", config->authorization->credentials);
        put_text(writer, "credentials_file", config->authorization->credentials_file);
        yaml_put_end(writer);
    }
    if (config->oauth2) {
        write_oauth2(writer, config->oauth2);
    }
}

void http_client_config_write(YamlWriter *writer, const HttpClientConfig *config)
{
    write_auth(writer, config);
    tls_client_config_write(writer, &config->tls);
    yaml_put_key_bool(writer, "follow_redirects", config->follow_redirects);
    yaml_put_key_bool(writer, "enable_http2", config->enable_http2);
    write_proxy(writer, &config->proxy);
    if (config->header_count == 0) {
        return;
    }
    yaml_put_key_begin(writer, "http_headers", YAML_MAPPING);
    for (size_t i = 0; i < config->header_count; i++) {
        const ConfigHeader *header = &config->headers[i];
        yaml_put_text(writer, header->name);
        yaml_put_begin(writer, YAML_MAPPING);
        put_list(writer, "values", header->values, header->value_count, false);
        put_list(writer, "secrets", header->secrets, header->secret_count, true);
        put_list(writer, "files", header->files, header->file_count, false);
        yaml_put_end(writer);
    }
    yaml_put_end(writer);
}
