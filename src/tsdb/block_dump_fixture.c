/*
 * A program for the interop tests of blocks, never shipped.
 *
 *     block_dump_fixture dump BLOCK      all samples, a line each, as promtool tsdb dump prints
 * them block_dump_fixture verify BLOCK    reads every byte block_dump_fixture copy BLOCK DIR writes
 * the same series and chunks as a new block into DIR
 *
 * Layer: tsdb, tests only. Memory: ends with the process. Thread: main.
 */
#include "base/quote.h"
#include "codec/number.h"
#include "model/histogram.h"
#include "tsdb/block.h"
#include "tsdb/block_write.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MEMORY = 512 * 1024 * 1024 };

static void put_labels(Buf *out, Labels labels)
{
    buf_byte(out, '{');
    for (size_t i = 0; i < labels.count; i++) {
        buf_printf(out, "%s" STR_FMT "=", i ? ", " : "", STR_ARG(labels.at[i].name));
        quote_go(out, labels.at[i].value);
    }
    buf_byte(out, '}');
}

static void print_series(Labels labels, const SampleColumns *columns, Buf *line)
{
    for (size_t i = 0; i < columns->count; i++) {
        buf_clear(line);
        put_labels(line, labels);
        buf_byte(line, ' ');
        if (columns->hist && columns->hist[i]) {
            histogram_format(line, columns->hist[i]);
        } else {
            buf_f64_g(line, columns->value[i]);
        }
        (void)printf(STR_FMT " %lld\n", STR_ARG(buf_view(line)), (long long)columns->t_ms[i]);
    }
}

static bool dump(Block *block, Err *err)
{
    Select all = {.mint_ms = INT64_MIN, .maxt_ms = INT64_MAX};
    Source *source = block_source(block);
    SeriesSet set;
    Arena arena;
    Buf line;
    bool ok = true;
    arena_init(&arena, MEMORY);
    buf_init(&line, MEMORY);
    if (!source->select(source, &all, &arena, &set, err)) {
        return false;
    }
    for (size_t i = 0; ok && i < set.count; i++) {
        SampleColumns columns;
        ArenaMark mark = arena_mark(&arena);
        ok = source->read(source, &set, i, INT64_MIN, INT64_MAX, &arena, &columns, err);
        if (ok) {
            print_series(set.labels[i], &columns, &line);
        }
        arena_reset(&arena, mark);
    }
    source->release(source, &set);
    buf_done(&line);
    arena_done(&arena);
    return ok;
}

static bool copy_series(const Block *block, u32 ref, BlockWriter *writer, Arena *arena, Err *err)
{
    IndexSeries series;
    if (!block_index_series(block_index(block), ref, NULL, arena, &series, err)) {
        return false;
    }
    BlockChunk *chunks = ARENA_NEW(arena, BlockChunk, series.chunk_count + 1);
    if (!chunks) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < series.chunk_count; i++) {
        if (!block_chunks_get(block_chunks(block), series.chunks[i].ref, &chunks[i], err)) {
            return false;
        }
        chunks[i].mint_ms = series.chunks[i].mint_ms;
        chunks[i].maxt_ms = series.chunks[i].maxt_ms;
    }
    return block_writer_series(writer, series.labels, chunks, series.chunk_count, err);
}

static bool copy_all(const Block *block, BlockWriter *writer, Err *err)
{
    Str symbol;
    Arena arena;
    roaring_bitmap_t *all = roaring_bitmap_create();
    roaring_uint32_iterator_t at;
    bool ok = true;
    for (u64 place = 0; ok && block_index_next_symbol(block_index(block), &place, &symbol);) {
        ok = block_writer_symbol(writer, symbol, err);
    }
    arena_init(&arena, MEMORY);
    ok = ok && block_index_all(block_index(block), all, err);
    roaring_init_iterator(all, &at);
    for (; ok && at.has_value; (void)roaring_advance_uint32_iterator(&at)) {
        arena_clear(&arena);
        ok = copy_series(block, at.current_value, writer, &arena, err);
    }
    roaring_bitmap_free(all);
    arena_done(&arena);
    return ok;
}

static bool copy(const Block *block, const char *dir, Err *err)
{
    BlockWriterOpts opts = {.dir = dir, .ulid = ulid_new((i64)time(NULL) * 1000)};
    BlockMeta meta = *block_meta(block);
    BlockWriter *writer;
    meta.sources = NULL;
    meta.source_count = 0;
    if (!block_writer_new(&opts, &writer, err)) {
        return false;
    }
    bool ok = copy_all(block, writer, err) && block_writer_finish(writer, &meta, err);
    (void)block_writer_free(writer);
    return ok;
}

int main(int argc, char **argv)
{
    Err err = {0};
    Block *block;
    bool ok = argc >= 3 && block_open(argv[2], &block, &err);
    if (ok && strcmp(argv[1], "dump") == 0) {
        ok = dump(block, &err);
    } else if (ok && strcmp(argv[1], "verify") == 0) {
        ok = block_verify(block, &err);
    } else if (ok && strcmp(argv[1], "copy") == 0 && argc == 4) {
        ok = copy(block, argv[3], &err);
    } else if (ok) {
        ok = err_set(&err, ERR_INVALID, "usage: dump BLOCK, verify BLOCK, copy BLOCK DIR");
    }
    if (!ok) {
        (void)fprintf(stderr, "block_dump_fixture: %s\n", err.message);
        return 1;
    }
    (void)block_release(block);
    return 0;
}
