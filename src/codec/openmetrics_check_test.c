/* Tests of codec/openmetrics_check.h: own pages, and the specification's suite when it is there. */
#include "codec/openmetrics_check.h"

#include "base/mem.h"
#include "base/test.h"
#include "codec/exposition.h"
#include "codec/json.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum {
    FILE_MAX = 256 * 1024, /* bytes */
    SUITE_MIN = 200,       /* cases that the suite has at least */
};

static bool check(Str text, Err *err)
{
    Arena arena;
    char *bytes = mem_alloc(text.len + EXPOSITION_SLACK);
    memcpy(bytes, text.ptr, text.len);
    memset(bytes + text.len, 0, EXPOSITION_SLACK);
    arena_init(&arena, 16 * MIB);
    bool ok = openmetrics_check((Str){.ptr = bytes, .len = text.len}, &arena, err);
    arena_done(&arena);
    mem_free(bytes);
    return ok;
}

TEST(openmetrics_check, takes_pages_that_keep_every_rule)
{
    static const char *const rows[] = {
        "# EOF\n",
        "a 1\n# EOF\n",
        "a NaN\nb -Inf 5\n# EOF",
        "# HELP a x\n# TYPE a counter\na_total{b=\"c\"} 5 # {id=\"1\"} 1\na_created{b=\"c\"} 1\n# "
        "EOF\n",
        "# TYPE a_s gauge\n# UNIT a_s s\na_s{x=\"1\"} 1 1\na_s{x=\"1\"} 2 2\na_s{x=\"2\"} 1 1\n# "
        "EOF\n",
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2.5\"} 1\nh_bucket{le=\"+Inf\"} "
        "2\n"
        "h_count 2\nh_sum 3\nh_created 9\n# EOF\n",
        "# TYPE h histogram\nh_bucket{le=\"-1\"} 1\nh_bucket{le=\"+Inf\"} 2\n# EOF\n",
        "# TYPE h gaugehistogram\nh_bucket{le=\"-1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_gcount 2\n"
        "h_gsum -3\n# EOF\n",
        "# TYPE s summary\ns{quantile=\"0\"} 1\ns{quantile=\"1.0\"} NaN\ns_sum 1\ns_count 2\n# "
        "EOF\n",
        "# TYPE i info\ni_info{v=\"1\"} 1\ni_info{v=\"2\"} 1\n# EOF\n",
        "# TYPE s stateset\ns{s=\"on\"} 1\ns{s=\"off\"} 0.0\n# EOF\n",
        "# TYPE a counter\n# TYPE b counter\nb_total 1\n# EOF\n",
        "# TYPE \"a.b\" gauge\n{\"a.b\",c=\"d\"} 1\n# EOF\n",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = {0};
        CHECK_OK(check(str_from(rows[i]), &err), &err);
    }
}

TEST(openmetrics_check, names_the_line_of_the_first_broken_rule)
{
    static const struct {
        const char *text;
        u32 line;
        const char *part; /* of the message */
    } rows[] = {
        {"a 1\nb 2\n", 3, "EOF"},
        {"a{b=\"1\",} 1\n# EOF\n", 1, "comma"},
        {"a{b=\"1\"c=\"2\"} 1\n# EOF\n", 1, "expected ','"},
        {"a{ b=\"1\"} 1\n# EOF\n", 1, "blank"},
        {"a{b=\"1\",b=\"2\"} 1\n# EOF\n", 1, "twice"},
        {"a{b=1} 1\n# EOF\n", 1, "quotes"},
        {"x 1\n# TYPE a gauge\na 1\n# HELP a late\n# EOF\n", 4, "behind samples"},
        {"# HELP a x\n# HELP a y\n# EOF\n", 2, "twice"},
        {"# TYPE a gauge\n# TYPE a gauge\n# EOF\n", 2, "twice"},
        {"# TYPE a counter\na 1\n# EOF\n", 2, "another family"},
        {"a 1\nb 1\na 2\n# EOF\n", 3, "two pieces"},
        {"# TYPE a_total gauge\na_total 1\n# TYPE a counter\na_total 1\n# EOF\n", 4,
         "another family"},
        {"# TYPE a_s info\n# UNIT a_s s\na_s_info 1\n# EOF\n", 3, "no unit"},
        {"# TYPE a counter\na_total -1\n# EOF\n", 2, "negative"},
        {"# TYPE a counter\na_total NaN\n# EOF\n", 2, "NaN"},
        {"# TYPE a info\na_info 0\n# EOF\n", 2, "info is 1"},
        {"# TYPE a stateset\na{a=\"x\"} 2\n# EOF\n", 2, "0 or 1"},
        {"# TYPE a stateset\na 1\n# EOF\n", 2, "own name"},
        {"# TYPE a summary\na 1\n# EOF\n", 2, "quantile"},
        {"# TYPE a summary\na{quantile=\"1.5\"} 1\n# EOF\n", 2, "quantile"},
        {"# TYPE a summary\na{quantile=\"0.5\"} -1\n# EOF\n", 2, "negative"},
        {"# TYPE a histogram\na_bucket 1\n# EOF\n", 2, "label le"},
        {"# TYPE a histogram\na_bucket{le=\"inf\"} 1\n# EOF\n", 2, "label le"},
        {"# TYPE a histogram\na_bucket{le=\"2\"} 1\na_bucket{le=\"1\"} 2\n# EOF\n", 3,
         "small to large"},
        {"# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n# EOF\n", 3,
         "holds less"},
        {"# TYPE a histogram\na_bucket{le=\"1\"} 2\n# EOF\n", 2, "+Inf"},
        {"# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_count 3\na_sum 1\n# EOF\n", 4,
         "the count"},
        {"# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_sum 1\n# EOF\n", 3, "sum and count"},
        {"# TYPE a histogram\na_bucket{le=\"-1\"} 0\na_bucket{le=\"+Inf\"} 2\na_count 2\na_sum "
         "1\n# EOF\n",
         5, "negative buckets"},
        {"# TYPE a gaugehistogram\na_bucket{le=\"+Inf\"} 1\na_gcount 1\na_gsum -1\n# EOF\n", 4,
         "sum is negative"},
        {"a{x=\"1\"} 1\na{x=\"2\"} 1\na{x=\"1\"} 2\n# EOF\n", 3, "two pieces"},
        {"a 1\na 2\n# EOF\n", 2, "same series"},
        {"a 1 5\na 2\n# EOF\n", 2, "some have none"},
        {"a 1 5\na 2 4\n# EOF\n", 2, "backwards"},
        {"# TYPE a gauge\na 1 # {} 1\n# EOF\n", 2, "exemplars"},
        {"# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1 # {} 1\n# EOF\n", 3, "exemplars"},
        {"# TYPE a counter\na_total 1 # "
         "{x=\"00000000001111111111222222222233333333334444444444555555555"
         "566666666667777777777888888888899999999990000000000111111111122222222\"} 1\n# EOF\n",
         2, "128"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        Err err = {0};
        if (check(str_from(rows[i].text), &err) || !strstr(err.message, rows[i].part)) {
            (void)fprintf(stderr, "page:\n%smessage: %s\n", rows[i].text, err.message);
            CHECK(false);
        }
        CHECK_I64(err.code, ERR_INVALID);
        CHECK_U64(err.line, rows[i].line);
    }
}

TEST(openmetrics_check, a_page_that_does_not_fit_its_arena_is_a_limit)
{
    Arena arena;
    Err err;
    char page[256] = "some_metric{label=\"value\",another=\"value\"} 1\n# EOF\n";
    arena_init(&arena, 100);
    CHECK(!openmetrics_check(str_from(page), &arena, &err));
    CHECK_I64(err.code, ERR_LIMIT);
    arena_done(&arena);
}

static Str read_file(const char *folder, const char *name, const char *file, char *to)
{
    char path[2048];
    (void)snprintf(path, sizeof(path), "%s/%s/%s", folder, name, file);
    FILE *stream = fopen(path, "rb");
    CHECK(stream != NULL);
    size_t size = fread(to, 1, FILE_MAX, stream);
    (void)fclose(stream);
    return (Str){.ptr = to, .len = size};
}

static bool should_parse(Str text)
{
    JsonReader reader;
    Str key;
    bool ret = false;
    Err err;
    json_init(&reader, text, NULL);
    CHECK(json_begin_object(&reader));
    while (json_next_key(&reader, &key)) {
        CHECK(str_eq(key, S("shouldParse")) ? json_bool(&reader, &ret) : json_skip(&reader));
    }
    CHECK_OK(json_finish(&reader, &err), &err);
    return ret;
}

TEST(openmetrics_check, agrees_with_the_specifications_suite)
{
    static char page[FILE_MAX];
    static char description[FILE_MAX];
    Str conformance;
    if (!test_conformance_dir(&conformance)) {
        TEST_SKIP("no conformance data");
    }
    char folder[1024];
    (void)snprintf(folder, sizeof(folder), "%s/prometheus/openmetrics/tests/testdata/parsers",
                   conformance.ptr);
    DIR *dir = opendir(folder);
    if (!dir) {
        TEST_SKIP("no OpenMetrics suite in the conformance data");
    }
    size_t count = 0;
    size_t differing = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        Err err = {0};
        bool want = should_parse(read_file(folder, entry->d_name, "test.json", description));
        bool got = check(read_file(folder, entry->d_name, "metrics", page), &err);
        count++;
        if (got != want) {
            differing++;
            (void)fprintf(stderr, "%s: %s %s\n", entry->d_name,
                          got ? "taken" : "refused:", err.message);
        }
    }
    (void)closedir(dir);
    CHECK(count >= SUITE_MIN);
    CHECK_U64(differing, 0);
}
