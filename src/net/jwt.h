/*
 * JWT assertions: the signed statement with which a client asks for a token in the JWT bearer
 * grant.
 *
 * Layer: net, inside the HTTP client (OpenSSL). Memory: the caller's buffers. Thread: any. Signing
 * with 2048 bits takes about a millisecond.
 * Source: RFC 7515 (compact form, RS256 …), RFC 7519 (claims), RFC 7523 section 3.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "codec/yaml.h"

enum {
    JWT_LIFE_S = 600, /* of an assertion; it is used at once */
};

typedef struct JwtOpts {
    Str key;       /* PEM of an RSA key, PKCS#1 or PKCS#8, without a passphrase */
    Str key_id;    /* "kid" of the header; empty: none */
    Str algorithm; /* RS256, RS384 or RS512; empty: RS256 */
    Str issuer;
    Str subject;
    Str audience;
    Str scope;  /* empty: none */
    Str claims; /* a JSON object whose members stand before all of the above; or empty */
    i64 now_s;  /* Unix seconds */
} JwtOpts;

/* Appends "header.claims.signature". Errors  ERR_INVALID, never with a part of the key. */
bool jwt_sign(const JwtOpts *opts, Buf *out, Err *err) MUST_USE;

/* A mapping of a configuration file as a JSON object; NULL gives "{}". */
void jwt_claims_from_yaml(const YamlNode *mapping, Buf *out);
