/*
 * Exemplars: the newest ones of all series, in a ring. A full ring forgets its oldest.
 *
 * Layer: tsdb. Memory: a ring of `max` entries, each with its labels' bytes; exemplars_done frees.
 * Thread: any (a lock of its own).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "model/source.h"

#include <pthread.h>

enum { EXEMPLAR_RUNES_MAX = 128 }; /* of all its label names and values together */

typedef struct ExemplarEntry {
    u64 series_ref;
    i64 t_ms;
    f64 value;
    u8 *labels; /* coded as in a record; owned */
    u32 size;   /* bytes of labels */
} ExemplarEntry;

typedef struct Exemplars {
    pthread_mutex_t lock;
    ExemplarEntry *ring; /* owned; NULL while empty */
    size_t max;
    size_t count;
    size_t next;   /* where the next one goes */
    U64Map newest; /* series ref to the index of its newest */
} Exemplars;

typedef enum ExemplarOutcome { EXEMPLAR_ADDED, EXEMPLAR_SAME, EXEMPLAR_TOO_OLD } ExemplarOutcome;

void exemplars_init(Exemplars *exemplars, size_t max);
void exemplars_done(Exemplars *exemplars);
bool exemplars_check(const Exemplar *exemplar, Err *err) MUST_USE; /* ERR_LIMIT, ERR_INVALID */
ExemplarOutcome exemplars_add(Exemplars *exemplars, u64 series_ref, const Exemplar *exemplar);
size_t exemplars_count(Exemplars *exemplars);

/* Those of one series in a time range, oldest first, copied into the arena. */
bool exemplars_find(Exemplars *exemplars, u64 series_ref, i64 mint_ms, i64 maxt_ms, Arena *arena,
                    Exemplar **ret, size_t *ret_count, Err *err) MUST_USE;
