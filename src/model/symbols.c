/*
 * Symbols: see symbols.h. Layer: model. Memory: one allocation a string, slots in chunks that
 * double. Thread: a shard's lock for writers; readers load slots atomically.
 *
 * A number is (index << SHARD_BITS | shard); slots of a shard lie in chunks of 64, 64, 128, 256 …,
 * so that they never move and an empty table is small.
 *
 * Reclaiming: the table has an epoch. A pin counts itself under the epoch's parity. What is
 * released in epoch e waits in list e & 1; the epoch goes from e to e + 1 only when nobody is
 * pinned in e - 1, and at that moment the list of e - 1 is freed: a reader pinned in e came after
 * those releases and cannot have seen them.
 */
#include "model/symbols.h"

#include "base/hash.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum {
    SHARD_BITS = 4,
    SHARDS = 1 << SHARD_BITS,
    CHUNK_FIRST_BITS = 6, /* slots of the first chunk, as a power of two */
    INDEX_BITS = 32 - SHARD_BITS,
    INDEX_MAX = (1 << INDEX_BITS) - 1,
    CHUNKS = INDEX_BITS - CHUNK_FIRST_BITS + 1,
    TABLE_FIRST = 64,     /* hash slots */
    RECLAIM_EVERY = 1024, /* releases between two attempts to reclaim */
};

typedef struct SymbolText {
    u32 references; /* under the shard's lock */
    u32 hash;       /* upper half of the text's hash: position in the shard's hash table */
    u32 len;
    char bytes[];
} SymbolText;

typedef struct SymbolList {
    Symbol *at; /* owned */
    size_t count;
    size_t capacity;
} SymbolList;

typedef _Atomic(SymbolText *) SymbolSlot;

typedef struct SymbolShard {
    _Alignas(64) pthread_mutex_t lock;
    _Atomic(SymbolSlot *) chunks[CHUNKS]; /* owned; written under the lock, read without */
    u32 next_index;                       /* first never used */
    SymbolList unused;                    /* numbers to give out again */
    SymbolList waiting[2];                /* released, by the epoch's parity */
    u32 *table;                           /* owned; index + 1 of a live symbol, 0: empty */
    size_t table_capacity;                /* a power of two */
    size_t live;
    u64 text_bytes;
    u64 references;
} SymbolShard;

struct SymbolTable {
    SymbolShard shards[SHARDS];
    _Alignas(64) _Atomic u64 epoch;
    _Alignas(64) _Atomic u64 pinned[2]; /* readers, by the parity of the epoch they came in */
    _Alignas(64) _Atomic u64 releases;
    pthread_mutex_t reclaim_lock; /* taken before any shard's */
};

static void list_push(SymbolList *list, Symbol symbol)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->at = mem_grow(list->at, list->capacity, sizeof(*list->at));
    }
    list->at[list->count++] = symbol;
}

/* Chunk 0 holds indices 0 … 63, chunk k > 0 holds 2^(k+5) … 2^(k+6)-1. */
static u32 chunk_of(u32 index, u32 *ret_offset)
{
    u32 rank = index >> CHUNK_FIRST_BITS;
    if (rank == 0) {
        *ret_offset = index;
        return 0;
    }
    u32 chunk = 32U - (u32)__builtin_clz(rank);
    *ret_offset = index - (1U << (chunk + CHUNK_FIRST_BITS - 1));
    return chunk;
}

static size_t chunk_slots(u32 chunk)
{
    return (size_t)1 << (chunk == 0 ? CHUNK_FIRST_BITS : CHUNK_FIRST_BITS + (int)chunk - 1);
}

static SymbolSlot *slot_of(const SymbolShard *shard, u32 index)
{
    u32 offset;
    u32 chunk = chunk_of(index, &offset);
    SymbolSlot *slots = atomic_load_explicit(&shard->chunks[chunk], memory_order_acquire);
    return slots + offset;
}

static SymbolText *text_of(const SymbolShard *shard, u32 index)
{
    return atomic_load_explicit(slot_of(shard, index), memory_order_acquire);
}

static SymbolShard *shard_of(const SymbolTable *table, Symbol symbol)
{
    return (SymbolShard *)&table->shards[symbol & (SHARDS - 1)];
}

static SymbolShard *shard_of_hash(const SymbolTable *table, u64 hash)
{
    return (SymbolShard *)&table->shards[hash & (SHARDS - 1)];
}

static Symbol symbol_number(const SymbolTable *table, const SymbolShard *shard, u32 index)
{
    return index << SHARD_BITS | (u32)(shard - table->shards);
}

SymbolTable *symbols_new(void)
{
    SymbolTable *table = mem_aligned(64, sizeof(SymbolTable));
    memset(table, 0, sizeof(*table));
    atomic_store(&table->epoch, 2);
    pthread_mutex_init(&table->reclaim_lock, NULL);
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&table->shards[i].lock, NULL);
    }
    table->shards[0].next_index = 1; /* number 0 is SYMBOL_EMPTY */
    return table;
}

static void shard_done(SymbolShard *shard)
{
    for (u32 index = 0; index < shard->next_index; index++) {
        u32 offset;
        SymbolSlot *slots = atomic_load(&shard->chunks[chunk_of(index, &offset)]);
        if (slots) {
            mem_free(atomic_load(slots + offset));
        }
    }
    for (size_t i = 0; i < CHUNKS; i++) {
        mem_free(atomic_load(&shard->chunks[i]));
    }
    mem_free(shard->unused.at);
    mem_free(shard->waiting[0].at);
    mem_free(shard->waiting[1].at);
    mem_free(shard->table);
    pthread_mutex_destroy(&shard->lock);
}

SymbolTable *symbols_free(SymbolTable *table)
{
    if (!table) {
        return NULL;
    }
    ASSERT(atomic_load(&table->pinned[0]) == 0 && atomic_load(&table->pinned[1]) == 0);
    for (size_t i = 0; i < SHARDS; i++) {
        shard_done(&table->shards[i]);
    }
    pthread_mutex_destroy(&table->reclaim_lock);
    mem_free(table);
    return NULL;
}

/* The hash slot that holds `text`, or the empty one where it would go. Lock held. */
static u32 *table_probe(const SymbolShard *shard, Str text, u32 hash)
{
    size_t mask = shard->table_capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        u32 *slot = &shard->table[i];
        if (*slot == 0) {
            return slot;
        }
        const SymbolText *known = text_of(shard, *slot - 1);
        if (known->hash == hash && known->len == text.len &&
            memcmp(known->bytes, text.ptr, text.len) == 0) {
            return slot;
        }
    }
}

static void table_rehash(SymbolShard *shard)
{
    size_t capacity = shard->table_capacity ? shard->table_capacity * 2 : TABLE_FIRST;
    u32 *grown = MEM_ARRAY(u32, capacity);
    for (size_t i = 0; i < shard->table_capacity; i++) {
        if (shard->table[i] != 0) {
            size_t at = text_of(shard, shard->table[i] - 1)->hash & (capacity - 1);
            while (grown[at] != 0) {
                at = (at + 1) & (capacity - 1);
            }
            grown[at] = shard->table[i];
        }
    }
    mem_free(shard->table);
    shard->table = grown;
    shard->table_capacity = capacity;
}

/* Empties a slot and moves later ones of the run back, so that no "deleted" mark is needed. */
static void table_remove(SymbolShard *shard, u32 *slot)
{
    size_t mask = shard->table_capacity - 1;
    size_t hole = (size_t)(slot - shard->table);
    for (size_t i = (hole + 1) & mask; shard->table[i] != 0; i = (i + 1) & mask) {
        size_t home = text_of(shard, shard->table[i] - 1)->hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            shard->table[hole] = shard->table[i];
            hole = i;
        }
    }
    shard->table[hole] = 0;
}

/* A free index of the shard with its slot in place, or false when all are in use. Lock held. */
static bool take_index(SymbolShard *shard, u32 *ret)
{
    if (shard->unused.count > 0) {
        *ret = shard->unused.at[--shard->unused.count] >> SHARD_BITS;
        return true;
    }
    if (shard->next_index > INDEX_MAX) {
        return false;
    }
    u32 offset;
    u32 chunk = chunk_of(shard->next_index, &offset);
    if (!atomic_load_explicit(&shard->chunks[chunk], memory_order_relaxed)) {
        SymbolSlot *slots = MEM_ARRAY(SymbolSlot, chunk_slots(chunk));
        atomic_store_explicit(&shard->chunks[chunk], slots, memory_order_release);
    }
    *ret = shard->next_index++;
    return true;
}

static bool add_text(SymbolShard *shard, Str text, u32 hash, u32 *ret_index, Err *err)
{
    if (!take_index(shard, ret_index)) {
        return err_set(err, ERR_LIMIT, "no more than %u label strings fit into one symbol table",
                       (u32)INDEX_MAX * SHARDS);
    }
    SymbolText *added = mem_alloc(sizeof(SymbolText) + text.len + 1);
    added->references = 0;
    added->hash = hash;
    added->len = (u32)text.len;
    memcpy(added->bytes, text.ptr, text.len);
    added->bytes[text.len] = '\0';
    atomic_store_explicit(slot_of(shard, *ret_index), added, memory_order_release);
    shard->text_bytes += text.len;
    shard->live++;
    return true;
}

static bool acquire_locked(SymbolShard *shard, Str text, u32 hash, u32 *ret_index, Err *err)
{
    if ((shard->live + 1) * 4 > shard->table_capacity * 3) {
        table_rehash(shard);
    }
    u32 *slot = table_probe(shard, text, hash);
    u32 index = *slot - 1;
    if (*slot == 0) {
        if (!add_text(shard, text, hash, &index, err)) {
            return false;
        }
        *slot = index + 1;
    }
    text_of(shard, index)->references++;
    shard->references++;
    *ret_index = index;
    return true;
}

bool symbols_acquire(SymbolTable *table, Str text, Symbol *ret, Err *err)
{
    if (text.len == 0) {
        *ret = SYMBOL_EMPTY;
        return true;
    }
    if (text.len > SYMBOL_TEXT_MAX) {
        return err_set(err, ERR_LIMIT, "a label string of %zu bytes is longer than the limit of %d",
                       text.len, SYMBOL_TEXT_MAX);
    }
    u64 hash = hash_str(text);
    SymbolShard *shard = shard_of_hash(table, hash);
    u32 index = 0;
    pthread_mutex_lock(&shard->lock);
    bool ok = acquire_locked(shard, text, (u32)(hash >> 32), &index, err);
    pthread_mutex_unlock(&shard->lock);
    if (ok) {
        *ret = symbol_number(table, shard, index);
    }
    return ok;
}

void symbols_retain(SymbolTable *table, Symbol symbol)
{
    if (symbol == SYMBOL_EMPTY) {
        return;
    }
    SymbolShard *shard = shard_of(table, symbol);
    pthread_mutex_lock(&shard->lock);
    SymbolText *text = text_of(shard, symbol >> SHARD_BITS);
    ASSERT(text->references > 0);
    text->references++;
    shard->references++;
    pthread_mutex_unlock(&shard->lock);
}

void symbols_release(SymbolTable *table, Symbol symbol)
{
    if (symbol == SYMBOL_EMPTY) {
        return;
    }
    SymbolShard *shard = shard_of(table, symbol);
    pthread_mutex_lock(&shard->lock);
    SymbolText *text = text_of(shard, symbol >> SHARD_BITS);
    ASSERT(text->references > 0);
    shard->references--;
    bool gone = --text->references == 0;
    if (gone) {
        Str bytes = {.ptr = text->bytes, .len = text->len};
        table_remove(shard, table_probe(shard, bytes, text->hash));
        shard->live--;
        /* The epoch changes only under every shard's lock, so the parity is the right one. */
        list_push(&shard->waiting[atomic_load(&table->epoch) & 1], symbol);
    }
    pthread_mutex_unlock(&shard->lock);
    if (gone && atomic_fetch_add(&table->releases, 1) % RECLAIM_EVERY == RECLAIM_EVERY - 1) {
        symbols_reclaim(table);
    }
}

bool symbols_acquire_labels(SymbolTable *table, Labels labels, SymbolPair *ret, Err *err)
{
    for (size_t i = 0; i < labels.count; i++) {
        if (!symbols_acquire(table, labels.at[i].name, &ret[i].name, err)) {
            symbols_release_labels(table, ret, i);
            return false;
        }
        if (!symbols_acquire(table, labels.at[i].value, &ret[i].value, err)) {
            symbols_release(table, ret[i].name);
            symbols_release_labels(table, ret, i);
            return false;
        }
    }
    return true;
}

void symbols_release_labels(SymbolTable *table, const SymbolPair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        symbols_release(table, pairs[i].name);
        symbols_release(table, pairs[i].value);
    }
}

bool symbols_find(const SymbolTable *table, Str text, Symbol *ret)
{
    if (text.len == 0) {
        *ret = SYMBOL_EMPTY;
        return true;
    }
    u64 hash = hash_str(text);
    SymbolShard *shard = shard_of_hash(table, hash);
    pthread_mutex_lock(&shard->lock);
    u32 index = shard->table_capacity ? *table_probe(shard, text, (u32)(hash >> 32)) : 0;
    pthread_mutex_unlock(&shard->lock);
    if (index == 0) {
        return false;
    }
    *ret = symbol_number(table, shard, index - 1);
    return true;
}

Str symbols_text(const SymbolTable *table, Symbol symbol)
{
    if (symbol == SYMBOL_EMPTY) {
        return STR_EMPTY;
    }
    const SymbolText *text = text_of(shard_of(table, symbol), symbol >> SHARD_BITS);
    return (Str){.ptr = text->bytes, .len = text->len};
}

u64 symbols_pin(SymbolTable *table)
{
    for (;;) {
        u64 epoch = atomic_load(&table->epoch);
        atomic_fetch_add(&table->pinned[epoch & 1], 1);
        if (atomic_load(&table->epoch) == epoch) {
            return epoch;
        }
        /* The epoch went on in between: this count may stand under the wrong one. */
        atomic_fetch_sub(&table->pinned[epoch & 1], 1);
    }
}

void symbols_unpin(SymbolTable *table, u64 pin)
{
    u64 before = atomic_fetch_sub(&table->pinned[pin & 1], 1);
    ASSERT(before > 0);
}

static void free_waiting(SymbolShard *shard, SymbolList *list)
{
    for (size_t i = 0; i < list->count; i++) {
        SymbolSlot *slot = slot_of(shard, list->at[i] >> SHARD_BITS);
        SymbolText *text = atomic_exchange(slot, NULL);
        shard->text_bytes -= text->len;
        mem_free(text);
        list_push(&shard->unused, list->at[i]);
    }
    mem_free(list->at);
    *list = (SymbolList){0};
}

/* One step of the epoch, if the readers allow it. The reclaim lock is held. */
static bool advance_epoch(SymbolTable *table)
{
    u64 epoch = atomic_load(&table->epoch);
    if (atomic_load(&table->pinned[(epoch - 1) & 1]) != 0) {
        return false;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&table->shards[i].lock);
    }
    for (size_t i = 0; i < SHARDS; i++) {
        free_waiting(&table->shards[i], &table->shards[i].waiting[(epoch - 1) & 1]);
    }
    atomic_store(&table->epoch, epoch + 1);
    for (size_t i = SHARDS; i > 0; i--) {
        pthread_mutex_unlock(&table->shards[i - 1].lock);
    }
    return true;
}

void symbols_reclaim(SymbolTable *table)
{
    pthread_mutex_lock(&table->reclaim_lock);
    /* Two steps free what was released just now, when nobody is pinned. */
    if (advance_epoch(table)) {
        (void)advance_epoch(table);
    }
    pthread_mutex_unlock(&table->reclaim_lock);
}

void symbols_stats(const SymbolTable *table, SymbolStats *ret)
{
    *ret = (SymbolStats){0};
    for (size_t i = 0; i < SHARDS; i++) {
        SymbolShard *shard = (SymbolShard *)&table->shards[i];
        pthread_mutex_lock(&shard->lock);
        ret->live += shard->live;
        ret->waiting += shard->waiting[0].count + shard->waiting[1].count;
        ret->text_bytes += shard->text_bytes;
        ret->references += shard->references;
        pthread_mutex_unlock(&shard->lock);
    }
}
