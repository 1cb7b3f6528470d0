from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.api.cursors import decode_cursor, encode_cursor
from apps.api.errors import BadCursorError
from apps.api.routes.devices import DeviceQuery
from apps.api.routes.paging import query_fingerprint
from apps.api.routes.readings import LatestQuery, ReadingsQuery
from apps.api.routes.rejected import RejectedQuery
from tests.apps.api.conftest import RunningApi


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
def test_a_cursor_leads_back_to_its_place(query: str, sort_key: Place) -> None:
    assert decode_cursor(query, encode_cursor(query, sort_key), Place) == sort_key


@given(QUERIES, PLACES, st.data())
def test_a_cursor_with_any_character_changed_added_or_left_out_is_refused(
    query: str, sort_key: Place, data: st.DataObject
) -> None:
    cursor = encode_cursor(query, sort_key)
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
def test_a_cursor_of_another_query_is_refused(query: str, other: str, sort_key: Place) -> None:
    assume(query != other)
    with pytest.raises(BadCursorError):
        decode_cursor(other, encode_cursor(query, sort_key), Place)


@given(st.text())
def test_text_that_never_was_a_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursorError):
        decode_cursor({}, text, Place)


@given(PLACES)
def test_a_cursor_for_another_kind_of_place_is_refused(sort_key: Place) -> None:
    with pytest.raises(BadCursorError):
        decode_cursor({}, encode_cursor({}, sort_key), int)


FORGED = [
    *(("rejected", number) for number in (2**63, 2**64 - 1, 0, -1, "1")),
    *(("devices", text) for text in ("\x00", "", "a\n", 1)),
    *(("readings/latest", key) for key in (("d", "\x00"), ("\x00", "m"), ("d",), None)),
    *(("readings", (ts, "d", "m\x00")) for ts in ("2026-11-22T12:00:00Z",)),
    ("readings", ("2026-11-22T12:00:00", "d", "m")),
]


@pytest.mark.parametrize(("resource", "key"), FORGED)
async def test_a_forged_cursor_is_refused_and_no_fault_of_the_service(
    api: RunningApi, resource: str, key: object
) -> None:
    query = {
        "rejected": RejectedQuery(),
        "devices": DeviceQuery(),
        "readings/latest": LatestQuery(),
        "readings": ReadingsQuery(),
    }[resource]
    cursor = encode_cursor(query_fingerprint(query), key)
    answer = await api.http.get(f"/api/{resource}", params={"cursor": cursor})
    assert answer.status_code == 400, answer.text
    assert "start again without a cursor" in answer.json()["detail"]
