/* Records: see record.h. Layer: tsdb. Memory: the caller's. Thread: the caller's own. */
#include "tsdb/record.h"

#include <string.h>

enum {
    START_NONE = 0,     /* markers of the start time in types 11 … 13 */
    START_SAME = 1,     /* as the entry before */
    START_EXPLICIT = 2, /* a difference to the first one follows */
    METADATA_FIELDS = 2,
    SAMPLE_SIZE_MAX = 2 * VARINT_SIZE_MAX + 8,
};

static const Str field_unit = STR_INIT("UNIT");
static const Str field_help = STR_INIT("HELP");

RecordType record_type(Str record)
{
    u8 type = record.len > 0 ? (u8)record.ptr[0] : RECORD_UNKNOWN;
    return type <= RECORD_FLOAT_HISTOGRAMS_2 ? (RecordType)type : RECORD_UNKNOWN;
}

static bool has_base(RecordType type)
{
    return type == RECORD_SAMPLES || type == RECORD_EXEMPLARS ||
           (type >= RECORD_HISTOGRAMS && type <= RECORD_CUSTOM_FLOAT_HISTOGRAMS);
}

static bool is_float_histogram(RecordType type)
{
    return type == RECORD_FLOAT_HISTOGRAMS || type == RECORD_CUSTOM_FLOAT_HISTOGRAMS ||
           type == RECORD_FLOAT_HISTOGRAMS_2;
}

void record_open(RecordReader *reader, Str record)
{
    *reader = (RecordReader){.in = byte_reader(record), .type = record_type(record), .first = true};
    if (record.len > 0) {
        reader->in.at++;
    }
    if (has_base(reader->type) && bytes_left(&reader->in) > 0) {
        reader->base_ref = bytes_u64be(&reader->in);
        reader->base_ms = (i64)bytes_u64be(&reader->in);
    }
}

static Labels read_labels(RecordReader *reader)
{
    u64 count = bytes_uvarint(&reader->in);
    if (count > bytes_left(&reader->in)) { /* each needs two bytes at least */
        (void)bytes_fail(&reader->in);
        count = 0;
    }
    reader->labels.count = 0;
    vec_reserve(&reader->labels, (size_t)count);
    for (u64 i = 0; i < count; i++) {
        Str name = bytes_str(&reader->in);
        Str value = bytes_str(&reader->in);
        *vec_push(&reader->labels) = (Label){.name = name, .value = value};
    }
    return (Labels){.at = reader->labels.at, .count = reader->labels.count};
}

static void read_metadata(RecordReader *reader, RecordEntry *ret)
{
    ret->ref = bytes_uvarint(&reader->in);
    u8 type = bytes_u8(&reader->in);
    ret->metric_type = type <= METRIC_STATESET ? (MetricType)type : METRIC_UNKNOWN;
    u64 fields = bytes_uvarint(&reader->in);
    for (u64 i = 0; i < fields && !reader->in.bad; i++) {
        Str name = bytes_str(&reader->in);
        Str value = bytes_str(&reader->in);
        if (str_eq(name, field_unit)) {
            ret->unit = value;
        } else if (str_eq(name, field_help)) {
            ret->help = value;
        }
    }
}

/* Reference, time and start time of types 11 … 13. */
static void read_head_2(RecordReader *reader, RecordEntry *ret)
{
    ByteReader *in = &reader->in;
    if (reader->first) {
        ret->ref = (u64)bytes_varint(in);
        ret->t_ms = reader->base_ms = bytes_varint(in);
        ret->start_ms = reader->base_start_ms = bytes_varint(in);
    } else {
        ret->ref = reader->previous_ref + (u64)bytes_varint(in);
        ret->t_ms = (i64)((u64)reader->base_ms + (u64)bytes_varint(in));
        switch (bytes_u8(in)) {
        case START_NONE:
            ret->start_ms = 0;
            break;
        case START_SAME:
            ret->start_ms = reader->previous_start_ms;
            break;
        default:
            ret->start_ms = (i64)((u64)reader->base_start_ms + (u64)bytes_varint(in));
            break;
        }
    }
    reader->first = false;
    reader->previous_ref = ret->ref;
    reader->previous_start_ms = ret->start_ms;
}

static void read_head(RecordReader *reader, RecordEntry *ret)
{
    if (has_base(reader->type)) {
        ret->ref = reader->base_ref + (u64)bytes_varint(&reader->in);
        ret->t_ms = (i64)((u64)reader->base_ms + (u64)bytes_varint(&reader->in));
    } else {
        read_head_2(reader, ret);
    }
}

/* ---- histograms ---- */

/* An array whose elements need `element_size` bytes of input at least; NULL when there are none. */
static void *read_array(RecordReader *reader, Arena *arena, size_t element_size, size_t size,
                        size_t *ret_count)
{
    u64 count = bytes_uvarint(&reader->in);
    *ret_count = 0;
    if (count == 0) {
        return NULL;
    }
    if (count > bytes_left(&reader->in) / element_size) {
        (void)bytes_fail(&reader->in);
        return NULL;
    }
    void *array = arena_alloc(arena, (size_t)count * size, 8);
    if (!array) {
        reader->no_room = true;
        (void)bytes_fail(&reader->in);
        return NULL;
    }
    *ret_count = (size_t)count;
    return array;
}

static void read_spans(RecordReader *reader, Arena *arena, BucketSide *side)
{
    Span *spans = read_array(reader, arena, 2, sizeof(Span), &side->span_count);
    for (size_t i = 0; i < side->span_count; i++) {
        spans[i].offset = (i32)bytes_varint(&reader->in);
        spans[i].length = (u32)bytes_uvarint(&reader->in);
    }
    side->spans = spans;
}

static void read_buckets(RecordReader *reader, Arena *arena, bool floats, BucketSide *side)
{
    f64 *buckets = read_array(reader, arena, floats ? 8 : 1, sizeof(f64), &side->bucket_count);
    i64 count = 0;
    for (size_t i = 0; i < side->bucket_count; i++) {
        if (floats) {
            buckets[i] = bytes_f64be(&reader->in);
        } else {
            count = (i64)((u64)count + (u64)bytes_varint(&reader->in));
            buckets[i] = (f64)count;
        }
    }
    side->buckets = buckets;
}

static Histogram *read_histogram(RecordReader *reader, Arena *arena)
{
    ByteReader *in = &reader->in;
    Histogram *hist = ARENA_NEW(arena, Histogram, 1);
    if (!hist) {
        reader->no_room = true;
        (void)bytes_fail(in);
        return NULL;
    }
    bool floats = is_float_histogram(reader->type);
    hist->integer = !floats;
    hist->reset = (ResetHint)(bytes_u8(in) & 3);
    hist->schema = (i32)bytes_varint(in);
    hist->zero_threshold = bytes_f64be(in);
    hist->zero_count = floats ? bytes_f64be(in) : (f64)bytes_uvarint(in);
    hist->count = floats ? bytes_f64be(in) : (f64)bytes_uvarint(in);
    hist->sum = bytes_f64be(in);
    read_spans(reader, arena, &hist->positive);
    read_spans(reader, arena, &hist->negative);
    read_buckets(reader, arena, floats, &hist->positive);
    read_buckets(reader, arena, floats, &hist->negative);
    if (hist->schema == HISTOGRAM_CUSTOM_SCHEMA) {
        f64 *bounds = read_array(reader, arena, 8, sizeof(f64), &hist->custom_count);
        for (size_t i = 0; i < hist->custom_count; i++) {
            bounds[i] = bytes_f64be(in);
        }
        hist->custom_bounds = bounds;
    }
    return hist;
}

static u64 span_total(const BucketSide *side)
{
    u64 total = 0;
    for (size_t i = 0; i < side->span_count; i++) {
        total += side->spans[i].length;
    }
    return total;
}

/* Buckets and spans must agree before anybody walks them; schemas of later versions are not known.
 */
static bool histogram_usable(const Histogram *hist)
{
    bool known = hist->schema == HISTOGRAM_CUSTOM_SCHEMA ||
                 (hist->schema >= HISTOGRAM_SCHEMA_MIN && hist->schema <= HISTOGRAM_SCHEMA_MAX);
    return known && span_total(&hist->positive) == hist->positive.bucket_count &&
           span_total(&hist->negative) == hist->negative.bucket_count;
}

static bool next_histogram(RecordReader *reader, Arena *arena, RecordEntry *ret)
{
    while (bytes_left(&reader->in) > 0) {
        read_head(reader, ret);
        ret->hist = read_histogram(reader, arena);
        if (reader->in.bad) {
            return false;
        }
        if (histogram_usable(ret->hist)) {
            return true;
        }
    }
    return false;
}

bool record_next(RecordReader *reader, Arena *arena, RecordEntry *ret)
{
    ByteReader *in = &reader->in;
    if (bytes_left(in) == 0) {
        return false;
    }
    switch (reader->type) {
    case RECORD_SAMPLES:
    case RECORD_SAMPLES_2:
        ret->start_ms = 0;
        read_head(reader, ret);
        ret->value = bytes_f64be(in);
        break;
    case RECORD_SERIES:
        ret->ref = bytes_u64be(in);
        ret->labels = read_labels(reader);
        break;
    case RECORD_TOMBSTONES:
        ret->ref = bytes_u64be(in);
        ret->t_ms = bytes_varint(in);
        ret->last_ms = bytes_varint(in);
        break;
    case RECORD_EXEMPLARS:
        read_head(reader, ret);
        ret->value = bytes_f64be(in);
        ret->labels = read_labels(reader);
        break;
    case RECORD_METADATA:
        *ret = (RecordEntry){0};
        read_metadata(reader, ret);
        break;
    case RECORD_HISTOGRAMS:
    case RECORD_FLOAT_HISTOGRAMS:
    case RECORD_CUSTOM_HISTOGRAMS:
    case RECORD_CUSTOM_FLOAT_HISTOGRAMS:
    case RECORD_HISTOGRAMS_2:
    case RECORD_FLOAT_HISTOGRAMS_2:
        return next_histogram(reader, arena, ret);
    default: /* markers and newer types hold nothing for us */
        in->at = in->end;
        return false;
    }
    return !in->bad;
}

bool record_close(RecordReader *reader, Err *err)
{
    vec_done(&reader->labels);
    if (reader->no_room) {
        return err_set(err, ERR_LIMIT, "a record of type %d needs more memory than its limit",
                       (int)reader->type);
    }
    return !reader->in.bad ||
           err_set(err, ERR_CORRUPT, "record of type %d breaks off (%zu bytes)", (int)reader->type,
                   (size_t)(reader->in.end - reader->in.begin));
}

/* ---- writing ---- */

static void put_uvarint(Buf *out, u64 number)
{
    u8 *to = buf_reserve(out, VARINT_SIZE_MAX);
    if (to) {
        buf_advance(out, (size_t)(store_uvarint(to, number) - to));
    }
}

static void put_varint(Buf *out, i64 number)
{
    put_uvarint(out, (u64)number << 1 ^ (u64)(number >> 63));
}

static void put_str(Buf *out, Str s)
{
    put_uvarint(out, s.len);
    buf_str(out, s);
}

static void put_f64(Buf *out, f64 number)
{
    buf_u64be(out, f64_bits(number));
}

void record_begin(RecordWriter *writer, Buf *out, RecordType type)
{
    *writer = (RecordWriter){.out = out, .type = type};
}

/* The type byte before the first entry. */
static void put_type(RecordWriter *writer)
{
    if (writer->type != RECORD_UNKNOWN) {
        buf_byte(writer->out, (u8)writer->type);
        writer->type = RECORD_UNKNOWN;
    }
}

static void put_head(RecordWriter *writer, u64 ref, i64 t_ms)
{
    if (writer->type != RECORD_UNKNOWN) {
        put_type(writer);
        buf_u64be(writer->out, ref);
        buf_u64be(writer->out, (u64)t_ms);
        writer->base_ref = ref;
        writer->base_ms = t_ms;
    }
    put_varint(writer->out, (i64)(ref - writer->base_ref));
    put_varint(writer->out, (i64)((u64)t_ms - (u64)writer->base_ms));
}

static void put_labels(Buf *out, Labels labels)
{
    put_uvarint(out, labels.count);
    for (size_t i = 0; i < labels.count; i++) {
        put_str(out, labels.at[i].name);
        put_str(out, labels.at[i].value);
    }
}

void record_put_series(RecordWriter *writer, u64 ref, Labels labels)
{
    put_type(writer);
    buf_u64be(writer->out, ref);
    put_labels(writer->out, labels);
}

void record_put_tombstone(RecordWriter *writer, u64 ref, i64 first_ms, i64 last_ms)
{
    put_type(writer);
    buf_u64be(writer->out, ref);
    put_varint(writer->out, first_ms);
    put_varint(writer->out, last_ms);
}

void record_put_exemplar(RecordWriter *writer, u64 ref, const Exemplar *exemplar)
{
    put_head(writer, ref, exemplar->t_ms);
    put_f64(writer->out, exemplar->value);
    put_labels(writer->out, exemplar->labels);
}

void record_put_metadata(RecordWriter *writer, u64 ref, const MetricMetadata *metadata)
{
    put_type(writer);
    put_uvarint(writer->out, ref);
    buf_byte(writer->out, (u8)metadata->type);
    put_uvarint(writer->out, METADATA_FIELDS);
    put_str(writer->out, field_unit);
    put_str(writer->out, metadata->unit);
    put_str(writer->out, field_help);
    put_str(writer->out, metadata->help);
}

void record_put_sample(RecordWriter *writer, u64 ref, i64 t_ms, f64 value)
{
    if (UNLIKELY(writer->type != RECORD_UNKNOWN)) {
        put_head(writer, ref, t_ms);
        put_f64(writer->out, value);
        return;
    }
    u8 *begin = buf_reserve(writer->out, SAMPLE_SIZE_MAX);
    if (begin) {
        u8 *to = store_varint(begin, (i64)(ref - writer->base_ref));
        to = store_varint(to, (i64)((u64)t_ms - (u64)writer->base_ms));
        store_u64be(to, f64_bits(value));
        buf_advance(writer->out, (size_t)(to + sizeof(u64) - begin));
    }
}

RecordType record_histogram_type(const Histogram *histogram)
{
    if (histogram->schema == HISTOGRAM_CUSTOM_SCHEMA) {
        return histogram->integer ? RECORD_CUSTOM_HISTOGRAMS : RECORD_CUSTOM_FLOAT_HISTOGRAMS;
    }
    return histogram->integer ? RECORD_HISTOGRAMS : RECORD_FLOAT_HISTOGRAMS;
}

static void put_spans(Buf *out, const BucketSide *side)
{
    put_uvarint(out, side->span_count);
    for (size_t i = 0; i < side->span_count; i++) {
        put_varint(out, side->spans[i].offset);
        put_uvarint(out, side->spans[i].length);
    }
}

static void put_buckets(Buf *out, const BucketSide *side, bool integer)
{
    put_uvarint(out, side->bucket_count);
    i64 before = 0;
    for (size_t i = 0; i < side->bucket_count; i++) {
        if (integer) {
            i64 count = (i64)side->buckets[i];
            put_varint(out, count - before);
            before = count;
        } else {
            put_f64(out, side->buckets[i]);
        }
    }
}

void record_put_histogram(RecordWriter *writer, u64 ref, i64 t_ms, const Histogram *histogram)
{
    put_head(writer, ref, t_ms);
    Buf *out = writer->out;
    buf_byte(out, (u8)histogram->reset);
    put_varint(out, histogram->schema);
    put_f64(out, histogram->zero_threshold);
    if (histogram->integer) {
        put_uvarint(out, (u64)histogram->zero_count);
        put_uvarint(out, (u64)histogram->count);
    } else {
        put_f64(out, histogram->zero_count);
        put_f64(out, histogram->count);
    }
    put_f64(out, histogram->sum);
    put_spans(out, &histogram->positive);
    put_spans(out, &histogram->negative);
    put_buckets(out, &histogram->positive, histogram->integer);
    put_buckets(out, &histogram->negative, histogram->integer);
    if (histogram->schema == HISTOGRAM_CUSTOM_SCHEMA) {
        put_uvarint(out, histogram->custom_count);
        for (size_t i = 0; i < histogram->custom_count; i++) {
            put_f64(out, histogram->custom_bounds[i]);
        }
    }
}
