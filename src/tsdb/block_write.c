/* Writing a block: see block_write.h. Layer: tsdb. Thread: one. */
#include "tsdb/block_write.h"

#include "base/mem.h"
#include "base/vec.h"
#include "os/file.h"
#include "tsdb/block_columns.h"
#include "tsdb/block_index_write.h"
#include "tsdb/block_tombstones.h"
#include "tsdb/chunk_files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct BlockWriter {
    char parent[PATH_MAX];
    char temporary[PATH_MAX];
    char final[PATH_MAX];
    Ulid ulid;
    bool made; /* the temporary folder is there */
    IndexWriter *index;
    BlockChunksWriter *chunks;
    VEC(ChunkMeta) metas; /* of the series being written */
    BlockMeta counts;
    i64 mint_ms, maxt_ms; /* of the chunks */
};

static bool make_paths(BlockWriter *writer, const BlockWriterOpts *opts, Err *err)
{
    char name[ULID_TEXT_SIZE + 1];
    ulid_format(&opts->ulid, name);
    int parent = snprintf(writer->parent, PATH_MAX, "%s", opts->dir);
    int temporary =
        snprintf(writer->temporary, PATH_MAX, "%s/%s" BLOCK_TEMPORARY_SUFFIX, opts->dir, name);
    int final = snprintf(writer->final, PATH_MAX, "%s/%s", opts->dir, name);
    return (parent < PATH_MAX && temporary < PATH_MAX && final < PATH_MAX) ||
           err_set(err, ERR_LIMIT, "path of %s is too long", opts->dir);
}

static bool open_writer(BlockWriter *writer, const BlockWriterOpts *opts, Err *err)
{
    char chunks[PATH_MAX];
    if (!make_paths(writer, opts, err)) {
        return false;
    }
    if (path_exists(writer->final)) {
        return err_set(err, ERR_EXISTS, "block %s exists", writer->final);
    }
    if (!dir_remove_all(writer->temporary, err) || !dir_make(writer->temporary, 0777, err)) {
        return false;
    }
    writer->made = true;
    if (snprintf(chunks, sizeof(chunks), "%s/chunks", writer->temporary) >= (int)sizeof(chunks)) {
        return err_set(err, ERR_LIMIT, "path of %s is too long", writer->temporary);
    }
    return block_chunks_writer_new(chunks, opts->segment_size, &writer->chunks, err) &&
           index_writer_new(writer->temporary, &writer->index, err);
}

bool block_writer_new(const BlockWriterOpts *opts, BlockWriter **ret, Err *err)
{
    BlockWriter *writer = MEM_NEW(BlockWriter);
    writer->ulid = opts->ulid;
    writer->mint_ms = INT64_MAX;
    writer->maxt_ms = INT64_MIN;
    if (!open_writer(writer, opts, err)) {
        (void)block_writer_free(writer);
        return false;
    }
    *ret = writer;
    return true;
}

BlockWriter *block_writer_free(BlockWriter *writer)
{
    if (writer) {
        (void)index_writer_free(writer->index);
        (void)block_chunks_writer_free(writer->chunks);
        if (writer->made) {
            (void)!dir_remove_all(writer->temporary, NULL);
        }
        vec_done(&writer->metas);
        mem_free(writer);
    }
    return NULL;
}

bool block_writer_symbol(BlockWriter *writer, Str symbol, Err *err)
{
    return index_writer_symbol(writer->index, symbol, err);
}

static void count_chunk(BlockWriter *writer, const BlockChunk *chunk)
{
    u64 samples = chunk_sample_count(chunk->data);
    writer->counts.chunks++;
    writer->counts.samples += samples;
    if (chunk->encoding == CHUNK_ENCODING_HISTOGRAM ||
        chunk->encoding == CHUNK_ENCODING_FLOAT_HISTOGRAM) {
        writer->counts.histogram_samples += samples;
    } else {
        writer->counts.float_samples += samples;
    }
    writer->mint_ms = MIN(writer->mint_ms, chunk->mint_ms);
    writer->maxt_ms = MAX(writer->maxt_ms, chunk->maxt_ms);
}

bool block_writer_series(BlockWriter *writer, Labels labels, BlockChunk *chunks, size_t count,
                         Err *err)
{
    writer->metas.count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!block_chunks_writer_put(writer->chunks, chunks[i].encoding, chunks[i].data,
                                     &chunks[i].ref, err)) {
            return false;
        }
        *vec_push(&writer->metas) = (ChunkMeta){
            .mint_ms = chunks[i].mint_ms, .maxt_ms = chunks[i].maxt_ms, .ref = chunks[i].ref};
        count_chunk(writer, &chunks[i]);
    }
    if (!index_writer_series(writer->index, labels, writer->metas.at, count, err)) {
        return false;
    }
    writer->counts.series++;
    return true;
}

/* Figures, and what the caller left open. */
static bool complete_meta(const BlockWriter *writer, BlockMeta *meta, Err *err)
{
    if (writer->counts.chunks > 0 &&
        (writer->mint_ms < meta->mint_ms || writer->maxt_ms >= meta->maxt_ms)) {
        return err_set(err, ERR_INVALID, "%s: chunks from %lld to %lld in a block of [%lld, %lld)",
                       writer->final, (long long)writer->mint_ms, (long long)writer->maxt_ms,
                       (long long)meta->mint_ms, (long long)meta->maxt_ms);
    }
    meta->ulid = writer->ulid;
    meta->samples = writer->counts.samples;
    meta->float_samples = writer->counts.float_samples;
    meta->histogram_samples = writer->counts.histogram_samples;
    meta->series = writer->counts.series;
    meta->chunks = writer->counts.chunks;
    meta->tombstones = 0;
    meta->level = MAX(meta->level, 1U);
    if (meta->source_count == 0) {
        meta->sources = &writer->ulid;
        meta->source_count = 1;
    }
    return true;
}

bool block_writer_finish(BlockWriter *writer, BlockMeta *meta, Err *err)
{
    Tombstones none;
    BlockMeta complete = *meta;
    tombstones_init(&none);
    if (!complete_meta(writer, &complete, err) ||
        !block_chunks_writer_finish(writer->chunks, err) ||
        !index_writer_finish(writer->index, err) ||
        !block_tombstones_store(writer->temporary, &none, err) ||
        !block_meta_store(writer->temporary, &complete, err) || !dir_sync(writer->temporary, err)) {
        return false;
    }
    if (rename(writer->temporary, writer->final) != 0) {
        return err_set_errno(err, errno, "rename %s", writer->temporary);
    }
    writer->made = false;
    if (meta->source_count == 0) { /* the writer's own, which ends with it */
        complete.sources = NULL;
        complete.source_count = 0;
    }
    *meta = complete;
    return dir_sync(writer->parent, err);
}
