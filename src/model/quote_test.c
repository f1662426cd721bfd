/* Tests of model/quote.h. */
#include "model/quote.h"

#include "base/random.h"
#include "base/test.h"

#include <string.h>

enum { TEXT_MAX = 4096 };

TEST(quote, text_is_written_as_go_writes_it)
{
    static const struct {
        Str in;
        Str want;
    } cases[] = {
        {STR_INIT(""), STR_INIT("\"\"")},
        {STR_INIT("plain text"), STR_INIT("\"plain text\"")},
        {STR_INIT("say \"x\"\\"), STR_INIT("\"say \\\"x\\\"\\\\\"")},
        {STR_INIT("\a\b\t\n\v\f\r"), STR_INIT("\"\\a\\b\\t\\n\\v\\f\\r\"")},
        {STR_INIT("\x01\x7f"), STR_INIT("\"\\x01\\x7f\"")},
        {STR_INIT("\xff\xc3"), STR_INIT("\"\\xff\\xc3\"")},
        {STR_INIT("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb1"),
         STR_INIT("\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb1\"")},
        {STR_INIT("\xc2\xad"), STR_INIT("\"\\u00ad\"")},             /* soft hyphen: format */
        {STR_INIT("\xc2\xa0"), STR_INIT("\"\\u00a0\"")},             /* no-break space */
        {STR_INIT("\xf3\xa0\x80\x81"), STR_INIT("\"\\U000e0001\"")}, /* language tag */
        {STR_INIT("\xef\xbf\xbd"), STR_INIT("\"\xef\xbf\xbd\"")},    /* U+FFFD itself is shown */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Buf out;
        buf_init(&out, TEXT_MAX);
        quote_go(&out, cases[i].in);
        CHECK_STR(buf_view(&out), cases[i].want);
        buf_done(&out);
    }
}

TEST(quote, broken_utf8_is_told_apart)
{
    static const Str good[] = {STR_INIT(""), STR_INIT("a"), STR_INIT("\xc2\x80"),
                               STR_INIT("\xed\x9f\xbf"), STR_INIT("\xf4\x8f\xbf\xbf")};
    static const Str bad[] = {STR_INIT("\x80"),
                              STR_INIT("\xc1\xbf"),
                              STR_INIT("\xe0\x9f\xbf"),
                              STR_INIT("\xed\xa0\x80"),
                              STR_INIT("\xf0\x8f\xbf\xbf"),
                              STR_INIT("\xf4\x90\x80\x80"),
                              STR_INIT("\xc2"),
                              STR_INIT("\xe2\x82"),
                              STR_INIT("\xf0\x9f\x90"),
                              STR_INIT("\xf8\x88\x80\x80\x80"),
                              STR_INIT("a\xffz")};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        CHECK(utf8_valid(good[i]));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        CHECK(!utf8_valid(bad[i]));
    }
}

TEST(quote, every_character_survives_encode_and_decode)
{
    Buf out;
    buf_init(&out, TEXT_MAX);
    for (u32 rune = 0; rune <= 0x10ffff; rune++) {
        if (rune >= 0xd800 && rune <= 0xdfff) {
            continue;
        }
        u32 back = 0;
        buf_clear(&out);
        utf8_encode(&out, rune);
        CHECK_U64(utf8_decode(buf_view(&out), &back), out.len);
        CHECK_U64(back, rune);
    }
    buf_done(&out);
}

TEST(quote, letters_change_case_beyond_ascii)
{
    Buf out;
    buf_init(&out, TEXT_MAX);
    utf8_lower(&out, S("ABC \xc3\x89T\xc3\x89 \xce\xa9 1"));
    CHECK_STR(buf_view(&out), S("abc \xc3\xa9t\xc3\xa9 \xcf\x89 1"));
    buf_clear(&out);
    utf8_upper(&out, S("abc \xc3\xa9 \xd0\xb6\xff"));
    CHECK_STR(buf_view(&out), S("ABC \xc3\x89 \xd0\x96\xef\xbf\xbd"));
    buf_done(&out);
}
