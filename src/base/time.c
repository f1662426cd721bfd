/* Time: see time.h. Layer: base. Memory: none. Thread: any. */
#include "base/time.h"

#include "base/quote.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    SECONDS_PER_DAY = 86400,
    DAYS_PER_ERA = 146097,  /* 400 Gregorian years */
    DAYS_TO_EPOCH = 719468, /* from 0000-03-01 to 1970-01-01 */
    DAYS_TO_MARCH = 59,     /* from 1 January of a common year */
    DAYS_MARCH_TO_JANUARY = 306,
};

static i64 clock_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* cannot fail for the two clocks used here */
    return (i64)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

i64 time_now_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

i64 time_now_ms(void)
{
    return clock_ns(CLOCK_REALTIME) / NS_PER_MS;
}

i64 time_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static i64 floor_div(i64 a, i64 b)
{
    return a / b - (a % b < 0);
}

/* What floor_div leaves over: 0 … b-1. */
static i64 floor_rest(i64 a, i64 b)
{
    return a % b + (a % b < 0 ? b : 0);
}

/*
 * Days since 1970-01-01 of the first day of a month. Years are counted from March, so that the
 * leap day is the last day of its year. Source: H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms".
 */
static i64 month_to_days(i64 year, i64 month)
{
    year -= month <= 2;
    i64 era = floor_div(year, 400);
    i64 year_of_era = floor_rest(year, 400);
    i64 month_from_march = (month + 9) % 12;
    i64 day_of_year = (153 * month_from_march + 2) / 5;
    i64 day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_EPOCH;
}

static bool is_leap(i64 year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

i64 civil_to_unix(i32 year, i32 month, i32 day, i32 hour, i32 minute, i32 second)
{
    i64 months = (i64)year * 12 + month - 1;
    i64 whole_year = floor_div(months, 12);
    i64 days = month_to_days(whole_year, floor_rest(months, 12) + 1) + day - 1;
    return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

Civil civil_from_unix(i64 unix_seconds)
{
    i64 days = floor_div(unix_seconds, SECONDS_PER_DAY);
    i64 second_of_day = floor_rest(unix_seconds, SECONDS_PER_DAY);
    i64 from_march = days + DAYS_TO_EPOCH;
    i64 era = floor_div(from_march, DAYS_PER_ERA);
    i64 day_of_era = floor_rest(from_march, DAYS_PER_ERA);
    i64 year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    i64 day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    i64 month_from_march = (5 * day_of_year + 2) / 153;
    i64 month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    i64 year = era * 400 + year_of_era + (month <= 2);
    i64 yearday = month > 2 ? day_of_year + DAYS_TO_MARCH + is_leap(year)
                            : day_of_year - DAYS_MARCH_TO_JANUARY;
    return (Civil){
        .year = (i32)year,
        .month = (u8)month,
        .day = (u8)(day_of_year - (153 * month_from_march + 2) / 5 + 1),
        .hour = (u8)(second_of_day / 3600),
        .minute = (u8)(second_of_day / 60 % 60),
        .second = (u8)(second_of_day % 60),
        .weekday = (u8)floor_rest(days + 4, 7), /* day 0 was a Thursday */
        .yearday = (u16)(yearday + 1),
    };
}

/* Up to and with the seconds, without fraction and zone. */
static void format_second(Buf *out, i64 unix_seconds)
{
    Civil at = civil_from_unix(unix_seconds);
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", at.year, at.month, at.day, at.hour, at.minute,
               at.second);
}

bool time_zone_local(i64 unix_seconds, char name[ZONE_NAME_MAX], i64 *ret_offset_seconds)
{
    struct tm local;
    time_t seconds = (time_t)unix_seconds;
    if (!localtime_r(&seconds, &local)) {
        return false;
    }
    (void)snprintf(name, ZONE_NAME_MAX, "%s", local.tm_zone);
    *ret_offset_seconds = local.tm_gmtoff;
    return true;
}

void time_format_rfc3339_ms(Buf *out, i64 unix_ms)
{
    format_second(out, floor_div(unix_ms, MS_PER_SECOND));
    buf_printf(out, ".%03dZ", (int)floor_rest(unix_ms, MS_PER_SECOND));
}

/* ".5" for 500,000,000 ns of a second; nothing for 0. */
static void format_fraction(Buf *out, i64 number, int digits)
{
    if (number == 0) {
        return;
    }
    while (number % 10 == 0) {
        number /= 10;
        digits--;
    }
    buf_printf(out, ".%0*lld", digits, (long long)number);
}

void time_format_rfc3339_ns(Buf *out, i64 unix_ns)
{
    format_second(out, floor_div(unix_ns, NS_PER_SECOND));
    format_fraction(out, floor_rest(unix_ns, NS_PER_SECOND), 9);
    buf_byte(out, 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A text being read from left to right. */
typedef struct Cursor {
    Str text;
    size_t at;
} Cursor;

static char peek(const Cursor *in)
{
    return in->at < in->text.len ? in->text.ptr[in->at] : '\0';
}

static bool take_byte(Cursor *in, char byte)
{
    bool there = in->at < in->text.len && in->text.ptr[in->at] == byte;
    in->at += there;
    return there;
}

/* Exactly `digits` digits, in [low, high]; the cursor stays before what is wrong. */
static bool take_digits(Cursor *in, int digits, i32 low, i32 high, i32 *ret)
{
    i32 number = 0;
    Cursor ahead = *in;
    for (int i = 0; i < digits; i++) {
        if (!is_digit(peek(&ahead))) {
            in->at = ahead.at;
            return false;
        }
        number = number * 10 + (peek(&ahead) - '0');
        ahead.at++;
    }
    if (number < low || number > high) {
        return false;
    }
    *in = ahead;
    *ret = number;
    return true;
}

static i32 days_in_month(i32 year, i32 month)
{
    static const u8 days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Digits after the point; more than nanoseconds are read and dropped. */
static bool take_fraction(Cursor *in, i64 *ret_ns)
{
    i64 ns = 0;
    i64 unit = NS_PER_SECOND / 10;
    if (!is_digit(peek(in))) {
        return false;
    }
    for (; is_digit(peek(in)); in->at++, unit /= 10) {
        ns += (peek(in) - '0') * unit;
    }
    *ret_ns = ns;
    return true;
}

/* "Z", "+02:00", "-07:30" */
static bool take_zone(Cursor *in, i64 *ret_offset_seconds)
{
    if (take_byte(in, 'Z')) {
        *ret_offset_seconds = 0;
        return true;
    }
    i32 hours;
    i32 minutes;
    bool west = peek(in) == '-';
    if ((!take_byte(in, '-') && !take_byte(in, '+')) || !take_digits(in, 2, 0, 23, &hours) ||
        !take_byte(in, ':') || !take_digits(in, 2, 0, 59, &minutes)) {
        return false;
    }
    i64 offset = (i64)hours * 3600 + minutes * 60;
    *ret_offset_seconds = west ? -offset : offset;
    return true;
}

static bool take_date_time(Cursor *in, i64 *ret_unix_seconds)
{
    i32 year, month, day, hour, minute, second;
    bool ok = take_digits(in, 4, 0, 9999, &year) && take_byte(in, '-') &&
              take_digits(in, 2, 1, 12, &month) && take_byte(in, '-') &&
              take_digits(in, 2, 1, days_in_month(year, month), &day) && take_byte(in, 'T') &&
              take_digits(in, 2, 0, 23, &hour) && take_byte(in, ':') &&
              take_digits(in, 2, 0, 59, &minute) && take_byte(in, ':') &&
              take_digits(in, 2, 0, 59, &second);
    if (ok) {
        *ret_unix_seconds = civil_to_unix(year, month, day, hour, minute, second);
    }
    return ok;
}

bool time_parse_rfc3339(Str s, i64 *ret_unix_ns, Err *err)
{
    Cursor in = {.text = s};
    char quoted[QUOTE_TEXT_MAX];
    i64 seconds;
    i64 offset;
    i64 ns = 0;
    if (!take_date_time(&in, &seconds) || (take_byte(&in, '.') && !take_fraction(&in, &ns)) ||
        !take_zone(&in, &offset) || in.at != s.len) {
        return err_set_pos(err, ERR_INVALID, in.at, "not a valid RFC 3339 time: %s",
                           quote_text(quoted, s));
    }
    i64 total;
    if (__builtin_mul_overflow(seconds - offset, NS_PER_SECOND, &total) ||
        __builtin_add_overflow(total, ns, &total)) {
        return err_set_pos(err, ERR_INVALID, 0, "time out of range: %s", quote_text(quoted, s));
    }
    *ret_unix_ns = total;
    return true;
}

/* From large to small. `exact`: written only when nothing remains, because 90d reads better than
 * 12w6d. */
static const struct {
    Str name;
    i64 ms;
    bool exact;
} duration_units[] = {
    {STR_INIT("y"), 365 * MS_PER_DAY, true},
    {STR_INIT("w"), 7 * MS_PER_DAY, true},
    {STR_INIT("d"), MS_PER_DAY, false},
    {STR_INIT("h"), MS_PER_HOUR, false},
    {STR_INIT("m"), MS_PER_MINUTE, false},
    {STR_INIT("s"), MS_PER_SECOND, false},
    {STR_INIT("ms"), 1, false},
};

/* The originals keep durations in nanoseconds: about 292 years. */
#define DURATION_MAX_MS (INT64_MAX / NS_PER_MS)

/* Index of the unit named by all letters at the cursor, or COUNT_OF(duration_units). */
static size_t take_unit(Cursor *in)
{
    size_t from = in->at;
    while (in->at < in->text.len && !is_digit(peek(in))) {
        in->at++;
    }
    Str name = str_slice(in->text, from, in->at);
    size_t unit = 0;
    while (unit < COUNT_OF(duration_units) && !str_eq(duration_units[unit].name, name)) {
        unit++;
    }
    return unit;
}

bool duration_parse(Str s, i64 *ret_ms, Err *err)
{
    char quoted[QUOTE_TEXT_MAX];
    Cursor in = {.text = s};
    i64 total = 0;
    size_t next_unit = 0;
    if (s.len == 0) {
        return err_set_pos(err, ERR_INVALID, 0, "empty duration string");
    }
    if (str_eq(s, S("0"))) {
        *ret_ms = 0;
        return true;
    }
    while (in.at < s.len) {
        size_t from = in.at;
        while (is_digit(peek(&in))) {
            in.at++;
        }
        u64 number = 0;
        Str digits = str_slice(s, from, in.at);
        size_t unit = take_unit(&in);
        Str name = str_slice(s, from + digits.len, in.at);
        if (!str_to_u64(digits, &number) || name.len == 0) {
            return err_set_pos(err, ERR_INVALID, from, "not a valid duration string: %s",
                               quote_text(quoted, s));
        }
        if (unit == COUNT_OF(duration_units)) {
            char quoted_unit[QUOTE_TEXT_MAX];
            return err_set_pos(err, ERR_INVALID, from, "unknown unit %s in duration %s",
                               quote_text(quoted_unit, name), quote_text(quoted, s));
        }
        if (unit < next_unit) {
            return err_set_pos(err, ERR_INVALID, from, "not a valid duration string: %s",
                               quote_text(quoted, s));
        }
        next_unit = unit + 1;
        u64 ms;
        if (__builtin_mul_overflow(number, (u64)duration_units[unit].ms, &ms) ||
            ms > (u64)DURATION_MAX_MS - (u64)total) {
            return err_set_pos(err, ERR_INVALID, from, "duration out of range");
        }
        total += (i64)ms;
    }
    *ret_ms = total;
    return true;
}

void duration_format(Buf *out, i64 ms)
{
    if (ms == 0) {
        buf_lit(out, "0s");
        return;
    }
    if (ms < 0) {
        buf_byte(out, '-');
    }
    u64 rest = ms < 0 ? 0 - (u64)ms : (u64)ms;
    for (size_t i = 0; i < COUNT_OF(duration_units); i++) {
        u64 unit = (u64)duration_units[i].ms;
        ASSERT(unit > 0); /* tells the static analyser */
        if (rest < unit || (duration_units[i].exact && rest % unit != 0)) {
            continue;
        }
        buf_u64(out, rest / unit);
        buf_str(out, duration_units[i].name);
        rest %= unit;
    }
}

void duration_format_go(Buf *out, i64 ns)
{
    static const struct {
        u64 ns;
        int digits; /* behind the point */
        Str name;
    } small[] = {{1000000, 6, STR_INIT("ms")}, {1000, 3, STR_INIT("µs")}, {1, 0, STR_INIT("ns")}};
    u64 rest = ns < 0 ? 0 - (u64)ns : (u64)ns;
    if (ns < 0) {
        buf_byte(out, '-');
    }
    for (size_t i = 0; i < COUNT_OF(small) && rest > 0 && rest < (u64)NS_PER_SECOND; i++) {
        if (rest >= small[i].ns) {
            buf_u64(out, rest / small[i].ns);
            format_fraction(out, (i64)(rest % small[i].ns), small[i].digits);
            buf_str(out, small[i].name);
            return;
        }
    }
    u64 seconds = rest / (u64)NS_PER_SECOND;
    if (seconds >= 3600) {
        buf_u64(out, seconds / 3600);
        buf_byte(out, 'h');
    }
    if (seconds >= 60) {
        buf_u64(out, seconds / 60 % 60);
        buf_byte(out, 'm');
    }
    buf_u64(out, seconds % 60);
    format_fraction(out, (i64)(rest % (u64)NS_PER_SECOND), 9);
    buf_byte(out, 's');
}

/* B, or one of K M G T P E with B or iB behind it: 1 KB is 1 KiB, as in the originals. */
static bool size_unit(Str name, f64 *ret_bytes)
{
    static const Str prefixes = STR_INIT("KMGTPE");
    if (str_eq(name, S("B"))) {
        *ret_bytes = 1;
        return true;
    }
    size_t power = name.len > 0 ? str_find_byte(prefixes, name.ptr[0]) : STR_NOT_FOUND;
    Str suffix = str_skip(name, 1);
    if (power == STR_NOT_FOUND || !(str_eq(suffix, S("B")) || str_eq(suffix, S("iB")))) {
        return false;
    }
    *ret_bytes = (f64)(1ULL << (10 * (power + 1)));
    return true;
}

/* "12", "1.5", ".5", "5."; false without any digit. */
static bool take_decimal(Cursor *in, f64 *ret)
{
    f64 number = 0;
    f64 scale = 1;
    size_t digits = 0;
    for (; is_digit(peek(in)); in->at++, digits++) {
        number = number * 10 + (peek(in) - '0');
    }
    if (number >= 0x1p63) {
        return false;
    }
    if (take_byte(in, '.')) {
        for (; is_digit(peek(in)); in->at++, digits++) {
            scale *= 10;
            number = number * 10 + (peek(in) - '0');
        }
    }
    *ret = number / scale;
    return digits > 0;
}

bool size_parse(Str s, u64 *ret_bytes, Err *err)
{
    Cursor in = {.text = s};
    f64 total = 0;
    if (str_eq(s, S("0"))) {
        *ret_bytes = 0;
        return true;
    }
    do {
        f64 number;
        f64 unit;
        size_t from = in.at;
        if (!take_decimal(&in, &number)) {
            return err_set_pos(err, ERR_INVALID, from, "units: invalid " STR_FMT, STR_ARG(s));
        }
        size_t unit_at = in.at;
        while (in.at < s.len && !is_digit(peek(&in)) && peek(&in) != '.') {
            in.at++;
        }
        Str name = str_slice(s, unit_at, in.at);
        if (!size_unit(name, &unit)) {
            return err_set_pos(err, ERR_INVALID, unit_at,
                               "units: unknown unit " STR_FMT " in " STR_FMT, STR_ARG(name),
                               STR_ARG(s));
        }
        total += number * unit;
    } while (in.at < s.len);
    if (total >= 0x1p63) {
        return err_set_pos(err, ERR_INVALID, 0, "units: overflow parsing unit");
    }
    *ret_bytes = (u64)total;
    return true;
}

void size_format(Buf *out, u64 bytes)
{
    static const char prefixes[] = "EPTGMK";
    if (bytes == 0) {
        buf_lit(out, "0B");
        return;
    }
    for (size_t i = 0; i <= strlen(prefixes); i++) {
        u64 count = bytes >> (10 * (strlen(prefixes) - i)) & 1023;
        if (count > 0) {
            buf_u64(out, count);
            buf_str(out, str_take(str_from(prefixes + i), 1));
            buf_str(out, prefixes[i] ? S("iB") : S("B"));
        }
    }
}
