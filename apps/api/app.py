"""The application: the declared operations at /api and at the root, and the WebSocket beside them."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import httpx
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute

from apps.api.access import Access
from apps.api.archive.archive import Archive
from apps.api.context import Context
from apps.api.database import Database
from apps.api.device_access import DeviceAccess
from apps.api.endpoint import routes
from apps.api.errors import (
    ArchiveUnavailableError,
    BadCursorError,
    DatabaseUnavailableError,
    SignInUnavailableError,
)
from apps.api.key_access import KeyAccess
from apps.api.limits import Limits
from apps.api.live.feed import Feed
from apps.api.live.hub import Hub
from apps.api.live.session import Live
from apps.api.rates import Rates
from apps.api.routes import PUBLIC_ROUTERS, ROUTERS
from apps.api.routes.documentation import documentation
from apps.api.routes.session import CALLBACK
from apps.api.settings import ApiSettings
from apps.api.sign_in.load_balancer import LoadBalancer
from apps.api.sign_in.people import People
from apps.api.sign_in.provider import Provider
from apps.api.sign_in.sessions import Sessions
from apps.api.slots import Slots
from apps.api.view_access import ViewAccess
from apps.domain.signing import SigningKeys
from apps.platform.http import application, problem
from apps.platform.secrets import ReloadingSecret
from apps.storage.connection import connect_arguments

log = logging.getLogger(__name__)

PUBLIC_PREFIX = "/api"
READY_SECONDS = 1.0
SIGN_IN_SECONDS = 3.0
RETRY_AFTER = {"Retry-After": "2"}
ARCHIVE_RETRY_AFTER = {"Retry-After": "10"}


def build(settings: ApiSettings, limits: Limits | None = None) -> Starlette:
    """Return the application. Raises ConfigurationError when a secret or the database's settings cannot be used."""
    limits = limits or Limits()
    database = Database(settings, limits)
    http = httpx.AsyncClient(timeout=SIGN_IN_SECONDS)
    people = People(settings)
    access = Access(
        settings,
        KeyAccess(database, settings.operator_token_file),
        ViewAccess(database, secure=settings.public_url.startswith("https://")),
        people,
        Sessions(database),
        LoadBalancer(settings, people, http, _now),
    )
    context = Context(
        settings=settings,
        limits=limits,
        database=database,
        access=access,
        device_access=DeviceAccess(database, _now),
        archive=Archive.of(settings, limits),
        provider=Provider(settings, people, http, f"{settings.public_url}{PUBLIC_PREFIX}{CALLBACK}"),
        exports=Slots("exports", settings.max_exports),
        dry_runs=Slots("dry runs", limits.dry_runs),
        rates=Rates(),
        signing_keys=ReloadingSecret(settings.signing_keys_file, SigningKeys.parse),
        now=_now,
    )
    hub = Hub()
    live = Live(hub, access, settings.origins, settings.live_clients, limits.ping_seconds, context.now)
    feed = Feed(hub, connect_arguments(settings, "api-live") | {"timeout": 5, "command_timeout": 15}, limits)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await context.database.open()
        following = asyncio.create_task(feed.run())
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
            await context.database.close()
            await http.aclose()

    async def ready() -> str | None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await context.database.run(sa.select(1))
        except TimeoutError:
            return f"the database did not answer within {READY_SECONDS:g} s"
        except DatabaseUnavailableError as error:
            return str(error)
        return None

    app = application(_routes(context, live), ready, lifespan, _middleware(settings))
    app.add_exception_handler(DatabaseUnavailableError, _unavailable)
    app.add_exception_handler(SignInUnavailableError, _unavailable)
    app.add_exception_handler(ArchiveUnavailableError, _archive_unavailable)
    app.add_exception_handler(BadCursorError, _bad_cursor)
    return app


def _now() -> datetime:
    return datetime.now(UTC)


def _routes(context: Context, live: Live) -> list[BaseRoute]:
    return [
        *routes(context, [*PUBLIC_ROUTERS, documentation(PUBLIC_ROUTERS, PUBLIC_PREFIX)], PUBLIC_PREFIX),
        *routes(context, [*ROUTERS, documentation(ROUTERS, "")], ""),
        WebSocketRoute(PUBLIC_PREFIX + "/live", live.serve),
        WebSocketRoute("/live", live.serve),
    ]


def _middleware(settings: ApiSettings) -> list[Middleware]:
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=sorted(settings.origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "If-Match", "If-None-Match"],
            expose_headers=["ETag", "Location", "Retry-After"],
            max_age=600,
        )
    ]


async def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("cannot serve %s: %s", request.url.path, error, extra={"cause": repr(error.__cause__)})
    return problem(503, str(error), RETRY_AFTER)


async def _archive_unavailable(request: Request, error: Exception) -> Response:
    log.warning("cannot serve %s: %s", request.url.path, error, extra={"cause": repr(error.__cause__)})
    return problem(503, str(error), ARCHIVE_RETRY_AFTER)


async def _bad_cursor(_: Request, error: Exception) -> Response:
    return problem(400, str(error))
