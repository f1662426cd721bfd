/*
 * HTTP counters: requests, sizes and durations by route, under the original's names.
 *
 * Layer: role/prometheus. Memory: http_counters_new/free. Thread: any (one leaf lock).
 */
#pragma once

#include "codec/metric_page.h"
#include "net/http_server.h"

typedef struct HttpCounters HttpCounters;

HttpCounters *http_counters_new(void);
void http_counters_free(HttpCounters *counters); /* NULL-safe */

/* The observer of a router; self is the HttpCounters. */
void http_counters_observe(void *self, const HttpRequest *request, const char *route, u32 status,
                           u64 bytes, i64 elapsed_ns);
void http_counters_write(HttpCounters *counters, MetricPage *page);
