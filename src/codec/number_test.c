/* Tests of codec/number.h. The naive twin is libc: printf with ever more digits, and strtod. */
#include "codec/number.h"

#include "base/random.h"
#include "base/test.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 200000, /* random values a property test; VIGIE_TEST_ROUNDS changes it */
};

static u64 rounds(void)
{
    const char *given = getenv("VIGIE_TEST_ROUNDS");
    return given ? strtoull(given, NULL, 10) : ROUNDS;
}

static f64 from_bits(u64 bits)
{
    f64 value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static u64 to_bits(f64 value)
{
    u64 bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

typedef size_t (*Format)(char to[F64_TEXT_MAX], f64 value);

static void check_format(Format format, f64 value, const char *want)
{
    char text[F64_TEXT_MAX];
    size_t len = format(text, value);
    CHECK_STR(((Str){.ptr = text, .len = len}), str_from(want));
}

TEST(number, formats_like_go)
{
    static const struct {
        f64 value;
        const char *g;
        const char *f;
        const char *e;
        const char *api;
    } rows[] = {
        {0, "0", "0", "0e+00", "0"},
        {-0.0, "-0", "-0", "-0e+00", "-0"},
        {1, "1", "1", "1e+00", "1"},
        {-1.5, "-1.5", "-1.5", "-1.5e+00", "-1.5"},
        {0.1, "0.1", "0.1", "1e-01", "0.1"},
        {0.0001, "0.0001", "0.0001", "1e-04", "0.0001"},
        {0.00001234, "1.234e-05", "0.00001234", "1.234e-05", "0.00001234"},
        {1e-6, "1e-06", "0.000001", "1e-06", "0.000001"},
        {9.9e-7, "9.9e-07", "0.00000099", "9.9e-07", "9.9e-07"},
        {123456, "123456", "123456", "1.23456e+05", "123456"},
        {999999, "999999", "999999", "9.99999e+05", "999999"},
        {1e6, "1e+06", "1000000", "1e+06", "1000000"},
        {1150976, "1.150976e+06", "1150976", "1.150976e+06", "1150976"},
        {123456.789, "123456.789", "123456.789", "1.23456789e+05", "123456.789"},
        {1e20, "1e+20", "100000000000000000000", "1e+20", "100000000000000000000"},
        {1e21, "1e+21", "1000000000000000000000", "1e+21", "1e+21"},
        {1e23, "1e+23", "100000000000000000000000", "1e+23", "1e+23"},
        {9007199254740992, "9.007199254740992e+15", "9007199254740992", "9.007199254740992e+15",
         "9007199254740992"},
        {DBL_MAX, "1.7976931348623157e+308", NULL, "1.7976931348623157e+308",
         "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308", NULL, "2.2250738585072014e-308",
         "2.2250738585072014e-308"},
        {5e-324, "5e-324", NULL, "5e-324", "5e-324"},
        {0.3, "0.3", "0.3", "3e-01", "0.3"},
        {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004", "3.0000000000000004e-01",
         "0.30000000000000004"},
        {1700000000.123, "1.700000000123e+09", "1700000000.123", "1.700000000123e+09",
         "1700000000.123"},
        {INFINITY, "+Inf", "+Inf", "+Inf", "+Inf"},
        {-INFINITY, "-Inf", "-Inf", "-Inf", "-Inf"},
        {NAN, "NaN", "NaN", "NaN", "NaN"},
        {-NAN, "NaN", "NaN", "NaN", "NaN"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_format(f64_format_g, rows[i].value, rows[i].g);
        check_format(f64_format_v, rows[i].value, rows[i].g);
        check_format(f64_format_e, rows[i].value, rows[i].e);
        check_format(f64_format_api, rows[i].value, rows[i].api);
        if (rows[i].f) {
            check_format(f64_format_f, rows[i].value, rows[i].f);
        }
    }
}

TEST(number, longest_texts_fit_their_buffer)
{
    char text[F64_TEXT_MAX];
    CHECK_U64(f64_format_f(text, -DBL_MAX), 310);
    CHECK_U64(f64_format_f(text, -5e-324), 327);
    CHECK_U64(f64_format_f(text, -DBL_MIN), 327);
    CHECK_U64(f64_format_fixed(text, -DBL_MAX, F64_DECIMALS_MAX), 351);
}

TEST(number, fixed_decimals_round_the_exact_value)
{
    static const struct {
        f64 value;
        int decimals;
        const char *want;
    } rows[] = {
        {0.5, 0, "0"},        {1.5, 0, "2"},
        {2.5, 0, "2"},        {1.005, 2, "1.00"},
        {0.125, 2, "0.12"},   {0.375, 2, "0.38"},
        {-1e-9, 3, "-0.000"}, {1e21, 1, "1000000000000000000000.0"},
        {NAN, 3, "NaN"},      {INFINITY, 3, "+Inf"},
        {12.345, 1, "12.3"},  {99.99, 1, "100.0"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[F64_TEXT_MAX];
        size_t len = f64_format_fixed(text, rows[i].value, rows[i].decimals);
        CHECK_STR(((Str){.ptr = text, .len = len}), str_from(rows[i].want));
    }
}

TEST(number, buffers_take_only_the_bytes_written)
{
    Buf buf;
    buf_init(&buf, 8);
    buf_f64_g(&buf, 1e6);
    buf_f64_f(&buf, 12);
    buf_f64_api(&buf, 3);
    CHECK_STR(buf_view(&buf), S("1e+06123"));
    Err err;
    CHECK_OK(buf_ok(&buf, &err), &err);
    buf_f64_g(&buf, 1);
    CHECK(!buf_ok(&buf, &err));
    buf_done(&buf);
}

/* Bits that lie where algorithms break: near powers of two, few digits, whole numbers, subnormals.
 */
static u64 awkward_bits(Random *random)
{
    u64 any = random_u64(random);
    u64 sign = any & (1ULL << 63);
    switch (random_below(random, 8)) {
    case 0:
        return sign | random_below(random, 1ULL << 52); /* subnormal */
    case 1:
        return sign | random_below(random, 1ULL << random_below(random, 52));
    case 2:
        return sign | (random_below(random, 2047) << 52) | random_below(random, 3);
    case 3:
        return sign |
               ((random_below(random, 2046) << 52) + (1ULL << 52) - 1 - random_below(random, 3));
    case 4:
        return to_bits((f64)(i64)(any >> random_below(random, 63)));
    case 5:
        return to_bits((f64)(any >> random_below(random, 60)) /
                       pow(10, (int)random_below(random, 20)));
    case 6:
        return to_bits(strtod((char[]){'1', 'e', '-', (char)('0' + any % 3),
                                       (char)('0' + any / 3 % 10), (char)('0' + any / 30 % 10), 0},
                              NULL));
    default:
        return any;
    }
}

/* Shortest by trial: the first precision that reads back. */
static int twin_format_e(char *to, size_t size, f64 value)
{
    int len = 0;
    for (int digits = 1; digits <= 17; digits++) {
        len = snprintf(to, size, "%.*e", digits - 1, value);
        if (to_bits(strtod(to, NULL)) == to_bits(value)) {
            break;
        }
    }
    return len;
}

TEST(number, shortest_equals_the_naive_search)
{
    Random random;
    random_seed(&random, test_seed());
    for (u64 i = 0; i < rounds() / 4; i++) {
        u64 bits = awkward_bits(&random);
        f64 value = from_bits(bits);
        if (!isfinite(value)) {
            continue;
        }
        char text[F64_TEXT_MAX];
        char twin[64];
        size_t len = f64_format_e(text, value);
        int twin_len = twin_format_e(twin, sizeof(twin), value);
        text[len] = '\0';
        CHECK_U64(to_bits(strtod(text, NULL)), bits);
        bool lopsided = (bits & ((1ULL << 52) - 1)) == 0; /* another one above may be as short */
        if (lopsided) {
            CHECK(len <= (size_t)twin_len);
        } else {
            CHECK_STR(((Str){.ptr = text, .len = len}),
                      ((Str){.ptr = twin, .len = (size_t)twin_len}));
        }
    }
}

TEST(number, every_form_reads_back_to_the_same_bits)
{
    static const Format forms[] = {f64_format_g, f64_format_f, f64_format_e, f64_format_api};
    Random random;
    random_seed(&random, test_seed());
    for (u64 i = 0; i < rounds(); i++) {
        f64 value = from_bits(awkward_bits(&random));
        if (!isfinite(value)) {
            continue;
        }
        char text[F64_TEXT_MAX];
        size_t len = forms[i % COUNT_OF(forms)](text, value);
        f64 again;
        CHECK(f64_parse((Str){.ptr = text, .len = len}, &again));
        CHECK_F64(again, value);
    }
}

TEST(number, parses_what_go_parses)
{
    static const struct {
        const char *text;
        f64 want;
    } rows[] = {
        {"0", 0},
        {"-0", -0.0},
        {"+1", 1},
        {"1.", 1},
        {".5", 0.5},
        {"-.5e1", -5},
        {"1E+3", 1000},
        {"1e-00000000000000000003", 0.001},
        {"0e99999999999999999999", 0},
        {"00000000000000000000000000000001", 1},
        {"0.00000000000000000000000000000000000000001e41", 1},
        {"100000000000000000000000000000000000000e-38", 1},
        {"1e-400", 0},
        {"123456789012345678901234567890", 123456789012345678901234567890.0},
        {"2.2250738585072011e-308", 2.2250738585072011e-308},
        {"2.2250738585072012e-308", 2.2250738585072014e-308},
        {"1.7976931348623157e308", DBL_MAX},
        {"1.7976931348623158e308", DBL_MAX},
        {"4.9406564584124654e-324", 5e-324},
        {"2.4703282292062327e-324", 0},
        {"2.4703282292062328e-324", 5e-324},
        {"9007199254740993", 9007199254740992},
        {"9007199254740993.00000000000000000000000000001", 9007199254740994},
        {"9007199254740992.99999999999999999999999999999", 9007199254740992},
        {"6.631236846766476e-316", 6.631236846766476e-316},
        {"3.5844466002796428e+298", 3.5844466002796428e+298},
        {"1.448997445238699", 1.448997445238699},
        {"8.98846567431158e307", 0x1p1023},
        {"inf", INFINITY},
        {"+Inf", INFINITY},
        {"-INFINITY", -INFINITY},
        {"NaN", NAN},
        {"nan", NAN},
        {"0x1p0", 1},
        {"0X1.8P+3", 12},
        {"-0x.8p1", -1},
        {"0x1p-1074", 5e-324},
        {"0x1p-1075", 0},
        {"0x1.8p-1074", 0x1p-1073},
        {"0x1.00000000000008p0", 1},
        {"0x1.000000000000080000000000000000001p0", 0x1.0000000000001p0},
        {"0x1.fffffffffffff8p0", 2},
        {"0x1.fffffffffffff7ffffffffffffp1023", DBL_MAX},
        {"0x123456789abcdef0123456789p-100", 0x123456789abcdef0123456789p-100},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        f64 got = 7;
        CHECK(f64_parse(str_from(rows[i].text), &got));
        CHECK_F64(got, rows[i].want);
    }
}

TEST(number, nan_has_the_bits_that_prometheus_stores)
{
    f64 value;
    CHECK(f64_parse(S("NaN"), &value));
    CHECK_U64(to_bits(value), 0x7ff8000000000001ULL);
}

TEST(number, rejects_without_touching_the_output)
{
    static const char *const rows[] = {
        "",    " ",    "1 ",      " 1",        "-",       "+",     ".",     "-.",    "e1",
        "1e",  "1e+",  "1e-x",    "1x",        "1..2",    "1.2.3", "--1",   "+-1",   "1e1.5",
        "0x",  "0x1",  "0x1.8",   "0xp1",      "0x.p1",   "0x1p",  "0x1pz", "1_000", "1e1_0",
        "in",  "infi", "infinit", "infinityy", "+nan",    "-nan",  "nan1",  "na",    "0b1",
        "1,5", "1p3",  "٣",       "1e5e5",     "0x1p1p1", "1\n",   "1d5",   "0x1.p", "0x_1p0",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        f64 value = 7;
        CHECK(!f64_parse(str_from(rows[i]), &value));
        CHECK_F64(value, 7);
    }
    f64 value = 7;
    CHECK(!f64_parse((Str){.ptr = "1\0", .len = 2}, &value));
    CHECK(!f64_parse((Str){0}, &value));
    CHECK_F64(value, 7);
}

TEST(number, overflow_is_infinity_and_an_error)
{
    static const char *const rows[] = {"1e309", "1.7976931348623159e308", "1e99999999999999999999",
                                       "0x1p1024", "0x1.fffffffffffff8p1023"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        f64 value = 7;
        CHECK(!f64_parse(str_from(rows[i]), &value));
        CHECK_F64(value, INFINITY);
    }
    f64 value = 7;
    CHECK(!f64_parse(S("-1e400"), &value));
    CHECK_F64(value, -INFINITY);
}

static void check_parse_equals_twin(const char *text, size_t len)
{
    f64 want = strtod(text, NULL);
    f64 got = 7;
    bool ok = f64_parse((Str){.ptr = text, .len = len}, &got);
    if (to_bits(got) != to_bits(want)) {
        (void)fprintf(stderr, "text: %s\n", text);
    }
    CHECK_F64(got, want);
    CHECK(ok == (isfinite(want) != 0));
    f64 prefix = 7;
    size_t used = f64_parse_prefix((Str){.ptr = text, .len = len}, &prefix);
    CHECK(used == 0 || used == len);
    if (used) {
        CHECK_F64(prefix, want);
    }
}

TEST(number, random_decimals_parse_as_libc_does)
{
    Random random;
    random_seed(&random, test_seed());
    for (u64 i = 0; i < rounds(); i++) {
        char text[128];
        size_t len = 0;
        size_t digits = 1 + random_below(&random, random_below(&random, 4) ? 20 : 60);
        size_t point = random_below(&random, digits + 1);
        u64 zeros = random_below(&random, 6) == 0;
        for (size_t at = 0; at < digits; at++) {
            if (at == point && random_below(&random, 2)) {
                text[len++] = '.';
            }
            text[len++] = zeros && at > 1 ? '0' : (char)('0' + random_below(&random, 10));
        }
        if (random_below(&random, 2)) {
            len += (size_t)snprintf(text + len, 16, "e%d", (int)random_below(&random, 700) - 350);
        }
        text[len] = '\0';
        check_parse_equals_twin(text, len);
    }
}

/* The exact decimal of the point between two floats, and a hair to each side of it. */
TEST(number, points_half_way_between_two_floats_round_to_even)
{
    if (LDBL_MANT_DIG < DBL_MANT_DIG + 1) {
        TEST_SKIP("long double holds no half-way points here");
    }
    Random random;
    random_seed(&random, test_seed());
    for (u64 i = 0; i < rounds() / 50; i++) {
        u64 bits = awkward_bits(&random) & ~(1ULL << 63);
        if (bits >= 0x7fefffffffffffffULL) {
            continue;
        }
        long double half_way =
            ((long double)from_bits(bits) + (long double)from_bits(bits + 1)) / 2;
        char text[1200];
        int len = snprintf(text, sizeof(text), "%.800Le", half_way);
        check_parse_equals_twin(text, (size_t)len);
        f64 got;
        CHECK(f64_parse((Str){.ptr = text, .len = (size_t)len}, &got));
        CHECK_U64(to_bits(got), bits + (bits & 1));

        char *exponent = strchr(text, 'e');
        exponent[-1] = '1'; /* 800 digits in: above by less than anything before it shows */
        CHECK(f64_parse((Str){.ptr = text, .len = (size_t)len}, &got));
        CHECK_U64(to_bits(got), bits + 1);
    }
}

TEST(number, long_texts_are_read_in_full)
{
    enum { LEN = 5000 };
    char text[LEN + 8];
    memset(text, '0', LEN);
    text[0] = '1';
    memcpy(text + LEN, "e-4999", 7);
    check_parse_equals_twin(text, LEN + 6);
    memset(text, '9', LEN);
    text[1] = '.';
    memcpy(text + LEN, "e10", 4);
    check_parse_equals_twin(text, LEN + 3);
    memset(text, '0', LEN);
    text[1] = '.';
    text[LEN - 1] = '7';
    memcpy(text + LEN, "e4998", 6);
    check_parse_equals_twin(text, LEN + 5);
}

TEST(number, prefix_stops_at_the_first_other_byte)
{
    static const struct {
        const char *text;
        size_t len;
        f64 want;
    } rows[] = {
        {"123456\n", 6, 123456},
        {"12.345 1700000000000\n", 6, 12.345},
        {"1.5e3x", 5, 1500},
        {"-7", 2, -7},
        {"-0 ", 2, -0.0},
        {"1..", 2, 1},
        {".25,", 3, 0.25},
        {"12345678", 8, 12345678},
        {"1234567812345678 ", 16, 1234567812345678},
        {"0.1234567890123456 ", 18, 0.1234567890123456},
        {"1234567.87654321/", 16, 1234567.87654321},
        {"1:23456789", 1, 1},
        {"9223372036854775807;", 19, 9223372036854775807.0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        f64 got = 7;
        CHECK_U64(f64_parse_prefix(str_from(rows[i].text), &got), rows[i].len);
        CHECK_F64(got, rows[i].want);
    }
}

TEST(number, prefix_leaves_the_rest_to_the_full_parser)
{
    static const char *const rows[] = {
        "", "-", "+1", "NaN", "Inf", "x", "1e", "1e+", ".", "12345678901234567890", "1e400"};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        f64 got = 7;
        CHECK_U64(f64_parse_prefix(str_from(rows[i]), &got), 0);
        CHECK_F64(got, 7);
    }
}
