"""Whatever stands on the stream: each item is stored as it was sent, or kept beside its reason."""

import asyncio
import gzip
import hashlib
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from aws_kinesis_agg import MAGIC
from aws_kinesis_agg.aggregator import RecordAggregator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.ingestor.records import Record, parse_record
from apps.storage.connection import create_pool
from devtools.postgres import Postgres
from tests.apps.ingestor.desk import open_desk_on
from tests.apps.ingestor.support import START, settings_of
from tests.support import generated, postgres
from tests.support.generated import GARBAGE, Acknowledged, assert_stored, exactly

RETENTION_MONTHS = 3
SPAN = datetime(2024, 10, 1, tzinfo=UTC), START + timedelta(days=1)
DEVICE = "DEVICE"
"""Stands for a device of each example's own."""

READINGS = generated.readings(*SPAN)
NAMED = generated.readings(*SPAN, st.sampled_from([DEVICE, DEVICE, f"{DEVICE}-b", "", "a b"]))
ITEMS = st.lists(READINGS | READINGS | GARBAGE.filter(len), max_size=5)
Part = tuple[bytes, Sequence[str]]
"""A user record, and the items that stand in it."""


def envelope(items: list[str], device_id: str) -> Part:
    text = (
        f'{{"type": "readings.v1", "device_id": "{device_id}", "received_at": "{START.isoformat()}", '
        f'"readings": [{", ".join(items)}]}}'
    )
    return text.encode(), items


PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(envelope, ITEMS, st.sampled_from([DEVICE, DEVICE, f"{DEVICE}-b", "a b"])),
    NAMED.map(lambda item: (item.encode(), [item])),
    # A device's own reading does not say which device it is of.
    st.lists(NAMED | READINGS | GARBAGE.filter(len), min_size=1, max_size=5).map(
        lambda items: (f"[{', '.join(items)}]".encode(), items)
    ),
    # What is an array has as many items as stand in it.
    st.binary(min_size=1, max_size=40)
    .filter(lambda data: not data.lstrip().startswith(b"["))
    .map(lambda data: (data, [data.decode("latin-1")])),
    st.builds(
        lambda item, is_gzip: ((gzip.compress if is_gzip else zlib.compress)(item.encode()), [item]),
        NAMED,
        st.booleans(),
    ),
)


def packed(parts: Sequence[bytes]) -> bytes:
    aggregator = RecordAggregator()
    for part in parts:
        aggregator.add_user_record("key", part)
    _, _, data = aggregator.clear_and_get().get_contents()
    return bytes(data)


@pytest.mark.generated
@pytest.mark.timeout(3600)
def test_each_item_of_a_record_is_stored_as_it_was_sent_or_rejected(postgres_server: Postgres) -> None:
    devices, acknowledged, records = count(), Acknowledged(), list[bytes]()

    @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(st.lists(PARTS, min_size=1, max_size=4), st.booleans())
    def check(parts: list[Part], is_packed: bool) -> None:
        device_id = f"d{next(devices)}"
        bodies = [data.replace(DEVICE.encode(), device_id.encode()) for data, _ in parts]
        own = [packed(bodies)] if is_packed else bodies
        items = [item.replace(DEVICE, device_id) for _, some in parts for item in some]
        found = [parse_record(Record(str(number), START, data), RETENTION_MONTHS) for number, data in enumerate(own)]
        assert not any(parsed.further_rejected for parsed in found)
        accepted = [located for parsed in found for located in parsed.readings]
        rejected = [item for parsed in found for item in parsed.rejected]
        assert len(accepted) + len(rejected) == len(items)
        assert all(item.reason for item in rejected)
        if is_packed:
            positions = sorted([parsed.position for parsed in accepted] + [parsed.position for parsed in rejected])
            assert positions == list(range(len(items)))
            for located in accepted:
                reading = located.reading
                metric, ts, value = exactly(items[located.position])
                assert (reading.metric, reading.ts) == (metric, ts)
                acknowledged.setdefault((reading.device_id, metric, ts), value)
        else:
            left = iter(items)
            for located in accepted:
                # In their order: what lies between two of them was rejected.
                reading = located.reading
                for item in left:
                    if reading.metric in item and _is_same(item, reading.metric, reading.ts, reading.value):
                        acknowledged.setdefault((reading.device_id, reading.metric, reading.ts), exactly(item)[2])
                        break
                else:
                    pytest.fail(f"nobody sent {reading}")
        records.extend(own)

    check()
    asyncio.run(_compare(postgres_server, records, acknowledged))


@pytest.mark.generated
@given(st.lists(NAMED, min_size=1, max_size=4), st.data())
def test_a_packed_record_that_is_damaged_costs_no_more_than_itself(items: list[str], data: st.DataObject) -> None:
    record = packed([item.encode() for item in items])
    offset = data.draw(st.integers(0, len(record) - 1))
    damaged = bytearray(record)
    damaged[offset] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        # Rightly signed, as a producer signs that packs wrongly.
        body = bytes(damaged[len(MAGIC) : -16])
        damaged = bytearray(MAGIC + body + hashlib.md5(body, usedforsecurity=False).digest())
    found = parse_record(Record("1", START, bytes(damaged)), RETENTION_MONTHS)
    assert found.readings or found.rejected
    assert all(item.reason for item in found.rejected)


def _is_same(item: str, metric: str, ts: datetime, value: float) -> bool:
    try:
        written = exactly(item)
    except (ValueError, KeyError, TypeError, AssertionError):
        return False
    is_number = isinstance(written[2], Decimal)
    return is_number and written[:2] == (metric, ts) and generated.is_kept(written[2], value)


async def _compare(server: Postgres, records: list[bytes], acknowledged: Acknowledged) -> None:
    database = await postgres.copy_template(server)
    configured = settings_of(database, "readings", READINGS_RETENTION_MONTHS=str(RETENTION_MONTHS))
    pool = await create_pool(configured, "test")
    desk = await open_desk_on(pool, configured, "w")
    for first in range(0, len(records), 250):
        for _ in range(2):
            await desk.write(*records[first : first + 250])
    await assert_stored(pool, acknowledged)
    pool.terminate()
    await postgres.drop_database(database)
