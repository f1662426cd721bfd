/* Tests of base/str.h. */
#include "base/str.h"

#include "base/test.h"

TEST(str, splitting_keeps_empty_parts_and_ends)
{
    Str rest = S("a,,b");
    Str part;
    CHECK(str_split_next(&rest, ',', &part));
    CHECK_STR(part, S("a"));
    CHECK(str_split_next(&rest, ',', &part));
    CHECK_STR(part, S(""));
    CHECK(str_split_next(&rest, ',', &part));
    CHECK_STR(part, S("b"));
    CHECK(!str_split_next(&rest, ',', &part));
}

TEST(str, numbers_reject_overflow_and_garbage_without_touching_the_output)
{
    static const Str bad[] = {STR_INIT(""), STR_INIT("-"), STR_INIT("1x"),
                              STR_INIT("18446744073709551616"), STR_INIT(" 1")};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        u64 number = 7;
        CHECK(!str_to_u64(bad[i], &number));
        CHECK_U64(number, 7);
    }
    i64 lowest;
    CHECK(str_to_i64(S("-9223372036854775808"), &lowest));
    CHECK_I64(lowest, INT64_MIN);
    CHECK(!str_to_i64(S("9223372036854775808"), &lowest));
}

TEST(str, order_is_by_bytes_and_shorter_comes_first)
{
    CHECK(str_cmp(S("a"), S("ab")) < 0);
    CHECK(str_cmp(S("b"), S("ab")) > 0);
    CHECK(str_cmp(S("\xff"), S("a")) > 0);
    CHECK_I64(str_cmp(S(""), S("")), 0);
}
