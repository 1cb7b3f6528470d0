"""The network that is declared."""

import pytest

from delivery.recording import Graph, build
from tests.components import parts


def nat_of(graph: Graph) -> dict[str, str]:
    """Zone of each private route's NAT gateway."""
    gateways = {
        f"{resource.name}-id": resource.name.removeprefix("network-nat-") for resource in graph.of("NatGateway")
    }
    return {
        resource.name.removeprefix("network-private-"): gateways[resource.inputs["natGatewayId"]]
        for resource in graph.of("Route")
        if "natGatewayId" in resource.inputs
    }


def test_one_nat_gateway_serves_both_zones() -> None:
    assert nat_of(build(parts.network)) == {"eu-west-1a": "eu-west-1a", "eu-west-1b": "eu-west-1a"}


def test_a_nat_gateway_in_each_zone_serves_its_own() -> None:
    graph = build(lambda: parts.network(nat_per_zone=True))
    assert nat_of(graph) == {"eu-west-1a": "eu-west-1a", "eu-west-1b": "eu-west-1b"}


def test_no_subnet_gives_out_public_addresses_by_itself() -> None:
    subnets = build(parts.network).of("aws:ec2/subnet:Subnet")
    assert len(subnets) == 4
    assert {resource.inputs["mapPublicIpOnLaunch"] for resource in subnets} == {False}


def test_the_default_group_lets_nothing_through_and_every_flow_is_logged() -> None:
    graph = build(parts.network)
    group = graph.one("DefaultSecurityGroup")
    assert (group.inputs["ingress"], group.inputs["egress"]) == ([], [])
    assert graph.one("FlowLog").inputs["trafficType"] == "ALL"


def test_private_endpoints_take_https_from_the_private_subnets_alone() -> None:
    graph = build(lambda: parts.network(private_endpoints=True))
    rules = graph.of("SecurityGroupIngressRule")
    assert {
        (resource.inputs["cidrIpv4"], resource.inputs["fromPort"], resource.inputs["toPort"]) for resource in rules
    } == {
        ("10.0.0.0/18", 443, 443),
        ("10.0.64.0/18", 443, 443),
    }
    interfaces = [resource for resource in graph.of("VpcEndpoint") if resource.inputs["vpcEndpointType"] == "Interface"]
    assert {resource.inputs["privateDnsEnabled"] for resource in interfaces} == {True}


def test_one_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="must be two different zones"):
        build(lambda: parts.network(zones=("eu-west-1a",)))
