"""A simulation: registers the devices, sends what they measure, and reports."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec

from apps.domain.devices import DeviceSpec
from apps.simulator import past
from apps.simulator.client import ApiClient
from apps.simulator.errors import PlatformUnavailableError
from apps.simulator.fleet import Sample
from apps.simulator.past import Past
from apps.simulator.sender import Sender
from apps.simulator.stats import Stats

PROGRESS_SECONDS = 1.0
RETRY_SECONDS = 1.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class SimulationOptions:
    """How to reach the platform, and how to send."""

    api: str
    token: str
    seed: int = 0
    batch: int = 500
    """Maximum readings of a request."""
    every: float | None = 1.0
    """Seconds between two requests of a device; None sends all there is at once."""
    concurrency: int = 32
    url_seconds: int = 3600
    compress: bool = False
    startup_timeout: float = 60
    """Seconds that the platform may take to come up."""
    grace_period: float = 30
    """Seconds after the end in which the fate of the last requests is still asked for."""
    oldest: Mapping[str, datetime] = field(default_factory=dict)
    """By device, the time of the oldest reading that it will send, where that is known before."""
    history: timedelta | None = None
    """How long devices that are new measured already: that is sent first."""
    left_out: int = 0
    """Lines of files that hold no reading, for the report."""
    report: Path | None = None
    progress: Path | None = None
    now: Callable[[], datetime] = field(default=_utc_now)


async def simulate(
    options: SimulationOptions,
    devices: Sequence[DeviceSpec],
    samples: Callable[[DeviceSpec, datetime], Iterator[Sample]],
    stopping: asyncio.Event,
) -> dict[str, Any]:
    """Send what `samples` yields for each device, from the moment that all are registered, until it ends or `stopping`.

    What a new device measured before, where that is wanted, goes first: what it measures from then on follows.

    Returns the report. Raises PlatformUnavailableError when the platform cannot be used.
    """
    stats, give_up = Stats(), asyncio.Event()
    limits = httpx.Limits(max_connections=options.concurrency, max_keepalive_connections=options.concurrency)
    async with httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(30, pool=None)) as http:
        api = ApiClient(http, options.api, options.token, options.startup_timeout)
        slots = asyncio.Semaphore(options.concurrency)
        pasts = await _register(api, devices, slots, options)
        await _check_age(api, options)
        start, began = options.now(), time.monotonic()

        def state(name: str) -> dict[str, Any]:
            elapsed = round(time.monotonic() - began, 3)
            fixed = {
                "state": name,
                "seed": options.seed,
                "devices": len(devices),
                "left_out": options.left_out,
                "elapsed_seconds": elapsed,
            }
            return {**fixed, **stats.document()}

        if options.progress is not None:
            write(options.progress, state("running"))  # a path that cannot be written ends the run before it begins
        async with asyncio.TaskGroup() as background:
            reporting = background.create_task(_report_progress(options.progress, lambda: state("running")))
            ending = background.create_task(_give_up_after(stopping, options.grace_period, give_up))
            async with asyncio.TaskGroup() as sending:
                for device in devices:
                    rng = random.Random(f"{options.seed}/{device.device_id}/sender")  # noqa: S311 - spreads retries
                    sender = Sender(
                        http,
                        api,
                        device.device_id,
                        stats,
                        slots=slots,
                        give_up=give_up,
                        now=options.now,
                        rng=rng,
                        url_seconds=options.url_seconds,
                        compress=options.compress,
                    )
                    sending.create_task(
                        _life(options, api, sender, device, pasts.get(device.device_id), samples, start, rng, stopping)
                    )
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


async def _register(
    api: ApiClient, devices: Sequence[DeviceSpec], slots: asyncio.Semaphore, options: SimulationOptions
) -> dict[str, Past]:
    """Register all, and return the past of each that still has to be sent."""
    pasts: dict[str, Past] = {}
    planned = past.past(devices, options.history, options.now()) if options.history else None

    async def register(device: DeviceSpec) -> None:
        async with slots:
            is_new = await api.register(past.being_sent(device, planned) if planned else device)
            if planned is None:
                return
            own = planned if is_new else past.unfinished(await api.attributes(device.device_id))
            if own is not None:
                pasts[device.device_id] = own

    await asyncio.gather(*map(register, devices))
    return pasts


async def _check_age(api: ApiClient, options: SimulationOptions) -> None:
    for device_id, oldest in options.oldest.items():
        try:
            since = (await api.upload_url(device_id, options.url_seconds)).readings_since
        except httpx.HTTPError as error:
            raise PlatformUnavailableError(f"{options.api} gives no upload URL for {device_id}: {error}") from None
        if oldest < since:
            raise PlatformUnavailableError(
                f"{device_id} has readings since {oldest.date()}, and the platform keeps none from before "
                f"{since.date()}: replay them as if they were measured now (--from now), or leave them out"
            )


async def _life(
    options: SimulationOptions,
    api: ApiClient,
    sender: Sender,
    device: DeviceSpec,
    own: Past | None,
    samples: Callable[[DeviceSpec, datetime], Iterator[Sample]],
    start: datetime,
    rng: random.Random,
    stopping: asyncio.Event,
) -> None:
    """Send what a device measured before, if anything, then what it measures."""
    if own is not None:
        at_once = replace(options, every=None)
        await _device(at_once, sender, past.samples(device, own, options.seed), rng, stopping)
        while not stopping.is_set():
            try:
                await api.note(device.device_id, past.complete(await api.attributes(device.device_id), own))
                break
            except PlatformUnavailableError:
                await _pause(stopping, RETRY_SECONDS)
        start = options.now()
    await _device(options, sender, samples(device, start), rng, stopping)


async def _device(
    options: SimulationOptions, sender: Sender, samples: Iterator[Sample], rng: random.Random, stopping: asyncio.Event
) -> None:
    if options.every is not None:
        await _pause(stopping, rng.uniform(0, options.every))
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


def _is_due(options: SimulationOptions, sample: Sample) -> bool:
    return options.every is None or sample.due <= options.now()


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), max(0, seconds))
    except TimeoutError:
        return


async def _give_up_after(stopping: asyncio.Event, grace_period: float, give_up: asyncio.Event) -> None:
    await stopping.wait()
    await asyncio.sleep(grace_period)
    give_up.set()


async def _report_progress(path: Path | None, state: Callable[[], dict[str, Any]]) -> None:
    while path is not None:
        write(path, state())
        await asyncio.sleep(PROGRESS_SECONDS)
