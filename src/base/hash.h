/*
 * Hashes over bytes that are not for secrets: tables, fingerprints, sharding.
 *
 * Layer: base. Memory: none. Thread: any.
 */
#pragma once

#include "base/str.h"
#include "base/types.h"

u64 hash_bytes(const void *bytes, size_t size); /* XXH3, 64 bits; not stable across versions */
u64 hash_str(Str s);

/* 128 bits (XXH3): for identity by hash alone. A random seed keeps strangers from preparing two
 * texts with the same hash. */
typedef struct Hash128 {
    u64 low;
    u64 high;
} Hash128;
Hash128 hash_bytes_128(const void *bytes, size_t size, u64 seed);

u64 hash_u64(u64 number);              /* a bijection that spreads all bits */
u64 hash_combine(u64 hash, u64 other); /* order matters */

u64 hash_xxh64(const void *bytes, size_t size); /* XXH64, seed 0: stored formats that name it */

#define FNV1A_START 0xcbf29ce484222325ULL
u64 hash_fnv1a(u64 hash, const void *bytes, size_t size); /* start with FNV1A_START */

/* CRC-32C (Castagnoli) of more bytes after `crc`; start with 0. Source: RFC 3720 appendix B.4. */
u32 crc32c(u32 crc, const void *bytes, size_t size);
