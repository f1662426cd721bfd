/* Hashes: see hash.h. Layer: base. Memory: none. Thread: any. */
#include "base/hash.h"

#include <string.h>
#include <xxhash.h>
#if defined(__x86_64__)
#    include <nmmintrin.h>
#endif

u64 hash_bytes(const void *bytes, size_t size)
{
    return XXH3_64bits(bytes, size);
}

u64 hash_str(Str s)
{
    return XXH3_64bits(s.ptr, s.len);
}

Hash128 hash_bytes_128(const void *bytes, size_t size, u64 seed)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, size, seed);
    return (Hash128){.low = hash.low64, .high = hash.high64};
}

u64 hash_u64(u64 number)
{
    number ^= number >> 32;
    number *= 0xd6e8feb86659fd93ULL;
    number ^= number >> 32;
    number *= 0xd6e8feb86659fd93ULL;
    number ^= number >> 32;
    return number;
}

u64 hash_combine(u64 hash, u64 other)
{
    return hash_u64(hash * 31 + other);
}

u64 hash_xxh64(const void *bytes, size_t size)
{
    return XXH64(bytes, size, 0);
}

u64 hash_fnv1a(u64 hash, const void *bytes, size_t size)
{
    const u8 *at = bytes;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ at[i]) * 0x100000001b3ULL;
    }
    return hash;
}

static u32 crc32c_by_bits(u32 crc, const u8 *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82f63b78U & (0U - (crc & 1)));
        }
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static u32 crc32c_by_cpu(u32 crc, const u8 *at, size_t size)
{
    u64 wide = crc;
    for (; size >= 8; size -= 8, at += 8) {
        u64 word;
        memcpy(&word, at, sizeof(word));
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (u32)wide;
    for (; size > 0; size--, at++) {
        crc = _mm_crc32_u8(crc, *at);
    }
    return crc;
}
#endif

u32 crc32c(u32 crc, const void *bytes, size_t size)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc32c_by_cpu(~crc, bytes, size);
    }
#endif
    return ~crc32c_by_bits(~crc, bytes, size);
}
