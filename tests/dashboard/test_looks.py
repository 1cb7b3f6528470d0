"""How pages look, on a phone, a desk, a large screen and a wall, light, dark and in the system's own colours.

With KEEP_LOOKS=1 in the environment what is seen is kept, in `looks/`: look at the screenshots before you commit them.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.dashboard import made_up
from tests.dashboard.conftest import StubSite
from tests.dashboard.looks import difference
from tests.dashboard.stub import stamp

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NOW = datetime(2026, 3, 14, 10, 30, tzinfo=UTC)
PAGES = {
    "gauges": ("/?view=gauges", ".trend-stage canvas"),
    "table": ("/?view=table", ".fleet-row"),
    "device": ("/devices/boiler?window=24h", ".trend-stage canvas"),
    "alerts": ("/alerts", ".alert-rows article"),
    "wall": ("/wall", ".wall .gauge"),
}
"""Where each is, and what of it is there last."""
SCREENS = {390: 844, 1440: 900, 1920: 1080, 3840: 2160}
SCHEMES: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}


async def stocked(site: StubSite) -> None:
    """A fleet with an alert, a silent device, one that never reported, and long names."""
    kinds = ("temperature", "humidity", "vibration", "power")
    names = ("Boiler room", "Cellar of the house at the northern end of the street", "Motor", "Workshop")
    for number, (kind, name) in enumerate(zip(kinds, names, strict=True)):
        device = name.split()[0].lower()
        site.stub.add_device(device, kind, name, labels=[f"floor {number}"])
        await site.stub.read(device, kind, 20.5 + number, ago=3600 if kind == "power" else 0)
    site.stub.add_device("spare", "power")
    site.stub.set_alert("hot", severity="critical", source="boiler/temperature", message="Boiler room is hot")
    site.stub.set_alert("damp", source="cellar/humidity", message="The cellar is damp", snoozed_until=stamp(7200))


FROZEN = "performance.now = () => 5000;"
"""Nothing grows older while one looks. What the page takes for the time comes from the server."""
GO = "path => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); scrollTo(0, 0); }"
SETTLED = "document.fonts.ready.then(() => new Promise((done) => requestIdleCallback(done)))"


async def show(page: Page, path: str, last: str) -> None:
    """Go to a page without loading it anew, and wait until nothing is loading, and letters and curves are there."""
    await page.evaluate(GO, path)
    await expect(page.locator(last).first).to_be_visible()
    await expect(page.locator("[aria-busy=true], .note-busy")).to_have_count(0)
    await expect(page.locator(".status, .wall-status").first).to_contain_text("Live")
    if await page.locator(".figures").count():
        await expect(page.locator(".figures")).to_contain_text("Highest")
    await page.evaluate(SETTLED)


@pytest.mark.parametrize("width", SCREENS)
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_pages_look_as_they_did(
    site: StubSite, width: int, scheme: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(made_up, "now", lambda: NOW)
    await stocked(site)
    reader = {"reduced_motion": "reduce", "locale": "en-GB", "timezone_id": "UTC"}
    found = []
    async with site.visit(viewport={"width": width, "height": SCREENS[width]}, **reader, **SCHEMES[scheme]) as page:
        await page.add_init_script(FROZEN)
        await page.reload()
        for name, (path, last) in PAGES.items():
            await show(page, path, last)
            screenshot = await page.screenshot(animations="disabled", path=tmp_path / f"{name}.png")
            found.append(difference(f"{width}-{scheme}/{name}", screenshot, keep="KEEP_LOOKS" in os.environ))
    assert [line for line in found if line] == [], f"the screenshots are in {tmp_path}"
