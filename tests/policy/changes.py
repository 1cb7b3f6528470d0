"""How the sound stack is broken, or changed into its nearest good neighbour."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.policy.sound import Stack

Change: TypeAlias = Callable[[Stack], None]


@dataclass(frozen=True, slots=True)
class Bad:
    """What somebody did to the sound stack, and the checks that find it, no other."""

    what: str
    checks: frozenset[str]
    change: Change


def bad(what: str, checks: str, *changes: Change) -> Bad:
    return Bad(what, frozenset(checks.split()), both(*changes))


def both(*changes: Change) -> Change:
    """Return several changes as one."""

    def apply(stack: Stack) -> None:
        for part in changes:
            part(stack)

    return apply


def add(type_: str, name: str = "added", /, **props: Any) -> Change:
    """Return a change that adds a resource."""
    return lambda stack: stack.update({name: (type_, props)})


def give(name: str, /, **props: Any) -> Change:
    """Return a change of some inputs of a resource."""
    return lambda stack: stack[name][1].update(props)


def change(name: str, *path: str | int, to: Any = None) -> Change:
    """Return a change of one input of a resource; without `to` it is removed."""

    def apply(stack: Stack) -> None:
        parent: Any = stack[name][1]
        for step in path[:-1]:
            parent = parent[step]
        if to is None:
            del parent[path[-1]]
        else:
            parent[path[-1]] = to

    return apply


def merge(name: str, *path: str | int, **props: Any) -> Change:
    """Return a change of some keys deep in the inputs of a resource."""

    def apply(stack: Stack) -> None:
        target: Any = stack[name][1]
        for step in path:
            target = target[step]
        target.update(props)

    return apply


def without(name: str) -> Change:
    """Return a change that takes a resource away."""

    def apply(stack: Stack) -> None:
        del stack[name]

    return apply


def named(name: str, **more: Any) -> Mapping[str, Any]:
    """Return the metadata of a Kubernetes object in the namespace of the sound stack."""
    return {"name": name, "namespace": "sensors", **more}
