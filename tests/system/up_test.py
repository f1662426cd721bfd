"""`vigie up`: all roles in one process, from nothing but built-in defaults, and with files below --config.root."""
import contextlib
import http.client
import json
import os
import pathlib
import signal
import socket
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import harness
import scrape_target

STOP_SECONDS = 3  # from SIGTERM to the end
HOST = harness.loopback_address()
PORTS = {"prometheus": 9090, "node_exporter": 9100, "grafana": 3000}
# What this machine has no data for: nobody exports these here.
WITHOUT_DATA = ("http_requests_total", "predict_linear")


def up(folder, *flags, host=HOST, ready=True, port=9090, path="-/ready"):
    """Context: `vigie up` with data below `folder`, listening on `host`."""
    arguments = [harness.BINARY, "up", f"--listen={host}", f"--data={folder}/data"]
    if not any(flag.startswith("--config.root") for flag in flags):
        arguments.append(f"--config.root={folder}/empty")
    return harness.running([*arguments, *flags], ready_url=f"http://{host}:{port}/{path}" if ready else None)


def listens(host, port):
    """Does anybody accept connections there?"""
    with socket.socket() as sock:
        sock.settimeout(2)
        return sock.connect_ex((host, port)) == 0


def expressions(path):
    """The queries of a file: one a line, # begins a comment."""
    lines = (line.partition("  #")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


class BuiltInDefaults(unittest.TestCase):
    """No file at all: this machine is watched within seconds."""

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)  # also when what follows fails
        folder = cls.stack.enter_context(tempfile.TemporaryDirectory())
        cls.began = time.monotonic()
        cls.program = cls.stack.enter_context(up(folder))
        cls.server = harness.Prometheus(9090, HOST)

    def test_prints_its_addresses(self):
        text = harness.wait_until(lambda: "Vigie is up" in self.program.output() and self.program.output())
        self.assertIn(f"http://{HOST}:9090/", text)
        self.assertIn(f"http://{HOST}:9100/metrics", text)

    def test_the_targets_are_up_within_seconds(self):
        def all_up():
            targets = self.server.api("targets")["data"]["activeTargets"]
            return len(targets) >= 2 and all(target["health"] == "up" for target in targets) and targets
        targets = harness.wait_until(all_up, 12, "all targets up")
        self.assertEqual({target["labels"]["job"] for target in targets}, {"prometheus", "node-exporter"})
        harness.wait_until(lambda: self.server.value("sum(up)") == 2, 12, "up of both")

    def test_the_queries_of_the_chapter_answer(self):
        folder = harness.shared(harness.SEED / "promql", "the chapter's queries")
        queries = expressions(folder / "basic.promql") + expressions(folder / "advanced.promql")
        self.assertGreaterEqual(len(queries), 8)
        for query in queries:
            with self.subTest(query=query):
                if any(name in query for name in WITHOUT_DATA):
                    self.assertEqual(self.server.query(query), [])
                else:
                    result = harness.wait_until(lambda query=query: self.server.query(query), 30, query)
                    self.assertTrue(all(sample["value"][1] != "NaN" for sample in result))
                end = time.time()
                self.server.range(query, end - 600, end, 15)

    def test_the_configuration_in_force_can_be_read(self):
        text = self.server.api("status/config")["data"]["yaml"]
        self.assertIn("job_name: node-exporter", text)
        self.assertIn(f"{HOST}:9100", text)

    def test_a_browser_may_ask_from_another_origin(self):
        asked = {"Origin": "http://a.example", "Access-Control-Request-Method": "POST"}
        for path in ("query", "label/job/values", "query/", "nothing"):  # as Prometheus: whatever the path
            with self.subTest(path=path):
                connection = http.client.HTTPConnection(HOST, 9090, timeout=5)
                connection.request("OPTIONS", f"/api/v1/{path}", headers=asked)
                reply = connection.getresponse()
                self.assertEqual((reply.status, reply.read()), (204, b""))
                self.assertEqual(reply.headers["Access-Control-Allow-Origin"], "*")
                self.assertEqual(reply.headers["Access-Control-Allow-Methods"], "GET, POST, OPTIONS")
                self.assertEqual(reply.headers["Access-Control-Allow-Headers"],
                                 "Accept, Authorization, Content-Type, Origin")
                self.assertEqual(reply.headers["Vary"], "Origin")
                connection.close()

    def test_reload_without_a_file_succeeds(self):
        self.assertEqual(harness.http(self.server.url + "/-/reload", method="POST")[0], 200)

    def test_the_memory_is_bounded(self):
        self.assertLess(self.program.memory_bytes(), 120e6)


class Stopping(unittest.TestCase):
    """SIGTERM and /-/quit."""

    def stop_in_time(self, stop):
        with tempfile.TemporaryDirectory() as folder, up(folder) as program:
            server = harness.Prometheus(9090, HOST)
            harness.wait_until(lambda: server.value("sum(up)"), 15, "a first scrape")
            begin = time.monotonic()
            stop(program)
            status = program.process.wait(harness.STOP_SECONDS)
            seconds = time.monotonic() - begin
            self.assertEqual(status, 0, program.output())
            self.assertLess(seconds, STOP_SECONDS)
            self.assertNotIn("level=ERROR", program.output())

    def test_sigterm_ends_with_status_0_at_once(self):
        self.stop_in_time(lambda program: program.process.send_signal(signal.SIGTERM))

    def test_sigint_ends_with_status_0_at_once(self):
        self.stop_in_time(lambda program: program.process.send_signal(signal.SIGINT))

    def test_quit_by_request_ends_with_status_0(self):
        self.stop_in_time(lambda _: harness.http(f"http://{HOST}:9090/-/quit", method="POST"))

    def test_an_idle_keep_alive_connection_does_not_delay_the_end(self):
        def stop(program):
            with socket.create_connection((HOST, 9090)) as sock:
                sock.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertIn(b"200", sock.recv(4096))
                program.process.send_signal(signal.SIGTERM)
                program.process.wait(harness.STOP_SECONDS)
        self.stop_in_time(stop)

    def test_half_a_request_does_not_delay_the_end(self):
        def stop(program):
            with socket.create_connection((HOST, 9090)) as sock:
                sock.sendall(b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nquery=")
                time.sleep(0.2)  # so that it has arrived
                program.process.send_signal(signal.SIGTERM)
                program.process.wait(harness.STOP_SECONDS)
        self.stop_in_time(stop)


class Refusing(unittest.TestCase):
    """What cannot work ends at once, with one line that says what and how to change it."""

    def fails(self, folder, *flags, **options):
        with up(folder, *flags, ready=False, **options) as program:
            self.assertNotEqual(program.process.wait(10), 0)
            text = program.output()
        lines = [line for line in text.splitlines() if not line.startswith("time=")]
        self.assertEqual(len(lines), 1, text)
        return lines[0]

    def test_a_taken_port_is_named_with_role_address_and_the_way_out(self):
        for role, port in PORTS.items():
            with self.subTest(role=role), tempfile.TemporaryDirectory() as folder, socket.socket() as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind((HOST, port))
                sock.listen()
                line = self.fails(folder)
                self.assertIn(role, line)
                self.assertIn(f"{HOST}:{port}", line)
                self.assertIn("--listen", line)
                self.assertFalse(any(listens(HOST, other) for other in PORTS.values() if other != port))

    def test_a_data_folder_that_cannot_be_made_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "data").write_text("a file, not a folder", encoding="ascii")
            line = self.fails(folder)
            self.assertIn(f"{folder}/data", line)
            self.assertIn("--data", line)

    def test_a_data_folder_without_permission_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            data = pathlib.Path(folder, "data")
            data.mkdir(mode=0o555)
            os.chmod(folder, 0o755)
            command = [harness.BINARY, "up", f"--listen={HOST}", f"--data={data}", f"--config.root={folder}/empty"]
            if os.geteuid() == 0:  # root may write everywhere
                command = ["setpriv", "--reuid=65534", "--clear-groups", *command]
            with harness.running(command) as program:
                self.assertNotEqual(program.process.wait(10), 0)
                line = next(line for line in program.output().splitlines() if not line.startswith("time="))
                self.assertIn(str(data), line)
                self.assertIn("Permission denied", line)

    def test_a_data_folder_in_use_is_named(self):
        with tempfile.TemporaryDirectory() as folder, up(folder, "--only=prometheus"):
            other = HOST.rsplit(".", 1)[0] + ".2"
            line = self.fails(folder, host=other)
            self.assertIn("lock", line)
            self.assertIn(f"{folder}/data/prometheus", line)

    def test_an_unknown_role_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            for flag in ("--only", "--without"):
                line = self.fails(folder, f"{flag}=node_exporter,nonsense")
                self.assertIn('"nonsense"', line)
                self.assertIn("prometheus", line)  # what there is

    def test_an_unknown_flag_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn("nonsense", self.fails(folder, "--nonsense"))

    def test_a_bad_file_is_named_with_its_line(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder, "root", "prometheus")
            root.mkdir(parents=True)
            (root / "prometheus.yml").write_text("global:\n  scrape_interval: 1s\n  nonsense: 3\n", encoding="ascii")
            with up(folder, f"--config.root={root.parent}", ready=False) as program:
                self.assertNotEqual(program.process.wait(10), 0)
                self.assertIn(f"{root}/prometheus.yml", program.output())
                self.assertIn("line 3", program.output())
                self.assertIn("nonsense", program.output())


class Choosing(unittest.TestCase):
    """--only and --without."""

    def test_only_starts_nothing_else(self):
        with tempfile.TemporaryDirectory() as folder:
            with up(folder, "--only=node_exporter", port=9100, path="metrics"):
                self.assertFalse(listens(HOST, 9090))
            with up(folder, "--only=prometheus"):
                self.assertFalse(listens(HOST, 9100))

    def test_without_leaves_one_out(self):
        with tempfile.TemporaryDirectory() as folder, up(folder, "--without=node_exporter"):
            self.assertFalse(listens(HOST, 9100))
            self.assertTrue(listens(HOST, 9090))


def config(target, job):
    """A configuration that scrapes one target."""
    return (f"global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\nscrape_configs:\n  - job_name: {job}\n"
            f"    static_configs:\n      - targets: ['{target}']\n")


class OwnFile(unittest.TestCase):
    """A prometheus.yml below --config.root, and reloads of it."""

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.target = self.stack.enter_context(scrape_target.serving("answer 42\n"))
        root = pathlib.Path(folder, "root", "prometheus")
        root.mkdir(parents=True)
        self.file = root / "prometheus.yml"
        self.file.write_text(config(self.target.address, "first"), encoding="ascii")
        self.program = self.stack.enter_context(up(folder, f"--config.root={root.parent}"))
        self.server = harness.Prometheus(9090, HOST)
        harness.wait_until(lambda: self.server.value('answer{job="first"}') == 42, 10, "a scrape by the own file")

    def jobs(self):
        return {target["labels"]["job"] for target in self.server.api("targets")["data"]["activeTargets"]}

    def reload_ok(self):
        page = harness.families(harness.http(self.server.url + "/metrics")[2])
        return page["prometheus_config_last_reload_successful"][2]["prometheus_config_last_reload_successful"]

    def test_is_used_instead_of_the_defaults(self):
        self.assertEqual(self.jobs(), {"first"})

    def test_sighup_puts_a_new_file_in_force(self):
        self.file.write_text(config(self.target.address, "second"), encoding="ascii")
        self.program.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: self.jobs() == {"second"}, 10, "the second configuration")
        harness.wait_until(lambda: self.server.value('answer{job="second"}') == 42, 10, "a scrape by it")
        harness.wait_until(lambda: not self.server.query("answer{job='first'}"), 10, "the end of the first job's series")
        self.assertEqual(self.reload_ok(), "1")

    def test_sighup_with_a_bad_file_keeps_the_old_one_and_says_where(self):
        self.file.write_text(config(self.target.address, "second") + "nonsense: 1\n", encoding="ascii")
        self.program.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: self.reload_ok() == "0", 10, "the failure in the metrics")
        log = harness.wait_until(lambda: "level=ERROR" in self.program.output() and self.program.output())
        self.assertIn(str(self.file), log)
        self.assertIn("line 8", log)
        self.assertIn("nonsense", log)
        self.assertEqual(self.jobs(), {"first"})
        self.file.write_text(config(self.target.address, "third"), encoding="ascii")
        self.program.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: self.reload_ok() == "1" and self.jobs() == {"third"}, 10, "the repaired file")

    def test_reload_by_request_likewise(self):
        self.file.write_text(config(self.target.address, "second"), encoding="ascii")
        self.assertEqual(harness.http(self.server.url + "/-/reload", method="POST")[0], 200)
        self.assertEqual(self.jobs(), {"second"})
        self.file.write_text("scrape_configs:\n  - job_name: [\n", encoding="ascii")
        status, _, body = harness.http(self.server.url + "/-/reload", method="POST")
        self.assertEqual(status, 500)
        self.assertIn(b"line", body)
        self.assertIn(str(self.file).encode(), body)
        self.assertEqual(self.reload_ok(), "0")
        self.assertEqual(self.jobs(), {"second"})
        status, _, _ = harness.http(self.server.url + "/-/reload")
        self.assertEqual(status, 405)

    def test_a_reload_that_changes_nothing_loses_no_scrape(self):
        for _ in range(10):
            self.assertEqual(harness.http(self.server.url + "/-/reload", method="POST")[0], 200)
            time.sleep(0.1)
            self.assertEqual(self.server.value('answer{job="first"}'), 42)
        self.assertEqual(self.server.value('min_over_time(up{job="first"}[1m])'), 1)


class OverTwoStarts(unittest.TestCase):
    """What was stored is there after a restart."""

    def test_samples_survive(self):
        with tempfile.TemporaryDirectory() as folder:
            server = harness.Prometheus(9090, HOST)
            with up(folder) as program:
                harness.wait_until(lambda: server.value("node_load1 + 0") is not None, 15, "a first scrape")
                at = time.time()
                before = server.api("query", query="node_load1", time=at)["data"]
                self.assertEqual(program.stop(), 0)
            with up(folder):
                self.assertEqual(server.api("query", query="node_load1", time=at)["data"], before)
                self.assertIn("node_load1", json.dumps(server.api("label/__name__/values")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
