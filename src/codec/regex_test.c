/* Regex: tests. Layer: codec. */
#include "codec/regex.h"

#include "base/mem.h"
#include "base/random.h"
#include "base/test.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static Regex *make(const char *pattern, u32 flags)
{
    Regex *regex = NULL;
    Err err;
    CHECK_OK(regex_new(str_from(pattern), flags, &regex, &err), &err);
    return regex;
}

TEST(regex, refuses_what_re2_refuses_in_its_words)
{
    static const struct {
        Str pattern;
        const char *error; /* NULL: accepted */
    } cases[] = {
        {STR_INIT("a(b"), "missing closing ): `a(b`"},
        {STR_INIT("(?:a"), "missing closing ): `(?:a`"},
        {STR_INIT("((("), "missing closing ): `(((`"},
        {STR_INIT("a)b"), "unexpected ): `a)b`"},
        {STR_INIT("[a"), "missing closing ]: `[a`"},
        {STR_INIT("x[]"), "missing closing ]: `[]`"},
        {STR_INIT("[[:alpha:]"), "missing closing ]: `[[:alpha:]`"},
        {STR_INIT("[z-a]"), "invalid character class range: `z-a`"},
        {STR_INIT("[[:foo:]]"), "invalid character class range: `[:foo:]`"},
        {STR_INIT("\\p{Foo}"), "invalid character class range: `\\p{Foo}`"},
        {STR_INIT("\\pX"), "invalid character class range: `\\pX`"},
        {STR_INIT("\\p"), "invalid character class range: `\\p`"},
        {STR_INIT("\\p{L&}"), "invalid character class range: `\\p{L&}`"},
        {STR_INIT("*a"), "missing argument to repetition operator: `*`"},
        {STR_INIT("a|*"), "missing argument to repetition operator: `*`"},
        {STR_INIT("(+)"), "missing argument to repetition operator: `+`"},
        {STR_INIT("{2}"), "missing argument to repetition operator: `{2}`"},
        {STR_INIT("(?i)*"), "missing argument to repetition operator: `*`"},
        {STR_INIT("a**"), "invalid nested repetition operator: `**`"},
        {STR_INIT("a*+"), "invalid nested repetition operator: `*+`"},
        {STR_INIT("a++"), "invalid nested repetition operator: `++`"},
        {STR_INIT("a???"), "invalid nested repetition operator: `???`"},
        {STR_INIT("a{2}{3}"), "invalid nested repetition operator: `{2}{3}`"},
        {STR_INIT("a{1001}"), "invalid repeat count: `{1001}`"},
        {STR_INIT("a{3,2}"), "invalid repeat count: `{3,2}`"},
        {STR_INIT("x{2147483648}"), "invalid repeat count: `{2147483648}`"},
        {STR_INIT("(a{100}){100}"), "invalid repeat count: `{100}`"},
        {STR_INIT("((a{10}){10}){11}"), "invalid repeat count: `{11}`"},
        {STR_INIT("a\\"), "trailing backslash at end of expression: ``"},
        {STR_INIT("[\\"), "trailing backslash at end of expression: ``"},
        {STR_INIT("(?P<n"), "invalid named capture: `(?P<n`"},
        {STR_INIT("(?P<n!>a)"), "invalid named capture: `(?P<n!>`"},
        {STR_INIT("(?P<>a)"), "invalid named capture: `(?P<>`"},
        {STR_INIT("(?<=a)b"), "invalid named capture: `(?<=a)b`"},
        {STR_INIT("(?=a)"), "invalid or unsupported Perl syntax: `(?=`"},
        {STR_INIT("(?!a)"), "invalid or unsupported Perl syntax: `(?!`"},
        {STR_INIT("(?>a)"), "invalid or unsupported Perl syntax: `(?>`"},
        {STR_INIT("(?#x)"), "invalid or unsupported Perl syntax: `(?#`"},
        {STR_INIT("(?P=n)"), "invalid or unsupported Perl syntax: `(?P`"},
        {STR_INIT("(?R)"), "invalid or unsupported Perl syntax: `(?R`"},
        {STR_INIT("(?1)"), "invalid or unsupported Perl syntax: `(?1`"},
        {STR_INIT("(?(1)a)"), "invalid or unsupported Perl syntax: `(?(`"},
        {STR_INIT("(?C1)"), "invalid or unsupported Perl syntax: `(?C`"},
        {STR_INIT("(?|a|b)"), "invalid or unsupported Perl syntax: `(?|`"},
        {STR_INIT("(?'n'a)"), "invalid or unsupported Perl syntax: `(?'`"},
        {STR_INIT("(?x)"), "invalid or unsupported Perl syntax: `(?x`"},
        {STR_INIT("(?i"), "invalid or unsupported Perl syntax: `(?i`"},
        {STR_INIT("(?-)"), "invalid or unsupported Perl syntax: `(?-)`"},
        {STR_INIT("(?i-:a)"), "invalid or unsupported Perl syntax: `(?i-:`"},
        {STR_INIT("(*ACCEPT)"), "missing argument to repetition operator: `*`"},
        {STR_INIT("\\1"), "invalid escape sequence: `\\1`"},
        {STR_INIT("(a)\\1"), "invalid escape sequence: `\\1`"},
        {STR_INIT("\\8"), "invalid escape sequence: `\\8`"},
        {STR_INIT("\\k<n>"), "invalid escape sequence: `\\k`"},
        {STR_INIT("\\C"), "invalid escape sequence: `\\C`"},
        {STR_INIT("\\K"), "invalid escape sequence: `\\K`"},
        {STR_INIT("\\G"), "invalid escape sequence: `\\G`"},
        {STR_INIT("\\R"), "invalid escape sequence: `\\R`"},
        {STR_INIT("\\X"), "invalid escape sequence: `\\X`"},
        {STR_INIT("\\h"), "invalid escape sequence: `\\h`"},
        {STR_INIT("\\Z"), "invalid escape sequence: `\\Z`"},
        {STR_INIT("\\E"), "invalid escape sequence: `\\E`"},
        {STR_INIT("\\cA"), "invalid escape sequence: `\\c`"},
        {STR_INIT("\\x"), "invalid escape sequence: `\\x`"},
        {STR_INIT("\\x{110000}"), "invalid escape sequence: `\\x{110000`"},
        {STR_INIT("\\\xC3\xA9"), "invalid escape sequence: `\\\xC3\xA9`"},
        {STR_INIT("[a-\\d]"), "invalid escape sequence: `\\d`"},
        {STR_INIT("[\\b]"), "invalid escape sequence: `\\b`"},
        {STR_INIT("a\xFF"
                  "b"),
         "invalid UTF-8: `\xFF"
         "b`"},
        {STR_INIT("\\07\\x41\\x{1F600}\\a\\f\\n\\r\\t\\v\\_\\-"), NULL},
        {STR_INIT("\\pN\\p{Greek}\\p{^L}\\PN\\p{Lu}\\p{Any}\\p{ASCII}[\\pL\\d_]"), NULL},
        {STR_INIT("[[:alpha:][:^space:]]x[]a]y[^]a]z[\\d-a]"), NULL},
        {STR_INIT("(?P<a>x)(?<b>y)(?i)z(?s-m:w)(?U)v*(?)"), NULL},
        {STR_INIT("\\Qa.*\\E*\\A\\z\\b\\B^*$"), NULL},
        {STR_INIT("a{,2}b{c{1"), NULL},
        {STR_INIT("(|a)*()|"), NULL},
        {STR_INIT("\\x{d800}[\\x{d800}-\\x{dfff}]"), NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Regex *regex = NULL;
        Err err = {0};
        bool ok = regex_new(cases[i].pattern, 0, &regex, &err);
        if (cases[i].error) {
            char want[200];
            (void)snprintf(want, sizeof(want), "error parsing regexp: %s", cases[i].error);
            CHECK_STR(ok ? cases[i].pattern : STR_EMPTY, STR_EMPTY);
            CHECK_STR(str_from(err.message), str_from(want));
            CHECK_I64(err.code, ERR_INVALID);
            CHECK(err.pos <= cases[i].pattern.len);
        } else {
            CHECK_OK(ok, &err);
        }
        regex_free(regex);
    }
}

typedef struct MatchCase {
    const char *pattern;
    u32 flags;
    const char *yes[4];
    const char *no[4];
} MatchCase;

TEST(regex, matches_what_re2_matches)
{
    enum { WHOLE = REGEX_ANCHORED | REGEX_DOT_ALL };
    static const MatchCase cases[] = {
        /* literals, sets, shapes */
        {"foo", WHOLE, {"foo"}, {"", "fo", "foox", "xfoo"}},
        {"foo|bar|", WHOLE, {"foo", "bar", ""}, {"b", "foobar"}},
        {"x(?:y|z)?[0-2]", WHOLE, {"x0", "xy1", "xz2"}, {"x", "xy", "x3", "xyz1"}},
        {"foo.*", WHOLE, {"foo", "foobar", "foo\nbar"}, {"fo", "xfoo"}},
        {"foo.+", WHOLE, {"foox", "foo\n"}, {"foo", "fo"}},
        {".*foo", WHOLE, {"foo", "xfoo"}, {"foox", "fo"}},
        {".+foo", WHOLE, {"xfoo"}, {"foo"}},
        {".*foo.*", WHOLE, {"foo", "xfoox", "\nfoo\n"}, {"fo", ""}},
        {".+foo.+", WHOLE, {"xfoox", "foofoox"}, {"foo", "xfoo", "foox", "foofoo"}},
        {"a.*b.+c", WHOLE, {"abxc", "axbbxbc", "abbc"}, {"abc", "ab", "ac"}},
        {"a.*a", WHOLE, {"aa", "aba"}, {"a", ""}},
        {".*", WHOLE, {"", "x\ny"}, {NULL}},
        {".+", WHOLE, {"x", "\n"}, {""}},
        {"^(?:foo|bar)$", WHOLE, {"foo", "bar"}, {"foobar"}},
        {"(?:^foo$|bar.*|.*baz)", WHOLE, {"foo", "barx", "xbaz"}, {"xfoo", "xbar"}},
        {"foo.*", REGEX_ANCHORED, {"foo", "foobar"}, {"foo\n", "foo\nbar"}},
        {"a.*b.*c", REGEX_ANCHORED, {"abc", "axbxc"}, {"a\nbc", "ab\nc", "ab"}},
        {"a.{2}b",
         WHOLE,
         {"axxb", "a\xC3\xA9\xC3\xA9"
                  "b"},
         {"axb", "axxxb"}},
        /* floating */
        {"foo", 0, {"foo", "xfoox"}, {"fo", ""}},
        {"^foo", 0, {"foo", "foox"}, {"xfoo", "\nfoo"}},
        {"foo$", 0, {"foo", "xfoo"}, {"foox", "foo\n"}},
        {"^foo$", 0, {"foo"}, {"xfoo", "foo\n"}},
        {"(?m)^foo$", 0, {"foo", "x\nfoo", "foo\nx", "x\nfoo\n"}, {"xfoo", "foox"}},
        {"(?m)^$", 0, {"", "x\n", "\n", "x\n\ny"}, {"x", "x\ny"}},
        {"a.c", 0, {"abc"}, {"a\nc"}},
        {"(?s)a.c", 0, {"abc", "a\nc"}, {"ac"}},
        {"(aa|a)b*a", 0, {"aa", "xaa", "aaa", "aba"}, {"a", "ab"}},
        {"(1|)b*1", 0, {"1", "11", "b1"}, {"b"}},
        {"foo[0-9]", 0, {"foofoo1", "xfoo1"}, {"foo", "fo1"}},
        {"foo|ba[rz].", 0, {"xfoo", "xbarx"}, {"bar", "ba"}},
        /* classes */
        {"\\d+", WHOLE, {"0123"}, {"", "12a", "\xD9\xA3"}}, /* ARABIC-INDIC DIGIT THREE */
        {"\\w+", WHOLE, {"aZ_9"}, {"\xC3\xA9", "a-b"}},
        {"\\s+", WHOLE, {" \t\n\f\r"}, {"\v", "\xC2\xA0"}},
        {"[[:space:]]+", WHOLE, {" \t\n\v\f\r"}, {"x"}},
        {"\\pN+", WHOLE, {"12", "\xD9\xA3", "\xC2\xBD"}, {"a"}},
        {"\\p{Greek}+", WHOLE, {"\xCE\xB1\xCE\xB2"}, {"a"}},
        {"\\P{Greek}", WHOLE, {"a"}, {"\xCE\xB1"}},
        {"[^\\p{Greek}a]", WHOLE, {"b", "\n"}, {"a", "\xCE\xB1"}},
        {"[^a]", WHOLE, {"b", "\n"}, {"a", "", "bb"}},
        {"[a\\]\\-x-z]+", WHOLE, {"a]-xyz"}, {"w", "\\"}},
        {"[[:^alpha:]]", WHOLE, {"1", "\xC3\xA9"}, {"a"}},
        {"[\\x{d800}-\\x{e000}]", WHOLE, {"\xEE\x80\x80"}, {"\xED\x9F\xBF"}},
        {"\\x{d800}|a", WHOLE, {"a"}, {"\xEF\xBF\xBD"}},
        {"[^\\x00-\\x{10FFFF}]", 0, {NULL}, {"", "a"}},
        {"\\bfoo\\b",
         0,
         {"a foo b", "foo"},
         {"foob", "\x5F"
                  "foo"}},
        {"\\Bo", 0, {"foo"}, {"o"}},
        /* letter case */
        {"foo", WHOLE | REGEX_IGNORE_CASE, {"FOO", "fOo"}, {"fo"}},
        {"(?i)straSSe",
         WHOLE,
         {"STRASSE", "stra\xC5\xBFse"},
         {"stra\xC3\x9F"
          "e"}},
        {"(?i)\\w", WHOLE, {"k", "\xE2\x84\xAA", "\xC5\xBF"}, {"\xC3\xA9"}},
        {"(?i)\\W", WHOLE, {"\xC3\xA9"}, {"k", "\xE2\x84\xAA", "\xC5\xBF"}},
        {"(?i)[^k]", WHOLE, {"j"}, {"k", "K", "\xE2\x84\xAA"}},
        {"(?i)\\p{Lu}", WHOLE, {"a", "A"}, {"1"}},
        {"(?i:a)b", WHOLE, {"ab", "Ab"}, {"aB"}},
        {"a(?i)b(?-i)c", WHOLE, {"abc", "aBc"}, {"Abc", "abC"}},
        /* quoting and escapes */
        {"\\Qa.*\\E", WHOLE, {"a.*"}, {"abc"}},
        {"\\Qab\\E+", WHOLE, {"ab", "abb"}, {"abab"}},
        {"a\\.b", WHOLE, {"a.b"}, {"axb"}},
        {"\\x41\\x{42}\\103", WHOLE, {"ABC"}, {"abc"}},
        {"a{,2}", WHOLE, {"a{,2}"}, {"aa"}},
        {"a#b c", WHOLE, {"a#b c"}, {"a"}},
        {"\xC3\xA9+", WHOLE, {"\xC3\xA9\xC3\xA9"}, {"\xC3\xA9\xA9"}},
        /* invalid bytes count as U+FFFD */
        {".", WHOLE, {"\xFF", "\x80"}, {"\xFF\xFF", "\xE2\x82"}},
        {"..", WHOLE, {"\xFF\xFF", "\xE2\x82"}, {"\xE2\x82\xAC"}},
        {"a.*b",
         WHOLE,
         {"a\xFF"
          "b"},
         {"a\xFF"}},
        {"a[^x]b",
         WHOLE,
         {"a\xFF"
          "b"},
         {"a\xFF\xFF"
          "b"}},
        {"a\xEF\xBF\xBD"
         "b",
         WHOLE,
         {"a\xFF"
          "b",
          "a\xEF\xBF\xBD"
          "b"},
         {"a\xFF\xFF"
          "b"}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Regex *regex = make(cases[i].pattern, cases[i].flags);
        for (size_t k = 0; k < 4; k++) {
            RegexMatch match;
            const char *yes = cases[i].yes[k];
            const char *no = cases[i].no[k];
            bool right = (!yes || (regex_test(regex, str_from(yes)) &&
                                   regex_match(regex, str_from(yes), 0, &match))) &&
                         (!no || (!regex_test(regex, str_from(no)) &&
                                  !regex_match(regex, str_from(no), 0, &match)));
            if (!right) {
                (void)printf("%s with \"%s\" or \"%s\"\n", cases[i].pattern, yes ? yes : "-",
                             no ? no : "-");
            }
            CHECK(right);
        }
        regex_free(regex);
    }
}

static void check_expand(const char *pattern, u32 flags, const char *subject,
                         const char *replacement, const char *want)
{
    Regex *regex = make(pattern, flags);
    RegexMatch match;
    CHECK(regex_match(regex, str_from(subject), 0, &match));
    Buf out;
    buf_init(&out, KIB);
    regex_expand(regex, &match, str_from(replacement), &out);
    CHECK_STR(buf_view(&out), str_from(want));
    buf_done(&out);
    regex_free(regex);
}

TEST(regex, expands_groups_as_go_does)
{
    static const struct {
        const char *pattern;
        const char *subject;
        const char *replacement;
        const char *want;
    } cases[] = {
        {"(.*)", "value", "$1", "value"},
        {"(.*)", "", "<$1>", "<>"},
        {"(.*)", "x", "$$1 $ ${1 ${} $- $", "$1 $ ${1 ${} $- $"},
        {"(.*)", "x", "$1y", ""}, /* the group named 1y */
        {"(.*)", "x", "${1}y $2 $01", "xy  "},
        {"__meta_(.+)_label", "__meta_a_b_label", "$1", "a_b"},
        {"a(.*)(c)", "abc", "$2$1$0", "cbabc"},
        {"a((.*)b)", "axb", "$1-$2", "xb-x"},
        {"(a)(b)?", "a", "[$1$2]", "[a]"},
        {"([^:]+)(?::\\d+)?;(\\d+)", "host:80;90", "$1:$2", "host:90"},
        {"(?P<host>.*):(?<port>\\d+)", "h:1", "${port}/$host", "1/h"},
        {"(?P<n>a)|(?P<n>b)", "b", "$n", "b"},
        {"(foo|bar)", "bar", "$1", "bar"},
        {"foo", "foo", "$0$1", "foo"},
        {"a(\xFF?.)b", "", "", ""},
    };
    for (size_t i = 0; i + 1 < COUNT_OF(cases); i++) {
        check_expand(cases[i].pattern, REGEX_ANCHORED | REGEX_DOT_ALL, cases[i].subject,
                     cases[i].replacement, cases[i].want);
    }
    check_expand("b(.)", 0, "abcbd", "$1", "c");
    /* Offsets are those of the original bytes although U+FFFD is longer than what it stands for. */
    check_expand("(.)b(.)", 0,
                 "\xFF\xFE"
                 "b\xC3",
                 "[$1|$2]", "[\xFE|\xC3]");
}

TEST(regex, finds_one_match_after_the_other)
{
    Regex *regex = make("[0-9]+", 0);
    Str subject = S("a1b22\xFF"
                    "c333");
    static const char *const want[] = {"1", "22", "333"};
    size_t from = 0;
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        RegexMatch match;
        CHECK(regex_match(regex, subject, from, &match));
        CHECK_STR(match.groups[0], str_from(want[i]));
        from = (size_t)(match.groups[0].ptr - subject.ptr) + match.groups[0].len;
    }
    RegexMatch match;
    CHECK(!regex_match(regex, subject, from, &match));
    CHECK(!regex_match(regex, subject, subject.len + 1, &match));
    regex_free(regex);
}

TEST(regex, tells_the_literals_and_the_prefix)
{
    static const struct {
        const char *pattern;
        const char *literals; /* joined with commas; NULL: no set */
        const char *prefix;
    } cases[] = {
        {"foo", "foo", "foo"},
        {"", "", ""},
        {"b|a|b", "a,b", ""},
        {"(?:prod|preview)-[12]", "preview-1,preview-2,prod-1,prod-2", "pr"},
        {"x(y|z)", "xy,xz", "x"},
        {"^foo$", "foo", "foo"},
        {"colou?r", "color,colour", "colo"},
        {"a{2,3}", "aa,aaa", "a"},
        {"(?i)12", "12", ""},
        {"(?i)ab", NULL, ""},
        {"foo.*", NULL, "foo"},
        {"foo(bar|baz.*)", NULL, "fooba"},
        {"[a-z]+", NULL, ""},
        {"node_(cpu|memory)_.+", NULL, "node_"},
        {".*foo", NULL, ""},
        {"a+b", NULL, "a"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Regex *regex = make(cases[i].pattern, REGEX_ANCHORED | REGEX_DOT_ALL);
        const Str *literals;
        size_t count;
        bool known = regex_literals(regex, &literals, &count);
        CHECK(known == (cases[i].literals != NULL));
        Buf joined;
        buf_init(&joined, KIB);
        for (size_t k = 0; known && k < count; k++) {
            buf_str(&joined, k > 0 ? S(",") : STR_EMPTY);
            buf_str(&joined, literals[k]);
        }
        CHECK_STR(buf_view(&joined), str_from(known ? cases[i].literals : ""));
        CHECK_STR(regex_prefix(regex), str_from(cases[i].prefix));
        buf_done(&joined);
        regex_free(regex);
    }
    Regex *floating = make("foo", 0);
    const Str *literals;
    size_t count;
    CHECK(!regex_literals(floating, &literals, &count));
    regex_free(floating);
}

static f64 seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (f64)now.tv_sec + (f64)now.tv_nsec / 1e9;
}

TEST(regex, hostile_patterns_end_soon)
{
    static const char *const patterns[] = {
        "(a*)*b",          "(a+)+b",         "(a|aa)+b",          "(.*)(.*)(.*)(.*)(.*)(.*)b",
        "([a-z]+)*\\d",    "(a?){50}a{50}b", "(?i)(x?a|a)*[0-9]", "(?:a|b|ab)*c",
        "(((a*)*)*)*[^a]", ".*.*.*.*.*=.*",
    };
    enum { SUBJECT_LEN = 100 * 1000 };
    char *subject = mem_alloc(SUBJECT_LEN);
    memset(subject, 'a', SUBJECT_LEN);
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        for (u32 flags = 0; flags <= REGEX_ANCHORED; flags++) {
            Regex *regex = make(patterns[i], flags);
            f64 begin = seconds();
            CHECK(!regex_test(regex, (Str){.ptr = subject, .len = SUBJECT_LEN}));
            f64 took = seconds() - begin;
            if (took > 1) {
                (void)printf("%s flags %u took %.3f s\n", patterns[i], flags, took);
            }
            CHECK(took < 5); /* sanitizers and a busy machine included */
            regex_free(regex);
        }
    }
    mem_free(subject);
    CHECK(regex_limit_hits() > 0);
}

TEST(regex, large_sets_and_alternations_work)
{
    Buf pattern;
    buf_init(&pattern, REGEX_PATTERN_MAX);
    for (int i = 0; i < 3000; i++) {
        buf_printf(&pattern, "%shost-%d[a-z]*x", i ? "|" : "", i);
    }
    Regex *regex = NULL;
    Err err;
    CHECK_OK(regex_new(buf_view(&pattern), REGEX_ANCHORED, &regex, &err), &err);
    CHECK(regex_test(regex, S("host-0x")));
    CHECK(regex_test(regex, S("host-2999abcx")));
    CHECK(!regex_test(regex, S("host-3000x")));
    regex_free(regex);

    buf_clear(&pattern);
    for (int i = 0; i < 6000; i++) {
        buf_printf(&pattern, "%shost%d", i ? "|" : "", i);
    }
    CHECK_OK(regex_new(buf_view(&pattern), REGEX_ANCHORED, &regex, &err), &err);
    CHECK(regex_test(regex, S("host5999")));
    CHECK(!regex_test(regex, S("host6000")));
    RegexMatch match;
    CHECK(regex_match(regex, S("host42"), 0, &match));
    regex_free(regex);

    buf_clear(&pattern);
    for (int i = 0; i < 3000; i++) {
        buf_printf(&pattern, "%sq(%d)[a-z]", i ? "|" : "", i);
    }
    CHECK_OK(regex_new(buf_view(&pattern), 0, &regex, &err), &err);
    CHECK(regex_match(regex, S("__q7z"), 0, &match));
    CHECK_U64(match.count, REGEX_GROUPS_MAX);
    CHECK_STR(match.groups[0], S("q7z"));
    CHECK_STR(match.groups[8], S("7"));
    CHECK(!match.groups[9].ptr);
    CHECK(regex_match(regex, S("__q2999z q0a"), 0, &match));
    CHECK_STR(match.groups[0], S("q2999z"));
    regex_free(regex);

    buf_clear(&pattern);
    while (pattern.len < REGEX_PATTERN_MAX - 2) {
        buf_lit(&pattern, "a");
    }
    CHECK_OK(regex_new(buf_view(&pattern), REGEX_ANCHORED, &regex, &err), &err);
    CHECK(regex_test(regex, buf_view(&pattern)));
    regex_free(regex);
    buf_lit(&pattern, "aa");
    buf_done(&pattern);

    char *deep = mem_alloc(2000);
    memset(deep, '(', 1000);
    memset(deep + 1000, ')', 1000);
    CHECK(!regex_new((Str){.ptr = deep, .len = 2000}, 0, &regex, &err));
    CHECK(str_contains(str_from(err.message), S("expression nests too deeply")));
    CHECK_OK(regex_new((Str){.ptr = deep + 800, .len = 400}, 0, &regex, &err), &err);
    CHECK(regex_test(regex, S("")));
    regex_free(regex);
    mem_free(deep);
}
