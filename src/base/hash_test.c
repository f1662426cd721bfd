/* Tests of base/hash.h. */
#include "base/hash.h"

#include "base/random.h"
#include "base/test.h"

#include <string.h>

TEST(hash, crc32c_gives_the_examples_of_rfc_3720)
{
    u8 zeros[32] = {0};
    u8 ones[32];
    u8 up[32];
    u8 down[32];
    static const u8 scsi_read[48] = {0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0,    0, 0, 0, 0,
                                     0x14, 0,    0, 0, 0, 0, 4, 0, 0,    0, 0, 0x14, 0, 0, 0, 0x18,
                                     0x28, 0,    0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0,    0, 0, 0, 0};
    memset(ones, 0xFF, sizeof(ones));
    for (u8 i = 0; i < 32; i++) {
        up[i] = i;
        down[i] = (u8)(31 - i);
    }
    CHECK_U64(crc32c(0, zeros, 32), 0x8a9136aa);
    CHECK_U64(crc32c(0, ones, 32), 0x62a8ab43);
    CHECK_U64(crc32c(0, up, 32), 0x46dd794e);
    CHECK_U64(crc32c(0, down, 32), 0x113fdb5c);
    CHECK_U64(crc32c(0, scsi_read, 48), 0xd9963a56);
    CHECK_U64(crc32c(0, "123456789", 9), 0xe3069283);
    CHECK_U64(crc32c(0, "", 0), 0);
}

/* One bit at a time, straight from the polynomial. */
static u32 slow_crc32c(const u8 *bytes, size_t size)
{
    u32 crc = 0xFFFFFFFF;
    for (size_t bit = 0; bit < size * 8; bit++) {
        u32 in = (u32)(bytes[bit / 8] >> (bit % 8)) & 1;
        crc = ((crc ^ in) & 1) ? (crc >> 1) ^ 0x82f63b78U : crc >> 1;
    }
    return ~crc;
}

TEST(hash, crc32c_of_parts_is_the_crc32c_of_the_whole)
{
    u8 bytes[300];
    Random random;
    random_seed(&random, test_seed());
    for (size_t round = 0; round < 500; round++) {
        size_t size = random_below(&random, sizeof(bytes));
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (u8)random_u64(&random);
        }
        u32 want = slow_crc32c(bytes, size);
        size_t cut = random_below(&random, size + 1);
        CHECK_U64(crc32c(0, bytes, size), want);
        CHECK_U64(crc32c(crc32c(0, bytes, cut), bytes + cut, size - cut), want);
    }
}

TEST(hash, fnv1a_gives_its_authors_examples)
{
    CHECK_U64(hash_fnv1a(FNV1A_START, "", 0), 0xcbf29ce484222325ULL);
    CHECK_U64(hash_fnv1a(FNV1A_START, "a", 1), 0xaf63dc4c8601ec8cULL);
    CHECK_U64(hash_fnv1a(FNV1A_START, "foobar", 6), 0x85944171f73967e8ULL);
    CHECK_U64(hash_fnv1a(hash_fnv1a(FNV1A_START, "foo", 3), "bar", 3), 0x85944171f73967e8ULL);
}

TEST(hash, xxh64_gives_the_known_values_with_seed_zero)
{
    static const char *const digits =
        "12345678901234567890123456789012345678901234567890123456789012345678901234567890";
    CHECK_U64(hash_xxh64("", 0), 0xef46db3751d8e999ULL);
    CHECK_U64(hash_xxh64("a", 1), 0xd24ec4f1a98c6e5bULL);
    CHECK_U64(hash_xxh64("abc", 3), 0x44bc2cf5ad770999ULL);
    CHECK_U64(hash_xxh64(digits, 80), 0xe04a477f19ee145dULL);
}

TEST(hash, every_bit_of_a_number_moves_about_half_of_the_hash)
{
    for (int bit = 0; bit < 64; bit++) {
        u64 changed = 0;
        for (u64 i = 0; i < 1000; i++) {
            u64 number = i * 0x9e3779b97f4a7c15ULL;
            changed += (u64)__builtin_popcountll(hash_u64(number) ^ hash_u64(number ^ 1ULL << bit));
        }
        CHECK(changed > 1000 * 28 && changed < 1000 * 36);
    }
}

TEST(hash, combining_depends_on_the_order)
{
    CHECK(hash_combine(1, 2) != hash_combine(2, 1));
    CHECK_U64(hash_str(S("abc")), hash_bytes("abcd", 3));
    CHECK(hash_str(S("abc")) != hash_str(S("abd")));
}
