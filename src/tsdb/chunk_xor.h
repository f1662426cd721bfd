/*
 * XOR chunks (encoding 1): up to 65,535 float samples of one series, bit for bit as Prometheus
 * writes them.
 *
 *     offset  size  meaning
 *     0       2     number of samples, big endian
 *     2       …     bits, first sample: time (zig-zag varint), value (64 bits)
 *                   second sample: time difference (varint), value as below
 *                   later: difference of the differences, value as below
 *
 *     difference of differences       value, XOR with the one before
 *     0                       equal   0                            equal
 *     10   + 14 bits                  10 + significant bits        window of the one before
 *     110  + 17 bits                  11 + leading zeros (5 bits), count of significant bits
 *     1110 + 20 bits                       (6 bits, 0 means 64), the significant bits
 *     1111 + 64 bits
 *
 * Layer: tsdb. Memory: the caller's buffers. Thread: one appender, one thread; decoding any.
 * Source: Pelkonen et al., "Gorilla", VLDB 2015; Prometheus tsdb/docs/format/chunks.md.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

enum {
    XOR_HEADER_SIZE = 2,
    XOR_SAMPLES_MAX = 65535,
    XOR_SAMPLE_BYTES_MAX = 21, /* one sample, the shared byte in front included */
    XOR_ENCODE_ROOM = 32,      /* bytes xor_encode may write, undefined behind those it names */
    XOR_SCRATCH_SIZE = XOR_ENCODE_ROOM,
};

/* What the next sample is coded against. Zeroed: an empty chunk. */
typedef struct XorAppender {
    i64 t_ms; /* of the newest sample */
    f64 value;
    u64 delta_ms; /* between the two newest */
    u32 bits;     /* used in the chunk, header included; 0 when empty */
    u16 count;    /* samples */
    u8 leading;   /* window of the last value that had one */
    u8 trailing;  /* 0xff: none yet */
} XorAppender;

/* Where the next sample's first bits go; the byte may be partly used. */
static inline u32 xor_next_byte(const XorAppender *appender)
{
    return appender->count ? appender->bits / 8 : XOR_HEADER_SIZE;
}

/*
 * Codes one sample and moves the appender on.
 * last_byte  the chunk's byte xor_next_byte (anything when nothing of it is used)
 * out        at least XOR_ENCODE_ROOM bytes; receives what belongs there; may be that very place
 * Returns the number of bytes that count. The caller also stores appender->count at the chunk's
 * start.
 */
u32 xor_encode(XorAppender *appender, u8 last_byte, i64 t_ms, f64 value, u8 *out);

/* The same into a chunk that has room for XOR_HEADER_SIZE and XOR_SAMPLE_BYTES_MAX more bytes. */
void xor_append(XorAppender *appender, u8 *chunk, i64 t_ms, f64 value);

static inline u32 xor_size(const XorAppender *appender) /* bytes of the chunk */
{
    return (appender->bits + 7) / 8;
}

/* Samples a chunk says it has; 0 for one that is too short. */
size_t xor_count(Str chunk);

/*
 * Decodes the first `count` samples into two columns.
 * Errors  ERR_CORRUPT when there are fewer or the bits make no sense; columns are then undefined
 */
bool xor_decode(Str chunk, size_t count, i64 *ret_t_ms, f64 *ret_value, Err *err) MUST_USE;

/* An appender that goes on behind the last sample. ERR_CORRUPT. */
bool xor_resume(Str chunk, XorAppender *ret, Err *err) MUST_USE;
