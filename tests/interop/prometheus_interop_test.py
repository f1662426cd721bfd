"""Beside Debian's Prometheus 2.42: its tool asks us, it scrapes us, we scrape what it scrapes, and each opens the other's files.

One run of some 40 s feeds all cases: both servers scrape, at the same time and each second, a page that depends on the
second alone, and both node exporters.
"""
import contextlib
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import comparison
import harness
import scrape_target

RUN_SECONDS = 40
RANGE = "15s"
STEP = 2
TOOL_SECONDS = 20

CONFIG = """
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  external_labels: {{machine: here}}
scrape_configs:
  - job_name: steady
    scrape_interval: 500ms
    scrape_timeout: 500ms
    static_configs:
      - targets: ['{steady}']
  - job_name: node
    static_configs:
      - targets: ['{ours}']
        labels: {{exporter: vigie}}
      - targets: ['{theirs}']
        labels: {{exporter: debian}}
"""

world = None


class World:
    """The programs that run for the whole module."""

    def __init__(self, stack):
        self.their_prometheus = harness.peer("VIGIE_PROMETHEUS", "Debian's prometheus")
        self.promtool = harness.peer("VIGIE_PROMTOOL", "Debian's promtool")
        exporter = harness.peer("VIGIE_NODE_EXPORTER", "Debian's prometheus-node-exporter")
        self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.steady = stack.enter_context(scrape_target.serving(
            lambda path, headers: comparison.steady_page(int(time.time()) // 2 * 2)))
        self.node_ports = [harness.free_port(), harness.free_port()]
        stack.enter_context(harness.vigie_node_exporter(self.node_ports[0]))
        stack.enter_context(harness.running(
            [exporter, f"--web.listen-address=127.0.0.1:{self.node_ports[1]}"],
            ready_url=f"http://127.0.0.1:{self.node_ports[1]}/"))
        self.config = self.folder / "prometheus.yml"
        self.config.write_text(CONFIG.format(
            steady=self.steady.address, ours=f"127.0.0.1:{self.node_ports[0]}",
            theirs=f"127.0.0.1:{self.node_ports[1]}"), encoding="ascii")
        self.data = {"ours": self.folder / "ours", "theirs": self.folder / "theirs"}
        self.ours, self.our_program = self.start_ours(stack, self.config, self.data["ours"])
        self.theirs, self.their_program = self.start_theirs(stack, self.config, self.data["theirs"])
        time.sleep(RUN_SECONDS)
        self.end = int(time.time()) - 2
        self.start = self.end - 12

    def start_ours(self, stack, config, data, port=None):
        """Vigie with the boundaries of 2.x."""
        port = port or harness.free_port()
        program = stack.enter_context(harness.vigie_prometheus(
            config, data, port, "--enable-feature=promql-2x-ranges"))
        return harness.Prometheus(port), program

    def start_theirs(self, stack, config, data):
        """Debian's Prometheus."""
        port = harness.free_port()
        program = stack.enter_context(harness.running(
            [self.their_prometheus, f"--config.file={config}", f"--storage.tsdb.path={data}",
             f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle"],
            ready_url=f"http://127.0.0.1:{port}/-/ready"))
        return harness.Prometheus(port), program

    def copy(self, which, name):
        """A copy of a data folder, as it is on disk now."""
        target = self.folder / name
        shutil.copytree(self.data[which], target)
        (target / "lock").unlink(missing_ok=True)
        return target

    def idle_config(self):
        """A configuration without targets, for servers that only read."""
        path = self.folder / "idle.yml"
        path.write_text("global:\n  evaluation_interval: 1m\n", encoding="ascii")
        return path


def setUpModule():
    global world
    stack = contextlib.ExitStack()
    unittest.addModuleCleanup(stack.close)
    world = World(stack)


class SameTargets(unittest.TestCase):
    """Both servers have scraped the same."""

    def test_the_same_queries_have_the_same_answers(self):
        expressions = comparison.queries(RANGE)
        self.assertGreaterEqual(len(expressions), 60)
        found = comparison.differences(world.ours, world.theirs, expressions, world.start, world.end, STEP)
        self.assertEqual(found, [])

    def test_all_targets_are_up_on_both(self):
        for server in (world.ours, world.theirs):
            self.assertEqual(server.value("sum(up)"), 3)

    def test_their_server_takes_every_sample_of_our_exporter(self):
        labels = 'job="node",exporter="vigie"'
        for server in (world.ours, world.theirs):
            scraped = server.value(f"scrape_samples_scraped{{{labels}}}", time=world.end)
            self.assertGreater(scraped, 300)
            self.assertEqual(server.value(f"scrape_samples_post_metric_relabeling{{{labels}}}", time=world.end), scraped)
            stored = server.value(f'count({{{labels},__name__!~"up|scrape_.*"}})', time=world.end)
            self.assertEqual(stored, scraped)
            self.assertGreater(server.value(f"avg_over_time(up{{{labels}}}[30s])"), 0.9)
        self.assertIsNone(re.search("level=(warn|error)", world.their_program.output()), world.their_program.output())

    def test_series_of_an_exporter_are_those_that_their_server_stores(self):
        for exporter in ("vigie", "debian"):
            with self.subTest(exporter=exporter):
                sets = []
                for server in (world.ours, world.theirs):
                    found = set()
                    for series in server.api("series", **{"match[]": f'{{exporter="{exporter}"}}'})["data"]:
                        for name in ("le", "quantile"):  # 3.x writes them as floats, 2.x as they came
                            if name in series and series[name] != "+Inf":
                                series[name] = repr(float(series[name]))
                        found.add(tuple(sorted(series.items())))
                    sets.append(found)
                self.assertGreater(len(sets[0]), 300)
                self.assertEqual(sorted(sets[0] ^ sets[1])[:5], [])

    def test_metadata_agrees(self):
        ours, theirs = (server.api("metadata")["data"] for server in (world.ours, world.theirs))
        self.assertEqual(ours, theirs)

    def test_label_names_and_values_agree(self):
        ours, theirs = (server.api("labels")["data"] for server in (world.ours, world.theirs))
        self.assertEqual(ours, theirs)
        for name in ("__name__", "job", "exporter", "instance", "zone", "host", "mode", "device"):
            ours, theirs = (server.api(f"label/{name}/values")["data"] for server in (world.ours, world.theirs))
            self.assertEqual(ours, theirs, name)

    def test_federation_agrees(self):
        pages = []
        for server in (world.ours, world.theirs):
            status, headers, body = harness.http(server.url + '/federate?match[]={__name__=~"steady_(info|special)"}')
            self.assertEqual(status, 200)
            self.assertIn("text/plain; version=0.0.4", headers["Content-Type"])
            found = set()
            for name, labels, value in re.findall(r"^(\w+)\{(.*)\} (\S+) \d+$", body.decode(), re.MULTILINE):
                found.add((name, tuple(sorted(labels.split(","))), repr(float(value) + 0.0)))  # 2.42 writes -0 as 0
            pages.append(found)
        self.assertEqual(len(pages[0]), 10)
        self.assertEqual(pages[0], pages[1])

    def test_each_federates_the_other(self):
        with contextlib.ExitStack() as stack:
            config = world.folder / "federate.yml"
            for start, other in ((world.start_ours, world.theirs), (world.start_theirs, world.ours)):
                config.write_text(
                    "scrape_configs:\n  - job_name: federate\n    honor_labels: true\n    scrape_interval: 1s\n"
                    "    scrape_timeout: 1s\n    metrics_path: /federate\n    params:\n"
                    "      'match[]': ['steady_gauge', 'up']\n    static_configs:\n"
                    f"      - targets: ['{other.url[7:]}']\n", encoding="ascii")
                server, _ = start(stack, config, world.folder / f"federate-{start.__name__}")
                harness.wait_until(lambda server=server: server.value(
                    'count(steady_gauge{job="steady",machine="here"})') == 12, 10, "the federated series")


class Tool(unittest.TestCase):
    """promtool query against Vigie says what it says against the original."""

    def ask(self, server, *arguments):
        command, *rest = arguments
        result = subprocess.run([world.promtool, "query", command, *rest[:-1], server.url, rest[-1]],
                                capture_output=True, text=True, timeout=TOOL_SECONDS, check=False)
        return result.returncode, result.stdout, result.stderr

    def both(self, *arguments):
        ours, theirs = (self.ask(server, *arguments) for server in (world.ours, world.theirs))
        self.assertEqual(ours[0], theirs[0], ours)
        return ours, theirs

    def test_instant(self):
        for expression in ("steady_gauge", "sum by (zone) (steady_total)", "1 + 1", "steady_gauge[3s]",
                           "vector(1) > 2"):
            ours, theirs = self.both("instant", f"--time={world.end}", expression)
            self.assertEqual(ours[0], 0)
            self.assertEqual(sorted(ours[1].splitlines()), sorted(theirs[1].splitlines()))

    def test_instant_error(self):
        ours, _ = self.both("instant", f"--time={world.end}", "sum(")
        self.assertNotEqual(ours[0], 0)
        self.assertIn("parse error", ours[1] + ours[2])

    def test_range(self):
        ours, theirs = self.both("range", f"--start={world.start}", f"--end={world.end}", "--step=2s",
                                 "sum by (zone) (steady_total)")
        self.assertEqual(ours[0], 0)
        self.assertEqual(ours[1], theirs[1])

    def test_series(self):
        # promtool takes matches as a flag, so the server comes last.
        for match in ("steady_gauge", '{zone="a",__name__=~"steady_.*"}'):
            results = []
            for server in (world.ours, world.theirs):
                result = subprocess.run([world.promtool, "query", "series", f"--match={match}", server.url],
                                        capture_output=True, text=True, timeout=TOOL_SECONDS, check=True)
                results.append(sorted(result.stdout.splitlines()))
            self.assertEqual(results[0], results[1])
            self.assertGreater(len(results[0]), 3)

    def test_labels(self):
        for name in ("zone", "job", "nothing"):
            ours, theirs = self.both("labels", name)
            self.assertEqual(ours[:2], theirs[:2])

    def test_our_metrics_pages_pass_their_linter(self):
        for url in (world.ours.url, f"http://127.0.0.1:{world.node_ports[0]}"):
            page = harness.http(url + "/metrics")[2]
            result = subprocess.run([world.promtool, "check", "metrics"], input=page, capture_output=True,
                                    timeout=TOOL_SECONDS, check=False)
            self.assertNotIn(b"error while linting", result.stderr, result.stderr)


class Files(unittest.TestCase):
    """Each opens a copy of the folder that the other has written."""

    def agree(self, one, other):
        expressions = comparison.queries(RANGE) + [
            "up", "scrape_samples_scraped", 'sum by (mode) (rate(node_cpu_seconds_total[15s]))', "node_memory_MemTotal_bytes",
            "count by (exporter) ({job='node'})", 'up[10s]', "node_load1", "max by (exporter) (node_time_seconds)",
        ]
        self.assertEqual(comparison.differences(one, other, expressions, world.start, world.end, STEP), [])

    def test_theirs_opens_what_we_wrote_while_we_run(self):
        with contextlib.ExitStack() as stack:
            copy = world.copy("ours", "ours-running")
            server, program = world.start_theirs(stack, world.idle_config(), copy)
            self.assertNotRegex(program.output(), "level=error|repair|corrupt")
            self.agree(world.ours, server)

    def test_ours_opens_what_they_wrote_while_they_run(self):
        with contextlib.ExitStack() as stack:
            copy = world.copy("theirs", "theirs-running")
            server, program = world.start_ours(stack, world.idle_config(), copy)
            self.assertNotRegex(program.output(), "level=(ERROR|WARN)")
            self.agree(server, world.theirs)

    def test_theirs_opens_what_we_wrote_after_a_stop_and_we_what_they_leave(self):
        with contextlib.ExitStack() as stack:
            # A second life of our own, ended by SIGTERM: the folder as a user would hand it over.
            copy = world.copy("ours", "ours-stopped")
            with contextlib.ExitStack() as life:
                _, program = world.start_ours(life, world.config, copy)
                time.sleep(3)
                self.assertEqual(program.stop(signal.SIGTERM), 0)
            server, program = world.start_theirs(stack, world.idle_config(), copy)
            self.assertNotRegex(program.output(), "level=error|repair|corrupt")
            self.agree(world.ours, server)
            # There and back: they stop, we open it again.
            self.assertEqual(program.stop(signal.SIGTERM), 0)
            server, _ = world.start_ours(stack, world.idle_config(), copy)
            self.agree(world.ours, server)

    def test_their_tool_reads_our_folder(self):
        copy = world.copy("ours", "ours-tool")
        result = subprocess.run([world.promtool, "tsdb", "dump", "--match=steady_info", copy], capture_output=True,
                                text=True, timeout=TOOL_SECONDS, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertGreater(len(result.stdout.splitlines()), 4 * RUN_SECONDS // 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
