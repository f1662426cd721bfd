/* Tests of base/buf.h. */
#include "base/buf.h"

#include "base/random.h"
#include "base/test.h"

#include <string.h>

TEST(buf, holds_what_a_plain_array_would_hold)
{
    enum { TWIN_MAX = 20000 };
    static u8 twin[TWIN_MAX];
    Random random;
    random_seed(&random, test_seed());
    for (size_t round = 0; round < 20; round++) {
        size_t max = random_below(&random, TWIN_MAX);
        size_t len = 0;
        bool overflowed = false;
        Buf buf;
        buf_init(&buf, max);
        for (size_t i = 0; i < 300; i++) {
            u8 bytes[200];
            size_t size = random_below(&random, sizeof(bytes));
            memset(bytes, (int)i, sizeof(bytes));
            if (random_below(&random, 10) == 0) {
                size = MIN(size, len);
                buf_consume(&buf, size);
                memmove(twin, twin + size, len - size);
                len -= size;
                continue;
            }
            buf_put(&buf, bytes, size);
            overflowed = overflowed || size > max - len;
            if (!overflowed) {
                memcpy(twin + len, bytes, size);
                len += size;
            }
        }
        CHECK_STR(buf_view(&buf), ((Str){.ptr = (const char *)twin, .len = len}));
        CHECK_I64(buf.overflowed, overflowed);
        CHECK(buf.capacity <= MAX(max, (size_t)256));
        buf_done(&buf);
    }
}

TEST(buf, what_does_not_fit_is_left_out_whole_and_reported)
{
    Buf buf;
    Err err;
    buf_init(&buf, 5);
    buf_lit(&buf, "abc");
    CHECK_OK(buf_ok(&buf, &err), &err);
    buf_lit(&buf, "def");
    CHECK_STR(buf_view(&buf), S("abc"));
    buf_byte(&buf, 'd'); /* would fit, but the text already has a gap */
    CHECK_STR(buf_view(&buf), S("abc"));
    CHECK(!buf_ok(&buf, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    buf_clear(&buf);
    buf_lit(&buf, "abcde");
    CHECK_OK(buf_ok(&buf, &err), &err);
    CHECK_STR(buf_view(&buf), S("abcde"));
    buf_done(&buf);
    CHECK_U64(buf.max, 5);
    CHECK_STR(buf_view(&buf), S(""));
}

TEST(buf, printf_fills_up_to_the_last_byte)
{
    Err err;
    for (size_t max = 0; max < 12; max++) {
        Buf buf;
        buf_init(&buf, max);
        buf_printf(&buf, "%s-%d", "abcde", 1234);
        CHECK_I64(buf_ok(&buf, &err), max >= 10);
        CHECK_STR(buf_view(&buf), max >= 10 ? S("abcde-1234") : S(""));
        buf_done(&buf);
    }
}

TEST(buf, numbers_are_decimal_or_big_endian)
{
    Buf buf;
    buf_init(&buf, 1000);
    buf_u64(&buf, 0);
    buf_byte(&buf, ' ');
    buf_u64(&buf, UINT64_MAX);
    buf_byte(&buf, ' ');
    buf_i64(&buf, INT64_MIN);
    buf_byte(&buf, ' ');
    buf_i64(&buf, -7);
    CHECK_STR(buf_view(&buf), S("0 18446744073709551615 -9223372036854775808 -7"));
    buf_clear(&buf);
    buf_u16be(&buf, 0x0102);
    buf_u32be(&buf, 0x03040506);
    buf_u64be(&buf, 0x0708090A0B0C0D0EULL);
    CHECK_STR(buf_view(&buf), S("\1\2\3\4\5\6\7\10\11\12\13\14\15\16"));
    buf_done(&buf);
}

TEST(buf, reserved_room_counts_only_when_advanced)
{
    Buf buf;
    buf_init(&buf, 100);
    u8 *room = buf_reserve(&buf, 100);
    CHECK(room != NULL);
    memset(room, 'x', 100);
    CHECK_U64(buf.len, 0);
    buf_advance(&buf, 3);
    CHECK_STR(buf_view(&buf), S("xxx"));
    CHECK(buf_reserve(&buf, 98) == NULL);
    CHECK(buf.overflowed);
    buf_done(&buf);
}
