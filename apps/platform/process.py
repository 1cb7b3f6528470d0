"""The frame of every service's main program: settings, logs, signals, exit code."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from apps.platform.service import AnyService
from apps.platform.settings import ConfigurationError, Settings, load
from apps.platform.telemetry import start_telemetry

S = TypeVar("S", bound=Settings)

BAD_CONFIGURATION = 2


def run(service: AnyService, settings: type[S], main: Callable[[S, asyncio.Event], Awaitable[int | None]]) -> None:
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


async def _run(settings: S, main: Callable[[S, asyncio.Event], Awaitable[int | None]]) -> int | None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return await main(settings, stopping)
