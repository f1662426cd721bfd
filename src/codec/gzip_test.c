/* Tests of codec/compress.h: gzip. */
#include "base/random.h"
#include "base/test.h"
#include "codec/compress.h"

#include <string.h>

enum { BIG = 3 * 1024 * 1024 };

/* Half repetitive, half noise. */
static void fill(Buf *to, size_t size, Random *random)
{
    buf_init(to, size);
    while (to->len < size) {
        u64 noise = random_u64(random);
        Str words = S("node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} ");
        Str part = noise & 1 ? (Str){.ptr = (const char *)&noise, .len = 8} : words;
        buf_str(to, str_take(part, size - to->len));
    }
}

TEST(gzip, what_is_packed_comes_back_at_every_level_and_size)
{
    static const size_t sizes[] = {0, 1, 100, 16 * 1024, 16 * 1024 + 1, BIG};
    Random random;
    random_seed(&random, test_seed());
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        for (int level = 0; level <= 9; level += 3) {
            Buf in;
            Buf packed;
            Buf back;
            Err err;
            fill(&in, sizes[i], &random);
            buf_init(&packed, sizes[i] * 2 + 100);
            buf_init(&back, sizes[i]);
            CHECK_OK(gzip_pack(buf_view(&in), level, &packed, &err), &err);
            CHECK_OK(gzip_unpack(buf_view(&packed), sizes[i], &back, &err), &err);
            CHECK(str_eq(buf_view(&back), buf_view(&in)));
            buf_done(&in);
            buf_done(&packed);
            buf_done(&back);
        }
    }
}

TEST(gzip, members_one_behind_the_other_are_one_text)
{
    Buf packed;
    Buf back;
    Err err;
    buf_init(&packed, 1000);
    buf_init(&back, 1000);
    CHECK_OK(gzip_pack(S("one "), 6, &packed, &err), &err);
    CHECK_OK(gzip_pack(S("two"), 6, &packed, &err), &err);
    CHECK_OK(gzip_unpack(buf_view(&packed), 7, &back, &err), &err);
    CHECK_STR(buf_view(&back), S("one two"));
    buf_done(&packed);
    buf_done(&back);
}

TEST(gzip, a_small_input_cannot_become_larger_than_the_limit)
{
    Buf in;
    Buf packed;
    Buf back;
    Err err;
    buf_init(&in, BIG);
    memset(buf_reserve(&in, BIG), 'a', BIG);
    buf_advance(&in, BIG);
    buf_init(&packed, BIG);
    buf_init(&back, GIB);
    buf_lit(&back, "before");
    CHECK_OK(gzip_pack(buf_view(&in), 9, &packed, &err), &err);
    CHECK(packed.len < 10000);
    CHECK(!gzip_unpack(buf_view(&packed), BIG - 1, &back, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK_STR(buf_view(&back), S("before"));
    CHECK_OK(gzip_unpack(buf_view(&packed), BIG, &back, &err), &err);
    CHECK_U64(back.len, BIG + 6);
    buf_done(&in);
    buf_done(&packed);
    buf_done(&back);
}

TEST(gzip, output_that_does_not_fit_is_an_error_and_leaves_nothing)
{
    Buf packed;
    Err err;
    buf_init(&packed, 20);
    CHECK(!gzip_pack(S("too little room for this text"), 6, &packed, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK_U64(packed.len, 0);
    buf_done(&packed);
}

TEST(gzip, every_cut_and_every_flipped_byte_is_an_error_or_harmless)
{
    Buf packed;
    Err err;
    buf_init(&packed, 1000);
    CHECK_OK(gzip_pack(S("hello hello hello hello"), 6, &packed, &err), &err);
    Buf back;
    buf_init(&back, 1000);
    for (size_t cut = 0; cut < packed.len; cut++) {
        CHECK(!gzip_unpack(str_take(buf_view(&packed), cut), 1000, &back, &err));
        CHECK_I64(err.code, ERR_INVALID);
        CHECK_U64(back.len, 0);
    }
    for (size_t at = packed.len - 8; at < packed.len; at++) { /* checksum and length */
        packed.data[at] ^= 0x10;
        CHECK(!gzip_unpack(buf_view(&packed), 1000, &back, &err));
        packed.data[at] ^= 0x10;
    }
    buf_done(&packed);
    buf_done(&back);
}
