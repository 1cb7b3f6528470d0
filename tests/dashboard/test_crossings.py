"""What a gauge and a trend say of a limit that a series will probably cross."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.dashboard.conftest import StubSite
from tests.dashboard.stub import iso

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


def forecast(at: datetime, device: str = "boiler") -> dict[str, Any]:
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [{"ts": iso(start + timedelta(hours=n)), "expected": 24, "low": 22, "high": 26} for n in range(24)]
    crossing = {"at": iso(at), "side": "above", "threshold": 28, "rule_id": "hot", "name": "Too hot"}
    series = {"device_id": device, "metric": "temperature", "made_at": iso(start), "tested_at": iso(start)}
    model = {"model": "prophet", "model_version": "1", "coverage": 0.81, "mase": 0.6, "baseline_mase": 1.0}
    return {**series, **model, "hours": hours, "crossing": {**crossing, "severity": "warning"}}


async def forecasting(page: Page, *items: dict[str, Any]) -> list[str]:
    """Let the API forecast this, and return for which devices it is asked."""
    urls: list[str] = []

    async def answer(route: Route) -> None:
        urls.append(route.request.url)
        await route.fulfill(json={"items": items, "next_cursor": None})

    await page.route("**/api/forecasts?*", answer)
    await page.reload()
    return urls


async def stocked(site: StubSite) -> None:
    for device, name in (("boiler", "Boiler room"), ("cellar", "Cellar")):
        site.stub.add_device(device, "temperature", name)
        await site.stub.read(device, "temperature", 20.5)


SOON = datetime.now(UTC) + timedelta(hours=3)


async def test_a_gauge_warns_before_a_limit_is_crossed_and_says_so_politely(site: StubSite) -> None:
    await stocked(site)
    at = SOON.replace(minute=37, second=0, microsecond=0)
    async with site.visit(timezone_id="UTC", locale="en-GB") as page:
        urls = await forecasting(page, forecast(at))
        gauge = page.get_by_role("article").filter(has=page.get_by_role("meter", name="Boiler room, Temperature"))
        warning = re.compile(rf"above 28\s?°C at about {at:%H}:40")
        await expect(gauge).to_contain_text(warning)
        await expect(page.get_by_role("article").filter(has_text="Cellar")).not_to_contain_text("at about")
        status = page.get_by_role("status").filter(has_text="Expected: Boiler room, Temperature: ")
        await expect(status).to_contain_text(warning)
        assert urls[0].endswith("/api/forecasts?ids=boiler%2Ccellar&limit=1000"), urls


async def test_an_alert_says_more_than_what_is_expected(site: StubSite) -> None:
    await stocked(site)
    site.stub.set_alert("hot", severity="critical", source="boiler/temperature", message="Boiler room is hot")
    async with site.visit() as page:
        await forecasting(page, forecast(SOON), forecast(SOON, "cellar"))
        await expect(page.get_by_role("article").filter(has_text="Cellar")).to_contain_text("at about")
        gauge = page.get_by_role("article").filter(has=page.get_by_role("meter", name="Boiler room, Temperature"))
        await expect(gauge).to_contain_text("Critical")
        await expect(gauge).not_to_contain_text("at about")


async def test_the_trend_names_the_rule_in_the_readers_words(site: StubSite) -> None:
    await stocked(site)
    at = SOON.replace(minute=0, second=0, microsecond=0)
    async with site.visit("devices/boiler", timezone_id="UTC", locale="de-DE") as page:
        await forecasting(page, forecast(at))
        warning = re.compile(rf"erwartet: gegen {at:%H}:00 über 28\s?°C \(Too hot\)")
        await expect(page.locator(".legend")).to_contain_text(warning)
