"""How a new version is judged by its own pods: by our objectives, as strictly as they page somebody.

A version is taken back when its pods alone would burn the error budget so fast that the first alert fires, or lag as
far behind as the alert allows. What several services do together cannot be told of one version.
"""

from collections.abc import Iterable
from fractions import Fraction
from functools import partial

from apps.ingestor.metrics import BATCH_LAG
from apps.ingestor.service import INGESTOR
from apps.observability.alerts import LAG_BOUND
from apps.observability.objectives import SLOS
from apps.observability.slos import BURN_RATE_ALERTS, Slo
from apps.platform.declaration import Declaration
from apps.platform.indicator import Indicator
from apps.platform.promql import Expression, Matches, Window, max_, value

PAGE = BURN_RATE_ALERTS[0]
"""The alert that fires soonest."""


def indicators(declaration: Declaration, slos: Iterable[Slo] = SLOS) -> tuple[Indicator, ...]:
    """Return what a new version of a service is judged by; nothing for one that promises nothing by itself."""
    judged = [
        Indicator(
            name=slo.name,
            title=f"{slo.title}, {float(slo.objective):.1%}",
            measured=partial(_errors, slo),
            at_most=slo.threshold(PAGE),
        )
        for slo in slos
        if slo.service is not None and slo.service.name == declaration.name
    ]
    if declaration.name == INGESTOR.name:
        judged.append(
            Indicator("ingest-lag", f"Ingest lag, at most {LAG_BOUND} s", measured=_lag, at_most=Fraction(LAG_BOUND))
        )
    return tuple(judged)


def _errors(slo: Slo, window: Window, pods: Matches) -> Expression:
    return slo.errors(window, pod=pods)


def _lag(_: Window, pods: Matches) -> Expression:
    return max_(value(BATCH_LAG, pod=pods))
