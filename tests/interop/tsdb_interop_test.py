"""The database's files beside Debian's Prometheus 2.42: the same samples, bit for bit, whoever wrote them and whoever reads.

Ours are written by a driver: three hours of floats and native histograms, with restarts, log segments and chunk files.
Theirs come from a server that scrapes so often that it writes chunk files, too.
"""
import collections
import contextlib
import json
import os
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

DRIVER = os.environ.get("VIGIE_TSDB_DRIVER", "")
SCRAPE_SECONDS = 20  # at ten scrapes a second: more than one chunk of 120 samples
TOOL_SECONDS = 60

EXPRESSIONS = (
    "driver_float[4h]",
    "driver_histogram[4h]",
    "sum by (kind) (rate(driver_histogram[5m]))",
    "histogram_count(driver_histogram)",
    "histogram_sum(driver_histogram)",
    "count(driver_float)",
)


def folder():
    """A temporary folder for the length of a with block."""
    return tempfile.TemporaryDirectory(prefix="vigie-interop-")


def run(*arguments):
    """The output of a program that must succeed."""
    result = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True,
                            timeout=TOOL_SECONDS, check=False)
    if result.returncode != 0:
        raise AssertionError(f"{arguments}: {result.returncode}\n{result.stderr}")
    return result.stdout


def samples(dump):
    """{series: [(time, value)]} of a dump; promtool puts the name among the labels, we in front."""
    found = collections.defaultdict(list)
    for line in dump.splitlines():
        series, value, time_ms = line.rsplit(" ", 2)
        name, _, rest = series.partition("{")
        labels = set(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', rest))
        if name:
            labels.add(("__name__", name))
        number = float(value)
        found[tuple(sorted(labels))].append((int(time_ms), "NaN" if number != number else number.hex()))
    return dict(found)


class Case(unittest.TestCase):
    """Both tools over copies of a folder."""

    def setUp(self):
        if not os.access(DRIVER, os.X_OK):
            self.skipTest("the driver is not at hand (VIGIE_TSDB_DRIVER)")
        self.promtool = harness.peer("VIGIE_PROMTOOL", "Debian's promtool")
        self.prometheus = harness.peer("VIGIE_PROMETHEUS", "Debian's prometheus")
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.folder = pathlib.Path(self.stack.enter_context(folder()))

    def copy(self, source, name):
        target = self.folder / name
        shutil.copytree(source, target)
        (target / "lock").unlink(missing_ok=True)
        return target

    def same_dumps(self, source):
        """Their tool and ours see the same float samples; returns them."""
        theirs = samples(run(self.promtool, "tsdb", "dump", self.copy(source, f"{source.name}-for-theirs")))
        ours = samples(run(DRIVER, "dump", self.copy(source, f"{source.name}-for-ours")))
        self.assertEqual(set(ours), set(theirs))
        for series, values in theirs.items():
            self.assertEqual(ours[series], values, series)
        return ours

    def theirs_on(self, config, data, *flags):
        port = harness.free_port()
        program = self.stack.enter_context(harness.running(
            [self.prometheus, f"--config.file={config}", f"--storage.tsdb.path={data}",
             f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=native-histograms", *flags],
            ready_url=f"http://127.0.0.1:{port}/-/ready"))
        return harness.Prometheus(port), program

    def config(self, text="global: {}\n"):
        path = self.folder / "prometheus.yml"
        path.write_text(text, encoding="ascii")
        return path


class Ours(Case):
    """What we write."""

    def write(self, compression):
        self.end = int(time.time())
        data = self.folder / f"data-{compression}"
        run(DRIVER, "write", data, self.end, compression)
        self.assertGreater(len(list((data / "wal").iterdir())), 2)
        self.assertGreater(len(list((data / "chunks_head").iterdir())), 1)
        return data

    def test_their_tool_reads_log_and_chunk_files(self):
        for compression in ("snappy", "none"):
            with self.subTest(compression=compression):
                found = self.same_dumps(self.write(compression))
                self.assertEqual(len(found), 40)
                self.assertEqual(sum(len(values) for values in found.values()), 35 * 720 + 5 * 80)

    def test_their_tool_reads_the_log_alone(self):
        data = self.write("snappy")
        whole = self.same_dumps(data)
        shutil.rmtree(data / "chunks_head")
        alone = self.copy(data, "log-alone")
        self.assertEqual(self.same_dumps(alone), whole)

    def test_a_restart_of_ours_changes_nothing(self):
        for compression in ("snappy", "zstd", "none"):
            with self.subTest(compression=compression):
                data = self.write(compression)
                first = run(DRIVER, "dump", data)
                self.assertEqual(run(DRIVER, "dump", data), first)

    def test_their_server_answers_as_ours_floats_and_histograms(self):
        data = self.write("snappy")
        for name, drop in (("whole", None), ("log-only", "chunks_head")):
            with self.subTest(name=name):
                copy = self.copy(data, name)
                if drop:
                    shutil.rmtree(copy / drop)
                theirs, program = self.theirs_on(self.config(), self.copy(copy, f"{name}-theirs"))
                port = harness.free_port()
                self.stack.enter_context(harness.vigie_prometheus(
                    self.config(), self.copy(copy, f"{name}-ours"), port, "--enable-feature=promql-2x-ranges"))
                self.assertNotRegex(program.output(), "level=error|repair|corrupt")
                for expression in EXPRESSIONS:
                    self.check_answers(harness.Prometheus(port), theirs, expression)

    def check_answers(self, ours, theirs, expression):
        for moment in (self.end, self.end - 3600):
            answers = [sorted(server.query(expression, time=moment), key=lambda one: json.dumps(one["metric"], sort_keys=True))
                       for server in (ours, theirs)]
            self.assertTrue(answers[1], expression)
            if "[4h]" in expression:  # as stored: nothing may differ
                self.assertEqual(answers[0], answers[1], expression)
            else:
                self.assertEqual([one["metric"] for one in answers[0]], [one["metric"] for one in answers[1]])
                for one, other in zip(*answers):
                    self.check_values(one, other, expression)

    def check_values(self, one, other, expression):
        for key in ("value", "histogram"):
            self.assertEqual(key in one, key in other, expression)
        if "value" in one:
            self.assertAlmostEqual(float(one["value"][1]), float(other["value"][1]), delta=1e-9 * abs(float(other["value"][1])))
        else:
            ours, theirs = one["histogram"][1], other["histogram"][1]
            for key in ("count", "sum"):
                self.assertAlmostEqual(float(ours[key]), float(theirs[key]), delta=1e-9 * abs(float(theirs[key])))
            self.assertEqual([bucket[:3] for bucket in ours["buckets"]], [bucket[:3] for bucket in theirs["buckets"]])


class Theirs(Case):
    """What they write."""

    def test_we_read_log_and_chunk_files_while_they_run_and_after_a_stop(self):
        page = self.stack.enter_context(scrape_target.serving(
            lambda path, headers: comparison.steady_page(int(time.time() * 5))))
        config = self.config(
            "scrape_configs:\n  - job_name: often\n    scrape_interval: 100ms\n    scrape_timeout: 100ms\n"
            f"    static_configs:\n      - targets: ['{page.address}']\n")
        data = self.folder / "theirs"
        _, program = self.theirs_on(config, data)
        time.sleep(SCRAPE_SECONDS)
        found = self.same_dumps(self.copy(data, "running"))
        self.assertGreater(max(len(values) for values in found.values()), 120)
        self.assertGreater(sum(file.stat().st_size > 1000 for file in (data / "chunks_head").iterdir()), 0)
        self.assertEqual(program.stop(signal.SIGTERM), 0)
        stopped = self.same_dumps(self.copy(data, "stopped"))
        for series, values in found.items():
            self.assertEqual(stopped[series][:len(values)], values)


if __name__ == "__main__":
    unittest.main(verbosity=2)
