"""Replays files of `timestamp,value` as if a device measured them now."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from apps.domain.csv_file import read_records, to_time, to_value
from apps.domain.devices import DEVICE_ID_PATTERN
from apps.domain.readings import Reading
from apps.simulator.errors import ReplayError
from apps.simulator.fleet import Key, Sample


def device_id_of(path: Path) -> str:
    """Return a device id made of a file's name."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:64]
    if not re.fullmatch(DEVICE_ID_PATTERN, name):
        raise ReplayError(f"{path}: its name makes no device id: give one with --device")
    return name


def metric_of(path: Path) -> str:
    """Return a metric made of a file's name: `ec2_cpu_utilization_24ae8d.csv` gives `ec2_cpu_utilization`."""
    words = re.findall(r"[a-z0-9]+", path.stem.lower())
    while len(words) > 1 and re.search(r"[0-9]", words[-1]):
        words.pop()
    metric = re.sub(r"^[^a-z]+", "", "_".join(words))[:63]
    return metric or "value"


@dataclass(slots=True)
class Series:
    """What a file holds, in its order."""

    rows: list[tuple[datetime, float]] = field(default_factory=list)
    gaps: int = 0
    """Lines without a value, which are left out."""


def read_csv(path: Path) -> Series:
    """Read time and value of each line after the header. A time without a zone is UTC.

    Raises ReplayError for a file without these columns and for a line that does not hold them.
    """
    series = Series()
    try:
        for number, row in read_records(path.read_bytes(), ("timestamp", "value")):
            try:
                ts, value = to_time(row["timestamp"]), to_value(row["value"])
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
            if value is None:
                series.gaps += 1
            else:
                series.rows.append((ts, value))
    except OSError as error:
        raise ReplayError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ReplayError(f"{path}, {error}") from None
    return series


def replay(
    rows: list[tuple[datetime, float]], metric: str, start: datetime, speed: float, *, shift: bool
) -> Iterator[Sample]:
    """Yield samples that are due from `start` on, `speed` times as quickly as the rows were measured.

    With `shift` each reading carries the time at which it is due, else the time in its row.
    """
    rows = sorted(rows, key=lambda row: row[0])
    before: tuple[datetime, float] | None = None
    for ts, value in rows:
        due = start + (ts - rows[0][0]) / speed
        shown = due if shift else ts
        data = msgspec.json.encode(Reading(metric=metric, ts=shown, value=value))
        # Files do hold a time twice, where a clock was set back; the platform keeps the first value.
        if before is None or before[0] != shown:
            before = shown, value
            yield Sample(due, due, data, "fresh", Key(metric, shown))
        else:
            yield Sample(due, due, data, "duplicate" if value == before[1] else "conflict", Key(metric, shown))
