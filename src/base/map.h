/*
 * Map: two hash tables to a 64-bit value (an index, a reference, a pointer as uintptr_t): StrMap
 * from bytes, U64Map from numbers. Open addressing, linear probing, at most 3/4 full.
 *
 * StrMap keys are borrowed: their bytes must stay where they are as long as the map holds them.
 *
 * Layer: base. Memory: …_done frees the table. Thread: one at a time.
 */
#pragma once

#include "base/str.h"
#include "base/types.h"

typedef struct StrMapSlot {
    Str key;
    u64 value;
    u32 hash; /* 0: empty, 1: deleted */
} StrMapSlot;

typedef struct StrMap {
    StrMapSlot *slots; /* owned */
    size_t capacity;   /* a power of two, or 0 */
    size_t count;      /* keys */
    size_t filled;     /* keys and deleted slots */
} StrMap;

void strmap_done(StrMap *map); /* the map may be used again */
void strmap_clear(StrMap *map);
u64 *strmap_find(const StrMap *map, Str key); /* NULL when absent; valid until the next change */
bool strmap_get(const StrMap *map, Str key, u64 *ret);

/* The value of `key`, made with value 0 when it was absent (*ret_new tells; may be NULL). */
u64 *strmap_put(StrMap *map, Str key, bool *ret_new);
bool strmap_del(StrMap *map, Str key);

/* for (size_t i = 0; strmap_next(&map, &i, &key, &value);) in no particular order */
bool strmap_next(const StrMap *map, size_t *at, Str *ret_key, u64 *ret_value);

typedef struct U64Map {
    struct U64MapSlot *slots; /* owned */
    size_t capacity;
    size_t count;
    size_t filled;
} U64Map;

void u64map_done(U64Map *map);
void u64map_clear(U64Map *map);
u64 *u64map_find(const U64Map *map, u64 key);
u64 *u64map_put(U64Map *map, u64 key, bool *ret_new);
bool u64map_del(U64Map *map, u64 key);
bool u64map_next(const U64Map *map, size_t *at, u64 *ret_key, u64 *ret_value);
