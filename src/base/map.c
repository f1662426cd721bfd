/* Map: see map.h. Layer: base. Memory: …_done frees. Thread: one at a time. */
#include "base/map.h"

#include "base/hash.h"
#include "base/mem.h"

#include <string.h>

enum {
    SLOT_EMPTY = 0,
    SLOT_DELETED = 1,
    SLOT_FIRST_HASH = 2,
    CAPACITY_FIRST = 16, /* slots */
};

static bool too_full(size_t filled, size_t capacity)
{
    return (filled + 1) * 4 > capacity * 3;
}

/* Twice the keys, so that a table full of deleted slots is cleaned at the same size. */
static size_t next_capacity(size_t count)
{
    size_t capacity = CAPACITY_FIRST;
    while (capacity < count * 2 + 2) {
        capacity *= 2;
    }
    return capacity;
}

static u32 slot_hash(u64 hash)
{
    u32 folded = (u32)(hash ^ (hash >> 32));
    return folded < SLOT_FIRST_HASH ? folded + SLOT_FIRST_HASH : folded;
}

/* The slot of `key`, or the slot where it would go. The table has at least one empty slot. */
static StrMapSlot *strmap_probe(const StrMap *map, Str key, u32 hash)
{
    StrMapSlot *reusable = NULL;
    for (size_t i = hash & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
        StrMapSlot *slot = &map->slots[i];
        if (slot->hash == SLOT_EMPTY) {
            return reusable ? reusable : slot;
        }
        if (slot->hash == SLOT_DELETED) {
            reusable = reusable ? reusable : slot;
        } else if (slot->hash == hash && str_eq(slot->key, key)) {
            return slot;
        }
    }
}

void strmap_done(StrMap *map)
{
    mem_free(map->slots);
    *map = (StrMap){0};
}

void strmap_clear(StrMap *map)
{
    if (map->slots) {
        memset(map->slots, 0, map->capacity * sizeof(*map->slots));
    }
    map->count = 0;
    map->filled = 0;
}

u64 *strmap_find(const StrMap *map, Str key)
{
    if (map->count == 0) {
        return NULL;
    }
    StrMapSlot *slot = strmap_probe(map, key, slot_hash(hash_str(key)));
    return slot->hash >= SLOT_FIRST_HASH ? &slot->value : NULL;
}

bool strmap_get(const StrMap *map, Str key, u64 *ret)
{
    const u64 *value = strmap_find(map, key);
    if (!value) {
        return false;
    }
    *ret = *value;
    return true;
}

static void strmap_rehash(StrMap *map)
{
    StrMap grown = {.capacity = next_capacity(map->count + 1)};
    grown.slots = MEM_ARRAY(StrMapSlot, grown.capacity);
    for (size_t i = 0; i < map->capacity; i++) {
        const StrMapSlot *slot = &map->slots[i];
        if (slot->hash >= SLOT_FIRST_HASH) {
            *strmap_probe(&grown, slot->key, slot->hash) = *slot;
        }
    }
    grown.count = map->count;
    grown.filled = map->count;
    mem_free(map->slots);
    *map = grown;
}

u64 *strmap_put(StrMap *map, Str key, bool *ret_new)
{
    if (too_full(map->filled, map->capacity)) {
        strmap_rehash(map);
    }
    u32 hash = slot_hash(hash_str(key));
    StrMapSlot *slot = strmap_probe(map, key, hash);
    bool is_new = slot->hash < SLOT_FIRST_HASH;
    if (is_new) {
        map->filled += slot->hash == SLOT_EMPTY;
        map->count++;
        *slot = (StrMapSlot){.key = key, .hash = hash};
    }
    if (ret_new) {
        *ret_new = is_new;
    }
    return &slot->value;
}

bool strmap_del(StrMap *map, Str key)
{
    if (map->count == 0) {
        return false;
    }
    StrMapSlot *slot = strmap_probe(map, key, slot_hash(hash_str(key)));
    if (slot->hash < SLOT_FIRST_HASH) {
        return false;
    }
    *slot = (StrMapSlot){.hash = SLOT_DELETED};
    map->count--;
    return true;
}

bool strmap_next(const StrMap *map, size_t *at, Str *ret_key, u64 *ret_value)
{
    for (; *at < map->capacity; (*at)++) {
        const StrMapSlot *slot = &map->slots[*at];
        if (slot->hash >= SLOT_FIRST_HASH) {
            *ret_key = slot->key;
            *ret_value = slot->value;
            (*at)++;
            return true;
        }
    }
    return false;
}

typedef struct U64MapSlot {
    u64 key;
    u64 value;
    u8 state; /* SLOT_EMPTY, SLOT_DELETED, or SLOT_FIRST_HASH for a key */
} U64MapSlot;

static U64MapSlot *u64map_probe(const U64Map *map, u64 key)
{
    U64MapSlot *reusable = NULL;
    for (size_t i = hash_u64(key) & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
        U64MapSlot *slot = &map->slots[i];
        if (slot->state == SLOT_EMPTY) {
            return reusable ? reusable : slot;
        }
        if (slot->state == SLOT_DELETED) {
            reusable = reusable ? reusable : slot;
        } else if (slot->key == key) {
            return slot;
        }
    }
}

void u64map_done(U64Map *map)
{
    mem_free(map->slots);
    *map = (U64Map){0};
}

void u64map_clear(U64Map *map)
{
    if (map->slots) {
        memset(map->slots, 0, map->capacity * sizeof(*map->slots));
    }
    map->count = 0;
    map->filled = 0;
}

u64 *u64map_find(const U64Map *map, u64 key)
{
    if (map->count == 0) {
        return NULL;
    }
    U64MapSlot *slot = u64map_probe(map, key);
    return slot->state == SLOT_FIRST_HASH ? &slot->value : NULL;
}

static void u64map_rehash(U64Map *map)
{
    U64Map grown = {.capacity = next_capacity(map->count + 1)};
    grown.slots = MEM_ARRAY(U64MapSlot, grown.capacity);
    for (size_t i = 0; i < map->capacity; i++) {
        const U64MapSlot *slot = &map->slots[i];
        if (slot->state == SLOT_FIRST_HASH) {
            *u64map_probe(&grown, slot->key) = *slot;
        }
    }
    grown.count = map->count;
    grown.filled = map->count;
    mem_free(map->slots);
    *map = grown;
}

u64 *u64map_put(U64Map *map, u64 key, bool *ret_new)
{
    if (too_full(map->filled, map->capacity)) {
        u64map_rehash(map);
    }
    U64MapSlot *slot = u64map_probe(map, key);
    bool is_new = slot->state != SLOT_FIRST_HASH;
    if (is_new) {
        map->filled += slot->state == SLOT_EMPTY;
        map->count++;
        *slot = (U64MapSlot){.key = key, .state = SLOT_FIRST_HASH};
    }
    if (ret_new) {
        *ret_new = is_new;
    }
    return &slot->value;
}

bool u64map_del(U64Map *map, u64 key)
{
    if (map->count == 0) {
        return false;
    }
    U64MapSlot *slot = u64map_probe(map, key);
    if (slot->state != SLOT_FIRST_HASH) {
        return false;
    }
    *slot = (U64MapSlot){.state = SLOT_DELETED};
    map->count--;
    return true;
}

bool u64map_next(const U64Map *map, size_t *at, u64 *ret_key, u64 *ret_value)
{
    for (; *at < map->capacity; (*at)++) {
        const U64MapSlot *slot = &map->slots[*at];
        if (slot->state == SLOT_FIRST_HASH) {
            *ret_key = slot->key;
            *ret_value = slot->value;
            (*at)++;
            return true;
        }
    }
    return false;
}
