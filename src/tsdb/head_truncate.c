/*
 * Letting go of the old: chunks, series, chunk files and log segments. See head.h.
 *
 * Layer: tsdb. Thread: any; one at a time.
 */
#include "tsdb/checkpoint.h"
#include "tsdb/head_internal.h"
#include "tsdb/ref_map.h"

enum {
    SLOTS_STEP = 8192,        /* slots looked at in one go under the commit lock */
    SEGMENTS_FOLDED_OF_3 = 2, /* a checkpoint takes two thirds of the segments */
};

typedef struct Truncation {
    i64 mint_ms;
    i64 oldest_ms; /* of what stays */
    u32 segment;   /* that is being written now */
    Retired *retired;
} Truncation;

static bool is_dead(Series *series, i64 mint_ms)
{
    if (series->flags & SERIES_SAMPLED) {
        return series->open.t_ms < mint_ms;
    }
    bool idle = (series->flags & SERIES_IDLE) != 0;
    series->flags |= SERIES_IDLE; /* whoever made it gets until the next time to use it */
    return idle;
}

static void truncate_slot(Head *head, Truncation *truncation, u32 slot)
{
    Series *series = head_slot(head, slot);
    if (!(series->flags & SERIES_LIVE)) {
        return;
    }
    if (is_dead(series, truncation->mint_ms)) {
        if (series->flags & SERIES_LOGGED) {
            *u64map_put(&head->expiring, series->ref, NULL) = truncation->segment;
        }
        head_unlink(head, slot, truncation->retired);
        return;
    }
    u32 dropped = series_truncate(head, series, truncation->mint_ms);
    atomic_fetch_sub_explicit(&head->chunks, dropped, memory_order_relaxed);
    truncation->oldest_ms = MIN(truncation->oldest_ms, series_oldest_ms(series));
}

static void truncate_series(Head *head, Truncation *truncation)
{
    u32 slot = 0;
    bool more = true;
    while (more) {
        head_lock(head);
        head_lock_state(head);
        u32 end = MIN(slot + (u32)SLOTS_STEP, head->series.count);
        for (; slot < end; slot++) {
            truncate_slot(head, truncation, slot);
        }
        more = slot < head->series.count;
        head_unlock_state(head);
        head_unlock(head);
    }
}

bool head_truncate(Head *head, i64 mint_ms, Err *err)
{
    WalStats wal = {0};
    u64 removed;
    Truncation truncation = {
        .mint_ms = mint_ms, .oldest_ms = INT64_MAX, .retired = MEM_NEW(Retired)};
    (void)pthread_mutex_lock(&head->flush);
    head_lock(head);
    atomic_store(&head->min_valid_ms, MAX(atomic_load(&head->min_valid_ms), mint_ms));
    head_unlock(head);
    if (head->opts.wal) {
        wal_stats(head->opts.wal, &wal);
    }
    truncation.segment = wal.segment;
    truncate_series(head, &truncation);
    head_retire(head, truncation.retired);

    head_lock(head);
    if (head->series_count == 0) {
        atomic_store(&head->mint_ms, INT64_MAX);
        atomic_store(&head->maxt_ms, INT64_MIN);
    } else if (atomic_load(&head->mint_ms) < mint_ms) {
        /* What came in meanwhile is not older than mint. */
        atomic_store(&head->mint_ms, MIN(truncation.oldest_ms, mint_ms));
    }
    head_unlock(head);
    bool ok = !head->opts.files || chunk_files_truncate(head->opts.files, mint_ms, &removed, err);
    (void)pthread_mutex_unlock(&head->flush);
    head_reclaim(head);
    return ok;
}

/* ---- checkpoint ---- */

typedef struct LiveRefs {
    RefMap refs;
    const Head *head;
} LiveRefs;

static bool keep_series(void *self, u64 ref, u32 last_segment)
{
    LiveRefs *live = self;
    u32 slot;
    if (ref_map_get(&live->refs, ref, &slot)) {
        return true;
    }
    const u64 *until = u64map_find(&live->head->expiring, ref);
    return until && *until > last_segment;
}

static void note_live(Head *head, LiveRefs *live)
{
    u32 slot = 0;
    bool more = true;
    while (more) {
        head_lock(head);
        u32 end = MIN(slot + (u32)SLOTS_STEP, head->series.count);
        for (; slot < end; slot++) {
            const Series *series = head_slot(head, slot);
            if (series->flags & SERIES_LIVE) {
                ref_map_put(&live->refs, series->ref, slot);
            }
        }
        more = slot < head->series.count;
        head_unlock(head);
    }
}

/* Records of series that are gone need not be kept behind the last segment that mentions them. */
static void forget_expired(Head *head, u32 last_segment)
{
    U64Map kept = {0};
    u64 ref;
    u64 until;
    head_lock(head);
    for (size_t i = 0; u64map_next(&head->expiring, &i, &ref, &until);) {
        if (until > last_segment) {
            *u64map_put(&kept, ref, NULL) = until;
        }
    }
    u64map_done(&head->expiring);
    head->expiring = kept;
    head_unlock(head);
}

bool head_checkpoint(Head *head, const char *dir, i64 mint_ms, bool *ret_done, Err *err)
{
    u32 first;
    u32 count;
    u32 current;
    CheckpointStats stats;
    *ret_done = false;
    if (!head->opts.wal || !wal_segments(dir, &first, &count, err)) {
        return !head->opts.wal;
    }
    if (count < 2) {
        return true; /* only the one being written */
    }
    if (!wal_next_segment(head->opts.wal, &current, err)) {
        return false;
    }
    u32 last = first + (current - 1 - first) * SEGMENTS_FOLDED_OF_3 / 3;
    if (last <= first) {
        return true;
    }
    LiveRefs live = {.head = head};
    note_live(head, &live);
    (void)pthread_mutex_lock(&head->flush); /* nobody adds expiring series meanwhile */
    bool ok = checkpoint_write(&(CheckpointOpts){.dir = dir,
                                                 .first = first,
                                                 .last = last,
                                                 .mint_ms = mint_ms,
                                                 .compression = head->opts.compression,
                                                 .keep_series = keep_series,
                                                 .self = &live},
                               &stats, err);
    (void)pthread_mutex_unlock(&head->flush);
    ref_map_done(&live.refs);
    if (ok) {
        forget_expired(head, last);
        *ret_done = true;
    }
    return ok;
}
