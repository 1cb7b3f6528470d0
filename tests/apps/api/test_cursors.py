from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.api.cursors import decode_cursor, encode_cursor
from apps.api.errors import BadCursorError


class Place(NamedTuple):
    ts: datetime
    device_id: str
    number: int


PLACES = st.builds(
    Place,
    st.datetimes(datetime(2000, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC)),
    st.text(),
    st.integers(0, 2**62),
)
QUERIES = st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=5))


@given(QUERIES, PLACES)
def test_a_cursor_leads_back_to_its_place(query: str, place: Place) -> None:
    assert decode_cursor(query, encode_cursor(query, place), Place) == place


@given(QUERIES, PLACES, st.data())
def test_a_cursor_with_any_character_changed_added_or_left_out_is_refused(
    query: str, place: Place, data: st.DataObject
) -> None:
    cursor = encode_cursor(query, place)
    at = data.draw(st.integers(0, len(cursor) - 1))
    character = data.draw(st.sampled_from("ABCXYZabcxyz0189-_+/= é"))
    changed = data.draw(
        st.sampled_from(
            [
                cursor[:at] + character + cursor[at + 1 :],
                cursor[:at] + character + cursor[at:],
                cursor[:at] + cursor[at + 1 :],
            ]
        )
    )
    assume(changed != cursor)
    with pytest.raises(BadCursorError):
        decode_cursor(query, changed, Place)


@given(QUERIES, QUERIES, PLACES)
def test_a_cursor_of_another_query_is_refused(query: str, other: str, place: Place) -> None:
    assume(query != other)
    with pytest.raises(BadCursorError):
        decode_cursor(other, encode_cursor(query, place), Place)


@given(st.text())
def test_text_that_never_was_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursorError):
        decode_cursor({}, text, Place)


@given(PLACES)
def test_a_cursor_for_another_kind_of_place_is_refused(place: Place) -> None:
    with pytest.raises(BadCursorError):
        decode_cursor({}, encode_cursor({}, place), int)
