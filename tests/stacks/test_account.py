"""What an account has once."""

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pytest

from apps.catalog import CATALOG
from components.account.config import RunnersConfig
from delivery.leftovers import CALLS
from delivery.recording import Graph, RecordedResource, build
from policy.check import Resource, violations
from policy.checks import ALL
from policy.properties import as_list
from stacks.account import deploy
from stacks.config import ScheduleConfig, load_account, load_environment
from stacks.github import end_cron
from tests.stacks.stacks_under_test import account_graph, environment_graph

ISSUER = "token.actions.githubusercontent.com"
CONNECTION = "arn:aws:codeconnections:eu-west-1:111111111111:connection/01234567-89ab-cdef-0123-456789abcdef"


@dataclass(frozen=True)
class Trusted:
    """Of which environments, refs and workflows GitHub's jobs may assume a role."""

    environments: set[str]
    refs: set[str]
    workflows: set[str]


def trusted(role: RecordedResource) -> Trusted:
    statement, *_ = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Condition"].keys() == {"StringEquals", "StringLike"}
    exact, like = statement["Condition"]["StringEquals"], statement["Condition"]["StringLike"]
    assert exact[f"{ISSUER}:aud"] == "sts.amazonaws.com"
    assert exact[f"{ISSUER}:repository_id"] == "987654321"
    by_id = {s.rpartition(":")[2] for s in exact[f"{ISSUER}:sub"] if s.startswith("repo:example@1234567/")}
    assert set(exact[f"{ISSUER}:sub"]) == {
        f"repo:{repository}:environment:{of}"
        for of in by_id
        # The second is what a repository sends that was made before 2026-07-15; its id is demanded beside it.
        for repository in ("example@1234567/sensor-analytics@987654321", "example/sensor-analytics")
    }
    return Trusted(by_id, set(like[f"{ISSUER}:ref"]), set(like.get(f"{ISSUER}:job_workflow_ref", ())))


def roles_of_github(account: str) -> dict[str, Trusted]:
    roles = account_graph(account).of("aws:iam/role:Role")
    return {role.name: trusted(role) for role in roles if ISSUER in role.inputs["assumeRolePolicy"]}


DEPLOYING = "example/sensor-analytics/.github/workflows/deploy.yml"
MAIN, RELEASES = "refs/heads/main", "refs/tags/v*"


def test_dev_is_deployed_from_the_main_branch_and_previewed_for_pull_requests() -> None:
    assert roles_of_github("bootstrap") == {
        "preview": Trusted({"preview-dev"}, {MAIN, "refs/heads/proposal/*", "refs/pull/*/merge"}, set()),
        "images": Trusted({"images"}, {MAIN, RELEASES}, set()),
        "deploy-dev": Trusted({"dev", "dev-schedule"}, {MAIN}, {f"{DEPLOYING}@{MAIN}"}),
    }


def test_prod_is_deployed_from_releases_alone_and_no_pull_request_reads_it() -> None:
    assert roles_of_github("bootstrap-prod") == {
        "preview": Trusted({"preview-prod"}, {MAIN, RELEASES}, set()),
        "images": Trusted({"images"}, {MAIN, RELEASES}, set()),
        "deploy-prod": Trusted({"prod"}, {RELEASES}, {f"{DEPLOYING}@{RELEASES}"}),
    }


def with_runners(account: str) -> Graph:
    config = load_account(account).model_copy(update={"runners": RunnersConfig(connection=CONNECTION)})
    return build(lambda: deploy(config, account), stack=account)


def test_a_preview_and_a_deployment_never_run_on_one_machine() -> None:
    graph = with_runners("bootstrap")
    webhooks = {resource.name: resource.inputs for resource in graph.of("aws:codebuild/webhook:Webhook")}
    assert webhooks.keys() == {f"sensor-analytics-{purpose}-dev" for purpose in ("preview", "deploy")}
    for inputs in webhooks.values():
        assert inputs["filterGroups"] == [{"filters": [{"type": "EVENT", "pattern": "WORKFLOW_JOB_QUEUED"}]}]
    projects = {resource.name: resource.inputs for resource in graph.of("aws:codebuild/project:Project")}
    assert webhooks.keys() < projects.keys()
    assert all(not p["environment"]["privilegedMode"] and "vpcConfig" not in p for p in projects.values())


def test_a_runner_may_write_its_log_and_ask_github_and_nothing_else() -> None:
    graph = with_runners("bootstrap")
    statements = json.loads(graph.one("aws:iam/rolePolicy:RolePolicy", "github-runners-dev").inputs["policy"])[
        "Statement"
    ]
    actions = {action for statement in statements for action in statement["Action"]}
    assert {action.partition(":")[0] for action in actions} == {"codeconnections", "logs"}
    assert not [s for s in statements if "*" in s["Resource"]]


def test_dev_is_ended_by_aws_when_github_does_not() -> None:
    graph = with_runners("bootstrap")
    schedule = graph.one("aws:scheduler/schedule:Schedule").inputs
    hours = load_environment("dev").schedule
    assert hours is not None
    assert schedule["scheduleExpression"] == f"cron({end_cron(hours)})"
    assert schedule["scheduleExpressionTimezone"] == "UTC"
    project = graph.one("aws:codebuild/project:Project", "sensor-analytics-end-dev").inputs
    role = graph.one("aws:iam/role:Role", "deploy-dev")
    assert project["serviceRole"].endswith("deploy-dev")
    *_, trusting = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert trusting["Principal"] == {"Service": "codebuild.amazonaws.com"}
    assert trusting["Condition"] == {
        "StringEquals": {"aws:SourceArn": "arn:aws:codebuild:eu-west-1:111111111111:project/sensor-analytics-end-dev"}
    }


def test_the_last_end_of_a_day_as_eventbridge_writes_it() -> None:
    assert end_cron(ScheduleConfig(days=["monday", "thursday"], start="08:00", stop="11:30")) == "30 13 ? * MON,THU *"
    assert end_cron(ScheduleConfig(days=["sunday"], start="20:00", stop="22:30")) == "59 23 ? * SUN *"


def test_nothing_but_github_ends_what_has_no_schedule() -> None:
    graph = with_runners("bootstrap-prod")
    assert not [resource for resource in graph.of("aws:scheduler/schedule:Schedule") if "-end-" in resource.name]
    assert len(json.loads(graph.one("aws:iam/role:Role", "deploy-prod").inputs["assumeRolePolicy"])["Statement"]) == 1


@pytest.mark.parametrize("account", ["bootstrap", "bootstrap-prod"])
def test_an_account_with_runners_breaks_no_check(account: str) -> None:
    resources = [
        Resource(resource.type, resource.name, resource.inputs, resource.urn)
        for resource in with_runners(account).resources
        if resource.custom
    ]
    found = violations(ALL, resources, production=False, environments=load_account(account).environments)
    assert [v for v in found if "runner" in v.resource or "sensor-analytics-" in v.resource] == []


def test_a_deploy_role_makes_roles_only_under_its_path_and_within_its_boundary() -> None:
    graph = account_graph()
    policy = graph.one("aws:iam/rolePolicy:RolePolicy", "deploy-dev")
    by_sid = {statement["Sid"]: statement for statement in json.loads(policy.inputs["policy"])["Statement"]}
    creating = [s for s in by_sid.values() if "iam:CreateRole" in s["Action"]]
    assert [s["Sid"] for s in creating] == ["BoundedRoles"]
    assert creating[0]["Resource"] == ["arn:aws:iam::111111111111:role/sensor-analytics/dev/*"]
    assert creating[0]["Condition"] == {
        "StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::111111111111:policy/sensor-analytics/dev-boundary"}
    }
    assert graph.one("aws:iam/policy:Policy", "dev-boundary").inputs["path"] == "/sensor-analytics/"


def test_a_deploy_role_can_lift_no_boundary_and_reach_no_role_of_another_stack() -> None:
    policy = account_graph("bootstrap-prod").one("aws:iam/rolePolicy:RolePolicy", "deploy-prod")
    for statement in json.loads(policy.inputs["policy"])["Statement"]:
        identity = [action for action in statement["Action"] if action.startswith("iam:")]
        assert not {"iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary", "iam:*"} & set(identity)
        if identity and not statement["Sid"].endswith("ServiceLinkedRoles"):
            # The account's role that starts its jobs it hands to schedules, and cannot change.
            handed = ["starter-prod"] if identity == ["iam:PassRole"] else []
            roles = [f"arn:aws:iam::222222222222:role/sensor-analytics/{name}" for name in ("prod/*", *handed)]
            assert statement["Resource"] == roles


def test_a_deploy_role_writes_the_state_of_its_own_stack_alone() -> None:
    policy = account_graph().one("aws:iam/rolePolicy:RolePolicy", "deploy-dev-state")
    writing = [s for s in json.loads(policy.inputs["policy"])["Statement"] if "s3:PutObject" in s["Action"]]
    assert [path for s in writing for path in s["Resource"] if "/sensor-analytics/dev" not in path] == []


def test_a_preview_reads_states_but_no_secrets_and_no_readings() -> None:
    graph = account_graph()
    (denied,) = json.loads(graph.one("aws:iam/rolePolicy:RolePolicy", "preview-no-contents").inputs["policy"])[
        "Statement"
    ]
    assert denied["Effect"] == "Deny"
    assert {"kinesis:GetRecords", "secretsmanager:GetSecretValue"} <= set(denied["Action"])
    reads = json.loads(graph.one("aws:iam/rolePolicy:RolePolicy", "preview-state").inputs["policy"])["Statement"]
    assert {action for s in reads for action in s["Action"]} == {"s3:ListBucket", "s3:GetObject", "kms:Decrypt"}


def test_every_image_of_the_platform_has_a_repository() -> None:
    repositories = {resource.inputs["name"] for resource in account_graph().of("Repository")}
    assert repositories == {f"sensor-analytics/{image}" for image in CATALOG.images}


@pytest.mark.parametrize(("account", "environment"), [("bootstrap", "dev"), ("bootstrap-prod", "prod")])
def test_load_balancers_write_into_the_bucket_of_the_account_and_nobody_else_does(
    account: str, environment: str
) -> None:
    logs = environment_graph(environment).one("LoadBalancer").inputs["accessLogs"]
    policy = account_graph(account).one("aws:s3/bucketPolicy:BucketPolicy", "access-logs").inputs["policy"]
    (writing,) = [s for s in json.loads(policy)["Statement"] if s["Effect"] == "Allow"]
    assert writing["Principal"] == {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}
    number = load_account(account).account
    assert writing["Resource"] == [f"arn:aws:s3:::{logs['bucket']}/{logs['prefix']}/AWSLogs/{number}/*"]


def test_the_state_cannot_be_destroyed_by_mistake() -> None:
    graph = account_graph()
    buckets = graph.of("aws:s3/bucket:Bucket")
    assert {resource.name: resource.protect for resource in buckets} == {"state": True, "access-logs": True}
    assert next(resource for resource in graph.of("aws:kms/key:Key") if resource.name == "state").protect


def test_a_first_preview_works_although_nothing_is_known() -> None:
    assert len(account_graph(preview=True).resources) == len(account_graph().resources)


@pytest.mark.parametrize(("account", "environment"), [("bootstrap", "dev"), ("bootstrap-prod", "prod")])
def test_who_takes_a_stack_down_may_delete_what_it_left(account: str, environment: str) -> None:
    allowed = {
        action
        for policy in account_graph(account).of("aws:iam/rolePolicy:RolePolicy")
        if policy.inputs["role"] == f"deploy-{environment}"
        for statement in json.loads(policy.inputs["policy"])["Statement"]
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
    }
    assert [call for call in CALLS if not any(fnmatchcase(call, action) for action in allowed)] == []
