/* Head: series, their indexes, pins and memory. See head.h. Layer: tsdb. Thread: any. */
#include "tsdb/head.h"

#include "base/hash.h"
#include "base/utf8.h"
#include "tsdb/head_internal.h"

enum { TABLE_FIRST = 256 };

/* ---- locks ---- */

void head_lock(Head *head)
{
    (void)pthread_mutex_lock(&head->commit);
}

void head_unlock(Head *head)
{
    (void)pthread_mutex_unlock(&head->commit);
}

void head_lock_state(Head *head)
{
    (void)pthread_rwlock_wrlock(&head->state);
}

void head_read_state(Head *head)
{
    (void)pthread_rwlock_rdlock(&head->state);
}

void head_unlock_state(Head *head)
{
    (void)pthread_rwlock_unlock(&head->state);
}

/* A stream of readers must not keep appends waiting. */
static void init_state_lock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    (void)pthread_rwlockattr_init(&attributes);
    (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    (void)pthread_rwlock_init(lock, &attributes);
    (void)pthread_rwlockattr_destroy(&attributes);
}

Head *head_open(const HeadOpts *opts)
{
    ASSERT(opts->chunk_span_ms > 0 && opts->chunk_span_ms < INT32_MAX);
    Head *head = MEM_NEW(Head);
    head->opts = *opts;
    (void)pthread_mutex_init(&head->flush, NULL);
    (void)pthread_mutex_init(&head->commit, NULL);
    (void)pthread_mutex_init(&head->pins_lock, NULL);
    (void)pthread_mutex_init(&head->scratch_lock, NULL);
    init_state_lock(&head->state);
    label_index_init(&head->labels, &head->slab);
    paged_init(&head->series, sizeof(Series));
    head->all = roaring_bitmap_create();
    tombstones_init(&head->tombstones);
    exemplars_init(&head->exemplars, opts->exemplars_max);
    atomic_init(&head->min_valid_ms, INT64_MIN);
    atomic_init(&head->mint_ms, INT64_MAX);
    atomic_init(&head->maxt_ms, INT64_MIN);
    return head;
}

static void free_scratch(Head *head)
{
    while (head->scratch) {
        AppendScratch *scratch = head->scratch;
        head->scratch = scratch->next;
        buf_done(&scratch->records);
        buf_done(&scratch->packed);
        buf_done(&scratch->series_records);
        buf_done(&scratch->series_packed);
        vec_done(&scratch->outcomes);
        vec_done(&scratch->labels);
        mem_free(scratch);
    }
}

Head *head_close(Head *head)
{
    if (!head) {
        return NULL;
    }
    ASSERT(!head->oldest_pin);
    head_reclaim(head);
    for (u32 slot = 0; slot < head->series.count; slot++) {
        series_free_chunks(head, head_slot(head, slot)); /* histogram chunks are not in the slab */
    }
    label_index_done(&head->labels);
    paged_done(&head->series);
    roaring_bitmap_free(head->all);
    tombstones_done(&head->tombstones);
    exemplars_done(&head->exemplars);
    mem_free(head->table);
    vec_done(&head->free_slots);
    vec_done(&head->pending);
    u64map_done(&head->expiring);
    free_scratch(head);
    slab_done(&head->slab);
    (void)pthread_mutex_destroy(&head->flush);
    (void)pthread_mutex_destroy(&head->commit);
    (void)pthread_mutex_destroy(&head->pins_lock);
    (void)pthread_mutex_destroy(&head->scratch_lock);
    (void)pthread_rwlock_destroy(&head->state);
    mem_free(head);
    return NULL;
}

/* ---- table of series ---- */

static u32 pairs_hash(const PairId *pairs, size_t count)
{
    return (u32)hash_bytes(pairs, count * sizeof(PairId));
}

/* The place of the series, or the empty place where it would stand. */
static size_t table_place(const Head *head, const PairId *pairs, size_t count, u32 hash)
{
    size_t mask = head->table_capacity - 1;
    size_t at = hash & mask;
    for (; head->table[at] != 0; at = (at + 1) & mask) {
        const Series *series = head_slot(head, head->table[at] - 1);
        if (series->hash == hash && series->pair_count == count &&
            memcmp(series->pairs, pairs, count * sizeof(PairId)) == 0) {
            break;
        }
    }
    return at;
}

static void table_grow(Head *head)
{
    u32 *old = head->table;
    size_t old_capacity = head->table_capacity;
    head->table_capacity = old_capacity ? old_capacity * 2 : TABLE_FIRST;
    head->table = MEM_ARRAY(u32, head->table_capacity);
    size_t mask = head->table_capacity - 1;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i] != 0) {
            size_t at = head_slot(head, old[i] - 1)->hash & mask;
            while (head->table[at] != 0) {
                at = (at + 1) & mask;
            }
            head->table[at] = old[i];
        }
    }
    mem_free(old);
}

static void table_remove(Head *head, const Series *series)
{
    size_t mask = head->table_capacity - 1;
    size_t gap = table_place(head, series->pairs, series->pair_count, series->hash);
    for (size_t at = (gap + 1) & mask; head->table[at] != 0; at = (at + 1) & mask) {
        size_t home = head_slot(head, head->table[at] - 1)->hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            head->table[gap] = head->table[at];
            gap = at;
        }
    }
    head->table[gap] = 0;
    head->series_count--;
}

static bool find_series(const Head *head, Labels labels, PairId *pairs, u32 *ret_slot)
{
    if (head->series_count == 0 || !label_index_find(&head->labels, labels, pairs)) {
        return false;
    }
    u32 hash = pairs_hash(pairs, labels.count);
    u32 found = head->table[table_place(head, pairs, labels.count, hash)];
    if (found == 0) {
        return false;
    }
    *ret_slot = found - 1;
    return true;
}

/* ---- new series ---- */

static bool labels_check(Labels labels, Err *err)
{
    if (labels.count == 0) {
        return err_set(err, ERR_INVALID, "a series needs at least one label");
    }
    if (labels.count > HEAD_LABELS_MAX) {
        return err_set(err, ERR_LIMIT, "a series with %zu labels; the limit is %d", labels.count,
                       HEAD_LABELS_MAX);
    }
    for (size_t i = 0; i < labels.count; i++) {
        Label label = labels.at[i];
        if (label.name.len == 0 || label.value.len == 0 || !utf8_valid(label.name) ||
            !utf8_valid(label.value)) {
            return err_set(err, ERR_INVALID, "label " STR_FMT " is empty or not valid UTF-8",
                           STR_ARG(label.name));
        }
        if (i > 0 && str_cmp(labels.at[i - 1].name, label.name) >= 0) {
            return err_set(err, ERR_INVALID, "label name " STR_FMT " is not unique or not sorted",
                           STR_ARG(label.name));
        }
    }
    return true;
}

static bool take_slot(Head *head, u32 *ret, Err *err)
{
    if (head->free_slots.count > 0) {
        *ret = head->free_slots.at[--head->free_slots.count];
        return true;
    }
    Series *series = paged_push(&head->series);
    if (!series) {
        return err_set(err, ERR_LIMIT, "the head is full: %u series", head->series.count);
    }
    *ret = head->series.count - 1;
    return true;
}

/* Under commit and state. */
static bool insert_series(Head *head, Labels labels, PairId *pairs, u32 *ret_slot, Err *err)
{
    if (!label_index_acquire(&head->labels, labels, pairs, err)) {
        return false;
    }
    if (!take_slot(head, ret_slot, err)) {
        PairList none = {0};
        label_index_add(&head->labels, pairs, labels.count, 0); /* so that removing unmakes them */
        label_index_remove(&head->labels, pairs, labels.count, 0, &none);
        for (size_t i = 0; i < none.count; i++) {
            label_index_free_pair(&head->labels, none.at[i]);
        }
        vec_done(&none);
        return false;
    }
    if ((head->series_count + 1) * 4 > head->table_capacity * 3) {
        table_grow(head);
    }
    Series *series = head_slot(head, *ret_slot);
    size_t pairs_size = labels.count * sizeof(PairId);
    *series = (Series){.generation = series->generation + 1,
                       .pair_count = (u16)labels.count,
                       .pairs = slab_alloc(&head->slab, pairs_size),
                       .hash = pairs_hash(pairs, labels.count),
                       .flags = SERIES_LIVE};
    memcpy(series->pairs, pairs, pairs_size);
    size_t place = table_place(head, pairs, labels.count, series->hash);
    head->table[place] = *ret_slot + 1;
    head->series_count++;
    label_index_add(&head->labels, pairs, labels.count, *ret_slot);
    roaring_bitmap_add(head->all, *ret_slot);
    atomic_fetch_add_explicit(&head->series_created, 1, memory_order_relaxed);
    return true;
}

bool head_series_locked(Head *head, Labels labels, u64 ref, u32 *ret_slot, bool *ret_new, Err *err)
{
    PairId on_stack[LABELS_ON_STACK];
    PairId *pairs = labels.count > LABELS_ON_STACK ? MEM_ARRAY(PairId, labels.count) : on_stack;
    bool ok = true;
    *ret_new = !find_series(head, labels, pairs, ret_slot);
    if (*ret_new) {
        head_lock_state(head);
        ok = insert_series(head, labels, pairs, ret_slot, err);
        head_unlock_state(head);
    }
    if (ok && *ret_new) {
        head_slot(head, *ret_slot)->ref = ref ? ref : ++head->last_ref;
        head->last_ref = MAX(head->last_ref, ref);
    }
    if (pairs != on_stack) {
        mem_free(pairs);
    }
    return ok;
}

static bool find_id(Head *head, Labels labels, SeriesId *ret)
{
    PairId on_stack[LABELS_ON_STACK];
    u32 slot;
    if (labels.count > LABELS_ON_STACK) {
        return false; /* the writer's way looks again */
    }
    head_read_state(head);
    bool found = find_series(head, labels, on_stack, &slot);
    if (found) {
        *ret = id_of(slot, head_slot(head, slot));
    }
    head_unlock_state(head);
    return found;
}

bool head_series(Head *head, Labels labels, SeriesId *ret, bool *ret_new, Err *err)
{
    bool is_new = false;
    SeriesId id = 0;
    if (!labels_check(labels, err)) {
        return false;
    }
    if (!find_id(head, labels, &id)) {
        u32 slot;
        head_lock(head);
        bool ok = head_series_locked(head, labels, 0, &slot, &is_new, err);
        if (ok) {
            id = id_of(slot, head_slot(head, slot));
        }
        head_unlock(head);
        if (!ok) {
            return false;
        }
    }
    *ret = id;
    if (ret_new) {
        *ret_new = is_new;
    }
    return true;
}

/* ---- pins ---- */

void head_pin(Head *head, Pin *pin)
{
    (void)pthread_mutex_lock(&head->pins_lock);
    *pin = (Pin){.older = head->newest_pin, .epoch = head->epoch};
    if (head->newest_pin) {
        head->newest_pin->newer = pin;
    } else {
        head->oldest_pin = pin;
    }
    head->newest_pin = pin;
    (void)pthread_mutex_unlock(&head->pins_lock);
}

void head_unpin(Head *head, Pin *pin)
{
    (void)pthread_mutex_lock(&head->pins_lock);
    if (pin->older) {
        pin->older->newer = pin->newer;
    } else {
        head->oldest_pin = pin->newer;
    }
    if (pin->newer) {
        pin->newer->older = pin->older;
    } else {
        head->newest_pin = pin->older;
    }
    (void)pthread_mutex_unlock(&head->pins_lock);
}

void head_unlink(Head *head, u32 slot, Retired *retired)
{
    Series *series = head_slot(head, slot);
    table_remove(head, series);
    label_index_remove(&head->labels, series->pairs, series->pair_count, slot, &retired->pairs);
    roaring_bitmap_remove(head->all, slot);
    series->flags &= (u8)~SERIES_LIVE;
    *vec_push(&retired->slots) = slot;
    atomic_fetch_add_explicit(&head->series_removed, 1, memory_order_relaxed);
}

void head_retire(Head *head, Retired *retired)
{
    (void)pthread_mutex_lock(&head->pins_lock);
    retired->epoch = ++head->epoch; /* later pins begin at this epoch and see none of it */
    retired->next = NULL;
    if (head->newest_retired) {
        head->newest_retired->next = retired;
    } else {
        head->oldest_retired = retired;
    }
    head->newest_retired = retired;
    (void)pthread_mutex_unlock(&head->pins_lock);
}

static Retired *take_unseen(Head *head)
{
    Retired *retired = NULL;
    (void)pthread_mutex_lock(&head->pins_lock);
    if (head->oldest_retired &&
        (!head->oldest_pin || head->oldest_pin->epoch >= head->oldest_retired->epoch)) {
        retired = head->oldest_retired;
        head->oldest_retired = retired->next;
        if (!head->oldest_retired) {
            head->newest_retired = NULL;
        }
    }
    (void)pthread_mutex_unlock(&head->pins_lock);
    return retired;
}

static void free_retired(Head *head, Retired *retired)
{
    for (size_t i = 0; i < retired->slots.count; i++) {
        u32 slot = retired->slots.at[i];
        Series *series = head_slot(head, slot);
        u32 chunks = (series->full ? series->full->count : 0) + (series->encoding != 0);
        atomic_fetch_sub_explicit(&head->chunks, chunks, memory_order_relaxed);
        series_free_chunks(head, series);
        slab_free(&head->slab, series->pairs, series->pair_count * sizeof(PairId));
        tombstones_remove(&head->tombstones, slot);
        *series = (Series){.generation = series->generation};
        *vec_push(&head->free_slots) = slot;
    }
    for (size_t i = 0; i < retired->pairs.count; i++) {
        label_index_free_pair(&head->labels, retired->pairs.at[i]);
    }
}

void head_reclaim(Head *head)
{
    for (Retired *retired = take_unseen(head); retired; retired = take_unseen(head)) {
        (void)pthread_mutex_lock(&head->flush);
        head_lock(head);
        head_lock_state(head);
        free_retired(head, retired);
        head_unlock_state(head);
        head_unlock(head);
        (void)pthread_mutex_unlock(&head->flush);
        vec_done(&retired->slots);
        vec_done(&retired->pairs);
        mem_free(retired);
    }
}
