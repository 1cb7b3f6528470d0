"""The cluster that is declared."""

import json
from functools import partial
from typing import Any

import pulumi
import pytest

from components.cluster.cluster import disable_creator_admin
from components.cluster.config import ClusterConfig
from delivery.recording import build
from tests.components import parts


def test_its_endpoint_is_private_unless_networks_are_named() -> None:
    closed = build(parts.cluster).one("eks:index:Cluster").inputs
    assert (closed["endpointPrivateAccess"], closed["endpointPublicAccess"]) == (True, False)
    opened = build(lambda: parts.cluster(public_access_cidrs=["198.51.100.0/24"])).one("eks:index:Cluster").inputs
    assert (opened["endpointPublicAccess"], opened["publicAccessCidrs"]) == (True, ["198.51.100.0/24"])


def test_who_may_enter_is_said_by_access_entries_alone() -> None:
    graph = build(parts.cluster)
    assert graph.one("eks:index:Cluster").inputs["authenticationMode"] == "API"
    policies = {
        resource.inputs["principalArn"]: resource.inputs["policyArn"].rpartition("/")[2]
        for resource in graph.of("AccessPolicyAssociation")
    }
    assert policies == {
        "arn:aws:iam::111111111111:role/deploy": "AmazonEKSClusterAdminPolicy",
        "arn:aws:iam::111111111111:role/preview": "AmazonEKSViewPolicy",
    }
    assert {resource.inputs["principalArn"] for resource in graph.of("AccessEntry")} == policies.keys()


def test_who_makes_the_cluster_does_not_enter_by_that() -> None:
    props = {
        "name": "c",
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
    }
    changed = disable_creator_admin(made_by_eks("aws:eks/cluster:Cluster", props))
    assert changed is not None
    assert changed.props["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    assert changed.props["name"] == "c"
    assert disable_creator_admin(made_by_eks("aws:ec2/securityGroup:SecurityGroup", {})) is None


def made_by_eks(kind: str, props: dict[str, Any]) -> pulumi.ResourceTransformArgs:
    return pulumi.ResourceTransformArgs(custom=True, type_=kind, name="c", props=props, opts=pulumi.ResourceOptions())


def test_nothing_is_asked_of_the_cluster_before_who_deploys_may_enter() -> None:
    graph = build(parts.cluster)
    provider = graph.one("pulumi:providers:kubernetes")
    assert all(graph.waits_for(provider, resource) for resource in graph.of("AccessPolicyAssociation"))


def test_nobody_is_administrator_and_viewer() -> None:
    with pytest.raises(ValueError, match="role/deploy is listed as both administrator and viewer"):
        build(lambda: parts.cluster(viewers=["arn:aws:iam::111111111111:role/deploy"]))


def test_add_ons_that_need_nodes_come_after_them_and_the_network_before() -> None:
    graph = build(parts.cluster)
    nodes = graph.one("aws:eks/nodeGroup:NodeGroup")
    order = {resource.inputs["addonName"]: graph.waits_for(resource, nodes) for resource in graph.of("Addon")}
    assert order == {
        "vpc-cni": False,
        "kube-proxy": False,
        "coredns": True,
        "eks-pod-identity-agent": False,
        "aws-ebs-csi-driver": True,
    }
    network = graph.one("Addon", "cluster-vpc-cni")
    assert graph.waits_for(nodes, network), "a node without a network never becomes ready"
    assert graph.waits_for(network, graph.one("Addon", "cluster-eks-pod-identity-agent"))
    for part in graph.inside(graph.one("PodIdentity", "cluster-aws-node")):
        assert graph.waits_for(network, part)


def test_network_policies_are_enforced() -> None:
    addon = build(parts.cluster).one("Addon", "cluster-vpc-cni")
    assert json.loads(addon.inputs["configurationValues"])["enableNetworkPolicy"] == "true"


def test_the_control_plane_answers_in_the_private_subnets_alone() -> None:
    cluster = build(parts.cluster).one("eks:index:Cluster").inputs
    assert cluster["privateSubnetIds"]
    assert "publicSubnetIds" not in cluster, "Prometheus may reach the API servers where pods are"


def test_a_changed_kubeconfig_replaces_nothing() -> None:
    provider = build(parts.cluster).one("pulumi:providers:kubernetes")
    assert provider.inputs["clusterIdentifier"] == parts.CLUSTER_ARN


def test_who_deploys_and_who_previews_come_in_first_and_once() -> None:
    deploy, preview, other = (f"arn:aws:iam::111111111111:role/{name}" for name in ("deploy", "preview", "other"))
    admitted = ClusterConfig(administrators=[other]).admitting(deploy, preview)
    assert (admitted.administrators, admitted.viewers) == ((deploy, other), (preview,))
    assert admitted.admitting(deploy, preview) == admitted


def test_everybody_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="must be known networks, not the whole internet"):
        build(lambda: parts.cluster(public_access_cidrs=["0.0.0.0/0"]))


def test_the_cluster_never_slides_into_extended_support() -> None:
    control_plane = build(parts.cluster).one("eks:index:Cluster")
    assert control_plane.inputs["upgradePolicy"] == {"supportType": "STANDARD"}


def test_a_new_version_reaches_the_control_plane_the_add_ons_and_the_nodes_in_this_order() -> None:
    before, after = (build(partial(parts.cluster, version=version)) for version in ("1.34", "1.35"))
    inputs = {resource.urn: resource.inputs for resource in before.resources}
    changed = {resource.name for resource in after.resources if resource.inputs != inputs[resource.urn]}
    add_ons = {resource.inputs["addonName"]: resource for resource in after.of("Addon")}
    control_plane, nodes = after.one("eks:index:Cluster"), after.one("NodeGroup")
    assert changed == {control_plane.name, nodes.name, *(resource.name for resource in add_ons.values())}
    assert control_plane.inputs["version"] == nodes.inputs["version"] == "1.35"
    assert {resource.inputs["addonVersion"] for resource in add_ons.values()} == {"v1.35.0-eksbuild.1"}
    assert all(after.waits_for(resource, control_plane) for resource in add_ons.values())
    for name in ("vpc-cni", "kube-proxy", "eks-pod-identity-agent"):
        assert after.waits_for(nodes, add_ons[name]), "what runs on every node is of the version before the node is"


def test_a_pinned_add_on_keeps_its_version_and_the_others_follow() -> None:
    graph = build(lambda: parts.cluster(addons={"coredns": "v1.12.4-eksbuild.1"}))
    versions = {resource.inputs["addonName"]: resource.inputs["addonVersion"] for resource in graph.of("Addon")}
    assert versions.pop("coredns") == "v1.12.4-eksbuild.1"
    assert set(versions.values()) == {"v1.35.0-eksbuild.1"}
