/*
 * JSON writer: see json.h.
 *
 * Layer: codec. Memory: writes into a borrowed Buf. Thread: one writer, one thread. Source: RFC
 * 8259; Go's encoding/json for the choice of escapes and of number forms.
 */
#include "codec/json.h"

#include "base/utf8.h"
#include "codec/json_plain.h"
#include "codec/number.h"

#include <string.h>

void json_writer_init(JsonWriter *writer, Buf *out)
{
    *writer = (JsonWriter){.out = out};
}

static void begin_value(JsonWriter *writer)
{
    if (writer->comma) {
        buf_byte(writer->out, ',');
    }
    writer->comma = true;
}

static void open(JsonWriter *writer, u8 bracket)
{
    begin_value(writer);
    buf_byte(writer->out, bracket);
    writer->depth++;
    writer->comma = false;
}

static void close(JsonWriter *writer, u8 bracket)
{
    ASSERT(writer->depth > 0);
    buf_byte(writer->out, bracket);
    writer->depth--;
    writer->comma = true;
}

void json_object(JsonWriter *writer)
{
    open(writer, '{');
}

void json_object_end(JsonWriter *writer)
{
    close(writer, '}');
}

void json_array(JsonWriter *writer)
{
    open(writer, '[');
}

void json_array_end(JsonWriter *writer)
{
    close(writer, ']');
}

static void put_unit(Buf *out, u32 unit)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {
        '\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15]};
    buf_put(out, text, sizeof(text));
}

/* One ASCII byte that may not stand as it is. */
static void put_escape(Buf *out, char c)
{
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    char letter = (size_t)c < sizeof(letters) ? letters[(size_t)c] : '\0';
    if (letter) {
        char text[2] = {'\\', letter};
        buf_put(out, text, sizeof(text));
    } else {
        put_unit(out, (u32)c);
    }
}

/* Line separators break JavaScript that embeds the text; bad bytes would break the document. */
static bool rune_stands_as_it_is(u32 rune, size_t len)
{
    return len > 1 && rune != 0x2028 && rune != 0x2029;
}

static void put_string(Buf *out, Str s)
{
    const char *end = s.ptr + s.len;
    const char *run = s.ptr; /* from here on nothing is written yet */
    const char *at = s.ptr;
    buf_byte(out, '"');
    while ((at = json_skip_plain(at, end)) < end) {
        u32 rune;
        size_t len = utf8_decode(str_range(at, end), &rune);
        if (rune_stands_as_it_is(rune, len)) {
            at += len;
            continue;
        }
        buf_put(out, run, (size_t)(at - run));
        if (rune < 0x80) {
            put_escape(out, (char)rune);
        } else {
            put_unit(out, rune);
        }
        at += len;
        run = at;
    }
    buf_put(out, run, (size_t)(end - run));
    buf_byte(out, '"');
}

void json_key(JsonWriter *writer, Str key)
{
    begin_value(writer);
    put_string(writer->out, key);
    buf_byte(writer->out, ':');
    writer->comma = false;
}

void json_put_str(JsonWriter *writer, Str value)
{
    begin_value(writer);
    put_string(writer->out, value);
}

void json_put_i64(JsonWriter *writer, i64 value)
{
    begin_value(writer);
    buf_i64(writer->out, value);
}

void json_put_u64(JsonWriter *writer, u64 value)
{
    begin_value(writer);
    buf_u64(writer->out, value);
}

void json_put_f64(JsonWriter *writer, f64 value)
{
    if (!__builtin_isfinite(value)) {
        json_put_null(writer);
        return;
    }
    char text[F64_TEXT_MAX];
    size_t len = f64_format_api(text, value);
    /* encoding/json writes 1e-7 where strconv has 1e-07 */
    if (len >= 4 && text[len - 4] == 'e' && text[len - 3] == '-' && text[len - 2] == '0') {
        text[len - 2] = text[len - 1];
        len--;
    }
    begin_value(writer);
    buf_put(writer->out, text, len);
}

void json_put_bool(JsonWriter *writer, bool value)
{
    begin_value(writer);
    buf_str(writer->out, value ? S("true") : S("false"));
}

void json_put_null(JsonWriter *writer)
{
    begin_value(writer);
    buf_lit(writer->out, "null");
}

void json_put_raw(JsonWriter *writer, Str json)
{
    begin_value(writer);
    buf_str(writer->out, json);
}
