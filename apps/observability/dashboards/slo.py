"""SLOs and error budgets: three pictures for each objective."""

from collections.abc import Iterator
from datetime import timedelta

from apps.observability.dashboards.panels import Dashboard, Kind, Panel, Query, Unit
from apps.observability.objectives import SLOS
from apps.observability.slos import BURN_RATE_ALERTS, Slo

RETENTION = timedelta(days=14)
"""As much of an objective's window as Prometheus remembers, which keeps 15 days."""


def _panels(slo: Slo) -> Iterator[Panel]:
    yield Panel(
        title=f"{slo.title}: good in {RETENTION.days} days",
        queries=(Query(1 - slo.errors(RETENTION), slo.title),),
        unit=Unit.FRACTION,
        kind=Kind.STAT,
        red_below=slo.objective,
        width=5,
    )
    yield Panel(
        title=f"{slo.title}: budget left",
        description=f"Of what {RETENTION.days} days may spend. Below 0 the promise is broken.",
        queries=(Query(1 - slo.errors(RETENTION) / slo.budget, slo.title),),
        unit=Unit.FRACTION,
        kind=Kind.STAT,
        red_below=0,
        width=5,
    )
    yield Panel(
        title=f"{slo.title}: how fast the budget burns",
        description="1 spends it exactly within the objective's window.",
        queries=tuple(
            Query(slo.recorded(burn.long_window) / slo.budget, f"over {burn.long_window // timedelta(hours=1)} h")
            for burn in BURN_RATE_ALERTS
        ),
        unit=Unit.TIMES,
        red_above=max(burn.burn_rate(slo.window) for burn in BURN_RATE_ALERTS),
        width=14,
    )


OBJECTIVES = Dashboard(
    uid="slos",
    title="SLOs and error budgets",
    panels=tuple(panel for slo in SLOS for panel in _panels(slo)),
)
