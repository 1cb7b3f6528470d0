"""How often a device, a fleet's key and a person may ask: whoever asks without end is told so, and nobody else is."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from apps.api.context import Context
from apps.api.errors import DeclarationError
from apps.api.operation import Router
from apps.api.permissions import Permission
from apps.api.rates import MAX_REMEMBERED, Rate, Rates
from apps.api.routes.claims import CLAIM_RATE
from apps.api.routes.device_self import DEVICE_RATE
from apps.api.routes.fleet_keys import DEVICE_REGISTRATION_RATE
from apps.platform.errors import ProblemError
from tests.apps.api.conftest import RunningApi
from tests.apps.api.test_device_credentials import bearer
from tests.apps.api.test_provisioning import CODE, make_key, provision


async def test_a_device_that_asks_without_end_is_refused_and_the_next_one_is_not(api: RunningApi) -> None:
    first, second = [
        (await api.http.post("/api/devices", json={"device_id": name, "kind": "pump"})).json()["credential"][
            "credential"
        ]
        for name in ("one", "other")
    ]

    async def ask(credential: str, path: str = "/api/device/upload-url") -> httpx.Response:
        return await api.reader.post(path, json={}, headers=bearer(credential))

    refused = await _until_refused(ask, first, DEVICE_RATE)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.json()["limit"] == "make_own_upload_url"
    assert "device one asks more than" in refused.json()["detail"]
    assert (await ask(second)).status_code == 200
    assert (await ask(first, "/api/device/credential")).status_code == 201, "another thing to ask for"


async def test_one_device_cannot_use_up_the_rate_of_its_fleets_key(api: RunningApi) -> None:
    key = await make_key(api)

    async def ask(device_id: str) -> httpx.Response:
        return await provision(api, key, device_id, kind="boiler")

    refused = await _until_refused(ask, "p1", DEVICE_REGISTRATION_RATE)
    assert refused.json()["limit"] == "provision"
    assert (await provision(api, key, "p2")).status_code == 201


async def test_codes_cannot_be_tried_at_many_devices(api: RunningApi) -> None:
    async def ask(_: str) -> httpx.Response:
        return await api.http.post("/api/devices/any/claim", json={"code": CODE})

    await _until_refused(ask, "", CLAIM_RATE)


async def _until_refused(ask: Callable[[str], Awaitable[httpx.Response]], who: str, rate: Rate) -> httpx.Response:
    for number in range(10 * rate.burst):
        answer = await ask(who)
        if answer.status_code == 429:
            assert number >= rate.burst
            return answer
    raise AssertionError("it was never refused")


def test_who_waits_may_ask_again_and_each_is_counted_alone() -> None:
    now = 0.0
    rates, rate = Rates(lambda: now), Rate(burst=3, per_minute=6)

    def ask(who: str, what: str = "thing") -> int:
        """Return after how many seconds to ask again; 0: at once."""
        try:
            rates.count(what, who, rate)
        except ProblemError as error:
            return int((error.headers or {})["Retry-After"])
        return 0

    assert [ask("a") for _ in range(5)] == [0, 0, 0, 10, 10]
    assert (ask("b"), ask("a", "other")) == (0, 0)
    now = 9.0
    assert ask("a") == 1
    now = 10.0
    assert [ask("a"), ask("a")] == [0, 10]
    for number in range(MAX_REMEMBERED):
        ask(str(number))
    assert ask("a") == 0, "who was forgotten begins anew"


def test_what_devices_ask_for_is_not_declared_without_a_rate() -> None:
    async def ask(context: Context) -> None:
        """Do something."""

    for permission in (Permission.DEVICE_SELF, Permission.FLEET_REGISTER):
        with pytest.raises(DeclarationError, match="rate"):
            Router("Test", "Test.").operation("GET", "/x", permission=permission)(ask)
