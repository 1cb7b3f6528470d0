"""What a killed deployment made is found in AWS by what was asked for; nothing else is."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from delivery.account import Clients, clients
from delivery.pending import __main__ as pending
from delivery.pending.finders import FINDERS, find
from stacks.config import load_environment
from stacks.providers import stack_tags
from tests.stacks.stacks_under_test import environment_graph
from tests.support import aws_emulator
from tests.support.aws_emulator import Emulator

ACCOUNT = load_environment("dev").account
TAGS = stack_tags("dev")


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with aws_emulator.running(tmp_path_factory.mktemp("aws"), ACCOUNT) as aws:
        yield aws


@pytest.fixture
def aws(account: Emulator, monkeypatch: pytest.MonkeyPatch) -> Clients:
    for name, value in account.environment().items():
        monkeypatch.setenv(name, value)
    return clients(load_environment("dev"), "dev")


def tagged(kind: str, tags: dict[str, str] = TAGS) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def found(aws: Clients, kind: str, **inputs: Any) -> list[str]:
    there = find(aws, TAGS, kind, inputs)
    assert there is not None, kind
    return list(there)


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_every_type_that_an_environment_declares_can_be_looked_for(stack: str) -> None:
    declared = {resource.type for resource in environment_graph(stack).resources if resource.type.startswith("aws:")}
    assert declared - FINDERS.keys() == set()


def test_a_network_and_what_is_in_it(aws: Clients) -> None:
    ec2 = aws("ec2")
    others = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc", stack_tags("staging")))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]
    assert others["Vpc"]["VpcId"] != vpc
    assert found(aws, "aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16") == [vpc]

    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20", TagSpecifications=tagged("subnet"))["Subnet"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.16.0/20", TagSpecifications=tagged("subnet"))
    assert found(aws, "aws:ec2/subnet:Subnet", vpcId=vpc, cidrBlock="10.0.0.0/20") == [subnet["SubnetId"]]

    gateway = ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway"))["InternetGateway"]
    assert found(aws, "aws:ec2/internetGateway:InternetGateway", vpcId=vpc) == [gateway["InternetGatewayId"]]

    address = ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))["AllocationId"]
    assert found(aws, "aws:ec2/eip:Eip", domain="vpc") == [address]

    nat = ec2.create_nat_gateway(
        SubnetId=subnet["SubnetId"], AllocationId=address, TagSpecifications=tagged("natgateway")
    )["NatGateway"]["NatGatewayId"]
    assert found(aws, "aws:ec2/natGateway:NatGateway", subnetId=subnet["SubnetId"]) == [nat]
    ec2.delete_nat_gateway(NatGatewayId=nat)
    assert found(aws, "aws:ec2/natGateway:NatGateway", subnetId=subnet["SubnetId"]) == []

    table = ec2.create_route_table(VpcId=vpc, TagSpecifications=tagged("route-table"))["RouteTable"]["RouteTableId"]
    assert found(aws, "aws:ec2/routeTable:RouteTable", vpcId=vpc) == [table]
    of_subnet = {"subnetId": subnet["SubnetId"], "routeTableId": table}
    assert found(aws, "aws:ec2/routeTableAssociation:RouteTableAssociation", **of_subnet) == []
    association = ec2.associate_route_table(SubnetId=subnet["SubnetId"], RouteTableId=table)["AssociationId"]
    assert found(aws, "aws:ec2/routeTableAssociation:RouteTableAssociation", **of_subnet) == [association]


def test_a_security_group_and_its_rules(aws: Clients) -> None:
    ec2 = aws("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(
        GroupName="database-1", Description="test", VpcId=vpc, TagSpecifications=tagged("security-group")
    )["GroupId"]
    assert found(aws, "aws:ec2/securityGroup:SecurityGroup", vpcId=vpc, name="database-1") == [group]
    assert found(aws, "aws:ec2/securityGroup:SecurityGroup", vpcId=vpc, name="database-2") == []
    rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}
    created = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])["SecurityGroupRules"][0]
    inputs = {"securityGroupId": group, "ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432}
    kind = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    assert found(aws, kind, **inputs, cidrIpv4="10.1.0.0/16") == [created["SecurityGroupRuleId"]]
    assert found(aws, kind, **inputs, cidrIpv4="10.2.0.0/16") == []
    esp = {"IpProtocol": "50", "UserIdGroupPairs": [{"GroupId": group}]}
    (created,) = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[esp])["SecurityGroupRules"]
    inputs = {"securityGroupId": group, "ipProtocol": "50", "referencedSecurityGroupId": group}
    assert found(aws, kind, **inputs) == [created["SecurityGroupRuleId"]], "a protocol that has no ports"


def test_what_has_a_name(aws: Clients) -> None:
    assert found(aws, "aws:kinesis/stream:Stream", name="readings-1") == []
    aws("kinesis").create_stream(StreamName="readings-1", ShardCount=1)
    (stream,) = found(aws, "aws:kinesis/stream:Stream", name="readings-1")
    assert stream.endswith(":stream/readings-1")

    assert found(aws, "aws:rds/instance:Instance", identifier="sensor-analytics-dev") == []
    database = aws("rds").create_db_instance(
        DBInstanceIdentifier="sensor-analytics-dev", DBInstanceClass="db.t4g.small", Engine="postgres"
    )["DBInstance"]["DbiResourceId"]
    assert found(aws, "aws:rds/instance:Instance", identifier="sensor-analytics-dev") == [database]

    assert found(aws, "aws:scheduler/schedule:Schedule", name="forecast") == ["default/forecast"]
    assert found(aws, "aws:cloudformation/stack:Stack", name="login") == []
    assert found(aws, "aws:wafv2/webAcl:WebAcl", name="ingress", scope="REGIONAL") == []
    assert found(aws, "aws:acm/certificate:Certificate", domainName="sensors.example.com") == []
    assert found(aws, "aws:iam/rolePolicy:RolePolicy", role="reader", name="read") == ["reader:read"]


def test_a_load_balancer_and_its_rules(aws: Clients) -> None:
    ec2, balancers = aws("ec2"), aws("elbv2")
    subnets = [balancer["SubnetId"] for balancer in ec2.describe_subnets()["Subnets"][:2]]
    assert found(aws, "aws:lb/loadBalancer:LoadBalancer", name="ingress-1") == []
    balancer = balancers.create_load_balancer(Name="ingress-1", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    assert found(aws, "aws:lb/loadBalancer:LoadBalancer", name="ingress-1") == [balancer]
    group = balancers.create_target_group(Name="api-1", Protocol="HTTP", Port=80, VpcId="vpc-1")["TargetGroups"][0]
    assert found(aws, "aws:lb/targetGroup:TargetGroup", name="api-1") == [group["TargetGroupArn"]]
    forward: Any = [{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}]
    listener = balancers.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=forward)
    arn = listener["Listeners"][0]["ListenerArn"]
    assert found(aws, "aws:lb/listener:Listener", loadBalancerArn=balancer, port=80) == [arn]
    assert found(aws, "aws:lb/listener:Listener", loadBalancerArn=balancer, port=443) == []
    assert found(aws, "aws:lb/listenerRule:ListenerRule", listenerArn=arn, priority=1) == []


def test_what_is_part_of_something_that_was_not_made_was_not_made(aws: Clients) -> None:
    pods = {"clusterName": "sensor-analytics-dev", "namespace": "sensors", "serviceAccount": "api"}
    assert found(aws, "aws:eks/podIdentityAssociation:PodIdentityAssociation", **pods) == []
    arn = f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:loadbalancer/app/ingress/0"
    assert found(aws, "aws:lb/listener:Listener", loadBalancerArn=arn, port=80) == []


def test_what_was_asked_for_without_a_name_is_for_a_person_to_look_for(aws: Clients) -> None:
    assert find(aws, TAGS, "aws:iam/role:Role", {"description": "Reads"}) is None


def test_an_object_of_the_cluster_is_called_as_it_was_asked_for(aws: Clients) -> None:
    job = {"metadata": {"name": "migrate", "namespace": "sensors"}}
    assert found(aws, "kubernetes:batch/v1:Job", **job) == ["sensors/migrate"]
    assert found(aws, "kubernetes:core/v1:Namespace", metadata={"name": "sensors"}) == ["sensors"]
    assert found(aws, "kubernetes:helm.sh/v3:Release", name="loki", namespace="monitoring") == ["monitoring/loki"]
    assert found(aws, "pulumi:providers:kubernetes", kubeconfig="...") == []
    assert find(aws, TAGS, "aws:s3/bucket:Bucket", {}) is None


@pytest.mark.usefixtures("aws")
def test_a_state_goes_in_and_the_mended_one_comes_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    role = {
        "urn": "urn:pulumi:dev::p::aws:iam/role:Role::api",
        "type": "aws:iam/role:Role",
        "inputs": {"name": "api-1"},
    }
    operations = [{"type": "creating", "resource": role}]
    state = {"version": 3, "deployment": {"resources": [], "pending_operations": operations}}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(state)))
    assert pending.main(["dev"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["deployment"]["resources"] == [{**role, "id": "api-1", "outputs": role["inputs"]}]
    assert printed.err == "api (aws:iam/role:Role): is api-1\n"


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("text", ["", "{}", "[]", '{"deployment": {"resources": [{}]}}'])
def test_what_is_no_state_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert pending.main(["dev"]) == 2
