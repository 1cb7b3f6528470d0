"""From a device's text to the row: what the gateway acknowledges is stored exactly as it was sent."""

import asyncio
import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.domain.errors import TooManyReadingsError
from apps.domain.readings import Envelope, Validated, parse_readings
from apps.domain.time_bounds import TimeBounds
from apps.gateway.envelopes import encode
from apps.storage.connection import create_pool
from devtools.postgres import Postgres
from tests.apps.ingestor.desk import Desk, open_desk_on
from tests.apps.ingestor.support import START, settings_of
from tests.support import postgres

METRICS = st.sampled_from(["m", "n", "Temperature", "1", ""])
NUMBERS = (
    st.floats(allow_nan=True, allow_infinity=True).map(json.dumps)
    | st.integers(-(2**70), 2**70).map(str)
    | st.decimals(-1000, 1000, places=3, allow_nan=False).map(str)
    | st.decimals(allow_nan=False, allow_infinity=False).map(str)
    | st.sampled_from(
        ["-0", "-0.0", "1e400", "1e-400", "9007199254740993", "+1", ".5", "1.#QNAN", "null", '"1"', "true"]
    )
)
TIMES = st.builds(
    "{:%Y-%m-%dT%H:%M:%S}{}{}".format,
    st.datetimes(datetime(2024, 10, 1), datetime(2025, 3, 4)) | st.just(datetime(2025, 3, 2, 12)),
    st.sampled_from(["", ".5", ".123456", ".123456000", ".1234567", ".000000001", ".9999999"]),
    st.sampled_from(["Z", "+00:00", "+05:30", "-11:00", ""]),
)
READINGS = st.builds('{{"metric": "{}", "ts": "{}", "value": {}}}'.format, METRICS, TIMES, NUMBERS)
GARBAGE = st.sampled_from(["", "1", "[]", "NaN", '{"metric": "m"}', '{"a": [NaN, "]"]}', "[[NaN]]"])
UPLOADS = st.lists(READINGS | READINGS | READINGS | GARBAGE, max_size=6)
BOUNDS = TimeBounds.at(START, 3)
DEVICES = count()


@pytest.mark.generated
@pytest.mark.timeout(1800)
def test_what_is_acknowledged_is_in_the_database_as_it_was_sent(postgres_server: Postgres) -> None:
    with asyncio.Runner() as runner:
        database = runner.run(postgres.copy_template(postgres_server))
        configured = settings_of(database, "readings", READINGS_RETENTION_MONTHS="3")
        pool = runner.run(create_pool(configured, "test"))
        desk = runner.run(open_desk_on(pool, configured, "w"))

        @settings(suppress_health_check=[HealthCheck.too_slow])
        @given(UPLOADS)
        def check(items: list[str]) -> None:
            runner.run(_check(desk, items, f"d{next(DEVICES)}"))

        check()
        pool.terminate()
        runner.run(postgres.drop_database(database))


async def _check(desk: Desk, items: list[str], device_id: str) -> None:
    body = f"[{','.join(items)}]".encode()
    try:
        validated = parse_readings(body, BOUNDS, 10_000)
    except (msgspec.DecodeError, TooManyReadingsError):
        return
    assert len(validated.readings) + len(validated.rejected) == len(items) - (items == [""])
    # Twice, as a device that did not hear the answer does.
    for _ in range(2):
        await desk.write(*_records(device_id, validated))
    rows = await desk.pool.fetch("SELECT metric, ts, value FROM sensor_readings WHERE device_id = $1", device_id)
    refused = {reject.index for reject in validated.rejected}
    accepted = (item for index, item in enumerate(items) if index not in refused and item)
    acknowledged = [json.loads(item, parse_int=Decimal, parse_float=Decimal) for item in accepted]
    stored = {(row["metric"], row["ts"]): row["value"] for row in rows}
    sent = {(reading["metric"], _exactly(reading["ts"])): reading["value"] for reading in acknowledged}
    assert stored.keys() == sent.keys()
    for key, value in stored.items():
        assert sent[key] in {Decimal(repr(value)), _rounded(value, len(sent[key].as_tuple().digits))}
    kept = await desk.pool.fetchval("SELECT count(*) FROM rejected_records WHERE device_id = $1", device_id)
    assert kept == len(validated.rejected)


def _records(device_id: str, validated: Validated) -> list[bytes]:
    readings, rejected = tuple(validated.readings), tuple(validated.rejected)
    return encode(Envelope(device_id=device_id, received_at=START, readings=readings, rejected=rejected))


def _exactly(text: str) -> datetime:
    """Read a time of which nothing may be left out but zeros behind the microsecond."""
    parts = re.fullmatch(r"(.{19})(?:\.([0-9]{1,6})0*)?(Z|[+-].{5})", text)
    assert parts, text
    whole = datetime.fromisoformat(parts[1] + ("+00:00" if parts[3] == "Z" else parts[3]))
    return whole + timedelta(microseconds=int((parts[2] or "0").ljust(6, "0")))


def _rounded(value: float, digits: int) -> Decimal:
    return Decimal(f"{Decimal(value):.{max(digits - 1, 0)}e}")
