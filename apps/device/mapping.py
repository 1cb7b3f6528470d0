"""Which readings a message holds: what a bridge needs to know of TTN, Zigbee2MQTT, Tasmota, Shelly and the like.

A mapping is a TOML file with a table for each kind of message. docs/devices.md explains its keys, examples/ has some.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .errors import InvalidReadingError, MappingError
from .readings import MAX_VALUE, METRIC, Reading, check

DEVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
KEYS = {"topic", "device", "time", "zone", "metrics", "devices"}
METRIC_KEYS = {"path", "scale", "offset", "values"}
WHOLE = "$"
"""The path of a payload that is the value itself."""


class DeviceReading(NamedTuple):
    """A reading, and whose it is."""

    device_id: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Found:
    """What a message holds: readings, and why others of it are none."""

    readings: list[DeviceReading] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Metric:
    """Where in a payload a metric stands, and how its number is made."""

    name: str
    path: str
    scale: float = 1.0
    offset: float = 0.0
    values: Mapping[str, float] = field(default_factory=dict)

    def value(self, found: Any) -> float:
        """Return the number. Raises InvalidReadingError for what is none."""
        if self.values:
            text = json.dumps(found) if isinstance(found, bool) else str(found)
            if text not in self.values:
                raise InvalidReadingError(f"{self.name}: {text!r} is none of {', '.join(self.values)}")
            return self.values[text]
        if isinstance(found, bool) or not isinstance(found, int | float):
            raise InvalidReadingError(
                f"{self.name}: {str(found)[:50]!r} is a {type(found).__name__}, no number: "
                "say which number stands for it, values = {ON = 1, OFF = 0}"
            )
        if (self.scale, self.offset) == (1.0, 0.0) or not abs(found) <= MAX_VALUE:
            return found
        return found * self.scale + self.offset


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of message: its topics (MQTT's filters, with + and #), whose it is, its time, its metrics."""

    topic: str
    device: str
    metrics: tuple[Metric, ...]
    time: str | None = None
    zone: tzinfo | None = None
    devices: Mapping[str, str] = field(default_factory=dict)

    def read(self, topic: str, payload: bytes, arrived: datetime) -> Found:
        """Return what a message on a topic holds; what was not measured is left out."""
        found = Found()
        try:
            content = json.loads(payload)
        except ValueError:
            found.problems.append(f"{topic}: {payload[:50]!r} is no JSON")
            return found
        try:
            device_id, ts = self._device_id(topic, content), self._time(content, arrived)
        except InvalidReadingError as error:
            found.problems.append(f"{topic}: {error}")
            return found
        for metric in self.metrics:
            value = _at(content, metric.path)
            if value is None:
                continue
            try:
                found.readings.append(DeviceReading(device_id, check(metric.name, metric.value(value), ts)))
            except InvalidReadingError as error:
                found.problems.append(f"{topic}: {error}")
        return found

    def _device_id(self, topic: str, content: Any) -> str:
        levels = topic.split("/")

        def part(match: re.Match[str]) -> str:
            kind, _, path = match[1].partition(".")
            if kind == "topic":
                return levels[int(path) - 1] if int(path) <= len(levels) else ""
            value = _at(content, path)
            return "" if value is None else str(value)

        name = re.sub(r"\{([^}]*)\}", part, self.device)
        # What an id may not hold, a blank for instance, becomes a hyphen.
        device_id = self.devices.get(name) or re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")[:64]
        if not DEVICE_ID.fullmatch(device_id):
            raise InvalidReadingError(f"no device id follows from {self.device!r}")
        return device_id

    def _time(self, content: Any, arrived: datetime) -> datetime:
        value = _at(content, self.time) if self.time else None
        if value is None:
            return arrived
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _epoch(value)
        try:
            ts = datetime.fromisoformat(str(value))
        except ValueError:
            raise InvalidReadingError(f"{self.time}: {str(value)[:50]!r} is no time") from None
        if ts.tzinfo is None:
            if self.zone is None:
                raise InvalidReadingError(
                    f'{self.time}: {value} has no zone: say in the mapping which, zone = "Europe/Berlin"'
                )
            ts = ts.replace(tzinfo=self.zone)
        return ts


class Messages:
    """Every kind of message that a bridge understands."""

    def __init__(self, messages: tuple[Message, ...]) -> None:
        self._messages = [(_pattern(message.topic), message) for message in messages]

    @classmethod
    def load(cls, path: Path) -> "Messages":
        """Read a mapping. Raises MappingError, which names the key, what it holds and what is allowed."""
        try:
            return cls.parse(path.read_text())
        except OSError as error:
            raise MappingError(f"{path}: {error.strerror}") from None
        except MappingError as error:
            raise MappingError(f"{path}: {error}") from None

    @classmethod
    def parse(cls, text: str) -> "Messages":
        """Read the text of a mapping. Raises MappingError."""
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise MappingError(f"no TOML: {error}") from None
        tables = document.pop("message", None)
        if document:
            raise MappingError(f"{', '.join(document)}: not known; each kind of message is a table [[message]]")
        if not isinstance(tables, list) or not tables:
            raise MappingError("there is no message: write a table [[message]] for each kind")
        return cls(tuple(_message(table, f"message {number}") for number, table in enumerate(tables, start=1)))

    @property
    def topics(self) -> list[str]:
        """The filters to subscribe to."""
        return [message.topic for _, message in self._messages]

    def read(self, topic: str, payload: bytes, arrived: datetime) -> Found:
        """Return what a message holds, by the first kind whose topics it is on; nothing where it is on none."""
        for pattern, message in self._messages:
            if pattern.fullmatch(topic):
                return message.read(topic, payload, arrived)
        return Found()


def _message(table: Any, where: str) -> Message:
    if not isinstance(table, dict):
        raise MappingError(f"{where}: must be a table")
    if unknown := table.keys() - KEYS:
        raise MappingError(f"{where}: {', '.join(sorted(unknown))}: not known; there are {', '.join(sorted(KEYS))}")
    topic, device = (_text(table, key, where) for key in ("topic", "device"))
    for reference in re.findall(r"\{([^}]*)\}", device):
        if not re.fullmatch(r"topic\.[1-9]\d?|payload\..+", reference):
            raise MappingError(
                f"{where}: device: {{{reference}}}: write {{topic.2}} for a level of the topic, "
                "{{payload.name}} for what stands there"
            )
    metrics = table.get("metrics")
    if not isinstance(metrics, dict) or not metrics:
        raise MappingError(f'{where}: metrics: write at least one, for example metrics.temperature = "temperature"')
    return Message(
        topic,
        device,
        tuple(_metric(name, spec, f"{where}: metrics.{name}") for name, spec in metrics.items()),
        _text(table, "time", where) if "time" in table else None,
        _zone(_text(table, "zone", where), where) if "zone" in table else None,
        _devices(table.get("devices", {}), where),
    )


def _metric(name: str, spec: Any, where: str) -> Metric:
    if not METRIC.fullmatch(name):
        raise MappingError(f"{where}: a metric begins with a lower-case letter; then letters, digits and _")
    if isinstance(spec, str):
        return Metric(name, spec)
    if not isinstance(spec, dict):
        raise MappingError(
            f"{where}: {spec!r}: write where it stands, or a table with {', '.join(sorted(METRIC_KEYS))}"
        )
    if unknown := spec.keys() - METRIC_KEYS:
        raise MappingError(
            f"{where}: {', '.join(sorted(unknown))}: not known; there are {', '.join(sorted(METRIC_KEYS))}"
        )
    values = spec.get("values", {})
    if not isinstance(values, dict):
        raise MappingError(f"{where}: values: {values!r}: write {{ON = 1, OFF = 0}}")
    numbers = {key: _number(value, f"{where}: values.{key}") for key, value in values.items()}
    scale, offset = (
        _number(spec.get(key, default), f"{where}: {key}") for key, default in (("scale", 1.0), ("offset", 0.0))
    )
    return Metric(name, _text(spec, "path", where), scale, offset, numbers)


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise MappingError(f"{where}: {key}: {value!r}: must be text")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MappingError(f"{where}: {value!r}: must be a number")
    return float(value)


def _devices(table: Any, where: str) -> Mapping[str, str]:
    if not isinstance(table, dict):
        raise MappingError(f"{where}: devices: {table!r}: must be a table of names and device ids")
    for name, device_id in table.items():
        if not isinstance(device_id, str) or not DEVICE_ID.fullmatch(device_id):
            raise MappingError(f"{where}: devices.{name}: {device_id!r}: letters, digits, '.', '_' and '-', at most 64")
    return table


def _zone(name: str, where: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise MappingError(f"{where}: zone: {name!r}: must be a time zone such as Europe/Berlin or UTC") from None


def _pattern(topic: str) -> re.Pattern[str]:
    levels = {"+": "[^/]*", "#": ".*"}
    return re.compile(
        "/".join(levels.get(level, re.escape(level)) for level in topic.split("/")).replace("/.*", "(/.*)?")
    )


def _at(content: Any, path: str) -> Any:
    """Return what stands at a path of keys and indexes, None where nothing does."""
    if path == WHOLE:
        return content
    for key in path.split("."):
        if isinstance(content, dict):
            content = content.get(key)
        elif isinstance(content, list) and key.isdecimal() and int(key) < len(content):
            content = content[int(key)]
        else:
            return None
    return content


def _epoch(value: float) -> datetime:
    """Read a Unix time, whose unit its size tells: seconds, milliseconds, microseconds or nanoseconds.

    Raises InvalidReadingError for what is before 1970 or after 5138.
    """
    for digits, per_second in ((11, 1), (14, 1_000), (17, 1_000_000), (20, 1_000_000_000)):
        if 0 <= value < 10**digits:
            seconds, part = divmod(value, per_second)
            return datetime.fromtimestamp(int(seconds), UTC) + timedelta(
                microseconds=int(part * 1_000_000 // per_second)
            )
    raise InvalidReadingError(f"{value} is no time")


def lines(text: Iterator[str]) -> Iterator[tuple[str, bytes]]:
    """Yield topic and payload of lines as `mosquitto_sub -F %j`, or of plain JSON, which is on the empty topic."""
    for line in text:
        if not line.strip():
            continue
        try:
            message = json.loads(line)
        except ValueError:
            yield "", line.encode()
            continue
        if isinstance(message, dict) and isinstance(message.get("topic"), str) and "payload" in message:
            payload = message["payload"]
            yield message["topic"], payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
        else:
            yield "", line.encode()
