/*
 * Matchers: one condition on one label. A label that is absent has the empty value. Regular
 * expressions are anchored at both ends.
 *
 * Layer: model. Memory: matcher_done frees the compiled expression; name and value are borrowed.
 * Thread: immutable after matcher_init; matching is safe from any thread.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "model/labels.h"

typedef struct Regex Regex; /* codec/regex.h */

typedef enum MatchKind { MATCH_EQUAL, MATCH_NOT_EQUAL, MATCH_REGEX, MATCH_NOT_REGEX } MatchKind;

typedef struct Matcher {
    MatchKind kind;
    Str name;
    Str value;
    Regex *regex; /* owned; for the two regex kinds */
} Matcher;

bool matcher_init(Matcher *matcher, MatchKind kind, Str name, Str value, Err *err) MUST_USE;
void matcher_done(Matcher *matcher);
bool matcher_matches(const Matcher *matcher, Str value);
bool matcher_matches_empty(const Matcher *matcher); /* would an absent label pass? */
bool matchers_match(const Matcher *matchers, size_t count, Labels labels);
void matcher_format(Buf *out, const Matcher *matcher); /* job=~"a|b" */
