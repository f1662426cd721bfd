"""What `vigie prometheus` makes of what it scrapes: formats, labels, limits, staleness, and life over a restart."""
import base64
import contextlib
import pathlib
import signal
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import harness
import scrape_target

UTF8_TEXT = "text/plain; version=1.0.0; escaping=allow-utf-8"
SLOW_SECONDS = 1.0  # longer than the time limit of its job

PAGES = {
    "/plain": "# HELP temperature How warm.\n# TYPE temperature gauge\n"
              'temperature{room="kitchen",job="thermometer"} 21.5\ntemperature{room="attic"} -3\nempty_label{a=""} 1\n',
    "/honor": 'temperature{room="kitchen",job="thermometer",instance="own"} 21.5\n',
    "/many": "".join(f'many{{n="{n}"}} {n}\n' for n in range(50)),
    "/histogram": '# TYPE h histogram\nh_bucket{le="1"} 3\nh_bucket{le="2.50"} 4\nh_bucket{le="+Inf"} 5\nh_sum 7\nh_count 5\n',
    "/bad": "fine 1\nnot a line at all {{{\n",
    "/twice": "same 1\nsame 2\n",
    "/stamped": f"stamped 5 {int((time.time() - 60) * 1000)}\n",
    "/large": "large " + "1" * 20 + "\n" + "# " + "x" * 100_000 + "\n",
    "/labels": 'labelled{a="1",b="2",c="3",d="4"} 1\n',
}
OPENMETRICS_PAGE = """# TYPE request_bytes counter
# UNIT request_bytes bytes
# HELP request_bytes With exemplars.
request_bytes_total{code="200"} 17 # {trace_id="abc"} 0.5 1600000000.123
request_bytes_created{code="200"} 1600000000.5
# TYPE build info
build_info{version="1.2"} 1
# TYPE state stateset
state{state="on"} 1
state{state="off"} 0
# TYPE took_seconds summary
took_seconds{quantile="0.5"} 0.25
took_seconds_sum 3
took_seconds_count 12
# EOF
"""

CONFIG = """
global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
scrape_configs:
  - job_name: plain
    metrics_path: /plain
    static_configs: [{{targets: ['{t}'], labels: {{site: here}}}}]
  - job_name: honor
    honor_labels: true
    metrics_path: /honor
    static_configs: [{{targets: ['{t}']}}]
  - job_name: relabelled
    metrics_path: /wrong
    params: {{a: ['1'], b: [x, 'y z']}}
    relabel_configs:
      - {{source_labels: [__address__], regex: 'dropped:.*', action: drop}}
      - {{target_label: __metrics_path__, replacement: /many}}
      - {{source_labels: [__param_a], target_label: param}}
      - {{regex: '__meta_nothing', action: labelmap}}
    metric_relabel_configs:
      - {{source_labels: [n], regex: '[1-4]?[1-9]', action: drop}}
      - {{source_labels: [__name__, n], separator: '/', regex: 'many/(.*)', target_label: tag, replacement: 'n$1'}}
      - {{regex: n, action: labeldrop}}
      - {{source_labels: [tag], target_label: bucket, modulus: 4, action: hashmod}}
    static_configs: [{{targets: ['{t}', 'dropped:1']}}]
  - job_name: sample_limit
    sample_limit: 49
    metrics_path: /many
    static_configs: [{{targets: ['{t}']}}]
  - job_name: sample_limit_kept
    sample_limit: 50
    metrics_path: /many
    static_configs: [{{targets: ['{t}']}}]
  - job_name: body_limit
    body_size_limit: 10KB
    metrics_path: /large
    static_configs: [{{targets: ['{t}']}}]
  - job_name: label_limit
    label_limit: 5
    metrics_path: /labels
    static_configs: [{{targets: ['{t}']}}]
  - job_name: histogram
    metrics_path: /histogram
    static_configs: [{{targets: ['{t}']}}]
  - job_name: openmetrics
    metrics_path: /openmetrics
    static_configs: [{{targets: ['{t}']}}]
  - job_name: openmetrics_cut
    metrics_path: /openmetrics_cut
    static_configs: [{{targets: ['{t}']}}]
  - job_name: utf8
    metrics_path: /utf8
    static_configs: [{{targets: ['{t}']}}]
  - job_name: untyped
    metrics_path: /untyped
    static_configs: [{{targets: ['{t}']}}]
  - job_name: untyped_fallback
    fallback_scrape_protocol: PrometheusText0.0.4
    metrics_path: /untyped
    static_configs: [{{targets: ['{t}']}}]
  - job_name: bad
    metrics_path: /bad
    static_configs: [{{targets: ['{t}']}}]
  - job_name: twice
    metrics_path: /twice
    static_configs: [{{targets: ['{t}']}}]
  - job_name: stamped
    metrics_path: /stamped
    static_configs: [{{targets: ['{t}']}}]
  - job_name: stamps_ignored
    honor_timestamps: false
    metrics_path: /stamped
    static_configs: [{{targets: ['{t}']}}]
  - job_name: slow
    metrics_path: /slow
    static_configs: [{{targets: ['{t}']}}]
  - job_name: failing
    metrics_path: /failing
    static_configs: [{{targets: ['{t}']}}]
  - job_name: secret
    metrics_path: /secret
    basic_auth: {{username: me, password: 'my secret'}}
    static_configs: [{{targets: ['{t}']}}]
  - job_name: nobody
    static_configs: [{{targets: ['127.0.0.1:1']}}]
"""


def answer(path, headers):
    """The page of a job, by its path."""
    path = path.partition("?")[0]
    if path == "/openmetrics":
        return 200, scrape_target.OPENMETRICS, OPENMETRICS_PAGE.encode()
    if path == "/openmetrics_cut":
        return 200, scrape_target.OPENMETRICS, OPENMETRICS_PAGE.replace("# EOF\n", "").encode()
    if path == "/utf8":
        page = '{"sensor.temp","room.name"="grenier été"} 3\nplain{"über"="ß"} 4\n'
        return 200, UTF8_TEXT, page.encode()
    if path == "/untyped":
        return 200, None, b"untyped_page 1\n"
    if path == "/failing":
        return 500, "text/plain", b"no\n"
    if path == "/slow":
        time.sleep(SLOW_SECONDS)
        return "slow 1\n"
    if path == "/secret":
        good = "Basic " + base64.b64encode(b"me:my secret").decode()
        return "secret 1\n" if headers.get("Authorization") == good else (401, "text/plain", b"no\n")
    return PAGES.get(path) or (404, "text/plain", b"no\n")


class Scraping(unittest.TestCase):
    """Many jobs at once; each test looks at one."""

    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        cls.target = stack.enter_context(scrape_target.serving(answer))
        config = pathlib.Path(folder, "prometheus.yml")
        config.write_text(CONFIG.format(t=cls.target.address), encoding="ascii")
        port = harness.free_port()
        stack.enter_context(harness.vigie_prometheus(config, f"{folder}/data", port))
        cls.server = harness.Prometheus(port)
        harness.wait_until(lambda: all(
            target["health"] != "unknown" for target in cls.targets().values()), 20, "a scrape of each")

    @classmethod
    def targets(cls):
        """The active targets by job."""
        active = cls.server.api("targets")["data"]["activeTargets"]
        return {target["scrapePool"]: target for target in active}

    def value(self, expression):
        """The value once there is one: a moment after the first scrape."""
        return harness.wait_until(lambda: [self.server.value(expression)][0] is not None
                                  and [self.server.value(expression)], 5, expression)[0]

    def fails(self, job, pattern):
        """The job's target is down for a reason that its list names."""
        self.assertEqual(self.value(f'up{{job="{job}"}}'), 0)
        self.assertEqual(self.value(f'scrape_samples_scraped{{job="{job}"}} * 0'), 0)
        target = self.targets()[job]
        self.assertEqual(target["health"], "down")
        self.assertRegex(target["lastError"], pattern)

    def test_labels_of_the_target_win_and_the_others_are_kept_as_exported(self):
        labels = {"job": "plain", "instance": self.target.address, "site": "here"}
        got = harness.wait_until(lambda: self.server.query('temperature{job="plain"}'))
        metrics = sorted((sample["metric"] for sample in got), key=lambda metric: metric["room"])
        self.assertEqual(metrics, [
            {"__name__": "temperature", "room": "attic", **labels},
            {"__name__": "temperature", "room": "kitchen", "exported_job": "thermometer", **labels}])
        self.assertEqual([sample["metric"] for sample in self.server.query("empty_label")],
                         [{"__name__": "empty_label", **labels}])

    def test_honor_labels_keeps_those_of_the_page(self):
        got = harness.wait_until(lambda: self.server.query('temperature{instance="own"}'))
        self.assertEqual([sample["metric"] for sample in got],
                         [{"__name__": "temperature", "room": "kitchen", "job": "thermometer", "instance": "own"}])

    def test_relabelling_of_targets_and_metrics(self):
        got = harness.wait_until(lambda: self.server.query('many{job="relabelled"}'))
        self.assertEqual({sample["metric"]["tag"] for sample in got}, {"n0", "n10", "n20", "n30", "n40"})
        for sample in got:
            self.assertNotIn("n", sample["metric"])
            self.assertEqual(sample["metric"]["param"], "1")
            self.assertIn(sample["metric"]["bucket"], "0123")
        self.assertEqual(self.value('scrape_samples_scraped{job="relabelled"}'), 50)
        self.assertEqual(self.value('scrape_samples_post_metric_relabeling{job="relabelled"}'), 5)
        dropped = self.server.api("targets", state="dropped")["data"]["droppedTargets"]
        self.assertEqual([target["discoveredLabels"]["__address__"] for target in dropped], ["dropped:1"])
        paths = {path for path, _ in list(self.target.requests) if path.startswith("/many?")}
        self.assertEqual(paths, {"/many?a=1&b=x&b=y+z"})

    def test_requests_are_those_of_the_original(self):
        _, headers = next(request for request in list(self.target.requests) if request[0] == "/plain")
        self.assertRegex(headers["User-Agent"], r"^Prometheus/3\.")
        self.assertEqual(headers["X-Prometheus-Scrape-Timeout-Seconds"], "0.2")
        self.assertEqual(headers["Accept-Encoding"], "gzip")
        self.assertEqual(headers["Accept"], "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                         "application/openmetrics-text;version=0.0.1;q=0.5,"
                         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2")

    def test_limits_fail_the_whole_scrape_and_are_named(self):
        self.fails("sample_limit", "sample limit exceeded")
        self.fails("body_limit", "body size limit exceeded")
        self.fails("label_limit", "label_limit exceeded")
        self.assertEqual(self.server.query('{job=~"sample_limit|label_limit",__name__=~"many|labelled"}'), [])
        self.assertEqual(self.value('count(many{job="sample_limit_kept"})'), 50)

    def test_failures_are_named(self):
        self.fails("bad", "line 2")
        self.fails("slow", "context deadline exceeded")
        self.fails("failing", "server returned HTTP status 500")
        self.fails("nobody", "(?i)connect")
        self.fails("untyped", "Content-Type")
        self.fails("openmetrics_cut", "EOF")
        self.assertEqual(self.server.query('{job="bad",__name__="fine"}'), [])

    def test_a_page_without_type_is_read_with_the_fallback(self):
        self.assertEqual(self.value('untyped_page{job="untyped_fallback"}'), 1)

    def test_a_series_that_comes_twice_counts_once(self):
        self.assertEqual(self.value('same{job="twice"}'), 1)
        self.assertEqual(self.value('up{job="twice"}'), 1)

    def test_bounds_of_buckets_are_written_as_floats(self):
        self.value('h_count{job="histogram"}')
        values = self.server.api("label/le/values", **{"match[]": "h_bucket"})["data"]
        self.assertEqual(values, ["+Inf", "1.0", "2.5"])

    def test_openmetrics(self):
        self.assertEqual(self.value('request_bytes_total{code="200",job="openmetrics"}'), 17)
        self.assertEqual(self.value('build_info{version="1.2"}'), 1)
        self.assertEqual(self.value('state{state="on"}'), 1)
        self.assertEqual(self.value('took_seconds{quantile="0.5"}'), 0.25)
        metadata = self.server.api("metadata", metric="request_bytes")["data"]
        self.assertEqual(metadata, {"request_bytes": [{"type": "counter", "help": "With exemplars.", "unit": "bytes"}]})

    def test_names_in_utf8(self):
        self.assertEqual(self.value('{"sensor.temp"}'), 3)
        self.assertEqual(self.value('{"sensor.temp","room.name"="grenier été"}'), 3)
        self.assertEqual(self.value('sum by ("über") (plain{"über"="ß"})'), 4)
        self.assertIn("sensor.temp", self.server.api("label/__name__/values")["data"])
        self.assertEqual(self.server.api("label/U__room_2e_name/values")["data"], ["grenier été"])

    def test_timestamps_of_the_page_are_honoured_or_not(self):
        stamp = self.value('timestamp(stamped{job="stamped"})')
        self.assertLess(stamp, time.time() - 50)
        self.assertGreater(self.value('timestamp(stamped{job="stamps_ignored"})'), time.time() - 10)

    def test_credentials_are_sent(self):
        self.assertEqual(self.value('secret{job="secret"}'), 1)

    def test_samples_about_the_scrape(self):
        self.assertEqual(self.value('scrape_samples_scraped{job="plain"}'), 3)
        self.assertEqual(self.value('max_over_time(scrape_series_added{job="plain"}[1m])'), 3)
        harness.wait_until(lambda: self.server.value('scrape_series_added{job="plain"}') == 0, 5, "nothing new")
        duration = self.value('scrape_duration_seconds{job="plain"}')
        self.assertTrue(0 < duration < 0.2, duration)
        self.assertGreaterEqual(self.value('scrape_duration_seconds{job="slow"}'), 0.19)

    def test_type_and_help_are_kept(self):
        self.value('temperature{room="attic"}')
        self.assertEqual(self.server.api("metadata", metric="temperature")["data"]["temperature"][0],
                         {"type": "gauge", "help": "How warm.", "unit": ""})
        answer_ = self.server.api("targets/metadata", match_target='{job="plain"}', metric="temperature")["data"]
        self.assertEqual([(entry["type"], entry["help"]) for entry in answer_], [("gauge", "How warm.")])

    def test_samples_lie_on_the_schedule(self):
        harness.wait_until(lambda: len(self.server.query('up{job="plain"}[10s]')[0]["values"]) > 8)
        times = [float(t) * 1000 for t, _ in self.server.query('up{job="plain"}[10s]')[0]["values"]]
        gaps = {round(late - early) for early, late in zip(times, times[1:])}
        # The original moves times that are off by up to 2 ms onto the schedule; a loaded machine may be later.
        self.assertGreater(sum(gap % 200 == 0 for gap in gaps), 0, gaps)


SIMPLE = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: app
    static_configs: [{{targets: [{targets}]}}]
"""


class Life(unittest.TestCase):
    """Series that come and go, targets that come and go, and restarts."""

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        self.page = "stays 1\ngoes 1\n"
        self.target = scrape_target.Target(lambda path, headers: self.page)
        self.open = True
        self.addCleanup(self.close_target)
        self.config = pathlib.Path(folder, "prometheus.yml")
        self.data = f"{folder}/data"
        self.port = harness.free_port()
        self.server = harness.Prometheus(self.port)
        self.write_config(f"'{self.target.address}'")
        self.life = contextlib.ExitStack()
        self.addCleanup(self.life.close)
        self.start()

    def close_target(self):
        if self.open:
            self.target.close()
            self.open = False

    def write_config(self, targets):
        self.config.write_text(SIMPLE.format(targets=targets), encoding="ascii")

    def start(self):
        self.program = self.life.enter_context(harness.vigie_prometheus(self.config, self.data, self.port))
        harness.wait_until(lambda: self.server.value("up") == 1, 10, "up")

    def test_a_series_that_leaves_the_page_is_gone_at_once_and_its_past_stays(self):
        harness.wait_until(lambda: self.server.value("goes") == 1)
        self.page = "stays 1\n"
        begin = time.monotonic()
        harness.wait_until(lambda: not self.server.query("goes"), 3, "the end of the series")
        self.assertLess(time.monotonic() - begin, 2)
        self.assertEqual(self.server.value("stays"), 1)
        self.assertGreater(self.server.value("count_over_time(goes[1m])"), 0)
        self.page = "stays 1\ngoes 2\n"
        harness.wait_until(lambda: self.server.value("goes") == 2, 3, "its return")

    def test_a_target_that_ends_is_down_and_its_series_are_gone_at_once(self):
        harness.wait_until(lambda: self.server.value("stays") == 1)
        self.close_target()
        # A connection that is kept alive may serve on; the page itself then fails.
        self.page = (500, "text/plain", b"gone\n")
        harness.wait_until(lambda: self.server.value("up") == 0, 5, "up 0")
        harness.wait_until(lambda: not self.server.query("stays or goes"), 2, "the end of its series")
        self.assertEqual(self.server.value("scrape_samples_scraped"), 0)

    def test_a_target_that_leaves_the_configuration_is_gone(self):
        harness.wait_until(lambda: self.server.value("stays") == 1)
        self.write_config("")
        self.assertEqual(harness.http(self.server.url + "/-/reload", method="POST")[0], 200)
        self.assertEqual(self.server.api("targets")["data"]["activeTargets"], [])
        harness.wait_until(lambda: not self.server.query("stays or up"), 5, "the end of its series")

    def test_a_restart_keeps_the_data_and_counters_go_on(self):
        self.page = "requests_total 1000\n"
        harness.wait_until(lambda: (self.server.value("count_over_time(requests_total[1m])") or 0) > 3)
        at = time.time()
        before = self.server.api("query", query="requests_total[1m]", time=at)["data"]
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with self.subTest(signal=sign.name):
                self.program.process.send_signal(sign)
                status = self.program.process.wait(harness.STOP_SECONDS)
                self.assertEqual(status, 0 if sign == signal.SIGTERM else -sign)
                self.start()
                self.assertEqual(self.server.api("query", query="requests_total[1m]", time=at)["data"], before)
                self.assertEqual(self.server.value("resets(requests_total[1m])"), 0)
                self.assertEqual(self.server.value("increase(requests_total[1m])"), 0)
        self.page = "requests_total 10\n"  # the target itself has started anew
        harness.wait_until(lambda: self.server.value("resets(requests_total[1m])") == 1, 5, "one reset")
        self.assertGreaterEqual(self.server.value("increase(requests_total[1m])"), 10)
        self.assertEqual(len(self.server.query("requests_total")), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
