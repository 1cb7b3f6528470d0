"""Stands for Slack: receives what Alertmanager sends to an incoming webhook and says it line by line."""

import asyncio
from collections.abc import Callable, Iterator

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from apps.platform.http import serve
from apps.platform.settings import HttpSettings
from local.plan import HOST


class Attachment(msgspec.Struct):
    """One part of a message. `title` holds severity and name of the alerts, `text` a line for each."""

    title: str = ""
    text: str = ""


class Message(msgspec.Struct):
    """What Slack's incoming webhooks take, as far as Alertmanager uses it."""

    attachments: list[Attachment]


async def receive_messages(port: int, log: Callable[[str], None], stopping: asyncio.Event) -> None:
    """Log every alert that comes, until `stopping`."""

    async def receive(request: Request) -> Response:
        for line in lines(msgspec.json.decode(await request.body(), type=Message)):
            log(line)
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/", receive, methods=["POST"])])
    await serve(app, HttpSettings(http_host=HOST, http_port=port), stopping)


def lines(message: Message) -> Iterator[str]:
    """Yield a message as lines of plain text."""
    for attachment in message.attachments:
        yield attachment.title
        yield from (f"    {line.strip()}" for line in attachment.text.splitlines() if line.strip())
