/*
 * Fuzzer of path_match beside a naive recursive twin. The first byte says where the pattern ends
 * and the name begins.
 *
 * Layer: os, tests only. Thread: main.
 */
#include "base/utf8.h"
#include "os/dir.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum {
    TEXT_MAX = 24, /* bytes of pattern and name: the twin takes exponential time */
    STARS_MAX = 5,
};

static bool twin_class(Str *pattern, u32 rune)
{
    bool negated = str_skip_prefix(pattern, S("^"));
    bool inside = false;
    while (!str_skip_prefix(pattern, S("]"))) {
        u32 low;
        u32 high;
        (void)str_skip_prefix(pattern, S("\\"));
        *pattern = str_skip(*pattern, utf8_decode(*pattern, &low));
        high = low;
        if (str_skip_prefix(pattern, S("-"))) {
            (void)str_skip_prefix(pattern, S("\\"));
            *pattern = str_skip(*pattern, utf8_decode(*pattern, &high));
        }
        inside = inside || (low <= rune && rune <= high);
    }
    return inside != negated;
}

/* The pattern is well-formed. */
static bool twin_matches(Str pattern, Str name)
{
    u32 rune;
    if (pattern.len == 0) {
        return name.len == 0;
    }
    size_t len = name.len > 0 ? utf8_decode(name, &rune) : 0;
    Str from_star = pattern;
    if (str_skip_prefix(&pattern, S("*"))) {
        return twin_matches(pattern, name) ||
               (len > 0 && twin_matches(from_star, str_skip(name, len)));
    }
    if (len == 0) {
        return false;
    }
    if (str_skip_prefix(&pattern, S("["))) {
        return twin_class(&pattern, rune) && twin_matches(pattern, str_skip(name, len));
    }
    if (str_skip_prefix(&pattern, S("?"))) {
        return twin_matches(pattern, str_skip(name, len));
    }
    u32 want;
    (void)str_skip_prefix(&pattern, S("\\"));
    pattern = str_skip(pattern, utf8_decode(pattern, &want));
    return want == rune && twin_matches(pattern, str_skip(name, len));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    Str text = {.ptr = (const char *)data + 1, .len = MIN(size - 1, (size_t)TEXT_MAX)};
    size_t cut = MIN((size_t)data[0], text.len);
    Str pattern = str_take(text, cut);
    Str name = str_skip(text, cut);
    size_t stars = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        stars += pattern.ptr[i] == '*';
    }
    bool match = false;
    Err err;
    if (!path_match(pattern, name, &match, &err)) {
        ASSERT(err.code == ERR_INVALID && err.pos <= pattern.len);
    } else if (stars <= STARS_MAX) {
        ASSERT(match == twin_matches(pattern, name));
    }
    return 0;
}
