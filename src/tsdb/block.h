/*
 * A block: samples of a time range that no longer change, in a directory of Prometheus's format,
 * opened for reading.
 *
 *     DIR/meta.json       block_meta.h
 *     DIR/index           block_index.h
 *     DIR/chunks/000001…  block_chunks.h
 *     DIR/tombstones      block_tombstones.h
 *
 * Nothing is read before it is needed but the tables of the index. Damage is found where it is met,
 * and named with file and byte; what is not touched by it stays readable.
 *
 * Layer: tsdb. Memory: counted references: each set that is selected holds one until its release,
 * so that a block may be let go of while it is read. Thread: any; immutable once open.
 */
#pragma once

#include "base/err.h"
#include "model/source.h"
#include "tsdb/block_chunks.h"
#include "tsdb/block_index.h"
#include "tsdb/block_meta.h"
#include "tsdb/tombstones.h"

typedef struct Block Block;

/* One reference for the caller. ERR_CORRUPT, ERR_UNSUPPORTED, ERR_IO. */
bool block_open(const char *dir, Block **ret, Err *err) MUST_USE;
Block *block_retain(Block *block);
Block *block_release(Block *block); /* gives one reference back; NULL-safe, NULL */

Source *block_source(Block *block);
const char *block_dir(const Block *block);
const BlockMeta *block_meta(const Block *block);
const BlockIndex *block_index(const Block *block);
const BlockChunks *block_chunks(const Block *block);
const Tombstones *block_tombstones(const Block *block);
u64 block_size(const Block *block); /* bytes of index, chunks and the rest */

/*
 * Reads every byte: all sums, every chunk that the index names, and that meta.json's figures are
 * those of the files. ERR_CORRUPT names the first damage.
 */
bool block_verify(const Block *block, Err *err) MUST_USE;
