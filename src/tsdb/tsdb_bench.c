/*
 * What the database costs: nanoseconds a sample appended (with log), bytes a series resident, time
 * to replay, time to select and read.
 *
 *     bench_tsdb [SERIES [ROUNDS [BATCH]]]        100000 30 2000
 *
 * Series have eight labels, as node_exporter's do behind a few hundred targets; values are
 * counters, gauges and constants in equal parts; one round is 15 s of time.
 */
#include "base/mem.h"
#include "base/random.h"
#include "base/time.h"
#include "os/file.h"
#include "os/process.h"
#include "tsdb/tsdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    LABELS = 8,
    SERIES_PER_TARGET = 500,
    TEXT = 64,
    STEP_MS = 15000,
    ARENA = 1024 * 1024 * 1024,
};

static i64 bench_now = 1700000000000;

static i64 clock_now(void *self)
{
    (void)self;
    return bench_now;
}

static u64 resident(void)
{
    ProcessStats stats;
    return process_stats(&stats, NULL) ? stats.resident_bytes : 0;
}

/* Of this thread: other work on the machine does not count. */
static i64 cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (i64)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static void die(const char *what, const Err *err)
{
    (void)fprintf(stderr, "%s: %s\n", what, err->message);
    exit(EXIT_FAILURE);
}

/* Metric, device and mode repeat on every target. */
static void make_labels(size_t number, char texts[LABELS][TEXT], Label *ret)
{
    static const char *const names[LABELS] = {"__name__", "cluster", "cpu",  "device",
                                              "instance", "job",     "mode", "zone"};
    size_t target = number / SERIES_PER_TARGET;
    size_t local = number % SERIES_PER_TARGET;
    (void)snprintf(texts[0], TEXT, "node_metric_%03zu_total", local / 5);
    (void)snprintf(texts[1], TEXT, "production-%zu", target % 3);
    (void)snprintf(texts[2], TEXT, "%zu", local % 5);
    (void)snprintf(texts[3], TEXT, "nvme%zun1", local % 10);
    (void)snprintf(texts[4], TEXT, "host-%05zu.example.org:9100", target);
    (void)snprintf(texts[5], TEXT, "node");
    (void)snprintf(texts[6], TEXT, "mode-%zu", local % 8);
    (void)snprintf(texts[7], TEXT, "zone-%zu", target % 17);
    for (size_t i = 0; i < LABELS; i++) {
        ret[i] = (Label){.name = str_from(names[i]), .value = str_from(texts[i])};
    }
}

static void make_series(Tsdb *db, size_t count, SeriesId *ids)
{
    char texts[LABELS][TEXT];
    Label labels[LABELS];
    Err err;
    Sink *sink = tsdb_sink(db);
    i64 begin = cpu_ns();
    for (size_t i = 0; i < count; i++) {
        make_labels(i, texts, labels);
        if (!sink->series(sink, (Labels){.at = labels, .count = LABELS}, &ids[i], NULL, &err)) {
            die("series", &err);
        }
    }
    (void)printf("new series         %7.0f ns each\n", (f64)(cpu_ns() - begin) / (f64)count);
}

static f64 next_value(Random *random, size_t series, size_t round)
{
    switch (series % 3) {
    case 0:
        return (f64)(series * 1000 + round * (series % 50));
    case 1:
        return (f64)random_below(random, 100000) / 100;
    default:
        return (f64)(series % 100);
    }
}

static void append_rounds(Tsdb *db, size_t count, size_t rounds, size_t batch, const SeriesId *ids)
{
    BatchSample *samples = MEM_ARRAY(BatchSample, batch);
    Random random;
    Err err;
    i64 spent = 0;
    Sink *sink = tsdb_sink(db);
    random_seed(&random, 1);
    for (size_t round = 0; round < rounds; round++, bench_now += STEP_MS) {
        for (size_t from = 0; from < count; from += batch) {
            size_t size = MIN(batch, count - from);
            for (size_t i = 0; i < size; i++) {
                samples[i] = (BatchSample){.series = ids[from + i],
                                           .t_ms = bench_now + (i64)(from / batch),
                                           .value = next_value(&random, from + i, round)};
            }
            i64 begin = cpu_ns();
            if (!sink->append(sink, samples, size, NULL, &err)) {
                die("append", &err);
            }
            spent += cpu_ns() - begin;
        }
        if (round % 40 == 39 && !tsdb_maintain(db, &err)) {
            die("maintain", &err);
        }
    }
    mem_free(samples);
    TsdbStats stats;
    tsdb_stats(db, &stats);
    (void)printf("append             %7.1f ns a sample (%zu rounds, batches of %zu)\n",
                 (f64)spent / (f64)(count * rounds), rounds, batch);
    (void)printf("log                %7.2f bytes a sample\n",
                 (f64)stats.wal.written_bytes / (f64)(count * rounds));
    (void)printf("chunk files        %7.2f bytes a sample overall\n",
                 (f64)stats.chunk_file_bytes / (f64)(count * rounds));
}

static void print_memory(Tsdb *db, size_t count, u64 before)
{
    HeadMemory memory;
    tsdb_memory(db, &memory);
    f64 n = (f64)count;
    (void)printf("resident           %7.0f bytes a series; series %.0f, slabs %.0f, pairs %.0f, "
                 "sets %.0f, texts %.0f\n",
                 (f64)(resident() - before) / n, (f64)memory.series_bytes / n,
                 (f64)memory.slab_bytes / n, (f64)memory.index_bytes / n,
                 (f64)memory.postings_bytes / n, (f64)memory.symbol_bytes / n);
}

static void query(Tsdb *db, const char *name, const char *value, MatchKind kind)
{
    Arena arena;
    Arena scratch;
    SeriesSet set;
    Matcher matcher;
    Err err;
    u64 samples = 0;
    Source *source = tsdb_source(db);
    arena_init(&arena, ARENA);
    arena_init(&scratch, ARENA);
    if (!matcher_init(&matcher, kind, str_from(name), str_from(value), &err)) {
        die("matcher", &err);
    }
    Select select = {.mint_ms = bench_now - 2 * MS_PER_HOUR,
                     .maxt_ms = bench_now,
                     .matchers = &matcher,
                     .matcher_count = 1};
    i64 begin = cpu_ns();
    if (!source->select(source, &select, &arena, &set, &err)) {
        die("select", &err);
    }
    i64 selected = cpu_ns();
    for (size_t i = 0; i < set.count; i++) {
        SampleColumns columns;
        if (!source->read(source, &set, i, select.mint_ms, select.maxt_ms, &scratch, &columns,
                          &err)) {
            die("read", &err);
        }
        samples += columns.count;
        arena_clear(&scratch);
    }
    i64 end = cpu_ns();
    (void)printf("query %-12s %7zu series: select %.2f us each, read %.2f ns a sample\n", value,
                 set.count, (f64)(selected - begin) / 1e3 / (f64)MAX(set.count, (size_t)1),
                 (f64)(end - selected) / (f64)MAX(samples, (u64)1));
    source->release(source, &set);
    matcher_done(&matcher);
    arena_done(&arena);
    arena_done(&scratch);
}

static Tsdb *open_timed(const TsdbOpts *opts, const char *what)
{
    Tsdb *db;
    Err err;
    i64 begin = cpu_ns();
    if (!tsdb_open(opts, &db, &err)) {
        die("open", &err);
    }
    TsdbStats stats;
    tsdb_stats(db, &stats);
    (void)printf("%-18s %7.0f ms (%llu samples seen, %llu applied, %llu chunks)\n", what,
                 (f64)(cpu_ns() - begin) / 1e6, (unsigned long long)stats.replay.samples,
                 (unsigned long long)stats.replay.samples_applied,
                 (unsigned long long)stats.replay.chunks);
    return db;
}

static size_t argument(int argc, char **argv, int at, size_t otherwise)
{
    u64 number = otherwise;
    if (argc > at && !str_to_u64(str_from(argv[at]), &number)) {
        (void)fprintf(stderr, "not a number: %s\n", argv[at]);
        exit(EXIT_FAILURE);
    }
    return (size_t)number;
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/vigie-bench-tsdb-XXXXXX";
    size_t count = argument(argc, argv, 1, 100000);
    size_t rounds = argument(argc, argv, 2, 30);
    size_t batch = argument(argc, argv, 3, 2000);
    Err err;
    if (!mkdtemp(dir)) {
        return EXIT_FAILURE;
    }
    TsdbOpts opts = {.dir = dir, .now_ms = clock_now};
    SeriesId *ids = MEM_ARRAY(SeriesId, count);
    for (size_t i = 0; i < count; i++) {
        ids[i] = 1; /* touched before the memory is measured */
    }
    Tsdb *db = open_timed(&opts, "open empty");
    u64 before = resident();
    make_series(db, count, ids);
    append_rounds(db, count, rounds, batch, ids);
    print_memory(db, count, before);
    query(db, "__name__", "node_metric_007_total", MATCH_EQUAL);
    query(db, "job", "no.*", MATCH_REGEX);
    if (!tsdb_close(db, &err)) {
        die("close", &err);
    }
    mem_free(ids);
    before = resident();
    db = open_timed(&opts, "replay");
    print_memory(db, count, before);
    if (!tsdb_close(db, &err) || !dir_remove_all(dir, &err)) {
        die("close", &err);
    }
    return EXIT_SUCCESS;
}
