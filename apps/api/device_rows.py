"""Devices as people keep them in files: a JSON array, JSON lines, or CSV from a spreadsheet. A row at a time, so that
one bad row costs only itself.

In CSV the first line names the columns: `device_id`, `kind`, `name`, `labels` (separated by `;`), and any other column
is an attribute of that name. An empty cell says nothing. A cell without quotes that reads as true, false or a number is
one, if writing that number gives the same text: `1.10`, `007` and a serial number of 19 digits stay text.
"""

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from apps.domain.arrays import split_array
from apps.domain.csv_file import Cell, header_problem, read_cells
from apps.domain.devices import MAX_EXACT_INTEGER, DeviceSpec
from apps.domain.errors import InvalidInputError
from apps.domain.exactness import check_as_written
from apps.domain.plain_reasons import plain_reason
from apps.domain.text import check_text, decode

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"

REQUIRED = ("device_id", "kind")
FIELDS = (*REQUIRED, "name", "labels")


class Row(NamedTuple):
    """A row by its number, the first being 1, and the device that it describes or why it describes none."""

    number: int
    device: DeviceSpec | str


def read_rows(media_type: str, content: bytes) -> Iterator[Row]:
    """Yield the rows of a file. Raises ValueError when it is not such a file at all."""
    return _READERS[media_type](content)


def _json(content: bytes) -> Iterator[Row]:
    for number, item in enumerate(split_array(_utf_8(content)), 1):
        yield Row(number, _decode(item))


def _ndjson(content: bytes) -> Iterator[Row]:
    for number, line in enumerate(_utf_8(content).splitlines(), 1):
        if line.strip():
            yield Row(number, _decode(line))


def _csv(content: bytes) -> Iterator[Row]:
    lines = read_cells(decode(content))
    _, header = next(lines, (1, []))
    columns = [cell.text for cell in header]
    if problem := header_problem(columns, REQUIRED, FIELDS):
        raise ValueError(f"the first line must name the columns, device_id and kind among them: {problem}")
    for number, (_, cells) in enumerate(lines, 1):
        yield Row(number, _convert(columns, cells))


def _utf_8(content: bytes) -> bytes:
    """Return JSON as UTF-8 without a mark. What is no UTF-8 in it costs only its row."""
    check_text(content)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return decode(content).encode()
    return content.removeprefix(codecs.BOM_UTF8)


def _decode(item: bytes | msgspec.Raw) -> DeviceSpec | str:
    try:
        spec = _SPEC.decode(item)
        check_as_written(bytes(item))
        return spec
    except InvalidInputError as error:
        return str(error)
    except msgspec.ValidationError as error:
        return plain_reason(error, DeviceSpec)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)


def _convert(columns: list[str], cells: list[Cell]) -> DeviceSpec | str:
    if len(cells) > len(columns):
        return f"it has {len(cells)} cells, more than the {len(columns)} columns"
    given = {name: cell for name, cell in zip(columns, cells, strict=False) if cell.text.strip()}
    spec: dict[str, Any] = {
        name: given.pop(name).text.strip() for name in ("device_id", "kind", "name") if name in given
    }
    labels = given.pop("labels").text.split(";") if "labels" in given else []
    spec["labels"] = [label.strip() for label in labels if label.strip()]
    spec["attributes"] = {name: _scalar(cell) for name, cell in given.items()}
    try:
        return msgspec.convert(spec, DeviceSpec)
    except msgspec.ValidationError as error:
        return plain_reason(error, DeviceSpec)


def _scalar(cell: Cell) -> str | int | float | bool:
    """Return a number or a boolean where writing it gives the cell's text again, so that nothing typed is changed."""
    if cell.quoted:
        return cell.text
    text = cell.text.strip()
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,15})", text) and str(integer := int(text)) == text:
        return integer if abs(integer) <= MAX_EXACT_INTEGER else text
    if re.fullmatch(r"-?[0-9]{1,15}\.[0-9]{1,15}", text) and str(number := float(text)) == text:
        return number
    return {"true": True, "false": False}.get(text, text)


_SPEC = msgspec.json.Decoder(DeviceSpec)
_READERS: Mapping[str, Callable[[bytes], Iterator[Row]]] = {JSON: _json, NDJSON: _ndjson, CSV: _csv}
