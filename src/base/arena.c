/* Arena: see arena.h. Layer: base. Memory: arena_done frees. Thread: one at a time. */
#include "base/arena.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    BLOCK_FIRST = 4096,          /* bytes */
    BLOCK_MAX = 4 * 1024 * 1024, /* bytes; larger only for one larger object */
    ALIGNMENT_MAX = 64,
};

struct ArenaBlock {
    ArenaBlock *older;
    size_t size; /* bytes in data */
    size_t used;
    _Alignas(ALIGNMENT_MAX) u8 data[];
};

void arena_init(Arena *arena, size_t limit)
{
    *arena = (Arena){.limit = limit};
}

void arena_done(Arena *arena)
{
    while (arena->block) {
        ArenaBlock *older = arena->block->older;
        mem_free(arena->block);
        arena->block = older;
    }
    arena->used = 0;
}

void arena_clear(Arena *arena)
{
    if (!arena->block) {
        return;
    }
    ArenaBlock *newest = arena->block;
    arena->block = newest->older;
    arena_done(arena);
    newest->older = NULL;
    newest->used = 0;
    arena->block = newest;
}

/* Bytes from the block's fill to the end of the object, with the padding in front of it. */
static size_t space_needed(const ArenaBlock *block, size_t size, size_t alignment)
{
    size_t padding = (0 - block->used) & (alignment - 1);
    return padding + size;
}

static ArenaBlock *add_block(Arena *arena, size_t at_least)
{
    size_t size = arena->block ? MIN(arena->block->size * 2, (size_t)BLOCK_MAX) : BLOCK_FIRST;
    size = MAX(size, at_least);
    ArenaBlock *block = mem_aligned(ALIGNMENT_MAX, sizeof(ArenaBlock) + size);
    block->older = arena->block;
    block->size = size;
    block->used = 0;
    arena->block = block;
    return block;
}

void *arena_alloc(Arena *arena, size_t size, size_t alignment)
{
    ASSERT(alignment <= ALIGNMENT_MAX);
    if (size > arena->limit - arena->used) {
        return NULL;
    }
    ArenaBlock *block = arena->block;
    if (!block || space_needed(block, size, alignment) > block->size - block->used) {
        block = add_block(arena, size);
    }
    size_t needed = space_needed(block, size, alignment);
    if (needed > arena->limit - arena->used) {
        return NULL;
    }
    block->used += needed;
    arena->used += needed;
    return block->data + block->used - size;
}

void *arena_zero(Arena *arena, size_t count, size_t size, size_t alignment)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        return NULL;
    }
    void *ptr = arena_alloc(arena, total, alignment);
    return ptr ? memset(ptr, 0, total) : NULL;
}

ArenaMark arena_mark(const Arena *arena)
{
    return (ArenaMark){
        .block = arena->block,
        .block_used = arena->block ? arena->block->used : 0,
        .used = arena->used,
    };
}

void arena_reset(Arena *arena, ArenaMark mark)
{
    while (arena->block != mark.block) {
        ArenaBlock *older = arena->block->older;
        mem_free(arena->block);
        arena->block = older;
    }
    if (arena->block) {
        arena->block->used = mark.block_used;
    }
    arena->used = mark.used;
}

bool arena_full(const Arena *arena, Err *err)
{
    return err_set(err, ERR_LIMIT, "needs more than its limit of %zu bytes of memory",
                   arena->limit);
}

bool arena_str(Arena *arena, Str s, Str *ret, Err *err)
{
    char *copy = arena_alloc(arena, s.len + 1, 1);
    if (!copy) {
        return arena_full(arena, err);
    }
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    copy[s.len] = '\0';
    *ret = (Str){.ptr = copy, .len = s.len};
    return true;
}

bool arena_printf(Arena *arena, Str *ret, Err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(arena, (size_t)len + 1, 1);
    if (!text) {
        return arena_full(arena, err);
    }
    va_start(args, format);
    (void)vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    *ret = (Str){.ptr = text, .len = (size_t)len};
    return true;
}
