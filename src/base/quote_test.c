/* Tests of base/quote.h. */
#include "base/quote.h"

#include "base/test.h"
#include "base/utf8.h"

#include <string.h>

TEST(quote, strings_are_quoted_as_go_and_json_quote_them)
{
    static const struct {
        Str text;
        Str go;
        Str json;
    } cases[] = {
        {STR_INIT(""), STR_INIT("\"\""), STR_INIT("\"\"")},
        {STR_INIT("plain é 😀"), STR_INIT("\"plain é 😀\""), STR_INIT("\"plain é 😀\"")},
        {STR_INIT("a\"b\\c"), STR_INIT("\"a\\\"b\\\\c\""), STR_INIT("\"a\\\"b\\\\c\"")},
        {STR_INIT("\a\b\f\n\r\t\v"), STR_INIT("\"\\a\\b\\f\\n\\r\\t\\v\""),
         STR_INIT("\"\\u0007\\b\\f\\n\\r\\t\\u000b\"")},
        {STR_INIT("\0\x1f\x7f"), STR_INIT("\"\\x00\\x1f\\x7f\""),
         STR_INIT("\"\\u0000\\u001f\x7f\"")},
        {STR_INIT("\xff\x80z"), STR_INIT("\"\\xff\\x80z\""), STR_INIT("\"\\ufffd\\ufffdz\"")},
        {STR_INIT("\xEF\xBF\xBD"), STR_INIT("\"\xEF\xBF\xBD\""), STR_INIT("\"\xEF\xBF\xBD\"")},
        {STR_INIT("\u00a0\u2028\u2029"), STR_INIT("\"\\u00a0\\u2028\\u2029\""),
         STR_INIT("\"\u00a0\\u2028\\u2029\"")},
        {STR_INIT("\U000F0000"), STR_INIT("\"\\U000f0000\""), STR_INIT("\"\U000F0000\"")},
        {STR_INIT("<&>'/"), STR_INIT("\"<&>'/\""), STR_INIT("\"<&>'/\"")},
    };
    Buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&out);
        quote_go(&out, cases[i].text);
        CHECK_STR(buf_view(&out), cases[i].go);
        buf_clear(&out);
        quote_json(&out, cases[i].text);
        CHECK_STR(buf_view(&out), cases[i].json);
        char text[QUOTE_TEXT_MAX];
        CHECK_STR(str_from(quote_text(text, cases[i].text)), cases[i].go);
    }
    buf_done(&out);
}

TEST(quote, a_fixed_text_is_cut_between_runes_and_stays_quoted)
{
    static char long_text[1000];
    for (size_t len = 0; len + 4 < sizeof(long_text); len++) {
        memset(long_text, 'x', len);
        memcpy(long_text + len, "€\n", 4);
        char text[QUOTE_TEXT_MAX];
        Str quoted = str_from(quote_text(text, (Str){.ptr = long_text, .len = len + 4}));
        CHECK(quoted.len < QUOTE_TEXT_MAX);
        CHECK(utf8_valid(quoted));
        CHECK(str_starts_with(quoted, S("\"")));
        CHECK(str_ends_with(quoted, S("\"")));
        CHECK(len > 200 || !str_contains(quoted, S("…")));
        CHECK(len < 260 || str_ends_with(quoted, S("x…\"")));
    }
}
