/* Base64: tests. Layer: codec. */
#include "codec/base64.h"

#include "base/random.h"
#include "base/test.h"

TEST(base64, gives_the_values_of_the_rfc_and_reads_them_back)
{
    static const struct {
        Str bytes;
        Str text;
        Str url;
    } cases[] = {
        {STR_INIT(""), STR_INIT(""), STR_INIT("")},
        {STR_INIT("f"), STR_INIT("Zg=="), STR_INIT("Zg")},
        {STR_INIT("fo"), STR_INIT("Zm8="), STR_INIT("Zm8")},
        {STR_INIT("foo"), STR_INIT("Zm9v"), STR_INIT("Zm9v")},
        {STR_INIT("foobar"), STR_INIT("Zm9vYmFy"), STR_INIT("Zm9vYmFy")},
        {STR_INIT("\xFB\xFF"), STR_INIT("+/8="), STR_INIT("-_8")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Buf out;
        Err err;
        buf_init(&out, 100);
        base64_encode(&out, cases[i].bytes);
        CHECK_STR(buf_view(&out), cases[i].text);
        buf_clear(&out);
        base64url_encode(&out, cases[i].bytes);
        CHECK_STR(buf_view(&out), cases[i].url);
        buf_clear(&out);
        CHECK_OK(base64_decode(cases[i].text, &out, &err), &err);
        CHECK_STR(buf_view(&out), cases[i].bytes);
        buf_clear(&out);
        CHECK_OK(base64url_decode(cases[i].url, &out, &err), &err);
        CHECK_STR(buf_view(&out), cases[i].bytes);
        buf_done(&out);
    }
}

TEST(base64, refuses_what_is_not_and_leaves_the_output_alone)
{
    static const Str bad[] = {STR_INIT("Z"),        STR_INIT("Zg"),       STR_INIT("Zg="),
                              STR_INIT("Zh=="),     STR_INIT("Zm9="),     STR_INIT("Z==="),
                              STR_INIT("===="),     STR_INIT("Zm9v\n"),   STR_INIT("Zm 9v==="),
                              STR_INIT("Zg==Zg=="), STR_INIT("Zm9vZ*=="), STR_INIT("-_8=")};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Buf out;
        Err err;
        buf_init(&out, 100);
        buf_lit(&out, "kept");
        CHECK(!base64_decode(bad[i], &out, &err));
        CHECK_STR(buf_view(&out), S("kept"));
        buf_done(&out);
    }
    Buf small;
    Err err;
    buf_init(&small, 2);
    CHECK(!base64_decode(S("Zm9v"), &small, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    buf_done(&small);
}

TEST(base64, round_trips_any_bytes)
{
    Random random;
    random_seed(&random, test_seed());
    for (int round = 0; round < 1000; round++) {
        char bytes[100];
        size_t len = random_below(&random, sizeof(bytes));
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (char)random_u64(&random);
        }
        Buf text;
        Buf back;
        Err err;
        buf_init(&text, KIB);
        buf_init(&back, KIB);
        base64_encode(&text, (Str){.ptr = bytes, .len = len});
        CHECK_OK(base64_decode(buf_view(&text), &back, &err), &err);
        CHECK_STR(buf_view(&back), ((Str){.ptr = bytes, .len = len}));
        buf_done(&text);
        buf_done(&back);
    }
}
