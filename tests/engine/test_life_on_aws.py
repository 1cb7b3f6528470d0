"""Dev, prod and the account live on the real AWS provider, against an emulator of AWS: made and taken down.

Beyond the rehearsal without AWS it shows that the provider takes every argument, that IAM holds exactly the declared
needs, and that the gateway and the ingestor work with the names that the deployment exports.
"""

import json
import shutil
import socket
from urllib.parse import unquote

import pulumi.automation as auto
import pytest

from apps.catalog import SERVICES, TASKS
from apps.platform.service import Connect, Consume, Need, Produce, Renew
from stacks.config import written
from tests.engine.passing import send_a_reading
from tests.support import aws_emulator, control_plane, engine
from tests.support.engine import Rehearsal
from tests.support.stand_ins import charts

LACKING = [
    *engine.missing(),
    *control_plane.missing(),
    *([] if engine.has_aws() else ["pulumi-resource-aws"]),
    *([] if shutil.which("kubectl") else ["kubectl"]),
]

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]

ACTIONS = {
    Produce: {"kinesis:PutRecord", "kinesis:PutRecords", "kms:GenerateDataKey"},
    Consume: {
        "kinesis:DescribeStream",
        "kinesis:DescribeStreamSummary",
        "kinesis:GetRecords",
        "kinesis:GetShardIterator",
        "kinesis:ListShards",
        "kms:Decrypt",
    },
    Connect: {"rds-db:connect"},
    Renew: {"secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "kms:Decrypt", "kms:GenerateDataKey"},
}


FORGETS = {"aws:ec2/flowLog:FlowLog", "aws:eks/nodeGroup:NodeGroup", "aws:kinesis/stream:Stream"}
"""What the emulator tells otherwise: a flow log's role, a node group's launch template, a stream's tags."""


def test_dev_lives_on_the_real_provider_and_leaves_nothing(tmp_path, postgres_server):
    config = written("dev", "environment")
    with (
        control_plane.running(tmp_path) as kubeconfig,
        aws_emulator.running(tmp_path / "aws", config["account"]) as aws,
    ):
        rehearsal = Rehearsal(tmp_path / "rehearsal", kubeconfig, real_aws=True, environment=aws.environment())
        mirror = {"mirror": str(charts.write(tmp_path / "charts"))}
        stack = rehearsal.stack("dev", "environment", {**config, "charts": mirror, "emulator": aws.url})
        exported = {name: output.value for name, output in stack.up().outputs.items()}
        assert_iam_holds_exactly_the_declared_needs(aws, exported["cluster"])
        assert_the_stream_is_encrypted_with_our_key(aws, exported["stream"])
        assert send_a_reading(aws, exported, postgres_server, tmp_path) == 21.5
        assert changed_types(stack) <= FORGETS
        stack.destroy()
        assert left(aws) == []


def test_prod_is_made_by_the_real_provider(tmp_path):
    config = written("prod", "environment")
    with (
        control_plane.running(tmp_path) as kubeconfig,
        aws_emulator.running(tmp_path / "aws", config["account"]) as aws,
    ):
        zone = aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="rehearsal")["HostedZone"]
        rehearsal = Rehearsal(tmp_path / "rehearsal", kubeconfig, real_aws=True, environment=aws.environment())
        changes = {
            "emulator": aws.url,
            "charts": {"mirror": str(charts.write(tmp_path / "charts"))},
            "ingress": {**config["ingress"], "zone_id": zone["Id"].rpartition("/")[2]},
        }
        stack = rehearsal.stack("prod", "environment", {**config, **changes})
        assert stack.up().outputs["url"].value == "https://sensors.example.com"


def changed_types(stack):
    """The types of what another deployment changes."""
    changed = set()

    def note(event):
        step = event.resource_pre_event
        if step and step.metadata.op not in {auto.OpType.SAME, auto.OpType.READ}:
            changed.add(step.metadata.type)

    stack.up(on_event=note)
    return changed


def left(aws):
    """What of a stack the emulator still holds. Keys wait for their deletion by design."""
    ec2, iam = aws.client("ec2"), aws.client("iam")
    vpcs = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    roles = [role["RoleName"] for role in iam.list_roles(PathPrefix="/sensor-analytics/")["Roles"]]
    streams = aws.client("kinesis").list_streams()["StreamNames"]
    databases = [made["DBInstanceIdentifier"] for made in aws.client("rds").describe_db_instances()["DBInstances"]]
    clusters = aws.client("eks").list_clusters()["clusters"]
    balancers = [made["LoadBalancerName"] for made in aws.client("elbv2").describe_load_balancers()["LoadBalancers"]]
    secrets = [made["Name"] for made in aws.client("secretsmanager").list_secrets()["SecretList"]]
    logs = [made["logGroupName"] for made in aws.client("logs").describe_log_groups()["logGroups"]]
    return [*vpcs, *roles, *streams, *databases, *clusters, *balancers, *secrets, *logs]


def assert_iam_holds_exactly_the_declared_needs(aws, cluster):
    eks, iam = aws.client("eks"), aws.client("iam")
    for declaration in (*SERVICES, *TASKS):
        wanted = {action for need in declaration.needs for action in wanted_by(need)}
        found = eks.list_pod_identity_associations(
            clusterName=cluster, namespace="sensors", serviceAccount=declaration.name
        )["associations"]
        assert len(found) == bool(wanted), declaration.name
        for association in found:
            made = eks.describe_pod_identity_association(
                clusterName=cluster, associationId=association["associationId"]
            )["association"]
            role = made["roleArn"].rpartition("/")[2]
            assert actions_of(iam, role) == wanted, declaration.name
            assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []


def assert_the_stream_is_encrypted_with_our_key(aws, name):
    stream = aws.client("kinesis").describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert stream["EncryptionType"] == "KMS"
    assert "readings" in aws.client("kms").describe_key(KeyId=stream["KeyId"])["KeyMetadata"]["Description"]


def actions_of(iam, role: str) -> set[str]:
    allowed = set()
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        read = document if isinstance(document, dict) else json.loads(unquote(document))
        for statement in read["Statement"]:
            allowed |= set(statement["Action"])
    return allowed


def wanted_by(need: Need) -> set[str]:
    return ACTIONS.get(type(need), set())


def hosts_lead_here(account: str) -> bool:
    """S3 Control puts the account before the host's name."""
    try:
        return socket.gethostbyname(f"{account}.localhost") == "127.0.0.1"
    except OSError:
        return False


def test_the_account_wide_stack_is_made_by_the_real_provider_and_cannot_be_lost(tmp_path):
    config = written("bootstrap", "bootstrap")
    if not hosts_lead_here(config["account"]):
        pytest.skip(f"the hosts file needs the line: 127.0.0.1 {config['account']}.localhost")
    with aws_emulator.running(tmp_path / "aws", config["account"]) as aws:
        rehearsal = Rehearsal(tmp_path / "rehearsal", tmp_path, real_aws=True, environment=aws.environment())
        stack = rehearsal.stack("bootstrap", "bootstrap", {**config, "emulator": aws.url})
        stack.up()
        assert set(stack.up().summary.resource_changes) == {"same"}
        bucket = aws.client("s3").list_buckets()["Buckets"][0]["Name"]
        assert aws.client("s3").get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        with pytest.raises(auto.CommandError, match="protect"):
            stack.destroy()
