"""A real Alertmanager tells a receiver that stands for Slack: once, together, and again when it is over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from apps.observability.notifications import alertmanager
from devtools.ports import free_port
from local.infrastructure.webhook import receive_messages
from tests.support import monitoring

SECOND = timedelta(seconds=1)


class Channel:
    """What was said, and the Alertmanager to which a test reports alerts as Prometheus would."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.news = asyncio.Event()
        self.http = httpx.AsyncClient()

    def say(self, line: str) -> None:
        self.lines.append(line)
        self.news.set()

    async def report(self, *alerts: dict[str, str], over: bool = False) -> None:
        now = datetime.now(UTC)
        body = [
            {
                "labels": labels,
                "annotations": {
                    "summary": f"summary of {labels['instance']}",
                    "runbook_url": "https://example.org/#it",
                },
                "startsAt": (now - 5 * SECOND).isoformat(),
                "endsAt": (now - SECOND if over else now + 300 * SECOND).isoformat(),
            }
            for labels in alerts
        ]
        (await self.http.post("/api/v2/alerts", json=body)).raise_for_status()

    async def hears(self, line: str) -> None:
        async with asyncio.timeout(30):
            while not any(line in received for received in self.lines):
                self.news.clear()
                await self.news.wait()


@pytest.fixture
async def channel(tmp_path: Path) -> AsyncIterator[Channel]:
    channel, port = Channel(), free_port()
    slack = tmp_path / "slack-url"
    slack.write_text(f"http://127.0.0.1:{port}/")
    stopping = asyncio.Event()
    receiving = asyncio.create_task(receive_messages(port, channel.say, stopping))
    with monitoring.alertmanager(tmp_path, alertmanager(str(slack), wait=SECOND, interval=SECOND)) as url:
        async with httpx.AsyncClient(base_url=url) as channel.http:
            yield channel
    stopping.set()
    await receiving


def alert(name: str, severity: str, instance: str) -> dict[str, str]:
    return {"alertname": name, "severity": severity, "instance": instance}


async def test_equal_alerts_come_as_one_message_and_once_more_when_they_are_over(channel: Channel) -> None:
    both = [alert("IngestorLagging", "critical", "a"), alert("IngestorLagging", "critical", "b")]
    await channel.report(*both)
    await channel.hears("[CRITICAL: 2] IngestorLagging")
    await channel.report(*both)
    await channel.report(*both, over=True)
    await channel.hears("[RESOLVED] IngestorLagging")
    assert [line for line in channel.lines if line.startswith("[")] == [
        "[CRITICAL: 2] IngestorLagging",
        "[RESOLVED] IngestorLagging",
    ]
    assert ":rotating_light: summary of a (<https://example.org/#it|runbook>)" in "\n".join(channel.lines)


async def test_a_page_silences_the_ticket_about_the_same_thing(channel: Channel) -> None:
    await channel.report(alert("Burn", "critical", "a"), alert("Burn", "warning", "a"), alert("Other", "warning", "a"))
    await channel.hears("Burn")
    await channel.hears("[WARNING: 1] Other")
    assert [line for line in channel.lines if "Burn" in line] == ["[CRITICAL: 1] Burn"]


async def test_what_is_only_for_information_is_not_sent(channel: Channel) -> None:
    await channel.report(alert("Watchdog", "none", "a"))
    await channel.report(alert("Other", "warning", "a"))
    await channel.hears("Other")
    assert not any("Watchdog" in line for line in channel.lines)
