/* See node_fixture.h. Layer: role/node_exporter, tests only. Thread: main. */
#include "role/node_exporter/node_fixture.h"

#include "base/test.h"
#include "os/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE_MAX = 64 * 1024 * 1024,
    OPTIONS_MAX = 1024 * 1024,
};

typedef struct FixtureFile {
    const char *path;
    const char *content; /* "-> target" makes a link */
} FixtureFile;

static const FixtureFile proc_files[] = {
    {"proc/stat", "cpu  300 20 150 9000 40 0 6 0 12 0\n"
                  "cpu0 100 10 50 4000 30 0 5 0 12 0\n"
                  "cpu1 200 10 100 5000 10 0 1 0 0 0\n"
                  "intr 98765 1 2 3\n"
                  "ctxt 424242\n"
                  "btime 1700000000\n"
                  "processes 777\n"
                  "procs_running 3\n"
                  "procs_blocked 1\n"
                  "softirq 5500 100 200 300 400 500 0 600 700 800 900\n"},
    {"proc/loadavg", "0.25 1.50 2.75 3/450 12345\n"},
    {"proc/meminfo", "MemTotal:        8000000 kB\n"
                     "MemFree:         1000000 kB\n"
                     "Active(anon):        512 kB\n"
                     "HugePages_Total:       4\n"},
    {"proc/vmstat", "nr_free_pages 1234\n"
                    "pgpgin 55\n"
                    "pgfault 9876543210\n"
                    "oom_kill 2\n"},
    {"proc/diskstats",
     "   8       0 sda 1000 20 30000 400 500 60 70000 800 1 900 1200 5 6 7 8 9 10\n"
     "   8       1 sda1 10 0 80 4 0 0 0 0 0 4 4\n"
     " 253       0 dm-0 11 0 88 5 0 0 0 0 0 5 5\n"},
    {"proc/schedstat", "version 15\n"
                       "timestamp 4295000000\n"
                       "cpu0 0 0 0 0 0 0 2500000000 1500000000 77\n"
                       "domain0 3 0 0 0\n"
                       "cpu1 0 0 0 0 0 0 4000000000 500000000 88\n"},
    {"proc/cpuinfo", "processor\t: 0\nvendor_id\t: OurMaker\ncpu family\t: 6\nmodel\t\t: 42\n"
                     "model name\t: Our CPU \"fast\" @ 2GHz\nstepping\t: 7\nmicrocode\t: 0x2b\n"
                     "cpu MHz\t\t: 2000.500\ncache size\t: 8192 KB\nphysical id\t: 0\n"
                     "core id\t\t: 0\nflags\t\t: fpu aes avx avx2\nbugs\t\t: meltdown mds\n\n"
                     "processor\t: 1\nvendor_id\t: OurMaker\ncpu family\t: 6\nmodel\t\t: 42\n"
                     "model name\t: Our CPU \"fast\" @ 2GHz\nstepping\t: 7\nmicrocode\t: 0x2b\n"
                     "cpu MHz\t\t: 1000\ncache size\t: 8192 KB\nphysical id\t: 0\n"
                     "core id\t\t: 1\nflags\t\t: fpu aes avx avx2\nbugs\t\t: meltdown mds\n\n"},
    {"proc/net/dev",
     "Inter-|   Receive                                                |  Transmit\n"
     " face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
     "packets errs drop fifo colls carrier compressed\n"
     "    lo:    1000      10    0    0    0     0          0         0     1000      "
     "10    0    0    0     0       0          0\n"
     "  eth7:5000000    4000    1    2    3     4          5         6  7000000    "
     "6000   11   12   13    14      15         16\n"
     "eth7:0:       1       2    0    0    0     0          0         0        3       "
     "4    0    0    0     0       0          0\n"},
    {"proc/net/netstat", "TcpExt: SyncookiesSent SyncookiesRecv ListenDrops Unknown\n"
                         "TcpExt: 1 2 3 4\n"
                         "IpExt: InNoRoutes InOctets OutOctets\n"
                         "IpExt: 5 600 700\n"},
    {"proc/net/snmp", "Ip: Forwarding DefaultTTL\nIp: 1 64\n"
                      "Tcp: RtoAlgorithm MaxConn ActiveOpens InErrs\nTcp: 1 -1 12 0\n"
                      "Udp: InDatagrams NoPorts InErrors\nUdp: 100 3 2\n"},
    {"proc/net/snmp6", "Ip6InOctets                     \t1500\n"
                       "Icmp6InMsgs                     \t7\n"
                       "Udp6InErrors                    \t1\n"
                       "Ip6OutForwDatagrams             \t0\n"},
    {"proc/net/sockstat", "sockets: used 150\n"
                          "TCP: inuse 5 orphan 0 tw 3 alloc 9 mem 2\n"
                          "UDP: inuse 2 mem 1\n"},
    {"proc/net/sockstat6", "TCP6: inuse 4\nUDP6: inuse 1\n"},
    {"proc/net/stat/nf_conntrack",
     "entries  searched found new invalid ignore delete delete_list insert insert_failed drop "
     "early_drop icmp_error  expect_new expect_create expect_delete search_restart\n"
     "00000021  00000000 00000003 00000000 0000000a 00000001 00000000 00000000 00000002 00000004 "
     "00000000 00000000 00000000  00000000 00000000 00000000 00000007\n"
     "00000021  00000000 00000001 00000000 00000005 00000001 00000000 00000000 00000002 00000000 "
     "00000006 00000000 00000000  00000000 00000000 00000000 00000001\n"},
    {"proc/sys/fs/file-nr", "1024\t0\t500000\n"},
    {"proc/sys/kernel/random/entropy_avail", "256\n"},
    {"proc/sys/kernel/random/poolsize", "4096\n"},
    {"proc/sys/net/netfilter/nf_conntrack_count", "33\n"},
    {"proc/sys/net/netfilter/nf_conntrack_max", "65536\n"},
    {"proc/pressure/cpu", "some avg10=0.00 avg60=0.10 avg300=0.20 total=14036781\n"
                          "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
    {"proc/pressure/io", "some avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n"
                         "full avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n"},
    {"proc/pressure/memory", "some avg10=0.00 avg60=0.00 avg300=0.00 total=10\n"
                             "full avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"},
    {"proc/pressure/irq", "full avg10=0.00 avg60=0.00 avg300=0.00 total=8008\n"},
    {"proc/1/mountinfo", "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
                         "22 21 0:5 / /dev rw,nosuid - devtmpfs udev rw,size=4k\n"
                         "23 21 253:0 / /srv/two\\040words ro,relatime - xfs /dev/dm-0 rw\n"
                         "24 21 8:33 / /missing rw - vfat /dev/sdc1 rw\n"
                         "25 21 253:0 / /srv/two\\040words ro,relatime - xfs /dev/dm-0 rw\n"
                         "26 21 0:22 / /sys rw - sysfs sysfs rw\n"},
};

static const FixtureFile sys_files[] = {
    {"sys/class/net/eth7/addr_assign_type", "0\n"},
    {"sys/class/net/eth7/address", "02:00:00:00:00:07\n"},
    {"sys/class/net/eth7/broadcast", "ff:ff:ff:ff:ff:ff\n"},
    {"sys/class/net/eth7/carrier", "1\n"},
    {"sys/class/net/eth7/carrier_changes", "5\n"},
    {"sys/class/net/eth7/carrier_down_count", "2\n"},
    {"sys/class/net/eth7/carrier_up_count", "3\n"},
    {"sys/class/net/eth7/dev_id", "0x20\n"},
    {"sys/class/net/eth7/dormant", "0\n"},
    {"sys/class/net/eth7/duplex", "full\n"},
    {"sys/class/net/eth7/flags", "0x1303\n"},
    {"sys/class/net/eth7/ifalias", "to the \"lab\"\n"},
    {"sys/class/net/eth7/ifindex", "7\n"},
    {"sys/class/net/eth7/iflink", "7\n"},
    {"sys/class/net/eth7/link_mode", "1\n"},
    {"sys/class/net/eth7/mtu", "9000\n"},
    {"sys/class/net/eth7/name_assign_type", "4\n"},
    {"sys/class/net/eth7/netdev_group", "0\n"},
    {"sys/class/net/eth7/operstate", "up\n"},
    {"sys/class/net/eth7/speed", "2500\n"},
    {"sys/class/net/eth7/statistics/rx_nohandler", "17\n"},
    {"sys/class/net/eth7/tx_queue_len", "1000\n"},
    {"sys/class/net/eth7/type", "1\n"},
    {"sys/class/net/lo/flags", "0x9\n"},
    {"sys/class/net/lo/mtu", "65536\n"},
    {"sys/class/net/lo/operstate", "unknown\n"},
    {"sys/class/net/lo/speed", "-1\n"},
    {"sys/class/net/lo/type", "772\n"},
    {"sys/class/net/bonding_masters", "\n"},
    {"sys/class/hwmon/hwmon0", "-> ../../devices/platform/ourtemp.0/hwmon/hwmon0"},
    {"sys/devices/platform/ourtemp.0/hwmon/hwmon0/device", "-> ../../../ourtemp.0"},
    {"sys/devices/platform/ourtemp.0/hwmon/hwmon0/name", "Our Temp\n"},
    {"sys/devices/platform/ourtemp.0/hwmon/hwmon0/temp1_input", "45500\n"},
    {"sys/devices/platform/ourtemp.0/hwmon/hwmon0/temp1_max", "90000\n"},
    {"sys/devices/platform/ourtemp.0/hwmon/hwmon0/temp1_label", "Package id 0\n"},
    {"sys/devices/platform/ourtemp.0/hwmon/hwmon0/temp1_crit_alarm", "0\n"},
    {"sys/devices/platform/ourtemp.0/hwmon/hwmon0/fan1_input", "1200\n"},
    {"sys/devices/platform/ourtemp.0/hwmon/hwmon0/in0_input", "1150\n"},
    {"sys/devices/platform/ourtemp.0/hwmon/hwmon0/pwm1", "128\n"},
    {"sys/devices/platform/ourtemp.0/hwmon/hwmon0/pwm1_enable", "2\n"},
    {"sys/devices/platform/ourtemp.0/hwmon/hwmon0/temp2_input", "no number\n"},
    {"sys/class/hwmon/hwmon1/name", "nvme\n"},
    {"sys/class/hwmon/hwmon1/power1_average", "5250000\n"},
    {"sys/class/hwmon/hwmon1/energy1_input", "123456789\n"},
    {"sys/class/hwmon/hwmon1/curr1_input", "750\n"},
    {"sys/class/hwmon/hwmon1/humidity1_input", "45000\n"},
    {"sys/class/hwmon/hwmon1/beep_enable", "1\n"},
    {"sys/class/hwmon/hwmon1/update_interval", "2000\n"},
    {"sys/class/thermal/thermal_zone0/temp", "38250\n"},
    {"sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n"},
    {"sys/class/thermal/cooling_device3/type", "Processor\n"},
    {"sys/class/thermal/cooling_device3/cur_state", "1\n"},
    {"sys/class/thermal/cooling_device3/max_state", "10\n"},
    {"sys/devices/system/cpu/isolated", "1-2\n"},
    {"sys/devices/system/cpu/cpu0/topology/core_id", "0\n"},
    {"sys/devices/system/cpu/cpu0/topology/physical_package_id", "0\n"},
    {"sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "12\n"},
    {"sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "30\n"},
    {"sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_min_freq", "800000\n"},
    {"sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3600000\n"},
    {"sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "1699981\n"},
    {"sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq", "800000\n"},
    {"sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "3600000\n"},
    {"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"},
    {"sys/devices/system/cpu/cpu0/cpufreq/scaling_available_governors", "performance powersave\n"},
    {"sys/devices/system/cpu/cpu1/online", "1\n"},
    {"sys/devices/system/cpu/cpu1/topology/core_id", "1\n"},
    {"sys/devices/system/cpu/cpu1/topology/physical_package_id", "0\n"},
    {"sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "3\n"},
    {"sys/devices/system/cpu/cpu1/thermal_throttle/package_throttle_count", "30\n"},
    {"sys/devices/system/cpu/cpufreq/policy0/scaling_driver", "ours\n"},
    {"sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet \n"},
    {"sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"},
    {"sys/block/sda/queue/rotational", "1\n"},
};

static const FixtureFile other_files[] = {
    {"etc/os-release", "# ours\nPRETTY_NAME=\"Our Linux 12 (quiet)\"\nNAME=\"Our Linux\"\n"
                       "VERSION_ID='12.5'\nID=ours\nID_LIKE=debian\nSUPPORT_END=2028-06-30\n"},
    {"srv/two words/file", "x"},
    {"udev/b8:0", "S:disk/by-id/ours\nE:ID_MODEL=Our_Disk\nE:ID_SERIAL=long_serial\n"
                  "E:ID_SERIAL_SHORT=S123\nE:ID_WWN=0x5000\nE:ID_ATA_WRITE_CACHE=1\n"
                  "E:ID_ATA_WRITE_CACHE_ENABLED=0\nE:ID_ATA_ROTATION_RATE_RPM=7200\n"
                  "E:ID_PATH=pci-0000:00:1f.2\nE:ID_REVISION=R1\n"},
    {"udev/b253:0", "E:DM_NAME=vg-data\nE:DM_UUID=LVM-1\nE:DM_VG_NAME=vg\nE:DM_LV_NAME=data\n"
                    "E:ID_FS_TYPE=xfs\nE:ID_FS_USAGE=filesystem\nE:ID_FS_UUID=u-1\n"},
    {"text/good.prom", "# HELP backup_age_seconds Age of the last backup.\n"
                       "# TYPE backup_age_seconds gauge\n"
                       "backup_age_seconds{host=\"a\\\\b\",kind=\"full\"} 3600\n"
                       "backup_age_seconds{host=\"c\",kind=\"full\"} +Inf\n"
                       "# TYPE job_seconds histogram\n"
                       "job_seconds_bucket{le=\"1\"} 1\n"
                       "job_seconds_bucket{le=\"+Inf\"} 2\n"
                       "job_seconds_sum 3.5\n"
                       "job_seconds_count 2\n"},
    {"text/plain.prom", "no_type_at_all 7\n"},
    {"text/ignored.txt", "not_read 1\n"},
};

void node_fixture_write(const NodeFixture *fixture, const char *path, Str content)
{
    Err err;
    char folder[2 * TEST_PATH_MAX];
    const char *full = test_dir_path(&fixture->dir, path);
    (void)snprintf(folder, sizeof(folder), "%s", full);
    *strrchr(folder, '/') = '\0';
    CHECK_OK(dir_make(folder, 0755, &err), &err);
    (void)unlink(full);
    if (str_skip_prefix(&content, S("-> "))) {
        CHECK(symlink(content.ptr, full) == 0);
    } else {
        CLEANUP(fd_closep) int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        CHECK(fd >= 0);
        CHECK_OK(fd_write_all(fd, content, &err), &err);
    }
}

void node_fixture_remove(const NodeFixture *fixture, const char *path)
{
    Err err;
    CHECK_OK(dir_remove_all(test_dir_path(&fixture->dir, path), &err), &err);
}

void node_fixture_hide(const NodeFixture *fixture, const char *path)
{
    CHECK(rename(test_dir_path(&fixture->dir, path), test_dir_path(&fixture->dir, "hidden")) == 0);
}

void node_fixture_show(const NodeFixture *fixture, const char *path)
{
    CHECK(rename(test_dir_path(&fixture->dir, "hidden"), test_dir_path(&fixture->dir, path)) == 0);
}

static void write_files(const NodeFixture *fixture, const FixtureFile *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        node_fixture_write(fixture, files[i].path, str_from(files[i].content));
    }
}

static const FixtureFile *find_file(const FixtureFile *files, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(files[i].path, path) == 0) {
            return &files[i];
        }
    }
    return NULL;
}

void node_fixture_restore(const NodeFixture *fixture, const char *path)
{
    const FixtureFile *known[] = {
        find_file(proc_files, COUNT_OF(proc_files), path),
        find_file(sys_files, COUNT_OF(sys_files), path),
        find_file(other_files, COUNT_OF(other_files), path),
    };
    node_fixture_remove(fixture, path);
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (known[i]) {
            node_fixture_write(fixture, path, str_from(known[i]->content));
        }
    }
}

/* Text files are of a known age, so that the page is the same at every run. */
static void set_age(const NodeFixture *fixture, const char *path)
{
    const struct timespec times[2] = {{.tv_sec = 1700000001}, {.tv_sec = 1700000002}};
    CHECK(utimensat(AT_FDCWD, test_dir_path(&fixture->dir, path), times, 0) == 0);
}

static void parse_options(NodeFixture *fixture, const char *const *flags)
{
    static const struct {
        const char *flag;
        const char *path;
    } paths[] = {
        {"--path.procfs=", "/proc"},
        {"--path.sysfs=", "/sys"},
        {"--path.rootfs=", ""},
        {"--path.udev.data=", "/udev"},
        {"--collector.textfile.directory=", "/text"},
    };
    Err err;
    Str text;
    char *argv[1 + COUNT_OF(paths) + FIXTURE_FLAGS_MAX] = {"node_exporter"};
    int argc = 1;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        CHECK(arena_printf(&fixture->arena, &text, NULL, "%s%s%s", paths[i].flag, fixture->dir.path,
                           paths[i].path));
        argv[argc++] = (char *)text.ptr;
    }
    for (; *flags; flags++) {
        CHECK((size_t)argc < COUNT_OF(argv));
        argv[argc++] = (char *)*flags;
    }
    CHECK_OK(opts_parse(&node_options, argc, argv, &fixture->arena, &fixture->opts, NULL, &err) ==
                 OPT_RUN,
             &err);
}

void node_fixture_open(NodeFixture *fixture, const char *const *flags)
{
    Err err;
    *fixture = (NodeFixture){0};
    test_dir_make(&fixture->dir);
    arena_init(&fixture->arena, OPTIONS_MAX);
    buf_init(&fixture->page, PAGE_MAX);
    write_files(fixture, proc_files, COUNT_OF(proc_files));
    write_files(fixture, sys_files, COUNT_OF(sys_files));
    write_files(fixture, other_files, COUNT_OF(other_files));
    set_age(fixture, "text/good.prom");
    set_age(fixture, "text/plain.prom");
    parse_options(fixture, flags);
    CHECK_OK(exporter_open(&fixture->opts, &fixture->exporter, &err), &err);
}

void node_fixture_reopen(NodeFixture *fixture, const char *const *flags)
{
    Err err;
    exporter_close(fixture->exporter);
    parse_options(fixture, flags);
    CHECK_OK(exporter_open(&fixture->opts, &fixture->exporter, &err), &err);
}

void node_fixture_close(NodeFixture *fixture)
{
    exporter_close(fixture->exporter);
    buf_done(&fixture->page);
    arena_done(&fixture->arena);
    test_dir_remove(&fixture->dir);
}

Str node_fixture_scrape(NodeFixture *fixture, const char *collector)
{
    Err err;
    Str name = str_from(collector ? collector : "");
    ScrapeChoice choice = {.collect = &name, .collect_count = collector ? 1 : 0};
    buf_clear(&fixture->page);
    CHECK_OK(exporter_scrape(fixture->exporter, &choice, PAGE_TEXT, &fixture->page, &err), &err);
    return buf_view(&fixture->page);
}

Str node_fixture_value(const NodeFixture *fixture, const char *series)
{
    Str page = buf_view(&fixture->page);
    Str line;
    while (str_split_next(&page, '\n', &line)) {
        if (str_skip_prefix(&line, str_from(series)) && str_skip_prefix(&line, S(" "))) {
            return line;
        }
    }
    return STR_EMPTY;
}
