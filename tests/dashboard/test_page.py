"""The page as such: for everybody, on every screen, and without anything from elsewhere."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.dashboard.accessibility import violations
from tests.dashboard.conftest import StubSite
from tests.dashboard.test_panels import PHONE, stocked

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
SHIFTS = """
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.shifted = (window.shifted ?? 0) + entry.value;
    }).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_everybody_can_use_it(site: StubSite, screen: Any, scheme: str) -> None:
    await stocked(site)
    site.stub.add_device("spare", "power")
    site.stub.add_device("stopped", "power")
    await site.stub.read("stopped", "power", 1, ago=3600)
    async with site.visit(**screen, color_scheme=scheme, reduced_motion="reduce") as page:
        await expect(page.get_by_role("img", name="boiler")).to_be_visible()
        assert await violations(page) == []
        await page.get_by_role("radio", name="Table").check(force=True)
        await expect(page.get_by_role("table")).to_be_visible()
        assert await violations(page) == []
        await page.get_by_role("button", name="Preferences").click()
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await page.get_by_role("link", name="Boiler room").first.click()
        await expect(page.get_by_role("img", name="boiler")).to_be_visible()
        await page.get_by_role("radio", name="Description").check(force=True)
        assert await violations(page) == []
        await page.get_by_role("link", name="Alerts").first.click()
        await page.get_by_role("link", name="Details").click()
        await expect(page.get_by_role("complementary")).to_be_visible()
        assert await violations(page) == []
        await page.get_by_role("link", name="Add a device").click()
        await expect(page.get_by_role("heading", name="Describe it")).to_be_visible()
        assert await violations(page) == []


async def test_it_fits_a_phone_whatever_the_names(site: StubSite) -> None:
    await stocked(site)
    site.stub.add_device("a" * 64, "temperature", "A device with a name of a hundred letters and more " * 2)
    await site.stub.read("a" * 64, "a_metric_with_a_very_long_name_indeed_that_nobody_would_use", -1234567.891)
    site.stub.set_alert("long", message="x" * 300, source="y" * 130)
    async with site.visit(**PHONE) as page:
        await expect(page.get_by_role("meter")).to_have_count(4)
        await expect(page.get_by_text("x" * 300)).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_nothing_that_is_read_already_moves(site: StubSite, screen: Any) -> None:
    await stocked(site)
    for number in range(8):
        site.stub.add_device(f"pump-{number}", "power")
        await site.stub.read(f"pump-{number}", "power", number)
        await site.stub.read(f"pump-{number}", "voltage", 230)
    async with site.visit(**screen) as page:
        await page.add_init_script(SHIFTS)
        await page.reload()
        await expect(page.get_by_role("img", name="boiler")).to_be_visible()
        await site.stub.read("boiler", "temperature", 33)
        await expect(page.get_by_role("meter", name="Boiler")).to_have_attribute("aria-valuenow", "33")
        site.stub.sockets = False
        await site.stub.cut()
        await expect(page.locator(".status")).to_contain_text("Polling")
        assert await page.evaluate("window.shifted ?? 0") < 0.05


async def test_everything_comes_from_its_own_address_under_a_strict_policy(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        urls: list[str] = []
        page.on("request", lambda request: urls.append(request.url))
        answer = await page.reload()
        await expect(page.get_by_role("img", name="boiler")).to_be_visible()
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert [url for url in urls if not url.startswith(site.url)] == []
