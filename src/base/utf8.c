/* UTF-8: see utf8.h. Layer: base. Memory: none. Thread: any. */
#include "base/utf8.h"

static bool is_continuation(char c)
{
    return ((u8)c & 0xC0) == 0x80;
}

size_t utf8_decode(Str s, u32 *ret_rune)
{
    static const u32 lowest[UTF8_MAX + 1] = {0, 0, 0x80, 0x800, 0x10000};
    u8 first = (u8)s.ptr[0];
    if (first < 0x80) {
        *ret_rune = first;
        return 1;
    }
    *ret_rune = RUNE_INVALID;
    size_t len = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || len > s.len) {
        return 1;
    }
    u32 rune = first & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        if (!is_continuation(s.ptr[i])) {
            return 1;
        }
        rune = rune << 6 | ((u8)s.ptr[i] & 0x3F);
    }
    if (rune < lowest[len] || rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF)) {
        return 1;
    }
    *ret_rune = rune;
    return len;
}

size_t utf8_encode(u32 rune, char to[UTF8_MAX])
{
    if (rune > 0x10FFFF || (rune >= 0xD800 && rune <= 0xDFFF)) {
        rune = RUNE_INVALID;
    }
    if (rune < 0x80) {
        to[0] = (char)rune;
        return 1;
    }
    if (rune < 0x800) {
        to[0] = (char)(0xC0 | rune >> 6);
        to[1] = (char)(0x80 | (rune & 0x3F));
        return 2;
    }
    if (rune < 0x10000) {
        to[0] = (char)(0xE0 | rune >> 12);
        to[1] = (char)(0x80 | (rune >> 6 & 0x3F));
        to[2] = (char)(0x80 | (rune & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | rune >> 18);
    to[1] = (char)(0x80 | (rune >> 12 & 0x3F));
    to[2] = (char)(0x80 | (rune >> 6 & 0x3F));
    to[3] = (char)(0x80 | (rune & 0x3F));
    return 4;
}

bool utf8_valid(Str s)
{
    size_t at = 0;
    while (at < s.len) {
        u64 word;
        if (s.len - at >= sizeof(word)) { /* eight ASCII bytes at once */
            __builtin_memcpy(&word, s.ptr + at, sizeof(word));
            if ((word & 0x8080808080808080ULL) == 0) {
                at += sizeof(word);
                continue;
            }
        }
        u32 rune;
        size_t len = utf8_decode(str_skip(s, at), &rune);
        if (len == 1 && rune == RUNE_INVALID) {
            return false;
        }
        at += len;
    }
    return true;
}

size_t utf8_count(Str s)
{
    size_t count = 0;
    while (s.len > 0) {
        u32 rune;
        s = str_skip(s, utf8_decode(s, &rune));
        count++;
    }
    return count;
}

/* Controls, format characters, spaces other than U+0020, surrogates, private use. */
static const struct {
    u32 first, last;
} unprintable[] = {
    {0x00, 0x1F},       {0x7F, 0xA0},        {0xAD, 0xAD},       {0x600, 0x605},
    {0x61C, 0x61C},     {0x6DD, 0x6DD},      {0x70F, 0x70F},     {0x890, 0x891},
    {0x8E2, 0x8E2},     {0x1680, 0x1680},    {0x180E, 0x180E},   {0x2000, 0x200F},
    {0x2028, 0x202F},   {0x205F, 0x206F},    {0x3000, 0x3000},   {0xD800, 0xF8FF},
    {0xFEFF, 0xFEFF},   {0xFFF9, 0xFFFB},    {0xFFFE, 0xFFFF},   {0x110BD, 0x110BD},
    {0x110CD, 0x110CD}, {0x13430, 0x1343F},  {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
    {0xE0000, 0xE007F}, {0xF0000, 0x10FFFF},
};

bool rune_is_printable(u32 rune)
{
    if (rune < 0x7F) {
        return rune >= 0x20;
    }
    for (size_t i = 0; i < COUNT_OF(unprintable); i++) {
        if (rune <= unprintable[i].last) {
            return rune < unprintable[i].first;
        }
    }
    return false;
}
