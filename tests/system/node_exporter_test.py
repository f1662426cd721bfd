"""The node_exporter role: the original's fixture page, the original itself on this machine, and its web side."""
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import harness
import ttar

COLLECTORS = ("conntrack cpu cpufreq diskstats entropy filefd hwmon loadavg meminfo netclass netdev netstat os pressure "
              "schedstat sockstat stat textfile thermal_zone time vmstat").split()
# Of the families that these collectors write; the fixture page has many more collectors than Vigie has yet.
PREFIXES = ("node_nf_conntrack_ node_cpu_ node_disk_ node_entropy_ node_filefd_ node_hwmon_ node_load node_memory_ "
            "node_network_ node_netstat_ node_os_ node_pressure_ node_schedstat_ node_sockstat_ node_boot_time_ "
            "node_context_switches_ node_forks_ node_intr_ node_procs_ node_softirqs_total node_textfile_ "
            "node_thermal_zone_ node_cooling_device_ node_time_ node_vmstat_").split()
# Collectors that are not here yet write these below the same prefixes.
OTHER_COLLECTORS = re.compile(r"node_(cpu_vulnerabilities|memory_numa|network_route|softirqs_functions)_")
# Differs by machine or run. (The original asks netlink for the counters of devices, so its page has the machine's.)
VOLATILE = re.compile(r"node_textfile_mtime_seconds|node_time_(zone|seconds)|node_network_(receive|transmit)_\w+_total")
# Labels that 1.5, the version in Debian, did not have.
NEW_LABELS = re.compile(r'(rotational|device_error|adminstate)="[^"]*",?')


def ours(name):
    """Does a collector that Vigie has write this family?"""
    return name.startswith(tuple(PREFIXES)) and not OTHER_COLLECTORS.match(name) and not VOLATILE.match(name)


class FixturePage(unittest.TestCase):
    """Against the page that the original commits for its fixture tree."""

    @classmethod
    def setUpClass(cls):
        fixtures = harness.shared(
            harness.CONFORMANCE / "prometheus" / "node_exporter-1.12.1" / "collector" / "fixtures",
            "node_exporter's fixtures")
        cls.want = harness.families((fixtures / "e2e-output.txt").read_bytes())
        with tempfile.TemporaryDirectory() as folder:
            ttar.unpack(fixtures / "sys.ttar", folder)
            ttar.unpack(fixtures / "udev.ttar", folder)
            port = harness.free_port()
            flags = [
                f"--path.rootfs={fixtures}", f"--path.procfs={fixtures}/proc", f"--path.sysfs={folder}/sys",
                f"--path.udev.data={folder}/udev/data", "--no-collector.filesystem", "--no-collector.timex",
                "--no-collector.uname", "--collector.cpu.info",
                "--collector.cpu.info.bugs-include=^(cpu_meltdown|spectre_.*|mds)$",
                "--collector.cpu.info.flags-include=^(aes|avx.?|constant_tsc)$",
                "--collector.hwmon.chip-include=(applesmc|asus_nb_wmi|coretemp|hwmon4|ieee80211|nct6779)",
                "--collector.netclass.ignore-invalid-speed", "--collector.netclass.ignored-devices=(dmz|int)",
                "--collector.netdev.device-include=lo", "--collector.stat.softirq",
                f"--collector.textfile.directory={fixtures}/textfile/two_metric_files",
                "--web.disable-exporter-metrics",
            ]
            with harness.vigie_node_exporter(port, *flags):
                cls.got = harness.families(harness.http(f"http://127.0.0.1:{port}/metrics")[2])

    def test_has_every_family_of_its_collectors_and_no_other(self):
        textfile = {"testmetric1_1", "testmetric1_2", "testmetric2_1", "testmetric2_2"}
        want = {name for name in self.want if ours(name) or name in textfile}
        got = {name for name in self.got if not VOLATILE.match(name)}
        got -= {"node_scrape_collector_duration_seconds", "node_scrape_collector_success", "node_exporter_build_info"}
        self.assertEqual(sorted(want - got), [], "missing families")
        self.assertEqual(sorted(got - want), [], "families too many")

    def test_types_helps_series_and_values_are_those_of_the_original(self):
        for name in sorted(self.want):
            if not ours(name) or name not in self.got:
                continue
            with self.subTest(family=name):
                self.assertEqual(self.got[name], self.want[name])

    def test_says_which_collectors_succeeded(self):
        success = self.got["node_scrape_collector_success"][2]
        failed = [text for text, value in success.items() if value != "1"]
        self.assertEqual(failed, ['node_scrape_collector_success{collector="netdev"}'])  # the tree has no net/dev


class BesideTheOriginal(unittest.TestCase):
    """Debian's node_exporter 1.5 and ours look at this machine at the same time."""

    @classmethod
    def setUpClass(cls):
        original = harness.peer("VIGIE_NODE_EXPORTER", "Debian's prometheus-node-exporter")
        pages = []
        for command in ([original], [harness.BINARY, "node_exporter"]):
            port = harness.free_port()
            flags = ["--collector.disable-defaults", f"--web.listen-address=127.0.0.1:{port}"]
            flags += [f"--collector.{name}" for name in COLLECTORS + ["uname", "timex", "filesystem"]]
            flags += ["--collector.diskstats.device-exclude=^(ram|loop)\\d+$"]  # 1.5 and 1.12 differ
            with harness.running(command + flags, ready_url=f"http://127.0.0.1:{port}/"):
                pages.append(harness.families(harness.http(f"http://127.0.0.1:{port}/metrics")[2]))
        cls.original, cls.ours = pages

    def test_every_family_of_the_original_is_here_with_type_help_and_series(self):
        for name, (kind, text, series) in sorted(self.original.items()):
            if name.startswith(("go_", "promhttp_", "process_", "node_exporter_build_info", "node_scrape_")):
                continue
            with self.subTest(family=name):
                self.assertIn(name, self.ours)
                got = self.ours[name]
                self.assertEqual((got[0], got[1]), (kind, text))
                known = {NEW_LABELS.sub("", text) for text in got[2]}
                self.assertLessEqual({text for text in series if not text.startswith("node_textfile_mtime")}, known)

    def test_slow_values_agree(self):
        for name in ("node_memory_MemTotal_bytes", "node_boot_time_seconds", "node_filefd_maximum",
                     "node_filesystem_size_bytes", "node_filesystem_files", "node_network_mtu_bytes",
                     "node_uname_info", "node_os_info"):
            if name in self.original:
                with self.subTest(family=name):
                    got = {NEW_LABELS.sub("", text): value for text, value in self.ours[name][2].items()}
                    for text, value in self.original[name][2].items():
                        self.assertEqual(got[text], value)


class WebSide(unittest.TestCase):
    """Requests as Prometheus and people make them."""

    @classmethod
    def setUpClass(cls):
        cls.port = harness.free_port()
        cls.context = harness.vigie_node_exporter(cls.port)
        cls.program = cls.context.__enter__()
        cls.url = f"http://127.0.0.1:{cls.port}"

    @classmethod
    def tearDownClass(cls):
        cls.context.__exit__(None, None, None)

    def test_landing_page_leads_to_the_metrics(self):
        status, headers, body = harness.http(self.url + "/")
        self.assertEqual(status, 200)
        self.assertIn("text/html", headers["Content-Type"])
        self.assertIn(b'href="/metrics"', body)

    def test_collect_chooses_collectors_and_rejects_unknown_ones(self):
        page = harness.families(harness.http(self.url + "/metrics?collect[]=loadavg")[2])
        self.assertIn("node_load1", page)
        self.assertNotIn("node_cpu_seconds_total", page)
        status, _, body = harness.http(self.url + "/metrics?collect[]=nonsense")
        self.assertEqual(status, 400)
        self.assertIn(b"missing collector: nonsense", body)

    def test_exclude_leaves_out_and_cannot_be_combined(self):
        page = harness.families(harness.http(self.url + "/metrics?exclude[]=loadavg")[2])
        self.assertNotIn("node_load1", page)
        self.assertEqual(harness.http(self.url + "/metrics?exclude[]=cpu&collect[]=stat")[0], 400)

    def test_answers_in_openmetrics_when_asked(self):
        _, headers, body = harness.http(
            self.url + "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"})
        self.assertIn("application/openmetrics-text", headers["Content-Type"])
        self.assertTrue(body.endswith(b"# EOF\n"))

    def test_unknown_flag_ends_with_one_line_and_status_1(self):
        with harness.running([harness.BINARY, "node_exporter", "--nonsense"]) as program:
            self.assertEqual(program.process.wait(10), 1)
            self.assertIn("unknown long flag '--nonsense'", program.output())

    def test_taken_port_is_named_with_the_flag_to_change(self):
        with harness.running([harness.BINARY, "node_exporter", f"--web.listen-address=127.0.0.1:{self.port}"]) as second:
            self.assertEqual(second.process.wait(10), 1)
            self.assertIn(str(self.port), second.output())
            self.assertIn("--web.listen-address", second.output())

    def test_stops_cleanly(self):
        with harness.vigie_node_exporter(harness.free_port()) as program:
            self.assertEqual(program.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
