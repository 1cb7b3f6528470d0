"""From the resources of a stack to what they cost: each priced resource is a line, the rest costs nothing at rest."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from delivery.cost.prices import price

HOURS_A_WEEK = Decimal(168)

BOOT_VOLUME_GB = 20
"""What EKS gives a node whose launch template names no volume."""


@dataclass(frozen=True, slots=True)
class Part:
    """A resource of a stack with the component that made it."""

    component: str
    type: str
    name: str
    props: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """What one resource costs for one reason."""

    component: str
    resource: str
    item: str
    count: Decimal
    hourly_usd: Decimal
    source: str


def estimate(parts: Iterable[Part], region: str) -> list[Line]:
    """Return the cost lines of a stack. Raises UnknownPriceError for a resource whose price is not known."""
    lines = []
    for part in parts:
        for item, count in _items(part):
            found = price(item, region)
            lines.append(Line(part.component, part.name, item, count, found.hourly * count, found.source))
    return lines


def hourly_usd(lines: Iterable[Line]) -> Decimal:
    """Return US dollars for an hour in which everything runs."""
    return sum((line.hourly_usd for line in lines), Decimal())


def by_component(lines: Sequence[Line]) -> dict[str, Decimal]:
    """Return US dollars an hour for each component, dearest first."""
    components = dict.fromkeys(line.component for line in lines)
    costs = {name: hourly_usd(line for line in lines if line.component == name) for name in components}
    return dict(sorted(costs.items(), key=lambda item: -item[1]))


def affordable_hours(weekly_usd: Decimal, lines: Iterable[Line]) -> Decimal:
    """Return how many hours a week a weekly sum buys, at most 168."""
    hourly = hourly_usd(lines)
    return min(HOURS_A_WEEK, weekly_usd / hourly) if hourly else HOURS_A_WEEK


def _items(part: Part) -> Iterator[tuple[str, Decimal]]:
    pricing = _PRICED.get(part.type)
    if pricing is not None:
        for item, count in pricing(part.props):
            if count:
                yield item, Decimal(str(count))


Counted = Iterator[tuple[str, float]]


def _cluster(_: Mapping[str, Any]) -> Counted:
    yield "EKS control plane", 1


def _nodes(props: Mapping[str, Any]) -> Counted:
    wanted = (props.get("scalingConfig") or {}).get("desiredSize") or 1
    types = props.get("instanceTypes") or ["t3.medium"]
    yield str(types[0]), wanted
    yield "gp3 volume, GB", wanted * (props.get("diskSize") or BOOT_VOLUME_GB)


def _database(props: Mapping[str, Any]) -> Counted:
    copies = 2 if props.get("multiAz") else 1
    yield str(props["instanceClass"]), copies
    yield "database storage, GB", copies * (props.get("allocatedStorage") or 0)


def _stream(props: Mapping[str, Any]) -> Counted:
    if (props.get("streamModeDetails") or {}).get("streamMode") == "ON_DEMAND":
        yield "Kinesis on-demand stream", 1
    else:
        yield "Kinesis shard", props.get("shardCount") or 1


def _endpoint(props: Mapping[str, Any]) -> Counted:
    if props.get("vpcEndpointType") == "Interface":
        yield "interface endpoint", len(props.get("subnetIds") or [None])


def _load_balancer(props: Mapping[str, Any]) -> Counted:
    yield "load balancer", 1
    yield "public IPv4", len(props.get("subnets") or [])


def _one(item: str) -> Callable[[Mapping[str, Any]], Counted]:
    return lambda _: iter([(item, 1)])


_PRICED: Mapping[str, Callable[[Mapping[str, Any]], Counted]] = {
    "aws:eks/cluster:Cluster": _cluster,
    "eks:index:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _nodes,
    "eks:index:ManagedNodeGroup": _nodes,
    "aws:ec2/natGateway:NatGateway": _one("NAT gateway"),
    "aws:ec2/eip:Eip": _one("public IPv4"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:rds/instance:Instance": _database,
    "aws:kinesis/stream:Stream": _stream,
    "aws:kms/key:Key": _one("KMS key"),
    "aws:secretsmanager/secret:Secret": _one("secret"),
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
}
"""Resource type -> the items that it is billed by."""
