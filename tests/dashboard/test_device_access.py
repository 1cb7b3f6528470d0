"""What lets devices in, as people make and revoke it in a browser: credentials, keys of fleets, claims."""

import re
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from apps.domain.credentials import REVOCATION_TIME
from tests.apps.api.conftest import until
from tests.dashboard.accessibility import violations
from tests.dashboard.conftest import Platform

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

READING = [{"metric": "temperature", "ts": "2026-01-01T00:00:00Z", "value": 21.5}]


async def registered(platform: Platform) -> str:
    """Register a device and return its first credential."""
    spec = {"device_id": "boiler-1", "kind": "temperature", "name": "Boiler room"}
    answer = await platform.http.post("/api/devices", json=spec, headers=platform.operator)
    credential: str = answer.raise_for_status().json()["credential"]["credential"]
    return credential


async def key_of(platform: Platform, *scopes: str) -> dict[str, str]:
    """Return what somebody sends who may do this alone."""
    body = {"name": "somebody", "scopes": scopes, "labels": None, "expires_at": None}
    answer = await platform.http.post("/api/keys", json=body, headers=platform.operator)
    return {"Authorization": f"Bearer {answer.raise_for_status().json()['key']}"}


async def upload_url(platform: Platform, credential: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {credential}"}
    return await platform.http.post("/api/device/upload-url", json={"expires_in": 600}, headers=headers)


async def copied(page: Page, name: str) -> str:
    """Press the button that copies what is shown once, and return what is in the clipboard then."""
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name=name).click()
    await expect(page.get_by_text(re.compile(r"is copied\.$"))).to_be_visible()
    text: str = await page.evaluate("navigator.clipboard.readText()")
    return text


def agree(page: Page) -> list[str]:
    """Agree to whatever the page asks, and return the list that its questions are added to."""
    dialogs: list[str] = []

    async def answer(dialog: Any) -> None:
        dialogs.append(dialog.message)
        await dialog.accept()

    page.on("dialog", answer)
    return dialogs


async def test_a_credential_is_made_shown_once_used_and_revoked(platform: Platform) -> None:
    first = await registered(platform)
    async with platform.site.visit("/devices/boiler-1?tab=credentials") as page:
        await page.get_by_role("button", name="Sign in, or enter a key").click()
        await (
            page.get_by_role("dialog")
            .get_by_label("Key")
            .fill(platform.operator["Authorization"].removeprefix("Bearer "))
        )
        await page.get_by_role("button", name="Continue").click()
        rows = page.get_by_role("region", name="Credentials").get_by_role("row")
        await expect(rows.filter(has_text=first.split("_")[1])).to_contain_text("never")

        await page.get_by_role("button", name="Make a credential").click()
        credential = await copied(page, "Copy the credential")
        await expect(page.get_by_text(credential)).to_be_visible()
        await expect(page.get_by_text("it is not shown again")).to_be_visible()
        row = rows.filter(has_text=credential.split("_")[1])
        await expect(row).to_contain_text("Valid")
        assert await violations(page) == []

        url = (await upload_url(platform, credential)).raise_for_status().json()["url"]
        assert (await platform.http.put(url, json=READING)).status_code in {202, 422}
        await page.reload()
        await expect(row).to_contain_text("ago")
        await expect(page.get_by_text(credential)).to_have_count(0)
        assert credential not in await page.content()

        dialogs = agree(page)
        await row.get_by_role("button", name="Revoke").click()
        await expect(row).to_contain_text("Revoked")
        assert "60 seconds" in dialogs[0]
        await expect(page.get_by_text("refused everywhere by")).to_be_visible()
        assert (await upload_url(platform, credential)).status_code == 401

        async def refused() -> bool:
            return (await platform.http.put(url, json=READING)).status_code == 403

        await until(refused, REVOCATION_TIME.total_seconds())
        assert (await upload_url(platform, first)).status_code == 200


async def test_two_credentials_hold_and_all_others_can_be_ended_at_once(platform: Platform) -> None:
    first = await registered(platform)
    await upload_url(platform, first)
    async with platform.site.visit("/devices/boiler-1?tab=credentials") as page:
        await platform.enter(page, platform.operator)
        await page.get_by_role("button", name="Make a credential").click()
        second = await copied(page, "Copy the credential")
        await upload_url(platform, second)
        await page.reload()
        await expect(page.get_by_text("Two are valid and in use")).to_be_visible()
        await page.get_by_role("button", name="Make a credential").click()
        await expect(page.get_by_text("Nothing was changed.")).to_be_visible()

        dialogs = agree(page)
        await page.get_by_label("Revoke all others at once").check()
        await page.get_by_label(re.compile("Works for days")).fill("30")
        await page.get_by_role("button", name="Make a credential").click()
        third = await copied(page, "Copy the credential")
        assert "Boiler room" in dialogs[0]
        assert [(await upload_url(platform, credential)).status_code for credential in (first, second, third)] == [
            401,
            401,
            200,
        ]


async def test_who_may_not_change_devices_sees_no_credentials(platform: Platform) -> None:
    await registered(platform)
    async with platform.site.visit("/devices/boiler-1?tab=credentials") as page:
        await platform.enter(page, await key_of(platform, "devices:read", "readings:read", "alerts:read"))
        await expect(page.get_by_role("radio", name="Description")).to_have_count(1)
        await expect(page.get_by_role("radio", name="Credentials")).to_have_count(0)
        await page.goto(f"{platform.site.url}/access")
        await expect(page.get_by_text("sign in as one")).to_be_visible()
        await expect(page.get_by_role("button", name="Make a fleet key")).to_have_count(0)


async def test_a_device_registers_itself_by_a_fleet_key_until_it_is_revoked(platform: Platform) -> None:
    async with platform.site.visit("/access") as page:
        await platform.enter(page, await key_of(platform, "devices:read", "devices:write"))
        fleets = page.get_by_role("region", name="Fleet keys").first
        await fleets.get_by_label("Fleet", exact=True).fill("Roof 2026")
        await fleets.get_by_label(re.compile("Kinds")).fill("power, temperature")
        await fleets.get_by_label(re.compile("Labels they get")).fill("roof")
        await fleets.get_by_label("Devices at most").fill("2")
        await fleets.get_by_role("button", name="Make a fleet key").click()
        headers = {"Authorization": f"Bearer {await copied(page, 'Copy the fleet key')}"}

        async def provision(device_id: str) -> httpx.Response:
            body = {"device_id": device_id, "kind": "power"}
            return await platform.http.post("/api/provision", json=body, headers=headers)

        assert (await provision("inverter-1")).raise_for_status().json()["labels"] == ["roof"]
        await page.reload()
        row = fleets.get_by_role("row", name=re.compile("Roof 2026"))
        await expect(row).to_contain_text("1 of 2")
        await expect(row).to_contain_text("Valid")
        dialogs = agree(page)
        await row.get_by_role("button", name="Revoke").click()
        await expect(row).to_contain_text("Revoked")
        assert "Roof 2026" in dialogs[0]
        assert (await provision("inverter-2")).status_code == 401


async def test_a_device_is_claimed_by_the_code_on_its_label(platform: Platform) -> None:
    await registered(platform)
    async with platform.site.visit("/devices/boiler-1?tab=credentials") as page:
        await platform.enter(page, platform.operator)
        await expect(page.get_by_text("nobody can claim this device")).to_be_visible()
        await page.get_by_role("button", name="Make a code").click()
        code = await copied(page, "Copy the code")

    async with platform.site.visit("/") as page:
        await expect(page.get_by_role("link", name="Claim a device")).to_have_count(0)
        await platform.enter(page, await key_of(platform, "devices:claim", "devices:read"))
        await page.get_by_role("link", name="Claim a device").click()
        await page.get_by_label("Id of the device").fill("boiler-1")
        await page.get_by_label("Code on the label").fill("0000-0000-0000")
        await page.get_by_role("button", name="Claim it").click()
        await expect(page.get_by_role("alert")).to_contain_text("This is not the code of boiler-1")
        await page.get_by_label("Code on the label").fill(code.lower().replace("-", " "))
        await page.get_by_role("button", name="Claim it").click()
        await expect(page.get_by_text("You hold boiler-1 now.")).to_be_visible()

    claim = (await platform.http.get("/api/devices/boiler-1/claim", headers=platform.operator)).json()
    assert claim["claimed_by"].startswith("somebody")
    async with platform.site.visit("/devices/boiler-1?tab=credentials") as page:
        await platform.enter(page, platform.operator)
        await expect(page.get_by_text(f"Claimed by {claim['claimed_by']}")).to_be_visible()
        await page.get_by_role("button", name="Release it").click()
        await expect(page.get_by_text("Nobody has claimed this device yet.")).to_be_visible()
