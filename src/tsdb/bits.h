/*
 * Bits: writing and reading runs of bits, most significant first, as the chunk encodings store
 * them. A position is a count of bits from the start of the bytes.
 *
 * Layer: tsdb. Memory: none. Thread: the caller's own.
 */
#pragma once

#include "base/types.h"

#include <string.h>

/* Bytes that bits_put may write from the byte of the position on. */
enum { BITS_PUT_BYTES = 9 };

static inline u64 load_u64be(const u8 *bytes)
{
    u64 word;
    memcpy(&word, bytes, sizeof(word));
    return __builtin_bswap64(word);
}

static inline void store_u64be(u8 *bytes, u64 word)
{
    word = __builtin_bswap64(word);
    memcpy(bytes, &word, sizeof(word));
}

static inline u32 load_u32be(const u8 *bytes)
{
    u32 word;
    memcpy(&word, bytes, sizeof(word));
    return __builtin_bswap32(word);
}

static inline u16 load_u16be(const u8 *bytes)
{
    return (u16)(bytes[0] << 8 | bytes[1]);
}

static inline void store_u16be(u8 *bytes, u16 number)
{
    bytes[0] = (u8)(number >> 8);
    bytes[1] = (u8)number;
}

/*
 * Writes the low `count` bits of `value` (1 … 64; the others must be zero) at *at.
 * Bits behind *at in its byte must be zero; what lies behind the written bits becomes zero or
 * stays undefined, never part of the run.
 */
static inline void bits_put(u8 *bytes, u32 *at, u64 value, u32 count)
{
    u8 *to = bytes + (*at >> 3);
    u32 used = *at & 7;
    u64 word = used ? (u64)to[0] << 56 : 0;
    if (used + count <= 64) {
        store_u64be(to, word | value << (64 - used - count));
    } else {
        u32 over = used + count - 64;
        store_u64be(to, word | value >> over);
        to[8] = (u8)(value << (8 - over));
    }
    *at += count;
}

/*
 * A sink collects bits in a register and stores whole words, for code that puts several numbers at
 * a time. bit_sink_end may write up to 8 bytes from the byte of the end on.
 */
typedef struct BitSink {
    u8 *at;   /* where `word` goes */
    u64 word; /* its `used` top bits count */
    u32 used; /* less than 64 */
} BitSink;

static inline void bit_sink_put(BitSink *sink, u64 value, u32 count)
{
    u32 free = 64 - sink->used;
    if (count < free) {
        sink->word |= value << (free - count);
        sink->used += count;
        return;
    }
    u32 over = count - free;
    store_u64be(sink->at, sink->word | value >> over);
    sink->at += sizeof(u64);
    sink->word = over ? value << (64 - over) : 0;
    sink->used = over;
}

static inline void bit_sink_end(const BitSink *sink)
{
    store_u64be(sink->at, sink->word);
}

/* A value is readable in `count` bits of two's complement whose range leans to the positive:
 * -(2^(count-1) - 1) … 2^(count-1). */
static inline bool bits_signed_fit(i64 value, u32 count)
{
    i64 half = (i64)1 << (count - 1);
    return value >= 1 - half && value <= half;
}

static inline u64 bits_mask(u32 count)
{
    return count == 64 ? UINT64_MAX : ((u64)1 << count) - 1;
}

/* The value of `count` (< 64) bits written under bits_signed_fit. */
static inline i64 bits_to_signed(u64 bits, u32 count)
{
    return (i64)(bits > (u64)1 << (count - 1) ? bits - ((u64)1 << count) : bits);
}

/*
 * A reader never looks past its bytes: behind the end it sees zero bits, and `at` says how far it
 * went, so that one comparison a sample (bits_past_end) finds data that was cut short.
 */
typedef struct BitReader {
    const u8 *bytes;
    size_t size; /* bytes */
    u64 at;      /* bits */
} BitReader;

enum { BITS_PEEK = 57 }; /* bits of bits_peek that are always valid */

static inline bool bits_past_end(const BitReader *reader)
{
    return reader->at > (u64)reader->size * 8;
}

/* The next bits, first one on top; BITS_PEEK of them are valid. */
static inline u64 bits_peek(const BitReader *reader)
{
    size_t byte = (size_t)(reader->at >> 3);
    u32 used = (u32)(reader->at & 7);
    if (__builtin_expect(byte + sizeof(u64) <= reader->size, 1)) {
        return load_u64be(reader->bytes + byte) << used;
    }
    u64 word = 0;
    for (size_t i = 0; byte + i < reader->size && i < sizeof(u64); i++) {
        word |= (u64)reader->bytes[byte + i] << (56 - 8 * i);
    }
    return word << used;
}

/* Reads 1 … 64 bits. */
static inline u64 bits_get(BitReader *reader, u32 count)
{
    u64 word = bits_peek(reader);
    if (count <= BITS_PEEK) {
        reader->at += count;
        return word >> (64 - count);
    }
    u64 high = word >> 32;
    reader->at += 32;
    u64 low = bits_peek(reader) >> (64 - (count - 32));
    reader->at += count - 32;
    return high << (count - 32) | low;
}
