/*
 * What the reading and the writing side of the write-ahead log share.
 *
 * Layer: tsdb. Memory: none. Thread: any.
 */
#pragma once

#include "base/err.h"
#include "base/types.h"

enum { WAL_PATH_MAX = 4096 };

enum {
    FRAGMENT_ZEROS = 0,
    FRAGMENT_WHOLE = 1,
    FRAGMENT_FIRST = 2,
    FRAGMENT_MIDDLE = 3,
    FRAGMENT_LAST = 4,
    FRAGMENT_TYPE_MASK = 7,
    FRAGMENT_SNAPPY = 1 << 3,
    FRAGMENT_ZSTD = 1 << 4,
};

/* ret_path: WAL_PATH_MAX bytes. */
bool wal_path(const char *dir, u32 segment, char *ret_path, Err *err) MUST_USE;
