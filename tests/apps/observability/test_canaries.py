"""A version is judged by its own pods, as strictly as an objective pages somebody."""

from datetime import timedelta
from fractions import Fraction
from pathlib import Path

from apps.api.service import API
from apps.gateway.service import GATEWAY
from apps.ingestor.service import INGESTOR
from apps.notifier.service import NOTIFIER
from apps.observability.alerts import LAG_BOUND
from apps.observability.canaries import indicators
from apps.observability.objectives import API_AVAILABILITY, API_LATENCY, INGEST_COMPLETENESS, SLOS
from apps.observability.slos import BURN_RATE_ALERTS
from apps.platform.promql import Matches
from apps.rules.service import RULES
from tests.apps.observability.promtool import Scenario, needs_promtool

WINDOW = timedelta(minutes=5)
NEW = Matches("api-new-.*")
ROUTE = 'job="api",method="GET",route="/api/readings"'


def test_a_service_is_judged_by_what_it_promises_by_itself() -> None:
    assert [indicator.name for indicator in indicators(API)] == [API_AVAILABILITY.name, API_LATENCY.name]
    assert [indicator.name for indicator in indicators(GATEWAY)] == ["ingest-availability"]
    assert [indicator.name for indicator in indicators(INGESTOR)] == ["ingest-freshness", "ingest-lag"]
    assert [indicator.name for indicator in indicators(RULES)] == ["alert-latency"]
    assert INGEST_COMPLETENESS.service is None, "the counters of two services are compared"
    assert {indicator.name for service in (API, GATEWAY, INGESTOR, RULES) for indicator in indicators(service)} >= {
        slo.name for slo in SLOS if slo.service
    }
    assert indicators(NOTIFIER) == ()


def test_as_strictly_as_the_first_alert_pages() -> None:
    availability, latency = indicators(API)
    assert (availability.at_most, latency.at_most) == (Fraction(144, 10_000), Fraction(144, 1000))
    assert availability.at_most == API_AVAILABILITY.threshold(BURN_RATE_ALERTS[0])
    assert indicators(INGESTOR)[-1].at_most == LAG_BOUND


@needs_promtool
def test_what_the_pods_of_the_other_version_do_does_not_count(tmp_path: Path) -> None:
    scenario = Scenario()
    for pod, good, bad in (("api-old-1", 0, 100), ("api-new-1", 97, 3), ("api-new-2", 99, 1)):
        scenario.grow(f'http_requests_total{{{ROUTE},pod="{pod}",status="200"}}', (good, 40))
        scenario.grow(f'http_requests_total{{{ROUTE},pod="{pod}",status="503"}}', (bad, 40))
    availability, _ = indicators(API)
    query = f"round({availability.measured(WINDOW, NEW)}, 0.001)"
    found = [{"labels": "{}", "value": 0.02}]
    scenario.checks.append({"expr": query, "eval_time": "10m", "exp_samples": found})
    scenario.run(tmp_path)


@needs_promtool
def test_nothing_is_found_of_pods_that_did_nothing(tmp_path: Path) -> None:
    scenario = Scenario()
    scenario.grow(f'http_requests_total{{{ROUTE},pod="api-old-1",status="503"}}', (1, 40))
    for judged in indicators(API):
        query = str(judged.measured(WINDOW, NEW))
        scenario.checks.append({"expr": query, "eval_time": "10m", "exp_samples": []})
    scenario.run(tmp_path)
