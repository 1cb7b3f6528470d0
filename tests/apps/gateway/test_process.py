"""The figures that are promised of the process: slow clients, endless bodies, forged signatures, its end."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import httpx
import psutil
import pytest

from apps.domain.signing import SigningKeys, presign
from apps.gateway.__main__ import main
from apps.gateway.app import create
from apps.gateway.producer import Producer
from apps.gateway.settings import GatewaySettings
from apps.platform.protocol import DeadlineProtocol
from apps.platform.settings import load
from tests.apps.gateway.support import (
    SIGNING,
    FaultyKinesis,
    Gateway,
    PutFault,
    as_client,
    body,
    envelopes,
    environment,
    running,
    upload_path,
)
from tests.support.kinesis import KinesisServer
from tests.support.serving import await_answer, serving

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with no stream behind it: what is tested here must not get that far."""
    with running(tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


def connect(gateway: Gateway) -> socket.socket:
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=40)


def head(length: int) -> bytes:
    return f"PUT {upload_path()} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()


def trickle(client: socket.socket, first: bytes, drop: bytes) -> bytes:
    """Send `first`, then a `drop` every second until the server has closed; return what it said."""
    answer = b""
    client.settimeout(1)
    try:
        client.sendall(first)
        while True:
            if drop:
                client.sendall(drop)
            try:
                chunk = client.recv(65_536)
            except TimeoutError:
                continue
            if not chunk:
                return answer
            answer += chunk
    except OSError:
        return answer


def test_slow_clients_are_let_go_within_15_seconds(gateway: Gateway) -> None:
    clients = {
        "silent": (b"", b""),
        "header trickle": (b"PUT /ingest/a HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n"),
        "request line trickle": (b"PUT /", b"a"),
        "body trickle": (head(1_000), b"1"),
        "body that stops": (head(1_000), b""),
        "forged body trickle": (head(1_000).replace(b"signature=", b"signature=0"), b"1"),
    }
    ended: dict[str, tuple[float, bytes]] = {}

    def play(name: str, first: bytes, drop: bytes) -> None:
        began = time.monotonic()
        with connect(gateway) as client:
            answer = trickle(client, first, drop)
        ended[name] = time.monotonic() - began, answer

    threads = [threading.Thread(target=play, args=(name, *sends), daemon=True) for name, sends in clients.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert set(ended) == set(clients)
    assert {name: seconds for name, (seconds, _) in ended.items() if seconds > 15} == {}
    assert b" 408 " in ended["body trickle"][1]
    assert b" 403 " in ended["forged body trickle"][1]


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_of_200_mib_is_refused_before_it_costs_memory(gateway: Gateway, chunked: bool) -> None:
    process = psutil.Process(gateway.process.pid)
    before = most = process.memory_info().rss
    piece = b"x" * 65_536
    if chunked:
        first = head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        piece = b"%x\r\n%s\r\n" % (len(piece), piece)
    else:
        first = head(200 * MIB)
    answer = b""
    with connect(gateway) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
        client.sendall(first)
        try:
            for _ in range(200 * MIB // len(piece)):
                client.sendall(piece)
                most = max(most, process.memory_info().rss)
        except OSError:
            pass
        else:
            pytest.fail("all of it was taken")
        answer = client.recv(65_536)
    assert b" 413 " in answer
    assert most - before <= 64 * MIB


def test_a_body_is_refused_before_1_mib_over_the_limit_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    read = 0
    receive = DeadlineProtocol.data_received

    def count(self: DeadlineProtocol, data: bytes) -> None:
        nonlocal read
        read += len(data)
        receive(self, data)

    def endless() -> Iterator[bytes]:
        for _ in range(200 * 16):
            yield b"x" * 65_536

    def answered(self: DeadlineProtocol) -> None:
        at_the_answer.append(read)
        linger(self)

    at_the_answer: list[int] = []
    linger = DeadlineProtocol.linger
    monkeypatch.setattr(DeadlineProtocol, "data_received", count)
    monkeypatch.setattr(DeadlineProtocol, "linger", answered)
    settings = load(GatewaySettings, environment(tmp_path))
    with serving(create(settings, as_client(FaultyKinesis(PutFault)))) as base:
        answer = httpx.put(base + upload_path(), content=endless(), timeout=20)
    assert answer.status_code == 413
    assert settings.max_body_bytes < at_the_answer[0] <= settings.max_body_bytes + MIB


def test_a_bomb_of_1000_to_1_is_refused_without_being_inflated(gateway: Gateway) -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    bomb = b"".join(deflater.compress(b" " * MIB) for _ in range(300)) + deflater.flush()
    assert len(bomb) < 300 * MIB / 1_000
    process = psutil.Process(gateway.process.pid)
    before = process.memory_info().rss
    for _ in range(5):
        answer = httpx.put(gateway.base + upload_path(), content=bomb, headers={"content-encoding": "gzip"}, timeout=20)
        assert answer.status_code == 413
    assert process.memory_info().rss - before <= 64 * MIB


def forgeries(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield methods and targets, for ever, each near to a valid one and none of them valid."""
    now = datetime.now(UTC)
    characters = "".join(map(chr, range(0x21, 0x7F)))
    unknown = SigningKeys("k9", {"k9": SIGNING.secrets["k1"]})
    empty = SigningKeys("k9", {"k9": bytes(32)})
    another = SigningKeys("k1", {"k1": b"another secret, as long as it is"})

    def flip(url: str) -> str:
        at = rng.randrange(len(url))
        return url[:at] + rng.choice(characters.replace(url[at], "")) + url[at + 1 :]

    def cut(url: str) -> str:
        at = rng.randrange(1, len(url))
        return url[:at] + url[at + rng.randint(1, 9) :]

    methods: list[Callable[[str, str], tuple[str, str]]] = [
        lambda url, _: ("PUT", flip(url)),
        lambda url, _: ("PUT", cut(url)),
        lambda url, _: ("PUT", url + rng.choice(characters)),
        lambda url, device: ("PUT", url.replace(device, device + rng.choice("abc-._"))),
        lambda url, device: (
            "PUT",
            url.replace(
                f"/{device}",
                rng.choice(
                    [
                        f"//{device}",
                        f"/./{device}",
                        f"/x/../{device}",
                        f"/%{ord(device[0]):x}{device[1:]}",
                        f"/{device}/",
                        f"/{device};a",
                    ]
                ),
            ),
        ),
        lambda url, _: (
            "PUT",
            url.replace(
                "expires=", rng.choice(["expires=0", "expires=1", "expires=%2B", "Expires=", "expires=9&expires="])
            ),
        ),
        lambda url, _: (
            "PUT",
            url.replace("key=k1", rng.choice(["key=", "key=K1", "key=k1&key=k1", "key=k%31", "key=k2"])),
        ),
        lambda url, _: (rng.choice(["POST", "PATCH", "DELETE", "GET", "PROPFIND"]), url),
        lambda _, device: ("PUT", presign(SIGNING, device, now - timedelta(seconds=rng.randint(2, 10**6)))),
        lambda _, device: ("PUT", presign(SIGNING, device, now + timedelta(days=8, seconds=rng.randint(0, 10**8)))),
        lambda _, device: ("PUT", presign(rng.choice([unknown, empty]), device, now + timedelta(hours=1))),
        lambda _, device: ("PUT", presign(another, device, now + timedelta(hours=1))),
    ]
    while True:
        device = f"device-{rng.randrange(100)}"
        url = presign(SIGNING, device, now + timedelta(seconds=rng.randint(600, 600_000)))
        method, target = rng.choice(methods)(url, device)
        if (method, target) != ("PUT", url) and "#" not in target:
            yield method, target


def test_of_10000_forged_requests_none_is_accepted(tmp_path: Path, ministack: KinesisServer, stream: str) -> None:
    seed = random.randrange(2**32)
    forged = forgeries(random.Random(seed))
    content = body()
    statuses: Counter[int] = Counter()
    with running(tmp_path, READINGS_STREAM=stream, **ministack.environment()) as gateway:
        client: socket.socket | None = None
        answers: BinaryIO | None = None
        for method, target in (next(forged) for _ in range(10_000)):
            if client is None or answers is None:
                client = connect(gateway)
                answers = client.makefile("rb")
            request = f"{method} {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            client.sendall(request + content)
            status, closed = read_answer(answers)
            statuses[status] += 1
            assert status in {400, 403, 404, 405}, f"seed {seed}: {method} {target} was answered with {status}"
            if closed:
                client.close()
                client = None
        genuine = httpx.put(gateway.base + upload_path("genuine"), content=content)
        assert genuine.status_code == 202
        assert [envelope.device_id for envelope in envelopes(ministack, stream)] == ["genuine"]
    assert statuses[403] > 5_000, statuses


def read_answer(answers: BinaryIO) -> tuple[int, bool]:
    """Return the status of one answer, and whether the connection ends with it."""
    status, length, closed = int(answers.readline().split()[1]), 0, False
    while (line := answers.readline().strip().lower()) != b"":
        name, _, value = line.partition(b": ")
        length = int(value) if name == b"content-length" else length
        closed = closed or (name, value) == (b"connection", b"close")
    answers.read(length)
    return status, closed


def test_sigterm_with_half_sent_requests_ends_the_process_within_25_seconds(tmp_path: Path) -> None:
    with running(tmp_path) as gateway:
        with connect(gateway) as silent, connect(gateway) as header, connect(gateway) as half, connect(gateway) as idle:
            header.sendall(b"PUT /ingest/a HTTP/1.1\r\nHo")
            half.sendall(head(1_000) + b"[")
            idle.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
            assert idle.recv(65_536)
            assert silent.fileno() >= 0
            began = time.monotonic()
            gateway.process.send_signal(signal.SIGTERM)
            assert gateway.process.wait(25) == 0
        assert time.monotonic() - began <= 25


def test_an_upload_under_way_at_sigterm_is_finished_and_acknowledged(
    tmp_path: Path, ministack: KinesisServer, stream: str
) -> None:
    content = body(2)
    with running(tmp_path, READINGS_STREAM=stream, **ministack.environment()) as gateway, connect(gateway) as client:
        client.sendall(head(len(content)) + content[:10])
        in_flight = "gateway_uploads_in_flight 1.0"
        while in_flight not in httpx.get(f"{gateway.base}/metrics").text:
            time.sleep(0.02)
        gateway.process.send_signal(signal.SIGTERM)
        while refuses_nobody(gateway):
            time.sleep(0.02)
        client.sendall(content[10:])
        assert b" 202 " in client.recv(65_536)
        assert gateway.process.wait(25) == 0
    assert len(envelopes(ministack, stream)[0].readings) == 2


async def test_a_gateway_that_can_put_nothing_any_more_says_so_and_ends_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Producer) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Producer, "_take", broken)
    settings = load(GatewaySettings, environment(tmp_path, PUT_TIMEOUT_SECONDS="60"))
    ended = asyncio.create_task(main(settings, asyncio.Event()))
    base = f"http://127.0.0.1:{settings.http_port}"
    async with httpx.AsyncClient(timeout=10) as client:
        await asyncio.to_thread(await_answer, base)
        answer = await client.put(base + upload_path(), content=body())
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert await asyncio.wait_for(ended, 20) == 1


def refuses_nobody(gateway: Gateway) -> bool:
    try:
        connect(gateway).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"SIGNING_KEYS_FILE": "/nowhere/keys.json"}, "/nowhere/keys.json: No such file or directory"),
        ({"SIGNING_KEYS_FILE": os.devnull}, "signing keys must be"),
        ({"READINGS_STREAM": ""}, "READINGS_STREAM is not set (Name of the Kinesis stream)"),
        ({"MAX_BODY_BYTES": "1"}, "MAX_BODY_BYTES="),
    ],
)
def test_settings_that_cannot_be_used_end_the_process_with_a_line_each(
    tmp_path: Path, change: dict[str, str], line: str
) -> None:
    ended = start_and_end(environment(tmp_path, **change))
    assert ended.returncode == 2
    assert line in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_ends_the_process_with_a_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = start_and_end(environment(tmp_path, HTTP_PORT=str(taken.getsockname()[1])))
    assert ended.returncode == 2
    assert "Address already in use: stop what listens there or choose another port" in ended.stderr
    assert "Traceback" not in ended.stderr


def start_and_end(variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "apps.gateway"], env=os.environ | variables, capture_output=True, text=True, timeout=60
    )
