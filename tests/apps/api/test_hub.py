from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from apps.api.live.hub import MAX_ITEMS, Client, Hub
from apps.api.live.messages import Subscribe
from apps.api.queries.readings import LatestReading
from apps.domain.alerts import Alert, AlertState, Severity

START = datetime(2026, 11, 23, tzinfo=UTC)


def item(device_id: str, number: float, metric: str = "m") -> LatestReading:
    at = START + timedelta(seconds=number)
    return LatestReading(device_id, metric, at, float(number), at, at)


def alert(number: int, state: AlertState = AlertState.OPEN) -> Alert:
    return Alert(
        alert_id=UUID(int=number),
        source=f"s{number}",
        rule="r",
        severity=Severity.INFO,
        message="",
        state=state,
        opened_at=START,
        updated_at=START,
    )


def take(client: Client) -> list[dict[str, Any]]:
    """Return everything that the client may take now."""

    return [msgspec.json.decode(msgspec.json.encode(message)) for message in iter(client.take, None)]


def ready_hub(*items: LatestReading) -> Hub:
    hub = Hub()
    hub.publish(items, is_snapshot=True)
    return hub


DEVICES = ("a", "b", "c")
STEPS = st.lists(st.one_of(st.just("take"), st.sampled_from(DEVICES), st.just("subscribe")), max_size=60)


@given(STEPS, st.sets(st.sampled_from(DEVICES)))
def test_a_client_ends_up_with_the_newest_state_and_each_update_is_sent_or_counted_as_dropped(
    steps: list[str], followed: set[str]
) -> None:
    hub = ready_hub()
    client = hub.join()
    client.subscribe(Subscribe(device_ids=sorted(followed)))
    seen: dict[str, float] = {}
    sent, dropped, offered = 0, 0, 0

    def receive() -> None:
        nonlocal seen, sent, dropped, offered
        for message in take(client):
            if message["type"] == "snapshot":
                seen, sent, dropped, offered = {}, 0, 0, 0
            else:
                sent, dropped = sent + len(message["readings"]), dropped + message["dropped"]
            seen |= {reading["device_id"]: reading["value"] for reading in message["readings"]}

    receive()
    newest: dict[str, float] = {}
    for number, step in enumerate(steps):
        if step == "take":
            receive()
        elif step == "subscribe":
            client.subscribe(Subscribe(device_ids=sorted(followed)))
        else:
            hub.publish([item(step, number)])
            if step in followed:
                newest[step] = float(number)
                offered += 1
    snapshot_due = (
        "subscribe" in steps and "take" not in steps[max(i for i, s in enumerate(steps) if s == "subscribe") :]
    )
    receive()
    assert seen == newest
    if not snapshot_due:
        assert sent + dropped == offered


def test_what_is_offered_again_unchanged_is_not_sent_again() -> None:
    hub = ready_hub(item("a", 1))
    client = hub.join()
    client.subscribe(Subscribe())
    take(client)
    assert hub.publish([item("a", 1)]) == []
    assert hub.publish([item("a", 1), item("b", 1)], is_snapshot=True) == [item("b", 1)]
    assert [[r["device_id"] for r in message["readings"]] for message in take(client)] == [["b"]]


def test_a_snapshot_waits_until_there_is_a_state_to_show() -> None:
    hub = Hub()
    client = hub.join()
    client.subscribe(Subscribe())
    assert take(client) == []


def test_a_large_fleet_comes_in_messages_of_bounded_size_and_no_series_is_left_out() -> None:
    hub = ready_hub(*(item(f"d{number}", number) for number in range(2 * MAX_ITEMS + 500)))
    client = hub.join()
    client.subscribe(Subscribe())
    first, *others = take(client)
    assert first["type"] == "snapshot"
    assert [len(message["readings"]) for message in (first, *others)] == [MAX_ITEMS, MAX_ITEMS, 500]
    assert sum(message["dropped"] for message in others) == 0
    names = {reading["device_id"] for message in (first, *others) for reading in message["readings"]}
    assert len(names) == 2 * MAX_ITEMS + 500
    # Also what changes at once.
    hub.publish([item(f"d{number}", -1) for number in range(MAX_ITEMS + 1)])
    assert [len(message["readings"]) for message in take(client)] == [MAX_ITEMS, 1]


def test_what_is_no_longer_there_is_forgotten() -> None:
    hub = ready_hub(item("a", 1), item("b", 1))
    client = hub.join()
    client.subscribe(Subscribe())
    take(client)
    hub.publish([item("a", 2), item("b", 2)])
    hub.publish([item("a", 2)], is_snapshot=True)
    assert [r["device_id"] for r in take(client)[0]["readings"]] == ["a"]
    client.subscribe(Subscribe())
    assert [r["device_id"] for r in take(client)[0]["readings"]] == ["a"]


def test_a_snapshot_shows_alerts_that_are_not_over_and_a_change_shows_every_state() -> None:
    hub = ready_hub()
    hub.publish(alerts=[alert(1), alert(2, AlertState.RESOLVED), alert(3, AlertState.ACKNOWLEDGED)])
    client = hub.join()
    client.subscribe(Subscribe(device_ids=[]))
    assert sorted(a["source"] for a in take(client)[0]["alerts"]) == ["s1", "s3"]
    hub.publish(alerts=[alert(1, AlertState.RESOLVED), alert(3, AlertState.ACKNOWLEDGED)])
    assert [[a["source"] for a in message["alerts"]] for message in take(client)] == [["s1"]]


def test_a_client_that_does_not_want_alerts_or_has_left_is_sent_none() -> None:
    hub = ready_hub()
    quiet, gone = hub.join(), hub.join()
    quiet.subscribe(Subscribe(alerts=False))
    gone.subscribe(Subscribe())
    take(quiet), take(gone)
    hub.leave(gone)
    hub.publish([], [alert(1)])
    assert (take(quiet), take(gone), len(hub)) == ([], [], 1)
