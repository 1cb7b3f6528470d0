"""Stands for Slack: receives what Alertmanager sends to an incoming webhook and says it line by line."""

import asyncio
from collections.abc import Callable, Iterator

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from apps.platform.errors import ProblemError
from apps.platform.http import application, read_body, serve
from apps.platform.settings import HttpSettings
from local.plan import HOST

MAX_BYTES = 1_000_000
"""Many times what Alertmanager sends for a group of alerts."""


class Attachment(msgspec.Struct):
    """One part of a message. `title` holds severity and name of the alerts, `text` a line for each."""

    title: str = ""
    text: str = ""


class Message(msgspec.Struct):
    """What Slack's incoming webhooks take, as far as Alertmanager uses it."""

    attachments: list[Attachment]


async def receive_messages(port: int, log: Callable[[str], None], stopping: asyncio.Event) -> None:
    """Log every alert that comes, until `stopping`.

    A web page that is open on this machine can send no JSON here without asking first, and nobody answers it.
    """

    async def receive(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise ProblemError(415, "send application/json")
        try:
            message = msgspec.json.decode(await read_body(request, MAX_BYTES, seconds=10), type=Message)
        except msgspec.DecodeError as error:
            raise ProblemError(422, f"no message as Slack takes it: {error}") from None
        for line in lines(message):
            log(line)
        return PlainTextResponse("ok")

    app = application([Route("/", receive, methods=["POST"])], _ready)
    await serve(app, HttpSettings(http_host=HOST, http_port=port), stopping)


def lines(message: Message) -> Iterator[str]:
    """Yield a message as lines of plain text."""
    for attachment in message.attachments:
        yield attachment.title
        yield from (f"    {line.strip()}" for line in attachment.text.splitlines() if line.strip())


async def _ready() -> str | None:
    return None
