/* Client configuration: see client_config.h. Layer: net. Memory: the reader's arena. */
#include "net/client_config.h"

#include "base/quote.h"
#include "net/jwt.h"
#include "net/url_reference.h"

#include <stdlib.h>
#include <string.h>

/* What the readers of the parts share. */
typedef struct Reader {
    Str dir;
    Arena *arena;
    Err *err;
} Reader;

static bool refuse(const YamlMap *map, Err *err, const char *why)
{
    return yaml_error(map->node, err, "%s", why);
}

bool config_join_dir(Arena *arena, Str dir, Str file, Str *ret, Err *err)
{
    Str parts[256];
    size_t count = 0;
    if (file.len == 0 || file.ptr[0] == '/') {
        *ret = file;
        return true;
    }
    Buf joined;
    buf_init(&joined, dir.len + file.len + 2);
    if (dir.len > 0) {
        buf_str(&joined, dir);
        buf_byte(&joined, '/');
    }
    buf_str(&joined, file);
    /* The shortest name of the same file, as Go's filepath.Join gives it. */
    bool rooted = str_starts_with(buf_view(&joined), S("/"));
    Str rest = buf_view(&joined);
    Str part;
    while (str_split_next(&rest, '/', &part)) {
        bool up = str_eq(part, S(".."));
        if (part.len == 0 || str_eq(part, S(".")) || (up && rooted && count == 0)) {
            continue;
        }
        if (up && count > 0 && !str_eq(parts[count - 1], S(".."))) {
            count--;
        } else if (count == COUNT_OF(parts)) {
            buf_done(&joined);
            return err_set(err, ERR_LIMIT, "a file name has more than %zu parts", COUNT_OF(parts));
        } else {
            parts[count++] = part;
        }
    }
    Buf clean;
    buf_init(&clean, dir.len + file.len + 2);
    for (size_t i = 0; i < count; i++) {
        buf_str(&clean, i > 0 || rooted ? S("/") : STR_EMPTY);
        buf_str(&clean, parts[i]);
    }
    bool ok = arena_str(arena, clean.len > 0 ? buf_view(&clean) : S("."), ret, err);
    buf_done(&clean);
    buf_done(&joined);
    return ok;
}

static bool get_file(const Reader *reader, YamlMap *map, const char *key, Str *ret)
{
    return yaml_get_str(map, key, ret, reader->err) &&
           config_join_dir(reader->arena, reader->dir, *ret, ret, reader->err);
}

/* Names of an outside secret store: read, so that they are no unknown keys; there is none. */
static bool get_reference(const Reader *reader, YamlMap *map, const char *key, bool *ret_set)
{
    Str text = STR_EMPTY;
    if (!yaml_get_str(map, key, &text, reader->err)) {
        return false;
    }
    *ret_set = text.len > 0;
    return true;
}

static size_t count_set(bool a, bool b, bool c)
{
    return (size_t)a + b + c;
}

static bool get_tls_version(const Reader *reader, YamlMap *map, const char *key, TlsVersion *ret)
{
    static const struct {
        const char *name;
        TlsVersion version;
    } versions[] = {{"TLS10", TLS_VERSION_1_0},
                    {"TLS11", TLS_VERSION_1_1},
                    {"TLS12", TLS_VERSION_1_2},
                    {"TLS13", TLS_VERSION_1_3}};
    const YamlNode *node = yaml_get(map, key);
    Str text;
    if (!node || node->kind == YAML_NULL) {
        return true;
    }
    if (!yaml_str(node, &text, reader->err)) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        if (str_eq(text, str_from(versions[i].name))) {
            *ret = versions[i].version;
            return true;
        }
    }
    return yaml_error(node, reader->err, "unknown TLS version: " STR_FMT, STR_ARG(text));
}

static bool check_tls(const YamlMap *map, const TlsClientConfig *tls, const bool references[3],
                      Err *err)
{
    bool cert = tls->cert.len > 0 || tls->cert_file.len > 0 || references[1];
    bool key = tls->key.len > 0 || tls->key_file.len > 0 || references[2];
    if (count_set(tls->ca.len > 0, tls->ca_file.len > 0, references[0]) > 1) {
        return refuse(map, err, "at most one of ca, ca_file & ca_ref must be configured");
    }
    if (count_set(tls->cert.len > 0, tls->cert_file.len > 0, references[1]) > 1) {
        return refuse(map, err, "at most one of cert, cert_file & cert_ref must be configured");
    }
    if (count_set(tls->key.len > 0, tls->key_file.len > 0, references[2]) > 1) {
        return refuse(map, err, "at most one of key and key_file must be configured");
    }
    if (cert && !key) {
        return refuse(map, err,
                      "exactly one of key or key_file must be configured when a client certificate "
                      "is configured");
    }
    return cert || !key ||
           refuse(map, err,
                  "exactly one of cert or cert_file must be configured when a client key is "
                  "configured");
}

bool tls_client_config_read(const YamlNode *node, Str dir, Arena *arena, TlsClientConfig *config,
                            Err *err)
{
    const Reader reader = {.dir = dir, .arena = arena, .err = err};
    TlsClientConfig tls = *config;
    YamlMap map;
    bool references[3] = {false};
    bool ok = yaml_map(node, "config.plain", arena, &map, err) &&
              yaml_get_str(&map, "ca", &tls.ca, err) &&
              yaml_get_str(&map, "cert", &tls.cert, err) &&
              yaml_get_str(&map, "key", &tls.key, err) &&
              get_file(&reader, &map, "ca_file", &tls.ca_file) &&
              get_file(&reader, &map, "cert_file", &tls.cert_file) &&
              get_file(&reader, &map, "key_file", &tls.key_file) &&
              get_reference(&reader, &map, "ca_ref", &references[0]) &&
              get_reference(&reader, &map, "cert_ref", &references[1]) &&
              get_reference(&reader, &map, "key_ref", &references[2]) &&
              yaml_get_str(&map, "server_name", &tls.server_name, err) &&
              yaml_get_bool(&map, "insecure_skip_verify", &tls.insecure_skip_verify, err) &&
              get_tls_version(&reader, &map, "min_version", &tls.min_version) &&
              get_tls_version(&reader, &map, "max_version", &tls.max_version) &&
              yaml_map_finish(&map, err) && check_tls(&map, &tls, references, err);
    if (ok) {
        *config = tls;
    }
    return ok;
}

/* True when the block is there and not null; *ret_map reads it. */
static bool open_block(const Reader *reader, YamlMap *map, const char *key, YamlMap *ret_map,
                       bool *ret_there)
{
    const YamlNode *node = yaml_get(map, key);
    *ret_there = node && node->kind != YAML_NULL;
    return yaml_map(node, "config.plain", reader->arena, ret_map, reader->err);
}

static bool read_basic_auth(const Reader *reader, YamlMap *map, const BasicAuthConfig **ret)
{
    YamlMap block;
    bool there;
    bool references[2] = {false};
    if (!open_block(reader, map, "basic_auth", &block, &there) || !there) {
        return !there;
    }
    BasicAuthConfig *auth = ARENA_NEW(reader->arena, BasicAuthConfig, 1);
    if (!auth) {
        return arena_full(reader->arena, reader->err);
    }
    if (!yaml_get_str(&block, "username", &auth->username, reader->err) ||
        !get_file(reader, &block, "username_file", &auth->username_file) ||
        !get_reference(reader, &block, "username_ref", &references[0]) ||
        !yaml_get_str(&block, "password", &auth->password, reader->err) ||
        !get_file(reader, &block, "password_file", &auth->password_file) ||
        !get_reference(reader, &block, "password_ref", &references[1]) ||
        !yaml_map_finish(&block, reader->err)) {
        return false;
    }
    if (count_set(auth->username.len > 0, auth->username_file.len > 0, references[0]) > 1) {
        return refuse(&block, reader->err,
                      "at most one of basic_auth username, username_file & username_ref must be "
                      "configured");
    }
    if (count_set(auth->password.len > 0, auth->password_file.len > 0, references[1]) > 1) {
        return refuse(&block, reader->err,
                      "at most one of basic_auth password, password_file & password_ref must be "
                      "configured");
    }
    *ret = auth;
    return true;
}

static bool read_authorization(const Reader *reader, YamlMap *map, const AuthorizationConfig **ret)
{
    YamlMap block;
    bool there;
    bool reference = false;
    if (!open_block(reader, map, "authorization", &block, &there) || !there) {
        return !there;
    }
    AuthorizationConfig *auth = ARENA_NEW(reader->arena, AuthorizationConfig, 1);
    if (!auth) {
        return arena_full(reader->arena, reader->err);
    }
    if (!yaml_get_str(&block, "type", &auth->type, reader->err) ||
        !yaml_get_str(&block, "credentials", &auth->credentials, reader->err) ||
        !get_file(reader, &block, "credentials_file", &auth->credentials_file) ||
        !get_reference(reader, &block, "credentials_ref", &reference) ||
        !yaml_map_finish(&block, reader->err)) {
        return false;
    }
    if (count_set(auth->credentials.len > 0, auth->credentials_file.len > 0, reference) > 1) {
        return refuse(&block, reader->err,
                      "at most one of authorization credentials & credentials_file must be "
                      "configured");
    }
    auth->type = str_trim(auth->type);
    if (auth->type.len == 0) {
        auth->type = S("Bearer");
    }
    if (str_eq_ignore_case(auth->type, S("basic"))) {
        return refuse(&block, reader->err,
                      "authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
    }
    *ret = auth;
    return true;
}

/* header name: [secret, …] */
static bool read_connect_headers(const Reader *reader, const YamlNode *node, ProxyConfig *proxy)
{
    size_t count = yaml_count(node);
    if (!yaml_mapping(node, "config.ProxyHeader", reader->err)) {
        return false;
    }
    proxy->connect_headers = ARENA_NEW(reader->arena, ConfigHeader, count);
    if (!proxy->connect_headers) {
        return arena_full(reader->arena, reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        ConfigHeader *header = &proxy->connect_headers[i];
        const YamlNode *list = node->pairs[i].value;
        if (!yaml_str(node->pairs[i].key, &header->name, reader->err) ||
            !yaml_list(list, "[]config.Secret", reader->err)) {
            return false;
        }
        header->secret_count = yaml_count(list);
        header->secrets = ARENA_NEW(reader->arena, Str, header->secret_count);
        if (!header->secrets) {
            return arena_full(reader->arena, reader->err);
        }
        for (size_t k = 0; k < header->secret_count; k++) {
            if (!yaml_str(list->items[k], &header->secrets[k], reader->err)) {
                return false;
            }
        }
    }
    proxy->connect_header_count = count;
    return true;
}

static bool check_proxy(const YamlMap *map, const ProxyConfig *proxy, bool url_given, Err *err)
{
    bool url = proxy->url.len > 0;
    if (proxy->connect_header_count > 0 && !proxy->from_environment && !url) {
        return refuse(map, err,
                      "if proxy_connect_header is configured, proxy_url or proxy_from_environment "
                      "must also be configured");
    }
    if (proxy->from_environment && url) {
        return refuse(map, err,
                      "if proxy_from_environment is configured, proxy_url must not be configured");
    }
    if (proxy->from_environment && proxy->no_proxy.len > 0) {
        return refuse(map, err,
                      "if proxy_from_environment is configured, no_proxy must not be configured");
    }
    return url_given || proxy->no_proxy.len == 0 ||
           refuse(map, err, "if no_proxy is configured, proxy_url must also be configured");
}

static bool read_proxy(const Reader *reader, YamlMap *map, ProxyConfig *ret)
{
    UrlReference url;
    const YamlNode *url_node = yaml_get(map, "proxy_url");
    bool url_given = url_node && url_node->kind != YAML_NULL;
    if (!yaml_get_str(map, "proxy_url", &ret->url, reader->err) ||
        !yaml_get_str(map, "no_proxy", &ret->no_proxy, reader->err) ||
        !yaml_get_bool(map, "proxy_from_environment", &ret->from_environment, reader->err) ||
        !read_connect_headers(reader, yaml_get(map, "proxy_connect_header"), ret)) {
        return false;
    }
    if (!url_reference_parse(ret->url, &url, reader->err)) {
        if (reader->err && url_node) {
            reader->err->line = url_node->line;
            reader->err->column = url_node->column;
        }
        return false;
    }
    return check_proxy(map, ret, url_given, reader->err);
}

static bool read_named_texts(const Reader *reader, const YamlNode *node, NamedText **ret,
                             size_t *ret_count)
{
    size_t count = yaml_count(node);
    if (!yaml_mapping(node, "map[string]string", reader->err)) {
        return false;
    }
    NamedText *texts = ARENA_NEW(reader->arena, NamedText, count);
    if (!texts) {
        return arena_full(reader->arena, reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!yaml_str(node->pairs[i].key, &texts[i].name, reader->err) ||
            !yaml_str(node->pairs[i].value, &texts[i].value, reader->err)) {
            return false;
        }
    }
    *ret = texts;
    *ret_count = count;
    return true;
}

static bool check_oauth2(const YamlMap *map, const OAuth2Config *oauth2, const bool references[2],
                         Err *err)
{
    Str algorithm = oauth2->signature_algorithm;
    if (oauth2->client_id.len == 0) {
        return refuse(map, err, "oauth2 client_id must be configured");
    }
    if (oauth2->token_url.len == 0) {
        return refuse(map, err, "oauth2 token_url must be configured");
    }
    if (!str_eq(oauth2->grant_type, S(OAUTH2_JWT_BEARER))) {
        return count_set(oauth2->client_secret.len > 0, oauth2->client_secret_file.len > 0,
                         references[0]) <= 1 ||
               refuse(map, err,
                      "at most one of oauth2 client_secret, client_secret_file & "
                      "client_secret_ref must be configured using grant-type=client_credentials");
    }
    if (count_set(oauth2->client_certificate_key.len > 0,
                  oauth2->client_certificate_key_file.len > 0, references[1]) > 1) {
        return yaml_error(map->node, err,
                          "at most one of oauth2 client_certificate_key, "
                          "client_certificate_key_file & client_certificate_key_ref must be "
                          "configured using grant-type=%s",
                          OAUTH2_JWT_BEARER);
    }
    return algorithm.len == 0 || str_eq(algorithm, S("RS256")) || str_eq(algorithm, S("RS384")) ||
           str_eq(algorithm, S("RS512")) ||
           refuse(map, err, "valid signature algorithms are RS256, RS384 and RS512");
}

static bool read_oauth2_fields(const Reader *reader, YamlMap *block, OAuth2Config *ret,
                               bool references[2])
{
    Err *err = reader->err;
    ret->claims = yaml_get(block, "claims");
    return yaml_get_str(block, "client_id", &ret->client_id, err) &&
           yaml_get_str(block, "client_secret", &ret->client_secret, err) &&
           get_file(reader, block, "client_secret_file", &ret->client_secret_file) &&
           get_reference(reader, block, "client_secret_ref", &references[0]) &&
           yaml_get_str(block, "client_certificate_key_id", &ret->client_certificate_key_id, err) &&
           yaml_get_str(block, "client_certificate_key", &ret->client_certificate_key, err) &&
           get_file(reader, block, "client_certificate_key_file",
                    &ret->client_certificate_key_file) &&
           get_reference(reader, block, "client_certificate_key_ref", &references[1]) &&
           yaml_get_str(block, "grant_type", &ret->grant_type, err) &&
           yaml_get_str(block, "signature_algorithm", &ret->signature_algorithm, err) &&
           yaml_get_str(block, "iss", &ret->iss, err) &&
           yaml_get_str(block, "audience", &ret->audience, err) &&
           yaml_mapping(ret->claims, "map[string]interface {}", err) &&
           yaml_get_str_list(block, "scopes", reader->arena, &ret->scopes, &ret->scope_count,
                             err) &&
           yaml_get_str(block, "token_url", &ret->token_url, err) &&
           read_named_texts(reader, yaml_get(block, "endpoint_params"), &ret->endpoint_params,
                            &ret->endpoint_param_count) &&
           tls_client_config_read(yaml_get(block, "tls_config"), reader->dir, reader->arena,
                                  &ret->tls, err) &&
           read_proxy(reader, block, &ret->proxy) && yaml_map_finish(block, err);
}

static bool read_claims(const Reader *reader, OAuth2Config *oauth2)
{
    enum { CLAIMS_MAX = 1024 * 1024 };
    CLEANUP(buf_done) Buf json;
    buf_init(&json, CLAIMS_MAX);
    jwt_claims_from_yaml(oauth2->claims, &json);
    return buf_ok(&json, reader->err) &&
           arena_str(reader->arena, buf_view(&json), &oauth2->claims_json, reader->err);
}

static bool read_oauth2(const Reader *reader, YamlMap *map, const OAuth2Config **ret)
{
    YamlMap block;
    bool there;
    bool references[2] = {false};
    if (!open_block(reader, map, "oauth2", &block, &there) || !there) {
        return !there;
    }
    OAuth2Config *oauth2 = ARENA_NEW(reader->arena, OAuth2Config, 1);
    if (!oauth2) {
        return arena_full(reader->arena, reader->err);
    }
    if (!read_oauth2_fields(reader, &block, oauth2, references) ||
        !check_oauth2(&block, oauth2, references, reader->err) || !read_claims(reader, oauth2)) {
        return false;
    }
    *ret = oauth2;
    return true;
}

/* "www-authenticate" → "Www-Authenticate" */
static void canonical_header(Str name, Buf *out)
{
    bool first = true;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (first && c >= 'a' && c <= 'z') {
            c = (char)(c - 'a' + 'A');
        } else if (!first && c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        first = c == '-';
        buf_byte(out, (u8)c);
    }
}

/* Headers that the program sets itself. */
static bool header_allowed(const YamlNode *key, Str name, Err *err)
{
    static const char *const reserved[] = {
        "Authorization",
        "Host",
        "Content-Encoding",
        "Content-Length",
        "Content-Type",
        "User-Agent",
        "Connection",
        "Keep-Alive",
        "Proxy-Authenticate",
        "Proxy-Authorization",
        "Www-Authenticate",
        "Accept-Encoding",
        "X-Prometheus-Remote-Write-Version",
        "X-Prometheus-Remote-Read-Version",
        "X-Prometheus-Scrape-Timeout-Seconds",
        "X-Amz-Date",
        "X-Amz-Security-Token",
        "X-Amz-Content-Sha256",
    };
    for (size_t i = 0; i < COUNT_OF(reserved); i++) {
        if (str_eq_ignore_case(name, str_from(reserved[i]))) {
            Buf canonical;
            char quoted[QUOTE_TEXT_MAX];
            buf_init(&canonical, name.len);
            canonical_header(name, &canonical);
            (void)yaml_error(key, err, "setting header %s is not allowed",
                             quote_text(quoted, buf_view(&canonical)));
            buf_done(&canonical);
            return false;
        }
    }
    return true;
}

static bool read_header(const Reader *reader, const YamlPair *pair, ConfigHeader *ret)
{
    YamlMap map;
    if (!yaml_str(pair->key, &ret->name, reader->err) ||
        !yaml_map(pair->value, "config.Header", reader->arena, &map, reader->err) ||
        !yaml_get_str_list(&map, "values", reader->arena, &ret->values, &ret->value_count,
                           reader->err) ||
        !yaml_get_str_list(&map, "secrets", reader->arena, &ret->secrets, &ret->secret_count,
                           reader->err) ||
        !yaml_get_str_list(&map, "files", reader->arena, &ret->files, &ret->file_count,
                           reader->err) ||
        !yaml_map_finish(&map, reader->err) || !header_allowed(pair->key, ret->name, reader->err)) {
        return false;
    }
    for (size_t i = 0; i < ret->file_count; i++) {
        if (!config_join_dir(reader->arena, reader->dir, ret->files[i], &ret->files[i],
                             reader->err)) {
            return false;
        }
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const ConfigHeader *)a)->name, ((const ConfigHeader *)b)->name);
}

static bool read_headers(const Reader *reader, YamlMap *map, HttpClientConfig *config)
{
    const YamlNode *node = yaml_get(map, "http_headers");
    size_t count = yaml_count(node);
    if (!yaml_mapping(node, "config.Headers", reader->err)) {
        return false;
    }
    ConfigHeader *headers = ARENA_NEW(reader->arena, ConfigHeader, count);
    if (!headers) {
        return arena_full(reader->arena, reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        if (!read_header(reader, &node->pairs[i], &headers[i])) {
            return false;
        }
    }
    if (count > 0) {
        qsort(headers, count, sizeof(*headers), by_name);
        config->headers = headers;
        config->header_count = count;
    }
    return true;
}

/* bearer_token and bearer_token_file: an authorization in its old form. */
static bool read_bearer(const Reader *reader, YamlMap *map, HttpClientConfig *config)
{
    Str token = STR_EMPTY;
    Str file = STR_EMPTY;
    if (!yaml_get_str(map, "bearer_token", &token, reader->err) ||
        !get_file(reader, map, "bearer_token_file", &file)) {
        return false;
    }
    if (token.len == 0 && file.len == 0) {
        return true;
    }
    if (token.len > 0 && file.len > 0) {
        return refuse(map, reader->err,
                      "at most one of bearer_token & bearer_token_file must be configured");
    }
    if (config->basic_auth || config->oauth2) {
        return refuse(map, reader->err,
                      "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be "
                      "configured");
    }
    if (config->authorization) {
        return refuse(map, reader->err,
                      "authorization is not compatible with bearer_token & bearer_token_file");
    }
    AuthorizationConfig *auth = ARENA_NEW(reader->arena, AuthorizationConfig, 1);
    if (!auth) {
        return arena_full(reader->arena, reader->err);
    }
    *auth =
        (AuthorizationConfig){.type = S("Bearer"), .credentials = token, .credentials_file = file};
    config->authorization = auth;
    return true;
}

void http_client_config_defaults(HttpClientConfig *config)
{
    *config = (HttpClientConfig){.follow_redirects = true, .enable_http2 = true};
}

bool http_client_config_read(YamlMap *map, Str dir, Arena *arena, HttpClientConfig *config,
                             Err *err)
{
    const Reader reader = {.dir = dir, .arena = arena, .err = err};
    HttpClientConfig result = *config;
    if (!read_basic_auth(&reader, map, &result.basic_auth) ||
        !read_authorization(&reader, map, &result.authorization) ||
        !read_oauth2(&reader, map, &result.oauth2) || !read_bearer(&reader, map, &result) ||
        !tls_client_config_read(yaml_get(map, "tls_config"), dir, arena, &result.tls, err) ||
        !yaml_get_bool(map, "follow_redirects", &result.follow_redirects, err) ||
        !yaml_get_bool(map, "enable_http2", &result.enable_http2, err) ||
        !read_proxy(&reader, map, &result.proxy) || !read_headers(&reader, map, &result)) {
        return false;
    }
    if (count_set(result.basic_auth, result.authorization, result.oauth2) > 1) {
        return refuse(map, err,
                      "at most one of basic_auth, oauth2 & authorization must be configured");
    }
    *config = result;
    return true;
}
