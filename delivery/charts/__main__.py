"""`python -m delivery.charts`: render every chart that a stack installs with that stack's values, and check it."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from components.workload.config import DeliveryConfig, MeshConfig
from delivery import recording
from delivery.charts import checks, keys, server
from delivery.charts.checks import Rendered
from delivery.charts.helm import About, Helm, Installed, installed
from delivery.charts.schemas import refused
from delivery.errors import ChartError, ChartsUnavailableError
from delivery.recording import Graph
from devtools import api_server
from devtools.api_server import ApiServer
from devtools.errors import ApiServerError
from devtools.paths import CACHE
from stacks import environment
from stacks.config import EnvironmentConfig, environments, load_environment
from stacks.errors import StackConfigError

WRONG, COULD_NOT_RUN = 1, 3

INSTALLING = {"delivery": DeliveryConfig(strategy="canary"), "mesh": MeshConfig()}
"""Keys of an environment that install charts, each switched on."""

WIDE = 160
"""Columns where there is no terminal that would say how many it has."""


def main(arguments: list[str] | None = None) -> int:
    """Print the charts and what is wrong with them; return 1 where something is, 3 where nothing can be said."""
    parser = argparse.ArgumentParser(
        prog="python -m delivery.charts",
        description="Render every chart that a stack installs with that stack's own values, and check what comes out.",
        epilog="exit code: 0 all is well, 1 something is wrong, 2 a stack cannot be read, 3 it could not run: "
        "no helm, or no charts",
    )
    parser.add_argument("stacks", nargs="*", metavar="STACK", default=environments(), help="default: every environment")
    parser.add_argument("--mirror", type=Path, metavar="FOLDER", help="take the charts from here, each by its name")
    chosen = parser.parse_args(arguments)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    try:
        helm = Helm(CACHE / "charts", chosen.mirror)
        with _api_server() as api:
            wrong = [finding for stack in chosen.stacks for finding in _report(console, helm, api, stack)]
    except StackConfigError as error:
        print(f"charts: {error}", file=sys.stderr)
        return 2
    except (ApiServerError, ChartsUnavailableError) as error:
        print(f"charts: could not run: {error}", file=sys.stderr)
        return COULD_NOT_RUN
    for finding in wrong:
        console.print(finding, style="red", markup=False, soft_wrap=True)
    if api is None:
        lacking = " and ".join(api_server.missing())
        console.print(
            f"No API server was asked, so rules in CEL were not looked at: {lacking} not on PATH", markup=False
        )
    return WRONG if wrong else 0


@contextmanager
def _api_server() -> Iterator[ApiServer | None]:
    """Run an API server, where its programs are on PATH."""
    if api_server.missing():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="api-server-") as folder, api_server.running(Path(folder)) as running:
        yield running


def _report(console: Console, helm: Helm, api: ApiServer | None, stack: str) -> list[str]:
    return [
        finding for name, config in variants(stack) for finding in _report_one(console, helm, api, stack, name, config)
    ]


def variants(stack: str) -> Iterator[tuple[str, EnvironmentConfig]]:
    """Yield a stack as it is, and with all that would install further charts; each by its name."""
    # Whatever the stack installs from, the charts are the same.
    config = load_environment(stack).model_copy(update={"charts": EnvironmentConfig.model_fields["charts"].default})
    yield stack, config
    if off := {key: section for key, section in INSTALLING.items() if getattr(config, key) is None}:
        yield f"{stack}, with {' and '.join(off)}", config.model_copy(update=off)


def _report_one(
    console: Console, helm: Helm, api: ApiServer | None, stack: str, name: str, config: EnvironmentConfig
) -> list[str]:
    graph = recording.build(lambda: environment.deploy(config, stack), stack=stack)
    table = Table("chart", "version", "program", "newest", "remark", title=name, title_justify="left")
    for wanted in installed(graph):
        about, newest = _about(helm, wanted), helm.newest(wanted)
        deprecated = about.deprecated or (newest is not None and newest.deprecated)
        remark = "deprecated" if deprecated else ""
        table.add_row(wanted.chart, about.version, about.app_version, newest.version if newest else "unknown", remark)
    console.print(table)
    return [f"{name}: {finding}" for finding in _check(helm, api, config, graph)]


def _check(helm: Helm, api: ApiServer | None, config: EnvironmentConfig, graph: Graph) -> Iterator[str]:
    """Yield what is wrong with the charts of a stack."""
    kubernetes, everything = config.cluster.version, Rendered()
    for wanted in sorted(installed(graph), key=lambda wanted: wanted.chart != "prometheus-operator-crds"):
        render = partial(helm.render, wanted, kubernetes, everything.apis)
        about, rendered = _about(helm, wanted), Rendered()
        if about.version != wanted.version:
            yield f"{wanted.chart}: {wanted.version} is pinned, and {helm.folder(wanted)} holds {about.version}"
        if about.deprecated:
            yield f"{wanted.chart} {about.version} is deprecated"
        try:
            rendered.add(wanted.namespace, render())
        except ChartError as error:
            yield str(error)
            continue
        for finding in (
            *keys.unread(wanted.values, helm.folder(wanted), render),
            *checks.of_objects(rendered),
            *checks.of_workloads(rendered, wanted),
        ):
            yield f"{wanted.chart}: {finding}"
        everything.add(wanted.namespace, [manifest for _, manifest in rendered.objects])
    yield from checks.of_stack(everything, graph)
    yield from refused(everything, graph, kubernetes)
    if api is not None:
        yield from server.refused(everything, graph, api)
    yield from _pairs(helm, kubernetes, graph)


def _pairs(helm: Helm, kubernetes: str, graph: Graph) -> Iterator[str]:
    programs = {wanted.chart: _about(helm, wanted).app_version for wanted in installed(graph)}
    if programs["kube-prometheus-stack"] != programs["prometheus-operator-crds"]:
        yield (
            f"the operator is {programs['kube-prometheus-stack']}, "
            f"its types are of {programs['prometheus-operator-crds']}"
        )
    if not programs["cluster-autoscaler"].removeprefix("v").startswith(f"{kubernetes}."):
        yield f"the autoscaler {programs['cluster-autoscaler']} is not of Kubernetes {kubernetes}"


def _about(helm: Helm, wanted: Installed) -> About:
    return About.read((helm.folder(wanted) / "Chart.yaml").read_text())


if __name__ == "__main__":
    sys.exit(main())
