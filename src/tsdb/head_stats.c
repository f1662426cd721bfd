/* Figures of the head: see head.h. Layer: tsdb. Thread: any. */
#include "tsdb/head_internal.h"

enum {
    PAIRS_STEP = 1024,  /* pairs made compact in one go under the locks */
    CHANGES_MIN = 1024, /* series; fewer changes are not worth a pass */
};

void head_stats(Head *head, HeadStats *ret)
{
    SymbolStats symbols;
    symbols_stats(head->labels.symbols, &symbols);
    head_lock(head);
    *ret = (HeadStats){
        .series = head->series_count,
        .series_created = atomic_load(&head->series_created),
        .series_removed = atomic_load(&head->series_removed),
        .chunks = atomic_load(&head->chunks),
        .chunks_created = atomic_load(&head->chunks_created),
        .chunks_pending = head->pending.count,
        .samples_appended = atomic_load(&head->samples_appended),
        .label_pairs = head->labels.count,
        .symbols = symbols.live,
        .symbol_bytes = symbols.text_bytes,
        .exemplars = exemplars_count(&head->exemplars),
        .mint_ms = atomic_load(&head->mint_ms),
        .maxt_ms = atomic_load(&head->maxt_ms),
        .min_valid_ms = atomic_load(&head->min_valid_ms),
        .slab_bytes = head->slab.used_bytes,
    };
    for (size_t i = 0; i < COUNT_OF(ret->samples_refused); i++) {
        ret->samples_refused[i] = atomic_load(&head->refused[i]);
    }
    head_unlock(head);
}

void head_memory(Head *head, HeadMemory *ret)
{
    SymbolStats symbols;
    symbols_stats(head->labels.symbols, &symbols);
    head_read_state(head);
    u64 postings;
    u64 index = label_index_bytes(&head->labels, &postings);
    *ret = (HeadMemory){
        .series_bytes = (u64)head->series.count * sizeof(Series) + head->table_capacity * 4,
        .index_bytes = index,
        .postings_bytes = postings + roaring_bitmap_portable_size_in_bytes(head->all),
        .symbol_bytes = symbols.text_bytes,
        .slab_bytes = head->slab.block_count * SLAB_BLOCK_SIZE + head->slab.large_bytes,
    };
    head_unlock_state(head);
}

/* ---- cardinality ---- */

/* A candidate for one of the lists; the name is put together only for those that stay. */
typedef struct Candidate {
    Symbol name;
    Symbol value; /* SYMBOL_EMPTY: only the name counts */
    u64 count;
} Candidate;

typedef struct TopList {
    Candidate *at; /* largest first */
    size_t count, max;
} TopList;

static void top_add(TopList *list, Candidate candidate)
{
    if (list->count == list->max) {
        if (list->max == 0 || candidate.count <= list->at[list->count - 1].count) {
            return;
        }
        list->count--;
    }
    size_t at = list->count++;
    for (; at > 0 && list->at[at - 1].count < candidate.count; at--) {
        list->at[at] = list->at[at - 1];
    }
    list->at[at] = candidate;
}

static bool top_texts(const Head *head, const TopList *list, bool with_name, Arena *arena,
                      CardinalityList *ret, Err *err)
{
    CardinalityCount *counts = ARENA_NEW(arena, CardinalityCount, list->count + 1);
    if (!counts) {
        return arena_full(arena, err);
    }
    for (size_t i = 0; i < list->count; i++) {
        Str name = symbols_text(head->labels.symbols, list->at[i].name);
        Str value = symbols_text(head->labels.symbols, list->at[i].value);
        bool ok = with_name && list->at[i].value != SYMBOL_EMPTY
                      ? arena_printf(arena, &counts[i].name, err, STR_FMT "=" STR_FMT,
                                     STR_ARG(name), STR_ARG(value))
                      : arena_str(arena, with_name ? name : value, &counts[i].name, err);
        if (!ok) {
            return false;
        }
        counts[i].value = list->at[i].count;
    }
    *ret = (CardinalityList){.at = counts, .count = list->count};
    return true;
}

typedef struct TopLists {
    TopList metrics, values, bytes, pairs;
} TopLists;

/* Under state. */
static void count_name(const Head *head, const PairName *name, bool is_metric, TopLists *tops)
{
    u64 bytes = 0;
    for (size_t i = 0; i < name->pairs.count; i++) {
        const Pair *pair = label_index_pair(&head->labels, name->pairs.at[i]);
        Candidate candidate = {
            .name = pair->name, .value = pair->value, .count = postings_count(&pair->postings)};
        bytes += symbols_text(head->labels.symbols, pair->value).len * candidate.count;
        top_add(&tops->pairs, candidate);
        if (is_metric) {
            top_add(&tops->metrics, candidate);
        }
    }
    top_add(&tops->values, (Candidate){.name = name->name, .count = name->pairs.count});
    top_add(&tops->bytes, (Candidate){.name = name->name, .count = bytes});
}

static bool init_tops(Arena *arena, size_t limit, TopLists *tops)
{
    TopList *lists[] = {&tops->metrics, &tops->values, &tops->bytes, &tops->pairs};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        *lists[i] = (TopList){.at = ARENA_NEW(arena, Candidate, limit + 1), .max = limit};
        if (!lists[i]->at) {
            return false;
        }
    }
    return true;
}

bool head_cardinality(Head *head, size_t limit, Arena *arena, Cardinality *ret, Err *err)
{
    TopLists tops;
    Cardinality cardinality = {0};
    Pin pin;
    if (!init_tops(arena, limit, &tops)) {
        return arena_full(arena, err);
    }
    head_pin(head, &pin);
    head_read_state(head);
    for (size_t i = 0; i < head->labels.names.count; i++) {
        const PairName *name = &head->labels.names.at[i];
        if (name->pairs.count > 0) {
            bool is_metric = str_eq(symbols_text(head->labels.symbols, name->name), LABEL_NAME);
            count_name(head, name, is_metric, &tops);
        }
    }
    cardinality.label_pairs = head->labels.count;
    head_unlock_state(head);
    bool ok = top_texts(head, &tops.metrics, false, arena, &cardinality.series_by_metric, err) &&
              top_texts(head, &tops.values, true, arena, &cardinality.values_by_name, err) &&
              top_texts(head, &tops.bytes, true, arena, &cardinality.bytes_by_name, err) &&
              top_texts(head, &tops.pairs, true, arena, &cardinality.series_by_pair, err);
    head_unpin(head, &pin);
    if (ok) {
        *ret = cardinality;
    }
    return ok;
}

/* ---- upkeep ---- */

void head_compact_sets(Head *head)
{
    u64 changes = atomic_load(&head->series_created) + atomic_load(&head->series_removed);
    head_lock(head);
    bool due = changes - head->changes_compacted >= CHANGES_MIN;
    if (due) {
        head->changes_compacted = changes;
    }
    head_unlock(head);
    for (u32 id = 0; due;) {
        head_lock(head);
        head_lock_state(head);
        u32 end = MIN(id + (u32)PAIRS_STEP, head->labels.pairs.count);
        for (; id < end; id++) {
            postings_optimize(&label_index_pair(&head->labels, id)->postings);
        }
        if (id == head->labels.pairs.count) {
            (void)roaring_bitmap_run_optimize(head->all);
            (void)roaring_bitmap_shrink_to_fit(head->all);
            due = false;
        }
        head_unlock_state(head);
        head_unlock(head);
    }
}
