"""The trend: asked by dragging, keys, from and to; compared; exported; with the moments of alerts."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, Request, expect

from tests.dashboard.conftest import StubSite
from tests.dashboard.stub import TOKEN, iso, stamp

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def stocked(site: StubSite) -> StubSite:
    site.stub.add_device("boiler", "temperature", "Boiler room")
    await site.stub.read("boiler", "temperature", 20.5)
    site.stub.add_device("cellar", "humidity", "Cellar")
    await site.stub.read("cellar", "humidity", 55)
    return site


def seconds(page: Page) -> float:
    """How long the window in the address is."""
    query = parse_qs(urlsplit(page.url).query)
    return (datetime.fromisoformat(query["to"][0]) - datetime.fromisoformat(query["from"][0])).total_seconds()


async def test_dragging_zooms_in_and_the_buttons_move_on(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("devices/boiler") as page:
        chart = page.get_by_role("img", name=re.compile("^Boiler room, temperature"))
        await expect(chart).to_be_visible()
        await chart.scroll_into_view_if_needed()
        box = await chart.bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2
        await page.mouse.move(box["x"] + box["width"] * 0.4, middle)
        await page.mouse.down()
        await page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=4)
        await page.mouse.up()
        await expect(page).to_have_url(re.compile("from=.*to="))
        zoomed = seconds(page)
        assert 3600 < zoomed < 4 * 3600
        before = page.url
        await page.get_by_role("button", name="Zoom out").click()
        await expect(page).not_to_have_url(before)
        await page.get_by_role("button", name="Back in time").click()
        assert seconds(page) == pytest.approx(2 * zoomed, abs=4)
        # The same address shows the same hour tomorrow: nothing in it is relative.
        assert "window" not in page.url


async def test_the_wheel_zooms_at_the_pointer(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("devices/boiler?window=1h") as page:
        chart = page.get_by_role("img", name=re.compile("^Boiler room, temperature"))
        await expect(chart).to_be_visible()
        await chart.hover()
        await page.keyboard.down("Control")
        await page.mouse.wheel(0, -100)
        await page.keyboard.up("Control")
        await expect(page).to_have_url(re.compile("from=.*to="))
        assert 2500 < seconds(page) < 3000


async def test_from_and_to_are_chosen(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("devices/boiler", timezone_id="Asia/Kolkata") as page:
        await page.get_by_role("button", name="From – to").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("From").fill("2026-03-01T05:30:00")
        await dialog.get_by_label("To").fill("2026-03-01T06:30:00")
        await dialog.get_by_role("button", name="Show").click()
        await expect(page).to_have_url(re.compile("from=2026-03-01T00:00:00.000Z&to=2026-03-01T01:00:00.000Z"))
        await expect(page.get_by_text("Times: ")).to_contain_text("GMT+5:30")


async def test_a_spike_that_comes_in_live_is_the_highest_at_once(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("devices/boiler") as page:
        highest = page.locator(".figures div", has_text="Highest")
        await expect(highest).to_contain_text(re.compile(r"\d"))
        await site.stub.read("boiler", "temperature", 900)
        await expect(highest).to_contain_text("900")


def ends_now(request: Request) -> bool:
    """Whether a request is for the trend of the last hour."""
    url = urlsplit(request.url)
    if not url.path.endswith("/api/readings/trend"):
        return False
    since = datetime.fromisoformat(parse_qs(url.query)["since"][0])
    return abs(datetime.now(UTC) - timedelta(hours=1) - since) < timedelta(minutes=1)


async def test_a_window_ends_now_by_the_servers_clock_where_the_screens_own_is_wrong(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("?view=gauges&window=1h") as page:
        await page.add_init_script(
            "Object.defineProperty(performance, 'timeOrigin', { value: performance.timeOrigin + 864e5 })"
        )
        async with page.expect_request(ends_now):
            await page.reload()
        await expect(page.locator(".figures")).to_contain_text("Highest")


async def test_a_sensor_that_is_silent_has_a_last_value_and_none_now(site: StubSite) -> None:
    site.stub.add_device("boiler", "temperature", "Boiler room")
    await site.stub.read("boiler", "temperature", 20.5, ago=1200)
    async with site.visit("devices/boiler") as page:
        figures = page.locator(".figures")
        await expect(figures).to_contain_text("Last")
        await expect(figures).not_to_contain_text("Now")
        await expect(page.get_by_text("Silent: no reading for 20 min.")).to_be_visible()


async def test_series_are_compared_and_laid_over_yesterday(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("devices/boiler") as page:
        await page.get_by_role("button", name="Compare").click()
        await page.get_by_role("dialog").get_by_label("Search devices").fill("cel")
        await page.get_by_role("button", name="Cellar, Humidity").click()
        legend = page.locator(".legend")
        await expect(legend).to_contain_text("Cellar, humidity")
        await page.get_by_label("Earlier period").select_option("1d")
        await expect(legend).to_contain_text("Boiler room, temperature, a day earlier")
        await expect(page).to_have_url(re.compile("compare=cellar/humidity&before=1d"))
        await page.get_by_role("button", name="Remove Cellar, humidity").click()
        await expect(legend).not_to_contain_text("Cellar")


async def test_what_is_shown_is_saved_and_read_by_keys(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("devices/boiler?window=1h") as page:
        await expect(page.get_by_role("img", name=re.compile("^Boiler room"))).to_be_visible()
        async with page.expect_download() as saved:
            await page.get_by_role("button", name="CSV").click()
        lines = (await (await saved.value).path()).read_text().splitlines()
        assert lines[0] == "ts,series,unit,average,lowest,highest,readings"
        assert '"Boiler room, temperature",°C' in lines[1]
        async with page.expect_download() as picture:
            await page.get_by_role("button", name="PNG").click()
        assert (await (await picture.value).path()).read_bytes().startswith(b"\x89PNG")

        await page.locator(".trend-stage").focus()
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator(".chart-tip")).to_contain_text("°C")
        await page.keyboard.press("+")
        await expect(page).to_have_url(re.compile("from="))
        await page.get_by_text("Values as a table").click()
        await expect(page.get_by_role("region", name="Values as a table").get_by_role("row").nth(1)).to_contain_text(
            "°C"
        )


async def test_an_alert_leads_to_its_moment(site: StubSite) -> None:
    await stocked(site)
    for number in range(30):
        site.stub.add_device(f"pump-{number:02}", "power")
        await site.stub.read(f"pump-{number:02}", "power", number)
    happened = datetime.now(UTC) - timedelta(hours=3)
    site.stub.set_alert(
        "odd",
        source="pump-29/power",
        model="rarity",
        observed=41.5,
        expected=12,
        window_start=iso(happened),
        window_end=iso(happened + timedelta(minutes=2)),
        opened_at=stamp(-3600),
    )
    async with site.visit() as page:
        await page.get_by_role("region", name="Active alerts").get_by_role("link", name="pump-29", exact=True).click()
        await expect(page.get_by_role("img", name=re.compile("1 alert in this time"))).to_be_in_viewport()
        query = parse_qs(urlsplit(page.url).query)
        assert datetime.fromisoformat(query["from"][0]) < happened < datetime.fromisoformat(query["to"][0])
        assert seconds(page) < 3600


async def test_what_is_usual_is_drawn_and_said_where_the_detector_knows_it(site: StubSite) -> None:
    await stocked(site)
    known = {"judged_until": stamp(-60), "learning_until": None, "usual_low": 19.5, "usual_high": 24.25}
    site.stub.watched = [{"metric": "temperature", **known}]
    async with site.visit("devices/boiler") as page:
        await expect(page.get_by_role("img", name=re.compile("Usually from 19.5.*to 24.3.*°C"))).to_be_visible()
        await expect(page.locator(".legend")).to_contain_text(re.compile("usually 19.5.*– 24.3"))


async def test_until_when_the_detector_learns_what_is_usual_is_said(site: StubSite) -> None:
    await stocked(site)
    unknown = {"judged_until": None, "usual_low": None, "usual_high": None}
    site.stub.watched = [{"metric": "temperature", "learning_until": stamp(1200), **unknown}]
    async with site.visit("devices/boiler") as page:
        notice = page.get_by_text(re.compile(r"is learning what is usual of Temperature until \d"))
        await expect(notice).to_be_visible()
        site.stub.watched[0]["learning_until"] = None
        await page.reload()
        await expect(page.get_by_role("img", name=re.compile("^Boiler room, temperature"))).to_be_visible()
        await expect(notice).to_have_count(0)


async def test_what_comes_next_is_drawn_and_said_where_somebody_forecasts_it(site: StubSite) -> None:
    await stocked(site)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [
        {"ts": iso(start + timedelta(hours=hour)), "expected": 21, "low": 18.5, "high": 23.5} for hour in range(24)
    ]
    model = {"model": "prophet", "model_version": "1", "coverage": 0.81, "mase": 0.6, "baseline_mase": 1.0}
    series = {"device_id": "boiler", "metric": "temperature", "made_at": iso(start), "tested_at": iso(start)}
    answer = {"items": [{**series, **model, "hours": hours}], "next_cursor": None}
    legend = re.compile(r"forecast; the band held 81 % of tested hours")
    async with site.visit("devices/boiler") as page:
        await page.route(
            "**/api/forecasts?device_id=boiler&metric=temperature", lambda route: route.fulfill(json=answer)
        )
        await page.reload()
        await expect(page.locator(".legend")).to_contain_text(legend)
        await expect(
            page.get_by_role("img", name=re.compile("Forecast for .*: from 18.5.*to 23.5.*°C"))
        ).to_be_visible()


async def test_a_limit_is_drawn_on_the_trend_tried_on_the_past_and_kept(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("devices/boiler") as page:
        chart = page.get_by_role("img", name=re.compile("^Boiler room, temperature"))
        await expect(chart).to_be_visible()
        await page.get_by_role("button", name="Set a limit").click()
        await chart.scroll_into_view_if_needed()
        box = await chart.bounding_box()
        assert box is not None
        await page.mouse.move(box["x"] + 200, box["y"] + 120)
        await page.mouse.down()
        await page.mouse.move(box["x"] + 200, box["y"] + 60, steps=3)
        await page.mouse.up()
        await page.get_by_role("link", name=re.compile("Warn above .*°C")).click()
        await expect(page.get_by_label("Limit", exact=True)).to_have_value(re.compile(r"^\d+(\.\d+)?$"))
        await expect(page.get_by_label("Devices")).to_have_value("boiler")
        await page.get_by_label("Limit", exact=True).fill("28,5")
        await page.get_by_label("Name").fill("Boiler too hot")
        await page.get_by_role("button", name="Try it on the last 7 days").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Key").fill(TOKEN)
        await dialog.get_by_role("button", name="Continue").click()
        await expect(page.get_by_text("1 alert in 7 days")).to_be_visible()
        await page.get_by_role("button", name="Save the rule").click()
        await expect(page.get_by_role("listitem").filter(has_text="Boiler too hot")).to_contain_text(
            "Temperature above 28.5 · boiler"
        )
        assert site.stub.rules[0]["scope"]["metrics"] == ["temperature"]
