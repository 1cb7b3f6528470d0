"""For who has no pointer, and for who needs large text: the whole way by keyboard, and pages at 200 %."""

import re
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.dashboard.accessibility import violations
from tests.dashboard.conftest import StubSite
from tests.dashboard.stub import TOKEN
from tests.dashboard.test_panels import PHONE, stocked

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FOCUSED = """
() => {
    const element = document.activeElement;
    const outlined = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    const near = [element, element.parentElement, element.nextElementSibling].filter(Boolean);
    const { width, height, top, bottom } = element.getBoundingClientRect();
    return {
        what: element.outerHTML.slice(0, 120),
        outlined: near.some((each) => outlined(getComputedStyle(each)))
            || outlined(getComputedStyle(element, "::after")),
        seen: width > 0 && height > 0 && bottom > 0 && top < innerHeight,
    };
}
"""

CUT = """
() => {
    const cut = [];
    const scrolls = (element) => element && (["auto", "scroll"].includes(getComputedStyle(element).overflowX)
        || scrolls(element.parentElement));
    for (const element of document.querySelectorAll("body *:not(svg *, option, .hidden)")) {
        const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        const style = getComputedStyle(element);
        if (!text || style.visibility === "hidden" || element.closest(".hidden, select, details:not([open])")) continue;
        const { left, right, width } = element.getBoundingClientRect();
        if (width === 0) continue;
        const name = `${element.className || element.tagName}: ${element.textContent.trim().slice(0, 40)}`;
        if ((right > innerWidth + 1 || left < -1) && !scrolls(element)) cut.push(`beyond the edge, ${name}`);
        if (style.overflowX === "visible") continue;
        if (element.scrollHeight > element.clientHeight + 2 && style.overflowY === "hidden")
            cut.push(`too low, ${name}`);
        const ellipsis = style.textOverflow === "ellipsis" && (element.title || element.closest("[title]"));
        if (element.scrollWidth > element.clientWidth + 1 && style.overflowX === "hidden" && !ellipsis)
            cut.push(`too narrow, ${name}`);
    }
    return cut;
}
"""


async def fleet_of_a_table(site: StubSite) -> None:
    """More than a dozen devices, of which one has an alert: the first view is the table."""
    await stocked(site)
    for number in range(14):
        site.stub.add_device(f"pump-{number}", "power", f"Pump {number}", labels=["cellar"])
        await site.stub.read(f"pump-{number}", "power", number)
    site.stub.add_device("meter", "energy", "Main meter of the western hall", labels=["cellar"], energy_unit="Wh")
    await site.stub.read("meter", "energy", 98_765_432)
    await site.stub.read("meter", "voltage", -1_234_567.891)


async def tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    """Press Tab until something has the focus; whatever has it on the way is seen to have it."""
    await expect(wanted).to_be_visible()
    for _ in range(most):
        await page.keyboard.press("Tab")
        focused = await page.evaluate(FOCUSED)
        assert focused["outlined"], f"nobody sees that this has the focus: {focused['what']}"
        assert focused["seen"], f"it has the focus out of sight: {focused['what']}"
        if await wanted.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"{wanted} is not reached with {most} times Tab")


async def test_an_alert_is_found_understood_and_acknowledged_by_keyboard_alone(site: StubSite) -> None:
    await fleet_of_a_table(site)
    async with site.visit(reduced_motion="reduce") as page:
        await tab_to(page, page.get_by_role("table").get_by_role("link", name="Boiler room"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Boiler room", level=2)).to_be_visible()
        chart = page.locator(".trend-stage")
        await expect(chart.locator("canvas, svg").first).to_be_visible()
        await tab_to(page, chart)
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator(".chart-tip")).to_be_visible()
        await tab_to(page, page.get_by_role("button", name="Acknowledge: Boiler room"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("dialog").get_by_label("Key")).to_be_focused()
        await page.keyboard.type(TOKEN)
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Acknowledged by Ana")).to_be_visible()
        assert site.stub.alerts["hot"]["state"] == "acknowledged"
        assert await page.evaluate("document.activeElement !== document.body"), "the focus is lost"


async def test_a_silent_device_is_looked_after_from_the_fleet_to_a_rule_by_keyboard_alone(site: StubSite) -> None:
    await fleet_of_a_table(site)
    site.stub.add_device("freezer", "temperature", "Freezer")
    await site.stub.read("freezer", "temperature", -18, ago=3600)
    site.stub.set_alert("still", source="freezer/temperature", rule="silence", message="No reading for 15 min")
    async with site.visit(reduced_motion="reduce") as page:
        press = page.keyboard.press
        await tab_to(page, page.get_by_role("link", name="1 of 19 silent"))
        await press("Enter")
        await tab_to(page, page.get_by_role("table").get_by_role("link", name="Freezer"))
        await press("Enter")
        await expect(page.get_by_text("Silent: no reading for 60 min.")).to_be_visible()
        await expect(page.get_by_role("article").filter(has_text="No reading for 15 min")).to_be_visible()

        await tab_to(page, page.get_by_role("button", name="CSV"))
        async with page.expect_download() as saved:
            await press("Enter")
        assert "Freezer, temperature" in (await (await saved.value).path()).read_text()

        await tab_to(page, page.get_by_role("button", name="Acknowledge: Freezer"))
        await press("Enter")
        await expect(page.get_by_role("dialog").get_by_label("Key")).to_be_focused()
        await page.keyboard.type(TOKEN)
        await press("Enter")
        await expect(page.get_by_text("Acknowledged by Ana")).to_be_visible()

        await tab_to(page, page.get_by_role("link", name="Details of the alert about Freezer"))
        await press("Enter")
        await tab_to(page, page.get_by_label("Add a comment"))
        await page.keyboard.type("Its plug was out")
        await tab_to(page, page.get_by_role("button", name="Send"))
        await press("Enter")
        await expect(page.locator(".trail")).to_contain_text("Its plug was out")

        await page.go_back()
        await tab_to(page, page.get_by_role("button", name="Set a limit"))
        await press("Enter")
        await tab_to(page, page.get_by_role("link", name=re.compile("Warn above")))
        await press("Enter")
        await tab_to(page, page.get_by_label("Name"))
        await page.keyboard.type("Freezer too warm")
        await tab_to(page, page.get_by_role("button", name="Save the rule"))
        await press("Enter")
        await expect(page.get_by_role("listitem").filter(has_text="Freezer too warm")).to_be_visible()
        assert site.stub.rules[0]["scope"]["device_ids"] == ["freezer"]


@pytest.mark.parametrize("size", [100, 125, 200])
async def test_no_value_of_the_table_is_cut_on_a_phone(site: StubSite, size: int) -> None:
    await fleet_of_a_table(site)
    async with site.visit("?q=main", **PHONE) as page:
        await expect(page.get_by_role("row", name="Main meter")).to_contain_text("\u22121.235\u00a0MV")
        await page.evaluate("size => { document.documentElement.style.fontSize = `${size * 0.9375}%`; }", size)
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert await page.evaluate(CUT) == []


@pytest.mark.parametrize(
    "path",
    [
        "?view=gauges",
        "devices/boiler",
        "devices/boiler?tab=readings",
        "devices/boiler?tab=about",
        "devices/boiler?tab=months",
        "alerts",
        "rules?new=1",
        "health",
        "start",
    ],
)
async def test_text_of_twice_the_size_fits_a_phone(site: StubSite, path: str) -> None:
    await fleet_of_a_table(site)
    async with site.visit(path, **PHONE) as page:
        await expect(page.locator("main h2").first).to_be_visible()
        await page.evaluate("document.documentElement.style.fontSize = '187.5%'")
        await expect(page.get_by_text("Loading")).to_have_count(0)
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert await page.evaluate(CUT) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("path", ["devices/boiler?tab=months", "health"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_of_reports_have_nothing_that_axe_finds_wrong(site: StubSite, path: str, scheme: Any) -> None:
    await fleet_of_a_table(site)
    async with site.visit(path, color_scheme=scheme, reduced_motion="reduce") as page:
        await expect(page.get_by_role("table").first).to_be_visible()
        assert await violations(page) == []
