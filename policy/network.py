"""The network: one door for the world, and the database behind named groups."""

from collections.abc import Iterator, Sequence

from policy.check import Properties, Resource, ResourceCheck, StackCheck, as_list, of_type

ANYWHERE = {"0.0.0.0/0", "::/0"}
RULE = ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:ec2/securityGroupRule:SecurityGroupRule")
GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
VPC = "aws:ec2/vpc:Vpc"
FLOW_LOG = "aws:ec2/flowLog:FlowLog"

HTTPS, POSTGRES = 443, 5432


def _open_rule(props: Properties) -> Iterator[str]:
    if props.get("type") == "egress":
        return
    yield from _open(_sources(props), props)


def _open_group(props: Properties) -> Iterator[str]:
    for rule in as_list(props.get("ingress")):
        yield from _open(_sources(rule), rule)


def _open(sources: set[str], rule: Properties) -> Iterator[str]:
    if sources & ANYWHERE and (rule.get("fromPort"), rule.get("toPort")) != (HTTPS, HTTPS):
        yield f"opens {rule.get('fromPort')}-{rule.get('toPort')} to {min(sources & ANYWHERE)}: only 443 may be"


def _sources(rule: Properties) -> set[str]:
    single = [rule.get("cidrIpv4"), rule.get("cidrIpv6")]
    return {str(s) for s in [*single, *as_list(rule.get("cidrBlocks")), *as_list(rule.get("ipv6CidrBlocks"))] if s}


def _database_rule(props: Properties) -> Iterator[str]:
    if props.get("type") != "egress" and _covers(props, POSTGRES) and _sources(props):
        yield f"lets addresses ({', '.join(sorted(_sources(props)))}) reach 5432: name a security group instead"


def _covers(rule: Properties, port: int) -> bool:
    first, last = rule.get("fromPort"), rule.get("toPort")
    return isinstance(first, int | float) and isinstance(last, int | float) and first <= port <= last


def _default_group(props: Properties) -> Iterator[str]:
    if as_list(props.get("ingress")) or as_list(props.get("egress")):
        yield "has rules: whatever forgets its own group would be let through"


def _flow_logs(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    logs = list(of_type(resources, FLOW_LOG))
    for vpc in of_type(resources, VPC):
        if not any(log.refers_to(vpc, "vpcId") for log in logs):
            yield vpc, "has no flow log"
        if not any(group.refers_to(vpc, "vpcId") for group in of_type(resources, DEFAULT_GROUP)):
            yield vpc, "leaves its default security group as AWS made it: adopt it and empty it"


CHECKS = (
    ResourceCheck("no-open-ingress-rule", "Only 443 may be open to the world", RULE, _open_rule),
    ResourceCheck("no-open-inline-ingress", "Only 443 may be open to the world", (GROUP,), _open_group),
    ResourceCheck("database-from-groups", "5432 is open to named security groups only", RULE, _database_rule),
    ResourceCheck("default-group-empty", "The default security group has no rule", (DEFAULT_GROUP,), _default_group),
    StackCheck("vpc-watched", "Every VPC has flow logs and an emptied default group", _flow_logs),
)
