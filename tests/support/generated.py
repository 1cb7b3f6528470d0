"""Readings as devices write them, right and wrong, and what exactly each of them says.

What is generated is text: what a device means is read from it here by other means than the product's own.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
from hypothesis import strategies as st

METRICS = st.sampled_from(["m", "n", "Temperature", "1", ""])
NUMBERS = (
    st.floats(allow_nan=True, allow_infinity=True).map(json.dumps)
    | st.integers(-(2**70), 2**70).map(str)
    | st.decimals(-1000, 1000, places=3, allow_nan=False).map(str)
    | st.decimals(allow_nan=False, allow_infinity=False).map(str)
    | st.sampled_from(
        ["-0", "-0.0", "1e400", "1e-400", "9007199254740993", "+1", ".5", "1.#QNAN", "null", '"1"', "true", "1_000"]
    )
)
GARBAGE = st.sampled_from(["", "1", "[]", "NaN", '{"metric": "m"}', '{"a": [NaN, "]"]}', "[[NaN]]"])


def times(first: datetime, last: datetime) -> st.SearchStrategy[str]:
    """Return times around a span, of which some are finer than a microsecond or without a zone."""
    return st.builds(
        "{:%Y-%m-%dT%H:%M:%S}{}{}".format,
        st.datetimes(first.replace(tzinfo=None), last.replace(tzinfo=None)) | st.just(last.replace(tzinfo=None)),
        st.sampled_from(["", ".5", ".123456", ".123456000", ".1234567", ".000000001", ".9999999"]),
        st.sampled_from(["Z", "+00:00", "+05:30", "-11:00", ""]),
    )


def readings(
    first: datetime, last: datetime, device_ids: st.SearchStrategy[str] | None = None
) -> st.SearchStrategy[str]:
    """Return readings, of which some are wrong; with `device_ids` they name their device."""
    members = '"metric": "{}", "ts": "{}", "value": {}'
    if device_ids is None:
        return st.builds(f"{{{{{members}}}}}".format, METRICS, times(first, last), NUMBERS)
    return st.builds(f'{{{{"device_id": "{{}}", {members}}}}}'.format, device_ids, METRICS, times(first, last), NUMBERS)


def exactly(item: str) -> tuple[str, datetime, Decimal]:
    """Return metric, time and value of a reading that was taken, to the digit."""
    reading: dict[str, Any] = json.loads(item, parse_int=Decimal, parse_float=Decimal)
    return reading["metric"], time_of(reading["ts"]), reading["value"]


def time_of(text: str) -> datetime:
    """Read a time of which nothing may be left out but zeros behind the microsecond."""
    parts = re.fullmatch(r"(.{19})(?:\.([0-9]{1,6})0*)?(Z|[+-].{5})", text)
    assert parts, text
    seconds = datetime.fromisoformat(parts[1] + ("+00:00" if parts[3] == "Z" else parts[3]))
    return seconds + timedelta(microseconds=int((parts[2] or "0").ljust(6, "0")))


def is_kept(written: Decimal, value: float) -> bool:
    """Tell whether a stored value is the number that was written, or the double that was meant by its digits."""
    digits = len(written.as_tuple().digits)
    return written in {Decimal(repr(value)), Decimal(f"{Decimal(value):.{max(digits - 1, 0)}e}")}


Acknowledged = dict[tuple[str, str, datetime], Decimal]
"""What was taken: the number that was written for each device, metric and time. The first stands."""


async def assert_stored(connection: asyncpg.Connection | asyncpg.Pool, acknowledged: Acknowledged) -> None:
    """What is stored is what was acknowledged: all of it, nothing else, to the digit and to the microsecond."""
    rows = await connection.fetch("SELECT device_id, metric, ts, value FROM sensor_readings")
    stored = {(row["device_id"], row["metric"], row["ts"]): row["value"] for row in rows}
    assert _first(stored.keys() - acknowledged.keys()) == _first(acknowledged.keys() - stored.keys()) == []
    assert [key for key, written in acknowledged.items() if not is_kept(written, stored[key])] == []


def _first(keys: Iterable[tuple[str, str, datetime]]) -> list[tuple[str, str, datetime]]:
    return sorted(keys)[:5]
