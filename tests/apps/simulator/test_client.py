"""A device of a simulation gets its own URLs, also when another simulation has taken over its credential."""

import httpx
import pytest

from apps.domain.devices import DeviceSpec
from apps.simulator.client import ApiClient
from tests.support.devices import TOKEN, Registry
from tests.support.serving import serving

DEVICE = DeviceSpec(device_id="sim-1", kind="pump")


async def test_a_device_asks_with_its_own_credential_and_gets_another_when_that_does_not_hold() -> None:
    registry = Registry()
    with serving(registry.application()) as base:
        async with httpx.AsyncClient() as http:
            api = ApiClient(http, base, TOKEN, 5)
            await api.register(DEVICE)
            first = registry.devices["sim-1"]
            assert "/ingest/sim-1?" in (await api.upload_url("sim-1", 60)).url
            registry.devices["sim-1"] = "sad_taken_over"
            with pytest.raises(httpx.HTTPStatusError):
                await api.upload_url("sim-1", 60)
            assert "/ingest/sim-1?" in (await api.upload_url("sim-1", 60)).url
            assert registry.devices["sim-1"] not in {first, "sad_taken_over"}
