"""How AWS calls what a resource asked for, if it was made.

An id that follows from what was asked for is not looked for: the refresh that comes next forgets what is not there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any
from zlib import crc32

from botocore.exceptions import ClientError

from delivery.account import Clients

Inputs = Mapping[str, Any]
Finder = Callable[[Clients, Mapping[str, str], Inputs], Iterable[str]]
"""AWS, the stack's tags, and what a resource was declared with -> ids of what might be it."""

GONE = {"deleted", "deleting", "failed"}


def _follows(pattern: str) -> Finder:
    """Return the finder of an id that is made of inputs."""
    return lambda _aws, _tags, inputs: (pattern.format_map(inputs),)


def _again(_aws: Clients, _tags: Mapping[str, str], _inputs: Inputs) -> tuple[str, ...]:
    """Nothing comes of making it a second time."""
    return ()


def _tagged(call: str, key: str, identity: str, **same: str) -> Finder:
    """Return the finder of something of EC2's: it has the stack's tags, and fields that are `same` as inputs."""

    def find(aws: Clients, tags: Mapping[str, str], inputs: Inputs) -> Iterator[str]:
        for item in _pages(aws("ec2"), call, key):
            has = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
            if (
                tags.items() <= has.items()
                and item.get("State") not in GONE
                and all(item.get(theirs) == inputs[ours] for theirs, ours in same.items())
            ):
                yield item[identity]

    return find


def _route(_aws: Clients, _tags: Mapping[str, str], inputs: Inputs) -> tuple[str]:
    # As the provider makes it up: aws_route, RouteCreateID.
    return (f"r-{inputs['routeTableId']}{crc32(inputs['destinationCidrBlock'].encode())}",)


def _association(aws: Clients, _tags: Mapping[str, str], inputs: Inputs) -> Iterator[str]:
    for table in _pages(aws("ec2"), "describe_route_tables", "RouteTables"):
        for association in table["Associations"]:
            if (association.get("SubnetId"), table["RouteTableId"]) == (inputs["subnetId"], inputs["routeTableId"]):
                yield association["RouteTableAssociationId"]


def _rule_of_group(aws: Clients, inputs: Inputs, *, egress: bool) -> Iterator[str]:
    of_group = [{"Name": "group-id", "Values": [inputs["securityGroupId"]]}]
    wanted = [inputs.get(name) for name in ("ipProtocol", "cidrIpv4", "referencedSecurityGroupId")]
    # Of a protocol without ports AWS writes some all the same.
    names = {"FromPort": "fromPort", "ToPort": "toPort"}
    ports = {theirs: inputs[ours] for theirs, ours in names.items() if ours in inputs}
    for rule in _pages(aws("ec2"), "describe_security_group_rules", "SecurityGroupRules", Filters=of_group):
        has = [rule["IpProtocol"], rule.get("CidrIpv4"), rule.get("ReferencedGroupInfo", {}).get("GroupId")]
        if rule["IsEgress"] == egress and has == wanted and ports.items() <= rule.items():
            yield rule["SecurityGroupRuleId"]


def _ingress_rule(aws: Clients, _tags: Mapping[str, str], inputs: Inputs) -> Iterator[str]:
    return _rule_of_group(aws, inputs, egress=False)


def _egress_rule(aws: Clients, _tags: Mapping[str, str], inputs: Inputs) -> Iterator[str]:
    return _rule_of_group(aws, inputs, egress=True)


def _asked_for(service: str, call: str, key: str, identity: str, **arguments: str) -> Finder:
    """Return the finder of something that AWS is asked for by inputs."""

    def find(aws: Clients, _tags: Mapping[str, str], inputs: Inputs) -> Iterator[str]:
        by = {name: inputs[ours] for name, ours in arguments.items()}
        for item in _pages(aws(service), call, key, **by):
            yield item[identity]

    return find


def _named(service: str, call: str, key: str, identity: str, **names: str) -> Finder:
    """Return the finder of something by its name, among all that are listed."""

    def find(aws: Clients, _tags: Mapping[str, str], inputs: Inputs) -> Iterator[str]:
        for item in _pages(aws(service), call, key):
            if all(item[theirs] == inputs[ours] for theirs, ours in names.items()):
                yield item[identity]

    return find


def _pod_identity(aws: Clients, _tags: Mapping[str, str], inputs: Inputs) -> Iterator[str]:
    by = {"clusterName": inputs["clusterName"], "namespace": inputs["namespace"]}
    for association in _pages(aws("eks"), "list_pod_identity_associations", "associations", **by):
        if association["serviceAccount"] == inputs["serviceAccount"]:
            yield association["associationId"]


def _stream(aws: Clients, _tags: Mapping[str, str], inputs: Inputs) -> Iterator[str]:
    yield aws("kinesis").describe_stream_summary(StreamName=inputs["name"])["StreamDescriptionSummary"]["StreamARN"]


def _firewall(aws: Clients, _tags: Mapping[str, str], inputs: Inputs) -> list[str]:
    found = aws("wafv2").list_web_acls(Scope=inputs["scope"])["WebACLs"]
    return [acl["Id"] for acl in found if acl["Name"] == inputs["name"]]


def _listener(aws: Clients, _tags: Mapping[str, str], inputs: Inputs) -> Iterator[str]:
    for listener in _pages(aws("elbv2"), "describe_listeners", "Listeners", LoadBalancerArn=inputs["loadBalancerArn"]):
        if listener["Port"] == inputs["port"]:
            yield listener["ListenerArn"]


def _listener_rule(aws: Clients, _tags: Mapping[str, str], inputs: Inputs) -> Iterator[str]:
    for rule in _pages(aws("elbv2"), "describe_rules", "Rules", ListenerArn=inputs["listenerArn"]):
        if rule["Priority"] == str(inputs["priority"]):
            yield rule["RuleArn"]


def _pages(client: Any, call: str, key: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    if client.can_paginate(call):
        for page in client.get_paginator(call).paginate(**arguments):
            yield from page[key]
    else:
        yield from getattr(client, call)(**arguments)[key]


FINDERS: Mapping[str, Finder] = MappingProxyType(
    {
        "aws:acm/certificate:Certificate": _named(
            "acm", "list_certificates", "CertificateSummaryList", "CertificateArn", DomainName="domainName"
        ),
        "aws:acm/certificateValidation:CertificateValidation": _again,
        "aws:cloudformation/stack:Stack": _asked_for(
            "cloudformation", "describe_stacks", "Stacks", "StackId", StackName="name"
        ),
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _again,
        "aws:ec2/eip:Eip": _tagged("describe_addresses", "Addresses", "AllocationId"),
        "aws:ec2/flowLog:FlowLog": _tagged("describe_flow_logs", "FlowLogs", "FlowLogId", ResourceId="vpcId"),
        "aws:ec2/internetGateway:InternetGateway": _tagged(
            "describe_internet_gateways", "InternetGateways", "InternetGatewayId"
        ),
        "aws:ec2/launchTemplate:LaunchTemplate": _tagged(
            "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", LaunchTemplateName="name"
        ),
        "aws:ec2/natGateway:NatGateway": _tagged(
            "describe_nat_gateways", "NatGateways", "NatGatewayId", SubnetId="subnetId"
        ),
        "aws:ec2/route:Route": _route,
        "aws:ec2/routeTable:RouteTable": _tagged("describe_route_tables", "RouteTables", "RouteTableId", VpcId="vpcId"),
        "aws:ec2/routeTableAssociation:RouteTableAssociation": _association,
        "aws:ec2/securityGroup:SecurityGroup": _tagged(
            "describe_security_groups", "SecurityGroups", "GroupId", VpcId="vpcId", GroupName="name"
        ),
        "aws:ec2/subnet:Subnet": _tagged(
            "describe_subnets", "Subnets", "SubnetId", VpcId="vpcId", CidrBlock="cidrBlock"
        ),
        "aws:ec2/vpc:Vpc": _tagged("describe_vpcs", "Vpcs", "VpcId", CidrBlock="cidrBlock"),
        "aws:ec2/vpcEndpoint:VpcEndpoint": _tagged(
            "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId", VpcId="vpcId", ServiceName="serviceName"
        ),
        "aws:eks/accessEntry:AccessEntry": _follows("{clusterName}:{principalArn}"),
        "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _follows("{clusterName}#{principalArn}#{policyArn}"),
        "aws:eks/addon:Addon": _follows("{clusterName}:{addonName}"),
        "aws:eks/cluster:Cluster": _follows("{name}"),
        "aws:eks/nodeGroup:NodeGroup": _follows("{clusterName}:{nodeGroupName}"),
        "aws:eks/podIdentityAssociation:PodIdentityAssociation": _pod_identity,
        "aws:iam/role:Role": _follows("{name}"),
        "aws:iam/rolePolicy:RolePolicy": _follows("{role}:{name}"),
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _again,
        "aws:kinesis/stream:Stream": _stream,
        "aws:lb/listener:Listener": _listener,
        "aws:lb/listenerRule:ListenerRule": _listener_rule,
        "aws:lb/loadBalancer:LoadBalancer": _named(
            "elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerArn", LoadBalancerName="name"
        ),
        "aws:lb/targetGroup:TargetGroup": _named(
            "elbv2", "describe_target_groups", "TargetGroups", "TargetGroupArn", TargetGroupName="name"
        ),
        "aws:rds/instance:Instance": _asked_for(
            "rds", "describe_db_instances", "DBInstances", "DbiResourceId", DBInstanceIdentifier="identifier"
        ),
        "aws:rds/parameterGroup:ParameterGroup": _follows("{name}"),
        "aws:rds/subnetGroup:SubnetGroup": _follows("{name}"),
        "aws:route53/record:Record": _follows("{zoneId}_{name}_{type}"),
        # Its group has no name of ours.
        "aws:scheduler/schedule:Schedule": _follows("default/{name}"),
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _egress_rule,
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _ingress_rule,
        "aws:wafv2/webAcl:WebAcl": _firewall,
        "aws:wafv2/webAclAssociation:WebAclAssociation": _follows("{webAclArn},{resourceArn}"),
    }
)
"""What an environment declares -> how to look for it. What the account's stack makes is for a person to look for."""


def find(aws: Clients, tags: Mapping[str, str], kind: str, inputs: Inputs) -> Iterable[str] | None:
    """Return ids of what might be the resource, None where nobody knows how to look for its type."""
    if kind in FINDERS:
        try:
            return list(FINDERS[kind](aws, tags, inputs))
        except KeyError:
            # It was asked for without a name.
            return None
        except ClientError as error:
            # It, or what it was to be a part of, was not made.
            code = error.response["Error"]["Code"]
            if "NotFound" in code or (code == "ValidationError" and "does not exist" in str(error)):
                return ()
            raise
    # A provider is nothing outside of the state.
    if kind.startswith("pulumi:"):
        return ()
    if kind.startswith("kubernetes:"):
        of = inputs if kind == "kubernetes:helm.sh/v3:Release" else inputs["metadata"]
        return ("/".join(part for part in (of.get("namespace"), of["name"]) if part),)
    return None
