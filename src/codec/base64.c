/* Base64: see base64.h. Layer: codec. Memory: the caller's Buf. Thread: any. */
#include "codec/base64.h"

#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode(Buf *out, Str in, const char *alphabet, bool padded)
{
    const u8 *at = (const u8 *)in.ptr;
    for (size_t i = 0; i < in.len; i += 3) {
        size_t count = MIN(in.len - i, (size_t)3);
        u32 group = (u32)at[i] << 16;
        group |= count > 1 ? (u32)at[i + 1] << 8 : 0;
        group |= count > 2 ? (u32)at[i + 2] : 0;
        char text[4] = {alphabet[group >> 18], alphabet[group >> 12 & 63],
                        count > 1 ? alphabet[group >> 6 & 63] : '=',
                        count > 2 ? alphabet[group & 63] : '='};
        buf_put(out, text, padded ? 4 : count + 1);
    }
}

void base64_encode(Buf *out, Str in)
{
    encode(out, in, standard, true);
}

void base64url_encode(Buf *out, Str in)
{
    encode(out, in, url_safe, false);
}

/* The six bits of a character, or 64. */
static u32 bits_of(char c, const char *alphabet)
{
    if (c >= 'A' && c <= 'Z') {
        return (u32)(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return (u32)(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return (u32)(c - '0') + 52;
    }
    return c == alphabet[62] ? 62 : c == alphabet[63] ? 63 : 64;
}

/* Two to four characters at the front of `in`. */
static bool decode_group(Str in, const char *alphabet, u8 bytes[3])
{
    u32 group = 0;
    for (size_t i = 0; i < 4; i++) {
        u32 bits = i < in.len ? bits_of(in.ptr[i], alphabet) : 0;
        if (bits > 63) {
            return false;
        }
        group = group << 6 | bits;
    }
    bytes[0] = (u8)(group >> 16);
    bytes[1] = (u8)(group >> 8);
    bytes[2] = (u8)group;
    bool stray = (in.len == 2 && (group & 0xFFFF)) || (in.len == 3 && (group & 0xFF));
    return in.len >= 2 && !stray;
}

static bool decode(Str in, const char *alphabet, bool padded, Buf *out, Err *err)
{
    Str whole = in;
    size_t before = out->len;
    if (padded && in.len % 4 != 0) {
        return err_set_pos(err, ERR_INVALID, in.len, "illegal base64 data: wrong length");
    }
    for (size_t i = 0; padded && i < 2 && str_ends_with(in, S("=")); i++) {
        in.len--;
    }
    for (size_t i = 0; i < in.len; i += 4) {
        u8 bytes[3];
        Str group = str_slice(in, i, MIN(i + 4, in.len));
        if (!decode_group(group, alphabet, bytes)) {
            out->len = before;
            return err_set_pos(err, ERR_INVALID, (size_t)(group.ptr - whole.ptr),
                               "illegal base64 data at input byte %zu", i);
        }
        buf_put(out, bytes, group.len - 1);
    }
    return buf_ok(out, err);
}

bool base64_decode(Str in, Buf *out, Err *err)
{
    return decode(in, standard, true, out, err);
}

bool base64url_decode(Str in, Buf *out, Err *err)
{
    return decode(in, url_safe, false, out, err);
}
