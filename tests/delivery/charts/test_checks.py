"""What is wrong with what charts make, one object at a time."""

from dataclasses import replace
from typing import Any

import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

from delivery.charts import checks
from delivery.charts.checks import Rendered
from delivery.charts.helm import Installed
from delivery.cost.workloads import CHARTS
from delivery.recording import Graph, build
from tests.stacks.stacks_under_test import environment_graph, mesh_graph

GOOD: dict[str, Any] = {"name": "program", "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}}}
LOGS: dict[str, Any] = {"volumes": [{"name": "logs", "hostPath": {"path": "/var/log/pods"}}]}
READS_LOGS = GOOD | {"volumeMounts": [{"name": "logs", "mountPath": "/var/log/pods"}]}


def workload(*containers: dict[str, Any], kind: str = "Deployment", **changes: Any) -> dict[str, Any]:
    pod = {"containers": list(containers), "serviceAccountName": "program", **changes}
    template = {"metadata": {"labels": {"app": "program"}}, "spec": pod}
    return {"kind": kind, "metadata": {"name": "program"}, "spec": {"template": template}}


def rendered(*objects: dict[str, Any]) -> Rendered:
    result = Rendered()
    result.add("monitoring", objects)
    return result


def monitor(**endpoint: str) -> dict[str, Any]:
    return {"kind": "ServiceMonitor", "metadata": {"name": "program"}, "spec": {"endpoints": [endpoint]}}


PROMETHEUS: dict[str, Any] = {
    "kind": "Prometheus",
    "metadata": {"name": "prometheus"},
    "spec": {"scrapeInterval": "15s", "replicas": 2, "resources": GOOD["resources"]},
}
SERVICE: dict[str, Any] = {
    "kind": "Service",
    "metadata": {"name": "program"},
    "spec": {"selector": {"app": "program"}, "ports": [{"port": 80, "targetPort": "http"}]},
}
SERVES = workload(GOOD | {"ports": [{"name": "http", "containerPort": 8080}]})


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (workload({"name": "program"}), "program has no requests"),
        (workload(GOOD, initContainers=[{"name": "first"}]), "first has no requests"),
        (PROMETHEUS | {"spec": {}}, "Prometheus prometheus has no requests"),
        (workload(READS_LOGS, **LOGS), "is not root"),
        (workload(READS_LOGS, securityContext={"runAsUser": 10001}, **LOGS), "is not root"),
        (workload(GOOD | {"ports": [{"containerPort": 4317, "hostPort": 4317}]}), "opens port 4317 of its node"),
        (
            {
                "kind": "StatefulSet",
                "metadata": {"name": "logs"},
                "spec": {
                    **workload(GOOD)["spec"],
                    "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"},
                },
            },
            "takes its volumes with it",
        ),
        ({"kind": "Secret", "metadata": {"name": "grafana"}, "data": {"admin-password": "eA=="}}, "whom nobody makes"),
    ],
)
def test_what_a_chart_makes_wrong_by_itself(manifest: dict[str, Any], message: str) -> None:
    (finding,) = checks.of_objects(rendered(manifest))
    assert message in finding


@pytest.mark.parametrize(
    "manifest",
    [
        SERVES,
        PROMETHEUS,
        workload(READS_LOGS | {"securityContext": {"runAsUser": 0}}, kind="DaemonSet", **LOGS),
        workload(GOOD | {"ports": [{"containerPort": 9100, "hostPort": 9100}]}, hostNetwork=True),
    ],
)
def test_what_is_right_is_not_told(manifest: dict[str, Any]) -> None:
    assert list(checks.of_objects(rendered(manifest))) == []


def test_a_monitor_that_the_operator_refuses() -> None:
    (finding,) = checks.of_stack(rendered(PROMETHEUS, monitor(scrapeTimeout="30s")), Graph())
    assert "ServiceMonitor program waits 30s for what it scrapes every 15s" in finding
    for right in (monitor(), monitor(scrapeTimeout="10s"), monitor(scrapeTimeout="25s", interval="1m")):
        assert list(checks.of_stack(rendered(PROMETHEUS, right), Graph())) == []


def calls(url: str) -> Graph:
    def program() -> None:
        k8s.helm.v3.Release("caller", chart="caller", namespace="monitoring", values={"at": {"url": url}})

    return build(program)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://program:80/x", None),
        ("program.monitoring.svc:80", None),
        ("http://prometheus-operated:9090", None),
        ("http://elsewhere.example:1", None),
        ("http://programme:80", "there is no Service programme"),
        ("http://program:81", "has the ports [80]"),
    ],
)
def test_an_address_meets_a_service_with_pods_behind_it(url: str, message: str | None) -> None:
    found = list(checks.of_stack(rendered(SERVICE, SERVES, PROMETHEUS), calls(url)))
    assert len(found) == (0 if message is None else 1)
    assert message is None or message in found[0]


def test_a_service_without_pods_behind_it_answers_nobody() -> None:
    (finding,) = checks.of_stack(rendered(SERVICE, workload(GOOD)), calls("http://program:80"))
    assert "has the ports []" in finding


def test_a_network_policy_that_selects_nobody() -> None:
    def policy(**labels: str) -> Graph:
        def program() -> None:
            k8s.networking.v1.NetworkPolicy(
                "opens",
                metadata=k8s.meta.v1.ObjectMetaArgs(name="opens", namespace="monitoring"),
                spec=k8s.networking.v1.NetworkPolicySpecArgs(
                    pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=labels)
                ),
            )

        return build(program)

    assert list(checks.of_stack(rendered(SERVES), policy(app="program"))) == []
    (finding,) = checks.of_stack(rendered(SERVES), policy(app="other"))
    assert "which no pod of monitoring carries" in finding


def test_an_identity_of_nobody() -> None:
    def identity(account: str) -> Graph:
        def program() -> None:
            aws.eks.PodIdentityAssociation(
                "identity", cluster_name="c", namespace="monitoring", service_account=account, role_arn="arn"
            )

        return build(program)

    assert list(checks.of_stack(rendered(SERVES), identity("program"))) == []
    (finding,) = checks.of_stack(rendered(SERVES), identity("programme"))
    assert "monitoring/programme, as which no pod runs" in finding


def test_a_resource_of_a_type_that_nobody_brings() -> None:
    def program() -> None:
        k8s.apiextensions.CustomResource("own", api_version="example.com/v1", kind="Thing")

    kind = {"group": "example.com", "names": {"kind": "Thing"}, "versions": [{"name": "v1", "served": True}]}
    definition = {"kind": "CustomResourceDefinition", "metadata": {"name": "things"}, "spec": kind}
    assert list(checks.of_stack(rendered(definition), build(program))) == []
    (finding,) = checks.of_stack(rendered(), build(program))
    assert "own is a example.com/v1:Thing" in finding


def installs(**resources: Any) -> Installed:
    values = {"singleBinary": {"replicas": 1, "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}, **resources}}
    (version,) = CHARTS["loki"].versions
    return Installed(
        release="loki", namespace="monitoring", chart="loki", version=version, repository="", values=values
    )


def loki(kind: str = "StatefulSet", memory: str = "64Mi", **spec: Any) -> dict[str, Any]:
    container = {"name": "loki", "resources": {"requests": {"cpu": "10m", "memory": memory}}}
    manifest = workload(container, kind=kind)
    return {**manifest, "metadata": {"name": "loki"}, "spec": manifest["spec"] | spec}


def test_what_a_chart_runs_is_what_the_cost_counts_with() -> None:
    assert list(checks.of_workloads(rendered(loki(replicas=1)), installs())) == []
    for other in (loki(replicas=2), loki(memory="65Mi"), loki(kind="Deployment"), loki(kind="DaemonSet")):
        assert any(
            "CHARTS of delivery/cost/workloads.py says" in message
            for message in checks.of_workloads(rendered(other), installs())
        )
    (finding,) = checks.of_workloads(rendered(), installs())
    assert finding.startswith("runs None, and")
    (finding,) = checks.of_workloads(rendered(loki()), replace(installs(), version="0.0.1"))
    assert "nobody knows what loki 0.0.1 runs" in finding


def test_a_container_that_runs_first_runs_alone() -> None:
    first: dict[str, Any] = {"name": "first", "resources": {"requests": {"cpu": "1m", "memory": "60Mi"}}}
    manifest = loki()
    manifest["spec"]["template"]["spec"]["initContainers"] = [first]
    assert list(checks.of_workloads(rendered(manifest), installs())) == []
    first["resources"]["requests"]["memory"] = "70Mi"
    assert len(list(checks.of_workloads(rendered(manifest), installs()))) == 1


def test_the_operator_puts_a_container_beside_its_resources() -> None:
    (version,) = CHARTS["kube-prometheus-stack"].versions
    (ours,) = [
        release
        for release in environment_graph("dev").of("Release")
        if release.inputs["chart"] == "kube-prometheus-stack"
    ]
    wanted = replace(installs(), chart="kube-prometheus-stack", version=version, values=ours.inputs["values"])
    operator = workload(GOOD | {"args": ["--config-reloader-cpu-request=5m", "--config-reloader-memory-request=32Mi"]})
    spec = ours.inputs["values"]["prometheus"]["prometheusSpec"]
    prometheus = {"kind": "Prometheus", "metadata": {"name": "kube-prometheus-stack-prometheus"}, "spec": spec}
    findings = "".join(checks.of_workloads(rendered(operator, prometheus), wanted))
    assert "Alertmanager kube-prometheus-stack-alertmanager" in findings
    assert "Prometheus kube-prometheus-stack-prometheus" not in findings


def test_a_network_policy_of_a_workload_of_ours_beside_a_chart() -> None:
    """Where the pods are that a stack declares, and those that a controller starts for it."""
    in_mesh = mesh_graph("prod", "canary")
    services = Rendered()
    gateway = workload(GOOD)
    gateway["spec"]["template"]["metadata"]["labels"] = {"app.kubernetes.io/name": "istio-ingress"}
    services.add("sensors", [gateway])
    found = [finding for finding in checks.of_stack(services, in_mesh) if "selects" in finding]
    assert [finding for finding in found if "argo-rollouts" not in finding] == []
    assert len(found) == 1, "the one of a chart that was not rendered"
