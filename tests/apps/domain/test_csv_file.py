import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.csv_file import read_records, to_time, to_value

WANTED = ("timestamp", "value")


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_columns_are_found_by_name_in_every_unicode_file(coding: str) -> None:
    content = 'value,note,timestamp\r\n1.5,"two\r\nlines, Küche",now\r\n\r\n2,,then\r\n'.encode(coding)
    assert list(read_records(content, WANTED)) == [
        (2, {"value": "1.5", "note": "two\r\nlines, Küche", "timestamp": "now"}),
        (5, {"value": "2", "note": "", "timestamp": "then"}),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "timestamp and value is missing, found: nothing"),
        (b"timestamp;value\n1;2\n", "separated by ';', write commas"),
        (b"timestamp\tvalue\n1\t2\n", r"separated by '\\t', write commas"),
        (b"Timestamp,value\n", "write timestamp instead of Timestamp"),
        (b"timestamp, value\n", "' value' has a space around it"),
        (b"timestamp,value,value\n", "value stands twice"),
        (b"2026-11-20,1\n", "timestamp and value is missing, found: 2026-11-20, 1"),
        (b"timestamp,value\nnow,21,5\n", "line 2: it has 3 cells, .* write decimals with a point"),
        (b"timestamp,value\nnow\n", "line 2: it has 1 cells"),
        (b'timestamp,value\n"now,1\n', "a quote stands alone in line 2"),
        (b"timestamp,value\nK\xfcche,1\n", "not UTF-8: byte 0xFC in line 2.*save it as CSV UTF-8"),
        (b"\x1f\x8b\x08", "gzip: unpack it first"),
        (b"PK\x03\x04", "spreadsheet: save it as CSV"),
        (b"PAR1", "Parquet"),
    ],
)
def test_what_is_no_such_file_says_what_it_is(content: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        list(read_records(content, WANTED))


@pytest.mark.parametrize(
    ("text", "says"), [("21,5", "write 21.5"), ("1_000", "21.5"), ("1 000", "21.5"), ("inf", "21.5")]
)
def test_a_cell_that_is_no_number_shows_itself_and_how_to_write_it(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=f"{text!r} is no number: .*{says}"):
        to_value(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1764072000", "seconds since 1970, write 2025-11-25T12:00:00Z"),
        ("1764072000123", "milliseconds since 1970, write 2025-11-25T12:00:00.123Z"),
        ("25.11.2026", "write it as 2026-11-20 02:00:00"),
    ],
)
def test_a_cell_that_is_no_time_shows_itself_and_how_to_write_it(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is no time: .*{says}"):
        to_time(text)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_what_python_writes_is_read_as_it_was(moment: datetime, number: float) -> None:
    assert (to_time(moment.isoformat()), to_value(repr(number))) == (moment, number)


@given(st.binary(max_size=300))
def test_every_file_is_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert all(row for _, row in read_records(content, ()))
