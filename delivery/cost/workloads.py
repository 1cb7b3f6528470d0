"""What runs on the nodes of a stack: its own workloads, the add-ons of EKS, and what its charts make.

A chart is rendered only where it can be fetched. So a table says what each makes, and where in our values its numbers
stand; `nox -s charts` renders the chart and compares.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from delivery.errors import UnknownAttributeError
from delivery.recording import Graph, RecordedResource


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Pods that are alike; each requests `cpu_m` thousandths of a processor and `memory_mib` MiB.

    `replicas`: how many there are at rest, on each node of a DaemonSet. `most`: how many autoscaling makes of them.
    `surge`: how many more there are while new images are deployed.
    """

    name: str
    cpu_m: int
    memory_mib: int
    replicas: int = 1
    most: int = 1
    surge: int = 0
    on_every_node: bool = False


@dataclass(frozen=True, slots=True)
class ChartWorkload:
    """What a chart makes, as rendered.

    `containers`: where the `resources` of each stand in our values. `replicas`: where their number stands, if anywhere.
    """

    kind: str
    name: str
    containers: tuple[str, ...] = ("",)
    replicas: str = ""


@dataclass(frozen=True, slots=True)
class ChartWorkloads:
    """What some versions of a chart make."""

    versions: tuple[str, ...]
    workloads: tuple[ChartWorkload, ...] = ()


ISTIO = ("1.30.4",)
_RELOADER = "prometheusOperator.prometheusConfigReloader"

# Rendered on 2026-11-25.
CHARTS: Mapping[str, ChartWorkloads] = {
    # Read of its templates on 2026-11-26, not rendered.
    "argo-rollouts": ChartWorkloads(
        ("2.41.0",), (ChartWorkload("Deployment", "argo-rollouts", ("controller",), "controller.replicas"),)
    ),
    "aws-load-balancer-controller": ChartWorkloads(
        ("1.17.1",), (ChartWorkload("Deployment", "aws-load-balancer-controller", replicas="replicaCount"),)
    ),
    # Istio's five, rendered on 2026-11-26 as they stand in its repository at 1.30.3 and at the end of August 2026.
    "base": ChartWorkloads(ISTIO),
    "cni": ChartWorkloads(ISTIO, (ChartWorkload("DaemonSet", "istio-cni-node"),)),
    "gateway": ChartWorkloads(ISTIO, (ChartWorkload("Deployment", "istio-ingress", replicas="replicaCount"),)),
    "istiod": ChartWorkloads(ISTIO, (ChartWorkload("Deployment", "istiod", replicas="replicaCount"),)),
    "ztunnel": ChartWorkloads(ISTIO, (ChartWorkload("DaemonSet", "ztunnel"),)),
    "cluster-autoscaler": ChartWorkloads(
        ("9.53.0", "9.59.0"), (ChartWorkload("Deployment", "cluster-autoscaler-aws-cluster-autoscaler"),)
    ),
    "external-secrets": ChartWorkloads(
        ("2.9.0",),
        (
            ChartWorkload("Deployment", "external-secrets", replicas="replicaCount"),
            ChartWorkload("Deployment", "external-secrets-webhook", ("webhook",), "webhook.replicaCount"),
            ChartWorkload(
                "Deployment", "external-secrets-cert-controller", ("certController",), "certController.replicaCount"
            ),
        ),
    ),
    "kube-prometheus-stack": ChartWorkloads(
        ("88.5.3",),
        (
            ChartWorkload("DaemonSet", "kube-prometheus-stack-prometheus-node-exporter", ("prometheus-node-exporter",)),
            ChartWorkload("Deployment", "kube-prometheus-stack-grafana", ("grafana", "grafana.sidecar")),
            ChartWorkload("Deployment", "kube-prometheus-stack-kube-state-metrics", ("kube-state-metrics",)),
            ChartWorkload("Deployment", "kube-prometheus-stack-operator", ("prometheusOperator",)),
            ChartWorkload(
                "Alertmanager",
                "kube-prometheus-stack-alertmanager",
                ("alertmanager.alertmanagerSpec", _RELOADER),
                "alertmanager.alertmanagerSpec.replicas",
            ),
            ChartWorkload(
                "Prometheus",
                "kube-prometheus-stack-prometheus",
                ("prometheus.prometheusSpec", _RELOADER),
                "prometheus.prometheusSpec.replicas",
            ),
        ),
    ),
    "loki": ChartWorkloads(
        ("18.11.0",), (ChartWorkload("StatefulSet", "loki", ("singleBinary",), "singleBinary.replicas"),)
    ),
    "metrics-server": ChartWorkloads(("3.13.1",), (ChartWorkload("Deployment", "metrics-server"),)),
    "opentelemetry-collector": ChartWorkloads(
        ("0.170.0",), (ChartWorkload("DaemonSet", "opentelemetry-collector-agent"),)
    ),
    "prometheus-operator-crds": ChartWorkloads(("31.0.1",)),
    "prometheus-pushgateway": ChartWorkloads(("3.8.0",), (ChartWorkload("Deployment", "prometheus-pushgateway"),)),
    "tempo": ChartWorkloads(("2.2.4",), (ChartWorkload("StatefulSet", "tempo", ("tempo",), "replicas"),)),
}
"""Chart -> what it makes, in each version that a stack may install."""

# The charts of the add-ons (github.com/aws/amazon-vpc-cni-k8s, kubernetes-sigs/aws-ebs-csi-driver,
# aws/eks-pod-identity-agent) and what EKS says of its CoreDNS and kube-proxy, read 2026-11-25.
ADD_ONS: Mapping[str, tuple[Workload, ...]] = {
    "vpc-cni": (Workload(name="aws-node", cpu_m=50, memory_mib=0, on_every_node=True),),
    "kube-proxy": (Workload(name="kube-proxy", cpu_m=100, memory_mib=0, on_every_node=True),),
    "eks-pod-identity-agent": (Workload(name="eks-pod-identity-agent", cpu_m=0, memory_mib=0, on_every_node=True),),
    "coredns": (Workload(name="coredns", cpu_m=100, memory_mib=70, replicas=2, most=2),),
    "aws-ebs-csi-driver": (
        Workload(name="ebs-csi-node", cpu_m=30, memory_mib=120, on_every_node=True),
        Workload(name="ebs-csi-controller", cpu_m=60, memory_mib=240, replicas=2, most=2),
    ),
}
"""Add-on -> what it makes."""


def workloads(graph: Graph) -> list[Workload]:
    """Return what runs on the nodes of a recorded stack. Raises UnknownAttributeError."""
    add_ons = [workload for resource in graph.of("Addon") for workload in _add_on(resource)]
    charts = [
        workload
        for resource in graph.of("kubernetes:helm.sh/v3:Release")
        for workload in of_chart(*(resource.inputs[name] for name in ("chart", "version", "values")))
    ]
    return [*add_ons, *charts, *_own(graph)]


def of_chart(chart: str, version: str, values: Mapping[str, Any]) -> Iterator[Workload]:
    """Yield what a chart makes of the values of a stack. Raises UnknownAttributeError."""
    known = CHARTS.get(chart)
    if known is None or version not in known.versions:
        raise UnknownAttributeError(
            f"nobody knows what {chart} {version} runs: render it (nox -s charts), and say so in CHARTS of "
            "delivery/cost/workloads.py"
        )
    for workload in known.workloads:
        requests = [_at(values, f"{path}.resources.requests", chart) for path in workload.containers]
        replicas = int(_at(values, workload.replicas, chart)) if workload.replicas else 1
        yield Workload(
            name=f"{workload.kind} {workload.name}",
            cpu_m=sum(millicores(request["cpu"]) for request in requests),
            memory_mib=sum(mebibytes(request["memory"]) for request in requests),
            replicas=replicas,
            most=replicas,
            on_every_node=workload.kind == "DaemonSet",
        )


def millicores(cpu: str) -> int:
    """Return thousandths of a processor."""
    return int(cpu.removesuffix("m")) if cpu.endswith("m") else int(float(cpu) * 1000)


def mebibytes(memory: str) -> int:
    """Return MiB. Raises UnknownAttributeError."""
    for unit, size in (("Mi", 1), ("Gi", 1024)):
        if memory.endswith(unit):
            return int(memory.removesuffix(unit)) * size
    raise UnknownAttributeError(f"a request of {memory} memory: write it in Mi or Gi")


def _add_on(addon: RecordedResource) -> list[Workload]:
    name = addon.inputs["addonName"]
    if name not in ADD_ONS:
        raise UnknownAttributeError(
            f"nobody knows what the add-on {name} runs: say so in ADD_ONS of delivery/cost/workloads.py"
        )
    values = json.loads(addon.inputs.get("configurationValues", "{}"))
    replicas = {"ebs-csi-controller": values.get("controller", {}).get("replicaCount")}
    return [
        replace(workload, replicas=replicas[workload.name], most=replicas[workload.name])
        if replicas.get(workload.name)
        else workload
        for workload in ADD_ONS[name]
    ]


def _own(graph: Graph) -> Iterator[Workload]:
    specs = [resource.inputs["spec"] for resource in graph.of("HorizontalPodAutoscaler")]
    scaled = {spec["scaleTargetRef"]["name"]: spec for spec in specs}
    for resource in (*graph.of("Deployment"), *graph.of("Rollout")):
        name, spec = resource.inputs["metadata"]["name"], resource.inputs["spec"]
        limits = scaled.get(name, {"minReplicas": spec.get("replicas", 1), "maxReplicas": spec.get("replicas", 1)})
        least = int(limits["minReplicas"])
        yield _pods(
            name,
            spec["template"],
            replicas=least,
            most=int(limits["maxReplicas"]),
            surge=_surge(spec["strategy"], least),
        )
    for resource in graph.of("CronJob"):
        yield _pods(resource.inputs["metadata"]["name"], resource.inputs["spec"]["jobTemplate"]["spec"]["template"])
    # Release jobs end before the first Deployment is updated, and take less than that.


def _surge(strategy: Mapping[str, Any], replicas: int) -> int:
    canary = strategy.get("canary", {})
    # All of the old version stay until all of the new one are there.
    if "blueGreen" in strategy or "trafficRouting" in canary:
        return replicas
    return int((canary or strategy["rollingUpdate"])["maxSurge"])


def _pods(name: str, template: Mapping[str, Any], *, replicas: int = 1, most: int = 1, surge: int = 0) -> Workload:
    requests = [container["resources"]["requests"] for container in template["spec"]["containers"]]
    return Workload(
        name=name,
        cpu_m=sum(millicores(request["cpu"]) for request in requests),
        memory_mib=sum(mebibytes(request["memory"]) for request in requests),
        replicas=replicas,
        most=most,
        surge=surge,
    )


def _at(values: Mapping[str, Any], path: str, chart: str) -> Any:
    found: Any = values
    for key in path.strip(".").split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    if found is None:
        raise UnknownAttributeError(f"the values of {chart} say no {path.strip('.')}: what it takes depends on it")
    return found
