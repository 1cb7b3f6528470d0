"""JSON arrays that are nearly JSON: one item that is none costs only itself."""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.arrays import MAX_MARKS, split_array, split_object

NO_NUMBERS = ("NaN", "nan", "Infinity", "-inf", "1.#QNAN", "+1", ".5", "1e999", "0x1f", "01", "1_000", "1.", "'5'", "")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
RIGHT = JSON.map(json.dumps)
WRONG = st.sampled_from(NO_NUMBERS).flatmap(
    lambda text: st.sampled_from([text, f'{{"a": {text}}}', f'{{"a": [1, {text}], "b": "]{{"}}', f"[[{text}]]"])
)


@pytest.mark.generated
@given(st.lists(RIGHT | WRONG, max_size=8), st.sampled_from(["", " ", "\n\t "]))
def test_an_array_is_split_where_its_items_end_whatever_they_hold(items: list[str], blank: str) -> None:
    text = f"{blank}[{blank}{f'{blank},{blank}'.join(items)}{blank}]{blank}".encode()
    found = [bytes(item).strip() for item in split_array(text)]
    assert found == [item.strip().encode() for item in items] or items == [""]


@pytest.mark.generated
@given(st.lists(RIGHT | WRONG, min_size=1, max_size=8), st.data())
def test_an_array_that_is_cut_off_is_refused_as_a_whole(items: list[str], data: st.DataObject) -> None:
    text = f"[{','.join(items)}]".encode()
    with pytest.raises(msgspec.DecodeError):
        split_array(text[: data.draw(st.integers(0, len(text) - 1))])


@pytest.mark.generated
@given(st.binary(max_size=200) | st.text(alphabet='[]{},:"\\ 1aN', max_size=60).map(str.encode))
def test_any_bytes_are_split_or_refused_and_nothing_of_them_is_lost(text: bytes) -> None:
    try:
        items = split_array(text)
    except msgspec.DecodeError:
        return
    joined = b",".join(bytes(item) for item in items)
    assert re.sub(rb"\s", b"", joined) == re.sub(rb"\s", b"", text.strip(b" \t\r\n")[1:-1])


@pytest.mark.parametrize(
    "text",
    [
        b"[NaN, [1}]",
        b'[NaN, "a]',
        b"[NaN] 1",
        b"[NaN]]",
        b"NaN",
        b"[NaN",
        b"{NaN]",
        b'[NaN, "\\"]',
        b"[" * 100_000,
        b"[" * 2_000 + b"]" * 2_000,
        b'[{"a":' * 5_000,
        b"[NaN" + b",1" * MAX_MARKS + b"]",
    ],
)
def test_brackets_and_quotes_that_are_not_whole_and_what_has_no_end_are_refused(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        split_array(text)


def test_json_that_is_no_array_is_told_apart() -> None:
    for text in (b"{}", b"1", b"null"):
        with pytest.raises(msgspec.ValidationError):
            split_array(text)


@given(st.dictionaries(st.from_regex(r"\A[a-z_]{1,9}\Z"), RIGHT | WRONG.filter(len), max_size=5))
def test_an_object_is_split_into_its_members(members: dict[str, str]) -> None:
    text = "{" + ", ".join(f'"{name}" : {value}' for name, value in members.items()) + "}"
    found = split_object(text.encode()) or {}
    assert {name: value.strip().decode() for name, value in found.items()} == {
        name: value.strip() for name, value in members.items()
    }
