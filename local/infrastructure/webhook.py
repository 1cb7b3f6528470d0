"""Stands for Slack: receives what Alertmanager sends to an incoming webhook, says it line by line and shows it."""

import asyncio
import html
import re
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from apps.platform.errors import ProblemError
from apps.platform.http import application, read_body, serve
from apps.platform.settings import HttpSettings
from local.plan import HOST

MAX_BYTES = 1_000_000
"""Many times what Alertmanager sends for a group of alerts."""

MAX_SHOWN = 200
"""Messages that the page shows, the newest first."""

LINK = re.compile(r"<(https?://[^|>]+)\|([^>]+)>")
"""How Slack writes a link."""

SIGNS = {":rotating_light:": "🚨", ":white_check_mark:": "✅"}
"""What Slack shows for the signs that our messages have."""


class Attachment(msgspec.Struct):
    """One part of a message. `title` holds severity and name of the alerts, `text` a line for each."""

    title: str = ""
    text: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the lines of the text, with their signs as Slack shows them."""
        text = self.text
        for name, sign in SIGNS.items():
            text = text.replace(name, sign)
        yield from (line.strip() for line in text.splitlines() if line.strip())


class Message(msgspec.Struct):
    """What Slack's incoming webhooks take, as far as Alertmanager uses it."""

    attachments: list[Attachment]


class Received(NamedTuple):
    """A message, and when it came."""

    at: datetime
    message: Message


async def receive_messages(port: int, log: Callable[[str], None], stopping: asyncio.Event) -> None:
    """Log every alert that comes, and show the last ones as a page, until `stopping`.

    A web page that is open on this machine can send no JSON here without asking first, and nobody answers it.
    """
    received: deque[Received] = deque(maxlen=MAX_SHOWN)

    async def receive(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise ProblemError(415, "send application/json")
        try:
            message = msgspec.json.decode(await read_body(request, MAX_BYTES, seconds=10), type=Message)
        except msgspec.DecodeError as error:
            raise ProblemError(422, f"no message as Slack takes it: {error}") from None
        received.appendleft(Received(datetime.now(UTC), message))
        for line in lines(message):
            log(line)
        return PlainTextResponse("ok")

    async def show(_: Request) -> Response:
        return HTMLResponse(page(received))

    routes = [Route("/", receive, methods=["POST"]), Route("/", show, methods=["GET"])]
    await serve(application(routes, _ready), HttpSettings(http_host=HOST, http_port=port), stopping)


def lines(message: Message) -> Iterator[str]:
    """Yield a message as lines of plain text."""
    for attachment in message.attachments:
        yield attachment.title
        yield from ("    " + LINK.sub(r"\2: \1", line) for line in attachment.lines())


def page(received: "deque[Received]") -> str:
    """Return the messages as a page that looks again by itself."""
    shown = "".join(_article(entry) for entry in received) or "<p>Nobody was told of anything yet.</p>"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="5">
<title>Messages about alerts</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 1rem auto; padding: 0 1rem; }}
article {{ border-left: 4px solid #b8c; padding: 0 0 0 .75rem; margin: 1rem 0; overflow-wrap: anywhere; }}
h2 {{ font-size: 1rem; margin: 0; }}
time {{ color: #555; font-size: .875rem; }}
p {{ margin: .25rem 0; }}
</style>
</head>
<body>
<h1>Messages about alerts</h1>
{shown}
</body>
</html>
"""


def _article(entry: Received) -> str:
    parts = "".join(
        f"<h2>{html.escape(attachment.title)}</h2>" + "".join(f"<p>{_linked(line)}</p>" for line in attachment.lines())
        for attachment in entry.message.attachments
    )
    return f"<article>{parts}<time>{entry.at:%Y-%m-%d %H:%M:%S} UTC</time></article>\n"


def _linked(line: str) -> str:
    parts, end = [], 0
    for link in LINK.finditer(line):
        target, name = map(html.escape, link.groups())
        parts += [html.escape(line[end : link.start()]), f'<a href="{target}">{name}</a>']
        end = link.end()
    return "".join([*parts, html.escape(line[end:])])


async def _ready() -> str | None:
    return None
