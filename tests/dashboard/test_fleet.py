"""Finding devices: the table, the search, the filters, the map, and the page of one device."""

import re

import pytest
from playwright.async_api import expect

from tests.dashboard.conftest import StubSite
from tests.dashboard.stub import TOKEN

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

KINDS = ("humidity", "power", "temperature", "vibration")


async def large(site: StubSite) -> StubSite:
    """400 devices, one of them silent, one with an alert, one that never reported."""
    for number in range(400):
        kind = KINDS[number // 100]
        name = f"{kind.capitalize()} sensor {number}"
        position = {"latitude": 52 + number / 1000, "longitude": 4.3} if number < 5 else {}
        site.stub.add_device(f"sim-{kind}-{number:03}", kind, name, labels=[f"floor {number % 3}"], **position)
        if number != 7:
            await site.stub.read(f"sim-{kind}-{number:03}", kind, number, ago=3600 if number == 350 else 1)
    site.stub.set_alert("hot", source="sim-power-177/power", severity="critical")
    return site


async def test_a_large_fleet_is_a_table_with_what_is_wrong_first(site: StubSite) -> None:
    await large(site)
    async with site.visit() as page:
        rows = page.get_by_role("row")
        await expect(rows.nth(1)).to_contain_text("Power sensor 177")
        await expect(rows.nth(1)).to_contain_text("1 alert")
        await expect(rows.nth(2)).to_contain_text("Vibration sensor 350")
        await expect(rows.nth(2)).to_contain_text("Silent")
        await expect(page.get_by_role("link", name="1 of 400 silent")).to_be_visible()
        assert site.stub.requested_paths == ["/api/fleet"]
        # A device that reports again is not silent any more, at once.
        await site.stub.read("sim-vibration-350", "vibration", 3)
        await expect(rows.nth(2)).not_to_contain_text("Silent")


async def test_only_rows_in_sight_are_there_and_the_last_is_reached(site: StubSite) -> None:
    await large(site)
    async with site.visit() as page:
        await expect(page.get_by_role("row").nth(5)).to_be_visible()
        assert await page.locator(".fleet-row").count() < 60
        last = page.get_by_role("link", name="Vibration sensor 399")
        for _ in range(40):
            await page.mouse.wheel(0, 2500)
            await page.evaluate("new Promise(requestAnimationFrame)")
            if await last.count():
                break
            await page.wait_for_timeout(50)
        await expect(last).to_be_visible()
        assert await page.locator(".fleet-row").count() < 60


async def test_the_end_of_a_fleet_is_reached_at_once_and_what_is_in_sight_is_live(site: StubSite) -> None:
    await large(site)
    async with site.visit() as page:
        await expect(page.get_by_role("row", name="Power sensor 177")).to_be_visible()
        await page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        last = page.get_by_role("row", name="Vibration sensor 399")
        await expect(last).to_be_in_viewport()
        # Said again until the page follows this device: it does so once nobody scrolls.
        for value in range(1000, 1100):
            await site.stub.read("sim-vibration-399", "vibration", value)
            if "1,0" in await last.inner_text():
                break
            await page.wait_for_timeout(100)
        await expect(last).to_contain_text(re.compile("1,0[0-9]{2}"))


@pytest.mark.parametrize("text", ["vib 377", "sensor 377", "VIBRATION-377", "377 floor"])
async def test_words_find_a_device_wherever_they_stand(site: StubSite, text: str) -> None:
    await large(site)
    async with site.visit() as page:
        await page.get_by_label("Search devices").fill(text)
        await expect(page.locator(".fleet-row")).to_have_count(1)
        await expect(page.locator(".fleet-row")).to_contain_text("Vibration sensor 377")
        await expect(page).to_have_url(re.compile("q="))


async def test_every_kind_can_be_chosen_with_its_count(site: StubSite) -> None:
    await large(site)
    async with site.visit("?kind=vibration") as page:
        await expect(page.get_by_role("button", name="Vibration 100")).to_have_attribute("aria-pressed", "true")
        await page.get_by_role("button", name="Temperature 100").click()
        await expect(page.locator(".fleet-row").first).to_contain_text("Temperature sensor")
        await page.get_by_role("button", name="Never reported 1").click()
        await expect(page.get_by_text("None of the 400 devices matches.")).to_be_visible()
        await page.get_by_role("button", name="Show all devices").click()
        await expect(page.locator(".fleet-row").first).to_contain_text("Power sensor 177")


async def test_a_kind_that_there_is_none_of_is_said_so(site: StubSite) -> None:
    await large(site)
    async with site.visit("?kind=banana") as page:
        await expect(page.get_by_text("None of the 400 devices matches.")).to_be_visible()


async def test_the_map_shows_what_has_a_place(site: StubSite) -> None:
    await large(site)
    async with site.visit("?view=map") as page:
        await expect(page.get_by_role("group", name="Map of 5 devices")).to_be_visible()
        await page.get_by_role("link", name="Humidity sensor 3: Live").click()
        await expect(page).to_have_url(re.compile("/devices/sim-humidity-003"))


async def test_places_that_would_cover_each_other_are_one_circle_that_opens(site: StubSite) -> None:
    await large(site)
    for number, device in enumerate(site.stub.devices.values()):
        device["attributes"] |= {"latitude": 52 + number // 20 / 1000, "longitude": 4 + number % 20 / 1000}
    async with site.visit("?view=map") as page:
        circles = page.get_by_role("link", name=re.compile("devices here"))
        await expect(circles.first).to_be_visible()
        assert 4 < await circles.count() < 300
        await page.get_by_role("link", name=re.compile("devices here: 0 silent, 1 with alerts")).click()
        await expect(page.get_by_role("link", name="Power sensor 177: Live")).to_be_visible()
        await page.get_by_role("button", name="Back to the map of 400 devices").click()
        await expect(circles.first).to_be_visible()


async def test_a_link_to_any_device_has_its_name_and_its_unit(site: StubSite) -> None:
    await large(site)
    site.stub.add_device("zz-oven", "temperature", "Oven", temperature_unit="°F")
    await site.stub.read("zz-oven", "temperature", 350)
    async with site.visit("?view=gauges&device=zz-oven&metric=temperature") as page:
        trend = page.get_by_role("region", name="24 h trend")
        await expect(trend).to_contain_text("Oven, temperature")
        await expect(trend).to_contain_text("°F")
        await expect(trend).not_to_contain_text("°C")


async def test_how_many_gauges_are_shown_is_in_the_address(site: StubSite) -> None:
    await large(site)
    async with site.visit("?view=gauges") as page:
        await expect(page.get_by_role("meter")).to_have_count(23)
        await expect(page.get_by_text("Showing 24 of 400.")).to_be_visible()
        await page.get_by_role("button", name="Show more gauges").click()
        await expect(page.get_by_role("meter")).to_have_count(47)
        await page.reload()
        await expect(page.get_by_role("meter")).to_have_count(47)


async def test_a_device_that_there_is_not_is_said_to_a_person(site: StubSite) -> None:
    async with site.visit("devices/nope-1") as page:
        await expect(page.get_by_role("heading", name="There is no device nope-1")).to_be_visible()
        await expect(page.get_by_text("POST")).to_have_count(0)


async def test_a_device_is_described_and_its_readings_are_looked_at(site: StubSite) -> None:
    site.stub.add_device("boiler", "temperature", "Boiler room")
    await site.stub.read("boiler", "temperature", 20.5)
    async with site.visit("devices/boiler?tab=about") as page:
        await page.get_by_label("Labels").fill("cellar, heating")
        await page.get_by_role("button", name="Add an attribute").click()
        await page.get_by_label("Attribute", exact=True).fill("floor")
        await page.get_by_label("Value of floor").fill("-1")
        await page.get_by_role("button", name="Save").click()
        await page.get_by_role("dialog").get_by_label("Key").fill(TOKEN)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Saved.")).to_be_visible()
        assert site.stub.devices["boiler"]["labels"] == ["cellar", "heating"]
        assert site.stub.devices["boiler"]["attributes"] == {"floor": -1}

        await page.get_by_role("radio", name="Readings").check(force=True)
        readings = page.get_by_role("region", name="Readings")
        await expect(readings).to_contain_text("20.5")
        await site.stub.read("boiler", "temperature", 27.25)
        await expect(readings).to_contain_text("27.25")
        await page.get_by_role("button", name="Pause").click()
        await site.stub.read("boiler", "temperature", 99)
        await expect(page.get_by_role("meter")).to_have_attribute("aria-valuenow", "99")
        await expect(readings).not_to_contain_text("99")

        await page.get_by_role("radio", name="Rejected").check(force=True)
        await page.get_by_role("button", name="Show rejected").click()
        await expect(page.get_by_role("region", name="Rejected")).to_contain_text("ts is in the future")
