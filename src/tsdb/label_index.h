/*
 * Label index: every pair of label name and value that a live series has, kept once, with the set
 * of series that have it. A series keeps only the numbers of its pairs (four bytes a label).
 *
 * A pair lives as long as a series has it. When the last one goes the pair can no longer be found,
 * but its name and value stay readable until label_index_free_pair: who unlinks series gives
 * readers the time to leave first.
 *
 * Layer: tsdb. Memory: label_index_done frees; texts live in the symbol table.
 * Thread: one writer; label_pair_labels by any reader that saw the pair under the head's lock; all
 * other reading functions under that lock.
 */
#pragma once

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"
#include "model/labels.h"
#include "model/symbols.h"
#include "tsdb/paged.h"
#include "tsdb/postings.h"

typedef u32 PairId;

typedef struct Pair {
    Symbol name;
    Symbol value;
    u32 name_index; /* in LabelIndex.names */
    u32 position;   /* in its name's list */
    Postings postings;
} Pair;

typedef struct PairName {
    Symbol name;
    VEC(PairId) pairs; /* live ones, in no order */
} PairName;

typedef struct LabelIndex {
    SymbolTable *symbols; /* owned */
    Slab *slab;           /* borrowed */
    Paged pairs;          /* Pair */
    VEC(PairId) free_pairs;
    u32 *table; /* pair + 1 by hash of its two symbols; 0: empty; owned */
    size_t capacity;
    size_t count; /* live pairs */
    u64 born;     /* pairs that were ever made */
    VEC(PairName) names;
    VEC(u32) free_names;
    U64Map name_of; /* symbol to index in names */
} LabelIndex;

typedef VEC(PairId) PairList;

void label_index_init(LabelIndex *index, Slab *slab);
void label_index_done(LabelIndex *index);

/* The pairs of a label set; false when one does not exist. ret: labels.count entries. */
bool label_index_find(const LabelIndex *index, Labels labels, PairId *ret);

/*
 * The same, making what is missing. A new pair stays only if label_index_add follows.
 * Errors  ERR_LIMIT; what was made before is unmade
 */
bool label_index_acquire(LabelIndex *index, Labels labels, PairId *ret, Err *err) MUST_USE;

void label_index_add(LabelIndex *index, const PairId *pairs, size_t count, u32 slot);

/* Pairs that nobody has any more are appended to `dead`. */
void label_index_remove(LabelIndex *index, const PairId *pairs, size_t count, u32 slot,
                        PairList *dead);
void label_index_free_pair(LabelIndex *index, PairId id); /* a dead one */

static inline Pair *label_index_pair(const LabelIndex *index, PairId pair)
{
    return paged_at(&index->pairs, pair);
}

const Pair *label_index_find_pair(const LabelIndex *index, Str name, Str value); /* or NULL */
const PairName *label_index_find_name(const LabelIndex *index, Str name);        /* or NULL */

/* Names and values of pairs, views into the symbol table. ret: count entries. */
void label_pair_labels(const LabelIndex *index, const PairId *pairs, size_t count, Label *ret);

u64 label_index_bytes(const LabelIndex *index, u64 *ret_postings_bytes); /* walks all pairs */
