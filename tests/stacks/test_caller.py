"""Whoever the cluster would lock out is told so before anything is made."""

import pytest
import yaml

from components.cluster.config import ClusterConfig
from stacks.caller import check_caller
from stacks.config import load_environment
from stacks.environment.foundation import admitted
from stacks.errors import StackConfigError

IAM = "arn:aws:iam::111111111111"
STS = "arn:aws:sts::111111111111"
SSO = "AWSReservedSSO_Administrator_0123456789abcdef"
CLUSTER = ClusterConfig(
    administrators=[
        f"{IAM}:role/sensor-analytics/deploy-dev",
        f"{IAM}:role/aws-reserved/sso.amazonaws.com/eu-west-1/{SSO}",
        f"{IAM}:user/anna",
    ],
    viewers=[f"{IAM}:role/preview"],
)


@pytest.mark.parametrize(
    "arn",
    [f"{STS}:assumed-role/deploy-dev/github-1", f"{STS}:assumed-role/{SSO}/anna@example.com", f"{IAM}:user/anna"],
)
def test_an_administrator_may_deploy(arn: str) -> None:
    check_caller(CLUSTER, "dev", arn, preview=False)


def test_a_viewer_may_preview_and_no_more() -> None:
    viewer = f"{STS}:assumed-role/preview/github-1"
    check_caller(CLUSTER, "dev", viewer, preview=True)
    with pytest.raises(StackConfigError):
        check_caller(CLUSTER, "dev", viewer, preview=False)


@pytest.mark.parametrize(
    ("arn", "entry"),
    [
        (f"{STS}:assumed-role/deploy-prod/github-1", f"{IAM}:role/deploy-prod"),
        ("arn:aws:sts::222222222222:assumed-role/deploy-dev/github-1", "arn:aws:iam::222222222222:role/deploy-dev"),
        (f"{IAM}:user/bert", f"{IAM}:user/bert"),
        (f"{IAM}:user/deploy-dev", f"{IAM}:user/deploy-dev"),
    ],
)
def test_anybody_else_is_told_the_yaml_to_write(arn: str, entry: str) -> None:
    with pytest.raises(StackConfigError) as refused:
        check_caller(CLUSTER, "dev", arn, preview=True)
    message = str(refused.value)
    assert message.startswith(f"{arn} is none of the administrators of the cluster that dev makes")
    written = yaml.safe_load(message.partition("Pulumi.dev.yaml:\n")[2].partition("The whole ARN")[0])
    assert written["config"]["sensor-analytics:environment"] == {"cluster": {"administrators": [entry]}}


def test_the_roles_that_deploy_and_preview_a_stack_may_enter_without_a_line_in_its_file() -> None:
    config = load_environment("prod")
    cluster = admitted(config, "prod")
    for role, preview in (("deploy-prod", False), ("preview", True)):
        check_caller(cluster, "prod", f"arn:aws:sts::{config.account}:assumed-role/{role}/github-1", preview=preview)
