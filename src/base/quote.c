/* Quote: see quote.h. Layer: base. Memory: the caller's. Thread: any. */
#include "base/quote.h"

#include "base/utf8.h"

#include <string.h>

enum {
    ESCAPE_MAX = 12, /* bytes: "\U0010ffff" and more */
};

static const char hex_digits[] = "0123456789abcdef";

static size_t put_hex(char *to, char kind, u32 number, int digits)
{
    to[0] = '\\';
    to[1] = kind;
    for (int i = 0; i < digits; i++) {
        to[2 + i] = hex_digits[number >> (4 * (digits - 1 - i)) & 0xF];
    }
    return (size_t)digits + 2;
}

/* The rune at the start of s as it stands between quotes; returns the bytes written. */
static size_t escape_go(Str s, size_t *ret_read, char to[ESCAPE_MAX])
{
    static const char letters[] = "\a\b\f\n\r\t\v\\\"";
    static const char names[] = "abfnrtv\\\"";
    u32 rune;
    *ret_read = utf8_decode(s, &rune);
    if (*ret_read == 1 && rune == RUNE_INVALID) {
        return put_hex(to, 'x', (u8)s.ptr[0], 2);
    }
    const char *letter = rune != 0 && rune < 0x80 ? strchr(letters, (int)rune) : NULL;
    if (letter) {
        to[0] = '\\';
        to[1] = names[letter - letters];
        return 2;
    }
    if (rune_is_printable(rune)) {
        memcpy(to, s.ptr, *ret_read);
        return *ret_read;
    }
    if (rune < 0x80) {
        return put_hex(to, 'x', rune, 2);
    }
    return rune < 0x10000 ? put_hex(to, 'u', rune, 4) : put_hex(to, 'U', rune, 8);
}

void quote_go(Buf *out, Str s)
{
    buf_byte(out, '"');
    while (s.len > 0) {
        char escaped[ESCAPE_MAX];
        size_t read;
        size_t written = escape_go(s, &read, escaped);
        buf_put(out, escaped, written);
        s = str_skip(s, read);
    }
    buf_byte(out, '"');
}

const char *quote_text(char to[QUOTE_TEXT_MAX], Str s)
{
    static const char ending[] = "…\"";
    size_t at = 0;
    to[at++] = '"';
    while (s.len > 0) {
        char escaped[ESCAPE_MAX];
        size_t read;
        size_t written = escape_go(s, &read, escaped);
        if (at + written + sizeof(ending) > QUOTE_TEXT_MAX) {
            memcpy(to + at, ending, sizeof(ending));
            return to;
        }
        memcpy(to + at, escaped, written);
        at += written;
        s = str_skip(s, read);
    }
    to[at++] = '"';
    to[at] = '\0';
    return to;
}

static size_t escape_json(Str s, size_t *ret_read, char to[ESCAPE_MAX])
{
    static const char letters[] = "\b\f\n\r\t\\\"";
    static const char names[] = "bfnrt\\\"";
    u32 rune;
    *ret_read = utf8_decode(s, &rune);
    const char *letter = rune != 0 && rune < 0x80 ? strchr(letters, (int)rune) : NULL;
    if (letter) {
        to[0] = '\\';
        to[1] = names[letter - letters];
        return 2;
    }
    bool bad_byte = *ret_read == 1 && rune == RUNE_INVALID;
    if (rune < 0x20 || rune == 0x2028 || rune == 0x2029 || bad_byte) {
        return put_hex(to, 'u', rune, 4);
    }
    memcpy(to, s.ptr, *ret_read);
    return *ret_read;
}

void quote_json(Buf *out, Str s)
{
    buf_byte(out, '"');
    while (s.len > 0) {
        char escaped[ESCAPE_MAX];
        size_t read;
        size_t written = escape_json(s, &read, escaped);
        buf_put(out, escaped, written);
        s = str_skip(s, read);
    }
    buf_byte(out, '"');
}
