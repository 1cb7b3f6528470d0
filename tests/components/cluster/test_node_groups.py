"""The nodes that are declared: in which zones, how many, and what becomes of them when that changes."""

import base64
import json
from email import message_from_bytes
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.cluster.node_groups import shares
from delivery.recording import Graph, build
from tests.components import parts


def cluster(existing: tuple[int, int, int] | None = None, **nodes: Any) -> Graph:
    """A cluster; `existing`: minimum, maximum and desired size of the one node group that is there already."""
    found: dict[str, dict[str, Any]] = {}
    if existing:
        sizes = dict(zip(("minSize", "maxSize", "desiredSize"), existing, strict=True))
        found = {
            "aws:eks/getClusters:getClusters": {"names": ["try"]},
            "aws:eks/getNodeGroups:getNodeGroups": {"names": ["cluster-nodes-eu-west-1a-20261125222613"]},
            "aws:eks/getNodeGroup:getNodeGroup": {"scalingConfigs": [sizes]},
        }
    return build(lambda: parts.cluster(nodes=nodes), existing=found)


def sizes(graph: Graph) -> dict[str, tuple[int, int]]:
    """Subnet -> fewest and most nodes in it."""
    return {
        group.inputs["subnetIds"][0]: (
            group.inputs["scalingConfig"]["minSize"],
            group.inputs["scalingConfig"]["maxSize"],
        )
        for group in graph.of("NodeGroup")
    }


def test_each_node_group_is_of_one_zone() -> None:
    """A volume is of one zone: of a group of two, a new node may come up in the other."""
    assert all(len(group.inputs["subnetIds"]) == 1 for group in cluster(zones=2).of("NodeGroup"))
    assert sizes(cluster(zones=1, minimum=2, maximum=5)) == {"subnet-3": (2, 5)}
    assert sizes(cluster(zones=2, minimum=3, maximum=5)) == {"subnet-3": (2, 3), "subnet-4": (1, 2)}


def test_no_zone_is_left_without_a_node() -> None:
    with pytest.raises(ValueError, match="minimum 1 leaves one of 2 zones without a node"):
        cluster(zones=2, minimum=1)


@given(st.integers(1, 100), st.integers(1, 3))
def test_nodes_are_shared_evenly_and_none_is_lost(total: int, zones: int) -> None:
    shared = shares(total, zones)
    assert sum(shared) == total
    assert max(shared) - min(shared) <= 1


@pytest.mark.parametrize("existing", [None, (2, 4, 3)])
def test_the_autoscalers_number_of_nodes_is_left_alone(existing: tuple[int, int, int] | None) -> None:
    assert cluster(existing, minimum=2, maximum=4).one("NodeGroup").ignore_changes == ("scalingConfig.desiredSize",)


@pytest.mark.parametrize(
    ("minimum", "maximum", "desired"),
    [
        # AWS refuses a minimum above the desired size.
        (4, 6, 4),
        # The autoscaler's number stays where only the maximum is another.
        (2, 6, 3),
        (1, 2, 2),
    ],
)
def test_with_other_limits_comes_a_desired_size_between_them(minimum: int, maximum: int, desired: int) -> None:
    nodes = cluster((2, 4, 3), minimum=minimum, maximum=maximum).one("NodeGroup")
    assert nodes.inputs["nodeGroupNamePrefix"] == "cluster-nodes-eu-west-1a-", "it is found by its name"
    assert nodes.inputs["scalingConfig"] == {"minSize": minimum, "maxSize": maximum, "desiredSize": desired}
    assert nodes.ignore_changes == ()


def test_a_node_has_addresses_and_memory_for_its_pods() -> None:
    graph = cluster(max_pods=40)
    addon = graph.one("Addon", "cluster-vpc-cni")
    assert json.loads(addon.inputs["configurationValues"])["env"] == {"ENABLE_PREFIX_DELEGATION": "true"}
    assert graph.waits_for(graph.one("aws:eks/nodeGroup:NodeGroup"), addon), "nodes take single addresses before"
    data = message_from_bytes(base64.b64decode(graph.one("LaunchTemplate").inputs["userData"]))
    _, part = data.walk()
    assert part.get_content_type() == "application/node.eks.aws"
    kubelet = json.loads(str(part.get_payload()))["spec"]["kubelet"]["config"]
    assert kubelet == {"maxPods": 40, "kubeReserved": {"memory": "695Mi"}}


def test_pods_cannot_reach_the_nodes_credentials() -> None:
    options = cluster().one("LaunchTemplate").inputs["metadataOptions"]
    assert (options["httpTokens"], options["httpPutResponseHopLimit"]) == ("required", 1)


def test_a_patched_ami_arrives_by_configuration_and_only_of_the_clusters_version() -> None:
    nodes = {"ami_release": "1.35.0-20261120"}
    group = build(lambda: parts.cluster(version="1.35", nodes=nodes)).one("NodeGroup")
    assert group.inputs["releaseVersion"] == "1.35.0-20261120"
    with pytest.raises(ValueError, match=r"1\.35\.0-20261120 is not of version 1\.34: raise both"):
        build(lambda: parts.cluster(version="1.34", nodes=nodes))
