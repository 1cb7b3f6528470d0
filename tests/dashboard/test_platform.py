"""The whole way: what a device PUTs moves a gauge in a real browser."""

import sys
from datetime import UTC, datetime

import httpx
import pytest
from playwright.async_api import expect

from apps.catalog import API, GATEWAY, INGESTOR
from apps.platform.service import Service
from stacks.local import secrets
from stacks.local.children import Program
from stacks.local.postgres import free_port
from tests.dashboard.conftest import Site, kept, preview

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def environment(ministack, stream, tmp_path) -> dict[str, str]:
    """What every service of the platform gets, except its role in the database and its port."""
    made = {
        f"{secret.name.upper().replace('-', '_')}_FILE": secrets.keep(tmp_path / secret.name, make)
        for secret, make in secrets.MAKERS.items()
    }
    return {**ministack.environment(), "READINGS_STREAM": stream, **{name: str(path) for name, path in made.items()}}


async def test_a_put_of_a_device_moves_its_gauge(
    built_dashboard, browser, database, environment, postgres_server, tmp_path
):
    front = f"http://127.0.0.1:{free_port()}"
    token = (tmp_path / "operator-token").read_text()

    def program(service: Service) -> Program:
        port = free_port()
        own = {"HTTP_PORT": str(port), "PUBLIC_URL": front, **database.environment(service.name)}
        return Program(
            name=service.name,
            command=(sys.executable, "-m", service.module),
            environment={**environment, **own},
            log=tmp_path / f"{service.name}.log",
            ready=f"http://127.0.0.1:{port}{service.probes.readiness}",
        )

    api, gateway, ingestor = program(API), program(GATEWAY), program(INGESTOR)
    url_of = {each.name: str(each.ready).removesuffix("/ready") for each in (api, gateway)}
    dashboard = preview(int(front.rpartition(":")[2]), url_of["api"], url_of["gateway"], tmp_path)

    async with kept(api, gateway, ingestor, dashboard), httpx.AsyncClient(base_url=front) as http:
        operator = {"Authorization": f"Bearer {token}"}
        spec = {"device_id": "boiler-1", "kind": "temperature", "name": "Boiler room"}
        (await http.post("/api/devices", json=spec, headers=operator)).raise_for_status()
        upload = await http.post("/api/devices/boiler-1/upload-url", json={"expires_in": 600}, headers=operator)

        async def put(value: float) -> None:
            reading = {"metric": "temperature", "ts": datetime.now(UTC).isoformat(), "value": value}
            answer = await http.put(upload.json()["url"], json=[reading])
            assert answer.json() == {"accepted": 1, "refused": []}

        async with Site(front, browser).visit() as page:
            await expect(page.get_by_role("article")).to_contain_text("No reading yet")
            gauge = page.get_by_role("meter", name="Boiler room, Temperature")
            for value in (21.5, 36.25):
                await put(value)
                await expect(gauge).to_have_attribute("aria-valuenow", str(value))
            await expect(page.get_by_role("status").first).to_have_text("Live")
            await expect(page.get_by_role("img", name="Boiler room, temperature")).to_be_visible()
