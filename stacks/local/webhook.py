"""Stands for Slack: receives what Alertmanager sends and says it in one line."""

import asyncio
from collections.abc import Callable

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from apps.platform.http import serve
from apps.platform.settings import Settings
from stacks.local.plan import HOST


class Alert(msgspec.Struct):
    """One alert of a message."""

    status: str
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Message(msgspec.Struct):
    """What Alertmanager posts (webhook format, version 4)."""

    alerts: list[Alert]


async def receive_messages(port: int, say: Callable[[str], None]) -> None:
    """Say every alert that comes, until cancelled."""

    async def receive(request: Request) -> Response:
        for alert in msgspec.json.decode(await request.body(), type=Message).alerts:
            say(describe(alert))
        return JSONResponse({})

    app = Starlette(routes=[Route("/", receive, methods=["POST"])])
    await serve(app, Settings(http_host=HOST, http_port=port), asyncio.Event())


def describe(alert: Alert) -> str:
    """Return an alert as a line."""
    severity = alert.labels.get("severity", "alert")
    name = alert.labels.get("alertname", "unnamed")
    text = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    return f"{severity} {alert.status}: {name} {text}".rstrip()
