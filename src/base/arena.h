/*
 * Arena: memory with one lifetime. A request, a query, a parse, a configuration generation each has
 * one; everything in it goes at once. The byte limit is honest: past it arena_alloc returns NULL
 * and the caller fails its own work with ERR_LIMIT, never the process.
 *
 * Blocks come from the allocator, each twice as large as the last (up to a bound), so a small arena
 * costs one small allocation.
 *
 * Layer: base. Memory: arena_done frees everything. Thread: one at a time.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct ArenaBlock ArenaBlock;

typedef struct Arena {
    ArenaBlock *block; /* newest first; owned */
    size_t used;       /* bytes handed out, padding included */
    size_t limit;      /* bytes; used never passes it */
} Arena;

typedef struct ArenaMark {
    ArenaBlock *block;
    size_t block_used;
    size_t used;
} ArenaMark;

void arena_init(Arena *arena, size_t limit);
void arena_done(Arena *arena); /* safe on a zeroed arena; the arena may be used again */

/* Forgets everything but keeps the newest block for reuse. */
void arena_clear(Arena *arena);

/* NULL past the limit. The bytes are not initialised. alignment: a power of two, at most 64. */
void *arena_alloc(Arena *arena, size_t size, size_t alignment);

/* Everything allocated after the mark is gone after the reset. */
ArenaMark arena_mark(const Arena *arena);
void arena_reset(Arena *arena, ArenaMark mark);

void *arena_zero(Arena *arena, size_t count, size_t size,
                 size_t alignment); /* NULL past the limit */

/* `count` zeroed objects, or NULL past the limit. */
#define ARENA_NEW(arena, T, count) ((T *)arena_zero((arena), (count), sizeof(T), _Alignof(T)))

/* Copies; the copy ends in a NUL that its len does not count. False with ERR_LIMIT. */
bool arena_str(Arena *arena, Str s, Str *ret, Err *err) MUST_USE;
bool arena_printf(Arena *arena, Str *ret, Err *err, const char *format, ...)
    PRINTF_LIKE(4, 5) MUST_USE;

/* Sets ERR_LIMIT with the arena's figures; returns false. */
bool arena_full(const Arena *arena, Err *err);
