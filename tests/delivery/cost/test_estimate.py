"""What a stack costs, from its resources."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.cluster.versions import SUPPORT
from components.workload.config import MachinesConfig
from delivery.cost.estimate import Part, affordable_hours, by_component, estimate, hourly_usd, machines
from delivery.cost.prices import HOURS_A_MONTH, PRICES, regions
from delivery.errors import UnknownAttributeError, UnknownPriceError

TODAY = date(2026, 11, 25)

TEMPLATE = Part(
    "Cluster",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "template",
    {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeType": "gp3", "volumeSize": 20}}]},
    "urn:template",
)


def nodes(count: int) -> Part:
    props = {
        "scalingConfig": {"minSize": count},
        "instanceTypes": ["t3.medium"],
        "launchTemplate": {"id": "template-id"},
    }
    refers = {"launchTemplate": frozenset({TEMPLATE.urn})}
    return Part("Cluster", "aws:eks/nodeGroup:NodeGroup", "nodes", props, "urn:nodes", refers)


# The seed's dev stack with one node: about 0.31 dollars an hour, 52 a week, summed by hand from the same list.
DEV = [
    Part("Cluster", "eks:index:Cluster", "cluster", {"version": "1.35"}),
    TEMPLATE,
    nodes(1),
    Part("Network", "aws:ec2/natGateway:NatGateway", "nat", {}),
    Part("Network", "aws:ec2/eip:Eip", "nat", {}),
    Part("Network", "aws:ec2/vpcEndpoint:VpcEndpoint", "s3", {"vpcEndpointType": "Gateway"}),
    Part("Database", "aws:rds/instance:Instance", "db", {"instanceClass": "db.t4g.small", "allocatedStorage": 20}),
    Part("Stream", "aws:kinesis/stream:Stream", "s", {"streamModeDetails": {"streamMode": "ON_DEMAND"}}),
    Part("Ingress", "aws:lb/loadBalancer:LoadBalancer", "ingress", {"subnets": ["a", "b"]}),
    Part("Network", "aws:ec2/subnet:Subnet", "private-a", {}),
]


def test_the_dev_stack_costs_what_was_summed_by_hand() -> None:
    by_hand = Decimal("0.10") + Decimal("0.0416") + Decimal("0.045") + Decimal("0.032") + Decimal("0.04")
    by_hand += Decimal("0.0225") + 3 * Decimal("0.005") + (20 * Decimal("0.115") + 20 * Decimal("0.08")) / 730
    assert hourly_usd(estimate(DEV, "us-east-1", TODAY)) == pytest.approx(by_hand)
    assert 50 < by_hand * 168 < 53


@given(st.permutations([price.hourly for items in PRICES.values() for price in items.values()]))
def test_no_order_changes_a_total(prices: list[Decimal]) -> None:
    assert sum(prices) == sum(sorted(prices))


def test_a_standby_doubles_the_database() -> None:
    single, double = (
        hourly_usd(estimate([Part("Database", "aws:rds/instance:Instance", "db", props)], "eu-west-1", TODAY))
        for props in (
            {"instanceClass": "db.t4g.small", "allocatedStorage": 20},
            {"instanceClass": "db.t4g.small", "allocatedStorage": 20, "multiAz": True},
        )
    )
    assert double == 2 * single


def test_machines_beside_the_cluster_cost_for_as_long_as_is_assumed_with_their_disks() -> None:
    config = MachinesConfig(instance_type="ml.m5.xlarge", instances=3, assumed_hours=73)
    of_machines, disks = machines("forecast", config, "eu-west-1")
    assert of_machines.hourly_usd == Decimal("0.0257"), "a tenth of the time, of all three together"
    assert round(disks.hourly_usd * HOURS_A_MONTH, 6) == Decimal("0.33"), "30 GB"


def test_an_interface_endpoint_costs_in_each_of_its_zones() -> None:
    part = Part(
        "N", "aws:ec2/vpcEndpoint:VpcEndpoint", "ecr", {"vpcEndpointType": "Interface", "subnetIds": ["a", "b"]}
    )
    assert [line.count for line in estimate([part], "eu-west-1", TODAY)] == [2]


def test_every_node_has_the_volumes_of_its_launch_template() -> None:
    volumes = {line.item: line.count for line in estimate([TEMPLATE, nodes(3)], "eu-west-1", TODAY)}
    assert volumes == {"t3.medium": 3, "gp3 volume, GB": 60}


def test_nodes_beside_the_fewest_are_priced_once() -> None:
    further = [TEMPLATE, nodes(2), replace(nodes(1), name="others", urn="urn:others")]
    lines = estimate(further, "eu-west-1", TODAY, further_nodes=2)
    assert {line.resource: line.count for line in lines if line.item == "t3.medium"} == {"nodes": 4, "others": 1}


def test_a_standby_is_as_large_as_the_instance() -> None:
    props = {"instanceClass": "db.t4g.small", "allocatedStorage": 20, "multiAz": True}
    lines = estimate([Part("Database", "aws:rds/instance:Instance", "db", props)], "eu-west-1", TODAY)
    assert {line.item: line.count for line in lines} == {"db.t4g.small": 2, "database storage, GB": 40}


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ([nodes(1)], "NodeGroup nodes has a launchTemplate that is not in the stack"),
        ([replace(TEMPLATE, props={}), nodes(1)], "LaunchTemplate template has no blockDeviceMappings"),
        (
            [replace(TEMPLATE, props={"blockDeviceMappings": [{"ebs": {"volumeType": "gp3"}}]}), nodes(1)],
            r"LaunchTemplate template has no ebs\.volumeSize",
        ),
        ([TEMPLATE, replace(nodes(1), props={})], r"NodeGroup nodes has no scalingConfig\.minSize"),
        ([Part("S", "aws:kinesis/stream:Stream", "s", {})], r"Stream s has no streamModeDetails\.streamMode"),
    ],
)
def test_what_a_resource_does_not_say_is_never_guessed(parts: list[Part], what: str) -> None:
    with pytest.raises(UnknownAttributeError, match=what):
        estimate(parts, "eu-west-1", TODAY)


def test_a_price_that_is_not_known_is_an_error_that_says_where_to_add_it() -> None:
    part = Part("Database", "aws:rds/instance:Instance", "db", {"instanceClass": "db.x2g.huge", "allocatedStorage": 20})
    with pytest.raises(
        UnknownPriceError, match=r"no price of db\.x2g\.huge in eu-west-1: add it to delivery/cost/prices\.py"
    ):
        estimate([part], "eu-west-1", TODAY)


def test_components_add_up_to_the_whole_and_the_dearest_stands_first() -> None:
    lines = estimate(DEV, "eu-central-1", TODAY)
    costs = by_component(lines)
    assert sum(costs.values()) == hourly_usd(lines)
    assert next(iter(costs)) == "Cluster"


@given(st.decimals(1, 10_000, places=2))
def test_the_hours_that_a_sum_buys_cost_no_more_than_the_sum(weekly: Decimal) -> None:
    lines = estimate(DEV, "eu-west-1", TODAY)
    hours = affordable_hours(weekly, lines)
    assert 0 < hours <= 168
    assert hours * hourly_usd(lines) <= weekly * Decimal("1.0000001")


def test_each_price_has_a_source_and_stands_in_every_region() -> None:
    assert regions() == {"us-east-1", "eu-west-1", "eu-central-1"}
    assert all(price.source and price.usd > 0 for items in PRICES.values() for price in items.values())


@pytest.mark.parametrize("version", SUPPORT)
def test_a_version_costs_six_times_as_much_from_the_day_after_its_standard_support(version: str) -> None:
    control_plane = [Part("Cluster", "eks:index:Cluster", "cluster", {"version": version})]
    last = SUPPORT[version].standard_ends
    before, after = (hourly_usd(estimate(control_plane, "eu-west-1", day)) for day in (last, last + timedelta(days=1)))
    assert (before, after) == (Decimal("0.10"), Decimal("0.60"))
    with pytest.raises(UnknownPriceError, match=f"does not support Kubernetes {version} on"):
        estimate(control_plane, "eu-west-1", SUPPORT[version].extended_ends + timedelta(days=1))


def test_a_version_whose_support_is_not_known_has_no_price() -> None:
    with pytest.raises(UnknownPriceError, match=r"does not support Kubernetes 1\.99"):
        estimate([Part("Cluster", "eks:index:Cluster", "cluster", {"version": "1.99"})], "eu-west-1", TODAY)


def test_a_type_that_nobody_priced_is_an_error_and_not_free() -> None:
    with pytest.raises(UnknownPriceError, match=r"aws:msk/cluster:Cluster kafka has no price: add its type to PRICED"):
        estimate([Part("Stream", "aws:msk/cluster:Cluster", "kafka", {})], "eu-west-1", TODAY)


def chart(**values: object) -> Part:
    return Part("Telemetry", "kubernetes:helm.sh/v3:Release", "chart", {"values": values})


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (chart(persistence={"size": "10Gi"}), "chart has no replicas"),
        (chart(replicas=1, persistence={"enabled": True}), "chart has no size"),
        (chart(replicas=1, persistence={"size": "10"}), "asks for a volume of 10: write it in Gi"),
    ],
)
def test_a_chart_says_how_many_volumes_it_has_and_how_large(part: Part, what: str) -> None:
    with pytest.raises(UnknownAttributeError, match=what):
        estimate([part], "eu-west-1", TODAY)


def test_a_charts_volume_that_is_not_asked_for_costs_nothing() -> None:
    assert estimate([chart(persistence={"enabled": False, "size": "10Gi"})], "eu-west-1", TODAY) == []
