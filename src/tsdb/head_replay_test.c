/* Tests of tsdb/head_replay.h with logs that are put together record by record. */
#include "tsdb/head_replay.h"

#include "base/mem.h"
#include "tsdb/record.h"
#include "tsdb/tsdb_test_util.h"

#include <stdio.h>

#define START_MS ((i64)1700000000000)

/* A log that the test writes. */
typedef struct Script {
    TestDir dir;
    char wal_dir[160];
    Wal *wal;
    Buf record;
    RecordWriter writer;
} Script;

static void script_open(Script *script)
{
    Err err;
    *script = (Script){.dir = dir_new()};
    (void)snprintf(script->wal_dir, sizeof(script->wal_dir), "%s/wal", script->dir.path);
    buf_init(&script->record, MIB);
    CHECK_OK(wal_open(script->wal_dir, WAL_SEGMENT_SIZE_DEFAULT, &script->wal, &err), &err);
}

static void begin(Script *script, RecordType type)
{
    buf_clear(&script->record);
    record_begin(&script->writer, &script->record, type);
}

static void end(Script *script)
{
    Err err;
    WalRecord record = {.bytes = buf_view(&script->record)};
    CHECK_OK(wal_write(script->wal, &record, 1, &err), &err);
}

static void put_series(Script *script, u64 ref, const char *name)
{
    Label labels[] = {{S("__name__"), str_from(name)}, {S("job"), S("x")}};
    begin(script, RECORD_SERIES);
    record_put_series(&script->writer, ref, (Labels){.at = labels, .count = 2});
    end(script);
}

static void put_samples(Script *script, u64 ref, i64 first, i64 count)
{
    begin(script, RECORD_SAMPLES);
    for (i64 i = first; i < first + count; i++) {
        record_put_sample(&script->writer, ref, START_MS + i * 1000, (f64)i);
    }
    end(script);
}

static Tsdb *script_replay(Script *script, TestClock *clock, TsdbStats *ret)
{
    Err err;
    CHECK_OK(wal_close(script->wal, &err), &err);
    buf_done(&script->record);
    clock->now_ms = START_MS;
    TsdbOpts opts = test_opts(&script->dir, clock);
    opts.exemplars_max = 10;
    Tsdb *db = open_db(&opts);
    tsdb_stats(db, ret);
    return db;
}

/* The seconds after START_MS of the only series with this name, as text: "0 1 2". */
static void check_seconds(Tsdb *db, const char *name, const char *want)
{
    Arena arena;
    Arena scratch;
    SeriesSet set;
    Matcher matcher;
    Err err;
    Buf text;
    Source *source = tsdb_source(db);
    arena_init(&arena, TEST_ARENA);
    arena_init(&scratch, TEST_ARENA);
    buf_init(&text, MIB);
    CHECK_OK(matcher_init(&matcher, MATCH_EQUAL, S("__name__"), str_from(name), &err), &err);
    Select select = {
        .mint_ms = INT64_MIN, .maxt_ms = INT64_MAX, .matchers = &matcher, .matcher_count = 1};
    CHECK_OK(source->select(source, &select, &arena, &set, &err), &err);
    for (size_t i = 0; i < set.count; i++) {
        SampleColumns columns;
        CHECK_OK(source->read(source, &set, i, INT64_MIN, INT64_MAX, &scratch, &columns, &err),
                 &err);
        for (size_t j = 0; j < columns.count; j++) {
            i64 second = (columns.t_ms[j] - START_MS) / 1000;
            CHECK_F64(columns.value[j], (f64)second);
            buf_printf(&text, "%s%lld", text.len ? " " : "", (long long)second);
        }
    }
    CHECK_STR(buf_view(&text), str_from(want));
    source->release(source, &set);
    matcher_done(&matcher);
    buf_done(&text);
    arena_done(&arena);
    arena_done(&scratch);
}

TEST(head_replay, a_series_with_two_references_is_one_series)
{
    Script script;
    TestClock clock = {0};
    TsdbStats stats;
    script_open(&script);
    put_series(&script, 7, "up");
    put_samples(&script, 7, 0, 3);
    put_series(&script, 9, "up"); /* it was removed and came back */
    put_samples(&script, 9, 3, 2);
    put_samples(&script, 7, 4, 2); /* an old reference still counts; 4 is there already */
    Tsdb *db = script_replay(&script, &clock, &stats);
    CHECK_U64(stats.head.series, 1);
    CHECK_U64(stats.replay.unknown_refs, 0);
    check_seconds(db, "up", "0 1 2 3 4 5");
    close_db(db);
    dir_gone(&script.dir);
}

TEST(head_replay, samples_of_unknown_series_are_counted_and_passed_over)
{
    Script script;
    TestClock clock = {0};
    TsdbStats stats;
    script_open(&script);
    put_samples(&script, 1000, 0, 4);
    put_series(&script, 1, "up");
    put_samples(&script, 1, 0, 2);
    Tsdb *db = script_replay(&script, &clock, &stats);
    CHECK_U64(stats.replay.unknown_refs, 4);
    CHECK_U64(stats.replay.samples_applied, 2);
    check_seconds(db, "up", "0 1");

    /* A new series must not get a reference that the log has used. */
    Label label = {S("__name__"), S("new")};
    SeriesId id;
    Err err;
    Sink *sink = tsdb_sink(db);
    CHECK_OK(sink->series(sink, (Labels){.at = &label, .count = 1}, &id, NULL, &err), &err);
    BatchSample sample = {.series = id, .t_ms = START_MS + 5000, .value = 5};
    CHECK_OK(sink->append(sink, &sample, 1, NULL, &err), &err);
    close_db(db);
    TsdbOpts opts = test_opts(&script.dir, &clock);
    db = open_db(&opts);
    check_seconds(db, "new", "5");
    close_db(db);
    dir_gone(&script.dir);
}

TEST(head_replay, deleted_ranges_stay_deleted)
{
    Script script;
    TestClock clock = {0};
    TsdbStats stats;
    script_open(&script);
    put_series(&script, 1, "up");
    put_samples(&script, 1, 0, 10);
    begin(&script, RECORD_TOMBSTONES);
    record_put_tombstone(&script.writer, 1, START_MS + 2000, START_MS + 3500);
    record_put_tombstone(&script.writer, 1, START_MS + 8000, INT64_MAX);
    record_put_tombstone(&script.writer, 1, START_MS + 3501,
                         START_MS + 4000); /* touches the first */
    end(&script);
    Tsdb *db = script_replay(&script, &clock, &stats);
    check_seconds(db, "up", "0 1 5 6 7");
    close_db(db);
    dir_gone(&script.dir);
}

TEST(head_replay, odd_records_do_not_end_it)
{
    static const Label unsorted[] = {{STR_INIT("z"), STR_INIT("1")},
                                     {STR_INIT("a"), STR_INIT("1")}};
    Script script;
    TestClock clock = {0};
    TsdbStats stats;
    MetricMetadata metadata = {.type = METRIC_GAUGE, .help = S("?"), .unit = S("")};
    script_open(&script);
    put_series(&script, 1, "up");
    begin(&script, RECORD_SERIES);
    record_put_series(&script.writer, 2, (Labels){.at = unsorted, .count = 2});
    end(&script);
    begin(&script, RECORD_METADATA);
    record_put_metadata(&script.writer, 1, &metadata);
    end(&script);
    buf_clear(&script.record);
    buf_lit(&script.record, "\xe0 from a later version");
    end(&script);
    put_samples(&script, 2, 0, 1);
    put_samples(&script, 1, 0, 1);
    Tsdb *db = script_replay(&script, &clock, &stats);
    CHECK_U64(clock.events[TSDB_REPAIRED], 0);
    CHECK_U64(stats.head.series, 1);
    check_seconds(db, "up", "0");
    close_db(db);
    dir_gone(&script.dir);
}

TEST(head_replay, a_record_that_makes_no_sense_is_damage_and_is_cut_off)
{
    Script script;
    TestClock clock = {0};
    TsdbStats stats;
    script_open(&script);
    put_series(&script, 1, "up");
    put_samples(&script, 1, 0, 2);
    buf_clear(&script.record);
    buf_lit(&script.record, "\x02\0\0\0");
    end(&script);
    put_samples(&script, 1, 2, 2);
    Tsdb *db = script_replay(&script, &clock, &stats);
    CHECK_U64(clock.events[TSDB_REPAIRED], 1);
    CHECK(stats.replay.repaired);
    check_seconds(db, "up", "0 1");
    close_db(db);
    TsdbOpts opts = test_opts(&script.dir, &clock);
    db = open_db(&opts); /* and it was cut for good */
    CHECK_U64(clock.events[TSDB_REPAIRED], 1);
    check_seconds(db, "up", "0 1");
    close_db(db);
    dir_gone(&script.dir);
}

TEST(head_replay, exemplars_come_back_oldest_first)
{
    Script script;
    TestClock clock = {0};
    TsdbStats stats;
    Label label = {S("trace_id"), S("abc")};
    script_open(&script);
    put_series(&script, 1, "up");
    put_samples(&script, 1, 0, 1);
    begin(&script, RECORD_EXEMPLARS);
    for (i64 i = 0; i < 25; i++) { /* more than are kept */
        Exemplar exemplar = {
            .labels = {.at = &label, .count = 1}, .value = (f64)i, .t_ms = START_MS + i};
        record_put_exemplar(&script.writer, 1, &exemplar);
    }
    end(&script);
    Tsdb *db = script_replay(&script, &clock, &stats);
    CHECK_U64(stats.head.exemplars, 10);
    Arena arena;
    SeriesSet set;
    Exemplar *found;
    size_t count;
    Err err;
    Source *source = tsdb_source(db);
    arena_init(&arena, TEST_ARENA);
    Select select = {.mint_ms = INT64_MIN, .maxt_ms = INT64_MAX};
    CHECK_OK(source->select(source, &select, &arena, &set, &err), &err);
    CHECK_OK(
        tsdb_exemplars(db, &set, 0, START_MS + 20, START_MS + 22, &arena, &found, &count, &err),
        &err);
    CHECK_U64(count, 3);
    for (size_t i = 0; i < count; i++) {
        CHECK_I64(found[i].t_ms, START_MS + 20 + (i64)i);
        CHECK_STR(labels_get(found[i].labels, S("trace_id")), S("abc"));
    }
    /* Through the sink: the same again is fine, an older one is not, too long is not. */
    SeriesId id;
    Sink *sink = tsdb_sink(db);
    Label labels[] = {{S("__name__"), S("up")}, {S("job"), S("x")}};
    CHECK_OK(sink->series(sink, (Labels){.at = labels, .count = 2}, &id, NULL, &err), &err);
    Exemplar exemplar = {.labels = {.at = &label, .count = 1}, .value = 24, .t_ms = START_MS + 24};
    CHECK_OK(sink->exemplar(sink, id, &exemplar, &err), &err);
    exemplar.t_ms = START_MS + 5;
    CHECK(!sink->exemplar(sink, id, &exemplar, &err));
    char text[130] = {0};
    for (size_t i = 0; i + 1 < sizeof(text); i++) {
        text[i] = 'x';
    }
    Label large = {S("a"), str_from(text)};
    exemplar = (Exemplar){.labels = {.at = &large, .count = 1}, .t_ms = START_MS + 99};
    CHECK(!sink->exemplar(sink, id, &exemplar, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    source->release(source, &set);
    arena_done(&arena);
    close_db(db);
    dir_gone(&script.dir);
}

TEST(head_replay, the_largest_labels_are_counted)
{
    Script script;
    TestClock clock = {0};
    TsdbStats stats;
    Cardinality tops;
    Arena arena;
    Err err;
    static const char *const names[] = {"a", "bb", "ccc"};
    script_open(&script);
    for (u64 i = 0; i < COUNT_OF(names); i++) {
        put_series(&script, i + 1, names[i]);
        put_samples(&script, i + 1, 0, 1);
    }
    Tsdb *db = script_replay(&script, &clock, &stats);
    arena_init(&arena, TEST_ARENA);
    CHECK_OK(tsdb_cardinality(db, 1, &arena, &tops, &err), &err);
    CHECK_U64(tops.series_by_metric.count, 1);
    CHECK_U64(tops.series_by_pair.count, 1);
    CHECK_STR(tops.series_by_pair.at[0].name, S("job=x"));
    CHECK_U64(tops.series_by_pair.at[0].value, 3);
    CHECK_STR(tops.values_by_name.at[0].name, S("__name__"));
    CHECK_U64(tops.values_by_name.at[0].value, 3);
    CHECK_STR(tops.bytes_by_name.at[0].name, S("__name__"));
    CHECK_U64(tops.bytes_by_name.at[0].value, 6);
    CHECK_U64(tops.label_pairs, 4);
    CHECK_OK(tsdb_cardinality(db, 10, &arena, &tops, &err), &err);
    CHECK_U64(tops.series_by_metric.count, 3);
    CHECK_U64(tops.series_by_pair.count, 4);
    arena_done(&arena);
    close_db(db);
    dir_gone(&script.dir);
}
