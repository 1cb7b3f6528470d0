"""Whether a number or a time is kept as it was written."""

from datetime import UTC, datetime
from fractions import Fraction

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.domain.errors import PrecisionError
from apps.domain.exactness import Written, check_exact, is_exact, may_be_altered
from apps.domain.readings import Reading, Validated, parse_readings
from apps.domain.time_bounds import TimeBounds

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TS = "2026-11-23T11:00:00Z"
FINITE = st.floats(-1e300, 1e300)
WRITTEN = (
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "-"]),
        st.integers(0, 10**25),
        st.one_of(st.just(""), st.integers(0, 10**25).map(".{}".format), st.integers(0, 10**9).map(".000000{}".format)),
        st.one_of(st.just(""), st.integers(-340, 270).map("e{}".format), st.integers(-30, 30).map("E{}".format)),
    )
    | FINITE.map(repr)
    | st.integers(-(2**80), 2**80).map(str)
)


def parse(number: str, ts: str = TS) -> Validated:
    body = f'[{{"metric": "m", "ts": "{ts}", "value": {number}}}]'.encode()
    return parse_readings(body, TimeBounds.at(NOW, 3), 10)


@pytest.mark.parametrize(
    "number",
    [
        *("0", "-0", "-0.0", "0.1", "1.10", "71.50000000000000000000", "1e3", "1.5E+2", "5e-324", "1e300", "100e-2"),
        # As %.17g writes 21.3 and 0.1, and as 20 places after the point do.
        *("21.300000000000001", "0.10000000000000001", "21.30000000000000071054"),
        *("9007199254740992", "-9007199254740994", "1152921504606846976"),
    ],
)
def test_a_number_that_a_double_keeps_is_taken(number: str) -> None:
    (reading,) = parse(number).readings
    assert reading.value == float(number)


@pytest.mark.parametrize(
    "number",
    [
        *("9007199254740993", "-9007199254740993", "1234567890123456789", "12345678901234567890123"),
        *("3.14159265358979323846", "0.30000000000000001", "1e-400", "-1e-400", "1.00000000000000000001"),
        *("1" * 2000 + "e-1990", "0." + "0" * 400 + "1"),
    ],
)
def test_a_number_that_a_double_would_change_is_refused_with_the_nearest(number: str) -> None:
    (rejected,) = parse(number).rejected
    assert rejected.kind == "precision"
    assert repr(float(number)) in rejected.reason


@pytest.mark.parametrize("number", ["1e400", "-1e999", "1.1e300", "NaN", "Infinity", '"1"', "true", "[1]"])
def test_what_is_no_number_or_too_large_is_refused_for_its_form(number: str) -> None:
    assert [rejected.kind for rejected in parse(number).rejected] == ["schema"]


@pytest.mark.parametrize(
    ("fraction", "is_kept"),
    [
        *((text, True) for text in ("", ".5", ".123456", ".123456000", ".000000000")),
        *((text, False) for text in (".1234567", ".123456001", ".0000000001", ".9999999")),
    ],
)
@pytest.mark.parametrize("zone", ["Z", "+00:00", "-02:00"])
def test_a_time_is_kept_to_the_microsecond_and_a_finer_one_is_refused(fraction: str, is_kept: bool, zone: str) -> None:
    found = parse("1", f"2026-11-23T09:00:00{fraction}{zone}")
    assert [rejected.kind for rejected in found.rejected] == ([] if is_kept else ["precision"])
    if is_kept:
        assert found.readings[0].ts.microsecond == int((fraction or ".0")[1:7].ljust(6, "0"))


def test_a_time_behind_escapes_is_looked_at_too() -> None:
    with pytest.raises(PrecisionError, match="microsecond"):
        check_exact(Written(msgspec.Raw(rb'"2026-11-23T09:00:00\u002e1234567Z"'), msgspec.Raw(b"1")), 1.0)


@pytest.mark.generated
@given(WRITTEN)
@example("1e-308")
@example("0e-99999999999999999999")
def test_what_is_taken_is_the_number_and_what_needs_no_look_is_exact(number: str) -> None:
    value = float(number)
    exact = is_exact(number, value)
    if not may_be_altered(f'{{"value": {number}}}'.encode()):
        assert exact
    if exact:
        # Off by less than the last digit that was written, or the text that Python writes for it.
        digits, _, exponent = number.lower().partition("e")
        unit = Fraction(10) ** (int(exponent or 0) - len(digits.partition(".")[2]))
        written = Fraction(digits.replace(".", "")) * unit
        assert written == Fraction(repr(value)) or abs(Fraction(value) - written) <= unit / 2


@given(FINITE, st.sampled_from(["{!r}", "{:.17g}", "{:.17e}", "{:.25g}", "{:.400f}"]))
def test_every_double_is_taken_as_any_language_writes_it(value: float, form: str) -> None:
    text = form.format(value)
    if float(text) == value:
        assert is_exact(text, value)


@given(FINITE)
def test_a_reading_keeps_its_value(value: float) -> None:
    assert parse(repr(value)).readings == [Reading(metric="m", ts=datetime(2026, 11, 23, 11, tzinfo=UTC), value=value)]
