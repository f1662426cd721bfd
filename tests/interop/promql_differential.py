#!/usr/bin/env python3
"""Asks the engine and a real Prometheus the same random questions about the same random data.

    promql_differential.py ASK PROMETHEUS PROMTOOL [questions] [seed]

ASK is build/src/promql/promql_ask. The data (counters with resets, gauges, gaps, NaN, infinities,
classic histograms) is written as OpenMetrics, made into a block by promtool and served by a
Prometheus of its own on a free port. Answers may differ by 1e-9, relatively; both may refuse. Prints
the seed, each difference, and a count; exits 1 when there is any difference. Not asked, because 2.x
was wrong there and 3.x is right: predict_linear of a range with @ over several steps (the window slid).
"""
import json
import math
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

START_S = 1_700_000_000
LENGTH_S = 3600
STEP_S = 15
TOLERANCE = 1e-9
FLOATS = ["abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "sin", "cos", "tan", "atan",
          "sinh", "tanh", "asinh", "deg", "rad", "round"]
DATES = ["minute", "hour", "day_of_week", "day_of_month", "day_of_year", "days_in_month", "month", "year"]
OVER = ["sum", "avg", "min", "max", "count", "stddev", "stdvar", "last", "present"]
RATES = ["rate", "increase", "delta", "irate", "idelta", "resets", "changes", "deriv"]
AGGREGATES = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]
LABELS = ["job", "instance", "path"]


class Data:
    """Series as {labels text: [(t_ms, value)]}."""

    def __init__(self, rng):
        self.rng = rng
        self.series = {}
        for job in ("api", "web"):
            for instance in ("0", "1", "2"):
                labels = f'job="{job}",instance="{instance}"'
                self.add(f"requests_total{{{labels}}}", self.counter())
                self.add(f'load{{{labels},path="/{rng.choice("ab")}"}}', self.gauge())
                if instance != "2":
                    self.histogram(labels)
        self.add('lonely{job="api"}', self.gauge())

    def add(self, name, values):
        times = []
        for i in range(LENGTH_S // STEP_S):
            times.append((START_S + i * STEP_S) * 1000 + self.rng.randrange(0, 900))
        gap = self.rng.randrange(0, len(times)) if self.rng.random() < 0.5 else len(times)
        length = self.rng.randrange(1, 60)
        self.series[name] = [(t, v) for i, (t, v) in enumerate(zip(times, values))
                             if not gap <= i < gap + length and self.rng.random() > 0.02]

    def counter(self):
        value, values = self.rng.randrange(0, 1000), []
        for _ in range(LENGTH_S // STEP_S):
            value = 0 if self.rng.random() < 0.02 else value + self.rng.choice([0, 1, 5, 13.5])
            values.append(value)
        return values

    def gauge(self):
        odd = [math.nan, math.inf, -math.inf, 0.0]
        return [self.rng.choice(odd) if self.rng.random() < 0.01 else round(self.rng.uniform(-50, 50), 3)
                for _ in range(LENGTH_S // STEP_S)]

    def histogram(self, labels):
        counts = [0] * 5
        rows = []
        for _ in range(LENGTH_S // STEP_S):
            counts = [c + self.rng.randrange(0, 4) for c in counts]
            rows.append([sum(counts[: i + 1]) for i in range(5)])
        for i, bound in enumerate(["0.1", "0.5", "1", "5", "+Inf"]):
            self.add(f'wait_bucket{{{labels},le="{bound}"}}', [row[i] for row in rows])

    def open_metrics(self):
        lines, seen = [], set()
        for name in sorted(self.series):
            family = name.split("{")[0]
            if family not in seen:
                seen.add(family)
                lines.append(f"# TYPE {family} unknown")
            for t, v in self.series[name]:
                lines.append(f"{name} {number(v)} {t // 1000}.{t % 1000:03d}")
        return "\n".join(lines) + "\n# EOF\n"

    def ask_lines(self):
        return [f"series {name} " + " ".join(f"{t}={number(v)}" for t, v in samples)
                for name, samples in self.series.items()]


def number(v):
    if math.isnan(v):
        return "NaN"
    if math.isinf(v):
        return "+Inf" if v > 0 else "-Inf"
    return repr(v)


class Grammar:
    def __init__(self, rng):
        self.rng = rng

    def pick(self, *options):
        return self.rng.choice(options)()

    def duration(self):
        return self.rng.choice(["45s", "1m", "90s", "2m", "5m", "7m30s", "10m", "20m"])

    def labels(self):
        return ", ".join(self.rng.sample(LABELS, self.rng.randrange(0, 3)))

    def matchers(self):
        return self.rng.choice(["", '{job="api"}', '{instance=~"0|1"}', '{instance!="2"}', '{job=~"w.*"}'])

    def when(self):
        r = self.rng.random()
        if r < 0.1:
            return f" offset {self.duration()}"
        if r < 0.13:
            return " offset -2m"
        if r < 0.18:
            return f" @ {START_S + self.rng.randrange(600, LENGTH_S)}"
        if r < 0.2:
            return self.rng.choice([" @ start()", " @ end()"])
        return ""

    def selector(self):
        return self.rng.choice(["requests_total", "load", "lonely", "wait_bucket"]) + self.matchers()

    def range(self, depth):
        if depth > 0 and self.rng.random() < 0.25:
            step = self.rng.choice(["", "30s", "1m", "47s"])
            return f"({self.vector(depth - 1)})[{self.duration()}:{step}]{self.when()}"
        return f"{self.selector()}[{self.duration()}]{self.when()}"

    def scalar(self, depth):
        return self.rng.choice([
            lambda: str(self.rng.choice([0, 1, 2, 0.5, -3, 10, 1e6, 60])),
            lambda: "time()",
            lambda: f"scalar({self.vector(depth - 1)})" if depth > 0 else "1",
        ])()

    def vector(self, depth):
        if depth <= 0:
            return self.selector() + self.when()
        kinds = [self.plain, self.over, self.rate, self.function, self.aggregate, self.arithmetic, self.compare,
                 self.match, self.sets, self.quantile, self.pick_k, self.labels_of, self.date, self.other]
        return self.rng.choice(kinds)(depth)

    def plain(self, _):
        return self.selector() + self.when()

    def over(self, depth):
        return f"{self.rng.choice(OVER)}_over_time({self.range(depth)})"

    def rate(self, depth):
        return f"{self.rng.choice(RATES)}({self.range(depth)})"

    def function(self, depth):
        return f"{self.rng.choice(FLOATS)}({self.vector(depth - 1)})"

    def date(self, depth):
        return f"{self.rng.choice(DATES)}({self.vector(depth - 1)})"

    def grouping(self):
        return self.rng.choice(["", f" by ({self.labels()})", f" without ({self.labels()})"])

    def aggregate(self, depth):
        return f"{self.rng.choice(AGGREGATES)}{self.grouping()} ({self.vector(depth - 1)})"

    def arithmetic(self, depth):
        op = self.rng.choice("+-*/%^")
        if self.rng.random() < 0.5:
            return f"({self.vector(depth - 1)}) {op} {self.scalar(depth - 1)}"
        return f"{self.scalar(depth - 1)} {op} ({self.vector(depth - 1)})"

    def compare(self, depth):
        op = self.rng.choice(["==", "!=", "<", ">", "<=", ">="])
        return f"({self.vector(depth - 1)}) {op}{self.rng.choice(['', ' bool'])} {self.scalar(depth - 1)}"

    def match(self, depth):
        op = self.rng.choice(["+", "-", "*", "/", ">", "==", "< bool"])
        on = self.rng.choice(["", f"on ({self.labels()})", "on (job, instance)", "ignoring (path)", "ignoring (le)"])
        if on and self.rng.random() < 0.4:
            on += self.rng.choice([" group_left ()", " group_right ()", " group_left (path)"])
        return f"({self.vector(depth - 1)}) {op} {on} ({self.vector(depth - 1)})"

    def sets(self, depth):
        op = self.rng.choice(["and", "or", "unless"])
        on = self.rng.choice(["", f"on ({self.labels()})", "ignoring (path)"])
        return f"({self.vector(depth - 1)}) {op} {on} ({self.vector(depth - 1)})"

    def quantile(self, depth):
        q = self.rng.choice(["0", "0.3", "0.5", "0.99", "1"])
        return self.rng.choice([
            lambda: f"histogram_quantile({q}, rate(wait_bucket{self.matchers()}[{self.duration()}]))",
            lambda: f"histogram_quantile({q}, sum by (le, job) (wait_bucket))",
            lambda: f"quantile{self.grouping()} ({q}, {self.vector(depth - 1)})",
            lambda: f"quantile_over_time({q}, {self.range(depth)})",
        ])()

    def pick_k(self, depth):
        # Only the values are compared where equal ones may be told apart by chance.
        return f"sum({self.rng.choice(['topk', 'bottomk'])}{self.grouping()} (2, {self.vector(depth - 1)}))"

    def labels_of(self, depth):
        return self.rng.choice([
            lambda: f'label_replace({self.vector(depth - 1)}, "new", "$1-x", "instance", "(.)")',
            lambda: f'label_join({self.vector(depth - 1)}, "new", "/", "job", "path")',
        ])()

    def other(self, depth):
        return self.rng.choice([
            lambda: f"absent({self.vector(depth - 1)})",
            lambda: f"absent_over_time({self.range(depth)})",
            lambda: f"timestamp({self.vector(depth - 1)})",
            lambda: f"clamp({self.vector(depth - 1)}, -5, {self.scalar(0)})",
            lambda: f"vector({self.scalar(depth - 1)})",
            lambda: f"predict_linear({self.selector()}[{self.duration()}], {self.scalar(0)})",
            lambda: f"holt_winters({self.range(depth)}, 0.3, 0.6)",
            lambda: f"-({self.vector(depth - 1)})",
            lambda: f'count_values{self.grouping()} ("v", ({self.vector(depth - 1)}) > bool 1)',
        ])()


class Peer:
    """The real server."""

    def __init__(self, prometheus, promtool, data, folder):
        page = folder / "page.txt"
        page.write_text(data.open_metrics())
        subprocess.run([promtool, "tsdb", "create-blocks-from", "openmetrics", str(page), str(folder / "data")],
                       check=True, stdout=subprocess.DEVNULL)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        config = folder / "prometheus.yml"
        config.write_text("global: {}\n")
        self.process = subprocess.Popen(
            [prometheus, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
             "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{self.port}",
             "--log.level=error"], stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.get("/-/ready", {})
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("the server does not start")

    def get(self, path, query):
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=60) as response:
            return response.read()

    def ask(self, question):
        kind, times, query = question
        try:
            if kind == "instant":
                body = self.get("/api/v1/query", {"query": query, "time": times[0]})
            else:
                body = self.get("/api/v1/query_range",
                                {"query": query, "start": times[0], "end": times[1], "step": times[2]})
        except urllib.error.HTTPError as error:
            return "error: " + json.loads(error.read())["error"]
        return parse_api(json.loads(body)["data"])

    def close(self):
        self.process.terminate()
        self.process.wait()


def parse_api(data):
    if data["resultType"] == "scalar":
        return {"": {0: float(data["result"][1])}}
    answer = {}
    for series in data["result"]:
        values = series.get("values") or [series["value"]]
        answer[label_text(series["metric"])] = {round(float(t) * 1000): float(v) for t, v in values}
    return answer


def label_text(labels):
    return ",".join(f"{k}={v}" for k, v in sorted(labels.items()))


def parse_ask(line):
    if line.startswith("error:"):
        return line
    parts = line.split("\t")
    if parts[0] == "scalar":
        return {"": {0: float(parts[1])}}
    answer = {}
    for part in parts[1:]:
        end = part.rindex("} ") + 1 if "} " in part else part.index(" ")
        name, samples = part[:end], part[end + 1:]
        answer[own_labels(name)] = {int(s.split("=")[0]): float(s.split("=")[1]) for s in samples.split(" ")}
    return answer


def own_labels(text):
    labels = {}
    name, _, rest = text.partition("{")
    if name:
        labels["__name__"] = name
    for pair in rest.rstrip("}").split('", '):
        if pair:
            key, _, value = pair.partition('="')
            labels[key] = value.rstrip('"')
    return label_text(labels)


def same_number(a, b):
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if a == b:
        return True
    return abs(a - b) <= TOLERANCE * max(abs(a), abs(b), 1e-9)


def difference(want, got):
    if isinstance(want, str) or isinstance(got, str):
        return None if isinstance(want, str) and isinstance(got, str) else f"want {str(want)[:300]}, got {str(got)[:300]}"
    if set(want) != set(got):
        return f"series: only there {sorted(set(want) - set(got))[:3]}, only here {sorted(set(got) - set(want))[:3]}"
    for name, values in want.items():
        if set(values) != set(got[name]):
            return f"{name}: times {sorted(set(values) ^ set(got[name]))[:3]}"
        for t, v in values.items():
            if not same_number(v, got[name][t]):
                return f"{name} at {t}: want {v!r}, got {got[name][t]!r}"
    return None


def questions(rng, count):
    grammar = Grammar(rng)
    for _ in range(count):
        query = grammar.vector(rng.randrange(0, 4))
        start = START_S + rng.randrange(-60, LENGTH_S + 300)
        if rng.random() < 0.5:
            yield "instant", (start,), query
        else:
            yield "range", (start, start + rng.randrange(0, 1200), rng.choice([7, 15, 30, 60, 300])), query


def ask_line(question):
    kind, times, query = question
    return f"{kind} " + " ".join(str(t * 1000) for t in times) + f" {query}\n"


def main():
    ask, prometheus, promtool = sys.argv[1:4]
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 2000
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else random.randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    data = Data(rng)
    with tempfile.TemporaryDirectory() as name:
        peer = Peer(prometheus, promtool, data, pathlib.Path(name))
        own = subprocess.Popen([ask], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for line in data.ask_lines():
            own.stdin.write(line + "\n")
        differ = refused = 0
        try:
            for question in questions(rng, count):
                own.stdin.write(ask_line(question))
                own.stdin.flush()
                got = parse_ask(own.stdout.readline().rstrip("\n"))
                want = peer.ask(question)
                refused += isinstance(want, str)
                found = difference(want, got)
                if found:
                    differ += 1
                    print(f"{ask_line(question).strip()}\n    {found}", flush=True)
        finally:
            own.stdin.close()
            peer.close()
    print(f"{count} questions ({refused} refused by both), {differ} differ")
    sys.exit(differ > 0)


if __name__ == "__main__":
    main()
