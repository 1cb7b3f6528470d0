import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from apps.platform.errors import ConfigurationError, ProblemError
from apps.platform.http import application, listen, read_body
from apps.platform.settings import HttpSettings, load
from apps.platform.timeouts import HttpTimeouts
from devtools.ports import free_port
from tests.support.serving import serving

LIMIT = 1_000


async def keep(request: Request) -> Response:
    return PlainTextResponse(str(len(await read_body(request, LIMIT, 5))))


async def refuse(_: Request) -> Response:
    raise ProblemError(409, "it exists", headers={"Retry-After": "3"}, device_id="d")


async def fail(_: Request) -> Response:
    raise RuntimeError("a secret")


async def invalid(_: Request) -> Response:
    msgspec.convert("x", int)
    return Response()


class Ready:
    reason: str | None = None

    async def __call__(self) -> str | None:
        return self.reason


@pytest.fixture(scope="module")
def readiness() -> Ready:
    return Ready()


@pytest.fixture(scope="module")
def base(readiness: Ready) -> Iterator[str]:
    routes = [Route(f"/{work.__name__}/{{name}}", work, methods=["PUT"]) for work in (keep, refuse, fail, invalid)]
    with serving(application(routes, readiness)) as base:
        yield base


def chunks(size: int) -> Iterator[bytes]:
    for _ in range(size // 100):
        yield b"x" * 100


def test_a_body_of_the_limit_is_kept_and_a_longer_one_is_refused_stated_or_not(base: str) -> None:
    assert httpx.put(f"{base}/keep/a", content=b"x" * LIMIT).text == "1000"
    assert httpx.put(f"{base}/keep/a", content=chunks(LIMIT)).text == "1000"
    for content in (b"x" * (LIMIT + 1), chunks(LIMIT + 100)):
        answer = httpx.put(f"{base}/keep/a", content=content)
        assert answer.status_code == 413
        assert "at most 1000 bytes" in answer.json()["detail"]


def test_a_client_that_hangs_up_in_its_body_is_no_failure_of_the_server(base: str) -> None:
    host, port = httpx.URL(base).host, httpx.URL(base).port
    with socket.create_connection((host, port)) as client:
        client.sendall(b"PUT /keep/a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
    counted = 'http_requests_total{method="PUT",route="/keep/{name}",status="400"} 1.0'
    deadline = time.monotonic() + 10
    while counted not in httpx.get(f"{base}/metrics").text:
        assert time.monotonic() < deadline
    assert 'route="/keep/{name}",status="500"} 0.0' in httpx.get(f"{base}/metrics").text


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/refuse/a", 409, "it exists"),
        ("/invalid/a", 422, "Expected `int`, got `str`"),
        ("/nowhere", 404, "there is nothing at /nowhere: /api/docs lists what there is"),
        ("/refuse/a/", 404, "there is nothing at /refuse/a/"),
        ("/health", 405, "this path does not take PUT: it takes GET, HEAD"),
        ("/fail/a", 500, "the server failed"),
    ],
)
def test_every_error_is_a_problem_document_without_a_stack_trace(
    base: str, path: str, status: int, detail: str
) -> None:
    answer = httpx.put(base + path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert detail in problem["detail"]
    assert "secret" not in answer.text
    if path == "/refuse/a":
        assert (answer.headers["retry-after"], problem["device_id"]) == ("3", "d")


def test_readiness_tells_the_reason_and_liveness_does_not_care(base: str, readiness: Ready) -> None:
    assert httpx.get(f"{base}/ready").json() == {"ready": True, "reason": None}
    readiness.reason = "no stream"
    answer = httpx.get(f"{base}/ready")
    readiness.reason = None
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "reason": "no stream"})
    assert httpx.get(f"{base}/health").status_code == 200


def test_requests_are_counted_by_route_and_never_by_path(base: str) -> None:
    for name in ("one", "two"):
        httpx.put(f"{base}/keep/{name}")
    httpx.request("BREW", f"{base}/keep/x")
    lines = httpx.get(f"{base}/metrics").text.splitlines()
    counted = [line for line in lines if line.startswith("http_requests_total")]
    assert any('route="/keep/{name}",status="200"' in line for line in counted)
    assert not any("one" in line or "BREW" in line for line in counted)


def test_faults_are_counted_from_zero_so_that_the_first_one_shows_in_a_rate(base: str) -> None:
    httpx.put(f"{base}/invalid/x")
    lines = httpx.get(f"{base}/metrics").text.splitlines()
    for status in ("500", "503"):
        assert f'http_requests_total{{method="PUT",route="/invalid/{{name}}",status="{status}"}} 0.0' in lines


def test_a_request_that_does_not_end_does_not_keep_the_server_from_stopping() -> None:
    begun = threading.Event()

    async def hang(_: Request) -> Response:
        begun.set()
        await asyncio.sleep(60)
        return Response()

    timeouts = HttpTimeouts(graceful_shutdown_seconds=1)
    with serving(application([Route("/hang", hang)], Ready()), timeouts=timeouts) as base:
        hanging = threading.Thread(target=lambda: httpx.get(f"{base}/hang", timeout=30))
        hanging.start()
        assert begun.wait(10)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    hanging.join(10)


def test_an_address_that_is_taken_is_a_configuration_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"HTTP_PORT={port}: Address already in use"):
            listen(load(HttpSettings, {"HTTP_PORT": str(port)}))


def test_the_socket_names_its_protocol_so_that_answers_do_not_wait_for_acknowledgements() -> None:
    async def nagle_is_off() -> bool:
        with listen(load(HttpSettings, {"HTTP_PORT": str(free_port())})) as listener:
            accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

            def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                option = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                accepted.set_result(option)
                writer.close()

            async with await asyncio.start_server(accept, sock=listener):
                _, writer = await asyncio.open_connection(*listener.getsockname())
                option = await accepted
                writer.close()
        return bool(option)

    assert asyncio.run(nagle_is_off())
