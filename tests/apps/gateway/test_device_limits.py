"""What one device may take of a gateway: its uploads, its bytes, its readings; and what all together may."""

import gzip
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Gauge

from apps.gateway.app import create
from apps.gateway.budget import ByteBudget
from apps.gateway.device_limits import DeviceLimits
from apps.gateway.errors import OverloadedError
from apps.gateway.settings import GatewaySettings
from apps.platform.errors import ProblemError
from apps.platform.settings import load
from tests.apps.gateway.support import FaultyKinesis, PutFault, as_client, body, environment, running, upload_path
from tests.support.serving import serving

MIB = 1024 * 1024


class Hanging(FaultyKinesis):
    """Answers no call until it is released."""

    def __init__(self) -> None:
        super().__init__(PutFault)
        self.release = threading.Event()

    def put_records(self, **arguments: Any) -> Any:
        self.release.wait(20)
        return super().put_records(**arguments)


@contextmanager
def gateway(folder: Path, kinesis: FaultyKinesis | None = None, **changes: str) -> Iterator[str]:
    settings = load(GatewaySettings, environment(folder, **changes))
    with serving(create(settings, as_client(kinesis or FaultyKinesis(PutFault)))) as base:
        yield base


def put(base: str, device_id: str, count: int = 1) -> httpx.Response:
    return httpx.put(base + upload_path(device_id), content=body(count), timeout=30)


def test_a_device_has_so_many_uploads_under_way_and_others_have_theirs(tmp_path: Path) -> None:
    kinesis = Hanging()
    with gateway(tmp_path, kinesis, DEVICE_MAX_UPLOADS="2") as base, ThreadPoolExecutor(6) as threads:
        ours = [threads.submit(put, base, "greedy") for _ in range(4)]
        while sum(upload.done() for upload in ours) < 2:
            time.sleep(0.02)
        refused = [upload.result() for upload in ours if upload.done()]
        other = threads.submit(put, base, "other")
        kinesis.release.set()
        assert [answer.status_code for answer in refused] == [429, 429]
        assert (refused[0].json()["limit"], refused[0].headers["retry-after"]) == ("uploads", "1")
        assert other.result().status_code == 202
        assert Counter(upload.result().status_code for upload in ours) == {429: 2, 202: 2}
        assert put(base, "greedy").status_code == 202


def test_a_device_sends_so_many_readings_and_is_told_when_to_come_back(tmp_path: Path) -> None:
    limits = {"DEVICE_READINGS_PER_SECOND": "10", "DEVICE_READINGS_BURST": "100"}
    with gateway(tmp_path, None, **limits) as base:
        assert put(base, "d", 100).status_code == 202
        answer = put(base, "d", 40)
        assert (answer.status_code, answer.json()["limit"]) == (429, "readings")
        assert 1 <= int(answer.headers["retry-after"]) <= 4
        assert put(base, "e", 100).status_code == 202
        assert put(base, "f", 101).status_code == 429


def test_a_device_holds_so_many_bytes_unzipped(tmp_path: Path) -> None:
    with gateway(tmp_path, DEVICE_MAX_BYTES="1000000") as base:
        sent = gzip.compress(body(1)[:-1] + b" " * 1_100_000 + b"]")
        headers = {"content-encoding": "gzip"}
        answer = httpx.put(base + upload_path("d"), content=sent, headers=headers)
        assert (answer.status_code, answer.json()["limit"]) == (429, "bytes")
        assert put(base, "d").status_code == 202


def test_what_is_announced_and_does_not_come_takes_no_room(tmp_path: Path) -> None:
    """A1: 40 connections of one URL that announce a megabyte each and send some bytes."""
    with gateway(tmp_path, MAX_IN_FLIGHT_BYTES="5000000") as base, ExitStack() as open_sockets:
        port = int(base.rpartition(":")[2])
        path = upload_path("hog")
        for _ in range(40):
            client = open_sockets.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.sendall(f"PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n[".encode())
        for number in range(20):
            assert put(base, f"victim-{number}", 1_000).status_code == 202
        assert httpx.get(f"{base}/ready").status_code == 200


def test_60_backlogs_while_the_stream_stands_still_cost_no_more_than_64_mib(tmp_path: Path) -> None:
    """A3: what is held is bounded by bytes, unzipped and decoded, and given back afterwards."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent, ExitStack() as stack:
        stalled = f"http://127.0.0.1:{silent.getsockname()[1]}"
        base = stack.enter_context(running(tmp_path, AWS_ENDPOINT_URL=stalled, PUT_TIMEOUT_SECONDS="3"))
        process = psutil.Process(base.process.pid)
        now, rng = datetime.now(UTC), random.Random(1)
        readings = ",".join(
            f'{{"metric":"t{at % 7}","ts":"{(now - timedelta(milliseconds=at)).isoformat()}","value":{rng.random()}}}'
            for at in range(10_000)
        )
        content = gzip.compress(f"[{readings}]".encode())
        headers = {"content-encoding": "gzip"}

        def send(number: int) -> int:
            url = base.base + upload_path(f"device-{number}")
            return httpx.put(url, content=content, headers=headers, timeout=60).status_code

        send(0)
        before, most = process.memory_info().rss, 0
        with ThreadPoolExecutor(60) as threads:
            sending = [threads.submit(send, number) for number in range(60)]
            while not all(upload.done() for upload in sending):
                most = max(most, process.memory_info().rss)
                time.sleep(0.02)
        assert {upload.result() for upload in sending} == {503}
        assert most - before <= 64 * MIB


SHARES: dict[str, Any] = {
    "device_max_uploads": 2,
    "device_max_bytes": 50,
    "device_readings_per_second": 1,
    "device_readings_burst": 10,
}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.booleans()), max_size=40))
def test_what_is_held_is_given_back_whatever_happens(steps: list[tuple[str, int, bool]]) -> None:
    gauge = Gauge("held", "", registry=None)
    settings = GatewaySettings.model_construct(**SHARES)
    limits = DeviceLimits(settings, ByteBudget(80, gauge), lambda: 0.0)
    held: dict[str, int] = Counter()
    with ExitStack() as stack:
        for device, size, ends in steps:
            try:
                with ExitStack() as own:
                    upload = own.enter_context(limits.upload(device))
                    upload.grow(size)
                    upload.shrink_to(size // 2)
                    if not ends:
                        stack.push(own.pop_all())
                        held[device] += size // 2
            except (ProblemError, OverloadedError):
                continue
            assert gauge._value.get() == sum(held.values()) <= 80
    assert gauge._value.get() == 0
    for device in "ab":
        with limits.upload(device) as upload:
            upload.grow(50)
