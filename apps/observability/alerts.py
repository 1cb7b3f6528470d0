"""Every rule that Prometheus evaluates: the symptoms that call somebody, and the objectives."""

from datetime import timedelta
from fractions import Fraction

from prometheus_client import Gauge

from apps.api.service import API
from apps.archive.metrics import FAILED_DAYS
from apps.archive.metrics import LAST_SUCCESS as ARCHIVED
from apps.archive.service import ARCHIVE
from apps.catalog import CATALOG
from apps.detector.metrics import LAST_SUCCESS, PREDICTIVE_ALERT
from apps.detector.service import DETECTOR
from apps.domain.alerts import Severity
from apps.domain.credentials import REVOCATION_TIME
from apps.forecast.metrics import LAST_SUCCESS as FORECAST_MADE
from apps.forecast.service import FORECAST
from apps.gateway.metrics import REVOCATIONS_AGE
from apps.gateway.service import GATEWAY
from apps.ingestor.metrics import BATCH_LAG, RECORDS, RETENTION_GAPS, UNREAD_SHARDS, Outcome
from apps.ingestor.service import INGESTOR
from apps.longterm.metrics import NEWEST_MONTH
from apps.longterm.service import LONGTERM
from apps.notifier.metrics import LAST_SUCCESS as LAST_HANDOVER
from apps.notifier.service import NOTIFIER
from apps.observability.objectives import LATENCY_ROUTES, SLOS
from apps.observability.rules import AlertRule, RecordingRule, RuleGroup
from apps.platform.exporters import CRONJOB_SCHEDULED, CRONJOB_SUCCEEDED, LOG_LINES, NOTIFICATIONS_FAILED, UP
from apps.platform.http import HTTP_SECONDS
from apps.platform.promql import (
    Matcher,
    Matches,
    NotMatches,
    absent,
    age,
    histogram_quantile,
    increase,
    max_,
    rate,
    sum_,
    value,
)
from apps.rules.metrics import BEHIND_SECONDS, LOOKED
from apps.rules.service import RULES
from apps.storage.metrics import (
    CONNECTIONS,
    CPU,
    CPU_SURPLUS_CREDITS,
    FREE_STORAGE,
    LAST_MEASURED,
    MAX_CONNECTIONS,
    SIZE,
)

LAG_BOUND = 15
"""Seconds that a shard's batches may lag."""

DETECTOR_LATE = 600
"""Seconds in which two runs of the detector should have worked."""

HANDOVER_LATE = 300
"""Seconds in which the notifier should have handed its alerts to Alertmanager five times."""

RULES_BOUND = 30
"""Seconds that what is stored may wait to be judged."""

RULES_LATE = 60
"""Seconds in which the rules look many times."""

MEASUREMENT_LATE = 900
"""Seconds in which three measurements of the database should have worked."""

REPORTS_LATE = 40 * 24 * 3600
"""Seconds after a month's end in which the next one is over and should have its report."""

FORECASTS_LATE = 18 * 3600
"""Seconds in which three runs should have forecast everything; in 24 hours the last forecasts are over."""

ARCHIVE_LATE = 2 * 24 * 3600
"""Seconds in which two nights should have archived everything."""

API_LATENCY_P95 = RecordingRule(
    metric=Gauge("api_latency_p95", "Seconds within which 95 % of the API's answers are complete.", registry=None),
    expression=histogram_quantile(
        Fraction(95, 100), HTTP_SECONDS, timedelta(minutes=1), job=API.name, route=LATENCY_ROUTES
    ),
)

API_LATENCY_HIGH = AlertRule(
    name="ApiLatencyHigh",
    expression=value(API_LATENCY_P95.metric) > Fraction(400, 1000),
    for_=timedelta(minutes=2),
    severity=Severity.WARNING,
    summary="95 % of the API's answers take up to {{ $value | humanizeDuration }}",
)

SERVICE_DOWN = tuple(
    AlertRule(
        name="ServiceDown",
        expression=absent(value(UP, job=service.name).is_equal(1)),
        for_=timedelta(seconds=30),
        severity=Severity.CRITICAL,
        labels={"job": service.name},
        summary=f"no process of {service.name} answers Prometheus",
    )
    for service in CATALOG.services
)

INGESTOR_LAGGING = AlertRule(
    name="IngestorLagging",
    expression=value(BATCH_LAG) > LAG_BOUND,
    severity=Severity.CRITICAL,
    summary="what arrived on {{ $labels.shard_id }} since {{ $value | humanizeDuration }} is not stored",
)

INGESTOR_LAG_UNKNOWN = AlertRule(
    name="IngestorLagUnknown",
    expression=absent(value(BATCH_LAG)),
    for_=timedelta(minutes=1),
    severity=Severity.CRITICAL,
    summary="no ingestor reads any shard",
)

SHARD_UNREAD = AlertRule(
    name="ShardUnread",
    expression=max_(value(UNREAD_SHARDS)) > 0,
    for_=timedelta(minutes=1),
    severity=Severity.CRITICAL,
    summary="nobody reads {{ $value }} of the shards",
)

READINGS_LOST = AlertRule(
    name="ReadingsLost",
    # Not increase(): a process finds a gap when it starts, so that its first sample may well be 1.
    expression=value(RETENTION_GAPS) > (value(RETENTION_GAPS, timedelta(hours=1)) | value(RETENTION_GAPS) * 0),
    severity=Severity.CRITICAL,
    summary="a shard was not read for longer than the stream keeps records",
)

READINGS_REJECTED = AlertRule(
    name="ReadingsRejected",
    expression=sum_(rate(RECORDS, timedelta(minutes=15), outcome=Matches(f"{Outcome.REJECTED}|{Outcome.DECLINED}")))
    / sum_(rate(RECORDS, timedelta(minutes=15)))
    > Fraction(10, 100),
    for_=timedelta(minutes=15),
    severity=Severity.WARNING,
    summary="{{ $value | humanizePercentage }} of the readings cannot be stored",
)

REVOCATIONS_UNKNOWN = AlertRule(
    name="RevocationsUnknown",
    # Twelve looks that failed; what was revoked must be in force after this time.
    expression=value(REVOCATIONS_AGE) > REVOCATION_TIME.seconds,
    for_=timedelta(minutes=1),
    severity=Severity.WARNING,
    summary="{{ $labels.instance }} has not been told for {{ $value | humanizeDuration }} what was revoked",
)

PREDICTIVE_ALERT_RAISED = AlertRule(
    name="PredictiveAlert",
    expression=value(PREDICTIVE_ALERT).is_equal(1),
    severity=Severity.CRITICAL,
    summary="{{ $labels.signal }} deviates from its usual behaviour",
)

RULES_BEHIND = AlertRule(
    name="RulesBehind",
    expression=max_(value(BEHIND_SECONDS)) > RULES_BOUND,
    for_=timedelta(minutes=1),
    severity=Severity.WARNING,
    summary="what was stored {{ $value | humanizeDuration }} ago is not judged by the rules yet",
)

RULES_NOT_JUDGED = AlertRule(
    name="RulesNotJudged",
    # A process that waits for the database goes on answering Prometheus.
    expression=(age(LOOKED) > RULES_LATE) | absent(value(LOOKED)),
    for_=timedelta(minutes=1),
    severity=Severity.CRITICAL,
    summary="nobody judges readings by the rules: no limit is watched and no silence noticed",
)

DETECTOR_SILENT = AlertRule(
    name="DetectorSilent",
    expression=(age(LAST_SUCCESS) > DETECTOR_LATE) | absent(value(LAST_SUCCESS)),
    for_=timedelta(minutes=5),
    severity=Severity.WARNING,
    summary="no run of the detector worked for a quarter of an hour",
)

NOTIFICATIONS_FAILING = AlertRule(
    name="NotificationsFailing",
    expression=sum_(increase(NOTIFICATIONS_FAILED, timedelta(minutes=15)), by=("integration",)) > 0,
    severity=Severity.CRITICAL,
    summary="messages to {{ $labels.integration }} receivers are not delivered",
)

NOTIFIER_SILENT = AlertRule(
    name="NotifierSilent",
    expression=(age(LAST_HANDOVER) > HANDOVER_LATE) | absent(value(LAST_HANDOVER)),
    for_=timedelta(minutes=5),
    severity=Severity.CRITICAL,
    summary="nobody is told of sensors' alerts: the notifier hands none over",
)

LONG_JOBS = tuple(job for job in CATALOG.scheduled if job.deadline_seconds > 3600)
"""What may well be at work for hours: whether it failed is known later than of the others."""


def _failing(seconds: float, jobs: Matcher) -> AlertRule:
    return AlertRule(
        name="CronJobFailing",
        # Ends with the next run that works. The chart's KubeJobFailed goes on for as long as the failed Job is kept.
        expression=value(CRONJOB_SCHEDULED, cronjob=jobs)
        > (value(CRONJOB_SUCCEEDED, cronjob=jobs) | value(CRONJOB_SCHEDULED, cronjob=jobs) * 0),
        for_=timedelta(seconds=seconds, minutes=5),
        severity=Severity.WARNING,
        summary="no run of {{ $labels.cronjob }} has succeeded since its last one was started",
    )


CRONJOB_FAILING = (
    _failing(
        max(job.deadline_seconds for job in CATALOG.scheduled if job not in LONG_JOBS),
        NotMatches("|".join(job.name for job in LONG_JOBS)),
    ),
    *(_failing(job.deadline_seconds, job.name) for job in LONG_JOBS),
)

LOGS_STOPPED = AlertRule(
    name="LogsStopped",
    # Every service logs something in this time. What brings the logs may be ready, and able to read none of them.
    expression=sum_(rate(LOG_LINES, timedelta(minutes=15))).is_equal(0),
    for_=timedelta(minutes=5),
    severity=Severity.WARNING,
    summary="no line of any log reaches Loki",
)

REPORTS_BEHIND = AlertRule(
    name="ReportsBehind",
    # Where there never was a report there is nothing to be late.
    expression=age(NEWEST_MONTH) > REPORTS_LATE,
    for_=timedelta(hours=1),
    severity=Severity.WARNING,
    summary="the newest month that has a report ended {{ $value | humanizeDuration }} ago",
)

FORECASTS_BEHIND = AlertRule(
    name="ForecastsBehind",
    # Before the first run it counts from when somebody first looked (apps.forecast.store).
    expression=age(FORECAST_MADE) > FORECASTS_LATE,
    for_=timedelta(minutes=30),
    severity=Severity.WARNING,
    summary="not every series could be forecast for {{ $value | humanizeDuration }}",
)

ARCHIVE_DIFFERS = AlertRule(
    name="ArchiveDiffers",
    expression=value(FAILED_DAYS) > 0,
    severity=Severity.WARNING,
    summary="{{ $value }} days cannot be made final in the archive",
)

ARCHIVE_BEHIND = AlertRule(
    name="ArchiveBehind",
    # Where no run ever worked there is nothing to be late, and CronJobFailing tells.
    expression=age(ARCHIVED) > ARCHIVE_LATE,
    for_=timedelta(minutes=30),
    severity=Severity.WARNING,
    summary="nothing was archived completely for {{ $value | humanizeDuration }}",
)

DATABASE_STORAGE_LOW = AlertRule(
    name="DatabaseStorageLow",
    # RDS itself adds storage when a tenth is left, up to a limit and not twice within six hours.
    expression=value(FREE_STORAGE) / (value(FREE_STORAGE) + value(SIZE)) < Fraction(1, 10),
    for_=timedelta(minutes=30),
    severity=Severity.CRITICAL,
    summary="the database has {{ $value | humanizePercentage }} of its storage left",
)

DATABASE_CONNECTIONS_HIGH = AlertRule(
    name="DatabaseConnectionsHigh",
    expression=value(CONNECTIONS) / value(MAX_CONNECTIONS) > Fraction(8, 10),
    for_=timedelta(minutes=10),
    severity=Severity.WARNING,
    summary="{{ $value | humanizePercentage }} of the database's connections are taken",
)

DATABASE_CPU_HIGH = AlertRule(
    name="DatabaseCpuHigh",
    expression=value(CPU) > Fraction(8, 10),
    for_=timedelta(minutes=30),
    severity=Severity.WARNING,
    summary="the database uses {{ $value | humanizePercentage }} of its CPU",
)

DATABASE_CPU_CREDITS_SPENT = AlertRule(
    name="DatabaseCpuCreditsSpent",
    # An instance begins without credits, so few saved ones say nothing; those that were not earned do.
    expression=value(CPU_SURPLUS_CREDITS) > 0,
    for_=timedelta(minutes=30),
    severity=Severity.WARNING,
    summary="the database has spent {{ $value }} CPU credits more than it earned",
)

DATABASE_UNMEASURED = AlertRule(
    name="DatabaseUnmeasured",
    expression=(age(LAST_MEASURED) > MEASUREMENT_LATE) | absent(value(LAST_MEASURED)),
    for_=timedelta(minutes=10),
    severity=Severity.WARNING,
    summary="nobody knows how the database is",
)

GROUPS = (
    RuleGroup(name=API.name, rules=(API_LATENCY_P95, API_LATENCY_HIGH)),
    RuleGroup(
        name=INGESTOR.name,
        rules=(INGESTOR_LAGGING, INGESTOR_LAG_UNKNOWN, SHARD_UNREAD, READINGS_LOST, READINGS_REJECTED),
    ),
    RuleGroup(name=GATEWAY.name, rules=(REVOCATIONS_UNKNOWN,)),
    RuleGroup(name=RULES.name, rules=(RULES_BEHIND, RULES_NOT_JUDGED)),
    RuleGroup(name=DETECTOR.name, rules=(PREDICTIVE_ALERT_RAISED, DETECTOR_SILENT)),
    RuleGroup(name=NOTIFIER.name, rules=(NOTIFICATIONS_FAILING, NOTIFIER_SILENT)),
    RuleGroup(name="health", rules=(*SERVICE_DOWN, *CRONJOB_FAILING, LOGS_STOPPED)),
    RuleGroup(
        name="database",
        rules=(
            DATABASE_STORAGE_LOW,
            DATABASE_CONNECTIONS_HIGH,
            DATABASE_CPU_HIGH,
            DATABASE_CPU_CREDITS_SPENT,
            DATABASE_UNMEASURED,
        ),
    ),
    RuleGroup(name=ARCHIVE.name, rules=(ARCHIVE_DIFFERS, ARCHIVE_BEHIND)),
    RuleGroup(name=LONGTERM.name, rules=(REPORTS_BEHIND,)),
    RuleGroup(name=FORECAST.name, rules=(FORECASTS_BEHIND,)),
    *(group for slo in SLOS for group in slo.groups()),
)
