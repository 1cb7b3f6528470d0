"""What a person sees, in a real browser, with an API that says what the test tells it to."""

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.dashboard.conftest import StubSite
from tests.dashboard.stub import TOKEN, stamp

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}


def meter(page: Page, name: str) -> Locator:
    return page.get_by_role("meter", name=name)


def status(page: Page) -> Locator:
    return page.locator(".status")


async def stocked(site: StubSite) -> StubSite:
    """A small fleet with a reading each, one alert."""
    for device_id, kind, name in (
        ("boiler", "temperature", "Boiler room"),
        ("cellar", "humidity", None),
        ("motor", "vibration", "Motor"),
    ):
        site.stub.add_device(device_id, kind, name)
        await site.stub.read(device_id, kind, 20.5)
    site.stub.set_alert("hot", severity="critical", source="boiler/temperature", message="Boiler room is hot")
    return site


async def test_a_gauge_moves_when_a_reading_comes(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        gauge = meter(page, "Boiler room, Temperature")
        await expect(gauge).to_have_attribute("aria-valuenow", "20.5")
        await expect(status(page)).to_contain_text("Live")
        await site.stub.read("boiler", "temperature", 31.25)
        await expect(gauge).to_have_attribute("aria-valuenow", "31.25")
        await expect(gauge).to_have_attribute("aria-valuetext", "31.3 °C")
        await expect(gauge).to_contain_text("31.3")


async def test_a_new_device_appears_by_itself(site: StubSite) -> None:
    async with site.visit() as page:
        await expect(page.get_by_role("heading", name="No devices yet")).to_be_visible()
        await expect(page.get_by_role("heading", name="No active alerts")).to_be_visible()
        await stocked(site)
        await expect(meter(page, "cellar, Humidity")).to_be_visible(timeout=10_000)


async def test_a_device_without_readings_is_shown_as_such(site: StubSite) -> None:
    site.stub.add_device("spare", "power", "Spare")
    async with site.visit() as page:
        await expect(page.get_by_role("article")).to_contain_text("No reading yet")


async def test_stale_data_is_said_plainly_for_the_gauge_and_for_the_page(site: StubSite) -> None:
    site.stub.add_device("boiler", "temperature")
    await site.stub.read("boiler", "temperature", 20, ago=20 * 60)
    async with site.visit() as page:
        await expect(page.get_by_role("article")).to_contain_text("No new reading for 20 min")
        await expect(status(page)).to_contain_text("No new reading for 20 min")
        await site.stub.read("boiler", "temperature", 21)
        await expect(page.get_by_role("article")).not_to_contain_text("No new reading")
        await expect(status(page)).to_contain_text("Newest reading")


async def test_without_a_websocket_it_polls_and_then_goes_back(site: StubSite) -> None:
    await stocked(site)
    site.stub.sockets = False
    async with site.visit() as page:
        gauge = meter(page, "Boiler room, Temperature")
        await expect(status(page)).to_contain_text("Polling")
        await expect(gauge).to_have_attribute("aria-valuenow", "20.5")
        await site.stub.read("boiler", "temperature", 22)
        await expect(gauge).to_have_attribute("aria-valuenow", "22")
        await expect(page.get_by_text("Boiler room is hot")).to_be_visible()
        site.stub.sockets = True
        await expect(status(page).get_by_role("status")).to_have_text("Live")
        await site.stub.read("boiler", "temperature", 23)
        await expect(gauge).to_have_attribute("aria-valuenow", "23")


async def test_when_nothing_answers_it_says_so_keeps_what_it_has_and_recovers(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        await expect(meter(page, "Boiler room, Temperature")).to_be_visible()
        site.stub.sockets = site.stub.http = False
        await site.stub.cut()
        await expect(status(page)).to_contain_text(re.compile(r"Offline.*No answer from the server since"))
        await expect(meter(page, "Boiler room, Temperature")).to_have_attribute("aria-valuenow", "20.5")
        site.stub.sockets = site.stub.http = True
        await page.get_by_role("button", name="Try now").click()
        await expect(status(page)).to_contain_text("Live")


async def test_the_first_load_without_a_server_says_what_is_wrong_and_recovers(site: StubSite) -> None:
    await stocked(site)
    site.stub.sockets = site.stub.http = False
    async with site.visit() as page:
        await expect(page.get_by_role("alert")).to_contain_text("The database cannot be reached.")
        site.stub.sockets = site.stub.http = True
        await expect(meter(page, "cellar, Humidity")).to_be_visible(timeout=10_000)


async def test_an_alert_is_acknowledged_and_resolved_with_the_operators_token(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        dialog = page.get_by_role("dialog")
        await page.get_by_role("button", name="Acknowledge: Boiler room is hot").click()
        await dialog.get_by_label("Your name").fill("Ana")
        await dialog.get_by_label("Comment").fill("On my way")
        await dialog.get_by_label("Operator token").fill("guessed")
        await dialog.get_by_role("button", name="Acknowledge").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("not the operator's token")
        assert await page.evaluate("Object.values(sessionStorage)") == []

        await dialog.get_by_label("Operator token").fill(TOKEN)
        await dialog.get_by_role("button", name="Acknowledge").click()
        await expect(page.get_by_text("Acknowledged by Ana")).to_be_visible()
        assert await page.evaluate("Object.values(localStorage)") == []

        await page.get_by_role("button", name="Resolve: Boiler room is hot").click()
        await expect(dialog.get_by_label("Operator token")).to_have_count(0)
        await dialog.get_by_role("button", name="Resolve").click()
        await expect(page.get_by_role("heading", name="No active alerts")).to_be_visible()
        assert site.stub.alerts["hot"]["resolved_by"] == "Ana"


async def test_alerts_come_and_go_live_the_most_severe_first(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        await expect(page.get_by_text("Boiler room is hot")).to_be_visible()
        site.stub.set_alert("damp", message="The cellar is damp", opened_at=stamp(-60), observed=81.5, expected=55)
        await site.stub.tell({"type": "alerts", "alerts": [site.stub.alerts["damp"]]})
        alerts = page.get_by_role("region", name="Active alerts").get_by_role("listitem")
        await expect(alerts).to_contain_text(["Boiler room is hot", "The cellar is damp"])
        await expect(alerts.last).to_contain_text("Warning")
        await expect(alerts.last).to_contain_text(re.compile("Observed81.5.*Expected55"))
        site.stub.set_alert("hot", state="resolved")
        await site.stub.tell({"type": "alerts", "alerts": [site.stub.alerts["hot"]]})
        await expect(alerts).to_contain_text(["The cellar is damp"])


async def test_an_alert_about_a_gauge_leads_to_its_trend(site: StubSite) -> None:
    await stocked(site)
    site.stub.set_alert("shaky", source="motor/vibration", message="The motor shakes")
    async with site.visit() as page:
        await page.get_by_role("button", name="motor/vibration").click()
        await expect(page.get_by_role("img", name="Motor, vibration")).to_be_visible()
        await expect(page).to_have_url(re.compile("device=motor&metric=vibration"))


async def test_devices_are_chosen_with_the_keyboard_alone(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        await page.get_by_role("button", name="Choose devices").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Search devices")).to_be_focused()
        await page.keyboard.type("mot")
        await expect(page.get_by_role("checkbox")).to_have_count(1)
        await page.keyboard.press("ArrowDown")
        await expect(page.get_by_role("checkbox", name="Motor")).to_be_focused()
        await page.keyboard.press("Space")
        await page.get_by_role("button", name="Show 1 device").press("Enter")
        await expect(page.get_by_role("meter")).to_have_count(1)
        await expect(page).to_have_url(re.compile(r"\?devices=motor$"))
        await page.go_back()
        await expect(page.get_by_role("meter")).to_have_count(3)


async def test_devices_are_filtered_by_kind(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        await page.get_by_role("button", name="Choose devices").click()
        await page.get_by_role("radio", name="humidity").check(force=True)
        await page.get_by_role("button", name="Show all humidity devices").click()
        await expect(meter(page, "cellar, Humidity")).to_be_visible()
        await expect(page.get_by_role("meter")).to_have_count(1)


async def test_a_shared_address_shows_the_same_view(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("?devices=motor,boiler,gone&device=motor&metric=vibration&window=1h") as page:
        await expect(page.get_by_role("heading", name="1 h trend")).to_be_visible()
        await expect(page.get_by_text("Motor, vibration")).to_be_visible()
        await expect(page.get_by_role("meter")).to_have_count(2)
        await expect(page.get_by_role("button", name="Motor")).to_have_attribute("aria-pressed", "true")


async def test_the_trend_follows_the_gauge_and_the_window(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        await page.get_by_role("button", name="cellar").click()
        await expect(
            page.get_by_role("img", name=re.compile("^cellar, humidity, the last 24 h: lowest"))
        ).to_be_visible()
        await page.get_by_role("radio", name="7 d").check(force=True)
        await expect(
            page.get_by_role("img", name=re.compile("^cellar, humidity, the last 7 d: lowest"))
        ).to_be_visible()
        await expect(page).to_have_url(re.compile(r"device=cellar&metric=humidity&window=7d"))


async def test_a_large_fleet_is_shown_in_steps(site: StubSite) -> None:
    for number in range(30):
        site.stub.add_device(f"pump-{number:02}", "power")
        await site.stub.read(f"pump-{number:02}", "power", number)
    async with site.visit() as page:
        await expect(page.get_by_role("meter")).to_have_count(8)
        await page.get_by_role("button", name="Show more devices").click()
        await expect(page.get_by_role("meter")).to_have_count(24)
