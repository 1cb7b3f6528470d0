"""What the real Alertmanager sends to each kind of receiver, taken by one that is as strict as the real thing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from apps.domain.alerts import AlertState, Severity
from apps.notifier.wording import Notice, as_alertmanager_takes_it
from apps.observability.notifications import MAX_LINES, alertmanager
from apps.observability.routing import Notifications
from tests.apps.notifier.alerts import COLD_ROOM, alert
from tests.apps.observability.test_routing import amtool_version
from tests.support import monitoring
from tests.support.receivers import ROUTING_KEY, Hooks, Taken, smtp_server
from tests.support.serving import serving

USER, PASSWORD = "AKIAIOSFODNN7EXAMPLE", "a password with spaces: ü"
LINK = "https://sensors.example.com/devices/device-7?alert="

needs_teams = pytest.mark.skipif(amtool_version() < (0, 28), reason="Alertmanager 0.28 is the first that knows Teams")


class RunningAlertmanager:
    """An Alertmanager that tells one receiver, and what that took."""

    def __init__(self, http: httpx.AsyncClient, taken: Taken) -> None:
        self.http = http
        self.taken = taken

    async def tell(self, *, over: bool = False, count: int = 1, severity: Severity = Severity.CRITICAL) -> None:
        """Hand over alerts as the notifier does."""
        now = datetime.now(UTC)
        life: dict[str, Any] = {"opened_at": now - timedelta(minutes=5), "window_start": now - timedelta(minutes=9)}
        if over:
            life |= {"state": AlertState.RESOLVED, "resolved_at": now - timedelta(seconds=1)}
        handed = [
            as_alertmanager_takes_it(
                Notice(
                    alert(alert_id=UUID(int=number), source=f"device-{number}/temperature", severity=severity, **life),
                    COLD_ROOM,
                    first_sent_at=now - timedelta(hours=1),
                ),
                now,
                timedelta(),
                "https://sensors.example.com",
            )
            for number in range(1, count + 1)
        ]
        body = msgspec.json.encode(handed)
        (
            await self.http.post("/api/v2/alerts", content=body, headers={"Content-Type": "application/json"})
        ).raise_for_status()

    async def failures(self, integration: str) -> float:
        """How often Alertmanager says that it could not deliver."""
        text = (await self.http.get("/metrics")).text
        name = f'alertmanager_notifications_failed_total{{integration="{integration}"'
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@asynccontextmanager
async def telling(
    folder: Path, receiver: dict[str, Any], secret: str, **changes: Any
) -> AsyncIterator[RunningAlertmanager]:
    """Run Alertmanager with one receiver, and the stand-ins that it tells."""
    hooks = Hooks()
    with ExitStack() as stack:
        base = stack.enter_context(serving(hooks.application()))
        async with smtp_server(folder, USER, PASSWORD) as (port, certificate, mail):
            taken = {"email": mail, "pagerduty": hooks.pagerduty, "teams": hooks.teams}[receiver["type"]]
            if receiver["type"] == "email":
                receiver |= {"server": f"127.0.0.1:{port}"}
            if receiver["type"] == "teams":
                secret = f"{base}/workflows/teams"
            (folder / "who").write_text(secret)
            routing = Notifications.model_validate(
                {"receivers": {"who": receiver}, "wait_seconds": 1, "interval_seconds": 1, **changes}
            )
            settings = alertmanager(routing, str(folder), "http://127.0.0.1:1")
            # Where the real ones are, and whom this machine trusts.
            settings["global"] = {"pagerduty_url": f"{base}/v2/enqueue"}
            for config in settings["receivers"][1].get("email_configs", []):
                config["tls_config"] = {"ca_file": str(certificate)}
            url = stack.enter_context(monitoring.alertmanager(folder, settings))
            async with httpx.AsyncClient(base_url=url) as http:
                yield RunningAlertmanager(http, taken)


MAIL: dict[str, Any] = {
    "type": "email",
    "to": ["facility@example.com", "night@example.com"],
    "sender": "alerts@example.com",
    "server": "127.0.0.1:25",
    "user": USER,
}


async def test_a_mail_server_that_wants_tls_and_a_login_takes_an_alert_and_its_end(tmp_path: Path) -> None:
    async with telling(tmp_path, dict(MAIL), PASSWORD) as running:
        await running.tell()
        (first,) = await running.taken.until(1)
        await running.tell(over=True)
        _, last = await running.taken.until(2)
        assert await running.failures("email") == 0
    assert first["Subject"] == "[CRITICAL: 1] Unusual value"
    assert (first["From"], first["To"]) == ("alerts@example.com", "facility@example.com, night@example.com")
    assert "night@example.com" in first["X-Envelope"]
    assert "Cold room 3: temperature is 9.4 °C, usual is -18.12 °C; since " in text(first)
    assert LINK in text(first)
    assert last["Subject"] == "[RESOLVED] Unusual value"
    assert "Over: Cold room 3: temperature was 9.4 °C" in text(last)


async def test_a_mail_server_that_does_not_know_the_password_is_counted_as_failing(tmp_path: Path) -> None:
    async with telling(tmp_path, dict(MAIL), "wrong") as running:
        await running.tell()
        async with asyncio.timeout(90):
            while not running.taken.refused:
                running.taken.news.clear()
                await running.taken.news.wait()
            while await running.failures("email") == 0:  # noqa: ASYNC110 - a number of another program
                await asyncio.sleep(0.2)
    assert set(running.taken.refused) == {"535 5.7.8 Authentication failed"}


async def test_pagerduty_takes_an_incident_and_its_end_by_the_same_key(tmp_path: Path) -> None:
    async with telling(tmp_path, {"type": "pagerduty"}, ROUTING_KEY) as running:
        await running.tell()
        (first,) = await running.taken.until(1)
        await running.tell(over=True)
        _, last = await running.taken.until(2)
    assert (first["event_action"], last["event_action"]) == ("trigger", "resolve")
    assert first["dedup_key"] == last["dedup_key"]
    assert first["payload"]["severity"] == "critical"
    assert first["payload"]["summary"] == "[CRITICAL: 1] Unusual value"
    assert "Cold room 3: temperature is 9.4 °C" in first["payload"]["custom_details"]["alerts"]
    assert first["client_url"].startswith(LINK)


@pytest.mark.parametrize("severity", Severity)
async def test_pagerduty_knows_every_severity_of_ours(severity: Severity, tmp_path: Path) -> None:
    routes = [{"severities": [*Severity], "receivers": ["who"]}]
    async with telling(tmp_path, {"type": "pagerduty"}, ROUTING_KEY, routes=routes) as running:
        await running.tell(severity=severity)
        (event,) = await running.taken.until(1)
    assert event["payload"]["severity"] == severity


@needs_teams
async def test_teams_takes_a_card_and_another_about_the_end(tmp_path: Path) -> None:
    async with telling(tmp_path, {"type": "teams"}, "") as running:
        await running.tell()
        (first,) = await running.taken.until(1)
        await running.tell(over=True)
        _, last = await running.taken.until(2)
    assert blocks(first)[0] == "[CRITICAL: 1] Unusual value"
    assert "Cold room 3: temperature is 9.4 °C" in blocks(first)[1]
    assert LINK in blocks(first)[1]
    assert blocks(last)[0] == "[RESOLVED] Unusual value"


@pytest.mark.parametrize(
    "receiver",
    [MAIL, {"type": "pagerduty"}, pytest.param({"type": "teams"}, marks=needs_teams)],
    ids=lambda parameter: parameter["type"],
)
async def test_of_hundreds_at_once_a_message_tells_of_some_and_every_receiver_takes_it(
    receiver: dict[str, Any], tmp_path: Path
) -> None:
    secret = ROUTING_KEY if receiver["type"] == "pagerduty" else PASSWORD
    text_of: Callable[[Any], str] = {
        "email": text,
        "pagerduty": lambda message: message["payload"]["custom_details"]["alerts"],
        "teams": lambda message: blocks(message)[1],
    }[receiver["type"]]
    async with telling(tmp_path, dict(receiver), secret) as alerting:
        await alerting.tell(count=350)
        # The first message may be of those that Alertmanager had read by then.
        for count in range(1, 10):
            message = text_of((await alerting.taken.until(count))[count - 1])
            if " of 350." in message:
                break
    assert message.count("Cold room 3:") == MAX_LINES
    assert message.rstrip().endswith(f"These are {MAX_LINES} of 350.")


def text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content.replace("\r\n", "\n")


def blocks(message: dict[str, Any]) -> list[str]:
    return [block["text"] for block in message["attachments"][0]["content"]["body"]]
