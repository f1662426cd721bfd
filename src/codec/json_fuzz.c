/*
 * Fuzzer of codec/json.h. Oracles: a naive recursive reader agrees on what is JSON; what is read is
 * written again, item by item, and that text reads back to the same text once more.
 */
#include "codec/json.h"

#include "base/utf8.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* The twin: one character at a time, as the grammar is printed. */
typedef struct Twin {
    const char *at;
    const char *end;
    u32 depth;
} Twin;

static bool twin_value(Twin *twin);

static char twin_peek(const Twin *twin)
{
    return twin->at < twin->end ? *twin->at : '\0';
}

static bool twin_take(Twin *twin, char wanted)
{
    if (twin->at == twin->end || *twin->at != wanted) {
        return false;
    }
    twin->at++;
    return true;
}

static void twin_blanks(Twin *twin)
{
    while (twin_take(twin, ' ') || twin_take(twin, '\t') || twin_take(twin, '\n') ||
           twin_take(twin, '\r')) {
    }
}

static bool twin_word(Twin *twin, const char *word)
{
    for (; *word; word++) {
        if (!twin_take(twin, *word)) {
            return false;
        }
    }
    return true;
}

static size_t twin_digits(Twin *twin)
{
    size_t count = 0;
    while (twin_peek(twin) >= '0' && twin_peek(twin) <= '9') {
        twin->at++;
        count++;
    }
    return count;
}

static bool twin_number(Twin *twin)
{
    (void)twin_take(twin, '-');
    if (!twin_take(twin, '0') && twin_digits(twin) == 0) {
        return false;
    }
    if (twin_take(twin, '.') && twin_digits(twin) == 0) {
        return false;
    }
    if (twin_take(twin, 'e') || twin_take(twin, 'E')) {
        if (!twin_take(twin, '+')) {
            (void)twin_take(twin, '-');
        }
        return twin_digits(twin) > 0;
    }
    return true;
}

static bool twin_escape(Twin *twin)
{
    if (twin_take(twin, 'u')) {
        for (int i = 0; i < 4; i++) {
            char c = twin_peek(twin);
            if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
                return false;
            }
            twin->at++;
        }
        return true;
    }
    for (const char *letter = "\"\\/bfnrt"; *letter; letter++) {
        if (twin_take(twin, *letter)) {
            return true;
        }
    }
    return false;
}

static bool twin_string(Twin *twin)
{
    if (!twin_take(twin, '"')) {
        return false;
    }
    const char *begin = twin->at;
    while (!twin_take(twin, '"')) {
        if (twin->at == twin->end || (u8)*twin->at < 0x20) {
            return false;
        }
        if (*twin->at++ == '\\' && !twin_escape(twin)) {
            return false;
        }
    }
    return utf8_valid(str_range(begin, twin->at));
}

static bool twin_array(Twin *twin)
{
    twin_blanks(twin);
    if (twin_take(twin, ']')) {
        return true;
    }
    do {
        if (!twin_value(twin)) {
            return false;
        }
    } while (twin_take(twin, ','));
    return twin_take(twin, ']');
}

static bool twin_object(Twin *twin)
{
    twin_blanks(twin);
    if (twin_take(twin, '}')) {
        return true;
    }
    do {
        twin_blanks(twin);
        if (!twin_string(twin)) {
            return false;
        }
        twin_blanks(twin);
        if (!twin_take(twin, ':') || !twin_value(twin)) {
            return false;
        }
    } while (twin_take(twin, ','));
    return twin_take(twin, '}');
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by JSON_DEPTH_MAX */
static bool twin_value(Twin *twin)
{
    bool ok;
    twin_blanks(twin);
    switch (twin_peek(twin)) {
    case '[':
    case '{':
        if (twin->depth == JSON_DEPTH_MAX) {
            return false;
        }
        twin->depth++;
        ok = *twin->at++ == '[' ? twin_array(twin) : twin_object(twin);
        twin->depth--;
        break;
    case '"':
        ok = twin_string(twin);
        break;
    case 't':
        ok = twin_word(twin, "true");
        break;
    case 'f':
        ok = twin_word(twin, "false");
        break;
    case 'n':
        ok = twin_word(twin, "null");
        break;
    default:
        ok = twin_number(twin);
        break;
    }
    twin_blanks(twin);
    return ok;
}

static bool twin_accepts(Str text)
{
    Twin twin = {.at = text.ptr, .end = text.ptr + text.len};
    return twin_value(&twin) && twin.at == twin.end;
}

static void copy_scalar(JsonReader *reader, JsonWriter *writer)
{
    Str text;
    bool flag;
    switch (json_peek(reader)) {
    case JSON_STRING:
        ASSERT(json_str(reader, &text));
        json_put_str(writer, text);
        break;
    case JSON_NUMBER:
        ASSERT(json_number_text(reader, &text));
        json_put_raw(writer, text);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        ASSERT(json_bool(reader, &flag));
        json_put_bool(writer, flag);
        break;
    case JSON_NULL:
        ASSERT(json_null(reader));
        json_put_null(writer);
        break;
    default:
        ASSERT(json_peek(reader) == JSON_NULL); /* no other kind is left */
    }
}

/* Opens a container (true) or copies a value that is none. */
static bool copy_one(JsonReader *reader, JsonWriter *writer)
{
    switch (json_peek(reader)) {
    case JSON_OBJECT:
        ASSERT(json_begin_object(reader));
        json_object(writer);
        return true;
    case JSON_ARRAY:
        ASSERT(json_begin_array(reader));
        json_array(writer);
        return true;
    default:
        copy_scalar(reader, writer);
        return false;
    }
}

/* Reader to writer without a tree in between. `text` is known to be valid. */
static void copy(Str text, Arena *arena, Buf *out)
{
    static bool is_object[JSON_DEPTH_MAX];
    JsonReader reader;
    JsonWriter writer;
    json_init(&reader, text, arena);
    json_writer_init(&writer, out);
    u32 depth = 0;
    JsonKind kind = json_peek(&reader);
    if (copy_one(&reader, &writer)) {
        is_object[depth++] = kind == JSON_OBJECT;
    }
    while (depth > 0) {
        Str key;
        bool more = is_object[depth - 1] ? json_next_key(&reader, &key) : json_next_item(&reader);
        if (!more) {
            (is_object[--depth] ? json_object_end : json_array_end)(&writer);
            continue;
        }
        if (is_object[depth - 1]) {
            json_key(&writer, key);
        }
        kind = json_peek(&reader);
        if (copy_one(&reader, &writer)) {
            is_object[depth++] = kind == JSON_OBJECT;
        }
    }
    Err err;
    ASSERT(json_finish(&reader, &err));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Str text = {.ptr = (const char *)data, .len = size};
    JsonReader reader;
    Err err = {0};
    json_init(&reader, text, NULL);
    (void)json_skip(&reader);
    bool accepted = json_finish(&reader, &err);
    ASSERT(accepted == twin_accepts(text));
    if (!accepted) {
        ASSERT(err.pos <= size && err.line > 0 && err.column > 0 && err.message[0] != '\0');
        return 0;
    }
    Arena arena;
    Buf once;
    Buf twice;
    arena_init(&arena, 4 * size + 64 * KIB);
    buf_init(&once, 8 * size + 64);
    buf_init(&twice, 8 * size + 64);
    copy(text, &arena, &once);
    ASSERT(buf_ok(&once, NULL));
    ASSERT(twin_accepts(buf_view(&once)));
    copy(buf_view(&once), &arena, &twice);
    ASSERT(str_eq(buf_view(&once), buf_view(&twice)));
    buf_done(&once);
    buf_done(&twice);
    arena_done(&arena);
    return 0;
}
