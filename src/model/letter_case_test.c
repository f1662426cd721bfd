/* Tests of model/letter_case.h. */
#include "model/letter_case.h"

#include "base/test.h"

TEST(letter_case, letters_change_beyond_ascii_and_broken_bytes_are_replaced)
{
    static const struct {
        Str in, lower, upper;
    } cases[] = {
        {STR_INIT(""), STR_INIT(""), STR_INIT("")},
        {STR_INIT("aBc-1_Z"), STR_INIT("abc-1_z"), STR_INIT("ABC-1_Z")},
        {STR_INIT("\xc3\x89t\xc3\xa9"), STR_INIT("\xc3\xa9t\xc3\xa9"),
         STR_INIT("\xc3\x89T\xc3\x89")},
        {STR_INIT("\xce\xa9\xcf\x89"), STR_INIT("\xcf\x89\xcf\x89"), STR_INIT("\xce\xa9\xce\xa9")},
        {STR_INIT("\xd0\xb6"), STR_INIT("\xd0\xb6"), STR_INIT("\xd0\x96")},
        {STR_INIT("\xc3\x9f"), STR_INIT("\xc3\x9f"), STR_INIT("\xc3\x9f")}, /* one rune, no SS */
        {STR_INIT("a\xffZ"), STR_INIT("a\xef\xbf\xbdz"), STR_INIT("A\xef\xbf\xbdZ")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Buf out;
        buf_init(&out, 1024);
        text_lower(&out, cases[i].in);
        CHECK_STR(buf_view(&out), cases[i].lower);
        buf_clear(&out);
        text_upper(&out, cases[i].in);
        CHECK_STR(buf_view(&out), cases[i].upper);
        buf_done(&out);
    }
}
