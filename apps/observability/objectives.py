"""What the platform promises: its service level objectives."""

from fractions import Fraction

from apps.api.service import API
from apps.gateway.service import GATEWAY
from apps.observability.slos import Events, Slo
from apps.platform.http import HTTP_REQUESTS, HTTP_SECONDS, PROBES
from apps.platform.promql import Unlike, at_most, count, rate, total
from apps.platform.service import Service

ASKED = Unlike("|".join(PROBES))
"""Routes that somebody other than the cluster itself asks for."""

LATENCY_BOUND = Fraction(200, 1000)
"""Seconds within which 99 % of the API's answers are complete."""


def _answers(service: Service) -> Events:
    return lambda window: total(rate(HTTP_REQUESTS, window, job=service.name, route=ASKED))


def _answers_without_fault(service: Service) -> Events:
    return lambda window: total(rate(HTTP_REQUESTS, window, job=service.name, route=ASKED, status=Unlike("5..")))


API_AVAILABILITY = Slo(
    name="api-availability",
    title="API availability",
    objective=Fraction(999, 1000),
    good=_answers_without_fault(API),
    total=_answers(API),
)

INGEST_AVAILABILITY = Slo(
    name="ingest-availability",
    title="Ingest availability",
    objective=Fraction(999, 1000),
    good=_answers_without_fault(GATEWAY),
    total=_answers(GATEWAY),
)

API_LATENCY = Slo(
    name="api-latency",
    title="API latency",
    objective=Fraction(99, 100),
    good=lambda window: total(rate(at_most(HTTP_SECONDS, LATENCY_BOUND), window, job=API.name, route=ASKED)),
    total=lambda window: total(rate(count(HTTP_SECONDS), window, job=API.name, route=ASKED)),
)

SLOS = (API_AVAILABILITY, API_LATENCY, INGEST_AVAILABILITY)
