"""What an emulator of AWS that asks IAM lets the role of a deployment do, and what it refuses."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support import aws_emulator, deployer, retained

ROLE_OF_DEV = {"RoleName": "pods", "Path": "/sensor-analytics/dev/", "AssumeRolePolicyDocument": "{}"}
BOUNDARY = {"PermissionsBoundary": "arn:aws:iam::111111111111:policy/sensor-analytics/dev-boundary"}
LOGS = "/aws/eks/sensor-analytics-dev/cluster"
RECEIVERS = "sensor-analytics/dev/receivers"

Client = Callable[[str], Any]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Makes boto3 clients that work as the role `deploy-dev`."""
    folder: Path = tmp_path_factory.mktemp("aws")
    with aws_emulator.running(folder, "111111111111", asks_iam=True) as aws:
        retained.make(aws, "dev")
        lent = deployer.environment(aws, "bootstrap", "dev")

        def make(service: str) -> Any:
            return boto3.Session().client(
                service,  # type: ignore[call-overload] # which service is only known when a test runs
                region_name=lent["AWS_REGION"],
                endpoint_url=aws.url,
                aws_access_key_id=lent["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=lent["AWS_SECRET_ACCESS_KEY"],
                aws_session_token=lent["AWS_SESSION_TOKEN"],
            )

        yield make


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
