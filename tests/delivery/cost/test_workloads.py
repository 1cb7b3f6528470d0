"""What runs on the nodes of a stack."""

from typing import Any

import pytest

from components.cluster.controllers import AUTOSCALERS
from delivery.cost.workloads import ADD_ONS, CHARTS, mebibytes, millicores, of_chart, workloads
from delivery.errors import UnknownAttributeError
from delivery.recording import Graph
from tests.stacks.stacks_under_test import environment_graph
from tests.support.stand_ins.charts import every_chart

STACKS = pytest.mark.parametrize("stack", ["dev", "prod"])


@pytest.fixture
def graph(stack: str) -> Graph:
    return environment_graph(stack)


@STACKS
def test_everything_that_makes_pods_is_counted(graph: Graph) -> None:
    counted = {workload.name for workload in workloads(graph)}
    assert counted >= {
        named.inputs["metadata"]["name"] for kind in ("Deployment", "CronJob") for named in graph.of(kind)
    }
    assert counted >= {named.name for addon in graph.of("Addon") for named in ADD_ONS[addon.inputs["addonName"]]}
    charts = {named.inputs["chart"] for named in graph.of("Release")}
    assert counted >= {f"{named.kind} {named.name}" for chart in charts for named in CHARTS[chart].workloads}


@STACKS
def test_the_release_jobs_take_less_than_the_update_that_they_end_before(graph: Graph) -> None:
    """So they are not counted: they have the room in which new pods stand beside the old ones later."""
    jobs = [job.inputs["spec"]["template"]["spec"]["containers"] for job in graph.of("kubernetes:batch/v1:Job")]
    requests = [container["resources"]["requests"] for containers in jobs for container in containers]
    assert requests
    surging = [workload for workload in workloads(graph) for _ in range(workload.surge)]
    assert len(requests) <= len(surging)
    assert sum(mebibytes(request["memory"]) for request in requests) <= sum(pod.memory_mib for pod in surging)
    assert sum(millicores(request["cpu"]) for request in requests) <= sum(pod.cpu_m for pod in surging)


def test_what_a_stack_scales_is_counted_at_rest_and_at_most() -> None:
    (gateway,) = [workload for workload in workloads(environment_graph("prod")) if workload.name == "gateway"]
    (scale,) = [
        workload.inputs["spec"]
        for workload in environment_graph("prod").of("HorizontalPodAutoscaler")
        if workload.name == "gateway"
    ]
    assert (gateway.replicas, gateway.most) == (scale["minReplicas"], scale["maxReplicas"])
    assert gateway.surge == 1


def test_a_protected_stack_has_two_of_what_may_be_two() -> None:
    for stack, expected in (("dev", 1), ("prod", 2)):
        counted = {workload.name: workload.replicas for workload in workloads(environment_graph(stack))}
        assert counted["ebs-csi-controller"] == counted["Deployment external-secrets"] == expected


def test_the_table_names_the_charts_that_a_stack_may_install_and_no_other() -> None:
    assert CHARTS.keys() == every_chart().keys()
    assert set(CHARTS["cluster-autoscaler"].versions) == {chart.version for chart in AUTOSCALERS.values()}
    for name, chart in every_chart().items():
        assert chart.version in CHARTS[name].versions


@pytest.mark.parametrize(
    ("chart", "version", "values", "message"),
    [
        ("loki", "0.1.0", {}, r"what loki 0\.1\.0 runs: render it \(nox -s charts\)"),
        ("mimir", "1.0.0", {}, r"what mimir 1\.0\.0 runs"),
        ("loki", "18.11.0", {"singleBinary": {"replicas": 1}}, r"of loki say no singleBinary\.resources\.requests"),
        ("metrics-server", "3.13.1", {}, r"of metrics-server say no resources\.requests"),
    ],
)
def test_what_a_chart_takes_is_never_guessed(chart: str, version: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownAttributeError, match=message):
        list(of_chart(chart, version, values))


def test_quantities_are_read_as_kubernetes_writes_them() -> None:
    assert [millicores(cpu) for cpu in ("250m", "1", "1.5")] == [250, 1000, 1500]
    assert [mebibytes(memory) for memory in ("64Mi", "2Gi")] == [64, 2048]
    with pytest.raises(UnknownAttributeError, match="a request of 500M memory: write it in Mi or Gi"):
        mebibytes("500M")
