/*
 * Fuzzer of codec/number.h. Oracles: strtod on what it and Go both take; the shortest form reads
 * back to the same bits; a prefix that is read is the number that the whole of it is.
 */
#include "base/random.h"
#include "codec/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum {
    INPUT_MAX = 4096, /* bytes */
};

static bool same(f64 a, f64 b)
{
    return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

static void check_text(Str s)
{
    static char copy[INPUT_MAX + 1];
    f64 value = 7;
    bool ok = f64_parse(s, &value);
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    if (ok || value != 7) {
        char *end;
        f64 want = strtod(copy, &end);
        ASSERT(end == copy + s.len);
        ASSERT(same(value, want));
        ASSERT(ok || isinf(value));
    }
    f64 prefix = 7;
    size_t len = f64_parse_prefix(s, &prefix);
    ASSERT(len <= s.len);
    if (len) {
        ASSERT(f64_parse(str_take(s, len), &value));
        ASSERT(same(prefix, value));
    }
}

static void check_value(f64 value)
{
    static size_t (*const forms[])(char to[F64_TEXT_MAX], f64 value) = {
        f64_format_g, f64_format_f, f64_format_e, f64_format_v, f64_format_api};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        char text[F64_TEXT_MAX];
        f64 again;
        size_t len = forms[i](text, value);
        ASSERT(len <= F64_TEXT_MAX);
        ASSERT(f64_parse((Str){.ptr = text, .len = len}, &again));
        ASSERT(same(again, value));
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size > INPUT_MAX) {
        return 0;
    }
    if (size > 0) {
        check_text((Str){.ptr = (const char *)data, .len = size});
    }
    if (size >= sizeof(f64)) {
        f64 value;
        memcpy(&value, data, sizeof(value));
        check_value(value);
    }
    return 0;
}
