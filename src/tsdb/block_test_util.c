/* Test helpers of blocks: see block_test_util.h. Layer: tsdb, tests only. */
#include "tsdb/block_test_util.h"

#include "base/mem.h"
#include "tsdb/chunk_files.h"
#include "tsdb/chunk_xor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Str text_of(Model *model, const char *prefix, u64 number)
{
    Str text;
    CHECK(arena_printf(&model->arena, &text, NULL, "%s%llu", prefix, (unsigned long long)number));
    return text;
}

static Labels random_labels(Model *model, Random *random, u64 number)
{
    Label *labels = ARENA_NEW(&model->arena, Label, MODEL_LABELS_MAX);
    size_t count = 0;
    labels[count++] = (Label){LABEL_NAME, text_of(model, "metric_", random_below(random, 5))};
    if (random_below(random, 3) > 0) {
        labels[count++] = (Label){S("host"), text_of(model, "h", random_below(random, 200))};
    }
    labels[count++] = (Label){S("id"), text_of(model, "", number)};
    if (random_below(random, 2) == 0) {
        labels[count++] = (Label){S("job"), text_of(model, "job-", random_below(random, 3))};
    }
    return (Labels){.at = labels, .count = count};
}

static void random_samples(Model *model, Random *random, ModelSeries *series, size_t most)
{
    i64 t_ms = MODEL_START_MS + (i64)random_below(random, 100000);
    series->count = 1 + random_below(random, most);
    series->t_ms = ARENA_NEW(&model->arena, i64, series->count);
    series->value = ARENA_NEW(&model->arena, f64, series->count);
    for (size_t i = 0; i < series->count; i++) {
        series->t_ms[i] = t_ms;
        series->value[i] =
            random_below(random, 9) ? (f64)random_below(random, 1000) : random_f64(random);
        t_ms += 1 + (i64)random_below(random, 20000);
    }
    model->maxt_ms = MAX(model->maxt_ms, t_ms);
}

static int by_labels(const void *a, const void *b)
{
    return labels_cmp(((const ModelSeries *)a)->labels, ((const ModelSeries *)b)->labels);
}

void model_random(Model *model, Random *random, size_t series, size_t samples)
{
    *model = (Model){0};
    arena_init(&model->arena, MODEL_MEMORY);
    for (size_t i = 0; i < series; i++) {
        ModelSeries *made = vec_push(&model->series);
        *made = (ModelSeries){.labels = random_labels(model, random, i)};
        random_samples(model, random, made, samples);
    }
    qsort(model->series.at, model->series.count, sizeof(ModelSeries), by_labels);
}

void model_done(Model *model)
{
    arena_done(&model->arena);
    vec_done(&model->series);
}

static void write_symbols(const Model *model, BlockWriter *writer)
{
    VEC(Str) symbols = {0};
    Err err;
    for (size_t i = 0; i < model->series.count; i++) {
        Labels labels = model->series.at[i].labels;
        for (size_t l = 0; l < labels.count; l++) {
            *vec_push(&symbols) = labels.at[l].name;
            *vec_push(&symbols) = labels.at[l].value;
        }
    }
    qsort(symbols.at, symbols.count, sizeof(Str), str_cmp_qsort);
    for (size_t i = 0; i < symbols.count; i++) {
        if (i == 0 || !str_eq(symbols.at[i], symbols.at[i - 1])) {
            CHECK_OK(block_writer_symbol(writer, symbols.at[i], &err), &err);
        }
    }
    vec_done(&symbols);
}

static BlockChunk make_chunk(Model *model, const ModelSeries *series, size_t from, size_t to)
{
    XorAppender appender = {0};
    size_t room = XOR_HEADER_SIZE + (to - from) * XOR_SAMPLE_BYTES_MAX + XOR_SCRATCH_SIZE;
    u8 *bytes = arena_zero(&model->arena, room, 1, 1);
    for (size_t i = from; i < to; i++) {
        xor_append(&appender, bytes, series->t_ms[i], series->value[i]);
    }
    return (BlockChunk){.mint_ms = series->t_ms[from],
                        .maxt_ms = series->t_ms[to - 1],
                        .encoding = CHUNK_ENCODING_XOR,
                        .data = {.ptr = (const char *)bytes, .len = xor_size(&appender)}};
}

static void write_series(Model *model, const ModelSeries *series, BlockWriter *writer)
{
    VEC(BlockChunk) chunks = {0};
    Err err;
    for (size_t from = 0; from < series->count; from += MODEL_CHUNK_SAMPLES) {
        size_t to = MIN(series->count, from + MODEL_CHUNK_SAMPLES);
        *vec_push(&chunks) = make_chunk(model, series, from, to);
    }
    CHECK_OK(block_writer_series(writer, series->labels, chunks.at, chunks.count, &err), &err);
    model->chunks += chunks.count;
    model->samples += series->count;
    vec_done(&chunks);
}

void model_write(Model *model, const char *dir, u64 segment_size, char *ret_path)
{
    BlockWriterOpts opts = {.dir = dir, .ulid = ulid_new(1), .segment_size = segment_size};
    BlockMeta meta = {.mint_ms = 0, .maxt_ms = model->maxt_ms};
    BlockWriter *writer;
    Err err;
    char name[ULID_TEXT_SIZE + 1];
    CHECK_OK(block_writer_new(&opts, &writer, &err), &err);
    write_symbols(model, writer);
    for (size_t i = 0; i < model->series.count; i++) {
        write_series(model, &model->series.at[i], writer);
    }
    CHECK_OK(block_writer_finish(writer, &meta, &err), &err);
    (void)block_writer_free(writer);
    ulid_format(&opts.ulid, name);
    (void)snprintf(ret_path, 256, "%s/%s", dir, name);
}

static void check_samples(const ModelSeries *series, const SampleColumns *columns, i64 mint_ms,
                          i64 maxt_ms)
{
    size_t at = 0;
    for (size_t i = 0; i < series->count; i++) {
        if (series->t_ms[i] >= mint_ms && series->t_ms[i] <= maxt_ms) {
            CHECK(at < columns->count);
            CHECK_I64(columns->t_ms[at], series->t_ms[i]);
            CHECK_F64(columns->value[at], series->value[i]);
            at++;
        }
    }
    CHECK_U64(columns->count, at);
}

static bool has_sample(const ModelSeries *series, i64 mint_ms, i64 maxt_ms)
{
    for (size_t i = 0; i < series->count; i++) {
        if (series->t_ms[i] >= mint_ms && series->t_ms[i] <= maxt_ms) {
            return true;
        }
    }
    return false;
}

void model_check(const Model *model, Source *source, const Matcher *matchers, size_t count,
                 i64 mint_ms, i64 maxt_ms)
{
    Select select = {
        .mint_ms = mint_ms, .maxt_ms = maxt_ms, .matchers = matchers, .matcher_count = count};
    CLEANUP(arena_done) Arena arena;
    SeriesSet set;
    Err err;
    size_t at = 0;
    arena_init(&arena, MODEL_MEMORY);
    CHECK_OK(source->select(source, &select, &arena, &set, &err), &err);
    for (size_t i = 0; i < model->series.count; i++) {
        const ModelSeries *series = &model->series.at[i];
        if (!matchers_match(matchers, count, series->labels)) {
            continue;
        }
        bool found = at < set.count && labels_eq(set.labels[at], series->labels);
        CHECK(found || !has_sample(series, mint_ms, maxt_ms));
        if (found) {
            SampleColumns columns;
            ArenaMark mark = arena_mark(&arena);
            CHECK_OK(source->read(source, &set, at, mint_ms, maxt_ms, &arena, &columns, &err),
                     &err);
            check_samples(series, &columns, mint_ms, maxt_ms);
            arena_reset(&arena, mark);
            at++;
        }
    }
    CHECK_U64(at, set.count);
    source->release(source, &set);
}
