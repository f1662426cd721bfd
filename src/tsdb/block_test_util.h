/*
 * What the tests of blocks share: a naive model of a block, filled at random, and its writing.
 *
 * Layer: tsdb, tests only. Memory: model_done. Thread: main.
 */
#pragma once

#include "base/random.h"
#include "base/test.h"
#include "base/vec.h"
#include "tsdb/block.h"
#include "tsdb/block_write.h"
#include "tsdb/tsdb_test_util.h"

enum {
    MODEL_LABELS_MAX = 6,
    MODEL_CHUNK_SAMPLES = 50,
    MODEL_MEMORY = 256 * 1024 * 1024,
    MODEL_START_MS = 1000000,
};

typedef struct ModelSeries {
    Labels labels; /* in the model's arena */
    i64 *t_ms;
    f64 *value;
    size_t count;
} ModelSeries;

typedef struct Model {
    Arena arena;
    VEC(ModelSeries) series; /* sorted by labels */
    i64 maxt_ms;             /* behind the newest sample */
    u64 chunks, samples;     /* set by writing */
} Model;

/* `series` different series with up to `samples` samples each. */
void model_random(Model *model, Random *random, size_t series, size_t samples);
void model_done(Model *model);

/* Writes it into DIR/<ULID>; ret_path: at least 256 bytes. */
void model_write(Model *model, const char *dir, u64 segment_size, char *ret_path);

/* Selects and compares all series and samples of the range; deleted samples are left out of the
 * model by the caller. */
void model_check(const Model *model, Source *source, const Matcher *matchers, size_t count,
                 i64 mint_ms, i64 maxt_ms);
