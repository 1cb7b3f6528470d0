"""The first readings of an archived day in the order of time, whatever the order of its files.

A file is sorted by device, so each of its row groups may hold some: their keys are looked at, one row group at a time,
and no more rows are kept than are wanted. The values of those are read last.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from apps.api.archive.selection import Selection, beyond
from apps.api.queries.readings import Order, ReadingOut, TimeKey
from apps.storage.archive.bucket import Bucket
from apps.storage.archive.manifest import Manifest
from apps.storage.archive.parquet import open_file

KEY = ["ts", "device_id", "metric"]


def first_by_time(
    bucket: Bucket,
    day: Manifest,
    selection: Selection,
    order: Order,
    limit: int,
    after: TimeKey | None,
    check: Callable[[], None],
) -> list[ReadingOut]:
    """Return at most `limit` readings of a day by time, then device and metric, that come after a key.

    `check` is called between row groups and may raise. Raises what `open_file` does.
    """
    files = [open_file(bucket, file) for file in selection.files(day)]
    best: pa.Table | None = None
    for number, parquet in enumerate(files):
        for group in selection.row_groups(parquet):
            check()
            table = parquet.read_row_group(group, KEY)
            further = [] if after is None else [beyond(table, KEY, after, descending=order == "desc")]
            if best is not None and best.num_rows == limit:
                further.append(_not_behind(table, best, order))
            rows = pc.indices_nonzero(selection.mask(table, *further))
            if len(rows):
                found = table.take(rows)
                origin = {"file": number, "group": group}
                for name, value in origin.items():
                    found = found.append_column(name, pa.repeat(pa.scalar(value, pa.int32()), len(rows)))
                found = found.append_column("row", rows)
                best = _first(found if best is None else pa.concat_tables([best, found]), order, limit)
    return [] if best is None else _with_values(files, best)


def _not_behind(table: pa.Table, best: pa.Table, order: Order) -> object:
    last = best["ts"][-1]
    return pc.less_equal(table["ts"], last) if order == "asc" else pc.greater_equal(table["ts"], last)


def _first(table: pa.Table, order: Order, limit: int) -> pa.Table:
    direction: Literal["ascending", "descending"] = "ascending" if order == "asc" else "descending"
    keys = [(name, direction) for name in KEY]
    indices = pc.select_k_unstable(table, min(limit, table.num_rows), sort_keys=keys)  # type: ignore[call-overload] # the stub wants a list of names
    return table.take(indices).combine_chunks()


def _with_values(files: list[pq.ParquetFile], best: pa.Table) -> list[ReadingOut]:
    rows = best.to_pylist()
    wanted = defaultdict(list)
    for row in rows:
        wanted[row["file"], row["group"]].append(row)
    for (file, group), some in wanted.items():
        table = files[file].read_row_group(group, ["value", "received_at"])
        values = table.take(pa.array([row["row"] for row in some], pa.uint64())).to_pylist()
        for row, value in zip(some, values, strict=True):
            row.update(value)
    return [ReadingOut(row["device_id"], row["metric"], row["ts"], row["value"], row["received_at"]) for row in rows]
