"""Files of Parquet in the archive's bucket: what stands in them, and how they are read."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from apps.storage.archive.bucket import Bucket, Download
from apps.storage.archive.manifest import ArchivedFile

TIME = pa.timestamp("us", "UTC")
_COLUMNS: dict[str, pa.DataType] = {
    "device_id": pa.string(),
    "metric": pa.string(),
    "ts": TIME,
    "value": pa.float64(),
    "received_at": TIME,
    "stored_at": TIME,
}
SCHEMA = pa.schema([pa.field(name, kind, nullable=False) for name, kind in _COLUMNS.items()])
"""Of every file. The kind of the devices and the day stand in the names of its folders."""


def open_file(bucket: Bucket, file: ArchivedFile) -> pq.ParquetFile:
    """Return a file, of which its footer is read. Raises FileGoneError, ColdFileError, boto3's errors."""
    # Columns that lie side by side are one request.
    return pq.ParquetFile(pa.PythonFile(Download(bucket, file.key, file.bytes), mode="r"), pre_buffer=True)


def tables(bucket: Bucket, file: ArchivedFile, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield what a file holds, a row group at a time."""
    parquet = open_file(bucket, file)
    for number in range(parquet.num_row_groups):
        yield parquet.read_row_group(number, None if columns is None else list(columns))


def as_tuples(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Yield what each row of a batch holds, its times as datetimes in UTC."""
    return zip(*(_values(column) for column in batch.columns), strict=True)


def _values(column: "pa.Array[Any]") -> list[Any]:
    if column.type != TIME:
        return column.to_pylist()
    # What to_pylist makes of times takes six times as long, and is most of what an export takes.
    passed: list[Any] = column.cast(pa.int64()).to_pylist()
    return [_EPOCH + timedelta(microseconds=microseconds) for microseconds in passed]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
