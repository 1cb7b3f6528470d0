"""The built dashboard behind its own preview server, a browser, and whom it talks to: a stub, or the platform."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from apps.api.service import API
from apps.gateway.service import GATEWAY
from apps.ingestor.service import INGESTOR
from apps.platform.declaration import Service
from apps.platform.http import serve
from apps.platform.settings import HttpSettings, load
from devtools import browser as browsers
from devtools.errors import UnavailableError
from devtools.ports import free_port
from devtools.postgres import Postgres
from local.infrastructure import frontdoor, secrets
from local.paths import Paths
from local.process.children import Program
from tests.dashboard.stub import StubApi
from tests.support.dashboard import FLAGS, preview, supervised
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

# Long enough for a busy machine; what comes sooner is not waited for.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def built_dashboard() -> None:
    """The dashboard's current files, built."""
    try:
        asyncio.run(frontdoor.build(Paths()))
    except UnavailableError as reason:
        pytest.skip(f"the dashboard cannot be built: {reason}")


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = os.environ.get("BROWSER") or browsers.find()
    if program is None:
        pytest.skip("no Chromium on PATH: install it, or run nox -s browser, which brings it")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=str(program), args=list(FLAGS))
        yield started
        await started.close()


@dataclass
class Site:
    """A dashboard that is served, and the browser to visit it with."""

    url: str
    browser: Browser

    @asynccontextmanager
    async def visit(self, query: str = "", **options: Any) -> AsyncIterator[Page]:
        """Open a page, and fail if it complained of anything but refused requests."""
        context = await self.browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        page = await context.new_page()
        console_errors: list[str] = []
        page.on("pageerror", lambda error: console_errors.append(str(error)))
        page.on("console", lambda line: console_errors.append(line.text) if line.type in ("error", "warning") else None)
        try:
            await page.goto(self.url + query)
            yield page
        finally:
            await context.close()
        assert [line for line in console_errors if not expected(line)] == []


def expected(message: str) -> bool:
    """Whether the browser only tells that a request was refused, as tests have the stub do."""
    return message.startswith(("Failed to load resource", "WebSocket connection to"))


@dataclass
class StubSite(Site):
    """A dashboard in front of the stub."""

    stub: StubApi


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def running_site(
    built_dashboard: None, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[StubSite]:
    stub, stopping, port, front = StubApi(), asyncio.Event(), free_port(), free_port()
    serving = asyncio.create_task(serve(stub.app, load(HttpSettings, {"HTTP_PORT": str(port)}), stopping))
    api = f"http://127.0.0.1:{port}"
    async with supervised(preview(front, api, api, tmp_path_factory.mktemp("dashboard"))):
        yield StubSite(f"http://127.0.0.1:{front}/", browser, stub)
    stopping.set()
    await serving


@pytest_asyncio.fixture(loop_scope="session")
async def site(running_site: StubSite) -> AsyncIterator[StubSite]:
    """The dashboard, and a stub that knows nothing yet."""
    running_site.stub.forget()
    yield running_site
    with suppress(RuntimeError):
        await running_site.stub.cut()


@dataclass
class Platform:
    """Gateway, ingestor, API and dashboard behind one front door."""

    site: Site
    http: httpx.AsyncClient
    operator: dict[str, str]

    async def enter(self, page: Page, headers: dict[str, str]) -> None:
        """Open the page anew as whoever sends these headers."""
        key = headers["Authorization"].removeprefix("Bearer ").strip()
        await page.evaluate("key => sessionStorage.setItem('api-key', key)", key)
        await page.reload()


@pytest.fixture
async def platform(
    built_dashboard: None,
    browser: Browser,
    database: TestDatabase,
    ministack: KinesisServer,
    stream: str,
    postgres_server: Postgres,
    tmp_path: Path,
) -> AsyncIterator[Platform]:
    secret_files = {secret: secrets.keep(tmp_path / secret.name, make) for secret, make in secrets.MAKERS.items()}
    files = {secret.variable: str(path) for secret, path in secret_files.items()}
    front = f"http://127.0.0.1:{free_port()}"

    def program(service: Service) -> Program:
        port = free_port()
        own = {"HTTP_PORT": str(port), "PUBLIC_URL": front, "ANONYMOUS": "viewer", **database.environment(service.name)}
        return Program(
            name=service.name,
            command=(sys.executable, "-m", service.module),
            environment={**ministack.environment(), "READINGS_STREAM": stream, **files, **own},
            log=tmp_path / f"{service.name}.log",
            ready=f"http://127.0.0.1:{port}{service.probes.readiness}",
        )

    api, gateway, ingestor = program(API), program(GATEWAY), program(INGESTOR)
    url_of = {process.name: str(process.ready).removesuffix("/ready") for process in (api, gateway)}
    dashboard = preview(int(front.rpartition(":")[2]), url_of["api"], url_of["gateway"], tmp_path)
    operator = {"Authorization": f"Bearer {(tmp_path / 'operator-token').read_text()}"}
    async with supervised(api, gateway, ingestor, dashboard), httpx.AsyncClient(base_url=front) as http:
        yield Platform(Site(front, browser), http, operator)
