/* Scrape metrics: see metrics.h. Layer: scrape. Memory: summaries. Thread: any. */
#include "scrape/metrics.h"

#include "base/buf.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void scrape_metrics_init(ScrapeMetrics *metrics)
{
    *metrics = (ScrapeMetrics){
        .interval_length = {.name = "prometheus_target_interval_length_seconds",
                            .help = "Actual intervals between scrapes.",
                            .label_name = "interval"},
        .sync_length = {.name = "prometheus_target_sync_length_seconds",
                        .help = "Actual interval to sync the scrape pool.",
                        .label_name = "scrape_job"},
        .reload_length = {.name = "prometheus_target_reload_length_seconds",
                          .help = "Actual interval to reload the scrape pool with a given "
                                  "configuration.",
                          .label_name = "interval"},
    };
    pthread_mutex_init(&metrics->lock, NULL);
}

static void free_summary(LengthSummary *summary)
{
    mem_free((char *)summary->label.ptr);
    mem_free(summary);
}

static void free_summaries(LengthSummaries *summaries)
{
    for (size_t i = 0; i < summaries->each.count; i++) {
        free_summary(summaries->each.at[i]);
    }
    vec_done(&summaries->each);
}

void scrape_metrics_done(ScrapeMetrics *metrics)
{
    free_summaries(&metrics->interval_length);
    free_summaries(&metrics->sync_length);
    free_summaries(&metrics->reload_length);
    pthread_mutex_destroy(&metrics->lock);
}

static LengthSummary *find_summary(LengthSummaries *summaries, Str label)
{
    for (size_t i = 0; i < summaries->each.count; i++) {
        if (str_eq(summaries->each.at[i]->label, label)) {
            return summaries->each.at[i];
        }
    }
    char *copy = mem_alloc(label.len + 1);
    memcpy(copy, label.ptr, label.len);
    LengthSummary *summary = MEM_NEW(LengthSummary);
    summary->label = (Str){.ptr = copy, .len = label.len};
    *vec_push(&summaries->each) = summary;
    return summary;
}

void scrape_metrics_observe(ScrapeMetrics *metrics, LengthSummaries *summaries, Str label,
                            f64 seconds)
{
    pthread_mutex_lock(&metrics->lock);
    LengthSummary *summary = find_summary(summaries, label);
    summary->recent[summary->count % LENGTH_WINDOW] = seconds;
    summary->count++;
    summary->sum += seconds;
    pthread_mutex_unlock(&metrics->lock);
}

void scrape_metrics_forget(ScrapeMetrics *metrics, LengthSummaries *summaries, Str label)
{
    pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < summaries->each.count; i++) {
        if (str_eq(summaries->each.at[i]->label, label)) {
            free_summary(summaries->each.at[i]);
            summaries->each.at[i] = summaries->each.at[--summaries->each.count];
            break;
        }
    }
    pthread_mutex_unlock(&metrics->lock);
}

static int f64_cmp(const void *a, const void *b)
{
    f64 left = *(const f64 *)a, right = *(const f64 *)b;
    return (left > right) - (left < right);
}

static void write_summary(const LengthSummaries *summaries, const LengthSummary *summary,
                          MetricFamily family, MetricPage *page)
{
    static const struct {
        f64 rank;
        Str text;
    } quantiles[] = {{0.01, STR_INIT("0.01")},
                     {0.05, STR_INIT("0.05")},
                     {0.5, STR_INIT("0.5")},
                     {0.9, STR_INIT("0.9")},
                     {0.99, STR_INIT("0.99")}};
    f64 sorted[LENGTH_WINDOW];
    char name[128];
    size_t count = MIN(summary->count, (u64)LENGTH_WINDOW);
    PageLabel labels[] = {{.name = summaries->label_name, .value = summary->label},
                          {.name = "quantile"}};
    memcpy(sorted, summary->recent, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), f64_cmp);
    for (size_t i = 0; i < COUNT_OF(quantiles); i++) {
        size_t index = (size_t)(quantiles[i].rank * (f64)count);
        labels[1].value = quantiles[i].text;
        metric_page_put(page, family, labels, 2,
                        count > 0 ? sorted[MIN(index, count - 1)] : (f64)NAN);
    }
    Buf text;
    buf_init(&text, sizeof(name));
    buf_printf(&text, "%s_sum", summaries->name);
    metric_page_put_named(page, family, buf_view(&text), labels, 1, summary->sum);
    buf_clear(&text);
    buf_printf(&text, "%s_count", summaries->name);
    metric_page_put_named(page, family, buf_view(&text), labels, 1, (f64)summary->count);
    buf_done(&text);
}

static void write_summaries(const LengthSummaries *summaries, MetricPage *page)
{
    if (summaries->each.count == 0) {
        return;
    }
    MetricFamily family = metric_page_family(page, str_from(summaries->name), PAGE_SUMMARY,
                                             str_from(summaries->help));
    for (size_t i = 0; i < summaries->each.count; i++) {
        write_summary(summaries, summaries->each.at[i], family, page);
    }
}

static void write_counters(ScrapeMetrics *metrics, MetricPage *page)
{
    const struct {
        const char *name;
        const char *help;
        _Atomic u64 *counter;
    } counters[] = {
        {"prometheus_target_scrape_pools_total", "Total number of scrape pool creation attempts.",
         &metrics->pools},
        {"prometheus_target_scrape_pools_failed_total",
         "Total number of scrape pool creations that failed.", &metrics->pools_failed},
        {"prometheus_target_scrape_pool_reloads_total", "Total number of scrape pool reloads.",
         &metrics->pool_reloads},
        {"prometheus_target_scrape_pool_reloads_failed_total",
         "Total number of failed scrape pool reloads.", &metrics->pool_reloads_failed},
        {"prometheus_target_scrape_pool_exceeded_target_limit_total",
         "Total number of times scrape pools hit the target limit, during sync or config reload.",
         &metrics->exceeded_target_limit},
        {"prometheus_target_scrape_pool_exceeded_label_limits_total",
         "Total number of times scrape pools hit the label limits, during sync or config reload.",
         &metrics->exceeded_label_limits},
        {"prometheus_target_scrapes_exceeded_body_size_limit_total",
         "Total number of scrapes that hit the body size limit", &metrics->exceeded_body_size},
        {"prometheus_target_scrapes_exceeded_sample_limit_total",
         "Total number of scrapes that hit the sample limit and were rejected.",
         &metrics->exceeded_sample_limit},
        {"prometheus_target_scrapes_sample_duplicate_timestamp_total",
         "Total number of samples rejected due to duplicate timestamps but different values.",
         &metrics->duplicates},
        {"prometheus_target_scrapes_sample_out_of_order_total",
         "Total number of samples rejected due to not being out of the expected order.",
         &metrics->out_of_order},
        {"prometheus_target_scrapes_sample_out_of_bounds_total",
         "Total number of samples rejected due to timestamp falling outside of the time bounds.",
         &metrics->out_of_bounds},
        {"prometheus_target_scrapes_exemplar_out_of_order_total",
         "Total number of exemplar rejected due to not being out of the expected order.",
         &metrics->exemplars_out_of_order},
    };
    for (size_t i = 0; i < COUNT_OF(counters); i++) {
        metric_page_single(page, counters[i].name, PAGE_COUNTER, counters[i].help,
                           (f64)atomic_load(counters[i].counter));
    }
}

void scrape_metrics_write(ScrapeMetrics *metrics, MetricPage *page)
{
    write_counters(metrics, page);
    pthread_mutex_lock(&metrics->lock);
    write_summaries(&metrics->interval_length, page);
    write_summaries(&metrics->sync_length, page);
    write_summaries(&metrics->reload_length, page);
    pthread_mutex_unlock(&metrics->lock);
}
