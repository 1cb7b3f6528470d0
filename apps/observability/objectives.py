"""What the platform promises: its service level objectives."""

from fractions import Fraction

from apps.api.service import API
from apps.observability.slos import Slo
from apps.platform.http import HTTP_REQUESTS, HTTP_SECONDS, PROBES
from apps.platform.promql import Expression, Unlike, Window, at_most, count, rate, total

ASKED = Unlike("|".join(PROBES))
"""Routes that somebody other than the cluster itself asks for."""

LATENCY_BOUND = Fraction(200, 1000)
"""Seconds within which 99 % of the API's answers are complete."""


def _api_answers(window: Window) -> Expression:
    return total(rate(HTTP_REQUESTS, window, job=API.name, route=ASKED))


def _api_answers_without_fault(window: Window) -> Expression:
    return total(rate(HTTP_REQUESTS, window, job=API.name, route=ASKED, status=Unlike("5..")))


def _api_answers_timed(window: Window) -> Expression:
    return total(rate(count(HTTP_SECONDS), window, job=API.name, route=ASKED))


def _api_answers_in_time(window: Window) -> Expression:
    return total(rate(at_most(HTTP_SECONDS, LATENCY_BOUND), window, job=API.name, route=ASKED))


API_AVAILABILITY = Slo(
    name="api-availability",
    title="API availability",
    objective=Fraction(999, 1000),
    good=_api_answers_without_fault,
    total=_api_answers,
)

API_LATENCY = Slo(
    name="api-latency",
    title="API latency",
    objective=Fraction(99, 100),
    good=_api_answers_in_time,
    total=_api_answers_timed,
)

SLOS = (API_AVAILABILITY, API_LATENCY)
