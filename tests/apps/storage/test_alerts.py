"""The life of alerts on a real PostgreSQL, against a model that is a dictionary."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from apps.domain.alerts import TRANSITIONS, AlertState, AlertTransition, Anomaly, Severity
from apps.storage.alerts import apply_transition, clear_alert, raise_alert
from tests.support.postgres import TestDatabase

T = TypeVar("T")

NAMES = st.sampled_from("ab")
START = datetime.now(UTC)
PAST = START - timedelta(days=1)
UNRESOLVED = (AlertState.OPEN, AlertState.ACKNOWLEDGED)


class Alerts(RuleBasedStateMachine):
    """A service that raises and clears, people who acknowledge and resolve what they like, in any order."""

    database: TestDatabase

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.connection: asyncpg.Connection = self.run(self.database.connect())
        self.states: dict[UUID, AlertState] = {}
        self.resolved: list[UUID] = []
        """In the order in which they were resolved."""
        self.keys: dict[UUID, tuple[str, str]] = {}
        self.snoozed: dict[UUID, datetime] = {}
        """Until when, also where that is past."""
        self.history: list[tuple[UUID, str, str, str | None, datetime | None]] = []
        self.notifications: list[object] = []
        self.changes = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.connection.close())
        self.runner.close()

    @initialize()
    def begin(self) -> None:
        self.run(self.connection.execute("TRUNCATE alerts CASCADE"))
        self.run(
            self.connection.add_listener(
                "alerts_changed", lambda *notification: self.notifications.append(notification)
            )
        )

    def unresolved(self, source: str, rule_name: str) -> UUID | None:
        ids = [key for key, of in self.keys.items() if of == (source, rule_name) and self.states[key] in UNRESOLVED]
        return ids[0] if ids else None

    @rule(source=NAMES, rule_name=NAMES, message=st.text("xyz", min_size=1, max_size=3), reopens=st.booleans())
    def raises(self, source: str, rule_name: str, message: str, reopens: bool) -> None:
        anomaly = Anomaly(source=source, rule=rule_name, severity=Severity.WARNING, message=message)
        over = [key for key in self.resolved if self.keys[key] == (source, rule_name)]
        known = self.unresolved(source, rule_name)
        within = timedelta(hours=reopens)
        done = self.run(raise_alert(self.connection, anomaly, "detector", within))
        self.changes += 1
        if known is not None:
            assert done is None
        elif reopens and over:
            assert done is AlertTransition.REOPEN
            self.reopened(over[-1], "detector", message)
        else:
            assert done is AlertTransition.OPEN
            query = "SELECT alert_id FROM alerts WHERE NOT alert_id = ANY($1)"
            alert_id = self.run(self.connection.fetchval(query, list(self.states)))
            self.keys[alert_id], self.states[alert_id] = (source, rule_name), AlertState.OPEN
            self.history.append((alert_id, "detector", "opened", message, None))

    def reopened(self, alert_id: UUID, actor: str, comment: str | None) -> None:
        self.states[alert_id] = AlertState.OPEN
        self.resolved.remove(alert_id)
        self.snoozed.pop(alert_id, None)
        self.history.append((alert_id, actor, "reopened", comment, None))

    @rule(source=NAMES, rule_name=NAMES)
    def clears(self, source: str, rule_name: str) -> None:
        known = self.unresolved(source, rule_name)
        self.run(clear_alert(self.connection, source, rule_name, "detector", "calm"))
        if known is not None:
            self.changes += 1
            self.states[known] = AlertState.RESOLVED
            self.resolved.append(known)
            self.snoozed.pop(known, None)
            self.history.append((known, "detector", "resolved", "calm", None))

    @rule(data=st.data())
    def takes_back(self, data: st.DataObject) -> None:
        if not self.states:
            return
        named = data.draw(st.sampled_from(sorted(self.states)))
        may = self.states[named] is AlertState.RESOLVED and self.unresolved(*self.keys[named]) is None
        changed = self.run(apply_transition(self.connection, AlertTransition.REOPEN, [named], "ann", None))
        assert changed == ({named} if may else set())
        self.changes += may
        if may:
            self.reopened(named, "ann", None)

    @rule(
        transition=st.sampled_from([AlertTransition.ACKNOWLEDGE, AlertTransition.COMMENT, AlertTransition.RESOLVE]),
        data=st.data(),
    )
    def acts(self, transition: AlertTransition, data: st.DataObject) -> None:
        named = data.draw(st.lists(st.sampled_from(sorted(self.states)), unique=True)) if self.states else []
        changed = self.run(apply_transition(self.connection, transition, [*named, uuid4()], "ann", None))
        sources, target = TRANSITIONS[transition]
        assert changed == {alert_id for alert_id in named if self.states[alert_id] in sources}
        self.changes += bool(changed)
        for alert_id in changed:
            self.states[alert_id] = target or self.states[alert_id]
            if target is AlertState.RESOLVED:
                self.resolved.append(alert_id)
            if target is not None:
                self.snoozed.pop(alert_id, None)
            self.history.append((alert_id, "ann", str(transition), None, None))

    @rule(hours=st.sampled_from([1, 8]), data=st.data())
    def snoozes(self, hours: int, data: st.DataObject) -> None:
        named = data.draw(st.lists(st.sampled_from(sorted(self.states)), unique=True)) if self.states else []
        until = START + timedelta(hours=hours)
        snooze = apply_transition(self.connection, AlertTransition.SNOOZE, named, "ann", "later", snoozed_until=until)
        changed = self.run(snooze)
        assert changed == {
            alert_id
            for alert_id in named
            if self.states[alert_id] is AlertState.OPEN and self.snoozed.get(alert_id) != until
        }
        self.changes += bool(changed)
        for alert_id in changed:
            self.snoozed[alert_id] = until
            self.history.append((alert_id, "ann", "snoozed", "later", until))

    @rule(data=st.data())
    def unsnoozes(self, data: st.DataObject) -> None:
        if not self.states:
            return
        named = data.draw(st.sampled_from(sorted(self.states)))
        may = self.snoozed.get(named, PAST) > PAST
        changed = self.run(apply_transition(self.connection, AlertTransition.UNSNOOZE, [named], "ann", None))
        assert changed == ({named} if may else set())
        self.changes += may
        if may:
            del self.snoozed[named]
            self.history.append((named, "ann", "unsnoozed", None, None))

    @rule()
    def time_passes(self) -> None:
        """Every snooze runs out, which nobody writes down."""
        self.run(self.connection.execute("UPDATE alerts SET snoozed_until = $1 WHERE snoozed_until IS NOT NULL", PAST))
        self.snoozed = dict.fromkeys(self.snoozed, PAST)

    @invariant()
    def the_table_says_what_the_model_says(self) -> None:
        rows = self.run(self.connection.fetch("SELECT * FROM alerts"))
        assert {row["alert_id"]: row["state"] for row in rows} == self.states
        assert {row["alert_id"]: row["snoozed_until"] for row in rows if row["snoozed_until"]} == self.snoozed
        for row in rows:
            acted = [action for alert_id, _, action, *_ in self.history if alert_id == row["alert_id"]]
            since_open = acted[::-1][: next(n for n, word in enumerate(acted[::-1]) if word in ("opened", "reopened"))]
            assert (row["acknowledged_by"] is not None) == (row["acknowledged_at"] is not None)
            assert (row["acknowledged_by"] is not None) == ("acknowledged" in since_open)
            assert (row["resolved_by"] is not None) == (row["resolved_at"] is not None)
            assert (row["resolved_by"] is not None) == (row["state"] == AlertState.RESOLVED)

    @invariant()
    def every_change_left_an_event_and_was_heard_of(self) -> None:
        rows = self.run(
            self.connection.fetch("SELECT alert_id, actor, action, comment, snoozed_until FROM alert_events")
        )
        assert sorted(map(str, map(tuple, rows))) == sorted(map(str, self.history))
        assert len(self.notifications) == self.changes


async def test_an_alert_lives_as_the_state_machine_says_whoever_acts(database: TestDatabase) -> None:
    machine = type("AlertsOfThisDatabase", (Alerts,), {"database": database})
    limits = settings(max_examples=30, stateful_step_count=20, deadline=None)
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=limits)


async def test_two_that_raise_at_once_raise_one_alert(database: TestDatabase) -> None:
    anomaly = Anomaly(source="s", rule="r", severity=Severity.INFO, message="m")
    connections = [await database.connect() for _ in range(4)]
    raised = await asyncio.gather(*(raise_alert(connection, anomaly, "detector") for connection in connections))
    assert sorted(map(str, raised)) == ["None", "None", "None", "opened"]
    await clear_alert(connections[0], "s", "r", "detector", "calm")
    raised = await asyncio.gather(*(raise_alert(connection, anomaly, "detector") for connection in connections))
    assert sorted(map(str, raised)) == ["None", "None", "None", "reopened"]
    for connection in connections:
        await connection.close()


async def test_an_alert_carries_what_the_registry_says_of_its_device(database: TestDatabase) -> None:
    connection = await database.connect()
    await connection.execute(
        "INSERT INTO devices (device_id, kind, labels, attributes)"
        """ VALUES ('d', 'pump', '{cellar,wet}', '{"pressure_unit": "bar"}')"""
    )
    since = datetime(2026, 11, 26, 3, tzinfo=UTC)
    anomaly = Anomaly(
        source="d/pressure",
        rule="too-high",
        severity=Severity.CRITICAL,
        message="m",
        device_id="d",
        metric="pressure",
        threshold=3.5,
        observed=4,
        since=since,
        labels=("team:heating", "wet"),
        rule_version=2,
    )
    await raise_alert(connection, anomaly, "rules")
    alert = await connection.fetchrow("SELECT * FROM alerts")
    assert alert is not None
    carried = {name: alert[name] for name in ("kind", "unit", "labels", "threshold", "since", "rule_version")}
    assert carried == {
        "kind": "pump",
        "unit": "bar",
        "labels": ["cellar", "team:heating", "wet"],
        "threshold": 3.5,
        "since": since,
        "rule_version": 2,
    }
    over = since + timedelta(minutes=5)
    await clear_alert(connection, "d/pressure", "too-high", "rules", "calm", over)
    happened = await connection.fetch("SELECT action, happened_at FROM alert_events ORDER BY event_id")
    assert [tuple(row) for row in happened] == [("opened", since), ("resolved", over)]
    await connection.close()
