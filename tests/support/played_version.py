"""`python -m tests.support.played_version FAULT PORT...`: processes of ours that stand for the pods of one version.

Each is served, counted and timed as every service is. FAULT: `none`, `errors` (every other answer is 500), `slow`
(every answer takes longer than the API promises) or `lagging` (a shard is read minutes late). The first line of the
output names the process of each port.
"""

import asyncio
import json
import os
import signal
import sys
from itertools import count

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.ingestor.metrics import BATCH_LAG
from apps.platform.http import application, serve
from apps.platform.settings import HttpSettings, load

SLOW_SECONDS = 0.5
LAGGING_SECONDS = 300


def main(fault: str, *ports: str) -> None:
    """Start a process for each port, and end when all of them have."""
    started = {}
    for port in ports:
        # Once everything is imported: a pod that is ready at once cannot wait for that.
        started[port] = os.fork()
        if not started[port]:
            asyncio.run(_serve(fault, port))
            return
    print(json.dumps(started), flush=True)
    for _ in started:
        os.wait()


async def _serve(fault: str, port: str) -> None:
    stopping, numbers = asyncio.Event(), count()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)

    if fault == "lagging":
        BATCH_LAG.labels(shard_id="shardId-000000000000").set(LAGGING_SECONDS)

    async def answer(_: Request) -> Response:
        if fault == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        return JSONResponse({}, 500 if fault == "errors" and next(numbers) % 2 else 200)

    app = application([Route("/api/devices", answer)], _always)
    await serve(app, load(HttpSettings, {"HTTP_PORT": port}), stopping)


async def _always() -> None:
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
