/*
 * What the tests of the database share: a directory of their own, a clock, a twin that keeps every
 * sample in plain arrays, and the comparison of the two.
 *
 * Layer: tsdb, tests only. Memory: twin_done, dir_gone. Thread: main.
 */
#pragma once

#include "base/test.h"
#include "base/vec.h"
#include "tsdb/tsdb.h"

enum { TEST_ARENA = 256 * 1024 * 1024 };

typedef struct TestDir {
    char path[128];
} TestDir;

TestDir dir_new(void);
void dir_gone(const TestDir *dir);
bool dir_has(const TestDir *dir, const char *name);

typedef struct TestClock {
    i64 now_ms;
    size_t events[TSDB_OUT_OF_ORDER_UNREAD + 1];
} TestClock;

/* Small segments, so that logs have several. */
TsdbOpts test_opts(const TestDir *dir, TestClock *clock);
Tsdb *open_db(const TsdbOpts *opts);
void close_db(Tsdb *db);

typedef struct TwinSeries {
    Label labels[6];
    size_t label_count;
    char texts[6][24];
    VEC(i64) times;
    VEC(u64) values; /* bits */
    SeriesId id;
} TwinSeries;

typedef struct Twin {
    VEC(TwinSeries *) series;
    i64 maxt_ms;
} Twin;

void twin_done(Twin *twin);

/* A series with __name__, job, instance and, for some, a label of its own. */
TwinSeries *twin_add(Twin *twin, u64 number);
Labels twin_labels(const TwinSeries *series);

/* Selects with matchers and compares all series and samples in the range. */
void check_same(Tsdb *db, const Twin *twin, const Matcher *matchers, size_t count, i64 mint_ms,
                i64 maxt_ms);
