/* meta.json of a block: see block_meta.h. Layer: tsdb. Memory: the caller's arena. Thread: any. */
#include "tsdb/block_meta.h"

#include "base/vec.h"
#include "codec/json.h"
#include "os/file.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

typedef struct MetaReader {
    JsonReader json;
    BlockMeta meta;
    i64 version;
    bool has_ulid;
    VEC(BlockMetaExtra) extras;
    VEC(Ulid) sources;
    VEC(BlockParent) parents;
    VEC(Str) hints;
} MetaReader;

/* ---- reading ---- */

static void read_count(MetaReader *reader, u64 *ret)
{
    i64 number;
    if (json_i64(&reader->json, &number)) {
        if (number >= 0) {
            *ret = (u64)number;
        } else {
            (void)json_fail(&reader->json, "a count is below zero");
        }
    }
}

static bool read_ulid(MetaReader *reader, Ulid *ret)
{
    Str text;
    return json_str(&reader->json, &text) &&
           (ulid_parse(text, ret) || json_fail(&reader->json, "not a ULID"));
}

static void keep(MetaReader *reader, BlockMetaPlace place, Str key)
{
    BlockMetaExtra extra = {.place = place, .key = key};
    if (json_raw(&reader->json, &extra.json)) {
        *vec_push(&reader->extras) = extra;
    }
}

/* Go writes an empty list as null. */
static bool begin_list(MetaReader *reader)
{
    return json_peek(&reader->json) == JSON_NULL ? json_null(&reader->json) && false
                                                 : json_begin_array(&reader->json);
}

static void read_stats(MetaReader *reader)
{
    BlockMeta *meta = &reader->meta;
    const struct {
        Str key;
        u64 *to;
    } counts[] = {
        {S("numSamples"), &meta->samples},
        {S("numFloatSamples"), &meta->float_samples},
        {S("numHistogramSamples"), &meta->histogram_samples},
        {S("numSeries"), &meta->series},
        {S("numChunks"), &meta->chunks},
        {S("numTombstones"), &meta->tombstones},
    };
    Str key;
    if (!json_begin_object(&reader->json)) {
        return;
    }
    while (json_next_key(&reader->json, &key)) {
        size_t i = 0;
        while (i < COUNT_OF(counts) && !str_eq(key, counts[i].key)) {
            i++;
        }
        if (i < COUNT_OF(counts)) {
            read_count(reader, counts[i].to);
        } else {
            keep(reader, BLOCK_META_STATS, key);
        }
    }
}

static void read_parent(MetaReader *reader)
{
    BlockParent parent = {0};
    Str key;
    if (!json_begin_object(&reader->json)) {
        return;
    }
    while (json_next_key(&reader->json, &key)) {
        if (str_eq(key, S("ulid"))) {
            (void)read_ulid(reader, &parent.ulid);
        } else if (str_eq(key, S("minTime"))) {
            (void)json_i64(&reader->json, &parent.mint_ms);
        } else if (str_eq(key, S("maxTime"))) {
            (void)json_i64(&reader->json, &parent.maxt_ms);
        } else {
            (void)json_skip(&reader->json);
        }
    }
    *vec_push(&reader->parents) = parent;
}

static void read_sources(MetaReader *reader)
{
    Ulid ulid;
    if (begin_list(reader)) {
        while (json_next_item(&reader->json) && read_ulid(reader, &ulid)) {
            *vec_push(&reader->sources) = ulid;
        }
    }
}

static void read_hints(MetaReader *reader)
{
    Str hint;
    if (begin_list(reader)) {
        while (json_next_item(&reader->json) && json_str(&reader->json, &hint)) {
            *vec_push(&reader->hints) = hint;
        }
    }
}

static void read_parents(MetaReader *reader)
{
    if (begin_list(reader)) {
        while (json_next_item(&reader->json)) {
            read_parent(reader);
        }
    }
}

static void read_level(MetaReader *reader)
{
    i64 level;
    if (!json_i64(&reader->json, &level)) {
        return;
    }
    if (level < 0 || level > INT32_MAX) {
        (void)json_fail(&reader->json, "the level is out of range");
        return;
    }
    reader->meta.level = (u32)level;
}

static void read_compaction(MetaReader *reader)
{
    Str key;
    if (!json_begin_object(&reader->json)) {
        return;
    }
    while (json_next_key(&reader->json, &key)) {
        if (str_eq(key, S("level"))) {
            read_level(reader);
        } else if (str_eq(key, S("sources"))) {
            read_sources(reader);
        } else if (str_eq(key, S("parents"))) {
            read_parents(reader);
        } else if (str_eq(key, S("hints"))) {
            read_hints(reader);
        } else if (str_eq(key, S("deletable"))) {
            (void)json_bool(&reader->json, &reader->meta.deletable);
        } else if (str_eq(key, S("failed"))) {
            (void)json_bool(&reader->json, &reader->meta.failed);
        } else {
            keep(reader, BLOCK_META_COMPACTION, key);
        }
    }
}

static void read_top(MetaReader *reader)
{
    Str key;
    if (!json_begin_object(&reader->json)) {
        return;
    }
    while (json_next_key(&reader->json, &key)) {
        if (str_eq(key, S("ulid"))) {
            reader->has_ulid = read_ulid(reader, &reader->meta.ulid);
        } else if (str_eq(key, S("minTime"))) {
            (void)json_i64(&reader->json, &reader->meta.mint_ms);
        } else if (str_eq(key, S("maxTime"))) {
            (void)json_i64(&reader->json, &reader->meta.maxt_ms);
        } else if (str_eq(key, S("stats"))) {
            read_stats(reader);
        } else if (str_eq(key, S("compaction"))) {
            read_compaction(reader);
        } else if (str_eq(key, S("version"))) {
            (void)json_i64(&reader->json, &reader->version);
        } else {
            keep(reader, BLOCK_META_TOP, key);
        }
    }
}

static const void *copy_list(Arena *arena, const void *list, size_t count, size_t size)
{
    void *copy = arena_alloc(arena, count * size + 1, _Alignof(max_align_t));
    if (copy && count > 0) {
        memcpy(copy, list, count * size);
    }
    return copy;
}

static bool finish(MetaReader *reader, Arena *arena, BlockMeta *ret, Err *err)
{
    BlockMeta *meta = &reader->meta;
    if (!json_finish(&reader->json, err)) {
        return false;
    }
    if (reader->version != BLOCK_META_VERSION) {
        return err_set(err, ERR_UNSUPPORTED, "version %lld of meta.json is not known",
                       (long long)reader->version);
    }
    if (!reader->has_ulid || meta->mint_ms > meta->maxt_ms) {
        return err_set(err, ERR_INVALID, "%s",
                       reader->has_ulid ? "minTime lies behind maxTime" : "ulid is missing");
    }
    meta->sources = copy_list(arena, reader->sources.at, reader->sources.count, sizeof(Ulid));
    meta->parents =
        copy_list(arena, reader->parents.at, reader->parents.count, sizeof(BlockParent));
    meta->hints = copy_list(arena, reader->hints.at, reader->hints.count, sizeof(Str));
    meta->extras =
        copy_list(arena, reader->extras.at, reader->extras.count, sizeof(BlockMetaExtra));
    if (!meta->sources || !meta->parents || !meta->hints || !meta->extras) {
        return arena_full(arena, err);
    }
    meta->source_count = reader->sources.count;
    meta->parent_count = reader->parents.count;
    meta->hint_count = reader->hints.count;
    meta->extra_count = reader->extras.count;
    *ret = *meta;
    return true;
}

bool block_meta_parse(Str text, Arena *arena, BlockMeta *ret, Err *err)
{
    MetaReader reader = {0};
    json_init(&reader.json, text, arena);
    read_top(&reader);
    bool ok = finish(&reader, arena, ret, err);
    vec_done(&reader.extras);
    vec_done(&reader.sources);
    vec_done(&reader.parents);
    vec_done(&reader.hints);
    return ok;
}

/* ---- writing ---- */

typedef struct MetaWriter {
    Buf *out;
    int depth;
    bool comma;
} MetaWriter;

static void put_text(MetaWriter *writer, Str text)
{
    JsonWriter json;
    json_writer_init(&json, writer->out);
    json_put_str(&json, text);
}

static void begin_item(MetaWriter *writer)
{
    buf_str(writer->out, writer->comma ? S(",\n") : S("\n"));
    for (int i = 0; i < writer->depth; i++) {
        buf_byte(writer->out, '\t');
    }
    writer->comma = true;
}

static void put_key(MetaWriter *writer, Str key)
{
    begin_item(writer);
    put_text(writer, key);
    buf_lit(writer->out, ": ");
}

static void open_level(MetaWriter *writer, char bracket)
{
    buf_byte(writer->out, (u8)bracket);
    writer->depth++;
    writer->comma = false;
}

static void close_level(MetaWriter *writer, char bracket)
{
    writer->depth--;
    if (writer->comma) {
        writer->comma = false;
        begin_item(writer);
    }
    buf_byte(writer->out, (u8)bracket);
    writer->comma = true;
}

static void put_i64(MetaWriter *writer, Str key, i64 number)
{
    put_key(writer, key);
    buf_i64(writer->out, number);
}

static void put_count(MetaWriter *writer, Str key, u64 count)
{
    if (count > 0) {
        put_key(writer, key);
        buf_u64(writer->out, count);
    }
}

static void put_ulid(MetaWriter *writer, const Ulid *ulid)
{
    char text[ULID_TEXT_SIZE + 1];
    ulid_format(ulid, text);
    put_text(writer, str_from(text));
}

static void put_extras(MetaWriter *writer, const BlockMeta *meta, BlockMetaPlace place)
{
    for (size_t i = 0; i < meta->extra_count; i++) {
        if (meta->extras[i].place == place) {
            put_key(writer, meta->extras[i].key);
            buf_str(writer->out, meta->extras[i].json);
        }
    }
}

static void put_stats(MetaWriter *writer, const BlockMeta *meta)
{
    put_key(writer, S("stats"));
    open_level(writer, '{');
    put_count(writer, S("numSamples"), meta->samples);
    put_count(writer, S("numFloatSamples"), meta->float_samples);
    put_count(writer, S("numHistogramSamples"), meta->histogram_samples);
    put_count(writer, S("numSeries"), meta->series);
    put_count(writer, S("numChunks"), meta->chunks);
    put_count(writer, S("numTombstones"), meta->tombstones);
    put_extras(writer, meta, BLOCK_META_STATS);
    close_level(writer, '}');
}

static void put_sources(MetaWriter *writer, const BlockMeta *meta)
{
    if (meta->source_count == 0) {
        return;
    }
    put_key(writer, S("sources"));
    open_level(writer, '[');
    for (size_t i = 0; i < meta->source_count; i++) {
        begin_item(writer);
        put_ulid(writer, &meta->sources[i]);
    }
    close_level(writer, ']');
}

static void put_parents(MetaWriter *writer, const BlockMeta *meta)
{
    if (meta->parent_count == 0) {
        return;
    }
    put_key(writer, S("parents"));
    open_level(writer, '[');
    for (size_t i = 0; i < meta->parent_count; i++) {
        begin_item(writer);
        open_level(writer, '{');
        put_key(writer, S("ulid"));
        put_ulid(writer, &meta->parents[i].ulid);
        put_i64(writer, S("minTime"), meta->parents[i].mint_ms);
        put_i64(writer, S("maxTime"), meta->parents[i].maxt_ms);
        close_level(writer, '}');
    }
    close_level(writer, ']');
}

static void put_hints(MetaWriter *writer, const BlockMeta *meta)
{
    if (meta->hint_count == 0) {
        return;
    }
    put_key(writer, S("hints"));
    open_level(writer, '[');
    for (size_t i = 0; i < meta->hint_count; i++) {
        begin_item(writer);
        put_text(writer, meta->hints[i]);
    }
    close_level(writer, ']');
}

static void put_compaction(MetaWriter *writer, const BlockMeta *meta)
{
    put_key(writer, S("compaction"));
    open_level(writer, '{');
    put_i64(writer, S("level"), meta->level);
    put_sources(writer, meta);
    if (meta->deletable) {
        put_key(writer, S("deletable"));
        buf_lit(writer->out, "true");
    }
    put_parents(writer, meta);
    if (meta->failed) {
        put_key(writer, S("failed"));
        buf_lit(writer->out, "true");
    }
    put_hints(writer, meta);
    put_extras(writer, meta, BLOCK_META_COMPACTION);
    close_level(writer, '}');
}

void block_meta_format(Buf *out, const BlockMeta *meta)
{
    MetaWriter writer = {.out = out};
    open_level(&writer, '{');
    put_key(&writer, S("ulid"));
    put_ulid(&writer, &meta->ulid);
    put_i64(&writer, S("minTime"), meta->mint_ms);
    put_i64(&writer, S("maxTime"), meta->maxt_ms);
    put_stats(&writer, meta);
    put_compaction(&writer, meta);
    put_i64(&writer, S("version"), BLOCK_META_VERSION);
    put_extras(&writer, meta, BLOCK_META_TOP);
    close_level(&writer, '}');
}

/* ---- files ---- */

static bool meta_path(const char *dir, char ret_path[PATH_MAX], Err *err)
{
    int len = snprintf(ret_path, PATH_MAX, "%s/meta.json", dir);
    return len < PATH_MAX || err_set(err, ERR_LIMIT, "path of %s is too long", dir);
}

bool block_meta_load(const char *dir, Arena *arena, BlockMeta *ret, Err *err)
{
    char path[PATH_MAX];
    Str text;
    if (!meta_path(dir, path, err) || !file_read(path, BLOCK_META_SIZE_MAX, arena, &text, err)) {
        return false;
    }
    return block_meta_parse(text, arena, ret, err) || err_wrap(err, "%s", path);
}

bool block_meta_store(const char *dir, const BlockMeta *meta, Err *err)
{
    char path[PATH_MAX];
    CLEANUP(buf_done) Buf out;
    buf_init(&out, BLOCK_META_SIZE_MAX);
    block_meta_format(&out, meta);
    return meta_path(dir, path, err) && buf_ok(&out, err) &&
           file_write_atomic(path, buf_view(&out), 0666, err);
}
