import csv
import io
import json
import re

import httpx
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from apps.api.device_rows import read_rows
from apps.domain.csv_file import read_cells
from tests.apps.api.conftest import RunningApi

HEADERS = {media: {"Content-Type": media} for media in ("text/csv", "application/x-ndjson", "application/json")}

TABLE = """\
device_id,kind,name,labels,floor,indoor
d1,temperature,Roof,roof;north side,3,false
d2,power,,,,
bad id,power,,,,
d1,power,again,,,
d4,power,too,many,cells,here,see
"""


async def imported(
    api: RunningApi, content: str | bytes, media: str = "text/csv", **parameters: str | int
) -> httpx.Response:
    return await api.http.post("/api/devices/import", content=content, headers=HEADERS[media], params=parameters)


async def test_a_dry_run_tells_what_an_import_would_do_and_does_nothing(api: RunningApi) -> None:
    dry = (await imported(api, TABLE, dry_run="true")).json()
    assert (dry["dry_run"], dry["created"], dry["updated"], dry["unchanged"]) == (True, 2, 0, 0)
    assert [error["row"] for error in dry["errors"]] == [3, 4, 5]
    assert (await api.reader.get("/api/devices")).json()["items"] == []
    wet = (await imported(api, TABLE)).json()
    assert wet == dry | {"dry_run": False}


async def test_a_row_of_a_table_becomes_a_device_with_its_further_columns_as_attributes(api: RunningApi) -> None:
    await imported(api, "\ufeff" + TABLE)
    device = (await api.reader.get("/api/devices/d1")).json()
    assert (device["name"], device["labels"]) == ("Roof", ["roof", "north side"])
    assert device["attributes"] == {"floor": 3.0, "indoor": False}
    bare = (await api.reader.get("/api/devices/d2")).json()
    assert (bare["name"], bare["labels"], bare["attributes"]) == (None, [], {})


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30), st.booleans())
@example("1.10", False)
@example("007", False)
@example("1_000", False)
@example("1234567890123456789", False)
@example("9007199254740993", False)
@example("1e5", False)
@example("-0", False)
@example("3", True)
def test_a_cell_is_shown_as_it_was_typed(text: str, quoted: bool) -> None:
    assume(quoted or not re.search(r'[",\r\n]', text))
    cell = '"' + text.replace('"', '""') + '"' if quoted else text
    table = f"device_id,kind,typed\nd,power,{cell}\n"
    ((_, device),) = read_rows("text/csv", table.encode())
    assert not isinstance(device, str)
    shown = device.attributes.get("typed", "")
    assert isinstance(shown, str) or not quoted
    typed = text if quoted and text.strip() else text.strip()
    assert (shown if isinstance(shown, str) else json.dumps(shown)) == typed


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=5), min_size=1, max_size=5))
def test_cells_are_read_as_pythons_own_reader_reads_them(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    assert [[cell.text for cell in line] for _, line in read_cells(file.getvalue())] == rows


async def test_importing_again_changes_only_what_differs(api: RunningApi) -> None:
    await imported(api, TABLE)
    before = (await api.reader.get("/api/devices/d2")).json()
    answer = (await imported(api, TABLE.replace("Roof", "Attic"))).json()
    assert (answer["created"], answer["updated"], answer["unchanged"]) == (0, 1, 1)
    assert (await api.reader.get("/api/devices/d1")).json()["name"] == "Attic"
    assert (await api.reader.get("/api/devices/d2")).json() == before


@pytest.mark.parametrize(
    ("media", "content"),
    [
        ("application/json", '[{"device_id": "a", "kind": "power"}, 7, {"device_id": "import", "kind": "power"}]'),
        ("application/x-ndjson", '{"device_id": "a", "kind": "power"}\n7\n{"device_id": "import", "kind": "power"}\n'),
    ],
)
async def test_json_is_taken_row_by_row_too(api: RunningApi, media: str, content: str) -> None:
    answer = (await imported(api, content, media)).json()
    assert (answer["created"], [error["row"] for error in answer["errors"]]) == (1, [2, 3])


@pytest.mark.parametrize(
    ("media", "content", "named"),
    [
        ("text/csv", b"device_id,name\nd,e\n", "kind"),
        ("text/csv", b"device_id,kind,kind\n", "once"),
        ("text/csv", b"device_id;kind;name\nd;power;Hall\n", "separated by ';', write commas"),
        ("text/csv", b"device_id, kind, name\nd,power,Hall\n", "' kind' has a space around it"),
        ("text/csv", b"Device_ID,Kind,Name\nd,power,Hall\n", "write device_id instead of Device_ID"),
        ("text/csv", b"device_id,kind,\nd,power\n", "column 3 has no name"),
        ("text/csv", b"id,type\nd,power\n", "found: id, type"),
        ("text/csv", b"sep=,\ndevice_id,kind\nd,power\n", "the line sep= stands before them"),
        ("application/x-ndjson", b"\x1f\x8b\x08", "gzip: unpack it first"),
        ("application/json", b"PK\x03\x04", "a ZIP archive"),
        ("text/csv", b"", "found: nothing"),
        ("text/csv", b"device_id,kind\n\xff,power\n", "UTF-8"),
        ("text/csv", b'device_id,kind\n"d"x,power\n', "CSV"),
        ("application/json", b'{"device_id": "a", "kind": "power"}', "array"),
        ("application/json", b"[" * 100_000, "nest"),
        ("application/json", b"[1,", "truncated"),
    ],
)
def test_a_file_that_is_no_such_file_is_refused_whole(
    empty_api: httpx.Client, media: str, content: bytes, named: str
) -> None:
    answer = empty_api.post("/api/devices/import", content=content, headers=HEADERS[media])
    assert answer.status_code == 400
    assert named in answer.json()["detail"]


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ('"attributes": {"a": 0.1000000000000000055}', "more digits than a double keeps, the nearest is 0.1"),
        ('"attributes": {"a": 1e-400}', "more digits than a double keeps, the nearest is 0.0"),
        ('"attributes": {"a": 1, "a": 2}', "'a' stands twice"),
        ('"kind": "temperature"', "'kind' stands twice"),
    ],
)
def test_what_would_not_be_kept_as_it_is_written_is_refused_by_every_way_in(
    empty_api: httpx.Client, members: str, reason: str
) -> None:
    spec = f'{{"device_id": "d", "kind": "power", {members}}}'
    for media, content in (("application/json", f"[{spec}]"), ("application/x-ndjson", spec)):
        answer = empty_api.post("/api/devices/import?dry_run=true", content=content, headers=HEADERS[media]).json()
        assert answer["created"] == 0
        assert reason in answer["errors"][0]["reason"]
    created = empty_api.post("/api/devices", content=spec, headers=HEADERS["application/json"])
    assert created.status_code == 422
    assert reason in created.json()["detail"]


async def test_too_many_rows_are_refused_before_anything_is_changed(api: RunningApi) -> None:
    table = "device_id,kind\n" + "".join(f"d{number},power\n" for number in range(10_001))
    assert (await imported(api, table)).status_code == 413
    assert (await api.reader.get("/api/devices")).json()["items"] == []


async def test_ten_thousand_devices_are_imported_at_once(api: RunningApi) -> None:
    table = "device_id,kind,labels\n" + "".join(f"d{number},power,a;b\n" for number in range(10_000))
    assert (await imported(api, table)).json()["created"] == 10_000
