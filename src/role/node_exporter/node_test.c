/*
 * Tests of the exporter as a whole: its page, its filters, what is missing or broken.
 *
 * Layer: role/node_exporter, tests only. Thread: main.
 */
#include "base/mem.h"
#include "base/test.h"
#include "os/file.h"
#include "role/node_exporter/collector.h"
#include "role/node_exporter/node_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GOLDEN_MAX = 1024 * 1024 };

/* Figures of the machine that runs the test; their series must be there all the same. */
static bool is_volatile(Str line)
{
    static const Str starts[] = {
        STR_INIT("node_filesystem_avail_bytes{"),
        STR_INIT("node_filesystem_files"),
        STR_INIT("node_filesystem_free_bytes{"),
        STR_INIT("node_filesystem_size_bytes{"),
        STR_INIT("node_scrape_collector_duration_seconds{"),
        STR_INIT("node_exporter_build_info{"),
        STR_INIT("node_time_seconds"),
        STR_INIT("node_time_zone_offset_seconds"),
    };
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        if (str_starts_with(line, starts[i])) {
            return true;
        }
    }
    return false;
}

/* The page with TREE for the folder's path, and without what differs from run to run. */
static void normalise(const NodeFixture *fixture, Str page, Buf *out)
{
    Str line;
    Str root = str_from(fixture->dir.path);
    while (str_split_next(&page, '\n', &line)) {
        if (str_starts_with(line, S("node_exporter_build_info{")) ||
            str_starts_with(line, S("node_time_zone_offset_seconds{"))) {
            continue;
        }
        Str rest = is_volatile(line) ? str_take(line, str_find_last_byte(line, ' ')) : line;
        for (size_t at = str_find(rest, root); at != STR_NOT_FOUND; at = str_find(rest, root)) {
            buf_str(out, str_take(rest, at));
            buf_lit(out, "TREE");
            rest = str_skip(rest, at + root.len);
        }
        buf_str(out, rest);
        if (page.len > 0 || line.len > 0) {
            buf_byte(out, '\n');
        }
    }
}

/* VIGIE_WRITE_GOLDEN=1 writes the file anew; read the difference before you commit it. */
static void check_golden(Str got, const char *name)
{
    Err err;
    char path[TEST_PATH_MAX * 2];
    CLEANUP(buf_done) Buf want_file;
    Str want_line;
    Str got_line;
    buf_init(&want_file, GOLDEN_MAX);
    (void)snprintf(path, sizeof(path), "%s/tests/golden/%s", VIGIE_SOURCE_ROOT, name);
    if (getenv("VIGIE_WRITE_GOLDEN")) {
        CHECK_OK(file_write_atomic(path, got, 0644, &err), &err);
    }
    CHECK_OK(file_read_into(path, &want_file, &err), &err);
    Str want = buf_view(&want_file);
    while (str_split_next(&want, '\n', &want_line)) {
        CHECK(str_split_next(&got, '\n', &got_line));
        CHECK_STR(got_line, want_line);
    }
    CHECK_STR(got, STR_EMPTY);
}

static const char *const all_flags[] = {
    "--collector.stat.softirq",
    "--collector.cpu.info",
    "--collector.cpu.info.flags-include=^(aes|avx.*)$",
    "--collector.cpu.info.bugs-include=^mds$",
    "--no-collector.uname",
    "--no-collector.timex",
    "--web.disable-exporter-metrics",
    NULL,
};
static const char *const no_flags[] = {NULL};

TEST(node, whole_page_is_the_golden_one)
{
    NodeFixture fixture;
    CLEANUP(buf_done) Buf page;
    buf_init(&page, GOLDEN_MAX);
    node_fixture_open(&fixture, all_flags);
    normalise(&fixture, node_fixture_scrape(&fixture, NULL), &page);
    check_golden(buf_view(&page), "node_exporter.prom");

    buf_clear(&page); /* and the second page is the first again */
    normalise(&fixture, node_fixture_scrape(&fixture, NULL), &page);
    check_golden(buf_view(&page), "node_exporter.prom");
    node_fixture_close(&fixture);
}

TEST(node, openmetrics_page_names_counters_without_total)
{
    NodeFixture fixture;
    Err err;
    Str name = S("stat");
    ScrapeChoice choice = {.collect = &name, .collect_count = 1};
    node_fixture_open(&fixture, no_flags);
    CHECK_OK(exporter_scrape(fixture.exporter, &choice, PAGE_OPENMETRICS, &fixture.page, &err),
             &err);
    Str page = buf_view(&fixture.page);
    CHECK(str_find(page, S("# TYPE node_forks counter\nnode_forks_total 777")) != STR_NOT_FOUND);
    CHECK(str_ends_with(page, S("# EOF\n")));
    node_fixture_close(&fixture);
}

static bool collector_worked(NodeFixture *fixture, const char *collector)
{
    char series[128];
    (void)snprintf(series, sizeof(series), "node_scrape_collector_success{collector=\"%s\"}",
                   collector);
    (void)node_fixture_scrape(fixture, collector);
    Str value = node_fixture_value(fixture, series);
    CHECK(str_eq(value, S("0")) || str_eq(value, S("1")));
    return str_eq(value, S("1"));
}

TEST(node, collector_without_its_file_fails_alone)
{
    static const struct {
        const char *collector;
        const char *path; /* removed */
        bool works;       /* nevertheless, because the rest is still there */
    } cases[] = {
        {"conntrack", "proc/sys/net/netfilter/nf_conntrack_count", false},
        {"conntrack", "proc/sys/net/netfilter/nf_conntrack_max", false},
        {"conntrack", "proc/net/stat", false},
        {"cpu", "proc/stat", false},
        {"cpu", "sys/devices", true},
        {"cpufreq", "sys/devices", false},
        {"diskstats", "proc/diskstats", false},
        {"diskstats", "udev", true},
        {"entropy", "proc/sys/kernel", false},
        {"filefd", "proc/sys/fs", false},
        {"filesystem", "proc/1", false},
        {"hwmon", "sys/class/hwmon", false},
        {"hwmon", "sys/devices/platform", true},
        {"loadavg", "proc/loadavg", false},
        {"meminfo", "proc/meminfo", false},
        {"netclass", "sys/class/net", false},
        {"netclass", "sys/class/net/lo", true},
        {"netdev", "proc/net", false},
        {"netdev", "sys", true},
        {"netstat", "proc/net/netstat", false},
        {"netstat", "proc/net/snmp", false},
        {"netstat", "proc/net/snmp6", true},
        {"os", "etc", false},
        {"pressure", "proc/pressure", false},
        {"pressure", "proc/pressure/irq", true},
        {"schedstat", "proc/schedstat", false},
        {"sockstat", "proc/net/sockstat6", true},
        {"stat", "proc/stat", false},
        {"textfile", "text", true},
        {"thermal_zone", "sys/class/thermal", false},
        {"time", "sys", true},
        {"vmstat", "proc/vmstat", false},
    };
    NodeFixture fixture;
    node_fixture_open(&fixture, no_flags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CHECK(collector_worked(&fixture, cases[i].collector));
        node_fixture_hide(&fixture, cases[i].path);
        if (collector_worked(&fixture, cases[i].collector) != cases[i].works) {
            CHECK_STR(str_from(cases[i].path), str_from(cases[i].works ? "works" : "fails"));
        }
        CHECK(collector_worked(&fixture, "uname"));
        node_fixture_show(&fixture, cases[i].path);
    }
    node_fixture_close(&fixture);
}

TEST(node, garbage_ends_in_failure_and_not_in_samples)
{
    static const struct {
        const char *collector;
        const char *path;
        const char *content;
        bool works;         /* what can be read is read */
        const char *absent; /* a series that must not be on the page */
    } cases[] = {
        {"stat", "proc/stat", "intr x\nctxt\n\n   \nbtime 12 13\n", true, "node_intr_total"},
        {"cpu", "proc/stat", "cpu0 1 2 x 4 5 6\n", false,
         "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}"},
        {"cpu", "proc/stat", "cpu0\ncpux 1 2 3 4 5\ncpu99999999999999999999 1 2 3 4\n", true,
         "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}"},
        {"loadavg", "proc/loadavg", "", false, "node_load1"},
        {"loadavg", "proc/loadavg", "0.1 0.2", false, "node_load15"},
        {"loadavg", "proc/loadavg", "high 0.2 0.3 1/2 3", false, "node_load1"},
        {"meminfo", "proc/meminfo", "MemTotal: lots kB\n", false, "node_memory_MemTotal_bytes"},
        {"meminfo", "proc/meminfo", "MemTotal\n", false, "node_memory_MemTotal_bytes"},
        {"meminfo", "proc/meminfo", "\n\n", true, "node_memory_MemTotal_bytes"},
        {"vmstat", "proc/vmstat", "pgfault\npgpgin many\n", true, "node_vmstat_pgpgin"},
        {"filefd", "proc/sys/fs/file-nr", "1 2\n", false, "node_filefd_allocated"},
        {"filefd", "proc/sys/fs/file-nr", "a b c\n", false, "node_filefd_allocated"},
        {"entropy", "proc/sys/kernel/random/poolsize", "much\n", false,
         "node_entropy_available_bits"},
        {"conntrack", "proc/sys/net/netfilter/nf_conntrack_count", "-\n", false,
         "node_nf_conntrack_entries"},
        {"netdev", "proc/net/dev", "a\nb\neth7: 1 2 three\n", false,
         "node_network_receive_errs_total{device=\"eth7\"}"},
        {"netdev", "proc/net/dev", "a\nb\nno colon here\n", true,
         "node_network_receive_bytes_total{device=\"no\"}"},
        {"netstat", "proc/net/netstat", "TcpExt: A B\nTcpExt: 1\n", false,
         "node_netstat_TcpExt_ListenDrops"},
        {"netstat", "proc/net/netstat", "\n\n", false, "node_netstat_TcpExt_ListenDrops"},
        {"netstat", "proc/net/snmp6", "Ip6InOctets\nNoSix 4\nIp6OutOctets none\n", true,
         "node_netstat_Ip6_InOctets"},
        {"diskstats", "proc/diskstats", "8 0 sda 1 2 x\n", false,
         "node_disk_read_bytes_total{device=\"sda\"}"},
        {"diskstats", "proc/diskstats", "8 0 sda\n8\n\n", true,
         "node_disk_reads_completed_total{device=\"sda\"}"},
        {"filesystem", "proc/1/mountinfo",
         "21 1 8:1 / / rw shared:1 - ext4\n- - - - - - -\n21 1\n36 35 nonumber / /x rw - ext4 d "
         "rw\n",
         true,
         "node_filesystem_readonly{device=\"d\",device_error=\"\",fstype=\"ext4\","
         "mountpoint=\"/x\"}"},
        {"pressure", "proc/pressure/cpu", "some avg10=1 total=\nfull\n", true,
         "node_pressure_cpu_waiting_seconds_total"},
        {"schedstat", "proc/schedstat", "cpu0 1 2\ncpu1 0 0 0 0 0 0 a b c\n", true,
         "node_schedstat_running_seconds_total{cpu=\"1\"}"},
        {"sockstat", "proc/net/sockstat", ":\nTCP: inuse\nUDP: inuse x mem\n", true,
         "node_sockstat_UDP_inuse"},
        {"os", "etc/os-release", "=\nVERSION_ID\nNAME=\nVERSION_ID=\"rolling\"\n", true,
         "node_os_version{id=\"\",id_like=\"\",name=\"\"}"},
        {"cpufreq", "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "<unknown>\n", true,
         "node_cpu_scaling_frequency_hertz{cpu=\"0\"}"},
        {"netclass", "sys/class/net/eth7/dev_id", "0xzz\n", true,
         "node_network_device_id{device=\"eth7\"}"},
        {"netclass", "sys/class/net/eth7/flags", "0x11112222333344445\n", true,
         "node_network_flags{device=\"eth7\"}"},
        {"hwmon", "sys/class/hwmon/hwmon1/power1_average", "\n", true,
         "node_hwmon_power_average_watt{chip=\"nvme\",sensor=\"power1\"}"},
        {"thermal_zone", "sys/class/thermal/thermal_zone0/temp", "warm\n", true,
         "node_thermal_zone_temp{type=\"x86_pkg_temp\",zone=\"0\"}"},
    };
    NodeFixture fixture;
    node_fixture_open(&fixture, no_flags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        node_fixture_write(&fixture, cases[i].path, str_from(cases[i].content));
        bool works = collector_worked(&fixture, cases[i].collector);
        if (works != cases[i].works || node_fixture_value(&fixture, cases[i].absent).len > 0) {
            CHECK_STR(buf_view(&fixture.page), str_from(cases[i].content));
        }
        node_fixture_restore(&fixture, cases[i].path);
    }
    node_fixture_close(&fixture);
}

/* One line of a million letters, and one of as many fields, in every file that has lines. */
TEST(node, huge_lines_neither_crash_nor_stop_the_others)
{
    enum { HUGE = 1000 * 1000 };
    static const struct {
        const char *collector;
        const char *path;
    } cases[] = {
        {"conntrack", "proc/net/stat/nf_conntrack"},
        {"cpu", "proc/stat"},
        {"cpu", "proc/cpuinfo"},
        {"diskstats", "proc/diskstats"},
        {"diskstats", "udev/b8:0"},
        {"filesystem", "proc/1/mountinfo"},
        {"hwmon", "sys/class/hwmon/hwmon1/name"},
        {"loadavg", "proc/loadavg"},
        {"meminfo", "proc/meminfo"},
        {"netclass", "sys/class/net/eth7/ifalias"},
        {"netdev", "proc/net/dev"},
        {"netstat", "proc/net/netstat"},
        {"netstat", "proc/net/snmp6"},
        {"os", "etc/os-release"},
        {"pressure", "proc/pressure/io"},
        {"schedstat", "proc/schedstat"},
        {"sockstat", "proc/net/sockstat"},
        {"stat", "proc/stat"},
        {"textfile", "text/huge.prom"},
        {"vmstat", "proc/vmstat"},
    };
    static const char *const flags[] = {"--collector.cpu.info", NULL};
    static char one_word[HUGE];
    static char fields[HUGE];
    memset(one_word, 'x', sizeof(one_word));
    for (size_t i = 0; i < HUGE; i++) {
        fields[i] = i % 2 ? ' ' : '7';
    }
    const Str contents[] = {{one_word, HUGE}, {fields, HUGE}};
    NodeFixture fixture;
    node_fixture_open(&fixture, flags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t c = 0; c < COUNT_OF(contents); c++) {
            node_fixture_write(&fixture, cases[i].path, contents[c]);
            (void)collector_worked(&fixture, cases[i].collector);
            node_fixture_restore(&fixture, cases[i].path);
        }
    }
    CHECK(collector_worked(&fixture, "entropy"));
    node_fixture_close(&fixture);
}

TEST(node, file_beyond_the_limit_fails_its_collector)
{
    NodeFixture fixture;
    node_fixture_open(&fixture, no_flags);
    size_t size = COLLECT_FILE_MAX + 1;
    char *content = MEM_ARRAY(char, size);
    node_fixture_write(&fixture, "proc/vmstat", (Str){content, size});
    mem_free(content);
    CHECK(!collector_worked(&fixture, "vmstat"));
    node_fixture_close(&fixture);
}

TEST(node, choice_of_collectors_is_checked)
{
    static const Str stat[] = {STR_INIT("stat")};
    static const Str unknown[] = {STR_INIT("stat"), STR_INIT("nonsense")};
    static const Str disabled[] = {STR_INIT("uname")};
    static const char *const flags[] = {"--no-collector.uname", NULL};
    static const struct {
        ScrapeChoice choice;
        ErrCode code;
        const char *message;
    } cases[] = {
        {{unknown, 2, NULL, 0}, ERR_NOT_FOUND, "missing collector: nonsense"},
        {{disabled, 1, NULL, 0}, ERR_NOT_FOUND, "disabled collector: uname"},
        {{stat, 1, disabled, 1},
         ERR_INVALID,
         "Combined collect and exclude queries are not allowed."},
    };
    NodeFixture fixture;
    node_fixture_open(&fixture, flags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Err err = {0};
        CHECK(!exporter_scrape(fixture.exporter, &cases[i].choice, PAGE_TEXT, &fixture.page, &err));
        CHECK_I64(err.code, cases[i].code);
        CHECK_STR(str_from(err.message), str_from(cases[i].message));
        CHECK_U64(fixture.page.len, 0);
    }
    node_fixture_close(&fixture);
}

TEST(node, excluded_collectors_are_left_out)
{
    static const Str excluded[] = {STR_INIT("stat"), STR_INIT("not_there")};
    NodeFixture fixture;
    Err err;
    ScrapeChoice choice = {.exclude = excluded, .exclude_count = COUNT_OF(excluded)};
    node_fixture_open(&fixture, no_flags);
    CHECK_OK(exporter_scrape(fixture.exporter, &choice, PAGE_TEXT, &fixture.page, &err), &err);
    CHECK_STR(node_fixture_value(&fixture, "node_forks_total"), STR_EMPTY);
    CHECK_STR(node_fixture_value(&fixture, "node_load1"), S("0.25"));
    node_fixture_close(&fixture);
}

TEST(node, filters_choose_devices)
{
    static const struct {
        const char *flag;
        const char *collector;
        const char *present; /* NULL: none */
        const char *absent;
    } cases[] = {
        {"--collector.netdev.device-include=^lo$", "netdev",
         "node_network_receive_bytes_total{device=\"lo\"}",
         "node_network_receive_bytes_total{device=\"eth7\"}"},
        {"--collector.netdev.device-exclude=^lo$", "netdev",
         "node_network_receive_bytes_total{device=\"eth7\"}",
         "node_network_receive_bytes_total{device=\"lo\"}"},
        {"--collector.netclass.ignored-devices=^eth", "netclass", "node_network_up{device=\"lo\"}",
         "node_network_up{device=\"eth7\"}"},
        {"--collector.netclass.ignore-invalid-speed", "netclass",
         "node_network_speed_bytes{device=\"eth7\"}", "node_network_speed_bytes{device=\"lo\"}"},
        {"--collector.diskstats.device-include=^dm-", "diskstats",
         "node_disk_io_now{device=\"dm-0\"}", "node_disk_io_now{device=\"sda\"}"},
        {"--collector.diskstats.device-exclude=^$", "diskstats",
         "node_disk_io_now{device=\"sda1\"}", NULL},
        {"--collector.hwmon.chip-include=^nvme$", "hwmon",
         "node_hwmon_curr_amps{chip=\"nvme\",sensor=\"curr1\"}",
         "node_hwmon_fan_rpm{chip=\"platform_ourtemp_0\",sensor=\"fan1\"}"},
        {"--collector.hwmon.sensor-exclude=;fan", "hwmon",
         "node_hwmon_in_volts{chip=\"platform_ourtemp_0\",sensor=\"in0\"}",
         "node_hwmon_fan_rpm{chip=\"platform_ourtemp_0\",sensor=\"fan1\"}"},
        {"--collector.filesystem.mount-points-exclude=^/srv", "filesystem",
         "node_filesystem_readonly{device=\"/dev/sda1\",device_error=\"\",fstype=\"ext4\","
         "mountpoint=\"/\"}",
         "node_filesystem_readonly{device=\"/dev/dm-0\",device_error=\"\",fstype=\"xfs\","
         "mountpoint=\"/srv/two words\"}"},
        {"--collector.filesystem.fs-types-include=^xfs$", "filesystem",
         "node_filesystem_readonly{device=\"/dev/dm-0\",device_error=\"\",fstype=\"xfs\","
         "mountpoint=\"/srv/two words\"}",
         "node_filesystem_readonly{device=\"/dev/sda1\",device_error=\"\",fstype=\"ext4\","
         "mountpoint=\"/\"}"},
        {"--collector.netstat.fields=^Ip_DefaultTTL$", "netstat", "node_netstat_Ip_DefaultTTL",
         "node_netstat_Ip_Forwarding"},
        {"--collector.vmstat.fields=^nr_", "vmstat", "node_vmstat_nr_free_pages",
         "node_vmstat_pgpgin"},
        {"--no-collector.cpu.guest", "cpu", "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"}",
         "node_cpu_guest_seconds_total{cpu=\"0\",mode=\"user\"}"},
    };
    NodeFixture fixture;
    node_fixture_open(&fixture, no_flags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        node_fixture_reopen(&fixture, (const char *const[]){cases[i].flag, NULL});
        CHECK(collector_worked(&fixture, cases[i].collector));
        bool wrong = node_fixture_value(&fixture, cases[i].present).len == 0 ||
                     (cases[i].absent && node_fixture_value(&fixture, cases[i].absent).len > 0);
        if (wrong) {
            CHECK_STR(buf_view(&fixture.page), str_from(cases[i].flag));
        }
    }
    node_fixture_close(&fixture);
}

TEST(node, bad_filter_is_refused_with_its_flag)
{
    Err err = {0};
    NodeOpts opts = {.netdev_include = S("(")};
    Exporter *exporter = NULL;
    CHECK(!exporter_open(&opts, &exporter, &err));
    CHECK(exporter == NULL);
    CHECK_I64(err.code, ERR_INVALID);
    CHECK(str_find(str_from(err.message), S("--collector.netdev.device-include")) == 0);
}

TEST(node, cpu_time_never_steps_back)
{
    static const char series[] = "node_cpu_seconds_total{cpu=\"4000\",mode=\"user\"}";
    static const char idle[] = "node_cpu_seconds_total{cpu=\"4000\",mode=\"idle\"}";
    NodeFixture fixture;
    node_fixture_open(&fixture, no_flags);
    node_fixture_write(&fixture, "proc/stat", S("cpu4000 500 0 0 90000 0 0 0 0 0 0\n"));
    CHECK(collector_worked(&fixture, "cpu"));
    CHECK_STR(node_fixture_value(&fixture, series), S("5"));

    /* A little back, as the kernel's rounding does: the old value stays. */
    node_fixture_write(&fixture, "proc/stat", S("cpu4000 490 0 0 89900 0 0 0 0 0 0\n"));
    CHECK(collector_worked(&fixture, "cpu"));
    CHECK_STR(node_fixture_value(&fixture, series), S("5"));
    CHECK_STR(node_fixture_value(&fixture, idle), S("900"));

    /* Far back: the CPU was plugged anew and counts from its own zero. */
    node_fixture_write(&fixture, "proc/stat", S("cpu4000 10 0 0 100 0 0 0 0 0 0\n"));
    CHECK(collector_worked(&fixture, "cpu"));
    CHECK_STR(node_fixture_value(&fixture, series), S("0.1"));
    CHECK_STR(node_fixture_value(&fixture, idle), S("1"));
    node_fixture_close(&fixture);
}

TEST(node, page_follows_files_that_change_come_and_go)
{
    NodeFixture fixture;
    node_fixture_open(&fixture, no_flags);
    CHECK(collector_worked(&fixture, "netclass"));
    CHECK_STR(node_fixture_value(&fixture, "node_network_mtu_bytes{device=\"eth7\"}"), S("9000"));
    node_fixture_write(&fixture, "sys/class/net/eth7/mtu", S("1500\n"));
    node_fixture_remove(&fixture, "sys/class/net/lo");
    node_fixture_write(&fixture, "sys/class/net/wan0/type", S("1\n"));
    node_fixture_write(&fixture, "sys/class/net/wan0/mtu", S("1400\n"));
    CHECK(collector_worked(&fixture, "netclass"));
    CHECK_STR(node_fixture_value(&fixture, "node_network_mtu_bytes{device=\"eth7\"}"), S("1500"));
    CHECK_STR(node_fixture_value(&fixture, "node_network_mtu_bytes{device=\"lo\"}"), STR_EMPTY);
    CHECK_STR(node_fixture_value(&fixture, "node_network_mtu_bytes{device=\"wan0\"}"), S("1400"));
    CHECK(collector_worked(&fixture, "loadavg"));
    node_fixture_write(&fixture, "proc/loadavg", S("9 8 7 1/1 1\n"));
    CHECK(collector_worked(&fixture, "loadavg"));
    CHECK_STR(node_fixture_value(&fixture, "node_load1"), S("9"));
    node_fixture_close(&fixture);
}

TEST(node, bad_text_file_is_left_out_whole_and_counted)
{
    static const char *const bad[] = {
        "ok_before 1\nbroken{ 2\n",
        "ok_before 1\nbroken\n",
        "ok_before 1 1700000000000\n",
        "# TYPE ok_before nonsense\nok_before 1\n",
        "ok_before{a=\"1\",a=\"2\"} 1\n# TYPE late counter\nlate x\n",
    };
    NodeFixture fixture;
    node_fixture_open(&fixture, no_flags);
    CHECK(collector_worked(&fixture, "textfile"));
    CHECK_STR(node_fixture_value(&fixture, "node_textfile_scrape_error"), S("0"));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        node_fixture_write(&fixture, "text/bad.prom", str_from(bad[i]));
        CHECK(collector_worked(&fixture, "textfile"));
        CHECK_STR(node_fixture_value(&fixture, "node_textfile_scrape_error"), S("1"));
        CHECK_STR(node_fixture_value(&fixture, "ok_before"), STR_EMPTY);
        CHECK_STR(node_fixture_value(&fixture, "no_type_at_all"), S("7"));
    }
    node_fixture_close(&fixture);
}

TEST(node, replies_are_counted_by_status)
{
    NodeFixture fixture;
    node_fixture_open(&fixture, no_flags);
    exporter_count_reply(fixture.exporter, 200);
    exporter_count_reply(fixture.exporter, 200);
    exporter_count_reply(fixture.exporter, 503);
    exporter_count_reply(fixture.exporter, 404); /* the original counts only these three */
    (void)node_fixture_scrape(&fixture, "uname");
    CHECK_STR(node_fixture_value(&fixture, "promhttp_metric_handler_requests_total{code=\"200\"}"),
              S("2"));
    CHECK_STR(node_fixture_value(&fixture, "promhttp_metric_handler_requests_total{code=\"500\"}"),
              S("0"));
    CHECK_STR(node_fixture_value(&fixture, "promhttp_metric_handler_requests_total{code=\"503\"}"),
              S("1"));
    CHECK(node_fixture_value(&fixture, "process_resident_memory_bytes").len > 0);
    node_fixture_close(&fixture);
}
