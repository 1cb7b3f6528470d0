"""CSV (RFC 4180) as spreadsheets and loggers write it, read alike wherever the product reads such a file.

What it holds is never guessed at: a cell keeps apart whether it stood in quotes, and a file that is something else
(another encoding, another separator, packed) is refused with what was found and what is wanted.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from apps.domain.exactness import is_exact
from apps.domain.text import decode, with_point
from apps.domain.times import epoch_advice

# Python's float() takes more: 1_000, digits of other scripts, infinity.
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FINER_THAN_MICROSECONDS = re.compile(r"[.,][0-9]{6}[0-9]*[1-9]")
_CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^,\r\n"][^,\r\n]*)?)(,|\r\n|\n|\r|\Z)')


class Cell(NamedTuple):
    """The text of a cell, and whether it stood in quotes."""

    text: str
    quoted: bool


def read_records(content: bytes, wanted: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line below the header and its cells by the name of their column.

    Raises ValueError for what is no such file: without the wanted columns, or with a line of another length.
    """
    lines = read_cells(decode(content))
    _, header = next(lines, (1, []))
    columns = [cell.text for cell in header]
    if problem := header_problem(columns, wanted):
        raise ValueError(f"the first line must name the columns {' and '.join(wanted)}: {problem}")
    for number, cells in lines:
        if len(cells) != len(columns):
            raise ValueError(
                f"line {number}: it has {len(cells)} cells, the first line names {len(columns)} columns"
                f"{_comma_advice(cells, columns)}"
            )
        yield number, {name: cell.text for name, cell in zip(columns, cells, strict=True)}


def read_cells(text: str) -> Iterator[tuple[int, list[Cell]]]:
    """Yield the number and the cells of each line; empty lines are passed over.

    Raises ValueError with the line that is no CSV.
    """
    position, number = 0, 1
    began, line = number, list[Cell]()
    while position < len(text) or line:
        found = _CELL.match(text, position)
        if found is None:
            raise ValueError(f"the file is not CSV: a quote stands alone in line {number}")
        quoted, plain, end = found.groups()
        line.append(Cell(plain or "", quoted=False) if quoted is None else Cell(quoted.replace('""', '"'), quoted=True))
        number += len(re.findall(r"\r\n|\n|\r", found.group()))
        position = found.end()
        if end != ",":
            if line != [Cell("", quoted=False)]:
                yield began, line
            began, line = number, []


def header_problem(columns: Sequence[str], required: Sequence[str], optional: Sequence[str] = ()) -> str | None:
    """Return what is wrong with the names of the columns, and what was found."""
    if len(columns) == 1 and (separator := re.search(r"[;\t|]", columns[0])):
        return f"they are separated by {separator.group()!r}, write commas"
    if columns and columns[0].startswith("sep="):
        return f"the line {columns[0]} stands before them, take it out"
    known = (*required, *optional)
    for number, name in enumerate(columns, 1):
        if not name.strip():
            return f"column {number} has no name"
        if name != name.strip():
            return f"{name!r} has a space around it"
        if name not in known and name.lower() in known:
            return f"write {name.lower()} instead of {name}"
        if name in columns[: number - 1]:
            return f"each may stand once, and {name} stands twice"
    if missing := [name for name in required if name not in columns]:
        return f"{' and '.join(missing)} is missing, found: {', '.join(columns) or 'nothing'}"
    return None


GAPS = frozenset({"", "nan", "na", "n/a", "null", "none", "unavailable", "unknown"})
"""What programs write for a measurement that is missing, in any case."""


def to_value(text: str) -> float | None:
    """Return the number in a cell, None for a gap.

    Raises ValueError that shows it and how numbers are written, for one with more digits than a double keeps too.
    """
    written = text.strip()
    if written.lower() in GAPS:
        return None
    if not _NUMBER.fullmatch(written):
        advice = with_point(written) or "a number such as 21.5, or nothing for a gap"
        raise ValueError(f"{text!r} is no number: write {advice}")
    value = float(written)
    if not is_exact(written, value):
        raise ValueError(f"{text!r} has more digits than a double keeps: the nearest is {value!r}")
    return value


def to_time(text: str) -> datetime:
    """Return the time in a cell; without a zone it is UTC.

    Raises ValueError that shows it and how times are written.
    """
    try:
        if epoch_advice(text):
            raise ValueError
        if _FINER_THAN_MICROSECONDS.search(text):
            raise ValueError
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        finer = "a microsecond is the finest that is kept" if _FINER_THAN_MICROSECONDS.search(text) else None
        advice = epoch_advice(text) or finer or "write it as 2026-11-20 02:00:00 or 2026-11-20T02:00:00Z"
        raise ValueError(f"{text!r} is no time: {advice}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _comma_advice(cells: Sequence[Cell], columns: Sequence[str]) -> str:
    decimals = len(cells) > len(columns) and all(cell.text.strip().isdigit() for cell in cells[-2:])
    return ": write decimals with a point, as in 21.5" if decimals else ""
