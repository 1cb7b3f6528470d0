"""What says which files are a day. A day is what its manifest names, and nothing else."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

import msgspec

SCHEMA_VERSION = 1
"""Of the files: raised when a column changes. Readers refuse what they do not know."""

READINGS_PREFIX = "readings/"
MANIFESTS = "manifests/"
REPORTS = "reports/"


class Figures(NamedTuple):
    """What is known of one series of one day: how many readings, their sum, the lowest and the highest value."""

    readings: int
    sum: float
    min: float
    max: float


class ArchivedFile(msgspec.Struct, frozen=True):
    """A Parquet file: its devices lie between the first and the last one, in the order of their bytes."""

    key: str
    kind: str
    rows: int
    bytes: int
    first_device: str
    last_device: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A day that is final: its files hold exactly the readings that the database held when it was written."""

    day: date
    version: int
    rows: int
    series: int
    sum: float
    min_value: float | None
    max_value: float | None
    written_at: datetime
    files: tuple[ArchivedFile, ...]
    schema_version: int = SCHEMA_VERSION

    @classmethod
    def of(
        cls,
        day: date,
        version: int,
        files: tuple[ArchivedFile, ...],
        figures: Mapping[tuple[str, str], Figures],
        written_at: datetime,
    ) -> "Manifest":
        """Return the manifest of a day from its files and the figures of its series."""
        return cls(
            day=day,
            version=version,
            rows=sum(series.readings for series in figures.values()),
            series=len(figures),
            sum=sum(series.sum for series in figures.values()),
            min_value=min((series.min for series in figures.values()), default=None),
            max_value=max((series.max for series in figures.values()), default=None),
            written_at=written_at,
            files=files,
        )


def manifest_key(day: date) -> str:
    """Return where the manifest of a day lies."""
    return f"{MANIFESTS}day={day}.json"


def day_of(key: str) -> date:
    """Return the day whose manifest lies at a key, or to whose folder a file belongs."""
    return date.fromisoformat(key.partition("day=")[2][:10])


def folder(day: date) -> str:
    """Return the folder of a day."""
    return f"{READINGS_PREFIX}day={day}/"


def bounds(day: date) -> tuple[datetime, datetime]:
    """Return when a day begins and when the next one does."""
    since = datetime.combine(day, time(), UTC)
    return since, since + timedelta(days=1)
