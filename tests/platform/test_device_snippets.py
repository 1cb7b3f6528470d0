"""The programs of docs/devices.md, as a reader would paste them, against the real services."""

import asyncio
import json
import re
import shutil
import subprocess
import types
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from apps.device import Device
from tests.apps.ingestor.support import eventually
from tests.platform.running import RunningPlatform, running_platform
from tests.support.kinesis import KinesisServer
from tests.support.postgres import TestDatabase

TEXT = Path("docs/devices.md").read_text()
KIT, MICROPYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
(ARDUINO,) = re.findall(r"```cpp\n(.*?)```", TEXT, re.DOTALL)
HEADERS = Path(__file__).parent / "arduino"
PLATFORM = "https://sensors.example.com"

MAIN = """
#include <cstdio>
int main(int, char **given) {
  HTTPClient http; WiFiClientSecure tls;
  if (!askForUrl(http, tls, given[1])) return 1;
  return put(http, tls, given[2]) ? 0 : 2;
}
"""


@pytest.fixture
def running(tmp_path: Path, database: TestDatabase, ministack: KinesisServer, stream: str) -> Iterator[RunningPlatform]:
    with running_platform(database, ministack, stream, tmp_path) as platform:
        yield platform


async def test_each_program_of_the_page_sends_its_readings(
    running: RunningPlatform, database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wanted = await asyncio.to_thread(run_each_program, running, tmp_path)
    owner = await database.connect()

    async def stored() -> bool:
        rows = await owner.fetch("SELECT device_id, count(*) AS count FROM sensor_readings GROUP BY device_id")
        return {row["device_id"]: row["count"] for row in rows} == wanted

    await eventually(stored)
    await owner.close()


def run_each_program(running: RunningPlatform, folder: Path) -> dict[str, int]:
    """Return how many readings each device has sent."""
    base = running.env.url("api")

    def register(device_id: str) -> str:
        spec = {"device_id": device_id, "kind": "sensor"}
        device = running.http.post(f"{base}/api/devices", json=spec, headers=running.operator).json()
        return str(device["credential"]["credential"])

    (folder / "credential").write_text(register("boiler-1"))
    exec(KIT.replace("from sensor_analytics_device import Device\n", "").replace(PLATFORM, base), {"Device": Device})

    (folder / "credential").write_text(register("micro-1"))
    # In Python itself: what MicroPython's `requests` offers is played, and its small memory is not.
    micro: dict[str, Any] = {"requests": played_requests()}
    exec(MICROPYTHON.replace("import requests\n", "").replace(PLATFORM, base), micro)
    micro["record"]("temperature", 1.5)
    micro["record"]("humidity", 40)
    assert (micro["send"](), micro["waiting"], micro["failures"]) == (1, [], 0)
    micro["url"] = micro["url"].replace("signature=", "signature=0")
    micro["record"]("pressure", 1000)
    assert micro["send"]() > 0
    assert len(micro["waiting"]) == 1
    assert (micro["send"](), micro["waiting"]) == (1, [])

    wanted = {"boiler-1": 1, "micro-1": 3}
    if compiler := shutil.which("g++"):
        (folder / "snippet.cpp").write_text(ARDUINO.replace(PLATFORM, base) + MAIN)
        subprocess.run([compiler, "-Wall", "-Werror", f"-I{HEADERS}", "snippet.cpp", "-o", "snippet"], check=True)
        reading = {"metric": "temperature", "ts": datetime.now(UTC).isoformat(), "value": 2.5}
        subprocess.run([folder / "snippet", register("esp-1"), json.dumps([reading])], check=True)
        wanted["esp-1"] = 1
    return wanted


def played_requests() -> types.SimpleNamespace:
    def post(url: str, json: Any = None, headers: Any = None) -> httpx.Response:
        return httpx.post(url, json=json, headers=headers)

    def put(url: str, data: Any = None, headers: Any = None) -> httpx.Response:
        return httpx.put(url, content=data, headers=headers)

    return types.SimpleNamespace(post=post, put=put)
