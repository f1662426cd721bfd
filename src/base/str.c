/* Str: see str.h. Layer: base. Memory: none. Thread: any. */
#include "base/str.h"

#include <string.h>
#include <strings.h>

Str str_from(const char *c_string)
{
    return c_string ? (Str){.ptr = c_string, .len = strlen(c_string)} : STR_EMPTY;
}

Str str_range(const char *begin, const char *end)
{
    return (Str){.ptr = begin, .len = (size_t)(end - begin)};
}

bool str_eq(Str a, Str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_eq_ignore_case(Str a, Str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

int str_cmp(Str a, Str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

int str_cmp_qsort(const void *a, const void *b)
{
    return str_cmp(*(const Str *)a, *(const Str *)b);
}

bool str_starts_with(Str s, Str prefix)
{
    return s.len >= prefix.len && str_eq(str_take(s, prefix.len), prefix);
}

bool str_ends_with(Str s, Str suffix)
{
    return s.len >= suffix.len && str_eq(str_skip(s, s.len - suffix.len), suffix);
}

size_t str_find(Str s, Str part)
{
    if (part.len == 0) {
        return 0;
    }
    const char *at = s.len ? memmem(s.ptr, s.len, part.ptr, part.len) : NULL;
    return at ? (size_t)(at - s.ptr) : STR_NOT_FOUND;
}

bool str_contains(Str s, Str part)
{
    return str_find(s, part) != STR_NOT_FOUND;
}

size_t str_find_byte(Str s, char byte)
{
    const char *at = s.len ? memchr(s.ptr, byte, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : STR_NOT_FOUND;
}

size_t str_find_last_byte(Str s, char byte)
{
    const char *at = s.len ? memrchr(s.ptr, byte, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : STR_NOT_FOUND;
}

Str str_skip(Str s, size_t count)
{
    count = MIN(count, s.len);
    return (Str){.ptr = s.ptr + count, .len = s.len - count};
}

Str str_take(Str s, size_t count)
{
    return (Str){.ptr = s.ptr, .len = MIN(count, s.len)};
}

Str str_slice(Str s, size_t from, size_t to)
{
    to = MIN(to, s.len);
    from = MIN(from, to);
    return (Str){.ptr = s.ptr + from, .len = to - from};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

Str str_trim(Str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s = str_skip(s, 1);
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1])) {
        s.len--;
    }
    return s;
}

bool str_skip_prefix(Str *s, Str prefix)
{
    if (!str_starts_with(*s, prefix)) {
        return false;
    }
    *s = str_skip(*s, prefix.len);
    return true;
}

bool str_split_next(Str *rest, char separator, Str *ret_part)
{
    if (!rest->ptr) {
        return false;
    }
    size_t at = str_find_byte(*rest, separator);
    if (at == STR_NOT_FOUND) {
        *ret_part = *rest;
        *rest = (Str){0};
        return true;
    }
    *ret_part = str_take(*rest, at);
    *rest = str_skip(*rest, at + 1);
    return true;
}

bool str_to_u64(Str s, u64 *ret)
{
    u64 number = 0;
    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || __builtin_mul_overflow(number, 10U, &number) ||
            __builtin_add_overflow(number, (u64)(s.ptr[i] - '0'), &number)) {
            return false;
        }
    }
    *ret = number;
    return true;
}

bool str_to_i64(Str s, i64 *ret)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    u64 magnitude;
    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        s = str_skip(s, 1);
    }
    if (!str_to_u64(s, &magnitude) || magnitude > (u64)INT64_MAX + negative) {
        return false;
    }
    *ret = negative ? (i64)(0 - magnitude) : (i64)magnitude;
    return true;
}
