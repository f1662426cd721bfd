/* Exporter: see node.h. Layer: role/node_exporter. Memory: exporter_close. Thread: see node.h. */
#include "role/node_exporter/node.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "os/process.h"
#include "role/node_exporter/collector.h"

#include <pthread.h>
#include <stddef.h>

enum {
    SCRATCH_MAX = 64 * 1024 * 1024, /* bytes that one collector may use */
    STATUS_KINDS = 3,               /* 200, 500, 503: what the original counts */
};

struct Exporter {
    const NodeOpts *opts; /* borrowed */
    NodeFilters filters;
    pthread_mutex_t lock; /* everything below */
    MetricPage *page;
    KernelFiles *kernel;
    Buf file;
    Arena arena;
    u64 replies[STATUS_KINDS];
    bool *failed_before; /* by collector: a failure is logged when it begins, not at every scrape */
};

static const u32 statuses[STATUS_KINDS] = {200, 500, 503};
static const char *const status_texts[STATUS_KINDS] = {"200", "500", "503"};

typedef struct FilterRow {
    const char *flag;
    size_t pattern; /* offset in NodeOpts */
    size_t filter;  /* offset in NodeFilters */
} FilterRow;

#define FILTER(flag_, field_)                                   \
    {                                                           \
        .flag = (flag_), .pattern = offsetof(NodeOpts, field_), \
        .filter = offsetof(NodeFilters, field_)                 \
    }

static const FilterRow filter_rows[] = {
    FILTER("collector.cpu.info.flags-include", cpu_flags_include),
    FILTER("collector.cpu.info.bugs-include", cpu_bugs_include),
    FILTER("collector.diskstats.device-include", diskstats_include),
    FILTER("collector.diskstats.device-exclude", diskstats_exclude),
    FILTER("collector.filesystem.mount-points-include", filesystem_mounts_include),
    FILTER("collector.filesystem.mount-points-exclude", filesystem_mounts_exclude),
    FILTER("collector.filesystem.fs-types-include", filesystem_types_include),
    FILTER("collector.filesystem.fs-types-exclude", filesystem_types_exclude),
    FILTER("collector.hwmon.chip-include", hwmon_chip_include),
    FILTER("collector.hwmon.chip-exclude", hwmon_chip_exclude),
    FILTER("collector.hwmon.sensor-include", hwmon_sensor_include),
    FILTER("collector.hwmon.sensor-exclude", hwmon_sensor_exclude),
    FILTER("collector.netclass.ignored-devices", netclass_ignored),
    FILTER("collector.netdev.device-include", netdev_include),
    FILTER("collector.netdev.device-exclude", netdev_exclude),
    FILTER("collector.netstat.fields", netstat_fields),
    FILTER("collector.vmstat.fields", vmstat_fields),
};

static Regex **filter_at(NodeFilters *filters, const FilterRow *row)
{
    return (Regex **)((char *)filters + row->filter);
}

static bool compile_filters(const NodeOpts *opts, NodeFilters *filters, Err *err)
{
    for (size_t i = 0; i < COUNT_OF(filter_rows); i++) {
        Str pattern = *(const Str *)((const char *)opts + filter_rows[i].pattern);
        if (pattern.len > 0 && !regex_new(pattern, 0, filter_at(filters, &filter_rows[i]), err)) {
            return err_wrap(err, "--%s", filter_rows[i].flag);
        }
    }
    return true;
}

bool exporter_open(const NodeOpts *opts, Exporter **ret, Err *err)
{
    Exporter *exporter = MEM_NEW(Exporter);
    exporter->opts = opts;
    (void)pthread_mutex_init(&exporter->lock, NULL);
    exporter->page = metric_page_new();
    exporter->kernel = kernel_files_new();
    buf_init(&exporter->file, COLLECT_FILE_MAX);
    arena_init(&exporter->arena, SCRATCH_MAX);
    exporter->failed_before = MEM_ARRAY(bool, collector_count);
    if (!compile_filters(opts, &exporter->filters, err)) {
        exporter_close(exporter);
        return false;
    }
    *ret = exporter;
    return true;
}

void exporter_close(Exporter *exporter)
{
    if (!exporter) {
        return;
    }
    for (size_t i = 0; i < COUNT_OF(filter_rows); i++) {
        regex_free(*filter_at(&exporter->filters, &filter_rows[i]));
    }
    metric_page_free(exporter->page);
    kernel_files_free(exporter->kernel);
    buf_done(&exporter->file);
    arena_done(&exporter->arena);
    mem_free(exporter->failed_before);
    (void)pthread_mutex_destroy(&exporter->lock);
    mem_free(exporter);
}

static bool enabled(const Exporter *exporter, const Collector *collector)
{
    return *(const bool *)((const char *)exporter->opts + collector->enabled);
}

static bool in_list(const Str *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(names[i], str_from(name))) {
            return true;
        }
    }
    return false;
}

static bool check_names(const Exporter *exporter, const Str *names, size_t count, Err *err)
{
    for (size_t i = 0; i < count; i++) {
        const Collector *found = NULL;
        for (size_t c = 0; c < collector_count; c++) {
            if (str_eq(names[i], str_from(collectors[c].name))) {
                found = &collectors[c];
            }
        }
        if (!found) {
            return err_set(err, ERR_NOT_FOUND, "missing collector: " STR_FMT, STR_ARG(names[i]));
        }
        if (!enabled(exporter, found)) {
            return err_set(err, ERR_NOT_FOUND, "disabled collector: " STR_FMT, STR_ARG(names[i]));
        }
    }
    return true;
}

static void log_outcome(Exporter *exporter, size_t index, bool ok, const Err *err)
{
    Str name = str_from(collectors[index].name);
    if (!ok && err->code == ERR_NOT_FOUND) {
        log_debug("collector returned no data", LOG_STR("name", name), LOG_ERR(err));
    } else if (!ok && !exporter->failed_before[index]) {
        log_error("collector failed", LOG_STR("name", name), LOG_ERR(err));
    }
    exporter->failed_before[index] = !ok && err->code != ERR_NOT_FOUND;
}

static void run_collector(Exporter *exporter, size_t index)
{
    const Collector *collector = &collectors[index];
    Collect collect = {
        .opts = exporter->opts,
        .filters = &exporter->filters,
        .page = exporter->page,
        .kernel = exporter->kernel,
        .file = &exporter->file,
        .arena = &exporter->arena,
    };
    Err err = {0};
    i64 begin_ns = time_monotonic_ns();
    bool ok = collector->collect(&collect, &err);
    f64 seconds = (f64)(time_monotonic_ns() - begin_ns) / (f64)NS_PER_SECOND;
    arena_clear(&exporter->arena);
    log_outcome(exporter, index, ok, &err);

    const PageLabel label[] = {{"collector", str_from(collector->name)}};
    MetricFamily duration =
        metric_page_family(exporter->page, S("node_scrape_collector_duration_seconds"), PAGE_GAUGE,
                           S("node_exporter: Duration of a collector scrape."));
    MetricFamily success =
        metric_page_family(exporter->page, S("node_scrape_collector_success"), PAGE_GAUGE,
                           S("node_exporter: Whether a collector succeeded."));
    metric_page_put(exporter->page, duration, label, 1, seconds);
    metric_page_put(exporter->page, success, label, 1, ok);
}

static void put_build_info(MetricPage *page)
{
    MetricFamily family = metric_page_family(
        page, S("node_exporter_build_info"), PAGE_GAUGE,
        S("A metric with a constant '1' value labeled by version, revision, branch, goversion from "
          "which node_exporter was built, and the goos and goarch for the build."));
    const PageLabel labels[] = {
        {"version", S("1.12.1")},
        {"revision", S(VIGIE_VERSION)},
        {"branch", S("vigie")},
        {"goversion", S("none")},
        {"goos", S("linux")},
#if defined(__x86_64__)
        {"goarch", S("amd64")},
#elif defined(__aarch64__)
        {"goarch", S("arm64")},
#else
        {"goarch", S("unknown")},
#endif
        {"tags", S("unknown")},
    };
    metric_page_put(page, family, labels, COUNT_OF(labels), 1);
}

static void put_own_metrics(Exporter *exporter)
{
    MetricPage *page = exporter->page;
    ProcessStats stats;
    MetricFamily requests =
        metric_page_family(page, S("promhttp_metric_handler_requests_total"), PAGE_COUNTER,
                           S("Total number of scrapes by HTTP status code."));
    for (size_t i = 0; i < STATUS_KINDS; i++) {
        metric_page_put(page, requests, (PageLabel[]){{"code", str_from(status_texts[i])}}, 1,
                        (f64)exporter->replies[i]);
    }
    metric_page_single(page, "promhttp_metric_handler_requests_in_flight", PAGE_GAUGE,
                       "Current number of scrapes being served.", 1);
    if (!process_stats(&stats, NULL)) {
        return;
    }
    metric_page_single(page, "process_cpu_seconds_total", PAGE_COUNTER,
                       "Total user and system CPU time spent in seconds.", stats.cpu_seconds);
    metric_page_single(page, "process_max_fds", PAGE_GAUGE,
                       "Maximum number of open file descriptors.", (f64)stats.max_fds);
    metric_page_single(page, "process_open_fds", PAGE_GAUGE, "Number of open file descriptors.",
                       (f64)stats.open_fds);
    metric_page_single(page, "process_resident_memory_bytes", PAGE_GAUGE,
                       "Resident memory size in bytes.", (f64)stats.resident_bytes);
    metric_page_single(page, "process_start_time_seconds", PAGE_GAUGE,
                       "Start time of the process since unix epoch in seconds.",
                       stats.start_unix_seconds);
    metric_page_single(page, "process_virtual_memory_bytes", PAGE_GAUGE,
                       "Virtual memory size in bytes.", (f64)stats.virtual_bytes);
    metric_page_single(page, "process_virtual_memory_max_bytes", PAGE_GAUGE,
                       "Maximum amount of virtual memory available in bytes.",
                       (f64)stats.virtual_max_bytes);
}

bool exporter_scrape(Exporter *exporter, const ScrapeChoice *choice, PageFormat format, Buf *out,
                     Err *err)
{
    if (choice->collect_count > 0 && choice->exclude_count > 0) {
        return err_set(err, ERR_INVALID, "Combined collect and exclude queries are not allowed.");
    }
    if (!check_names(exporter, choice->collect, choice->collect_count, err)) {
        return false;
    }
    (void)pthread_mutex_lock(&exporter->lock);
    metric_page_clear(exporter->page);
    for (size_t i = 0; i < collector_count; i++) {
        bool chosen = choice->collect_count > 0
                          ? in_list(choice->collect, choice->collect_count, collectors[i].name)
                          : !in_list(choice->exclude, choice->exclude_count, collectors[i].name);
        if (chosen && enabled(exporter, &collectors[i])) {
            run_collector(exporter, i);
        }
    }
    kernel_files_end_scrape(exporter->kernel);
    put_build_info(exporter->page);
    if (!exporter->opts->disable_exporter_metrics) {
        put_own_metrics(exporter);
    }
    bool ok = metric_page_write(exporter->page, format, out, err);
    (void)pthread_mutex_unlock(&exporter->lock);
    return ok;
}

void exporter_count_reply(Exporter *exporter, u32 status)
{
    (void)pthread_mutex_lock(&exporter->lock);
    for (size_t i = 0; i < STATUS_KINDS; i++) {
        exporter->replies[i] += statuses[i] == status;
    }
    (void)pthread_mutex_unlock(&exporter->lock);
}
