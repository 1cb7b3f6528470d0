"""A reading as a device measures it, checked as the platform will check it."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from .errors import InvalidReadingError

METRIC = re.compile(r"[a-z][a-z0-9_]{0,62}")
MAX_VALUE = 1e300


class Reading(NamedTuple):
    """One value of one metric at one time."""

    metric: str
    ts: datetime
    value: float

    @property
    def json(self) -> str:
        """The reading as it is sent."""
        # repr writes the shortest text that is read as the same double.
        return f'{{"metric":"{self.metric}","ts":"{self.ts.astimezone(UTC).isoformat()}","value":{self.value!r}}}'


def check(metric: str, value: float, ts: datetime) -> Reading:
    """Return a reading. Raises InvalidReadingError for what the platform would refuse, whenever it came."""
    if not METRIC.fullmatch(metric):
        raise InvalidReadingError(
            f"metric {metric!r}: begin with a lower-case letter; then letters, digits and _, at most 63 in all"
        )
    if ts.tzinfo is None:
        raise InvalidReadingError(f"{metric}: the time {ts.isoformat()} has no zone: give datetime.now(UTC)")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidReadingError(f"{metric}: {value!r} is a {type(value).__name__}: give a number")
    # Neither NaN nor infinity passes, nor an integer that no float holds.
    if not abs(value) <= MAX_VALUE:
        raise InvalidReadingError(f"{metric}: {str(value)[:30]} is no measurement: leave out what was not measured")
    if float(value) != value:
        raise InvalidReadingError(f"{metric}: {value} has more digits than are kept: send it as an attribute, as text")
    return Reading(metric, ts.astimezone(UTC), float(value))


def body_of(readings: Sequence[Reading]) -> bytes:
    """Return a request's body."""
    return ("[" + ",".join(reading.json for reading in readings) + "]").encode()


def read_line(line: str) -> Reading:
    """Read a reading from a line of JSON with `metric`, `value` and, unless it is of now, `ts`.

    Raises InvalidReadingError.
    """
    try:
        document = json.loads(line)
        metric, value, ts = document["metric"], document["value"], document.get("ts")
        time = datetime.fromisoformat(ts) if ts is not None else datetime.now(UTC)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidReadingError(
            f'{line.strip()[:100]!r} is no reading: write {{"metric": "temperature", "value": 21.5}}, '
            'and "ts" with a zone unless it was measured now'
        ) from None
    return check(metric, value, time)
