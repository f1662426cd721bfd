/* Benchmark of codec/exposition.h: ns a line and MB/s on a page of 10,000 lines; the best of many
 * rounds, as other work on the machine only adds. */
#include "codec/exposition.h"

#include "base/buf.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* the formats stand in main */

enum {
    LINES = 10000,
    ROUNDS = 200,
    PAGE_MAX = 8 * 1024 * 1024, /* bytes */
};

static Str series[LINES]; /* of the last page read: what a scraper remembers */

static f64 now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (f64)now.tv_sec * 1e9 + (f64)now.tv_nsec;
}

static void report(const char *what, size_t bytes, f64 ns)
{
    (void)printf("%-34s %4zu bytes/line %7.1f ns/line %7.0f MB/s\n", what, bytes / LINES,
                 ns / LINES, (f64)bytes / ns * 1000);
}

static size_t read_page(Str page, ExpositionFormat format)
{
    ExpositionReader reader;
    ExpositionEntry entry;
    size_t count = 0;
    exposition_init(&reader, format, page);
    while ((entry = exposition_next(&reader, NULL)) == EXPOSITION_SAMPLE) {
        count++;
    }
    ASSERT(entry == EXPOSITION_END);
    return count;
}

static size_t read_page_again(Str page, ExpositionFormat format)
{
    ExpositionReader reader;
    size_t count = 0;
    exposition_init(&reader, format, page);
    for (;; count++) {
        reader.expected_series = count < LINES ? series[count] : (Str){0};
        if (exposition_next(&reader, NULL) != EXPOSITION_SAMPLE) {
            return count;
        }
        series[count] = reader.series_text;
    }
}

static size_t take_labels(Str page, ExpositionFormat format)
{
    Arena arena;
    size_t taken = 0;
    (void)page;
    (void)format;
    arena_init(&arena, 1 * MIB);
    for (; taken < LINES; taken++) {
        ExpositionLabel *labels;
        size_t count;
        arena_clear(&arena);
        ASSERT(exposition_labels(series[taken], &arena, &labels, &count, NULL));
    }
    arena_done(&arena);
    return taken;
}

static f64 best_ns(Str page, ExpositionFormat format, size_t (*read)(Str, ExpositionFormat))
{
    f64 best = 1e18;
    for (int i = 0; i < ROUNDS; i++) {
        f64 start_ns = now_ns();
        ASSERT(read(page, format) == LINES);
        best = MIN(best, now_ns() - start_ns);
    }
    return best;
}

static void bench(const char *name, const char *line_format, ExpositionFormat format)
{
    char what[64];
    Buf buf;
    buf_init(&buf, PAGE_MAX);
    for (int i = 0; i < LINES; i++) {
        char line[512];

        int len = snprintf(line, sizeof(line), line_format, i % 100, i * 37 % 100000);
        buf_put(&buf, line, (size_t)len);
    }
    if (format == EXPOSITION_OPENMETRICS) {
        buf_lit(&buf, "# EOF\n");
    }
    ASSERT(buf_reserve(&buf, EXPOSITION_SLACK) != NULL);
    Str page = buf_view(&buf);

    report(name, page.len, best_ns(page, format, read_page));
    memset(series, 0, sizeof(series));
    (void)read_page_again(page, format);
    (void)snprintf(what, sizeof(what), "%s, expected", name);
    report(what, page.len, best_ns(page, format, read_page_again));
    (void)snprintf(what, sizeof(what), "%s, labels", name);
    report(what, page.len, best_ns(page, format, take_labels));
    buf_done(&buf);
}

int main(void)
{
    bench("two labels, whole number",
          "node_network_receive_bytes_total{device=\"eth%d\",instance=\"localhost:9100\","
          "job=\"node_exporter\"} %d\n",
          EXPOSITION_TEXT);
    bench("no label", "process_open_fds_%02d_total %d\n", EXPOSITION_TEXT);
    bench("float", "node_cpu_seconds_total{cpu=\"%d\",mode=\"idle\"} %d.37\n", EXPOSITION_TEXT);
    bench("timestamp", "node_cpu_seconds_total{cpu=\"%d\",mode=\"idle\"} %d.37 1700000000123\n",
          EXPOSITION_TEXT);
    bench("OpenMetrics float", "node_cpu_seconds_total{cpu=\"%d\",mode=\"idle\"} %d.37\n",
          EXPOSITION_OPENMETRICS);
    bench("NaN", "rpc_duration_seconds{service=\"s%d\",quantile=\"0.%d\"} NaN\n", EXPOSITION_TEXT);
    return 0;
}
