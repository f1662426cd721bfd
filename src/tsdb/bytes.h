/*
 * Bytes: reading numbers and strings from stored bytes. The first read that does not fit marks the
 * reader bad, and everything after it gives zero, so that a decoder looks once at the end.
 *
 * Layer: tsdb. Memory: borrows the bytes. Thread: the caller's own.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "base/types.h"
#include "model/sample.h"
#include "tsdb/bits.h"

typedef struct ByteReader {
    const u8 *begin, *at, *end;
    bool bad;
} ByteReader;

enum { VARINT_SIZE_MAX = 10 };

static inline ByteReader byte_reader(Str bytes)
{
    const u8 *begin = (const u8 *)bytes.ptr;
    return (ByteReader){.begin = begin, .at = begin, .end = begin + bytes.len};
}

static inline size_t bytes_left(const ByteReader *in)
{
    return (size_t)(in->end - in->at);
}

static inline u64 bytes_fail(ByteReader *in)
{
    in->bad = true;
    in->at = in->end;
    return 0;
}

static inline u8 bytes_u8(ByteReader *in)
{
    return in->at < in->end ? *in->at++ : (u8)bytes_fail(in);
}

static inline u64 bytes_u64be(ByteReader *in)
{
    if (bytes_left(in) < sizeof(u64)) {
        return bytes_fail(in);
    }
    in->at += sizeof(u64);
    return load_u64be(in->at - sizeof(u64));
}

static inline f64 bytes_f64be(ByteReader *in)
{
    return f64_from_bits(bytes_u64be(in));
}

static inline u64 bytes_uvarint(ByteReader *in)
{
    u64 number = 0;
    for (u32 shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        u8 byte = *in->at++;
        number |= (u64)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return shift < 63 || byte <= 1 ? number : bytes_fail(in);
        }
    }
    return bytes_fail(in);
}

static inline i64 bytes_varint(ByteReader *in)
{
    u64 zigzag = bytes_uvarint(in);
    return (i64)(zigzag >> 1 ^ (0 - (zigzag & 1)));
}

/* A string behind its length (uvarint). */
static inline Str bytes_str(ByteReader *in)
{
    u64 len = bytes_uvarint(in);
    if (len > bytes_left(in)) {
        (void)bytes_fail(in);
        return STR_EMPTY;
    }
    in->at += len;
    return (Str){.ptr = (const char *)in->at - len, .len = (size_t)len};
}

/* The writing side into memory that is known to have room; each returns the place behind. */
static inline u8 *store_uvarint(u8 *to, u64 number)
{
    for (; number >= 0x80; number >>= 7) {
        *to++ = (u8)(number | 0x80);
    }
    *to++ = (u8)number;
    return to;
}

static inline u8 *store_varint(u8 *to, i64 number)
{
    return store_uvarint(to, (u64)number << 1 ^ (u64)(number >> 63));
}
