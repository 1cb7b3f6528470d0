"""The receiver that stands for Slack, asked as Alertmanager asks it and as nobody should."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from apps.observability.notifications import SLACK_TEXT
from devtools.ports import free_port
from local.infrastructure.webhook import MAX_BYTES, receive_messages

MESSAGE = b'{"attachments": [{"title": "critical: ServiceDown", "text": "api"}]}'


@pytest.fixture
async def webhook() -> AsyncIterator[tuple[httpx.AsyncClient, list[str]]]:
    lines: list[str] = []
    port, stopping = free_port(), asyncio.Event()
    receiving = asyncio.create_task(receive_messages(port, lines.append, stopping))
    transport = httpx.AsyncHTTPTransport(retries=10)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", transport=transport) as http:
        yield http, lines
    stopping.set()
    await receiving


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (MESSAGE, "application/json", 200),
        (MESSAGE, "text/plain", 415),
        (MESSAGE, "", 415),
        (b"[]", "application/json", 422),
        (b"\xff", "application/json", 422),
        (b" " * (MAX_BYTES + 1), "application/json", 413),
    ],
)
async def test_only_a_message_of_ordinary_size_is_said(
    webhook: tuple[httpx.AsyncClient, list[str]], content: bytes, kind: str, status: int
) -> None:
    http, lines = webhook
    answer = await http.post("/", content=content, headers={"content-type": kind})
    assert answer.status_code == status
    assert lines == (["critical: ServiceDown", "    api"] if status == 200 else [])
    assert ("critical: ServiceDown" in (await http.get("/")).text) == (status == 200)


async def test_links_can_be_followed_and_nothing_else_becomes_markup(
    webhook: tuple[httpx.AsyncClient, list[str]],
) -> None:
    http, lines = webhook
    text = "Room <b>3</b> (<https://example.org/?a=1&b=2|show>) <javascript:alert(1)|no>"
    await http.post("/", json={"attachments": [{"title": "[WARNING: 1] Unusual value", "text": text}]})
    assert lines[1].strip() == ("Room <b>3</b> (show: https://example.org/?a=1&b=2) <javascript:alert(1)|no>")
    page = (await http.get("/")).text
    assert 'Room &lt;b&gt;3&lt;/b&gt; (<a href="https://example.org/?a=1&amp;b=2">show</a>)' in page
    assert "<javascript" not in page


async def test_the_signs_of_our_messages_are_shown_as_slack_shows_them(
    webhook: tuple[httpx.AsyncClient, list[str]],
) -> None:
    http, lines = webhook
    signs = re.findall(r":[a-z_]+:", SLACK_TEXT)
    text = "\n".join(f"{sign} Boiler room is hot" for sign in signs)
    await http.post("/", json={"attachments": [{"title": "warning", "text": text}]})
    assert lines[1:] == ["    🚨 Boiler room is hot", "    ✅ Boiler room is hot"]
    assert "<p>🚨 Boiler room is hot</p><p>✅ Boiler room is hot</p>" in (await http.get("/")).text
