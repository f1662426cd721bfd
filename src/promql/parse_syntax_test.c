/* Tests of promql/parse.h: the words and places of syntax errors. */
#include "promql/parse_fixture.h"

#include "base/test.h"

static const ParseOpts all = {true, true, true};

static const RefuseCase bad_lexing[] = {
    {"", "unknown position: parse error: no expression found in input"},
    {"   ", "1:1: parse error: no expression found in input"},
    {"# only a comment", "1:1: parse error: no expression found in input"},
    {"a $ b", "1:3: parse error: unexpected character: '$'"},
    {"a ~ b", "1:3: parse error: unexpected character: '~'"},
    {"a ; b", "1:3: parse error: unexpected character: ';'"},
    {"é", "1:1: parse error: unexpected character: 'é'"},
    {"a ! b", "1:3: parse error: unexpected character after '!': ' '"},
    {"a !~ b", "1:3: parse error: unexpected character after '!': '~'"},
    {"a =~ b", "1:3: parse error: unexpected character after '=': '~'"},
    {"a = b", "1:3: parse error: unexpected \"=\""},
    {"a == ~", "1:6: parse error: unexpected character: '~'"},
    {"(", "1:2: parse error: unclosed left parenthesis"},
    {"((a)", "1:5: parse error: unclosed left parenthesis"},
    {"(a", "1:3: parse error: unclosed left parenthesis"},
    {"a)", "1:3: parse error: unexpected right parenthesis ')'"},
    {"())", "1:2: parse error: unexpected \")\""},
    {"a]", "1:2: parse error: unexpected right bracket ']'"},
    {"a[", "1:3: parse error: unexpected end of input in duration expression"},
    {"a[5m", "1:5: parse error: unclosed left bracket"},
    {"a[5m:", "1:6: parse error: unclosed left bracket"},
    {"a[[5m]", "1:3: parse error: unexpected character in duration expression: '['"},
    {"a[5m]]", "1:6: parse error: unexpected right bracket ']'"},
    {"a[5m:1m:1s]", "1:8: parse error: unexpected colon ':'"},
    {"a[:5m]", "1:4: parse error: unexpected colon before duration in duration expression"},
    {"a[::]", "1:4: parse error: unexpected colon before duration in duration expression"},
    {"a[5m::]", "1:6: parse error: unexpected colon ':'"},
    {"{", "1:2: parse error: unexpected end of input inside braces"},
    {"{a", "1:3: parse error: unexpected end of input inside braces"},
    {"{a=\"b\"", "1:7: parse error: unexpected end of input inside braces"},
    {"{a=\"b\"}}", "1:8: parse error: unexpected character: '}'"},
    {"{a=\"b\"{", "1:7: parse error: unexpected left brace '{'"},
    {"a{$}", "1:3: parse error: unexpected character inside braces: '$'"},
    {"a{1}", "1:3: parse error: unexpected character inside braces: '1'"},
    {"a{a!b}", "1:4: parse error: unexpected character after '!' inside braces: 'b'"},
    {"a{a!\"b\"}", "1:4: parse error: unexpected character after '!' inside braces: '\"'"},
    {"a{-}", "1:3: parse error: unexpected character inside braces: '-'"},
    {"\"abc", "1:1: parse error: unterminated quoted string"},
    {"'abc", "1:1: parse error: unterminated quoted string"},
    {"`abc", "1:1: parse error: unterminated raw string"},
    {"\"a\nb\"", "1:1: parse error: unterminated quoted string"},
    {"\"\\q\"", "1:1: parse error: unknown escape sequence U+0071 'q'"},
    {"\"\\", "1:1: parse error: escape sequence not terminated"},
    {"\"\\x4", "1:1: parse error: escape sequence not terminated"},
    {"\"\\xzz\"", "1:1: parse error: illegal character U+007A 'z' in escape sequence"},
    {"\"\\u12\"", "1:1: parse error: illegal character U+0022 '\"' in escape sequence"},
    {"\"\\u12g4\"", "1:1: parse error: illegal character U+0067 'g' in escape sequence"},
    {"\"\\400\"", "1:1: parse error: escape sequence is an invalid Unicode code point"},
    {"\"\\ud800\"", "1:1: parse error: escape sequence is an invalid Unicode code point"},
    {"\"\\U00110000\"", "1:1: parse error: escape sequence is an invalid Unicode code point"},
    {"\"\\8\"", "1:1: parse error: unknown escape sequence U+0038 '8'"},
    {"\"\\'\"", "1:1: parse error: unknown escape sequence U+0027 '''"},
    {"'\\\"'", "1:1: parse error: unknown escape sequence U+0022 '\"'"},
    {"\"\\é\"", "1:1: parse error: unknown escape sequence U+00E9 'é'"},
    {"a[\"5m\"]", "1:3: parse error: unexpected character in duration expression: '\"'"},
    {"a[x]", "1:3: parse error: unexpected character in duration expression: 'x'"},
    {"a[5mx]", "1:3: parse error: bad number or duration syntax: \"5mx\""},
    {"a[s]", "1:3: parse error: unexpected character in duration expression: 's'"},
    {"a[stepx]", "1:3: parse error: unexpected character in duration expression: 's'"},
    {"a[5m x]", "1:6: parse error: unexpected character: 'x', expected ':'"},
    {"a[5m s]", "1:6: parse error: unexpected character: 's', expected ':'"},
    {"1x", "1:1: parse error: bad number or duration syntax: \"1\""},
    {"0x",
     "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax"},
    {"0xg", "1:1: parse error: bad number or duration syntax: \"0x\""},
    {"1e", "1:1: parse error: bad number or duration syntax: \"1e\""},
    {"1e+", "1:1: parse error: bad number or duration syntax: \"1e+\""},
    {"1ee5", "1:1: parse error: bad number or duration syntax: \"1ee\""},
    {"1.2.3", "1:1: parse error: bad number or duration syntax: \"1.2.\""},
    {"1..2", "1:1: parse error: bad number or duration syntax: \"1..\""},
    {"1_", "1:1: parse error: bad number or duration syntax: \"1_\""},
    {"1__0", "1:1: parse error: bad number or duration syntax: \"1__\""},
    {"0x1.5", "1:1: parse error: bad number or duration syntax: \"0x1.\""},
    {"1y2", "1:1: parse error: bad number or duration syntax: \"1y2\""},
    {"5mx", "1:1: parse error: bad number or duration syntax: \"5mx\""},
    {"1m5", "1:1: parse error: bad number or duration syntax: \"1m5\""},
    {"1ms5x", "1:1: parse error: bad number or duration syntax: \"1ms5\""},
    {"1_000_", "1:1: parse error: bad number or duration syntax: \"1_000_\""},
    {"5z", "1:1: parse error: bad number or duration syntax: \"5\""},
    {".", "1:1: parse error: unexpected character: '.'"},
    {"a @ é", "1:5: parse error: unexpected character: 'é'"},
    {"a[#]", "1:3: parse error: unexpected character in duration expression: '#'"},
    {"!", "1:1: parse error: unexpected character after '!': '�'"},
    {"<=", "1:1: parse error: unexpected <op:<=>"},
    {"a{b=\"c\"", "1:8: parse error: unexpected end of input inside braces"},
};

TEST(parse, bad_characters_are_refused_where_they_stand)
{
    check_refused(bad_lexing, COUNT_OF(bad_lexing), &all);
}

static const RefuseCase bad_numbers[] = {
    {"1.5h", "1:1: parse error: unknown unit \".\" in duration \"1.5h\""},
    {"1h1d", "1:1: parse error: not a valid duration string: \"1h1d\""},
    {"1m1m", "1:1: parse error: not a valid duration string: \"1m1m\""},
    {"5es", "1:1: parse error: unknown unit \"es\" in duration \"5es\""},
    {"0x1fh", "1:1: parse error: unknown unit \"x\" in duration \"0x1fh\""},
    {"1e5m", "1:1: parse error: unknown unit \"e\" in duration \"1e5m\""},
    {"1hs", "1:1: parse error: unknown unit \"hs\" in duration \"1hs\""},
    {"1e1000", "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e1000\": "
               "value out of range"},
    {"1e400m", "1:1: parse error: unknown unit \"e\" in duration \"1e400m\""},
    {"0x1e+5", "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"0x1e+5\": "
               "invalid syntax"},
    {"0xffffffffffffffffff", "1:1: parse error: error parsing number: strconv.ParseFloat: parsing "
                             "\"0xffffffffffffffffff\": invalid syntax"},
    {"1m1h", "1:1: parse error: not a valid duration string: \"1m1h\""},
    {"300y", "1:1: parse error: duration out of range"},
    {"99999999999999999999y",
     "1:1: parse error: not a valid duration string: \"99999999999999999999y\""},
    {"0_x", "1:1: parse error: bad number or duration syntax: \"0_\""},
    {"1_000m", "1:1: parse error: unknown unit \"_\" in duration \"1_000m\""},
    {"a[1.5h]", "1:3: parse error: unknown unit \".\" in duration \"1.5h\""},
    {"a offset 1.5h", "1:10: parse error: unknown unit \".\" in duration \"1.5h\""},
    {"a @ 1.5h", "1:5: parse error: unknown unit \".\" in duration \"1.5h\""},
    {"a[1e1000]", "1:3: parse error: error parsing number: strconv.ParseFloat: parsing \"1e1000\": "
                  "value out of range"},
    {"a[99999999999]", "1:3: parse error: duration out of range"},
    {"a offset 99999999999", "1:10: parse error: duration out of range"},
    {"a offset -99999999999", "1:10: parse error: duration out of range"},
    {"a[-99999999999]", "1:4: parse error: duration out of range"},
};

TEST(parse, bad_numbers_are_refused_where_they_stand)
{
    check_refused(bad_numbers, COUNT_OF(bad_numbers), &all);
}

static const RefuseCase bad_syntax[] = {
    {"a b", "1:3: parse error: unexpected identifier \"b\""},
    {"a 5", "1:3: parse error: unexpected number \"5\""},
    {"5 5", "1:3: parse error: unexpected number \"5\""},
    {"a \"s\"", "1:3: parse error: unexpected string \"\\\"s\\\"\""},
    {"+", "1:2: parse error: unexpected end of input"},
    {"*", "1:1: parse error: unexpected <op:*>"},
    {"a +", "1:4: parse error: unexpected end of input"},
    {"a + + ", "1:7: parse error: unexpected end of input"},
    {"a + * b", "1:5: parse error: unexpected <op:*>"},
    {"a and", "1:6: parse error: unexpected end of input"},
    {"== b", "1:1: parse error: unexpected <op:==>"},
    {"a == == b", "1:6: parse error: unexpected <op:==>"},
    {")", "1:2: parse error: unexpected right parenthesis ')'"},
    {"()", "1:2: parse error: unexpected \")\""},
    {"(,)", "1:2: parse error: unexpected \",\""},
    {"a,b", "1:2: parse error: unexpected \",\""},
    {",", "1:1: parse error: unexpected \",\""},
    {"foo()", "1:1: parse error: unknown function with name \"foo\""},
    {"nosuch(a)", "1:1: parse error: unknown function with name \"nosuch\""},
    {"Rate(a[5m])", "1:1: parse error: unknown function with name \"Rate\""},
    {"START()", "1:1: parse error: unknown function with name \"START\""},
    {"rate(", "1:6: parse error: unclosed left parenthesis"},
    {"rate()", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 0"},
    {"rate(a[5m]", "1:11: parse error: unclosed left parenthesis"},
    {"rate(a[5m],)", "1:11: parse error: trailing commas not allowed in function call args"},
    {"rate(,a[5m])", "1:6: parse error: unexpected \",\""},
    {"rate(a[5m] b)", "1:12: parse error: unexpected identifier \"b\""},
    {"rate(a[5m] 5)", "1:12: parse error: unexpected number \"5\""},
    {"rate a[5m]", "1:6: parse error: unexpected identifier \"a\""},
    {"abs(a,,b)", "1:6: parse error: trailing commas not allowed in function call args"},
    {"abs(a b)", "1:7: parse error: unexpected identifier \"b\""},
    {"abs(*)", "1:5: parse error: unexpected <op:*>"},
    {"(a b)", "1:4: parse error: unexpected identifier \"b\""},
    {"(a,b)", "1:3: parse error: unexpected \",\""},
    {"a:b(c)", "1:4: parse error: unexpected \"(\""},
    {"time ()()", "1:8: parse error: unexpected \"(\""},
    {"a()b", "1:1: parse error: unknown function with name \"a\""},
    {"by(x)", "1:3: parse error: unexpected \"(\""},
    {"without()", "1:8: parse error: unexpected \"(\""},
    {"and()", "1:4: parse error: unexpected \"(\""},
    {"offset()", "1:7: parse error: unexpected \"(\""},
    {"bool", "1:1: parse error: unexpected <bool>"},
    {"on", "1:1: parse error: unexpected <on>"},
    {"ignoring", "1:1: parse error: unexpected <ignoring>"},
    {"group_left", "1:1: parse error: unexpected <group_left>"},
    {"atan2", "1:1: parse error: unexpected <op:atan2>"},
    {"a bool b", "1:3: parse error: unexpected <bool>"},
    {"a on(x) b", "1:3: parse error: unexpected <on>"},
    {"a group_left b", "1:3: parse error: unexpected <group_left>"},
    {"bool a", "1:1: parse error: unexpected <bool>"},
    {"sum a", "1:5: parse error: unexpected identifier \"a\""},
    {"sum 5", "1:5: parse error: unexpected number \"5\""},
    {"sum \"x\"", "1:5: parse error: unexpected string \"\\\"x\\\"\""},
    {"sum(", "1:5: parse error: unclosed left parenthesis"},
    {"sum()", "1:1: parse error: no arguments for aggregate expression provided"},
    {"sum(a", "1:6: parse error: unclosed left parenthesis"},
    {"sum(a b)", "1:7: parse error: unexpected identifier \"b\" in aggregation"},
    {"sum(a,)", "1:6: parse error: trailing commas not allowed in function call args"},
    {"sum(,a)", "1:5: parse error: unexpected \",\" in aggregation"},
    {"sum by", "1:7: parse error: unexpected end of input in grouping opts, expected \"(\""},
    {"sum by x", "1:8: parse error: unexpected identifier \"x\" in grouping opts, expected \"(\""},
    {"sum by (", "1:9: parse error: unclosed left parenthesis"},
    {"sum by (x", "1:10: parse error: unclosed left parenthesis"},
    {"sum by (x) a", "1:12: parse error: unexpected identifier \"a\" in aggregation"},
    {"sum by (x) b(a)", "1:12: parse error: unexpected identifier \"b\" in aggregation"},
    {"sum by (x)", "1:11: parse error: unexpected end of input in aggregation"},
    {"sum by (x y) (a)",
     "1:11: parse error: unexpected identifier \"y\" in grouping opts, expected \",\" or \")\""},
    {"sum by (1) (a)",
     "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"},
    {"sum by (,) (a)", "1:9: parse error: unexpected \",\" in grouping opts, expected label"},
    {"sum by (x,,y) (a)", "1:11: parse error: unexpected \",\" in grouping opts, expected label"},
    {"sum by (\"\") (a)", "1:9: parse error: invalid label name for grouping: \"\""},
    {"sum by (\"\\xff\") (a)", "1:9: parse error: invalid label name for grouping: \"\\xff\""},
    {"sum by (x) (a) by (y)", "1:16: parse error: unexpected <by>"},
    {"sum by (without) (a)",
     "1:9: parse error: unexpected <without> in grouping opts, expected label"},
    {"sum by (inf) (a)",
     "1:9: parse error: unexpected number \"inf\" in grouping opts, expected label"},
    {"sum by ({}) (a)", "1:9: parse error: unexpected \"{\" in grouping opts, expected label"},
    {"sum(a) by", "1:10: parse error: unexpected end of input in grouping opts, expected \"(\""},
    {"sum(a) by x",
     "1:11: parse error: unexpected identifier \"x\" in grouping opts, expected \"(\""},
    {"sum(a) by (x", "1:13: parse error: unclosed left parenthesis"},
    {"sum(a) by (x) by (y)", "1:15: parse error: unexpected <by>"},
    {"sum(rate(a b))", "1:12: parse error: unexpected identifier \"b\" in aggregation"},
    {"sum((a b))", "1:8: parse error: unexpected identifier \"b\" in aggregation"},
    {"sum(a + )", "1:9: parse error: unexpected \")\" in aggregation"},
    {"sum(a +", "1:8: parse error: unclosed left parenthesis"},
    {"sum(a) b", "1:8: parse error: unexpected identifier \"b\""},
    {"sum without (x) without (y) (a)", "1:17: parse error: unexpected <without> in aggregation"},
    {"rate(sum(a b))", "1:12: parse error: unexpected identifier \"b\" in aggregation"},
    {"sum(a[5m] b)", "1:11: parse error: unexpected identifier \"b\" in aggregation"},
    {"sum(topk(5 a))", "1:12: parse error: unexpected identifier \"a\" in aggregation"},
    {"topk(5)", "1:1: parse error: wrong number of arguments for aggregate expression provided, "
                "expected 2, got 1"},
    {"topk(a)", "1:1: parse error: wrong number of arguments for aggregate expression provided, "
                "expected 2, got 1"},
    {"topk(1,2,3)", "1:1: parse error: wrong number of arguments for aggregate expression "
                    "provided, expected 2, got 3"},
    {"topk()", "1:1: parse error: no arguments for aggregate expression provided"},
    {"sum(1,2)", "1:1: parse error: wrong number of arguments for aggregate expression provided, "
                 "expected 1, got 2"},
    {"count_values(\"x\")", "1:1: parse error: wrong number of arguments for aggregate expression "
                            "provided, expected 2, got 1"},
    {"a + on b", "1:8: parse error: unexpected identifier \"b\" in grouping opts, expected \"(\""},
    {"a + on(", "1:8: parse error: unclosed left parenthesis"},
    {"a + on(x", "1:9: parse error: unclosed left parenthesis"},
    {"a + on(x y) b",
     "1:10: parse error: unexpected identifier \"y\" in grouping opts, expected \",\" or \")\""},
    {"a + on(5) b", "1:8: parse error: unexpected number \"5\" in grouping opts, expected label"},
    {"a + on(x) group_left",
     "1:21: parse error: unexpected end of input in grouping opts, expected \"(\""},
    {"a + on(x) group_left 5 )", "1:25: parse error: unexpected right parenthesis ')'"},
    {"a + on(x) group_left * b",
     "1:22: parse error: unexpected <op:*> in grouping opts, expected \"(\""},
    {"a + on(x) group_left (5) b",
     "1:23: parse error: unexpected number \"5\" in grouping opts, expected label"},
    {"a + on(x) group_left(y", "1:23: parse error: unclosed left parenthesis"},
    {"a + on(x) group_left(y) ", "1:25: parse error: unexpected end of input"},
    {"a + group_left b", "1:5: parse error: unexpected <group_left>"},
    {"a + on(x) group_left(y) group_right(z) b", "1:25: parse error: unexpected <group_right>"},
    {"a + on(x) on(y) b", "1:11: parse error: unexpected <on>"},
    {"a + bool bool b", "1:10: parse error: unexpected <bool>"},
    {"a + fill(x) b", "1:10: parse error: unexpected identifier \"x\""},
    {"a + fill() b", "1:10: parse error: unexpected \")\""},
    {"a + fill(5 b", "1:12: parse error: unexpected identifier \"b\""},
    {"a + fill(--5) b", "1:11: parse error: unexpected <op:->"},
    {"a + fill(\"x\") b", "1:10: parse error: unexpected string \"\\\"x\\\"\""},
    {"a + fill(1) fill(2) b", "1:17: parse error: unexpected \"(\""},
    {"a + fill(1) fill_left(2) b", "1:22: parse error: unexpected \"(\""},
    {"a + fill_left(1) fill_left(2) b", "1:27: parse error: unexpected \"(\""},
    {"fill(1)", "1:5: parse error: unexpected \"(\""},
    {"sum(a + fill(x) b)", "1:14: parse error: unexpected identifier \"x\" in aggregation"},
    {"a + on(\"\") b", "1:8: parse error: invalid label name for grouping: \"\""},
    {"a == fill b(c)", "1:11: parse error: unexpected identifier \"b\""},
};

TEST(parse, bad_syntax_is_refused_with_what_was_expected)
{
    check_refused(bad_syntax, COUNT_OF(bad_syntax), &all);
}

/* Bytes that C strings cannot hold. */
TEST(parse, a_nul_byte_is_a_character_like_others)
{
    static const struct {
        Str query;
        Str error;
    } bad[] = {
        {STR_INIT("a\000b"), STR_INIT("1:2: parse error: unexpected character: '\\x00'")},
        {STR_INIT("{\000}"),
         STR_INIT("1:2: parse error: unexpected character inside braces: '\\x00'")},
        {STR_INIT("\"\000"), STR_INIT("1:1: parse error: unterminated quoted string")},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Arena arena;
        Expr expr;
        Err err;
        arena_init(&arena, 1024 * 1024);
        CHECK(!expr_parse(bad[i].query, &all, &arena, &expr, &err));
        CHECK_STR(str_from(err.message), bad[i].error);
        arena_done(&arena);
    }
}

static bool parse_repeated(Str open, Str middle, Str close, size_t count, Err *err)
{
    Arena arena;
    Expr expr = {0};
    Buf query;
    buf_init(&query, 16 * MIB);
    arena_init(&arena, 64 * MIB);
    for (size_t i = 0; i < count; i++) {
        buf_str(&query, open);
    }
    buf_str(&query, middle);
    for (size_t i = 0; i < count; i++) {
        buf_str(&query, close);
    }
    CHECK(buf_ok(&query, NULL));
    bool ok = expr_parse(buf_view(&query), &all, &arena, &expr, err);
    expr_done(&expr);
    arena_done(&arena);
    buf_done(&query);
    return ok;
}

TEST(parse, depth_has_a_limit_that_the_error_names)
{
    static const struct {
        Str open;
        Str middle;
        Str close;
    } deep[] = {
        {STR_INIT("("), STR_INIT("1"), STR_INIT(")")},
        {STR_INIT("-"), STR_INIT("a"), STR_INIT("")},
        {STR_INIT("abs("), STR_INIT("a"), STR_INIT(")")},
        {STR_INIT("sum("), STR_INIT("a"), STR_INIT(")")},
        {STR_INIT("a + "), STR_INIT("a"), STR_INIT("")},
        {STR_INIT("a ^ "), STR_INIT("a"), STR_INIT("")},
        {STR_INIT(""), STR_INIT("a"), STR_INIT("[1m:]")},
        {STR_INIT(""), STR_INIT("a offset (1"), STR_INIT(" + 1")},
    };
    for (size_t i = 0; i < COUNT_OF(deep); i++) {
        Err err;
        bool suffix = deep[i].open.len == 0; /* wrong at once for another reason */
        CHECK(suffix || parse_repeated(deep[i].open, deep[i].middle, deep[i].close, 990, &err));
        CHECK(!parse_repeated(deep[i].open, deep[i].middle, deep[i].close, 100000, &err));
        if (!suffix || i + 1 == COUNT_OF(deep)) {
            CHECK_I64(err.code, ERR_LIMIT);
            CHECK(str_contains(str_from(err.message),
                               S("the expression is nested deeper than 2000 levels")));
        }
    }
}

TEST(parse, text_and_memory_have_limits)
{
    Arena arena;
    Expr expr;
    Err err;
    arena_init(&arena, 1024);
    CHECK(!expr_parse(S("sum by (a, b, c) (rate(up{job=\"x\", instance=\"y\"}[5m])) / "
                        "sum(rate(up{job=\"x\", instance=\"y\"}[5m])) + 1 + 2 + 3 + 4 + 5"),
                      NULL, &arena, &expr, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    CHECK(str_starts_with(str_from(err.message), S("parsing the query: ")));
    arena_done(&arena);
}

TEST(parse, a_selector_alone_takes_nothing_else)
{
    static const RefuseCase bad[] = {
        {"up[5m]", "1:3: parse error: unexpected \"[\""},
        {"up offset 5m", "1:4: parse error: unexpected <offset>"},
        {"up @ 5", "1:4: parse error: unexpected <op:@>"},
        {"sum(up)", "1:4: parse error: unexpected \"(\""},
        {"1", "1:1: parse error: unexpected number \"1\""},
        {"", "unknown position: parse error: unexpected end of input"},
        {" ", "1:2: parse error: unexpected end of input"},
        {"{a=}", "1:4: parse error: unexpected \"}\" in label matching, expected string"},
        {"up)", "1:4: parse error: unexpected right parenthesis ')'"},
    };
    static const char *const good[] = {"up", "{}", "{a=\"\"}", "sum{a=~\"b\"}", "{\"a.b\"}"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Arena arena;
        Expr expr;
        Err err;
        arena_init(&arena, 1024 * 1024);
        CHECK(!selector_parse(str_from(bad[i].query), &arena, &expr, &err));
        CHECK_STR(str_from(err.message), str_from(bad[i].error));
        arena_done(&arena);
    }
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        Arena arena;
        Expr expr;
        Err err;
        arena_init(&arena, 1024 * 1024);
        CHECK_OK(selector_parse(str_from(good[i]), &arena, &expr, &err), &err);
        CHECK_I64(expr.root->kind, NODE_VECTOR);
        expr_done(&expr);
        arena_done(&arena);
    }
}
