"""What a check is: a name, what it demands, and a pure function that finds what breaks it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

Properties: TypeAlias = Mapping[str, Any]
"""A resource's inputs, named as Pulumi names them on the wire (camelCase)."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as the engine knows it.

    `identity`: what other resources may call it by (id, name, ARN). `references`: the URNs that each property refers
    to, where the engine tells.
    """

    type: str
    name: str
    props: Properties
    urn: str = ""
    identity: frozenset[str] = frozenset()
    references: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def refers_to(self, other: "Resource", name: str) -> bool:
        """Tell whether property `name` is another resource's id, name or ARN."""
        # References first: in a preview the value may not be known yet.
        return other.urn in self.references.get(name, frozenset()) or self.props.get(name) in other.identity


@dataclass(frozen=True, slots=True)
class ResourceCheck:
    """A demand on each resource of some types, known before it is made. Yields what is wrong with it."""

    name: str
    description: str
    types: tuple[str, ...]
    find: Callable[[Properties], Iterator[str]]
    production_only: bool = False
    exempt: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Type and name of each resource that need not meet the demand -> the reason.

    `{environment}` in a name stands for each environment that the account's configuration names.
    """

    def applies_to(self, type_: str, name: str, *, production: bool, environments: Sequence[str] = ()) -> bool:
        """Tell whether a resource must meet the demand; `environments`: those that the stack's account deploys."""
        in_force = production or not self.production_only
        exempt = {(of, each) for of, pattern in self.exempt for each in for_each(environments, pattern)}
        return in_force and type_ in self.types and (type_, name) not in exempt


@dataclass(frozen=True, slots=True)
class StackCheck:
    """A demand on resources together. Yields each offender with what is wrong."""

    name: str
    description: str
    find: Callable[[Sequence[Resource]], Iterator[tuple[Resource, str]]]


Check: TypeAlias = ResourceCheck | StackCheck


@dataclass(frozen=True, slots=True)
class Violation:
    """What a check found."""

    check: str
    resource: str
    text: str


def violations(
    checks: Iterable[Check], resources: Sequence[Resource], *, production: bool, environments: Sequence[str] = ()
) -> list[Violation]:
    """Run checks over the resources of a stack."""
    found = []
    for check in checks:
        if isinstance(check, StackCheck):
            offenders = until_unknown(partial(check.find, resources))
            found += [Violation(check.name, resource.name, text) for resource, text in offenders]
        else:
            for resource in resources:
                if check.applies_to(resource.type, resource.name, production=production, environments=environments):
                    texts = until_unknown(partial(check.find, resource.props))
                    found += [Violation(check.name, resource.name, text) for text in texts]
    return found


class UnknownValueError(Exception):
    """A value that is not known yet, by the name that the engine's own error has."""


class UnknownProperties(Mapping[str, Any]):
    """The properties of a resource of which a preview shows none, because its provider is not made yet.

    Each look at one raises UnknownValueError: that nothing is known must not read as that nothing is there.
    """

    def __getitem__(self, key: str) -> Any:
        raise UnknownValueError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def until_unknown(find: Callable[[], Iterator[T]]) -> Iterator[T]:
    """Yield what a check finds; in a preview it ends at the first value that is not known yet.

    The engine raises UnknownValueError there, of a class that pulumi-policy does not export.
    """
    try:
        yield from find()
    except Exception as error:
        if type(error).__name__ != "UnknownValueError":
            raise


def is_production(environment: Properties | None) -> bool:
    """Tell whether a stack's configuration protects it; one that is not known is held to every demand."""
    return environment is None or bool(environment.get("protected"))


def environments_of(account: Properties | None) -> tuple[str, ...]:
    """Return the environments that an account deploys, by its configuration; none for a stack of another kind."""
    return tuple(as_list(account.get("environments"))) if account else ()


def for_each(environments: Iterable[str], pattern: str) -> Iterator[str]:
    """Yield a name with each environment put in where it says `{environment}`; any other name as it is."""
    if "{environment}" not in pattern:
        yield pattern
        return
    for environment in environments:
        yield pattern.format(environment=environment)


def of_type(resources: Iterable[Resource], *types: str) -> Iterator[Resource]:
    """Yield the resources of some types."""
    return (resource for resource in resources if resource.type in types)


def get_path(value: Any, *path: str | int) -> Any:
    """Follow keys and indices down; None where the way ends."""
    for step in path:
        if isinstance(step, int) and isinstance(value, Sequence) and len(value) > step:
            value = value[step]
        elif isinstance(value, Mapping):
            value = value.get(step)
        else:
            return None
    return value


def as_list(value: Any) -> list[Any]:
    """Return a value as a list, as policy documents allow both."""
    if value is None:
        return []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def document(value: Any) -> Properties:
    """Return a JSON document that may still be text."""
    read = json.loads(value) if isinstance(value, str) else value
    return read if isinstance(read, Mapping) else {}


def statements(value: Any) -> Iterator[Properties]:
    """Yield the statements of an IAM policy document."""
    for statement in as_list(document(value).get("Statement")):
        if isinstance(statement, Mapping):
            yield statement
