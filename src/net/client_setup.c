/* Client set-up: see client_setup.h. Layer: net (libcurl). Memory: the caller's lists. Thread: the
 * fetch's loop. */
#include "net/client_setup.h"

#include "base/buf.h"
#include "base/time.h"
#include "net/secret_files.h"
#include "net/url.h"

#include <curl/curl.h>
#include <string.h>

enum {
    SETUP_ARENA_MAX = 8 * 1024 * 1024,     /* bytes of copies while options are set */
    LINE_MAX_SIZE = 2 * 1024 * 1024 + KIB, /* bytes of a header line; a token may be that long */
};

typedef struct Setup {
    ClientSetup *lists;
    CURL *easy;
    Arena arena; /* for copies with a final NUL: curl keeps its own */
    Err *err;
} Setup;

void client_setup_done(ClientSetup *setup)
{
    curl_slist_free_all(setup->headers);
    curl_slist_free_all(setup->proxy_headers);
    curl_slist_free_all(setup->connect_to);
    *setup = (ClientSetup){0};
}

static void list_add(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);
    ASSERT(longer); /* fails only for want of a few bytes */
    *list = longer;
}

/* A line break in a value would begin another header. */
static void put_value(Buf *line, Str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        buf_byte(line, c == '\r' || c == '\n' || c == '\0' ? ' ' : (u8)c);
    }
}

static void header_add(struct curl_slist **list, Str name, Str value)
{
    Buf line;
    buf_init(&line, LINE_MAX_SIZE);
    buf_str(&line, name);
    if (value.len > 0) {
        buf_lit(&line, ": ");
        put_value(&line, value);
    } else {
        buf_lit(&line, ";"); /* curl's way to write an empty value */
    }
    buf_byte(&line, '\0');
    if (!line.overflowed) {
        list_add(list, (const char *)line.data);
    }
    buf_done(&line);
}

void client_setup_header(ClientSetup *setup, Str name, Str value)
{
    header_add(&setup->headers, name, value);
}

static bool set_text(Setup *setup, CURLoption option, Str value)
{
    Str copy;
    if (value.len == 0) {
        return true;
    }
    if (!arena_str(&setup->arena, value, &copy, setup->err)) {
        return false;
    }
    return curl_easy_setopt(setup->easy, option, copy.ptr) == CURLE_OK ||
           err_set(setup->err, ERR_INVALID, "HTTP client: a setting is too long");
}

static bool set_blob(Setup *setup, CURLoption option, Str value)
{
    struct curl_blob blob = {
        .data = (void *)(uintptr_t)value.ptr, .len = value.len, .flags = CURL_BLOB_COPY};
    return value.len == 0 || curl_easy_setopt(setup->easy, option, &blob) == CURLE_OK ||
           err_set(setup->err, ERR_INVALID, "HTTP client: a certificate is too long");
}

/* The text, or what the file holds, without white space around it. */
static bool secret_get(Setup *setup, Str text, Str file, const char *what, Str *ret)
{
    Str content;
    if (file.len == 0) {
        *ret = text;
        return true;
    }
    if (!secret_file_get(setup->lists->files, file, time_monotonic_ns(), &content, setup->err)) {
        return err_wrap(setup->err, "unable to read %s", what);
    }
    return arena_str(&setup->arena, content, ret, setup->err); /* the next one may take its place */
}

static bool set_basic_auth(Setup *setup, const BasicAuthConfig *basic)
{
    Str user;
    Str password;
    if (!basic) {
        return true;
    }
    if (!secret_get(setup, basic->username, basic->username_file, "basic auth username file",
                    &user) ||
        !secret_get(setup, basic->password, basic->password_file, "basic auth password file",
                    &password)) {
        return false;
    }
    (void)curl_easy_setopt(setup->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    /* An empty user is one, so not through set_text. */
    Str user_copy;
    Str password_copy;
    return arena_str(&setup->arena, user, &user_copy, setup->err) &&
           arena_str(&setup->arena, password, &password_copy, setup->err) &&
           ((curl_easy_setopt(setup->easy, CURLOPT_USERNAME, user_copy.ptr) == CURLE_OK &&
             curl_easy_setopt(setup->easy, CURLOPT_PASSWORD, password_copy.ptr) == CURLE_OK) ||
            err_set(setup->err, ERR_INVALID, "HTTP client: user or password is too long"));
}

static bool set_authorization(Setup *setup, const AuthorizationConfig *authorization)
{
    Str credentials = STR_EMPTY;
    Str value;
    if (!authorization) {
        return true;
    }
    if (!secret_get(setup, authorization->credentials, authorization->credentials_file,
                    "authorization credentials file", &credentials) ||
        !arena_printf(&setup->arena, &value, setup->err, STR_FMT " " STR_FMT,
                      STR_ARG(authorization->type), STR_ARG(credentials))) {
        return false;
    }
    header_add(&setup->lists->headers, S("Authorization"), value);
    return true;
}

static bool set_headers(Setup *setup, struct curl_slist **list, const ConfigHeader *headers,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const ConfigHeader *header = &headers[i];
        for (size_t j = 0; j < header->value_count; j++) {
            header_add(list, header->name, header->values[j]);
        }
        for (size_t j = 0; j < header->secret_count; j++) {
            header_add(list, header->name, header->secrets[j]);
        }
        for (size_t j = 0; j < header->file_count; j++) {
            Str value;
            if (!secret_get(setup, STR_EMPTY, header->files[j], "headers file", &value)) {
                return false;
            }
            header_add(list, header->name, value);
        }
    }
    return true;
}

/* curl's numbers for the lowest and highest version. */
static long version_bits(const TlsClientConfig *tls)
{
    static const struct {
        TlsVersion version;
        long lowest;
        long highest;
    } versions[] = {
        {TLS_VERSION_1_0, CURL_SSLVERSION_TLSv1_0, CURL_SSLVERSION_MAX_TLSv1_0},
        {TLS_VERSION_1_1, CURL_SSLVERSION_TLSv1_1, CURL_SSLVERSION_MAX_TLSv1_1},
        {TLS_VERSION_1_2, CURL_SSLVERSION_TLSv1_2, CURL_SSLVERSION_MAX_TLSv1_2},
        {TLS_VERSION_1_3, CURL_SSLVERSION_TLSv1_3, CURL_SSLVERSION_MAX_TLSv1_3},
    };
    long bits = tls->min_version == TLS_VERSION_ANY ? (long)CURL_SSLVERSION_TLSv1_2 : 0;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        bits |= versions[i].version == tls->min_version ? versions[i].lowest : 0;
        bits |= versions[i].version == tls->max_version ? versions[i].highest : 0;
    }
    return bits;
}

static bool set_tls(Setup *setup, const TlsClientConfig *tls)
{
    if (tls->insecure_skip_verify) {
        (void)curl_easy_setopt(setup->easy, CURLOPT_SSL_VERIFYPEER, 0L);
        (void)curl_easy_setopt(setup->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    (void)curl_easy_setopt(setup->easy, CURLOPT_SSLVERSION, version_bits(tls));
    return set_text(setup, CURLOPT_CAINFO, tls->ca_file) &&
           set_blob(setup, CURLOPT_CAINFO_BLOB, tls->ca) &&
           set_text(setup, CURLOPT_SSLCERT, tls->cert_file) &&
           set_blob(setup, CURLOPT_SSLCERT_BLOB, tls->cert) &&
           set_text(setup, CURLOPT_SSLKEY, tls->key_file) &&
           set_blob(setup, CURLOPT_SSLKEY_BLOB, tls->key);
}

/*
 * Speaks to the URL's host as if it had the configured name: curl takes the name it shows and
 * checks from the URL, so the URL gets that name, the connection goes where the original pointed
 * to, and the Host header says what it would have said.
 */
static bool set_server_name(Setup *setup, Str name, Str url_text)
{
    Url url;
    Str renamed;
    Str connect;
    Str host;
    if (name.len == 0 || !url_parse(url_text, &url, NULL) ||
        !str_eq_ignore_case(url.scheme, S("https"))) {
        return true;
    }
    bool six = str_find_byte(url.host, ':') != STR_NOT_FOUND;
    const char *open = six ? "[" : "";
    const char *close = six ? "]" : "";
    Str port = url.port.len > 0 ? url.port : S("443");
    Str rest = url.path.len > 0 ? url.path : S("/");
    if (!arena_printf(&setup->arena, &renamed, setup->err,
                      "https://" STR_FMT ":" STR_FMT STR_FMT "%s" STR_FMT, STR_ARG(name),
                      STR_ARG(port), STR_ARG(rest), url.query.len ? "?" : "", STR_ARG(url.query)) ||
        !arena_printf(&setup->arena, &connect, setup->err,
                      STR_FMT ":" STR_FMT ":%s" STR_FMT "%s:" STR_FMT, STR_ARG(name), STR_ARG(port),
                      open, STR_ARG(url.host), close, STR_ARG(port)) ||
        !arena_printf(&setup->arena, &host, setup->err, "%s" STR_FMT "%s%s" STR_FMT, open,
                      STR_ARG(url.host), close, url.port.len ? ":" : "", STR_ARG(url.port))) {
        return false;
    }
    list_add(&setup->lists->connect_to, connect.ptr);
    header_add(&setup->lists->headers, S("Host"), host);
    (void)curl_easy_setopt(setup->easy, CURLOPT_CONNECT_TO, setup->lists->connect_to);
    return set_text(setup, CURLOPT_URL, renamed);
}

static bool set_proxy(Setup *setup, const ProxyConfig *proxy)
{
    if (proxy->from_environment) {
        (void)curl_easy_setopt(setup->easy, CURLOPT_PROXY, NULL);
    }
    if (!set_text(setup, CURLOPT_PROXY, proxy->url) ||
        !set_text(setup, CURLOPT_NOPROXY, proxy->no_proxy) ||
        !set_headers(setup, &setup->lists->proxy_headers, proxy->connect_headers,
                     proxy->connect_header_count)) {
        return false;
    }
    (void)curl_easy_setopt(setup->easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    (void)curl_easy_setopt(setup->easy, CURLOPT_PROXYHEADER, setup->lists->proxy_headers);
    return true;
}

static bool set_credentials(Setup *setup, const HttpClientConfig *config)
{
    if (config->oauth2) {
        header_add(&setup->lists->headers, S("Authorization"), setup->lists->authorization);
    }
    return set_basic_auth(setup, config->basic_auth) &&
           set_authorization(setup, config->authorization) &&
           set_headers(setup, &setup->lists->headers, config->headers, config->header_count);
}

bool client_setup_config(ClientSetup *lists, void *easy, const HttpClientConfig *config, Str url,
                         bool cross_host, Err *err)
{
    bool http2 = !config || config->enable_http2;
    /* Over plain text HTTP/1.1 always: nobody upgrades. */
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                           http2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* the environment only when told so */
    if (!config) {
        return true;
    }
    Setup setup = {.lists = lists, .easy = easy, .err = err};
    arena_init(&setup.arena, SETUP_ARENA_MAX);
    bool ok = set_tls(&setup, &config->tls) && set_proxy(&setup, &config->proxy) &&
              (cross_host || set_credentials(&setup, config)) &&
              set_server_name(&setup, cross_host ? STR_EMPTY : config->tls.server_name, url);
    arena_done(&setup.arena);
    return ok;
}
