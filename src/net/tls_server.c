/* TLS server: see tls_server.h. Layer: net (OpenSSL). Memory: tls_server_free. Thread: any. */
#include "net/tls_server.h"

#include "base/buf.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum {
    CERTIFICATES_MAX = 1000,   /* in one PEM text */
    NAMES_MAX = 8 * 1024,      /* bytes of a list of ciphers or curves */
    PEM_MAX = 4 * 1024 * 1024, /* bytes */
};

struct TlsServer {
    SSL_CTX *context;    /* frees the struct when its last connection ends */
    char **allowed_sans; /* owned, each too */
    size_t allowed_san_count;
};

static int server_index; /* of OpenSSL's extra data; set once */

/* Go's names and OpenSSL's; NULL: OpenSSL 3.0 does not have it, and others of the list will do. */
static const struct {
    Str name;
    const char *openssl;
} curves[] = {
    {STR_INIT("CurveP256"), "P-256"},   {STR_INIT("CurveP384"), "P-384"},
    {STR_INIT("CurveP521"), "P-521"},   {STR_INIT("X25519"), "X25519"},
    {STR_INIT("X25519MLKEM768"), NULL},
};

static const char *curve_find(Str name, bool *ret_known)
{
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        if (str_eq(curves[i].name, name)) {
            *ret_known = true;
            return curves[i].openssl;
        }
    }
    *ret_known = false;
    return NULL;
}

bool tls_curve_known(Str name)
{
    bool known;
    (void)curve_find(name, &known);
    return known;
}

/* OpenSSL's name of a cipher, or "(NONE)". */
static const char *cipher_find(Str name)
{
    char text[128];
    /* Two of Go's names are shorter than IANA's. */
    const char *rest = str_ends_with(name, S("_CHACHA20_POLY1305")) ? "_SHA256" : "";
    (void)snprintf(text, sizeof(text), STR_FMT "%s", STR_ARG(name), rest);
    return OPENSSL_cipher_name(text);
}

static bool is_tls13_cipher(Str name)
{
    return str_starts_with(name, S("TLS_AES_")) || str_starts_with(name, S("TLS_CHACHA20_"));
}

bool tls_cipher_known(Str name)
{
    return is_tls13_cipher(name) || strcmp(cipher_find(name), "(NONE)") != 0;
}

static bool openssl_error(Err *err, const char *what)
{
    char reason[256];
    unsigned long code = ERR_peek_last_error();
    ERR_error_string_n(code, reason, sizeof(reason));
    const char *words = ERR_reason_error_string(code);
    ERR_clear_error();
    return err_set(err, ERR_INVALID, "%s: %s", what, words ? words : reason);
}

static BIO *pem_open(Str pem)
{
    ASSERT(pem.len <= PEM_MAX);
    return BIO_new_mem_buf(pem.ptr, (int)pem.len);
}

static int no_passphrase(char *to, int size, int writing, void *self)
{
    (void)to, (void)size, (void)writing, (void)self;
    return -1; /* nobody is there to be asked */
}

static bool use_certificate(SSL_CTX *context, Str pem, Err *err)
{
    BIO *bio = pem_open(pem);
    X509 *leaf = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
    bool ok = leaf && SSL_CTX_use_certificate(context, leaf) == 1;
    X509_free(leaf);
    for (int i = 0; ok && i < CERTIFICATES_MAX; i++) {
        X509 *next = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
        if (!next) {
            break;
        }
        ok = SSL_CTX_add0_chain_cert(context, next) == 1;
    }
    (void)BIO_free(bio);
    if (!ok) {
        return openssl_error(err, "certificate");
    }
    ERR_clear_error(); /* the end of the text is one */
    return true;
}

static bool use_key(SSL_CTX *context, Str pem, Err *err)
{
    BIO *bio = pem_open(pem);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    bool ok = key && SSL_CTX_use_PrivateKey(context, key) == 1;
    EVP_PKEY_free(key);
    (void)BIO_free(bio);
    if (!ok) {
        return openssl_error(err, "private key");
    }
    return SSL_CTX_check_private_key(context) == 1 ||
           openssl_error(err, "private key does not belong to the certificate");
}

static bool use_client_ca(SSL_CTX *context, Str pem, Err *err)
{
    if (pem.len == 0) {
        return SSL_CTX_set_default_verify_paths(context) == 1 ||
               openssl_error(err, "the system's certificate authorities");
    }
    BIO *bio = pem_open(pem);
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    int count = 0;
    bool ok = bio != NULL;
    while (ok && count < CERTIFICATES_MAX) {
        X509 *ca = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
        if (!ca) {
            break;
        }
        ok = X509_STORE_add_cert(store, ca) == 1 && SSL_CTX_add_client_CA(context, ca) == 1;
        X509_free(ca);
        count++;
    }
    (void)BIO_free(bio);
    if (!ok || count == 0) {
        return openssl_error(err, "client certificate authority");
    }
    ERR_clear_error();
    return true;
}

/* Joins with ':' the OpenSSL names; unknown ones were refused before. */
static bool use_ciphers(SSL_CTX *context, const TlsServerConfig *config, Err *err)
{
    Buf list;
    bool ok = true;
    buf_init(&list, NAMES_MAX);
    for (size_t i = 0; i < config->cipher_count; i++) {
        if (!tls_cipher_known(config->ciphers[i])) {
            ok = err_set(err, ERR_INVALID, "unknown cipher: " STR_FMT, STR_ARG(config->ciphers[i]));
            break;
        }
        if (!is_tls13_cipher(config->ciphers[i])) {
            buf_printf(&list, "%s%s", list.len ? ":" : "", cipher_find(config->ciphers[i]));
        }
    }
    buf_byte(&list, '\0');
    if (ok && list.len > 1) {
        ok = SSL_CTX_set_cipher_list(context, (const char *)list.data) == 1 ||
             openssl_error(err, "cipher_suites");
    }
    buf_done(&list);
    return ok;
}

static bool use_curves(SSL_CTX *context, const TlsServerConfig *config, Err *err)
{
    Buf list;
    bool ok = true;
    buf_init(&list, NAMES_MAX);
    for (size_t i = 0; i < config->curve_count && ok; i++) {
        bool known;
        const char *name = curve_find(config->curves[i], &known);
        if (!known) {
            ok = err_set(err, ERR_INVALID, "unknown curve: " STR_FMT, STR_ARG(config->curves[i]));
        } else if (name) {
            buf_printf(&list, "%s%s", list.len ? ":" : "", name);
        }
    }
    buf_byte(&list, '\0');
    if (ok && list.len > 1) {
        ok = SSL_CTX_set1_groups_list(context, (const char *)list.data) == 1 ||
             openssl_error(err, "curve_preferences");
    }
    buf_done(&list);
    return ok;
}

static bool use_versions(SSL_CTX *context, const TlsServerConfig *config, Err *err)
{
    int lowest = config->min_version ? (int)config->min_version : TLS1_2_VERSION;
    if (lowest < TLS1_2_VERSION) {
        SSL_CTX_set_security_level(context, 0); /* TLS 1.0 and 1.1 sign with SHA-1 */
    }
    return (SSL_CTX_set_min_proto_version(context, lowest) == 1 &&
            SSL_CTX_set_max_proto_version(context, (int)config->max_version) == 1) ||
           openssl_error(err, "TLS versions");
}

/* ---- client certificates ---- */

static bool text_is(const ASN1_STRING *text, const char *want)
{
    size_t len = (size_t)ASN1_STRING_length(text);
    return len == strlen(want) && memcmp(ASN1_STRING_get0_data(text), want, len) == 0;
}

static bool address_is(const ASN1_STRING *octets, const char *want)
{
    char text[INET6_ADDRSTRLEN];
    int len = ASN1_STRING_length(octets);
    int family = len == 4 ? AF_INET : AF_INET6;
    return (len == 4 || len == 16) &&
           inet_ntop(family, ASN1_STRING_get0_data(octets), text, sizeof(text)) &&
           strcmp(text, want) == 0;
}

static bool name_is(const GENERAL_NAME *name, const char *want)
{
    switch (name->type) {
    case GEN_DNS:
        return text_is(name->d.dNSName, want);
    case GEN_EMAIL:
        return text_is(name->d.rfc822Name, want);
    case GEN_URI:
        return text_is(name->d.uniformResourceIdentifier, want);
    case GEN_IPADD:
        return address_is(name->d.iPAddress, want);
    default:
        return false;
    }
}

static bool san_allowed(const TlsServer *server, X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool found = false;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++) {
        for (size_t j = 0; j < server->allowed_san_count; j++) {
            found = found || name_is(sk_GENERAL_NAME_value(names, i), server->allowed_sans[j]);
        }
    }
    GENERAL_NAMES_free(names);
    return found;
}

static int verify_san(int ok, X509_STORE_CTX *store)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const TlsServer *server = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), server_index);
    if (ok && X509_STORE_CTX_get_error_depth(store) == 0 && server->allowed_san_count > 0 &&
        !san_allowed(server, X509_STORE_CTX_get_current_cert(store))) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    return ok;
}

static int accept_any(int ok, X509_STORE_CTX *store)
{
    (void)verify_san(1, store);
    (void)ok;
    return X509_STORE_CTX_get_error(store) != X509_V_ERR_APPLICATION_VERIFICATION;
}

static bool use_client_auth(SSL_CTX *context, const TlsServerConfig *config, Err *err)
{
    bool checked = config->client_auth == TLS_CLIENT_VERIFY_IF_GIVEN ||
                   config->client_auth == TLS_CLIENT_REQUIRE_VERIFIED;
    bool required = config->client_auth == TLS_CLIENT_REQUIRE_ANY ||
                    config->client_auth == TLS_CLIENT_REQUIRE_VERIFIED;
    if (config->client_auth == TLS_CLIENT_NONE) {
        return true;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       checked ? verify_san : accept_any);
    return !checked || use_client_ca(context, config->client_ca, err);
}

/* HTTP/1.1 is what this server speaks; a client that offers only others is told so. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned int in_len, void *self)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)self;
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, ours, sizeof(ours) - 1,
                                 in, in_len) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void set_modes(SSL_CTX *context)
{
    static const unsigned char session_id[] = "vigie";
    /* Release: an idle connection keeps no 34 KB of buffers. Moving: what is sent again may have
     * moved to another place in memory. */
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets do without */
    (void)SSL_CTX_set_session_id_context(context, session_id, sizeof(session_id) - 1);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
}

/* The struct lives as long as its context, which every connection holds. */
static void on_context_free(void *context, void *self, CRYPTO_EX_DATA *data, int index, long number,
                            void *other)
{
    (void)context, (void)data, (void)index, (void)number, (void)other;
    TlsServer *server = self;
    if (!server) {
        return;
    }
    for (size_t i = 0; i < server->allowed_san_count; i++) {
        mem_free(server->allowed_sans[i]);
    }
    mem_free(server->allowed_sans);
    mem_free(server);
}

static void make_index(void)
{
    server_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_free);
}

static void copy_sans(TlsServer *server, const TlsServerConfig *config)
{
    server->allowed_san_count = config->allowed_san_count;
    server->allowed_sans = MEM_ARRAY(char *, config->allowed_san_count + 1);
    for (size_t i = 0; i < config->allowed_san_count; i++) {
        Str san = config->allowed_sans[i];
        server->allowed_sans[i] = mem_zero(san.len + 1, 1);
        memcpy(server->allowed_sans[i], san.ptr, san.len);
    }
}

bool tls_server_new(const TlsServerConfig *config, TlsServer **ret, Err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_index);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context) {
        return openssl_error(err, "TLS");
    }
    TlsServer *server = MEM_NEW(TlsServer);
    server->context = context;
    copy_sans(server, config);
    (void)SSL_CTX_set_ex_data(context, server_index, server);
    set_modes(context);
    if (!use_versions(context, config, err) || !use_certificate(context, config->cert, err) ||
        !use_key(context, config->key, err) || !use_ciphers(context, config, err) ||
        !use_curves(context, config, err) || !use_client_auth(context, config, err)) {
        tls_server_free(server);
        return false;
    }
    *ret = server;
    return true;
}

void tls_server_free(TlsServer *server)
{
    if (server) {
        SSL_CTX_free(server->context);
    }
}

struct ssl_st *tls_server_accept(const TlsServer *server, int fd)
{
    SSL *ssl = SSL_new(server->context);
    if (ssl && SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ssl = NULL;
    }
    if (ssl) {
        SSL_set_accept_state(ssl);
    }
    return ssl;
}
