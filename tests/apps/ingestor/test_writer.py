"""Writing a batch: all of it with its checkpoint, or nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from apps.domain.readings import DeviceReading, Envelope, Reading, RejectedReading
from apps.ingestor.writer import Checkpoint
from apps.storage.connection import create_pool
from apps.storage.errors import FencedError
from tests.apps.ingestor.desk import Desk, open_desk_on
from tests.apps.ingestor.faults import Calls, Fault
from tests.apps.ingestor.support import START, assert_consistent, count, sample, settings_of
from tests.support.postgres import TestDatabase
from tests.support.readings import let_compare

OpenDesk = Callable[..., Awaitable[Desk]]


@pytest.fixture
async def open_desk(database: TestDatabase) -> AsyncIterator[OpenDesk]:
    pools: list[asyncpg.Pool] = []
    await let_compare(database, "ingestor")

    async def opened(calls: Calls | None = None, **variables: str) -> Desk:
        options: dict[str, Any] = {"connection_class": calls.connection_class()} if calls else {}
        settings = settings_of(database, "readings", **variables)
        pool = await create_pool(settings, "test", **options)
        pools.append(pool)
        return await open_desk_on(pool, settings, f"w{len(pools)}")

    yield opened
    for pool in pools:
        pool.terminate()


@pytest.fixture
async def desk(open_desk: OpenDesk) -> Desk:
    return await open_desk()


def envelope(*seconds: float, device: str = "d", metric: str = "m", value: float = 1, **more: Any) -> bytes:
    readings = tuple(Reading(metric=metric, ts=START - timedelta(seconds=second), value=value) for second in seconds)
    return msgspec.json.encode(Envelope(device_id=device, received_at=START, readings=readings, **more))


async def test_a_batch_and_its_checkpoint_are_there_together(desk: Desk) -> None:
    await desk.write(envelope(1, 2), b"nonsense", envelope(2, 3))
    assert await count(desk.pool) == 3
    assert await count(desk.pool, "rejected_records") == 1
    assert await desk.checkpoint() == "3"
    await assert_consistent(desk.pool)


async def test_what_the_gateway_refused_is_kept_once_when_its_record_was_put_twice(desk: Desk) -> None:
    rejected = (RejectedReading(index=0, reason="r", payload="p"), RejectedReading(index=7, reason="r", payload="p"))
    await desk.write(envelope(1, rejected=rejected))
    await desk.write(envelope(1, rejected=rejected), envelope(1, rejected=rejected, device="e"))
    rows = await desk.pool.fetch("SELECT device_id, position FROM rejected_records ORDER BY 1, 2")
    assert [tuple(row) for row in rows] == [("d", 0), ("d", 7), ("e", 0), ("e", 7)]


async def test_whoever_lost_the_lease_writes_nothing(open_desk: OpenDesk) -> None:
    zombie = await open_desk()
    await zombie.write(envelope(1))
    heir = await open_desk()
    with pytest.raises(FencedError):
        await zombie.write(envelope(2), b"nonsense")
    assert await count(heir.pool) == 1
    assert await count(heir.pool, "rejected_records") == 0
    assert await heir.checkpoint() == "1"


async def test_a_checkpoint_that_moved_meanwhile_is_not_moved_back(desk: Desk) -> None:
    await desk.write(envelope(1), envelope(2), envelope(3))
    desk.known = Checkpoint(None, START)
    with pytest.raises(FencedError):
        await desk.write(envelope(1), b"nonsense")
    assert await desk.checkpoint() == "3"
    assert await count(desk.pool, "rejected_records") == 0


async def test_a_shard_that_was_finished_stays_so(desk: Desk) -> None:
    await desk.write(is_shard_end=True)
    with pytest.raises(FencedError):
        await desk.write(envelope(1))
    assert [lease.is_shard_end for lease in await desk.table.renew({})] == [True]


@pytest.mark.parametrize("fault", [Fault.FAILS_BEFORE, Fault.FAILS_AFTER])
async def test_a_commit_of_unknown_outcome_leaves_all_or_nothing_and_is_made_up_for_once(
    open_desk: OpenDesk, fault: Fault
) -> None:
    calls = Calls(fault)
    desk = await open_desk(calls)
    await desk.write(envelope(1))
    calls.when = lambda _, name: name == "COMMIT;"
    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await desk.write(envelope(2), b"nonsense")
    done = await desk.checkpoint() == "3"
    assert done == fault.after
    assert await count(desk.pool) == await count(desk.pool, "rejected_records") + 1
    if done:
        with pytest.raises(FencedError):
            await desk.write(envelope(2), b"nonsense")
    else:
        await desk.write(envelope(2), b"nonsense")
    assert (await count(desk.pool), await count(desk.pool, "rejected_records")) == (2, 1)
    await assert_consistent(desk.pool)


async def test_readings_that_the_database_refuses_are_rejected_alone(database: TestDatabase, desk: Desk) -> None:
    owner = await database.connect()
    await owner.execute("ALTER TABLE sensor_readings ADD CONSTRAINT sane CHECK (value < 100)")
    await desk.write(
        envelope(*range(50)),
        envelope(60, value=100),
        envelope(*range(70, 90)),
        envelope(91, value=1e9),
        envelope(5, 95),
    )
    assert await count(owner) == 71
    rejected = await owner.fetch("SELECT * FROM rejected_records ORDER BY sequence_number")
    assert [(row["sequence_number"], row["position"], row["device_id"]) for row in rejected] == [
        ("2", 0, "d"),
        ("4", 0, "d"),
    ]
    assert "sane" in rejected[0]["reason"]
    assert msgspec.json.decode(rejected[1]["payload"], type=DeviceReading).value == 1e9
    assert await desk.checkpoint() == "5"
    await assert_consistent(owner)
    await owner.close()


@pytest.mark.parametrize("table", ["devices", "readings_minute", "readings_day", "latest_readings"])
async def test_a_reading_whose_summary_is_refused_is_rejected_too(
    database: TestDatabase, desk: Desk, table: str
) -> None:
    owner = await database.connect()
    await owner.execute(f"ALTER TABLE {table} ADD CONSTRAINT known CHECK (device_id <> 'x')")
    await desk.write(envelope(1, 2), envelope(1, 2, 3, device="x"), envelope(1, device="y"))
    assert (await count(owner), await count(owner, "rejected_records")) == (3, 3)
    await assert_consistent(owner)
    await owner.close()


async def test_months_without_a_partition_are_made(desk: Desk) -> None:
    months = [60 * 60 * 24 * 31 * n for n in range(26)]
    await desk.write(envelope(*months))
    assert await count(desk.pool) == 26
    await assert_consistent(desk.pool)


async def test_no_month_is_made_for_a_reading_that_is_no_longer_kept(open_desk: OpenDesk) -> None:
    desk = await open_desk(READINGS_RETENTION_MONTHS="3")
    months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'sensor_readings'::regclass"
    before = await desk.pool.fetchval(months)
    await desk.write(envelope(*(60 * 60 * 24 * 31 * n for n in range(1, 300))))
    assert await count(desk.pool) == 2
    assert await desk.pool.fetchval(months) - before <= 4
    (reason,) = {row["reason"] for row in await desk.pool.fetch("SELECT reason FROM rejected_records")}
    assert reason == "ts is before 2024-12-01 UTC: older readings are no longer kept"


async def test_a_second_value_for_a_time_is_kept_as_rejected_and_a_repetition_is_not(desk: Desk) -> None:
    before = sample("ingestor_rejects_total", cause="conflict"), sample("ingestor_records_total", outcome="duplicate")
    await desk.write(envelope(1, 2, value=10), envelope(1, value=99))
    await desk.write(envelope(1, 2, 3, value=10), envelope(2, value=98))
    rows = await desk.pool.fetch("SELECT device_id, reason, payload FROM rejected_records ORDER BY rejected_id")
    assert [msgspec.json.decode(row["payload"], type=DeviceReading).value for row in rows] == [99, 98]
    assert {(row["device_id"], row["reason"]) for row in rows} == {
        ("d", "conflicting value: 10.0 is kept for this device, metric and time, as it came first")
    }
    assert {row["value"] for row in await desk.pool.fetch("SELECT value FROM sensor_readings")} == {10}
    assert sample("ingestor_rejects_total", cause="conflict") == before[0] + 2
    assert sample("ingestor_records_total", outcome="duplicate") == before[1] + 2
    await assert_consistent(desk.pool)


async def test_a_device_makes_no_more_series_than_it_may_and_known_ones_go_on(open_desk: OpenDesk) -> None:
    desk = await open_desk(DEVICE_MAX_METRICS="3")
    await desk.write(*(envelope(1, metric=f"m{number}") for number in range(5)), envelope(1, device="e"))
    assert await series(desk, "d") == {"m0", "m1", "m2"}
    await desk.write(envelope(2, metric="m4"), envelope(2, metric="m2"), envelope(2, metric="m1", value=7))
    assert await series(desk, "d") == {"m0", "m1", "m2"}
    assert await count(desk.pool) == 6
    reasons = [row["reason"] for row in await desk.pool.fetch("SELECT reason FROM rejected_records")]
    assert reasons == ["a device may have 3 metrics, and this one has them"] * 3
    # Another worker, which remembers nothing, decides alike; and a series that was forgotten makes room.
    other = await open_desk(DEVICE_MAX_METRICS="3")
    await other.write(envelope(3, metric="m4"), envelope(3, metric="m0"))
    owner = await desk.pool.fetchval("SELECT count(*) FROM latest_readings WHERE device_id = 'd'")
    assert owner == 3
    await assert_consistent(desk.pool)


async def test_a_device_makes_no_more_new_series_a_day_than_it_may_after_its_first(open_desk: OpenDesk) -> None:
    desk = await open_desk(DEVICE_NEW_METRICS_PER_DAY="2")
    await desk.write(*(envelope(1, metric=f"m{number}") for number in range(4)))
    assert len(await series(desk, "d")) == 4, "in its first day it begins with all that it has"
    await desk.pool.execute("UPDATE latest_readings SET first_stored_at = now() - interval '25 hours'")
    await desk.write(*(envelope(2, metric=f"m{number}") for number in (7, 3, 5, 6)))
    assert await series(desk, "d") == {"m0", "m1", "m2", "m3", "m7", "m5"}
    reasons = [row["reason"] for row in await desk.pool.fetch("SELECT reason FROM rejected_records")]
    assert reasons == ["a device may have 2 new metrics a day after its first, and this one has them"]
    # Readings of old series do not make them new, and a day later there is room again.
    await desk.pool.execute("UPDATE latest_readings SET first_stored_at = first_stored_at - interval '24 hours'")
    await desk.write(envelope(3, metric="m7"), envelope(3, metric="m6"), envelope(3, metric="m8"))
    assert {"m6", "m8"} < await series(desk, "d")
    await assert_consistent(desk.pool)


async def series(desk: Desk, device: str) -> set[str]:
    return {
        row["metric"]
        for row in await desk.pool.fetch("SELECT metric FROM latest_readings WHERE device_id = $1", device)
    }


async def test_of_one_device_only_so_much_a_day_is_kept_and_the_rest_is_counted(
    database: TestDatabase, open_desk: OpenDesk
) -> None:
    wrong = b'{"device_id": "d", "metric": "M", "ts": "2025-03-03T00:00:00Z", "value": 1}'
    desk = await open_desk(DEVICE_REJECTS_PER_DAY="5")
    before = sample("ingestor_rejects_not_kept_total")
    await desk.write(*([wrong] * 3), b"nonsense")
    await desk.write(*([wrong] * 4), wrong.replace(b'"d"', b'"e"'))
    assert await count(desk.pool, "rejected_records WHERE device_id = 'd'") == 5
    assert await count(desk.pool, "rejected_records") == 7
    # Who takes over counts what is there.
    heir = await open_desk(DEVICE_REJECTS_PER_DAY="5")
    await heir.write(wrong, wrong.replace(b'"d"', b'"e"'))
    assert await count(desk.pool, "rejected_records WHERE device_id = 'd'") == 5
    assert await count(desk.pool, "rejected_records WHERE device_id = 'e'") == 2
    assert sample("ingestor_rejects_not_kept_total") == before + 3
    # Another day begins with a quota of its own.
    owner = await database.connect()
    await owner.execute("UPDATE rejected_records SET rejected_at = rejected_at - interval '1 day'")
    await owner.close()
    tomorrow = await open_desk(DEVICE_REJECTS_PER_DAY="5")
    await tomorrow.write(wrong)
    assert await count(desk.pool, "rejected_records WHERE device_id = 'd'") == 6


async def test_of_all_devices_together_only_so_much_a_day_is_kept_whatever_they_are_called(open_desk: OpenDesk) -> None:
    def wrong(number: int) -> bytes:
        return b'{"device_id": "x%d", "metric": "M", "ts": "2025-03-03T00:00:00Z", "value": 1}' % number

    desk = await open_desk(REJECTS_PER_DAY="20")
    await desk.write(*map(wrong, range(12)))
    heir = await open_desk(REJECTS_PER_DAY="20")
    await heir.write(*map(wrong, range(12, 40)))
    await heir.write(*map(wrong, range(40, 60)))
    assert await count(desk.pool, "rejected_records") == 20


async def test_devices_that_nobody_registered_are_bounded_and_those_of_the_gateway_are_not(open_desk: OpenDesk) -> None:
    def straight(device_id: str, minute: int) -> bytes:
        return b'{"device_id": "%s", "metric": "m", "ts": "2025-03-03T00:%02d:00Z", "value": 1}' % (
            device_id.encode(),
            minute,
        )

    desk = await open_desk(MAX_UNREGISTERED_DEVICES="5")
    await desk.pool.execute("INSERT INTO devices (device_id, kind) VALUES ('known', 'power')")
    before = sample("ingestor_rejects_total", cause="limit")
    await desk.write(*(straight(f"x{number}", 0) for number in range(9)), straight("known", 0), envelope(1, device="g"))
    assert await count(desk.pool, "devices WHERE kind = 'unknown'") == 6  # five, and the one that the gateway let in
    assert await count(desk.pool) == 7
    # What is there goes on, also with whoever takes over.
    heir = await open_desk(MAX_UNREGISTERED_DEVICES="5")
    await heir.write(*(straight(f"x{number}", 1) for number in range(9)), straight("known", 1))
    assert await count(desk.pool) == 13
    assert sample("ingestor_rejects_total", cause="limit") == before + 8
    reasons = await desk.pool.fetch("SELECT DISTINCT reason FROM rejected_records")
    assert ["register it with POST /api/devices" in row["reason"] for row in reasons] == [True]


async def test_what_a_record_full_of_nonsense_costs_is_bounded_by_its_size(desk: Desk) -> None:
    before = sample("ingestor_records_total", outcome="rejected")
    good = b'{"device_id": "d", "metric": "m", "ts": "2025-03-03T00:00:00Z", "value": 1}'
    await desk.write(b"[" + b"1," * 500_000 + good + b"]")
    assert await count(desk.pool) == 1
    assert await count(desk.pool, "rejected_records") == 100
    assert sample("ingestor_records_total", outcome="rejected") == before + 500_000


async def test_a_partition_that_was_dropped_meanwhile_is_made_again(database: TestDatabase, desk: Desk) -> None:
    await desk.write(envelope(1))
    owner = await database.connect()
    await owner.execute("DROP TABLE sensor_readings_y2025m03; DROP TABLE readings_minute_y2025m03")
    await desk.write(envelope(1, 2))
    assert await count(owner) == 2
    await owner.close()


async def test_one_notification_is_sent_for_each_batch_that_stored_something(
    database: TestDatabase, desk: Desk
) -> None:
    listener = await database.connect()
    notifications: asyncio.Queue[int] = asyncio.Queue()
    await listener.add_listener("readings_stored", lambda *_: notifications.put_nowait(1))
    await desk.write(envelope(*range(100)), envelope(1, device="e"))
    await desk.write(envelope(1), b"nonsense")
    await desk.write(envelope(200))
    await asyncio.wait_for(notifications.get(), 5)
    await asyncio.wait_for(notifications.get(), 5)
    await listener.execute("SELECT 1")
    assert notifications.empty()
    await listener.close()


async def test_the_write_is_linked_to_the_requests_that_it_stores_and_ends_their_traces(desk: Desk) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    desk.writer.tracer = provider.get_tracer("test")
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await desk.write(envelope(1, traceparent=parent), envelope(2, traceparent=parent), envelope(3, traceparent="junk"))
    upload, batch = exporter.get_finished_spans()
    assert [trace.format_trace_id(link.context.trace_id) for link in batch.links] == [
        "0af7651916cd43dd8448eb211c80319c"
    ]
    assert batch.attributes
    assert batch.attributes["readings"] == 3
    assert trace.format_trace_id(upload.context.trace_id) == "0af7651916cd43dd8448eb211c80319c"
    assert upload.parent
    assert trace.format_span_id(upload.parent.span_id) == "b7ad6b7169203331"
