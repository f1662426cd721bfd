/*
 * Writes and prints database directories for the interop tests. What it writes are three hours of
 * series of every kind, with restarts in between, so that there are several log segments and full
 * chunk files. What it prints are all float samples, a line each: labels, value, Unix milliseconds.
 *
 *     tsdb_driver write DIR END_UNIX_SECONDS snappy|zstd|none
 *     tsdb_driver dump DIR
 *
 * Layer: tests. Thread: main.
 */
#include "base/mem.h"
#include "base/random.h"
#include "base/time.h"
#include "model/histogram.h"
#include "tsdb/tsdb.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FLOATS = 40,
    HISTOGRAMS = 6,
    STEP_MS = 15000,
    HOURS = 3,
    RESTARTS = 3,
    BUCKETS = 12,
    ARENA_MAX = 512 * 1024 * 1024,
    LABELS_TEXT_MAX = 64 * 1024,
};

static i64 clock_ms;

static i64 clock_now(void *self)
{
    (void)self;
    return clock_ms;
}

NORETURN static void fail(const char *what, const Err *err)
{
    (void)fprintf(stderr, "%s%s%s\n", what, err ? ": " : "", err ? err->message : "");
    exit(EXIT_FAILURE);
}

static void report(void *self, TsdbEvent event, const char *text)
{
    (void)self;
    (void)event;
    fail(text, NULL); /* nothing of ours needs a repair */
}

static SeriesId make_series(Tsdb *db, const char *name, u64 number)
{
    char text[24];
    SeriesId id;
    Err err;
    (void)snprintf(text, sizeof(text), "n%llu", (unsigned long long)number);
    Label labels[] = {{S("__name__"), str_from(name)},
                      {S("kind"), number % 2 ? S("é ü \"quoted\" \\") : S("plain")},
                      {S("number"), str_from(text)}};
    Sink *sink = tsdb_sink(db);
    if (!sink->series(sink, (Labels){.at = labels, .count = COUNT_OF(labels)}, &id, NULL, &err)) {
        fail("series", &err);
    }
    return id;
}

static f64 float_value(Random *random, u64 number, i64 step)
{
    static const f64 special[] = {INFINITY, -INFINITY, -0.0, 1e-300, 5e-324};
    switch (number % 6) {
    case 0:
        return 42;
    case 1:
        return (f64)step * (f64)(number + 1);
    case 2:
        return random_f64(random) * 1000;
    case 3:
        return step % 50 == 49 ? f64_from_bits(STALE_NAN_BITS) : (f64)(step / 10);
    case 4:
        return special[(u64)step % COUNT_OF(special)];
    default:
        return round(sin((f64)step / 30) * 10000) / 100;
    }
}

/* Counters that are reset now and then, gauges, integer and float counts; buckets come and go. */
typedef struct Shape {
    Span spans[2];
    f64 buckets[BUCKETS];
    f64 total;
} Shape;

static void grow(Shape *shape, Random *random, u64 number, i64 step)
{
    bool reset = step % 170 == 169;
    u32 wide = 3 + (u32)(step / 60) % 4; /* the second span becomes longer */
    shape->spans[0] = (Span){.offset = -2, .length = 4};
    shape->spans[1] = (Span){.offset = 2, .length = wide};
    shape->total = 0;
    for (u32 i = 0; i < 4 + wide; i++) {
        shape->buckets[i] = reset ? 1 : shape->buckets[i] + (f64)random_below(random, 5);
        shape->buckets[i] += number % 2 ? 0.25 : 0;
        shape->total += shape->buckets[i];
    }
}

static Histogram histogram_of(const Shape *shape, u64 number, i64 step)
{
    u32 buckets = 4 + shape->spans[1].length;
    Histogram hist = {.schema = (i32)(number % 3),
                      .integer = number % 2 == 0,
                      .reset = number >= 4 ? RESET_GAUGE : RESET_UNKNOWN,
                      .zero_threshold = number % 3 ? 0x1p-128 : 0.001,
                      .zero_count = (f64)(step % 170),
                      .sum = shape->total * 1.5};
    hist.count = shape->total + hist.zero_count;
    hist.positive = (BucketSide){
        .spans = shape->spans, .span_count = 2, .buckets = shape->buckets, .bucket_count = buckets};
    if (number % 3 == 1) {
        hist.negative = hist.positive;
        hist.count += shape->total;
    }
    return hist;
}

typedef struct Writer {
    TsdbOpts opts;
    Tsdb *db;
    Random random;
    SeriesId floats[FLOATS], histograms[HISTOGRAMS];
    Shape shapes[HISTOGRAMS];
} Writer;

static void open_writer(Writer *writer)
{
    Err err;
    if (!tsdb_open(&writer->opts, &writer->db, &err)) {
        fail("open", &err);
    }
    for (u64 i = 0; i < FLOATS; i++) {
        writer->floats[i] = make_series(writer->db, "driver_float", i);
    }
    for (u64 i = 0; i < HISTOGRAMS; i++) {
        writer->histograms[i] = make_series(writer->db, "driver_histogram", i);
    }
}

static void write_step(Writer *writer, i64 step, i64 t_ms)
{
    BatchSample samples[FLOATS + HISTOGRAMS];
    SampleOutcome outcomes[FLOATS + HISTOGRAMS];
    Histogram histograms[HISTOGRAMS];
    Err err;
    size_t count = 0;
    for (u64 i = 0; i < FLOATS; i++) {
        if (i % 7 != 6 || step % 9 == 0) { /* some are sparse */
            samples[count++] = (BatchSample){.series = writer->floats[i],
                                             .t_ms = t_ms + (i64)(i % 3),
                                             .value = float_value(&writer->random, i, step)};
        }
    }
    for (u64 i = 0; i < HISTOGRAMS; i++) {
        bool stale = step % 100 == 99;
        grow(&writer->shapes[i], &writer->random, i, step);
        histograms[i] = histogram_of(&writer->shapes[i], i, step);
        samples[count++] =
            (BatchSample){.series = writer->histograms[i],
                          .t_ms = t_ms,
                          .value = stale ? f64_from_bits(STALE_NAN_BITS) : histograms[i].sum,
                          .hist = stale ? NULL : &histograms[i]};
    }
    Sink *sink = tsdb_sink(writer->db);
    if (!sink->append(sink, samples, count, outcomes, &err)) {
        fail("append", &err);
    }
    for (size_t i = 0; i < count; i++) {
        if (outcomes[i] != SAMPLE_OK) {
            fail("a sample was refused", NULL);
        }
    }
}

static int write_dir(const char *dir, u64 end_s, const char *compression)
{
    static const char *const compressions[] = {"snappy", "zstd", "none"};
    Writer *writer = MEM_NEW(Writer);
    Err err;
    writer->opts = (TsdbOpts){.dir = dir,
                              .wal_segment_size = (size_t)8 * WAL_PAGE_SIZE,
                              .now_ms = clock_now,
                              .report = report};
    for (size_t i = 0; i < COUNT_OF(compressions); i++) {
        if (str_eq(str_from(compression), str_from(compressions[i]))) {
            writer->opts.wal_compression = (WalCompression)i;
        }
    }
    random_seed(&writer->random, 7);
    i64 steps = HOURS * MS_PER_HOUR / STEP_MS;
    for (i64 step = 0; step < steps; step++) {
        clock_ms = (i64)end_s * 1000 - (steps - step) * STEP_MS;
        if (step % (steps / RESTARTS) == 0) {
            if (!tsdb_close(writer->db, &err)) {
                fail("close", &err);
            }
            open_writer(writer);
        }
        write_step(writer, step, clock_ms);
        if (step % 40 == 0 && !tsdb_maintain(writer->db, &err)) {
            fail("maintain", &err);
        }
    }
    if (!tsdb_close(writer->db, &err)) {
        fail("close", &err);
    }
    mem_free(writer);
    return EXIT_SUCCESS;
}

static void print_series(Tsdb *db, const SeriesSet *set, size_t index, Arena *arena)
{
    SampleColumns columns;
    Buf text;
    Err err;
    Source *source = tsdb_source(db);
    if (!source->read(source, set, index, INT64_MIN, INT64_MAX, arena, &columns, &err)) {
        fail("read", &err);
    }
    buf_init(&text, LABELS_TEXT_MAX);
    labels_format(&text, set->labels[index]);
    for (size_t i = 0; i < columns.count; i++) {
        if (!columns.hist || !columns.hist[i]) {
            (void)printf(STR_FMT " %.17g %lld\n", STR_ARG(buf_view(&text)), columns.value[i],
                         (long long)columns.t_ms[i]);
        }
    }
    buf_done(&text);
    arena_clear(arena);
}

static int dump_dir(const char *dir)
{
    Tsdb *db;
    Err err;
    Arena arena;
    Arena scratch;
    SeriesSet set;
    TsdbOpts opts = {.dir = dir};
    if (!tsdb_open(&opts, &db, &err)) {
        fail("open", &err);
    }
    arena_init(&arena, ARENA_MAX);
    arena_init(&scratch, ARENA_MAX);
    Source *source = tsdb_source(db);
    Select all = {.mint_ms = INT64_MIN, .maxt_ms = INT64_MAX};
    if (!source->select(source, &all, &arena, &set, &err)) {
        fail("select", &err);
    }
    for (size_t i = 0; i < set.count; i++) {
        print_series(db, &set, i, &scratch);
    }
    source->release(source, &set);
    arena_done(&arena);
    arena_done(&scratch);
    if (!tsdb_close(db, &err)) {
        fail("close", &err);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    u64 end_s;
    if (argc == 5 && str_eq(str_from(argv[1]), S("write")) &&
        str_to_u64(str_from(argv[3]), &end_s)) {
        return write_dir(argv[2], end_s, argv[4]);
    }
    if (argc == 3 && str_eq(str_from(argv[1]), S("dump"))) {
        return dump_dir(argv[2]);
    }
    fail("tsdb_driver write DIR END_UNIX_SECONDS snappy|zstd|none, or tsdb_driver dump DIR", NULL);
}
