"""The kit against a real gateway and a real stream."""

import gzip
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from apps.device import Device, InvalidReadingError
from tests.apps.device.network import network
from tests.apps.gateway.support import Gateway, envelopes, running
from tests.support.devices import Registry
from tests.support.kinesis import KinesisServer
from tests.support.serving import serving


@pytest.fixture(scope="module")
def stream(ministack: KinesisServer) -> str:
    return ministack.create_stream("device-kit", shards=1)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, ministack: KinesisServer, stream: str) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("gateway")
    with running(folder, AWS_ENDPOINT_URL=ministack.url, READINGS_STREAM=stream) as process:
        yield process


@pytest.fixture
def platform(gateway: Gateway) -> Iterator[tuple[str, Registry]]:
    registry = Registry(gateway.base)
    registry.devices |= {f"kit-{number}": credential(f"kit-{number}") for number in range(1, 8)}
    with serving(registry.application()) as base:
        yield base, registry


def credential(device_id: str) -> str:
    return f"sad_{device_id}_a-secret"


def on_stream(server: KinesisServer, stream: str, device_id: str) -> list[tuple[str, float]]:
    found = [envelope for envelope in envelopes(server, stream) if envelope.device_id == device_id]
    return [(reading.metric, reading.value) for envelope in found for reading in envelope.readings]


def device(base: str, device_id: str, folder: Path, **options: object) -> Device:
    given: dict[str, object] = {
        "credential": credential(device_id),
        "store": folder / device_id,
        "every": 0.01,
    } | options
    return Device(base, device_id, **given)  # type: ignore[arg-type]


def test_what_is_recorded_arrives_and_the_store_is_empty(
    platform: tuple[str, Registry], ministack: KinesisServer, stream: str, tmp_path: Path
) -> None:
    base, registry = platform
    with device(base, "kit-1", tmp_path) as kit:
        for number in range(2500):
            kit.record("temperature", number / 4)
        assert kit.flush(30)
        assert kit.status.sent == 2500
        assert (kit.status.waiting, kit.status.refused, kit.status.problem) == (0, 0, None)
        assert abs(kit.status.clock_offset) < timedelta(seconds=5)
    assert on_stream(ministack, stream, "kit-1") == [("temperature", number / 4) for number in range(2500)]
    assert registry.urls == 1


@pytest.mark.parametrize(
    ("metric", "value", "ts"),
    [
        ("Temperature", 1, None),
        ("m", float("nan"), None),
        ("m", float("inf"), None),
        ("m", 2**53 + 1, None),
        ("m", 10**400, None),
        ("m", True, None),
        ("m", "1", None),
        ("m", 1, datetime(2026, 11, 26)),
    ],
)
def test_what_the_platform_would_refuse_is_told_to_whoever_records_it(
    metric: str, value: float, ts: datetime | None, tmp_path: Path
) -> None:
    with device("http://127.0.0.1:9", "kit", tmp_path) as kit:
        with pytest.raises(InvalidReadingError, match=metric):
            kit.record(metric, value, ts)
        assert kit.status.waiting == 0


def test_one_bad_reading_costs_only_itself_and_is_kept_with_its_reason(
    platform: tuple[str, Registry], ministack: KinesisServer, stream: str, tmp_path: Path
) -> None:
    base, _ = platform
    with device(base, "kit-2", tmp_path) as kit:
        kit.record("temperature", 1)
        kit.record("temperature", 2, datetime(1999, 1, 1, tzinfo=UTC))
        kit.record("temperature", 3)
        assert kit.flush(30)
        (refused,) = kit.refused()
        assert "1999" in refused.reason or "2000" in refused.reason
        assert (kit.status.sent, kit.status.refused) == (2, 1)
    assert on_stream(ministack, stream, "kit-2") == [("temperature", 1.0), ("temperature", 3.0)]


def test_readings_wait_for_the_network_and_over_a_restart(
    gateway: Gateway, platform: tuple[str, Registry], ministack: KinesisServer, stream: str, tmp_path: Path
) -> None:
    base, registry = platform
    with network(gateway.port) as wire:
        registry.gateway = f"http://127.0.0.1:{wire.port}"
        with device(base, "kit-3", tmp_path) as kit:
            kit.record("m", 1)
            assert kit.flush(30)
            wire.cut()
            kit.record("m", 2)
            kit.record("m", 3)
            kit.close(timeout=0.2)
            problem = kit._sending.problem
        assert problem
        assert "ingest" not in problem, "the URL stands in no log"
        wire.restore()
        with device(base, "kit-3", tmp_path) as kit:
            assert kit.flush(30)
    assert on_stream(ministack, stream, "kit-3") == [("m", 1.0), ("m", 2.0), ("m", 3.0)]


def test_a_url_that_is_not_taken_any_more_is_replaced(
    platform: tuple[str, Registry], ministack: KinesisServer, stream: str, tmp_path: Path
) -> None:
    base, registry = platform
    with device(base, "kit-4", tmp_path) as kit:
        kit.record("m", 1)
        assert kit.flush(30)
        kit._sending._connection._url = type(kit._sending._connection._url)(  # type: ignore[misc]
            registry.gateway + "/ingest/kit-4?expires=1&key=k1&signature=" + "0" * 64,
            datetime.now(UTC) + timedelta(days=1),
            datetime(2026, 1, 1, tzinfo=UTC),
        )
        kit.record("m", 2)
        assert kit.flush(30)
    assert registry.urls == 2
    assert on_stream(ministack, stream, "kit-4") == [("m", 1.0), ("m", 2.0)]


def test_times_of_a_clock_that_was_never_set_are_corrected(
    platform: tuple[str, Registry],
    ministack: KinesisServer,
    stream: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    base, _ = platform
    began = datetime.now(UTC)
    behind = began - datetime(1970, 1, 1, tzinfo=UTC)
    with device("http://127.0.0.1:9", "kit-5", tmp_path, now=lambda: datetime.now(UTC) - behind) as kit:
        kit.record("m", 1)
        kit.close(timeout=0.05)
    # What an earlier run kept has a time that nobody can correct; this run's has not.
    with device(base, "kit-5", tmp_path, now=lambda: datetime.now(UTC) - behind) as kit:
        kit.record("m", 2)
        assert kit.flush(30)
        assert [envelope.reading.value for envelope in kit.refused()] == [1.0]
    (sent,) = [
        envelope for envelope in envelopes(ministack, stream) if envelope.device_id == "kit-5" and envelope.readings
    ]
    assert abs(sent.readings[0].ts - began) < timedelta(seconds=60)
    assert "clock is wrong" in caplog.text


def test_what_stands_between_may_split_a_batch_until_one_reading_is_left(tmp_path: Path) -> None:
    """A proxy that takes two readings at a time, and one of which it takes nothing."""
    taken: list[int] = []

    async def url(request: Request) -> Response:
        times = {"expires_at": "2099-01-01T00:00:00Z", "readings_since": "2026-01-01T00:00:00Z"}
        return JSONResponse({"url": f"{request.base_url}put", **times})

    async def put(request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        count = body.count(b"metric")
        if count > 2 or b"too_long" in body:
            return Response(status_code=413)
        taken.append(count)
        return PlainTextResponse(f'{{"accepted": {count}, "refused": []}}', 202)

    routes = [
        Route("/api/device/upload-url", url, methods=["POST"]),
        Route("/put", put, methods=["PUT"]),
        Route("/health", lambda _: Response()),
    ]
    with serving(Starlette(routes=routes)) as base, device(base, "kit-6", tmp_path, every=0.3) as kit:
        for number in range(5):
            kit.record("too_long" if number == 2 else "m", number)
        assert kit.flush(30)
        assert sum(taken) == 4
        assert [(item.reading.value, item.reason[:10]) for item in kit.refused()] == [(2.0, "status 413")]


def test_without_a_credential_readings_are_kept_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with device("http://127.0.0.1:9", "kit-7", tmp_path, credential=tmp_path / "missing") as kit:
        kit.record("m", 1)
        assert not kit.flush(0.5)
        assert kit.status.waiting == 1
        kit.close(timeout=0)
    assert "credential cannot be read" in caplog.text
