/*
 * CPU collectors: cpu (time by mode, throttling, isolation, information) and cpufreq.
 *
 * Layer: role/node_exporter. Memory: what was last seen of each CPU, for the life of the process.
 * Thread: scrapes are serialised. Source: proc(5),
 * Documentation/ABI/testing/sysfs-devices-system-cpu.
 */
#include "role/node_exporter/collector.h"

#include "base/vec.h"

#include <stdio.h>

#define USER_HZ 100.0 /* fixed by the kernel's interface on every platform Debian has */

enum { MODES = 8, TIMES = 10, IDLE = 3 }; /* user … steal, then guest and guest_nice */

static const Str modes[MODES] = {
    STR_INIT("user"),   STR_INIT("nice"), STR_INIT("system"),  STR_INIT("idle"),
    STR_INIT("iowait"), STR_INIT("irq"),  STR_INIT("softirq"), STR_INIT("steal"),
};

typedef struct CpuTimes {
    f64 seconds[TIMES];
} CpuTimes;

/* The kernel's counters may step back a little; what was exported must not. */
static void never_backwards(size_t cpu, CpuTimes *times)
{
    enum { CPUS_MAX = 8192 };
    static const f64 idle_restart_seconds =
        3.0; /* a larger step means that the CPU was plugged anew */
    static VEC(CpuTimes) seen;
    if (cpu >= CPUS_MAX) {
        return;
    }
    while (seen.count <= cpu) {
        *vec_push(&seen) = (CpuTimes){{0}};
    }
    CpuTimes *last = &seen.at[cpu];
    if (last->seconds[IDLE] - times->seconds[IDLE] >= idle_restart_seconds) {
        *last = *times;
    }
    for (size_t i = 0; i < TIMES; i++) {
        last->seconds[i] = MAX(last->seconds[i], times->seconds[i]);
    }
    *times = *last;
}

static void put_times(Collect *collect, Str cpu, const CpuTimes *times)
{
    MetricFamily seconds =
        metric_page_family(collect->page, S("node_cpu_seconds_total"), PAGE_COUNTER,
                           S("Seconds the CPUs spent in each mode."));
    for (size_t i = 0; i < MODES; i++) {
        metric_page_put(collect->page, seconds, (PageLabel[]){{"cpu", cpu}, {"mode", modes[i]}}, 2,
                        times->seconds[i]);
    }
    if (!collect->opts->cpu_guest) {
        return;
    }
    MetricFamily guest =
        metric_page_family(collect->page, S("node_cpu_guest_seconds_total"), PAGE_COUNTER,
                           S("Seconds the CPUs spent in guests (VMs) for each mode."));
    metric_page_put(collect->page, guest, (PageLabel[]){{"cpu", cpu}, {"mode", S("user")}}, 2,
                    times->seconds[MODES]);
    metric_page_put(collect->page, guest, (PageLabel[]){{"cpu", cpu}, {"mode", S("nice")}}, 2,
                    times->seconds[MODES + 1]);
}

static bool collect_times(Collect *collect, Err *err)
{
    Str text;
    Str line;
    if (!read_proc(collect, "stat", &text, err)) {
        return false;
    }
    while (next_line(&text, &line)) {
        Str fields[TIMES + 1];
        CpuTimes times = {{0}};
        u64 cpu;
        size_t count = split_fields(line, fields, COUNT_OF(fields));
        if (count < 5 || !str_skip_prefix(&fields[0], S("cpu")) || !str_to_u64(fields[0], &cpu)) {
            continue;
        }
        for (size_t i = 1; i < count; i++) {
            if (!parse_number(fields[i], &times.seconds[i - 1])) {
                return err_set(err, ERR_INVALID, "couldn't parse cpu time in " STR_FMT,
                               STR_ARG(line));
            }
            times.seconds[i - 1] /= USER_HZ;
        }
        never_backwards(cpu, &times);
        put_times(collect, fields[0], &times);
    }
    return true;
}

/* One sample a core and one a package; several CPUs share them. */
static void collect_throttles(Collect *collect, const Str *cpus, size_t count)
{
    VEC(u64) seen = {0};
    MetricFamily cores =
        metric_page_family(collect->page, S("node_cpu_core_throttles_total"), PAGE_COUNTER,
                           S("Number of times this CPU core has been throttled."));
    MetricFamily packages =
        metric_page_family(collect->page, S("node_cpu_package_throttles_total"), PAGE_COUNTER,
                           S("Number of times this CPU package has been throttled."));
    for (size_t i = 0; i < count; i++) {
        const char *cpu = cpus[i].ptr;
        f64 package;
        f64 core;
        f64 value;
        char package_text[32];
        char core_text[32];
        if (!sys_exists(collect, "devices/system/cpu/%s/thermal_throttle", cpu) ||
            !sys_number(collect, &package, "devices/system/cpu/%s/topology/physical_package_id",
                        cpu) ||
            !sys_number(collect, &core, "devices/system/cpu/%s/topology/core_id", cpu)) {
            continue;
        }
        (void)snprintf(package_text, sizeof(package_text), "%.0f", package);
        (void)snprintf(core_text, sizeof(core_text), "%.0f", core);
        u64 core_key = ((u64)package << 32) | (u64)core;
        u64 package_key = ((u64)package << 32) | UINT32_MAX;
        bool core_seen = false;
        bool package_seen = false;
        for (size_t s = 0; s < seen.count; s++) {
            core_seen = core_seen || seen.at[s] == core_key;
            package_seen = package_seen || seen.at[s] == package_key;
        }
        if (!core_seen &&
            sys_number(collect, &value,
                       "devices/system/cpu/%s/thermal_throttle/core_throttle_count", cpu)) {
            *vec_push(&seen) = core_key;
            metric_page_put(
                collect->page, cores,
                (PageLabel[]){{"core", str_from(core_text)}, {"package", str_from(package_text)}},
                2, value);
        }
        if (!package_seen &&
            sys_number(collect, &value,
                       "devices/system/cpu/%s/thermal_throttle/package_throttle_count", cpu)) {
            *vec_push(&seen) = package_key;
            metric_page_put(collect->page, packages,
                            (PageLabel[]){{"package", str_from(package_text)}}, 1, value);
        }
    }
    vec_done(&seen);
}

/* Every CPU of a list like "0-3,8". */
static void put_cpu_list(Collect *collect, MetricFamily family, Str list)
{
    enum { CPUS_MAX = 8192 };
    Str part;
    while (str_split_next(&list, ',', &part)) {
        u64 first;
        u64 last;
        size_t dash = str_find_byte(part, '-');
        if (!str_to_u64(str_take(part, dash), &first)) {
            continue;
        }
        if (dash == STR_NOT_FOUND || !str_to_u64(str_skip(part, dash + 1), &last)) {
            last = first;
        }
        for (u64 cpu = first; cpu <= MIN(last, (u64)CPUS_MAX); cpu++) {
            char number[24];
            (void)snprintf(number, sizeof(number), "%llu", (unsigned long long)cpu);
            metric_page_put(collect->page, family, (PageLabel[]){{"cpu", str_from(number)}}, 1, 1);
        }
    }
}

static void collect_isolated(Collect *collect)
{
    Str list;
    if (sys_text(collect, &list, "devices/system/cpu/isolated") && list.len > 0) {
        MetricFamily family =
            metric_page_family(collect->page, S("node_cpu_isolated"), PAGE_GAUGE,
                               S("Whether each core is isolated, information from "
                                 "/sys/devices/system/cpu/isolated."));
        put_cpu_list(collect, family, list);
    }
}

static void collect_online(Collect *collect, const Str *cpus, size_t count)
{
    MetricFamily family = metric_page_family(collect->page, S("node_cpu_online"), PAGE_GAUGE,
                                             S("CPUs that are online and being scheduled."));
    for (size_t i = 0; i < count; i++) {
        f64 online;
        if (sys_number(collect, &online, "devices/system/cpu/%s/online", cpus[i].ptr)) {
            metric_page_put(collect->page, family, (PageLabel[]){{"cpu", str_skip(cpus[i], 3)}}, 1,
                            online);
        }
    }
}

/* What /proc/cpuinfo says of one CPU. */
typedef struct CpuInfo {
    Str processor, vendor, family, model, model_name, stepping, microcode, cache_size, package,
        core;
    Str flags, bugs, mhz;
} CpuInfo;

static void put_info(Collect *collect, const CpuInfo *info)
{
    MetricFamily family = metric_page_family(collect->page, S("node_cpu_info"), PAGE_GAUGE,
                                             S("CPU information from /proc/cpuinfo."));
    const PageLabel labels[] = {
        {"package", info->package},       {"core", info->core},
        {"cpu", info->processor},         {"vendor", info->vendor},
        {"family", info->family},         {"model", info->model},
        {"model_name", info->model_name}, {"microcode", info->microcode},
        {"stepping", info->stepping},     {"cachesize", info->cache_size},
    };
    metric_page_put(collect->page, family, labels, COUNT_OF(labels), 1);
    f64 mhz;
    if (parse_number(info->mhz, &mhz)) {
        MetricFamily frequency =
            metric_page_family(collect->page, S("node_cpu_frequency_hertz"), PAGE_GAUGE,
                               S("CPU frequency in hertz from /proc/cpuinfo."));
        metric_page_put(collect->page, frequency, labels, 3, mhz * 1e6);
    }
}

static void put_words(Collect *collect, Str words, const Regex *include, MetricFamily family,
                      const char *label)
{
    Str rest = words;
    Str word;
    while (include && str_split_next(&rest, ' ', &word)) {
        if (word.len > 0 && regex_test(include, word)) {
            metric_page_put(collect->page, family, (PageLabel[]){{label, word}}, 1, 1);
        }
    }
}

static void cpuinfo_line(CpuInfo *info, Str key, Str value)
{
    const struct {
        Str key;
        Str *field;
    } rows[] = {
        {S("processor"), &info->processor},   {S("vendor_id"), &info->vendor},
        {S("cpu family"), &info->family},     {S("model"), &info->model},
        {S("model name"), &info->model_name}, {S("stepping"), &info->stepping},
        {S("microcode"), &info->microcode},   {S("cache size"), &info->cache_size},
        {S("physical id"), &info->package},   {S("core id"), &info->core},
        {S("flags"), &info->flags},           {S("bugs"), &info->bugs},
        {S("cpu MHz"), &info->mhz},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (str_eq(key, rows[i].key)) {
            *rows[i].field = value;
        }
    }
}

static bool collect_info(Collect *collect, Err *err)
{
    Str text;
    Str line;
    CpuInfo info = {0};
    bool first = true;
    if (!read_proc(collect, "cpuinfo", &text, err)) {
        return false;
    }
    for (bool more = true; more;) {
        more = next_line(&text, &line);
        if (more && str_trim(line).len > 0) {
            size_t colon = str_find_byte(line, ':');
            if (colon != STR_NOT_FOUND) {
                cpuinfo_line(&info, str_trim(str_take(line, colon)),
                             str_trim(str_skip(line, colon + 1)));
            }
            continue;
        }
        if (info.processor.len == 0) {
            continue;
        }
        put_info(collect, &info);
        if (first) {
            put_words(collect, info.flags, collect->filters->cpu_flags_include,
                      metric_page_family(collect->page, S("node_cpu_flag_info"), PAGE_GAUGE,
                                         S("The `flags` field of CPU information from "
                                           "/proc/cpuinfo taken from the first core.")),
                      "flag");
            put_words(collect, info.bugs, collect->filters->cpu_bugs_include,
                      metric_page_family(collect->page, S("node_cpu_bug_info"), PAGE_GAUGE,
                                         S("The `bugs` field of CPU information from "
                                           "/proc/cpuinfo taken from the first core.")),
                      "bug");
            first = false;
        }
        info = (CpuInfo){0};
    }
    return true;
}

bool collect_cpu(Collect *collect, Err *err)
{
    Str *cpus = NULL;
    size_t count = 0;
    /* Flags and bugs to export say that the information is wanted, as in the original. */
    bool wants_info = collect->opts->cpu_info || collect->filters->cpu_flags_include ||
                      collect->filters->cpu_bugs_include;
    if (wants_info && !collect_info(collect, err)) {
        return false;
    }
    if (!collect_times(collect, err)) {
        return false;
    }
    collect_isolated(collect);
    if (sys_list(collect, "devices/system/cpu", "cpu", &cpus, &count)) {
        collect_throttles(collect, cpus, count);
        collect_online(collect, cpus, count);
    }
    return true;
}

static void put_governors(Collect *collect, Str cpu, const char *folder)
{
    Str file;
    Str current;
    Str available;
    Str governor;
    if (!sys_text(collect, &file, "devices/system/cpu/%s/cpufreq/scaling_governor", folder) ||
        !arena_str(collect->arena, file, &current, NULL) ||
        !sys_text(collect, &available, "devices/system/cpu/%s/cpufreq/scaling_available_governors",
                  folder)) {
        return;
    }
    MetricFamily family =
        metric_page_family(collect->page, S("node_cpu_scaling_governor"), PAGE_GAUGE,
                           S("Current enabled CPU frequency governor."));
    while (str_split_next(&available, ' ', &governor)) {
        if (governor.len > 0) {
            metric_page_put(collect->page, family,
                            (PageLabel[]){{"cpu", cpu}, {"governor", governor}}, 2,
                            str_eq(governor, current));
        }
    }
}

bool collect_cpufreq(Collect *collect, Err *err)
{
    static const struct {
        const char *file;
        Str name;
        Str help;
    } rows[] = {
        {"cpuinfo_cur_freq", STR_INIT("node_cpu_frequency_hertz"),
         STR_INIT("Current CPU thread frequency in hertz.")},
        {"cpuinfo_min_freq", STR_INIT("node_cpu_frequency_min_hertz"),
         STR_INIT("Minimum CPU thread frequency in hertz.")},
        {"cpuinfo_max_freq", STR_INIT("node_cpu_frequency_max_hertz"),
         STR_INIT("Maximum CPU thread frequency in hertz.")},
        {"scaling_cur_freq", STR_INIT("node_cpu_scaling_frequency_hertz"),
         STR_INIT("Current scaled CPU thread frequency in hertz.")},
        {"scaling_min_freq", STR_INIT("node_cpu_scaling_frequency_min_hertz"),
         STR_INIT("Minimum scaled CPU thread frequency in hertz.")},
        {"scaling_max_freq", STR_INIT("node_cpu_scaling_frequency_max_hertz"),
         STR_INIT("Maximum scaled CPU thread frequency in hertz.")},
    };
    Str *cpus;
    size_t count;
    if (!sys_list(collect, "devices/system/cpu", "cpu", &cpus, &count)) {
        return err_set(err, ERR_NOT_FOUND, "there is no /sys/devices/system/cpu");
    }
    for (size_t c = 0; c < count; c++) {
        Str cpu = str_skip(cpus[c], 3);
        if (!sys_exists(collect, "devices/system/cpu/%s/cpufreq", cpus[c].ptr)) {
            continue;
        }
        for (size_t i = 0; i < COUNT_OF(rows); i++) {
            f64 khz;
            if (sys_number(collect, &khz, "devices/system/cpu/%s/cpufreq/%s", cpus[c].ptr,
                           rows[i].file)) {
                MetricFamily family =
                    metric_page_family(collect->page, rows[i].name, PAGE_GAUGE, rows[i].help);
                metric_page_put(collect->page, family, (PageLabel[]){{"cpu", cpu}}, 1, khz * 1000);
            }
        }
        put_governors(collect, cpu, cpus[c].ptr);
    }
    return true;
}
