"""Run the gateway."""

import asyncio

from apps.gateway.app import create
from apps.gateway.service import GATEWAY
from apps.gateway.settings import GatewaySettings
from apps.platform import aws
from apps.platform.http import serve
from apps.platform.process import run


async def main(settings: GatewaySettings, stopping: asyncio.Event) -> int:
    """Serve until told to stop, or until nothing can be put on the stream any more; return the exit code."""
    # A call that hangs must leave time for another one.
    client = aws.kinesis(
        settings, settings.max_concurrent_puts + 1, read_timeout=settings.put_timeout_seconds / 2, attempts=1
    )
    failed = asyncio.Event()

    def on_failure() -> None:
        failed.set()
        stopping.set()

    await serve(create(settings, client, on_failure=on_failure), settings, stopping)
    return 1 if failed.is_set() else 0


if __name__ == "__main__":
    run(GATEWAY, GatewaySettings, main)
