/* Tests of base/vec.h. */
#include "base/vec.h"

#include "base/test.h"

TEST(vec, keeps_everything_that_was_pushed_in_order)
{
    VEC(u32) numbers = {0};
    for (u32 i = 0; i < 10000; i++) {
        *vec_push(&numbers) = i * 7;
        CHECK(numbers.count <= numbers.capacity);
    }
    CHECK_U64(numbers.count, 10000);
    for (u32 i = 0; i < 10000; i++) {
        CHECK_U64(numbers.at[i], i * 7);
    }
    vec_done(&numbers);
    CHECK(numbers.at == NULL && numbers.count == 0 && numbers.capacity == 0);
    vec_done(&numbers);
}

TEST(vec, reserved_room_is_not_moved_by_pushing)
{
    VEC(u64) numbers = {0};
    vec_reserve(&numbers, 100);
    CHECK(numbers.capacity >= 100 && numbers.count == 0);
    const u64 *at = numbers.at;
    for (u64 i = 0; i < 100; i++) {
        *vec_push(&numbers) = i;
    }
    CHECK(numbers.at == at);
    size_t capacity = numbers.capacity;
    vec_reserve(&numbers, 5);
    CHECK_U64(numbers.capacity, capacity);
    vec_done(&numbers);
}
