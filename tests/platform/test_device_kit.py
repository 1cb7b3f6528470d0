"""A device with the kit, killed again and again on a network that breaks: every reading that it kept is stored once."""

import asyncio
import io
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.device import Device
from apps.device.__main__ import NOT_USABLE, main
from tests.apps.device.network import Network, network
from tests.apps.ingestor.support import eventually
from tests.platform.running import RunningPlatform, running_platform
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

SECONDS = float(os.environ.get("DEVICE_KIT_SECONDS", "45"))
"""How long the device is killed again and again; ten minutes with DEVICE_KIT_SECONDS=600."""

PROGRAM = """
import itertools, sys, time
from pathlib import Path
from apps.device import Device

base, credential, store, first = sys.argv[1:]
with Device(base, "kit", credential=Path(credential), store=Path(store), every=0.05) as device:
    for number in itertools.count(int(first)):
        device.record("number", number)
        print(number, flush=True)
        time.sleep(0.005)
"""


@dataclass(frozen=True)
class Wires:
    """Between the device and the platform: a wire to the gateway and one to the API, which break together."""

    gateway: Network
    api: Network

    def cut(self) -> None:
        self.gateway.cut()
        self.api.cut()

    def restore(self) -> None:
        self.gateway.restore()
        self.api.restore()


@pytest.fixture
def wires() -> Iterator[Wires]:
    with network() as gateway, network() as api:
        yield Wires(gateway, api)


@pytest.fixture
def running(
    tmp_path: Path, database: TestDatabase, ministack: KinesisServer, stream: str, wires: Wires
) -> Iterator[RunningPlatform]:
    public = f"http://127.0.0.1:{wires.gateway.port}"
    with running_platform(database, ministack, stream, tmp_path, PUBLIC_URL=public) as platform:
        wires.gateway.to = platform.env.ports["gateway"]
        wires.api.to = platform.env.ports["api"]
        yield platform


def test_a_device_registers_itself_sends_and_replaces_its_credential_meanwhile(
    running: RunningPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base, credential = running.env.url("api"), tmp_path / "credential"
    fleet = {"name": "Roof", "kinds": ["power"], "labels": ["roof"], "max_devices": 2, "expires_in": 3600}
    fleet_key = running.http.post(f"{base}/api/fleet-keys", json=fleet, headers=running.operator).json()
    (tmp_path / "key").write_text(fleet_key["key"])

    def register(device_id: str, file: Path) -> int:
        keys = ["--fleet-key-file", str(tmp_path / "key"), "--credential-file", str(file)]
        return main(["provision", base, device_id, "--kind", "power", *keys])

    assert register("inverter-1", credential) == 0
    assert credential.stat().st_mode & 0o077 == 0, "nobody else may read it"
    assert register("inverter-1", credential) == NOT_USABLE, "it has one"
    monkeypatch.setattr(
        sys, "stdin", io.StringIO('{"topic": "tele/oven/SENSOR", "payload": {"AM2301": {"Temperature": 80}}}')
    )
    bridge = [
        "--mapping",
        "apps/device/examples/tasmota.toml",
        "--store",
        str(tmp_path / "bridge.db"),
        "--kind",
        "power",
    ]
    keys = ["--fleet-key-file", str(tmp_path / "key"), "--credentials", str(tmp_path / "credentials")]
    assert main(["bridge", base, *bridge, *keys]) == 0
    assert capsys.readouterr().out.endswith("1 sent, 0 refused, 0 waiting\n")
    assert register("inverter-2", tmp_path / "another") == NOT_USABLE, "the key is used up"
    old = credential.read_text()
    with Device(base, "inverter-1", credential=credential, store=tmp_path / "store", every=0.01) as device:
        for number in range(3):
            device.record("power", number)
            assert device.flush(30)
            device.rotate_credential()
        device.record("power", 3)
        assert device.flush(30), device.status
        assert (device.status.sent, device.status.refused) == (4, 0)
    assert credential.read_text() != old
    assert not list(tmp_path.glob("credential.*")), "no other credential is left on the disk"
    answers = [
        running.http.get(f"{base}/api/device", headers={"Authorization": f"Bearer {text.strip()}"}).status_code
        for text in (credential.read_text(), old)
    ]
    assert answers == [200, 401]


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 1200)
async def test_a_device_that_is_killed_on_a_network_that_breaks_loses_and_doubles_nothing(
    running: RunningPlatform, wires: Wires, database: TestDatabase, tmp_path: Path
) -> None:
    register = {"device_id": "kit", "kind": "sensor"}
    url = f"{running.env.url('api')}/api/devices"
    created = running.http.post(url, json=register, headers=running.operator).json()
    (tmp_path / "credential").write_text(created["credential"]["credential"])
    rng, over, cuts = random.Random(20261126), threading.Event(), 0
    owner = await database.connect()

    def break_the_network() -> None:
        nonlocal cuts
        while not over.wait(rng.uniform(1, 3)):
            wires.cut()
            cuts += 1
            over.wait(rng.uniform(0.2, 1))
            wires.restore()

    async def all_stored() -> bool:
        return int(await owner.fetchval(COUNT)) > last

    breaking = threading.Thread(target=break_the_network)
    breaking.start()
    try:
        kills, last = await asyncio.to_thread(kill_again_and_again, wires, tmp_path, random.Random(7))
    finally:
        over.set()
        breaking.join()
    with device(wires, tmp_path, last + 1):
        await eventually(all_stored, 120)
    rows = await owner.fetch(
        "SELECT value, count(*) AS times FROM sensor_readings WHERE metric = 'number' GROUP BY value"
    )
    assert {int(row["value"]) for row in rows} >= set(range(last + 1))
    assert {row["times"] for row in rows} == {1}
    assert await owner.fetchval("SELECT count(*) FROM rejected_records") == 0
    await owner.close()
    print(f"{kills} kills, {cuts} cuts of the network, {last + 1} readings kept by the device, each stored once")


COUNT = "SELECT count(DISTINCT value) FROM sensor_readings WHERE metric = 'number'"


def kill_again_and_again(wires: Wires, folder: Path, rng: random.Random) -> tuple[int, int]:
    """Return how often the device was killed, and the last number that it said it keeps."""
    kills, last, until = 0, -1, time.monotonic() + SECONDS
    while kills == 0 or time.monotonic() < until:
        with device(wires, folder, last + 1) as process:
            assert process.stdout
            # Each time after something else that it has done, not after a time.
            for _ in range(rng.randint(1, 600)):
                last = int(process.stdout.readline())
            process.kill()
            last = max([last, *map(int, process.stdout.read().split("\n")[:-1])])
        kills += 1
    return kills, last


@contextmanager
def device(wires: Wires, folder: Path, first: int) -> Iterator[subprocess.Popen[str]]:
    """Run a device that counts from `first` on."""
    arguments = [f"http://127.0.0.1:{wires.api.port}", str(folder / "credential"), str(folder / "kit.db"), str(first)]
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
