"""The bridge as a process, between a real MQTT broker and a real gateway."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from starlette.applications import Starlette

from devtools.ports import free_port
from tests.apps.gateway.support import Gateway, envelopes, running
from tests.apps.ingestor.support import eventually
from tests.support.devices import Registry
from tests.support.kinesis import KinesisServer
from tests.support.serving import serving

CREDENTIALS = {"soil-7": "sad_7_a-secret", "Living-room": "sad_8_another-secret"}
EXAMPLES = Path(__file__).parents[3] / "apps/device/examples"


@pytest.fixture
def gateway(tmp_path: Path, ministack: KinesisServer, stream: str) -> Iterator[Gateway]:
    with running(tmp_path, AWS_ENDPOINT_URL=ministack.url, READINGS_STREAM=stream) as process:
        yield process


def platform(gateway: Gateway) -> Starlette:
    registry = Registry(gateway.base)
    registry.devices |= CREDENTIALS
    return registry.application()


BROKER = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def broker(folder: Path) -> Iterator[int]:
    port = free_port()
    configuration = folder / "mosquitto.conf"
    configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_type subscribe\n")
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([str(BROKER), "-c", str(configuration)], stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def bridge(base: str, folder: Path, mapping: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    credentials = folder / "credentials"
    credentials.mkdir(exist_ok=True)
    for device_id, credential in CREDENTIALS.items():
        (credentials / device_id).write_text(credential)
    common = ("--store", str(folder / "bridge.db"), "--credentials", str(credentials))
    command = [sys.executable, "-m", "apps.device", "bridge", base, *common, "--mapping", str(EXAMPLES / mapping)]
    with subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def publish(port: int, topic: str, *payloads: object) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for payload in payloads:
        client.publish(topic, json.dumps(payload), qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


async def on_stream(server: KinesisServer, stream: str, count: int) -> set[tuple[str, str, float]]:
    """Wait until so many readings are on the stream and return them."""
    while True:
        found = await asyncio.to_thread(envelopes, server, stream)
        readings = [
            (envelope.device_id, reading.metric, reading.value) for envelope in found for reading in envelope.readings
        ]
        if len(readings) >= count:
            assert len(set(readings)) == len(readings) == count
            return set(readings)
        await asyncio.sleep(0.1)


@pytest.mark.skipif(BROKER is None, reason="mosquitto is not on PATH")
async def test_messages_of_a_broker_arrive_and_those_of_a_pause_too(
    gateway: Gateway, ministack: KinesisServer, stream: str, tmp_path: Path
) -> None:
    async def subscribed() -> bool:
        return "zigbee2mqtt/+" in (tmp_path / "mosquitto.log").read_text()

    topic, first, later = "zigbee2mqtt/Living room", {"temperature": 21.5}, {"temperature": 22.5, "contact": False}
    with serving(platform(gateway)) as base, broker(tmp_path) as port:
        address = ("--mqtt", f"mqtt://127.0.0.1:{port}")
        with bridge(base, tmp_path, "zigbee2mqtt.toml", *address) as process:
            # Until the bridge has subscribed, the broker keeps nothing for it.
            await eventually(subscribed, 30)
            await asyncio.to_thread(publish, port, topic, first)
            assert await on_stream(ministack, stream, 1) == {("Living-room", "temperature", 21.5)}
            process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(process.wait, 30) == 0
        await asyncio.to_thread(publish, port, topic, later)
        with bridge(base, tmp_path, "zigbee2mqtt.toml", *address):
            found = await on_stream(ministack, stream, 3)
    assert found >= {("Living-room", "temperature", 22.5), ("Living-room", "contact", 0.0)}


def test_lines_of_standard_input_are_sent_to_the_end(
    gateway: Gateway, ministack: KinesisServer, stream: str, tmp_path: Path
) -> None:
    uplink = {
        "end_device_ids": {"device_id": "soil-7"},
        "uplink_message": {"decoded_payload": {"temperature": 12.5, "moisture": "wet"}},
    }
    lines = [json.dumps({"topic": "v3/app/devices/soil-7/up", "payload": uplink}), "no JSON", json.dumps({"v": 1})]
    with (
        serving(platform(gateway)) as base,
        bridge(base, tmp_path, "ttn.toml", "--timeout", "30") as process,
    ):
        output, _ = process.communicate("\n".join(lines), timeout=60)
    assert process.returncode == 0
    assert output == "1 sent, 0 refused, 0 waiting\n"
    (envelope,) = envelopes(ministack, stream)
    assert [(reading.metric, reading.value) for reading in envelope.readings] == [("temperature", 12.5)]
