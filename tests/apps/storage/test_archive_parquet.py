"""What the archive's files hold becomes Python's values unchanged, times too."""

from datetime import UTC, datetime

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from apps.storage.archive.parquet import SCHEMA, as_tuples

TIMES = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))
ROWS = st.lists(
    st.tuples(st.text(), st.text(), TIMES, st.floats(allow_nan=False), TIMES, TIMES),
    max_size=20,
)


@given(ROWS)
def test_rows_come_as_they_were_written(rows: list[tuple[str, str, datetime, float, datetime, datetime]]) -> None:
    columns = [
        pa.array([row[number] for row in rows], SCHEMA.field(number).type) for number in range(len(SCHEMA.names))
    ]
    assert list(as_tuples(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))) == rows
