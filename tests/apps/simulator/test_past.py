"""New devices bring a past with them: in its own time, once, however often the simulation is started."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from apps.domain.devices import DeviceSpec
from apps.simulator import past
from apps.simulator.fleet import Sample, fleet, measure
from apps.simulator.simulation import SimulationOptions, simulate
from tests.apps.simulator.support import accept, platform
from tests.support.devices import TOKEN

HOUR = timedelta(hours=1)
NOW = datetime(2026, 11, 26, 12, 0, 0, 500_000, UTC)


def one_tick(device: DeviceSpec, start: datetime) -> Iterator[Sample]:
    """What it measures from now on: one tick."""
    for sample in measure(device, start, HOUR, (), 0):
        if sample.measured > start:
            return
        yield sample


async def play(api: str, stopping: asyncio.Event | None = None) -> dict[str, Any]:
    how = SimulationOptions(api=api, token=TOKEN, every=None, batch=100, history=4 * HOUR, grace_period=0.1)
    return await simulate(how, fleet(2), one_tick, stopping or asyncio.Event())


def times(requests: list[tuple[float, str, bytes]], device_id: str) -> list[datetime]:
    bodies = [json.loads(body) for _, url, body in requests if f"/{device_id}?" in url]
    return [datetime.fromisoformat(item["ts"]) for body in bodies for item in body]


async def test_a_new_device_sends_what_it_measured_before_then_what_it_measures() -> None:
    with platform(accept) as (api, gateway, registry):
        began = datetime.now(UTC)
        report = await play(api)
    for device in fleet(2):
        sent = times(gateway.requests, device.device_id)
        assert sent == sorted(sent)
        metrics = 1 if device.kind == "temperature" else 2
        assert len(sent) == metrics * (4 * 60 + 1)
        assert began - 4 * HOUR - timedelta(seconds=2) < sent[0] < began - 4 * HOUR + timedelta(seconds=2)
        assert sent[-1] >= began
        attributes = registry.attributes[device.device_id]
        assert attributes["simulated_history"].endswith(", every 60 s")
        assert attributes["temperature_unit"] == "°C"
    assert report["distinct"] == 3 * (4 * 60 + 1)


async def test_a_device_that_there_was_has_its_past_already() -> None:
    with platform(accept) as (api, gateway, _):
        await play(api)
        before = len(gateway.requests)
        report = await play(api)
    assert report["sent"] == 3
    assert len(gateway.requests) - before == 2


async def test_what_was_interrupted_comes_again_the_same_and_counts_as_repeated() -> None:
    stopping, loop = asyncio.Event(), asyncio.get_running_loop()

    def answer(number: int, items: list[Any]) -> Response:
        loop.call_soon_threadsafe(stopping.set)
        return JSONResponse({"accepted": len(items), "refused": []}, 202)

    with platform(answer) as (api, gateway, registry):
        await play(api, stopping)
        assert all(past.unfinished(attributes) for attributes in registry.attributes.values())
        first = [body for _, _, body in gateway.requests]
        gateway.answer = accept
        report = await play(api)
    again = [body for _, _, body in gateway.requests[len(first) :]]
    assert first
    assert set(first) <= set(again)
    assert report["accepted"] == 3 * (4 * 60 + 1)
    assert report["distinct"] == 3
    assert not any(past.unfinished(attributes) for attributes in registry.attributes.values())


@pytest.mark.parametrize(("devices", "seconds"), [(12, 60), (400, 540), (10_000, 600)])
def test_a_larger_fleet_measured_less_often_but_enough_to_learn_from(devices: int, seconds: int) -> None:
    own = past.past(fleet(devices), 24 * HOUR, NOW)
    assert own.every == timedelta(seconds=seconds)
    assert (own.until - own.since) // own.every >= 144


def test_what_is_written_down_is_read_again() -> None:
    own = past.past(fleet(2), 4 * HOUR, NOW)
    device = past.being_sent(fleet(1)[0], own)
    assert past.unfinished(device.attributes) == own._replace(is_resumed=True)
    assert past.unfinished(past.complete(device.attributes, own)) is None
    assert past.unfinished({}) is None
