/*
 * Samples decoded from several chunks, put right: cut to a range, in order of time, without what
 * was deleted.
 *
 * Layer: tsdb. Memory: the columns' own; sorting takes scratch from the arena. Thread: the
 * caller's.
 */
#pragma once

#include "base/arena.h"
#include "model/sample.h"
#include "tsdb/chunk_files.h"
#include "tsdb/tombstones.h"

/* Columns for `samples` samples with none in them; histograms: with a column of these. ERR_LIMIT.
 */
bool columns_init(SampleColumns *columns, size_t samples, bool histograms, Arena *arena,
                  Err *err) MUST_USE;

/* Samples the chunk says it has. */
size_t chunk_sample_count(Str chunk);

/* Decodes a chunk behind what is there; there must be room for chunk_sample_count more.
 * ERR_UNSUPPORTED: the encoding; ERR_CORRUPT, ERR_LIMIT. */
bool columns_add_chunk(SampleColumns *columns, u8 encoding, Str chunk, Arena *arena,
                       Err *err) MUST_USE;

/* Makes times strictly ascend: of samples at the same time the first one stays. ERR_LIMIT. */
bool columns_sort(SampleColumns *columns, Arena *arena, Err *err) MUST_USE;
void columns_trim(SampleColumns *columns, i64 mint_ms, i64 maxt_ms);
void columns_delete(SampleColumns *columns, const IntervalList *deleted); /* may be NULL */
