"""The page of metrics, rules and panels: `nox -s docs`."""

from collections.abc import Iterator
from types import ModuleType

from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from apps.catalog import CATALOG
from apps.observability.alerts import GROUPS
from apps.observability.dashboards import DASHBOARDS
from apps.observability.rules import alert_rules
from apps.platform import http
from apps.platform.catalog import Catalog
from apps.platform.promql import duration, family, labels_of, sample_names


def document(catalog: Catalog = CATALOG) -> str:
    """Return the page as Markdown."""
    return "\n".join(_lines(catalog)) + "\n"


def exported(catalog: Catalog) -> dict[str, ModuleType]:
    """Return the modules whose metrics are exported, by who exports them."""
    own = {declared.name: declared.metrics for declared in catalog.declarations if declared.metrics}
    return {"Every service": http, **own}


def metrics_in(module: ModuleType) -> list[MetricWrapperBase]:
    """Return the metrics that a module declares, in its order."""
    return [value for value in vars(module).values() if isinstance(value, MetricWrapperBase)]


def _lines(catalog: Catalog) -> Iterator[str]:
    yield "# Metrics, alerts and dashboards"
    yield ""
    yield "Made from the code by `nox -s docs`; a test says when it is stale."
    for title, module in exported(catalog).items():
        yield from ("", f"## {title}", "", "| Metric | Labels | Meaning |", "| --- | --- | --- |")
        for metric in metrics_in(module):
            labels = ", ".join(f"`{label}`" for label in labels_of(metric))
            yield f"| `{_name(metric)}` | {labels} | {family(metric).documentation} |"
    yield from ("", "## Alerts", "", "| Alert | Severity | When | For |", "| --- | --- | --- | --- |")
    for rule in alert_rules(GROUPS):
        lasting = duration(rule.for_) if rule.for_ else "at once"
        expression = rule.expression.text.replace("|", "\\|")
        yield f"| [{rule.name}](../{rule.runbook}) | {rule.severity} | `{expression}` | {lasting} |"
    yield from ("", "## Dashboards", "")
    for dashboard in DASHBOARDS:
        yield f"- **{dashboard.title}**: {'; '.join(panel.title for panel in dashboard.panels)}"


def _name(metric: MetricWrapperBase) -> str:
    return family(metric).name if isinstance(metric, Histogram) else sample_names(metric)[0]
