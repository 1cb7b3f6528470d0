"""A running API: a real HTTP server on a free port, on a database of the test's own."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest

from apps.api.app import build
from apps.api.settings import ApiSettings
from apps.domain.signing import SigningKeys
from apps.platform.http import serve
from apps.platform.settings import load
from stacks.local.postgres import free_port
from tests.support.postgres import TestDatabase

TOKEN = "an-operator-token-of-the-tests"
KEYS = json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(b"s" * 32).decode()}}).encode()


@dataclass
class RunningApi:
    """An API to talk to. `http` sends the operator's token, `reader` sends none."""

    settings: ApiSettings
    http: httpx.AsyncClient
    reader: httpx.AsyncClient

    @property
    def live_url(self) -> str:
        return f"ws://127.0.0.1:{self.settings.http_port}/api/live"

    @property
    def signing_keys(self) -> SigningKeys:
        return SigningKeys.parse(self.settings.signing_keys_file.read_bytes())


@asynccontextmanager
async def running_api(database: TestDatabase, folder: Path, **environment: str) -> AsyncIterator[RunningApi]:
    (folder / "keys.json").write_bytes(KEYS)
    (folder / "token").write_text(TOKEN + "\n")
    settings = load(
        ApiSettings,
        database.environment("api")
        | {
            "HTTP_PORT": str(free_port()),
            "SIGNING_KEYS_FILE": str(folder / "keys.json"),
            "OPERATOR_TOKEN_FILE": str(folder / "token"),
            "PUBLIC_URL": "http://platform.test",
        }
        | environment,
    )
    stopping = asyncio.Event()
    serving = asyncio.create_task(serve(build(settings), settings, stopping))
    url = f"http://127.0.0.1:{settings.http_port}"
    async with (
        httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30) as http,
        httpx.AsyncClient(base_url=url, timeout=30) as reader,
    ):
        await _listening(settings.http_port)
        yield RunningApi(settings, http, reader)
    stopping.set()
    await serving


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                return


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[RunningApi]:
    async with running_api(database, tmp_path) as running:
        yield running


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may do everything."""
    connection = await database.connect()
    yield connection
    await connection.close()
