/* A block: opening, letting go, verifying. See block.h. Layer: tsdb. Thread: any. */
#include "tsdb/block_internal.h"

#include "base/mem.h"
#include "tsdb/block_tombstones.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    META_MEMORY = 64 * 1024 * 1024,
    SERIES_MEMORY = 256 * 1024 * 1024, /* the chunks of one series */
};

static void block_stats(Source *source, SourceStats *ret)
{
    const Block *block = CONTAINER_OF(source, Block, source);
    *ret = (SourceStats){.series = block->series,
                         .chunks = block->meta.chunks,
                         .mint_ms = block->meta.mint_ms,
                         .maxt_ms = block->meta.maxt_ms - 1};
}

static void free_block(Block *block)
{
    (void)block_index_close(block->index);
    (void)block_chunks_close(block->chunks);
    tombstones_done(&block->tombstones);
    arena_done(&block->arena);
    mem_free(block->dir);
    mem_free(block);
}

static u64 file_size(const char *dir, const char *name)
{
    char path[PATH_MAX];
    struct stat status;
    return snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path) &&
                   stat(path, &status) == 0
               ? (u64)status.st_size
               : 0;
}

static bool open_parts(Block *block, Err *err)
{
    char index[PATH_MAX];
    char chunks[PATH_MAX];
    u64 all;
    if (snprintf(index, sizeof(index), "%s/index", block->dir) >= (int)sizeof(index) ||
        snprintf(chunks, sizeof(chunks), "%s/chunks", block->dir) >= (int)sizeof(chunks)) {
        return err_set(err, ERR_LIMIT, "path of %s is too long", block->dir);
    }
    if (!block_meta_load(block->dir, &block->arena, &block->meta, err) ||
        !block_index_open(index, &block->index, err) ||
        !block_chunks_open(chunks, &block->chunks, err) ||
        !block_tombstones_load(block->dir, &block->tombstones, err)) {
        return false;
    }
    if (block_index_find(block->index, STR_EMPTY, STR_EMPTY, &all)) {
        block->series = block_index_postings_count(block->index, all);
    }
    block->other_size = file_size(block->dir, "meta.json") + file_size(block->dir, "tombstones");
    return true;
}

bool block_open(const char *dir, Block **ret, Err *err)
{
    Block *block = MEM_NEW(Block);
    size_t dir_size = strlen(dir) + 1;
    block->dir = mem_alloc(dir_size);
    memcpy(block->dir, dir, dir_size);
    arena_init(&block->arena, META_MEMORY);
    tombstones_init(&block->tombstones);
    if (!open_parts(block, err)) {
        free_block(block);
        return false;
    }
    block->source = (Source){.select = block_select,
                             .read = block_read,
                             .release = block_release_set,
                             .label_names = block_label_names,
                             .label_values = block_label_values,
                             .stats = block_stats};
    atomic_init(&block->references, 1);
    *ret = block;
    return true;
}

Block *block_retain(Block *block)
{
    (void)atomic_fetch_add(&block->references, 1);
    return block;
}

Block *block_release(Block *block)
{
    if (block && atomic_fetch_sub(&block->references, 1) == 1) {
        free_block(block);
    }
    return NULL;
}

Source *block_source(Block *block)
{
    return &block->source;
}

const char *block_dir(const Block *block)
{
    return block->dir;
}

const BlockMeta *block_meta(const Block *block)
{
    return &block->meta;
}

const BlockIndex *block_index(const Block *block)
{
    return block->index;
}

const BlockChunks *block_chunks(const Block *block)
{
    return block->chunks;
}

const Tombstones *block_tombstones(const Block *block)
{
    return &block->tombstones;
}

u64 block_size(const Block *block)
{
    return block_index_size(block->index) + block_chunks_size(block->chunks) + block->other_size;
}

/* ---- verifying ---- */

static bool verify_chunks_of(const Block *block, u32 ref, Arena *arena, Err *err)
{
    const ChunkMeta *metas;
    size_t count;
    if (!block_index_chunks(block->index, ref, arena, &metas, &count, err)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        BlockChunk chunk;
        if (!block_chunks_get(block->chunks, metas[i].ref, &chunk, err)) {
            return false;
        }
    }
    return true;
}

static bool verify_refs(const Block *block, Err *err)
{
    roaring_bitmap_t *all = roaring_bitmap_create();
    Arena arena;
    bool ok = block_index_all(block->index, all, err);
    roaring_uint32_iterator_t at;
    arena_init(&arena, SERIES_MEMORY);
    roaring_init_iterator(all, &at);
    for (; ok && at.has_value; (void)roaring_advance_uint32_iterator(&at)) {
        arena_clear(&arena);
        ok = verify_chunks_of(block, at.current_value, &arena, err);
    }
    arena_done(&arena);
    roaring_bitmap_free(all);
    return ok;
}

bool block_verify(const Block *block, Err *err)
{
    const BlockMeta *meta = &block->meta;
    IndexCounts counts;
    u64 chunks;
    if (!block_index_verify(block->index, &counts, err) ||
        !block_chunks_verify(block->chunks, &chunks, err) || !verify_refs(block, err)) {
        return false;
    }
    if (counts.series != meta->series || counts.chunks != meta->chunks) {
        return err_set(err, ERR_CORRUPT,
                       "%s/meta.json: numSeries %llu, numChunks %llu, but the index has %llu and "
                       "%llu",
                       block->dir, (unsigned long long)meta->series,
                       (unsigned long long)meta->chunks, (unsigned long long)counts.series,
                       (unsigned long long)counts.chunks);
    }
    return true;
}
