/*
 * Options: the command line of the node_exporter role.
 *
 * Layer: role/node_exporter. Memory: values borrow the command line. Thread: immutable after
 * parsing.
 */
#pragma once

#include "base/opts.h"
#include "base/types.h"

typedef struct NodeOpts {
    /* where the host's files are, when it is looked at from a container */
    Str procfs;
    Str sysfs;
    Str rootfs;
    Str udev_data;

    /* the web side */
    OptList listen;
    Str telemetry_path;
    Str web_config;
    bool disable_exporter_metrics;
    i64 max_requests;
    Str log_level;
    Str log_format;

    /* which collectors run */
    bool disable_defaults;
    bool conntrack, cpu, cpufreq, diskstats, entropy, filefd, filesystem, hwmon, loadavg, meminfo,
        netclass, netdev, netstat, os, pressure, schedstat, sockstat, stat, textfile, thermal_zone,
        time, timex, uname, vmstat;

    /* their own switches; an empty pattern means "no filter" */
    bool cpu_guest;
    bool cpu_info;
    Str cpu_flags_include;
    Str cpu_bugs_include;
    Str diskstats_include;
    Str diskstats_exclude;
    Str filesystem_mounts_include;
    Str filesystem_mounts_exclude;
    Str filesystem_types_include;
    Str filesystem_types_exclude;
    i64 filesystem_timeout_ms;
    Str hwmon_chip_include;
    Str hwmon_chip_exclude;
    Str hwmon_sensor_include;
    Str hwmon_sensor_exclude;
    Str netclass_ignored;
    bool netclass_ignore_invalid_speed;
    Str netdev_include;
    Str netdev_exclude;
    bool netdev_address_info;
    Str netstat_fields;
    bool stat_softirq;
    OptList textfile_directories;
    Str vmstat_fields;
} NodeOpts;

extern const OptTable node_options;
