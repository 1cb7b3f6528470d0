"""Applications on a real socket, in a thread of the test's own process, so that a test can hand them a faulty part."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer

import httpx
from starlette.types import ASGIApp

from apps.platform.http import serve
from apps.platform.settings import HttpSettings, load
from apps.platform.timeouts import HttpTimeouts
from devtools.ports import free_port


@contextmanager
def serving(app: ASGIApp, port: int | None = None, timeouts: HttpTimeouts | None = None) -> Iterator[str]:
    """Serve as every service is served; yield the base URL once it answers."""
    settings = load(HttpSettings, {"HTTP_PORT": str(port or free_port())})
    stopping = asyncio.Event()
    loop = asyncio.new_event_loop()

    def work() -> None:
        loop.run_until_complete(serve(app, settings, stopping, timeouts))
        loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{settings.http_port}"
    await_answer(base)
    try:
        yield base
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(30)
        assert not thread.is_alive(), "the server did not stop"


@contextmanager
def answering(server: HTTPServer) -> Iterator[None]:
    """Let a small server of a test's own answer in a thread while the block runs."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def await_answer(base: str, seconds: float = 30) -> None:
    """Wait until a server answers its liveness probe."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            httpx.get(f"{base}/health", timeout=2)
        except httpx.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
