/* Tests of model/matcher.h. */
#include "model/matcher.h"

#include "base/test.h"

static Matcher make(MatchKind kind, Str value)
{
    Matcher matcher;
    Err err;
    CHECK_OK(matcher_init(&matcher, kind, S("job"), value, &err), &err);
    return matcher;
}

TEST(matcher, each_kind_judges_values_and_the_absent_label)
{
    static const struct {
        MatchKind kind;
        Str value;
        Str subject;
        bool want;
        bool want_empty;
    } cases[] = {
        {MATCH_EQUAL, STR_INIT("api"), STR_INIT("api"), true, false},
        {MATCH_EQUAL, STR_INIT("api"), STR_INIT("apis"), false, false},
        {MATCH_EQUAL, STR_INIT(""), STR_INIT("api"), false, true},
        {MATCH_EQUAL, STR_INIT("a.c"), STR_INIT("abc"), false, false},
        {MATCH_NOT_EQUAL, STR_INIT("api"), STR_INIT("api"), false, true},
        {MATCH_NOT_EQUAL, STR_INIT("api"), STR_INIT("web"), true, true},
        {MATCH_NOT_EQUAL, STR_INIT(""), STR_INIT("api"), true, false},
        {MATCH_REGEX, STR_INIT("a.c"), STR_INIT("abc"), true, false},
        {MATCH_REGEX, STR_INIT("a.c"), STR_INIT("xabc"), false, false},
        {MATCH_REGEX, STR_INIT("a.c"), STR_INIT("abcx"), false, false},
        {MATCH_REGEX, STR_INIT("a.c"), STR_INIT("a\nc"), true, false},
        {MATCH_REGEX, STR_INIT("a|b"), STR_INIT("b"), true, false},
        {MATCH_REGEX, STR_INIT("a|b"), STR_INIT("ab"), false, false},
        {MATCH_REGEX, STR_INIT(".*"), STR_INIT("x\ny"), true, true},
        {MATCH_REGEX, STR_INIT(".+"), STR_INIT("x"), true, false},
        {MATCH_REGEX, STR_INIT(""), STR_INIT("x"), false, true},
        {MATCH_REGEX, STR_INIT("x?"), STR_INIT("x"), true, true},
        {MATCH_REGEX, STR_INIT("(?i)ABC"), STR_INIT("aBc"), true, false},
        {MATCH_NOT_REGEX, STR_INIT("a.c"), STR_INIT("abc"), false, true},
        {MATCH_NOT_REGEX, STR_INIT("a.c"), STR_INIT("xabc"), true, true},
        {MATCH_NOT_REGEX, STR_INIT(".*"), STR_INIT("x"), false, false},
        {MATCH_NOT_REGEX, STR_INIT(".+"), STR_INIT("x"), false, true},
        {MATCH_NOT_REGEX, STR_INIT(""), STR_INIT("x"), true, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Matcher matcher = make(cases[i].kind, cases[i].value);
        CHECK(matcher_matches(&matcher, cases[i].subject) == cases[i].want);
        CHECK(matcher_matches_empty(&matcher) == cases[i].want_empty);
        Label at[] = {{S("job"), cases[i].subject}};
        Label other[] = {{S("instance"), cases[i].subject}};
        CHECK(matchers_match(&matcher, 1, (Labels){at, 1}) == cases[i].want);
        CHECK(matchers_match(&matcher, 1, (Labels){other, 1}) == cases[i].want_empty);
        matcher_done(&matcher);
    }
}

TEST(matcher, all_of_several_must_match_and_none_always_does)
{
    Label at[] = {{S("instance"), S("a")}, {S("job"), S("api")}};
    Labels labels = {at, 2};
    Matcher both[2] = {make(MATCH_EQUAL, S("api")), make(MATCH_NOT_EQUAL, S("api"))};
    CHECK(matchers_match(NULL, 0, labels));
    CHECK(matchers_match(both, 1, labels));
    CHECK(!matchers_match(both, 2, labels));
    matcher_done(&both[0]);
    matcher_done(&both[1]);
}

TEST(matcher, a_bad_expression_is_refused_and_leaves_the_matcher_alone)
{
    static const Str bad[] = {STR_INIT("("), STR_INIT("a{2,1}"), STR_INIT("[z-a]"),
                              STR_INIT("(?=x)"), STR_INIT("*")};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Matcher matcher = {.name = S("kept")};
        Err err;
        CHECK(!matcher_init(&matcher, MATCH_REGEX, S("job"), bad[i], &err));
        CHECK_I64(err.code, ERR_INVALID);
        CHECK_STR(matcher.name, S("kept"));
        CHECK(!matcher_init(&matcher, MATCH_NOT_REGEX, S("job"), bad[i], &err));
        CHECK(matcher_init(&matcher, MATCH_EQUAL, S("job"), bad[i], &err));
        matcher_done(&matcher);
    }
}

TEST(matcher, text_form_quotes_values_and_odd_names)
{
    static const struct {
        MatchKind kind;
        Str name, value, want;
    } cases[] = {
        {MATCH_EQUAL, STR_INIT("job"), STR_INIT("a"), STR_INIT("job=\"a\"")},
        {MATCH_NOT_EQUAL, STR_INIT("job"), STR_INIT(""), STR_INIT("job!=\"\"")},
        {MATCH_REGEX, STR_INIT("job"), STR_INIT("a|b"), STR_INIT("job=~\"a|b\"")},
        {MATCH_NOT_REGEX, STR_INIT("a.b"), STR_INIT("\\d"), STR_INIT("\"a.b\"!~\"\\\\d\"")},
        {MATCH_EQUAL, STR_INIT("1x"), STR_INIT("\n"), STR_INIT("\"1x\"=\"\\n\"")},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Matcher matcher;
        Err err;
        Buf out;
        buf_init(&out, 1024);
        CHECK_OK(matcher_init(&matcher, cases[i].kind, cases[i].name, cases[i].value, &err), &err);
        matcher_format(&out, &matcher);
        CHECK_STR(buf_view(&out), cases[i].want);
        matcher_done(&matcher);
        buf_done(&out);
    }
}
