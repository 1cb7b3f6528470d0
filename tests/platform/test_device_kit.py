"""A device with the kit, killed again and again on a network that breaks: every reading that it kept is stored once."""

import asyncio
import io
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from apps.device import Device
from apps.device.__main__ import NOT_USABLE, main
from tests.apps.device.network import Network, network
from tests.apps.ingestor.support import eventually
from tests.platform.running import RunningPlatform, running_platform
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

KILLS = int(os.environ.get("DEVICE_KIT_KILLS", "25"))

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


@pytest.fixture
def wire() -> Iterator[Network]:
    """Between the device and the gateway."""
    with network() as made:
        yield made


@pytest.fixture
def running(
    tmp_path: Path, database: TestDatabase, ministack: KinesisServer, stream: str, wire: Network
) -> Iterator[RunningPlatform]:
    public = f"http://127.0.0.1:{wire.port}"
    with running_platform(database, ministack, stream, tmp_path, PUBLIC_URL=public) as made:
        wire.to = made.env.ports["gateway"]
        yield made


def test_a_device_registers_itself_sends_and_replaces_its_credential_meanwhile(
    running: RunningPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    base, credential = running.env.url("api"), tmp_path / "credential"
    fleet = {"name": "Roof", "kinds": ["power"], "labels": ["roof"], "max_devices": 2, "expires_in": 3600}
    made = running.http.post(f"{base}/api/fleet-keys", json=fleet, headers=running.operator).json()
    (tmp_path / "key").write_text(made["key"])

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
@pytest.mark.timeout(1800)
async def test_a_device_that_is_killed_on_a_network_that_breaks_loses_and_doubles_nothing(
    running: RunningPlatform, wire: Network, database: TestDatabase, tmp_path: Path
) -> None:
    register = {"device_id": "kit", "kind": "sensor"}
    url = f"{running.env.url('api')}/api/devices"
    made = running.http.post(url, json=register, headers=running.operator).json()
    (tmp_path / "credential").write_text(made["credential"]["credential"])
    rng, over = random.Random(20261126), threading.Event()
    owner = await database.connect()

    def break_the_network() -> None:
        while not over.wait(rng.uniform(1, 3)):
            wire.cut()
            over.wait(rng.uniform(0.2, 1))
            wire.restore()

    async def all_stored() -> bool:
        return int(await owner.fetchval(COUNT)) > last

    breaking = threading.Thread(target=break_the_network)
    breaking.start()
    try:
        last = await asyncio.to_thread(kill_again_and_again, running, tmp_path, random.Random(7))
    finally:
        over.set()
        breaking.join()
    with device(running, tmp_path, last + 1):
        await eventually(all_stored, 120)
    rows = await owner.fetch(
        "SELECT value, count(*) AS times FROM sensor_readings WHERE metric = 'number' GROUP BY value"
    )
    assert {int(row["value"]) for row in rows} >= set(range(last + 1))
    assert {row["times"] for row in rows} == {1}
    assert await owner.fetchval("SELECT count(*) FROM rejected_records") == 0
    await owner.close()


COUNT = "SELECT count(DISTINCT value) FROM sensor_readings WHERE metric = 'number'"


def kill_again_and_again(running: RunningPlatform, folder: Path, rng: random.Random) -> int:
    """Return the last number that the device said it keeps."""
    last = -1
    for _ in range(KILLS):
        with device(running, folder, last + 1) as process:
            assert process.stdout
            # Not by time: by what it has done.
            for _ in range(rng.randint(1, 600)):
                last = int(process.stdout.readline())
            process.kill()
            last = max([last, *map(int, process.stdout.read().split("\n")[:-1])])
    return last


@contextmanager
def device(running: RunningPlatform, folder: Path, first: int) -> Iterator[subprocess.Popen[str]]:
    """Run a device that counts from `first` on."""
    arguments = [running.env.url("api"), str(folder / "credential"), str(folder / "kit.db"), str(first)]
    with subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
