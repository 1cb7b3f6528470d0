"""Objectives alert when their budgets' arithmetic says so: not a step sooner, not a step later."""

import math
from datetime import timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from apps.domain.alerts import Severity
from apps.observability.objectives import (
    ALERT_LATENCY,
    API_AVAILABILITY,
    API_LATENCY,
    INGEST_AVAILABILITY,
    INGEST_COMPLETENESS,
    INGEST_FRESHNESS,
    SLOS,
)
from apps.observability.slos import BURN_RATE_ALERTS, Slo
from apps.platform.promql import decimal
from tests.apps.observability.promtool import Scenario, needs_promtool

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
ROUTE = 'job="api",method="GET",route="/api/readings"'

FAST, SLOWER, TICKET, SLOW_TICKET = BURN_RATE_ALERTS


COUNTERS = {
    # What counts the good, and what counts the bad or everything.
    API_AVAILABILITY: (f'http_requests_total{{{ROUTE},status="200"}}', f'http_requests_total{{{ROUTE},status="503"}}'),
    API_LATENCY: (
        f'http_request_duration_seconds_bucket{{{ROUTE},le="0.2"}}',
        f"http_request_duration_seconds_count{{{ROUTE}}}",
    ),
    INGEST_AVAILABILITY: (
        'http_requests_total{job="gateway",method="PUT",route="/ingest/{device_id}",status="202"}',
        'http_requests_total{job="gateway",method="PUT",route="/ingest/{device_id}",status="503"}',
    ),
    INGEST_FRESHNESS: ('ingestor_delivery_seconds_bucket{le="5.0"}', "ingestor_delivery_seconds_count"),
    ALERT_LATENCY: ('rules_judged_seconds_bucket{le="5.0"}', "rules_judged_seconds_count"),
    INGEST_COMPLETENESS: ('ingestor_records_total{outcome="stored"}', "gateway_readings_accepted_total"),
}


def grow(scenario: Scenario, slo: Slo, *phases: tuple[int, int, int]) -> None:
    """Feed what `slo` looks at: phases of (good events, bad events, for so many samples)."""
    good, other = COUNTERS[slo]
    counts_bad = "503" in other
    scenario.grow(good, *[(good, times) for good, _, times in phases])
    scenario.grow(other, *[(bad if counts_bad else good + bad, times) for good, bad, times in phases])


def test_burn_rates_are_those_of_the_workbook() -> None:
    assert [burn.burn_rate(timedelta(days=30)) for burn in BURN_RATE_ALERTS] == [Fraction(144, 10), 6, 3, 1]
    assert [burn.short_window for burn in BURN_RATE_ALERTS] == [5 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR]


def test_a_full_outage_pages_within_52_seconds_by_arithmetic() -> None:
    assert timedelta(seconds=51) < API_AVAILABILITY.detection_time(FAST) < timedelta(seconds=52)


def test_a_fault_too_slow_for_a_burn_rate_has_no_detection_time() -> None:
    with pytest.raises(ValueError, match=r"0.001 of events bad is under 0.0144"):
        API_AVAILABILITY.detection_time(FAST, Fraction(1, 1000))


def test_the_promises_are_written_down_as_they_are() -> None:
    text = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    for slo in SLOS:
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {slo.title} |")]
        assert row.endswith(f"| {decimal(slo.objective * 100)} % |")


slow = partial(pytest.param, marks=pytest.mark.slow)

CASES = [
    # objective, fraction of events that are bad, the burn rate that notices first, time between samples
    (API_AVAILABILITY, Fraction(1), FAST, timedelta(seconds=15)),
    (API_AVAILABILITY, Fraction(3, 100), FAST, MINUTE),
    slow(API_AVAILABILITY, Fraction(1, 100), SLOWER, 2 * MINUTE),
    slow(API_AVAILABILITY, Fraction(4, 1000), TICKET, 10 * MINUTE),
    slow(API_AVAILABILITY, Fraction(2, 1000), SLOW_TICKET, 10 * MINUTE),
    (API_LATENCY, Fraction(1), FAST, MINUTE),
    slow(API_LATENCY, Fraction(10, 100), SLOWER, 2 * MINUTE),
    slow(API_LATENCY, Fraction(4, 100), TICKET, 10 * MINUTE),
    slow(API_LATENCY, Fraction(2, 100), SLOW_TICKET, 10 * MINUTE),
    (INGEST_AVAILABILITY, Fraction(1), FAST, MINUTE),
    (INGEST_FRESHNESS, Fraction(1), FAST, MINUTE),
    (INGEST_COMPLETENESS, Fraction(1), FAST, MINUTE),
    (ALERT_LATENCY, Fraction(1), FAST, MINUTE),
    slow(ALERT_LATENCY, Fraction(10, 100), SLOWER, 2 * MINUTE),
    slow(INGEST_COMPLETENESS, Fraction(10, 100), SLOWER, 2 * MINUTE),
]


@needs_promtool
@pytest.mark.parametrize(("slo", "errors", "burn", "interval"), CASES)
def test_a_fault_is_noticed_when_the_arithmetic_says(
    slo: Any, errors: Any, burn: Any, interval: Any, tmp_path: Path
) -> None:
    scenario = Scenario(interval=interval)
    alike = [alert for alert in BURN_RATE_ALERTS if alert.severity is burn.severity]
    before = max(alert.long_window for alert in alike) // interval  # a shorter history would count for the whole window
    steps = slo.detection_time(burn, errors) / interval
    last_silent, first_firing = math.ceil(steps) - 1, math.floor(steps) + 1
    bad = int(1000 * errors)
    grow(scenario, slo, (1000, 0, before), (1000 - bad, bad, first_firing))
    start = before * interval
    scenario.expect(0, start + last_silent * interval, slo=slo.name, severity=burn.severity)
    scenario.expect(1, start + first_firing * interval, slo=slo.name, severity=burn.severity)
    pages, tickets = slo.groups()
    scenario.run(tmp_path, [pages] if burn.severity is Severity.CRITICAL else [pages, tickets])


@needs_promtool
def test_a_page_ends_soon_after_the_outage_does(tmp_path: Path) -> None:
    scenario = Scenario()
    grow(scenario, API_AVAILABILITY, (1000, 0, 6 * 240), (0, 1000, 8), (1000, 0, 40))
    scenario.expect(1, 6 * HOUR + 2 * MINUTE, severity=Severity.CRITICAL)
    scenario.expect(0, 6 * HOUR + 8 * MINUTE, severity=Severity.CRITICAL)
    pages, _ = API_AVAILABILITY.groups()
    scenario.run(tmp_path, [pages])


@needs_promtool
@pytest.mark.parametrize("slo", SLOS)
def test_nobody_is_alerted_without_traffic(slo: Any, tmp_path: Path) -> None:
    scenario = Scenario(interval=MINUTE)
    grow(scenario, slo, (0, 0, 120))
    scenario.expect(0, HOUR, slo=slo.name)
    scenario.run(tmp_path)


@needs_promtool
def test_an_outage_from_the_very_first_request_on_is_noticed(tmp_path: Path) -> None:
    scenario = Scenario()
    scenario.grow(f'http_requests_total{{{ROUTE},status="503"}}', (10, 20))
    scenario.expect(1, 4 * MINUTE, slo=API_AVAILABILITY.name, severity=Severity.CRITICAL)
    scenario.run(tmp_path)


@needs_promtool
def test_an_export_may_take_its_time(tmp_path: Path) -> None:
    scenario = Scenario()
    grow(scenario, API_LATENCY, (1, 0, 240))
    export = 'job="api",method="GET",route="/api/readings/export"'
    scenario.grow(f"http_request_duration_seconds_count{{{export}}}", (1000, 240))
    scenario.grow(f'http_request_duration_seconds_bucket{{{export},le="0.2"}}', (0, 240))
    scenario.expect(0, HOUR, slo=API_LATENCY.name)
    pages, _ = API_LATENCY.groups()
    scenario.run(tmp_path, [pages])


@needs_promtool
def test_the_cluster_asking_for_readiness_spends_no_budget(tmp_path: Path) -> None:
    scenario = Scenario()
    grow(scenario, API_AVAILABILITY, (1, 0, 240))
    scenario.grow('http_requests_total{job="api",method="GET",route="/ready",status="503"}', (1000, 240))
    scenario.expect(0, HOUR, slo=API_AVAILABILITY.name)
    pages, _ = API_AVAILABILITY.groups()
    scenario.run(tmp_path, [pages])


@needs_promtool
@pytest.mark.parametrize(("minutes", "bursts"), [(10, 8), slow(30, 14)])
def test_readings_on_their_way_are_not_missing(minutes: Any, bursts: Any, tmp_path: Path) -> None:
    scenario = Scenario()
    accepted, stored = [0] * 20, [0] * 20
    for burst in range(1, bursts + 1):  # stored a sample later
        accepted += [4000 * burst] * 4 * minutes
        stored += [4000 * (burst - 1), *[4000 * burst] * (4 * minutes - 1)]
    scenario.feed("gateway_readings_accepted_total", " ".join(map(str, accepted)))
    scenario.feed('ingestor_records_total{outcome="stored"}', " ".join(map(str, stored)))
    scenario.expect_none(bursts * minutes * MINUTE, slo=INGEST_COMPLETENESS.name)
    pages, _ = INGEST_COMPLETENESS.groups()
    scenario.run(tmp_path, [pages])
