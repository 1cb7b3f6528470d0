"""The rules that were asked for, and each alert's way to a person who knows what to do."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from apps.domain.alerts import Severity
from apps.observability.alerts import GROUPS
from apps.observability.rules import alert_rules, rule_file
from tests.apps.observability.promtool import Scenario, needs_promtool

ALERTS = alert_rules(GROUPS)
MINUTE = timedelta(minutes=1)


def rendered(name: str) -> dict:
    (rule,) = [rule.render("https://example.org/") for rule in ALERTS if rule.name == name]
    return rule


def test_slow_answers_warn_after_two_minutes_over_400_ms():
    rule = rendered("ApiLatencyHigh")
    assert (rule["expr"], rule["for"], rule["labels"]) == ("api_latency_p95 > 0.4", "2m", {"severity": "warning"})


@needs_promtool
@pytest.mark.parametrize(("within", "firing"), [(0, 1), (97, 0)])
def test_the_95th_percentile_decides_whether_the_api_is_slow(within, firing, tmp_path):
    scenario = Scenario()
    bucket = 'http_request_duration_seconds_bucket{job="api",method="GET",route="/api/readings",le="%s"}'
    for bound, share in (("0.4", within), ("0.8", 100), ("+Inf", 100)):
        scenario.grow(bucket % bound, (share, 20))
    scenario.expect(0, 2 * MINUTE, alertname="ApiLatencyHigh")
    scenario.expect(firing, 3 * MINUTE, alertname="ApiLatencyHigh")
    scenario.run(tmp_path)


@needs_promtool
@pytest.mark.parametrize("last_samples", ["0x20", "_x20"], ids=["unreachable", "gone"])
def test_a_service_that_is_down_pages_within_a_minute(last_samples, tmp_path):
    scenario = Scenario()
    scenario.feed('up{job="api",instance="a"}', f"1x20 {last_samples}")
    scenario.feed('up{job="gateway",instance="a"}', "1x40")
    scenario.feed('up{job="ingestor",instance="a"}', "0x40")
    scenario.feed('up{job="ingestor",instance="b"}', "1x40")
    scenario.expect(0, 5 * MINUTE, alertname="ServiceDown")
    stale = (
        timedelta() if last_samples.startswith("0") else 5 * MINUTE
    )  # promtool keeps what it was last told that long
    scenario.expect(1, 6 * MINUTE + stale, alertname="ServiceDown", job="api", severity=Severity.CRITICAL)
    scenario.expect(1, 6 * MINUTE + stale, alertname="ServiceDown")
    scenario.run(tmp_path)


def test_every_alert_links_a_section_that_exists():
    headings = re.findall(r"^#+ (.+)$", Path("docs/operations.md").read_text(), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert {rule.runbook.partition("#")[2] for rule in ALERTS} <= anchors


def test_group_names_are_unique_as_prometheus_demands():
    names = [group["name"] for group in rule_file(GROUPS, "")["groups"]]
    assert len(names) == len(set(names))
