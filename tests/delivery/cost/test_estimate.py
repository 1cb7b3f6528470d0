"""What a stack costs, from its resources."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.cost.estimate import Part, affordable_hours, by_component, estimate, hourly_usd
from delivery.cost.prices import PRICES, UnknownPriceError, regions

# The seed's dev stack with one node: about 0.31 dollars an hour, 52 a week, summed by hand from the same list.
DEV = [
    Part("Cluster", "aws:eks/cluster:Cluster", "cluster", {}),
    Part("Cluster", "aws:eks/nodeGroup:NodeGroup", "nodes", {"scalingConfig": {"desiredSize": 1}}),
    Part("Network", "aws:ec2/natGateway:NatGateway", "nat", {}),
    Part("Network", "aws:ec2/eip:Eip", "nat", {}),
    Part("Network", "aws:ec2/vpcEndpoint:VpcEndpoint", "s3", {"vpcEndpointType": "Gateway"}),
    Part("Database", "aws:rds/instance:Instance", "db", {"instanceClass": "db.t4g.small", "allocatedStorage": 20}),
    Part("Stream", "aws:kinesis/stream:Stream", "s", {"streamModeDetails": {"streamMode": "ON_DEMAND"}}),
    Part("Ingress", "aws:lb/loadBalancer:LoadBalancer", "ingress", {"subnets": ["a", "b"]}),
    Part("Network", "aws:ec2/subnet:Subnet", "private-a", {}),
]


def test_the_dev_stack_costs_what_was_summed_by_hand():
    by_hand = Decimal("0.10") + Decimal("0.0416") + Decimal("0.045") + Decimal("0.032") + Decimal("0.04")
    by_hand += Decimal("0.0225") + 3 * Decimal("0.005") + (20 * Decimal("0.115") + 20 * Decimal("0.08")) / 730
    assert hourly_usd(estimate(DEV, "us-east-1")) == pytest.approx(by_hand)
    assert 50 < by_hand * 168 < 53


def test_a_standby_doubles_the_database():
    single, double = (
        hourly_usd(estimate([Part("Database", "aws:rds/instance:Instance", "db", props)], "eu-west-1"))
        for props in (
            {"instanceClass": "db.t4g.small", "allocatedStorage": 20},
            {"instanceClass": "db.t4g.small", "allocatedStorage": 20, "multiAz": True},
        )
    )
    assert double == 2 * single


def test_an_interface_endpoint_costs_in_each_of_its_zones():
    part = Part(
        "N", "aws:ec2/vpcEndpoint:VpcEndpoint", "ecr", {"vpcEndpointType": "Interface", "subnetIds": ["a", "b"]}
    )
    assert [line.count for line in estimate([part], "eu-west-1")] == [2]


def test_a_price_that_is_not_known_is_an_error_that_says_where_to_add_it():
    part = Part("Database", "aws:rds/instance:Instance", "db", {"instanceClass": "db.x2g.huge", "allocatedStorage": 20})
    with pytest.raises(
        UnknownPriceError, match=r"no price of db\.x2g\.huge in eu-west-1: add it to delivery/cost/prices\.py"
    ):
        estimate([part], "eu-west-1")


def test_components_add_up_to_the_whole_and_the_dearest_stands_first():
    lines = estimate(DEV, "eu-central-1")
    costs = by_component(lines)
    assert sum(costs.values()) == hourly_usd(lines)
    assert next(iter(costs)) == "Cluster"


@given(st.decimals(1, 10_000, places=2))
def test_the_hours_that_a_sum_buys_cost_no_more_than_the_sum(weekly):
    lines = estimate(DEV, "eu-west-1")
    hours = affordable_hours(weekly, lines)
    assert 0 < hours <= 168
    assert hours * hourly_usd(lines) <= weekly * Decimal("1.0000001")


def test_each_price_has_a_source_and_stands_in_every_region():
    assert regions() == {"us-east-1", "eu-west-1", "eu-central-1"}
    assert all(price.source and price.usd > 0 for items in PRICES.values() for price in items.values())
