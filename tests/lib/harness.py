"""What the system tests share: starting programs on free loopback ports, asking them, stopping them by process id.

Every wait is bounded. Programs under test come from the environment, which ./test sets:
  VIGIE_BINARY          the vigie to test (default build-test/vigie)
  VIGIE_PROMETHEUS, VIGIE_PROMTOOL, VIGIE_NODE_EXPORTER    peers; tests that need one skip when it is absent
  VIGIE_CONFORMANCE     shared test data; likewise
"""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("VIGIE_BINARY") or str(ROOT / "build-test" / "vigie")
SHARED = pathlib.Path(os.environ.get("VIGIE_SHARED") or ROOT.parent / "shared")
CONFORMANCE = pathlib.Path(os.environ.get("VIGIE_CONFORMANCE") or SHARED / "conformance")
SEED = SHARED / "seed"
START_SECONDS = 20
STOP_SECONDS = 20


def peer(variable, what):
    """The path of a peer program, or a skipped test."""
    path = os.environ.get(variable)
    if not path or not os.access(path, os.X_OK):
        raise unittest.SkipTest(f"{what} is not at hand ({variable})")
    return path


def shared(path, what):
    """A file or folder of the shared data, or a skipped test."""
    if not path.exists():
        raise unittest.SkipTest(f"{what} is not at hand ({path.name})")
    return path


def free_port():
    """A TCP port that nobody listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def loopback_address():
    """An address of 127.0.0.0/8 that other tests do not use, for programs with fixed ports."""
    return f"127.{os.getpid() % 200 + 20}.{os.getpid() // 200 % 250}.1"


def http(url, data=None, method=None, headers=None, timeout=30):
    """(status, headers, body) of one request; HTTP errors are answers, not exceptions."""
    if isinstance(data, dict):
        data = urllib.parse.urlencode(data).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def get_json(url, **arguments):
    """The body as JSON."""
    return json.loads(http(url, **arguments)[2])


def wait_until(condition, seconds=START_SECONDS, what="the condition"):
    """Polls until condition() is true and returns its value; fails after the bound."""
    end = time.monotonic() + seconds
    while True:
        try:
            value = condition()
            if value:
                return value
        except (OSError, ValueError, KeyError, IndexError):
            pass
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not hold within {seconds} s")
        time.sleep(0.05)


class Program:
    """A running program; its output is kept for failures."""

    def __init__(self, arguments, ready_url=None, cwd=None, env=None, ready_seconds=START_SECONDS):
        self.log = tempfile.NamedTemporaryFile(prefix="vigie-test-", suffix=".log", delete=False)
        self.arguments = [str(argument) for argument in arguments]
        self.process = subprocess.Popen(
            self.arguments, stdout=self.log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=cwd, env=env)
        if ready_url:
            try:
                wait_until(lambda: self.alive() and http(ready_url, timeout=2)[0] == 200, ready_seconds, ready_url)
            except AssertionError as error:
                output = self.output()
                self.kill()
                raise AssertionError(f"{' '.join(self.arguments)}: {error}\n{output}") from None

    def alive(self):
        """Still running? A program that has ended early is an error."""
        if self.process.poll() is not None:
            raise AssertionError(f"ended with {self.process.returncode}:\n{self.output()}")
        return True

    def output(self):
        """All it has printed so far."""
        with open(self.log.name, encoding="utf-8", errors="replace") as text:
            return text.read()

    def stop(self, sign=signal.SIGTERM):
        """Asks it to stop and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(sign)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop within {STOP_SECONDS} s:\n{self.output()}") from None
        self._forget_log()
        return status

    def kill(self):
        """SIGKILL, at once."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(STOP_SECONDS)
        self._forget_log()

    def _forget_log(self):
        self.log.close()

    def memory_bytes(self):
        """Resident memory."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as text:
            return int(text.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        """User and system time so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as text:
            fields = text.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def running(arguments, **options):
    """A program for the length of a with block; killed if the block did not stop it."""
    program = Program(arguments, **options)
    try:
        yield program
    finally:
        program.kill()
        with contextlib.suppress(OSError):
            os.unlink(program.log.name)


class Prometheus:
    """The HTTP API of a Prometheus, ours or another."""

    def __init__(self, port, host="127.0.0.1"):
        self.url = f"http://{host}:{port}"

    def api(self, path, **parameters):
        """The whole answer of GET /api/v1/path."""
        query = urllib.parse.urlencode(parameters, doseq=True)
        return get_json(f"{self.url}/api/v1/{path}" + (f"?{query}" if query else ""))

    def query(self, expression, **parameters):
        """The result of an instant query; fails when the server reports an error."""
        answer = self.api("query", query=expression, **parameters)
        if answer["status"] != "success":
            raise AssertionError(f"{expression}: {answer}")
        return answer["data"]["result"]

    def value(self, expression, **parameters):
        """The one value of an instant query, or None when there is none."""
        result = self.query(expression, **parameters)
        return float(result[0]["value"][1]) if len(result) == 1 else None

    def range(self, expression, start, end, step):
        """The result of a range query."""
        answer = self.api("query_range", query=expression, start=start, end=end, step=step)
        if answer["status"] != "success":
            raise AssertionError(f"{expression}: {answer}")
        return answer["data"]["result"]


def vigie_prometheus(config, data, port, *flags):
    """Context: `vigie prometheus`, ready, on 127.0.0.1:port."""
    return running(
        [BINARY, "prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}",
         f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle", *flags],
        ready_url=f"http://127.0.0.1:{port}/-/ready")


def vigie_node_exporter(port, *flags):
    """Context: `vigie node_exporter`, ready, on 127.0.0.1:port."""
    return running([BINARY, "node_exporter", f"--web.listen-address=127.0.0.1:{port}", *flags],
                   ready_url=f"http://127.0.0.1:{port}/")


def families(page):
    """{family: (type, help, {series text: value})} of an exposition page."""
    found = {}
    name = None
    for line in page.decode().splitlines():
        if line.startswith("# HELP "):
            name, _, text = line[7:].partition(" ")
            found.setdefault(name, ["untyped", text, {}])[1] = text
        elif line.startswith("# TYPE "):
            name, _, text = line[7:].partition(" ")
            found.setdefault(name, [text, "", {}])[0] = text
        elif line and not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            found.setdefault(name, ["untyped", "", {}])[2][series] = value
    return found
