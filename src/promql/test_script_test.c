/* Tests of promql/test_script.h: what scripts are refused, and that failures are found. */
#include "promql/test_script.h"

#include "base/test.h"

#include <stdio.h>

TEST(test_script, malformed_scripts_are_refused_with_their_line)
{
    static const struct {
        Str text;
        u32 line;
    } bad[] = {
        {STR_INIT("lode 1m"), 1},
        {STR_INIT("load"), 1},
        {STR_INIT("load x\n a 1"), 1},
        {STR_INIT("load 1m\n  a 1 b"), 2},
        {STR_INIT("load 1m\n  a 1+"), 2},
        {STR_INIT("load 1m\n  a 1x"), 2},
        {STR_INIT("load 1m\n  a{x=~\"y\"} 1"), 2},
        {STR_INIT("load 1m\n  a {{schema:0 what:3}}"), 2},
        {STR_INIT("load 1m\n  a {{schema:0"), 2},
        {STR_INIT("load 1m\n  a@st 1h\n  b 1"), 3},
        {STR_INIT("\neval sometimes a"), 2},
        {STR_INIT("eval instant at noon a"), 1},
        {STR_INIT("eval range from 0 to 1m a"), 1},
        {STR_INIT("eval instant at 0 a\n  expect miracles"), 2},
        {STR_INIT("eval instant at 0 a\n  expect string x"), 2},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        ScriptReport report;
        Err err = {0};
        CHECK(!script_run(bad[i].text, &(EngineOpts){0}, &report, &err));
        CHECK_I64(err.code, ERR_INVALID);
        CHECK_U64(err.line, bad[i].line);
    }
}

TEST(test_script, every_kind_of_wrong_answer_is_found)
{
    static const Str wrong[] = {
        STR_INIT("eval instant at 0 a\n  a 2"),
        STR_INIT("eval instant at 0 a\n  b 1"),
        STR_INIT("eval instant at 0 a"),
        STR_INIT("eval instant at 0 a\n  a 1\n  b 2"),
        STR_INIT("eval instant at 0 a\n  1"),
        STR_INIT("eval instant at 0 1\n  2"),
        STR_INIT("eval instant at 0 1\n  a 1"),
        STR_INIT("eval instant at 0 \"x\"\n  expect string \"y\""),
        STR_INIT("eval instant at 0 a\n  expect fail\n  a 1"),
        STR_INIT("eval_fail instant at 0 a"),
        STR_INIT("eval instant at 0 clamp(a)\n  expect fail msg: another\n"),
        STR_INIT("eval instant at 0 a\n  expect warn\n  a 1"),
        STR_INIT("eval instant at 0 rate(a[5m])\n  expect info msg: other"),
        STR_INIT("eval instant at 2m rate(a[5m])\n  expect no_info\n  {} 0.016666666666666666"),
        STR_INIT("eval range from 0 to 2m step 1m a\n  a 1 2"),
        STR_INIT("eval range from 0 to 2m step 1m a\n  a 1 2 3 4"),
        STR_INIT("eval range from 0 to 2m step 1m a\n  a 1 _ 3"),
        STR_INIT("eval instant at 0 sort_desc({job=\"j\"})\n  expect ordered\n"
                 "  c{job=\"j\"} 1\n  d{job=\"j\"} 2"),
        STR_INIT("eval instant at 0 h\n  h {{schema:0 count:2 sum:1 buckets:[1]}}"),
        STR_INIT("eval instant at 0 h\n  h {{schema:0 count:1 sum:1 buckets:[0 1]}}"),
        STR_INIT("eval instant at 0 h\n"
                 "  h {{schema:0 count:1 sum:1 buckets:[1] counter_reset_hint:gauge}}"),
        STR_INIT("eval instant at 0 h\n  h 1"),
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        char text[1024];
        ScriptReport report;
        Err err = {0};
        (void)snprintf(text, sizeof(text),
                       "load 1m\n  a 1 2 3\n  c{job=\"j\"} 1\n  d{job=\"j\"} 2\n"
                       "  h {{schema:0 count:1 sum:1 buckets:[1]}}\n\n" STR_FMT "\n",
                       STR_ARG(wrong[i]));
        CHECK_OK(script_run(str_from(text), &(EngineOpts){0}, &report, &err), &err);
        CHECK_U64(report.total, 1);
        CHECK_U64(report.passed, 0);
        CHECK_U64(report.failure_count, 1);
        CHECK(report.failures[0].why.len > 0);
        script_report_done(&report);
    }
}
