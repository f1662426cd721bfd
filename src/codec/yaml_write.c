/* YAML writing: see yaml_write.h. Layer: codec. Memory: one writer. Thread: one writer, one thread.
 */
#include "codec/yaml_write.h"

#include "base/mem.h"
#include "base/time.h"
#include "base/utf8.h"
#include "codec/number.h"

#include <math.h>
#include <string.h>
#include <yaml.h>

struct YamlWriter {
    yaml_emitter_t emitter;
    Buf *out; /* borrowed */
    YamlKind open[YAML_DEPTH_MAX];
    size_t depth;
    bool failed;
};

static int write_bytes(void *self, unsigned char *bytes, size_t size)
{
    YamlWriter *writer = self;
    buf_put(writer->out, bytes, size);
    return !writer->out->overflowed;
}

/* The emitter takes the event over, whether it works or not. */
static void emit(YamlWriter *writer, int made, yaml_event_t *event)
{
    if (!made) {
        writer->failed = true;
    } else if (writer->failed) {
        yaml_event_delete(event);
    } else if (!yaml_emitter_emit(&writer->emitter, event)) {
        writer->failed = true;
    }
}

YamlWriter *yaml_writer_new(Buf *out)
{
    YamlWriter *writer = MEM_NEW(YamlWriter);
    yaml_event_t event;
    writer->out = out;
    if (!yaml_emitter_initialize(&writer->emitter)) {
        mem_free(writer);
        return NULL;
    }
    yaml_emitter_set_output(&writer->emitter, write_bytes, writer);
    yaml_emitter_set_unicode(&writer->emitter, 1);
    yaml_emitter_set_indent(&writer->emitter, 2);
    yaml_emitter_set_width(&writer->emitter, -1); /* lines are never folded */
    emit(writer, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event);
    emit(writer, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event);
    return writer;
}

bool yaml_writer_free(YamlWriter *writer, Err *err)
{
    if (!writer) {
        return err_set(err, ERR_LIMIT, "yaml: out of memory");
    }
    yaml_event_t event;
    bool balanced = writer->depth == 0;
    if (balanced) {
        emit(writer, yaml_document_end_event_initialize(&event, 1), &event);
        emit(writer, yaml_stream_end_event_initialize(&event), &event);
    }
    bool failed = writer->failed;
    const char *problem = writer->emitter.problem;
    yaml_emitter_delete(&writer->emitter);
    Buf *out = writer->out;
    mem_free(writer);
    if (!buf_ok(out, err)) {
        return false;
    }
    if (failed || !balanced) {
        return err_set(err, ERR_INTERNAL, "yaml: cannot be written: %s",
                       problem ? problem : "unbalanced");
    }
    return true;
}

void yaml_put_begin(YamlWriter *writer, YamlKind kind)
{
    yaml_event_t event;
    if (!writer || writer->depth == YAML_DEPTH_MAX) {
        if (writer) {
            writer->failed = true;
        }
        return;
    }
    writer->open[writer->depth++] = kind;
    int made =
        kind == YAML_MAPPING
            ? yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE)
            : yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
                                                   YAML_BLOCK_SEQUENCE_STYLE);
    emit(writer, made, &event);
}

void yaml_put_end(YamlWriter *writer)
{
    yaml_event_t event;
    if (!writer || writer->depth == 0) {
        if (writer) {
            writer->failed = true;
        }
        return;
    }
    YamlKind kind = writer->open[--writer->depth];
    emit(writer,
         kind == YAML_MAPPING ? yaml_mapping_end_event_initialize(&event)
                              : yaml_sequence_end_event_initialize(&event),
         &event);
}

static void put_scalar(YamlWriter *writer, Str text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    if (!writer) {
        return;
    }
    if (text.len > INT32_MAX || !utf8_valid(text)) {
        writer->failed = true; /* YAML is text */
        return;
    }
    const char *bytes = text.ptr ? text.ptr : "";
    emit(writer,
         yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)bytes, (int)text.len,
                                      1, 1, style),
         &event);
}

/* Would the text, written plain, read back as something else than a string? */
static bool reads_as_other(Str text)
{
    YamlNode plain = {.kind = YAML_SCALAR, .scalar = text};
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", "<<"};
    for (size_t i = 0; i < COUNT_OF(nulls); i++) {
        if (str_eq(text, str_from(nulls[i]))) {
            return true;
        }
    }
    return strcmp(yaml_tag(&plain), "!!str") != 0;
}

void yaml_put_text(YamlWriter *writer, Str text)
{
    if (str_find_byte(text, '\n') != STR_NOT_FOUND) {
        put_scalar(writer, text, YAML_LITERAL_SCALAR_STYLE);
    } else {
        put_scalar(writer, text,
                   reads_as_other(text) ? YAML_DOUBLE_QUOTED_SCALAR_STYLE
                                        : YAML_PLAIN_SCALAR_STYLE);
    }
}

void yaml_put_url(YamlWriter *writer, Str url)
{
    size_t scheme = str_find(url, S("://"));
    size_t from = scheme == STR_NOT_FOUND ? 0 : scheme + 3;
    Str authority = str_skip(url, from);
    for (size_t i = 0; i < authority.len; i++) {
        if (strchr("/?#", authority.ptr[i])) {
            authority.len = i;
        }
    }
    size_t at = str_find_last_byte(authority, '@');
    size_t colon = str_find_byte(authority, ':');
    if (at == STR_NOT_FOUND || colon == STR_NOT_FOUND || colon > at) {
        yaml_put_text(writer, url);
        return;
    }
    Buf shown;
    buf_init(&shown, url.len + 16);
    buf_str(&shown, str_take(url, from + colon + 1));
    buf_lit(&shown, "xxxxx");
    buf_str(&shown, str_skip(url, from + at));
    yaml_put_text(writer, buf_view(&shown));
    buf_done(&shown);
}

void yaml_put_secret(YamlWriter *writer, Str secret)
{
    if (secret.len > 0) {
        yaml_put_text(writer, S("<secret>"));
    } else {
        yaml_put_null(writer);
    }
}

void yaml_put_null(YamlWriter *writer)
{
    put_scalar(writer, S("null"), YAML_PLAIN_SCALAR_STYLE);
}

void yaml_put_bool(YamlWriter *writer, bool value)
{
    put_scalar(writer, value ? S("true") : S("false"), YAML_PLAIN_SCALAR_STYLE);
}

static void put_plain(YamlWriter *writer, Buf *text)
{
    put_scalar(writer, buf_view(text), YAML_PLAIN_SCALAR_STYLE);
    buf_done(text);
}

void yaml_put_i64(YamlWriter *writer, i64 value)
{
    Buf text;
    buf_init(&text, 32);
    buf_i64(&text, value);
    put_plain(writer, &text);
}

void yaml_put_u64(YamlWriter *writer, u64 value)
{
    Buf text;
    buf_init(&text, 32);
    buf_u64(&text, value);
    put_plain(writer, &text);
}

void yaml_put_f64(YamlWriter *writer, f64 value)
{
    if (isnan(value) || isinf(value)) {
        put_scalar(writer,
                   isnan(value) ? S(".nan")
                   : value > 0  ? S(".inf")
                                : S("-.inf"),
                   YAML_PLAIN_SCALAR_STYLE);
        return;
    }
    char text[F64_TEXT_MAX];
    put_scalar(writer, (Str){.ptr = text, .len = f64_format_g(text, value)},
               YAML_PLAIN_SCALAR_STYLE);
}

void yaml_put_duration(YamlWriter *writer, i64 ms)
{
    Buf text;
    buf_init(&text, 64);
    duration_format(&text, ms);
    put_plain(writer, &text);
}

void yaml_put_flow_list(YamlWriter *writer, const Str *texts, size_t count)
{
    yaml_event_t event;
    if (!writer) {
        return;
    }
    emit(writer,
         yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_FLOW_SEQUENCE_STYLE),
         &event);
    for (size_t i = 0; i < count; i++) {
        yaml_put_text(writer, texts[i]);
    }
    emit(writer, yaml_sequence_end_event_initialize(&event), &event);
}

/* NOLINTNEXTLINE(misc-no-recursion): a tree is at most YAML_DEPTH_MAX deep */
void yaml_put_node(YamlWriter *writer, const YamlNode *node)
{
    if (!node || node->kind == YAML_NULL) {
        yaml_put_null(writer);
        return;
    }
    if (node->kind == YAML_SCALAR) {
        if (node->quoted) {
            yaml_put_text(writer, node->scalar);
        } else {
            put_scalar(writer, node->scalar, YAML_PLAIN_SCALAR_STYLE);
        }
        return;
    }
    yaml_put_begin(writer, node->kind);
    for (size_t i = 0; i < node->count; i++) {
        if (node->kind == YAML_LIST) {
            yaml_put_node(writer, node->items[i]);
        } else {
            yaml_put_node(writer, node->pairs[i].key);
            yaml_put_node(writer, node->pairs[i].value);
        }
    }
    yaml_put_end(writer);
}

void yaml_put_key_text(YamlWriter *writer, const char *key, Str text)
{
    yaml_put_text(writer, str_from(key));
    yaml_put_text(writer, text);
}

void yaml_put_key_secret(YamlWriter *writer, const char *key, Str secret)
{
    yaml_put_text(writer, str_from(key));
    yaml_put_secret(writer, secret);
}

void yaml_put_key_bool(YamlWriter *writer, const char *key, bool value)
{
    yaml_put_text(writer, str_from(key));
    yaml_put_bool(writer, value);
}

void yaml_put_key_i64(YamlWriter *writer, const char *key, i64 value)
{
    yaml_put_text(writer, str_from(key));
    yaml_put_i64(writer, value);
}

void yaml_put_key_u64(YamlWriter *writer, const char *key, u64 value)
{
    yaml_put_text(writer, str_from(key));
    yaml_put_u64(writer, value);
}

void yaml_put_key_f64(YamlWriter *writer, const char *key, f64 value)
{
    yaml_put_text(writer, str_from(key));
    yaml_put_f64(writer, value);
}

void yaml_put_key_duration(YamlWriter *writer, const char *key, i64 ms)
{
    yaml_put_text(writer, str_from(key));
    yaml_put_duration(writer, ms);
}

void yaml_put_key_begin(YamlWriter *writer, const char *key, YamlKind kind)
{
    yaml_put_text(writer, str_from(key));
    yaml_put_begin(writer, kind);
}
