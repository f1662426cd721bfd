/* Buf: see buf.h. Layer: base. Memory: buf_done frees. Thread: one at a time. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    CAPACITY_FIRST = 256, /* bytes */
};

void buf_init(Buf *buf, size_t max)
{
    *buf = (Buf){.max = max};
}

void buf_done(Buf *buf)
{
    mem_free(buf->data);
    *buf = (Buf){.max = buf->max};
}

void buf_clear(Buf *buf)
{
    buf->len = 0;
    buf->overflowed = false;
}

bool buf_ok(const Buf *buf, Err *err)
{
    return !buf->overflowed ||
           err_set(err, ERR_LIMIT, "does not fit into its limit of %zu bytes", buf->max);
}

Str buf_view(const Buf *buf)
{
    return buf->data ? (Str){.ptr = (const char *)buf->data, .len = buf->len} : STR_EMPTY;
}

static void grow(Buf *buf, size_t needed)
{
    size_t capacity = MAX(buf->capacity + buf->capacity / 2, (size_t)CAPACITY_FIRST);
    capacity = MAX(capacity, needed);
    capacity = MAX(MIN(capacity, buf->max), needed);
    buf->data = mem_grow(buf->data, capacity, 1);
    buf->capacity = capacity;
}

u8 *buf_reserve(Buf *buf, size_t size)
{
    if (buf->overflowed || size > buf->max - buf->len) {
        buf->overflowed = true;
        return NULL;
    }
    if (size > buf->capacity - buf->len || !buf->data) {
        grow(buf, buf->len + size);
    }
    return buf->data + buf->len;
}

void buf_advance(Buf *buf, size_t size)
{
    ASSERT(size <= buf->capacity - buf->len);
    buf->len += size;
}

void buf_put(Buf *buf, const void *bytes, size_t size)
{
    u8 *to = buf_reserve(buf, size);
    if (to && size > 0) {
        memcpy(to, bytes, size);
        buf->len += size;
    }
}

void buf_str(Buf *buf, Str s)
{
    buf_put(buf, s.ptr, s.len);
}

void buf_byte(Buf *buf, u8 byte)
{
    buf_put(buf, &byte, 1);
}

void buf_printf(Buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        buf->overflowed = true;
        return;
    }
    /* The NUL needs a byte that a text which just fits has no room for. */
    size_t size = (size_t)len + 1;
    bool just_fits = size - 1 == buf->max - buf->len;
    char *text = just_fits ? mem_alloc(size) : (char *)buf_reserve(buf, size);
    if (!text) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, size, format, args);
    va_end(args);
    if (just_fits) {
        buf_put(buf, text, size - 1);
        mem_free(text);
    } else {
        buf->len += size - 1;
    }
}

void buf_u64(Buf *buf, u64 number)
{
    char digits[20];
    size_t at = sizeof(digits);
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    buf_put(buf, digits + at, sizeof(digits) - at);
}

void buf_i64(Buf *buf, i64 number)
{
    if (number < 0) {
        buf_byte(buf, '-');
    }
    buf_u64(buf, number < 0 ? 0 - (u64)number : (u64)number);
}

void buf_u16be(Buf *buf, u16 number)
{
    u16 bytes = __builtin_bswap16(number);
    buf_put(buf, &bytes, sizeof(bytes));
}

void buf_u32be(Buf *buf, u32 number)
{
    u32 bytes = __builtin_bswap32(number);
    buf_put(buf, &bytes, sizeof(bytes));
}

void buf_u64be(Buf *buf, u64 number)
{
    u64 bytes = __builtin_bswap64(number);
    buf_put(buf, &bytes, sizeof(bytes));
}

void buf_consume(Buf *buf, size_t size)
{
    ASSERT(size <= buf->len);
    if (size > 0) {
        memmove(buf->data, buf->data + size, buf->len - size);
        buf->len -= size;
    }
}
