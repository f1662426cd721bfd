"""A target for scrapes whose page the test decides, in the test's own process.

Each request runs on a thread of its own; `page` may be called from several at once.
"""
import contextlib
import gzip
import http.server
import socketserver
import threading

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A client that goes away in the middle is part of some tests."""


class Target:
    """Serves `page`, a text or a function (path, headers) -> text or (status, content type, bytes)."""

    def __init__(self, page="", content_type=TEXT, host="127.0.0.1", port=0):
        self.page = page
        self.content_type = content_type
        self.requests = []  # (path, headers) of each, in order
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                target.requests.append((self.path, self.headers))
                answer = target.page(self.path, self.headers) if callable(target.page) else target.page
                status, kind, body = answer if isinstance(answer, tuple) else (200, target.content_type, answer)
                body = body.encode() if isinstance(body, str) else body
                self.send_response(status)
                if "gzip" in (self.headers.get("Accept-Encoding") or "") and len(body) > 1000:
                    body = gzip.compress(body, 1)
                    self.send_header("Content-Encoding", "gzip")
                if kind:
                    self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                """Silence: the tests say what matters."""

        self._server = _Server((host, port), Handler)
        self.port = self._server.server_address[1]
        self.address = f"{host}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self):
        """Stops listening; connections that are kept alive end with their next request."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextlib.contextmanager
def serving(page="", **options):
    """A target for the length of a with block."""
    target = Target(page, **options)
    try:
        yield target
    finally:
        target.close()
