/* Tests of promql/print.h: the folded form, the JSON, and what the original does not read back. */
#include "promql/print.h"

#include "base/test.h"
#include "promql/parse.h"

enum {
    ARENA_MAX = 1024 * 1024, /* bytes a query */
    PRINT_MAX = 64 * 1024,
};

static const ParseOpts everything = {true, true, true};

typedef void (*Printer)(Buf *out, const Node *node);

static void json_of(Buf *out, const Node *node)
{
    JsonWriter writer;
    json_writer_init(&writer, out);
    node_json(&writer, node);
}

static void check_printed(const char *query, Printer print, const char *want)
{
    Arena arena;
    Expr expr;
    Err err;
    Buf out;
    arena_init(&arena, ARENA_MAX);
    buf_init(&out, PRINT_MAX);
    CHECK_OK(expr_parse(str_from(query), &everything, &arena, &expr, &err), &err);
    print(&out, expr.root);
    CHECK(buf_ok(&out, NULL));
    CHECK_STR(buf_view(&out), str_from(want));
    buf_done(&out);
    expr_done(&expr);
    arena_done(&arena);
}

TEST(print, offsets_that_take_operators_keep_their_ends)
{
    static const struct {
        const char *query;
        const char *printed;
    } cases[] = {
        {"up offset (1m) @ 3 + 5", "(up @ 3.000 offset (1m)) + 5"},
        {"-up offset (1m) @ 3 * 5", "(-up @ 3.000 offset (1m)) * 5"},
        {"a * up offset (1m) @ 3 * 5", "(a * up @ 3.000 offset (1m)) * 5"},
        {"up offset (1m) @ 3 == 5", "up @ 3.000 offset (1m) == 5"},
        {"up[5m] offset (1m) @ 3", "up[5m] @ 3.000 offset (1m)"},
        {"up offset (1m) + 5", "up offset (1m) + 5"},
        {"up offset - -5m + 3", "up offset (5m + 3)"},
        {"up offset -+2 ^ 2", "up offset (-2 ^ 2)"},
        {"up offset --step() ^ 2", "up offset --step() ^ 2"},
        {"up offset -step() ^ 2", "up offset -step() ^ 2"},
        {"up offset +step() ^ 2", "up offset step() ^ 2"},
        {"info(a, {})", "info(a, {})"},
        {"1s1ms", "1s1ms"},
        {"-1s1ms", "-1s1ms"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_printed(cases[i].query, node_print, cases[i].printed);
        check_printed(cases[i].printed, node_print, cases[i].printed);
    }
}

TEST(print, long_expressions_are_folded_as_the_original_folds_them)
{
    static const struct {
        const char *query;
        const char *folded;
    } cases[] = {
        {"up", "up"},
        {"sum(up)", "sum(up)"},
        {"sum by (job, instance) (rate(a_metric_with_a_long_name_for_tests_total{job=\"api\", "
         "instance=~\"web.*\"}[5m])) / sum by (job) "
         "(rate(a_metric_with_a_long_name_for_tests_total[5m]))",
         "  sum by (job, instance) (\n"
         "    "
         "rate(a_metric_with_a_long_name_for_tests_total{instance=~\"web.*\",job=\"api\"}[5m])\n"
         "  )\n"
         "/\n"
         "  sum by (job) (rate(a_metric_with_a_long_name_for_tests_total[5m]))"},
        {"topk(5, sum without (instance) "
         "(increase(a_metric_with_a_long_name_for_tests_total{job=\"api\"}[1h]) * on (instance) "
         "group_left (version) a_metric_with_a_long_name_for_tests_total))",
         "topk(\n"
         "  5,\n"
         "  sum without (instance) (\n"
         "      increase(a_metric_with_a_long_name_for_tests_total{job=\"api\"}[1h])\n"
         "    * on (instance) group_left (version)\n"
         "      a_metric_with_a_long_name_for_tests_total\n"
         "  )\n"
         ")"},
        {"-(a_metric_with_a_long_name_for_tests_total + a_metric_with_a_long_name_for_tests_total "
         "+ a_metric_with_a_long_name_for_tests_total)",
         "-(\n"
         "    a_metric_with_a_long_name_for_tests_total + "
         "a_metric_with_a_long_name_for_tests_total\n"
         "  +\n"
         "    a_metric_with_a_long_name_for_tests_total\n"
         ")"},
        {"-sum by (job) (a_metric_with_a_long_name_for_tests_total{a=\"b\"} + "
         "a_metric_with_a_long_name_for_tests_total{a=\"b\"} + "
         "a_metric_with_a_long_name_for_tests_total)",
         "-sum by (job) (\n"
         "    a_metric_with_a_long_name_for_tests_total{a=\"b\"} + "
         "a_metric_with_a_long_name_for_tests_total{a=\"b\"}\n"
         "  +\n"
         "    a_metric_with_a_long_name_for_tests_total\n"
         ")"},
        {"histogram_quantile(0.99, sum by (le) "
         "(rate(a_metric_with_a_long_name_for_tests_total_bucket{job=\"api\",instance=\"localhost:"
         "9090\"}[5m])))",
         "histogram_quantile(\n"
         "  0.99,\n"
         "  sum by (le) (\n"
         "    "
         "rate(a_metric_with_a_long_name_for_tests_total_bucket{instance=\"localhost:9090\",job="
         "\"api\"}[5m])\n"
         "  )\n"
         ")"},
        {"max_over_time(sum by (job) "
         "(rate(a_metric_with_a_long_name_for_tests_total{job=\"api\"}[5m]) + "
         "rate(a_metric_with_a_long_name_for_tests_total{job=\"web\"}[5m]))[1h:1m] offset 5m)",
         "max_over_time(\n"
         "  sum by (job) (\n"
         "      rate(a_metric_with_a_long_name_for_tests_total{job=\"api\"}[5m])\n"
         "    +\n"
         "      rate(a_metric_with_a_long_name_for_tests_total{job=\"web\"}[5m])\n"
         "  )[1h:1m] offset 5m\n"
         ")"},
        {"a_metric_with_a_long_name_for_tests_total{job=\"api\",instance=\"localhost:9090\",code="
         "\"200\",method=\"get\",handler=\"/api/v1/query_range\"}",
         "a_metric_with_a_long_name_for_tests_total{code=\"200\",handler=\"/api/v1/"
         "query_range\",instance=\"localhost:9090\",job=\"api\",method=\"get\"}"},
        {"label_replace(a_metric_with_a_long_name_for_tests_total{job=\"api\",instance=\"localhost:"
         "9090\"}, \"destination\", \"$1\", \"source\", \"(.*)-suffix\")",
         "label_replace(\n"
         "  a_metric_with_a_long_name_for_tests_total{instance=\"localhost:9090\",job=\"api\"},\n"
         "  \"destination\",\n"
         "  \"$1\",\n"
         "  \"source\",\n"
         "  \"(.*)-suffix\"\n"
         ")"},
        {"(a_metric_with_a_long_name_for_tests_total{job=\"api\"} > bool 5 and on (job, instance) "
         "a_metric_with_a_long_name_for_tests_total{job=\"web\"}) or "
         "a_metric_with_a_long_name_for_tests_total unless ignoring (code) up",
         "  (\n"
         "      a_metric_with_a_long_name_for_tests_total{job=\"api\"} > bool 5\n"
         "    and on (job, instance)\n"
         "      a_metric_with_a_long_name_for_tests_total{job=\"web\"}\n"
         "  )\n"
         "or\n"
         "  a_metric_with_a_long_name_for_tests_total unless ignoring (code) up"},
        {"count_values(\"version\", "
         "a_metric_with_a_long_name_for_tests_total{job=\"api\",instance=\"localhost:9090\",code="
         "\"200\",method=\"get\"} == bool 1)",
         "count_values(\n"
         "  \"version\",\n"
         "    "
         "a_metric_with_a_long_name_for_tests_total{code=\"200\",instance=\"localhost:9090\",job="
         "\"api\",method=\"get\"}\n"
         "  == bool\n"
         "    1\n"
         ")"},
        {"abs((sum(a_metric_with_a_long_name_for_tests_total{job=\"api\"}) - "
         "sum(a_metric_with_a_long_name_for_tests_total{job=\"web\"})) / "
         "(sum(a_metric_with_a_long_name_for_tests_total{job=\"api\"}) + "
         "sum(a_metric_with_a_long_name_for_tests_total{job=\"web\"})))",
         "abs(\n"
         "    (\n"
         "        sum(a_metric_with_a_long_name_for_tests_total{job=\"api\"})\n"
         "      -\n"
         "        sum(a_metric_with_a_long_name_for_tests_total{job=\"web\"})\n"
         "    )\n"
         "  /\n"
         "    (\n"
         "        sum(a_metric_with_a_long_name_for_tests_total{job=\"api\"})\n"
         "      +\n"
         "        sum(a_metric_with_a_long_name_for_tests_total{job=\"web\"})\n"
         "    )\n"
         ")"},
        {"rate(a_metric_with_a_long_name_for_tests_total{job=\"api\",instance=\"localhost:9090\","
         "code=\"200\",method=\"get\"}[5m:1m] @ end() offset step())",
         "rate(\n"
         "  "
         "a_metric_with_a_long_name_for_tests_total{code=\"200\",instance=\"localhost:9090\",job="
         "\"api\",method=\"get\"}[5m:1m] @ end() offset step()\n"
         ")"},
        {"a + fill_left (1) fill_right (2) "
         "a_metric_with_a_long_name_for_tests_total{job=\"api\",instance=\"localhost:9090\",code="
         "\"200\",method=\"get\"} * up",
         "  a\n"
         "+ fill_left (1) fill_right (2)\n"
         "    "
         "a_metric_with_a_long_name_for_tests_total{code=\"200\",instance=\"localhost:9090\",job="
         "\"api\",method=\"get\"}\n"
         "  *\n"
         "    up"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_printed(cases[i].query, node_pretty, cases[i].folded);
    }
}

TEST(print, trees_are_json_in_the_shape_of_the_original)
{
    static const struct {
        const char *query;
        const char *json;
    } cases[] = {
        {"1", "{\"type\":\"numberLiteral\",\"val\":\"1\"}"},
        {"5m", "{\"type\":\"numberLiteral\",\"val\":\"300\"}"},
        {"\"s\"", "{\"type\":\"stringLiteral\",\"val\":\"s\"}"},
        {"up", "{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":\"=\",\"value\":"
               "\"up\"}],\"name"
               "\":\"up\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,\"startOrEnd\":null,"
               "\"timestam"
               "p\":null,\"type\":\"vectorSelector\"}"},
        {"{\"a.b\",c!=\"d\"}",
         "{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":\"=\",\"value\":\"a."
         "b\"},{\"nam"
         "e\":\"c\",\"type\":\"!=\",\"value\":\"d\"}],\"name\":\"\",\"offset\":0,\"offsetExpr\":"
         "null,\"smoothe"
         "d\":false,\"startOrEnd\":null,\"timestamp\":null,\"type\":\"vectorSelector\"}"},
        {"up{a=~\"b\",c!~\"d\"} @ 5 offset -5m",
         "{\"anchored\":false,\"matchers\":[{\"name\":\"a\",\"type\":\"=~\",\"value\":\"b\"},{"
         "\"name\":\"c\",\""
         "type\":\"!~\",\"value\":\"d\"},{\"name\":\"__name__\",\"type\":\"=\",\"value\":\"up\"}],"
         "\"name\":\"up\""
         ",\"offset\":-300000,\"offsetExpr\":null,\"smoothed\":false,\"startOrEnd\":null,\"timestam"
         "p\":5000,\"type\":\"vectorSelector\"}"},
        {"up[5m] anchored",
         "{\"anchored\":true,\"matchers\":[{\"name\":\"__name__\",\"type\":\"=\",\"value\":\"up\"}]"
         ",\"name\""
         ":\"up\",\"offset\":0,\"offsetExpr\":null,\"range\":300000,\"rangeExpr\":null,"
         "\"smoothed\":fa"
         "lse,\"startOrEnd\":null,\"timestamp\":null,\"type\":\"matrixSelector\"}"},
        {"rate(up[step()*2] smoothed @ start() offset -(1m))",
         "{\"args\":[{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":\"=\","
         "\"value\":\"up"
         "\"}],\"name\":\"up\",\"offset\":0,\"offsetExpr\":{\"lhs\":null,\"op\":\"-\",\"rhs\":{"
         "\"lhs\":null,\""
         "op\":\"+\",\"rhs\":{\"duration\":true,\"type\":\"numberLiteral\",\"val\":\"60\"},"
         "\"type\":\"durati"
         "onExpr\",\"wrapped\":true},\"type\":\"durationExpr\",\"wrapped\":false},\"range\":0,"
         "\"rangeE"
         "xpr\":{\"lhs\":{\"lhs\":null,\"op\":\"step\",\"rhs\":null,\"type\":\"durationExpr\","
         "\"wrapped\":f"
         "alse},\"op\":\"*\",\"rhs\":{\"duration\":false,\"type\":\"numberLiteral\",\"val\":\"2\"},"
         "\"type\":"
         "\"durationExpr\",\"wrapped\":false},\"smoothed\":true,\"startOrEnd\":\"start\","
         "\"timestamp\""
         ":null,\"type\":\"matrixSelector\"}],\"func\":{\"argTypes\":[\"matrix\"],\"name\":"
         "\"rate\",\"ret"
         "urnType\":\"vector\",\"variadic\":0},\"type\":\"call\"}"},
        {"rate(up[5m])[1h:range()] @ end() offset min_of(1,max_of(2,3))",
         "{\"expr\":{\"args\":[{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":"
         "\"=\",\"va"
         "lue\":\"up\"}],\"name\":\"up\",\"offset\":0,\"offsetExpr\":null,\"range\":300000,"
         "\"rangeExpr\":"
         "null,\"smoothed\":false,\"startOrEnd\":null,\"timestamp\":null,\"type\":"
         "\"matrixSelector\""
         "}],\"func\":{\"argTypes\":[\"matrix\"],\"name\":\"rate\",\"returnType\":\"vector\","
         "\"variadic\":"
         "0},\"type\":\"call\"},\"offset\":0,\"offsetExpr\":{\"lhs\":{\"duration\":false,\"type\":"
         "\"numbe"
         "rLiteral\",\"val\":\"1\"},\"op\":\"min_of\",\"rhs\":{\"lhs\":{\"duration\":false,"
         "\"type\":\"number"
         "Literal\",\"val\":\"2\"},\"op\":\"max_of\",\"rhs\":{\"duration\":false,\"type\":"
         "\"numberLiteral\""
         ",\"val\":\"3\"},\"type\":\"durationExpr\",\"wrapped\":false},\"type\":\"durationExpr\","
         "\"wrappe"
         "d\":false},\"range\":3600000,\"rangeExpr\":null,\"startOrEnd\":\"end\",\"step\":0,"
         "\"stepExpr"
         "\":{\"lhs\":null,\"op\":\"range\",\"rhs\":null,\"type\":\"durationExpr\",\"wrapped\":"
         "false},\"ti"
         "mestamp\":null,\"type\":\"subquery\"}"},
        {"-(a)", "{\"expr\":{\"expr\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\","
                 "\"type\":\"=\",\"val"
                 "ue\":\"a\"}],\"name\":\"a\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,"
                 "\"startOrEnd\":"
                 "null,\"timestamp\":null,\"type\":\"vectorSelector\"},\"type\":\"parenExpr\"},"
                 "\"op\":\"-\",\"typ"
                 "e\":\"unaryExpr\"}"},
        {"+a", "{\"expr\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":\"=\","
               "\"value\":\"a\"}"
               "],\"name\":\"a\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,"
               "\"startOrEnd\":null,\"ti"
               "mestamp\":null,\"type\":\"vectorSelector\"},\"op\":\"+\",\"type\":\"unaryExpr\"}"},
        {"a == bool on (x) group_left (y) b",
         "{\"bool\":true,\"lhs\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":"
         "\"=\",\""
         "value\":\"a\"}],\"name\":\"a\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,"
         "\"startOrEn"
         "d\":null,\"timestamp\":null,\"type\":\"vectorSelector\"},\"matching\":{\"card\":\"many-"
         "to-on"
         "e\",\"fillValues\":{\"lhs\":null,\"rhs\":null},\"include\":[\"y\"],\"labels\":[\"x\"],"
         "\"on\":true"
         "},\"op\":\"==\",\"rhs\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\","
         "\"type\":\"=\",\"v"
         "alue\":\"b\"}],\"name\":\"b\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,"
         "\"startOrEnd"
         "\":null,\"timestamp\":null,\"type\":\"vectorSelector\"},\"type\":\"binaryExpr\"}"},
        {"a and b",
         "{\"bool\":false,\"lhs\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\","
         "\"type\":\"=\","
         "\"value\":\"a\"}],\"name\":\"a\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,"
         "\"startOrE"
         "nd\":null,\"timestamp\":null,\"type\":\"vectorSelector\"},\"matching\":{\"card\":\"many-"
         "to-m"
         "any\",\"fillValues\":{\"lhs\":null,\"rhs\":null},\"include\":[],\"labels\":[],\"on\":"
         "false},\""
         "op\":\"and\",\"rhs\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":"
         "\"=\",\"val"
         "ue\":\"b\"}],\"name\":\"b\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,"
         "\"startOrEnd\":"
         "null,\"timestamp\":null,\"type\":\"vectorSelector\"},\"type\":\"binaryExpr\"}"},
        {"1 + 2", "{\"bool\":false,\"lhs\":{\"type\":\"numberLiteral\",\"val\":\"1\"},\"matching\":"
                  "null,\"op\":\"+\","
                  "\"rhs\":{\"type\":\"numberLiteral\",\"val\":\"2\"},\"type\":\"binaryExpr\"}"},
        {"a + fill_left (1) b",
         "{\"bool\":false,\"lhs\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\","
         "\"type\":\"=\","
         "\"value\":\"a\"}],\"name\":\"a\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,"
         "\"startOrE"
         "nd\":null,\"timestamp\":null,\"type\":\"vectorSelector\"},\"matching\":{\"card\":\"one-"
         "to-on"
         "e\",\"fillValues\":{\"lhs\":1,\"rhs\":null},\"include\":[],\"labels\":[],\"on\":false},"
         "\"op\":\""
         "+\",\"rhs\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":\"=\","
         "\"value\":\"b\""
         "}],\"name\":\"b\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,\"startOrEnd\":"
         "null,\"t"
         "imestamp\":null,\"type\":\"vectorSelector\"},\"type\":\"binaryExpr\"}"},
        {"sum by (x) (a)", "{\"expr\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\","
                           "\"type\":\"=\",\"value\":\"a\"}"
                           "],\"name\":\"a\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,"
                           "\"startOrEnd\":null,\"ti"
                           "mestamp\":null,\"type\":\"vectorSelector\"},\"grouping\":[\"x\"],"
                           "\"op\":\"sum\",\"param\":null,"
                           "\"type\":\"aggregation\",\"without\":false}"},
        {"topk without () (3, a)",
         "{\"expr\":{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":\"=\","
         "\"value\":\"a\"}"
         "],\"name\":\"a\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,\"startOrEnd\":null,"
         "\"ti"
         "mestamp\":null,\"type\":\"vectorSelector\"},\"grouping\":[],\"op\":\"topk\",\"param\":{"
         "\"type\""
         ":\"numberLiteral\",\"val\":\"3\"},\"type\":\"aggregation\",\"without\":true}"},
        {"time()", "{\"args\":[],\"func\":{\"argTypes\":[],\"name\":\"time\",\"returnType\":"
                   "\"scalar\",\"variadic\":"
                   "0},\"type\":\"call\"}"},
        {"round(a)",
         "{\"args\":[{\"anchored\":false,\"matchers\":[{\"name\":\"__name__\",\"type\":\"=\","
         "\"value\":\"a\""
         "}],\"name\":\"a\",\"offset\":0,\"offsetExpr\":null,\"smoothed\":false,\"startOrEnd\":"
         "null,\"t"
         "imestamp\":null,\"type\":\"vectorSelector\"}],\"func\":{\"argTypes\":[\"vector\","
         "\"scalar\"],"
         "\"name\":\"round\",\"returnType\":\"vector\",\"variadic\":1},\"type\":\"call\"}"},
        {"label_join(a, \"x\", \",\")", "{\"args\":[{\"anchored\":false,\"matchers\":[{\"name\":\"_"
                                        "_name__\",\"type\":\"=\",\"value\":\"a\""
                                        "}],\"name\":\"a\",\"offset\":0,\"offsetExpr\":null,"
                                        "\"smoothed\":false,\"startOrEnd\":null,\"t"
                                        "imestamp\":null,\"type\":\"vectorSelector\"},{\"type\":"
                                        "\"stringLiteral\",\"val\":\"x\"},{\"typ"
                                        "e\":\"stringLiteral\",\"val\":\",\"}],\"func\":{"
                                        "\"argTypes\":[\"vector\",\"string\",\"string\",\"s"
                                        "tring\"],\"name\":\"label_join\",\"returnType\":"
                                        "\"vector\",\"variadic\":-1},\"type\":\"call\"}"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_printed(cases[i].query, json_of, cases[i].json);
    }
}
