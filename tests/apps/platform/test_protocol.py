import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from apps.platform.errors import ProblemError, UnsupportedServerError
from apps.platform.http import application, read_body
from apps.platform.protocol import MAX_LINGER_BYTES, check_uvicorn
from apps.platform.timeouts import HttpTimeouts
from tests.support.serving import serving

LARGE = 16 * 1024 * 1024


async def early(_: Request) -> Response:
    raise ProblemError(403, "no")


async def echo(request: Request) -> Response:
    return PlainTextResponse(await read_body(request, 1_000_000, 1))


async def slow(_: Request) -> Response:
    await asyncio.sleep(0.6)
    return PlainTextResponse("slow")


async def endless(_: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield b"x" * 65_536

    return StreamingResponse(chunks())


async def large(_: Request) -> Response:
    return Response(b"x" * LARGE)


async def mute(websocket: WebSocket) -> None:
    await websocket.receive()
    await asyncio.sleep(60)


async def ready() -> str | None:
    return None


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    routes: list[BaseRoute] = [
        Route(f"/{work.__name__}", work, methods=["PUT", "GET"]) for work in (early, echo, slow, endless, large)
    ]
    routes.append(WebSocketRoute("/mute", mute))
    timeouts = HttpTimeouts(header_seconds=0.4, write_stall_seconds=0.4, linger_seconds=0.4, linger_total_seconds=0.8)
    with serving(application(routes, ready), timeouts=timeouts) as base:
        yield base


@pytest.fixture
def client(base: str) -> Iterator[socket.socket]:
    host, _, port = base.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        yield client


def read_to_the_end(client: socket.socket) -> bytes:
    answer = b""
    try:
        while chunk := client.recv(65_536):
            answer += chunk
    except ConnectionResetError:
        pass
    return answer


def read_until(client: socket.socket, text: bytes) -> None:
    answer = b""
    while text not in answer:
        chunk = client.recv(65_536)
        assert chunk, answer
        answer += chunk


def seconds_until_closed(client: socket.socket) -> float:
    began = time.monotonic()
    read_to_the_end(client)
    return time.monotonic() - began


def test_a_connection_that_says_nothing_is_closed(client: socket.socket) -> None:
    assert seconds_until_closed(client) < 2


@pytest.mark.parametrize("part", [b"GET", b"GET /echo HTTP/1.1\r\nHost: a\r\n", b"\r\n"])
def test_headers_that_trickle_have_one_deadline(client: socket.socket, part: bytes) -> None:
    began = time.monotonic()
    client.sendall(part)
    client.settimeout(0.05)
    while time.monotonic() - began < 5:
        try:
            client.sendall(b"\r\n" if part == b"\r\n" else b"x")
            if not client.recv(1):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    assert time.monotonic() - began < 3


def test_a_second_request_on_a_connection_has_its_own_deadline(client: socket.socket) -> None:
    client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
    read_until(client, b"alive")
    client.sendall(b"\r\n")
    assert seconds_until_closed(client) < 2


def test_a_kept_alive_connection_may_be_silent_between_two_requests(client: socket.socket) -> None:
    for _ in range(2):
        client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
        read_until(client, b"alive")
        time.sleep(0.6)  # longer than headers may take


def test_an_answer_under_way_is_finished_though_the_next_request_trickles(client: socket.socket) -> None:
    client.sendall(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /health HT")
    assert read_to_the_end(client).endswith(b"slow")


def test_pipelined_requests_are_all_answered(client: socket.socket) -> None:
    request = b"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
    client.sendall(request + b"one" + request + b"two" + request[:20])
    answer = read_to_the_end(client)
    assert answer.count(b"200 OK") == 2
    assert answer.index(b"one") < answer.index(b"two")


def test_headers_beyond_all_measure_are_refused(client: socket.socket) -> None:
    client.sendall(b"GET /echo HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000)
    assert b" 431 " in read_to_the_end(client)


def test_headers_beyond_all_measure_are_refused_in_one_piece_too(client: socket.socket) -> None:
    client.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 70_000 + b"\r\n\r\n")
    assert b" 400 " in read_to_the_end(client)


HANDSHAKE = (
    b" /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        (b"GET", b"", b" 403 "),
        (b"PUT", b"", b" 400 "),
        (b"GET", b"Content-Length: 10\r\n", b" 400 "),
        (b"GET", b"Transfer-Encoding: chunked\r\n", b" 400 "),
        (b"GET", b"".join(b"X%d: 1\r\n" % number for number in range(200)), b" 400 "),
        (b"GET", b"X: " + b"x" * 9_000 + b"\r\n", b" 400 "),
    ],
)
def test_an_upgrade_that_is_no_handshake_is_answered_and_closed(
    client: socket.socket, method: bytes, headers: bytes, status: bytes
) -> None:
    client.sendall(method + HANDSHAKE + headers + b"\r\n")
    assert status in read_to_the_end(client)


def test_a_handshake_that_is_never_answered_is_ended(client: socket.socket) -> None:
    client.sendall(b"GET" + HANDSHAKE.replace(b"/live", b"/mute") + b"\r\n")
    assert seconds_until_closed(client) < 5


def test_a_body_that_is_answered_early_is_not_read_for_long_and_the_answer_arrives(client: socket.socket) -> None:
    client.sendall(b"PUT /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
    sent = 0
    try:
        for _ in range(10_000):
            sent += client.send(b"x" * 100_000)
    except OSError:
        pass
    assert sent < MAX_LINGER_BYTES + 20_000_000  # buffers of the kernel, not what the server read
    answer = read_to_the_end(client)
    assert b" 403 " in answer
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    ("method", "more"),
    [
        ("PUT", ""),
        ("HEAD", ""),
        ("GET", "Content-Length: 10\r\n"),
        ("GET", "Transfer-Encoding: chunked\r\n"),
        ("GET", "X: 1\r\n" * 200),
        ("GET", f"X: {'a' * 9000}\r\n"),
    ],
)
def test_an_upgrade_that_is_none_is_answered_at_once(client: socket.socket, method: str, more: str) -> None:
    headers = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    client.sendall(f"{method} /health HTTP/1.1\r\nHost: a\r\n{headers}{key}{more}\r\n".encode())
    assert read_to_the_end(client).startswith(b"HTTP/1.1 400 ")


def test_a_client_that_is_answered_early_is_not_reset_while_it_sends_on(client: socket.socket) -> None:
    client.sendall(b"PUT /early HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
    read_until(client, b"403")
    for _ in range(5):
        client.sendall(b"x" * 20_000)
        time.sleep(0.02)
    while client.recv(65_536):
        pass


def test_a_connection_that_was_answered_early_ends_though_its_body_trickles_on(client: socket.socket) -> None:
    client.sendall(b"PUT /early HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
    read_until(client, b"403")
    began = time.monotonic()
    with suppress(OSError):
        while time.monotonic() - began < 5:
            client.sendall(b"x")
            time.sleep(0.05)
    assert time.monotonic() - began < 3


def test_an_early_answer_is_not_followed_by_an_end_while_the_client_still_sends(client: socket.socket) -> None:
    client.sendall(b"PUT /early HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n")
    read_until(client, b'"no"}')
    client.settimeout(0.05)
    for _ in range(5):
        client.sendall(b"x" * 20_000)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_bytes_beyond_the_stated_length_do_not_belong_to_the_body(client: socket.socket) -> None:
    client.sendall(b"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\none and more")
    answer = read_to_the_end(client)
    assert b" 400 " in answer
    assert b"and more" not in answer


def test_an_answer_that_nobody_reads_is_given_up(client: socket.socket) -> None:
    client.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(2)
    began = time.monotonic()
    client.settimeout(5)
    received = len(read_to_the_end(client))
    assert time.monotonic() - began < 4
    assert received < 32_000_000


def test_an_answer_that_is_read_slowly_is_not_given_up(base: str) -> None:
    host, _, port = base.removeprefix("http://").partition(":")
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((host, int(port)))
        client.sendall(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        received = 0
        while received < LARGE and (chunk := client.recv(LARGE // 16, socket.MSG_WAITALL)):
            received += len(chunk)
            time.sleep(0.15)  # in all six times as long as it may stand still
        assert received >= LARGE


def test_a_body_that_trickles_is_answered_with_408(client: socket.socket) -> None:
    client.sendall(b"PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    assert b" 408 " in read_to_the_end(client)


def test_ordinary_requests_keep_their_connection(base: str) -> None:
    with httpx.Client() as http:
        responses = [http.put(f"{base}/echo", content=b"x" * 500_000) for _ in range(3)]
        assert [response.content for response in responses] == [b"x" * 500_000] * 3
        connections = {r.extensions["network_stream"].get_extra_info("client_addr") for r in responses}
        assert len(connections) == 1


class OtherServer:
    def __init__(self) -> None:
        self.cycle = None

    def shutdown(self, code: int) -> None: ...


@pytest.mark.parametrize("member", [{"shutdown": ()}, {"connection_made": ("transport",)}, {"pipeline": None}])
def test_a_uvicorn_that_is_not_the_one_that_was_extended_is_refused_by_name(
    member: dict[str, tuple[str, ...] | None],
) -> None:
    check_uvicorn({OtherServer: {"shutdown": ("code",), "cycle": None}})
    (name,) = member
    with pytest.raises(UnsupportedServerError, match=rf"OtherServer has no {name} .*docs/adr/0013"):
        check_uvicorn({OtherServer: member})
