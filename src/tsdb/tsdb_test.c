/* Tests of tsdb/tsdb.h: the database against a twin of plain arrays. */
#include "tsdb/tsdb.h"

#include "base/mem.h"
#include "base/random.h"
#include "os/file.h"
#include "tsdb/tsdb_test_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_MS ((i64)1700000000000)
#define HOUR_MS  ((i64)3600 * 1000)

static SeriesId id_of_labels(Tsdb *db, Labels labels)
{
    SeriesId id;
    Err err;
    Sink *sink = tsdb_sink(db);
    CHECK_OK(sink->series(sink, labels, &id, NULL, &err), &err);
    return id;
}

static SampleOutcome append_one(Tsdb *db, SeriesId id, i64 t_ms, f64 value)
{
    BatchSample sample = {.series = id, .t_ms = t_ms, .value = value};
    SampleOutcome outcome;
    Err err;
    Sink *sink = tsdb_sink(db);
    CHECK_OK(sink->append(sink, &sample, 1, &outcome, &err), &err);
    return outcome;
}

TEST(tsdb, each_sample_gets_the_outcome_that_the_original_gives)
{
    static const struct {
        i64 after_ms; /* START_MS */
        f64 value;
        SampleOutcome outcome;
    } steps[] = {
        {0, 1, SAMPLE_OK},
        {0, 1, SAMPLE_OK}, /* the same again is fine */
        {0, 2, SAMPLE_DUPLICATE},
        {-1, 1, SAMPLE_OUT_OF_ORDER},
        {15000, 3, SAMPLE_OK},
        {0, 1, SAMPLE_OUT_OF_ORDER},
        {2 * HOUR_MS, 4, SAMPLE_OK},
        {HOUR_MS, 4, SAMPLE_OUT_OF_ORDER},      /* just within half a span */
        {HOUR_MS - 1, 4, SAMPLE_OUT_OF_BOUNDS}, /* just outside */
    };
    TestDir dir = dir_new();
    TestClock clock = {.now_ms = START_MS};
    Twin twin = {0};
    TsdbOpts opts = test_opts(&dir, &clock);
    Tsdb *db = open_db(&opts);
    TwinSeries *series = twin_add(&twin, 1);
    SeriesId id = id_of_labels(db, twin_labels(series));
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        CHECK_I64(append_one(db, id, START_MS + steps[i].after_ms, steps[i].value),
                  steps[i].outcome);
        if (steps[i].outcome == SAMPLE_OK && i != 1) {
            *vec_push(&series->times) = START_MS + steps[i].after_ms;
            *vec_push(&series->values) = f64_bits(steps[i].value);
        }
    }
    CHECK_I64(append_one(db, id + 1, START_MS + 3 * HOUR_MS, 1), SAMPLE_UNKNOWN_SERIES);
    CHECK_I64(append_one(db, id + ((u64)1 << 32), START_MS + 3 * HOUR_MS, 1),
              SAMPLE_UNKNOWN_SERIES);
    CHECK_I64(append_one(db, 0, START_MS + 3 * HOUR_MS, 1), SAMPLE_UNKNOWN_SERIES);
    check_same(db, &twin, NULL, 0, INT64_MIN, INT64_MAX);
    TsdbStats stats;
    tsdb_stats(db, &stats);
    CHECK_U64(stats.head.samples_appended, 3);
    CHECK_U64(stats.head.samples_refused[SAMPLE_OUT_OF_BOUNDS], 1);
    close_db(db);
    twin_done(&twin);
    dir_gone(&dir);
}

TEST(tsdb, label_sets_that_cannot_be_stored_are_refused)
{
    static Label unsorted[] = {{STR_INIT("b"), STR_INIT("1")}, {STR_INIT("a"), STR_INIT("1")}};
    static Label twice[] = {{STR_INIT("a"), STR_INIT("1")}, {STR_INIT("a"), STR_INIT("2")}};
    static Label empty[] = {{STR_INIT("a"), STR_INIT("")}};
    static Label nameless[] = {{STR_INIT(""), STR_INIT("x")}};
    static Label bytes[] = {{STR_INIT("a"), STR_INIT("\xff")}};
    static const Labels bad[] = {{unsorted, 2}, {twice, 2}, {empty, 1},
                                 {nameless, 1}, {bytes, 1}, {NULL, 0}};
    TestDir dir = dir_new();
    TestClock clock = {.now_ms = START_MS};
    TsdbOpts opts = test_opts(&dir, &clock);
    Tsdb *db = open_db(&opts);
    Sink *sink = tsdb_sink(db);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        SeriesId id = 7;
        Err err = {0};
        CHECK(!sink->series(sink, bad[i], &id, NULL, &err));
        CHECK_I64(err.code, ERR_INVALID);
        CHECK_U64(id, 7);
    }
    TsdbStats stats;
    tsdb_stats(db, &stats);
    CHECK_U64(stats.head.series, 0);
    CHECK_U64(stats.head.label_pairs, 0);
    close_db(db);
    dir_gone(&dir);
}

TEST(tsdb, a_series_named_twice_in_a_batch_gets_both_samples_in_order_or_an_outcome)
{
    TestDir dir = dir_new();
    TestClock clock = {.now_ms = START_MS};
    Twin twin = {0};
    TsdbOpts opts = test_opts(&dir, &clock);
    Tsdb *db = open_db(&opts);
    TwinSeries *series = twin_add(&twin, 1);
    SeriesId id = id_of_labels(db, twin_labels(series));
    BatchSample samples[] = {{.series = id, .t_ms = START_MS, .value = 1},
                             {.series = id, .t_ms = START_MS, .value = 2},
                             {.series = id, .t_ms = START_MS, .value = 1},
                             {.series = id, .t_ms = START_MS + 5, .value = 3},
                             {.series = id, .t_ms = START_MS + 4, .value = 3}};
    static const SampleOutcome want[] = {SAMPLE_OK, SAMPLE_DUPLICATE, SAMPLE_OK, SAMPLE_OK,
                                         SAMPLE_OUT_OF_ORDER};
    SampleOutcome outcomes[COUNT_OF(samples)];
    Err err;
    Sink *sink = tsdb_sink(db);
    CHECK_OK(sink->append(sink, samples, COUNT_OF(samples), outcomes, &err), &err);
    for (size_t i = 0; i < COUNT_OF(samples); i++) {
        CHECK_I64(outcomes[i], want[i]);
    }
    *vec_push(&series->times) = START_MS;
    *vec_push(&series->values) = f64_bits(1);
    *vec_push(&series->times) = START_MS + 5;
    *vec_push(&series->values) = f64_bits(3);
    check_same(db, &twin, NULL, 0, INT64_MIN, INT64_MAX);
    close_db(db);
    db = open_db(&opts);
    check_same(db, &twin, NULL, 0, INT64_MIN, INT64_MAX);
    close_db(db);
    twin_done(&twin);
    dir_gone(&dir);
}

/* ---- the random twin ---- */

typedef struct Model {
    TestDir dir;
    TestClock clock;
    TsdbOpts opts;
    Tsdb *db;
    Twin twin;
    Random random;
    i64 now_ms;
} Model;

static void model_open(Model *model)
{
    model->db = open_db(&model->opts);
    for (size_t i = 0; i < model->twin.series.count; i++) {
        model->twin.series.at[i]->id = 0;
    }
}

static f64 model_value(Model *model)
{
    switch (random_below(&model->random, 5)) {
    case 0:
        return f64_from_bits(STALE_NAN_BITS);
    case 1:
        return random_f64(&model->random);
    default:
        return (f64)random_below(&model->random, 1000);
    }
}

static void model_note(Model *model, TwinSeries *series, const BatchSample *sample)
{
    *vec_push(&series->times) = sample->t_ms;
    *vec_push(&series->values) = f64_bits(sample->value);
    model->twin.maxt_ms = MAX(model->twin.maxt_ms, sample->t_ms);
}

static SampleOutcome model_outcome(const Model *model, const TwinSeries *series,
                                   const BatchSample *sample)
{
    if (sample->t_ms < model->twin.maxt_ms - model->opts.span_ms / 2) {
        return SAMPLE_OUT_OF_BOUNDS;
    }
    if (series->times.count == 0) {
        return SAMPLE_OK;
    }
    i64 last_ms = series->times.at[series->times.count - 1];
    if (sample->t_ms == last_ms) {
        return f64_bits(sample->value) == series->values.at[series->times.count - 1]
                   ? SAMPLE_OK
                   : SAMPLE_DUPLICATE;
    }
    return sample->t_ms > last_ms ? SAMPLE_OK : SAMPLE_OUT_OF_ORDER;
}

static void model_append(Model *model)
{
    enum { BATCH_MAX = 300 };
    static BatchSample samples[BATCH_MAX];
    static SampleOutcome outcomes[BATCH_MAX];
    static SampleOutcome want[BATCH_MAX];
    static TwinSeries *of[BATCH_MAX];
    size_t count = 0;
    size_t from = random_below(&model->random, model->twin.series.count);
    size_t most = random_below(&model->random, BATCH_MAX);
    model->now_ms +=
        (i64)random_below(&model->random, random_below(&model->random, 9) ? 20000 : 600000);
    for (size_t i = from; i < model->twin.series.count && count < most; i++) {
        TwinSeries *series = model->twin.series.at[i];
        if (series->id == 0) {
            series->id = id_of_labels(model->db, twin_labels(series));
        }
        i64 early =
            random_below(&model->random, 12) ? 0 : (i64)random_below(&model->random, 100000);
        of[count] = series;
        samples[count++] = (BatchSample){
            .series = series->id, .t_ms = model->now_ms - early, .value = model_value(model)};
    }
    for (size_t i = 0; i < count; i++) { /* bounds are those at the batch's beginning */
        want[i] = model_outcome(model, of[i], &samples[i]);
    }
    Err err;
    Sink *sink = tsdb_sink(model->db);
    CHECK_OK(sink->append(sink, samples, count, outcomes, &err), &err);
    for (size_t i = 0; i < count; i++) {
        CHECK_I64(outcomes[i], want[i]);
        size_t known = of[i]->times.count;
        if (want[i] == SAMPLE_OK && (known == 0 || of[i]->times.at[known - 1] < samples[i].t_ms)) {
            model_note(model, of[i], &samples[i]);
        }
    }
}

static void model_check(Model *model)
{
    i64 from = model->now_ms - (i64)random_below(&model->random, 30) * HOUR_MS / 4;
    i64 to = from + (i64)random_below(&model->random, 30) * HOUR_MS / 4;
    Matcher matcher;
    Err err;
    CHECK_OK(matcher_init(&matcher, MATCH_REGEX, S("__name__"), S("metric_[0-3]"), &err), &err);
    check_same(model->db, &model->twin, &matcher, 1, from, to);
    matcher_done(&matcher);
    check_same(model->db, &model->twin, NULL, 0, from, INT64_MAX);
}

static void model_step(Model *model)
{
    Err err;
    switch (random_below(&model->random, 40)) {
    case 0:
        close_db(model->db);
        model_open(model);
        check_same(model->db, &model->twin, NULL, 0, INT64_MIN, INT64_MAX);
        break;
    case 1:
        CHECK_OK(tsdb_maintain(model->db, &err), &err);
        break;
    case 2:
    case 3:
        for (u64 i = random_below(&model->random, 20); i > 0; i--) {
            (void)twin_add(&model->twin, model->twin.series.count);
        }
        break;
    case 4:
        model_check(model);
        break;
    default:
        model_append(model);
        break;
    }
}

TEST(tsdb, random_work_with_restarts_matches_the_twin)
{
    static const WalCompression compressions[] = {WAL_SNAPPY, WAL_ZSTD, WAL_UNCOMPRESSED};
    for (u64 round = 0; round < 6; round++) {
        Model *model = MEM_NEW(Model);
        random_seed(&model->random, test_seed() + round);
        model->dir = dir_new();
        model->opts = test_opts(&model->dir, &model->clock);
        model->opts.wal_compression = compressions[round % 3];
        model->opts.span_ms = 2 * HOUR_MS;
        model->now_ms = START_MS;
        model->clock.now_ms = START_MS;
        model->twin.maxt_ms = INT64_MIN / 2;
        (void)twin_add(&model->twin, 0);
        model_open(model);
        for (int step = 0; step < 600; step++) {
            model_step(model);
        }
        check_same(model->db, &model->twin, NULL, 0, INT64_MIN, INT64_MAX);
        close_db(model->db);
        CHECK_U64(model->clock.events[TSDB_REPAIRED], 0);
        twin_done(&model->twin);
        dir_gone(&model->dir);
        mem_free(model);
    }
}

/* ---- truncation ---- */

/* One sample a minute for `series`, from..to. */
static void fill(Tsdb *db, Twin *twin, size_t first, size_t count, i64 from_ms, i64 to_ms)
{
    BatchSample *samples = MEM_ARRAY(BatchSample, count);
    Err err;
    Sink *sink = tsdb_sink(db);
    for (i64 t = from_ms; t < to_ms; t += 60000) {
        for (size_t i = 0; i < count; i++) {
            TwinSeries *series = twin->series.at[first + i];
            samples[i] = (BatchSample){.series = id_of_labels(db, twin_labels(series)),
                                       .t_ms = t,
                                       .value = (f64)(t % 977 + (i64)i)};
            *vec_push(&series->times) = t;
            *vec_push(&series->values) = f64_bits(samples[i].value);
        }
        CHECK_OK(sink->append(sink, samples, count, NULL, &err), &err);
    }
    mem_free(samples);
}

TEST(tsdb, what_is_past_its_retention_goes_with_series_log_and_ids)
{
    enum { SERIES = 300 };
    TestDir dir = dir_new();
    TestClock clock = {.now_ms = START_MS};
    Twin twin = {0};
    TsdbOpts opts = test_opts(&dir, &clock);
    opts.retention_ms = 10 * HOUR_MS;
    Tsdb *db = open_db(&opts);
    Err err;
    TsdbStats stats;
    for (u64 i = 0; i < SERIES; i++) {
        (void)twin_add(&twin, i);
    }
    i64 mid = START_MS + 4 * HOUR_MS;
    i64 end = START_MS + 24 * HOUR_MS;
    fill(db, &twin, 0, SERIES / 2, START_MS, mid);
    SeriesId gone = id_of_labels(db, twin_labels(twin.series.at[0]));
    fill(db, &twin, SERIES / 2, SERIES / 2, START_MS, end);
    clock.now_ms = end;
    CHECK_OK(tsdb_maintain(db, &err), &err);
    tsdb_stats(db, &stats);
    CHECK_U64(stats.head.series, SERIES / 2);
    CHECK_U64(stats.truncations, 1);
    CHECK_U64(stats.checkpoints, 1);
    CHECK_I64(append_one(db, gone, end, 1), SAMPLE_UNKNOWN_SERIES);
    /* Chunks go as a whole: what is younger than the retention is all there. */
    i64 mint = end - opts.retention_ms;
    check_same(db, &twin, NULL, 0, mint, INT64_MAX);
    check_same(db, &twin, NULL, 0, INT64_MIN, START_MS - 1);

    /* The same label set comes back as a new series. */
    fill(db, &twin, 0, 1, end, end + 600000);
    CHECK(id_of_labels(db, twin_labels(twin.series.at[0])) != gone);
    check_same(db, &twin, NULL, 0, mint, INT64_MAX);
    close_db(db);

    db = open_db(&opts);
    check_same(db, &twin, NULL, 0, mint, INT64_MAX);
    tsdb_stats(db, &stats);
    /* Those that went may still be named by the log, but have no samples any more. */
    CHECK(stats.head.series >= SERIES / 2 + 1 && stats.head.series <= SERIES);
    CHECK_U64(stats.replay.unknown_refs, 0);
    CHECK(stats.wal.segment > 0 && !dir_has(&dir, "wal/00000000"));
    CHECK_U64(clock.events[TSDB_REPAIRED], 0);
    close_db(db);
    twin_done(&twin);
    dir_gone(&dir);
}

TEST(tsdb, churn_of_series_leaves_no_memory_behind)
{
    enum { SERIES = 500, ROUNDS = 12 };
    TestDir dir = dir_new();
    TestClock clock = {.now_ms = START_MS};
    TsdbOpts opts = test_opts(&dir, &clock);
    opts.retention_ms = HOUR_MS;
    Tsdb *db = open_db(&opts);
    u64 first_bytes = 0;
    Err err;
    for (u64 round = 0; round < ROUNDS; round++) {
        Twin twin = {0};
        TsdbStats stats;
        HeadMemory memory;
        for (u64 i = 0; i < SERIES; i++) {
            (void)twin_add(&twin, round * SERIES + i);
        }
        i64 from = START_MS + (i64)round * 4 * HOUR_MS;
        fill(db, &twin, 0, SERIES, from, from + HOUR_MS);
        clock.now_ms = from + HOUR_MS;
        CHECK_OK(tsdb_maintain(db, &err), &err);
        tsdb_stats(db, &stats);
        tsdb_memory(db, &memory);
        CHECK_U64(stats.head.series, SERIES);
        CHECK(stats.head.label_pairs < 2 * SERIES);
        if (round == 1) {
            first_bytes = memory.slab_bytes + memory.series_bytes + memory.index_bytes;
        } else if (round > 1) {
            CHECK(memory.slab_bytes + memory.series_bytes + memory.index_bytes <=
                  first_bytes + first_bytes / 4);
        }
        twin_done(&twin);
    }
    close_db(db);
    dir_gone(&dir);
}

TEST(tsdb, a_pinned_set_stays_readable_while_its_series_go)
{
    enum { SERIES = 50 };
    TestDir dir = dir_new();
    TestClock clock = {.now_ms = START_MS};
    Twin twin = {0};
    TsdbOpts opts = test_opts(&dir, &clock);
    opts.retention_ms = HOUR_MS;
    Tsdb *db = open_db(&opts);
    Source *source = tsdb_source(db);
    Arena arena;
    Arena scratch;
    SeriesSet set;
    Err err;
    for (u64 i = 0; i < SERIES; i++) {
        (void)twin_add(&twin, i);
    }
    fill(db, &twin, 0, SERIES, START_MS, START_MS + HOUR_MS / 2);
    arena_init(&arena, TEST_ARENA);
    arena_init(&scratch, TEST_ARENA);
    Select all = {.mint_ms = INT64_MIN, .maxt_ms = INT64_MAX};
    CHECK_OK(source->select(source, &all, &arena, &set, &err), &err);
    CHECK_U64(set.count, SERIES);

    clock.now_ms = START_MS + 10 * HOUR_MS;
    CHECK_OK(tsdb_maintain(db, &err), &err);
    TsdbStats stats;
    tsdb_stats(db, &stats);
    CHECK_U64(stats.head.series, 0);
    Twin other = {0};
    for (u64 i = 0; i < SERIES; i++) { /* these must not take the place of the pinned ones */
        (void)twin_add(&other, 1000 + i);
    }
    fill(db, &other, 0, SERIES, clock.now_ms, clock.now_ms + HOUR_MS / 2);
    for (size_t i = 0; i < set.count; i++) {
        SampleColumns columns;
        CHECK_OK(source->read(source, &set, i, INT64_MIN, INT64_MAX, &scratch, &columns, &err),
                 &err);
        CHECK_U64(columns.count, 30);
        CHECK_I64(columns.t_ms[0], START_MS);
        CHECK(labels_get(set.labels[i], S("instance")).len < 8);
    }
    source->release(source, &set);
    check_same(db, &other, NULL, 0, INT64_MIN, INT64_MAX);
    close_db(db);
    arena_done(&arena);
    arena_done(&scratch);
    twin_done(&twin);
    twin_done(&other);
    dir_gone(&dir);
}

/* ---- the directory ---- */

TEST(tsdb, a_second_one_may_not_open_the_directory_and_the_lock_goes_on_close)
{
    TestDir dir = dir_new();
    TestClock clock = {.now_ms = START_MS};
    TsdbOpts opts = test_opts(&dir, &clock);
    Tsdb *db = open_db(&opts);
    Tsdb *second = NULL;
    Err err = {0};
    CHECK(dir_has(&dir, "lock"));
    CHECK(!tsdb_open(&opts, &second, &err));
    CHECK_I64(err.code, ERR_EXISTS);
    close_db(db);
    CHECK(!dir_has(&dir, "lock"));
    opts.no_lock_file = true;
    db = open_db(&opts);
    CHECK(!dir_has(&dir, "lock"));
    close_db(db);
    dir_gone(&dir);
}

TEST(tsdb, blocks_and_an_out_of_order_log_are_named_and_kept)
{
    static const char block[] = "01HF4Y2Z8Q0000000000000000";
    TestDir dir = dir_new();
    TestClock clock = {.now_ms = START_MS};
    char path[256];
    Err err;
    (void)snprintf(path, sizeof(path), "%s/%s", dir.path, block);
    CHECK_OK(dir_make(path, 0777, &err), &err);
    (void)snprintf(path, sizeof(path), "%s/wbl", dir.path);
    CHECK_OK(dir_make(path, 0777, &err), &err);
    TsdbOpts opts = test_opts(&dir, &clock);
    Tsdb *db = open_db(&opts);
    CHECK_U64(clock.events[TSDB_BLOCKS_UNREAD], 1);
    CHECK_U64(clock.events[TSDB_OUT_OF_ORDER_UNREAD], 1);
    close_db(db);
    CHECK(dir_has(&dir, block));
    CHECK(dir_has(&dir, "wbl"));
    dir_gone(&dir);
}

static void flip_byte(const char *path, i64 at)
{
    FILE *file = fopen(path, "r+b");
    CHECK(file != NULL);
    CHECK(fseek(file, at, SEEK_SET) == 0);
    int byte = fgetc(file);
    CHECK(fseek(file, at, SEEK_SET) == 0);
    (void)fputc(byte ^ 0x10, file);
    (void)fclose(file);
}

/* The samples of the twin up to its first `keep` minutes. */
static void cut_twin(Twin *twin, size_t keep)
{
    for (size_t i = 0; i < twin->series.count; i++) {
        TwinSeries *series = twin->series.at[i];
        series->times.count = MIN(series->times.count, keep);
    }
}

TEST(tsdb, a_damaged_log_keeps_what_lies_before_and_says_so)
{
    enum { SERIES = 20 };
    TestDir dir = dir_new();
    TestClock clock = {.now_ms = START_MS};
    Twin twin = {0};
    TsdbOpts opts = test_opts(&dir, &clock);
    opts.wal_compression = WAL_UNCOMPRESSED;
    Tsdb *db = open_db(&opts);
    TsdbStats stats;
    char path[256];
    for (u64 i = 0; i < SERIES; i++) {
        (void)twin_add(&twin, i);
    }
    fill(db, &twin, 0, SERIES, START_MS, START_MS + 40 * 60000);
    tsdb_stats(db, &stats);
    u64 good = stats.wal.segment_bytes;
    fill(db, &twin, 0, SERIES, START_MS + 40 * 60000, START_MS + 60 * 60000);
    close_db(db);
    (void)snprintf(path, sizeof(path), "%s/wal/00000000", dir.path);
    flip_byte(path, (i64)good + 50);
    db = open_db(&opts);
    CHECK_U64(clock.events[TSDB_REPAIRED], 1);
    cut_twin(&twin, 40);
    check_same(db, &twin, NULL, 0, INT64_MIN, INT64_MAX);
    fill(db, &twin, 0, SERIES, START_MS + 40 * 60000, START_MS + 50 * 60000);
    close_db(db);
    db = open_db(&opts);
    CHECK_U64(clock.events[TSDB_REPAIRED], 1);
    check_same(db, &twin, NULL, 0, INT64_MIN, INT64_MAX);
    close_db(db);
    twin_done(&twin);
    dir_gone(&dir);
}

TEST(tsdb, a_damaged_chunk_file_loses_nothing_that_the_log_holds)
{
    enum { SERIES = 20 };
    Random random;
    random_seed(&random, test_seed());
    for (int round = 0; round < 10; round++) {
        TestDir dir = dir_new();
        TestClock clock = {.now_ms = START_MS};
        Twin twin = {0};
        TsdbOpts opts = test_opts(&dir, &clock);
        Tsdb *db = open_db(&opts);
        TsdbStats stats;
        char path[256];
        for (u64 i = 0; i < SERIES; i++) {
            (void)twin_add(&twin, i);
        }
        fill(db, &twin, 0, SERIES, START_MS, START_MS + 10 * HOUR_MS);
        close_db(db);
        (void)snprintf(path, sizeof(path), "%s/chunks_head/000001", dir.path);
        db = open_db(&opts);
        tsdb_stats(db, &stats);
        CHECK(stats.replay.chunks >= SERIES * 4U);
        close_db(db);
        flip_byte(path, (i64)random_below(&random, stats.chunk_file_bytes));
        db = open_db(&opts);
        check_same(db, &twin, NULL, 0, INT64_MIN, INT64_MAX);
        close_db(db);
        db = open_db(&opts);
        check_same(db, &twin, NULL, 0, INT64_MIN, INT64_MAX);
        close_db(db);
        twin_done(&twin);
        dir_gone(&dir);
    }
}
