/* Tests of net/jwt.h: what is signed is read back and checked with the public key. */
#include "net/jwt.h"

#include "base/arena.h"
#include "base/test.h"
#include "codec/base64.h"
#include "net/tls_fixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

/* A new key, and its PEM text. */
static EVP_PKEY *key_make(const EVP_CIPHER *cipher, char *pem, size_t size)
{
    EVP_PKEY *key = EVP_RSA_gen(2048);
    BIO *bio = BIO_new(BIO_s_mem());
    CHECK(key && bio);
    CHECK(PEM_write_bio_PrivateKey(bio, key, cipher, cipher ? (const u8 *)"pw" : NULL,
                                   cipher ? 2 : 0, NULL, NULL) == 1);
    int len = BIO_read(bio, pem, (int)size - 1);
    CHECK(len > 0);
    pem[len] = '\0';
    (void)BIO_free(bio);
    return key;
}

static bool verify(EVP_PKEY *key, const EVP_MD *digest, Str text, Str signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    CHECK(context && EVP_DigestVerifyInit(context, NULL, digest, NULL, key) == 1);
    bool ok = EVP_DigestVerify(context, (const u8 *)signature.ptr, signature.len,
                               (const u8 *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

/* The three parts, decoded. */
static void take_apart(Str token, Buf parts[3])
{
    Str part;
    for (size_t i = 0; i < 3; i++) {
        Err err;
        buf_init(&parts[i], MIB);
        CHECK(str_split_next(&token, '.', &part));
        CHECK_OK(base64url_decode(part, &parts[i], &err), &err);
    }
    CHECK(token.ptr == NULL);
}

TEST(jwt, assertions_carry_their_claims_and_a_signature_that_holds)
{
    static const char *const algorithms[] = {"", "RS256", "RS384", "RS512"};
    const EVP_MD *const digests[] = {EVP_sha256(), EVP_sha256(), EVP_sha384(), EVP_sha512()};
    char pem[4096];
    EVP_PKEY *key = key_make(NULL, pem, sizeof(pem));
    for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
        JwtOpts opts = {.key = str_from(pem),
                        .key_id = S("k1"),
                        .algorithm = str_from(algorithms[i]),
                        .issuer = S("me"),
                        .subject = S("sub"),
                        .audience = S("http://a/"),
                        .scope = S("a b"),
                        .claims = S("{\"x\":[1,true],\"sub\":\"other\"}"),
                        .now_s = 1000};
        CLEANUP(buf_done) Buf out;
        Buf parts[3];
        Err err;
        buf_init(&out, MIB);
        CHECK_OK(jwt_sign(&opts, &out, &err), &err);
        Str token = buf_view(&out);
        take_apart(token, parts);
        Str claims = buf_view(&parts[1]);
        CHECK(str_contains(buf_view(&parts[0]), i < 2 ? S("{\"alg\":\"RS256\",\"typ\":\"JWT\"")
                                                      : str_from(algorithms[i])));
        CHECK(str_contains(buf_view(&parts[0]), S("\"kid\":\"k1\"")));
        CHECK(str_starts_with(claims, S("{\"x\":[1,true],\"sub\":\"other\",\"iss\":\"me\",\"aud\":"
                                        "\"http://a/\",\"jti\":\"")));
        CHECK(str_ends_with(claims, S("\",\"iat\":1000,\"exp\":1600,\"scope\":\"a b\"}")));
        Str text = str_take(token, str_find_last_byte(token, '.'));
        CHECK(verify(key, digests[i], text, buf_view(&parts[2])));
        parts[2].data[5] ^= 1;
        CHECK(!verify(key, digests[i], text, buf_view(&parts[2])));
        for (size_t j = 0; j < 3; j++) {
            buf_done(&parts[j]);
        }
    }
    EVP_PKEY_free(key);
}

TEST(jwt, keys_and_claims_that_do_not_fit_are_refused)
{
    static TestCertificate elliptic;
    char locked[4096];
    char pem[4096];
    EVP_PKEY_free(key_make(EVP_aes_128_cbc(), locked, sizeof(locked)));
    EVP_PKEY_free(key_make(NULL, pem, sizeof(pem)));
    certificate_make(&elliptic, "x", NULL, NULL);
    const struct {
        const char *key;
        const char *algorithm;
        const char *claims;
    } cases[] = {
        {"", "RS256", "{}"},     {"hunter2", "RS256", "{}"}, {elliptic.key, "RS256", "{}"},
        {locked, "RS256", "{}"}, {pem, "HS256", "{}"},       {pem, "none", "{}"},
        {pem, "RS256", "[]"},    {pem, "RS256", "{"},        {pem, "RS256", "{\"a\":}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        JwtOpts opts = {.key = str_from(cases[i].key),
                        .algorithm = str_from(cases[i].algorithm),
                        .claims = str_from(cases[i].claims)};
        CLEANUP(buf_done) Buf out;
        Err err;
        buf_init(&out, MIB);
        CHECK(!jwt_sign(&opts, &out, &err));
        CHECK_I64(err.code, ERR_INVALID);
        CHECK_U64(out.len, 0);
        CHECK(!str_contains(str_from(err.message), S("hunter2")));
    }
}

TEST(jwt, claims_of_a_file_keep_their_types)
{
    CLEANUP(buf_done) Buf out;
    Arena arena;
    YamlNode *root;
    Err err;
    buf_init(&out, MIB);
    arena_init(&arena, MIB);
    CHECK_OK(yaml_parse(S("a: text\nb: 5\nc: true\nd: '5'\ne: null\nf: [1.5, x]\ng: {h: -1}\n"
                          "i: False\n"),
                        &arena, &root, &err),
             &err);
    jwt_claims_from_yaml(root, &out);
    CHECK_STR(buf_view(&out), S("{\"a\":\"text\",\"b\":5,\"c\":true,\"d\":\"5\",\"e\":null,"
                                "\"f\":[1.5,\"x\"],\"g\":{\"h\":-1},\"i\":false}"));
    buf_clear(&out);
    jwt_claims_from_yaml(NULL, &out);
    CHECK_STR(buf_view(&out), S("{}"));
    arena_done(&arena);
}
