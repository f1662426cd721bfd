/*
 * meta.json of a block: what it holds, and how it came to be. Keys that are not known here (another
 * program's, such as Thanos's "thanos", or a later version's) are kept with their bytes and written
 * behind the known ones of the same object.
 *
 * Layer: tsdb. Memory: what is parsed lives in the caller's arena and borrows the text. Thread:
 * any. Source: Prometheus docs/storage.md and the files of 2.42 and 3.x.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "tsdb/ulid.h"

enum {
    BLOCK_META_VERSION = 1,
    BLOCK_META_SIZE_MAX = 16 * 1024 * 1024, /* bytes of the file */
};

typedef struct BlockParent {
    Ulid ulid;
    i64 mint_ms, maxt_ms; /* [mint, maxt) */
} BlockParent;

typedef enum BlockMetaPlace {
    BLOCK_META_TOP,
    BLOCK_META_STATS,
    BLOCK_META_COMPACTION
} BlockMetaPlace;

typedef struct BlockMetaExtra {
    BlockMetaPlace place;
    Str key;
    Str json; /* the value, byte for byte */
} BlockMetaExtra;

typedef struct BlockMeta {
    Ulid ulid;
    i64 mint_ms, maxt_ms; /* [mint, maxt) */
    u64 samples, float_samples, histogram_samples;
    u64 series, chunks, tombstones;
    u32 level;           /* 1: cut from the head; one more each time it is merged */
    const Ulid *sources; /* the blocks of level 1 that went into it */
    size_t source_count;
    const BlockParent *parents; /* the blocks it was merged from */
    size_t parent_count;
    const Str *hints; /* "from-out-of-order", … */
    size_t hint_count;
    bool deletable; /* every sample was deleted: drop the block */
    bool failed;    /* merging it failed: leave it alone */
    const BlockMetaExtra *extras;
    size_t extra_count;
} BlockMeta;

/* ERR_INVALID with line and column; ERR_UNSUPPORTED: another version; ERR_LIMIT of the arena. */
bool block_meta_parse(Str text, Arena *arena, BlockMeta *ret, Err *err) MUST_USE;

/* Laid out as the original does: tabs, known keys in its order, no final newline. */
void block_meta_format(Buf *out, const BlockMeta *meta);

/* DIR/meta.json. Errors are named after the file; storing is atomic and durable. */
bool block_meta_load(const char *dir, Arena *arena, BlockMeta *ret, Err *err) MUST_USE;
bool block_meta_store(const char *dir, const BlockMeta *meta, Err *err) MUST_USE;
