from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.domain.alerts import (
    MAX_SNOOZE,
    TRANSITIONS,
    UNRESOLVED,
    Alert,
    AlertState,
    AlertTransition,
    Severity,
    why_no_snooze,
)

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def alert(state: AlertState, snoozed_until: datetime | None) -> Alert:
    return Alert(
        source="s",
        rule="r",
        severity=Severity.WARNING,
        message="m",
        alert_id=UUID(int=1),
        state=state,
        opened_at=NOW,
        updated_at=NOW,
        snoozed_until=snoozed_until,
    )


def targets(state: AlertState | None) -> set[AlertState | None]:
    """Return the states that an alert may go to from `state`; None: it may be told something and stay."""
    return {transition.target for transition in TRANSITIONS.values() if state in transition.sources}


def test_every_transition_stands_in_the_table() -> None:
    assert set(TRANSITIONS) == set(AlertTransition)


def test_an_alert_begins_open_and_may_always_be_resolved_and_commented_on() -> None:
    assert targets(None) == {AlertState.OPEN}
    for state in AlertState:
        assert (AlertState.RESOLVED in targets(state)) == (state in UNRESOLVED)
        assert None in targets(state)


def test_only_reopening_leads_back() -> None:
    order = list(AlertState)
    for transition, (sources, target) in TRANSITIONS.items():
        back = target is not None and any(s is not None and order.index(target) < order.index(s) for s in sources)
        assert back == (transition is AlertTransition.REOPEN)
    assert set(AlertState) - UNRESOLVED == {AlertState.RESOLVED}


def test_snoozing_changes_no_state_and_only_what_is_open_is_snoozed() -> None:
    for transition in (AlertTransition.SNOOZE, AlertTransition.UNSNOOZE):
        assert TRANSITIONS[transition] == (frozenset({AlertState.OPEN}), None)


@given(state=st.sampled_from(AlertState), ends_in=st.none() | st.timedeltas(-MAX_SNOOZE, MAX_SNOOZE))
def test_nobody_is_told_again_while_somebody_looks_after_an_alert_or_snoozed_it(
    state: AlertState, ends_in: timedelta | None
) -> None:
    it = alert(state, None if ends_in is None else NOW + ends_in)
    assert it.is_quiet(NOW) == (state is AlertState.ACKNOWLEDGED or it.is_snoozed(NOW))
    if it.is_snoozed(NOW):
        assert state is AlertState.OPEN
        assert it.snoozed_until is not None
        assert it.is_snoozed(it.snoozed_until - timedelta(microseconds=1))
        assert not it.is_quiet(it.snoozed_until)
    elif state is AlertState.OPEN:
        assert it.snoozed_until is None or it.snoozed_until <= NOW


@pytest.mark.parametrize(
    ("until", "may"),
    [(-SECOND, False), (timedelta(0), False), (SECOND, True), (MAX_SNOOZE, True), (MAX_SNOOZE + SECOND, False)],
)
def test_a_snooze_ends_between_now_and_thirty_days(until: timedelta, may: bool) -> None:
    reason = why_no_snooze(NOW + until, NOW)
    assert (reason is None) == may
    if reason is not None:
        assert "between 2026-11-26T12:00:00Z and 2026-12-26T12:00:00Z" in reason
