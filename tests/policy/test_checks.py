"""Each check catches its own bad example, and nothing else does."""

import json
from collections.abc import Callable

import pytest

from policy.check import Resource, Violation, environments_of, is_production, violations
from policy.checks import ALL
from tests.policy.examples import BAD, Stack, good, policy

STAGING = {"environments": ["staging"]}
"""What an account says of an environment that is in no file of ours."""


def resources(stack: Stack) -> list[Resource]:
    return [Resource(type_, name, props, identity=frozenset({f"{name}_id"})) for name, (type_, props) in stack.items()]


def found(stack: Stack, *, production: bool = True) -> list[Violation]:
    return violations(ALL, resources(stack), production=production)


def test_a_sound_stack_breaks_no_check() -> None:
    assert found(good()) == []


@pytest.mark.parametrize(("check", "spoil"), BAD, ids=[f"{name}-{i}" for i, (name, _) in enumerate(BAD)])
def test_one_bad_setting_is_caught_by_its_own_check_only(check: str, spoil: Callable[[Stack], None]) -> None:
    stack = good()
    spoil(stack)
    assert {violation.check for violation in found(stack)} == {check}


def test_every_check_has_a_bad_example() -> None:
    assert {name for name, _ in BAD} == {check.name for check in ALL}


def test_no_two_checks_have_one_name() -> None:
    assert len({check.name for check in ALL}) == len(ALL)


def test_what_only_production_must_keep_is_not_asked_of_dev() -> None:
    stack = good()
    stack["database"][1]["deletionProtection"] = False
    assert found(stack, production=False) == []


@pytest.mark.parametrize("workload", ["redeployer-all", "previewer-all", "boundary-x", "deploy", "deployment-tracker"])
def test_no_name_of_a_workload_exempts_it(workload: str) -> None:
    stack = good()
    # Named as the component that gives a workload its permissions names them.
    everything = {"role": workload, "policy": policy(["*"], "*")}
    stack[workload] = ("aws:iam/rolePolicy:RolePolicy", everything)
    both_sides = {
        "role": workload,
        "policy": policy(["kinesis:PutRecord", "kinesis:GetRecords"], "arn:aws:kinesis:::s"),
    }
    stack[f"{workload}-consume-readings"] = ("aws:iam/rolePolicy:RolePolicy", both_sides)
    assert {(v.check, v.resource) for v in found(stack)} == {
        ("iam-no-wildcards", workload),
        ("kinesis-one-side", f"{workload}-consume-readings"),
    }


def test_the_deploy_role_of_an_environment_is_exempt_in_the_account_that_deploys_it_alone() -> None:
    stack = good()
    everything = {"role": "deploy-staging", "policy": policy(["*"], "*")}
    stack["deploy-staging"] = ("aws:iam/rolePolicy:RolePolicy", everything)
    assert violations(ALL, resources(stack), production=True, environments=environments_of(STAGING)) == []
    assert {(v.check, v.resource) for v in found(stack)} == {("iam-no-wildcards", "deploy-staging")}


@pytest.mark.parametrize("workload", ["node-inventory", "nodes-watcher"])
def test_a_workload_may_be_named_after_nodes(workload: str) -> None:
    stack = good()
    stack[f"{workload}-role"] = ("aws:iam/role:Role", {})
    named = {"role": f"{workload}-role_id", "policy": policy(["s3:GetObject"], "arn:aws:s3:::b/k")}
    stack[workload] = ("aws:iam/rolePolicy:RolePolicy", named)
    assert found(stack) == []


@pytest.mark.parametrize("name", ["default-tools", "kube-tools", "external-secrets-of-ours"])
def test_no_name_of_a_namespace_exempts_it(name: str) -> None:
    stack = good()
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    stack[name] = ("kubernetes:core/v1:Namespace", {"metadata": {"name": name, "labels": labels}})
    assert {(v.check, v.resource) for v in found(stack)} == {
        ("namespace-pod-security", name),
        ("network-policies", name),
    }


def test_production_is_what_its_configuration_protects() -> None:
    assert is_production({"protected": True})
    assert not is_production({"protected": False})
    assert not is_production({})
    assert is_production(None), "a stack whose configuration is not known must meet every demand"


def test_the_one_public_door_is_443() -> None:
    stack = good()
    door = {"cidrIpv4": "0.0.0.0/0", "fromPort": 443, "toPort": 443}
    stack["door"] = ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", door)
    assert found(stack) == []


def test_actions_that_aws_cannot_scope_may_name_every_resource() -> None:
    stack = good()
    statement = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    stack["push"] = ("aws:iam/rolePolicy:RolePolicy", {"policy": json.dumps({"Statement": statement})})
    assert found(stack) == []
