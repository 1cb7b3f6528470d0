"""`python -m local`: see `nox -s local -- --help`."""

import asyncio
import contextlib
import signal
import sys

import asyncpg
import httpx

from apps.catalog import SERVICES
from apps.platform.settings import ConfigurationError
from devtools.apt import UnavailableError
from devtools.postgres import PostgresError
from local import plan
from local.console import Screen
from local.options import Options, parse
from local.paths import Places
from local.process.children import follow_parent
from local.process.machine import OccupiedError, alone, check_ports, forget
from local.process.supervisor import FailedError
from local.report import Report
from local.stack import Stack

EXPECTED = (
    OccupiedError,
    UnavailableError,
    PostgresError,
    FailedError,
    ConfigurationError,
    asyncpg.PostgresError,
    OSError,
)


def main(places: Places) -> int:
    """Run the stack in `places` and return the exit code: 0 when it ended as asked and nothing was lost."""
    options, screen = parse(sys.argv[1:]), Screen()
    follow_parent()
    try:
        with alone(places, options.port):
            check_ports(plan.ports(options.port, SERVICES))
            if options.fresh:
                forget(places)
            return asyncio.run(_run(options, places, screen))
    except EXPECTED as error:
        screen.say(str(error))
        return 1


async def _run(options: Options, places: Places, screen: Screen) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with httpx.AsyncClient() as http:
        stack = Stack(options, places, screen, http)
        try:
            counted = await _until_counted(stack, stopping, screen)
        finally:
            await stack.stop()
    if counted is None:
        return 0
    if options.report:
        counted.write(options.report)
    print(counted.line(), flush=True)
    return 0 if counted.good else 1


async def _until_counted(stack: Stack, stopping: asyncio.Event, screen: Screen) -> Report | None:
    with screen.progress() as begin:
        starting = asyncio.create_task(stack.start(begin))
        told = asyncio.create_task(stopping.wait())
        await asyncio.wait([starting, told], return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not starting.done():
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            screen.say("stopped before it was up")
            return None
        await starting
    await stack.watch(stopping)
    return await stack.measure()


if __name__ == "__main__":
    sys.exit(main(Places()))
