import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.device.errors import MappingError
from apps.device.mapping import Messages, lines

ARRIVED = datetime(2026, 11, 26, 12, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[3] / "apps/device/examples"


def read(messages: Messages, topic: str, payload: object) -> dict[str, tuple[str, float, datetime]]:
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    found = messages.read(topic, content, ARRIVED)
    assert found.problems == []
    return {item.reading.metric: (item.device_id, item.reading.value, item.reading.ts) for item in found.readings}


def problems(messages: Messages, topic: str, payload: bytes) -> list[str]:
    return messages.read(topic, payload, ARRIVED).problems


def test_the_things_network() -> None:
    uplink = {
        "end_device_ids": {"device_id": "soil-7"},
        "received_at": "2026-11-26T11:59:58.123456789Z",
        "uplink_message": {"decoded_payload": {"temperature": 12.25, "moisture": 31}, "rx_metadata": [{"rssi": -97}]},
    }
    at = datetime(2026, 11, 26, 11, 59, 58, 123456, tzinfo=UTC)
    assert read(Messages.load(EXAMPLES / "ttn.toml"), "v3/app@ttn/devices/soil-7/up", uplink) == {
        "temperature": ("soil-7", 12.25, at),
        "moisture": ("soil-7", 31.0, at),
        "rssi": ("soil-7", -97.0, at),
    }


def test_zigbee2mqtt_whose_messages_hold_what_changed() -> None:
    messages = Messages.load(EXAMPLES / "zigbee2mqtt.toml")
    assert read(messages, "zigbee2mqtt/Living room", {"temperature": 21.4, "occupancy": True, "battery": None}) == {
        "temperature": ("Living-room", 21.4, ARRIVED),
        "occupancy": ("Living-room", 1.0, ARRIVED),
    }
    assert read(messages, "zigbee2mqtt/bridge/state", {"state": "online"}) == {}


def test_tasmota_whose_time_has_no_zone() -> None:
    sensor = {"Time": "2026-11-26T12:59:00", "AM2301": {"Temperature": 22.9, "Humidity": 41.0}, "TempUnit": "C"}
    at = datetime(2026, 11, 26, 11, 59, tzinfo=UTC)
    assert read(Messages.load(EXAMPLES / "tasmota.toml"), "tele/greenhouse/SENSOR", sensor) == {
        "temperature": ("greenhouse", 22.9, at),
        "humidity": ("greenhouse", 41.0, at),
    }


def test_shelly_of_both_generations() -> None:
    messages = Messages.load(EXAMPLES / "shelly.toml")
    assert read(messages, "shellies/shellyht-ABC/sensor/temperature", b"21.12") == {
        "temperature": ("shellyht-ABC", 21.12, ARRIVED)
    }
    assert read(messages, "shellyplusht-1/status/temperature:0", {"id": 0, "tC": 19.6, "tF": 67.3}) == {
        "temperature": ("shellyplusht-1", 19.6, ARRIVED)
    }


@pytest.mark.parametrize("text", ["1732622400", "1732622400000", "1732622400000000", "1732622400000000000"])
def test_a_unix_time_is_told_by_its_size(text: str) -> None:
    messages = Messages.parse('[[message]]\ntopic="#"\ndevice="d"\ntime="t"\nmetrics.m="v"')
    assert read(messages, "a", f'{{"t": {text}, "v": 1}}'.encode())["m"][2] == datetime(2024, 11, 26, 12, tzinfo=UTC)


def test_numbers_are_made_as_the_mapping_says() -> None:
    messages = Messages.parse(
        """
        [[message]]
        topic = "a/+/#"
        device = "{topic.2}-{payload.id}"
        devices = {"x-7" = "cellar"}
        metrics.kelvin = {path = "f.0", scale = 0.5, offset = 255.5}
        metrics.valve = {path = "valve", values = {open = 1, closed = 0, true = 1}}
        """
    )
    assert read(messages, "a/x", {"id": 7, "f": [2], "valve": "open"}) == {
        "kelvin": ("cellar", 256.5, ARRIVED),
        "valve": ("cellar", 1.0, ARRIVED),
    }
    assert read(messages, "a/y/z/w", {"id": "b c", "valve": True})["valve"][:2] == ("y-b-c", 1.0)
    assert read(messages, "b/x", {"id": 7, "f": [2]}) == {}


def test_what_is_no_reading_is_told_and_costs_only_itself() -> None:
    messages = Messages.parse('[[message]]\ntopic="+"\ndevice="{payload.d}"\ntime="t"\nmetrics.m="v"\nmetrics.n="w"')
    assert "no JSON" in problems(messages, "a", b"\xff{")[0]
    assert "'ON' is a str, no number" in problems(messages, "a", b'{"d":"d","v":"ON","w":1}')[0]
    assert len(messages.read("a", b'{"d":"d","v":"ON","w":1}', ARRIVED).readings) == 1
    assert "no device id" in problems(messages, "a", b'{"v":1}')[0]
    assert "no time" in problems(messages, "a", b'{"d":"d","t":"noon","v":1}')[0]
    assert "has no zone" in problems(messages, "a", b'{"d":"d","t":"2026-11-26T12:00","v":1}')[0]
    assert "no time" in problems(messages, "a", b'{"d":"d","t":-6.2e16,"v":1}')[0]


CONTENT = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.just(10**400) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("dtvw"), inner, max_size=4),
    max_leaves=9,
)


@pytest.mark.generated
@given(st.text(max_size=30), CONTENT)
def test_no_message_stops_a_bridge(topic: str, content: object) -> None:
    messages = Messages.parse(
        '[[message]]\ntopic="#"\ndevice="{payload.d}"\ntime="t"\nmetrics.m="v"\nmetrics.n={path="w.0",scale=2}'
    )
    messages.read(topic, json.dumps(content).encode(), ARRIVED)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no message"),
        ("[[message", "no TOML"),
        ("messages = 1", "messages: not known"),
        ('[[message]]\ndevice="d"', "message 1: topic: None: must be text"),
        ('[[message]]\ntopic="a"\ndevice="d"', "message 1: metrics: write at least one"),
        ('[[message]]\ntopic="a"\ndevice="{name}"\nmetrics.m="v"', "{topic.2} for a level"),
        ('[[message]]\ntopic="a"\ndevice="d"\nmetrics.M="v"', "metrics.M: a metric begins with a lower-case letter"),
        ('[[message]]\ntopic="a"\ndevice="d"\nmetrics.m={path="v",unit="C"}', "metrics.m: unit: not known"),
        ('[[message]]\ntopic="a"\ndevice="d"\nmetrics.m={path="v",scale="2"}', "scale: '2': must be a number"),
        ('[[message]]\ntopic="a"\ndevice="d"\nzone="Berlin"\nmetrics.m="v"', "zone: 'Berlin': must be a time zone"),
        ('[[message]]\ntopic="a"\ndevice="d"\ntimes="t"\nmetrics.m="v"', "times: not known"),
    ],
)
def test_a_wrong_mapping_is_refused_with_what_is_allowed(text: str, message: str) -> None:
    with pytest.raises(MappingError) as refused:
        Messages.parse(text)
    assert message in str(refused.value)


def test_lines_are_messages_with_a_topic_or_without() -> None:
    given = [
        '{"topic": "a/b", "payload": "21.5"}\n',
        '{"topic": "a", "payload": {"v": 1}}\n',
        "\n",
        '{"v": 2}\n',
        "x\n",
    ]
    assert list(lines(iter(given))) == [("a/b", b"21.5"), ("a", b'{"v": 1}'), ("", b'{"v": 2}\n'), ("", b"x\n")]
