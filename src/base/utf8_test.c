/* UTF-8: tests. Layer: base. */
#include "base/utf8.h"

#include "base/test.h"

TEST(utf8, every_code_point_reads_back_as_it_was_written)
{
    for (u32 rune = 0; rune <= 0x10FFFF; rune++) {
        char bytes[UTF8_MAX];
        size_t len = utf8_encode(rune, bytes);
        u32 back;
        size_t back_len = utf8_decode((Str){bytes, len}, &back);
        bool surrogate = rune >= 0xD800 && rune <= 0xDFFF;
        CHECK_U64(back, surrogate ? RUNE_INVALID : rune);
        CHECK_U64(back_len, len);
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
