"""Text: how it is read from a file, what PostgreSQL can keep of it, how it is searched in."""

import codecs
import re
from collections import defaultdict
from functools import cache

NO_NUL_PATTERN = r"^[^\x00]*$"
"""Any characters but NUL."""

_PACKED = {
    b"\x1f\x8b": "gzip: unpack it first",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet: save it as CSV",
    b"\x28\xb5\x2f\xfd": "Zstandard: unpack it first",
    b"PAR1": "Parquet: write it as CSV",
}

_LAST_CASED_PLANE = 0x20000
"""Beyond are ideographs and private characters, which have no case; they are nine tenths of all."""


def with_point(text: str) -> str | None:
    """Return a number that is written with a decimal comma as it is written with a point; None for any other text."""
    number = re.fullmatch(r"\s*([+-]?\d+),(\d+)\s*", text)
    return f"{number[1]}.{number[2]}" if number else None


def decode(content: bytes) -> str:
    """Return the text of a file, without its byte order mark.

    It is UTF-8, or UTF-16 where its mark says so. Raises ValueError that says what the file seems to be.
    """
    check_text(content)
    coding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return content.decode(coding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"the file is not UTF-8: byte 0x{content[error.start]:02X} in line {line} is none of its; it may be "
            "Windows-1252 or Latin-1: save it as CSV UTF-8"
        ) from None


def check_text(content: bytes) -> None:
    """Raise ValueError for a file that is packed, with what it is and what to do."""
    for magic, what in _PACKED.items():
        if content.startswith(magic):
            raise ValueError(f"the file is not text but {what}")


def in_any_case(text: str) -> str:
    """Return a regular expression that finds `text` written in any case: `straße` finds STRASSE, `σας` finds ΣΑΣ.

    It names each character in its cases (Unicode's full case folding), so that it means the same for Python and for a
    PostgreSQL of any locale: the `lower` of a database with the locale C knows the letters a to z only.
    """
    folded = text.casefold()
    pattern, position = "", 0
    while position < len(folded):
        # A letter that folds to several stands for all of them: ß for ss.
        length = next((n for n in (3, 2) if folded[position : position + n] in _cases()), 1)
        part = folded[position : position + length]
        spelled = "".join(_one_of(letter) for letter in part)
        pattern += f"(?:{spelled}|{_one_of(part)})" if length > 1 else spelled
        position += length
    return pattern


def _one_of(folded: str) -> str:
    letters = sorted(_cases().get(folded, {folded}))
    return re.escape(letters[0]) if len(letters) == 1 else f"[{''.join(letters)}]"


@cache
def _cases() -> dict[str, set[str]]:
    """Return what folds to another text, and that text where it is one character: `k` -> k, K and the Kelvin sign."""
    cases: dict[str, set[str]] = defaultdict(set)
    for letter in map(chr, range(_LAST_CASED_PLANE)):
        if (folded := letter.casefold()) != letter:
            cases[folded].add(letter)
            if len(folded) == 1:
                cases[folded].add(folded)
    return dict(cases)
