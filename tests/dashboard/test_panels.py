"""Gauges and the connection, in a real browser, with an API that says what the test tells it to."""

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.dashboard.conftest import StubSite
from tests.dashboard.stub import TOKEN

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
        await expect(gauge).to_have_attribute("aria-valuetext", "31.3\u00a0°C")
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
        await site.stub.stop_answering()
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


async def test_a_large_number_reads_as_people_write_it(site: StubSite) -> None:
    site.stub.add_device("meter", "energy", "Main meter", energy_unit="Wh")
    await site.stub.read("meter", "energy", 98_765_432)
    site.stub.add_device("valve", "position", "Valve")
    await site.stub.read("valve", "position", 1)
    async with site.visit(locale="de-DE") as page:
        await expect(meter(page, "Main meter")).to_contain_text("98,77MWh")
        await expect(meter(page, "Valve").locator(".gauge-value")).to_have_text("1")


async def test_a_gauge_with_an_alert_shows_it_and_a_spike_is_in_its_sparkline(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        await expect(page.locator(".gauge-critical")).to_contain_text("Critical")
        band = page.locator(".gauge", has_text="Motor").locator(".sparkline-area")
        before = await band.get_attribute("d")
        await site.stub.read("motor", "vibration", 900)
        await expect(band).not_to_have_attribute("d", before or "")


async def test_preferences_hold_at_once_and_after_a_reload(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        await page.get_by_role("button", name="Preferences").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Temperatures in").select_option("°F")
        await dialog.get_by_label("Times in").select_option("utc")
        await dialog.get_by_label("Language").select_option("de")
        await expect(page.get_by_role("heading", name="Aktive Alarme")).to_be_visible()
        await page.keyboard.press("Escape")
        await page.reload()
        await expect(meter(page, "Boiler room, Temperature")).to_contain_text("68,9")
        await expect(page.get_by_role("heading", name="Aktive Alarme")).to_be_visible()
        await expect(page.get_by_text("Zeiten: UTC")).to_be_visible()


async def test_pressing_a_gauge_brings_its_trend_into_sight(site: StubSite) -> None:
    await stocked(site)
    for number in range(9):
        site.stub.add_device(f"pump-{number}", "power")
        await site.stub.read(f"pump-{number}", "power", number)
    async with site.visit(viewport={"width": 1000, "height": 700}, reduced_motion="reduce") as page:
        await page.get_by_role("button", name="Motor, Vibration").click()
        await expect(page.get_by_role("img", name=re.compile("^Motor, vibration"))).to_be_in_viewport()
        await expect(page).to_have_url(re.compile("device=motor&metric=vibration"))


async def test_the_empty_page_leads_to_the_first_reading(site: StubSite) -> None:
    async with site.visit() as page:
        await page.get_by_role("link", name="Register a device").click()
        await page.get_by_label("Id").fill("boiler")
        await page.get_by_label("Unit").fill("K")
        await page.get_by_role("button", name="Register the device").click()
        await page.get_by_role("dialog").get_by_label("Key").fill(TOKEN)
        await page.get_by_role("button", name="Continue").click()
        await expect(page.locator("pre.command")).to_contain_text("/ingest/boiler?signature=s3cret")
        await expect(page.locator("code.command")).to_contain_text("sad_0000")
        await expect(page.get_by_text("Waiting for the first reading").last).to_be_visible()
        await site.stub.read("boiler", "temperature", 294.5)
        await expect(meter(page, "boiler, Temperature")).to_contain_text("294.5K")
        await page.get_by_role("link", name="Open the device").click()
        await expect(page.get_by_role("heading", name="boiler", exact=True).first).to_be_visible()


async def test_the_first_steps_lead_to_the_walk_through_for_who_writes_the_program(site: StubSite) -> None:
    async with site.visit("start") as page:
        await page.get_by_role("link", name="How a device sends readings").click()
        document = page.get_by_role("article")
        await expect(document.get_by_role("heading", name="Sending readings")).to_be_visible()
        await expect(document).to_contain_text("curl -s -X PUT")
        await expect(page).to_have_url(re.compile("/docs/devices$"))


async def test_a_wall_shows_what_matters_and_outlives_the_network(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("wall?every=5", viewport={"width": 3840, "height": 2160}) as page:
        await expect(page.locator(".wall-alert").first).to_contain_text("Boiler room")
        await expect(page.get_by_text("0 of 3 silent · 1 alert")).to_be_visible()
        await site.stub.stop_answering()
        await expect(page.locator(".wall-status")).to_have_text("Offline")
        await expect(page.get_by_text("Not known while the server does not answer.")).to_be_visible()
        await expect(meter(page, "Motor")).to_be_visible()
        site.stub.sockets = site.stub.http = True
        await expect(page.locator(".wall-status")).to_have_text("Live")
