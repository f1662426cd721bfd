/* Tests of base/log.h: the lines as they leave the process. */
#include "base/log.h"

#include "base/test.h"
#include "base/time.h"
#include "base/utf8.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void keep_line(void *self, Str line)
{
    Buf *lines = self;
    buf_str(lines, line);
}

static void start_capture(Buf *lines, LogFormat format)
{
    buf_init(lines, MIB);
    log_set_level(LOG_DEBUG);
    log_set_format(format);
    log_set_writer(keep_line, lines);
}

static void end_capture(Buf *lines)
{
    log_set_writer(NULL, NULL);
    log_set_format(LOG_LOGFMT);
    log_set_level(LOG_INFO);
    buf_done(lines);
}

/* The text behind the time, which must be a valid one of just now. */
static Str behind_time(const Buf *lines, Str prefix, char end)
{
    Str line = buf_view(lines);
    CHECK(str_skip_prefix(&line, prefix));
    size_t at = str_find_byte(line, end);
    CHECK(at != STR_NOT_FOUND);
    i64 ns;
    Err err;
    CHECK_OK(time_parse_rfc3339(str_take(line, at), &ns, &err), &err);
    CHECK(llabs(ns - time_now_ns()) < 60 * NS_PER_SECOND);
    return str_skip(line, at + 1);
}

TEST(log, logfmt_lines_are_those_of_prometheus)
{
    Buf lines;
    start_capture(&lines, LOG_LOGFMT);
    Err err;
    err_set(&err, ERR_IO, "open /x: No such file");
    const LogField fields[] = {
        LOG_STR("component", S("tsdb")),
        LOG_STR("quoted", S("a b")),
        LOG_STR("empty", S("")),
        LOG_STR("equals", S("a=b")),
        LOG_STR("newline", S("a\nb")),
        LOG_STR("quote", S("say \"x\"")),
        LOG_STR("backslash", S("C:\\x")),
        LOG_STR("accent", S("é€")),
        LOG_STR("bad", S("\xff")),
        LOG_STR("space", S("\u00a0")),
        LOG_I64("n", -5),
        LOG_F64("f", 0.1),
        LOG_F64("million", 1e6),
        LOG_F64("tiny", 1e-7),
        LOG_F64("third", 1.0 / 3),
        LOG_F64("nan", NAN),
        LOG_F64("inf", -INFINITY),
        LOG_BOOL("yes", true),
        LOG_DURATION_NS("took", 1500000000),
        LOG_ERR(&err),
    };
    log_write(LOG_WARN, "../src/tsdb/wal.c", 88, S("WAL replay done"), fields, COUNT_OF(fields));
    CHECK_STR(behind_time(&lines, S("time="), ' '),
              S("level=WARN source=wal.c:88 msg=\"WAL replay done\" component=tsdb quoted=\"a b\" "
                "empty=\"\" equals=\"a=b\" newline=\"a\\nb\" quote=\"say \\\"x\\\"\" "
                "backslash=C:\\x accent=é€ bad=\"\\xff\" space=\"\\u00a0\" n=-5 f=0.1 "
                "million=1e+06 tiny=1e-07 third=0.3333333333333333 nan=NaN inf=-Inf yes=true "
                "took=1.5s err=\"open /x: No such file\"\n"));
    end_capture(&lines);
}

TEST(log, json_lines_are_those_of_prometheus)
{
    Buf lines;
    start_capture(&lines, LOG_JSON);
    const LogField fields[] = {
        LOG_STR("a\"b", S("x\n\"\xff")),
        LOG_I64("n", 7),
        LOG_F64("f", 1e6),
        LOG_F64("big", 1e21),
        LOG_F64("nan", NAN),
        LOG_BOOL("no", false),
        LOG_DURATION_NS("took", 2000000),
    };
    log_write(LOG_ERROR, "main.c", 1, S("stop"), fields, COUNT_OF(fields));
    CHECK_STR(behind_time(&lines, S("{\"time\":\""), '"'),
              S(",\"level\":\"ERROR\",\"source\":\"main.c:1\",\"msg\":\"stop\",\"a\\\"b\":"
                "\"x\\n\\\"\\ufffd\",\"n\":7,\"f\":1000000,\"big\":1e+21,\"nan\":\"NaN\","
                "\"no\":false,\"took\":\"2ms\"}\n"));
    end_capture(&lines);
}

TEST(log, the_macros_name_this_file_and_keep_to_the_level)
{
    Buf lines;
    start_capture(&lines, LOG_LOGFMT);
    log_set_level(LOG_WARN);
    log_debug("hidden");
    log_info("hidden", LOG_I64("n", 1));
    CHECK_STR(buf_view(&lines), S(""));
    CHECK(!log_enabled(LOG_INFO));
    CHECK(log_enabled(LOG_WARN));
    log_error("seen");
    CHECK(str_contains(buf_view(&lines), S(" level=ERROR source=log_test.c:")));
    CHECK(str_ends_with(buf_view(&lines), S(" msg=seen\n")));
    end_capture(&lines);
}

TEST(log, levels_and_formats_are_read_by_name)
{
    LogLevel level = LOG_DEBUG;
    LogFormat format = LOG_LOGFMT;
    CHECK(log_level_parse(S("warn"), &level));
    CHECK_I64(level, LOG_WARN);
    CHECK(!log_level_parse(S("fatal"), &level));
    CHECK(!log_level_parse(S(""), &level));
    CHECK_I64(level, LOG_WARN);
    CHECK(log_format_parse(S("json"), &format));
    CHECK_I64(format, LOG_JSON);
    CHECK(!log_format_parse(S("xml"), &format));
    CHECK_I64(format, LOG_JSON);
}

TEST(log, a_huge_value_is_cut_and_the_line_stays_whole)
{
    static char huge[100000];
    for (size_t i = 0; i + 3 <= sizeof(huge); i += 3) {
        memcpy(huge + i, "€", 3);
    }
    Str value = {.ptr = huge, .len = sizeof(huge) / 3 * 3};
    Buf lines;
    start_capture(&lines, LOG_LOGFMT);
    log_info("cut", LOG_STR("value", value), LOG_I64("after", 1));
    Str line = buf_view(&lines);
    CHECK(line.len < 20000);
    CHECK(utf8_valid(line));
    CHECK(str_contains(line, S("€… after=1\n")));
    end_capture(&lines);
}

TEST(log, fields_that_do_not_fit_are_left_out_and_counted)
{
    static char zeros[16000];
    LogField fields[40];
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        fields[i] = LOG_STR("zeros", ((Str){.ptr = zeros, .len = sizeof(zeros)}));
    }
    for (LogFormat format = LOG_LOGFMT; format <= LOG_JSON; format++) {
        Buf lines;
        start_capture(&lines, format);
        log_write(LOG_INFO, "x.c", 1, S("many"), fields, COUNT_OF(fields));
        Str line = buf_view(&lines);
        CHECK(line.len > 50000 && line.len < 140000);
        CHECK(str_contains(line, S("fields_left_out")));
        CHECK(str_ends_with(line, format == LOG_JSON ? S("}\n") : S("\n")));
        end_capture(&lines);
    }
}

enum { WRITERS = 4, LINES_EACH = 300 };

static void *write_lines(void *self)
{
    char filler[LINES_EACH * 10];
    memset(filler, 'x', sizeof(filler));
    for (i64 i = 0; i < LINES_EACH; i++) {
        Str text = {.ptr = filler, .len = (size_t)(i * 10)};
        log_info("line", LOG_I64("writer", *(const i64 *)self), LOG_STR("filler", text),
                 LOG_I64("end", i));
    }
    return NULL;
}

/* A line of write_lines, whole and alone. */
static bool is_whole_line(Str line)
{
    return str_starts_with(line, S("time=")) && str_contains(line, S(" msg=line writer=")) &&
           str_find(str_skip(line, 5), S("time=")) == STR_NOT_FOUND &&
           str_contains(line, S(" end="));
}

TEST(log, lines_of_many_threads_never_mix_on_standard_error)
{
    char path[] = "/tmp/vigie-log-test-XXXXXX";
    int file = mkstemp(path);
    int standard_error = dup(STDERR_FILENO);
    CHECK(file >= 0 && standard_error >= 0);
    CHECK(dup2(file, STDERR_FILENO) >= 0);
    pthread_t threads[WRITERS];
    i64 numbers[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        numbers[i] = (i64)i;
        CHECK(pthread_create(&threads[i], NULL, write_lines, &numbers[i]) == 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)dup2(standard_error, STDERR_FILENO);
    (void)close(standard_error);
    Buf text;
    buf_init(&text, 64 * MIB);
    off_t size = lseek(file, 0, SEEK_END);
    u8 *room = buf_reserve(&text, (size_t)size);
    CHECK(room != NULL && pread(file, room, (size_t)size, 0) == size);
    buf_advance(&text, (size_t)size);
    (void)close(file);
    (void)unlink(path);

    size_t count = 0;
    Str line;
    for (Str rest = buf_view(&text); str_split_next(&rest, '\n', &line) && rest.ptr; count++) {
        CHECK(is_whole_line(line));
    }
    CHECK_U64(count, WRITERS * LINES_EACH);
    buf_done(&text);
}
