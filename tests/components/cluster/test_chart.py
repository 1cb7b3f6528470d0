"""Where charts come from."""

import pulumi
import pytest

from components.cluster.chart import Chart, release
from components.cluster.config import ChartsConfig
from delivery.recording import build

CHART = Chart("external-secrets", "1.2.3", "https://charts.external-secrets.io")


def installed(mirror: str | None) -> tuple[str, str | None, str]:
    def program() -> None:
        class Parent(pulumi.ComponentResource):
            def __init__(self) -> None:
                super().__init__("test:index:Parent", "parent")

        release("external-secrets", CHART, "external-secrets", {}, charts=ChartsConfig(mirror=mirror), parent=Parent())

    inputs = build(program).one("Release").inputs
    return inputs["chart"], inputs.get("repositoryOpts", {}).get("repo"), inputs["version"]


@pytest.mark.parametrize(
    ("mirror", "chart", "repository"),
    [
        (None, "external-secrets", "https://charts.external-secrets.io"),
        ("https://charts.example.com", "external-secrets", "https://charts.example.com"),
        ("oci://registry.example.com/charts", "oci://registry.example.com/charts/external-secrets", None),
        ("./charts", "./charts/external-secrets", None),
    ],
)
def test_a_chart_comes_from_its_repository_or_from_the_mirror(
    mirror: str | None, chart: str, repository: str | None
) -> None:
    assert installed(mirror) == (chart, repository, "1.2.3")
