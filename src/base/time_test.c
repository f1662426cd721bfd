/* Tests of base/time.h. */
#include "base/time.h"

#include "base/random.h"
#include "base/test.h"

static bool twin_is_leap(i64 year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int twin_month_days(i64 year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && twin_is_leap(year));
}

/* A calendar that only ever goes to the next day. */
static void next_day(Civil *at)
{
    at->weekday = (u8)((at->weekday + 1) % 7);
    at->yearday++;
    at->day++;
    if (at->day > twin_month_days(at->year, at->month)) {
        at->day = 1;
        at->month++;
    }
    if (at->month > 12) {
        at->month = 1;
        at->year++;
        at->yearday = 1;
    }
}

static void check_civil(i64 days, const Civil *want)
{
    i64 seconds = days * 86400 + 12 * 3600 + 34 * 60 + 56;
    Civil got = civil_from_unix(seconds);
    CHECK_I64(got.year, want->year);
    CHECK_I64(got.month, want->month);
    CHECK_I64(got.day, want->day);
    CHECK_I64(got.weekday, want->weekday);
    CHECK_I64(got.yearday, want->yearday);
    CHECK_I64(got.hour, 12);
    CHECK_I64(got.minute, 34);
    CHECK_I64(got.second, 56);
    CHECK_I64(civil_to_unix(want->year, want->month, want->day, 12, 34, 56), seconds);
}

TEST(time, dates_agree_with_a_calendar_that_counts_days_for_eight_hundred_years)
{
    /* 1600-01-01 was a Saturday, 135140 days before 1970. */
    Civil want = {.year = 1600, .month = 1, .day = 1, .weekday = 6, .yearday = 1};
    i64 days = -135140;
    for (; want.year < 2400; days++) {
        check_civil(days, &want);
        next_day(&want);
    }
    CHECK_I64(days, 157054);
}

TEST(time, dates_are_normalised_as_in_go)
{
    i64 base = civil_to_unix(2024, 1, 1, 0, 0, 0);
    CHECK_I64(base, 1704067200);
    CHECK_I64(civil_to_unix(2023, 13, 1, 0, 0, 0), base);
    CHECK_I64(civil_to_unix(2025, -11, 1, 0, 0, 0), base);
    CHECK_I64(civil_to_unix(2023, 12, 32, 0, 0, 0), base);
    CHECK_I64(civil_to_unix(2024, 1, 0, 24, 0, 0), base);
    CHECK_I64(civil_to_unix(2023, 12, 31, 23, 59, 60), base);
    CHECK_I64(civil_to_unix(2024, 1, 1, 0, 1, -60), base);
    CHECK_I64(civil_to_unix(1969, 12, 31, 23, 59, 59), -1);
    CHECK_I64(civil_from_unix(-1).second, 59);
    CHECK_I64(civil_from_unix(-1).year, 1969);
}

TEST(time, instants_are_written_in_rfc_3339)
{
    static const struct {
        i64 ns;
        Str ms_text;
        Str ns_text;
    } cases[] = {
        {0, STR_INIT("1970-01-01T00:00:00.000Z"), STR_INIT("1970-01-01T00:00:00Z")},
        {1, STR_INIT("1970-01-01T00:00:00.000Z"), STR_INIT("1970-01-01T00:00:00.000000001Z")},
        {-1, STR_INIT("1969-12-31T23:59:59.999Z"), STR_INIT("1969-12-31T23:59:59.999999999Z")},
        {1700000000120000000, STR_INIT("2023-11-14T22:13:20.120Z"),
         STR_INIT("2023-11-14T22:13:20.12Z")},
        {INT64_MAX, STR_INIT("2262-04-11T23:47:16.854Z"),
         STR_INIT("2262-04-11T23:47:16.854775807Z")},
        {INT64_MIN, STR_INIT("1677-09-21T00:12:43.145Z"),
         STR_INIT("1677-09-21T00:12:43.145224192Z")},
    };
    Buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        i64 ms = cases[i].ns / NS_PER_MS - (cases[i].ns % NS_PER_MS < 0);
        buf_clear(&out);
        time_format_rfc3339_ms(&out, ms);
        CHECK_STR(buf_view(&out), cases[i].ms_text);
        buf_clear(&out);
        time_format_rfc3339_ns(&out, cases[i].ns);
        CHECK_STR(buf_view(&out), cases[i].ns_text);
    }
    buf_done(&out);
}

TEST(time, what_was_written_reads_back_to_the_same_nanosecond)
{
    Random random;
    random_seed(&random, test_seed());
    Buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < 20000; i++) {
        i64 want = (i64)random_u64(&random) >> random_below(&random, 40);
        i64 got = 0;
        Err err;
        buf_clear(&out);
        time_format_rfc3339_ns(&out, want);
        CHECK_OK(time_parse_rfc3339(buf_view(&out), &got, &err), &err);
        CHECK_I64(got, want);
    }
    buf_done(&out);
}

TEST(time, rfc_3339_is_read_with_any_fraction_and_offset)
{
    static const struct {
        Str text;
        i64 ns;
    } cases[] = {
        {STR_INIT("1970-01-01T00:00:00Z"), 0},
        {STR_INIT("1970-01-01T01:30:00+01:30"), 0},
        {STR_INIT("1969-12-31T12:00:00-12:00"), 0},
        {STR_INIT("2024-02-29T00:00:00.5Z"), 1709164800500000000},
        {STR_INIT("2000-02-29T23:59:59.999999999Z"), 951868799999999999},
        {STR_INIT("1970-01-01T00:00:00.0000000019999Z"), 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        i64 ns = -1;
        Err err;
        CHECK_OK(time_parse_rfc3339(cases[i].text, &ns, &err), &err);
        CHECK_I64(ns, cases[i].ns);
    }
}

TEST(time, what_is_not_rfc_3339_is_refused_with_its_place)
{
    static const struct {
        Str text;
        size_t pos;
    } bad[] = {
        {STR_INIT(""), 0},
        {STR_INIT("x"), 0},
        {STR_INIT("2024"), 4},
        {STR_INIT("24-01-01T00:00:00Z"), 2},
        {STR_INIT("2024-13-01T00:00:00Z"), 5},
        {STR_INIT("2024-00-01T00:00:00Z"), 5},
        {STR_INIT("2024-01-32T00:00:00Z"), 8},
        {STR_INIT("2023-02-29T00:00:00Z"), 8},
        {STR_INIT("1900-02-29T00:00:00Z"), 8},
        {STR_INIT("2024-01-01 00:00:00Z"), 10},
        {STR_INIT("2024-01-01t00:00:00Z"), 10},
        {STR_INIT("2024-01-01T24:00:00Z"), 11},
        {STR_INIT("2024-01-01T00:60:00Z"), 14},
        {STR_INIT("2024-01-01T00:00:60Z"), 17},
        {STR_INIT("2024-01-01T00:00:0Z"), 18},
        {STR_INIT("2024-01-01T00:00:00"), 19},
        {STR_INIT("2024-01-01T00:00:00z"), 19},
        {STR_INIT("2024-01-01T00:00:00.Z"), 20},
        {STR_INIT("2024-01-01T00:00:00Zx"), 20},
        {STR_INIT("2024-01-01T00:00:00+1:00"), 21},
        {STR_INIT("2024-01-01T00:00:00+24:00"), 20},
        {STR_INIT("2024-01-01T00:00:00+0100"), 22},
        {STR_INIT("9999-01-01T00:00:00Z"), 0},
        {STR_INIT("0001-01-01T00:00:00Z"), 0},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        i64 ns = 42;
        Err err = {0};
        CHECK(!time_parse_rfc3339(bad[i].text, &ns, &err));
        CHECK_I64(ns, 42);
        CHECK_I64(err.code, ERR_INVALID);
        CHECK_U64(err.pos, bad[i].pos);
    }
}

TEST(time, durations_of_prometheus_are_read)
{
    static const struct {
        Str text;
        i64 ms;
    } cases[] = {
        {STR_INIT("0"), 0},
        {STR_INIT("0s"), 0},
        {STR_INIT("00007ms"), 7},
        {STR_INIT("15s"), 15000},
        {STR_INIT("5m"), 300000},
        {STR_INIT("1h30m"), 5400000},
        {STR_INIT("90m"), 5400000},
        {STR_INIT("1y2w3d4h5m6s7ms"), ((((365 + 14 + 3) * 24LL + 4) * 60 + 5) * 60 + 6) * 1000 + 7},
        {STR_INIT("292y"), 292LL * 365 * MS_PER_DAY},
        {STR_INIT("9223372036854ms"), 9223372036854},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        i64 ms = -1;
        Err err;
        CHECK_OK(duration_parse(cases[i].text, &ms, &err), &err);
        CHECK_I64(ms, cases[i].ms);
    }
}

TEST(time, other_durations_are_refused_in_the_words_of_the_original)
{
    static const struct {
        Str text;
        Str error;
    } bad[] = {
        {STR_INIT(""), STR_INIT("empty duration string")},
        {STR_INIT("1"), STR_INIT("not a valid duration string: \"1\"")},
        {STR_INIT("00"), STR_INIT("not a valid duration string: \"00\"")},
        {STR_INIT("-1s"), STR_INIT("not a valid duration string: \"-1s\"")},
        {STR_INIT("+1s"), STR_INIT("not a valid duration string: \"+1s\"")},
        {STR_INIT("1.5h"), STR_INIT("unknown unit \".\" in duration \"1.5h\"")},
        {STR_INIT("1 s"), STR_INIT("unknown unit \" s\" in duration \"1 s\"")},
        {STR_INIT(" 1s"), STR_INIT("not a valid duration string: \" 1s\"")},
        {STR_INIT("1s "), STR_INIT("unknown unit \"s \" in duration \"1s \"")},
        {STR_INIT("s"), STR_INIT("not a valid duration string: \"s\"")},
        {STR_INIT("1S"), STR_INIT("unknown unit \"S\" in duration \"1S\"")},
        {STR_INIT("1M"), STR_INIT("unknown unit \"M\" in duration \"1M\"")},
        {STR_INIT("1us"), STR_INIT("unknown unit \"us\" in duration \"1us\"")},
        {STR_INIT("1m2h"), STR_INIT("not a valid duration string: \"1m2h\"")},
        {STR_INIT("1s1s"), STR_INIT("not a valid duration string: \"1s1s\"")},
        {STR_INIT("1ms1s"), STR_INIT("not a valid duration string: \"1ms1s\"")},
        {STR_INIT("1h\n"), STR_INIT("unknown unit \"h\\n\" in duration \"1h\\n\"")},
        {STR_INIT("1h\0"), STR_INIT("unknown unit \"h\\x00\" in duration \"1h\\x00\"")},
        {STR_INIT("293y"), STR_INIT("duration out of range")},
        {STR_INIT("292y1000d"), STR_INIT("duration out of range")},
        {STR_INIT("9223372036855ms"), STR_INIT("duration out of range")},
        {STR_INIT("9223372036854775807d"), STR_INIT("duration out of range")},
        {STR_INIT("99999999999999999999s"),
         STR_INIT("not a valid duration string: \"99999999999999999999s\"")},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        i64 ms = 42;
        Err err = {0};
        CHECK(!duration_parse(bad[i].text, &ms, &err));
        CHECK_STR(str_from(err.message), bad[i].error);
        CHECK_I64(ms, 42);
        CHECK_I64(err.code, ERR_INVALID);
    }
}

TEST(time, durations_are_written_in_the_shortest_form)
{
    static const struct {
        i64 ms;
        Str text;
    } cases[] = {
        {0, STR_INIT("0s")},
        {1, STR_INIT("1ms")},
        {999, STR_INIT("999ms")},
        {1000, STR_INIT("1s")},
        {1001, STR_INIT("1s1ms")},
        {60000, STR_INIT("1m")},
        {5400000, STR_INIT("1h30m")},
        {MS_PER_DAY, STR_INIT("1d")},
        {7 * MS_PER_DAY, STR_INIT("1w")},
        {15 * MS_PER_DAY, STR_INIT("15d")},
        {14 * MS_PER_DAY, STR_INIT("2w")},
        {365 * MS_PER_DAY, STR_INIT("1y")},
        {365 * MS_PER_DAY + 1000, STR_INIT("365d1s")},
        {7 * MS_PER_DAY + MS_PER_HOUR, STR_INIT("7d1h")},
        {-90000, STR_INIT("-1m30s")},
    };
    Buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&out);
        duration_format(&out, cases[i].ms);
        CHECK_STR(buf_view(&out), cases[i].text);
    }
    buf_done(&out);
}

TEST(time, a_written_duration_reads_back)
{
    Random random;
    random_seed(&random, test_seed());
    Buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < 20000; i++) {
        i64 want = (i64)(random_u64(&random) >> (21 + random_below(&random, 40)));
        i64 unit = i % 3 == 0 ? 7 * MS_PER_DAY : i % 3 == 1 ? MS_PER_MINUTE : 1;
        want -= want % unit;
        i64 got = -1;
        Err err;
        buf_clear(&out);
        duration_format(&out, want);
        CHECK_OK(duration_parse(buf_view(&out), &got, &err), &err);
        CHECK_I64(got, want);
    }
    buf_done(&out);
}

TEST(time, durations_of_go_are_written_as_go_writes_them)
{
    static const struct {
        i64 ns;
        Str text;
    } cases[] = {
        {0, STR_INIT("0s")},
        {1, STR_INIT("1ns")},
        {-1, STR_INIT("-1ns")},
        {999, STR_INIT("999ns")},
        {1000, STR_INIT("1µs")},
        {1100, STR_INIT("1.1µs")},
        {2200000, STR_INIT("2.2ms")},
        {15000000, STR_INIT("15ms")},
        {999999999, STR_INIT("999.999999ms")},
        {1500000000, STR_INIT("1.5s")},
        {3300000000, STR_INIT("3.3s")},
        {60 * NS_PER_SECOND, STR_INIT("1m0s")},
        {245 * NS_PER_SECOND, STR_INIT("4m5s")},
        {245001000000, STR_INIT("4m5.001s")},
        {480000000001, STR_INIT("8m0.000000001s")},
        {3600 * NS_PER_SECOND, STR_INIT("1h0m0s")},
        {18367001000000, STR_INIT("5h6m7.001s")},
        {INT64_MAX, STR_INIT("2562047h47m16.854775807s")},
        {INT64_MIN, STR_INIT("-2562047h47m16.854775808s")},
    };
    Buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&out);
        duration_format_go(&out, cases[i].ns);
        CHECK_STR(buf_view(&out), cases[i].text);
    }
    buf_done(&out);
}

TEST(time, sizes_are_read_in_powers_of_two)
{
    static const struct {
        Str text;
        u64 bytes;
    } cases[] = {
        {STR_INIT("0"), 0},
        {STR_INIT("0B"), 0},
        {STR_INIT("1B"), 1},
        {STR_INIT("512MB"), 512 * MIB},
        {STR_INIT("512MiB"), 512 * MIB},
        {STR_INIT("1KB"), 1024},
        {STR_INIT("1.5GB"), 3 * GIB / 2},
        {STR_INIT(".5KiB"), 512},
        {STR_INIT("5.KB"), 5120},
        {STR_INIT("1GB512MB3B"), 3 * GIB / 2 + 3},
        {STR_INIT("1TB"), 1ULL << 40},
        {STR_INIT("1PB"), 1ULL << 50},
        {STR_INIT("7EiB"), 7ULL << 60},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        u64 bytes = 42;
        Err err;
        CHECK_OK(size_parse(cases[i].text, &bytes, &err), &err);
        CHECK_U64(bytes, cases[i].bytes);
    }
}

TEST(time, other_sizes_are_refused_in_the_words_of_the_original)
{
    static const struct {
        Str text;
        Str error;
    } bad[] = {
        {STR_INIT(""), STR_INIT("units: invalid ")},
        {STR_INIT("foo"), STR_INIT("units: invalid foo")},
        {STR_INIT(".KB"), STR_INIT("units: invalid .KB")},
        {STR_INIT("-1KB"), STR_INIT("units: invalid -1KB")},
        {STR_INIT("5"), STR_INIT("units: unknown unit  in 5")},
        {STR_INIT("5.5.5GB"), STR_INIT("units: unknown unit  in 5.5.5GB")},
        {STR_INIT("5XB"), STR_INIT("units: unknown unit XB in 5XB")},
        {STR_INIT("1kB"), STR_INIT("units: unknown unit kB in 1kB")},
        {STR_INIT("1K"), STR_INIT("units: unknown unit K in 1K")},
        {STR_INIT("1 KB"), STR_INIT("units: unknown unit  KB in 1 KB")},
        {STR_INIT("16EB"), STR_INIT("units: overflow parsing unit")},
        {STR_INIT("8EB"), STR_INIT("units: overflow parsing unit")},
        {STR_INIT("99999999999999999999B"), STR_INIT("units: invalid 99999999999999999999B")},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        u64 bytes = 42;
        Err err = {0};
        CHECK(!size_parse(bad[i].text, &bytes, &err));
        CHECK_STR(str_from(err.message), bad[i].error);
        CHECK_U64(bytes, 42);
    }
}

TEST(time, a_written_size_reads_back)
{
    static const struct {
        u64 bytes;
        Str text;
    } cases[] = {{0, STR_INIT("0B")},
                 {1, STR_INIT("1B")},
                 {1024, STR_INIT("1KiB")},
                 {3 * GIB / 2, STR_INIT("1GiB512MiB")},
                 {1025, STR_INIT("1KiB1B")},
                 {UINT64_MAX, STR_INIT("15EiB1023PiB1023TiB1023GiB1023MiB1023KiB1023B")}};
    Random random;
    random_seed(&random, test_seed());
    Buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&out);
        size_format(&out, cases[i].bytes);
        CHECK_STR(buf_view(&out), cases[i].text);
    }
    for (size_t i = 0; i < 10000; i++) {
        u64 want = random_u64(&random) >> (11 + random_below(&random, 50));
        u64 got = 0;
        Err err;
        buf_clear(&out);
        size_format(&out, want);
        CHECK_OK(size_parse(buf_view(&out), &got, &err), &err);
        CHECK_U64(got, want);
    }
    buf_done(&out);
}

TEST(time, the_clocks_run_and_agree)
{
    i64 before_ns = time_monotonic_ns();
    i64 ms = time_now_ms();
    i64 ns = time_now_ns();
    CHECK(ns / NS_PER_MS >= ms && ns / NS_PER_MS < ms + 10000);
    CHECK(ms > 1700000000000);
    CHECK(time_monotonic_ns() >= before_ns);
}
