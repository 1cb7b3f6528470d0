"""What an emulator of AWS that asks IAM lets the roles of deployments and previews do, and what it refuses."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from delivery.pending.finders import FINDERS, find
from tests.support import aws_emulator, deployer, retained
from tests.support.aws_emulator import Emulator

ROLE_OF_DEV = {"RoleName": "pods", "Path": "/sensor-analytics/dev/", "AssumeRolePolicyDocument": "{}"}
BOUNDARY = {"PermissionsBoundary": "arn:aws:iam::111111111111:policy/sensor-analytics/dev-boundary"}
LOGS = "/aws/eks/sensor-analytics-dev/cluster"
RECEIVERS = "sensor-analytics/dev/receivers"

WORDS = """
addonName clusterName domainName identifier name namespace nodeGroupName policyArn principalArn resourceArn role
serviceAccount type webAclArn zoneId
"""
INPUTS: dict[str, Any] = dict.fromkeys(WORDS.split(), "asked") | {
    "cidrBlock": "10.0.0.0/16",
    "destinationCidrBlock": "0.0.0.0/0",
    "listenerArn": "arn:aws:elasticloadbalancing:eu-west-1:111111111111:listener/app/ingress/1/1",
    "loadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/app/ingress/1",
    "port": 80,
    "priority": 1,
    "routeTableId": "rtb-1",
    "scope": "REGIONAL",
    "securityGroupId": "sg-1",
    "serviceName": "s3",
    "subnetId": "subnet-1",
    "vpcId": "vpc-1",
}

Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder: Path = tmp_path_factory.mktemp("aws")
    with aws_emulator.running(folder, "111111111111", asks_iam=True) as emulator:
        retained.make(emulator, "dev")
        yield emulator


@pytest.fixture(scope="module")
def client(aws: Emulator) -> Client:
    """Makes boto3 clients that work as the role `deploy-dev`."""
    return partial(client_of, aws, deployer.environment(aws, "bootstrap", "dev"))


@pytest.fixture(scope="module")
def looking(aws: Emulator) -> Client:
    """Makes boto3 clients that work as the role `preview`."""
    return partial(client_of, aws, deployer.preview(aws, "bootstrap"))


def client_of(aws: Emulator, lent: Mapping[str, str], service: str) -> Any:
    return boto3.Session().client(
        service,  # type: ignore[call-overload] # which service is only known when a test runs
        region_name=lent["AWS_REGION"],
        endpoint_url=aws.url,
        aws_access_key_id=lent["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=lent["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=lent["AWS_SESSION_TOKEN"],
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client("ec2").create_vpc(CidrBlock="10.0.0.0/16"),
        lambda client: client("kms").describe_key(KeyId="alias/sensor-analytics/dev"),
        lambda client: client("secretsmanager").describe_secret(SecretId=RECEIVERS),
        lambda client: client("logs").describe_log_groups(logGroupNamePrefix=LOGS),
        lambda client: client("iam").create_role(**ROLE_OF_DEV, **BOUNDARY),
    ],
)
def test_a_deployment_may_make_its_stack_and_find_what_outlives_it(
    client: Client, call: Callable[[Client], Any]
) -> None:
    call(client)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client("secretsmanager").get_secret_value(SecretId=RECEIVERS),
        lambda client: client("secretsmanager").delete_secret(SecretId=RECEIVERS),
        lambda client: client("logs").delete_log_group(logGroupName=LOGS),
        lambda client: client("kms").schedule_key_deletion(KeyId="alias/sensor-analytics/dev"),
        lambda client: client("kms").create_key(),
        lambda client: client("s3").create_bucket(Bucket="elsewhere"),
        lambda client: client("iam").create_role(**ROLE_OF_DEV | {"RoleName": "free"}),
        lambda client: client("iam").create_role(**ROLE_OF_DEV | {"RoleName": "free", "Path": "/"}, **BOUNDARY),
        lambda client: client("iam").create_user(UserName="another"),
        lambda client: client("iam").delete_role_policy(RoleName="deploy-dev", PolicyName="deploy-dev"),
    ],
)
def test_it_may_do_no_harm_beside_its_stack(client: Client, call: Callable[[Client], Any]) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        call(client)


@pytest.mark.parametrize("kind", FINDERS)
def test_it_may_look_for_what_a_killed_deployment_was_making(client: Client, kind: str) -> None:
    assert find(client, {"stack": "dev"}, kind, INPUTS) is not None


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client("ec2").describe_subnets(),
        lambda client: client("eks").list_clusters(),
        lambda client: client("iam").list_roles(),
        lambda client: client("kms").describe_key(KeyId="alias/sensor-analytics/dev"),
        lambda client: client("rds").describe_db_snapshots(),
        lambda client: client("secretsmanager").describe_secret(SecretId=RECEIVERS),
    ],
)
def test_a_preview_may_look(looking: Client, call: Callable[[Client], Any]) -> None:
    call(looking)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client("ec2").create_vpc(CidrBlock="10.0.0.0/16"),
        lambda client: client("iam").create_role(**ROLE_OF_DEV, **BOUNDARY),
        lambda client: client("kinesis").get_records(ShardIterator="any"),
        lambda client: client("secretsmanager").get_secret_value(SecretId=RECEIVERS),
    ],
)
def test_a_preview_changes_nothing_and_reads_no_contents(looking: Client, call: Callable[[Client], Any]) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied|UnauthorizedOperation"):
        call(looking)
