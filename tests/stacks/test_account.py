"""What an account has once."""

import json
from fnmatch import fnmatchcase

import pytest

from apps.catalog import CATALOG
from delivery.leftovers import CALLS
from delivery.recording import RecordedResource
from policy.properties import as_list
from stacks.config import load_account
from tests.stacks.stacks_under_test import account_graph, environment_graph

ISSUER = "token.actions.githubusercontent.com"


def trusted_subjects(role: RecordedResource) -> set[str]:
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert statement["Condition"].keys() == {"StringEquals"}
    exact = statement["Condition"]["StringEquals"]
    assert exact[f"{ISSUER}:aud"] == "sts.amazonaws.com"
    assert exact[f"{ISSUER}:repository_id"] == "987654321"
    return set(exact[f"{ISSUER}:sub"])


@pytest.mark.parametrize("account", ["bootstrap", "bootstrap-prod"])
def test_each_role_is_assumed_by_one_environment_of_one_repository_by_its_ids(account: str) -> None:
    deploys = {f"deploy-{environment}": environment for environment in load_account(account).environments}
    roles = {role.name: trusted_subjects(role) for role in account_graph(account).of("aws:iam/role:Role")}
    assert roles == {
        name: {
            f"repo:example@1234567/sensor-analytics@987654321:environment:{of}",
            # What a repository sends that was made before 2026-07-15; its id is demanded beside it.
            f"repo:example/sensor-analytics:environment:{of}",
        }
        for name, of in {"preview": "preview", "images": "images", **deploys}.items()
    }


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
            assert statement["Resource"] == ["arn:aws:iam::222222222222:role/sensor-analytics/prod/*"]


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
    repositories = {made.inputs["name"] for made in account_graph().of("Repository")}
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
    assert {made.name: made.protect for made in buckets} == {"state": True, "access-logs": True}
    assert next(made for made in graph.of("aws:kms/key:Key") if made.name == "state").protect


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
