"""Parquet files of a day: written one after the other as readings come, and read back to see what they hold."""

from collections.abc import Iterable
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from apps.storage.archive.bucket import Bucket, Upload
from apps.storage.archive.manifest import ArchivedFile, Figures, folder
from apps.storage.archive.parquet import SCHEMA, tables

ROW_GROUP_ROWS = 262_144
"""About 5 MB of a file: what a reader takes in at least, and what writing and reading hold in memory."""

SORTED = [pq.SortingColumn(SCHEMA.get_field_index(name)) for name in ("device_id", "metric", "ts")]


class FileWriter:
    """Writes tables that come sorted by kind, device, metric and time into files of one kind each.

    A file ends with the row group that brings it over `file_bytes`. `version`: part of the names, so that no file is
    ever changed.
    """

    def __init__(self, bucket: Bucket, day: date, version: str, file_bytes: int) -> None:
        self.bucket, self.day, self.version, self.file_bytes = bucket, day, version, file_bytes
        self.files: list[ArchivedFile] = []
        self._kind = ""
        self._upload: Upload | None = None
        self._writer: pq.ParquetWriter | None = None
        self._rows, self._first, self._last = 0, "", ""

    def write(self, kind: str, table: pa.Table) -> None:
        """Add a table."""
        if kind != self._kind or (self._upload is not None and self._upload.bytes >= self.file_bytes):
            self.finish()
        if self._writer is None or self._upload is None:
            name = f"{self.version}-{len(self.files):04}.parquet"
            self._upload = Upload(self.bucket, f"{folder(self.day)}kind={kind}/{name}")
            self._writer = pq.ParquetWriter(
                pa.PythonFile(self._upload, mode="w"),
                SCHEMA,
                compression="zstd",
                compression_level=3,
                sorting_columns=SORTED,
            )
            self._kind, self._rows, self._first = kind, 0, table["device_id"][0].as_py()
        self._writer.write_table(table, ROW_GROUP_ROWS)
        self._rows += table.num_rows
        self._last = table["device_id"][-1].as_py()

    def finish(self) -> None:
        """End the file that is open."""
        if self._writer is None or self._upload is None:
            return
        self._writer.close()
        self._upload.close()
        self.files.append(
            ArchivedFile(self._upload.key, self._kind, self._rows, self._upload.bytes, self._first, self._last)
        )
        self._writer = self._upload = None

    def abandon(self) -> None:
        """Leave nothing of the file that is open. No manifest names those that are written already."""
        if self._upload is not None:
            self._upload.abandon()
            self._writer = self._upload = None


def figures(bucket: Bucket, files: Iterable[ArchivedFile]) -> dict[tuple[str, str], Figures]:
    """Return what files hold of each series, from the files themselves as they lie in the bucket.

    Raises ValueError where the rows of a file are not sorted, or one stands twice.
    """
    found: dict[tuple[str, str], Figures] = {}
    for file in files:
        before: tuple[object, ...] = ()
        for table in tables(bucket, file, ["device_id", "metric", "ts", "value"]):
            _check_order(file, table)
            first, last = _key(table, 0), _key(table, -1)
            if before and before >= first:
                raise ValueError(f"{file.key}: {first} does not come after {before}")
            before = last
            grouped = table.group_by(["device_id", "metric"], use_threads=False).aggregate(
                [("value", "count"), ("value", "sum"), ("value", "min"), ("value", "max")]
            )
            for row in grouped.to_pylist():
                name = (row["device_id"], row["metric"])
                of_row = Figures(row["value_count"], row["value_sum"], row["value_min"], row["value_max"])
                found[name] = add(found[name], of_row) if name in found else of_row
    return found


def add(left: Figures, right: Figures) -> Figures:
    """Return the figures of two parts of one series."""
    return Figures(
        left.readings + right.readings, left.sum + right.sum, min(left.min, right.min), max(left.max, right.max)
    )


def _key(table: pa.Table, row: int) -> tuple[object, ...]:
    return (*(table[name][row].as_py() for name in ("device_id", "metric")), table["ts"][row].cast("int64").as_py())


def _check_order(file: ArchivedFile, table: pa.Table) -> None:
    """Raise ValueError where a row does not come after the one before it."""
    ahead, behind = table.slice(1), table.slice(0, table.num_rows - 1)
    later = pc.greater(ahead["ts"], behind["ts"])
    for name in ("metric", "device_id"):
        same, after = pc.equal(ahead[name], behind[name]), pc.greater(ahead[name], behind[name])
        later = pc.or_(after, pc.and_(same, later))
    if not pc.all(later, min_count=0).as_py():
        raise ValueError(f"{file.key}: rows are not in the order of device, metric and time, or one stands twice")
