"""`python -m apps.api`: serve the API until the process is told to stop. `python -m apps.api keys`: look after keys."""

import asyncio
import sys

from apps.api import commands
from apps.api.app import build
from apps.api.service import API
from apps.api.settings import ApiSettings
from apps.platform.http import serve
from apps.platform.process import run


async def main(settings: ApiSettings, stopping: asyncio.Event) -> None:
    """Serve."""
    await serve(build(settings), settings, stopping)


if __name__ == "__main__":
    if sys.argv[1:2] == ["keys"]:
        sys.exit(commands.main(sys.argv[2:]))
    run(API, ApiSettings, main)
