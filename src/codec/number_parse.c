/*
 * Number parse: text to the nearest float; see number.h.
 *
 * Three ways, the first that is sure wins: a short decimal is exact in one float operation; the
 * first 19 digits times a 128-bit power of ten round correctly when the digits are all there is;
 * and longer ones, when the digits cut off could matter, are compared with the half-way point in
 * big integers.
 *
 * Layer: codec. Memory: none. Thread: any. Source: Lemire, "Number parsing at a gigabyte per
 * second" (2021); Mushtak, Lemire, "Fast number parsing without fallback" (2022).
 */
#include "codec/number.h"
#include "codec/number_bits.h"
#include "codec/number_powers.h"

#include <endian.h>
#include <string.h>

enum {
    DIGITS_EXACT = 19,       /* digits that a u64 holds whatever they are */
    POWER_EXACT_IN_F64 = 22, /* 10^22 is a float without error */
    EXPONENT_CAP = 100000, /* a written exponent is cut here: the result is 0 or Inf long before */
    DIGITS_DECIDING = 770, /* more significant digits than any half-way point has */
    BIG_WORDS = 96,        /* 6,144 bits: 10^770 × 2^1076, or 5^1112 × 2^54, with room */
};

static const f64 exact_powers_of_ten[POWER_EXACT_IN_F64 + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

static const u64 powers_of_ten[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
};

/* A decimal as found in text: digits × 10^exponent, where `digits` may stop at the 19th. */
typedef struct Scan {
    u64 digits;
    i64 exponent;
    bool negative;
    bool cut; /* there were more digits; the value lies in [digits, digits + 1) × 10^exponent */
} Scan;

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Eight bytes of text, the first in the lowest byte, with '0' taken off each. */
static u64 load_digits(const char *at)
{
    u64 word;
    memcpy(&word, at, sizeof(word));
    return le64toh(word) ^ 0x3030303030303030ULL;
}

/* How many of the eight are digits before the first that is not. */
static unsigned count_digits(u64 word)
{
    u64 not_digit =
        (((word & 0x7F7F7F7F7F7F7F7FULL) + 0x7676767676767676ULL) | word) & 0x8080808080808080ULL;
    return not_digit ? (unsigned)__builtin_ctzll(not_digit) / 8 : 8;
}

/* The number that eight digits make: neighbours are joined three times. */
static u64 join_digits(u64 word)
{
    word = (word * (1 + (10ULL << 8))) >> 8 & 0x00FF00FF00FF00FFULL;
    word = (word * (1 + (100ULL << 16))) >> 16 & 0x0000FFFF0000FFFFULL;
    return (word * (1 + (10000ULL << 32))) >> 32;
}

typedef struct DigitRun {
    const char *end;
    u64 number;
} DigitRun;

/* The rest of a run of digits, appended to `number`, which may wrap: the caller counts them. */
static DigitRun read_digits_slowly(const char *at, const char *end, u64 number)
{
    while (end - at >= 8 && count_digits(load_digits(at)) == 8) {
        number = number * powers_of_ten[8] + join_digits(load_digits(at));
        at += 8;
    }
    for (; at < end && is_digit(*at); at++) {
        number = number * 10 + (u64)(*at - '0');
    }
    return (DigitRun){.end = at, .number = number};
}

/* The same, quick for less than eight digits: one load, no branch on their count. */
static inline DigitRun read_digits(const char *at, const char *end, u64 number)
{
    if (UNLIKELY(end - at < 8)) {
        return read_digits_slowly(at, end, number);
    }
    u64 word = load_digits(at);
    unsigned count = count_digits(word);
    if (count == 8) {
        return read_digits_slowly(at, end, number);
    }
    /* What follows the digits is shifted out; zeros come in front. Twice, as 64 may be the sum. */
    word = word << (8 * (7 - count)) << 8;
    return (DigitRun){.end = at + count,
                      .number = number * powers_of_ten[count] + join_digits(word)};
}

/* Behind 'e': [+-]digits. NULL when there is no digit. */
static const char *read_exponent(const char *at, const char *end, i64 *ret)
{
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+')) {
        at++;
    }
    if (at == end || !is_digit(*at)) {
        return NULL;
    }
    i64 exponent = 0;
    for (; at < end && is_digit(*at); at++) {
        exponent = exponent < EXPONENT_CAP ? exponent * 10 + (*at - '0') : exponent;
    }
    *ret = negative ? -exponent : exponent;
    return at;
}

/* digits × 10^power as bits, correctly rounded; infinity when too large. */
static u64 scale_to_bits(u64 digits, i64 power)
{
    enum { SPARE_BITS = 64 - F64_FRACTION_BITS - 3 };
    if (digits == 0 || power < POWER_FIRST) {
        return 0;
    }
    if (power > 308) {
        return F64_INFINITY_BITS;
    }
    int zeros = __builtin_clzll(digits);
    PowerOfFive five = powers_of_five[power - POWER_FIRST];
    unsigned __int128 product = (unsigned __int128)(digits << zeros) * five.high;
    u64 spare_mask = (1ULL << SPARE_BITS) - 1;
    if (((u64)(product >> 64) & spare_mask) == spare_mask) {
        /* A carry from the lower half of the power could reach the bits that count. */
        product += (u64)(((unsigned __int128)(digits << zeros) * five.low) >> 64);
    }
    u64 high = (u64)(product >> 64);
    int top = (int)(high >> 63);
    u64 mantissa = high >> (top + SPARE_BITS); /* 54 bits: the last decides the rounding */
    int log2_of_power = (int)((217706 * power) >> 16) + 63;
    int biased = log2_of_power + top - zeros + F64_EXPONENT_BIAS;

    if (biased <= 0) { /* subnormal: fewer bits are kept */
        if (biased <= -63) {
            return 0;
        }
        mantissa >>= 1 - biased;
        return (mantissa + (mantissa & 1)) >> 1; /* a carry into bit 52 makes it normal */
    }
    bool half_way = (u64)product <= 1 && power >= -4 && power <= 23 && (mantissa & 3) == 1 &&
                    mantissa << (top + SPARE_BITS) == high;
    mantissa = half_way ? mantissa >> 1 : (mantissa + (mantissa & 1)) >> 1;
    /* A mantissa that rounded up to 2^53 adds one to the exponent by itself. */
    u64 bits = ((u64)biased << F64_FRACTION_BITS) + (mantissa - F64_HIDDEN_BIT);
    return MIN(bits, F64_INFINITY_BITS);
}

/* Both factors are floats without error, so that one operation rounds once. */
static bool is_exact(u64 digits, i64 power)
{
    return digits <= 2 * F64_HIDDEN_BIT && power >= -POWER_EXACT_IN_F64 &&
           power <= POWER_EXACT_IN_F64;
}

static f64 exact_value(u64 digits, i64 power)
{
    f64 value = (f64)(i64)digits;
    if (power == 0) {
        return value;
    }
    return power < 0 ? value / exact_powers_of_ten[-power] : value * exact_powers_of_ten[power];
}

static u64 to_bits(u64 digits, i64 power)
{
    return is_exact(digits, power) ? f64_to_bits(exact_value(digits, power))
                                   : scale_to_bits(digits, power);
}

size_t f64_parse_prefix(Str s, f64 *ret)
{
    const char *at = s.ptr;
    const char *end = s.ptr + s.len;
    bool negative = at < end && *at == '-';
    at += negative;

    i64 power = 0;
    DigitRun run = read_digits(at, end, 0);
    size_t count = (size_t)(run.end - at);
    at = run.end;
    if (at < end && *at == '.') {
        const char *fraction = at + 1;
        run = read_digits(fraction, end, run.number);
        at = run.end;
        power = fraction - at;
        count += (size_t)-power;
    }
    if (count == 0 || count > DIGITS_EXACT) {
        return 0;
    }
    if (UNLIKELY(at < end && (*at | 0x20) == 'e')) {
        i64 written;
        at = read_exponent(at + 1, end, &written);
        if (!at) {
            return 0;
        }
        power += written;
    }
    f64 value;
    if (LIKELY(is_exact(run.number, power))) {
        value = exact_value(run.number, power);
    } else {
        u64 bits = scale_to_bits(run.number, power);
        if (bits == F64_INFINITY_BITS) {
            return 0;
        }
        value = f64_from_bits(bits);
    }
    *ret = negative ? -value : value;
    return (size_t)(at - s.ptr);
}

/* A natural number of bounded size, least word first. */
typedef struct Big {
    u64 word[BIG_WORDS];
    size_t count; /* words in use; the last is not 0 */
} Big;

static void big_multiply_add(Big *big, u64 factor, u64 addend)
{
    u64 carry = addend;
    for (size_t i = 0; i < big->count; i++) {
        unsigned __int128 product = (unsigned __int128)big->word[i] * factor + carry;
        big->word[i] = (u64)product;
        carry = (u64)(product >> 64);
    }
    if (carry) {
        ASSERT(big->count < BIG_WORDS);
        big->word[big->count++] = carry;
    }
}

static void big_multiply_pow5(Big *big, i64 power)
{
    static const u64 five_27 = 7450580596923828125ULL; /* the largest that fits */
    for (; power >= 27; power -= 27) {
        big_multiply_add(big, five_27, 0);
    }
    for (; power > 0; power--) {
        big_multiply_add(big, 5, 0);
    }
}

static void big_shift_left(Big *big, i64 bits)
{
    size_t words = (size_t)bits / 64;
    ASSERT(big->count + words <= BIG_WORDS);
    big_multiply_add(big, 1ULL << (bits % 64), 0);
    ASSERT(big->count + words <= BIG_WORDS);
    memmove(big->word + words, big->word, big->count * sizeof(u64));
    memset(big->word, 0, words * sizeof(u64));
    big->count += big->count ? words : 0;
}

static int big_compare(const Big *a, const Big *b)
{
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (size_t i = a->count; i-- > 0;) {
        if (a->word[i] != b->word[i]) {
            return a->word[i] < b->word[i] ? -1 : 1;
        }
    }
    return 0;
}

/* All digits of a decimal (to DIGITS_DECIDING; a 1 stands for what lies behind) and its power. */
static void big_from_text(Big *big, Str text, i64 written_exponent, i64 *ret_power)
{
    i64 power = written_exponent;
    size_t count = 0;
    bool in_fraction = false;
    bool rest = false;
    big->count = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.') {
            in_fraction = true;
            continue;
        }
        u64 digit = (u64)(text.ptr[i] - '0');
        power -= in_fraction;
        if (count == 0 && digit == 0) {
            continue;
        }
        if (count == DIGITS_DECIDING) {
            power++;
            rest |= digit != 0;
            continue;
        }
        count++;
        if (big->count == 0) {
            big->word[big->count++] = digit;
        } else {
            big_multiply_add(big, 10, digit);
        }
    }
    if (rest) {
        big_multiply_add(big, 10, 1);
        power--;
    }
    *ret_power = power;
}

/* The float below, or the next one? By comparing the decimal with the point half-way between. */
static u64 round_exactly(u64 below_bits, Str text, i64 written_exponent)
{
    Big decimal;
    i64 power;
    big_from_text(&decimal, text, written_exponent, &power);

    u64 biased = below_bits >> F64_FRACTION_BITS;
    u64 mantissa = (below_bits & (F64_HIDDEN_BIT - 1)) | (biased ? F64_HIDDEN_BIT : 0);
    i64 exponent = (i64)(biased ? biased : 1) - F64_EXPONENT_BIAS - F64_FRACTION_BITS - 1;
    Big half_way = {.word = {2 * mantissa + 1}, .count = 1};

    /* decimal × 5^power × 2^power against half_way × 2^exponent, without fractions */
    if (power >= 0) {
        big_multiply_pow5(&decimal, power);
    } else {
        big_multiply_pow5(&half_way, -power);
    }
    if (power >= exponent) {
        big_shift_left(&decimal, power - exponent);
    } else {
        big_shift_left(&half_way, exponent - power);
    }
    int order = big_compare(&decimal, &half_way);
    return below_bits + (order > 0 || (order == 0 && (below_bits & 1)));
}

/* digits[.digits][e[+-]digits] and nothing else. `ret_text` is what stands before the 'e'. */
static bool scan_decimal(Str s, Scan *ret, Str *ret_text, i64 *ret_written_exponent)
{
    const char *end = s.ptr + s.len;
    const char *at = s.ptr;
    Scan scan = {0};
    size_t count = 0; /* digits kept */
    bool in_fraction = false;
    bool any = false;
    for (; at < end; at++) {
        if (*at == '.' && !in_fraction) {
            in_fraction = true;
            continue;
        }
        if (!is_digit(*at)) {
            break;
        }
        any = true;
        if (count < DIGITS_EXACT) {
            scan.digits = scan.digits * 10 + (u64)(*at - '0');
            scan.exponent -= in_fraction;
            count += scan.digits != 0;
        } else {
            scan.cut |= *at != '0';
            scan.exponent += !in_fraction;
        }
    }
    if (!any) {
        return false;
    }
    *ret_text = str_range(s.ptr, at);
    *ret_written_exponent = 0;
    if (at < end && (*at | 0x20) == 'e') {
        at = read_exponent(at + 1, end, ret_written_exponent);
    }
    scan.exponent += *ret_written_exponent;
    *ret = scan;
    return at == end;
}

static bool parse_decimal(Str s, u64 *ret_bits)
{
    Scan scan;
    Str text;
    i64 written_exponent;
    if (!scan_decimal(s, &scan, &text, &written_exponent)) {
        return false;
    }
    u64 bits = to_bits(scan.digits, scan.exponent);
    if (scan.cut && bits != to_bits(scan.digits + 1, scan.exponent)) {
        bits = round_exactly(bits, text, written_exponent);
    }
    *ret_bits = bits;
    return true;
}

static int hex_digit(char c)
{
    char lower = (char)(c | 0x20);
    return is_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* mantissa × 2^exponent (a last bit of 1 may stand for more) as bits, rounded half to even. */
static u64 binary_to_bits(u64 mantissa, i64 exponent)
{
    if (mantissa == 0) {
        return 0;
    }
    int zeros = __builtin_clzll(mantissa);
    mantissa <<= zeros;
    i64 biased = exponent - zeros + 63 + F64_EXPONENT_BIAS;
    if (biased >= F64_EXPONENT_TOP) {
        return F64_INFINITY_BITS;
    }
    i64 drop = 64 - F64_FRACTION_BITS - 1 + (biased < 1 ? 1 - biased : 0);
    if (drop > 64) {
        return 0;
    }
    u64 kept = drop == 64 ? 0 : mantissa >> drop;
    u64 rest = mantissa << (64 - drop);
    kept += rest > F64_SIGN_BIT || (rest == F64_SIGN_BIT && (kept & 1));
    /* The hidden bit, where there is one, adds one to the exponent. */
    return (biased < 1 ? 0 : (u64)(biased - 1) << F64_FRACTION_BITS) + kept;
}

/* Behind 0x: hex digits with a point and a binary exponent that must be there. */
static bool parse_hex(Str s, u64 *ret_bits)
{
    const char *end = s.ptr + s.len;
    const char *at = s.ptr;
    u64 mantissa = 0;
    i64 exponent = 0;
    bool in_fraction = false;
    bool any = false;
    for (; at < end; at++) {
        if (*at == '.' && !in_fraction) {
            in_fraction = true;
            continue;
        }
        int digit = hex_digit(*at);
        if (digit < 0) {
            break;
        }
        any = true;
        if (mantissa >> 60 == 0) {
            mantissa = mantissa * 16 + (u64)digit;
            exponent -= in_fraction ? 4 : 0;
        } else {
            mantissa |= digit != 0;
            exponent += in_fraction ? 0 : 4;
        }
    }
    i64 written;
    if (!any || at == end || (*at | 0x20) != 'p' || read_exponent(at + 1, end, &written) != end) {
        return false;
    }
    *ret_bits = binary_to_bits(mantissa, exponent + written);
    return true;
}

bool f64_parse(Str s, f64 *ret)
{
    f64 plain;
    if (s.len > 0 && f64_parse_prefix(s, &plain) == s.len) {
        *ret = plain;
        return true;
    }
    u64 bits;
    if (str_eq_ignore_case(s, S("nan"))) {
        *ret = f64_from_bits(F64_NAN_BITS);
        return true;
    }
    bool negative = s.len > 0 && s.ptr[0] == '-';
    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        s = str_skip(s, 1);
    }
    u64 sign = (u64)negative << 63;
    if (str_eq_ignore_case(s, S("inf")) || str_eq_ignore_case(s, S("infinity"))) {
        *ret = f64_from_bits(F64_INFINITY_BITS | sign);
        return true;
    }
    if (s.len == 0) { /* whose ptr may be NULL */
        return false;
    }
    bool is_hex = s.len > 2 && s.ptr[0] == '0' && (s.ptr[1] | 0x20) == 'x';
    if (is_hex ? !parse_hex(str_skip(s, 2), &bits) : !parse_decimal(s, &bits)) {
        return false;
    }
    *ret = f64_from_bits(bits | sign);
    return bits != F64_INFINITY_BITS;
}
