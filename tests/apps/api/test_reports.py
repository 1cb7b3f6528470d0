"""Reports of months over HTTP."""

from datetime import date
from typing import Any

import asyncpg
import pytest

from tests.apps.api.conftest import RunningApi
from tests.support.postgres import TestDatabase

ROW: dict[str, Any] = {
    "kind": "pump",
    "readings": 10,
    "gaps": 0,
    "longest_gap_seconds": 0.0,
    "silent_seconds": 1.0,
    "availability": 1.0,
    "longest_same_seconds": 0.0,
    "findings": [],
}


@pytest.fixture
async def reported(database: TestDatabase) -> None:
    connection = await database.connect()
    for month in (date(2026, 9, 1), date(2026, 10, 1)):
        await connection.execute("INSERT INTO report_months (month, readings) VALUES ($1, 40)", month)
        await add(connection, month=month, device_id="a", metric="flow")
        await add(connection, month=month, device_id="a", metric="heat", findings=["gaps"], availability=0.5)
        await add(connection, month=month, device_id="b", metric="flow", kind="fan", findings=["gaps", "stuck"])
    await connection.close()


async def add(connection: asyncpg.Connection, **values: Any) -> None:
    row = ROW | values
    placeholders = ", ".join(f"${at}" for at in range(1, len(row) + 1))
    await connection.execute(f"INSERT INTO series_reports ({', '.join(row)}) VALUES ({placeholders})", *row.values())


@pytest.mark.usefixtures("reported")
async def test_months_of_a_device_come_newest_first_and_page_by_page(api: RunningApi) -> None:
    params: dict[str, str | int] = {"device_id": "a", "limit": 3}
    first = await api.reader.get("/api/reports", params=params)
    assert first.status_code == 200, first.text
    rest = await api.reader.get("/api/reports", params=params | {"cursor": first.json()["next_cursor"]})
    found = first.json()["items"] + rest.json()["items"]
    assert [(row["month"], row["metric"]) for row in found] == [
        ("2026-10", "flow"),
        ("2026-10", "heat"),
        ("2026-09", "flow"),
        ("2026-09", "heat"),
    ]
    assert rest.json()["next_cursor"] is None
    assert found[1]["findings"] == ["gaps"]


@pytest.mark.usefixtures("reported")
async def test_series_are_chosen_by_month_and_finding(api: RunningApi) -> None:
    stuck = await api.reader.get("/api/reports", params={"month": "2026-10", "finding": "stuck"})
    assert [(row["device_id"], row["metric"]) for row in stuck.json()["items"]] == [("b", "flow")]
    refused = await api.reader.get("/api/reports", params={"month": "October"})
    assert refused.status_code == 422


@pytest.mark.usefixtures("reported")
async def test_the_fleet_is_summed_up_by_kind(api: RunningApi) -> None:
    report = (await api.reader.get("/api/reports/fleet")).json()
    assert (report["month"], report["months"]) == ("2026-10", ["2026-10", "2026-09"])
    nothing = {"silent": 0, "drifting": 0}
    assert report["kinds"] == [
        {"kind": "fan", "devices": 1, "readings": 10, "availability": 1.0, "gaps": 1, "stuck": 1, **nothing},
        {"kind": "pump", "devices": 1, "readings": 20, "availability": 0.75, "gaps": 1, "stuck": 0, **nothing},
    ]


async def test_without_a_report_that_is_said(api: RunningApi) -> None:
    assert (await api.reader.get("/api/reports/fleet")).json() == {"month": None, "months": [], "kinds": []}
