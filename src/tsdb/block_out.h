/*
 * A file of a block while it is written: bytes go through a buffer to the end, a few are put in
 * later, and at the end it is made durable.
 *
 * Layer: tsdb. Memory: block_out_done. Thread: one writer.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/types.h"

#include <limits.h>

typedef struct BlockOut {
    int fd;   /* -1: not open */
    Buf buf;  /* not yet written */
    u64 size; /* of the file, the buffer's bytes included */
    char path[PATH_MAX];
} BlockOut;

void block_out_init(BlockOut *out);
void block_out_done(BlockOut *out); /* closes; what was not synced may be lost */

bool block_out_create(BlockOut *out, const char *dir, const char *name, Err *err) MUST_USE;
bool block_out_put(BlockOut *out, const void *bytes, size_t size, Err *err) MUST_USE;
bool block_out_align(BlockOut *out, u32 alignment, Err *err) MUST_USE; /* with zeros */
bool block_out_flush(BlockOut *out, Err *err) MUST_USE;
bool block_out_u32_at(BlockOut *out, u64 offset, u32 number,
                      Err *err) MUST_USE;               /* over bytes that were put; flushes */
bool block_out_close(BlockOut *out, Err *err) MUST_USE; /* flushes and syncs */
