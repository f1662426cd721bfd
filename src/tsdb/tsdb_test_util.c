/* Test helpers of the database: see tsdb_test_util.h. Layer: tsdb, tests only. Thread: main. */
#include "tsdb/tsdb_test_util.h"

#include "base/mem.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestDir dir_new(void)
{
    TestDir dir;
    (void)snprintf(dir.path, sizeof(dir.path), "/tmp/vigie-tsdb-XXXXXX");
    CHECK(mkdtemp(dir.path) != NULL);
    return dir;
}

void dir_gone(const TestDir *dir)
{
    CHECK(dir_remove_all(dir->path, NULL));
}

bool dir_has(const TestDir *dir, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", dir->path, name);
    return path_exists(path);
}

static i64 clock_now(void *self)
{
    return ((TestClock *)self)->now_ms;
}

static void clock_report(void *self, TsdbEvent event, const char *text)
{
    (void)text;
    ((TestClock *)self)->events[event]++;
}

TsdbOpts test_opts(const TestDir *dir, TestClock *clock)
{
    return (TsdbOpts){.dir = dir->path,
                      .wal_segment_size = (size_t)8 * WAL_PAGE_SIZE,
                      .now_ms = clock_now,
                      .report = clock_report,
                      .self = clock};
}

Tsdb *open_db(const TsdbOpts *opts)
{
    Tsdb *db;
    Err err;
    CHECK_OK(tsdb_open(opts, &db, &err), &err);
    return db;
}

void close_db(Tsdb *db)
{
    Err err;
    CHECK_OK(tsdb_close(db, &err), &err);
}

void twin_done(Twin *twin)
{
    for (size_t i = 0; i < twin->series.count; i++) {
        vec_done(&twin->series.at[i]->times);
        vec_done(&twin->series.at[i]->values);
        mem_free(twin->series.at[i]);
    }
    vec_done(&twin->series);
}

static void add_label(TwinSeries *series, const char *name, const char *prefix, u64 number)
{
    char *text = series->texts[series->label_count];
    (void)snprintf(text, sizeof(series->texts[0]), "%s%llu", prefix, (unsigned long long)number);
    series->labels[series->label_count++] =
        (Label){.name = str_from(name), .value = str_from(text)};
}

TwinSeries *twin_add(Twin *twin, u64 number)
{
    TwinSeries *series = MEM_NEW(TwinSeries);
    add_label(series, "__name__", "metric_", number % 7);
    if (number % 3 == 0) {
        add_label(series, "extra", "e", number);
    }
    add_label(series, "instance", "host-", number);
    add_label(series, "job", number % 5 ? "node" : "other", number % 5);
    *vec_push(&twin->series) = series;
    return series;
}

Labels twin_labels(const TwinSeries *series)
{
    return (Labels){.at = series->labels, .count = series->label_count};
}

static int by_labels(const void *a, const void *b)
{
    const TwinSeries *const *left = a;
    const TwinSeries *const *right = b;
    return labels_cmp(twin_labels(*left), twin_labels(*right));
}

static size_t samples_in(const TwinSeries *series, i64 mint_ms, i64 maxt_ms, size_t *ret_first)
{
    size_t count = 0;
    for (size_t i = 0; i < series->times.count; i++) {
        if (series->times.at[i] >= mint_ms && series->times.at[i] <= maxt_ms) {
            *ret_first = count++ ? *ret_first : i;
        }
    }
    return count;
}

static void check_series(Tsdb *db, const SeriesSet *set, size_t index, const TwinSeries *twin,
                         i64 mint_ms, i64 maxt_ms)
{
    Arena arena;
    SampleColumns columns;
    Err err;
    size_t first = 0;
    size_t count = samples_in(twin, mint_ms, maxt_ms, &first);
    arena_init(&arena, TEST_ARENA);
    Source *source = tsdb_source(db);
    CHECK_OK(source->read(source, set, index, mint_ms, maxt_ms, &arena, &columns, &err), &err);
    CHECK_U64(columns.count, count);
    CHECK(count == 0 || (memcmp(columns.t_ms, twin->times.at + first, count * sizeof(i64)) == 0 &&
                         memcmp(columns.value, twin->values.at + first, count * sizeof(u64)) == 0));
    arena_done(&arena);
}

void check_same(Tsdb *db, const Twin *twin, const Matcher *matchers, size_t count, i64 mint_ms,
                i64 maxt_ms)
{
    Arena arena;
    SeriesSet set = {0};
    Err err;
    VEC(TwinSeries *) want = {0};
    for (size_t i = 0; i < twin->series.count; i++) {
        TwinSeries *series = twin->series.at[i];
        size_t first;
        if (matchers_match(matchers, count, twin_labels(series)) &&
            samples_in(series, mint_ms, maxt_ms, &first) > 0) {
            *vec_push(&want) = series;
        }
    }
    if (want.count > 0) {
        qsort(want.at, want.count, sizeof(TwinSeries *), by_labels);
    }
    arena_init(&arena, TEST_ARENA);
    Source *source = tsdb_source(db);
    Select select = {
        .mint_ms = mint_ms, .maxt_ms = maxt_ms, .matchers = matchers, .matcher_count = count};
    CHECK_OK(source->select(source, &select, &arena, &set, &err), &err);
    size_t found = 0;
    for (size_t i = 0; i < set.count; i++) { /* a set may name series that turn out to be empty */
        CHECK(i == 0 || labels_cmp(set.labels[i - 1], set.labels[i]) < 0);
        if (found < want.count && labels_eq(set.labels[i], twin_labels(want.at[found]))) {
            check_series(db, &set, i, want.at[found], mint_ms, maxt_ms);
            found++;
        } else {
            check_series(db, &set, i, &(TwinSeries){0}, mint_ms, maxt_ms);
        }
    }
    CHECK_U64(found, want.count);
    source->release(source, &set);
    arena_done(&arena);
    vec_done(&want);
}
