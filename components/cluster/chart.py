"""Helm charts, each pinned to a version, from their own repositories or from a mirror."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of a repository."""

    name: str
    version: str
    repository: str


def release(
    name: str,
    chart: Chart,
    namespace: str,
    values: Mapping[str, Any],
    *,
    mirror: str | None,
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
    create_namespace: bool = False,
) -> k8s.helm.v3.Release:
    """Install a chart and wait until it runs; a failed installation is taken back.

    `mirror`: the address of a repository (`https://`, `oci://`) or a folder that holds every chart by its name; None:
    the chart's own repository. `values` must hold no secret: they stand in the state in clear.
    """
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
        opts=pulumi.ResourceOptions(parent=parent, depends_on=list(after)),
    )


def switched_off(*parts: str) -> dict[str, dict[str, bool]]:
    """Return values that switch parts of a chart off."""
    return {part: {"enabled": False} for part in parts}
