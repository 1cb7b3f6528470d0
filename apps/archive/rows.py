"""Readings of one day as PostgreSQL's binary COPY sends them, and as Arrow tables.

A row is the number of its series (int4) and four values of eight bytes, none of them null: all rows are of one length.
https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.4
"""

import struct
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from apps.storage.archive.parquet import SCHEMA, TIME

EPOCH = 946_684_800_000_000
"""2000-01-01 UTC, from which PostgreSQL counts microseconds, as those since 1970."""

_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_HEADER = len(_SIGNATURE) + 8
_ROW = struct.Struct(">hiiiqidiqiq")
_TRAILER = b"\xff\xff"


class SeriesOfDay(NamedTuple):
    """A series, in the order of kind, device and metric by their bytes; a row's number is its place, from 0."""

    kind: str
    device_id: str
    metric: str


class Rows:
    """Takes in a COPY piece by piece, and gives tables of at most `chunk_rows` readings of one kind."""

    def __init__(self, series: Sequence[SeriesOfDay], chunk_rows: int) -> None:
        self.series, self.chunk_rows = series, chunk_rows
        self._devices = pa.array([signal.device_id for signal in series], pa.string())
        self._metrics = pa.array([signal.metric for signal in series], pa.string())
        self._left = b""
        self._begun = False
        self._kind, self._columns = "", _Columns()

    def take(self, data: bytes) -> Iterator[tuple[str, pa.Table]]:
        """Take in a piece and yield each table that is full, with its kind."""
        data = self._left + data
        start = 0
        if not self._begun:
            if len(data) < _HEADER:
                self._left = data
                return
            if not data.startswith(_SIGNATURE):
                raise ValueError(f"a binary COPY begins with {_SIGNATURE!r}, not with {data[:11]!r}")
            start, self._begun = _HEADER, True
        end = start + (len(data) - start) // _ROW.size * _ROW.size
        self._left = data[end:]
        for _, _, number, _, ts, _, value, _, received_at, _, stored_at in _ROW.iter_unpack(data[start:end]):
            kind = self.series[number].kind
            if kind != self._kind or len(self._columns.numbers) >= self.chunk_rows:
                yield from self._table()
                self._kind = kind
            self._columns.append(number, ts, value, received_at, stored_at)

    def finish(self) -> Iterator[tuple[str, pa.Table]]:
        """Yield what is left. Raises ValueError for a COPY that was cut off."""
        if self._left != _TRAILER:
            raise ValueError(f"the COPY was cut off: it ends with {self._left[-8:]!r}")
        yield from self._table()

    def _table(self) -> Iterator[tuple[str, pa.Table]]:
        columns, self._columns = self._columns, _Columns()
        if not columns.numbers:
            return
        numbers = _column(pa.int32(), columns.numbers)
        arrays = [
            pa.DictionaryArray.from_arrays(numbers, self._devices).cast(pa.string()),
            pa.DictionaryArray.from_arrays(numbers, self._metrics).cast(pa.string()),
            _times(columns.ts),
            _column(pa.float64(), columns.values),
            _times(columns.received_at),
            _times(columns.stored_at),
        ]
        yield self._kind, pa.Table.from_arrays(arrays, schema=SCHEMA)


class _Columns:
    """What was taken in of a table, as numbers and nothing else: a row is 36 bytes."""

    def __init__(self) -> None:
        self.numbers = array("i")
        self.values = array("d")
        self.ts = array("q")
        self.received_at = array("q")
        self.stored_at = array("q")

    def append(self, number: int, ts: int, value: float, received_at: int, stored_at: int) -> None:
        """Take in a row."""
        self.numbers.append(number)
        self.ts.append(ts)
        self.values.append(value)
        self.received_at.append(received_at)
        self.stored_at.append(stored_at)


def _column(kind: pa.DataType, values: "array[int] | array[float]") -> "pa.Array[Any]":
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _times(values: "array[int]") -> "pa.Array[Any]":
    since_1970 = array("q", [value + EPOCH for value in values])
    return _column(TIME, since_1970)
