/* Tests of base/utf8.h. */
#include "base/utf8.h"

#include "base/random.h"
#include "base/test.h"

TEST(utf8, every_rune_goes_out_and_comes_back)
{
    for (u32 rune = 0; rune <= 0x10FFFF; rune++) {
        char bytes[UTF8_MAX];
        u32 back;
        size_t len = utf8_encode(rune, bytes);
        CHECK_U64(utf8_decode((Str){.ptr = bytes, .len = len}, &back), len);
        bool surrogate = rune >= 0xD800 && rune <= 0xDFFF;
        CHECK_U64(back, surrogate ? RUNE_INVALID : rune);
        CHECK_U64(len, rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4);
    }
    char bytes[UTF8_MAX];
    CHECK_U64(utf8_encode(0x110000, bytes), 3);
}

TEST(utf8, a_byte_that_begins_nothing_is_one_invalid_rune)
{
    static const Str bad[] = {
        STR_INIT("\x80"),             /* continuation alone */
        STR_INIT("\xC0\x80"),         /* overlong */
        STR_INIT("\xC1\xBF"),         /* overlong */
        STR_INIT("\xE0\x9F\xBF"),     /* overlong */
        STR_INIT("\xF0\x8F\xBF\xBF"), /* overlong */
        STR_INIT("\xED\xA0\x80"),     /* surrogate */
        STR_INIT("\xF4\x90\x80\x80"), /* past the last rune */
        STR_INIT("\xF5\x80\x80\x80"),
        STR_INIT("\xFF"),
        STR_INIT("\xC3"), /* cut short */
        STR_INIT("\xE2\x82"),
        STR_INIT("\xF0\x9F\x98"),
        STR_INIT("\xC3\x28"), /* broken off by ASCII */
        STR_INIT("\xE2\x28\xA1"),
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        u32 rune;
        CHECK_U64(utf8_decode(bad[i], &rune), 1);
        CHECK_U64(rune, RUNE_INVALID);
        CHECK(!utf8_valid(bad[i]));
    }
    CHECK_U64(utf8_count(S("\xE2\x82\x41")), 3);
}

TEST(utf8, a_bad_byte_is_found_wherever_it_stands)
{
    char text[64];
    for (size_t size = 1; size < sizeof(text); size++) {
        for (size_t at = 0; at < size; at++) {
            for (size_t i = 0; i < size; i++) {
                text[i] = 'a';
            }
            CHECK(utf8_valid((Str){.ptr = text, .len = size}));
            text[at] = '\x80';
            CHECK(!utf8_valid((Str){.ptr = text, .len = size}));
        }
    }
    CHECK(utf8_valid(S("")));
    CHECK(utf8_valid(S("aé€😀 and \xEF\xBF\xBD itself")));
    CHECK_U64(utf8_count(S("aé€😀")), 4);
}

TEST(utf8, printable_is_what_go_calls_printable)
{
    static const u32 yes[] = {' ', 'a', '~', 0xA1, 0xE9, 0x20AC, 0xFFFD, 0x1F600, 0x4E2D};
    static const u32 no[] = {0,      0x1F,   0x7F,    0x80,    0x9F,     0xA0,    0xAD,
                             0x1680, 0x200B, 0x2028,  0x3000,  0xD800,   0xE000,  0xFEFF,
                             0xFFFE, 0xFFFF, 0xE001F, 0xF0000, 0x10FFFF, 0x110000};
    for (size_t i = 0; i < COUNT_OF(yes); i++) {
        CHECK(rune_is_printable(yes[i]));
    }
    for (size_t i = 0; i < COUNT_OF(no); i++) {
        CHECK(!rune_is_printable(no[i]));
    }
}

TEST(utf8, invalid_bytes_are_refused_and_read_as_one_replacement_each)
{
    static const struct {
        Str text;
        size_t valid; /* bytes at the front that are */
        size_t count;
    } cases[] = {
        {STR_INIT(""), 0, 0},
        {STR_INIT("plain ascii of some length"), 26, 26},
        {STR_INIT("caf\xC3\xA9"), 5, 4},
        {STR_INIT("abcdefgh\x80"), 8, 9},
        {STR_INIT("\xC0\xAF"), 0, 2},              /* overlong '/' */
        {STR_INIT("\xE0\x80\xAF"), 0, 3},          /* overlong in three bytes */
        {STR_INIT("\xED\xA0\x80"), 0, 3},          /* surrogate */
        {STR_INIT("\xF4\x90\x80\x80"), 0, 4},      /* past U+10FFFF */
        {STR_INIT("\xF5\x80\x80\x80"), 0, 4},      /* no such first byte */
        {STR_INIT("a\xE2\x82"), 1, 3},             /* cut short */
        {STR_INIT("a\xE2\xC3\xA9"), 1, 3},         /* a valid one right behind */
        {STR_INIT("\xF0\x9F\x98\x80!"), 5, 2},     /* four bytes */
        {STR_INIT("12345678\xF0\x9F\x98"), 8, 11}, /* cut short behind a whole word */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CHECK(utf8_valid(cases[i].text) == (cases[i].valid == cases[i].text.len));
        CHECK_U64(utf8_count(cases[i].text), cases[i].count);
    }
}
