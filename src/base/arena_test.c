/* Tests of base/arena.h. */
#include "base/arena.h"

#include "base/random.h"
#include "base/test.h"

#include <string.h>

TEST(arena, objects_are_aligned_and_never_overlap)
{
    enum { OBJECTS = 2000 };
    static struct {
        u8 *ptr;
        size_t size;
    } objects[OBJECTS];
    Random random;
    random_seed(&random, test_seed());
    Arena arena;
    arena_init(&arena, 64 * MIB);
    for (size_t i = 0; i < OBJECTS; i++) {
        size_t alignment = (size_t)1 << random_below(&random, 7);
        size_t size = random_below(&random, i % 100 == 0 ? 100000 : 200);
        objects[i].ptr = arena_alloc(&arena, size, alignment);
        objects[i].size = size;
        CHECK(objects[i].ptr != NULL);
        CHECK_U64((uintptr_t)objects[i].ptr % alignment, 0);
        memset(objects[i].ptr, (int)(i % 251), size);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        for (size_t j = 0; j < objects[i].size; j++) {
            CHECK_U64(objects[i].ptr[j], i % 251);
        }
    }
    arena_done(&arena);
}

TEST(arena, never_hands_out_more_than_its_limit)
{
    Random random;
    random_seed(&random, test_seed());
    for (size_t limit = 0; limit < 20000; limit += 1 + limit / 3) {
        Arena arena;
        arena_init(&arena, limit);
        size_t total = 0;
        for (size_t i = 0; i < 1000; i++) {
            size_t size = random_below(&random, 300);
            total += arena_alloc(&arena, size, 8) ? size : 0;
            CHECK(total <= limit);
            CHECK(arena.used <= limit);
        }
        CHECK(limit < 400 || arena.used > limit - 400);
        arena_done(&arena);
    }
}

TEST(arena, the_whole_limit_can_be_used_and_then_nothing_more)
{
    Arena arena;
    arena_init(&arena, 100);
    CHECK(arena_alloc(&arena, 100, 1) != NULL);
    CHECK(arena_alloc(&arena, 1, 1) == NULL);
    CHECK(arena_alloc(&arena, SIZE_MAX, 1) == NULL);
    CHECK(arena_alloc(&arena, 0, 1) != NULL);
    Err err;
    CHECK(!arena_full(&arena, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK(str_contains(str_from(err.message), S("100 bytes")));
    arena_done(&arena);
}

TEST(arena, a_count_that_overflows_is_refused)
{
    Arena arena;
    arena_init(&arena, SIZE_MAX);
    CHECK(arena_zero(&arena, SIZE_MAX / 2, 16, 8) == NULL);
    arena_done(&arena);
}

TEST(arena, new_objects_are_zero_even_where_old_ones_were)
{
    Arena arena;
    arena_init(&arena, MIB);
    u64 *first = ARENA_NEW(&arena, u64, 100);
    memset(first, 0xFF, 100 * sizeof(*first));
    arena_clear(&arena);
    const u64 *second = ARENA_NEW(&arena, u64, 100);
    CHECK(second == first);
    for (size_t i = 0; i < 100; i++) {
        CHECK_U64(second[i], 0);
    }
    arena_done(&arena);
}

TEST(arena, a_reset_forgets_what_came_after_the_mark_and_keeps_the_rest)
{
    Arena arena;
    arena_init(&arena, 16 * MIB);
    ArenaMark empty = arena_mark(&arena);
    Str kept;
    Err err;
    CHECK_OK(arena_str(&arena, S("kept"), &kept, &err), &err);
    ArenaMark mark = arena_mark(&arena);
    for (size_t round = 0; round < 3; round++) {
        size_t used = arena.used;
        for (size_t i = 0; i < 1000; i++) {
            u8 *ptr = arena_alloc(&arena, 1000, 1);
            CHECK(ptr != NULL);
            memset(ptr, 0xEE, 1000);
        }
        arena_reset(&arena, mark);
        CHECK_U64(arena.used, used);
        CHECK_STR(kept, S("kept"));
    }
    arena_reset(&arena, empty);
    CHECK_U64(arena.used, 0);
    CHECK(arena.block == NULL);
    arena_done(&arena);
    arena_done(&arena);
}

TEST(arena, strings_are_copied_with_a_nul_behind)
{
    Arena arena;
    Str text = {0};
    Err err;
    arena_init(&arena, 64);
    CHECK_OK(arena_str(&arena, STR_EMPTY, &text, &err), &err);
    CHECK_U64(text.len, 0);
    CHECK_I64(text.ptr[0], 0);
    CHECK_OK(arena_str(&arena, (Str){.ptr = "a\0bc", .len = 3}, &text, &err), &err);
    CHECK_U64(text.len, 3);
    CHECK_I64(text.ptr[3], 0);
    CHECK_OK(arena_printf(&arena, &text, &err, "%d-%s", 42, "x"), &err);
    CHECK_STR(text, S("42-x"));
    CHECK_I64(text.ptr[4], 0);
    CHECK(!arena_printf(&arena, &text, &err, "%100d", 1));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK_STR(text, S("42-x"));
    arena_done(&arena);
}
