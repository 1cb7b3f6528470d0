"""`python -m apps.api`: serve the API until the process is told to stop."""

import asyncio

from apps.api.app import build
from apps.api.service import API
from apps.api.settings import ApiSettings
from apps.platform.http import serve
from apps.platform.process import run


async def main(settings: ApiSettings, stopping: asyncio.Event) -> None:
    """Serve."""
    await serve(build(settings), settings, stopping)


if __name__ == "__main__":
    run(API, ApiSettings, main)
