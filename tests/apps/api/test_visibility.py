"""Labels limit what is seen: on every path by which anything of a device leaves, found in the API's own document."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
import websockets

from apps.api.limits import Limits
from apps.api.permissions import VIEWER_SCOPES
from tests.apps.api.conftest import RunningApi, until

SEEN, HIDDEN = "seen-device", "hidden-device"
MARKS = {SEEN: "4711.5", HIDDEN: "815.25"}
"""The values that they measured, which stand nowhere else."""
TEXTS = {SEEN: "text of the seen one", HIDDEN: "text of the hidden one"}


async def populate(api: RunningApi, owner: asyncpg.Connection) -> dict[str, str]:
    """Store everything that there is of a device for both; return the ids of their alerts."""
    alerts = {}
    for device_id, label in ((SEEN, "roof"), (HIDDEN, "cellar")):
        spec = {"device_id": device_id, "kind": "power", "name": TEXTS[device_id], "labels": [label, "all"]}
        assert (await api.http.post("/api/devices", json=spec)).status_code == 201
        now = datetime.now(UTC).isoformat()
        await api.store({"device_id": device_id, "metric": "power", "ts": now, "value": float(MARKS[device_id])})
        await owner.execute(
            "INSERT INTO rejected_records (stream, shard_id, sequence_number, position, device_id, reason, payload) "
            "VALUES ('s', 'shard', $1, 0, $1, 'r', $2)",
            device_id,
            TEXTS[device_id],
        )
        alerts[device_id] = await owner.fetchval(
            "INSERT INTO alerts (source, rule, severity, message, device_id, labels) "
            "VALUES ($1 || '/power', 'r', 'info', $2, $1, '{all}') RETURNING alert_id::text",
            device_id,
            TEXTS[device_id],
        )
    await owner.execute("INSERT INTO alerts (source, rule, severity, message) VALUES ('api/cpu', 'r', 'info', 'p')")
    return alerts


async def limited(api: RunningApi, *labels: str) -> dict[str, str]:
    spec = {"name": "limited", "scopes": sorted(VIEWER_SCOPES), "labels": labels}
    response = await api.http.post("/api/keys", json=spec)
    assert response.status_code == 201, response.text
    return {"Authorization": f"Bearer {response.json()['key']}"}


def questions(document: dict[str, Any], device_id: str, alert_id: str) -> list[tuple[str, dict[str, str]]]:
    """Every GET of the document, once as wide as it goes and once for this device."""
    known = {"device_id": device_id, "ids": device_id, "metric": "power", "format": "ndjson"}
    found = []
    for path, methods in document["paths"].items():
        if "get" not in methods or "session" in path:
            continue
        url = "/api" + path.replace("{device_id}", device_id).replace("{alert_id}", alert_id)
        named = [
            parameter
            for parameter in methods["get"]["parameters"]
            if parameter["in"] == "query" and parameter["name"] in known
        ]
        required = {parameter["name"]: known[parameter["name"]] for parameter in named if parameter["required"]}
        found += [(url, required), (url, {parameter["name"]: known[parameter["name"]] for parameter in named})]
    return found


async def test_nothing_of_a_hidden_device_leaves_by_any_path(api: RunningApi, owner: asyncpg.Connection) -> None:
    alerts = await populate(api, owner)
    document = (await api.reader.get("/api/openapi.json")).json()
    headers, both = await limited(api, "roof"), await limited(api, "all")
    revealing = 0
    for path, query in questions(document, HIDDEN, alerts[HIDDEN]):
        everything = await api.reader.get(path, params=query, headers=both)
        answer = await api.reader.get(path, params=query, headers=headers)
        for secret in (MARKS[HIDDEN], TEXTS[HIDDEN], alerts[HIDDEN]):
            revealing += secret in everything.text
            assert secret not in answer.text.replace(path, ""), (path, query)
    assert revealing > 10, "who may see it does see it: otherwise nothing was asked"
    for path, query in questions(document, SEEN, alerts[SEEN]):
        answer = await api.reader.get(path, params=query, headers=headers)
        # Who bound a device is told to that person, and to operators.
        refused = (403, 404) if path.endswith("/claim") else (403,)
        assert answer.status_code in (200, *refused) or "{" in path, (path, query, answer.text)
    counts = (await api.reader.get("/api/fleet", headers=headers)).json()["counts"]
    assert (counts["total"], counts["labels"]) == (1, [{"value": "all", "count": 1}, {"value": "roof", "count": 1}])
    listed = (await api.reader.get("/api/alerts", headers=headers)).json()["items"]
    assert [alert["message"] for alert in listed] == [TEXTS[SEEN]], "nor the platform's own"


async def test_a_device_that_loses_its_label_is_seen_no_more(api: RunningApi, owner: asyncpg.Connection) -> None:
    await populate(api, owner)
    headers = await limited(api, "roof")
    assert (await api.reader.get(f"/api/devices/{SEEN}", headers=headers)).status_code == 200
    await api.http.patch(f"/api/devices/{SEEN}", json={"labels": []})
    assert (await api.reader.get(f"/api/devices/{SEEN}", headers=headers)).status_code == 404
    assert (await api.reader.get("/api/readings", headers=headers)).json()["items"] == []


@pytest.mark.parametrize("limits", [Limits(idle_seconds=0.1)])
async def test_live_views_show_what_is_seen_alone(api: RunningApi, owner: asyncpg.Connection) -> None:
    await populate(api, owner)
    headers = await limited(api, "roof")

    async def has_arrived() -> bool:
        latest = await api.http.get("/api/readings/latest")
        return len(latest.json()["items"]) == 2

    await until(has_arrived)
    async with websockets.connect(api.live_url, additional_headers=headers) as client:
        received = ""

        async def receive(mark: str) -> None:
            nonlocal received
            async with asyncio.timeout(20):
                while mark not in received:
                    received += str(await client.recv())

        await client.send('{"type":"subscribe"}')
        await receive(MARKS[SEEN])
        later = {HIDDEN: 333.125, SEEN: 444.375}
        for device_id, value in later.items():
            ts = datetime.now(UTC).isoformat()
            await api.store({"device_id": device_id, "metric": "power", "ts": ts, "value": value})
        await owner.execute("UPDATE alerts SET message = message || '!', updated_at = clock_timestamp()")
        await owner.execute("NOTIFY alerts_changed")
        await receive("444.375")
        await receive(f"{TEXTS[SEEN]}!")
        await client.send(f'{{"type":"subscribe","device_ids":["{HIDDEN}","{SEEN}"]}}')
        await receive('"type":"snapshot"')
        assert MARKS[HIDDEN] not in received
        assert "333.125" not in received
        assert TEXTS[HIDDEN] not in received
        assert "api/cpu" not in received
