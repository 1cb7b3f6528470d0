"""Devices as people keep them in files: a JSON array, JSON lines, or CSV from a spreadsheet. A row at a time, so that
one bad row costs only itself.

In CSV the first line names the columns: `device_id`, `kind`, `name`, `labels` (separated by `;`), and any other column
is an attribute of that name. An empty cell says nothing. A cell that reads as a number or as true or false is one.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from apps.domain.devices import DeviceSpec
from apps.domain.readings import split_array

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"


class Row(NamedTuple):
    """A row by its number, the first being 1, and the device that it describes or why it describes none."""

    number: int
    device: DeviceSpec | str


def read_rows(media_type: str, content: bytes) -> Iterator[Row]:
    """Yield the rows of a file. Raises ValueError when it is not such a file at all."""
    return _READERS[media_type](content)


def _json(content: bytes) -> Iterator[Row]:
    for number, item in enumerate(split_array(content), 1):
        yield Row(number, _decode(item))


def _ndjson(content: bytes) -> Iterator[Row]:
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            yield Row(number, _decode(line))


def _csv(content: bytes) -> Iterator[Row]:
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        columns = reader.fieldnames or []
        if missing := {"device_id", "kind"} - set(columns):
            raise ValueError(f"the first line must name the columns; it lacks {' and '.join(sorted(missing))}")
        if len(set(columns)) < len(columns) or "" in columns:
            raise ValueError("the first line must name each column once")
        for number, cells in enumerate(reader, 1):
            yield Row(number, _convert(cells))
    except UnicodeDecodeError as error:
        raise ValueError(f"the file is not UTF-8: {error.reason} at byte {error.start}") from None
    except csv.Error as error:
        raise ValueError(f"the file is not CSV: {error}") from None


def _decode(item: bytes | msgspec.Raw) -> DeviceSpec | str:
    try:
        return _SPEC.decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)


def _convert(cells: Mapping[str | None, Any]) -> DeviceSpec | str:
    if None in cells:
        return "it has more cells than there are columns"
    given = {name: text.strip() for name, text in cells.items() if name is not None and text and text.strip()}
    spec: dict[str, Any] = {name: given.pop(name) for name in ("device_id", "kind", "name") if name in given}
    spec["labels"] = [label for cell in given.pop("labels", "").split(";") if (label := cell.strip())]
    spec["attributes"] = {name: _scalar(text) for name, text in given.items()}
    try:
        return msgspec.convert(spec, DeviceSpec)
    except msgspec.ValidationError as error:
        return str(error)


def _scalar(text: str) -> str | float | bool:
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?", text):
        return float(text)
    return {"true": True, "false": False}.get(text, text)


_SPEC = msgspec.json.Decoder(DeviceSpec)
_READERS: Mapping[str, Callable[[bytes], Iterator[Row]]] = {JSON: _json, NDJSON: _ndjson, CSV: _csv}
