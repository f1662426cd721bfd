/*
 * Metric page: collects metric families from many places and writes them as one exposition page:
 * families by name, series by label values, as the original's registry does.
 *
 * Layer: codec. Memory: one page a scrape, reused between scrapes (metric_page_clear keeps
 * the memory). Thread: one at a time.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "base/vec.h"

enum {
    PAGE_SIZE_MAX = 64 * 1024 * 1024, /* bytes of samples; a page beyond it fails */
    PAGE_LABELS_MAX = 64,             /* labels of one sample */
};

typedef enum PageType {
    PAGE_UNTYPED,
    PAGE_COUNTER,
    PAGE_GAUGE,
    PAGE_SUMMARY,
    PAGE_HISTOGRAM,
} PageType;

typedef struct PageLabel {
    const char *name;
    Str value; /* escaped by the page; invalid UTF-8 becomes U+FFFD */
} PageLabel;

typedef struct MetricPage MetricPage;
typedef u32 MetricFamily; /* valid until metric_page_clear */

MetricPage *metric_page_new(void);
void metric_page_free(MetricPage *page);
void metric_page_clear(MetricPage *page);

/* The family of that name, made when it is new. Name and help are copied. The first type and help
 * win. */
MetricFamily metric_page_family(MetricPage *page, Str name, PageType type, Str help);

/* One sample. Labels in any order, names unique; an empty value is written, as the original does.
 */
void metric_page_put(MetricPage *page, MetricFamily family, const PageLabel *labels, size_t count,
                     f64 value);

/* The same under another name than the family's: x_sum, x_count, x_bucket. Series of summaries and
 * histograms stay in the order in which they were put. */
void metric_page_put_named(MetricPage *page, MetricFamily family, Str name, const PageLabel *labels,
                           size_t count, f64 value);

/* One family with one sample without labels. */
void metric_page_single(MetricPage *page, const char *name, PageType type, const char *help,
                        f64 value);

typedef enum PageFormat { PAGE_TEXT, PAGE_OPENMETRICS } PageFormat;

/* Writes the page. ERR_LIMIT when something did not fit. */
bool metric_page_write(MetricPage *page, PageFormat format, Buf *out, Err *err) MUST_USE;
