/*
 * Fuzzes the record decoder. Oracle: the entries of a record that decodes are written again and
 * must decode to the same entries.
 */
#include "tsdb/record.h"

#include <string.h>

enum { LIMIT = 16 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static bool same_side(const BucketSide *a, const BucketSide *b)
{
    return a->span_count == b->span_count && a->bucket_count == b->bucket_count &&
           (a->bucket_count == 0 ||
            memcmp(a->buckets, b->buckets, a->bucket_count * sizeof(f64)) == 0);
}

static bool same(RecordType type, const RecordEntry *a, const RecordEntry *b)
{
    switch (type) {
    case RECORD_SERIES:
        return a->ref == b->ref && labels_eq(a->labels, b->labels);
    case RECORD_TOMBSTONES:
        return a->ref == b->ref && a->t_ms == b->t_ms && a->last_ms == b->last_ms;
    case RECORD_METADATA:
        return a->ref == b->ref && str_eq(a->unit, b->unit) && str_eq(a->help, b->help);
    case RECORD_EXEMPLARS:
        return a->ref == b->ref && a->t_ms == b->t_ms && labels_eq(a->labels, b->labels);
    case RECORD_SAMPLES:
    case RECORD_SAMPLES_2:
        return a->ref == b->ref && a->t_ms == b->t_ms && f64_bits(a->value) == f64_bits(b->value);
    default:
        return a->ref == b->ref && a->t_ms == b->t_ms && a->hist->schema == b->hist->schema &&
               f64_bits(a->hist->sum) == f64_bits(b->hist->sum) &&
               same_side(&a->hist->positive, &b->hist->positive) &&
               same_side(&a->hist->negative, &b->hist->negative);
    }
}

/* Integer counts live in floats: past 2^53 they are rounded, and below zero they are not counts. */
static bool exact(const BucketSide *side)
{
    for (size_t i = 0; i < side->bucket_count; i++) {
        if (!(side->buckets[i] >= 0 && side->buckets[i] <= 0x1p53)) {
            return false;
        }
    }
    return true;
}

static bool writable(RecordType type, const RecordEntry *entry)
{
    const Histogram *hist = entry->hist;
    return type < RECORD_HISTOGRAMS || type == RECORD_SAMPLES_2 || !hist->integer ||
           (exact(&hist->positive) && exact(&hist->negative) && hist->count <= 0x1p53 &&
            hist->zero_count <= 0x1p53);
}

static void put(RecordWriter *writer, RecordType type, const RecordEntry *entry)
{
    switch (type) {
    case RECORD_SERIES:
        record_put_series(writer, entry->ref, entry->labels);
        break;
    case RECORD_TOMBSTONES:
        record_put_tombstone(writer, entry->ref, entry->t_ms, entry->last_ms);
        break;
    case RECORD_METADATA: {
        MetricMetadata metadata = {
            .type = entry->metric_type, .help = entry->help, .unit = entry->unit};
        record_put_metadata(writer, entry->ref, &metadata);
        break;
    }
    case RECORD_EXEMPLARS: {
        Exemplar exemplar = {.labels = entry->labels, .value = entry->value, .t_ms = entry->t_ms};
        record_put_exemplar(writer, entry->ref, &exemplar);
        break;
    }
    case RECORD_SAMPLES:
    case RECORD_SAMPLES_2:
        record_put_sample(writer, entry->ref, entry->t_ms, entry->value);
        break;
    default:
        record_put_histogram(writer, entry->ref, entry->t_ms, entry->hist);
        break;
    }
}

static RecordType written_type(RecordType type, const RecordEntry *entry)
{
    if (type == RECORD_SAMPLES_2) {
        return RECORD_SAMPLES;
    }
    return type < RECORD_HISTOGRAMS ? type : record_histogram_type(entry->hist);
}

/* Each entry becomes a record of its own, so that mixed kinds of histograms need no sorting. */
static void check_entry(RecordType type, const RecordEntry *entry, Arena *arena)
{
    Buf out;
    RecordWriter writer;
    RecordReader reader;
    RecordEntry again = {0};
    Err err;
    if (!writable(type, entry)) {
        return;
    }
    buf_init(&out, LIMIT);
    record_begin(&writer, &out, written_type(type, entry));
    put(&writer, type, entry);
    record_open(&reader, buf_view(&out));
    ASSERT(record_next(&reader, arena, &again));
    ASSERT(same(type, entry, &again));
    ASSERT(!record_next(&reader, arena, &again));
    ASSERT(record_close(&reader, &err));
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    Arena arena;
    RecordReader reader;
    RecordEntry entry = {0};
    Err err;
    arena_init(&arena, LIMIT);
    Str record = {.ptr = (const char *)data, .len = size};
    record_open(&reader, record);
    while (record_next(&reader, &arena, &entry)) {
        check_entry(record_type(record), &entry, &arena);
    }
    (void)!record_close(&reader, &err);
    arena_done(&arena);
    return 0;
}
