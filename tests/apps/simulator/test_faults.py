import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.simulator.faults import SHARES, Fault, FaultKind, parse_fault

seconds = st.integers(0, 10_000)


@given(
    st.sampled_from(FaultKind), st.from_regex(r"[A-Za-z0-9*?][A-Za-z0-9._*?-]{0,20}", fullmatch=True), seconds, seconds
)
def test_every_part_of_a_fault_is_read(kind: FaultKind, device: str, start: int, duration: int) -> None:
    share = SHARES.get(kind, 1)
    assert parse_fault(kind) == Fault(kind, "*", 0, math.inf, share)
    assert parse_fault(f"{kind}:{device}") == Fault(kind, device, 0, math.inf, share)
    assert parse_fault(f"{kind}@{start}+{duration}") == Fault(kind, "*", start, duration, share)
    assert parse_fault(f"{kind}:{device}@{start}+{duration}") == Fault(kind, device, start, duration, share)


@given(st.text(max_size=30))
@pytest.mark.parametrize("prefix", ["", "drift", "drift:a", "drift@"])
def test_anything_else_is_refused_with_what_is_allowed(prefix: str, text: str) -> None:
    try:
        fault = parse_fault(prefix + text)
    except ValueError as error:
        assert "KIND[:DEVICE][@START+DURATION]" in str(error)  # noqa: PT017 - most texts are refused, not all
    else:
        assert fault.kind in FaultKind
        assert fault.start >= 0


@pytest.mark.parametrize("text", ["", "rust", "drift:", "drift@5", "drift@5+", "drift@+5", "drift@1.2.3+4", "Drift"])
def test_a_wrong_fault_names_the_kinds(text: str) -> None:
    with pytest.raises(ValueError, match=r"drift, spike, .*, malformed"):
        parse_fault(text)


def test_a_fault_has_its_devices_and_its_time() -> None:
    fault = parse_fault("drift:sim-power-*@10+5")
    assert fault.affects("sim-power-001")
    assert not fault.affects("sim-humidity-001")
    assert [fault.is_active_at(elapsed) for elapsed in (9.9, 10, 14.9, 15)] == [False, True, True, False]
