"""What Alertmanager is told of the alerts in a real database, whatever is away in between."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apps.domain.alerts import AlertTransition, Severity
from apps.notifier.alertmanager import Alertmanager
from apps.notifier.errors import UndeliveredError
from apps.notifier.follower import Follower
from apps.notifier.quiet import QUIET, SIGNAL
from apps.notifier.settings import NotifierSettings
from apps.notifier.wording import REMINDER, REMINDERS
from apps.platform.http import application
from apps.platform.settings import load
from devtools.ports import free_port
from tests.apps.notifier.alerts import change, insert, register, resolve
from tests.support.postgres import TestDatabase
from tests.support.serving import serving

HOLD_SECONDS = 2


class AlertmanagerStandIn:
    """Takes alerts as Alertmanager does, or refuses them."""

    def __init__(self) -> None:
        self.status = 200
        self.refused = 0
        self.posts: list[list[dict[str, Any]]] = []

    async def take(self, request: Request) -> Response:
        alerts = await request.json()
        if self.status != 200:
            self.refused += 1
            return Response("not now", self.status)
        self.posts.append(alerts)
        return Response()

    @property
    def last(self) -> dict[str, dict[str, Any]]:
        """The alerts of the last post by their source, without what keeps them quiet."""
        posted = self.posts[-1] if self.posts else []
        return {alert["labels"]["source"]: alert for alert in posted if QUIET not in alert["labels"]}

    @property
    def quieting(self) -> set[str]:
        """The reminders of which the last post keeps people from being told."""
        posted = self.posts[-1] if self.posts else []
        return {alert["labels"][REMINDER] for alert in posted if QUIET in alert["labels"] and is_open(alert)}


@pytest.fixture
def running_alertmanager() -> Iterator[tuple[AlertmanagerStandIn, str]]:
    alertmanager = AlertmanagerStandIn()

    async def ready() -> None:
        return None

    with serving(application([Route("/api/v2/alerts", alertmanager.take, methods=["POST"])], ready)) as url:
        yield alertmanager, url


@asynccontextmanager
async def following(database: TestDatabase, url: str, folder: Path, seconds: float = 1) -> AsyncIterator[Follower]:
    settings = load(
        NotifierSettings,
        database.environment("notifier")
        | {
            "ALERTMANAGER_URL": url,
            "PUBLIC_URL": "https://sensors.example.com",
            "WEBHOOK_KEY_FILE": str(folder / "key"),
            "NOTIFICATIONS": f'{{"hold_seconds": {HOLD_SECONDS}}}',
            "RESEND_SECONDS": str(seconds),
        },
    )
    async with httpx.AsyncClient(timeout=5) as http:
        follower = Follower(settings, Alertmanager(http, url), random.Random(1))
        task = asyncio.create_task(follower.run())
        try:
            yield follower
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def owner(database: TestDatabase) -> AsyncIterator[asyncpg.Connection]:
    connection = await database.connect()
    await register(connection)
    yield connection
    await connection.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another thread
            await asyncio.sleep(0.02)


def is_open(alert: dict[str, Any]) -> bool:
    return datetime.fromisoformat(alert["endsAt"]) > datetime.now(UTC)


async def test_an_alert_is_told_at_once_again_while_it_is_open_and_when_it_is_over(
    database: TestDatabase,
    owner: asyncpg.Connection,
    running_alertmanager: tuple[AlertmanagerStandIn, str],
    tmp_path: Path,
) -> None:
    alertmanager, url = running_alertmanager
    async with following(database, url, tmp_path):
        await until(lambda: bool(alertmanager.posts))
        await insert(owner)
        await until(lambda: "device-7/temperature" in alertmanager.last)
        alert = alertmanager.last["device-7/temperature"]
        assert is_open(alert)
        assert alert["labels"]["kind"] == "freezer"
        assert alert["annotations"]["summary"].startswith("Cold room 3: temperature is 9.4 °C, usual is -18 °C; since")
        posts = len(alertmanager.posts)
        await until(lambda: len(alertmanager.posts) > posts)
        assert is_open(alertmanager.last["device-7/temperature"])
        await owner.execute("UPDATE alert_notifications SET first_sent_at = now() - interval '1 hour'")
        await resolve(owner)
        await until(lambda: not is_open(alertmanager.last["device-7/temperature"]))


async def test_what_somebody_looks_after_stays_open_and_quiet_until_it_is_over_or_opens_again(
    database: TestDatabase,
    owner: asyncpg.Connection,
    running_alertmanager: tuple[AlertmanagerStandIn, str],
    tmp_path: Path,
) -> None:
    alertmanager, url = running_alertmanager
    async with following(database, url, tmp_path, seconds=300):
        await insert(owner)
        await until(lambda: "device-7/temperature" in alertmanager.last)
        assert alertmanager.quieting == set()
        await change(owner, AlertTransition.ACKNOWLEDGE)
        await until(lambda: alertmanager.quieting == {""})
        assert is_open(alertmanager.last["device-7/temperature"])
        await change(owner, AlertTransition.RESOLVE)
        await until(lambda: alertmanager.quieting == set())
        await change(owner, AlertTransition.REOPEN)
        await until(lambda: is_open(alertmanager.last["device-7/temperature"]))
        assert alertmanager.quieting == set()


async def test_what_is_snoozed_is_told_anew_when_that_ends_as_often_as_it_does(
    database: TestDatabase,
    owner: asyncpg.Connection,
    running_alertmanager: tuple[AlertmanagerStandIn, str],
    tmp_path: Path,
) -> None:
    alertmanager, url = running_alertmanager

    def reminder() -> str | None:
        alert = alertmanager.last.get("device-7/temperature")
        return str(alert["labels"][REMINDER]) if alert else None

    async with following(database, url, tmp_path, seconds=300):
        await insert(owner)
        await until(lambda: reminder() == "")
        for before, after in (("", "1"), ("1", "2"), ("2", "")):
            await change(owner, AlertTransition.SNOOZE, datetime.now(UTC) + timedelta(seconds=2))
            await until(lambda before=before: before in alertmanager.quieting)  # type: ignore[misc]
            assert reminder() == before
            await until(lambda after=after: reminder() == after)  # type: ignore[misc]
            assert alertmanager.quieting == set(REMINDERS) - {after}


async def test_a_snooze_that_is_taken_back_or_ends_with_the_alert_reminds_of_nothing(
    database: TestDatabase,
    owner: asyncpg.Connection,
    running_alertmanager: tuple[AlertmanagerStandIn, str],
    tmp_path: Path,
) -> None:
    alertmanager, url = running_alertmanager
    later = datetime.now(UTC) + timedelta(hours=1)
    async with following(database, url, tmp_path, seconds=300):
        await insert(owner)
        for end in (AlertTransition.UNSNOOZE, AlertTransition.ACKNOWLEDGE, AlertTransition.RESOLVE):
            await change(owner, AlertTransition.SNOOZE, later)
            await until(lambda: alertmanager.quieting == {""})
            await change(owner, end)
            await until(lambda quiet=end is AlertTransition.ACKNOWLEDGE: bool(alertmanager.quieting) == quiet)  # type: ignore[misc]
            if end is AlertTransition.ACKNOWLEDGE:
                await change(owner, AlertTransition.RESOLVE)
                await change(owner, AlertTransition.REOPEN)
                await until(lambda: alertmanager.quieting == set())
        assert alertmanager.last["device-7/temperature"]["labels"][REMINDER] == ""


async def test_what_prometheus_tells_of_is_kept_quiet_too_and_reminded_of_here(
    database: TestDatabase,
    owner: asyncpg.Connection,
    running_alertmanager: tuple[AlertmanagerStandIn, str],
    tmp_path: Path,
) -> None:
    alertmanager, url = running_alertmanager
    async with following(database, url, tmp_path, seconds=300):
        await insert(owner, source="api/cpu", device_id=None, rule="zscore", severity=Severity.CRITICAL)
        await change(owner, AlertTransition.SNOOZE, datetime.now(UTC) + timedelta(seconds=2))
        await until(lambda: alertmanager.quieting == {""})
        (twin,) = alertmanager.posts[-1]
        assert twin["labels"][SIGNAL] == "api/cpu"
        await until(lambda: "api/cpu" in alertmanager.last)
        labels = alertmanager.last["api/cpu"]["labels"]
        assert (labels["alertname"], labels["severity"], labels[REMINDER]) == ("PredictiveAlert", "critical", "1")
        assert "" in alertmanager.quieting


async def test_what_was_over_before_anybody_heard_of_it_is_told_as_open_first_and_its_end_when_it_is_due(
    database: TestDatabase,
    owner: asyncpg.Connection,
    running_alertmanager: tuple[AlertmanagerStandIn, str],
    tmp_path: Path,
) -> None:
    alertmanager, url = running_alertmanager
    await insert(owner)
    await resolve(owner)
    await owner.execute("UPDATE alerts SET resolved_at = now() - interval '2 hours'")
    async with following(database, url, tmp_path, seconds=300):
        await until(lambda: len(alertmanager.posts) > 1)
    opened, over = (alertmanager.posts[index][0] for index in (0, -1))
    assert datetime.fromisoformat(opened["endsAt"]) > datetime.now(UTC) + timedelta(minutes=10)
    first_sent_at = await owner.fetchval("SELECT first_sent_at FROM alert_notifications")
    assert datetime.fromisoformat(over["endsAt"]) == first_sent_at + timedelta(seconds=HOLD_SECONDS)


async def test_what_prometheus_tells_and_what_is_long_over_is_not_told(
    database: TestDatabase,
    owner: asyncpg.Connection,
    running_alertmanager: tuple[AlertmanagerStandIn, str],
    tmp_path: Path,
) -> None:
    alertmanager, url = running_alertmanager
    await insert(owner, source="api/cpu", device_id=None, rule="zscore", severity=Severity.CRITICAL)
    await insert(owner, source="device-7/old")
    await owner.execute(
        "UPDATE alerts SET state = 'resolved', resolved_at = now() - interval '25 h' WHERE source = 'device-7/old'"
    )
    await insert(owner, source="api/cpu", device_id=None)
    async with following(database, url, tmp_path):
        await until(lambda: bool(alertmanager.posts))
    assert [(alert["labels"]["source"], alert["labels"]["rule"]) for alert in alertmanager.posts[-1]] == [
        ("api/cpu", "rarity")
    ]


async def test_an_alertmanager_that_is_away_is_told_when_it_is_back_and_the_service_stays_ready(
    database: TestDatabase,
    owner: asyncpg.Connection,
    running_alertmanager: tuple[AlertmanagerStandIn, str],
    tmp_path: Path,
) -> None:
    alertmanager, url = running_alertmanager
    alertmanager.status = 500
    await insert(owner)
    async with following(database, url, tmp_path) as follower:
        await until(lambda: alertmanager.refused > 0)
        assert await follower.ready() is None
        assert await owner.fetchval("SELECT count(*) FROM alert_notifications") == 0
        alertmanager.status = 200
        await until(lambda: bool(alertmanager.last))


async def test_a_database_that_hangs_up_is_followed_again(
    database: TestDatabase,
    owner: asyncpg.Connection,
    running_alertmanager: tuple[AlertmanagerStandIn, str],
    tmp_path: Path,
) -> None:
    alertmanager, url = running_alertmanager
    async with following(database, url, tmp_path, seconds=300):
        await until(lambda: bool(alertmanager.posts))
        await owner.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'notifier'")
        await insert(owner)
        await until(lambda: "device-7/temperature" in alertmanager.last)


async def test_nobody_is_told_at_an_address_that_does_not_answer() -> None:
    async with httpx.AsyncClient(timeout=1) as http:
        for url in (f"http://127.0.0.1:{free_port()}", "http://nowhere.invalid:9093"):
            with pytest.raises(UndeliveredError):
                await Alertmanager(http, url).post([])
