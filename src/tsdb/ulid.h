/*
 * ULIDs: 128 bits that name a block: 48 bits of Unix milliseconds, then 80 random ones, written as
 * 26 letters of Crockford's base 32, so that names sort by time.
 *
 * Layer: tsdb. Memory: none. Thread: any. Source: github.com/ulid/spec.
 */
#pragma once

#include "base/str.h"
#include "base/types.h"

enum {
    ULID_SIZE = 16,
    ULID_TEXT_SIZE = 26, /* letters, without a final NUL */
};

typedef struct Ulid {
    u8 bytes[ULID_SIZE]; /* big endian */
} Ulid;

Ulid ulid_new(i64 t_ms); /* random bits from the kernel */
i64 ulid_time_ms(const Ulid *ulid);
bool ulid_eq(const Ulid *a, const Ulid *b);

/* Letters of either case; false on anything else. */
bool ulid_parse(Str text, Ulid *ret);
void ulid_format(const Ulid *ulid, char ret_text[ULID_TEXT_SIZE + 1]); /* ends in a NUL */
