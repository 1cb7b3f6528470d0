"""Metrics of the detector. It is gone before anybody could scrape it, so it pushes them."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge, pushadd_to_gateway

RUN = CollectorRegistry()
"""What each run pushes."""

SUCCESS = CollectorRegistry()
"""What a run pushes when all of it worked; a failed run leaves the last value standing."""

PREDICTIVE_ALERT = Gauge(
    "predictive_alert",
    "1 while a critical alert about the platform's own signal is not resolved, else 0.",
    ["signal"],
    registry=RUN,
)
RUN_SECONDS = Gauge("detector_run_seconds", "How long the last run took.", registry=RUN)
SIGNALS = Gauge(
    "detector_signals",
    "Signals of the last run: judged, without enough data, or left for want of time.",
    ["kind", "state"],
    registry=RUN,
)
FAILURES = Gauge("detector_failures", "Parts of the last run that failed.", registry=RUN)
LAST_SUCCESS = Gauge(
    "detector_last_success_timestamp_seconds", "When a run last worked in all its parts.", registry=SUCCESS
)

JOB = "detector"


def push(gateway: str, alerts: Mapping[str, bool], failures: int) -> None:
    """Push the state of every signal in `alerts`, and the run's own figures. Raises OSError.

    Adds to what the gateway holds, so that a failed run does not wipe out when the last good one was.
    """
    PREDICTIVE_ALERT.clear()
    for signal, alerting in alerts.items():
        PREDICTIVE_ALERT.labels(signal).set(alerting)
    FAILURES.set(failures)
    pushadd_to_gateway(gateway, JOB, RUN, timeout=10)
    if not failures:
        LAST_SUCCESS.set_to_current_time()
        pushadd_to_gateway(gateway, JOB, SUCCESS, timeout=10)
