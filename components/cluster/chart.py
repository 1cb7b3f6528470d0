"""Helm charts, each pinned to a version, from their own repositories or from a mirror."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.cluster.config import ChartsConfig

ON_EVERY_NODE = "system-node-critical"
"""The priority class of a DaemonSet's pods: others leave a full node for them, as no autoscaler adds one."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of a repository. Written as three texts, so that newer versions are proposed (.github/renovate.json)."""

    name: str
    version: str
    repository: str


def release(
    name: str,
    chart: Chart,
    namespace: str,
    values: Mapping[str, Any],
    *,
    charts: ChartsConfig,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
    create_namespace: bool = False,
) -> k8s.helm.v3.Release:
    """Install a chart and wait until it runs; a failed installation is taken back.

    It comes from its own repository unless `charts` names a mirror. `values` must hold no secret: they stand in the
    state in clear.
    """
    mirror = charts.mirror
    remote = mirror is None or mirror.startswith("https://")
    return k8s.helm.v3.Release(
        name,
        name=chart.name,
        chart=chart.name if remote else f"{mirror}/{chart.name}",
        version=chart.version,
        repository_opts=k8s.helm.v3.RepositoryOptsArgs(repo=mirror or chart.repository) if remote else None,
        namespace=namespace,
        create_namespace=create_namespace,
        values=dict(values),
        atomic=True,
        timeout=600,
        # Each revision is a Secret; without a number, none ever goes.
        max_history=10,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=list(after)),
    )


def requests(cpu: str, memory: str) -> dict[str, dict[str, str]]:
    """Return a container's requests: without them the scheduler overfills nodes, and the container goes first."""
    return {"requests": {"cpu": cpu, "memory": memory}}


def disabled(*parts: str) -> dict[str, dict[str, bool]]:
    """Return values that disable parts of a chart."""
    return {part: {"enabled": False} for part in parts}
