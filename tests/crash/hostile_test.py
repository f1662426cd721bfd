"""Hostile input to the running server: each ends in a clear error or an answer within its bound, and the server lives on."""
import contextlib
import pathlib
import socket
import sys
import tempfile
import threading
import time
import unittest
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import harness
import scrape_target

ANSWER_SECONDS = 20  # for the worst request; most take milliseconds
ALIVE_SECONDS = 5
SENT_MAX = 64 << 20  # what a server may swallow of an endless header
SERIES = 2000
MEMORY_GROWTH_BYTES = 150 << 20

CONFIG = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
  - job_name: some
    static_configs: [{{targets: ['{target}']}}]
"""

GARBAGE = [
    b"\r\n" * 5000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    bytes(range(256)) * 40,
    b"\0" * 10000,
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nquery=up",
    b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nContent-Length: 9\r\n\r\nquery=up1",
    b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nquery=up",
    b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\n folded: y\r\nbad header\r\n\r\n",
    b"GET " + b"/a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /api/v1/query?" + b"&".join(b"a%d=1" % i for i in range(9000)) + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"BREW /api/v1/query HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]

LONG = "+".join(["up"] * 33334)  # 100,000 characters
QUERIES = {
    "long sum": LONG,
    "long name": "a" * 100_000,
    "long number": "1" * 100_000,
    "long string": '"' + "x" * 100_000 + '"',
    "long list": "{" + ",".join(f'l{i}="v"' for i in range(8000)) + "}",
    "deep parentheses": "(" * 50_000 + "1" + ")" * 50_000,
    "unclosed parentheses": "(" * 100_000,
    "deep minus": "-" * 99_999 + "1",
    "deep calls": "abs(" * 20_000 + "up" + ")" * 20_000,
    "deep aggregations": "sum(" * 20_000 + "up" + ")" * 20_000,
    "deep subqueries": "up" + "[5m:1m]" * 10_000,
    "deep powers": "^".join(["2"] * 30_000),
    "regex, nested repeats": '{__name__=~"' + "(" * 10 + "a" + "{1,1000})" * 10 + '"}',
    "regex, backtracking": '{__name__=~"(a+)+b|(.*)*c|(a|aa)+$",n=~"((1*)*)*x"}',
    "regex, many branches": '{n=~"' + "|".join(str(i) for i in range(15_000)) + '"}',
    "regex, deep groups": '{n=~"' + "(" * 20_000 + ")" * 20_000 + '"}',
    "regex, large classes": '{n=~"' + "[^a-zA-Z\\\\x{100}-\\\\x{10FFFF}]{0,50}" * 100 + '"}',
    "regex on each value": 'label_replace(some, "x", "$1", "n", "((.*)+)+y")',
    "invalid UTF-8": "some{n=\"\xff\"}",
    "times beyond all": "up @ 1e300",
    "ranges beyond all": "sum_over_time(up[999999y])",
    "offset beyond all": "up offset 290y",
    "cartesian product": "some * on() group_left some",
    "all against all": "count(some[1h:10ms])",
}


class Hostile(unittest.TestCase):
    """One server lives through all of it."""

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)  # also when what follows fails
        folder = cls.stack.enter_context(tempfile.TemporaryDirectory())
        page = "".join(f'some{{n="{n}",text="{"a" * 30}"}} {n}\n' for n in range(SERIES))
        target = cls.stack.enter_context(scrape_target.serving(page))
        config = pathlib.Path(folder, "prometheus.yml")
        config.write_text(CONFIG.format(target=target.address), encoding="ascii")
        cls.port = harness.free_port()
        cls.program = cls.stack.enter_context(harness.vigie_prometheus(
            config, f"{folder}/data", cls.port, "--query.max-samples=2000000", "--query.timeout=10s",
            "--web.max-connections=256"))
        cls.server = harness.Prometheus(cls.port)
        harness.wait_until(lambda: cls.server.value("count(some)") == SERIES, what="a first scrape")

    def tearDown(self):
        begin = time.monotonic()
        self.assertTrue(self.program.alive())
        self.assertEqual(self.server.value("count(some)"), SERIES)
        self.assertLess(time.monotonic() - begin, ALIVE_SECONDS)

    def connect(self):
        """A raw connection, closed with the test."""
        sock = socket.create_connection(("127.0.0.1", self.port), ANSWER_SECONDS)
        self.addCleanup(sock.close)
        return sock

    def answer(self, sock):
        """What comes until the server closes or has answered."""
        got = b""
        with contextlib.suppress(ConnectionError):
            while b"\r\n\r\n" not in got:
                piece = sock.recv(65536)
                if not piece:
                    break
                got += piece
        return got

    def test_garbage_is_answered_with_4xx_or_closed(self):
        for garbage in GARBAGE:
            with self.subTest(garbage=garbage[:60]):
                sock = self.connect()
                with contextlib.suppress(ConnectionError):
                    sock.sendall(garbage)
                    sock.shutdown(socket.SHUT_WR)
                got = self.answer(sock)
                self.assertNotIn(b"root:", got)
                self.assertNotIn(b"\r\n500 ", got)
                if got and not garbage.startswith((b"GET /..", b"GET /%2e", b"GET /a")):
                    self.assertRegex(got, rb"^HTTP/1\.[01] [45]\d\d ")

    def test_truncated_requests_are_closed_without_harm(self):
        request = b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nquery=up"
        for length in range(0, len(request), 3):
            sock = self.connect()
            sock.sendall(request[:length])
            sock.close()

    def test_an_endless_header_is_cut_off(self):
        sock = self.connect()
        sent = 0
        piece = b"x" * 65536
        with contextlib.suppress(ConnectionError):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nEndless: ")
            while sent < 1 << 30:
                sock.sendall(piece)
                sent += len(piece)
        self.assertLess(sent, SENT_MAX)

    def test_endless_header_lines_are_cut_off(self):
        sock = self.connect()
        sent = 0
        piece = b"".join(b"H%d: v\r\n" % n for n in range(5000))
        with contextlib.suppress(ConnectionError):
            sock.sendall(b"GET / HTTP/1.1\r\n")
            while sent < 1 << 30:
                sock.sendall(piece)
                sent += len(piece)
        self.assertLess(sent, SENT_MAX)

    def test_a_body_that_is_too_large_is_refused(self):
        sock = self.connect()
        sent = 0
        piece = b"q" * 65536
        with contextlib.suppress(ConnectionError):
            sock.sendall(b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n")
            while sent < 1 << 30:
                sock.sendall(piece)
                sent += len(piece)
        self.assertLess(sent, SENT_MAX)

    def test_slow_clients_keep_nobody_waiting(self):
        stop = threading.Event()
        socks = [self.connect() for _ in range(60)]

        def drip():
            request = b"GET /api/v1/query?query=up HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1000
            for byte in request:
                for sock in socks:
                    with contextlib.suppress(OSError):
                        sock.send(bytes([byte]))
                if stop.wait(0.02):
                    return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        for _ in range(10):
            begin = time.monotonic()
            self.assertEqual(self.server.value("count(some)"), SERIES)
            self.assertLess(time.monotonic() - begin, 2)
        stop.set()
        thread.join(5)

    def test_clients_that_do_not_read_keep_nobody_waiting(self):
        socks = [self.connect() for _ in range(20)]
        for sock in socks:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(b"GET /api/v1/query?query=some[10m] HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        for _ in range(10):
            begin = time.monotonic()
            self.assertEqual(harness.http(self.server.url + "/-/healthy")[0], 200)
            self.assertLess(time.monotonic() - begin, 2)

    def test_more_connections_than_allowed_do_not_end_the_server(self):
        socks = []
        with contextlib.suppress(OSError):
            for _ in range(400):
                socks.append(self.connect())
        for sock in socks:
            sock.close()
        harness.wait_until(lambda: harness.http(self.server.url + "/-/healthy", timeout=2)[0] == 200, 10)

    def test_hostile_queries_end_in_an_answer_or_a_clear_error(self):
        for name, query in QUERIES.items():
            for path, more in (("query", {}), ("query_range", {"start": 1e9, "end": 1e9 + 1000, "step": 10}),
                               ("format_query", {}), ("parse_query", {})):
                with self.subTest(query=name, path=path):
                    data = {"query": query, **more}
                    begin = time.monotonic()
                    status, _, body = harness.http(f"{self.server.url}/api/v1/{path}", data=data,
                                                   timeout=ANSWER_SECONDS)
                    self.assertLess(time.monotonic() - begin, ANSWER_SECONDS)
                    self.assertIn(status, (200, 400, 422, 503), body[:300])
                    if status != 200:
                        self.assertRegex(body, rb'"errorType":"(bad_data|execution|timeout|canceled)","error":".{4}')
                        self.assertLess(len(body), 300_000)

    def test_the_limit_of_samples_or_memory_is_named(self):
        answer = self.server.api("query", query="sum_over_time({__name__=~'.+'}[1h:1ms])")
        self.assertEqual(answer["status"], "error")
        self.assertRegex(answer["error"], r"too many samples|timed out|limit of \d+ bytes of memory")

    def test_the_limit_of_samples_is_named(self):
        now = time.time()  # a sample is looked back at for five minutes
        answer = self.server.api("query_range", query="some", start=now, end=now + 200, step=0.02)
        self.assertEqual((answer["status"], answer.get("errorType")), ("error", "execution"))
        self.assertRegex(answer["error"], "too many samples")

    def test_the_limit_of_time_is_kept(self):
        begin = time.monotonic()
        status, _, body = harness.http(self.server.url + "/api/v1/query_range", data={
            "query": "sum(quantile_over_time(0.5, some[5m:100ms])) / sum(stddev_over_time(some[5m:100ms]))",
            "start": time.time() - 3600, "end": time.time(), "step": 1, "timeout": "1s"}, timeout=ANSWER_SECONDS)
        self.assertLess(time.monotonic() - begin, 6)
        self.assertIn(status, (200, 422, 503), body[:200])

    def test_the_limit_of_points_is_named(self):
        status, _, body = harness.http(self.server.url + "/api/v1/query_range?query=up&start=0&end=1e9&step=1")
        self.assertEqual(status, 400)
        self.assertIn(b"11,000 points", body)

    def test_zz_memory_returns(self):
        """Runs last: the worst once more, then what is held is near what was held."""
        harness.http(self.server.url + "/api/v1/query", data={"query": LONG}, timeout=ANSWER_SECONDS)
        time.sleep(1)
        before = self.program.memory_bytes()
        for _ in range(3):
            for name in ("long sum", "deep calls", "regex, nested repeats", "cartesian product", "all against all"):
                harness.http(self.server.url + "/api/v1/query", data={"query": QUERIES[name]}, timeout=ANSWER_SECONDS)
        harness.wait_until(lambda: self.program.memory_bytes() < before + MEMORY_GROWTH_BYTES, 20, "memory's return")
        self.assertLess(self.program.memory_bytes(), 400 << 20)


def bomb(megabytes):
    """A gzip body that unpacks to much: a comment line without end."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(b"# ") + b"".join(packer.compress(b"x" * (1 << 20)) for _ in range(megabytes)) + packer.flush()


class HostileTargets(unittest.TestCase):
    """Targets that answer with what nobody should have to read; those beside them are scraped as ever."""

    PAGES = {
        "/bomb": (b"Content-Encoding: gzip\r\nContent-Type: text/plain\r\n", None),
        "/nul": (b"Content-Type: text/plain\r\n", b"a\0b 1\n" * 1000),
        "/labels": (b"Content-Type: text/plain\r\n", b"a{" + b",".join(b'l%d="v"' % n for n in range(20_000)) + b"} 1\n"),
        "/label": (b"Content-Type: text/plain\r\n", b'a{l="' + b"v" * 5_000_000 + b'"} 1\n'),
        "/number": (b"Content-Type: text/plain\r\n", b"a " + b"9" * 5_000_000 + b"\n"),
        "/unclosed": (b"Content-Type: text/plain\r\n", b'a{l="' + b"\\" * 1_000_001),
        "/binary": (b"Content-Type: text/plain\r\n", bytes(range(256)) * 4000),
        "/broken_gzip": (b"Content-Encoding: gzip\r\nContent-Type: text/plain\r\n", b"\x1f\x8b\x08" + b"?" * 1000),
        "/type": (b"Content-Type: " + b"t" * 60_000 + b"\r\n", b"a 1\n"),
    }
    DEAF = ("/endless", "/header", "/drip", "/reset", "/around", "/silent")

    def serve(self, connection):
        """One connection: the page of its path, or one of the ways to be a bad peer."""
        with connection, contextlib.suppress(OSError):
            connection.settimeout(20)
            path = (connection.recv(65536).split(b" ") + [b"", b""])[1].decode()
            if path in self.PAGES:
                head, body = self.PAGES[path]
                body = self.bomb if body is None else body
                connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + head
                                   + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            elif path == "/endless":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
                while not self.stop.is_set():
                    connection.sendall(b"endless 1\n" * 1000)
            elif path == "/header":
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not self.stop.is_set():
                    connection.sendall(b"X: y\r\n" * 1000)
            elif path == "/drip":
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n")
                while not self.stop.wait(0.1):
                    connection.sendall(b"a")
            elif path == "/around":
                connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /around\r\nContent-Length: 0\r\n\r\n")
            elif path == "/silent":
                self.stop.wait(20)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def test_each_is_down_with_a_reason_and_nobody_else_suffers(self):
        self.bomb = bomb(128)
        self.stop = threading.Event()
        self.addCleanup(self.stop.set)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.addCleanup(self.listener.close)
        threading.Thread(target=self.accept, daemon=True).start()
        paths = [*self.PAGES, *self.DEAF]
        text = "global: {scrape_interval: 500ms, scrape_timeout: 500ms}\nscrape_configs:\n"
        for path in paths:
            text += (f"  - job_name: {path[1:]}\n    metrics_path: {path}\n    static_configs: "
                     f"[{{targets: ['127.0.0.1:{self.listener.getsockname()[1]}']}}]\n")
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            good = stack.enter_context(scrape_target.serving("good 1\n"))
            text += f"  - job_name: good\n    static_configs: [{{targets: ['{good.address}']}}]\n"
            config = pathlib.Path(folder, "prometheus.yml")
            config.write_text(text, encoding="ascii")
            port = harness.free_port()
            program = stack.enter_context(harness.vigie_prometheus(config, f"{folder}/data", port))
            server = harness.Prometheus(port)

            def judged():
                targets = server.api("targets")["data"]["activeTargets"]
                return all(target["health"] != "unknown" for target in targets) and targets
            targets = {target["scrapePool"]: target for target in harness.wait_until(judged, 20, "a scrape of each")}
            time.sleep(3)
            # A page with one long value is unusual, but a page; so is a long comment, when the time suffices.
            for name in (path[1:] for path in paths if path not in ("/label", "/bomb")):
                with self.subTest(target=name):
                    self.assertEqual(targets[name]["health"], "down")
                    self.assertNotEqual(targets[name]["lastError"], "")
                    self.assertLess(len(targets[name]["lastError"]), 5000)
            harness.wait_until(lambda: server.value('up{job="good"}') == 1, 10, "the good target")
            self.assertGreaterEqual(server.value('avg_over_time(up{job="good"}[1m])'), 0.5)
            peak = int(next(line for line in pathlib.Path(f"/proc/{program.process.pid}/status").read_text(
                encoding="ascii").splitlines() if line.startswith("VmHWM")).split()[1])
            self.assertLess(peak, 700_000, "KiB at the worst moment")
            begin = time.monotonic()
            self.assertEqual(program.stop(), 0)
            self.assertLess(time.monotonic() - begin, 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
