/*
 * Collectors about the system as a whole: uname, os, time, timex, thermal_zone.
 *
 * Layer: role/node_exporter. Memory: the scrape's scratch. Thread: scrapes are serialised.
 * Source: uname(2), os-release(5), adjtimex(2), Documentation/driver-api/thermal of Linux.
 */
#include "role/node_exporter/collector.h"

#include "base/time.h"

#include <stdio.h>
#include <sys/timex.h>
#include <sys/utsname.h>

bool collect_uname(Collect *collect, Err *err)
{
    struct utsname host;
    if (uname(&host) != 0) {
        return err_set(err, ERR_IO, "uname failed");
    }
    MetricFamily family =
        metric_page_family(collect->page, S("node_uname_info"), PAGE_GAUGE,
                           S("Labeled system information as provided by the uname system call."));
    const PageLabel labels[] = {
        {"sysname", str_from(host.sysname)},   {"release", str_from(host.release)},
        {"version", str_from(host.version)},   {"machine", str_from(host.machine)},
        {"nodename", str_from(host.nodename)}, {"domainname", str_from(host.domainname)},
    };
    metric_page_put(collect->page, family, labels, COUNT_OF(labels), 1);
    return true;
}

static const char *const os_keys[] = {
    "BUILD_ID",    "ID",      "ID_LIKE",    "IMAGE_ID", "IMAGE_VERSION",    "NAME",
    "PRETTY_NAME", "VARIANT", "VARIANT_ID", "VERSION",  "VERSION_CODENAME", "VERSION_ID",
};
static const char *const os_labels[] = {
    "build_id",    "id",      "id_like",    "image_id", "image_version",    "name",
    "pretty_name", "variant", "variant_id", "version",  "version_codename", "version_id",
};
enum { OS_ID = 1, OS_ID_LIKE = 2, OS_NAME = 5, OS_VERSION_ID = 11 };

/* The leading "major.minor" of a version; false when it does not start with a number. */
static bool major_minor(Str version, f64 *ret)
{
    size_t len = 0;
    bool dot = false;
    while (len < version.len && ((version.ptr[len] >= '0' && version.ptr[len] <= '9') ||
                                 (version.ptr[len] == '.' && !dot))) {
        dot = dot || version.ptr[len] == '.';
        len++;
    }
    if (len > 0 && version.ptr[len - 1] == '.') {
        len--;
    }
    return parse_number(str_take(version, len), ret);
}

static Str unquote(Str value)
{
    if (value.len >= 2 && (value.ptr[0] == '"' || value.ptr[0] == '\'') &&
        value.ptr[value.len - 1] == value.ptr[0]) {
        return str_slice(value, 1, value.len - 1);
    }
    return value;
}

static bool read_os_release(Collect *collect, Str *ret, Err *err)
{
    static const char *const files[] = {"etc/os-release", "usr/lib/os-release"};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char path[COLLECT_PATH_MAX];
        (void)snprintf(path, sizeof(path), STR_FMT "/%s", STR_ARG(collect->opts->rootfs), files[i]);
        if (read_path(collect, path, ret, err)) {
            return true;
        }
    }
    return false;
}

static void put_support_end(Collect *collect, Str date)
{
    Str part;
    u64 numbers[3];
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        if (!str_split_next(&date, '-', &part) || !str_to_u64(part, &numbers[i])) {
            return;
        }
    }
    metric_page_single(
        collect->page, "node_os_support_end_timestamp_seconds", PAGE_GAUGE,
        "Metric containing the end-of-life date timestamp of the OS.",
        (f64)civil_to_unix((i32)numbers[0], (i32)numbers[1], (i32)numbers[2], 0, 0, 0));
}

bool collect_os(Collect *collect, Err *err)
{
    Str text;
    Str line;
    Str values[COUNT_OF(os_keys)] = {{0}};
    if (!read_os_release(collect, &text, err)) {
        return false;
    }
    while (next_line(&text, &line)) {
        size_t equals = str_find_byte(line, '=');
        if (equals == STR_NOT_FOUND || line.ptr[0] == '#') {
            continue;
        }
        Str key = str_trim(str_take(line, equals));
        Str value = unquote(str_trim(str_skip(line, equals + 1)));
        for (size_t i = 0; i < COUNT_OF(os_keys); i++) {
            if (str_eq(key, str_from(os_keys[i]))) {
                values[i] = value;
            }
        }
        if (str_eq(key, S("SUPPORT_END"))) {
            put_support_end(collect, value);
        }
    }
    PageLabel labels[COUNT_OF(os_keys)];
    for (size_t i = 0; i < COUNT_OF(os_keys); i++) {
        labels[i] = (PageLabel){os_labels[i], values[i]};
    }
    MetricFamily info = metric_page_family(
        collect->page, S("node_os_info"), PAGE_GAUGE,
        S("A metric with a constant '1' value labeled by build_id, id, id_like, image_id, "
          "image_version, name, pretty_name, variant, variant_id, version, version_codename, "
          "version_id."));
    metric_page_put(collect->page, info, labels, COUNT_OF(labels), 1);
    f64 version;
    if (major_minor(values[OS_VERSION_ID], &version)) {
        MetricFamily family =
            metric_page_family(collect->page, S("node_os_version"), PAGE_GAUGE,
                               S("Metric containing the major.minor part of the OS version."));
        metric_page_put(collect->page, family,
                        (PageLabel[]){labels[OS_ID], labels[OS_ID_LIKE], labels[OS_NAME]}, 3,
                        version);
    }
    return true;
}

static void put_clock_sources(Collect *collect)
{
    Str *sources;
    size_t count;
    if (!sys_list(collect, "devices/system/clocksource", "clocksource", &sources, &count)) {
        return;
    }
    MetricFamily available = metric_page_family(
        collect->page, S("node_time_clocksource_available_info"), PAGE_GAUGE,
        S("Available clocksources read from '/sys/devices/system/clocksource'."));
    MetricFamily current =
        metric_page_family(collect->page, S("node_time_clocksource_current_info"), PAGE_GAUGE,
                           S("Current clocksource read from '/sys/devices/system/clocksource'."));
    for (size_t i = 0; i < count; i++) {
        Str device = str_skip(sources[i], S("clocksource").len);
        Str names;
        Str name;
        if (sys_text(collect, &names, "devices/system/clocksource/%s/available_clocksource",
                     sources[i].ptr)) {
            while (str_split_next(&names, ' ', &name)) {
                if (name.len > 0) {
                    metric_page_put(collect->page, available,
                                    (PageLabel[]){{"device", device}, {"clocksource", name}}, 2, 1);
                }
            }
        }
        if (sys_text(collect, &name, "devices/system/clocksource/%s/current_clocksource",
                     sources[i].ptr)) {
            metric_page_put(collect->page, current,
                            (PageLabel[]){{"device", device}, {"clocksource", name}}, 2, 1);
        }
    }
}

bool collect_time(Collect *collect, Err *err)
{
    (void)err;
    i64 now_ns = time_now_ns();
    char name[ZONE_NAME_MAX];
    i64 offset_seconds;
    metric_page_single(collect->page, "node_time_seconds", PAGE_GAUGE,
                       "System time in seconds since epoch (1970).",
                       (f64)now_ns / (f64)NS_PER_SECOND);
    if (time_zone_local(now_ns / NS_PER_SECOND, name, &offset_seconds)) {
        MetricFamily zone =
            metric_page_family(collect->page, S("node_time_zone_offset_seconds"), PAGE_GAUGE,
                               S("System time zone offset in seconds."));
        metric_page_put(collect->page, zone, (PageLabel[]){{"time_zone", str_from(name)}}, 1,
                        (f64)offset_seconds);
    }
    put_clock_sources(collect);
    return true;
}

bool collect_timex(Collect *collect, Err *err)
{
    static const f64 ppm16_frac =
        1000000.0 * 65536.0; /* frequencies: parts per million, 16 bits of fraction */
    struct timex timex = {0};
    int state = adjtimex(&timex);
    if (state < 0) {
        return err_set(err, ERR_NOT_FOUND, "failed to retrieve adjtimex stats");
    }
    f64 unit = (timex.status & STA_NANO) ? 1e9 : 1e6; /* per second */
    bool in_sync = state != TIME_ERROR;
    const struct {
        const char *name;
        PageType type;
        const char *help;
        f64 value;
    } rows[] = {
        {"node_timex_sync_status", PAGE_GAUGE,
         "Is clock synchronized to a reliable server (1 = yes, 0 = no).", in_sync},
        {"node_timex_offset_seconds", PAGE_GAUGE,
         "Time offset in between local system and reference clock.", (f64)timex.offset / unit},
        {"node_timex_frequency_adjustment_ratio", PAGE_GAUGE, "Local clock frequency adjustment.",
         1 + (f64)timex.freq / ppm16_frac},
        {"node_timex_maxerror_seconds", PAGE_GAUGE, "Maximum error in seconds.",
         (f64)timex.maxerror / 1e6},
        {"node_timex_estimated_error_seconds", PAGE_GAUGE, "Estimated error in seconds.",
         (f64)timex.esterror / 1e6},
        {"node_timex_status", PAGE_GAUGE, "Value of the status array bits.", (f64)timex.status},
        {"node_timex_loop_time_constant", PAGE_GAUGE, "Phase-locked loop time constant.",
         (f64)timex.constant},
        {"node_timex_tick_seconds", PAGE_GAUGE, "Seconds between clock ticks.",
         (f64)timex.tick / 1e6},
        {"node_timex_pps_frequency_hertz", PAGE_GAUGE, "Pulse per second frequency.",
         (f64)timex.ppsfreq / ppm16_frac},
        {"node_timex_pps_jitter_seconds", PAGE_GAUGE, "Pulse per second jitter.",
         (f64)timex.jitter / unit},
        {"node_timex_pps_shift_seconds", PAGE_GAUGE, "Pulse per second interval duration.",
         (f64)timex.shift},
        {"node_timex_pps_stability_hertz", PAGE_GAUGE,
         "Pulse per second stability, average of recent frequency changes.",
         (f64)timex.stabil / ppm16_frac},
        {"node_timex_pps_jitter_total", PAGE_COUNTER,
         "Pulse per second count of jitter limit exceeded events.", (f64)timex.jitcnt},
        {"node_timex_pps_calibration_total", PAGE_COUNTER,
         "Pulse per second count of calibration intervals.", (f64)timex.calcnt},
        {"node_timex_pps_error_total", PAGE_COUNTER,
         "Pulse per second count of calibration errors.", (f64)timex.errcnt},
        {"node_timex_pps_stability_exceeded_total", PAGE_COUNTER,
         "Pulse per second count of stability limit exceeded events.", (f64)timex.stbcnt},
        {"node_timex_tai_offset_seconds", PAGE_GAUGE, "International Atomic Time (TAI) offset.",
         (f64)timex.tai},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        metric_page_single(collect->page, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
    }
    return true;
}

static void put_zones(Collect *collect, const Str *zones, size_t count)
{
    MetricFamily family = metric_page_family(collect->page, S("node_thermal_zone_temp"), PAGE_GAUGE,
                                             S("Zone temperature in Celsius"));
    for (size_t i = 0; i < count; i++) {
        f64 millidegrees;
        Str type;
        if (sys_number(collect, &millidegrees, "class/thermal/%s/temp", zones[i].ptr) &&
            sys_text(collect, &type, "class/thermal/%s/type", zones[i].ptr)) {
            Str zone = str_skip(zones[i], S("thermal_zone").len);
            metric_page_put(collect->page, family, (PageLabel[]){{"zone", zone}, {"type", type}}, 2,
                            millidegrees / 1000);
        }
    }
}

static void put_cooling(Collect *collect, const Str *devices, size_t count)
{
    static const struct {
        const char *file;
        Str name;
        Str help;
    } rows[] = {
        {"cur_state", STR_INIT("node_cooling_device_cur_state"),
         STR_INIT("Current throttle state of the cooling device")},
        {"max_state", STR_INIT("node_cooling_device_max_state"),
         STR_INIT("Maximum throttle state of the cooling device")},
    };
    for (size_t i = 0; i < count; i++) {
        for (size_t r = 0; r < COUNT_OF(rows); r++) {
            f64 state;
            Str type;
            if (sys_number(collect, &state, "class/thermal/%s/%s", devices[i].ptr, rows[r].file) &&
                sys_text(collect, &type, "class/thermal/%s/type", devices[i].ptr)) {
                Str name = str_skip(devices[i], S("cooling_device").len);
                MetricFamily family =
                    metric_page_family(collect->page, rows[r].name, PAGE_GAUGE, rows[r].help);
                metric_page_put(collect->page, family,
                                (PageLabel[]){{"name", name}, {"type", type}}, 2, state);
            }
        }
    }
}

bool collect_thermal_zone(Collect *collect, Err *err)
{
    Str *names;
    size_t count;
    if (!sys_list(collect, "class/thermal", "thermal_zone", &names, &count)) {
        return err_set(err, ERR_NOT_FOUND, "there is no /sys/class/thermal");
    }
    put_zones(collect, names, count);
    if (sys_list(collect, "class/thermal", "cooling_device", &names, &count)) {
        put_cooling(collect, names, count);
    }
    return true;
}
