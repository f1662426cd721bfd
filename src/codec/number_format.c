/*
 * Number format: floats to their shortest text; see number.h.
 *
 * The shortest decimal inside a float's rounding interval comes from scaling the interval's ends
 * and the value by one power of ten with 128-bit arithmetic ("round to odd" keeps the comparisons
 * exact), and then looking at two candidates of one digit less and two of full length.
 *
 * Layer: codec. Memory: none. Thread: any. Source: Giulietti, "The Schubfach way to render doubles"
 * (2021).
 */
#include "codec/number.h"
#include "codec/number_bits.h"
#include "codec/number_powers.h"

#include <stdio.h>
#include <string.h>

enum {
    DIGITS_MAX = 20, /* of a u64; a shortest form has at most 17 */
};

/* 0.d1d2d3… × 10^point, sign apart. */
typedef struct Digits {
    char digit[DIGITS_MAX];
    int count;
    int point;
    bool negative;
} Digits;

/* significand × 10^exponent */
typedef struct Decimal {
    u64 significand;
    int exponent;
} Decimal;

static int floor_log10_of_pow2(int power)
{
    return (power * 1262611) >> 22;
}

static int floor_log10_of_three_quarters_pow2(int power)
{
    return (power * 1262611 - 524031) >> 22;
}

static int floor_log2_of_pow10(int power)
{
    return (power * 1741647) >> 19;
}

/* The top 64 bits of a 192-bit product; the last bit also says that something was cut off. */
static u64 multiply_round_to_odd(PowerOfFive power, u64 factor)
{
    unsigned __int128 low = (unsigned __int128)power.low * factor;
    unsigned __int128 high = (unsigned __int128)power.high * factor + (u64)(low >> 64);
    return (u64)(high >> 64) | ((u64)high > 1);
}

/* 10^power as the algorithm wants it: rounded up unless exact. */
static PowerOfFive power_rounded_up(int power)
{
    PowerOfFive ret = powers_of_five[power - POWER_FIRST];
    ret.low += power > POWER_EXACT;
    ret.high += power > POWER_EXACT && ret.low == 0;
    return ret;
}

/* The shortest decimal that reads back as significand × 2^exponent; of several, the closest. */
static Decimal shortest(u64 significand, int exponent, bool gap_below_is_half)
{
    int k = gap_below_is_half ? floor_log10_of_three_quarters_pow2(exponent)
                              : floor_log10_of_pow2(exponent);
    int shift = exponent + floor_log2_of_pow10(-k) + 1;
    PowerOfFive power = power_rounded_up(-k);
    u64 is_odd = significand & 1;

    /* Four times the value and its interval, in units of 10^k; an odd one's ends are outside. */
    u64 middle = multiply_round_to_odd(power, (significand * 4) << shift);
    u64 lower =
        multiply_round_to_odd(power, (significand * 4 - 2 + gap_below_is_half) << shift) + is_odd;
    u64 upper = multiply_round_to_odd(power, (significand * 4 + 2) << shift) - is_odd;

    u64 down = middle / 4;
    if (down >= 10) {
        u64 down_short = down / 10;
        bool down_fits = lower <= 40 * down_short;
        bool up_fits = 40 * down_short + 40 <= upper;
        if (down_fits != up_fits) {
            return (Decimal){.significand = down_short + up_fits, .exponent = k + 1};
        }
    }
    bool down_fits = lower <= 4 * down;
    bool up_fits = 4 * down + 4 <= upper;
    u64 half = 4 * down + 2;
    bool up = down_fits != up_fits ? up_fits : middle > half || (middle == half && (down & 1));
    return (Decimal){.significand = down + up, .exponent = k};
}

static Decimal strip_zeros(Decimal decimal)
{
    static const struct {
        u64 power;
        int zeros;
    } steps[] = {{100000000, 8}, {10000, 4}, {100, 2}, {10, 1}};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        while (decimal.significand % steps[i].power == 0) {
            decimal.significand /= steps[i].power;
            decimal.exponent += steps[i].zeros;
        }
    }
    return decimal;
}

static const char digit_pairs[] = "00010203040506070809"
                                  "10111213141516171819"
                                  "20212223242526272829"
                                  "30313233343536373839"
                                  "40414243444546474849"
                                  "50515253545556575859"
                                  "60616263646566676869"
                                  "70717273747576777879"
                                  "80818283848586878889"
                                  "90919293949596979899";

/* Writes the digits that end at `end`; returns where they begin. */
static char *put_digits(char *end, u64 number)
{
    while (number >= 100) {
        end -= 2;
        memcpy(end, digit_pairs + number % 100 * 2, 2);
        number /= 100;
    }
    if (number >= 10) {
        end -= 2;
        memcpy(end, digit_pairs + number * 2, 2);
        return end;
    }
    *--end = (char)('0' + number);
    return end;
}

/* Of a finite value. Zero has the one digit "0" and point 1. */
static void find_digits(f64 value, Digits *ret)
{
    u64 bits = f64_to_bits(value);
    u64 fraction = bits & (F64_HIDDEN_BIT - 1);
    int biased = (int)(bits >> F64_FRACTION_BITS) & F64_EXPONENT_TOP;
    u64 significand = biased ? fraction | F64_HIDDEN_BIT : fraction;
    int exponent = (biased ? biased : 1) - F64_EXPONENT_BIAS - F64_FRACTION_BITS;
    Decimal decimal = {0};
    if (significand != 0) {
        bool whole = exponent <= 0 && exponent >= -F64_FRACTION_BITS &&
                     (significand & ((1ULL << -exponent) - 1)) == 0;
        decimal = whole ? (Decimal){.significand = significand >> -exponent}
                        : shortest(significand, exponent, fraction == 0 && biased > 1);
        decimal = strip_zeros(decimal);
    }
    char text[DIGITS_MAX];
    char *begin = put_digits(text + DIGITS_MAX, decimal.significand);
    ret->negative = bits >> 63;
    ret->count = (int)(text + DIGITS_MAX - begin);
    ret->point = ret->count + decimal.exponent;
    memcpy(ret->digit, begin, (size_t)ret->count);
}

/* 1.25e-07: at least two digits of exponent. */
static size_t put_e(char *to, const Digits *digits)
{
    char *at = to;
    if (digits->negative) {
        *at++ = '-';
    }
    *at++ = digits->digit[0];
    if (digits->count > 1) {
        *at++ = '.';
        at = mempcpy(at, digits->digit + 1, (size_t)digits->count - 1);
    }
    int exponent = digits->point - 1;
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    unsigned magnitude = (unsigned)(exponent < 0 ? -exponent : exponent);
    if (magnitude >= 100) {
        *at++ = (char)('0' + magnitude / 100);
        magnitude %= 100;
    }
    at = mempcpy(at, digit_pairs + (size_t)magnitude * 2, 2);
    return (size_t)(at - to);
}

/* 125000, 1.25, 0.00125 */
static size_t put_f(char *to, const Digits *digits)
{
    char *at = to;
    if (digits->negative) {
        *at++ = '-';
    }
    if (digits->point <= 0) {
        size_t zeros = (size_t)-digits->point;
        *at++ = '0';
        *at++ = '.';
        memset(at, '0', zeros);
        at = mempcpy(at + zeros, digits->digit, (size_t)digits->count);
    } else if (digits->point >= digits->count) {
        size_t zeros = (size_t)(digits->point - digits->count);
        at = mempcpy(at, digits->digit, (size_t)digits->count);
        memset(at, '0', zeros);
        at += zeros;
    } else {
        at = mempcpy(at, digits->digit, (size_t)digits->point);
        *at++ = '.';
        at = mempcpy(at, digits->digit + digits->point, (size_t)(digits->count - digits->point));
    }
    return (size_t)(at - to);
}

/* NaN and the infinities; 0 for a finite value. */
static size_t put_special(char *to, f64 value)
{
    if (__builtin_isfinite(value)) {
        return 0;
    }
    Str text = __builtin_isnan(value) ? S("NaN") : value > 0 ? S("+Inf") : S("-Inf");
    memcpy(to, text.ptr, text.len);
    return text.len;
}

size_t f64_format_e(char to[F64_TEXT_MAX], f64 value)
{
    size_t len = put_special(to, value);
    if (len == 0) {
        Digits digits;
        find_digits(value, &digits);
        len = put_e(to, &digits);
    }
    return len;
}

size_t f64_format_f(char to[F64_TEXT_MAX], f64 value)
{
    size_t len = put_special(to, value);
    if (len == 0) {
        Digits digits;
        find_digits(value, &digits);
        len = put_f(to, &digits);
    }
    return len;
}

size_t f64_format_g(char to[F64_TEXT_MAX], f64 value)
{
    size_t len = put_special(to, value);
    if (len == 0) {
        Digits digits;
        find_digits(value, &digits);
        int exponent = digits.point - 1;
        len = exponent < -4 || exponent >= 6 ? put_e(to, &digits) : put_f(to, &digits);
    }
    return len;
}

size_t f64_format_v(char to[F64_TEXT_MAX], f64 value)
{
    return f64_format_g(to, value);
}

size_t f64_format_api(char to[F64_TEXT_MAX], f64 value)
{
    f64 magnitude = __builtin_fabs(value);
    bool extreme = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
    return extreme ? f64_format_e(to, value) : f64_format_f(to, value);
}

size_t f64_format_fixed(char to[F64_TEXT_MAX], f64 value, int decimals)
{
    ASSERT(decimals >= 0 && decimals <= F64_DECIMALS_MAX);
    size_t len = put_special(to, value);
    if (len == 0) {
        /* libc rounds exactly, and nothing in this program leaves the "C" locale. */
        len = (size_t)snprintf(to, F64_TEXT_MAX, "%.*f", decimals, value);
    }
    return len;
}

void buf_f64_g(Buf *out, f64 value)
{
    char text[F64_TEXT_MAX];
    buf_put(out, text, f64_format_g(text, value));
}

void buf_f64_f(Buf *out, f64 value)
{
    char text[F64_TEXT_MAX];
    buf_put(out, text, f64_format_f(text, value));
}

void buf_f64_api(Buf *out, f64 value)
{
    char text[F64_TEXT_MAX];
    buf_put(out, text, f64_format_api(text, value));
}
