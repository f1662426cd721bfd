/* UTF-8: see utf8.h. Layer: codec. Memory: none. Thread: any. */
#include "codec/utf8.h"

#include <string.h>

enum {
    CONTINUATION_MIN = 0x80,
    CONTINUATION_MAX = 0xBF,
};

/* Length of a sequence by its first byte and the range its second byte must lie in. */
typedef struct Lead {
    u8 len; /* 0: not a first byte */
    u8 second_min;
    u8 second_max;
} Lead;

static Lead lead_of(u8 first)
{
    if (first < 0x80) {
        return (Lead){.len = 1};
    }
    if (first < 0xC2) {
        return (Lead){.len = 0}; /* continuation, or the start of an overlong form */
    }
    if (first < 0xE0) {
        return (Lead){.len = 2, .second_min = CONTINUATION_MIN, .second_max = CONTINUATION_MAX};
    }
    if (first < 0xF0) {
        return (Lead){.len = 3,
                      .second_min = first == 0xE0 ? 0xA0 : CONTINUATION_MIN,  /* not overlong */
                      .second_max = first == 0xED ? 0x9F : CONTINUATION_MAX}; /* not a surrogate */
    }
    if (first < 0xF5) {
        return (Lead){.len = 4,
                      .second_min = first == 0xF0 ? 0x90 : CONTINUATION_MIN, /* not overlong */
                      .second_max =
                          first == 0xF4 ? 0x8F : CONTINUATION_MAX}; /* not past the last */
    }
    return (Lead){.len = 0};
}

/* Bytes of the valid sequence at the front of a non-empty s, or 0. */
static size_t sequence_len(Str s)
{
    const u8 *at = (const u8 *)s.ptr;
    Lead lead = lead_of(at[0]);
    if (lead.len <= 1 || s.len < lead.len) {
        return lead.len == 1 ? 1 : 0;
    }
    if (at[1] < lead.second_min || at[1] > lead.second_max) {
        return 0;
    }
    for (size_t i = 2; i < lead.len; i++) {
        if (at[i] < CONTINUATION_MIN || at[i] > CONTINUATION_MAX) {
            return 0;
        }
    }
    return lead.len;
}

size_t utf8_valid_prefix(Str s)
{
    size_t at = 0;
    while (at < s.len) {
        /* Names and log lines are ASCII nearly always: eight bytes a step. */
        while (s.len - at >= sizeof(u64)) {
            u64 word;
            memcpy(&word, s.ptr + at, sizeof(word));
            if (word & 0x8080808080808080ULL) {
                break;
            }
            at += sizeof(word);
        }
        if (at == s.len) {
            break;
        }
        size_t len = sequence_len(str_skip(s, at));
        if (len == 0) {
            break;
        }
        at += len;
    }
    return at;
}

bool utf8_valid(Str s)
{
    return utf8_valid_prefix(s) == s.len;
}

bool utf8_decode(Str s, u32 *ret_rune, size_t *ret_len)
{
    const u8 *at = (const u8 *)s.ptr;
    size_t len = sequence_len(s);
    *ret_len = len ? len : 1;
    switch (len) {
    case 1:
        *ret_rune = at[0];
        return true;
    case 2:
        *ret_rune = (u32)(at[0] & 0x1F) << 6 | (at[1] & 0x3F);
        return true;
    case 3:
        *ret_rune = (u32)(at[0] & 0x0F) << 12 | (u32)(at[1] & 0x3F) << 6 | (at[2] & 0x3F);
        return true;
    case 4:
        *ret_rune = (u32)(at[0] & 0x07) << 18 | (u32)(at[1] & 0x3F) << 12 |
                    (u32)(at[2] & 0x3F) << 6 | (at[3] & 0x3F);
        return true;
    default:
        *ret_rune = UTF8_REPLACEMENT;
        return false;
    }
}

size_t utf8_encode(u32 rune, char to[UTF8_RUNE_MAX])
{
    if (rune > UTF8_LAST || (rune >= 0xD800 && rune <= 0xDFFF)) {
        rune = UTF8_REPLACEMENT;
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

void buf_rune(Buf *out, u32 rune)
{
    char bytes[UTF8_RUNE_MAX];
    buf_put(out, bytes, utf8_encode(rune, bytes));
}

size_t utf8_count(Str s)
{
    size_t count = 0;
    for (size_t at = 0; at < s.len; count++) {
        size_t len = sequence_len(str_skip(s, at));
        at += len ? len : 1;
    }
    return count;
}
