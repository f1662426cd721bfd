/* Matchers: see matcher.h. Layer: model. Memory: matcher_done frees. Thread: any. */
#include "model/matcher.h"

#include "base/quote.h"
#include "codec/regex.h"

bool matcher_init(Matcher *matcher, MatchKind kind, Str name, Str value, Err *err)
{
    Matcher made = {.kind = kind, .name = name, .value = value};
    if ((kind == MATCH_REGEX || kind == MATCH_NOT_REGEX) &&
        !regex_new(value, REGEX_ANCHORED | REGEX_DOT_ALL, &made.regex, err)) {
        return false;
    }
    *matcher = made;
    return true;
}

void matcher_done(Matcher *matcher)
{
    regex_free(matcher->regex);
    matcher->regex = NULL;
}

bool matcher_matches(const Matcher *matcher, Str value)
{
    switch (matcher->kind) {
    case MATCH_EQUAL:
        return str_eq(value, matcher->value);
    case MATCH_NOT_EQUAL:
        return !str_eq(value, matcher->value);
    case MATCH_REGEX:
        return regex_test(matcher->regex, value);
    case MATCH_NOT_REGEX:
        return !regex_test(matcher->regex, value);
    }
    return false;
}

bool matcher_matches_empty(const Matcher *matcher)
{
    return matcher_matches(matcher, STR_EMPTY);
}

bool matchers_match(const Matcher *matchers, size_t count, Labels labels)
{
    for (size_t i = 0; i < count; i++) {
        if (!matcher_matches(&matchers[i], labels_get(labels, matchers[i].name))) {
            return false;
        }
    }
    return true;
}

void matcher_format(Buf *out, const Matcher *matcher)
{
    static const char *const signs[] = {
        [MATCH_EQUAL] = "=",
        [MATCH_NOT_EQUAL] = "!=",
        [MATCH_REGEX] = "=~",
        [MATCH_NOT_REGEX] = "!~",
    };
    if (label_name_legacy_valid(matcher->name)) {
        buf_str(out, matcher->name);
    } else {
        quote_go(out, matcher->name);
    }
    buf_str(out, str_from(signs[matcher->kind]));
    quote_go(out, matcher->value);
}
