"""`vigie prometheus` as its users meet it: the chapter's unit files and configuration, the HTTP API, TLS and passwords."""
import base64
import contextlib
import gzip
import http.client
import json
import os
import pathlib
import shlex
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import harness
import scrape_target

HOST = harness.loopback_address()
PAGE = """# HELP requests_total Requests so far.
# TYPE requests_total counter
requests_total{method="get",path="/"} 100
requests_total{method="post",path="/"} 20
# HELP warmth How warm.
# TYPE warmth gauge
warmth{room="kitchen"} 21.5
warmth{room="attic"} -3
# TYPE odd gauge
odd{kind="nan"} NaN
odd{kind="inf"} +Inf
odd{kind="small"} 1e-7
odd{kind="large"} 1e21
"""

CONFIG = """
global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
  external_labels: {{region: west}}
scrape_configs:
  - job_name: app
    static_configs: [{{targets: ['{target}']}}]
  - job_name: broken
    static_configs: [{{targets: ['127.0.0.1:1']}}]
  - job_name: dropped
    relabel_configs: [{{source_labels: [job], regex: dropped, action: drop}}]
    static_configs: [{{targets: ['127.0.0.1:2']}}]
"""


def exec_start(unit):
    """The command line of a unit file."""
    text = unit.read_text(encoding="utf-8").replace("\\\n", " ")
    return shlex.split(next(line[10:] for line in text.splitlines() if line.startswith("ExecStart=")))


class Chapter(unittest.TestCase):
    """The unit files and the configuration of the chapter, as printed.

    Replaced are: the folders (/etc/prometheus, /var/lib/prometheus and /usr/local/bin lie below a temporary root), the
    address of the listeners (a loopback address instead of all), and nothing else; the program is a symlink with the
    original's name.
    """

    def setUp(self):
        self.seed = harness.shared(harness.SEED, "the chapter's files")
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.root = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        (self.root / "bin").mkdir()
        for name in ("prometheus", "node_exporter"):
            (self.root / "bin" / name).symlink_to(harness.BINARY)
        shutil.copytree(self.seed / "etc" / "prometheus", self.root / "etc")
        (self.root / "var").mkdir()

    def command(self, unit):
        arguments = []
        for argument in exec_start(self.seed / "etc" / "systemd" / "system" / unit):
            for old, new in (("/usr/local/bin", "bin"), ("/etc/prometheus", "etc"), ("/var/lib/prometheus", "var")):
                argument = argument.replace(old, f"{self.root}/{new}")
            arguments.append(argument.replace("0.0.0.0:", f"{HOST}:"))
        return arguments

    def test_prometheus_starts_with_the_flags_of_its_unit(self):
        command = self.command("prometheus.service")
        self.assertGreaterEqual(len(command), 7)
        url = f"http://{HOST}:9090"
        program = self.stack.enter_context(harness.running(command, ready_url=url + "/-/ready"))
        server = harness.Prometheus(9090, HOST)
        targets = server.api("targets")["data"]["activeTargets"]
        self.assertEqual({target["labels"]["job"] for target in targets}, {"prometheus", "node-exporter"})
        # What is accepted and does nothing yet is said once.
        log = program.output()
        self.assertEqual(len([line for line in log.splitlines() if "kubernetes" in line and "WARN" in line]), 1, log)
        self.assertNotIn("level=ERROR", log)
        self.assertEqual(harness.http(url + "/-/reload", method="POST")[0], 200)
        flags = server.api("status/flags")["data"]
        self.assertEqual(flags["storage.tsdb.path"], f"{self.root}/var/")
        self.assertEqual(flags["web.enable-lifecycle"], "true")
        yaml = server.api("status/config")["data"]["yaml"]
        for word in ("kubernetes_sd_configs", "alertmanager:9093", "rules/*.yml", "localhost:9100"):
            self.assertIn(word, yaml)
        self.assertTrue((self.root / "var" / "wal").is_dir())
        self.assertEqual(program.stop(), 0)

    def test_node_exporter_starts_with_the_flags_of_its_unit(self):
        command = self.command("node_exporter.service")
        command.append(f"--web.listen-address={HOST}:9100")  # the unit has none: it means all addresses
        url = f"http://{HOST}:9100"
        program = self.stack.enter_context(harness.running(command, ready_url=url + "/"))
        self.assertIn("node_cpu_seconds_total", harness.families(harness.http(url + "/metrics")[2]))
        self.assertNotIn("level=ERROR", program.output())
        self.assertEqual(program.stop(), 0)


class CommandLine(unittest.TestCase):
    """Exit codes and texts."""

    def run_it(self, *arguments):
        result = subprocess.run([harness.BINARY, "prometheus", *arguments], capture_output=True, text=True, timeout=20,
                                check=False)
        return result.returncode, result.stdout + result.stderr

    def test_version(self):
        status, text = self.run_it("--version")
        self.assertEqual(status, 0)
        self.assertRegex(text, r"^prometheus, version 3\.\d+\.\d+ ")

    def test_help_names_every_flag_of_the_unit(self):
        status, text = self.run_it("--help")
        self.assertEqual(status, 0)
        for flag in ("--config.file", "--storage.tsdb.path", "--web.listen-address", "--[no-]web.enable-lifecycle"):
            self.assertIn(flag, text)

    def test_a_wrong_flag_ends_with_status_2(self):
        status, text = self.run_it("--nonsense")
        self.assertEqual(status, 2)
        self.assertIn("unknown long flag '--nonsense'", text)

    def test_a_bad_configuration_ends_with_status_2_and_its_place(self):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder, "bad.yml")
            config.write_text("global:\n  scrape_interval: 5 parsecs\n", encoding="ascii")
            status, text = self.run_it(f"--config.file={config}", f"--storage.tsdb.path={folder}/data")
            self.assertIn(str(config), text)
            self.assertIn("5 parsecs", text)
            self.assertEqual(status, 2)
            status, text = self.run_it(f"--config.file={folder}/none.yml", f"--storage.tsdb.path={folder}/data")
            self.assertIn(f"{folder}/none.yml", text)
            self.assertEqual(status, 2)
            self.assertFalse(os.path.exists(f"{folder}/data"))

    def test_a_second_server_on_the_same_folder_ends_with_status_1(self):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder, "prometheus.yml")
            config.write_text("global: {}\n", encoding="ascii")
            with harness.vigie_prometheus(config, f"{folder}/data", harness.free_port()):
                status, text = self.run_it(f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
                                           f"--web.listen-address=127.0.0.1:{harness.free_port()}")
                self.assertEqual(status, 1)
                self.assertIn("lock", text)


class Api(unittest.TestCase):
    """Shapes and errors of the HTTP API."""

    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        cls.target = stack.enter_context(scrape_target.serving(PAGE))
        config = pathlib.Path(folder, "prometheus.yml")
        config.write_text(CONFIG.format(target=cls.target.address), encoding="ascii")
        port = harness.free_port()
        cls.program = stack.enter_context(harness.vigie_prometheus(config, f"{folder}/data", port))
        cls.server = harness.Prometheus(port)
        cls.url = cls.server.url
        harness.wait_until(lambda: cls.server.value("count_over_time(warmth{room='attic'}[1m])") is not None
                           and cls.server.value("count_over_time(warmth{room='attic'}[1m])") >= 5
                           and cls.server.value("count(up)") == 2, 15, "some scrapes")
        cls.at = time.time()

    def api(self, path, **parameters):
        """The data of a successful answer."""
        answer = self.server.api(path, **parameters)
        self.assertEqual(answer["status"], "success", answer)
        return answer["data"]

    def test_instant_vector(self):
        data = self.api("query", query="warmth", time=self.at)
        self.assertEqual(data["resultType"], "vector")
        labels = {"__name__": "warmth", "instance": self.target.address, "job": "app"}
        at = round(self.at, 3)
        self.assertEqual(sorted(data["result"], key=lambda sample: sample["metric"]["room"]), [
            {"metric": {**labels, "room": "attic"}, "value": [at, "-3"]},
            {"metric": {**labels, "room": "kitchen"}, "value": [at, "21.5"]}])

    def test_other_types(self):
        self.assertEqual(self.api("query", query="1 + 1", time=5), {"resultType": "scalar", "result": [5, "2"]})
        self.assertEqual(self.api("query", query='"a\\nb"', time=5), {"resultType": "string", "result": [5, "a\nb"]})
        data = self.api("query", query="warmth{room='attic'}[1m]", time=self.at)
        self.assertEqual(data["resultType"], "matrix")
        self.assertGreaterEqual(len(data["result"][0]["values"]), 5)

    def test_values_are_written_as_the_original_does(self):
        values = {sample["metric"]["kind"]: sample["value"][1] for sample in self.server.query("odd")}
        self.assertEqual(values, {"nan": "NaN", "inf": "+Inf", "small": "1e-07", "large": "1e+21"})
        self.assertEqual(self.api("query", query="0.1 + 0.2", time=1)["result"][1], "0.30000000000000004")
        self.assertEqual(self.api("query", query="-1 / 0", time=1)["result"][1], "-Inf")
        self.assertEqual(self.api("query", query="123456789012345678", time=1)["result"][1], "123456789012345680")

    def test_times_in_every_form(self):
        for text, want in (("1600000000", 1600000000), ("1600000000.5", 1600000000.5),
                           ("2020-09-13T12:26:40Z", 1600000000), ("2020-09-13T14:26:40.25+02:00", 1600000000.25),
                           ("-1", -1), ("1.6e9", 1600000000)):
            self.assertEqual(self.api("query", query="1", time=text)["result"][0], want, text)

    def test_range_query(self):
        end = int(self.at)
        data = self.api("query_range", query="vector(1)", start=end - 10, end=end, step="5s")
        self.assertEqual(data, {"resultType": "matrix", "result": [
            {"metric": {}, "values": [[end - 10, "1"], [end - 5, "1"], [end, "1"]]}]})
        data = self.api("query_range", query="sum by (room) (warmth)", start=self.at, end=self.at + 4, step=2)
        self.assertEqual(len(data["result"]), 2)
        self.assertEqual([value for _, value in data["result"][0]["values"]], ["-3"] * 3)

    def test_post_forms_mean_the_same(self):
        for path, form in (("query", {"query": "warmth", "time": self.at}),
                           ("query_range", {"query": "warmth", "start": self.at, "end": self.at + 2, "step": 1}),
                           ("series", {"match[]": "warmth"}), ("labels", {"match[]": "warmth"}),
                           ("format_query", {"query": "a+b"}), ("parse_query", {"query": "a+b"})):
            with self.subTest(path=path):
                status, headers, body = harness.http(f"{self.url}/api/v1/{path}", data=form)
                self.assertEqual(status, 200)
                self.assertEqual(headers["Content-Type"], "application/json")
                self.assertEqual(json.loads(body), self.server.api(path, **form))

    def test_errors_have_the_code_and_the_words_of_the_original(self):
        now = "start=1&end=2&step=1"
        for path, status, kind, words in (
                ("query", 400, "bad_data", 'invalid parameter "query": unknown position: parse error: no expression'),
                ("query?query=sum(", 400, "bad_data", "1:5: parse error: unclosed left parenthesis"),
                ("query?query=up{", 400, "bad_data", "parse error: unexpected end of input inside braces"),
                ("query?query=foo(up)", 400, "bad_data", 'parse error: unknown function with name "foo"'),
                ("query?query=rate(up)", 400, "bad_data",
                 'expected type range vector in call to function "rate", got instant vector'),
                ("query?query={}", 400, "bad_data", "vector selector must contain at least one non-empty matcher"),
                ("query?query=up&time=foo", 400, "bad_data",
                 'invalid parameter "time": cannot parse "foo" to a valid timestamp'),
                ("query?query=up&timeout=x", 400, "bad_data",
                 'invalid parameter "timeout": cannot parse "x" to a valid duration'),
                ("query?query=up&limit=-1", 400, "bad_data", 'invalid parameter "limit": limit must be non-negative'),
                ("query_range?query=up", 400, "bad_data", 'invalid parameter "start"'),
                ("query_range?query=up&start=5&end=1&step=1", 400, "bad_data",
                 "end timestamp must not be before start time"),
                ("query_range?query=up&start=1&end=5&step=0", 400, "bad_data",
                 "zero or negative query resolution step widths are not accepted. Try a positive integer"),
                ("query_range?query=up&start=0&end=11001&step=1", 400, "bad_data",
                 "exceeded maximum resolution of 11,000 points per timeseries."),
                (f"query_range?query=up[1m]&{now}", 400, "bad_data",
                 'invalid expression type "range vector" for range query, must be Scalar or instant Vector'),
                ("series", 400, "bad_data", "no match[] parameter provided"),
                ("series?match[]=up{", 400, "bad_data", 'invalid parameter "match[]": 1:4: parse error'),
                ("series?match[]={a=%22%22}", 400, "bad_data",
                 "match[] must contain at least one non-empty matcher"),
                ("labels?start=x", 400, "bad_data", 'invalid parameter "start"'),
                ("label/%ff/values", 400, "bad_data", "invalid label name"),
                ("metadata?limit=x", 400, "bad_data", "limit must be a number"),
                ("format_query?query=(", 400, "bad_data", "parse error"),
                ("query?query=warmth*on(job)warmth", 422, "execution", "found duplicate series for the match group"),
                ("query?query=label_replace(warmth,%22room%22,%22x%22,%22%22,%22%22)", 422, "execution",
                 "vector cannot contain metrics with the same labelset"),
        ):
            with self.subTest(path=path):
                got, headers, body = harness.http(f"{self.url}/api/v1/{path}")
                answer = json.loads(body)
                self.assertEqual((got, answer["status"], answer["errorType"]), (status, "error", kind), answer)
                self.assertIn(words, answer["error"])
                self.assertEqual(headers["Content-Type"], "application/json")

    def test_a_query_that_takes_too_long_is_503(self):
        status, _, body = harness.http(self.url + "/api/v1/query_range", data={
            "query": "quantile_over_time(0.5, {__name__=~'.+'}[5m:1s])", "timeout": "0.001",
            "start": self.at - 3600, "end": self.at + 240, "step": 1})
        self.assertEqual((status, json.loads(body)["errorType"]), (503, "timeout"), body[:300])

    def test_unknown_paths_and_methods(self):
        self.assertEqual(harness.http(self.url + "/api/v1/nothing")[0], 404)
        status, headers, _ = harness.http(self.url + "/api/v1/query", method="DELETE")
        self.assertEqual(status, 405)
        self.assertIn("GET", headers["Allow"])
        self.assertEqual(harness.http(self.url + "/api/v1/targets", data=b"")[0], 405)

    def test_limit_cuts_with_a_warning(self):
        for path, parameters, count in (("query", {"query": "warmth"}, lambda data: len(data["result"])),
                                        ("series", {"match[]": "warmth"}, len), ("labels", {}, len),
                                        ("label/__name__/values", {}, len)):
            with self.subTest(path=path):
                answer = self.server.api(path, limit=1, **parameters)
                self.assertEqual(count(answer["data"]), 1)
                self.assertEqual(answer["warnings"], ["results truncated due to limit"])
                self.assertGreater(count(self.server.api(path, **parameters)["data"]), 1)

    def test_notes_of_the_engine(self):
        answer = self.server.api("query", query="rate(warmth[1m])")
        self.assertIn("metric might not be a counter", answer["infos"][0])
        answer = self.server.api("query", query="quantile(2, warmth)")
        self.assertIn("quantile value should be between 0 and 1", answer["warnings"][0])

    def test_stats(self):
        stats = self.api("query", query="warmth", stats="all")["stats"]
        self.assertEqual(stats["samples"]["totalQueryableSamples"], 2)
        self.assertIn("evalTotalTime", stats["timings"])
        self.assertNotIn("stats", self.api("query", query="warmth"))

    def test_series_labels_and_values(self):
        labels = {"__name__": "warmth", "instance": self.target.address, "job": "app"}
        self.assertEqual(sorted(self.api("series", **{"match[]": ["warmth", "warmth{room='attic'}"]}),
                                key=lambda metric: metric["room"]),
                         [{**labels, "room": "attic"}, {**labels, "room": "kitchen"}])
        self.assertEqual(self.api("labels", **{"match[]": "warmth"}), ["__name__", "instance", "job", "room"])
        self.assertEqual(self.api("label/room/values"), ["attic", "kitchen"])
        self.assertEqual(self.api("label/room/values", **{"match[]": "requests_total"}), [])
        self.assertEqual(self.api("label/method/values"), ["get", "post"])
        self.assertEqual(self.api("label/nothing/values"), [])
        self.assertEqual(self.api("labels", start=1, end=2), [])
        self.assertEqual(self.api("series", start=1, end=2, **{"match[]": "warmth"}), [])

    def test_targets(self):
        data = self.api("targets")
        self.assertEqual([target["scrapePool"] for target in data["activeTargets"]], ["app", "broken"])
        app, broken = data["activeTargets"]
        self.assertEqual(app["labels"], {"instance": self.target.address, "job": "app"})
        self.assertEqual(app["discoveredLabels"]["__address__"], self.target.address)
        self.assertEqual((app["health"], app["lastError"]), ("up", ""))
        self.assertEqual(app["scrapeUrl"], f"http://{self.target.address}/metrics")
        self.assertEqual((app["scrapeInterval"], app["scrapeTimeout"]), ("200ms", "200ms"))
        self.assertRegex(app["lastScrape"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+")
        self.assertGreater(app["lastScrapeDuration"], 0)
        self.assertEqual(broken["health"], "down")
        self.assertEqual(broken["lastError"].upper().count("GET \"HTTP://"), 1, broken["lastError"])
        self.assertEqual([target["discoveredLabels"]["job"] for target in data["droppedTargets"]], ["dropped"])
        self.assertEqual(data["droppedTargetCounts"], {"app": 0, "broken": 0, "dropped": 1})
        self.assertEqual(self.api("targets", state="dropped")["activeTargets"], [])
        self.assertEqual(self.api("targets", state="active")["droppedTargets"], [])
        self.assertEqual(len(self.api("targets", scrapePool="broken")["activeTargets"]), 1)
        self.assertEqual(self.api("scrape_pools"), {"scrapePools": ["app", "broken", "dropped"]})

    def test_metadata(self):
        want = {"requests_total": [{"type": "counter", "help": "Requests so far.", "unit": ""}],
                "warmth": [{"type": "gauge", "help": "How warm.", "unit": ""}],
                "odd": [{"type": "gauge", "help": "", "unit": ""}]}
        self.assertEqual(self.api("metadata"), want)
        self.assertEqual(self.api("metadata", metric="warmth"), {"warmth": want["warmth"]})
        self.assertEqual(len(self.api("metadata", limit=2)), 2)
        self.assertEqual(self.api("metadata", metric="nothing"), {})
        got = self.api("targets/metadata", match_target='{job="app"}', metric="warmth")
        self.assertEqual(got, [{"target": {"instance": self.target.address, "job": "app"}, "type": "gauge",
                                "help": "How warm.", "unit": ""}])

    def test_status(self):
        self.assertIn("region: west", self.api("status/config")["yaml"])
        flags = self.api("status/flags")
        self.assertEqual((flags["query.lookback-delta"], flags["query.max-samples"]), ("5m", "50000000"))
        build = self.api("status/buildinfo")
        self.assertEqual(sorted(build), ["branch", "buildDate", "buildUser", "goVersion", "revision", "version"])
        self.assertRegex(build["version"], r"^3\.")
        runtime = self.api("status/runtimeinfo")
        for key in ("startTime", "CWD", "reloadConfigSuccess", "lastConfigTime", "corruptionCount", "storageRetention"):
            self.assertIn(key, runtime)
        self.assertEqual(runtime["storageRetention"], "15d")
        tsdb = self.api("status/tsdb")
        self.assertGreaterEqual(tsdb["headStats"]["numSeries"], 13)
        self.assertIn({"name": "odd", "value": 4}, tsdb["seriesCountByMetricName"])
        self.assertEqual(len(self.api("status/tsdb", limit=1)["seriesCountByMetricName"]), 1)
        self.assertEqual(sorted(self.api("status/walreplay")), ["current", "max", "min"])
        self.assertEqual(json.loads(harness.http(self.url + "/version")[2])["version"], build["version"])

    def test_nothing_to_alert_yet(self):
        self.assertEqual(self.api("rules"), {"groups": []})
        self.assertEqual(self.api("alerts"), {"alerts": []})
        self.assertEqual(self.api("alertmanagers"), {"activeAlertmanagers": [], "droppedAlertmanagers": []})

    def test_formatting_and_parsing(self):
        self.assertEqual(self.api("format_query", query="sum(rate(a{b='c'}[5m]))by(d)/2"),
                         'sum by (d) (rate(a{b="c"}[5m])) / 2')
        tree = self.api("parse_query", query="sum by (job) (up)")
        self.assertEqual((tree["type"], tree["op"], tree["grouping"]), ("aggregation", "sum", ["job"]))
        self.assertEqual((tree["expr"]["type"], tree["expr"]["name"]), ("vectorSelector", "up"))

    def test_federation(self):
        status, headers, body = harness.http(self.url + "/federate?match[]=warmth&match[]={room='attic'}")
        self.assertEqual(status, 200)
        self.assertIn("text/plain; version=0.0.4", headers["Content-Type"])
        lines = body.decode().splitlines()
        self.assertEqual(lines[0], "# TYPE warmth untyped")
        self.assertEqual(len(lines), 3)
        for line in lines[1:]:
            self.assertRegex(line, r'^warmth\{.*region="west".*\} (21\.5|-3) \d{13}$')
        self.assertEqual(harness.http(self.url + "/federate")[2], b"")
        self.assertEqual(harness.http(self.url + "/federate?match[]=up{")[0], 400)

    def test_compression(self):
        path = "/api/v1/query?query=%7B__name__%3D~%22.%2B%22%7D&time=" + str(self.at)
        _, headers, packed = harness.http(self.url + path, headers={"Accept-Encoding": "gzip"})
        self.assertEqual(headers["Content-Encoding"], "gzip")
        _, headers, plain = harness.http(self.url + path)
        self.assertIsNone(headers["Content-Encoding"])
        self.assertEqual(gzip.decompress(packed), plain)
        self.assertLess(len(packed), len(plain) / 2)

    def test_other_origins(self):
        status, headers, _ = harness.http(self.url + "/api/v1/query?query=up", headers={"Origin": "http://a.example"})
        self.assertEqual((status, headers["Access-Control-Allow-Origin"]), (200, "*"))
        status, headers, body = harness.http(self.url + "/api/v1/query", method="OPTIONS",
                                             headers={"Origin": "http://a.example"})
        self.assertEqual((status, body), (204, b""))
        self.assertEqual(headers["Access-Control-Allow-Origin"], "*")
        self.assertIn("POST", headers["Access-Control-Allow-Methods"])
        self.assertIn("Content-Type", headers["Access-Control-Allow-Headers"])

    def test_head(self):
        status, headers, body = harness.http(self.url + "/api/v1/query?query=1&time=1", method="HEAD")
        self.assertEqual((status, body), (200, b""))
        plain = harness.http(self.url + "/api/v1/query?query=1&time=1")[2]
        self.assertEqual(int(headers["Content-Length"]), len(plain))

    def test_health_and_pages(self):
        self.assertEqual(harness.http(self.url + "/-/healthy")[2], b"Prometheus Server is Healthy.\n")
        self.assertEqual(harness.http(self.url + "/-/ready")[2], b"Prometheus Server is Ready.\n")
        for path in ("/", "/query", "/graph?g0.expr=up", "/targets", "/config", "/flags", "/tsdb-status"):
            status, headers, _ = harness.http(self.url + path)
            self.assertEqual(status, 200, path)
            self.assertIn("text/html", headers["Content-Type"])

    def test_own_metrics_have_the_names_of_the_original(self):
        page = harness.families(harness.http(self.url + "/metrics")[2])
        for name in ("prometheus_build_info", "prometheus_config_last_reload_successful", "prometheus_engine_queries",
                     "prometheus_tsdb_head_series", "prometheus_tsdb_head_samples_appended_total",
                     "prometheus_tsdb_wal_segment_current", "prometheus_target_interval_length_seconds",
                     "prometheus_http_requests_total", "process_resident_memory_bytes", "process_cpu_seconds_total"):
            self.assertIn(name, page)


class Placed(unittest.TestCase):
    """Behind a proxy: --web.route-prefix, --web.external-url, --web.cors.origin, and without lifecycle requests."""

    @classmethod
    def setUpClass(cls):
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        config = pathlib.Path(folder, "prometheus.yml")
        config.write_text("global: {}\n", encoding="ascii")
        port = harness.free_port()
        cls.url = f"http://127.0.0.1:{port}"
        cls.program = stack.enter_context(harness.running(
            [harness.BINARY, "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{port}", "--web.external-url=https://example.org/watch/",
             "--web.route-prefix=/inner", "--web.cors.origin=https?://(a|b)\\.example"],
            ready_url=cls.url + "/inner/-/ready"))

    def test_everything_lies_below_the_prefix(self):
        for path in ("/inner/api/v1/query?query=1", "/inner/metrics", "/inner/-/healthy", "/inner/federate", "/inner/"):
            self.assertEqual(harness.http(self.url + path)[0], 200, path)
        for path in ("/api/v1/query?query=1", "/metrics"):
            self.assertEqual(harness.http(self.url + path)[0], 404, path)

    def test_the_root_leads_there(self):
        connection = http.client.HTTPConnection(self.url[7:], timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", "/")
        reply = connection.getresponse()
        self.assertEqual(reply.status, 302)
        self.assertIn(reply.headers["Location"], ("/inner", "/inner/"))

    def test_only_the_origins_named_are_allowed(self):
        for origin, allowed in (("https://a.example", True), ("http://b.example", True), ("https://c.example", False),
                                ("https://a.example.evil", False)):
            headers = harness.http(self.url + "/inner/api/v1/query?query=1", headers={"Origin": origin})[1]
            self.assertEqual(headers["Access-Control-Allow-Origin"], origin if allowed else None)

    def test_life_cycle_requests_are_refused(self):
        for path in ("reload", "quit"):
            status, _, body = harness.http(f"{self.url}/inner/-/{path}", method="POST")
            self.assertEqual((status, body.strip()), (403, b"Lifecycle API is not enabled."))
        self.assertTrue(self.program.alive())


# bcrypt of "secret", with the least rounds there are
PASSWORD_HASH = "$2b$04$Nqxv0dE8q.C525IWtMZ4z.2jIFIagZNUwJ4YElTCWgebW1N6ptyvq"
WEB_CONFIG = """
tls_server_config:
  cert_file: cert.pem
  key_file: key.pem
http_server_config:
  headers:
    X-Frame-Options: deny
basic_auth_users:
  {user}: {hash}
"""
SELF_CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs:
  - job_name: self
    scheme: https
    tls_config: {{ca_file: cert.pem, server_name: localhost}}
    basic_auth: {{username: me, password: secret}}
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""


class Guarded(unittest.TestCase):
    """TLS and passwords by the web configuration file."""

    @classmethod
    def setUpClass(cls):
        if not shutil.which("openssl"):
            raise unittest.SkipTest("no openssl to make a certificate with")
        stack = contextlib.ExitStack()
        cls.addClassCleanup(stack.close)
        cls.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                       cwd=cls.folder, check=True, capture_output=True, timeout=30)
        cls.web = cls.folder / "web.yml"
        cls.web.write_text(WEB_CONFIG.format(user="me", hash=PASSWORD_HASH), encoding="ascii")
        cls.port = harness.free_port()
        config = cls.folder / "prometheus.yml"
        config.write_text(SELF_CONFIG.format(port=cls.port), encoding="ascii")
        cls.context = ssl.create_default_context(cafile=cls.folder / "cert.pem")
        cls.program = stack.enter_context(harness.running(
            [harness.BINARY, "prometheus", f"--config.file={config}", f"--storage.tsdb.path={cls.folder}/data",
             f"--web.listen-address=127.0.0.1:{cls.port}", f"--web.config.file={cls.web}"]))
        harness.wait_until(lambda: cls.program.alive() and cls.ask("/-/ready", "me:secret")[0] == 200)

    @classmethod
    def ask(cls, path, user=None):
        """(status, headers, body) over TLS."""
        connection = http.client.HTTPSConnection("localhost", cls.port, context=cls.context, timeout=10)
        headers = {}
        if user:
            headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        try:
            connection.request("GET", path, headers=headers)
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        finally:
            connection.close()

    def test_the_password_is_asked_for(self):
        for user in (None, "me:wrong", "you:secret", "me:", "nonsense"):
            status, headers, _ = self.ask("/api/v1/query?query=1", user)
            self.assertEqual(status, 401, user)
            self.assertIn("Basic", headers["WWW-Authenticate"])
        self.assertEqual(self.ask("/api/v1/query?query=1", "me:secret")[0], 200)

    def test_headers_are_added(self):
        self.assertEqual(self.ask("/-/healthy", "me:secret")[1]["X-Frame-Options"], "deny")

    def test_plain_http_is_refused(self):
        try:
            status, _, _ = harness.http(f"http://127.0.0.1:{self.port}/-/healthy", timeout=10)
        except (OSError, http.client.HTTPException):
            return
        self.assertEqual(status, 400)

    def test_it_scrapes_itself_through_both(self):
        def up():
            body = self.ask("/api/v1/query?query=up", "me:secret")[2]
            result = json.loads(body)["data"]["result"]
            return result and result[0]["value"][1] == "1"
        harness.wait_until(up, 10, "up")

    def test_zz_a_changed_file_counts_at_once(self):
        self.web.write_text(WEB_CONFIG.format(user="other", hash=PASSWORD_HASH), encoding="ascii")
        harness.wait_until(lambda: self.ask("/-/healthy", "other:secret")[0] == 200, 10, "the new user")
        self.assertEqual(self.ask("/-/healthy", "me:secret")[0], 401)


if __name__ == "__main__":
    unittest.main(verbosity=2)
