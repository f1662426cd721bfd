/* Tests of ULIDs. Layer: tsdb. */
#include "base/random.h"
#include "base/test.h"
#include "tsdb/ulid.h"

#include <string.h>

TEST(ulid, text_and_bytes_agree_with_known_ones)
{
    static const struct {
        Str text;
        i64 t_ms;
    } cases[] = {
        {STR_INIT("00000000000000000000000000"), 0},
        {STR_INIT("01ARZ3NDEKTSV4RRFFQ69G5FAV"), 1469922850259},
        {STR_INIT("7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), 281474976710655},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Ulid ulid;
        char text[ULID_TEXT_SIZE + 1];
        CHECK(ulid_parse(cases[i].text, &ulid));
        CHECK_I64(ulid_time_ms(&ulid), cases[i].t_ms);
        ulid_format(&ulid, text);
        CHECK_STR(str_from(text), cases[i].text);
    }
}

TEST(ulid, refuses_what_is_none)
{
    static const Str bad[] = {
        STR_INIT(""),
        STR_INIT("wal"),
        STR_INIT("80000000000000000000000000"),  /* 129 bits */
        STR_INIT("0000000000000000000000000U"),  /* not a letter of it */
        STR_INIT("0000000000000000000000000"),   /* short */
        STR_INIT("000000000000000000000000000"), /* long */
        STR_INIT("0000000000000000000000000\0"), /* NUL is no letter */
        STR_INIT("01ARZ3NDEKTSV4RRFFQ69G5FAV.tmp"),
    };
    Ulid before;
    memset(&before, 7, sizeof(before));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Ulid ulid = before;
        CHECK(!ulid_parse(bad[i], &ulid));
        CHECK(ulid_eq(&ulid, &before));
    }
}

TEST(ulid, random_bytes_survive_the_text_in_either_case)
{
    Random random;
    random_seed(&random, test_seed());
    for (int i = 0; i < 1000; i++) {
        Ulid ulid;
        Ulid back;
        char text[ULID_TEXT_SIZE + 1];
        for (int b = 0; b < ULID_SIZE; b++) {
            ulid.bytes[b] = (u8)random_u64(&random);
        }
        ulid_format(&ulid, text);
        CHECK(ulid_parse(str_from(text), &back));
        CHECK(ulid_eq(&ulid, &back));
        for (char *c = text; *c; c++) {
            *c = *c >= 'A' ? (char)(*c - 'A' + 'a') : *c;
        }
        CHECK(ulid_parse(str_from(text), &back));
        CHECK(ulid_eq(&ulid, &back));
    }
}

TEST(ulid, new_ones_carry_their_time_and_differ)
{
    Ulid a = ulid_new(1700000000123);
    Ulid b = ulid_new(1700000000123);
    CHECK_I64(ulid_time_ms(&a), 1700000000123);
    CHECK(!ulid_eq(&a, &b));
}
