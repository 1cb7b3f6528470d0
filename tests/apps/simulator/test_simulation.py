import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.responses import Response

from apps.domain.devices import DeviceSpec
from apps.domain.readings import Envelope
from apps.gateway.app import create
from apps.gateway.settings import GatewaySettings
from apps.platform.settings import load
from apps.simulator.errors import PlatformUnavailableError
from apps.simulator.faults import Fault, FaultKind
from apps.simulator.fleet import Sample, fleet, history, in_sending_order, measure
from apps.simulator.simulation import SimulationOptions, simulate
from devtools.ports import free_port
from tests.apps.gateway.support import LOST, FaultyKinesis, PutFault, as_client, environment
from tests.apps.simulator.support import Gateway, accept, platform
from tests.support.devices import TOKEN, Registry
from tests.support.serving import serving

PUT_TIMEOUT_SECONDS = 0.4

MIXED = (Fault(FaultKind.DUPLICATE, share=0.1), Fault(FaultKind.MALFORMED, share=0.05))


def past(device: DeviceSpec, now: datetime) -> Iterator[Sample]:
    return in_sending_order(history(device, now, 50, MIXED, 0))


def ten(device: DeviceSpec, now: datetime) -> Iterator[Sample]:
    return history(device, now, 10, (), 0)


async def play(
    api: str, samples: Callable[[DeviceSpec, datetime], Iterator[Sample]] = ten, devices: int = 1, **options: Any
) -> dict[str, Any]:
    how = SimulationOptions(api=api, token=TOKEN, **({"every": None} | options))
    return await simulate(how, fleet(devices), samples, asyncio.Event())


async def test_everything_accepted_is_on_the_stream_and_distinct_counts_it_exactly(tmp_path: Path) -> None:
    """The stream fails at first for longer than a request waits, which is refused with 503 and comes again, and then a
    quarter of its calls."""
    rng, calls = random.Random(3), list[float]()

    def next_fault() -> PutFault:
        calls.append(time.monotonic())
        spoiled, fails = rng.random() < 0.5, rng.random() < 0.25
        fails = fails or calls[-1] - calls[0] < 2 * PUT_TIMEOUT_SECONDS
        return PutFault(rng.choice(["InternalFailure", LOST]) if fails else None, spoils=lambda _: spoiled)

    kinesis = FaultyKinesis(next_fault)
    settings = load(GatewaySettings, environment(tmp_path, PUT_TIMEOUT_SECONDS=str(PUT_TIMEOUT_SECONDS)))
    with serving(create(settings, as_client(kinesis))) as base, serving(Registry(base).application()) as api:
        report = await play(
            api,
            lambda device, now: in_sending_order(history(device, now, 1_000, MIXED, 0)),
            devices=10,
            batch=250,
        )
    envelopes = [msgspec.json.decode(data, type=Envelope) for data in kinesis.acknowledged]
    keys = {(envelope.device_id, reading.metric, reading.ts) for envelope in envelopes for reading in envelope.readings}
    assert report["distinct"] == len(keys) == 10_000
    assert report["accepted"] > 10_500
    assert report["refused"] > 300
    assert report["sent"] == report["accepted"] + report["refused"]
    assert report["unknown"] == 0
    assert report["retries"] > 0
    assert set(report["errors"]) <= {"status 503"}


async def test_a_batch_that_is_refused_for_now_comes_again_the_same_after_the_time_that_was_asked_for() -> None:
    def answer(number: int, items: list[Any]) -> Response:
        return Response(status_code=503, headers={"Retry-After": "1"}) if number == 1 else accept(number, items)

    with platform(answer) as (api, gateway, _):
        report = await play(api)
    (first, _, once), (second, _, again) = gateway.requests
    assert once == again
    assert 1 <= second - first < 3
    assert (report["sent"], report["accepted"], report["retries"], report["errors"]) == (10, 10, 1, {"status 503": 1})
    assert report["latency_seconds"]["p50"] >= 1


async def test_a_batch_of_which_nobody_knows_the_outcome_comes_again() -> None:
    async def hang_up(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"9")]})

    def answer(number: int, items: list[Any]) -> Any:
        return hang_up if number == 1 else accept(number, items)

    with platform(answer) as (api, gateway, _):
        report = await play(api)
    assert [body for _, _, body in gateway.requests] == [gateway.requests[0][2]] * 2
    assert (report["accepted"], report["distinct"], report["errors"]) == (10, 10, {"RemoteProtocolError": 1})


async def test_an_upload_url_is_renewed_before_it_expires() -> None:
    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=300 * len(gateway.requests))

    with platform(accept) as (api, gateway, registry):
        registry.now = now
        await play(api, batch=1, url_seconds=1_000, now=now)
    assert len(gateway.requests) == 10
    assert registry.urls == 5


async def test_an_upload_url_that_is_refused_is_asked_for_anew() -> None:
    def answer(number: int, items: list[Any]) -> Response:
        return Response(status_code=403) if number == 1 else accept(number, items)

    with platform(answer) as (api, _, registry):
        report = await play(api)
    assert registry.urls == 2
    assert (report["accepted"], report["errors"]) == (10, {"status 403": 1})


async def test_a_batch_that_will_never_be_taken_is_counted_as_refused_and_not_repeated() -> None:
    with platform(lambda number, items: Response("no", 400)) as (api, gateway, _):
        report = await play(api)
    assert len(gateway.requests) == 1
    assert (report["sent"], report["refused"], report["distinct"]) == (10, 10, 0)
    assert report["errors"] == {"status 400: no": 1}


async def test_what_is_unknown_at_the_end_is_said() -> None:
    stopping = asyncio.Event()

    def answer(_: int, __: list[Any]) -> Response:
        loop.call_soon_threadsafe(stopping.set)
        return Response(status_code=503)

    loop = asyncio.get_running_loop()
    with platform(answer) as (api, *_):
        report = await simulate(
            SimulationOptions(api=api, token=TOKEN, every=None, grace_period=0.2), fleet(1), ten, stopping
        )
    assert (report["sent"], report["accepted"], report["unknown"]) == (10, 0, 10)


async def test_bodies_are_compressed_on_request() -> None:
    with platform(accept) as (api, gateway, _):
        report = await play(api, compress=True)
    assert report["accepted"] == 10
    assert gateway.requests[0][2].startswith(b"\x1f\x8b")


async def test_a_fleet_in_real_time_sends_what_is_due_when_it_is_due() -> None:
    received: list[tuple[datetime, datetime]] = []

    def answer(number: int, items: list[Any]) -> Response:
        now = datetime.now(UTC)
        received.extend((datetime.fromisoformat(item["ts"]), now) for item in items)
        return accept(number, items)

    def live(device: DeviceSpec, start: datetime) -> Iterator[Sample]:
        end = start + timedelta(seconds=2)
        return takewhile(lambda sample: sample.due < end, measure(device, start, timedelta(milliseconds=20), (), 0))

    with platform(answer) as (api, gateway, _):
        report = await play(api, live, devices=4, every=0.2)
    assert report["distinct"] == len(received) == 600
    # Sent while more was measured, and not all at the end.
    assert min(now for _, now in received) < max(ts for ts, _ in received)
    assert min(now - ts for ts, now in received) >= timedelta(0)
    assert 30 <= len(gateway.requests) <= 44


async def test_a_device_that_is_silent_for_ever_does_not_stop_the_others() -> None:
    def live(device: DeviceSpec, start: datetime) -> Iterator[Sample]:
        end, every = start + timedelta(seconds=0.5), timedelta(milliseconds=20)
        silent = (Fault(FaultKind.DROPOUT, device="*-temperature-*"),)
        return takewhile(lambda sample: sample.due < end, measure(device, start, every, silent, 0))

    with platform(accept) as (api, gateway, _):
        report = await play(api, live, devices=2, every=0.1)
    assert report["sent"] == 50
    assert not [url for _, url, _ in gateway.requests if "temperature" in url]


async def test_progress_and_report_are_written_whole(tmp_path: Path) -> None:
    progress, report = tmp_path / "progress.json", tmp_path / "report.json"
    seen: list[Any] = []

    def answer(number: int, items: list[Any]) -> Response:
        seen.append(json.loads(progress.read_text()))
        return accept(number, items)

    with platform(answer) as (api, *_):
        final = await play(api, past, batch=5, report=report, progress=progress)
    assert {document["state"] for document in seen} == {"running"}
    assert json.loads(report.read_text()) == json.loads(progress.read_text()) == final
    assert (final["state"], final["distinct"]) == ("done", 50)
    assert not list(tmp_path.glob("*.part"))  # noqa: ASYNC240


async def test_a_device_that_is_registered_already_is_used() -> None:
    with platform(accept) as (api, _, registry):
        for _ in range(2):
            assert (await play(api))["accepted"] == 10
    assert registry.devices.keys() == {fleet(1)[0].device_id}


async def test_a_wrong_token_ends_the_run() -> None:
    with platform(accept) as (api, *_), pytest.raises(PlatformUnavailableError, match="--token-file"):
        await simulate(SimulationOptions(api=api, token="wrong"), fleet(1), ten, asyncio.Event())


async def test_a_platform_that_comes_up_late_is_waited_for() -> None:
    port = free_port()
    with serving(Gateway(accept).application()) as base:
        playing = asyncio.create_task(play(f"http://127.0.0.1:{port}"))
        await asyncio.sleep(0.3)
        with serving(Registry(base).application(), port):
            assert (await playing)["accepted"] == 10


async def test_a_platform_that_does_not_come_up_is_named() -> None:
    with pytest.raises(PlatformUnavailableError, match=r"http://127\.0\.0\.1:9 does not answer .*: start the platform"):
        await play("http://127.0.0.1:9", startup_timeout=0.1)
