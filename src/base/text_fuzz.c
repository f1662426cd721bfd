/*
 * Fuzzer of the small texts of base: times, durations, sizes, UTF-8, quotes. Oracles: what is
 * accepted reads back to the same value once written; a naive twin for UTF-8; an unquoter.
 *
 * Layer: base, tests only. Thread: main.
 */
#include "base/quote.h"
#include "base/time.h"
#include "base/utf8.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { OUT_MAX = 16 * 1024 * 1024 };

static void check_time(Str text, Buf *out)
{
    i64 ns;
    i64 back;
    Err err;
    if (!time_parse_rfc3339(text, &ns, &err)) {
        ASSERT(err.code == ERR_INVALID && err.pos <= text.len);
        return;
    }
    buf_clear(out);
    time_format_rfc3339_ns(out, ns);
    ASSERT(time_parse_rfc3339(buf_view(out), &back, NULL) && back == ns);
}

static void check_duration(Str text, Buf *out)
{
    i64 ms;
    i64 back;
    Err err;
    if (!duration_parse(text, &ms, &err)) {
        ASSERT(err.code == ERR_INVALID && err.pos <= text.len);
        return;
    }
    buf_clear(out);
    duration_format(out, ms);
    ASSERT(ms >= 0 && duration_parse(buf_view(out), &back, NULL) && back == ms);
}

static void check_size(Str text, Buf *out)
{
    u64 bytes;
    u64 back;
    Err err;
    if (!size_parse(text, &bytes, &err)) {
        ASSERT(err.code == ERR_INVALID && err.pos <= text.len);
        return;
    }
    buf_clear(out);
    size_format(out, bytes);
    /* Above 2^53 a sum of powers may round. */
    ASSERT(size_parse(buf_view(out), &back, NULL));
    ASSERT(back == bytes || bytes > 1ULL << 53);
}

/* The bytes of RFC 3629's table, one row after the other. */
static size_t twin_length(const u8 *at, size_t left)
{
    static const struct {
        u8 first_low, first_high, second_low, second_high, len;
    } rows[] = {
        {0x00, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (at[0] < rows[i].first_low || at[0] > rows[i].first_high || left < rows[i].len) {
            continue;
        }
        if (rows[i].len > 1 && (at[1] < rows[i].second_low || at[1] > rows[i].second_high)) {
            continue;
        }
        size_t k = 2;
        while (k < rows[i].len && at[k] >= 0x80 && at[k] <= 0xBF) {
            k++;
        }
        if (k >= rows[i].len) {
            return rows[i].len;
        }
    }
    return 0;
}

static void check_utf8(Str text)
{
    bool valid = true;
    size_t count = 0;
    for (size_t at = 0; at < text.len; count++) {
        size_t want = twin_length((const u8 *)text.ptr + at, text.len - at);
        u32 rune;
        size_t len = utf8_decode(str_skip(text, at), &rune);
        char back[UTF8_MAX];
        ASSERT(len == (want ? want : 1));
        ASSERT(want || rune == RUNE_INVALID);
        ASSERT(!want || (utf8_encode(rune, back) == len && !memcmp(back, text.ptr + at, len)));
        valid = valid && want > 0;
        at += len;
    }
    ASSERT(utf8_valid(text) == valid);
    ASSERT(utf8_count(text) == count);
}

static u32 take_hex(Str *in, size_t digits)
{
    u32 number = 0;
    for (size_t i = 0; i < digits; i++) {
        char c = in->ptr[i];
        number = number << 4 | (u32)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *in = str_skip(*in, digits);
    return number;
}

/* Undoes quote_go. */
static void unquote_go(Str in, Buf *out)
{
    static const char names[] = "abfnrtv\\\"";
    static const char bytes[] = "\a\b\f\n\r\t\v\\\"";
    in = str_slice(in, 1, in.len - 1);
    while (in.len > 0) {
        char c = in.ptr[0];
        in = str_skip(in, 1);
        if (c != '\\') {
            buf_byte(out, (u8)c);
            continue;
        }
        char kind = in.ptr[0];
        in = str_skip(in, 1);
        if (kind == 'x') {
            buf_byte(out, (u8)take_hex(&in, 2));
        } else if (kind == 'u' || kind == 'U') {
            char rune[UTF8_MAX];
            buf_put(out, rune, utf8_encode(take_hex(&in, kind == 'u' ? 4 : 8), rune));
        } else {
            const char *name = strchr(names, kind);
            ASSERT(name && kind);
            buf_byte(out, (u8)bytes[name - names]);
        }
    }
}

static void check_quotes(Str text, Buf *out)
{
    Buf back;
    buf_init(&back, OUT_MAX);
    buf_clear(out);
    quote_go(out, text);
    ASSERT(utf8_valid(buf_view(out)));
    unquote_go(buf_view(out), &back);
    ASSERT(str_eq(buf_view(&back), text));
    buf_done(&back);

    buf_clear(out);
    quote_json(out, text);
    ASSERT(utf8_valid(buf_view(out)));
    for (size_t i = 0; i < out->len; i++) {
        ASSERT(out->data[i] >= 0x20);
    }
    char fixed[QUOTE_TEXT_MAX];
    ASSERT(utf8_valid(str_from(quote_text(fixed, text))));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Str text = {.ptr = (const char *)data, .len = size};
    Buf out;
    buf_init(&out, OUT_MAX);
    check_time(text, &out);
    check_duration(text, &out);
    check_size(text, &out);
    check_utf8(text);
    check_quotes(text, &out);
    buf_done(&out);
    return 0;
}
