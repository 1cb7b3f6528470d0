"""What the platform promises: its service level objectives."""

from datetime import timedelta
from fractions import Fraction

from apps.api.service import API
from apps.gateway.metrics import READINGS_ACCEPTED
from apps.gateway.service import GATEWAY
from apps.ingestor.metrics import DELIVERY_SECONDS, RECORDS, Outcome
from apps.ingestor.service import INGESTOR
from apps.observability.slos import Events, Slo
from apps.platform.declaration import Service
from apps.platform.http import HTTP_REQUESTS, HTTP_SECONDS, PROBES
from apps.platform.promql import Matches, NotMatches, at_most, histogram_count, rate, sum_
from apps.rules.metrics import JUDGED_SECONDS
from apps.rules.service import RULES

USER_ROUTES = NotMatches("|".join(PROBES))
"""Routes that somebody other than the cluster itself asks for."""

LATENCY_ROUTES = NotMatches("|".join((*PROBES, ".*/export", ".*/import")))
"""Routes whose answers should be quick: an export or import takes as long as it has rows."""

LATENCY_BOUND = Fraction(200, 1000)
"""Seconds within which 99 % of the API's answers are complete."""

DELIVERY_BOUND = 5
"""Seconds from the gateway's receipt to the database within which 99 % of records arrive."""


def _answers(service: Service) -> Events:
    return lambda window, /, **where: sum_(
        rate(HTTP_REQUESTS, window, None, job=service.name, route=USER_ROUTES, **where)
    )


def _answers_without_fault(service: Service) -> Events:
    return lambda window, /, **where: sum_(
        rate(HTTP_REQUESTS, window, None, job=service.name, route=USER_ROUTES, status=NotMatches("5.."), **where)
    )


API_AVAILABILITY = Slo(
    name="api-availability",
    title="API availability",
    objective=Fraction(999, 1000),
    good=_answers_without_fault(API),
    total=_answers(API),
    service=API,
)

INGEST_AVAILABILITY = Slo(
    name="ingest-availability",
    title="Ingest availability",
    objective=Fraction(999, 1000),
    good=_answers_without_fault(GATEWAY),
    total=_answers(GATEWAY),
    service=GATEWAY,
)

API_LATENCY = Slo(
    name="api-latency",
    title="API latency",
    objective=Fraction(99, 100),
    good=lambda window, /, **where: sum_(
        rate(at_most(HTTP_SECONDS, LATENCY_BOUND), window, None, job=API.name, route=LATENCY_ROUTES, **where)
    ),
    total=lambda window, /, **where: sum_(
        rate(histogram_count(HTTP_SECONDS), window, None, job=API.name, route=LATENCY_ROUTES, **where)
    ),
    service=API,
)

INGEST_FRESHNESS = Slo(
    name="ingest-freshness",
    title="Ingest freshness",
    objective=Fraction(99, 100),
    good=lambda window, /, **where: sum_(rate(at_most(DELIVERY_SECONDS, DELIVERY_BOUND), window, None, **where)),
    total=lambda window, /, **where: sum_(rate(histogram_count(DELIVERY_SECONDS), window, None, **where)),
    service=INGESTOR,
)

JUDGING_BOUND = 5
"""Seconds from the gateway's receipt of a reading until 99 % are judged and the alerts about them are open."""

ALERT_LATENCY = Slo(
    name="alert-latency",
    title="Alert latency",
    # Of what is judged, not of the alerts: they are rare, and one that is late among three would page.
    objective=Fraction(99, 100),
    good=lambda window, /, **where: sum_(rate(at_most(JUDGED_SECONDS, JUDGING_BOUND), window, None, **where)),
    total=lambda window, /, **where: sum_(rate(histogram_count(JUDGED_SECONDS), window, None, **where)),
    service=RULES,
)

INGEST_COMPLETENESS = Slo(
    name="ingest-completeness",
    title="Ingest completeness",
    # Counters of two services are compared, and a restart hides what was counted since the last scrape.
    objective=Fraction(99, 100),
    # What is declined is the device's doing, and kept with its reason.
    good=lambda window, /, **where: sum_(
        rate(
            RECORDS, window, None, outcome=Matches(f"{Outcome.STORED}|{Outcome.DUPLICATE}|{Outcome.DECLINED}"), **where
        )
    ),
    # What was accepted within the last minute may still be on its way.
    total=lambda window, /, **where: sum_(rate(READINGS_ACCEPTED, window, timedelta(minutes=1), **where)),
)

SLOS = (API_AVAILABILITY, API_LATENCY, INGEST_AVAILABILITY, INGEST_FRESHNESS, INGEST_COMPLETENESS, ALERT_LATENCY)
