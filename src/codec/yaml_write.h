/*
 * YAML writing: block style as Go's yaml.v2 prints it (two spaces, lists not indented below their
 * key), so that what /api/v1/status/config shows equals the originals'.
 *
 *     YamlWriter *writer = yaml_writer_new(&out);
 *     yaml_put_begin(writer, YAML_MAPPING);
 *     yaml_put_text(writer, S("job_name"));
 *     yaml_put_text(writer, name);
 *     yaml_put_end(writer);
 *     return yaml_writer_free(writer, err);
 *
 * After a mistake (unbalanced begin and end) or a full buffer every call does nothing, and
 * yaml_writer_free reports it.
 *
 * Layer: codec (libyaml). Memory: the writer until yaml_writer_free. Thread: one writer, one
 * thread.
 */
#pragma once

#include "base/buf.h"
#include "codec/yaml.h"

typedef struct YamlWriter YamlWriter;

YamlWriter *yaml_writer_new(Buf *out);
bool yaml_writer_free(YamlWriter *writer, Err *err) MUST_USE; /* ends the document; NULL-safe */

void yaml_put_begin(YamlWriter *writer, YamlKind kind); /* YAML_MAPPING or YAML_LIST */
void yaml_put_end(YamlWriter *writer);

/* A string: plain when it reads back as one, else in quotes, or as a block when it has lines. */
void yaml_put_text(YamlWriter *writer, Str text);
void yaml_put_url(YamlWriter *writer, Str url);       /* with xxxxx for its password */
void yaml_put_secret(YamlWriter *writer, Str secret); /* <secret>, or null when there is none */
void yaml_put_null(YamlWriter *writer);
void yaml_put_bool(YamlWriter *writer, bool value);
void yaml_put_i64(YamlWriter *writer, i64 value);
void yaml_put_u64(YamlWriter *writer, u64 value);
void yaml_put_f64(YamlWriter *writer, f64 value);
void yaml_put_duration(YamlWriter *writer, i64 ms);

/* On one line: [a, b]. */
void yaml_put_flow_list(YamlWriter *writer, const Str *texts, size_t count);

/* A whole tree; NULL writes null. */
void yaml_put_node(YamlWriter *writer, const YamlNode *node);

/* A key and its value, inside a mapping. */
void yaml_put_key_text(YamlWriter *writer, const char *key, Str text);
void yaml_put_key_secret(YamlWriter *writer, const char *key, Str secret);
void yaml_put_key_bool(YamlWriter *writer, const char *key, bool value);
void yaml_put_key_i64(YamlWriter *writer, const char *key, i64 value);
void yaml_put_key_u64(YamlWriter *writer, const char *key, u64 value);
void yaml_put_key_f64(YamlWriter *writer, const char *key, f64 value);
void yaml_put_key_duration(YamlWriter *writer, const char *key, i64 ms);
void yaml_put_key_begin(YamlWriter *writer, const char *key, YamlKind kind);
