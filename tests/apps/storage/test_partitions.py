"""Partitions: arithmetic, on demand, and retention."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.time_bounds import add_months, month_of, retention_start
from apps.platform.settings import load
from apps.storage import partitions
from apps.storage.connection import create_engine
from apps.storage.partitions import Partition
from apps.storage.settings import StorageSettings
from tests.support.postgres import TestDatabase

MONTHS = st.tuples(st.integers(1900, 9000), st.integers(1, 12))
NOW = datetime(2026, 11, 23, tzinfo=UTC)
SETTINGS = {"AWS_REGION": "eu-west-1", "DATABASE_HOST": "h", "DATABASE_USER": "u"}


@given(MONTHS, st.integers(-5000, 5000))
def test_adding_months_can_be_undone(month: tuple[int, int], count: int) -> None:
    later = add_months(month, count)
    assert 1 <= later[1] <= 12
    assert add_months(later, -count) == month


@given(MONTHS)
def test_the_month_after_december_is_january(month: tuple[int, int]) -> None:
    year, number = add_months(month, 1)
    assert (year, number) == ((month[0] + 1, 1) if month[1] == 12 else (month[0], month[1] + 1))


@given(st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1)), st.integers(-14, 14))
def test_the_month_of_a_time_does_not_depend_on_the_zone_it_is_written_in(at: datetime, hours: int) -> None:
    there = at.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=hours)))
    assert month_of(there) == (at.year, at.month)


LEVELS = {
    "sensor_readings": "READINGS_RETENTION_MONTHS",
    "readings_minute": "MINUTES_RETENTION_MONTHS",
    "readings_hour": "HOURS_RETENTION_MONTHS",
    "readings_day": "DAYS_RETENTION_MONTHS",
}


@given(MONTHS, st.lists(st.integers(1, 36), min_size=len(LEVELS), max_size=len(LEVELS)))
def test_a_partition_expires_only_after_its_last_reading_is_older_than_the_retention(
    month: tuple[int, int], keep: list[int]
) -> None:
    months_kept = {name: str(months) for name, months in zip(LEVELS.values(), keep, strict=True)}
    settings = load(StorageSettings, SETTINGS | months_kept)
    found = [Partition(table, month, 0) for table in LEVELS]
    over = {partition.table for partition in partitions.expired(found, NOW, settings)}
    age = (2026 * 12 + 11) - (month[0] * 12 + month[1])
    # What is summed up is never kept longer than its sums.
    assert over == {name for number, name in enumerate(LEVELS, 1) if age > max(keep[:number])}


@given(st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)), st.integers(1, 36))
def test_no_month_is_dropped_while_readings_of_it_may_still_be_on_their_way(now: datetime, keep: int) -> None:
    settings = load(StorageSettings, {**SETTINGS, "READINGS_RETENTION_MONTHS": str(keep)})
    # What was taken a week ago may be stored now.
    oldest = month_of(retention_start(now - timedelta(days=7), keep))
    found = [Partition("sensor_readings", add_months(oldest, months), 0) for months in range(-3, 5)]
    dropped = {partition.month for partition in partitions.expired(found, now, settings)}
    assert all(month < oldest for month in dropped)
    assert add_months(oldest, -2) in dropped


async def test_a_reading_of_a_month_without_partition_can_be_stored_after_asking_for_it(database: TestDatabase) -> None:
    connection = await database.connect("ingestor")
    row = ("d", "m", datetime(2003, 2, 28, 23, 59, 59, tzinfo=UTC), 1.0, NOW)
    insert = "INSERT INTO sensor_readings (device_id, metric, ts, value, received_at) VALUES ($1, $2, $3, $4, $5)"
    with pytest.raises(Exception, match="no partition of relation"):
        await connection.execute(insert, *row)
    assert await connection.fetchval("SELECT ensure_partition($1)", row[2]) is True
    assert await connection.fetchval("SELECT ensure_partition($1)", row[2]) is False
    await connection.execute(insert, *row)
    assert (
        await connection.fetchval("SELECT tableoid::regclass::text FROM sensor_readings") == "sensor_readings_y2003m02"
    )
    await connection.close()


async def test_many_who_want_the_same_month_at_once_all_find_it(database: TestDatabase) -> None:
    connections = [await database.connect("ingestor") for _ in range(8)]
    for year in range(2001, 2006):
        month = datetime(year, 2, 1, tzinfo=UTC)
        results = await asyncio.gather(
            *(connection.fetchval("SELECT ensure_partition($1)", month) for connection in connections)
        )
        assert results.count(True) == 1
    for connection in connections:
        await connection.close()


async def test_upkeep_makes_months_ahead_and_drops_what_is_over_with_its_readings_only(database: TestDatabase) -> None:
    settings = load(StorageSettings, database.environment("partitions") | {"READINGS_RETENTION_MONTHS": "1"})
    owner = await database.connect()
    for month in (8, 9, 10):
        await owner.execute("SELECT ensure_partition($1)", datetime(2026, month, 1, tzinfo=UTC))
    async with create_engine(settings, "test").begin() as connection:
        created = await connection.run_sync(partitions.create_ahead, NOW, settings)
        over = list(partitions.expired(await connection.run_sync(partitions.list_partitions), NOW, settings))
        for partition in over:
            await connection.run_sync(partitions.drop, partition)
        left = await connection.run_sync(partitions.list_partitions)
    assert created == [(2026, 11), (2026, 12), (2027, 1), (2027, 2)]
    assert {partition.name for partition in over} == {"sensor_readings_y2026m08", "sensor_readings_y2026m09"}
    assert [p.month for p in left if p.table == "sensor_readings"] == [(2026, 10), *created]
    for level in ("minute", "hour", "day"):
        months = [p.month for p in left if p.table == f"readings_{level}"]
        assert months == [(2026, 8), (2026, 9), (2026, 10), *created]
    await owner.close()


async def test_nothing_but_a_partition_of_readings_can_be_dropped(database: TestDatabase) -> None:
    connection = await database.connect("partitions")
    with pytest.raises(Exception, match="devices is not a partition of readings"):
        await connection.execute("SELECT drop_partition('devices')")
    await connection.close()
