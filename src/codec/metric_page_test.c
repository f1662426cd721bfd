/* Tests of codec/metric_page.h. */
#include "codec/metric_page.h"

#include "base/test.h"

static void check_page(MetricPage *page, PageFormat format, Str want)
{
    Buf out;
    Err err = {0};
    buf_init(&out, MIB);
    CHECK_OK(metric_page_write(page, format, &out, &err), &err);
    CHECK_STR(buf_view(&out), want);
    buf_done(&out);
}

TEST(metric_page, sorts_families_by_name_and_series_by_label_values)
{
    MetricPage *page = metric_page_new();
    MetricFamily b = metric_page_family(page, S("b_total"), PAGE_COUNTER, S("Second."));
    metric_page_put(page, b, (PageLabel[]){{"cpu", S("10")}}, 1, 3);
    metric_page_put(page, b, (PageLabel[]){{"cpu", S("1")}}, 1, 1);
    metric_page_put(page, b, (PageLabel[]){{"cpu", S("1 a")}}, 1, 2);
    metric_page_single(page, "a", PAGE_GAUGE, "First.", 1e6);
    check_page(page, PAGE_TEXT,
               S("# HELP a First.\n# TYPE a gauge\na 1e+06\n"
                 "# HELP b_total Second.\n# TYPE b_total counter\n"
                 "b_total{cpu=\"1\"} 1\nb_total{cpu=\"1 a\"} 2\nb_total{cpu=\"10\"} 3\n"));
    check_page(page, PAGE_OPENMETRICS,
               S("# HELP a First.\n# TYPE a gauge\na 1e+06\n"
                 "# HELP b Second.\n# TYPE b counter\n"
                 "b_total{cpu=\"1\"} 1\nb_total{cpu=\"1 a\"} 2\nb_total{cpu=\"10\"} 3\n# EOF\n"));
    metric_page_free(page);
}

TEST(metric_page, escapes_label_values_and_help_and_orders_label_names)
{
    MetricPage *page = metric_page_new();
    MetricFamily family = metric_page_family(page, S("m"), PAGE_UNTYPED, S("a\\b\nc \"d\""));
    metric_page_put(page, family, (PageLabel[]){{"z", S("\"\\\n")}, {"a", S("")}}, 2, 0.5);
    check_page(page, PAGE_TEXT,
               S("# HELP m a\\\\b\\nc \"d\"\n# TYPE m untyped\nm{a=\"\",z=\"\\\"\\\\\\n\"} 0.5\n"));
    metric_page_free(page);
}

TEST(metric_page, leaves_out_families_without_samples_and_starts_anew_after_clear)
{
    MetricPage *page = metric_page_new();
    (void)metric_page_family(page, S("empty"), PAGE_GAUGE, S("Nothing."));
    check_page(page, PAGE_TEXT, S(""));
    metric_page_single(page, "x", PAGE_GAUGE, "X.", 1);
    metric_page_clear(page);
    check_page(page, PAGE_TEXT, S(""));
    metric_page_single(page, "x", PAGE_COUNTER, "Other.", 2);
    check_page(page, PAGE_TEXT, S("# HELP x Other.\n# TYPE x counter\nx 2\n"));
    metric_page_free(page);
}

TEST(metric_page, keeps_the_parts_of_a_histogram_in_the_order_given)
{
    MetricPage *page = metric_page_new();
    MetricFamily family = metric_page_family(page, S("h"), PAGE_HISTOGRAM, S("H."));
    metric_page_put_named(page, family, S("h_bucket"), (PageLabel[]){{"le", S("5")}}, 1, 1);
    metric_page_put_named(page, family, S("h_bucket"), (PageLabel[]){{"le", S("+Inf")}}, 1, 2);
    metric_page_put_named(page, family, S("h_sum"), NULL, 0, 7);
    metric_page_put_named(page, family, S("h_count"), NULL, 0, 2);
    check_page(page, PAGE_TEXT,
               S("# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"5\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
                 "h_sum 7\nh_count 2\n"));
    metric_page_free(page);
}
