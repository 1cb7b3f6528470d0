"""What outlives a stack, and whether it can still be found and used then."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from delivery import recording
from delivery.recording import Graph, aws_finds, build
from stacks import environment
from stacks.config import load_environment
from stacks.errors import LoginSecretError, RetainedMissingError
from stacks.retained import SECRETS, name_of, retained_names
from tests.stacks.stacks_under_test import account_graph, environment_graph

IN = pytest.mark.parametrize(("stack", "account"), [("dev", "bootstrap"), ("prod", "bootstrap-prod")])
STACKS = pytest.mark.parametrize("stack", ["dev", "prod"])
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
KEY, SECRET = "aws:kms/key:Key", "aws:secretsmanager/secret:Secret"


@IN
def test_the_account_keeps_what_its_environment_looks_for(stack: str, account: str) -> None:
    graph, names = account_graph(account), retained_names(stack)
    assert f"alias/{names.key}" in {resource.inputs["name"] for resource in graph.of("aws:kms/alias:Alias")}
    assert {resource.inputs["name"] for resource in graph.of(SECRET)} == set(names.secrets.values())
    groups = {resource.inputs["name"] for resource in graph.of(LOG_GROUP)}
    own = ("/aws/emr-serverless/", "/aws/sagemaker/")
    assert {name for name in groups if not name.startswith(own)} == set(names.log_groups)


@IN
def test_nothing_that_outlives_an_environment_goes_by_a_line_less_in_a_file(stack: str, account: str) -> None:
    graph = account_graph(account)
    (retained,) = [resource for resource in graph.of("components:account:Retained") if resource.name == stack]
    inside = [resource for resource in graph.inside(retained) if resource.custom]
    assert {resource.type for resource in inside} == {KEY, "aws:kms/alias:Alias", SECRET, LOG_GROUP}
    assert [resource.name for resource in inside if not resource.protect] == []
    waiting = {
        resource.inputs.get("deletionWindowInDays") or resource.inputs.get("recoveryWindowInDays")
        for resource in inside
    }
    assert waiting == {30, None}


@STACKS
def test_an_environment_makes_nothing_that_must_outlive_it(stack: str) -> None:
    """What a person typed, what reads a snapshot, and what AWS makes anew after its deletion."""
    assert [
        resource.name for resource in environment_graph(stack).resources if resource.type in {KEY, SECRET, LOG_GROUP}
    ] == []


@IN
def test_whatever_logs_by_itself_logs_where_the_account_says_for_how_long(stack: str, account: str) -> None:
    """EKS and RDS make a log group that is not there: without our key, for ever, and in nobody's state."""
    log_groups = {resource.inputs["name"]: resource.inputs for resource in account_graph(account).of(LOG_GROUP)}
    written = set(logging(environment_graph(stack)))
    assert len(written) >= 4
    assert written <= log_groups.keys()
    assert all(log_groups[name]["retentionInDays"] == 30 and log_groups[name]["kmsKeyId"] for name in written)


def logging(graph: Graph) -> list[str]:
    """Every log group into which something of a stack writes, by AWS's own rules for its name."""
    clusters = [
        resource.inputs for resource in graph.of("eks:index:Cluster") if resource.inputs["enabledClusterLogTypes"]
    ]
    databases = [resource.inputs for resource in graph.of("aws:rds/instance:Instance")]
    return [
        *(f"/aws/eks/{resource['name']}/cluster" for resource in clusters),
        *(
            f"/aws/rds/instance/{resource['identifier']}/{log}"
            for resource in databases
            for log in resource["enabledCloudwatchLogsExports"]
        ),
        *(
            resource.inputs["logDestination"].partition(":log-group:")[2]
            for resource in graph.of("aws:ec2/flowLog:FlowLog")
        ),
    ]


@STACKS
def test_what_stays_of_a_database_can_be_read_as_long_as_it_is_kept(stack: str) -> None:
    """The protection is lifted before a stack is taken down: what reads the last snapshot is not of that stack."""
    lifted = load_environment(stack).model_copy(update={"protected": False})
    graph = build(lambda: environment.deploy(lifted, stack), stack=stack)
    database = graph.one("aws:rds/instance:Instance", "database").inputs
    assert not database["skipFinalSnapshot"]
    assert database["finalSnapshotIdentifier"].endswith("-final")
    assert database["kmsKeyId"].endswith(f":key/{retained_names(stack).key}")


@STACKS
def test_an_environment_that_its_account_does_not_know_is_told_so(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = {f"alias/{retained_names(stack).key}", f"sensor-analytics/{stack}/{next(iter(SECRETS)).name}"}

    def finds(token: str, arguments: Mapping[str, Any]) -> Any:
        if lacking & {str(value) for value in arguments.values()}:
            return {}, [("", "couldn't find resource")]
        return aws_finds(token, arguments)

    monkeypatch.setattr(recording, "aws_finds", finds)
    with pytest.raises(RetainedMissingError) as refused:
        build(lambda: environment.deploy(load_environment(stack), stack), stack=stack)
    message = str(refused.value)
    assert all(name in message for name in lacking)
    assert message.count("couldn't find resource") == len(lacking)
    assert f"Name {stack} under `environments`" in message


def test_a_login_whose_secret_nobody_put_in_is_told_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def finds(token: str, arguments: Mapping[str, Any]) -> Any:
        if arguments.get("name") == "sensor-analytics/prod/login":
            return {}, [("", "couldn't find resource")]
        return aws_finds(token, arguments)

    monkeypatch.setattr(recording, "aws_finds", finds)
    with pytest.raises(LoginSecretError) as refused:
        build(lambda: environment.deploy(load_environment("prod"), "prod"), stack="prod")
    assert "the secret sensor-analytics/prod/login cannot be used: " in str(refused.value)
    assert "couldn't find resource" in str(refused.value)
    assert "aws secretsmanager create-secret --name sensor-analytics/prod/login" in str(refused.value)


def test_a_login_whose_secret_the_deploy_role_may_not_read_is_told() -> None:
    config = load_environment("prod")
    assert config.ingress.login
    login = config.ingress.login.model_copy(update={"client_secret_name": "example/login"})
    elsewhere = config.model_copy(update={"ingress": config.ingress.model_copy(update={"login": login})})
    with pytest.raises(LoginSecretError, match="whose name begins with sensor-analytics/prod/login"):
        build(lambda: environment.deploy(elsewhere, "prod"), stack="prod")


def snapshot(name: str, at: str, status: str = "available") -> dict[str, str]:
    return {"dbSnapshotIdentifier": name, "snapshotCreateTime": at, "status": status}


@pytest.mark.parametrize(
    ("left", "begins_with"),
    [
        ([], None),
        ([snapshot("a-final", "2026-11-24T11:00:00Z"), snapshot("b-final", "2026-11-25T11:00:00Z")], "b-final"),
        ([snapshot("a-final", "2026-11-24T11:00:00Z"), snapshot("mine", "2026-11-25T11:00:00Z")], "a-final"),
        (
            [snapshot("a-final", "2026-11-24T11:00:00Z"), snapshot("b-final", "2026-11-25T11:00:00Z", "failed")],
            "a-final",
        ),
    ],
    ids=["none yet", "the newest", "not one that a person made", "only a whole one"],
)
def test_dev_comes_back_with_its_last_snapshot(
    left: list[dict[str, str]], begins_with: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for = []

    def finds(token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if token == "aws:rds/getSnapshots:getSnapshots":
            asked_for.append(arguments)
            return {"snapshots": left}
        return aws_finds(token, arguments)

    monkeypatch.setattr(recording, "aws_finds", finds)
    config = load_environment("dev")
    graph = build(lambda: environment.deploy(config, "dev"))
    database = graph.one("aws:rds/instance:Instance", "database")
    assert database.inputs.get("snapshotIdentifier") == begins_with
    assert "snapshotIdentifier" in database.ignore_changes, "a newer snapshot must not replace a database that runs"
    (arguments,) = asked_for
    assert arguments["dbInstanceIdentifier"] == database.inputs["identifier"] == name_of("dev")


def test_a_database_that_leaves_no_snapshot_cannot_come_back_with_one() -> None:
    config = load_environment("dev")
    with pytest.raises(ValueError, match="restore_latest needs final_snapshot"):
        type(config.database)(restore_latest=True)


def test_no_two_lives_of_a_stack_leave_a_snapshot_of_the_same_name() -> None:
    """RDS refuses a second snapshot of a name; the subnet group is called anew in each life."""
    graph = environment_graph("dev")
    group = graph.one("aws:rds/subnetGroup:SubnetGroup")
    assert "name" not in group.inputs
    name = graph.one("aws:rds/instance:Instance", "database").inputs["finalSnapshotIdentifier"]
    assert name == f"{name_of('dev')}-{group.outputs['name']}-final"


@pytest.mark.parametrize("account", ["bootstrap", "bootstrap-prod"])
def test_the_budget_counts_everything_in_the_account(account: str) -> None:
    """It is there while dev is not, and sees what carries no tag."""
    budget = account_graph(account).one("aws:budgets/budget:Budget").inputs
    assert "costFilters" not in budget
    assert {note["notificationType"] for note in budget["notifications"]} == {"ACTUAL", "FORECASTED"}


def test_the_policy_of_an_environments_key_lets_cloudwatch_write_the_logs() -> None:
    key = account_graph().one(KEY, "dev")
    services = [s["Principal"].get("Service") for s in json.loads(key.inputs["policy"])["Statement"]]
    assert "logs.eu-west-1.amazonaws.com" in services
