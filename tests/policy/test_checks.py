"""Each check catches its own bad example, and nothing else does."""

import json

import pytest

from policy.check import Resource, violations
from policy.checks import ALL
from tests.policy.examples import BAD, good


def resources(stack):
    return [Resource(type_, name, props, identity=frozenset({f"{name}_id"})) for name, (type_, props) in stack.items()]


def found(stack, *, production=True):
    return violations(ALL, resources(stack), production=production)


def test_a_sound_stack_breaks_no_check():
    assert found(good()) == []


@pytest.mark.parametrize(("check", "spoil"), BAD, ids=[f"{name}-{i}" for i, (name, _) in enumerate(BAD)])
def test_one_bad_setting_is_caught_by_its_own_check_only(check, spoil):
    stack = good()
    spoil(stack)
    assert {violation.check for violation in found(stack)} == {check}


def test_every_check_has_a_bad_example():
    assert {name for name, _ in BAD} == {check.name for check in ALL}


def test_no_two_checks_have_one_name():
    assert len({check.name for check in ALL}) == len(ALL)


def test_what_only_production_must_keep_is_not_asked_of_dev():
    stack = good()
    stack["database"][1]["deletionProtection"] = False
    assert found(stack, production=False) == []


def test_the_one_public_door_is_443():
    stack = good()
    door = {"cidrIpv4": "0.0.0.0/0", "fromPort": 443, "toPort": 443}
    stack["door"] = ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", door)
    assert found(stack) == []


def test_actions_that_aws_cannot_scope_may_name_every_resource():
    stack = good()
    statement = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    stack["push"] = ("aws:iam/rolePolicy:RolePolicy", {"policy": json.dumps({"Statement": statement})})
    assert found(stack) == []
