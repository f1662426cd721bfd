/*
 * TLS fixture: certificates made on the spot, and a small client, for tests.
 *
 * Layer: net, tests only. Memory: the caller's buffers. Thread: main.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "base/types.h"

enum { PEM_TEXT_MAX = 8192 };

typedef struct TestCertificate {
    char cert[PEM_TEXT_MAX];
    char key[PEM_TEXT_MAX];
} TestCertificate;

/* issuer: NULL makes a self-signed authority. san: "DNS:localhost,IP:127.0.0.1", or NULL. */
void certificate_make(TestCertificate *ret, const char *name, const char *san,
                      const TestCertificate *issuer);

typedef struct TlsCall {
    u16 port;
    const char *ca;                     /* PEM; checks the server when not NULL */
    const TestCertificate *certificate; /* the client's own, or NULL */
    int version;                        /* TLS1_2_VERSION, …; 0: any */
    const char *ciphers;                /* OpenSSL's names; NULL: any */
    Str request;
} TlsCall;

/* Sends the request and reads until the server closes. False: no connection came about. */
bool tls_call(const TlsCall *call, Buf *reply);
