from apps.domain.alerts import TRANSITIONS, UNRESOLVED, AlertState, AlertTransition


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
