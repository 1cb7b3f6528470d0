"""Dashboards come out as Grafana reads them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.catalog import CATALOG
from apps.observability.alerts import GROUPS
from apps.observability.dashboards import DASHBOARDS
from apps.observability.dashboards.panels import Dashboard, Kind, Panel, Query, Unit
from apps.observability.rules import RecordingRule
from apps.platform import exporters
from apps.platform.exporters import UP
from apps.platform.promql import RATE_INTERVAL, value
from delivery.docs.metrics import exported, metrics_in
from tests.apps.observability.promtool import needs_promtool


def test_the_dashboards_that_were_asked_for_are_there() -> None:
    titles = {dashboard.title for dashboard in DASHBOARDS}
    assert titles >= {"System Overview", "API Performance", "Ingestor Lag", "SLOs and error budgets", "Detector"}
    assert len({dashboard.uid for dashboard in DASHBOARDS}) == len(DASHBOARDS)


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_panels_fill_the_grid_without_overlap(dashboard: Any) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard.render()["panels"]:
        position = panel["gridPos"]
        assert position["x"] + position["w"] <= 24
        cells = {
            (x, y)
            for x in range(position["x"], position["x"] + position["w"])
            for y in range(position["y"], position["y"] + position["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_every_query_reaches_grafana_as_it_was_written(dashboard: Any) -> None:
    rendered = json.loads(json.dumps(dashboard.render()))
    assert rendered["uid"] == dashboard.uid
    assert [
        (target["expr"], target["refId"], panel["datasource"]["uid"])
        for panel in rendered["panels"]
        for target in panel["targets"]
    ] == [
        (str(query.expression), "ABCDEFG"[number], "$source")
        for panel in dashboard.panels
        for number, query in enumerate(panel.queries)
    ]


def test_a_heatmap_asks_for_buckets_and_a_stat_for_the_newest_value() -> None:
    up = (Query(value(UP), "{{job}}"),)
    kinds = [Panel(title=kind, queries=up, kind=kind, unit=Unit.SECONDS, red_above=1) for kind in Kind]
    lines, heatmap, stat = Dashboard(uid="kinds", title="Kinds", panels=tuple(kinds)).render()["panels"]
    assert (lines["type"], heatmap["type"], stat["type"]) == ("timeseries", "heatmap", "stat")
    assert heatmap["targets"][0]["format"] == "heatmap"
    assert stat["targets"][0]["instant"]
    assert lines["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"] == 1
    assert lines["fieldConfig"]["defaults"]["unit"] == "s"


def test_every_metric_is_exported_recorded_or_known_to_come_from_elsewhere() -> None:
    rules = [rule for group in GROUPS for rule in group.rules]
    ours = {metric for module in exported(CATALOG).values() for metric in metrics_in(module)}
    known = {*ours, *metrics_in(exporters), *(rule.metric for rule in rules if isinstance(rule, RecordingRule))}
    queries = [query for dashboard in DASHBOARDS for panel in dashboard.panels for query in panel.queries]
    for expression in [rule.expression for rule in rules] + [query.expression for query in queries]:
        assert expression.metrics <= known, expression.text


@needs_promtool
def test_every_query_parses(tmp_path: Path) -> None:
    queries = [query for dashboard in DASHBOARDS for panel in dashboard.panels for query in panel.queries]
    rules = [
        {"record": f"query_{number}", "expr": query.expression.text.replace(RATE_INTERVAL, "1m")}
        for number, query in enumerate(queries)
    ]
    (tmp_path / "queries.yml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", "queries.yml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
