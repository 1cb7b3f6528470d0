import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.apps.api.conftest import RunningApi

ME: dict[str, str] = {}
"""Who acts is known by their key."""


async def open_alert(
    owner: asyncpg.Connection, source: str = "api/cpu", severity: str = "critical", **columns: Any
) -> str:
    given = {"source": source, "rule": "zscore", "severity": severity, "message": "too busy", **columns}
    names, placeholders = ", ".join(given), ", ".join(f"${n}" for n in range(1, len(given) + 1))
    query = f"INSERT INTO alerts ({names}) VALUES ({placeholders}) RETURNING alert_id"
    return str(await owner.fetchval(query, *given.values()))


async def test_alerts_are_listed_the_newest_first_by_state_severity_and_source(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    for number in range(5):
        await open_alert(
            owner, f"s{number}", "warning" if number % 2 else "critical", opened_at=now - timedelta(minutes=number // 2)
        )

    async def sources(**parameters: str | int) -> list[str]:
        found, cursor = [], None
        while True:
            answer = (
                await api.reader.get("/api/alerts", params=parameters | ({"cursor": cursor} if cursor else {}))
            ).json()
            found += [item["source"] for item in answer["items"]]
            if (cursor := answer["next_cursor"]) is None:
                return found

    everything = await sources(limit=2)
    assert sorted(everything) == ["s0", "s1", "s2", "s3", "s4"]
    assert [set(everything[:2]), set(everything[2:4]), everything[4]] == [{"s0", "s1"}, {"s2", "s3"}, "s4"]
    assert sorted(await sources(severity="warning")) == ["s1", "s3"]
    assert await sources(source="s3") == ["s3"]
    assert await sources(state="resolved") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"about": "devices"}, ["pump/power", "pump"]),
        ({"about": "platform"}, ["api/cpu"]),
        ({"device_id": "pump"}, ["pump/power", "pump"]),
        ({"since": "2026-03-01T11:30:00Z"}, ["pump/power", "api/cpu"]),
        ({"until": "2026-03-01T11:30:00Z"}, ["pump"]),
    ],
)
async def test_alerts_are_found_by_what_they_are_about_and_when_they_were_opened(
    api: RunningApi, owner: asyncpg.Connection, query: dict[str, str], expected: list[str]
) -> None:
    (await api.http.post("/api/devices", json={"device_id": "pump", "kind": "power"})).raise_for_status()
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for hours, source in enumerate(("pump/power", "api/cpu", "pump")):
        await open_alert(owner, source, opened_at=noon - timedelta(minutes=25 * hours))
    found = (await api.reader.get("/api/alerts", params=query)).json()
    assert [item["source"] for item in found["items"]] == expected


async def key_of(api: RunningApi, name: str) -> dict[str, str]:
    response = await api.http.post("/api/keys", json={"name": name, "scopes": ["alerts:write"]})
    return {"Authorization": f"Bearer {response.json()['key']}"}


async def test_acknowledging_keeps_who_was_first_and_when_and_is_no_resolution(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    alert_id = await open_alert(owner)
    ann, bob = await key_of(api, "ann"), await key_of(api, "bob")
    comment = {"comment": "on it"}
    first = await api.reader.post(f"/api/alerts/{alert_id}/acknowledge", json=comment, headers=ann)
    again = await api.reader.post(f"/api/alerts/{alert_id}/acknowledge", json={}, headers=bob)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    alert = again.json()
    assert (alert["state"], alert["resolved_at"]) == ("acknowledged", None)
    who = alert["acknowledged_by"]
    assert who.startswith("ann (key ")
    assert alert["acknowledged_at"] > alert["opened_at"]
    assert [(e["actor"], e["action"], e["comment"]) for e in alert["events"]] == [(who, "acknowledged", "on it")]


async def test_a_resolved_alert_stays_resolved_and_cannot_be_acknowledged(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    alert_id = await open_alert(owner)
    resolved = (await api.http.post(f"/api/alerts/{alert_id}/resolve", json=ME)).json()
    assert (resolved["state"], resolved["acknowledged_at"]) == ("resolved", None)
    assert resolved["resolved_by"].startswith("operator token (key ")
    assert (await api.http.post(f"/api/alerts/{alert_id}/resolve", json=ME)).json() == resolved
    refused = await api.http.post(f"/api/alerts/{alert_id}/acknowledge", json=ME)
    assert refused.status_code == 409
    assert "resolved already" in refused.json()["detail"]
    assert (await api.reader.get(f"/api/alerts/{alert_id}")).json() == resolved


async def test_who_resolved_too_early_takes_it_back_unless_it_was_noticed_again(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    alert_id = await open_alert(owner)
    for verb in ("acknowledge", "resolve", "reopen", "reopen"):
        answer = await api.http.post(f"/api/alerts/{alert_id}/{verb}", json=ME | {"comment": verb})
        assert answer.status_code == 200
    alert = answer.json()
    assert (alert["state"], alert["resolved_at"], alert["acknowledged_by"]) == ("open", None, None)
    assert [event["action"] for event in alert["events"]] == ["acknowledged", "resolved", "reopened"]
    await api.http.post(f"/api/alerts/{alert_id}/resolve", json=ME)
    newer = await open_alert(owner)
    refused = await api.http.post(f"/api/alerts/{alert_id}/reopen", json=ME)
    assert refused.status_code == 409
    assert "newer alert" in refused.json()["detail"]
    assert (await api.reader.get(f"/api/alerts/{newer}")).json()["state"] == "open"


@pytest.mark.parametrize("state", ["open", "resolved"])
async def test_a_comment_changes_no_state(api: RunningApi, owner: asyncpg.Connection, state: str) -> None:
    alert_id = await open_alert(owner, state=state)
    response = await api.http.post(f"/api/alerts/{alert_id}/comment", json=ME | {"comment": "ordered a new fan"})
    assert response.json()["state"] == state
    assert [(e["action"], e["comment"]) for e in response.json()["events"]] == [("commented", "ordered a new fan")]
    assert (await api.http.post(f"/api/alerts/{alert_id}/comment", json=ME)).status_code == 422


def in_(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


async def test_an_open_alert_is_snoozed_until_a_time_which_may_be_changed_and_taken_back(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    alert_id = await open_alert(owner)
    first, later = in_(hours=1), in_(hours=8)
    for until in (first, first, later):
        answer = await api.http.post(f"/api/alerts/{alert_id}/snooze", json={"until": until, "comment": "after lunch"})
        assert answer.status_code == 200
        alert = answer.json()
        assert (alert["state"], datetime.fromisoformat(alert["snoozed_until"])) == (
            "open",
            datetime.fromisoformat(until),
        )
    assert [item["alert_id"] for item in await listed(api, snoozed="true")] == [alert_id]
    assert await listed(api, snoozed="false") == []
    for _ in range(2):
        alert = (await api.http.post(f"/api/alerts/{alert_id}/unsnooze", json=ME)).json()
        assert alert["snoozed_until"] is None
    trail = [(event["action"], event["comment"], event["snoozed_until"]) for event in alert["events"]]
    assert [step[:2] for step in trail] == [("snoozed", "after lunch")] * 2 + [("unsnoozed", None)]
    assert [step[2] and datetime.fromisoformat(step[2]) for step in trail] == [
        datetime.fromisoformat(first),
        datetime.fromisoformat(later),
        None,
    ]
    assert await listed(api, snoozed="true") == []


async def listed(api: RunningApi, **parameters: str) -> list[Any]:
    found: list[Any] = (await api.reader.get("/api/alerts", params=parameters)).json()["items"]
    return found


@pytest.mark.parametrize(("verb", "state"), [("acknowledge", "acknowledged"), ("resolve", "resolved")])
async def test_who_looks_after_a_snoozed_alert_or_ends_it_ends_the_snooze_and_it_is_not_snoozed_again(
    api: RunningApi, owner: asyncpg.Connection, verb: str, state: str
) -> None:
    alert_id = await open_alert(owner)
    await api.http.post(f"/api/alerts/{alert_id}/snooze", json={"until": in_(hours=1)})
    alert = (await api.http.post(f"/api/alerts/{alert_id}/{verb}", json=ME)).json()
    assert (alert["state"], alert["snoozed_until"]) == (state, None)
    refused = await api.http.post(f"/api/alerts/{alert_id}/snooze", json={"until": in_(hours=1)})
    assert refused.status_code == 409
    assert "nobody is told of it again anyway" in refused.json()["detail"]
    assert (await api.http.post(f"/api/alerts/{alert_id}/unsnooze", json=ME)).status_code == 200


async def test_a_snooze_that_ran_out_is_one_no_longer(api: RunningApi, owner: asyncpg.Connection) -> None:
    await open_alert(owner, snoozed_until=datetime.now(UTC) - timedelta(seconds=1))
    assert await listed(api, snoozed="true") == []
    assert len(await listed(api, snoozed="false")) == 1


async def test_many_are_snoozed_at_once_and_each_is_told_of(api: RunningApi, owner: asyncpg.Connection) -> None:
    opened, known, taken = [await open_alert(owner, source) for source in "abc"]
    until = in_(hours=8)
    await api.http.post(f"/api/alerts/{known}/snooze", json={"until": until})
    await api.http.post(f"/api/alerts/{taken}/acknowledge", json=ME)
    body = {"until": until, "alert_ids": [opened, known, taken]}
    outcome = (await api.http.post("/api/alerts/snooze", json=body)).json()
    assert (outcome["changed"], outcome["unchanged"]) == ([opened], [known])
    assert [refusal["alert_id"] for refusal in outcome["refused"]] == [taken]
    outcome = (await api.http.post("/api/alerts/unsnooze", json={"alert_ids": [opened, known, taken]})).json()
    assert (sorted(outcome["changed"]), outcome["unchanged"], outcome["refused"]) == (
        sorted([opened, known]),
        [taken],
        [],
    )


@pytest.mark.parametrize(
    "until",
    [lambda: in_(seconds=-1), lambda: in_(days=30, minutes=5), lambda: "0001-01-01T00:00:00+23:00"],
    ids=["just over", "too far away", "before all time"],
)
async def test_a_snooze_in_the_past_or_for_months_is_refused_with_its_limits(
    api: RunningApi, owner: asyncpg.Connection, until: Callable[[], str]
) -> None:
    alert_id = await open_alert(owner)
    for path, ids in ((f"/api/alerts/{alert_id}/snooze", {}), ("/api/alerts/snooze", {"alert_ids": [alert_id]})):
        refused = await api.http.post(path, json={"until": until(), **ids})
        assert refused.status_code == 400
        assert "later than now and at most 30 days away" in refused.json()["detail"]
    assert (await api.http.post(f"/api/alerts/{alert_id}/snooze", json=ME)).status_code == 422


async def test_many_are_acknowledged_at_once_and_each_is_told_of(api: RunningApi, owner: asyncpg.Connection) -> None:
    opened, known, over = [await open_alert(owner, source) for source in "abc"]
    await api.http.post(f"/api/alerts/{known}/acknowledge", json=ME)
    await api.http.post(f"/api/alerts/{over}/resolve", json=ME)
    nowhere = str(uuid4())
    answer = await api.http.post(
        "/api/alerts/acknowledge", json=ME | {"alert_ids": [opened, opened, known, over, nowhere]}
    )
    outcome = answer.json()
    assert (outcome["changed"], outcome["unchanged"]) == ([opened], [known])
    assert {refusal["alert_id"] for refusal in outcome["refused"]} == {over, nowhere}
    outcome = (await api.http.post("/api/alerts/resolve", json=ME | {"alert_ids": [over, known, opened]})).json()
    assert (sorted(outcome["changed"]), outcome["unchanged"]) == (sorted([known, opened]), [over])


async def test_of_many_people_who_act_at_once_one_is_first_and_none_locks_up(
    api: RunningApi, owner: asyncpg.Connection
) -> None:
    alert_ids = [await open_alert(owner, f"s{number}") for number in range(20)]
    answers = await asyncio.gather(
        *(
            api.http.post("/api/alerts/acknowledge", json={"alert_ids": alert_ids[:: 1 if n % 2 else -1]})
            for n in range(8)
        )
    )
    assert [answer.status_code for answer in answers] == [200] * 8
    assert sorted(alert_id for answer in answers for alert_id in answer.json()["changed"]) == sorted(alert_ids)
    assert await owner.fetchval("SELECT count(*) FROM alert_events") == 20


async def test_an_alert_that_does_not_exist_is_said_so(api: RunningApi) -> None:
    for method, path in (("GET", ""), ("POST", "/acknowledge"), ("POST", "/reopen"), ("POST", "/comment")):
        comment = ME | {"comment": "on it"}
        answer = await api.http.request(
            method, f"/api/alerts/{uuid4()}{path}", json=comment if method == "POST" else None
        )
        assert answer.status_code == 404
    assert (await api.reader.get("/api/alerts/7")).status_code == 422


@pytest.mark.parametrize(
    "body", [{"actor": "somebody else"}, {"comment": "a\x00"}, {"comment": "x" * 2001}, {"comment": 5}]
)
def test_nobody_says_who_acts_and_no_more_than_fits(empty_api: httpx.Client, body: dict[str, str]) -> None:
    assert empty_api.post(f"/api/alerts/{uuid4()}/resolve", json=body).status_code == 422


async def test_acting_needs_the_token(api: RunningApi, owner: asyncpg.Connection) -> None:
    alert_id = await open_alert(owner)
    assert (await api.reader.post(f"/api/alerts/{alert_id}/resolve", json=ME)).status_code == 401
    assert (await api.reader.post("/api/alerts/resolve", json=ME | {"alert_ids": [alert_id]})).status_code == 401
