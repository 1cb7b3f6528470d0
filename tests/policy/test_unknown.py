"""What a preview does not know yet is neither a finding nor forgotten."""

from collections.abc import Iterator

import pytest

from policy.check import Resource, ResourceCheck, Stack, StackCheck, examine, violations
from policy.errors import UnknownValueError
from policy.properties import Properties, UnknownProperties, any_of, is_given

UNKNOWN = UnknownProperties()


def demands_key(props: Properties) -> Iterator[str]:
    if not props.get("tagged"):
        yield "has no tag"
    if not props.get("key"):
        yield "has no key"


CHECK = ResourceCheck(name="c", description="", types=("t",), find=demands_key)


class Partly(UnknownProperties):
    """Properties of which the key is not known."""

    def __getitem__(self, key: str) -> object:
        if key == "key":
            raise UnknownValueError(key)
        raise KeyError(key)


def test_what_is_known_is_found_and_the_rest_waits() -> None:
    resources = [Resource("t", "known", {}), Resource("t", "unknown", UNKNOWN), Resource("t", "partly", Partly())]
    assert [(resource.name, text) for resource, text in examine(CHECK, Stack(resources))] == [
        ("known", "has no tag"),
        ("known", "has no key"),
        ("unknown", None),
        ("partly", "has no tag"),
        ("partly", None),
    ]
    assert {violation.resource for violation in violations([CHECK], resources, production=True)} == {"known", "partly"}


def test_one_unknown_resource_stops_no_check_of_another() -> None:
    def guarded(resource: Resource, stack: Stack) -> Iterator[str]:
        if not any_of(stack.of(("guard",)), lambda guard: guard.props.get("of") == resource.name):
            yield "has no guard"

    check = StackCheck(name="c", description="", types=("t",), find=guarded)
    resources = [
        Resource("guard", "unknown", UNKNOWN),
        Resource("t", "guarded", {}),
        Resource("t", "perhaps", {}),
        Resource("guard", "known", {"of": "guarded"}),
    ]
    assert [(resource.name, text) for resource, text in examine(check, Stack(resources))] == [("perhaps", None)]


def test_an_error_of_a_check_is_not_taken_for_an_unknown_value() -> None:
    def broken(_props: Properties) -> Iterator[str]:
        yield f"{1 // 0}"

    check = ResourceCheck(name="c", description="", types=("t",), find=broken)
    with pytest.raises(ZeroDivisionError):
        list(examine(check, Stack([Resource("t", "x", {})])))


def test_a_reference_tells_what_a_value_does_not() -> None:
    user = Resource("user", "u", UNKNOWN, references={"group": frozenset({"urn:a"})})
    assert user.refers_to(Resource("group", "a", {}, urn="urn:a"), "group")
    assert not user.refers_to(Resource("group", "b", {}, urn="urn:b"), "group")
    with pytest.raises(UnknownValueError):
        user.refers_to(Resource("group", "a", {}, urn="urn:a"), "other")


def test_a_property_is_given_though_its_value_is_not_known() -> None:
    assert is_given(UNKNOWN, "password")
    assert not is_given({}, "password")
