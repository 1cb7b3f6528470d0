"""Each check catches its own bad examples, and nothing else does."""

import pytest

from policy.check import Resource, Violation, environments_of, is_production, violations
from policy.checks import ALL
from tests.policy import bad, neighbours
from tests.policy.changes import Bad, Change, change
from tests.policy.sound import Stack, sound

FORBIDDEN = {
    "network-not-joined",
    "no-iam-users",
    "no-load-balancers-of-controllers",
    "no-other-doors",
    "no-secret-in-program",
    "no-secret-made-by-program",
    "no-unseen-objects",
}
"""Checks of kinds of which there is no good example."""


def resources(stack: Stack) -> list[Resource]:
    return [Resource(type_, name, props, identity=frozenset({f"{name}_id"})) for name, (type_, props) in stack.items()]


def found(stack: Stack, *, production: bool = True, environments: tuple[str, ...] = ()) -> list[Violation]:
    return violations(ALL, resources(stack), production=production, environments=environments)


def test_a_sound_stack_breaks_no_check() -> None:
    assert found(sound()) == []


@pytest.mark.parametrize("example", bad.ALL, ids=lambda example: example.what)
def test_a_bad_example_is_caught_by_the_checks_of_its_kind_only(example: Bad) -> None:
    stack = sound()
    example.change(stack)
    assert {violation.check for violation in found(stack)} == example.checks


@pytest.mark.parametrize(("what", "to"), neighbours.GOOD, ids=[what for what, _ in neighbours.GOOD])
def test_the_nearest_good_example_is_let_through(what: str, to: Change) -> None:
    stack = sound()
    to(stack)
    assert found(stack) == []


def test_every_check_has_a_bad_example_that_it_alone_catches() -> None:
    alone = {name for example in bad.ALL if len(example.checks) == 1 for name in example.checks}
    assert {check.name for check in ALL} - alone == set()


def test_every_check_has_a_good_example() -> None:
    looked_at = {check.name for check in ALL for resource in resources(sound()) if resource.is_a(check.types)}
    missing = {check.name for check in ALL} - looked_at - FORBIDDEN
    assert missing - neighbours.OF_CHECKS == set()


def test_no_two_checks_have_one_name() -> None:
    assert len({check.name for check in ALL}) == len(ALL)


def test_no_two_bad_examples_are_called_the_same() -> None:
    assert len({example.what for example in bad.ALL}) == len(bad.ALL)


@pytest.mark.parametrize("check", [check for check in ALL if check.production_only], ids=lambda check: check.name)
def test_what_only_production_must_keep_is_not_asked_of_dev(check: object) -> None:
    for example in bad.ALL:
        if example.checks == {check.name}:  # type: ignore[attr-defined]
            stack = sound()
            example.change(stack)
            assert found(stack, production=False) == []


@pytest.mark.parametrize(
    "name", ["deploy", "redeployer-all", "previewer-all", "boundary-x", "load-balancer-controller"]
)
def test_no_name_of_a_workload_exempts_it(name: str) -> None:
    stack = sound()
    stack[name] = stack["gateway-policy"]
    change(name, "policy", to='{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}')(stack)
    assert {violation.check for violation in found(stack, environments=("dev", name))} == {
        "iam-no-wildcards",
        "iam-no-escalation",
    }


def test_production_is_what_its_configuration_protects() -> None:
    assert is_production({"protected": True})
    assert not is_production({"protected": False})
    assert not is_production({})
    assert is_production(None), "a stack whose configuration is not known must meet every demand"


def test_an_account_says_which_environments_it_deploys() -> None:
    assert environments_of({"environments": ["staging"]}) == ("staging",)
    assert environments_of(None) == ()
