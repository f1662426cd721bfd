/* TLS fixture: see tls_fixture.h. Layer: net, tests only. Thread: main. */
#include "net/tls_fixture.h"

#include "base/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { VALID_SECONDS = 3600 };

static X509 *certificate_read(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    (void)BIO_free(bio);
    CHECK(certificate != NULL);
    return certificate;
}

static EVP_PKEY *key_read(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    (void)BIO_free(bio);
    CHECK(key != NULL);
    return key;
}

static void text_of(BIO *bio, char *to)
{
    int len = BIO_read(bio, to, PEM_TEXT_MAX - 1);
    CHECK(len > 0);
    to[len] = '\0';
    (void)BIO_free(bio);
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    CHECK(extension != NULL);
    CHECK(X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

void certificate_make(TestCertificate *ret, const char *name, const char *san,
                      const TestCertificate *issuer)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    CHECK(certificate && key);
    (void)X509_set_version(certificate, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    (void)X509_gmtime_adj(X509_getm_notBefore(certificate), -VALID_SECONDS);
    (void)X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_SECONDS);
    (void)X509_set_pubkey(certificate, key);
    X509_NAME *subject = X509_get_subject_name(certificate);
    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const u8 *)name, -1, -1, 0);
    if (san) {
        add_extension(certificate, NID_subject_alt_name, san);
    }
    X509 *by = issuer ? certificate_read(issuer->cert) : NULL;
    EVP_PKEY *by_key = issuer ? key_read(issuer->key) : NULL;
    if (!issuer) {
        add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    }
    (void)X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(by) : subject);
    CHECK(X509_sign(certificate, issuer ? by_key : key, EVP_sha256()) > 0);

    BIO *bio = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_X509(bio, certificate) == 1);
    text_of(bio, ret->cert);
    bio = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    text_of(bio, ret->key);
    X509_free(by);
    EVP_PKEY_free(by_key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void client_options(SSL_CTX *context, const TlsCall *call)
{
    if (call->version) {
        SSL_CTX_set_security_level(context, 0);
        (void)SSL_CTX_set_min_proto_version(context, call->version);
        (void)SSL_CTX_set_max_proto_version(context, call->version);
    }
    if (call->ciphers) {
        CHECK(SSL_CTX_set_cipher_list(context, call->ciphers) == 1);
    }
    if (call->ca) {
        X509 *ca = certificate_read(call->ca);
        (void)X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca);
        X509_free(ca);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    }
    if (call->certificate) {
        X509 *certificate = certificate_read(call->certificate->cert);
        EVP_PKEY *key = key_read(call->certificate->key);
        CHECK(SSL_CTX_use_certificate(context, certificate) == 1);
        CHECK(SSL_CTX_use_PrivateKey(context, key) == 1);
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
}

static int connect_to(u16 port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
    return fd;
}

bool tls_call(const TlsCall *call, Buf *reply)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    client_options(context, call);
    SSL *ssl = SSL_new(context);
    int fd = connect_to(call->port);
    (void)SSL_set_fd(ssl, fd);
    buf_clear(reply);
    if (SSL_connect(ssl) == 1 &&
        SSL_write(ssl, call->request.ptr, (int)call->request.len) == (int)call->request.len) {
        for (;;) {
            u8 *to = buf_reserve(reply, 16 * KIB);
            int got = to ? SSL_read(ssl, to, 16 * KIB) : 0;
            if (got <= 0) {
                break;
            }
            buf_advance(reply, (size_t)got);
        }
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    (void)close(fd);
    return reply->len > 0;
}
