"""API Performance: how much is asked, how fast it is answered, and what fails."""

from fractions import Fraction

from apps.api.metrics import DATABASE_UNAVAILABLE, LIVE_CLIENTS, LIVE_DELAY_SECONDS, LIVE_DROPPED, LIVE_UPDATES
from apps.api.service import API
from apps.observability.alerts import API_LATENCY_P95
from apps.observability.dashboards.panels import Dashboard, Kind, Panel, Query, Unit
from apps.observability.objectives import API_AVAILABILITY, LATENCY_BOUND, LATENCY_ROUTES, USER_ROUTES
from apps.platform.http import HTTP_REQUESTS, HTTP_SECONDS
from apps.platform.promql import RATE_INTERVAL, Matches, buckets, histogram_quantile, rate, sum_, value

API_PERFORMANCE = Dashboard(
    uid="api-performance",
    title="API Performance",
    panels=(
        Panel(
            title="Requests by route",
            queries=(
                Query(
                    sum_(rate(HTTP_REQUESTS, RATE_INTERVAL, job=API.name, route=USER_ROUTES), by=("method", "route")),
                    "{{method}} {{route}}",
                ),
            ),
            unit=Unit.RATE,
        ),
        Panel(
            title="Answers by status",
            queries=(
                Query(
                    sum_(rate(HTTP_REQUESTS, RATE_INTERVAL, job=API.name, route=USER_ROUTES), by=("status",)),
                    "{{status}}",
                ),
            ),
            unit=Unit.RATE,
        ),
        Panel(
            title="Latency",
            description="Without exports and imports, which take as long as they have rows.",
            queries=(
                *(
                    Query(
                        histogram_quantile(
                            Fraction(percent, 100), HTTP_SECONDS, RATE_INTERVAL, job=API.name, route=LATENCY_ROUTES
                        ),
                        f"{percent} % within",
                    )
                    for percent in (50, 99)
                ),
                Query(value(API_LATENCY_P95.metric), "95 % within"),
            ),
            unit=Unit.SECONDS,
            red_above=LATENCY_BOUND,
        ),
        Panel(
            title="Latency histogram",
            queries=(
                Query(
                    sum_(rate(buckets(HTTP_SECONDS), RATE_INTERVAL, job=API.name, route=LATENCY_ROUTES), by=("le",)),
                    "{{le}}",
                ),
            ),
            unit=Unit.SECONDS,
            kind=Kind.HEATMAP,
        ),
        Panel(
            title="Faults (5xx) by route",
            queries=(
                Query(
                    sum_(
                        rate(HTTP_REQUESTS, RATE_INTERVAL, job=API.name, route=USER_ROUTES, status=Matches("5..")),
                        by=("route",),
                    ),
                    "{{route}}",
                ),
                Query(sum_(rate(DATABASE_UNAVAILABLE, RATE_INTERVAL)), "the database did not answer in time"),
            ),
            unit=Unit.RATE,
        ),
        Panel(
            title="Fraction of faults (5xx)",
            queries=(Query(API_AVAILABILITY.errors(RATE_INTERVAL), "of all answers"),),
            unit=Unit.FRACTION,
            red_above=API_AVAILABILITY.budget,
        ),
        Panel(
            title="Live clients",
            queries=(Query(sum_(value(LIVE_CLIENTS), by=("instance",)), "{{instance}}"),),
        ),
        Panel(
            title="Live updates",
            queries=(
                Query(sum_(rate(LIVE_UPDATES, RATE_INTERVAL)), "sent"),
                Query(sum_(rate(LIVE_DROPPED, RATE_INTERVAL)), "replaced by newer ones, for slow clients"),
            ),
            unit=Unit.RATE,
        ),
        Panel(
            title="Delay of live updates",
            queries=(Query(histogram_quantile(Fraction(99, 100), LIVE_DELAY_SECONDS, RATE_INTERVAL), "99 % within"),),
            unit=Unit.SECONDS,
        ),
    ),
)
