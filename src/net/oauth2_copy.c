/* OAuth 2.0 configuration as a value: see oauth2_copy.h. Layer: net. */
#include "net/oauth2_copy.h"

#include <string.h>

/* Is shown every text of a configuration, in a fixed order; false ends the walk. */
typedef struct Visitor {
    bool (*visit)(struct Visitor *visitor, Str *text);
    Buf *key;
    Arena *arena;
    Err *err;
} Visitor;

static bool visit_all(Visitor *visitor, Str *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!visitor->visit(visitor, &texts[i])) {
            return false;
        }
    }
    return true;
}

static bool visit_tls(Visitor *visitor, TlsClientConfig *tls)
{
    Str *const texts[] = {&tls->ca,  &tls->ca_file,  &tls->cert,       &tls->cert_file,
                          &tls->key, &tls->key_file, &tls->server_name};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (!visitor->visit(visitor, texts[i])) {
            return false;
        }
    }
    return true;
}

static bool visit_proxy(Visitor *visitor, ProxyConfig *proxy)
{
    if (!visitor->visit(visitor, &proxy->url) || !visitor->visit(visitor, &proxy->no_proxy)) {
        return false;
    }
    for (size_t i = 0; i < proxy->connect_header_count; i++) {
        ConfigHeader *header = &proxy->connect_headers[i];
        if (!visitor->visit(visitor, &header->name) ||
            !visit_all(visitor, header->values, header->value_count) ||
            !visit_all(visitor, header->secrets, header->secret_count) ||
            !visit_all(visitor, header->files, header->file_count)) {
            return false;
        }
    }
    return true;
}

static bool visit_config(Visitor *visitor, OAuth2Config *config)
{
    Str *const texts[] = {&config->client_id,
                          &config->client_secret,
                          &config->client_secret_file,
                          &config->client_certificate_key_id,
                          &config->client_certificate_key,
                          &config->client_certificate_key_file,
                          &config->grant_type,
                          &config->signature_algorithm,
                          &config->iss,
                          &config->audience,
                          &config->claims_json,
                          &config->token_url};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (!visitor->visit(visitor, texts[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < config->endpoint_param_count; i++) {
        if (!visitor->visit(visitor, &config->endpoint_params[i].name) ||
            !visitor->visit(visitor, &config->endpoint_params[i].value)) {
            return false;
        }
    }
    return visit_all(visitor, config->scopes, config->scope_count) &&
           visit_tls(visitor, &config->tls) && visit_proxy(visitor, &config->proxy);
}

static bool add_to_key(Visitor *visitor, Str *text)
{
    buf_u64be(visitor->key, text->len);
    buf_str(visitor->key, *text);
    return true;
}

void oauth2_config_key(const OAuth2Config *config, Buf *out)
{
    Visitor visitor = {.visit = add_to_key, .key = out};
    const ProxyConfig *proxy = &config->proxy;
    /* The counts first: with them the run of texts can be read in one way only. */
    buf_printf(out, "%zu %zu %zu %d %d %d %d ", config->scope_count, config->endpoint_param_count,
               proxy->connect_header_count, proxy->from_environment,
               config->tls.insecure_skip_verify, (int)config->tls.min_version,
               (int)config->tls.max_version);
    for (size_t i = 0; i < proxy->connect_header_count; i++) {
        const ConfigHeader *header = &proxy->connect_headers[i];
        buf_printf(out, "%zu %zu %zu ", header->value_count, header->secret_count,
                   header->file_count);
    }
    OAuth2Config shown = *config;
    (void)visit_config(&visitor, &shown);
}

static bool copy_array(Arena *arena, void *array_at, size_t count, size_t size)
{
    void *from;
    memcpy(&from, array_at, sizeof(from));
    if (count == 0) {
        return true;
    }
    void *to = arena_zero(arena, count, size, _Alignof(max_align_t));
    if (to) {
        memcpy(to, from, count * size);
        memcpy(array_at, &to, sizeof(to));
    }
    return to != NULL;
}

static bool copy_text(Visitor *visitor, Str *text)
{
    return arena_str(visitor->arena, *text, text, visitor->err);
}

bool oauth2_config_copy(const OAuth2Config *config, Arena *arena, OAuth2Config *ret, Err *err)
{
    Visitor visitor = {.visit = copy_text, .arena = arena, .err = err};
    OAuth2Config copy = *config;
    ProxyConfig *proxy = &copy.proxy;
    copy.claims = NULL;
    bool ok =
        copy_array(arena, &copy.scopes, copy.scope_count, sizeof(Str)) &&
        copy_array(arena, &copy.endpoint_params, copy.endpoint_param_count, sizeof(NamedText)) &&
        copy_array(arena, &proxy->connect_headers, proxy->connect_header_count,
                   sizeof(ConfigHeader));
    for (size_t i = 0; ok && i < proxy->connect_header_count; i++) {
        ConfigHeader *header = &proxy->connect_headers[i];
        ok = copy_array(arena, &header->values, header->value_count, sizeof(Str)) &&
             copy_array(arena, &header->secrets, header->secret_count, sizeof(Str)) &&
             copy_array(arena, &header->files, header->file_count, sizeof(Str));
    }
    if (!ok) {
        return arena_full(arena, err);
    }
    if (!visit_config(&visitor, &copy)) {
        return false;
    }
    *ret = copy;
    return true;
}
