/*
 * The file of a block that says which samples were deleted.
 *
 *     magic 0x0130ba30 (4), version 1 (1), then per range: series ref (uvarint), first and last
 * time, inclusive (varint each); CRC-32C (4, BE) of the ranges. A block without deletions has none:
 * 9 bytes. Refs are those of the block's index.
 *
 * Layer: tsdb. Memory: tombstones_done. Thread: any.
 * Source: Prometheus tsdb/docs/format/tombstones.md.
 */
#pragma once

#include "base/err.h"
#include "tsdb/tombstones.h"

/* DIR/tombstones; a missing file holds none. ERR_CORRUPT with the byte; ERR_IO, ERR_LIMIT. */
bool block_tombstones_load(const char *dir, Tombstones *ret, Err *err) MUST_USE;
bool block_tombstones_store(const char *dir, const Tombstones *tombstones, Err *err) MUST_USE;

u64 tombstones_interval_count(const Tombstones *tombstones);
