"""A state takes over what was made, drops what was not, and leaves a person what nobody can look for."""

from typing import Any

from delivery.pending.state import mend

URN = "urn:pulumi:dev::sensor-analytics::"


def resource(name: str, **more: Any) -> dict[str, Any]:
    return {"urn": f"{URN}part::{name}", "type": "part", "inputs": {"name": name}, **more}


def mended(*pending: tuple[str, dict[str, Any]], resources: tuple[dict[str, Any], ...] = ()) -> tuple[Any, list[str]]:
    operations = [{"type": kind, "resource": of} for kind, of in pending]
    deployment = {"manifest": {}, "resources": list(resources), "pending_operations": operations}
    found = mend(
        {"version": 3, "deployment": deployment},
        lambda _type, inputs: None if inputs["name"] == "unknown" else inputs.get("there", ()),
    )
    assert found.state["version"] == 3
    assert found.state["deployment"]["manifest"] == {}
    return found.state["deployment"], found.lines


def test_what_is_there_is_taken_over_with_what_it_depends_on() -> None:
    subnet = resource("subnet", inputs={"name": "subnet", "there": ["subnet-1"]}, dependencies=[f"{URN}part::vpc"])
    state, messages = mended(("creating", subnet))
    assert state["resources"] == [{**subnet, "id": "subnet-1", "outputs": subnet["inputs"]}]
    assert state["pending_operations"] == []
    assert messages == ["subnet (part): is subnet-1"]


def test_what_is_not_there_is_forgotten() -> None:
    state, messages = mended(("creating", resource("subnet")))
    assert (state["resources"], state["pending_operations"]) == ([], [])
    assert messages == ["subnet (part): was not made"]


def test_what_the_state_holds_is_not_taken_over_again_nor_one_thing_for_two() -> None:
    there = {"there": ["table-1", "table-2"]}
    state, _ = mended(
        ("creating", resource("a", inputs={"name": "a", **there})),
        ("creating", resource("b", inputs={"name": "b", **there})),
        resources=(resource("public", id="table-1"),),
    )
    assert [entry.get("id") for entry in state["resources"]] == ["table-1", "table-2"]


def test_what_nobody_can_look_for_and_what_replaces_something_stays_pending() -> None:
    bucket, old = resource("unknown"), resource("group", id="sg-1")
    operations = ("creating", bucket), ("creating", resource("group")), ("updating", old), ("deleting", old)
    state, messages = mended(*operations, resources=(old,))
    assert state["resources"] == [old]
    assert [(op["type"], op["resource"]) for op in state["pending_operations"]] == list(operations)
    assert messages == ["unknown (part): left pending, look for it yourself"]
