"""Dev, prod and the account live on the real AWS provider, against an emulator of AWS: previewed, interrupted, resumed,
left alone, changed and taken down, under the policy pack.

Beyond the rehearsal without AWS it shows that the provider takes every argument, that IAM holds exactly the declared
needs, and that the gateway and the ingestor work with the names that the deployment exports.
"""

import json
import socket
from itertools import pairwise
from pathlib import Path
from typing import Any

import pulumi.automation as auto
import pytest

from apps.platform.needs import Connect, Consume, MeasureDatabase, Need, Produce, RotateSecret
from components.cluster.controllers import AUTOSCALERS
from devtools.postgres import Postgres
from stacks.config import load_environment, read_stack_file
from stacks.environment import wanted
from tests.engine.beside_the_cluster import (
    assert_forecasts_run_on_machines_that_reach_the_database_alone,
    assert_reports_read_their_archive_alone,
    assert_whoever_asks_the_archive_reads_no_more_than_a_question_may,
    assert_whoever_starts_forecasts_passes_on_their_machines_alone,
)
from tests.engine.conftest import Harness
from tests.engine.passing import send_a_reading
from tests.engine.permissions import permissions_of
from tests.support import engine, policy_pack, retained
from tests.support.aws_emulator import Emulator
from tests.support.engine import (
    Rehearsal,
    assert_it_refuses_to_go,
    changes,
    destroy,
    interrupt,
    resources,
    with_other_image,
)
from tests.support.stand_ins import charts

LACKING = engine.missing_with_aws()

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(bool(LACKING), reason=f"not on PATH: {', '.join(LACKING)}"),
]

ACTIONS: dict[type[Need], set[str]] = {
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
    MeasureDatabase: {"rds-db:connect", "cloudwatch:GetMetricData"},
    RotateSecret: {
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    },
}

CLIENT_SECRET = "what-the-identity-provider-gave-out"

PACKS = [str(policy_pack.PACK)]


def test_dev_lives_on_the_real_provider_and_leaves_nothing(
    harness: Harness, kubeconfig: Path, mirror: Path, postgres_server: Postgres, tmp_path: Path
) -> None:
    config = read_stack_file("dev", "environment")
    aws, rehearsal = harness(config, kubeconfig)
    retained.make(aws, "dev")
    before = left(aws)
    older = {**config["cluster"], "version": "1.34"}
    # The provider that is rehearsed with is older than the one that is locked, and lists no snapshots.
    empty = {**config["database"], "restore_latest": False}
    config |= {"charts": {"mirror": str(mirror)}, "emulator": aws.url, "cluster": older, "database": empty}
    charts.write_chart(mirror, AUTOSCALERS["1.34"])
    stack = rehearsal.stack("dev", "environment", config)
    exported = assert_it_is_made_in_two_goes(stack, "aws:eks/nodeGroup:NodeGroup")
    assert_iam_holds_exactly_the_declared_needs(aws, exported["cluster"])
    assert_only_who_deploys_and_who_previews_may_enter(aws, exported["cluster"], "deploy-dev")
    assert_the_stream_is_encrypted_with_our_key(aws, exported["stream"])
    assert send_a_reading(aws, exported, postgres_server, tmp_path) == 21.5
    assert_a_new_image_changes_one_workload(rehearsal, "dev", config)
    charts.write_chart(mirror, AUTOSCALERS["1.35"])
    assert_a_new_version_and_more_nodes_arrive_in_order(aws, rehearsal, with_other_image(config, "api"))
    destroy(stack)
    assert left(aws) == before


@pytest.mark.parametrize("kubeconfig", ["prod"], indirect=True)
def test_prod_lives_on_the_real_provider_and_leaves_its_last_snapshot(
    harness: Harness, kubeconfig: Path, mirror: Path
) -> None:
    config = read_stack_file("prod", "environment")
    aws, rehearsal = harness(config, kubeconfig)
    retained.make(aws, "prod")
    # Whoever previews does not need it, and whoever deploys never sees it.
    login = {"Name": config["ingress"]["login"]["client_secret_name"], "SecretString": CLIENT_SECRET}
    aws.client("secretsmanager").create_secret(**login)
    before = left(aws)
    zone = aws.client("route53").create_hosted_zone(Name="example.com", CallerReference="rehearsal")["HostedZone"]
    ingress = {**config["ingress"], "zone_id": zone["Id"].rpartition("/")[2]}
    config |= {"charts": {"mirror": str(mirror)}, "emulator": aws.url, "ingress": ingress}
    stack = rehearsal.stack("prod", "environment", config)
    exported = assert_it_is_made_in_two_goes(stack, "aws:rds/instance:Instance")
    assert exported["url"] == "https://sensors.example.com"
    assert_people_log_in_with_a_secret_that_the_state_does_not_hold(aws, stack)
    assert_forecasts_run_on_machines_that_reach_the_database_alone(aws, "prod")
    assert_a_new_image_changes_one_workload(rehearsal, "prod", config)
    assert_it_refuses_to_go(stack)
    stack = rehearsal.stack("prod", "environment", {**config, "protected": False})
    # No longer protected, no longer production: the pack lets it go.
    stack.up(policy_packs=PACKS)
    destroy(stack)
    assert left(aws) == before
    (snapshot,) = aws.client("rds").describe_db_snapshots()["DBSnapshots"]
    assert snapshot["DBSnapshotIdentifier"].endswith("-final")


@pytest.mark.parametrize("account", ["bootstrap", "bootstrap-prod"])
def test_an_account_lives_on_the_real_provider_and_is_hard_to_lose(harness: Harness, account: str) -> None:
    config = read_stack_file(account, "bootstrap")
    if not hosts_lead_here(config["account"]):
        pytest.skip(f"the hosts file needs the line: 127.0.0.1 {config['account']}.localhost")
    aws, rehearsal = harness(config)
    stack = rehearsal.stack(account, "bootstrap", {**config, "emulator": aws.url})
    assert_it_is_made_in_two_goes(stack, "aws:iam/role:Role")
    if account == "bootstrap-prod":
        assert_whoever_starts_forecasts_passes_on_their_machines_alone(aws, "prod")
        assert_reports_read_their_archive_alone(aws, "prod")
        assert_whoever_asks_the_archive_reads_no_more_than_a_question_may(aws, "prod")
    for bucket in aws.client("s3").list_buckets()["Buckets"]:
        assert aws.client("s3").get_bucket_versioning(Bucket=bucket["Name"])["Status"] == "Enabled"
    with pytest.raises(auto.CommandError, match="protect"):
        stack.destroy()
    rehearsal.unprotect(stack)
    destroy(stack)
    assert left(aws) == []


def assert_it_is_made_in_two_goes(stack: auto.Stack, interrupted_at: str) -> dict[str, Any]:
    """Preview a stack, make half of it, then the rest, and see that nothing is left to do; return what it exports."""
    assert set(stack.preview(policy_packs=PACKS).change_summary) == {auto.OpType.CREATE}
    interrupt(stack, interrupted_at, policy_packs=PACKS)
    result = stack.up(policy_packs=PACKS)
    assert changes(result).keys() <= {"create"}, "what was made before the interruption was not kept"
    assert 0 < changes(result)["create"] < len(resources(stack))
    assert changes(stack.up(policy_packs=PACKS)) == {}, "a second deployment must change nothing"
    return {name: output.value for name, output in result.outputs.items()}


def assert_people_log_in_with_a_secret_that_the_state_does_not_hold(aws: Emulator, stack: auto.Stack) -> None:
    balancers = aws.client("elbv2")
    (balancer,) = balancers.describe_load_balancers()["LoadBalancers"]
    (listener,) = balancers.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    rules = balancers.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    behind = [
        rule for rule in rules if [action["Type"] for action in rule["Actions"]] == ["authenticate-oidc", "forward"]
    ]
    assert sorted(rule["Conditions"][0]["Values"][0] for rule in behind) == ["/*", "/api"]
    assert CLIENT_SECRET not in json.dumps(stack.export_stack().deployment)


def assert_a_new_image_changes_one_workload(rehearsal: Rehearsal, name: str, config: dict[str, Any]) -> None:
    changed = rehearsal.stack(name, "environment", with_other_image(config, "api"))
    assert changes(changed.up(policy_packs=PACKS)) == {"update": 1}


def assert_a_new_version_and_more_nodes_arrive_in_order(
    aws: Emulator, rehearsal: Rehearsal, config: dict[str, Any]
) -> None:
    """Raise Kubernetes by a minor version, and the fewest nodes above those that are there."""
    raised = {**config["cluster"], "version": "1.35"}
    raised["nodes"] = {**config["cluster"]["nodes"], "minimum": 3}
    events: list[tuple[str, str]] = []

    def note(event: auto.EngineEvent) -> None:
        begun, done = event.resource_pre_event, event.res_outputs_event
        for word, step in (("begins", begun), ("done", done)):
            if step and step.metadata.op == auto.OpType.UPDATE:
                events.append((word, step.metadata.urn.rpartition("::")[2]))

    rehearsal.stack("dev", "environment", {**config, "cluster": raised}).up(policy_packs=PACKS, on_event=note)
    on_nodes = [f"cluster-{name}" for name in ("eks-pod-identity-agent", "vpc-cni", "kube-proxy")]
    nodes, in_pods = "cluster-nodes-eu-west-1a", ["cluster-coredns", "cluster-aws-ebs-csi-driver"]
    order = [["cluster-eksCluster"], on_nodes, [nodes], in_pods, ["cluster-autoscaler"]]
    assert {name for _, name in events} == {name for step in order for name in step}
    for earlier, later in pairwise(order):
        assert max(events.index(("done", name)) for name in earlier) < min(
            events.index(("begins", name)) for name in later
        )
    eks = aws.client("eks")
    (group,) = eks.list_nodegroups(clusterName="sensor-analytics-dev")["nodegroups"]
    nodegroup = eks.describe_nodegroup(clusterName="sensor-analytics-dev", nodegroupName=group)["nodegroup"]
    assert (nodegroup["version"], nodegroup["scalingConfig"]) == (
        "1.35",
        {"minSize": 3, "maxSize": 4, "desiredSize": 3},
    )


def left(aws: Emulator) -> list[str]:
    """What of a stack the emulator still holds. Keys wait for their deletion by design."""
    ec2, iam = aws.client("ec2"), aws.client("iam")
    vpcs = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    roles = [role["RoleName"] for role in iam.list_roles(PathPrefix="/sensor-analytics/")["Roles"]]
    streams = aws.client("kinesis").list_streams()["StreamNames"]
    databases = [item["DBInstanceIdentifier"] for item in aws.client("rds").describe_db_instances()["DBInstances"]]
    clusters = aws.client("eks").list_clusters()["clusters"]
    balancers = [item["LoadBalancerName"] for item in aws.client("elbv2").describe_load_balancers()["LoadBalancers"]]
    secrets = [item["Name"] for item in aws.client("secretsmanager").list_secrets()["SecretList"]]
    logs = [item["logGroupName"] for item in aws.client("logs").describe_log_groups()["logGroups"]]
    buckets = [item["Name"] for item in aws.client("s3").list_buckets()["Buckets"]]
    images = [item["repositoryName"] for item in aws.client("ecr").describe_repositories()["repositories"]]
    rules = [item["StackName"] for item in aws.client("cloudformation").describe_stacks()["Stacks"]]
    acls = [item["Name"] for item in aws.client("wafv2").list_web_acls(Scope="REGIONAL")["WebACLs"]]
    schedules = [item["Name"] for item in aws.client("scheduler").list_schedules()["Schedules"]]
    applications = [item["name"] for item in aws.client("emr-serverless").list_applications()["applications"]]
    tables = [item["Name"] for item in aws.client("glue").get_databases()["DatabaseList"]]
    return [
        *schedules,
        *applications,
        *tables,
        *rules,
        *acls,
        *vpcs,
        *roles,
        *streams,
        *databases,
        *clusters,
        *balancers,
        *secrets,
        *logs,
        *buckets,
        *images,
    ]


def assert_iam_holds_exactly_the_declared_needs(aws: Emulator, cluster: str) -> None:
    eks = aws.client("eks")
    for declaration in wanted(load_environment("dev")).declarations:
        actions = {action for need in declaration.needs for action in wanted_by(need)}
        found = eks.list_pod_identity_associations(
            clusterName=cluster, namespace="sensors", serviceAccount=declaration.name
        )["associations"]
        assert len(found) == bool(actions), declaration.name
        for association in found:
            described = eks.describe_pod_identity_association(
                clusterName=cluster, associationId=association["associationId"]
            )["association"]
            assert set(permissions_of(aws, described["roleArn"])) == actions, declaration.name


def assert_only_who_deploys_and_who_previews_may_enter(aws: Emulator, cluster: str, deploys: str) -> None:
    eks = aws.client("eks")
    access = eks.describe_cluster(name=cluster)["cluster"]["accessConfig"]
    assert access == {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
    entries = set(eks.list_access_entries(clusterName=cluster)["accessEntries"])
    assert entries == {f"arn:aws:iam::{aws.account}:role/sensor-analytics/{name}" for name in (deploys, "preview")}


def assert_the_stream_is_encrypted_with_our_key(aws: Emulator, name: str) -> None:
    stream = aws.client("kinesis").describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
    assert stream["EncryptionType"] == "KMS"
    assert "data" in aws.client("kms").describe_key(KeyId=stream["KeyId"])["KeyMetadata"]["Description"]


def wanted_by(need: Need) -> set[str]:
    return ACTIONS.get(type(need), set())


def hosts_lead_here(account: str) -> bool:
    """S3 Control puts the account before the host's name."""
    try:
        return socket.gethostbyname(f"{account}.localhost") == "127.0.0.1"
    except OSError:
        return False
