"""A running API: a real HTTP server on a free port, on a database of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from apps.api.app import build
from apps.api.limits import Limits
from apps.api.settings import ApiSettings
from apps.domain.signing import SigningKeys
from apps.platform.settings import load
from apps.platform.timeouts import HttpTimeouts
from devtools.postgres import Postgres
from tests.support import postgres
from tests.support.api import TOKEN, secrets
from tests.support.postgres import TestDatabase
from tests.support.serving import serving


@dataclass
class RunningApi:
    """An API to talk to. `http` sends the operator's token, `reader` sends none."""

    url: str
    settings: ApiSettings
    http: httpx.AsyncClient
    reader: httpx.AsyncClient

    @property
    def live_url(self) -> str:
        return self.url.replace("http", "ws") + "/api/live"

    @property
    def signing_keys(self) -> SigningKeys:
        return SigningKeys.parse(self.settings.signing_keys_file.read_bytes())

    async def store(self, *readings: dict[str, object]) -> dict[str, Any]:
        answer = await self.http.post("/readings", json=readings)
        assert answer.status_code == 200, answer.text
        stored: dict[str, Any] = answer.json()
        return stored


def api_settings(database: TestDatabase, folder: Path, **environment: str) -> ApiSettings:
    # The readings of these tests are kept whenever they run.
    retention = {"READINGS_RETENTION_MONTHS": "120"}
    return load(ApiSettings, database.environment("api") | secrets(folder) | retention | environment)


@contextmanager
def running_api(
    settings: ApiSettings, limits: Limits | None = None, timeouts: HttpTimeouts | None = None
) -> Iterator[RunningApi]:
    with serving(build(settings, limits), timeouts=timeouts) as url:
        yield RunningApi(
            url,
            settings,
            httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30),
            httpx.AsyncClient(base_url=url, timeout=30),
        )


async def until(condition: Callable[[], Awaitable[object]], seconds: float = 20) -> None:
    """Wait for something that tells nobody when it happens."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.fixture
def limits() -> Limits:
    """The API's limits; a test that wants others parametrizes them."""
    return Limits()


@pytest.fixture
def timeouts() -> HttpTimeouts:
    """The HTTP server's times, likewise."""
    return HttpTimeouts()


@pytest.fixture
async def api(
    database: TestDatabase, tmp_path: Path, limits: Limits, timeouts: HttpTimeouts
) -> AsyncIterator[RunningApi]:
    with running_api(api_settings(database, tmp_path), limits, timeouts) as running:
        async with running.http, running.reader:
            yield running


@pytest.fixture(scope="module")
def empty_api(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Sends the operator's token to an API that is shared by tests that leave nothing behind."""
    database = asyncio.run(postgres.copy_template(postgres_server))
    with (
        running_api(api_settings(database, tmp_path_factory.mktemp("api"))) as running,
        httpx.Client(base_url=running.url, headers=running.http.headers) as client,
    ):
        yield client
    asyncio.run(postgres.drop_database(database))


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may do everything."""
    connection = await database.connect()
    yield connection
    await connection.close()
