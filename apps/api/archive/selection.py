"""Which rows of a day's files are wanted, and what says so without reading them."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import reduce
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from apps.storage.archive.manifest import ArchivedFile, Manifest
from apps.storage.archive.parquet import SCHEMA, TIME

Mask = Any
"""A column of true and false."""


class Selection(NamedTuple):
    """Readings of some devices (in the order of their ids), of one metric or all, from `since` up to before `until`."""

    devices: Sequence[str]
    metric: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def files(self, manifest: Manifest) -> list[ArchivedFile]:
        """Return the files of a day that may hold some."""
        return [file for file in manifest.files if self._any_between(file.first_device, file.last_device)]

    def row_groups(self, parquet: pq.ParquetFile) -> Iterator[int]:
        """Yield the row groups of a file that may hold some, by what its footer says of each."""
        for number in range(parquet.num_row_groups):
            group = parquet.metadata.row_group(number)
            first_device, last_device = _bounds(group, "device_id")
            first, last = _bounds(group, "ts")
            if (
                self._any_between(first_device, last_device)
                and (self.until is None or first < self.until)
                and (self.since is None or last >= self.since)
            ):
                yield number

    def mask(self, table: pa.Table, *further: Mask) -> Mask:
        """Return which rows are wanted and fulfil what else is asked of them."""
        masks = [*further]
        if len(self.devices) == 1:
            masks.append(pc.equal(table["device_id"], pa.scalar(self.devices[0])))
        else:
            masks.append(pc.is_in(table["device_id"], value_set=pa.array(self.devices, pa.string())))
        if self.metric is not None:
            masks.append(pc.equal(table["metric"], pa.scalar(self.metric)))
        if self.since is not None:
            masks.append(pc.greater_equal(table["ts"], pa.scalar(self.since, TIME)))
        if self.until is not None:
            masks.append(pc.less(table["ts"], pa.scalar(self.until, TIME)))
        return reduce(pc.and_, masks)

    def _any_between(self, first: str, last: str) -> bool:
        at = bisect_left(self.devices, first)
        return at < len(self.devices) and self.devices[at] <= last


def beyond(table: pa.Table, columns: Sequence[str], key: Sequence[object], *, descending: bool = False) -> Mask:
    """Return which rows come after a key, by these columns one after the other."""
    after = pc.less if descending else pc.greater
    found: Mask = None
    for name, value in reversed(list(zip(columns, key, strict=True))):
        scalar = pa.scalar(value, SCHEMA.field(name).type)
        further = after(table[name], scalar)
        found = further if found is None else pc.or_(further, pc.and_(pc.equal(table[name], scalar), found))
    return found


def _bounds(group: pq.RowGroupMetaData, column: str) -> tuple[Any, Any]:
    statistics: Any = group.column(SCHEMA.get_field_index(column)).statistics
    return statistics.min, statistics.max
