/* Tests of codec/digest.h. */
#include "codec/digest.h"

#include "base/test.h"

#include <stdio.h>
#include <string.h>

static Str hex_of(Str data, char to[2 * MD5_SIZE + 1])
{
    u8 digest[MD5_SIZE];
    md5(data, digest);
    for (size_t i = 0; i < MD5_SIZE; i++) {
        (void)snprintf(to + 2 * i, 3, "%02x", digest[i]);
    }
    return (Str){.ptr = to, .len = 2 * MD5_SIZE};
}

TEST(digest, md5_gives_the_values_of_the_rfc)
{
    static const struct {
        Str data, want;
    } cases[] = {
        {STR_INIT(""), STR_INIT("d41d8cd98f00b204e9800998ecf8427e")},
        {STR_INIT("a"), STR_INIT("0cc175b9c0f1b6a831c399e269772661")},
        {STR_INIT("abc"), STR_INIT("900150983cd24fb0d6963f7d28e17f72")},
        {STR_INIT("message digest"), STR_INIT("f96b697d7cb7938d525a2f31aaf161d0")},
        {STR_INIT("abcdefghijklmnopqrstuvwxyz"), STR_INIT("c3fcd3d76192e4007dfb496cca67e13b")},
        {STR_INIT("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
         STR_INIT("d174ab98d277d9f5a5611c2c9f419d9f")},
        {STR_INIT("1234567890123456789012345678901234567890"
                  "1234567890123456789012345678901234567890"),
         STR_INIT("57edf4a22be3c955ac49da2e2107b67a")},
    };
    char text[2 * MD5_SIZE + 1];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CHECK_STR(hex_of(cases[i].data, text), cases[i].want);
    }
}

TEST(digest, md5_pads_every_length_around_a_block)
{
    /* MD5 over the digests of "x" repeated 0 … 130 times; the sum was computed with another MD5. */
    static char run[131];
    u8 digests[131 * MD5_SIZE];
    char text[2 * MD5_SIZE + 1];
    memset(run, 'x', sizeof(run));
    for (size_t size = 0; size < sizeof(run); size++) {
        md5((Str){.ptr = run, .len = size}, digests + size * MD5_SIZE);
    }
    CHECK_STR(hex_of((Str){.ptr = (const char *)digests, .len = sizeof(digests)}, text),
              S("e4edc384b1abcb5696e09f9aca1eb23c"));
}

static Str hex(const u8 *digest, size_t size, char *to)
{
    for (size_t i = 0; i < size; i++) {
        (void)snprintf(to + 2 * i, 3, "%02x", digest[i]);
    }
    return (Str){.ptr = to, .len = 2 * size};
}

TEST(digest, sha_gives_the_values_of_the_standard)
{
    u8 digest[SHA256_SIZE];
    char text[2 * SHA256_SIZE + 1];
    sha1(S("abc"), digest);
    CHECK_STR(hex(digest, SHA1_SIZE, text), S("a9993e364706816aba3e25717850c26c9cd0d89d"));
    sha1(STR_EMPTY, digest);
    CHECK_STR(hex(digest, SHA1_SIZE, text), S("da39a3ee5e6b4b0d3255bfef95601890afd80709"));
    sha256(S("abc"), digest);
    CHECK_STR(hex(digest, SHA256_SIZE, text),
              S("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    sha256(STR_EMPTY, digest);
    CHECK_STR(hex(digest, SHA256_SIZE, text),
              S("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
}
