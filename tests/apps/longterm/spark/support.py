"""A fleet whose October has everything in it that a report can tell, and the archive that holds it as files."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from apps.domain.readings import StoredReading
from apps.storage.archive.manifest import ArchivedFile, Figures, Manifest, folder, manifest_key

MONTH, BEFORE = "2026-10", "2026-09"
LAST_OF_SEPTEMBER = date(2026, 9, 30)
OCTOBER = [date(2026, 10, day) for day in range(1, 32)]
KINDS = {"sound-1": "pump", "sound-2": "pump", "drifting": "pump", "stuck": "pump", "gone": "pump", "alone": "fan"}


def readings(days: list[date]) -> Iterator[StoredReading]:
    """Yield the readings of each device, every half an hour; who is not sound differs in one thing."""
    for device in KINDS:
        for day in days:
            rng = random.Random(f"{device} {day}")
            for half in range(48):
                ts = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(
                    minutes=30 * half, seconds=rng.randrange(60), microseconds=rng.randrange(1_000_000)
                )
                if _is_sent(device, day):
                    yield StoredReading(device, "temperature", ts, _value(device, day, rng), ts)
    yield StoredReading(
        "once", "level", datetime(2026, 10, 31, 12, tzinfo=UTC), 5, datetime(2026, 10, 31, 12, tzinfo=UTC)
    )


def _is_sent(device: str, day: date) -> bool:
    if device == "gone":
        return day.month == 9
    return not (device == "alone" and day in {date(2026, 10, 1), date(2026, 10, 12), date(2026, 10, 13)})


def _value(device: str, day: date, rng: random.Random) -> float:
    usual = round(rng.gauss(20, 0.5), 2)
    if device == "drifting":
        return usual + 0.1 * day.day
    return 20.0 if device == "stuck" and day == date(2026, 10, 20) else usual


def write_archive(root: Path, stored: list[StoredReading], last: date) -> None:
    """Write readings as the archive has them: a file for each day and kind, a manifest for each day up to `last`."""
    by_day: dict[date, list[StoredReading]] = {}
    for reading in stored:
        by_day.setdefault(reading.ts.date(), []).append(reading)
    for day in sorted(day for day in by_day if day <= last):
        files: list[ArchivedFile] = []
        for kind in sorted({KINDS.get(reading.device_id, "unknown") for reading in by_day[day]}):
            rows = sorted(sample for sample in by_day[day] if KINDS.get(sample.device_id, "unknown") == kind)
            key = f"{folder(day)}kind={kind}/v000001-0000.parquet"
            (root / key).parent.mkdir(parents=True, exist_ok=True)
            columns = {
                "device_id": [row.device_id for row in rows],
                "metric": [row.metric for row in rows],
                "ts": pa.array([row.ts for row in rows], pa.timestamp("us", "UTC")),
                "value": [float(row.value) for row in rows],
            }
            pq.write_table(pa.table(columns), root / key)
            files.append(ArchivedFile(key, kind, len(rows), 1, rows[0].device_id, rows[-1].device_id))
        figures = {("all", "all"): Figures(len(by_day[day]), 0.0, 0.0, 0.0)}
        manifest = Manifest.of(day, 1, tuple(files), figures, datetime(2026, 11, 2, tzinfo=UTC))
        (root / manifest_key(day)).parent.mkdir(parents=True, exist_ok=True)
        (root / manifest_key(day)).write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
