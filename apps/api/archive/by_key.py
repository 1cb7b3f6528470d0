"""Readings of many archived days in the order of device, metric and time, in bounded memory.

Each day's files are sorted by that order, but the days are not: so a few devices at a time are read from all days and
sorted, as many as hold `max_rows` readings. A device that holds more is read metric after metric, and there the days
follow one another.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial

import pyarrow as pa

from apps.api.archive.selection import Selection, beyond
from apps.api.queries.readings import ReadingOut, SeriesTimeKey
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.manifest import Manifest
from apps.storage.archive.parquet import as_tuples, open_file

KEY = ["device_id", "metric", "ts"]
CHUNK_ROWS = 5_000

ReadDay = Callable[[date, Callable[[Manifest], list[pa.Table]]], list[pa.Table]]
"""Reads a day by its manifest: again by a newer one where its files are gone meanwhile."""


class Days:
    """Days that are read together."""

    def __init__(self, bucket: Bucket, days: Sequence[date], read: ReadDay, max_rows: int) -> None:
        self.bucket, self.days, self.read, self.max_rows = bucket, days, read, max_rows

    def readings(self, selection: Selection, after: SeriesTimeKey | None) -> Iterator[list[ReadingOut]]:
        """Yield the readings that come after a key, in their order."""
        devices = [device for device in selection.devices if after is None or device >= after.device_id]
        at, size = 0, 64
        while at < len(devices):
            some = devices[at : at + size]
            tables = self._tables(selection._replace(devices=some), after)
            if tables is not None:
                at += size
                size = min(2 * size, 4096) if sum(table.num_rows for table in tables) < self.max_rows // 4 else size
                yield from _chunks(tables)
            elif size > 1:
                size = max(1, min(size, len(some)) // 2)
            else:
                at += 1
                yield from self._one_by_one(selection._replace(devices=some), after)

    def _tables(self, selection: Selection, after: SeriesTimeKey | None) -> list[pa.Table] | None:
        """Return all that is selected; None where it is more than may be held."""
        tables: list[pa.Table] = []
        for day in self.days:
            room = self.max_rows - sum(table.num_rows for table in tables)
            tables += self.read(day, partial(self._of_day, selection=selection, after=after, max_rows=room))
            if sum(table.num_rows for table in tables) > self.max_rows:
                return None
        return tables

    def _of_day(
        self, manifest: Manifest, selection: Selection, after: SeriesTimeKey | None, max_rows: int
    ) -> list[pa.Table]:
        """Return what is selected of a day; where it is more than `max_rows`, not all of it."""
        found: list[pa.Table] = []
        for file in selection.files(manifest):
            parquet = open_file(self.bucket, file)
            for group in selection.row_groups(parquet):
                table = parquet.read_row_group(group, [*KEY, "value", "received_at"])
                further = [] if after is None else [beyond(table, KEY, after)]
                rows = table.filter(selection.mask(table, *further))
                if rows.num_rows:
                    # A copy: a slice would keep the whole row group.
                    found.append(rows.combine_chunks())
                if sum(rows.num_rows for rows in found) > max_rows:
                    return found
        return found

    def _one_by_one(self, selection: Selection, after: SeriesTimeKey | None) -> Iterator[list[ReadingOut]]:
        """Yield the readings of one device that has many: of each metric, day after day."""
        metrics = {selection.metric} if selection.metric else self._metrics(selection)
        for metric in sorted(metrics):
            of_metric = selection._replace(metric=metric)
            for day in self.days:
                # More than fits is read as it is: of one series and day, from one file, sorted already.
                some = partial(self._of_day, selection=of_metric, after=after, max_rows=sys.maxsize)
                yield from _chunks(self.read(day, some))

    def _metrics(self, selection: Selection) -> set[str]:
        found: set[str] = set()

        def collect(manifest: Manifest) -> list[pa.Table]:
            for file in selection.files(manifest):
                parquet = open_file(self.bucket, file)
                for group in selection.row_groups(parquet):
                    table = parquet.read_row_group(group, KEY)
                    found.update(
                        str(metric) for metric in table.filter(selection.mask(table))["metric"].unique().to_pylist()
                    )
            return []

        for day in self.days:
            self.read(day, collect)
        return found


def _chunks(tables: list[pa.Table]) -> Iterator[list[ReadingOut]]:
    if not tables:
        return
    table = pa.concat_tables(tables).sort_by([(name, "ascending") for name in KEY])
    for batch in table.to_batches(CHUNK_ROWS):
        yield [ReadingOut(*row) for row in as_tuples(batch)]
