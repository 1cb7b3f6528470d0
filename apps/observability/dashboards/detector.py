"""Detector: what it sees, and whether it is at work."""

from apps.detector.metrics import FAILURES, LAST_SUCCESS, PREDICTIVE_ALERT, RUN_SECONDS, SIGNALS
from apps.observability.alerts import DETECTOR_LATE
from apps.observability.dashboards.panels import Dashboard, Kind, Panel, Query, Unit
from apps.platform.promql import age, sum_, value

DETECTOR = Dashboard(
    uid="detector",
    title="Detector",
    panels=(
        Panel(
            title="Signals with an alert",
            queries=(Query(sum_(value(PREDICTIVE_ALERT)), "open"),),
            kind=Kind.STAT,
            red_above=1,
            width=6,
        ),
        Panel(
            title="Since a run last worked",
            queries=(Query(age(LAST_SUCCESS), "ago"),),
            unit=Unit.SECONDS,
            kind=Kind.STAT,
            red_above=DETECTOR_LATE,
            width=6,
        ),
        Panel(
            title="Alerts by signal",
            queries=(Query(value(PREDICTIVE_ALERT), "{{signal}}"),),
            red_above=1,
        ),
        Panel(
            title="Signals of the last run",
            queries=(Query(value(SIGNALS), "{{kind}}: {{state}}"),),
        ),
        Panel(
            title="Last run",
            queries=(Query(value(RUN_SECONDS), "took"),),
            unit=Unit.SECONDS,
        ),
        Panel(
            title="Parts of the last run that failed",
            queries=(Query(value(FAILURES), "failed"),),
            red_above=1,
        ),
    ),
)
