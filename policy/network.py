"""The network: one door for the world, the database behind named groups, nothing joined to it."""

from collections.abc import Iterator
from dataclasses import dataclass

from policy.addresses import open_to_world
from policy.check import Resource, ResourceCheck, Stack, StackCheck
from policy.doors import BALANCER, is_public
from policy.properties import Properties, any_of, as_list, is_given, is_true, mappings, strings

LEGACY_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS = ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", LEGACY_RULE)
EGRESS = ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", LEGACY_RULE)
GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",)
VPC = ("aws:ec2/vpc:Vpc",)
FLOW_LOG = ("aws:ec2/flowLog:FlowLog",)
SUBNET = ("aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet")
ROUTE = ("aws:ec2/route:Route",)
ROUTE_TABLE = ("aws:ec2/routeTable:RouteTable",)
ASSOCIATION = ("aws:ec2/routeTableAssociation:RouteTableAssociation",)
GATEWAY = ("aws:ec2/internetGateway:InternetGateway",)
DATABASE = ("aws:rds/instance:Instance", "aws:rds/cluster:Cluster")
JOINS = (
    "aws:ec2/vpcPeeringConnection*:*",
    "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions",
    "aws:ec2/vpnGateway*:*",
    "aws:ec2/vpcEndpointService*:*",
    "aws:ec2transitgateway/*:*",
    "aws:ram/*:*",
)
"""What lets others into the network, past every public door."""

SOURCES = ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks")
LISTS = ("prefixListId", "prefixListIds")
WRITTEN = (*SOURCES, *LISTS, "ipProtocol", "protocol", "fromPort")
"""What a rule says and a group does not."""

HTTPS, POSTGRES = (443, 443), 5432
EVERY_PORT = (0, 65535)
ESP = {"50", "esp"}
"""What IPsec sends: it has no ports."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a security group, wherever it is written. `lists`: prefix lists, of which only AWS knows what is in."""

    ports: tuple[int, int]
    sources: tuple[str, ...]
    lists: tuple[str, ...]


def rules(props: Properties, direction: str) -> Iterator[Rule]:
    """Yield the rules of a direction, `ingress` or `egress`: of a group with inline rules, or of a rule by itself."""
    if any(is_given(props, name) for name in WRITTEN) and props.get("type") in (None, direction):
        yield _rule(props)
    yield from (_rule(rule) for rule in mappings(props.get(direction)))


def _rule(props: Properties) -> Rule:
    return Rule(
        _ports(props),
        tuple(source for name in SOURCES for source in strings(props.get(name))),
        tuple(entry for name in LISTS for entry in strings(props.get(name))),
    )


def _ports(rule: Properties) -> tuple[int, int]:
    protocol = str(rule.get("ipProtocol") or rule.get("protocol")).lower()
    first, last = rule.get("fromPort"), rule.get("toPort")
    if protocol in {"-1", "all"} or not isinstance(first, int | float) or not isinstance(last, int | float):
        return EVERY_PORT
    return int(first), int(last)


def _open_ingress(props: Properties) -> Iterator[str]:
    for rule in rules(props, "ingress"):
        if open_to_world(rule.sources) and rule.ports != HTTPS:
            yield f"opens {_text(rule.ports)} to the world ({', '.join(rule.sources)}): only 443 may be"


def _open_egress(props: Properties) -> Iterator[str]:
    for rule in rules(props, "egress"):
        if open_to_world(rule.sources) and rule.ports != HTTPS:
            yield f"lets {_text(rule.ports)} out to the world ({', '.join(rule.sources)}): only 443 may be"


def _open_together(ingress: Resource, stack: Stack) -> Iterator[str]:
    own = next(rules(ingress.props, "ingress"), None)
    if own is None or open_to_world(own.sources):
        return
    others = (
        rule
        for other in stack.of(INGRESS)
        if _same_group(ingress, other)
        for rule in rules(other.props, "ingress")
        if rule.ports[0] <= own.ports[1] and own.ports[0] <= rule.ports[1] and not open_to_world(rule.sources)
    )
    if open_to_world(source for rule in others for source in rule.sources) and own.ports != HTTPS:
        yield f"opens {_text(own.ports)} to the world together with other rules of its group: only 443 may be"


def _same_group(left: Resource, right: Resource) -> bool:
    referred = left.references.get("securityGroupId")
    if referred is not None:
        return right.references.get("securityGroupId") == referred
    return bool(left.props.get("securityGroupId") == right.props.get("securityGroupId"))


def _door(rule: Resource, stack: Stack) -> Iterator[str]:
    if not any(open_to_world(opening.sources) and opening.ports == HTTPS for opening in rules(rule.props, "ingress")):
        return

    def leads_here(balancer: Resource) -> bool:
        group = rule if rule.type == GROUP else stack.referred(rule, "securityGroupId", (GROUP,))
        return group is not None and balancer.refers_to(group, "securityGroups") and is_public(balancer.props)

    if not any_of(stack.of(BALANCER), leads_here):
        yield "opens 443 to the world on a group that no public load balancer has: it alone may be reached"


def _database_port(props: Properties) -> Iterator[str]:
    for rule in rules(props, "ingress"):
        if rule.ports[0] <= POSTGRES <= rule.ports[1] and (by := (*rule.sources, *rule.lists)):
            yield f"lets addresses ({', '.join(sorted(by))}) reach 5432: name a security group instead"


def _database_group(rule: Resource, stack: Stack) -> Iterator[str]:
    group = rule if rule.type == GROUP else stack.referred(rule, "securityGroupId", (GROUP,))
    if group is None or not any_of(
        stack.of(DATABASE), lambda database: database.refers_to(group, "vpcSecurityGroupIds")
    ):
        return
    for opening in rules(rule.props, "ingress"):
        if (
            opening.ports != EVERY_PORT
            and not opening.ports[0] <= POSTGRES <= opening.ports[1]
            and (opening.sources or opening.lists)
        ):
            yield f"lets addresses ({', '.join((*opening.sources, *opening.lists))}) reach the database's group"


def _ports_named(props: Properties) -> Iterator[str]:
    # Of what comes encrypted from members of a group a rule cannot name ports.
    if str(props.get("ipProtocol")).lower() in ESP and is_given(props, "referencedSecurityGroupId"):
        return
    if any(rule.ports == EVERY_PORT for rule in rules(props, "ingress")):
        yield "lets in every port: name the one that is served"


def _default_group(props: Properties) -> Iterator[str]:
    if as_list(props.get("ingress")) or as_list(props.get("egress")):
        yield "has rules: whatever forgets its own group would be let through"


def _watched(vpc: Resource, stack: Stack) -> Iterator[str]:
    if not any_of(stack.of(FLOW_LOG), lambda log: log.refers_to(vpc, "vpcId")):
        yield "has no flow log"
    if not any_of(stack.of(DEFAULT_GROUP), lambda group: group.refers_to(vpc, "vpcId")):
        yield "leaves its default security group as AWS made it: adopt it and empty it"


def _addresses(props: Properties) -> Iterator[str]:
    interfaces = mappings(props.get("networkInterfaces"))
    given = (
        *(props.get(name) for name in ("mapPublicIpOnLaunch", "assignIpv6AddressOnCreation")),
        props.get("associatePublicIpAddress"),
        *(interface.get("associatePublicIpAddress") for interface in interfaces),
    )
    if any(is_true(flag) for flag in given):
        yield "gives machines public addresses: the load balancer alone has one"


def _joined(_props: Properties) -> Iterator[str]:
    yield "joins the network to another: what is on the other side would come in past the public door"


def _private(user: Resource, stack: Stack) -> Iterator[str]:
    for subnet in stack.of(SUBNET):
        if user.refers_to(subnet, "subnetIds") and is_public_subnet(subnet, stack):
            yield f"stands in {subnet.name}, which has a route from the internet: private subnets only"


def is_public_subnet(subnet: Resource, stack: Stack) -> bool:
    """Tell whether a subnet's route table leads to an internet gateway."""
    tables = [
        table
        for association in stack.of(ASSOCIATION)
        if association.refers_to(subnet, "subnetId")
        for table in stack.of(ROUTE_TABLE)
        if association.refers_to(table, "routeTableId")
    ]

    def leads_out(route: Resource) -> bool:
        return any(route.refers_to(table, "routeTableId") for table in tables) and any(
            route.refers_to(gateway, "gatewayId") for gateway in stack.of(GATEWAY)
        )

    return any_of(stack.of(ROUTE), leads_out)


def _text(ports: tuple[int, int]) -> str:
    if ports == EVERY_PORT:
        return "every port"
    return str(ports[0]) if ports[0] == ports[1] else f"{ports[0]}-{ports[1]}"


CHECKS = (
    ResourceCheck(
        name="no-open-ingress",
        description="Only 443 may be open to the world, however the world is written",
        types=(*INGRESS, GROUP),
        find=_open_ingress,
        also=("CKV_AWS_24", "CKV_AWS_25", "CKV_AWS_260", "CKV_AWS_277", "CIS AWS 5.2", "CIS AWS 5.3"),
    ),
    StackCheck(
        name="no-open-ingress-together",
        description="The rules of a group do not open it to the world together",
        types=INGRESS,
        find=_open_together,
    ),
    StackCheck(
        name="public-door",
        description="443 is open to the world on the public load balancer alone",
        types=(*INGRESS, GROUP),
        find=_door,
    ),
    ResourceCheck(
        name="ingress-names-ports",
        description="What may come in names its port",
        types=(*INGRESS, GROUP),
        find=_ports_named,
        also=("CKV_AWS_277",),
    ),
    ResourceCheck(
        name="no-open-egress",
        description="Only 443 may lead out to the world",
        types=(*EGRESS, GROUP),
        find=_open_egress,
        also=("CKV_AWS_382",),
    ),
    ResourceCheck(
        name="database-from-groups",
        description="5432 is open to named security groups only",
        types=(*INGRESS, GROUP),
        find=_database_port,
    ),
    StackCheck(
        name="database-group-closed",
        description="Whatever port it listens on, named security groups alone reach a database",
        types=(*INGRESS, GROUP),
        find=_database_group,
    ),
    ResourceCheck(
        name="default-group-empty",
        description="The default security group has no rule",
        types=DEFAULT_GROUP,
        find=_default_group,
        also=("CKV2_AWS_12", "CIS AWS 5.4"),
    ),
    StackCheck(
        name="vpc-watched",
        description="Every VPC has flow logs and an emptied default group",
        types=VPC,
        find=_watched,
        also=("CKV2_AWS_11", "CKV2_AWS_12", "CIS AWS 3.7"),
    ),
    ResourceCheck(
        name="no-public-addresses",
        description="No subnet, machine or template gives public addresses",
        types=(*SUBNET, "aws:ec2/instance:Instance", "aws:ec2/launchTemplate:LaunchTemplate"),
        find=_addresses,
        also=("CKV_AWS_88", "CKV_AWS_130"),
    ),
    StackCheck(
        name="private-subnets",
        description="Nodes and databases stand where no route from the internet leads",
        types=("aws:eks/nodeGroup:NodeGroup", "aws:rds/subnetGroup:SubnetGroup"),
        find=_private,
    ),
    ResourceCheck(
        name="network-not-joined",
        description="The network is joined to no other",
        types=JOINS,
        find=_joined,
    ),
)
