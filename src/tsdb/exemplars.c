/* Exemplars: see exemplars.h. Layer: tsdb. Thread: any. */
#include "tsdb/exemplars.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "tsdb/bytes.h"

#include <string.h>

enum { CODED_MAX = 16 * 1024 }; /* bytes; 128 runes and their lengths take less */

void exemplars_init(Exemplars *exemplars, size_t max)
{
    *exemplars = (Exemplars){.max = max};
    (void)pthread_mutex_init(&exemplars->lock, NULL);
}

void exemplars_done(Exemplars *exemplars)
{
    for (size_t i = 0; i < exemplars->count; i++) {
        mem_free(exemplars->ring[i].labels);
    }
    mem_free(exemplars->ring);
    u64map_done(&exemplars->newest);
    (void)pthread_mutex_destroy(&exemplars->lock);
    *exemplars = (Exemplars){0};
}

bool exemplars_check(const Exemplar *exemplar, Err *err)
{
    size_t runes = 0;
    for (size_t i = 0; i < exemplar->labels.count; i++) {
        Label label = exemplar->labels.at[i];
        if (label.name.len == 0 || !utf8_valid(label.name) || !utf8_valid(label.value)) {
            return err_set(err, ERR_INVALID, "label \"" STR_FMT "\" of an exemplar is not valid",
                           STR_ARG(label.name));
        }
        runes += utf8_count(label.name) + utf8_count(label.value);
    }
    return runes <= EXEMPLAR_RUNES_MAX ||
           err_set(err, ERR_LIMIT,
                   "label length for exemplar exceeds maximum of %d UTF-8 characters",
                   EXEMPLAR_RUNES_MAX);
}

static void put_str(Buf *out, Str s)
{
    u8 length[VARINT_SIZE_MAX];
    buf_put(out, length, (size_t)(store_uvarint(length, s.len) - length));
    buf_str(out, s);
}

static void code_labels(Labels labels, Buf *out)
{
    for (size_t i = 0; i < labels.count; i++) {
        put_str(out, labels.at[i].name);
        put_str(out, labels.at[i].value);
    }
}

static bool decode_labels(const ExemplarEntry *entry, Arena *arena, Labels *ret, Err *err)
{
    Str bytes = {.ptr = (const char *)entry->labels, .len = entry->size};
    ByteReader in = byte_reader(bytes);
    size_t count = 0;
    while (bytes_left(&in) > 0) {
        (void)bytes_str(&in);
        (void)bytes_str(&in);
        count++;
    }
    Label *labels = ARENA_NEW(arena, Label, count + 1);
    if (!labels) {
        return arena_full(arena, err);
    }
    in = byte_reader(bytes);
    for (size_t i = 0; i < count; i++) {
        Str name = bytes_str(&in);
        Str value = bytes_str(&in);
        if (!arena_str(arena, name, &labels[i].name, err) ||
            !arena_str(arena, value, &labels[i].value, err)) {
            return false;
        }
    }
    *ret = (Labels){.at = labels, .count = count};
    return true;
}

static const ExemplarEntry *newest_of(const Exemplars *exemplars, u64 series_ref)
{
    const u64 *at = u64map_find(&exemplars->newest, series_ref);
    return at ? &exemplars->ring[*at] : NULL;
}

/* The entry that is about to be overwritten is perhaps the only one of its series. */
static void forget(Exemplars *exemplars, size_t index)
{
    ExemplarEntry *entry = &exemplars->ring[index];
    const u64 *at = u64map_find(&exemplars->newest, entry->series_ref);
    if (at && *at == index) {
        (void)u64map_del(&exemplars->newest, entry->series_ref);
    }
    mem_free(entry->labels);
}

static void store(Exemplars *exemplars, u64 series_ref, const Exemplar *exemplar, const Buf *coded)
{
    if (!exemplars->ring) {
        exemplars->ring = MEM_ARRAY(ExemplarEntry, exemplars->max);
    }
    ExemplarEntry *entry = &exemplars->ring[exemplars->next];
    if (exemplars->count == exemplars->max) {
        forget(exemplars, exemplars->next);
    }
    *u64map_put(&exemplars->newest, series_ref, NULL) = exemplars->next;
    *entry = (ExemplarEntry){.series_ref = series_ref,
                             .t_ms = exemplar->t_ms,
                             .value = exemplar->value,
                             .labels = mem_alloc(coded->len),
                             .size = (u32)coded->len};
    if (coded->len > 0) {
        memcpy(entry->labels, coded->data, coded->len);
    }
    exemplars->next = (exemplars->next + 1) % exemplars->max;
    exemplars->count = MIN(exemplars->count + 1, exemplars->max);
}

ExemplarOutcome exemplars_add(Exemplars *exemplars, u64 series_ref, const Exemplar *exemplar)
{
    if (exemplars->max == 0) {
        return EXEMPLAR_SAME;
    }
    Buf coded;
    buf_init(&coded, CODED_MAX);
    code_labels(exemplar->labels, &coded);
    ExemplarOutcome outcome = EXEMPLAR_ADDED;
    (void)pthread_mutex_lock(&exemplars->lock);
    const ExemplarEntry *newest = newest_of(exemplars, series_ref);
    if (newest && exemplar->t_ms <= newest->t_ms) {
        bool same = exemplar->t_ms == newest->t_ms && newest->size == coded.len &&
                    f64_bits(newest->value) == f64_bits(exemplar->value) &&
                    (coded.len == 0 || memcmp(newest->labels, coded.data, coded.len) == 0);
        outcome = same ? EXEMPLAR_SAME : EXEMPLAR_TOO_OLD;
    } else if (coded.overflowed) {
        outcome = EXEMPLAR_TOO_OLD;
    } else {
        store(exemplars, series_ref, exemplar, &coded);
    }
    (void)pthread_mutex_unlock(&exemplars->lock);
    buf_done(&coded);
    return outcome;
}

size_t exemplars_count(Exemplars *exemplars)
{
    (void)pthread_mutex_lock(&exemplars->lock);
    size_t count = exemplars->count;
    (void)pthread_mutex_unlock(&exemplars->lock);
    return count;
}

static bool find_locked(const Exemplars *exemplars, u64 series_ref, i64 mint_ms, i64 maxt_ms,
                        Arena *arena, Exemplar *ret, size_t *ret_count, Err *err)
{
    size_t found = 0;
    size_t oldest = exemplars->count < exemplars->max ? 0 : exemplars->next;
    for (size_t i = 0; i < exemplars->count; i++) {
        const ExemplarEntry *entry = &exemplars->ring[(oldest + i) % exemplars->max];
        if (entry->series_ref != series_ref || entry->t_ms < mint_ms || entry->t_ms > maxt_ms) {
            continue;
        }
        if (ret) {
            ret[found] = (Exemplar){.t_ms = entry->t_ms, .value = entry->value};
            if (!decode_labels(entry, arena, &ret[found].labels, err)) {
                return false;
            }
        }
        found++;
    }
    *ret_count = found;
    return true;
}

bool exemplars_find(Exemplars *exemplars, u64 series_ref, i64 mint_ms, i64 maxt_ms, Arena *arena,
                    Exemplar **ret, size_t *ret_count, Err *err)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&exemplars->lock);
    bool ok = find_locked(exemplars, series_ref, mint_ms, maxt_ms, arena, NULL, &count, err);
    Exemplar *found = ok ? ARENA_NEW(arena, Exemplar, count + 1) : NULL;
    if (!found) {
        ok = arena_full(arena, err);
    }
    ok = ok && find_locked(exemplars, series_ref, mint_ms, maxt_ms, arena, found, &count, err);
    (void)pthread_mutex_unlock(&exemplars->lock);
    if (ok) {
        *ret = found;
        *ret_count = count;
    }
    return ok;
}
