"""Keys that a chart does not read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from delivery.charts.keys import Objects, defaults, unread
from delivery.errors import ChartError


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart with one inside, whose values are free under `config`."""
    inner = tmp_path / "charts" / "inner"
    inner.mkdir(parents=True)
    (inner / "values.yaml").write_text(yaml.safe_dump({"replicas": 1, "config": {}}))
    (tmp_path / "values.yaml").write_text(yaml.safe_dump({"inner": {"enabled": True}, "config": {}}))
    return tmp_path


def render(values: Mapping[str, Any]) -> Objects:
    """As a chart that reads `config.read`, and cannot do without `config.needed`."""
    if "needed" not in values["config"]:
        raise ChartError("give me what I need")
    text = values["config"].get("read")
    return [{"kind": "ConfigMap", "data": {"read": text}}]


def test_the_defaults_of_a_chart_hold_those_of_the_charts_inside(chart: Path) -> None:
    assert defaults(chart) == {"inner": {"enabled": True, "replicas": 1, "config": {}}, "config": {}}


def test_the_defaults_of_istios_charts_are_found_where_they_keep_them(tmp_path: Path) -> None:
    values = {"_internal_defaults_do_not_set": {"resources": {"requests": {"cpu": "100m"}}}}
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    assert defaults(tmp_path) == {"resources": {"requests": {"cpu": "100m"}}}


def test_a_key_is_known_or_changes_what_is_rendered(chart: Path) -> None:
    right = {"inner": {"replicas": 2}, "config": {"needed": 1, "read": 1}}
    assert list(unread(right, chart, render)) == []
    wrong = {"inner": {"replikas": 2}, "config": {"needed": 1, "red": {"deep": 1}}}
    assert list(unread(wrong, chart, render)) == ["does not read inner.replikas", "does not read config.red.deep"]


def test_what_a_chart_makes_anew_each_time_hides_no_key(chart: Path) -> None:
    times = iter(range(100))

    def with_certificates(values: Mapping[str, Any]) -> Objects:
        fresh = str(next(times))
        hook = {"kind": "ValidatingWebhookConfiguration", "webhooks": [{"clientConfig": {"caBundle": fresh}}]}
        secret = {"kind": "Secret", "data": {"tls.key": fresh}}
        pod = {"kind": "Deployment", "metadata": {"annotations": {"checksum/secret": fresh}}}
        return [*render(values), hook, secret, pod]

    wrong = {"config": {"needed": 1, "red": 1}}
    assert list(unread(wrong, chart, with_certificates)) == ["does not read config.red"]
