"""CSV (RFC 4180) that keeps apart what was quoted, which Python's own reader does not tell."""

import re
from collections.abc import Iterator
from typing import NamedTuple

_CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^,\r\n"][^,\r\n]*)?)(,|\r\n|\n|\r|\Z)')


class Cell(NamedTuple):
    """The text of a cell, and whether it stood in quotes."""

    text: str
    quoted: bool


def read_cells(text: str) -> Iterator[list[Cell]]:
    """Yield the lines of cells; empty lines are passed over. Raises ValueError with the line that is no CSV."""
    position = 0
    line: list[Cell] = []
    while position < len(text) or line:
        found = _CELL.match(text, position)
        if found is None:
            raise ValueError(
                f"the file is not CSV: a quote stands alone in line {text.count(chr(10), 0, position) + 1}"
            )
        quoted, plain, end = found.groups()
        line.append(Cell(plain or "", quoted=False) if quoted is None else Cell(quoted.replace('""', '"'), quoted=True))
        position = found.end()
        if end != ",":
            if line != [Cell("", quoted=False)]:
                yield line
            line = []
