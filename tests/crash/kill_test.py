"""kill -9 at random moments under scrape load: what a query has shown is there after the restart, and nothing else is.

    VIGIE_CRASH_ROUNDS  kills (default 12, some 40 s)
    VIGIE_CRASH_SEED    repeats a run, as far as the machine's timing allows
"""
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import harness
import scrape_target

ROUNDS = int(os.environ.get("VIGIE_CRASH_ROUNDS") or 12)
SEED = int(os.environ.get("VIGIE_CRASH_SEED") or time.time_ns() % 1_000_000)
TARGETS = 3
SERIES = 100  # of each target, all with the number of the page as value
BALLAST = 3000  # series beside them, so that records are large enough to be torn
INTERVAL_MS = 100
CLOCK_SLACK_MS = 1500  # between the time of a scrape and that of its page

CONFIG = """
scrape_configs:
  - job_name: numbered
    scrape_interval: {interval}ms
    scrape_timeout: {interval}ms
    static_configs:
      - targets: [{targets}]
"""


class NumberedTarget:
    """Each page carries the next number in all its series; what was served when is written down."""

    def __init__(self, name):
        self.name = name
        self.lock = threading.Lock()
        self.served_ms = {}  # number -> time of the page
        ballast = "".join(f'ballast{{n="{n}"}} NUMBER\n' for n in range(BALLAST // TARGETS))
        self.template = "".join(f'numbered{{target="{name}",n="{n}"}} NUMBER\n' for n in range(SERIES)) + ballast
        self.target = scrape_target.Target(self.page)

    def page(self, _path, _headers):
        """The next page."""
        with self.lock:
            number = len(self.served_ms) + 1
            self.served_ms[number] = time.time() * 1000
        # Now and then a series more, and one less: records of series fall between those of samples.
        page = self.template.replace("NUMBER", str(number))
        return page + f'passing{{target="{self.name}",number="{number // 5}"}} {number}\n'


def samples_of(server, window):
    """{(target, n): {time in ms: value}} of all numbered series."""
    found = {}
    for series in server.query(f"numbered[{window}]"):
        labels = series["metric"]
        found[labels["target"], labels["n"]] = {
            round(float(t) * 1000): int(value) for t, value in series["values"]}
    return found


class Watcher(threading.Thread):
    """Asks all the time and remembers every sample that an answer has shown."""

    def __init__(self, server, seen):
        super().__init__(daemon=True)
        self.server = server
        self.seen = seen
        self.stopping = threading.Event()
        self.answers = 0
        self.unexpected = None

    def run(self):
        while not self.stopping.wait(0.02):
            try:
                for key, samples in samples_of(self.server, "2s").items():
                    self.seen.setdefault(key, {}).update(samples)
                self.answers += 1
            except (OSError, ValueError, EOFError):  # killed in the middle of an answer, or not up yet
                pass
            except Exception as error:  # pylint: disable=broad-except
                if "http" not in type(error).__module__:
                    self.unexpected = error

    def stop(self):
        """Waits for the last answer."""
        self.stopping.set()
        self.join(30)


class Kill(unittest.TestCase):
    """One folder through many violent ends."""

    def setUp(self):
        print(f"VIGIE_CRASH_SEED={SEED} VIGIE_CRASH_ROUNDS={ROUNDS}", flush=True)
        self.random = random.Random(SEED)
        self.targets = [NumberedTarget(f"t{i}") for i in range(TARGETS)]
        for numbered in self.targets:
            self.addCleanup(numbered.target.close)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = pathlib.Path(folder.name, "data")
        self.config = pathlib.Path(folder.name, "prometheus.yml")
        self.config.write_text(CONFIG.format(interval=INTERVAL_MS, targets=", ".join(
            f"'{numbered.target.address}'" for numbered in self.targets)), encoding="ascii")
        self.idle = pathlib.Path(folder.name, "idle.yml")
        self.idle.write_text("global: {}\n", encoding="ascii")
        self.port = harness.free_port()
        self.server = harness.Prometheus(self.port)
        self.seen = {}

    def life(self, end):
        """Starts under load, watches, and ends violently; returns the number of answers seen."""
        command = [harness.BINARY, "prometheus", f"--config.file={self.config}", f"--storage.tsdb.path={self.data}",
                   f"--web.listen-address=127.0.0.1:{self.port}"]
        with harness.running(command) as program:
            watcher = Watcher(self.server, self.seen)
            watcher.start()
            if end == "while starting":
                time.sleep(self.random.uniform(0, 0.08))
            else:
                harness.wait_until(lambda: program.alive() and watcher.answers > 0, what="a first answer")
                time.sleep(self.random.uniform(0.2, 1.8))
            if end == "while stopping":
                program.process.send_signal(signal.SIGTERM)
                time.sleep(self.random.uniform(0, 0.05))
            program.kill()
            watcher.stop()
            self.assertIsNone(watcher.unexpected)
            return watcher.answers

    def check(self, what):
        """Opens the folder without load and compares."""
        with harness.vigie_prometheus(self.idle, self.data, self.port) as program:
            stored = samples_of(self.server, "1h")
            log = program.output()
        # A torn last record is cut off, silently or with a warning; anything worse would be an error.
        self.assertNotIn("level=ERROR", log, what)
        for key, samples in self.seen.items():
            have = stored.get(key, {})
            lost = {t: value for t, value in samples.items() if have.get(t) != value}
            self.assertEqual(lost, {}, f"{what}: samples of {key} that a query has shown")
        served = {numbered.name: numbered.served_ms for numbered in self.targets}
        for (name, _), samples in stored.items():
            last = 0
            for t_ms, number in sorted(samples.items()):
                self.assertIn(number, served[name], f"{what}: a value that was never served")
                self.assertGreater(number, last, f"{what}: served once, stored twice or out of order")
                self.assertLess(abs(served[name][number] - t_ms), CLOCK_SLACK_MS, what)
                last = number
        # A page is one batch: all of its series have it, or none.
        for name in served:
            pages = {frozenset(samples.items()) for (target, _), samples in stored.items() if target == name}
            self.assertLessEqual(len(pages), 1, f"{what}: a page of {name} is there in part")
        return sum(len(samples) for samples in stored.values())

    def test_what_was_shown_is_kept_and_nothing_is_invented(self):
        ends = ["while running"] * 3 + ["while stopping", "while starting"]
        answers = total = 0
        for number in range(ROUNDS):
            end = ends[number % len(ends)]
            answers += self.life(end)
            before, total = total, self.check(f"seed {SEED}, round {number}, killed {end}")
            self.assertGreaterEqual(total, before)
        print(f"{ROUNDS} kills, {answers} answers, {total} samples checked", flush=True)
        self.assertGreater(total, ROUNDS * SERIES)
        self.assertGreater(answers, ROUNDS)


if __name__ == "__main__":
    unittest.main(verbosity=2)
