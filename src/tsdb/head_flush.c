/*
 * Writing full chunks to the chunk files, so that their memory can go. See head.h.
 *
 * Layer: tsdb. Thread: any; one at a time (the flush lock).
 */
#include "tsdb/chunk_histogram.h"
#include "tsdb/head_internal.h"

enum { FLUSH_STEP = 512 }; /* chunks written at once; bounds the time under the locks */

/* The chunk is still in the list of its series: nobody dropped it in the meantime. */
static FullChunk *find_pending(const Head *head, const PendingChunk *pending)
{
    const Series *series = head_slot(head, pending->slot);
    if (series->ref != pending->series_ref || !series->full) {
        return NULL;
    }
    for (u32 i = series->full->count; i-- > 0;) {
        if (series->full->at[i].where == pending->where) {
            return &series->full->at[i];
        }
    }
    return NULL;
}

static size_t take_pending(Head *head, PendingChunk *ret, size_t max)
{
    size_t count = 0;
    size_t taken = 0;
    head_lock(head);
    for (; taken < head->pending.count && count < max; taken++) {
        if (find_pending(head, &head->pending.at[taken])) {
            ret[count++] = head->pending.at[taken];
        }
    }
    if (taken > 0) {
        head->pending.count -= taken;
        memmove(head->pending.at, head->pending.at + taken,
                head->pending.count * sizeof(PendingChunk));
    }
    head_unlock(head);
    return count;
}

static void free_written(Head *head, const FullChunk *chunk)
{
    void *address = full_chunk_address(chunk);
    if (full_chunk_encoding(chunk) == CHUNK_ENCODING_XOR) {
        slab_free(&head->slab, address, chunk->size);
    } else {
        (void)histogram_chunk_free(address);
    }
}

/* Back to the front: the chunks of a series must reach the files in their order, because a restart
 * takes everything up to the newest chunk's end from the files. */
static void wait_again(Head *head, const PendingChunk *pending, size_t count)
{
    vec_reserve(&head->pending, head->pending.count + count);
    memmove(head->pending.at + count, head->pending.at, head->pending.count * sizeof(PendingChunk));
    memcpy(head->pending.at, pending, count * sizeof(PendingChunk));
    head->pending.count += count;
}

/* What was written is on disk from now on; what was not waits again. */
static void settle(Head *head, const PendingChunk *pending, const FileChunk *chunks, size_t count,
                   size_t written)
{
    head_lock(head);
    head_lock_state(head);
    for (size_t i = 0; i < written; i++) {
        FullChunk *full = find_pending(head, &pending[i]);
        if (full) {
            free_written(head, full);
            full->where = chunks[i].ref;
        }
    }
    head_unlock_state(head);
    if (written < count) {
        wait_again(head, pending + written, count - written);
    }
    head_unlock(head);
}

static bool flush_step(Head *head, bool *ret_more, Err *err)
{
    PendingChunk pending[FLUSH_STEP];
    FileChunk chunks[FLUSH_STEP];
    size_t written;
    size_t count = take_pending(head, pending, FLUSH_STEP);
    for (size_t i = 0; i < count; i++) {
        FullChunk full = {.where = pending[i].where};
        u8 encoding = full_chunk_encoding(&full);
        chunks[i] = (FileChunk){
            .series_ref = pending[i].series_ref,
            .mint_ms = pending[i].mint_ms,
            .maxt_ms = pending[i].maxt_ms,
            .encoding = encoding,
            .data = chunk_bytes_in_memory(encoding, full_chunk_address(&full), pending[i].size)};
    }
    /* Nobody frees these bytes meanwhile: dropping chunks takes the flush lock. */
    bool ok = chunk_files_write(head->opts.files, chunks, count, &written, err);
    settle(head, pending, chunks, count, written);
    *ret_more = count == FLUSH_STEP;
    return ok;
}

/* Under flush. */
static bool flush_all(Head *head, Err *err)
{
    bool more = true;
    bool ok = true;
    while (ok && more) {
        ok = flush_step(head, &more, err);
    }
    return ok;
}

bool head_flush(Head *head, Err *err)
{
    if (!head->opts.files) {
        return true;
    }
    (void)pthread_mutex_lock(&head->flush);
    bool ok = flush_all(head, err);
    (void)pthread_mutex_unlock(&head->flush);
    return ok;
}

void head_flush_if_free(Head *head)
{
    if (head->opts.files && pthread_mutex_trylock(&head->flush) == 0) {
        (void)!flush_all(head, NULL); /* what cannot be written waits in memory */
        (void)pthread_mutex_unlock(&head->flush);
    }
}

bool head_sync(Head *head, Err *err)
{
    if (!head->opts.files) {
        return true;
    }
    (void)pthread_mutex_lock(&head->flush);
    bool ok = chunk_files_sync(head->opts.files, err);
    (void)pthread_mutex_unlock(&head->flush);
    return ok;
}
