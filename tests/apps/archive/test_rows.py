"""A binary COPY becomes tables, however it is cut into pieces."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.archive.rows import Rows, SeriesOfDay

SERIES = (SeriesOfDay("fan", "a", "x"), SeriesOfDay("fan", "b", "x"), SeriesOfDay("pump", "c", "y"))
HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TIMES = st.integers(-(2**50), 2**50)
ROWS = st.lists(st.tuples(st.integers(0, 2), TIMES, st.floats(allow_nan=False), TIMES, TIMES), max_size=40).map(sorted)


def copied(rows: list[tuple[int, int, float, int, int]]) -> bytes:
    """What PostgreSQL sends: int4, timestamptz, float8, timestamptz, timestamptz."""
    body = b"".join(struct.pack(">hiiiqidiqiq", 5, 4, a, 8, b, 8, c, 8, d, 8, e) for a, b, c, d, e in rows)
    return HEAD + body + b"\xff\xff"


def at(microseconds: int) -> datetime:
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


@given(ROWS, st.lists(st.integers(1, 300), min_size=1), st.integers(1, 7))
def test_every_row_comes_once_in_its_order_in_tables_of_one_kind(
    rows: list[tuple[int, int, float, int, int]], cuts: list[int], chunk_rows: int
) -> None:
    taking, data, tables, number = Rows(SERIES, chunk_rows), copied(rows), [], 0
    while data:
        size = cuts[number % len(cuts)]
        tables += list(taking.take(data[:size]))
        data, number = data[size:], number + 1
    tables += list(taking.finish())
    assert all(1 <= table.num_rows <= chunk_rows for _, table in tables)
    found = [(kind, *row.values()) for kind, table in tables for row in table.to_pylist()]
    assert found == [(*SERIES[n], at(ts), value, at(came), at(stored)) for n, ts, value, came, stored in rows]


@pytest.mark.parametrize("cut", [1, 2, 3, 40])
def test_a_copy_that_was_cut_off_is_no_day(cut: int) -> None:
    taking = Rows(SERIES, 10)
    list(taking.take(copied([(0, 1, 1.0, 1, 1)])[:-cut]))
    with pytest.raises(ValueError, match="the COPY was cut off"):
        list(taking.finish())


def test_what_is_no_copy_is_refused() -> None:
    with pytest.raises(ValueError, match="a binary COPY begins with"):
        list(Rows(SERIES, 10).take(b"device_id,metric,ts,value\n" * 3))
