/*
 * Compression: gzip/zlib, zstd and snappy over whole buffers, each with a limit on what comes out,
 * so that a small hostile input cannot become a large one.
 *
 * Layer: codec. Memory: output is appended to the caller's Buf. Thread: any.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

bool gzip_pack(Str in, int level, Buf *out, Err *err) MUST_USE;
bool gzip_unpack(Str in, size_t max, Buf *out,
                 Err *err) MUST_USE; /* gzip or zlib, several members */
bool zstd_pack(Str in, int level, Buf *out, Err *err) MUST_USE;
bool zstd_unpack(Str in, size_t max, Buf *out, Err *err) MUST_USE;
bool snappy_pack(Str in, Buf *out, Err *err) MUST_USE; /* block format */
bool snappy_unpack(Str in, size_t max, Buf *out, Err *err) MUST_USE;
