"""Role grafana: the interface's files, Grafana's health, and the way through the proxy to the prometheus role."""
import contextlib
import gzip
import json
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import harness

HOST = harness.loopback_address()
PROXY = f"http://{HOST}:3000/api/datasources/proxy/uid/prometheus"


class Alone(unittest.TestCase):
    """`vigie grafana`: no metrics in this process."""

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.url = f"http://127.0.0.1:{harness.free_port()}"
        cls.stack.enter_context(harness.running(
            [harness.BINARY, "grafana", f"--web.listen-address={cls.url[7:]}", "--homepath=/usr/share/grafana", "--config", "/none"],
            ready_url=f"{cls.url}/api/health"))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def test_health_is_grafanas(self):
        answer = harness.get_json(f"{self.url}/api/health")
        self.assertEqual(answer["database"], "ok")
        self.assertEqual(sorted(answer), ["commit", "database", "version"])

    def test_the_proxy_says_what_is_missing(self):
        status, _, body = harness.http(f"{self.url}/api/datasources/proxy/uid/prometheus/api/v1/query?query=1")
        self.assertEqual(status, 502)
        self.assertIn("no role prometheus", json.loads(body)["message"])

    def test_an_unknown_path_is_not_found(self):
        for path in ("/api/datasources/proxy/uid/other/api/v1/query", "/assets/none.js", "/etc/passwd", "/nothing"):
            self.assertEqual(harness.http(self.url + path)[0], 404, path)


class Together(unittest.TestCase):
    """`vigie up`: the same pages on both ports, each knowing where its API is."""

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        folder = cls.stack.enter_context(tempfile.TemporaryDirectory())
        cls.stack.enter_context(harness.running(
            [harness.BINARY, "up", f"--listen={HOST}", f"--data={folder}/data", f"--config.root={folder}/none"],
            ready_url=f"http://{HOST}:9090/-/ready"))

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def test_queries_go_through_the_proxy(self):
        for data in (None, {"query": "1 + 1", "time": "5"}):
            query = "" if data else "?query=1%2B1&time=5"
            self.assertEqual(harness.get_json(f"{PROXY}/api/v1/query{query}", data=data),
                             {"status": "success", "data": {"resultType": "scalar", "result": [5, "2"]}})

    def test_errors_come_through_as_they_are(self):
        status, _, body = harness.http(f"{PROXY}/api/v1/query?query=sum(")
        self.assertEqual(status, 400)
        self.assertEqual(json.loads(body)["errorType"], "bad_data")

    def test_a_client_that_takes_nothing_packed_gets_plain_files(self):
        status, headers, page = harness.http(f"http://{HOST}:9090/query")
        self.assertEqual((status, headers["Cache-Control"], headers["Content-Encoding"]), (200, "no-cache", None))
        if b"vigie-api" not in page:
            raise unittest.SkipTest("built without the interface")
        self.assertIn(b'content="api/v1"', page)
        script = re.search(rb'src="(assets/main-[^"]+)"', page).group(1).decode()
        status, headers, plain = harness.http(f"http://{HOST}:9090/{script}")
        self.assertEqual((status, headers["Content-Encoding"]), (200, None))
        self.assertIn("immutable", headers["Cache-Control"])
        packed = harness.http(f"http://{HOST}:9090/{script}", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(gzip.decompress(packed[2]), plain)
        self.assertEqual(harness.http(f"http://{HOST}:9090/{script}", headers={"If-None-Match": headers["ETag"]})[0], 304)

    def test_the_page_on_grafanas_port_asks_the_proxy(self):
        status, _, page = harness.http(f"http://{HOST}:3000/")
        self.assertEqual(status, 200)
        if b"vigie-api" not in page:
            raise unittest.SkipTest("built without the interface")
        self.assertIn(b'content="api/datasources/proxy/uid/prometheus/api/v1"', page)


if __name__ == "__main__":
    unittest.main(verbosity=2)
