"""A run: registers the devices, sends what they measure, and reports."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

from apps.domain.devices import DeviceSpec
from apps.simulator.fleet import Sample
from apps.simulator.platform import Platform
from apps.simulator.sender import Sender
from apps.simulator.tally import Tally

GRACE_SECONDS = 30.0
"""How long after the end of a run the fate of its last requests is still asked for."""
PROGRESS_SECONDS = 1.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Run:
    """How to reach the platform, and how to send."""

    api: str
    token: str
    seed: int = 0
    batch: int = 500
    """Most readings of a request."""
    every: float | None = 1.0
    """Seconds between two requests of a device; None sends all there is at once."""
    concurrency: int = 32
    url_seconds: int = 3600
    compress: bool = False
    report: Path | None = None
    progress: Path | None = None
    now: Callable[[], datetime] = field(default=_utc_now)


async def run(
    options: Run,
    devices: Sequence[DeviceSpec],
    samples: Callable[[DeviceSpec, datetime], Iterator[Sample]],
    stopping: asyncio.Event,
) -> dict[str, Any]:
    """Send what `samples` yields for each device, from the moment that all are registered, until it ends or `stopping`.

    Returns the report. Raises PlatformError when the platform cannot be used.
    """
    tally, give_up = Tally(), asyncio.Event()
    limits = httpx.Limits(max_connections=options.concurrency, max_keepalive_connections=options.concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(30, pool=None)) as http:
        platform = Platform(http, options.api, options.token)
        slots = asyncio.Semaphore(options.concurrency)
        await _register(platform, devices, slots)
        start, began = options.now(), time.monotonic()

        def state(name: str) -> dict[str, Any]:
            elapsed = round(time.monotonic() - began, 3)
            fixed = {"state": name, "seed": options.seed, "devices": len(devices), "elapsed_seconds": elapsed}
            return {**fixed, **tally.document()}

        reporting = asyncio.create_task(_report_progress(options.progress, lambda: state("running")))
        ending = asyncio.create_task(_give_up_after(stopping, give_up))
        async with asyncio.TaskGroup() as group:
            for device in devices:
                chance = random.Random(f"{options.seed}/{device.device_id}/sender")  # noqa: S311 - spreads retries
                sender = Sender(
                    http,
                    platform,
                    device.device_id,
                    tally,
                    slots=slots,
                    give_up=give_up,
                    now=options.now,
                    chance=chance,
                    url_seconds=options.url_seconds,
                    compress=options.compress,
                )
                group.create_task(_device(options, sender, samples(device, start), chance, stopping))
        for task in (reporting, ending):
            task.cancel()
    report = state("done")
    for path in (options.progress, options.report):
        if path is not None:
            write(path, report)
    return report


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON document so that a reader sees the old one or the new one, never a part."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    part.replace(path)


async def _register(platform: Platform, devices: Sequence[DeviceSpec], slots: asyncio.Semaphore) -> None:
    async def register(device: DeviceSpec) -> None:
        async with slots:
            await platform.register(device)

    await asyncio.gather(*map(register, devices))


async def _device(
    options: Run, sender: Sender, samples: Iterator[Sample], chance: random.Random, stopping: asyncio.Event
) -> None:
    if options.every is not None:
        await _pause(stopping, chance.uniform(0, options.every))
    waiting = next(samples, None)
    while waiting is not None and not stopping.is_set():
        began = time.monotonic()
        batch: list[Sample] = []
        while waiting is not None and len(batch) < options.batch and _is_due(options, waiting):
            if waiting.kind != "silence":
                batch.append(waiting)
            waiting = next(samples, None)
        if batch:
            await sender.send(batch)
        if options.every is not None and len(batch) < options.batch:
            await _pause(stopping, options.every - (time.monotonic() - began))


def _is_due(options: Run, sample: Sample) -> bool:
    return options.every is None or sample.due <= options.now()


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), max(0, seconds))
    except TimeoutError:
        return


async def _give_up_after(stopping: asyncio.Event, give_up: asyncio.Event) -> None:
    await stopping.wait()
    await asyncio.sleep(GRACE_SECONDS)
    give_up.set()


async def _report_progress(path: Path | None, state: Callable[[], dict[str, Any]]) -> None:
    while path is not None:
        write(path, state())
        await asyncio.sleep(PROGRESS_SECONDS)
