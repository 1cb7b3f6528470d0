"""The whole way in a real browser: a device's PUT moves a gauge, what the detector notices stands among the alerts."""

import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import expect

from apps.detector.alerts import ACTOR
from apps.domain.alerts import Anomaly, Severity
from apps.storage.alerts import clear_alert, raise_alert
from tests.dashboard.conftest import Platform
from tests.support.postgres import TestDatabase

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_put_of_a_device_moves_its_gauge(platform: Platform) -> None:
    spec = {"device_id": "boiler-1", "kind": "temperature", "name": "Boiler room"}
    (await platform.http.post("/api/devices", json=spec, headers=platform.operator)).raise_for_status()
    wish = {"expires_in": 600}
    upload = await platform.http.post("/api/devices/boiler-1/upload-url", json=wish, headers=platform.operator)

    async def put(value: float) -> None:
        reading = {"metric": "temperature", "ts": datetime.now(UTC).isoformat(), "value": value}
        answer = await platform.http.put(upload.json()["url"], json=[reading])
        assert answer.json() == {"accepted": 1, "refused": []}

    async with platform.site.visit() as page:
        await expect(page.get_by_role("article")).to_contain_text("No reading yet")
        gauge = page.get_by_role("meter", name="Boiler room, Temperature")
        for value in (21.5, 36.25):
            await put(value)
            await expect(gauge).to_have_attribute("aria-valuenow", str(value))
        await expect(page.get_by_role("status").first).to_have_text("Live")
        await expect(page.get_by_role("img", name="Boiler room, temperature")).to_be_visible()


async def test_what_the_detector_notices_stands_among_the_alerts_until_it_is_over(
    platform: Platform, database: TestDatabase
) -> None:
    detector = await database.connect("detector")
    anomaly = Anomaly(source="api/latency", rule="zscore", severity=Severity.CRITICAL, message="api is slow", score=9.5)
    async with platform.site.visit() as page:
        alerts = page.get_by_role("region", name="Active alerts")
        await expect(alerts).to_contain_text("No active alerts")
        await raise_alert(detector, anomaly, ACTOR)
        await expect(alerts.get_by_role("listitem")).to_contain_text("api is slow")
        await clear_alert(detector, anomaly.source, anomaly.rule, ACTOR, "back to normal")
        await expect(alerts).to_contain_text("No active alerts")
    await detector.close()


async def test_an_administrator_makes_a_key_and_revokes_it(platform: Platform) -> None:
    async with platform.site.visit() as page:
        await platform.enter(page, platform.operator)
        await page.get_by_role("link", name="People and keys").click()
        await page.get_by_label("Name", exact=True).fill("nightly report")
        await page.get_by_label("devices:read").check()
        await page.get_by_role("button", name="Make a key").click()
        key = await page.locator("code.command").inner_text()
        headers = {"Authorization": f"Bearer {key}"}
        assert (await platform.http.get("/api/devices", headers=headers)).status_code == 200
        assert (await platform.http.get("/api/keys", headers=headers)).status_code == 403
        page.on("dialog", lambda dialog: dialog.accept())
        await page.get_by_role("button", name="Revoke: nightly report").click()
        await expect(page.get_by_role("row", name=re.compile("nightly report"))).to_contain_text(
            "revoked by operator token"
        )
        assert (await platform.http.get("/api/devices", headers=headers)).status_code == 401
