from apps.domain.alerts import TRANSITIONS, UNRESOLVED, AlertState, AlertTransition


def targets(state: AlertState | None) -> set[AlertState]:
    return {transition.target for transition in TRANSITIONS.values() if state in transition.sources}


def test_every_transition_stands_in_the_table() -> None:
    assert set(TRANSITIONS) == set(AlertTransition)


def test_an_alert_begins_open_may_always_be_resolved_and_never_goes_back() -> None:
    assert targets(None) == {AlertState.OPEN}
    order = list(AlertState)
    for state in AlertState:
        assert all(order.index(target) > order.index(state) for target in targets(state))
        assert (AlertState.RESOLVED in targets(state)) == (state in UNRESOLVED)


def test_what_is_over_stays_so() -> None:
    assert targets(AlertState.RESOLVED) == set()
    assert set(AlertState) - UNRESOLVED == {AlertState.RESOLVED}
