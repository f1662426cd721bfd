/* HTTP counters: see http_counters.h. Layer: role/prometheus. Thread: any. */
#include "role/prometheus/http_counters.h"

#include "base/mem.h"
#include "base/time.h"
#include "base/vec.h"
#include "codec/number.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { DURATION_BOUNDS = 10, SIZE_BOUNDS = 9 };

static const f64 duration_bounds[DURATION_BOUNDS] = {.1, .2, .4, 1, 3, 8, 20, 60, 120, 300};
static const f64 size_bounds[SIZE_BOUNDS] = {1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10};

typedef struct RouteCounter {
    const char *route; /* the route's own text: lives as long as the process */
    u32 status;
    u64 count;
} RouteCounter;

typedef struct RouteLengths {
    const char *route;
    u64 durations[DURATION_BOUNDS]; /* by bound, not added up */
    u64 sizes[SIZE_BOUNDS];
    u64 count;
    f64 seconds;
    f64 bytes;
} RouteLengths;

struct HttpCounters {
    pthread_mutex_t lock; /* leaf */
    VEC(RouteCounter) requests;
    VEC(RouteLengths) lengths;
};

HttpCounters *http_counters_new(void)
{
    HttpCounters *counters = MEM_NEW(HttpCounters);
    (void)pthread_mutex_init(&counters->lock, NULL);
    return counters;
}

void http_counters_free(HttpCounters *counters)
{
    if (!counters) {
        return;
    }
    vec_done(&counters->requests);
    vec_done(&counters->lengths);
    (void)pthread_mutex_destroy(&counters->lock);
    mem_free(counters);
}

static RouteCounter *find_counter(HttpCounters *counters, const char *route, u32 status)
{
    for (size_t i = 0; i < counters->requests.count; i++) {
        RouteCounter *counter = &counters->requests.at[i];
        if (counter->route == route && counter->status == status) {
            return counter;
        }
    }
    RouteCounter *made = vec_push(&counters->requests);
    *made = (RouteCounter){.route = route, .status = status};
    return made;
}

static RouteLengths *find_lengths(HttpCounters *counters, const char *route)
{
    for (size_t i = 0; i < counters->lengths.count; i++) {
        if (counters->lengths.at[i].route == route) {
            return &counters->lengths.at[i];
        }
    }
    RouteLengths *made = vec_push(&counters->lengths);
    *made = (RouteLengths){.route = route};
    return made;
}

static void count_into(u64 *buckets, const f64 *bounds, size_t count, f64 value)
{
    for (size_t i = 0; i < count; i++) {
        if (value <= bounds[i]) {
            buckets[i]++;
            return;
        }
    }
}

void http_counters_observe(void *self, const HttpRequest *request, const char *route, u32 status,
                           u64 bytes, i64 elapsed_ns)
{
    (void)request;
    HttpCounters *counters = self;
    if (!route) {
        return; /* no route: the number of such paths has no bound */
    }
    f64 seconds = (f64)elapsed_ns / (f64)NS_PER_SECOND;
    (void)pthread_mutex_lock(&counters->lock);
    find_counter(counters, route, status)->count++;
    RouteLengths *lengths = find_lengths(counters, route);
    count_into(lengths->durations, duration_bounds, DURATION_BOUNDS, seconds);
    count_into(lengths->sizes, size_bounds, SIZE_BOUNDS, (f64)bytes);
    lengths->count++;
    lengths->seconds += seconds;
    lengths->bytes += (f64)bytes;
    (void)pthread_mutex_unlock(&counters->lock);
}

typedef struct HistogramShape {
    const char *name;
    const char *help;
    const f64 *bounds;
    size_t count;
} HistogramShape;

static void put_histogram(MetricPage *page, const HistogramShape *shape,
                          const RouteLengths *lengths, const u64 *buckets, f64 sum)
{
    char name[96];
    u64 total = 0;
    Str handler = str_from(lengths->route);
    MetricFamily family =
        metric_page_family(page, str_from(shape->name), PAGE_HISTOGRAM, str_from(shape->help));
    (void)snprintf(name, sizeof(name), "%s_bucket", shape->name);
    for (size_t i = 0; i <= shape->count; i++) {
        char bound[F64_TEXT_MAX] = "+Inf";
        size_t len = strlen(bound);
        if (i < shape->count) {
            len = f64_format_g(bound, shape->bounds[i]);
            total += buckets[i];
        } else {
            total = lengths->count;
        }
        metric_page_put_named(page, family, str_from(name),
                              (PageLabel[]){{"handler", handler}, {"le", {bound, len}}}, 2,
                              (f64)total);
    }
    (void)snprintf(name, sizeof(name), "%s_sum", shape->name);
    metric_page_put_named(page, family, str_from(name), (PageLabel[]){{"handler", handler}}, 1,
                          sum);
    (void)snprintf(name, sizeof(name), "%s_count", shape->name);
    metric_page_put_named(page, family, str_from(name), (PageLabel[]){{"handler", handler}}, 1,
                          (f64)lengths->count);
}

void http_counters_write(HttpCounters *counters, MetricPage *page)
{
    static const HistogramShape durations = {"prometheus_http_request_duration_seconds",
                                             "Histogram of latencies for HTTP requests.",
                                             duration_bounds, DURATION_BOUNDS};
    static const HistogramShape sizes = {"prometheus_http_response_size_bytes",
                                         "Histogram of response size for HTTP requests.",
                                         size_bounds, SIZE_BOUNDS};
    (void)pthread_mutex_lock(&counters->lock);
    MetricFamily requests = metric_page_family(page, S("prometheus_http_requests_total"),
                                               PAGE_COUNTER, S("Counter of HTTP requests."));
    for (size_t i = 0; i < counters->requests.count; i++) {
        const RouteCounter *counter = &counters->requests.at[i];
        char status[16];
        (void)snprintf(status, sizeof(status), "%u", counter->status);
        metric_page_put(
            page, requests,
            (PageLabel[]){{"handler", str_from(counter->route)}, {"code", str_from(status)}}, 2,
            (f64)counter->count);
    }
    for (size_t i = 0; i < counters->lengths.count; i++) {
        const RouteLengths *lengths = &counters->lengths.at[i];
        put_histogram(page, &durations, lengths, lengths->durations, lengths->seconds);
    }
    for (size_t i = 0; i < counters->lengths.count; i++) {
        const RouteLengths *lengths = &counters->lengths.at[i];
        put_histogram(page, &sizes, lengths, lengths->sizes, lengths->bytes);
    }
    (void)pthread_mutex_unlock(&counters->lock);
}
