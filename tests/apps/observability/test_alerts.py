"""The rules that were asked for, and each alert's way to a person who knows what to do."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from apps.catalog import CATALOG
from apps.detector.service import DETECTOR
from apps.domain.alerts import Severity
from apps.ingestor.service import INGESTOR
from apps.notifier.service import NOTIFIER
from apps.observability.alerts import GROUPS
from apps.observability.objectives import SLOS
from apps.observability.rules import RuleGroup, alert_rules, rule_file
from apps.platform.declaration import Declaration
from tests.apps.observability.promtool import Scenario, needs_promtool

ALERTS = alert_rules(GROUPS)
MINUTE = timedelta(minutes=1)


def group(service: Declaration) -> list[RuleGroup]:
    """The rules of a service alone: all of them take promtool many times as long."""
    return [group for group in GROUPS if group.name == service.name]


def rendered(name: str) -> dict[str, Any]:
    (rule,) = [rule.render("https://example.org/") for rule in ALERTS if rule.name == name]
    return rule


def test_slow_answers_warn_after_two_minutes_over_400_ms() -> None:
    rule = rendered("ApiLatencyHigh")
    assert (rule["expr"], rule["for"], rule["labels"]) == ("api_latency_p95 > 0.4", "2m", {"severity": "warning"})


def test_a_lag_over_15_seconds_and_a_predicted_fault_are_critical_at_once() -> None:
    for name, expression in (
        ("IngestorLagging", "ingestor_batch_lag_seconds > 15"),
        ("PredictiveAlert", "predictive_alert == 1"),
    ):
        rule = rendered(name)
        assert (rule["expr"], rule.get("for"), rule["labels"]) == (expression, None, {"severity": "critical"})


@needs_promtool
@pytest.mark.parametrize(("within", "firing"), [(0, 1), (97, 0)])
def test_the_95th_percentile_decides_whether_the_api_is_slow(within: int, firing: int, tmp_path: Path) -> None:
    scenario = Scenario()
    bucket = 'http_request_duration_seconds_bucket{job="api",method="GET",route="/api/readings",le="%s"}'
    for bound, share in (("0.4", within), ("0.8", 100), ("+Inf", 100)):
        scenario.grow(bucket % bound, (share, 20))
    scenario.expect(0, 2 * MINUTE, alertname="ApiLatencyHigh")
    scenario.expect(firing, 3 * MINUTE, alertname="ApiLatencyHigh")
    scenario.run(tmp_path)


@needs_promtool
@pytest.mark.parametrize("last_samples", ["0x20", "_x20"], ids=["unreachable", "gone"])
def test_a_service_that_is_down_pages_within_a_minute(last_samples: str, tmp_path: Path) -> None:
    scenario = Scenario()
    scenario.feed('up{job="api",instance="a"}', f"1x20 {last_samples}")
    scenario.feed('up{job="ingestor",instance="a"}', "0x40")
    for service in CATALOG.services:
        if service.name != "api":
            scenario.feed(f'up{{job="{service.name}",instance="b"}}', "1x40")
    scenario.expect(0, 5 * MINUTE, alertname="ServiceDown")
    stale = (
        timedelta() if last_samples.startswith("0") else 5 * MINUTE
    )  # promtool keeps what it was last told that long
    scenario.expect(1, 6 * MINUTE + stale, alertname="ServiceDown", job="api", severity=Severity.CRITICAL)
    scenario.expect(1, 6 * MINUTE + stale, alertname="ServiceDown")
    scenario.run(tmp_path)


@needs_promtool
def test_a_metric_that_is_not_there_alerts(tmp_path: Path) -> None:
    scenario = Scenario()
    scenario.feed('up{job="ingestor"}', "1x80")
    scenario.expect(1, 2 * MINUTE, alertname="IngestorLagUnknown")
    scenario.expect(1, 6 * MINUTE, alertname="DetectorSilent")
    scenario.run(tmp_path)


@needs_promtool
def test_readings_lost_before_the_first_scrape_are_reported_for_an_hour(tmp_path: Path) -> None:
    scenario = Scenario(interval=MINUTE)
    scenario.feed('ingestor_retention_gaps_total{instance="a"}', "_x5 1x120")
    scenario.feed('ingestor_retention_gaps_total{instance="b"}', "0x30 1x95")
    scenario.expect(0, 4 * MINUTE, alertname="ReadingsLost")
    scenario.expect(1, 7 * MINUTE, alertname="ReadingsLost", instance="a")
    scenario.expect(1, 32 * MINUTE, alertname="ReadingsLost", instance="b")
    scenario.expect(1, 70 * MINUTE, alertname="ReadingsLost")
    scenario.expect(0, 100 * MINUTE, alertname="ReadingsLost")
    scenario.run(tmp_path)


@needs_promtool
def test_a_tenth_of_the_readings_rejected_for_a_quarter_of_an_hour_is_a_ticket(tmp_path: Path) -> None:
    scenario = Scenario(interval=MINUTE)
    scenario.grow('ingestor_records_total{outcome="stored"}', (90, 60))
    scenario.grow('ingestor_records_total{outcome="rejected"}', (0, 20), (30, 40))
    scenario.expect(0, 30 * MINUTE, alertname="ReadingsRejected")
    scenario.expect(1, 50 * MINUTE, alertname="ReadingsRejected", severity=Severity.WARNING)
    scenario.run(tmp_path)


@needs_promtool
def test_a_detector_that_stopped_working_is_a_ticket_after_15_minutes(tmp_path: Path) -> None:
    scenario = Scenario(interval=MINUTE)
    scenario.feed("detector_last_success_timestamp_seconds", "0x60")
    scenario.expect(0, 14 * MINUTE, alertname="DetectorSilent")
    scenario.expect(1, 17 * MINUTE, alertname="DetectorSilent")
    scenario.run(tmp_path)


@needs_promtool
def test_a_job_that_fails_is_told_until_a_run_of_it_works_and_one_that_works_never(tmp_path: Path) -> None:
    scheduled, succeeded = "kube_cronjob_status_last_schedule_time", "kube_cronjob_status_last_successful_time"
    scenario = Scenario(interval=MINUTE)
    scenario.feed(scheduled + '{cronjob="nightly"}', "0x9 600x120")
    scenario.feed(succeeded + '{cronjob="nightly"}', "30x69 4230x60")  # by the third hour a run works again
    scenario.feed(scheduled + '{cronjob="first"}', "600x120")  # no run has ever worked
    scenario.feed(scheduled + '{cronjob="fine"}', "600x130")
    scenario.feed(succeeded + '{cronjob="fine"}', "630x130")
    for minute, failing in ((15, ()), (45, ("first", "nightly")), (80, ("first",))):
        for job in ("nightly", "first", "fine"):
            scenario.expect(int(job in failing), minute * MINUTE, alertname="CronJobFailing", cronjob=job)
    scenario.run(tmp_path)


@needs_promtool
@pytest.mark.parametrize(
    ("alert", "series", "severity"),
    [
        (
            "DatabaseStorageLow",
            {"database_free_storage_bytes": (1, 3), "database_size_bytes": (17, 17)},
            Severity.CRITICAL,
        ),
        (
            "DatabaseConnectionsHigh",
            {"database_connections": (81, 79), "database_max_connections": (100, 100)},
            Severity.WARNING,
        ),
        ("DatabaseCpuHigh", {"database_cpu_ratio": (0.81, 0.79)}, Severity.WARNING),
        ("DatabaseCpuCreditsSpent", {"database_cpu_surplus_credits": (1, 0)}, Severity.WARNING),
    ],
)
def test_a_database_in_need_is_told_and_a_sound_one_is_not(
    alert: str, series: dict[str, tuple[float, float]], severity: Severity, tmp_path: Path
) -> None:
    scenario = Scenario(interval=MINUTE)
    for name, (in_need, sound) in series.items():
        scenario.feed(f'{name}{{instance="in need"}}', f"{in_need}x60")
        scenario.feed(f'{name}{{instance="sound"}}', f"{sound}x60")
    scenario.expect(1, 45 * MINUTE, alertname=alert, severity=severity)
    scenario.expect(1, 45 * MINUTE, alertname=alert, instance="in need")
    scenario.run(tmp_path)


@needs_promtool
def test_a_database_that_nobody_measures_is_a_ticket(tmp_path: Path) -> None:
    scenario = Scenario(interval=MINUTE)
    scenario.feed("database_last_measured_timestamp_seconds", "0x60")
    scenario.expect(0, 20 * MINUTE, alertname="DatabaseUnmeasured")
    scenario.expect(1, 27 * MINUTE, alertname="DatabaseUnmeasured")
    scenario.run(tmp_path)


def test_every_alert_links_a_section_that_exists() -> None:
    text = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert {rule.runbook.partition("#")[2] for rule in ALERTS} <= anchors


def test_group_names_are_unique_as_prometheus_demands() -> None:
    names = [group["name"] for group in rule_file(GROUPS, "")["groups"]]
    assert len(names) == len(set(names))


@needs_promtool
def test_a_gateway_that_is_not_told_what_was_revoked_alerts_and_one_that_never_was_too(tmp_path: Path) -> None:
    scenario = Scenario()
    scenario.feed('gateway_revocations_age_seconds{instance="told"}', "5x80")
    scenario.feed('gateway_revocations_age_seconds{instance="cut off"}', "5x20 65+15x60")
    scenario.feed('gateway_revocations_age_seconds{instance="new"}', " ".join(["Inf"] * 40))
    scenario.expect(0, 5 * MINUTE, alertname="RevocationsUnknown", instance="cut off")
    scenario.expect(1, 8 * MINUTE, alertname="RevocationsUnknown", instance="cut off")
    scenario.expect(1, 8 * MINUTE, alertname="RevocationsUnknown", instance="new")
    scenario.expect(0, 8 * MINUTE, alertname="RevocationsUnknown", instance="told")
    scenario.run(tmp_path)


@needs_promtool
def test_rules_that_are_behind_or_that_nobody_judges_are_told_of(tmp_path: Path) -> None:
    scenario = Scenario(interval=MINUTE)
    scenario.feed('rules_behind_seconds{instance="a"}', "0x10 90x10 0x30")
    # It looks until the 29th minute, and then hangs.
    scenario.feed('rules_last_look_timestamp_seconds{instance="a"}', "0+60x29 1740x20")
    for minute, behind, not_judged in ((8, 0, 0), (15, 1, 0), (25, 0, 0), (35, 0, 1)):
        scenario.expect(behind, minute * MINUTE, alertname="RulesBehind")
        scenario.expect(not_judged, minute * MINUTE, alertname="RulesNotJudged")
    scenario.run(tmp_path)


@needs_promtool
def test_a_receiver_that_fails_pages_until_it_is_reached_again_and_names_no_other(tmp_path: Path) -> None:
    scenario = Scenario(interval=MINUTE)
    failed = "alertmanager_notifications_failed_total"
    # Two replicas, of which one fails to reach the pager for ten minutes; the chat is fine throughout.
    scenario.feed(f'{failed}{{instance="a",integration="pagerduty"}}', "0x20 1+1x9 10x60")
    scenario.feed(f'{failed}{{instance="b",integration="pagerduty"}}', "0x90")
    scenario.feed(f'{failed}{{instance="a",integration="slack"}}', "3x90")
    for minute, firing in ((19, 0), (23, 1), (40, 1), (50, 0)):
        labels = {"alertname": "NotificationsFailing", "integration": "pagerduty", "severity": Severity.CRITICAL}
        scenario.expect(firing, minute * MINUTE, **labels)
        scenario.expect(0, minute * MINUTE, alertname="NotificationsFailing", integration="slack")
    scenario.run(tmp_path, group(NOTIFIER))


@needs_promtool
@pytest.mark.parametrize("times", ["0+60x29 1740x30 3540+60x40", "_x100"], ids=["hangs for a while", "never was"])
def test_a_notifier_that_hands_nothing_over_pages_after_ten_minutes_at_most(times: str, tmp_path: Path) -> None:
    scenario = Scenario(interval=MINUTE)
    scenario.feed("notifier_last_success_timestamp_seconds", times)
    if times.startswith("_"):
        scenario.expect(0, 4 * MINUTE, alertname="NotifierSilent")
        scenario.expect(1, 6 * MINUTE, alertname="NotifierSilent", severity=Severity.CRITICAL)
    else:
        for minute, firing in ((33, 0), (38, 0), (41, 1), (59, 1), (65, 0)):
            scenario.expect(firing, minute * MINUTE, alertname="NotifierSilent")
    scenario.run(tmp_path, group(NOTIFIER))


@needs_promtool
def test_a_shard_that_lags_or_that_nobody_reads_pages(tmp_path: Path) -> None:
    scenario = Scenario(interval=MINUTE)
    for shard, lag in (("shardId-0", "0x10 16x10 3x20"), ("shardId-1", "15x40")):
        scenario.feed(f'ingestor_batch_lag_seconds{{shard_id="{shard}"}}', lag)
    scenario.feed("ingestor_unread_shards", "0x10 1x10 0x20")
    for minute, firing in ((9, 0), (15, 1), (25, 0)):
        scenario.expect(firing, minute * MINUTE, alertname="IngestorLagging", shard_id="shardId-0")
        scenario.expect(0, minute * MINUTE, alertname="IngestorLagging", shard_id="shardId-1")
        scenario.expect(firing, minute * MINUTE, alertname="ShardUnread", severity=Severity.CRITICAL)
    scenario.run(tmp_path, group(INGESTOR))


@needs_promtool
def test_the_platforms_own_signals_page_while_the_detector_says_so(tmp_path: Path) -> None:
    scenario = Scenario(interval=MINUTE)
    scenario.feed('predictive_alert{signal="api/latency"}', "0x10 1x10 0x10")
    scenario.feed('predictive_alert{signal="api/cpu"}', "0x30")
    for minute, firing in ((9, 0), (15, 1), (25, 0)):
        scenario.expect(firing, minute * MINUTE, alertname="PredictiveAlert", severity=Severity.CRITICAL)
        scenario.expect(firing, minute * MINUTE, alertname="PredictiveAlert", signal="api/latency")
    scenario.run(tmp_path, group(DETECTOR))


def test_every_alert_is_seen_to_fire_by_a_scenario() -> None:
    played = Path(__file__).read_text().partition("@needs_promtool")[2]
    budgets = {f"{slo.name.title().replace('-', '')}BudgetBurn" for slo in SLOS}  # test_slos.py
    assert {rule.name for rule in ALERTS} - budgets <= set(re.findall(r'"([A-Z][A-Za-z]+)"', played))


@needs_promtool
def test_a_month_without_its_report_warns_in_the_second_week_after_it(tmp_path: Path) -> None:
    scenario = Scenario(interval=timedelta(hours=1))
    scenario.feed("longterm_newest_month_timestamp_seconds", "0x1000")
    scenario.expect(0, timedelta(days=39), alertname="ReportsBehind")
    scenario.expect(1, timedelta(days=41), alertname="ReportsBehind")
    scenario.run(tmp_path)


@needs_promtool
@pytest.mark.parametrize(
    ("lines", "firing"), [("0+9x60", 0), ("0+9x20 180x40", 1), ("_x60", 0)], ids=["flow", "stop", "nobody keeps any"]
)
def test_logs_that_no_longer_arrive_are_noticed_though_every_pod_is_ready(
    lines: str, firing: int, tmp_path: Path
) -> None:
    scenario = Scenario(interval=MINUTE)
    scenario.feed('loki_distributor_lines_received_total{tenant="fake"}', lines)
    scenario.expect(0, 30 * MINUTE, alertname="LogsStopped")
    scenario.expect(firing, 45 * MINUTE, alertname="LogsStopped", severity=Severity.WARNING)
    scenario.run(tmp_path)


@needs_promtool
def test_forecasts_that_are_late_warn_before_the_last_ones_are_over(tmp_path: Path) -> None:
    scenario = Scenario(interval=timedelta(hours=1))
    scenario.feed("forecast_last_success_timestamp_seconds", "0x1000")
    scenario.expect(0, timedelta(hours=18), alertname="ForecastsBehind")
    scenario.expect(1, timedelta(hours=20), alertname="ForecastsBehind")
    scenario.run(tmp_path)


@needs_promtool
def test_an_archive_that_is_late_warns_and_one_that_is_off_does_not(tmp_path: Path) -> None:
    scenario = Scenario(interval=timedelta(hours=1))
    scenario.expect(0, timedelta(days=3), alertname="ArchiveBehind")
    scenario.run(tmp_path)
    scenario = Scenario(interval=timedelta(hours=1))
    scenario.feed("archive_last_success_timestamp_seconds", "0x100")
    scenario.feed("archive_failed_days", "0x20 2x80")
    scenario.expect(0, timedelta(hours=47), alertname="ArchiveBehind")
    scenario.expect(1, timedelta(hours=51), alertname="ArchiveBehind")
    scenario.expect(0, timedelta(hours=19), alertname="ArchiveDiffers")
    scenario.expect(1, timedelta(hours=22), alertname="ArchiveDiffers")
    scenario.run(tmp_path)
