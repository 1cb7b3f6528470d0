"""Files of devices, right and wrong: each row is taken as it was written, or left out with its reason."""

import asyncio
import csv
import io
import json
import re
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.api.device_rows import CSV, JSON, NDJSON
from devtools.postgres import Postgres
from tests.apps.api.conftest import api_settings, running_api
from tests.support import postgres
from tests.support.generated import is_kept

# A carriage return that stands alone ends a line where nothing quotes it.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12) | st.sampled_from(
    ["1.10", "007", "1_000", "1234567890123456789", "true", " x ", "1,5", "-0", "\x00", "=1+1", "ß"]
)
SCALARS = TEXTS.map(json.dumps) | st.sampled_from(
    [
        "1.10",
        "1",
        "-0",
        "true",
        "null",
        "9007199254740993",
        "1e400",
        "1e-400",
        "0.1000000000000000055",
        "NaN",
        "[]",
        "1E3",
    ]
)
IDS = st.sampled_from(["{}", "{}", "{}", "{}", "", "a b", "import", "d" * 65])
KINDS = st.sampled_from(["power", "power", "power", "Power", ""])
Row = tuple[str, str, str, str]
"""Id, kind, and an attribute as JSON, and a text for the name."""
ROWS = st.lists(st.tuples(IDS, KINDS, SCALARS, TEXTS), min_size=1, max_size=5)
Taken = dict[str, tuple[str | None, Any]]
"""The name and the attribute of each device as they were written: a text, or a number by its digits."""


def as_json(row: Row) -> str:
    device_id, kind, attribute, name = row
    named = f', "name": {json.dumps(name)}' if name else ""
    return f'{{"device_id": "{device_id}", "kind": "{kind}"{named}, "attributes": {{"typed": {attribute}}}}}'


def as_csv(rows: list[Row], quoting: int, line_break: str) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=quoting, lineterminator=line_break)  # type: ignore[arg-type]
    writer.writerow(["device_id", "kind", "name", "typed"])
    for device_id, kind, attribute, name in rows:
        writer.writerow([device_id, kind, name, _text(attribute)])
    return file.getvalue()


@pytest.mark.generated
@pytest.mark.timeout(3600)
def test_each_row_of_a_file_is_taken_as_it_was_written_or_left_out_with_its_reason(
    postgres_server: Postgres, tmp_path: Path
) -> None:
    database = asyncio.run(postgres.copy_template(postgres_server))
    numbers, taken = count(), Taken()
    with (
        running_api(api_settings(database, tmp_path)) as running,
        httpx.Client(base_url=running.url, headers=running.http.headers, timeout=60) as client,
    ):

        @settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
        @given(
            ROWS,
            st.sampled_from([JSON, NDJSON, CSV]),
            st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
            st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
            st.sampled_from(["\n", "\r\n"]),
        )
        def check(rows: list[Row], media: str, coding: str, quoting: int, line_break: str) -> None:
            rows = [(device_id.format(f"d{next(numbers)}"), *rest) for device_id, *rest in rows]  # type: ignore[misc]
            content = {
                JSON: lambda: f"[{','.join(map(as_json, rows))}]",
                NDJSON: lambda: line_break.join(map(as_json, rows)),
                CSV: lambda: as_csv(rows, quoting, line_break),
            }[media]()
            answer = client.post("/api/devices/import", content=content.encode(coding), headers={"Content-Type": media})
            assert answer.status_code == 200, answer.text
            found = answer.json()
            wrong = {error["row"] for error in found["errors"]}
            assert found["created"] + len(wrong) == len(rows)
            assert (found["updated"], found["unchanged"]) == (0, 0)
            assert all(error["reason"] for error in found["errors"])
            for number, row in enumerate(rows, 1):
                if number not in wrong:
                    taken[row[0]] = _typed(row, quoting) if media == CSV else _written(row)

        check()
        shown: dict[str, Any] = {}
        query: dict[str, Any] = {"limit": 1000}
        while True:
            page = client.get("/api/devices", params=query).json()
            shown |= {device["device_id"]: device for device in page["items"]}
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
    asyncio.run(postgres.drop_database(database))
    assert shown.keys() == taken.keys()
    assert [row_number for row_number, device in shown.items() if not _is_as_written(device, taken[row_number])] == []


def _text(attribute: str) -> str:
    try:
        value = json.loads(attribute, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError:
        return attribute
    return value if isinstance(value, str) else attribute


def _typed(row: Row, quoting: int) -> tuple[str | None, Any]:
    """Return what a person typed into a spreadsheet: blanks around a cell are none of it unless they are quoted."""
    text = _text(row[2])
    is_quoted = quoting == csv.QUOTE_ALL or re.search(r'[",\r\n]', text) is not None
    return row[3].strip() or None, (text if is_quoted else text.strip()) if text.strip() else None


def _written(row: Row) -> tuple[str | None, Any]:
    value = json.loads(row[2], parse_float=Decimal, parse_int=Decimal)
    return row[3] or None, value


def _is_as_written(device: dict[str, Any], written: tuple[str | None, Any]) -> bool:
    name, value = written
    shown = device["attributes"].get("typed")
    if isinstance(value, Decimal):
        return device["name"] == name and isinstance(shown, int | float) and is_kept(value, float(shown))
    if isinstance(value, str) and not isinstance(shown, str):
        return device["name"] == name and json.dumps(shown) == value
    return bool(device["name"] == name and shown == value)
