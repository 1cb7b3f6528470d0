"""A fleet's life at two gateways: it registers itself, sends, rotates, is robbed, is revoked, expires and comes again,
while the database is away for a while. What was accepted is stored once, and no secret is found afterwards where none
belongs.
"""

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.domain.credentials import REVOCATION_TIME
from apps.gateway.service import GATEWAY
from devtools.ports import free_port
from devtools.postgres import Postgres
from tests.platform.issuer import OURS, PAGE, login, running_issuer, sign_in_at
from tests.platform.running import RunningPlatform, running_platform
from tests.support.kinesis import KinesisServer
from tests.support.otlp import Collector, collecting
from tests.support.postgres import TestDatabase, copy_template
from tests.support.serving import await_answer

OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "20"))
"""How long the database is away; ten minutes with OUTAGE_SECONDS=600."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as process:
        yield process


@pytest.fixture
def database(own_server: Postgres) -> TestDatabase:
    return asyncio.run(copy_template(own_server))


@pytest.fixture
def running(
    database: TestDatabase, ministack: KinesisServer, stream: str, tmp_path: Path, collector: Collector
) -> Iterator[RunningPlatform]:
    # The environment of each service; who people are is said by a real issuer.
    telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100", "LOG_LEVEL": "DEBUG"}
    with running_issuer() as issuer:
        people = {**login(issuer), "PUBLIC_URL": PAGE}
        with running_platform(database, ministack, stream, tmp_path, **telemetry, **people) as platform:
            yield platform


@dataclass
class Device:
    """A device as it should be: it renews its URL when one is refused, and repeats what was not accepted."""

    api: str
    gateways: list[str]
    device_id: str
    credential: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))
    accepted: list[datetime] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    url: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.add_secret(self.credential)
        self._thread = threading.Thread(target=self._run)

    def add_secret(self, secret: str) -> None:
        self.secrets.append(secret.rpartition("_")[2])

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.credential}"}
        return self.http.request(method, f"{self.api}/api{path}", headers=headers, **options)

    def renew(self) -> bool:
        answer = self.ask("POST", "/device/upload-url", json={"expires_in": 86_400})
        if answer.status_code == 200:
            self.url = answer.json()["url"]
            self.secrets.append(self.url.partition("signature=")[2])
        return answer.status_code == 200

    def rotate(self) -> None:
        """As docs/devices.md has it: the new one is used before the old one is dropped."""
        old = self.credential
        answer = self.ask("POST", "/device/credential", json={})
        assert answer.status_code == 201, answer.text
        self.credential = answer.json()["credential"]
        self.add_secret(self.credential)
        assert self.renew()
        assert self.ask("DELETE", f"/device/credentials/{old.split('_')[1]}").status_code == 200

    def start(self) -> None:
        assert self.renew()
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self._thread.join(60)

    def _run(self) -> None:
        gateways = cycle(self.gateways)
        while not self.stopping.is_set():
            at = datetime.now(UTC)
            reading = [{"metric": "beat", "ts": at.isoformat(), "value": 1}]
            while not self.stopping.is_set():
                answer = self.http.put(at_gateway(self.url, next(gateways)), json=reading)
                if answer.status_code == 202:
                    self.accepted.append(at)
                    break
                self.refusals.append(answer.status_code)
                if answer.status_code in {401, 403}:
                    self.renew()
                self.stopping.wait(0.1)
            self.stopping.wait(0.02)


def at_gateway(url: str, gateway: str) -> str:
    return gateway + url[url.index("/ingest/") :]


def until(true: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(OUTAGE_SECONDS + 1200)
def test_a_fleet_lives(
    running: RunningPlatform, own_server: Postgres, database: TestDatabase, collector: Collector, tmp_path: Path
) -> None:
    port = free_port()
    running.start("gateway-2", GATEWAY, port)
    gateways = [running.env.url("gateway"), f"http://127.0.0.1:{port}"]
    await_answer(gateways[1], 60)
    for gateway in gateways:
        until(lambda gateway=gateway: httpx.get(f"{gateway}/ready").status_code == 200)  # type: ignore[misc]
    api = running.env.url("api")

    def operate(method: str, path: str, status: int, **options: Any) -> Any:
        answer = running.http.request(method, f"{api}/api{path}", headers=running.operator, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def refused_everywhere(ask: Callable[[str], int], status: int) -> None:
        began = time.monotonic()
        for gateway in gateways:
            until(lambda gateway=gateway: ask(gateway) == status, 90)  # type: ignore[misc]
        assert time.monotonic() - began < REVOCATION_TIME.total_seconds()

    spec = {"name": "fleet", "kinds": ["pump"], "labels": ["roof"], "max_devices": 2, "expires_in": 3600}
    key = operate("POST", "/fleet-keys", 201, json=spec)["key"]

    def provision(device_id: str) -> Device:
        given = {"device_id": device_id, "kind": "pump"}
        answer = httpx.post(f"{api}/api/provision", json=given, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 201, answer.text
        return Device(api, gateways, device_id, answer.json()["credential"]["credential"])

    def put(url: str) -> Callable[[str], int]:
        return lambda gateway: httpx.put(at_gateway(url, gateway), content=b"[]").status_code

    def send_with(credential: str, device_id: str) -> Callable[[str], int]:
        headers = {"Authorization": f"Bearer {credential}"}
        return lambda gateway: httpx.put(f"{gateway}/ingest/{device_id}", content=b"[]", headers=headers).status_code

    robbed, other = provision("robbed"), provision("other")
    with ExitStack() as ending:
        for device in (robbed, other):
            device.start()
            ending.callback(device.stop)
        until(lambda: len(robbed.accepted) > 5)
        of_people = asyncio.run(people_at_work(api, "other"))

        # Rotation while it sends.
        first = robbed.credential
        robbed.rotate()
        refused_everywhere(send_with(first, "robbed"), 401)

        # A URL leaks, then a credential: each is refused everywhere, and the device goes on with another.
        leaked_url, leaked = robbed.url, robbed.credential
        assert [put(leaked_url)(gateway) for gateway in gateways] == [202, 202]
        operate("DELETE", "/devices/robbed/upload-urls", 200)
        refused_everywhere(put(leaked_url), 403)
        so_far = len(robbed.accepted)
        until(lambda: len(robbed.accepted) > so_far + 5)
        issued = operate("POST", "/devices/robbed/credentials", 201, json={})
        robbed.credential = issued["credential"]
        robbed.add_secret(robbed.credential)
        assert robbed.renew()
        operate("DELETE", f"/devices/robbed/credentials/{leaked.split('_')[1]}", 200)
        refused_everywhere(send_with(leaked, "robbed"), 401)

        # The database is away: what devices hold is good, what was revoked stays so.
        own_server.stop()
        began = time.monotonic()
        so_far = len(robbed.accepted)
        until(lambda: time.monotonic() - began > OUTAGE_SECONDS, OUTAGE_SECONDS + 60)
        assert len(robbed.accepted) > so_far + 5
        meanwhile = len(robbed.accepted) - so_far
        assert {send_with(leaked, "robbed")(gateway) for gateway in gateways} == {401}
        assert {put(leaked_url)(gateway) for gateway in gateways} == {403}
        own_server.start()
        until(robbed.renew)

        # Expiry.
        short = operate("POST", "/devices/robbed/credentials", 201, json={"expires_in": 60})["credential"]
        assert {send_with(short, "robbed")(gateway) for gateway in gateways} == {202}
        until(lambda: {send_with(short, "robbed")(gateway) for gateway in gateways} == {401}, 90)

        # Taken out, and registered again.
        robbed.stop()
        operate("DELETE", "/devices/robbed", 204)
        refused_everywhere(put(robbed.url), 403)
        again = httpx.post(
            f"{api}/api/provision",
            json={"device_id": "robbed", "kind": "pump"},
            headers={"Authorization": f"Bearer {key}"},
        )
        assert again.status_code == 409
        registered = operate("POST", "/devices", 201, json={"device_id": "robbed", "kind": "pump"})
        robbed.add_secret(registered["credential"]["credential"])
        assert {send_with(registered["credential"]["credential"], "robbed")(gateway) for gateway in gateways} == {202}
        assert send_with(issued["credential"], "robbed")(gateways[0]) == 401
    assert set(other.refusals) <= {503}, "what befell one device touched another"
    assert set(robbed.refusals) <= {403, 503}

    for device in (robbed, other):
        until(lambda device=device: stored(database, device) == len(device.accepted), 300)  # type: ignore[misc]
    print(
        f"{len(robbed.accepted)} + {len(other.accepted)} readings accepted and stored, {meanwhile} of the first device "
        f"in the {OUTAGE_SECONDS:g} s without the database; refused on the way: {sorted(set(robbed.refusals))}"
    )
    secrets = [key.rpartition("_")[2], short.rpartition("_")[2], *robbed.secrets, *other.secrets, *of_people]
    contents = {path.name: path.read_bytes() for path in tmp_path.rglob("*.log")}
    contents["spans"] = b"".join(received.span.SerializeToString() for received in list(collector.received))
    contents["dump"] = dump(own_server, database)
    assert len(secrets) >= 14
    assert all(len(secret) >= 12 for secret in secrets)
    assert len(contents["spans"]) > 10_000
    for name, content in contents.items():
        assert [secret for secret in secrets if secret.encode() in content] == [], name


async def people_at_work(api: str, device_id: str) -> list[str]:
    """Sign in, make a key and use it, claim a device; return what is secret of all that."""
    async with sign_in_at(api, "administrator") as browser, httpx.AsyncClient(base_url=api) as program:
        spec = {"name": "a program", "scopes": ["devices:read"]}
        key = (await browser.post("/api/keys", json=spec, headers=OURS)).json()["key"]
        found = await program.get("/api/devices", headers={"Authorization": f"Bearer {key}"})
        assert found.status_code == 200, found.text
        code = (await browser.post(f"/api/devices/{device_id}/claim-code", headers=OURS)).json()["code"]
        claimed = await browser.post(f"/api/devices/{device_id}/claim", json={"code": code}, headers=OURS)
        assert claimed.status_code == 200, claimed.text
        return [browser.cookies["session"], key.split("_", 2)[2], code, code.replace("-", "")]


def stored(database: TestDatabase, device: Device) -> int:
    async def count() -> int:
        connection = await database.connect()
        try:
            query = "SELECT count(*) FROM sensor_readings WHERE device_id = $1 AND ts = ANY($2::timestamptz[])"
            return int(await connection.fetchval(query, device.device_id, device.accepted))
        finally:
            await connection.close()

    return asyncio.run(count())


def dump(server: Postgres, database: TestDatabase) -> bytes:
    command = [
        str(server.programs / "pg_dump"),
        "-h",
        "127.0.0.1",
        "-p",
        str(server.port),
        "-U",
        "owner",
        database.name,
    ]
    environment = os.environ | {"PGPASSWORD": server.password_file.read_text().strip()}
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert b"device_credentials" in done.stdout
    return done.stdout
