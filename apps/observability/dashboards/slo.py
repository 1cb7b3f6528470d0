"""SLOs and error budgets: three pictures for each objective."""

from collections.abc import Iterator
from datetime import timedelta

from apps.observability.dashboards.panels import Dashboard, Kind, Panel, Query, Unit
from apps.observability.objectives import SLOS
from apps.observability.slos import BURNS, Slo

KEPT = timedelta(days=14)
"""As much of an objective's window as Prometheus remembers, which keeps 15 days."""


def _panels(slo: Slo) -> Iterator[Panel]:
    yield Panel(
        title=f"{slo.title}: good in {KEPT.days} days",
        queries=(Query(1 - slo.errors(KEPT), slo.title),),
        unit=Unit.FRACTION,
        kind=Kind.STAT,
        bad_below=slo.objective,
        width=5,
    )
    yield Panel(
        title=f"{slo.title}: budget left",
        description=f"Of what {KEPT.days} days may spend. Below 0 the promise is broken.",
        queries=(Query(1 - slo.errors(KEPT) / slo.budget, slo.title),),
        unit=Unit.FRACTION,
        kind=Kind.STAT,
        bad_below=0,
        width=5,
    )
    yield Panel(
        title=f"{slo.title}: how fast the budget burns",
        description="1 spends it exactly within the objective's window.",
        queries=tuple(
            Query(slo.recorded(burn.long) / slo.budget, f"over {burn.long // timedelta(hours=1)} h") for burn in BURNS
        ),
        unit=Unit.TIMES,
        bad_from=max(burn.rate(slo.window) for burn in BURNS),
        width=14,
    )


OBJECTIVES = Dashboard(
    uid="slos",
    title="SLOs and error budgets",
    panels=tuple(panel for slo in SLOS for panel in _panels(slo)),
)
