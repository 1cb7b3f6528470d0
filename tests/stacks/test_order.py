"""What comes before what, when an environment is made and when it is taken down."""

import pytest

from delivery.recording import Graph
from stacks.config import load_environment
from tests.stacks.stacks_under_test import environment_graph

STACKS = pytest.mark.parametrize("stack", ["dev", "prod"])


@pytest.fixture
def graph(stack: str) -> Graph:
    return environment_graph(stack)


@STACKS
def test_nothing_is_made_in_a_namespace_before_the_namespace(graph: Graph) -> None:
    namespaces = {
        resource.inputs["metadata"]["name"]: resource for resource in graph.of("kubernetes:core/v1:Namespace")
    }
    inside = [
        resource
        for resource in graph.resources
        if (resource.inputs.get("metadata") or {}).get("namespace") in namespaces
    ]
    assert inside
    early = [
        f"{resource.type} {resource.name}"
        for resource in inside
        if not graph.waits_for(resource, namespaces[resource.inputs["metadata"]["namespace"]])
    ]
    assert early == []


@STACKS
def test_a_destroy_meets_the_protection_of_a_stack_before_anything_else(graph: Graph, stack: str) -> None:
    protection = graph.one("pulumi:index:Stash")
    assert protection.protect == load_environment(stack).protected
    others = [resource for resource in graph.resources if resource.custom and resource is not protection]
    assert [
        f"{resource.type} {resource.name}" for resource in others if not graph.waits_for(protection, resource)
    ] == []


@STACKS
def test_volumes_are_asked_for_only_while_their_driver_is_there(graph: Graph) -> None:
    """A destroy goes backwards: what has volumes is gone before the driver that deletes them, and before the nodes."""
    driver = graph.one("Addon", "cluster-aws-ebs-csi-driver")
    asking = [resource for resource in graph.of("Release") if "Gi'" in str(resource.inputs["values"])]
    namespaces = graph.of("kubernetes:core/v1:Namespace")
    assert asking
    assert {resource.inputs["namespace"] for resource in asking} <= {
        resource.inputs["metadata"]["name"] for resource in namespaces
    }
    for resource in (*asking, *namespaces):
        assert graph.waits_for(resource, driver), resource.name
        for nodes in graph.of("aws:eks/nodeGroup:NodeGroup"):
            assert graph.waits_for(resource, nodes), resource.name


@STACKS
def test_every_chart_forgets_what_it_was_long_ago(graph: Graph) -> None:
    assert {resource.inputs.get("maxHistory") for resource in graph.of("Release")} == {10}
