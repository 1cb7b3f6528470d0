"""The frame of every service's main program: settings, logs, traces, signals, exit code."""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from opentelemetry import trace

from apps.platform.declaration import Declaration, ReleaseJob, ScheduledService
from apps.platform.errors import ConfigurationError
from apps.platform.settings import ProcessSettings, load
from apps.platform.telemetry import start_telemetry

S = TypeVar("S", bound=ProcessSettings)

FAILED = 1
BAD_CONFIGURATION = 2

log = logging.getLogger(__name__)


def run(service: Declaration, settings: type[S], main: Callable[[S, asyncio.Event], Awaitable[int | None]]) -> None:
    """Run `main(settings, stopping)` until it returns and exit with its code; `stopping` is set by SIGTERM and SIGINT.

    Settings that cannot be used, found at once or by `main`, end the process with code 2 and a line for each.
    """
    try:
        loaded = load(settings)
        stop_telemetry = start_telemetry(service.name, loaded)
        try:
            sys.exit(asyncio.run(_run(loaded, main)) or 0)
        finally:
            stop_telemetry()
    except ConfigurationError as error:
        print(f"{service.name}: cannot start\n{error}", file=sys.stderr)
        sys.exit(BAD_CONFIGURATION)


def run_job(
    service: ScheduledService | ReleaseJob, settings: type[S], main: Callable[[S], Awaitable[int | None]]
) -> None:
    """Run `main(settings)` like `run`, in a span of its own; SIGTERM and SIGINT cancel it and the exit code is 1."""

    async def until_stopped(loaded: S, stopping: asyncio.Event) -> int | None:
        with trace.get_tracer(__name__).start_as_current_span(service.name):
            job = asyncio.ensure_future(main(loaded))
            stop = asyncio.create_task(stopping.wait())
            await asyncio.wait({job, stop}, return_when=asyncio.FIRST_COMPLETED)
            stop.cancel()
            if job.done():
                return job.result()
            log.warning("told to stop before the work was done")
            job.cancel()
            await asyncio.wait({job})
            return FAILED

    run(service, settings, until_stopped)


async def _run(settings: S, main: Callable[[S, asyncio.Event], Awaitable[int | None]]) -> int | None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return await main(settings, stopping)
