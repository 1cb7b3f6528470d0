"""How an export is written: piece by piece, in one of the formats that there are."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from apps.api.queries.readings import ReadingOut
from apps.storage.archive.parquet import SCHEMA

Format = Literal["csv", "ndjson", "parquet"]

COLUMNS = ReadingOut.__struct_fields__
ROW_GROUP_ROWS = 50_000
"""Some megabytes: what an export of Parquet holds before it is sent."""


class Csv:
    """A line of names and a line for each reading (RFC 4180)."""

    media_type = "text/csv"
    schema = str

    def begin(self) -> bytes:
        """Return the names."""
        return self._lines([COLUMNS])

    def write(self, rows: Sequence[ReadingOut]) -> bytes:
        """Return a line for each reading."""
        return self._lines(msgspec.to_builtins(row).values() for row in rows)

    def finish(self) -> bytes:
        """Return nothing more."""
        return b""

    def _lines(self, rows: Any) -> bytes:
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n").writerows(rows)
        return text.getvalue().encode()


class Ndjson:
    """A JSON object a line."""

    media_type = "application/x-ndjson"
    schema = str

    def begin(self) -> bytes:
        """Return nothing yet."""
        return b""

    def write(self, rows: Sequence[ReadingOut]) -> bytes:
        """Return a line for each reading."""
        return _ENCODER.encode_lines(rows)

    def finish(self) -> bytes:
        """Return nothing more."""
        return b""


class Parquet:
    """A file of Parquet as those of the archive are, but for `stored_at`: sorted by device, metric and time."""

    media_type = "application/vnd.apache.parquet"
    schema = str

    def __init__(self) -> None:
        self._schema = pa.schema([SCHEMA.field(name) for name in COLUMNS])
        self._sink = _Sink()
        sorted_by = [pq.SortingColumn(COLUMNS.index(name)) for name in ("device_id", "metric", "ts")]
        self._writer = pq.ParquetWriter(
            pa.PythonFile(self._sink, mode="w"), self._schema, compression="zstd", sorting_columns=sorted_by
        )
        self._waiting: list[ReadingOut] = []

    def begin(self) -> bytes:
        """Return how such a file begins."""
        return self._sink.take()

    def write(self, rows: Sequence[ReadingOut]) -> bytes:
        """Take in readings, and return a row group when there are enough of them."""
        self._waiting += rows
        return self._row_group() if len(self._waiting) >= ROW_GROUP_ROWS else b""

    def finish(self) -> bytes:
        """Return the last row group and the footer, without which nobody takes the file for a whole one."""
        last = self._row_group() if self._waiting else b""
        self._writer.close()
        return last + self._sink.take()

    def _row_group(self) -> bytes:
        columns = [[getattr(row, name) for row in self._waiting] for name in COLUMNS]
        self._waiting = []
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        return self._sink.take()


class _Sink(io.RawIOBase):
    """Holds what was written until somebody takes it."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._bytes += data
        return size

    def take(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


Writer: TypeAlias = Csv | Ndjson | Parquet
FORMATS: Mapping[Format, type[Writer]] = {"csv": Csv, "ndjson": Ndjson, "parquet": Parquet}
_ENCODER = msgspec.json.Encoder()
