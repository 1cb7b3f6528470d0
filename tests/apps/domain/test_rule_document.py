"""Rules as text: the same after a round trip, and errors that say what is wrong."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.domain.alerts import FORECAST_RULE
from apps.domain.errors import InvalidInputError, SenselessRuleError
from apps.domain.rule_document import parse_rule, parse_rules, write_rules
from apps.domain.rules import RESERVED_IDS

GOOD = {
    "rule_id": "too-hot",
    "name": "Too hot",
    "condition": {"type": "above", "threshold": 30},
    "scope": {"metrics": ["temperature"]},
}
ONCE = {"type": "once", "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00+01:00"}
WEEKLY = {"type": "weekly", "days": ["mon"], "start": "22:30", "end": "04:00"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"condition": {"type": "abov"}},
            "condition.type: expected one of above, below, outside, rate, silence, found",
        ),
        (
            {"condition": {"type": "above", "threshold": "hot"}},
            "condition.threshold: expected float, got str, found 'hot'",
        ),
        ({"condition": {"type": "above"}}, "condition: the key 'threshold' is missing"),
        (
            {"condition": {"type": "above", "threshold": 1, "treshold": 2}},
            "condition: there is no key 'treshold': allowed are type, threshold, clear",
        ),
        ({"scope": {"kind": "x"}}, "scope: there is no key 'kind': allowed are device_ids, kinds, labels, metrics"),
        ({"severity": "bad"}, "severity: expected one of info, warning, critical, found 'bad'"),
        ({"rule_id": "Too hot"}, "rule_id: expected lower case letters, digits and '-', for example"),
        ({"for_seconds": -1}, "for_seconds: expected float >= 0.0, found -1"),
        ({"colour": 1}, "there is no key 'colour': allowed are rule_id, name"),
        ({"maintenance": [WEEKLY | {"start": 1350}]}, 'maintenance[0].start: expected hours and minutes, as "22:30"'),
        ({"maintenance": [WEEKLY | {"days": ["x"]}]}, "maintenance[0].days[0]: expected one of mon, tue"),
        ({"maintenance": [{"type": "once", "since": "x", "until": "y"}]}, "maintenance[0].since: invalid RFC3339"),
    ],
)
def test_an_error_names_the_key_what_was_found_and_what_is_allowed(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse_rule(GOOD | change)
    assert message in str(raised.value)
    assert not isinstance(raised.value, SenselessRuleError)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scope": {}}, "scope.metrics is empty"),
        ({"condition": {"type": "above", "threshold": 1, "clear": 2}}, "clear must not be greater than threshold 1"),
        ({"condition": {"type": "below", "threshold": 2, "clear": 1}}, "clear must not be less than threshold 2"),
        ({"condition": {"type": "outside", "low": 3, "high": 2}}, "low must be less than high"),
        ({"condition": {"type": "outside", "low": 1, "high": 9, "clear_low": 0}}, "low <= clear_low"),
        ({"condition": {"type": "rate", "threshold": 1, "clear": 2}}, "clear must not be greater"),
        ({"condition": {"type": "silence"}}, "scope.metrics is for rules about metrics"),
        ({"rule_id": "zscore"}, "reserved"),
        ({"maintenance": [WEEKLY | {"time_zone": "Mars"}]}, "not in the IANA database"),
        ({"overrides": [{"device_id": "d"}, {"device_id": "d"}]}, "overrides name d twice"),
        ({"overrides": [{"device_id": "d", "condition": {"type": "silence"}}]}, "of another type"),
    ],
)
def test_parts_that_do_not_fit_together_are_said_so(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SenselessRuleError) as raised:
        parse_rule(GOOD | change)
    assert message in str(raised.value)


def test_an_id_that_people_could_take_is_not_reserved_later() -> None:
    """A rule that is stored under it could not be read any more, and with it none."""
    assert set(RESERVED_IDS) == {"zscore", "rarity", "fleet-silent", "dry-run", "import", "export"}
    with pytest.raises(InvalidInputError, match="rule_id: expected lower case letters"):
        parse_rule(GOOD | {"rule_id": FORECAST_RULE})


LEVEL = st.floats(-1e6, 1e6)
CONDITIONS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(lambda threshold: {"type": "above", "threshold": threshold}, LEVEL),
    st.builds(lambda low, width: {"type": "outside", "low": low, "high": low + width}, LEVEL, st.floats(1, 10)),
    st.fixed_dictionaries({"type": st.just("rate"), "threshold": st.floats(0.1, 9), "direction": st.just("up")}),
    st.fixed_dictionaries(
        {"type": st.just("silence"), "of": st.just("metric"), "interval_seconds": st.none() | st.floats(1, 9)}
    ),
)
REQUIRED: dict[str, st.SearchStrategy[Any]] = {
    "rule_id": st.from_regex(r"[a-y][a-z0-9-]{0,20}", fullmatch=True).filter(lambda rule_id: rule_id != "rarity"),
    "name": st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20),
    "condition": CONDITIONS,
    "scope": st.just({"metrics": ["temperature"], "labels": ["site:Delft"]}),
}
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "severity": st.sampled_from(["info", "critical"]),
    "for_seconds": st.floats(0, 1e6),
    "labels": st.just(["team:yes", "no", "1e3"]),
    "enabled": st.booleans(),
    "maintenance": st.just([WEEKLY, ONCE]),
    "overrides": st.just([{"device_id": "0x10", "enabled": False}]),
}
RULES = st.fixed_dictionaries(REQUIRED, optional=OPTIONAL)


@settings(deadline=None)
@given(st.lists(RULES, max_size=3, unique_by=lambda rule: rule["rule_id"]))
def test_what_is_written_is_read_as_the_same_rules(documents: list[dict[str, Any]]) -> None:
    specs = [parse_rule(document) for document in documents]
    assert parse_rules(write_rules(specs)) == (specs, [])


def test_a_document_tells_of_each_rule_that_is_wrong() -> None:
    silent = "name: B, condition: {type: silence}"
    text = f"rules: [{{rule_id: a}}, {{rule_id: b, {silent}}}, {{rule_id: b, {silent}}}]"
    specs, errors = parse_rules(text)
    assert [spec.name for spec in specs] == ["B"]
    assert errors == [
        "rule 1 (a): the key 'name' is missing",
        "rule 3 (b): an earlier rule has the same rule_id",
    ]


@pytest.mark.parametrize(
    "text", ["", "rules: 1", "- a", "rules: []\nmore: 1", "a: [", "!!python/object:os.system {}", "\x00"]
)
def test_what_is_no_such_document_is_said_so(text: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_rules(text)


def test_a_device_overrides_what_it_names_and_nothing_else() -> None:
    override = {"device_id": "d", "condition": {"type": "above", "threshold": 50}, "severity": "critical"}
    rule = parse_rule(GOOD | {"overrides": [override], "for_seconds": 60})
    own = rule.for_device("d")
    assert (own.condition, own.severity, own.for_seconds, own.enabled) == (
        parse_rule(GOOD | {"condition": override["condition"]}).condition,
        "critical",
        60,
        True,
    )
    assert rule.for_device("e") == rule
