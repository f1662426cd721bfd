/* Tests of tsdb/record.h. */
#include "tsdb/record.h"

#include "base/random.h"
#include "base/test.h"

#include <string.h>

enum { RECORD_MAX = 1024 * 1024 };

static Str bytes_of(const Buf *buf)
{
    return buf_view(buf);
}

TEST(record, samples_are_the_bytes_that_the_format_names)
{
    static const u8 want[] = {2,                                               /* type */
                              0,    0, 0,    0,    0, 0, 0, 5,                 /* first ref */
                              0,    0, 0,    0,    0, 0, 3, 0xe8,              /* first time */
                              0,    0, 0x3f, 0xf0, 0, 0, 0, 0,    0, 0,        /* 5, 1000, 1.0 */
                              3,    2, 0x40, 0,    0, 0, 0, 0,    0, 0,        /* 3, 1001, 2.0 */
                              0x90, 3, 0xd0, 0x0f, 0, 0, 0, 0,    0, 0, 0, 0}; /* 205, 2000, 0 */
    Buf out;
    RecordWriter writer;
    buf_init(&out, RECORD_MAX);
    record_begin(&writer, &out, RECORD_SAMPLES);
    record_put_sample(&writer, 5, 1000, 1);
    record_put_sample(&writer, 3, 1001, 2);
    record_put_sample(&writer, 205, 2000, 0);
    CHECK_STR(bytes_of(&out), ((Str){.ptr = (const char *)want, .len = sizeof(want)}));
    buf_done(&out);
}

TEST(record, series_are_the_bytes_that_the_format_names)
{
    static const char want[] = "\x01\0\0\0\0\0\0\x01\x02\x02\x08__name__\x02up\x03job\x01x";
    Label labels[] = {{S("__name__"), S("up")}, {S("job"), S("x")}};
    Buf out;
    RecordWriter writer;
    buf_init(&out, RECORD_MAX);
    record_begin(&writer, &out, RECORD_SERIES);
    record_put_series(&writer, 0x102, (Labels){.at = labels, .count = 2});
    CHECK_STR(bytes_of(&out), ((Str){.ptr = want, .len = sizeof(want) - 1}));

    RecordReader reader;
    RecordEntry entry;
    Err err;
    record_open(&reader, buf_view(&out));
    CHECK(record_next(&reader, NULL, &entry));
    CHECK_U64(entry.ref, 0x102);
    CHECK(labels_eq(entry.labels, (Labels){.at = labels, .count = 2}));
    CHECK(!record_next(&reader, NULL, &entry));
    CHECK_OK(record_close(&reader, &err), &err);
    buf_done(&out);
}

TEST(record, random_samples_come_back)
{
    enum { COUNT = 500 };
    static u64 refs[COUNT];
    static i64 times[COUNT];
    static u64 values[COUNT];
    Random random;
    random_seed(&random, test_seed());
    for (int round = 0; round < 200; round++) {
        Buf out;
        RecordWriter writer;
        buf_init(&out, RECORD_MAX);
        record_begin(&writer, &out, RECORD_SAMPLES);
        size_t count = 1 + random_below(&random, COUNT);
        for (size_t i = 0; i < count; i++) {
            refs[i] = random_u64(&random) >> random_below(&random, 64);
            times[i] = (i64)(random_u64(&random) >> random_below(&random, 64));
            values[i] = random_u64(&random);
            record_put_sample(&writer, refs[i], times[i], f64_from_bits(values[i]));
        }
        RecordReader reader;
        RecordEntry entry;
        Err err;
        record_open(&reader, buf_view(&out));
        for (size_t i = 0; i < count; i++) {
            CHECK(record_next(&reader, NULL, &entry));
            CHECK_U64(entry.ref, refs[i]);
            CHECK_I64(entry.t_ms, times[i]);
            CHECK_U64(f64_bits(entry.value), values[i]);
        }
        CHECK(!record_next(&reader, NULL, &entry));
        CHECK_OK(record_close(&reader, &err), &err);
        buf_done(&out);
    }
}

TEST(record, samples_with_start_times_are_read)
{
    static const u8 bytes[] = {
        11,   10,   0xd0, 0x0f, 0x90, 3, /* ref 5, 1000, start 200 */
        0x3f, 0xf0, 0,    0,    0,    0, 0, 0, 2, 4, 1, 0x40,
        0,    0,    0,    0,    0,    0, 0,                 /* ref 6, 1002, the same */
        1,    0,    0,    0x40, 0,    0, 0, 0, 0, 0, 0,     /* ref 5, 1000, none */
        6,    0,    2,    20,   0x40, 0, 0, 0, 0, 0, 0, 0}; /* ref 8, start 210 */
    static const struct {
        u64 ref;
        i64 t_ms, start_ms;
    } want[] = {{5, 1000, 200}, {6, 1002, 200}, {5, 1000, 0}, {8, 1000, 210}};
    RecordReader reader;
    RecordEntry entry;
    Err err;
    record_open(&reader, (Str){.ptr = (const char *)bytes, .len = sizeof(bytes)});
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        CHECK(record_next(&reader, NULL, &entry));
        CHECK_U64(entry.ref, want[i].ref);
        CHECK_I64(entry.t_ms, want[i].t_ms);
        CHECK_I64(entry.start_ms, want[i].start_ms);
    }
    CHECK(!record_next(&reader, NULL, &entry));
    CHECK_OK(record_close(&reader, &err), &err);
}

static void check_histogram(const Histogram *hist)
{
    Arena arena;
    Buf out;
    RecordWriter writer;
    RecordReader reader;
    RecordEntry entry = {0};
    Err err;
    arena_init(&arena, RECORD_MAX);
    buf_init(&out, RECORD_MAX);
    record_begin(&writer, &out, record_histogram_type(hist));
    record_put_histogram(&writer, 77, -5, hist);
    record_put_histogram(&writer, 78, 60000, hist);
    record_open(&reader, buf_view(&out));
    for (u64 ref = 77; ref < 79; ref++) {
        CHECK(record_next(&reader, &arena, &entry));
        CHECK_U64(entry.ref, ref);
        CHECK_I64(entry.t_ms, ref == 77 ? -5 : 60000);
        const Histogram *got = entry.hist;
        CHECK_I64(got->schema, hist->schema);
        CHECK(got->integer == hist->integer && got->reset == hist->reset);
        CHECK_F64(got->count, hist->count);
        CHECK_F64(got->zero_count, hist->zero_count);
        CHECK_F64(got->zero_threshold, hist->zero_threshold);
        CHECK_U64(f64_bits(got->sum), f64_bits(hist->sum));
        CHECK_U64(got->positive.span_count, hist->positive.span_count);
        CHECK_U64(got->positive.bucket_count, hist->positive.bucket_count);
        for (size_t i = 0; i < got->positive.bucket_count; i++) {
            CHECK_F64(got->positive.buckets[i], hist->positive.buckets[i]);
        }
        CHECK_U64(got->negative.bucket_count, hist->negative.bucket_count);
        CHECK_U64(got->custom_count, hist->custom_count);
    }
    CHECK(!record_next(&reader, &arena, &entry));
    CHECK_OK(record_close(&reader, &err), &err);

    /* Whatever is cut off, the rest is either refused or a shorter truth; never read behind. */
    for (size_t cut = 0; cut < out.len; cut++) {
        record_open(&reader, str_take(buf_view(&out), cut));
        while (record_next(&reader, &arena, &entry)) {
        }
        (void)!record_close(&reader, &err);
    }
    buf_done(&out);
    arena_done(&arena);
}

TEST(record, histograms_of_every_kind_come_back)
{
    static const Span spans[] = {{-2, 2}, {3, 1}};
    static const f64 counts[] = {4, 1, 7};
    static const f64 floats[] = {0.5, 1.25, 1e300};
    static const f64 bounds[] = {0.1, 1};
    BucketSide whole = {.spans = spans, .span_count = 2, .buckets = counts, .bucket_count = 3};
    BucketSide parts = {.spans = spans, .span_count = 2, .buckets = floats, .bucket_count = 3};
    Histogram hist = {.schema = 3,
                      .reset = RESET_GAUGE,
                      .integer = true,
                      .zero_threshold = 1e-128,
                      .zero_count = 2,
                      .count = 14,
                      .sum = 18.4,
                      .positive = whole,
                      .negative = whole};
    check_histogram(&hist);
    hist.integer = false;
    hist.reset = RESET_UNKNOWN;
    hist.positive = parts;
    hist.negative = (BucketSide){0};
    check_histogram(&hist);
    hist.schema = HISTOGRAM_CUSTOM_SCHEMA;
    hist.custom_bounds = bounds;
    hist.custom_count = 2;
    check_histogram(&hist);
    hist.integer = true;
    hist.positive = whole;
    check_histogram(&hist);
    Histogram stale = {.integer = true, .sum = f64_from_bits(STALE_NAN_BITS)};
    check_histogram(&stale);
}

TEST(record, tombstones_exemplars_and_metadata_come_back)
{
    Label label = {S("trace_id"), S("abc")};
    Exemplar exemplar = {.labels = {.at = &label, .count = 1}, .value = 0.5, .t_ms = 99};
    MetricMetadata metadata = {.type = METRIC_COUNTER, .help = S("Help."), .unit = S("bytes")};
    Buf out;
    RecordWriter writer;
    RecordReader reader;
    RecordEntry entry;
    Err err;
    buf_init(&out, RECORD_MAX);

    record_begin(&writer, &out, RECORD_TOMBSTONES);
    record_put_tombstone(&writer, 9, -1, INT64_MAX);
    record_open(&reader, buf_view(&out));
    CHECK(record_next(&reader, NULL, &entry));
    CHECK_I64(entry.t_ms, -1);
    CHECK_I64(entry.last_ms, INT64_MAX);
    CHECK_OK(record_close(&reader, &err), &err);

    buf_clear(&out);
    record_begin(&writer, &out, RECORD_EXEMPLARS);
    record_put_exemplar(&writer, 9, &exemplar);
    record_open(&reader, buf_view(&out));
    CHECK(record_next(&reader, NULL, &entry));
    CHECK_F64(entry.value, 0.5);
    CHECK(labels_eq(entry.labels, exemplar.labels));
    CHECK_OK(record_close(&reader, &err), &err);

    buf_clear(&out);
    record_begin(&writer, &out, RECORD_METADATA);
    record_put_metadata(&writer, 300, &metadata);
    record_open(&reader, buf_view(&out));
    CHECK(record_next(&reader, NULL, &entry));
    CHECK_U64(entry.ref, 300);
    CHECK_I64(entry.metric_type, METRIC_COUNTER);
    CHECK_STR(entry.help, S("Help."));
    CHECK_STR(entry.unit, S("bytes"));
    CHECK_OK(record_close(&reader, &err), &err);
    buf_done(&out);
}

TEST(record, broken_records_are_corrupt_and_unknown_ones_are_passed_over)
{
    static const struct {
        Str bytes;
        bool ok;
    } cases[] = {
        {STR_INIT(""), true},
        {STR_INIT("\xc8whatever"), true},                 /* a type from the future */
        {STR_INIT("\x05\0\0\0\0\0\0\0\1\0\0\0\0"), true}, /* markers hold nothing for us */
        {STR_INIT("\x02"), true},                         /* no samples */
        {STR_INIT("\x02\0\0\0\0\0\0\0"), false},
        {STR_INIT("\x02\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0"), false},
        {STR_INIT("\x01\0\0\0\0\0\0\0\1\x02\x01x\x01y"), false},
        {STR_INIT("\x01\0\0\0\0\0\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), false},
        {STR_INIT("\x03\0\0\0\0\0\0\0\1\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x01"), false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        RecordReader reader;
        RecordEntry entry;
        Err err = {0};
        size_t entries = 0;
        record_open(&reader, cases[i].bytes);
        while (record_next(&reader, NULL, &entry)) {
            entries++;
        }
        CHECK_U64(entries, 0);
        CHECK(record_close(&reader, &err) == cases[i].ok);
        CHECK_I64(err.code, cases[i].ok ? ERR_NONE : ERR_CORRUPT);
    }
}
