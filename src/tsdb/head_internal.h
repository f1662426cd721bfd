/*
 * What the parts of the head share: head.c (series, pins, memory), head_append.c, head_chunk.c (one
 * series' chunks), head_match.c, head_read.c, head_replay.c, head_truncate.c.
 *
 * Layer: tsdb. Memory and threads: see head.h; each field says which lock guards it.
 */
#pragma once

#include "base/buf.h"
#include "base/map.h"
#include "base/vec.h"
#include "tsdb/exemplars.h"
#include "tsdb/head.h"
#include "tsdb/record.h"
#include "tsdb/series.h"
#include "tsdb/slab.h"
#include "tsdb/tombstones.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    SERIES_SLOT_BITS = 32,
    RECORD_BYTES_MAX = 64 * 1024 * 1024, /* of one batch before packing */
    LABELS_ON_STACK = 64,
};

/* A full chunk that waits to be written. */
typedef struct PendingChunk {
    u32 slot;
    u64 series_ref;
    u64 where; /* as in FullChunk */
    u32 size;
    i64 mint_ms, maxt_ms;
} PendingChunk;

/* A reader's presence; in the head's list from the oldest to the newest. */
typedef struct Pin {
    struct Pin *older, *newer;
    u64 epoch;
} Pin;

/* What was unlinked together; freed when no pin is older. */
typedef struct Retired {
    struct Retired *next; /* newer */
    u64 epoch;
    VEC(u32) slots;
    PairList pairs;
} Retired;

/* Buffers of one append, reused. */
typedef struct AppendScratch {
    struct AppendScratch *next;
    Buf records;
    Buf packed;
    Buf series_records; /* of series that the log does not know yet */
    Buf series_packed;
    VEC(u8) outcomes;
    VEC(Label) labels;
} AppendScratch;

struct Head {
    HeadOpts opts;
    pthread_mutex_t flush;  /* who writes chunk files or frees series */
    pthread_mutex_t commit; /* who changes the head */
    pthread_rwlock_t state; /* what readers see; changed with commit held, too */

    /* state */
    Slab slab;
    LabelIndex labels;
    Paged series; /* Series by slot */
    u32 *table;   /* slot + 1 by hash of pairs; 0: empty; owned */
    size_t table_capacity;
    size_t series_count;
    roaring_bitmap_t *all; /* live slots; owned */
    Tombstones tombstones;

    /* commit */
    VEC(u32) free_slots;
    u64 last_ref;
    VEC(PendingChunk) pending;
    U64Map expiring;       /* ref of a removed series to the last segment that may mention it */
    u64 changes_compacted; /* series created and removed when the sets were last made compact */

    _Atomic i64 min_valid_ms; /* older samples are refused */
    _Atomic i64 mint_ms;      /* of all samples; INT64_MAX: none */
    _Atomic i64 maxt_ms;      /* INT64_MIN: none */
    _Atomic u64 samples_appended;
    _Atomic u64 refused[SAMPLE_TOO_OLD + 1];
    _Atomic u64 chunks;
    _Atomic u64 chunks_created;
    _Atomic u64 series_created;
    _Atomic u64 series_removed;

    pthread_mutex_t pins_lock; /* below */
    Pin *oldest_pin, *newest_pin;
    Retired *oldest_retired, *newest_retired;
    u64 epoch;

    pthread_mutex_t scratch_lock;
    AppendScratch *scratch;

    Exemplars exemplars; /* has a lock of its own */
};

static inline Series *head_slot(const Head *head, u32 slot)
{
    return paged_at(&head->series, slot);
}

static inline u32 id_slot(SeriesId id)
{
    return (u32)id;
}

static inline SeriesId id_of(u32 slot, const Series *series)
{
    return (u64)series->generation << SERIES_SLOT_BITS | slot;
}

/* The live series of an id, or NULL. Under commit or state. */
static inline Series *head_find_id(const Head *head, SeriesId id)
{
    u32 slot = id_slot(id);
    if (slot >= head->series.count) {
        return NULL;
    }
    Series *series = head_slot(head, slot);
    return (series->flags & SERIES_LIVE) && series->generation == id >> SERIES_SLOT_BITS ? series
                                                                                         : NULL;
}

/* ---- head.c ---- */
void head_lock(Head *head);   /* commit */
void head_unlock(Head *head); /* commit */
void head_lock_state(Head *head);
void head_unlock_state(Head *head);
void head_read_state(Head *head);

/* Series by labels, made when missing; with ref 0 it gets the next one. Under commit. */
bool head_series_locked(Head *head, Labels labels, u64 ref, u32 *ret_slot, bool *ret_new,
                        Err *err) MUST_USE;

/* Out of every index; its memory goes with `retired`. Under commit and state. */
void head_unlink(Head *head, u32 slot, Retired *retired);
void head_retire(Head *head, Retired *retired); /* takes it over */

void head_pin(Head *head, Pin *pin);
void head_unpin(Head *head, Pin *pin);

/* ---- head_chunk.c; under commit and state ---- */
typedef struct HeadSample {
    i64 t_ms;
    f64 value;
    const Histogram *hist; /* NULL: a float */
} HeadSample;

/* The sample as it will be stored: a stale marker takes the kind of its series. */
HeadSample head_sample(const Series *series, const BatchSample *sample);

/* Appends to the open chunk, cutting it where it must be. The sample is newer than the series. */
void series_append(Head *head, u32 slot, const HeadSample *sample);
void series_cut(Head *head, u32 slot); /* the open chunk, if any, is full from now on */
void series_add_full(Head *head, Series *series, i64 mint_ms, const FullChunk *chunk);
void series_free_chunks(Head *head, Series *series);
/* Drops full chunks that end before mint; returns how many. */
u32 series_truncate(Head *head, Series *series, i64 mint_ms);
i64 series_oldest_ms(const Series *series); /* rounded down; INT64_MAX: no samples */
u64 series_slab_size(const Series *series);

/* The bytes of a chunk in memory. */
Str chunk_bytes_in_memory(u8 encoding, const void *address, u32 size);

/* ---- head_match.c ---- */
/* Slots of the series that match; the caller is pinned, frees it, and finds the state lock held for
 * reading, so that what it does with the set belongs to the same moment. */
roaring_bitmap_t *head_match(Head *head, const Matcher *matchers, size_t count);

static inline void note_time(Head *head, i64 mint_ms, i64 maxt_ms)
{
    if (mint_ms < atomic_load_explicit(&head->mint_ms, memory_order_relaxed)) {
        atomic_store_explicit(&head->mint_ms, mint_ms, memory_order_relaxed);
    }
    if (maxt_ms > atomic_load_explicit(&head->maxt_ms, memory_order_relaxed)) {
        atomic_store_explicit(&head->maxt_ms, maxt_ms, memory_order_relaxed);
    }
}
