/*
 * Collectors: each reads one part of /proc or /sys and puts its families on the page. The table in
 * collectors.c lists them all; adding one is a file and a row.
 *
 * Layer: role/node_exporter. Memory: `Collect` is one scrape's scratch. Thread: scrapes are
 * serialised, so a collector's static state needs no lock.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/types.h"
#include "codec/metric_page.h"
#include "codec/regex.h"
#include "role/node_exporter/kernel_files.h"
#include "role/node_exporter/options.h"

enum {
    COLLECT_FILE_MAX = 16 * 1024 * 1024, /* bytes of one file of /proc or /sys */
    COLLECT_PATH_MAX = 4096,             /* bytes of a path */
    COLLECT_FIELDS_MAX = 64,             /* fields of one line that are looked at */
};

/* The filters of the command line, compiled once; NULL: no filter. */
typedef struct NodeFilters {
    Regex *cpu_flags_include, *cpu_bugs_include;
    Regex *diskstats_include, *diskstats_exclude;
    Regex *filesystem_mounts_include, *filesystem_mounts_exclude;
    Regex *filesystem_types_include, *filesystem_types_exclude;
    Regex *hwmon_chip_include, *hwmon_chip_exclude, *hwmon_sensor_include, *hwmon_sensor_exclude;
    Regex *netclass_ignored;
    Regex *netdev_include, *netdev_exclude;
    Regex *netstat_fields, *vmstat_fields;
} NodeFilters;

/* What every collector gets. */
typedef struct Collect {
    const NodeOpts *opts;
    const NodeFilters *filters;
    MetricPage *page;
    KernelFiles *kernel; /* what is read through read_… */
    Buf *file;           /* scratch: the file being read */
    Arena *arena;        /* scratch: cleared after each collector */
} Collect;

typedef struct Collector {
    const char *name;
    size_t enabled; /* offset of its bool in NodeOpts */

    /*
     * Puts what it finds on the page.
     * Errors  any: counted as node_scrape_collector_success 0; ERR_NOT_FOUND means "this machine
     * has no such thing" and is logged at debug level only, as the original does
     */
    bool (*collect)(Collect *collect, Err *err);
} Collector;

extern const Collector collectors[];
extern const size_t collector_count;

/* Passes when `include` is absent or matches, and `exclude` is absent or does not. */
bool filter_passes(const Regex *include, const Regex *exclude, Str text);

/*
 * The file PROCFS/path or SYSFS/path. The text is valid until the next read.
 * Errors  ERR_NOT_FOUND when it does not exist, ERR_IO
 */
bool read_proc(Collect *collect, const char *path, Str *ret, Err *err) MUST_USE;
bool read_sys(Collect *collect, Str *ret, Err *err, const char *format, ...)
    PRINTF_LIKE(4, 5) MUST_USE;
bool read_path(Collect *collect, const char *path, Str *ret, Err *err) MUST_USE;

/* The same, trimmed, and false without a word when it cannot be read: attributes come and go. */
bool sys_text(Collect *collect, Str *ret, const char *format, ...) PRINTF_LIKE(3, 4) MUST_USE;
bool sys_number(Collect *collect, f64 *ret, const char *format, ...) PRINTF_LIKE(3, 4) MUST_USE;

/* Whether there is such a file or folder: cheaper than to ask for each file in one that is missing.
 */
bool sys_exists(const Collect *collect, const char *format, ...) PRINTF_LIKE(2, 3);

/* Sorted names in SYSFS/path that start with prefix and go on with a digit ("cpu" gives cpu0,
 * cpu1); all names when prefix is empty. False when the folder cannot be read. */
bool sys_list(Collect *collect, const char *path, const char *prefix, Str **ret,
              size_t *ret_count) MUST_USE;

/* Say before reading below SYSFS/class/net/DEVICE: the name may have gone to another device. */
void enter_net_device(Collect *collect, Str device);

/* The next line without its newline; false at the end. */
bool next_line(Str *rest, Str *ret_line);
/* Splits at runs of blanks; returns how many (at most max). */
size_t split_fields(Str line, Str *fields, size_t max);

/* The parts one after the other in `room`, an array, cut at its size; ends in a NUL. */
#define JOIN(room, ...)                                    \
    join_parts((room), sizeof(room), (Str[]){__VA_ARGS__}, \
               sizeof((Str[]){__VA_ARGS__}) / sizeof(Str))
Str join_parts(char *room, size_t size, const Str *parts, size_t count);

bool parse_number(Str s, f64 *ret); /* a decimal integer or float */
bool parse_hex(Str s, u64 *ret);    /* with or without 0x */

bool collect_conntrack(Collect *collect, Err *err);
bool collect_cpu(Collect *collect, Err *err);
bool collect_cpufreq(Collect *collect, Err *err);
bool collect_diskstats(Collect *collect, Err *err);
bool collect_entropy(Collect *collect, Err *err);
bool collect_filefd(Collect *collect, Err *err);
bool collect_filesystem(Collect *collect, Err *err);
bool collect_hwmon(Collect *collect, Err *err);
bool collect_loadavg(Collect *collect, Err *err);
bool collect_meminfo(Collect *collect, Err *err);
bool collect_netclass(Collect *collect, Err *err);
bool collect_netdev(Collect *collect, Err *err);
bool collect_netstat(Collect *collect, Err *err);
bool collect_os(Collect *collect, Err *err);
bool collect_pressure(Collect *collect, Err *err);
bool collect_schedstat(Collect *collect, Err *err);
bool collect_sockstat(Collect *collect, Err *err);
bool collect_stat(Collect *collect, Err *err);
bool collect_textfile(Collect *collect, Err *err);
bool collect_thermal_zone(Collect *collect, Err *err);
bool collect_time(Collect *collect, Err *err);
bool collect_timex(Collect *collect, Err *err);
bool collect_uname(Collect *collect, Err *err);
bool collect_vmstat(Collect *collect, Err *err);
