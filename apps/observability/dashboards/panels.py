"""What a dashboard, a panel and a query are, and how Grafana reads them (through grafana-foundation-sdk)."""

import json
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from grafana_foundation_sdk.builders import common, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphTresholdsStyleMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef, Threshold, ThresholdsMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from apps.platform.promql import Expression

SOURCE = "$source"
"""The variable that lets a viewer pick the Prometheus to ask."""


class Unit(StrEnum):
    """What a panel's values are counted in."""

    SECONDS = units.Seconds
    FRACTION = units.PercentUnit
    BYTES = units.BytesIEC
    RATE = "cps"
    COUNT = units.Short
    TIMES = "suffix: x"


class Kind(StrEnum):
    """How a panel shows its values."""

    LINES = "lines"
    HEATMAP = "heatmap"
    """A histogram's buckets over time."""
    STAT = "stat"
    """The newest value, large."""


@dataclass(frozen=True, slots=True)
class Query:
    """An expression, and what to call each of its series: a text that may hold Grafana's `{{label}}`."""

    expression: Expression
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture."""

    title: str
    queries: tuple[Query, ...]
    unit: Unit = Unit.COUNT
    kind: Kind = Kind.LINES
    description: str = ""
    red_above: Fraction | int | None = None
    """Values from here on are drawn red."""
    red_below: Fraction | int | None = None
    """Values below this are drawn red."""
    width: int = 12
    """Columns of Grafana's 24."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """Panels that belong together, under a lasting identifier."""

    uid: str
    title: str
    panels: tuple[Panel, ...]

    def render(self) -> dict[str, Any]:
        """Return the dashboard as Grafana reads it."""
        board = (
            grafana.Dashboard(self.title)
            .uid(self.uid)
            .tags(["sensor-analytics"])
            .time("now-3h", "now")
            .refresh("30s")
            .timezone("utc")
            .readonly()
            .with_variable(grafana.DatasourceVariable("source").label("Prometheus").type("prometheus"))
        )
        for panel in self.panels:
            board.with_panel(_render(panel))
        content: dict[str, Any] = _without_nulls(json.loads(json.dumps(board.build(), cls=JSONEncoder)))
        return content


def _render(panel: Panel) -> Any:
    drawn: Any = {Kind.LINES: _lines, Kind.HEATMAP: _heatmap, Kind.STAT: _stat}[panel.kind](panel)
    drawn.title(panel.title).description(panel.description).unit(panel.unit.value)
    drawn.datasource(DataSourceRef(type_val="prometheus", uid=SOURCE)).span(panel.width).height(8)
    for number, query in enumerate(panel.queries):
        drawn.with_target(_target(panel, query).ref_id(chr(ord("A") + number)))
    if steps := _thresholds(panel):
        drawn.thresholds(grafana.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return drawn


def _target(panel: Panel, query: Query) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expression.text).legend_format(query.legend)
    if panel.kind is Kind.HEATMAP:
        target.format(PromQueryFormat.HEATMAP)
    return target.instant() if panel.kind is Kind.STAT else target.range()


def _lines(panel: Panel) -> timeseries.Panel:
    lines = timeseries.Panel().line_width(1).fill_opacity(10).show_points(VisibilityMode.NEVER).min(0)
    lines.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    if _thresholds(panel):
        lines.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED))
    return lines


def _heatmap(_: Panel) -> heatmap.Panel:
    return heatmap.Panel().calculate(False)


def _stat(_: Panel) -> stat.Panel:
    return stat.Panel().graph_mode(BigValueGraphMode.NONE).no_value("none")


def _thresholds(panel: Panel) -> list[Threshold]:
    if panel.red_above is not None:
        return [Threshold(None, "green"), Threshold(float(panel.red_above), "red")]
    if panel.red_below is not None:
        return [Threshold(None, "red"), Threshold(float(panel.red_below), "green")]
    return []


def _without_nulls(value: Any) -> Any:
    """Leave out what nobody said: Grafana fills it in, the lowest threshold's minus infinity as well."""
    match value:
        case dict():
            return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
        case list():
            return [_without_nulls(inner) for inner in value]
    return value
