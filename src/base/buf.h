/*
 * Buf: a growable run of bytes that must name its maximum.
 *
 * Appending past the maximum sets `overflowed` and appends nothing more, so a writer may put a
 * whole page together and look once at the end (buf_ok). Nothing is lost silently: who sends the
 * bytes checks first.
 *
 * Layer: base. Memory: buf_done frees; views are valid until the next change. Thread: one at a
 * time.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct Buf {
    u8 *data;        /* owned */
    size_t len;      /* bytes in use */
    size_t capacity; /* bytes allocated */
    size_t max;      /* bytes; len never passes it */
    bool overflowed; /* something did not fit */
} Buf;

void buf_init(Buf *buf, size_t max);
void buf_done(Buf *buf);  /* safe on a zeroed Buf; keeps max, so it may be used again */
void buf_clear(Buf *buf); /* len 0, not overflowed; keeps the memory */

bool buf_ok(const Buf *buf, Err *err) MUST_USE; /* ERR_LIMIT when something did not fit */
Str buf_view(const Buf *buf);                   /* borrowed until the next change */

/* Room for `size` more bytes at the end, or NULL past the maximum. Follow with buf_advance. */
u8 *buf_reserve(Buf *buf, size_t size);
void buf_advance(Buf *buf, size_t size);

void buf_put(Buf *buf, const void *bytes, size_t size);
void buf_str(Buf *buf, Str s);
void buf_byte(Buf *buf, u8 byte);
void buf_printf(Buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_u64(Buf *buf, u64 number); /* decimal */
void buf_i64(Buf *buf, i64 number); /* decimal */
void buf_u16be(Buf *buf, u16 number);
void buf_u32be(Buf *buf, u32 number);
void buf_u64be(Buf *buf, u64 number);

#define buf_lit(buf, literal) buf_put((buf), (literal), sizeof(literal) - 1)

void buf_consume(Buf *buf, size_t size); /* drops bytes from the front; O(len) */
