"""HTTP as every service speaks it: probes, metrics, problem+json, bounded bodies, and an orderly end."""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import msgspec
import uvicorn
from opentelemetry import propagate, trace
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send

from apps.platform.errors import ConfigurationError, ProblemError
from apps.platform.protocol import DeadlineProtocol, DeadlineWebSocketProtocol, with_timeouts
from apps.platform.settings import HttpSettings
from apps.platform.timeouts import HttpTimeouts

log = logging.getLogger(__name__)

HTTP_REQUESTS = Counter("http_requests_total", "Requests answered.", ["method", "route", "status"])
HTTP_SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time from the request's first byte to the last of its answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 5.0, 15.0),
)

PROBES = ("/health", "/ready", "/metrics")
"""Paths, on every service, that only the cluster itself asks for."""

DESCRIBED_AT = "/api/docs"
"""Where people read what the platform answers."""

Readiness = Callable[[], Awaitable[str | None]]
"""Returns None when the service can serve, else the reason that it cannot."""


def application(
    routes: Sequence[BaseRoute],
    ready: Readiness,
    lifespan: Lifespan[Starlette] | None = None,
    middleware: Sequence[Middleware] = (),
) -> Starlette:
    """Return an application with `routes`, `/health`, `/ready`, `/metrics`, and problem+json for every error."""

    async def readiness(_: Request) -> Response:
        reason = await ready()
        return JSONResponse({"ready": reason is None, "reason": reason}, 200 if reason is None else 503)

    probes = [Route(path, answer) for path, answer in zip(PROBES, (_health, readiness, _metrics), strict=True)]
    app = Starlette(
        routes=[*probes, *routes],
        lifespan=lifespan,
        middleware=[Middleware(TelemetryMiddleware), *middleware],
        exception_handlers={HTTPException: _problem, msgspec.ValidationError: _invalid, Exception: _failure},
    )
    # One spelling for each path: a redirect to the other one would be built from the Host header.
    app.router.redirect_slashes = False
    return app


async def serve(
    app: ASGIApp, settings: HttpSettings, stopping: asyncio.Event, timeouts: HttpTimeouts | None = None
) -> None:
    """Serve until `stopping` is set: then stop accepting, and finish what is under way.

    Raises ConfigurationError when the address cannot be listened on.
    """
    timeouts = timeouts or HttpTimeouts()
    config = uvicorn.Config(
        app,
        http=with_timeouts(DeadlineProtocol, timeouts),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=65,  # longer than the load balancer's 60, so that it is never the server that hangs up
        timeout_graceful_shutdown=timeouts.graceful_shutdown_seconds,
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        ws=with_timeouts(DeadlineWebSocketProtocol, timeouts),
        ws_ping_interval=7,  # a client that is gone without a word is let go within 15 s
        ws_ping_timeout=7,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listen(settings)]))
    waiting = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    waiting.cancel()
    await serving


async def read_body(
    request: Request, limit: int, seconds: float, on_chunk: Callable[[int], None] = lambda _: None
) -> bytes:
    """Read a body of at most `limit` bytes within `seconds`. `on_chunk` is told how many bytes each piece has.

    Raises ProblemError 413 before more than the limit is kept, 408 when it takes too long, 400 when it breaks off.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise too_large(limit)
                on_chunk(len(chunk))
    except ClientDisconnect:
        # Nobody reads this answer, but it is counted: not as a failure of the server.
        raise ProblemError(400, "the connection ended before the body did") from None
    except TimeoutError:
        raise ProblemError(
            408, f"the body did not arrive within {seconds:g} s", headers={"Connection": "close"}
        ) from None
    return bytes(body)


def too_large(limit: int) -> ProblemError:
    """Return the refusal of a body over `limit` bytes."""
    return ProblemError(
        413, f"the body may hold at most {limit} bytes: send less at a time", headers={"Connection": "close"}
    )


def listen(settings: HttpSettings) -> socket.socket:
    """Return a bound socket. Raises ConfigurationError when the address cannot be had."""
    try:
        # With the protocol named: asyncio turns Nagle's algorithm off on no other socket, and 40 ms a request go to it.
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.http_host, settings.http_port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise ConfigurationError(
            f"HTTP_HOST={settings.http_host} HTTP_PORT={settings.http_port}: {error.strerror or error}: "
            "stop what listens there or choose another port"
        ) from None
    return listener


class _Server(uvicorn.Server):
    """A server that leaves the signals to the process around it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class TelemetryMiddleware:
    """Counts and times every request, and continues the caller's trace."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.tracer = trace.get_tracer(__name__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method = scope["method"]
        with self.tracer.start_as_current_span(
            method, propagate.extract(carrier), trace.SpanKind.SERVER, attributes={"http.request.method": method}
        ) as span:
            try:
                await self.app(scope, receive, note_status)
            finally:
                route = getattr(scope.get("route"), "path", "unmatched")
                known = method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "other"
                span.update_name(f"{known} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": status})
                for fault in ("500", "503"):  # a series that begins with its first fault hides that fault from rate()
                    HTTP_REQUESTS.labels(known, route, fault)
                HTTP_REQUESTS.labels(known, route, str(status)).inc()
                HTTP_SECONDS.labels(known, route).observe(time.perf_counter() - started)


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if isinstance(error, ProblemError):
        return problem(error.status_code, error.detail, error.headers, error.extensions)
    detail = error.detail
    if error.status_code == 404:
        detail = f"there is nothing at {request.url.path[:200]}: {DESCRIBED_AT} lists what there is"
    elif error.status_code == 405:
        detail = f"this path does not take {request.method[:20]}: it takes {_taken(error)}"
    return problem(error.status_code, detail, error.headers)


async def _invalid(_: Request, error: Exception) -> Response:
    return problem(422, str(error))


async def _failure(request: Request, error: Exception) -> Response:
    log.error("request failed", exc_info=error, extra={"path": request.url.path})
    return problem(500, "the server failed; it is logged with this time and path, please try again")


def problem(status: int, detail: str, headers: Any = None, extensions: dict[str, object] | None = None) -> Response:
    """Return problem+json."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return Response(
        msgspec.json.encode({**body, **(extensions or {})}), status, headers, media_type="application/problem+json"
    )


def _taken(error: HTTPException) -> str:
    """Return the methods that a path takes, in an order that is the same each time."""
    return ", ".join(sorted((error.headers or {}).get("Allow", "others").split(", ")))
