/*
 * Batch: the samples of one scrape on their way to the sink, and the scratch space of reading a
 * page. It belongs to whoever reads, not to a target: a few are enough for thousands of targets.
 *
 * Layer: scrape. Memory: scrape_batch_done. Thread: one scrape at a time.
 * Cost: 52 bytes a sample of the largest page so far.
 */
#pragma once

#include "base/arena.h"
#include "base/types.h"
#include "model/sink.h"

enum {
    BATCH_KEPT_MAX = 1 << 17,            /* samples; larger arrays are freed after use */
    BATCH_REPORTS_MAX = 32,              /* kinds of reports; the last is nobody's */
    BATCH_ARENA_MAX = 256 * 1024 * 1024, /* bytes for the labels of new series of one page */
};

typedef enum BatchKind {
    BATCH_LIVE,     /* sample with the scrape's time: its series gets a marker when it vanishes */
    BATCH_EXPLICIT, /* sample with its own time, outside staleness */
    BATCH_STALE,    /* marker */
    BATCH_REPORT,   /* up and the like; `entry` is the caller's, below BATCH_REPORTS_MAX */
} BatchKind;

typedef struct BatchMark { /* what a sample of the batch is */
    u32 entry : 30;        /* the cache's entry */
    u32 kind : 2;
    u32 line; /* the how-manieth sample of the page */
} BatchMark;

typedef struct BatchExemplar {
    u32 sample; /* index in the batch */
    Str text;   /* borrows the page */
} BatchExemplar;

typedef struct ScrapeBatch {
    BatchSample *samples; /* owned; so are the next two, of the same capacity */
    SampleOutcome *outcomes;
    BatchMark *marks;
    size_t count;
    size_t capacity;
    BatchExemplar *exemplars; /* owned */
    size_t exemplar_count;
    size_t exemplar_capacity;
    u32 *order; /* owned; entries in page order, see cache.c */
    size_t order_count;
    size_t order_capacity;
    Arena arena;
} ScrapeBatch;

void scrape_batch_init(ScrapeBatch *batch);
void scrape_batch_done(ScrapeBatch *batch);
void scrape_batch_clear(ScrapeBatch *batch); /* for the next scrape; gives large arrays back */
void scrape_batch_grow(ScrapeBatch *batch);  /* room for at least one more sample */
void scrape_batch_reserve(ScrapeBatch *batch, size_t total); /* at once, where it is known */

static inline void scrape_batch_add(ScrapeBatch *batch, BatchSample sample, BatchMark mark)
{
    if (UNLIKELY(batch->count == batch->capacity)) {
        scrape_batch_grow(batch);
    }
    batch->samples[batch->count] = sample;
    batch->marks[batch->count++] = mark;
}
