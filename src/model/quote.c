/* Quote: see quote.h. Layer: model. Memory: none. Thread: any. Source: RFC 3629 section 4. */
#include "model/quote.h"

#include <unicase.h>
#include <unictype.h>

enum { RUNE_BROKEN = 0xfffd };

static bool is_tail(u8 byte)
{
    return (byte & 0xc0) == 0x80;
}

size_t utf8_decode(Str s, u32 *ret)
{
    const u8 *at = (const u8 *)s.ptr;
    if (s.len == 0) {
        return 0;
    }
    if (at[0] < 0x80) {
        *ret = at[0];
        return 1;
    }
    if (at[0] >= 0xc2 && at[0] <= 0xdf && s.len >= 2 && is_tail(at[1])) {
        *ret = (u32)(at[0] & 0x1f) << 6 | (at[1] & 0x3f);
        return 2;
    }
    if ((at[0] & 0xf0) == 0xe0 && s.len >= 3 && is_tail(at[1]) && is_tail(at[2])) {
        u32 rune = (u32)(at[0] & 0x0f) << 12 | (u32)(at[1] & 0x3f) << 6 | (at[2] & 0x3f);
        bool surrogate = rune >= 0xd800 && rune <= 0xdfff;
        if (rune >= 0x800 && !surrogate) {
            *ret = rune;
            return 3;
        }
        return 0;
    }
    if ((at[0] & 0xf8) == 0xf0 && s.len >= 4 && is_tail(at[1]) && is_tail(at[2]) &&
        is_tail(at[3])) {
        u32 rune = (u32)(at[0] & 0x07) << 18 | (u32)(at[1] & 0x3f) << 12 |
                   (u32)(at[2] & 0x3f) << 6 | (at[3] & 0x3f);
        if (rune >= 0x10000 && rune <= 0x10ffff) {
            *ret = rune;
            return 4;
        }
    }
    return 0;
}

void utf8_encode(Buf *out, u32 rune)
{
    if (rune < 0x80) {
        buf_byte(out, (u8)rune);
    } else if (rune < 0x800) {
        u8 bytes[] = {(u8)(0xc0 | rune >> 6), (u8)(0x80 | (rune & 0x3f))};
        buf_put(out, bytes, sizeof(bytes));
    } else if (rune < 0x10000) {
        u8 bytes[] = {(u8)(0xe0 | rune >> 12), (u8)(0x80 | (rune >> 6 & 0x3f)),
                      (u8)(0x80 | (rune & 0x3f))};
        buf_put(out, bytes, sizeof(bytes));
    } else {
        u8 bytes[] = {(u8)(0xf0 | rune >> 18), (u8)(0x80 | (rune >> 12 & 0x3f)),
                      (u8)(0x80 | (rune >> 6 & 0x3f)), (u8)(0x80 | (rune & 0x3f))};
        buf_put(out, bytes, sizeof(bytes));
    }
}

bool utf8_valid(Str s)
{
    while (s.len > 0) {
        u32 rune;
        size_t size = utf8_decode(s, &rune);
        if (size == 0) {
            return false;
        }
        s = str_skip(s, size);
    }
    return true;
}

static bool is_printable(u32 rune)
{
    const uint32_t shown = UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_N |
                           UC_CATEGORY_MASK_P | UC_CATEGORY_MASK_S;
    if (rune < 0x80) {
        return rune >= ' ' && rune < 0x7f;
    }
    return uc_is_general_category_withtable(rune, shown);
}

static void quote_hidden(Buf *out, u32 rune)
{
    static const char letters[] = "abtnvfr"; /* 7 … 13 */
    if (rune >= 7 && rune <= 13) {
        buf_byte(out, '\\');
        buf_byte(out, (u8)letters[rune - 7]);
    } else if (rune < ' ' || rune == 0x7f) {
        buf_printf(out, "\\x%02x", rune);
    } else if (rune < 0x10000) {
        buf_printf(out, "\\u%04x", rune);
    } else {
        buf_printf(out, "\\U%08x", rune);
    }
}

void quote_go(Buf *out, Str s)
{
    buf_byte(out, '"');
    while (s.len > 0) {
        u32 rune;
        size_t size = utf8_decode(s, &rune);
        if (size == 0) {
            buf_printf(out, "\\x%02x", (u8)s.ptr[0]);
            size = 1;
        } else if (rune == '"' || rune == '\\') {
            buf_byte(out, '\\');
            buf_byte(out, (u8)rune);
        } else if (is_printable(rune)) {
            buf_put(out, s.ptr, size);
        } else {
            quote_hidden(out, rune);
        }
        s = str_skip(s, size);
    }
    buf_byte(out, '"');
}

static void change_case(Buf *out, Str s, ucs4_t (*change)(ucs4_t))
{
    while (s.len > 0) {
        u32 rune;
        size_t size = utf8_decode(s, &rune);
        utf8_encode(out, size > 0 ? change(rune) : RUNE_BROKEN);
        s = str_skip(s, size > 0 ? size : 1);
    }
}

void utf8_lower(Buf *out, Str s)
{
    change_case(out, s, uc_tolower);
}

void utf8_upper(Buf *out, Str s)
{
    change_case(out, s, uc_toupper);
}
