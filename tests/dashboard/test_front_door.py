"""The front door of the local platform forwards as a load balancer does: answers arrive, and paths stay as they are."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from apps.platform.errors import ProblemError
from apps.platform.http import application, read_body, serve
from apps.platform.settings import HttpSettings, load
from devtools.ports import free_port
from tests.support.dashboard import preview, supervised

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

BODY_BYTES = 1_000_000


async def upload(request: Request) -> Response:
    if request.query_params.get("signature") == "wrong":
        raise ProblemError(403, "the signature is wrong")
    return PlainTextResponse(str(len(await read_body(request, BODY_BYTES, 10))))


async def anything(request: Request) -> Response:
    return PlainTextResponse(request.scope["raw_path"])


async def live(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


async def ready() -> str | None:
    return None


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def port(built_dashboard: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[int]:
    """The port of a front door before one service, which stands for all."""
    routes = [
        Route("/ingest/{device}", upload, methods=["PUT"]),
        WebSocketRoute("/api/live", live),
        Route("/{path:path}", anything),
    ]
    stopping, behind, front = asyncio.Event(), free_port(), free_port()
    serving = asyncio.create_task(
        serve(application(routes, ready), load(HttpSettings, {"HTTP_PORT": str(behind)}), stopping)
    )
    url = f"http://127.0.0.1:{behind}"
    async with supervised(preview(front, url, url, tmp_path_factory.mktemp("front-door"))):
        yield front
    stopping.set()
    await serving


@pytest.mark.parametrize("query", ["", "?signature=wrong"])
@pytest.mark.parametrize("size", [900_000, 3_000_000, 20_000_000])
@pytest.mark.parametrize("expect", [{}, {"Expect": "100-continue"}])
async def test_a_refusal_that_comes_before_the_end_of_a_body_arrives_as_it_is(
    port: int, query: str, size: int, expect: dict[str, str]
) -> None:
    wanted = 403 if query else 200 if size <= BODY_BYTES else 413
    async with httpx.AsyncClient() as http:
        for _ in range(15):
            answer = await http.put(
                f"http://127.0.0.1:{port}/ingest/boiler{query}", content=bytes(size), headers=expect, timeout=30
            )
            assert answer.status_code == wanted, answer.text


async def ask(port: int, path: str, *headers: str, host: str = "") -> bytes:
    """Send a request whose path nothing on the way has rewritten."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"GET {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port}'}", *(headers or ("Connection: close",))]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = await asyncio.wait_for(reader.read(65_536), 10)
    writer.close()
    return answer


@pytest.mark.parametrize(
    "path", ["/api/devices", "/api/devices/a.b", "/api/devices?q=../metrics", "/api/d/%C3%BC", "/api"]
)
async def test_a_plain_path_is_forwarded_as_it_is_written(port: int, path: str) -> None:
    answer = await ask(port, path)
    assert answer.startswith(b"HTTP/1.1 200")
    assert path.partition("?")[0].encode() in answer


@pytest.mark.parametrize(
    "path",
    [
        "/api/../metrics",
        "/api/..%2fmetrics",
        "/api/%2e%2e/metrics",
        "/api/%2E./metrics",
        "/api/./metrics",
        "/api/..;/metrics",
        "/api/..\\metrics",
        "/api/%5c../metrics",
        "/api//metrics",
        "/api/..",
        "/api/%zz",
        "/api/%00",
        "/ingest/../metrics",
    ],
)
async def test_a_path_that_may_become_another_reaches_nobody(port: int, path: str) -> None:
    assert (await ask(port, path)).startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))


@pytest.mark.parametrize("path", ["/metrics", "/ready", "/apimetrics", "/ingestmetrics", "//metrics", "/readings"])
async def test_what_belongs_to_no_service_is_the_dashboard(port: int, path: str) -> None:
    answer = await ask(port, path)
    assert b"http_requests_total" not in answer
    assert b"Content-Security-Policy" in answer


UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
)


@pytest.mark.parametrize(("headers", "status"), [((), b"200"), (UPGRADE, b"101")])
async def test_another_host_is_refused(port: int, headers: tuple[str, ...], status: bytes) -> None:
    assert (await ask(port, "/api/live" if headers else "/api/devices", *headers)).startswith(b"HTTP/1.1 " + status)
    assert (await ask(port, "/api/live", *headers, host="evil.example")).startswith((b"HTTP/1.1 403", b"HTTP/1.1 404"))
