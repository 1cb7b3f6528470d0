"""Alerts: what they say, what was done, and doing it."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.dashboard.conftest import StubSite
from tests.dashboard.stub import TOKEN, stamp

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def stocked(site: StubSite) -> StubSite:
    """A device with an alert that a model found, one of the platform, one that is over."""
    site.stub.add_device("motor", "vibration", "Motor")
    await site.stub.read("motor", "vibration", 2.8)
    found = {"model": "rarity", "rule": "rarity", "observed": 9.464, "expected": 3.105, "score": 7.7}
    site.stub.set_alert("shaky", source="motor/vibration", message="score 7.7", **found)
    site.stub.set_alert("slow", source="api/latency", severity="critical", message="The API is slow")
    over = {"state": "resolved", "resolved_by": "Ben", "resolved_at": stamp(-60), "opened_at": stamp(-3600)}
    site.stub.set_alert("past", source="motor/vibration", message="It shook", **over)
    site.stub.tell_event("past", "resolved", {"actor": "Ben", "comment": "A loose screw"})
    return site


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Active alerts")


async def sign(page: Page, token: str = TOKEN) -> None:
    """Say who acts, when that is asked."""
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Key").fill(token)
    await dialog.get_by_role("button", name="Continue").click()


async def test_an_alert_is_written_for_who_looks_after_the_sensor(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        first = panel(page).get_by_role("article").first
        await expect(first).to_contain_text(re.compile("Motor.*Vibration 9.46\u00a0mm/s at .*, usually 3.1"))
        await expect(first).to_contain_text("Unusual value")
        await expect(first).not_to_contain_text("score")
        platform = panel(page).get_by_role("list", name="About the platform")
        await expect(platform).to_contain_text("The API is slow")
        await expect(page).to_have_title("(2) Sensor Analytics")


async def test_a_device_is_not_taken_for_the_platform_while_its_name_is_not_known(site: StubSite) -> None:
    await stocked(site)
    answered = asyncio.Event()

    async def late(route: Route) -> None:
        await answered.wait()
        await route.continue_()

    async with site.visit("rules") as page:
        await page.route("**/api/fleet?ids=*", late)
        await page.get_by_role("link", name="Alerts").click()
        await expect(page.get_by_role("article")).to_have_count(2)
        await expect(page.get_by_role("article").filter(has_text="motor/vibration")).to_contain_text("Vibration")
        await expect(page.locator(".alert-source", has_text="Platform")).to_have_count(0)
        answered.set()
        await expect(page.get_by_role("article").filter(has_text="Motor")).to_contain_text("Unusual value")
        await expect(page.locator(".alert-source", has_text="Platform")).to_have_count(1)


async def test_alerts_are_acted_on_with_the_token_and_it_can_be_taken_back(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        await page.get_by_role("button", name="Acknowledge: Motor").click()
        await sign(page, "guessed")
        await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("not valid")
        await expect(page.get_by_role("dialog")).to_contain_text("operator-token")
        assert await page.evaluate("Object.values(sessionStorage)") == []
        await sign(page)
        await expect(page.get_by_text("Acknowledged by Ana")).to_be_visible()
        assert TOKEN not in await page.evaluate("Object.values(localStorage).join()")

        # It shows at once and is sent a moment later, unless it is taken back.
        await page.get_by_role("button", name="Resolve: Motor").click()
        await expect(page.get_by_role("button", name="Resolve: Motor")).to_have_count(0)
        assert site.stub.alerts["shaky"]["state"] == "acknowledged"
        await expect(page.locator(":focus")).to_have_count(1)
        await page.get_by_role("button", name="Undo").click()
        await page.get_by_role("button", name="Resolve: Motor").click()
        await expect(page.get_by_text("1 alert resolved.")).to_be_visible()
        await expect(page.get_by_text("1 alert resolved.")).to_have_count(0)
        await page.get_by_role("link", name="All and history").click()
        await page.get_by_role("radio", name="History").check(force=True)
        await expect(page.get_by_text("Resolved by Ana")).to_be_visible()


async def test_many_are_acted_on_at_once_with_one_comment(site: StubSite) -> None:
    await stocked(site)
    for number in range(20):
        site.stub.set_alert(f"more-{number}", source=f"api/part-{number}")
    async with site.visit("alerts") as page:
        await page.get_by_label("0 of 22 selected").check()
        await page.get_by_label("Comment (optional)").fill("Known, a storm")
        await page.get_by_role("button", name="Acknowledge (22)").click()
        await sign(page)
        await expect(page.get_by_text("Acknowledged by Ana")).to_have_count(22)
        assert site.stub.events["more-7"][0]["comment"] == "Known, a storm"


async def test_an_alert_is_snoozed_until_a_time_and_that_is_taken_back(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("alerts") as page:
        await page.get_by_role("button", name="Snooze: Motor").click()
        dialog = page.get_by_role("dialog", name="Snooze the alert")
        await dialog.get_by_label("Or until").fill("2020-01-01T12:00")
        await dialog.get_by_role("button", name="Snooze until then").click()
        await expect(dialog.get_by_role("alert")).to_have_text("Choose a time from now to 30 days away.")
        assert site.stub.alerts["shaky"]["snoozed_until"] is None
        later = (datetime.now(UTC) + timedelta(hours=2)).astimezone().replace(second=0, microsecond=0)
        await dialog.get_by_label("Or until").fill(later.strftime("%Y-%m-%dT%H:%M"))
        await dialog.get_by_role("button", name="Snooze until then").click()
        await sign(page)
        motor = page.get_by_role("listitem").filter(has_text="Motor")
        await expect(motor).to_contain_text(re.compile(f"Snoozed until .*{later:%M}"))
        sent = datetime.fromisoformat(str(site.stub.alerts["shaky"]["snoozed_until"]))
        assert sent == later
        assert site.stub.alerts["shaky"]["state"] == "open"

        # What may wait stands last, and may be left out.
        await expect(page.get_by_role("article").last).to_contain_text("Motor")
        await page.get_by_label("Snoozed").select_option("no")
        await expect(motor).to_have_count(0)
        await page.get_by_label("Snoozed").select_option("yes")
        await expect(page.get_by_role("article")).to_have_count(1)
        await motor.get_by_role("link", name="Details").click()
        await expect(page.locator(".trail")).to_contain_text(re.compile("Snoozed until .* · Ana"))
        await page.get_by_role("button", name="End snooze: Motor").click()
        await expect(page.get_by_text("No alert matches.")).to_be_visible()
        await expect(page.locator(":focus")).to_have_count(1)
        await page.get_by_role("button", name="Undo").click()
        await expect(motor).to_contain_text("Snoozed until")
        assert site.stub.alerts["shaky"]["snoozed_until"] is not None


async def test_many_are_snoozed_at_once_but_not_what_somebody_looks_after(site: StubSite) -> None:
    await stocked(site)
    site.stub.set_alert("known", source="api/part", state="acknowledged", acknowledged_by="Ben")
    async with site.visit("alerts") as page:
        await page.get_by_label("0 of 3 selected").check()
        await page.get_by_label("Comment (optional)").fill("After the storm")
        await page.get_by_role("button", name="Snooze (2)").click()
        await page.get_by_role("dialog").get_by_role("button", name="For 8 hours").click()
        await sign(page)
        await expect(page.get_by_text("Snoozed until")).to_have_count(2)
        assert site.stub.alerts["known"]["snoozed_until"] is None
        assert site.stub.events["shaky"][0]["comment"] == "After the storm"
        await page.get_by_label("0 of 3 selected").check()
        await page.get_by_role("button", name="End snooze (2)").click()
        await expect(page.get_by_text("Snoozed until")).to_have_count(0)
        await page.get_by_role("button", name="Undo").click()
        await expect(page.get_by_text("Snoozed until")).to_have_count(2)


async def test_what_is_over_is_found_with_what_was_said_about_it(site: StubSite) -> None:
    await stocked(site)
    async with site.visit("alerts?tab=history&device=motor") as page:
        item = page.get_by_role("listitem").filter(has_text="Resolved by Ben")
        await expect(item).to_contain_text("It shook")
        await expect(page.get_by_text("The API is slow")).to_have_count(0)
        await item.get_by_role("button", name="Details").click()
        details = page.get_by_role("complementary")
        await expect(details).to_contain_text("A loose screw")
        await details.get_by_label("Add a comment").fill("It is fixed")
        await details.get_by_role("button", name="Send").click()
        await sign(page)
        await expect(details.locator(".trail")).to_contain_text("It is fixed")
        await page.get_by_label("Severity").select_option("critical")
        await expect(page.get_by_text("No alert matches.")).to_be_visible()


async def test_what_is_snoozed_is_found_in_the_history_too(site: StubSite) -> None:
    await stocked(site)
    site.stub.set_alert("shaky", snoozed_until=stamp(3600))
    async with site.visit("alerts?tab=history") as page:
        await expect(page.get_by_role("article")).to_have_count(3)
        await page.get_by_label("Snoozed").select_option("yes")
        await expect(page.get_by_role("article")).to_have_count(1)
        await expect(page.get_by_role("article")).to_contain_text("Snoozed until")
        await page.get_by_label("Snoozed").select_option("no")
        await expect(page.get_by_role("article")).to_have_count(2)


async def test_nothing_is_said_to_be_well_while_nobody_knows(site: StubSite) -> None:
    site.stub.add_device("motor", "vibration", "Motor")
    await site.stub.read("motor", "vibration", 2.8)
    async with site.visit() as page:
        await expect(panel(page)).to_contain_text("No active alerts")
        await site.stub.stop_answering()
        await expect(panel(page)).to_contain_text("Not known since")
        await expect(panel(page)).not_to_contain_text("No active alerts")
        site.stub.sockets = site.stub.http = True
        await expect(panel(page)).to_contain_text("No active alerts")


async def test_a_new_alert_is_announced(site: StubSite) -> None:
    await stocked(site)
    async with site.visit() as page:
        await expect(panel(page).get_by_role("article")).to_have_count(2)
        site.stub.set_alert("damp", source="motor/vibration", rule="limit", message="Motor above 5 mm/s")
        await site.stub.tell({"type": "alerts", "alerts": [site.stub.alerts["damp"]]})
        await expect(page.locator("[aria-live=assertive]")).to_have_text("New alert. Motor: Motor above 5 mm/s")
        await expect(panel(page).get_by_role("article")).to_have_count(3)


LISTENING = """
    window.told = [];
    window.Notification = class {
        static permission = "granted";
        constructor(title, { body }) { window.told.push(body); }
    };
    OscillatorNode.prototype.start = () => { window.told.push("tone"); };
    OscillatorNode.prototype.stop = () => {};
"""


@pytest.mark.parametrize("chosen", [True, False])
async def test_a_new_alert_is_heard_and_notified_by_choice(site: StubSite, chosen: bool) -> None:
    await stocked(site)
    async with site.visit() as page:
        await page.add_init_script(LISTENING)
        wishes = f'{{"sound": {str(chosen).lower()}, "notifications": {str(chosen).lower()}}}'
        await page.evaluate("wishes => localStorage.setItem('preferences', wishes)", wishes)
        await page.reload()
        await expect(panel(page).get_by_role("article")).to_have_count(2)
        # A browser makes no sound for a page that nobody has touched.
        await page.get_by_role("heading", name="Active alerts").click()
        site.stub.set_alert("damp", source="motor/vibration", rule="limit", message="Motor above 5 mm/s")
        await site.stub.tell({"type": "alerts", "alerts": [site.stub.alerts["damp"]]})
        await expect(page.locator("[aria-live=assertive]")).to_contain_text("Motor above 5 mm/s")
        signals = await page.evaluate("window.told")
        assert signals == (["tone", "tone", "New alert. Motor: Motor above 5 mm/s"] if chosen else [])
