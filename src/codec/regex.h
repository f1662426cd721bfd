/*
 * Regex: RE2's language over PCRE2 with limits, because label values and patterns come from
 * strangers: a hostile pattern ends in an error, never in a hang. Literals, prefixes, suffixes,
 * `.*`, `.+` and sets of literals are recognised before and cost a comparison.
 *
 * Layer: codec. Memory: regex_free. Thread: a Regex is immutable; matching is safe from any thread.
 * Source: RE2 syntax, github.com/google/re2/wiki/Syntax.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"

typedef struct Regex Regex;

typedef enum RegexFlags {
    REGEX_ANCHORED = 1 << 0, /* must match the whole subject */
    REGEX_DOT_ALL = 1 << 1,  /* '.' also matches a newline (Prometheus 3) */
    REGEX_IGNORE_CASE = 1 << 2,
} RegexFlags;

enum {
    REGEX_PATTERN_MAX = 64 * 1024, /* bytes of pattern */
    REGEX_GROUPS_MAX = 64,         /* capture groups that regex_match reports; more are allowed */
};

/*
 * Errors  ERR_INVALID with the byte position and RE2's words ("missing closing )", "invalid named
 * capture", …); constructs RE2 lacks (look-around, back-references) are refused
 */
bool regex_new(Str pattern, u32 flags, Regex **ret, Err *err) MUST_USE;
void regex_free(Regex *regex); /* NULL-safe */

/* Past the internal match limit the answer is false (and counted: regex_limit_hits). */
bool regex_test(const Regex *regex, Str subject);
u64 regex_limit_hits(void);

typedef struct RegexMatch {
    Str groups[REGEX_GROUPS_MAX]; /* 0: the whole match; a group that took no part has ptr NULL */
    size_t count;
} RegexMatch;
bool regex_match(const Regex *regex, Str subject, size_t from,
                 RegexMatch *ret); /* first match at or after `from` */

/* Go's Expand: $1, ${1}, ${name}, $$; unknown groups are empty. */
void regex_expand(const Regex *regex, const RegexMatch *match, Str replacement, Buf *out);

/*
 * When the pattern can match only these strings (a|b|c, foo, x(y|z)), the set; for index look-ups.
 * Borrowed from the regex. False when there is no such set of at most 256.
 */
bool regex_literals(const Regex *regex, const Str **ret, size_t *ret_count);

/* What every match must start with ("" when nothing is known). */
Str regex_prefix(const Regex *regex);

size_t regex_group_count(const Regex *regex);
Str regex_group_name(const Regex *regex, size_t group); /* empty without a name; group from 1 */
