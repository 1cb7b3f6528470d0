"""A door to an S3 that can be shut: what comes back is the server's own, until a fault is chosen."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Fault = Literal["down", "cold"]

COLD = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>InvalidObjectState</Code><Message>The operation is not valid '
    b"for the object's storage class</Message><StorageClass>GLACIER</StorageClass></Error>"
)


class S3Proxy(ThreadingHTTPServer):
    """`fault`: "down": every connection is cut; "cold": Parquet answers as S3 does of an object in Glacier."""

    daemon_threads = True
    fault: Fault | None = None
    requests: list[str]

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.requests = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: the second would wait 40 ms for the first to be acknowledged.
    disable_nagle_algorithm = True
    server: S3Proxy

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        if self.server.fault == "down":
            self.close_connection = True
            return
        if self.server.fault == "cold" and self.path.partition("?")[0].endswith(".parquet"):
            self._answer(403, {"Content-Type": "application/xml"}, COLD)
            return
        target = http.client.HTTPConnection(self.server.target.hostname or "", self.server.target.port, timeout=60)
        target.request("GET", self.path, headers=dict(self.headers))
        answer = target.getresponse()
        body = answer.read()
        headers = {name: value for name, value in answer.getheaders() if name.lower() in _KEPT}
        self._answer(answer.status, headers, body)
        target.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing."""


_KEPT = {"content-type", "etag", "last-modified", "content-range", "accept-ranges"}


@contextmanager
def s3_proxy(target: str) -> Iterator[S3Proxy]:
    """Run a proxy in front of an S3."""
    proxy = S3Proxy(target)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()
