/* JWT assertions: see jwt.h. Layer: net (OpenSSL). */
#include "net/jwt.h"

#include "base/arena.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "codec/number.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <string.h>

enum {
    JWT_PART_MAX = 4 * 1024 * 1024, /* bytes of header or claims */
};

/* ---- claims ---- */

static void put_scalar(JsonWriter *writer, const YamlNode *node)
{
    const char *tag = yaml_tag(node);
    i64 whole;
    f64 number;
    if (strcmp(tag, "!!null") == 0) {
        json_put_null(writer);
    } else if (strcmp(tag, "!!bool") == 0) {
        json_put_bool(writer, str_starts_with(node->scalar, S("t")) ||
                                  str_starts_with(node->scalar, S("T")));
    } else if (strcmp(tag, "!!int") == 0 && str_to_i64(node->scalar, &whole)) {
        json_put_i64(writer, whole);
    } else if (strcmp(tag, "!!float") == 0 && f64_parse(node->scalar, &number)) {
        json_put_f64(writer, number);
    } else {
        json_put_str(writer, node->scalar);
    }
}

// NOLINTNEXTLINE(misc-no-recursion): the YAML parser bounds the depth
static void put_node(JsonWriter *writer, const YamlNode *node)
{
    switch (node->kind) {
    case YAML_MAPPING:
        json_object(writer);
        for (size_t i = 0; i < node->count; i++) {
            json_key(writer, node->pairs[i].key->scalar);
            put_node(writer, node->pairs[i].value);
        }
        json_object_end(writer);
        break;
    case YAML_LIST:
        json_array(writer);
        for (size_t i = 0; i < node->count; i++) {
            put_node(writer, node->items[i]);
        }
        json_array_end(writer);
        break;
    case YAML_SCALAR:
    case YAML_NULL:
        put_scalar(writer, node);
        break;
    }
}

void jwt_claims_from_yaml(const YamlNode *mapping, Buf *out)
{
    JsonWriter writer;
    json_writer_init(&writer, out);
    if (mapping && mapping->kind == YAML_MAPPING) {
        put_node(&writer, mapping);
    } else {
        buf_lit(out, "{}");
    }
}

typedef struct Claim {
    Str name;
    Str text; /* empty: `number` */
    i64 number;
    bool given; /* by the configuration */
} Claim;

/* Copies the configured members, and marks which of ours they replace. */
static bool copy_claims(Str json, JsonWriter *writer, Claim *claims, size_t count, Err *err)
{
    JsonReader reader;
    Str key;
    Str value;
    Arena arena;
    arena_init(&arena, JWT_PART_MAX);
    json_init(&reader, json, &arena);
    if (json_begin_object(&reader)) {
        while (json_next_key(&reader, &key) && json_raw(&reader, &value)) {
            json_key(writer, key);
            json_put_raw(writer, value);
            for (size_t i = 0; i < count; i++) {
                claims[i].given = claims[i].given || str_eq(claims[i].name, key);
            }
        }
    }
    bool ok = json_finish(&reader, err);
    arena_done(&arena);
    return ok;
}

/* A random identifier, so that a server can see an assertion used twice. */
static bool make_id(char id[33], Err *err)
{
    static const char digits[] = "0123456789abcdef";
    u8 bytes[16];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return err_set(err, ERR_UNAVAILABLE, "no random bytes");
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        id[2 * i] = digits[bytes[i] >> 4];
        id[2 * i + 1] = digits[bytes[i] & 15];
    }
    id[32] = '\0';
    return true;
}

static bool put_claims(const JwtOpts *opts, Buf *out, Err *err)
{
    char id[33];
    JsonWriter writer;
    if (!make_id(id, err)) {
        return false;
    }
    Claim claims[] = {
        {.name = S("iss"), .text = opts->issuer},
        {.name = S("sub"), .text = opts->subject},
        {.name = S("aud"), .text = opts->audience},
        {.name = S("jti"), .text = str_from(id)},
        {.name = S("iat"), .number = opts->now_s},
        {.name = S("exp"), .number = opts->now_s + JWT_LIFE_S},
        {.name = S("scope"), .text = opts->scope},
    };
    json_writer_init(&writer, out);
    json_object(&writer);
    if (opts->claims.len > 0 &&
        !copy_claims(opts->claims, &writer, claims, COUNT_OF(claims), err)) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(claims); i++) {
        if (claims[i].given || (claims[i].text.len == 0 && claims[i].number == 0)) {
            continue;
        }
        json_key(&writer, claims[i].name);
        if (claims[i].text.len > 0) {
            json_put_str(&writer, claims[i].text);
        } else {
            json_put_i64(&writer, claims[i].number);
        }
    }
    json_object_end(&writer);
    return buf_ok(out, err);
}

static bool put_header(const JwtOpts *opts, Str algorithm, Buf *out, Err *err)
{
    JsonWriter writer;
    json_writer_init(&writer, out);
    json_object(&writer);
    json_key_str(&writer, "alg", algorithm);
    json_key_str(&writer, "typ", S("JWT"));
    if (opts->key_id.len > 0) {
        json_key_str(&writer, "kid", opts->key_id);
    }
    json_object_end(&writer);
    return buf_ok(out, err);
}

/* ---- the signature ---- */

static int no_passphrase(char *to, int size, int writing, void *self)
{
    (void)to;
    (void)size;
    (void)writing;
    (void)self;
    return 0; /* never ask the terminal */
}

static const EVP_MD *digest_of(Str algorithm)
{
    return str_eq(algorithm, S("RS256"))   ? EVP_sha256()
           : str_eq(algorithm, S("RS384")) ? EVP_sha384()
           : str_eq(algorithm, S("RS512")) ? EVP_sha512()
                                           : NULL;
}

static EVP_PKEY *key_read(Str pem)
{
    BIO *bio = pem.len < INT32_MAX ? BIO_new_mem_buf(pem.ptr, (int)pem.len) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    (void)BIO_free(bio);
    if (key && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

static bool sign(EVP_PKEY *key, const EVP_MD *digest, Str text, Buf *out)
{
    u8 signature[2048]; /* bytes: keys of up to 16384 bits, OpenSSL's own limit */
    size_t size = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && EVP_DigestSignInit(context, NULL, digest, NULL, key) == 1 &&
              EVP_DigestSign(context, signature, &size, (const u8 *)text.ptr, text.len) == 1;
    if (ok) {
        base64url_encode(out, (Str){.ptr = (const char *)signature, .len = size});
    }
    EVP_MD_CTX_free(context);
    return ok;
}

bool jwt_sign(const JwtOpts *opts, Buf *out, Err *err)
{
    CLEANUP(buf_done) Buf header;
    CLEANUP(buf_done) Buf claims;
    CLEANUP(buf_done) Buf text;
    Str algorithm = opts->algorithm.len > 0 ? opts->algorithm : S("RS256");
    const EVP_MD *digest = digest_of(algorithm);
    buf_init(&header, JWT_PART_MAX);
    buf_init(&claims, JWT_PART_MAX);
    buf_init(&text, 4 * JWT_PART_MAX);
    if (!digest) {
        return err_set(err, ERR_INVALID, "unknown signature algorithm " STR_FMT,
                       STR_ARG(algorithm));
    }
    if (!put_header(opts, algorithm, &header, err) || !put_claims(opts, &claims, err)) {
        return false;
    }
    EVP_PKEY *key = key_read(opts->key);
    ERR_clear_error(); /* what is left in the thread's queue would fail a later TLS call */
    if (!key) {
        return err_set(err, ERR_INVALID,
                       "the client certificate key is no RSA key in PEM without a passphrase");
    }
    base64url_encode(&text, buf_view(&header));
    buf_byte(&text, '.');
    base64url_encode(&text, buf_view(&claims));
    Str signed_text = buf_view(&text);
    buf_str(out, signed_text);
    buf_byte(out, '.');
    bool ok = sign(key, digest, signed_text, out);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ok ? buf_ok(out, err) : err_set(err, ERR_INVALID, "signing with the key failed");
}
