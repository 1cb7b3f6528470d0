"""`python -m local`: see `nox -s local -- --help`."""

import asyncio
import contextlib
import signal
import sys

import asyncpg
import httpx

from apps.catalog import CATALOG
from apps.platform.errors import ConfigurationError
from devtools.errors import DevtoolsError
from local import plan
from local.console import Console
from local.errors import LocalError, explain
from local.options import Options, parse
from local.paths import Paths
from local.preflight import check_ports, exclusive_lock, wipe
from local.process.children import set_pdeathsig
from local.report import Report
from local.stack import Stack

EXPECTED = (LocalError, DevtoolsError, ConfigurationError, asyncpg.PostgresError, OSError)


def main(paths: Paths) -> int:
    """Run the stack in `paths` and return the exit code: 0 when it ended as asked and nothing was lost."""
    options, console = parse(sys.argv[1:]), Console()
    set_pdeathsig()
    try:
        with exclusive_lock(paths, options.port):
            check_ports(plan.ports(options.port, CATALOG))
            if options.fresh:
                console.log(f"--fresh: deleted {wipe(paths)}")
            return asyncio.run(_run(options, paths, console))
    except EXPECTED as error:
        console.log(explain(error))
        return 1


async def _run(options: Options, paths: Paths, console: Console) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with httpx.AsyncClient() as http:
        stack = Stack(options, paths, console, http)
        try:
            counted = await _until_counted(stack, stopping, console)
        finally:
            await stack.stop()
    if counted is None:
        return 0
    if options.report:
        counted.write(options.report)
    print(counted.line(), flush=True)
    return 0 if counted.good else 1


async def _until_counted(stack: Stack, stopping: asyncio.Event, console: Console) -> Report | None:
    with console.progress() as step:
        starting = asyncio.create_task(stack.start(step))
        asked_to_stop = asyncio.create_task(stopping.wait())
        await asyncio.wait([starting, asked_to_stop], return_when=asyncio.FIRST_COMPLETED)
        asked_to_stop.cancel()
        if not starting.done():
            starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await starting
            console.log("stopped before it was up")
            return None
        await starting
    await stack.watch(stopping)
    return await stack.measure()


if __name__ == "__main__":
    sys.exit(main(Paths()))
