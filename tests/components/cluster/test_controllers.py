"""The controllers of the cluster."""

from typing import Any

import pytest

from components.cluster.config import ChartsConfig
from components.cluster.controllers import AUTOSCALERS, Controllers, ControllersArgs
from delivery.recording import ACCOUNT, REGION, Graph, build
from tests.components import parts


def controllers(**changes: Any) -> Graph:
    args: dict[str, Any] = {
        "charts": ChartsConfig(),
        "kubernetes": "1.34",
        "identities": parts.identities(),
        "account": ACCOUNT,
        "region": REGION,
        "vpc_id": "vpc-1",
    }
    return build(lambda: Controllers("controllers", ControllersArgs(**(args | changes))) and None)


def values(graph: Graph, release: str) -> dict[str, Any]:
    return dict(graph.one("Release", release).inputs["values"])


def test_the_autoscaler_is_of_the_clusters_minor_version() -> None:
    for minor, chart in AUTOSCALERS.items():
        assert controllers(kubernetes=minor).one("Release", "cluster-autoscaler").inputs["version"] == chart.version
    assert len({chart.version for chart in AUTOSCALERS.values()}) == len(AUTOSCALERS)
    with pytest.raises(ValueError, match=r"not 1\.20: add it to AUTOSCALERS"):
        controllers(kubernetes="1.20")


def test_the_autoscaler_takes_away_a_node_whose_pods_have_an_empty_folder() -> None:
    arguments = values(controllers(), "cluster-autoscaler")["extraArgs"]
    assert arguments["skip-nodes-with-local-storage"] is False
    assert arguments["skip-nodes-with-system-pods"] is False


def test_of_two_that_keep_secrets_one_acts() -> None:
    secrets = values(controllers(replicas=2), "external-secrets")
    assert secrets["leaderElect"] is True
    assert [part["replicaCount"] for part in (secrets, secrets["webhook"], secrets["certController"])] == [2, 2, 2]


def test_no_pod_is_made_without_its_readiness_gate() -> None:
    assert values(controllers(), "load-balancer")["podMutatorWebhookConfig"] == {"failurePolicy": "Fail"}


@pytest.mark.parametrize("name", ["cluster-autoscaler", "load-balancer", "external-secrets"])
def test_a_controller_that_fails_is_noticed(name: str) -> None:
    assert values(controllers(), name)["serviceMonitor"]["enabled"] is True


def test_monitors_come_after_their_types() -> None:
    graph = controllers()
    types = graph.one("Release", "monitor-types")
    assert all(graph.waits_for(release, types) for release in graph.of("Release") if release is not types)
