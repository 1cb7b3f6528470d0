import re
import sys

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.text import in_any_case
from tests.support.postgres import TestDatabase

WORDS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)


def found(text: str, name: str) -> bool:
    return re.search(in_any_case(text), name) is not None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("KÜCHE", "Küche / Fenster #1"),
        ("kÜche", "KÜCHE"),
        ("θερμοκρασία", "ΘΕΡΜΟΚΡΑΣΊΑ"),
        ("ΣΑΣ", "σας"),
        ("straße", "STRASSE 7"),
        ("STRASSE", "Straße 7"),
        ("k", "5 \N{KELVIN SIGN}"),
        ("ŉ", "ʼN"),
        ("[a]", "x[A]"),
        ("3%", "pump 103%"),
        ("a_b", "A_B"),
        ("\\", "back\\slash"),
        ("", "anything"),
    ],
)
def test_text_is_found_in_any_case(text: str, name: str) -> None:
    assert found(text, name)


@pytest.mark.parametrize(
    ("text", "name"), [("3%", "3 %"), ("a_b", "axb"), ("a.b", "axb"), ("KUCHE", "Küche"), ("(", "")]
)
def test_no_character_stands_for_another(text: str, name: str) -> None:
    assert not found(text, name)


@given(WORDS, WORDS, WORDS)
def test_what_is_in_a_name_is_found_in_every_case(before: str, text: str, after: str) -> None:
    for spelled in (text, text.upper(), text.lower(), text.title()):
        if spelled.casefold() == text.casefold():  # the dotless i has an upper case that is not its own
            assert found(text, before + spelled + after)


@given(WORDS, WORDS)
def test_what_is_found_is_in_the_name(text: str, name: str) -> None:
    assert not found(text, name) or text.casefold() in name.casefold()


def test_no_character_with_a_case_is_left_out() -> None:
    cased = [letter for letter in map(chr, range(sys.maxunicode + 1)) if letter.casefold() != letter]
    assert [letter for letter in cased if not found(letter.casefold(), letter)] == []


@pytest.fixture(scope="module")
def pairs() -> list[tuple[str, str]]:
    texts = ["KÜCHE", "θερμοκρασία", "straße", "[x]", "a\\d", "***=", "(?i)a", "a{2}", "^", "$", "é\n", "\U00010400"]
    names = ["Küche", "ΘΕΡΜΟΚΡΑΣΊΑ", "STRASSE", "[X]", "A\\D", "***=", "(?I)A", "a{2} aa", "^$", "É\n", "\U00010428"]
    return [(text, name) for text in texts for name in names]


async def test_postgresql_finds_what_python_finds_whatever_its_locale(
    database: TestDatabase, pairs: list[tuple[str, str]]
) -> None:
    connection: asyncpg.Connection = await database.connect()
    for text, name in pairs:
        assert await connection.fetchval("SELECT $1::text ~ $2::text", name, in_any_case(text)) is found(text, name)
    await connection.close()
