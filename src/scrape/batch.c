/* Batch: see batch.h. Layer: scrape. Memory: scrape_batch_done. Thread: one scrape at a time. */
#include "scrape/batch.h"

#include "base/mem.h"

enum { CAPACITY_FIRST = 1024 }; /* samples */

void scrape_batch_init(ScrapeBatch *batch)
{
    *batch = (ScrapeBatch){0};
    arena_init(&batch->arena, BATCH_ARENA_MAX);
}

static void free_arrays(ScrapeBatch *batch)
{
    mem_free(batch->samples);
    mem_free(batch->outcomes);
    mem_free(batch->marks);
    mem_free(batch->exemplars);
    mem_free(batch->order);
    batch->samples = NULL;
    batch->outcomes = NULL;
    batch->marks = NULL;
    batch->exemplars = NULL;
    batch->order = NULL;
    batch->capacity = 0;
    batch->exemplar_capacity = 0;
    batch->order_capacity = 0;
}

void scrape_batch_done(ScrapeBatch *batch)
{
    free_arrays(batch);
    arena_done(&batch->arena);
}

void scrape_batch_clear(ScrapeBatch *batch)
{
    if (batch->capacity > BATCH_KEPT_MAX) {
        free_arrays(batch);
    }
    batch->count = 0;
    batch->exemplar_count = 0;
    batch->order_count = 0;
    arena_clear(&batch->arena);
}

void scrape_batch_reserve(ScrapeBatch *batch, size_t total)
{
    if (total <= batch->capacity) {
        return;
    }
    batch->samples = mem_grow(batch->samples, total, sizeof(*batch->samples));
    batch->outcomes = mem_grow(batch->outcomes, total, sizeof(*batch->outcomes));
    batch->marks = mem_grow(batch->marks, total, sizeof(*batch->marks));
    batch->capacity = total;
}

void scrape_batch_grow(ScrapeBatch *batch)
{
    scrape_batch_reserve(batch, batch->capacity ? batch->capacity * 2 : CAPACITY_FIRST);
}
