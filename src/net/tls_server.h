/*
 * TLS server: certificates, client certificates, versions and ciphers of the accepting side, as
 * Prometheus's web configuration names them, turned into an OpenSSL context.
 *
 * Layer: net (OpenSSL). Memory: tls_server_free; connections keep the context they began with.
 * Thread: a context is immutable and may be used by all threads.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "net/client_config.h"

typedef enum TlsClientAuth {
    TLS_CLIENT_NONE,             /* NoClientCert */
    TLS_CLIENT_REQUEST,          /* RequestClientCert: asked for, never checked */
    TLS_CLIENT_REQUIRE_ANY,      /* RequireAnyClientCert: must be there, not checked */
    TLS_CLIENT_VERIFY_IF_GIVEN,  /* VerifyClientCertIfGiven */
    TLS_CLIENT_REQUIRE_VERIFIED, /* RequireAndVerifyClientCert */
} TlsClientAuth;

typedef struct TlsServerConfig {
    Str cert; /* PEM text: the certificate and its chain */
    Str key;  /* PEM text, secret */
    TlsClientAuth client_auth;
    Str client_ca;           /* PEM text; empty: the system's authorities */
    const Str *allowed_sans; /* a client certificate must carry one of these; none: any will do */
    size_t allowed_san_count;
    const Str *ciphers; /* Go's (IANA's) names; those of TLS 1.3 are always on */
    size_t cipher_count;
    const Str *curves; /* "CurveP256", "X25519", …; empty: OpenSSL's */
    size_t curve_count;
    TlsVersion min_version; /* ANY: 1.2 */
    TlsVersion max_version;
} TlsServerConfig;

typedef struct TlsServer TlsServer; /* immutable */

/* ERR_INVALID says which part is wrong. Copies what it needs of `config`. */
bool tls_server_new(const TlsServerConfig *config, TlsServer **ret, Err *err) MUST_USE;
void tls_server_free(TlsServer *server);

bool tls_cipher_known(Str name);
bool tls_curve_known(Str name);

struct ssl_st;
/* The state of one accepted connection; NULL when OpenSSL refuses. */
struct ssl_st *tls_server_accept(const TlsServer *server, int fd);
