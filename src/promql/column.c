/* Columns: see column.h. Layer: promql. Memory: vector_done frees. Thread: one at a time. */
#include "promql/column.h"

#include "base/map.h"
#include "base/mem.h"

#include <string.h>

bool budget_take_samples(Budget *budget, u64 count, Err *err)
{
    u64 now = atomic_fetch_add(&budget->samples, count) + count;
    u64 peak = atomic_load(&budget->samples_peak);
    while (now > peak && !atomic_compare_exchange_weak(&budget->samples_peak, &peak, now)) {
    }
    if (now > budget->samples_max) {
        return err_set(err, ERR_LIMIT,
                       "query processing would load too many samples into memory in query "
                       "execution");
    }
    return true;
}

void budget_give_samples(Budget *budget, u64 count)
{
    atomic_fetch_sub(&budget->samples, count);
}

size_t bits_count(const u64 *bits, size_t steps)
{
    size_t count = 0;
    for (size_t i = 0; i < BITMAP_WORDS(steps); i++) {
        count += (size_t)__builtin_popcountll(bits[i]);
    }
    return count;
}

bool bits_any(const u64 *bits, size_t steps)
{
    for (size_t i = 0; i < BITMAP_WORDS(steps); i++) {
        if (bits[i]) {
            return true;
        }
    }
    return false;
}

bool bits_overlap(const u64 *a, const u64 *b, size_t steps)
{
    for (size_t i = 0; i < BITMAP_WORDS(steps); i++) {
        if (a[i] & b[i]) {
            return true;
        }
    }
    return false;
}

void bits_fill(u64 *bits, size_t steps)
{
    memset(bits, 0xff, steps / 64 * sizeof(u64));
    if (steps % 64) {
        bits[steps / 64] = ((u64)1 << (steps % 64)) - 1;
    }
}

void vector_init(Vector *vector, Budget *budget, size_t steps)
{
    *vector = (Vector){.budget = budget, .steps = steps};
}

void vector_done(Vector *vector)
{
    while (vector->holds) {
        MemoryHold *hold = vector->holds;
        vector->holds = hold->next;
        atomic_fetch_sub(&vector->budget->memory, hold->charged);
        arena_done(&hold->arena);
        mem_free(hold);
    }
    if (vector->budget) {
        budget_give_samples(vector->budget, vector->samples);
    }
    *vector = (Vector){.budget = vector->budget, .steps = vector->steps};
}

/* Tells the budget what the arenas have grown to since the last time. */
static void charge_memory(Vector *vector)
{
    for (MemoryHold *hold = vector->holds; hold; hold = hold->next) {
        size_t grown = hold->arena.used - hold->charged;
        hold->charged = hold->arena.used;
        size_t now = atomic_fetch_add(&vector->budget->memory, grown) + grown;
        size_t peak = atomic_load(&vector->budget->memory_peak);
        while (now > peak &&
               !atomic_compare_exchange_weak(&vector->budget->memory_peak, &peak, now)) {
        }
    }
}

bool vector_hold(Vector *vector, Arena **ret, Err *err)
{
    charge_memory(vector);
    size_t used = atomic_load(&vector->budget->memory);
    if (used >= vector->budget->memory_max) {
        return err_set(err, ERR_LIMIT, "query needs more than its limit of %zu bytes of memory",
                       vector->budget->memory_max);
    }
    MemoryHold *hold = MEM_NEW(MemoryHold);
    arena_init(&hold->arena, vector->budget->memory_max - used);
    hold->next = vector->holds;
    vector->holds = hold;
    *ret = &hold->arena;
    return true;
}

void vector_adopt(Vector *vector, Vector *from)
{
    MemoryHold **end = &vector->holds;
    while (*end) {
        end = &(*end)->next;
    }
    *end = from->holds;
    from->holds = NULL;
    vector->samples += from->samples;
    from->samples = 0;
}

bool column_alloc(Arena *arena, size_t steps, Column *ret, Err *err)
{
    f64 *value = arena_alloc(arena, steps * sizeof(f64), _Alignof(f64));
    u64 *present = value ? ARENA_NEW(arena, u64, BITMAP_WORDS(steps)) : NULL;
    if (!present) {
        return arena_full(arena, err);
    }
    *ret = (Column){.value = value, .present = present};
    return true;
}

bool column_need_hist(Arena *arena, size_t steps, Column *column, Err *err)
{
    if (!column->hist) {
        column->hist = ARENA_NEW(arena, const Histogram *, steps);
    }
    return column->hist || arena_full(arena, err);
}

bool vector_alloc(Vector *vector, size_t count, Err *err)
{
    ASSERT(vector->count == 0);
    if (count == 0) {
        return true;
    }
    Arena *arena;
    if (!vector_hold(vector, &arena, err)) {
        return false;
    }
    size_t words = BITMAP_WORDS(vector->steps);
    size_t cells;
    if (__builtin_mul_overflow(count, vector->steps, &cells) || cells > SIZE_MAX / 16) {
        return arena_full(arena, err);
    }
    VectorSeries *series = ARENA_NEW(arena, VectorSeries, count);
    f64 *values = series ? arena_alloc(arena, cells * sizeof(f64), _Alignof(f64)) : NULL;
    u64 *bits = values ? ARENA_NEW(arena, u64, count * words) : NULL;
    if (!bits) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < count; i++) {
        series[i].column.value = values + i * vector->steps;
        series[i].column.present = bits + i * words;
    }
    vector->series = series;
    vector->count = count;
    charge_memory(vector);
    return true;
}

/* What the original counts for a histogram: its size in units of a float sample (16 bytes). */
static u64 histogram_samples(const Histogram *histogram)
{
    size_t bytes = 168 + 8 +
                   8 * (histogram->positive.span_count + histogram->negative.span_count +
                        histogram->positive.bucket_count + histogram->negative.bucket_count +
                        histogram->custom_count);
    return bytes / 16;
}

static u64 column_samples(const Column *column, size_t steps)
{
    u64 total = bits_count(column->present, steps);
    if (column->hist) {
        BITS_EACH (column->present, steps, i) {
            if (column->hist[i]) {
                total += histogram_samples(column->hist[i]) - 1;
            }
        }
    }
    return total;
}

bool vector_settle(Vector *vector, Err *err)
{
    size_t kept = 0;
    u64 samples = 0;
    for (size_t i = 0; i < vector->count; i++) {
        const Column *column = &vector->series[i].column;
        if (bits_any(column->present, vector->steps)) {
            samples += column_samples(column, vector->steps);
            vector->series[kept++] = vector->series[i];
        }
    }
    vector->count = kept;
    charge_memory(vector);
    if (samples > vector->samples) {
        u64 grown = samples - vector->samples;
        vector->samples = samples;
        return budget_take_samples(vector->budget, grown, err);
    }
    budget_give_samples(vector->budget, vector->samples - samples);
    vector->samples = samples;
    return true;
}

/* A name that will go and the same name that stays make different series. */
static bool same_series(const VectorSeries *a, const VectorSeries *b)
{
    return a->drop_name == b->drop_name && labels_eq(a->labels, b->labels);
}

/* For each series the index of the first one that is the same, itself included. */
static bool find_same(const Vector *vector, size_t *first)
{
    U64Map by_hash = {0};
    bool any = false;
    for (size_t i = 0; i < vector->count; i++) {
        first[i] = i;
        u64 hash = labels_hash(vector->series[i].labels);
        /* Equal hashes of different labels: look at the next number until it fits. */
        for (;; hash++) {
            bool is_new;
            u64 *slot = u64map_put(&by_hash, hash, &is_new);
            if (is_new) {
                *slot = i;
                break;
            }
            if (same_series(&vector->series[*slot], &vector->series[i])) {
                first[i] = *slot;
                any = true;
                break;
            }
        }
    }
    u64map_done(&by_hash);
    return any;
}

static bool same_labels(Err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "vector cannot contain metrics with the same labelset");
}

static bool merge_columns(Arena *arena, size_t steps, Column *into, const Column *from, Err *err)
{
    if (bits_overlap(into->present, from->present, steps)) {
        return same_labels(err);
    }
    if (from->hist && !column_need_hist(arena, steps, into, err)) {
        return false;
    }
    BITS_EACH (from->present, steps, i) {
        into->value[i] = from->value[i];
        if (from->hist) {
            into->hist[i] = from->hist[i];
        }
        bit_set(into->present, i);
    }
    return true;
}

bool vector_merge_same(Vector *vector, Err *err)
{
    if (vector->count < 2) {
        return true;
    }
    size_t *first = MEM_ARRAY(size_t, vector->count);
    bool ok = true;
    if (find_same(vector, first)) {
        Arena *arena;
        ok = vector_hold(vector, &arena, err);
        for (size_t i = 0; i < vector->count && ok; i++) {
            if (first[i] != i) {
                VectorSeries *into = &vector->series[first[i]];
                VectorSeries *from = &vector->series[i];
                ok = merge_columns(arena, vector->steps, &into->column, &from->column, err);
                memset(from->column.present, 0, BITMAP_WORDS(vector->steps) * sizeof(u64));
            }
        }
        ok = ok && vector_settle(vector, err);
    }
    mem_free(first);
    return ok;
}

bool vector_check_unique(const Vector *vector, Err *err)
{
    if (vector->count < 2) {
        return true;
    }
    size_t *first = MEM_ARRAY(size_t, vector->count);
    bool any = find_same(vector, first);
    mem_free(first);
    return !any || same_labels(err);
}
