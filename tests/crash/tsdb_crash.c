/*
 * kill -9 against the database: a child appends batches and reports each acknowledged one over a
 * pipe; the parent kills it at a random moment, opens the directory and looks whether every
 * acknowledged sample is there, and no half of a batch. Then the next child goes on where that one
 * was stopped. A second thread of the child keeps the upkeep going (chunk files, truncation,
 * checkpoints), so that the end comes in the middle of those, too.
 *
 *     tsdb_crash            about 10 s; VIGIE_CRASH_SECONDS for more, VIGIE_SEED to repeat
 *
 * Layer: tests. Thread: main; the child has one more.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/time.h"
#include "os/dir.h"
#include "tsdb/tsdb.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS ((i64)1700000000000)

enum {
    SERIES = 120,
    STEP_MS = 20000,
    RETENTION_STEPS = 1500, /* batches that are kept */
    LIVE_SERIES = 60,       /* of them at a time; the window moves, so that series come and go */
    WINDOW_STEPS = 2500,    /* batches after which it has moved by all series */
    SECONDS_DEFAULT = 10,
    KILL_AFTER_MAX_US = 60000,
    REPEATED = -2, /* minus the batch: it comes in two parts */
    ARENA_MAX = 512 * 1024 * 1024,
};

typedef struct World {
    char dir[64];
    u64 seed;
    Random random;
    i64 acknowledged; /* the newest batch; -1: none */
    i64 repeated;     /* a batch that was appended in two parts */
    int to_parent;    /* child: the pipe */
    u64 rounds, batches, samples_checked, repairs;
} World;

static _Atomic i64 clock_ms = START_MS;

static i64 clock_now(void *self)
{
    (void)self;
    return atomic_load(&clock_ms);
}

static void note_event(void *self, TsdbEvent event, const char *text)
{
    World *world = self;
    (void)text;
    world->repairs += event == TSDB_REPAIRED;
}

NORETURN static void fail(const World *world, const char *what, const Err *err)
{
    (void)fprintf(stderr, "%s%s%s (round %llu, VIGIE_SEED=%llu, %s)\n", what, err ? ": " : "",
                  err ? err->message : "", (unsigned long long)world->rounds,
                  (unsigned long long)world->seed, world->dir);
    exit(EXIT_FAILURE);
}

/* ---- what a batch holds; both sides compute it ---- */

static bool holds(const World *world, i64 batch, size_t series)
{
    size_t first = (size_t)(batch * SERIES / WINDOW_STEPS) % SERIES;
    bool live = (series + SERIES - first) % SERIES < LIVE_SERIES;
    return live && hash_u64(world->seed ^ ((u64)batch << 16 | series)) % 3 != 0;
}

static f64 value_of(const World *world, i64 batch, size_t series)
{
    u64 hash = hash_u64(world->seed + (u64)batch * SERIES + series);
    return series % 2 ? (f64)(hash % 1000) : (f64)hash / 1e6;
}

static Labels labels_of(size_t series, Label labels[3], char text[16])
{
    (void)snprintf(text, 16, "%03zu", series);
    labels[0] = (Label){.name = S("__name__"), .value = S("crash")};
    labels[1] = (Label){.name = S("job"), .value = S("harness")};
    labels[2] = (Label){.name = S("series"), .value = str_from(text)};
    return (Labels){.at = labels, .count = 3};
}

static TsdbOpts options(World *world)
{
    return (TsdbOpts){.dir = world->dir,
                      .retention_ms = (i64)RETENTION_STEPS * STEP_MS,
                      .wal_segment_size = (size_t)4 * WAL_PAGE_SIZE,
                      .wal_compression = (WalCompression)(world->rounds % 3),
                      .now_ms = clock_now,
                      .report = note_event,
                      .self = world};
}

/* ---- the child ---- */

static void *upkeep(void *self)
{
    for (;;) {
        Err err;
        if (!tsdb_maintain(self, &err)) {
            (void)fprintf(stderr, "maintain: %s\n", err.message);
            _exit(2);
        }
    }
    return NULL;
}

static void append_batch(const World *world, Tsdb *db, i64 batch)
{
    BatchSample samples[SERIES];
    SampleOutcome outcomes[SERIES];
    size_t count = 0;
    Err err;
    Sink *sink = tsdb_sink(db);
    for (size_t i = 0; i < SERIES; i++) {
        Label labels[3];
        char text[16];
        SeriesId id;
        if (!holds(world, batch, i)) {
            continue;
        }
        if (!sink->series(sink, labels_of(i, labels, text), &id, NULL, &err)) {
            fail(world, "series", &err);
        }
        samples[count++] = (BatchSample){
            .series = id, .t_ms = START_MS + batch * STEP_MS, .value = value_of(world, batch, i)};
    }
    if (!sink->append(sink, samples, count, outcomes, &err)) {
        fail(world, "append", &err);
    }
    for (size_t i = 0; i < count; i++) { /* a removed series is asked for again, as scrapes do */
        if (outcomes[i] == SAMPLE_UNKNOWN_SERIES) {
            i64 repeated = REPEATED - batch;
            if (write(world->to_parent, &repeated, sizeof(repeated)) != sizeof(repeated)) {
                _exit(0);
            }
            append_batch(world, db, batch);
            return;
        }
        if (outcomes[i] != SAMPLE_OK) {
            fail(world, "a sample was refused", NULL);
        }
    }
}

NORETURN static void run_child(World *world)
{
    Tsdb *db;
    Err err;
    pthread_t thread;
    TsdbOpts opts = options(world);
    if (!tsdb_open(&opts, &db, &err)) {
        fail(world, "open in the child", &err);
    }
    if (pthread_create(&thread, NULL, upkeep, db) != 0) {
        fail(world, "thread", NULL);
    }
    /* The batch behind the last acknowledged one may be there already: it is the same one. */
    for (i64 batch = world->acknowledged + 1;; batch++) {
        atomic_store(&clock_ms, START_MS + batch * STEP_MS);
        append_batch(world, db, batch);
        if (write(world->to_parent, &batch, sizeof(batch)) != sizeof(batch)) {
            _exit(0);
        }
    }
}

/* ---- the parent ---- */

/* The batch behind the acknowledged ones: all of it, or nothing. */
typedef struct NextBatch {
    size_t there_count;
    size_t should_count;
} NextBatch;

static void check_series(World *world, const SampleColumns *columns, size_t series, i64 first,
                         NextBatch *next)
{
    size_t at = 0;
    for (i64 batch = first; batch <= world->acknowledged + 1; batch++) {
        i64 t = START_MS + batch * STEP_MS;
        bool there = at < columns->count && columns->t_ms[at] == t;
        bool should = holds(world, batch, series);
        if (there && (!should || columns->value[at] != value_of(world, batch, series))) {
            fail(world, "a sample that nobody wrote", NULL);
        }
        at += there;
        if (batch > world->acknowledged) {
            next->there_count += there;
        } else if (should && !there) {
            fail(world, "an acknowledged sample is lost", NULL);
        }
        world->samples_checked += there;
    }
    if (at != columns->count) {
        fail(world, "a sample at a time that was never written", NULL);
    }
}

/* Every series, also those that the set does not name: they must have nothing in the range. */
static void check_samples(World *world, Tsdb *db, i64 first)
{
    Arena arena;
    SeriesSet set;
    Err err;
    NextBatch next = {0};
    size_t at = 0;
    Source *source = tsdb_source(db);
    arena_init(&arena, ARENA_MAX);
    i64 mint = START_MS + first * STEP_MS;
    Select select = {.mint_ms = mint, .maxt_ms = INT64_MAX};
    if (!source->select(source, &select, &arena, &set, &err)) {
        fail(world, "select", &err);
    }
    for (size_t i = 0; i < SERIES; i++) {
        Label labels[3];
        char text[16];
        SampleColumns columns = {0};
        if (at < set.count && labels_eq(set.labels[at], labels_of(i, labels, text))) {
            if (!source->read(source, &set, at++, mint, INT64_MAX, &arena, &columns, &err)) {
                fail(world, "read", &err);
            }
        }
        next.should_count += holds(world, world->acknowledged + 1, i);
        check_series(world, &columns, i, first, &next);
    }
    if (next.there_count != 0 && next.there_count != next.should_count &&
        world->repeated != world->acknowledged + 1) {
        fail(world, "half a batch", NULL);
    }
    source->release(source, &set);
    arena_done(&arena);
}

static void check(World *world)
{
    Tsdb *db;
    Err err;
    TsdbOpts opts = options(world);
    atomic_store(&clock_ms, START_MS + world->acknowledged * STEP_MS);
    if (!tsdb_open(&opts, &db, &err)) {
        fail(world, "open after the kill", &err);
    }
    check_samples(world, db, MAX(world->acknowledged - RETENTION_STEPS + 1, (i64)0));
    if (!tsdb_close(db, &err)) {
        fail(world, "close", &err);
    }
}

/* Reads what the child acknowledged, until it is dead and the pipe is empty. */
static void drain(World *world, int from_child)
{
    i64 batch;
    while (read(from_child, &batch, sizeof(batch)) == sizeof(batch)) {
        if (batch <= REPEATED) {
            world->repeated = REPEATED - batch;
        } else {
            world->acknowledged = batch;
            world->batches++;
        }
    }
}

static void run_round(World *world)
{
    int ends[2];
    int status;
    if (pipe(ends) != 0) {
        fail(world, "pipe", NULL);
    }
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        world->to_parent = ends[1];
        run_child(world);
    }
    (void)close(ends[1]);
    (void)usleep((useconds_t)(1000 + random_below(&world->random, KILL_AFTER_MAX_US)));
    (void)kill(child, SIGKILL);
    drain(world, ends[0]);
    (void)close(ends[0]);
    if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status)) {
        fail(world, "the child ended by itself", NULL);
    }
    check(world);
    world->rounds++;
}

static u64 number_from(const char *variable, u64 otherwise)
{
    const char *text = getenv(variable);
    u64 number = otherwise;
    return text && !str_to_u64(str_from(text), &number) ? otherwise : number;
}

int main(void)
{
    World *world = MEM_NEW(World);
    world->acknowledged = -1;
    world->repeated = -1;
    world->seed = number_from("VIGIE_SEED", (u64)time_now_ns());
    (void)snprintf(world->dir, sizeof(world->dir), "/tmp/vigie-crash-XXXXXX");
    random_seed(&world->random, world->seed);
    if (!mkdtemp(world->dir)) {
        fail(world, "no folder", NULL);
    }
    i64 end = time_monotonic_ns() +
              (i64)number_from("VIGIE_CRASH_SECONDS", SECONDS_DEFAULT) * NS_PER_SECOND;
    while (time_monotonic_ns() < end) {
        run_round(world);
    }
    (void)printf("%llu kills, %llu batches, %llu samples compared, %llu repairs, VIGIE_SEED=%llu\n",
                 (unsigned long long)world->rounds, (unsigned long long)world->batches,
                 (unsigned long long)world->samples_checked, (unsigned long long)world->repairs,
                 (unsigned long long)world->seed);
    Err err;
    if (!dir_remove_all(world->dir, &err)) {
        fail(world, "clean up", &err);
    }
    mem_free(world);
    return EXIT_SUCCESS;
}
