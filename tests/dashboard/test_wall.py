"""A screen on a wall that nobody has signed in at: let in by a viewing link, through a night without a network."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.dashboard.conftest import StubSite
from tests.dashboard.test_panels import meter, stocked

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SECRET = f"sav_{'0' * 16}_{'a' * 64}"
NIGHT_MS = 10 * 3_600_000


def shows(site: StubSite, **more: Any) -> None:
    """Close the door, and make a link that opens it."""
    views = [{"name": "Heating", "query": "?kind=temperature"}, {"name": "Motors", "query": "?kind=vibration"}]
    site.stub.closed = True
    shown = {"name": "Hall", "views": views, "every_seconds": 5, "dim": None, "expires_at": None}
    site.stub.links[SECRET] = shown | more


async def test_a_link_opens_the_wall_with_its_views_and_its_secret_is_seen_nowhere(site: StubSite) -> None:
    await stocked(site)
    shows(site)
    async with site.visit(f"wall#{SECRET}") as page:
        await expect(page.get_by_role("heading", name="Heating")).to_be_visible()
        await expect(meter(page, "Boiler room")).to_be_visible()
        await expect(page.locator(".wall-status")).to_have_text("Live")
        assert SECRET not in page.url
        assert SECRET not in await page.evaluate("document.cookie + Object.values(localStorage).join()")
        await expect(page.get_by_role("heading", name="Motors")).to_be_visible()
        await expect(meter(page, "Motor")).to_be_visible()
        # Switched on again without the link: the cookie lets it in.
        await page.goto(f"{site.url}wall")
        await expect(page.get_by_role("heading", name="Heating")).to_be_visible()


async def test_without_a_link_the_wall_shows_nothing_and_says_what_to_do(site: StubSite) -> None:
    await stocked(site)
    shows(site)
    async with site.visit("wall") as page:
        await expect(page.get_by_role("alert")).to_contain_text("Open a new one, which an administrator makes.")
    async with site.visit(f"wall#{SECRET[:-1]}b") as page:
        await expect(page.get_by_role("alert")).to_contain_text("for a new link")


async def test_a_link_that_is_revoked_shows_nothing_any_more(site: StubSite) -> None:
    await stocked(site)
    shows(site)
    async with site.visit(f"wall#{SECRET}") as page:
        await expect(meter(page, "Boiler room")).to_be_visible()
        site.stub.links.clear()
        await site.stub.cut()
        await expect(page.get_by_role("alert")).to_contain_text("its viewing link ended", timeout=60_000)
        await expect(page.get_by_role("meter")).to_have_count(0)


async def test_a_link_waits_for_a_server_that_does_not_answer_yet(site: StubSite) -> None:
    await stocked(site)
    shows(site)
    site.stub.http = site.stub.sockets = False
    async with site.visit(f"wall#{SECRET}") as page:
        await expect(page.get_by_text("Trying again by itself.")).to_be_visible()
        site.stub.http = site.stub.sockets = True
        await expect(meter(page, "Boiler room")).to_be_visible(timeout=60_000)


async def test_a_night_without_a_network_is_outlived(site: StubSite) -> None:
    await stocked(site)
    shows(site)
    async with site.visit() as page:
        await page.clock.install()
        await page.goto(f"{site.url}wall#{SECRET}")
        await page.clock.resume()
        await expect(page.locator(".wall-status")).to_have_text("Live")
        await site.stub.stop_answering()
        await expect(page.locator(".wall-status")).to_have_text("Offline")
        await page.clock.fast_forward(NIGHT_MS)
        await expect(page.locator(".wall-status")).to_have_text("Offline")
        site.stub.http = site.stub.sockets = True
        await page.clock.fast_forward(60_000)
        await expect(page.locator(".wall-status")).to_have_text("Live", timeout=60_000)
        await expect(page.get_by_text("Not known while the server does not answer.")).to_have_count(0)


async def test_it_is_dark_at_night(site: StubSite) -> None:
    await stocked(site)
    shows(site, dim="0-24")
    async with site.visit(f"wall#{SECRET}") as page:
        await expect(page.locator(".wall-dimmed")).to_have_count(1)
