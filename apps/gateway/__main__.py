"""Run the gateway."""

import asyncio

from apps.gateway.app import create
from apps.gateway.service import GATEWAY
from apps.gateway.settings import GatewaySettings
from apps.platform import aws
from apps.platform.http import serve
from apps.platform.process import run


async def main(settings: GatewaySettings, stopping: asyncio.Event) -> None:
    """Serve until told to stop."""
    # A call that hangs must leave time for another one.
    client = aws.kinesis(settings, settings.put_calls + 1, read_timeout=settings.put_seconds / 2, attempts=1)
    await serve(create(settings, client), settings, stopping)


if __name__ == "__main__":
    run(GATEWAY, GatewaySettings, main)
