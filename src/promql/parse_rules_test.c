/* Tests of promql/parse.h: the words and places of everything else that is refused. */
#include "promql/parse_fixture.h"

#include "base/test.h"

static const ParseOpts all = {true, true, true};

static const RefuseCase bad_matchers[] = {
    {"{a}",
     "1:3: parse error: unexpected \"}\" in label matching, expected label matching operator"},
    {"{a,b}",
     "1:3: parse error: unexpected \",\" in label matching, expected label matching operator"},
    {"{a=}", "1:4: parse error: unexpected \"}\" in label matching, expected string"},
    {"{a=b}", "1:4: parse error: unexpected identifier \"b\" in label matching, expected string"},
    {"{a=5}", "1:4: parse error: unexpected character inside braces: '5'"},
    {"{a==}", "1:4: parse error: unexpected \"=\" in label matching, expected string"},
    {"{a=\"b\"c=\"d\"}",
     "1:7: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\""},
    {"{a=\"b\" \"c\"}", "1:8: parse error: unexpected string \"\\\"c\\\"\" in label matching, "
                        "expected \",\" or \"}\""},
    {"{,}", "1:2: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
    {"{a=\"b\",,}",
     "1:8: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
    {"{a=\"b\",5}", "1:8: parse error: unexpected character inside braces: '5'"},
    {"{=}", "1:2: parse error: unexpected \"=\" in label matching, expected identifier or \"}\""},
    {"{=\"x\"}",
     "1:2: parse error: unexpected \"=\" in label matching, expected identifier or \"}\""},
    {"{\"a\"=}", "1:6: parse error: unexpected \"}\" in label matching, expected string"},
    {"{\"a\"=b}",
     "1:6: parse error: unexpected identifier \"b\" in label matching, expected string"},
    {"{\"a\" \"b\"}", "1:6: parse error: unexpected string \"\\\"b\\\"\" in label matching, "
                      "expected \",\" or \"}\""},
    {"a{\"b\"}", "1:1: parse error: metric name must not be set twice: \"a\" or \"b\""},
    {"a{__name__=\"b\"}", "1:1: parse error: metric name must not be set twice: \"a\" or \"b\""},
    {"a{b=\"c\"}{d=\"e\"}", "1:9: parse error: unexpected \"{\""},
    {"{a=~\"(\"}", "1:2: parse error: error parsing regexp: missing closing ): `(`"},
    {"{a=~\"*\"}",
     "1:2: parse error: error parsing regexp: missing argument to repetition operator: `*`"},
    {"{a!~\"[z-a]\"}",
     "1:2: parse error: error parsing regexp: invalid character class range: `z-a`"},
    {"{a=~\"a**\"}",
     "1:2: parse error: error parsing regexp: invalid nested repetition operator: `**`"},
    {"{\"a b\"=~\"x{2,1}\"}",
     "1:2: parse error: error parsing regexp: invalid repeat count: `{2,1}`"},
    {"{a=~\"\\\\8\"}", "1:2: parse error: error parsing regexp: invalid escape sequence: `\\8`"},
    {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{a=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{a!=\"x\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{a=~\".*\"}",
     "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{a=~\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{a!~\".+\"}",
     "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{a=~\".*\",b!=\"c\"}",
     "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"sum({})", "1:5: parse error: vector selector must contain at least one non-empty matcher"},
    {"rate({a=\"\"}[5m])",
     "1:6: parse error: vector selector must contain at least one non-empty matcher"},
    {"{a ! = \"b\"}", "1:4: parse error: unexpected character after '!' inside braces: ' '"},
    {"sum({a})",
     "1:7: parse error: unexpected \"}\" in label matching, expected label matching operator"},
    {"sum by (x) ({a=5})", "1:16: parse error: unexpected character inside braces: '5'"},
    {"{a=\"b\" offset 5m}", "1:8: parse error: unexpected identifier \"offset\" in label matching, "
                            "expected \",\" or \"}\""},
};

TEST(parse, bad_matchers_are_refused_with_what_was_expected)
{
    check_refused(bad_matchers, COUNT_OF(bad_matchers), &all);
}

static const RefuseCase bad_modifiers[] = {
    {"a offset", "1:9: parse error: unexpected end of input in offset, expected number, duration, "
                 "step(), or range()"},
    {"a offset b", "1:10: parse error: unexpected identifier \"b\" in offset, expected number, "
                   "duration, step(), or range()"},
    {"a offset \"5m\"", "1:10: parse error: unexpected string \"\\\"5m\\\"\" in offset, expected "
                        "number, duration, step(), or range()"},
    {"a offset (", "1:11: parse error: unclosed left parenthesis"},
    {"a offset (b)", "1:11: parse error: unexpected identifier \"b\" in offset, expected number, "
                     "duration, step(), or range()"},
    {"a offset ()", "1:11: parse error: unexpected \")\" in offset, expected number, duration, "
                    "step(), or range()"},
    {"a offset 5m offset 3m", "1:1: parse error: offset may not be set multiple times"},
    {"a offset 5m offset (1)", "1:1: parse error: offset may not be set multiple times"},
    {"a offset (1) offset 1", "1:1: parse error: offset may not be set multiple times"},
    {"a offset -", "1:11: parse error: unexpected end of input in offset, expected number, "
                   "duration, step(), or range()"},
    {"a offset - b", "1:12: parse error: unexpected identifier \"b\" in offset, expected number, "
                     "duration, step(), or range()"},
    {"a offset step", "1:14: parse error: unexpected end of input in offset, expected number, "
                      "duration, step(), or range()"},
    {"a offset step(1)", "1:15: parse error: unexpected number \"1\" in offset, expected number, "
                         "duration, step(), or range()"},
    {"a offset min_of(1)", "1:18: parse error: unexpected \")\" in offset, expected number, "
                           "duration, step(), or range()"},
    {"a offset min_of(1,2,3)", "1:20: parse error: unexpected \",\" in offset, expected number, "
                               "duration, step(), or range()"},
    {"a offset min_of 1", "1:17: parse error: unexpected number \"1\" in offset, expected number, "
                          "duration, step(), or range()"},
    {"a offset (5m + b)", "1:16: parse error: unexpected identifier \"b\" in offset, expected "
                          "number, duration, step(), or range()"},
    {"a offset (5m) + b", "1:17: parse error: unexpected identifier \"b\" in offset, expected "
                          "number, duration, step(), or range()"},
    {"a offset 5 5", "1:12: parse error: unexpected number \"5\""},
    {"1 offset 5m", "1:1: parse error: offset modifier must be preceded by an instant vector "
                    "selector or range vector selector or a subquery"},
    {"rate(a[5m]) offset 5m", "1:1: parse error: offset modifier must be preceded by an instant "
                              "vector selector or range vector selector or a subquery"},
    {"(a) offset 5m", "1:1: parse error: offset modifier must be preceded by an instant vector "
                      "selector or range vector selector or a subquery"},
    {"a + b[5m] offset b", "1:18: parse error: unexpected identifier \"b\" in offset, expected "
                           "number, duration, step(), or range()"},
    {"\"s\" offset 5m", "1:1: parse error: offset modifier must be preceded by an instant vector "
                        "selector or range vector selector or a subquery"},
    {"a @", "1:4: parse error: unexpected end of input in @, expected timestamp"},
    {"a @ b", "1:5: parse error: unexpected identifier \"b\" in @, expected timestamp"},
    {"a @ \"5\"", "1:5: parse error: unexpected string \"\\\"5\\\"\" in @, expected timestamp"},
    {"a @ -", "1:6: parse error: unexpected end of input in @, expected timestamp"},
    {"a @ --5", "1:6: parse error: unexpected <op:-> in @, expected timestamp"},
    {"a @ (5)", "1:5: parse error: unexpected \"(\" in @, expected timestamp"},
    {"a @ start", "1:10: parse error: unexpected end of input in @, expected timestamp"},
    {"a @ start(", "1:11: parse error: unclosed left parenthesis"},
    {"a @ start(5)", "1:11: parse error: unexpected number \"5\" in @, expected timestamp"},
    {"a @ step()", "1:5: parse error: unexpected \"step\" in @, expected timestamp"},
    {"a @ 5 @ 6", "1:1: parse error: @ <timestamp> may not be set multiple times"},
    {"a @ 5 @ start()", "1:1: parse error: @ <timestamp> may not be set multiple times"},
    {"a @ end() @ 5", "1:1: parse error: @ <timestamp> may not be set multiple times"},
    {"a @ inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
    {"a @ -Inf", "1:1: parse error: timestamp out of bounds for @ modifier: -Inf"},
    {"a @ nan", "1:1: parse error: timestamp out of bounds for @ modifier: NaN"},
    {"a @ 1e30", "1:1: parse error: timestamp out of bounds for @ modifier: "
                 "1000000000000000019884624838656.000000"},
    {"a @ -1e30", "1:1: parse error: timestamp out of bounds for @ modifier: "
                  "-1000000000000000019884624838656.000000"},
    {"a @ 9223372036854775808",
     "1:1: parse error: timestamp out of bounds for @ modifier: 9223372036854775808.000000"},
    {"1 @ 5", "1:1: parse error: @ modifier must be preceded by an instant vector selector or "
              "range vector selector or a subquery"},
    {"(a) @ 5", "1:1: parse error: @ modifier must be preceded by an instant vector selector or "
                "range vector selector or a subquery"},
    {"rate(a[5m]) @ 5", "1:1: parse error: @ modifier must be preceded by an instant vector "
                        "selector or range vector selector or a subquery"},
    {"a[]", "1:3: parse error: unexpected \"]\" in subquery or range selector, expected number, "
            "duration, step(), or range()"},
    {"a[ ]", "1:4: parse error: unexpected \"]\" in subquery or range selector, expected number, "
             "duration, step(), or range()"},
    {"a[b]", "1:3: parse error: unexpected character in duration expression: 'b'"},
    {"a[5m b]", "1:6: parse error: unexpected character: 'b', expected ':'"},
    {"a[(]", "1:4: parse error: unexpected \"]\" in subquery or range selector, expected number, "
             "duration, step(), or range()"},
    {"a[5m)]", "1:6: parse error: unexpected right parenthesis ')'"},
    {"a[()]", "1:4: parse error: unexpected \")\" in subquery or range selector, expected number, "
              "duration, step(), or range()"},
    {"a[+]", "1:4: parse error: unexpected \"]\" in subquery or range selector, expected number, "
             "duration, step(), or range()"},
    {"a[*5]", "1:3: parse error: unexpected <op:*> in subquery or range selector, expected number, "
              "duration, step(), or range()"},
    {"a[5m+]", "1:6: parse error: unexpected \"]\" in subquery or range selector, expected number, "
               "duration, step(), or range()"},
    {"a[5m 3]",
     "1:6: parse error: unexpected number \"3\" in subquery or range, expected \":\" or \"]\""},
    {"a[(5m 3)]", "1:7: parse error: unexpected number \"3\" in subquery or range selector, "
                  "expected number, duration, step(), or range()"},
    {"a[5m,3]", "1:5: parse error: unexpected \",\" in subquery or range, expected \":\" or \"]\""},
    {"a[5m:b]", "1:6: parse error: unexpected character: 'b', expected ':'"},
    {"a[5m:)]", "1:7: parse error: unexpected right parenthesis ')'"},
    {"a[5m:1m 3]",
     "1:9: parse error: unexpected number \"3\" in subquery selector, expected \"]\""},
    {"a[5m:1m", "1:8: parse error: unclosed left bracket"},
    {"a[5m:+]", "1:7: parse error: unexpected \"]\" in subquery selector, expected number, "
                "duration, step(), range(), or \"]\""},
    {"a[5m:*]", "1:6: parse error: unexpected <op:*> in subquery selector, expected number, "
                "duration, step(), range(), or \"]\""},
    {"a[min_of(1)]", "1:11: parse error: unexpected \")\" in subquery or range selector, expected "
                     "number, duration, step(), or range()"},
    {"a[min_of(1,2]", "1:13: parse error: unexpected \"]\" in subquery or range selector, expected "
                      "number, duration, step(), or range()"},
    {"a[step]", "1:7: parse error: unexpected \"]\" in subquery or range selector, expected "
                "number, duration, step(), or range()"},
    {"a[step(]", "1:8: parse error: unexpected \"]\" in subquery or range selector, expected "
                 "number, duration, step(), or range()"},
    {"a[0]", "1:3: parse error: duration must be greater than 0"},
    {"a[-5m]", "1:3: parse error: duration must be greater than 0"},
    {"a[0s]", "1:3: parse error: duration must be greater than 0"},
    {"a[-0]", "1:3: parse error: duration must be greater than 0"},
    {"a[5m:0]", "1:6: parse error: duration must be greater than 0"},
    {"a[5m:-1]", "1:6: parse error: duration must be greater than 0"},
    {"a[+0]", "1:3: parse error: duration must be greater than 0"},
    {"a[5m/0]", "1:5: parse error: division by zero"},
    {"a[5m%0]", "1:5: parse error: modulo by zero"},
    {"a offset (1/0)", "1:12: parse error: division by zero"},
    {"a offset (1%0)", "1:12: parse error: modulo by zero"},
    {"a[5m:1/0]", "1:7: parse error: division by zero"},
    {"a[5m == 3]",
     "1:6: parse error: unexpected <op:==> in subquery or range, expected \":\" or \"]\""},
    {"a[5m[3]]", "1:5: parse error: unexpected left bracket '['"},
    {"1[5m]", "1:2: parse error: ranges only allowed for vector selectors"},
    {"(a)[5m]", "1:4: parse error: ranges only allowed for vector selectors"},
    {"rate(a[5m])[5m]", "1:12: parse error: ranges only allowed for vector selectors"},
    {"a[5m][3m]", "1:6: parse error: ranges only allowed for vector selectors"},
    {"a offset 5m[5m]", "1:12: parse error: no offset modifiers allowed before range"},
    {"a @ 5[5m]", "1:6: parse error: no @ modifiers allowed before range"},
    {"a offset (1)[5m]", "1:13: parse error: no offset modifiers allowed before range"},
    {"a @ start()[5m]", "1:12: parse error: no @ modifiers allowed before range"},
    {"\"s\"[5m]", "1:4: parse error: ranges only allowed for vector selectors"},
    {"1[5m:1m]",
     "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"},
    {"a[5m][5m:1m]",
     "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"},
    {"\"s\"[5m:]",
     "1:1: parse error: subquery is only allowed on instant vector, got string instead"},
    {"a[5m:] anchored", "1:1: parse error: anchored modifier is not supported for subqueries"},
    {"a[5m:1m] smoothed", "1:1: parse error: smoothed modifier is not supported for subqueries"},
    {"1 anchored", "1:1: parse error: anchored modifier not implemented"},
    {"rate(a[5m]) smoothed", "1:1: parse error: smoothed modifier not implemented"},
    {"a anchored smoothed",
     "1:1: parse error: anchored and smoothed modifiers cannot be used together"},
    {"a[5m] smoothed anchored",
     "1:1: parse error: anchored and smoothed modifiers cannot be used together"},
    {"a anchored[5m] smoothed",
     "1:1: parse error: anchored and smoothed modifiers cannot be used together"},
    {"sum(a offset b)", "1:14: parse error: unexpected identifier \"b\" in offset, expected "
                        "number, duration, step(), or range()"},
    {"sum(a @ b)", "1:9: parse error: unexpected identifier \"b\" in @, expected timestamp"},
    {"sum(a[b])", "1:7: parse error: unexpected character in duration expression: 'b'"},
    {"sum(a[5m:b])", "1:10: parse error: unexpected character: 'b', expected ':'"},
    {"a[5m] @ 5 @ 6", "1:1: parse error: @ <timestamp> may not be set multiple times"},
    {"a[5m:] offset 1 offset 2", "1:1: parse error: offset may not be set multiple times"},
    {"(a[5m:1m][1h:])",
     "1:2: parse error: subquery is only allowed on instant vector, got matrix instead"},
    {"-a[5m:]", "1:1: parse error: unary expression only allowed on expressions of type scalar or "
                "instant vector, got \"range vector\""},
};

TEST(parse, modifiers_are_refused_where_they_make_no_sense)
{
    check_refused(bad_modifiers, COUNT_OF(bad_modifiers), &all);
}

static const RefuseCase bad_types[] = {
    {"1 + a[5m]",
     "1:5: parse error: binary expression must contain only scalar and instant vector types"},
    {"a[5m] + 1",
     "1:1: parse error: binary expression must contain only scalar and instant vector types"},
    {"a[5m] == a[5m]",
     "1:1: parse error: binary expression must contain only scalar and instant vector types"},
    {"\"s\" + 1",
     "1:1: parse error: binary expression must contain only scalar and instant vector types"},
    {"1 + \"s\"",
     "1:5: parse error: binary expression must contain only scalar and instant vector types"},
    {"-\"s\"", "1:1: parse error: unary expression only allowed on expressions of type scalar or "
               "instant vector, got \"string\""},
    {"-a[5m]", "1:1: parse error: unary expression only allowed on expressions of type scalar or "
               "instant vector, got \"range vector\""},
    {"+\"s\"", "1:1: parse error: unary expression only allowed on expressions of type scalar or "
               "instant vector, got \"string\""},
    {"1 == 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
    {"1 > 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
    {"1 + bool 2", "1:3: parse error: bool modifier can only be used on comparison operators"},
    {"a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"},
    {"a and bool b", "1:3: parse error: bool modifier can only be used on comparison operators"},
    {"a </ bool b", "1:3: parse error: bool modifier can only be used on comparison operators"},
    {"(1) == (2)", "1:5: parse error: comparisons between scalars must use BOOL modifier"},
    {"time() == time()", "1:8: parse error: comparisons between scalars must use BOOL modifier"},
    {"1 and 2", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
    {"a and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
    {"1 or a", "1:1: parse error: set operator \"or\" not allowed in binary scalar expression"},
    {"1 unless 2",
     "1:1: parse error: set operator \"unless\" not allowed in binary scalar expression"},
    {"1 and on() 2",
     "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
    {"1 + on(x) 2", "1:1: parse error: vector matching only allowed between instant vectors"},
    {"a + on(x) 1", "1:1: parse error: vector matching only allowed between instant vectors"},
    {"1 * ignoring(x) a", "1:1: parse error: vector matching only allowed between instant vectors"},
    {"a and on(x) group_left b", "1:1: parse error: no grouping allowed for \"and\" operation"},
    {"a or on(x) group_right(y) b", "1:1: parse error: no grouping allowed for \"or\" operation"},
    {"a unless ignoring(x) group_left b",
     "1:1: parse error: no grouping allowed for \"unless\" operation"},
    {"a + on(x) group_left(x) b",
     "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"},
    {"a + on(x,y) group_right(z,y) b",
     "1:3: parse error: label \"y\" must not occur in ON and GROUP clause at once"},
    {"a + ignoring(x) group_left(x) b)", "1:33: parse error: unexpected right parenthesis ')'"},
    {"1 + fill(0) 2",
     "1:1: parse error: filling in missing series only allowed between instant vectors"},
    {"a + fill(0) 2",
     "1:1: parse error: filling in missing series only allowed between instant vectors"},
    {"a and fill(0) b",
     "1:1: parse error: filling in missing series not allowed for set operators"},
    {"a or fill_left(1) b",
     "1:1: parse error: filling in missing series not allowed for set operators"},
    {"rate(a)", "1:6: parse error: expected type range vector in call to function \"rate\", got "
                "instant vector"},
    {"rate(1)",
     "1:6: parse error: expected type range vector in call to function \"rate\", got scalar"},
    {"rate(\"s\")",
     "1:6: parse error: expected type range vector in call to function \"rate\", got string"},
    {"abs(a[5m])", "1:5: parse error: expected type instant vector in call to function \"abs\", "
                   "got range vector"},
    {"abs(1)",
     "1:5: parse error: expected type instant vector in call to function \"abs\", got scalar"},
    {"abs(\"s\")",
     "1:5: parse error: expected type instant vector in call to function \"abs\", got string"},
    {"abs()", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 0"},
    {"abs(a,b)", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 2"},
    {"time(1)", "1:1: parse error: expected 0 argument(s) in call to \"time\", got 1"},
    {"pi(a)", "1:1: parse error: expected 0 argument(s) in call to \"pi\", got 1"},
    {"vector(a)",
     "1:8: parse error: expected type scalar in call to function \"vector\", got instant vector"},
    {"scalar(1)",
     "1:8: parse error: expected type instant vector in call to function \"scalar\", got scalar"},
    {"round()", "1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0"},
    {"round(a,1,2)",
     "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"},
    {"round(1)",
     "1:7: parse error: expected type instant vector in call to function \"round\", got scalar"},
    {"round(a,b)",
     "1:9: parse error: expected type scalar in call to function \"round\", got instant vector"},
    {"clamp(a,1)", "1:1: parse error: expected 3 argument(s) in call to \"clamp\", got 2"},
    {"label_join(a)",
     "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1"},
    {"label_join(a,\"x\")",
     "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 2"},
    {"label_join(a,\"x\",1)",
     "1:18: parse error: expected type string in call to function \"label_join\", got scalar"},
    {"label_join(a,\"x\",\",\",\"y\",2)",
     "1:26: parse error: expected type string in call to function \"label_join\", got scalar"},
    {"label_replace(a,\"x\",\"y\",\"z\")",
     "1:1: parse error: expected 5 argument(s) in call to \"label_replace\", got 4"},
    {"label_replace(1,\"x\",\"y\",\"z\",\"w\")",
     "1:15: parse error: expected type instant vector in call to function \"label_replace\", got "
     "scalar"},
    {"histogram_quantile(a,0.9)", "1:20: parse error: expected type scalar in call to function "
                                  "\"histogram_quantile\", got instant vector"},
    {"quantile_over_time(a[5m],0.9)", "1:20: parse error: expected type scalar in call to function "
                                      "\"quantile_over_time\", got range vector"},
    {"day_of_week(1)", "1:13: parse error: expected type instant vector in call to function "
                       "\"day_of_week\", got scalar"},
    {"day_of_week(a,b)",
     "1:1: parse error: expected at most 1 argument(s) in call to \"day_of_week\", got 2"},
    {"histogram_quantiles(a)",
     "1:1: parse error: expected at least 3 argument(s) in call to \"histogram_quantiles\", got 1"},
    {"histogram_quantiles(a,\"q\")",
     "1:1: parse error: expected at least 3 argument(s) in call to \"histogram_quantiles\", got 2"},
    {"histogram_quantiles(a,\"q\",1,2,3,4,5,6,7,8,9,10,11)",
     "1:1: parse error: expected at most 12 argument(s) in call to \"histogram_quantiles\", got "
     "13"},
    {"info(a,b)", "1:8: parse error: expected label selectors only, got vector selector instead"},
    {"info(a,1)",
     "1:1: parse error: expected type instant vector in call to function \"info\", got scalar"},
    {"info(a,abs(b))", "1:8: parse error: expected label selectors only"},
    {"info(a,b{c=\"d\"})",
     "1:8: parse error: expected label selectors only, got vector selector instead"},
    {"info(1)",
     "1:6: parse error: expected type instant vector in call to function \"info\", got scalar"},
    {"info(a, {b=\"c\"}, {d=\"e\"})",
     "1:1: parse error: expected at most 2 argument(s) in call to \"info\", got 3"},
    {"sum(1)",
     "1:5: parse error: expected type instant vector in aggregation expression, got scalar"},
    {"sum(\"s\")",
     "1:5: parse error: expected type instant vector in aggregation expression, got string"},
    {"sum(a[5m])",
     "1:5: parse error: expected type instant vector in aggregation expression, got range vector"},
    {"topk(a,b)",
     "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"},
    {"topk(\"s\",a)",
     "1:6: parse error: expected type scalar in aggregation parameter, got string"},
    {"topk(1,2)",
     "1:8: parse error: expected type instant vector in aggregation expression, got scalar"},
    {"count_values(1,a)",
     "1:14: parse error: expected type string in aggregation parameter, got scalar"},
    {"count_values(a,a)",
     "1:14: parse error: expected type string in aggregation parameter, got instant vector"},
    {"quantile(\"s\",a)",
     "1:10: parse error: expected type scalar in aggregation parameter, got string"},
    {"(a + \"s\")",
     "1:6: parse error: binary expression must contain only scalar and instant vector types"},
    {"sum(a == bool b[5m])",
     "1:15: parse error: binary expression must contain only scalar and instant vector types"},
    {"abs(sum(1))",
     "1:9: parse error: expected type instant vector in aggregation expression, got scalar"},
    {"1\n+\n\"s\"",
     "3:1: parse error: binary expression must contain only scalar and instant vector types"},
    {"sum by (x) (\n  rate(a)\n)", "2:8: parse error: expected type range vector in call to "
                                   "function \"rate\", got instant vector"},
    {"min_of(a,1)",
     "1:8: parse error: expected type scalar in call to function \"min_of\", got instant vector"},
    {"max_of(1)", "1:1: parse error: expected 2 argument(s) in call to \"max_of\", got 1"},
    {"a\n  #c\n + bool b",
     "2:3: parse error: bool modifier can only be used on comparison operators"},
    {"sort_by_label(a,1)",
     "1:17: parse error: expected type string in call to function \"sort_by_label\", got scalar"},
    {"((1)) == 2 ", "1:7: parse error: comparisons between scalars must use BOOL modifier"},
    {"a offset 5m + bool b",
     "1:13: parse error: bool modifier can only be used on comparison operators"},
    {"a{x=\"y\"} # c\n + bool b",
     "1:10: parse error: bool modifier can only be used on comparison operators"},
};

TEST(parse, types_that_do_not_fit_are_refused)
{
    check_refused(bad_types, COUNT_OF(bad_types), &all);
}

static const RefuseCase off[] = {
    {"limitk(3, a)", "1:1: parse error: limitk() is experimental and must be enabled with "
                     "--enable-feature=promql-experimental-functions"},
    {"limit_ratio(0.5, a)", "1:1: parse error: limit_ratio() is experimental and must be enabled "
                            "with --enable-feature=promql-experimental-functions"},
    {"limitk(a)", "1:1: parse error: limitk() is experimental and must be enabled with "
                  "--enable-feature=promql-experimental-functions"},
    {"limitk()", "1:1: parse error: no arguments for aggregate expression provided"},
    {"info(a)", "1:1: parse error: function \"info\" is not enabled"},
    {"max_of(1,2)", "1:1: parse error: function \"max_of\" is not enabled"},
    {"start()", "1:1: parse error: function \"start\" is not enabled"},
    {"a + start()", "1:5: parse error: function \"start\" is not enabled"},
    {"mad_over_time(a[5m])", "1:1: parse error: function \"mad_over_time\" is not enabled"},
    {"sort_by_label(a,\"x\")", "1:1: parse error: function \"sort_by_label\" is not enabled"},
    {"a anchored", "1:1: parse error: anchored modifier is experimental and not enabled"},
    {"a[5m] smoothed", "1:1: parse error: smoothed modifier is experimental and not enabled"},
    {"a[5m:] smoothed", "1:1: parse error: smoothed modifier is experimental and not enabled"},
    {"1 anchored", "1:1: parse error: anchored modifier is experimental and not enabled"},
    {"a + fill(0) b", "1:1: parse error: binop fill modifiers are experimental and not enabled"},
    {"a + on(x) fill_left(0) b",
     "1:1: parse error: binop fill modifiers are experimental and not enabled"},
    {"1 + fill(0) 2", "1:1: parse error: binop fill modifiers are experimental and not enabled"},
    {"sum(a + fill(0) b)",
     "1:5: parse error: binop fill modifiers are experimental and not enabled"},
    {"info(", "1:6: parse error: unclosed left parenthesis"},
    {"info(a b)", "1:8: parse error: unexpected identifier \"b\""},
    {"step()", "1:1: parse error: function \"step\" is not enabled"},
    {"double_exponential_smoothing(a[5m],0.1,0.1)",
     "1:1: parse error: function \"double_exponential_smoothing\" is not enabled"},
    {"start_timestamp(a)", "1:1: parse error: function \"start_timestamp\" is not enabled"},
    {"histogram_quantiles(a,\"q\",1)",
     "1:1: parse error: function \"histogram_quantiles\" is not enabled"},
};

TEST(parse, experimental_parts_are_refused_by_name_when_off)
{
    check_refused(off, COUNT_OF(off), NULL);
}
