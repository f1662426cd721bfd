/*
 * JSON: a pull parser that copies nothing, and a writer. RFC 8259 exactly: no comments, no trailing
 * commas, no leading zeros, valid UTF-8 only, one value a document.
 *
 *     JsonReader reader;
 *     json_init(&reader, text, &arena);
 *     if (!json_begin_object(&reader)) …
 *     while (json_next_key(&reader, &key)) {
 *         if (str_eq(key, S("expr"))) json_str(&reader, &expr);
 *         else json_skip(&reader);
 *     }
 *     return json_finish(&reader, err);
 *
 * Errors are sticky: after the first, every call returns false and json_finish reports it with
 * line, column and byte position, so a caller checks once.
 *
 * Layer: codec. Memory: strings borrow the input; one with escapes is unescaped into the arena.
 * Thread: one reader, one thread.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

enum {
    JSON_DEPTH_MAX = 512, /* nested arrays and objects */
};

typedef enum JsonKind {
    JSON_BAD, /* an error, or the end */
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL,
} JsonKind;

typedef struct JsonReader {
    Str text;
    size_t pos;
    u32 depth;
    bool failed;
    size_t error_pos;
    const char *error;                  /* static text */
    Arena *arena;                       /* borrowed; for unescaped strings */
    u64 is_object[JSON_DEPTH_MAX / 64]; /* kind of each open container, by depth */
    u64 has_item[JSON_DEPTH_MAX / 64];  /* a comma comes before the next item */
} JsonReader;

void json_init(JsonReader *reader, Str text, Arena *arena);

JsonKind json_peek(JsonReader *reader); /* the kind of the next value, nothing consumed */
bool json_begin_object(JsonReader *reader);
bool json_next_key(JsonReader *reader,
                   Str *ret_key); /* false at the closing brace (consumed) or on error */
bool json_begin_array(JsonReader *reader);
bool json_next_item(JsonReader *reader); /* false at the closing bracket (consumed) or on error */
bool json_str(JsonReader *reader, Str *ret);
bool json_f64(JsonReader *reader, f64 *ret);
bool json_i64(JsonReader *reader, i64 *ret); /* fails on a fraction or overflow */
bool json_bool(JsonReader *reader, bool *ret);
bool json_null(JsonReader *reader);
bool json_number_text(JsonReader *reader, Str *ret); /* the digits as written */
bool json_raw(JsonReader *reader, Str *ret);         /* any value, checked, as its bytes */
bool json_skip(JsonReader *reader);                  /* any value, checked */
bool json_fail(JsonReader *reader,
               const char *why); /* the caller's own objection, at the current place */

/* True when one whole value was read and only white space is left. ERR_INVALID with the position.
 */
bool json_finish(JsonReader *reader, Err *err) MUST_USE;

/* Writer: commas and colons come by themselves; what is written is always valid. */
typedef struct JsonWriter {
    Buf *out; /* borrowed */
    u32 depth;
    bool comma; /* before the next value */
} JsonWriter;

void json_writer_init(JsonWriter *writer, Buf *out);
void json_object(JsonWriter *writer);
void json_object_end(JsonWriter *writer);
void json_array(JsonWriter *writer);
void json_array_end(JsonWriter *writer);
void json_key(JsonWriter *writer, Str key);
void json_put_str(JsonWriter *writer,
                  Str value); /* escapes as Go's encoder without HTML: " \ controls, U+2028/9; bad
                                 UTF-8 becomes U+FFFD */
void json_put_i64(JsonWriter *writer, i64 value);
void json_put_u64(JsonWriter *writer, u64 value);
void json_put_f64(JsonWriter *writer, f64 value); /* shortest; NaN and infinities become null */
void json_put_bool(JsonWriter *writer, bool value);
void json_put_null(JsonWriter *writer);
void json_put_raw(JsonWriter *writer, Str json); /* trusted to be valid */

#define json_key_str(writer, key, value) \
    (json_key((writer), S(key)), json_put_str((writer), (value)))
#define json_key_i64(writer, key, value) \
    (json_key((writer), S(key)), json_put_i64((writer), (value)))
#define json_key_bool(writer, key, value) \
    (json_key((writer), S(key)), json_put_bool((writer), (value)))
