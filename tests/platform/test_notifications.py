"""A real Alertmanager tells a receiver that stands for Slack: once, together, and again when it is over."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

from apps.domain.alerts import AlertTransition, Severity
from apps.observability.notifications import alertmanager
from apps.observability.routing import Notifications
from devtools.ports import free_port
from local.infrastructure.webhook import receive_messages
from tests.apps.notifier.alerts import change, insert, register, resolve
from tests.support import monitoring
from tests.support.postgres import TestDatabase

SECOND = timedelta(seconds=1)
QUICK = Notifications(wait_seconds=1, interval_seconds=1)


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

    async def hears(self, line: str, times: int = 1) -> None:
        async with asyncio.timeout(30):
            while self.count(line) < times:
                self.news.clear()
                await self.news.wait()

    def count(self, line: str) -> int:
        return sum(line in received for received in self.lines)

    @property
    def messages(self) -> list[str]:
        """The first line of each."""
        return [line for line in self.lines if line.startswith("[")]

    async def keeps_quiet_about(self, source: str) -> None:
        """Wait until Alertmanager has heard that nobody is to be told."""
        async with asyncio.timeout(30):
            while not any(  # noqa: ASYNC110 - Alertmanager tells nobody of it
                alert["status"]["inhibitedBy"]
                for alert in (await self.http.get("/api/v2/alerts")).json()
                if source in (alert["labels"].get("source"), alert["labels"].get("signal"))
            ):
                await asyncio.sleep(0.1)


@pytest.fixture
async def channel(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Channel]:
    """Its parameter: how often Alertmanager tells again of what is still open."""
    channel, port = Channel(), free_port()
    (tmp_path / "slack").write_text(f"http://127.0.0.1:{port}/")
    stopping = asyncio.Event()
    receiving = asyncio.create_task(receive_messages(port, channel.say, stopping))
    configuration = alertmanager(QUICK, str(tmp_path), "http://127.0.0.1:1")
    configuration["route"]["repeat_interval"] = getattr(request, "param", "12h")
    with monitoring.alertmanager(tmp_path, configuration) as url:
        async with httpx.AsyncClient(base_url=url) as channel.http:
            yield channel
    stopping.set()
    await receiving


def alert(name: str, severity: str, instance: str) -> dict[str, str]:
    return {"alertname": name, "severity": severity, "instance": instance}


@pytest.fixture
async def alerts_db(database: TestDatabase, channel: Channel, tmp_path: Path) -> AsyncIterator[asyncpg.Connection]:
    """A database whose alerts the notifier hands to that Alertmanager, with a device in it."""
    key = tmp_path / "webhook-key"
    key.write_text("k" * 40)
    environment = database.environment("notifier") | {
        "ALERTMANAGER_URL": str(channel.http.base_url),
        "PUBLIC_URL": "https://sensors.example.com",
        "WEBHOOK_KEY_FILE": str(key),
        "HTTP_PORT": str(free_port()),
        "NOTIFICATIONS": QUICK.as_setting(),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "apps.notifier", env=os.environ | environment)
    connection = await database.connect()
    await register(connection)
    yield connection
    await connection.close()
    process.terminate()
    await process.wait()


async def test_an_alert_in_the_database_reaches_people_in_everyday_words_and_its_end_too(
    channel: Channel, alerts_db: asyncpg.Connection
) -> None:
    await insert(alerts_db)
    await channel.hears("[WARNING: 1] Unusual value")
    (line,) = [line for line in channel.lines if "Cold room 3" in line]
    assert "Cold room 3: temperature is 9.4 °C, usual is -18 °C; since" in line
    assert "(show: https://sensors.example.com/devices/device-7?alert=" in line
    await resolve(alerts_db)
    await channel.hears("[RESOLVED] Unusual value")
    assert "Cold room 3: temperature was 9.4 °C, usual is -18 °C; from" in channel.lines[-1]


async def test_what_was_over_before_anybody_could_hear_of_it_is_told_once_with_its_end(
    channel: Channel, alerts_db: asyncpg.Connection
) -> None:
    async with alerts_db.transaction():
        await insert(alerts_db)
        await resolve(alerts_db)
    await channel.hears("[WARNING: 1] Unusual value")
    await channel.hears("[RESOLVED] Unusual value")
    assert len(channel.messages) == 2


@pytest.mark.parametrize("channel", ["1s"], indirect=True)
async def test_what_somebody_looks_after_is_not_told_again_until_it_is_over(
    channel: Channel, alerts_db: asyncpg.Connection
) -> None:
    await insert(alerts_db)
    await insert(alerts_db, source="api/cpu", device_id=None, rule="zscore", severity=Severity.CRITICAL)
    await channel.report(alert("PredictiveAlert", "critical", "a") | {"signal": "api/cpu"})
    for name in ("Unusual value", "PredictiveAlert"):
        await channel.hears(name, times=2)
    await change(alerts_db, AlertTransition.ACKNOWLEDGE)
    for source in ("device-7/temperature", "api/cpu"):
        await channel.keeps_quiet_about(source)
    # A message may be on its way: what is told now comes after it.
    await channel.report(alert("Other", "warning", "b"))
    await channel.hears("Other", times=2)
    before = channel.count("Unusual value"), channel.count("PredictiveAlert")
    await channel.hears("Other", times=5)
    assert (channel.count("Unusual value"), channel.count("PredictiveAlert")) == before
    await resolve(alerts_db)
    await channel.hears("[RESOLVED] Unusual value")
    await insert(alerts_db)
    await channel.hears("[WARNING: 1] Unusual value", times=before[0] + 1)


async def test_what_is_snoozed_is_told_anew_when_that_ends_and_not_as_over(
    channel: Channel, alerts_db: asyncpg.Connection
) -> None:
    await insert(alerts_db)
    for times in (1, 2, 3):
        await channel.hears("[WARNING: 1] Unusual value", times=times)
        await change(alerts_db, AlertTransition.SNOOZE, datetime.now(UTC) + 3 * SECOND)
        await channel.keeps_quiet_about("device-7/temperature")
    await channel.hears("[WARNING: 1] Unusual value", times=4)
    await change(alerts_db, AlertTransition.SNOOZE, datetime.now(UTC) + 3600 * SECOND)
    await resolve(alerts_db)
    await channel.hears("[RESOLVED] Unusual value")
    assert channel.messages == ["[WARNING: 1] Unusual value"] * 4 + ["[RESOLVED] Unusual value"]


async def test_equal_alerts_come_as_one_message_and_once_more_when_they_are_over(channel: Channel) -> None:
    both = [alert("IngestorLagging", "critical", "a"), alert("IngestorLagging", "critical", "b")]
    await channel.report(*both)
    await channel.hears("[CRITICAL: 2] IngestorLagging")
    await channel.report(*both)
    await channel.report(*both, over=True)
    await channel.hears("[RESOLVED] IngestorLagging")
    assert channel.messages == [
        "[CRITICAL: 2] IngestorLagging",
        "[RESOLVED] IngestorLagging",
    ]
    assert "🚨 summary of a (runbook: https://example.org/#it)" in "\n".join(channel.lines)


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
