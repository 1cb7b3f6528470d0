"""The dashboard as the local stack serves it, for tests and measurements in a real browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from devtools import node
from devtools.paths import DASHBOARD
from local.process.children import Program
from local.process.supervisor import Supervisor

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""With which Chromium runs without a screen, as whoever, and asks nobody for anything."""


@asynccontextmanager
async def supervised(*programs: Program) -> AsyncIterator[None]:
    """Run programs until the block ends; enter it once all of them are ready."""
    async with httpx.AsyncClient() as http:
        supervisor = Supervisor(print, http)
        try:
            for program in programs:
                supervisor.supervise(program, restart=False)
            await supervisor.until_ready(*supervisor.processes)
            yield
        finally:
            await supervisor.stop(*supervisor.processes)


def preview(port: int, api_url: str, gateway_url: str, folder: Path) -> Program:
    """The dashboard as the local stack serves it."""
    return Program(
        name="dashboard",
        command=(str(node.find()), str(DASHBOARD / "node_modules" / "vite" / "bin" / "vite.js"), "preview"),
        directory=DASHBOARD,
        environment={"PORT": str(port), "API_URL": api_url, "GATEWAY_URL": gateway_url},
        log=folder / "dashboard.log",
        ready=f"http://127.0.0.1:{port}/",
    )
