/* Tests of tsdb/tsdb.h with many threads: readers see whole batches, and nothing races (run them
 * under the thread sanitizer). */
#include "tsdb/tsdb.h"

#include "base/mem.h"
#include "tsdb/tsdb_test_util.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define START_MS ((i64)1700000000000)

enum {
    SERIES = 60,
    WRITERS = 2,
    READERS = 2,
    BATCHES = 400,
    PACE = 16, /* batches */
};

typedef struct Shared {
    Tsdb *db;
    pthread_barrier_t pace; /* no writer falls so far behind that its samples are refused */
    _Atomic i64 newest_ms;  /* the clock follows */
    _Atomic bool stop;
    _Atomic u64 torn;  /* sets whose series did not end alike */
    _Atomic u64 reads; /* series */
    _Atomic u64 failures;
} Shared;

typedef struct Writer {
    Shared *shared;
    size_t number;
} Writer;

static Labels make_labels(Label labels[3], char text[32], size_t writer, size_t series)
{
    static const char *const names[] = {"0", "1"};
    (void)snprintf(text, 32, "s%zu", series);
    labels[0] = (Label){.name = S("__name__"), .value = S("torn")};
    labels[1] = (Label){.name = S("series"), .value = str_from(text)};
    labels[2] = (Label){.name = S("writer"), .value = str_from(names[writer])};
    return (Labels){.at = labels, .count = 3};
}

/* Every batch gives all series of the writer the same time and value. */
static void *write_batches(void *self)
{
    Writer *writer = self;
    Shared *shared = writer->shared;
    Sink *sink = tsdb_sink(shared->db);
    BatchSample samples[SERIES];
    for (i64 batch = 0; batch < BATCHES; batch++) {
        i64 t = START_MS + batch * 30000;
        if (batch % PACE == 0) {
            (void)pthread_barrier_wait(&shared->pace);
        }
        for (size_t i = 0; i < SERIES; i++) {
            Label labels[3];
            char text[32];
            SeriesId id;
            if (!sink->series(sink, make_labels(labels, text, writer->number, i), &id, NULL,
                              NULL)) {
                atomic_fetch_add(&shared->failures, 1);
            }
            samples[i] = (BatchSample){.series = id, .t_ms = t, .value = (f64)batch};
        }
        SampleOutcome outcomes[SERIES];
        if (!sink->append(sink, samples, SERIES, outcomes, NULL) || outcomes[0] != SAMPLE_OK) {
            atomic_fetch_add(&shared->failures, 1);
        }
        atomic_store(&shared->newest_ms, t);
    }
    return NULL;
}

static void read_once(Shared *shared, const Matcher *matcher)
{
    Arena arena;
    SeriesSet set;
    Source *source = tsdb_source(shared->db);
    arena_init(&arena, TEST_ARENA);
    Select select = {.mint_ms = START_MS - 1000000,
                     .maxt_ms = INT64_MAX,
                     .matchers = matcher,
                     .matcher_count = 1};
    if (!source->select(source, &select, &arena, &set, NULL)) {
        atomic_fetch_add(&shared->failures, 1);
        arena_done(&arena);
        return;
    }
    i64 last_ms = 0;
    for (size_t i = 0; i < set.count; i++) {
        SampleColumns columns;
        if (!source->read(source, &set, i, select.mint_ms, INT64_MAX, &arena, &columns, NULL)) {
            atomic_fetch_add(&shared->failures, 1);
            break;
        }
        i64 newest = columns.count ? columns.t_ms[columns.count - 1] : 0;
        if (i > 0 && newest != last_ms) {
            atomic_fetch_add(&shared->torn, 1);
        }
        last_ms = newest;
        atomic_fetch_add(&shared->reads, 1);
    }
    if (set.count != 0 && set.count != SERIES) { /* the first batch makes all of them visible */
        atomic_fetch_add(&shared->torn, 1);
    }
    source->release(source, &set);
    arena_done(&arena);
}

static void *read_batches(void *self)
{
    Shared *shared = self;
    Matcher matcher;
    if (!matcher_init(&matcher, MATCH_EQUAL, S("writer"), S("0"), NULL)) {
        atomic_fetch_add(&shared->failures, 1);
        return NULL;
    }
    while (!atomic_load(&shared->stop)) {
        Arena arena;
        Str *names;
        size_t count;
        Select all = {.mint_ms = INT64_MIN, .maxt_ms = INT64_MAX};
        Source *source = tsdb_source(shared->db);
        read_once(shared, &matcher);
        arena_init(&arena, TEST_ARENA);
        if (!source->label_values(source, S("series"), &all, &arena, &names, &count, NULL)) {
            atomic_fetch_add(&shared->failures, 1);
        }
        arena_done(&arena);
    }
    matcher_done(&matcher);
    return NULL;
}

static void *maintain(void *self)
{
    Shared *shared = self;
    while (!atomic_load(&shared->stop)) {
        TsdbStats stats;
        if (!tsdb_maintain(shared->db, NULL)) {
            atomic_fetch_add(&shared->failures, 1);
        }
        tsdb_stats(shared->db, &stats);
    }
    return NULL;
}

static i64 shared_now(void *self)
{
    Shared *shared = self;
    return atomic_load(&shared->newest_ms);
}

TEST(tsdb_threads, readers_see_whole_batches_while_writers_and_upkeep_go_on)
{
    TestDir dir = dir_new();
    Shared *shared = MEM_NEW(Shared);
    atomic_store(&shared->newest_ms, START_MS);
    (void)pthread_barrier_init(&shared->pace, NULL, WRITERS);
    TsdbOpts opts = {.dir = dir.path,
                     .now_ms = shared_now,
                     .self = shared,
                     .retention_ms = (i64)60 * 60 * 1000,
                     .wal_segment_size = (size_t)8 * WAL_PAGE_SIZE};
    shared->db = open_db(&opts);
    Writer writers[WRITERS];
    pthread_t threads[WRITERS + READERS + 1];
    for (size_t i = 0; i < WRITERS; i++) {
        writers[i] = (Writer){.shared = shared, .number = i};
        CHECK(pthread_create(&threads[i], NULL, write_batches, &writers[i]) == 0);
    }
    for (size_t i = 0; i < READERS; i++) {
        CHECK(pthread_create(&threads[WRITERS + i], NULL, read_batches, shared) == 0);
    }
    CHECK(pthread_create(&threads[WRITERS + READERS], NULL, maintain, shared) == 0);
    for (size_t i = 0; i < WRITERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    atomic_store(&shared->stop, true);
    for (size_t i = WRITERS; i < COUNT_OF(threads); i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK_U64(atomic_load(&shared->torn), 0);
    CHECK_U64(atomic_load(&shared->failures), 0);
    CHECK(atomic_load(&shared->reads) > 0);
    TsdbStats stats;
    tsdb_stats(shared->db, &stats);
    CHECK_U64(stats.head.samples_appended, WRITERS * BATCHES * SERIES);
    CHECK(stats.truncations > 0);
    close_db(shared->db);
    (void)pthread_barrier_destroy(&shared->pace);
    mem_free(shared);
    dir_gone(&dir);
}
